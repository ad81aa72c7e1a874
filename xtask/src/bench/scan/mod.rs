//! `cargo xtask bench scan`: a scan of a combo list beside `wc -l` and ripgrep.
//!
//! Everything runs in turn, on material in the system's cache, in one run: so that ratios are those of one machine at
//! one time. One core means one core for all of a program's threads.
//!
//! | beside | what it does |
//! |---|---|
//! | `wc -l` | reads the material and counts line feeds: the least that anything that sees every line must do |
//! | `rg -F -c -f` | looks for the same addresses, and tells in how many lines one is; verifies nothing |
//!
//! A scan that counts other lines than were written, or finds other pairs than were planted, is a failure and no figure.

pub mod instructions;
pub mod material;
pub mod options;
pub mod report;
pub mod run;

use crate::bench::session::{commit, machine, without_settings};
use crate::commands::{self, Workspace};
use crate::tools;
use anyhow::{Context as _, Result, bail, ensure};
use material::{Directory, Written};
use model::{Clock as _, SystemClock};
use options::ScanOptions;
use report::{Report, Scan, Size, Turn};
use run::run as measured;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is measured, and where it lies.
struct Bench {
    program: PathBuf,
    rg: PathBuf,
    folder: PathBuf,
    directory: Directory,
}

/// Runs the benchmark, prints its table on standard output, and writes every run as JSON.
pub fn run(workspace: &Workspace, options: &ScanOptions) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the benchmark pins programs to cores and reads /proc: it runs on Linux only");
    }
    let program = crate::bench::session::binary(workspace, options.server.as_deref())?;
    let rg = if options.instructions { PathBuf::new() } else { tools::RIPGREP.obtain(workspace)? };
    let kept = workspace.target.join("bench");
    fs::create_dir_all(&kept).with_context(|| format!("{} cannot be made", kept.display()))?;
    let temporary = tempfile::Builder::new().prefix("scan-").tempdir_in(&kept)?;
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let folder = std::path::absolute(folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    // Callgrind makes a program fifty times slower: a start with many users would take most of it.
    let users = if options.instructions { options.users.min(1_000) } else { options.users };
    let directory = Directory { users, is_public: options.public, has_bare_names: options.bare_names };
    let bench = Bench { program, rg, folder, directory };
    bench.import()?;
    if options.instructions {
        return bench.instructions(workspace);
    }
    let at = SystemClock.now().to_seconds_string();
    let mut report = Report {
        at: format!("{at}Z"),
        commit: commit(workspace),
        machine: machine(),
        options: options.clone(),
        sizes: Vec::new(),
    };
    for &bytes in &options.sizes {
        report.sizes.push(bench.size(bytes, options)?);
    }
    println!("{}", report.tables(directory));
    let file = kept.join(format!("scan-{}.json", at.replace(['-', ':'], "")));
    fs::write(&file, serde_json::to_vec_pretty(&report)?).with_context(|| format!("{}", file.display()))?;
    eprintln!("every run: {}", file.display());
    Ok(())
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn spillwatch(&self) -> Command {
        let mut command = without_settings(&self.program);
        command.current_dir(&self.folder);
        command
    }

    /// Makes the directory and takes it over into a store.
    fn import(&self) -> Result<()> {
        let (users, data) = (self.path("users.csv"), self.path("data"));
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("{}", data.display()))?;
        }
        self.directory.write_users(&users)?;
        self.directory.write_identities(&self.path("identities.txt"))?;
        eprintln!("importing {} users", self.directory.users);
        let mut import = self.spillwatch();
        import.args(["users", "import"]).arg(&users).arg("--data").arg(&data);
        commands::output(&mut import).map(drop)
    }

    fn material(&self, name: &str, bytes: u64) -> Result<(PathBuf, Written)> {
        let file = self.path(name);
        let written = self.directory.write_material(&file, bytes)?;
        Ok((file, written))
    }

    fn scan(&self, file: &Path, threads: usize) -> Command {
        let mut command = self.spillwatch();
        command.args(["scan", "--dry-run", "--json", "--threads", &threads.to_string()]);
        command.arg("--data").arg(self.path("data")).arg(file);
        command
    }

    fn size(&self, bytes: u64, options: &ScanOptions) -> Result<Size> {
        eprintln!("writing {bytes} bytes");
        let (file, written) = self.material("material.txt", bytes)?;
        let (line, one) = self.material("line.txt", 1)?;
        let rg_bytes = options.rg_bytes.min(bytes);
        let (part, of_part) = self.material("part.txt", rg_bytes)?;
        warm(&file)?;
        let mut turns = Vec::new();
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        for turn in 0..options.reps {
            let mut wc = Command::new("wc");
            let ran = measured(wc.arg("-l").arg(&file), 1, &[0])?;
            let counted = ran.output.split_whitespace().next().and_then(|count| count.parse::<u64>().ok());
            ensure!(counted == Some(written.lines), "wc counts {counted:?} lines, and {} were written", written.lines);
            let mut scans = Vec::new();
            for cores in [1, 2].into_iter().filter(|cores| *cores <= all) {
                let start = self.checked(&line, one, cores)?;
                let ran = self.checked(&file, written, cores)?;
                scans.push(Scan { cores, seconds: ran.seconds, start: start.seconds, peak: ran.peak });
            }
            let begin = self.ripgrep(&line, one)?;
            let ripgrep = self.ripgrep(&part, of_part)?;
            let rg = begin + (ripgrep - begin) * (written.bytes as f64 / of_part.bytes as f64);
            let shown: Vec<String> =
                scans.iter().map(|scan| format!("{:.2} s on {}", scan.seconds, scan.cores)).collect();
            eprintln!("turn {}: wc {:.2} s, rg {rg:.1} s, scan {}", turn + 1, ran.seconds, shown.join(", "));
            turns.push(Turn { wc: ran.seconds, rg, scans });
        }
        if options.folder.is_none() {
            fs::remove_file(&file)?; // the next is larger yet
        }
        Ok(Size { written, rg_bytes: of_part.bytes, turns })
    }

    /// Scans a file, and fails unless its lines and its pairs are those that were written.
    fn checked(&self, file: &Path, written: Written, cores: usize) -> Result<run::Ran> {
        let ran = measured(&mut self.scan(file, cores), cores, &[0])?;
        let summary = ran.output.lines().next_back().unwrap_or_default(); // behind what it told on the way
        let told: serde_json::Value =
            serde_json::from_str(summary).with_context(|| format!("a scan's report is no JSON: {}", ran.output))?;
        for (name, right) in [("lines", written.lines), ("current", written.planted), ("bytes", written.bytes)] {
            ensure!(told[name] == right, "a scan tells {name} {}, and {right} were written", told[name]);
        }
        Ok(ran)
    }

    /// The seconds of ripgrep on one core; it must find the lines of users.
    fn ripgrep(&self, file: &Path, written: Written) -> Result<f64> {
        let mut command = without_settings(&self.rg);
        command.args(["--no-config", "--fixed-strings", "--count", "--include-zero", "--file"]);
        command.arg(self.path("identities.txt")).arg(file);
        let ran = measured(&mut command, 1, &[0, 1])?;
        let counted = ran.output.trim().parse::<u64>().ok();
        // Somebody else's longer name may end in a user's.
        ensure!(
            counted.is_some_and(|counted| counted >= written.of_users),
            "rg finds {counted:?} lines, and {} are of users",
            written.of_users
        );
        Ok(ran.seconds)
    }

    fn instructions(&self, workspace: &Workspace) -> Result<()> {
        let [small, large] = instructions::SIZES;
        let (small, few) = self.material("small.txt", small)?;
        let (large, many) = self.material("large.txt", large)?;
        instructions::count(workspace, |file| self.scan(file, 1), &[(&small, few), (&large, many)])?;
        println!("{} on commit {}", instructions::version(workspace), commit(workspace));
        Ok(())
    }
}

/// Reads a file once, so that it is in the system's cache as far as there is room.
fn warm(file: &Path) -> Result<()> {
    let mut stream = fs::File::open(file).with_context(|| format!("{}", file.display()))?;
    std::io::copy(&mut stream, &mut std::io::sink())?;
    Ok(())
}
