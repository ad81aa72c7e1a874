//! `cargo xtask fuzz`: looks for inputs for which something does not hold that must, by libFuzzer. It
//! takes no nightly toolchain: coverage counters are options of code generation, and what would need
//! nightly, the sanitizers, looks for misuse of memory, for which there is `unsafe_code = "deny"`.

use crate::commands::{self, Workspace};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

/// How the code is built, as cargo-fuzz builds it.
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
                     -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What libFuzzer calls a failure, besides panics: seconds for one input, megabytes altogether.
const LIMITS: [&str; 2] = ["-timeout=2", "-rss_limit_mb=2048"];

/// What to fuzz.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The targets, which lie in `fuzz/fuzz_targets`; all of them without any
    targets: Vec<String>,
    /// How long each is fuzzed
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// The longest input that is tried, in bytes
    #[arg(long, value_name = "N", default_value_t = 8192)]
    longest: u32,
    /// Afterwards replaces `fuzz/corpus` by as few inputs as reach the same code
    #[arg(long)]
    keep: bool,
}

/// Builds the targets and fuzzes one after the other. A finding does not keep the others from being
/// fuzzed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let folder = workspace.root.join("fuzz");
    let known = targets(&folder)?;
    if let Some(unknown) = options.targets.iter().find(|name| !known.contains(name)) {
        bail!("there is no target {unknown}; there are {}", known.join(", "));
    }
    let chosen = if options.targets.is_empty() { &known } else { &options.targets };
    let host = host(workspace)?;
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--target", &host]).env("RUSTFLAGS", FLAGS);
    build.arg("--manifest-path").arg(folder.join("Cargo.toml")).arg("--target-dir").arg(folder.join("target"));
    for name in chosen {
        build.args(["--bin", name]);
    }
    commands::run(&mut build)?;

    let programs = folder.join("target").join(host).join("release");
    let mut failed = Vec::new();
    for name in chosen {
        let target = Target { workspace, folder: &folder, program: programs.join(name), name };
        if let Err(error) = target.fuzz(options) {
            eprintln!("{name}: {error:#}");
            failed.push(name.as_str());
        } else if options.keep {
            target.keep()?;
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "found something: {}; the inputs lie in fuzz/artifacts, and a program takes one as its argument",
        failed.join(", ")
    )
}

/// The names of all targets.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.join("fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// What the compiler calls this machine: given by name, it gets the flags, and build scripts do not.
fn host(workspace: &Workspace) -> Result<String> {
    let answer = commands::output(workspace.command("rustc").arg("-vV"))?;
    let host = answer.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` does not name its host")?.to_owned())
}

struct Target<'a> {
    workspace: &'a Workspace,
    folder: &'a Path,
    program: PathBuf,
    name: &'a str,
}

impl Target<'_> {
    /// The inputs that are kept with the source.
    fn corpus(&self) -> PathBuf {
        self.folder.join("corpus").join(self.name)
    }

    /// The inputs that runs on this machine have found.
    fn grown(&self) -> PathBuf {
        self.folder.join("target/grown").join(self.name)
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.workspace.command(&self.program);
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            command.env("TMPDIR", memory); // a store that syncs to a disk would be waited for
        }
        command
    }

    fn fuzz(&self, options: &Options) -> Result<()> {
        let artifacts = self.folder.join("artifacts");
        fs::create_dir_all(&artifacts)?;
        fs::create_dir_all(self.grown())?;
        let mut command = self.command();
        command.args(LIMITS).args(["-print_final_stats=1", "-verbosity=0"]);
        command.arg(format!("-max_total_time={}", options.seconds)).arg(format!("-max_len={}", options.longest));
        command.arg(format!("-dict={}", self.folder.join("dictionary.txt").display()));
        command.arg(format!("-artifact_prefix={}-", artifacts.join(self.name).display()));
        commands::run(command.arg(self.grown()).arg(self.corpus()))
    }

    /// Chooses as few inputs as reach every branch that all of them reach.
    fn keep(&self) -> Result<()> {
        let chosen = self.folder.join("target/chosen").join(self.name);
        if chosen.is_dir() {
            fs::remove_dir_all(&chosen)?;
        }
        fs::create_dir_all(&chosen)?;
        let mut command = self.command();
        // Where a branch is taken counts, and not how often.
        command.args(["-set_cover_merge=1", "-use_counters=0", "-verbosity=0"]);
        commands::run(command.arg(&chosen).arg(self.corpus()).arg(self.grown()))?;
        fs::remove_dir_all(self.corpus())?;
        fs::create_dir_all(self.corpus())?;
        for file in fs::read_dir(&chosen)? {
            let file = file?;
            fs::copy(file.path(), self.corpus().join(file.file_name()))?;
        }
        Ok(())
    }
}
