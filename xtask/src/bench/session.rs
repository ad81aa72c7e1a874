//! A whole benchmark: builds the server, starts it and its yardsticks anew for each size, and
//! keeps every run.

use crate::bench::connection::Target;
use crate::bench::keys::{AUDIENCE, ISSUER, Issuer};
use crate::bench::measure::{self, Endpoint, Pair};
use crate::bench::options::Options;
use crate::bench::postgres;
use crate::bench::process::{Server, free_address};
use crate::bench::report::{Report, SizeReport};
use crate::commands::{self, Workspace};
use anyhow::{Context as _, Result, bail};
use model::{Clock as _, SystemClock};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs the benchmark, prints its tables on standard output, and writes every run as JSON.
pub async fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the benchmark reads the kernel's counts below /proc: it runs on Linux only");
    }
    let server = binary(workspace, options.server.as_deref())?;
    let yardstick = std::env::current_exe()?.with_file_name("yardstick");
    let kept = workspace.target.join("bench");
    fs::create_dir_all(&kept).with_context(|| format!("{} cannot be made", kept.display()))?;
    let at = SystemClock.now().to_seconds_string();
    let mut report = Report {
        at: format!("{at}Z"),
        commit: commit(workspace),
        machine: machine(),
        options: options.clone(),
        sizes: Vec::new(),
    };
    for &rows in &options.rows {
        eprintln!("\n{rows} events");
        // Not in the system's temporary folder, which may be memory: syncs must reach a disk.
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(&kept)?;
        report.sizes.push(if options.postgres {
            postgres::at_size(&server, folder.path(), rows, options).await?
        } else {
            at_size(&server, &yardstick, folder.path(), rows, options).await?
        });
    }
    println!("{}", report.tables());
    let file = kept.join(format!("{}.json", at.replace(['-', ':'], "")));
    fs::write(&file, serde_json::to_vec_pretty(&report)?).with_context(|| format!("{}", file.display()))?;
    eprintln!("every run: {}", file.display());
    let failures: Vec<String> = report.failures().collect();
    if !failures.is_empty() {
        bail!("wrong answers:\n{}", failures.join("\n"));
    }
    Ok(())
}

/// The program that is measured: the one that is given, or one that is built.
pub(crate) fn binary(workspace: &Workspace, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(file) = given {
        return fs::canonicalize(file).with_context(|| format!("--server {}", file.display()));
    }
    commands::run(workspace.cargo().args(["build", "--release", "--package", "spillwatch"]))?;
    Ok(workspace.target.join("release").join("spillwatch"))
}

async fn at_size(server: &Path, yardstick: &Path, folder: &Path, rows: u64, options: &Options) -> Result<SizeReport> {
    let issuer = Issuer::generate()?;
    let key = folder.join("issuer.pem");
    fs::write(&key, &issuer.public_pem)?;
    let token = issuer.token()?;

    let address = free_address()?;
    let log = folder.join("yardstick.log");
    let mut command = yardstick_command(yardstick, address, &folder.join("yardstick"), &key);
    let yardstick = Server::start("the yardstick", &mut command, address, &log).await?;
    let address = free_address()?;
    let log = folder.join("spillwatch.log");
    let mut command = server_command(server, address, &key);
    command.arg("--data").arg(folder.join("spillwatch"));
    let server = Server::start("spillwatch", &mut command, address, &log).await?;

    let endpoint = |server: &Server| Endpoint {
        target: Target { address: server.address, token: Some(token.clone()) },
        pid: server.pid(),
    };
    let pair = Pair { server: endpoint(&server), yardstick: endpoint(&yardstick) };
    let told = measure::size(&pair, rows, options).await;
    if told.as_ref().map_or(true, |report| !report.failures.is_empty()) {
        eprintln!("the last that spillwatch said:\n{}", server.last_words());
    }
    told
}

/// A command that settings of the shell that starts the benchmark do not reach: they are none of its business.
pub(crate) fn without_settings(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPILLWATCH_") {
            command.env_remove(name);
        }
    }
    command
}

/// The command line of the server but for its store.
pub(crate) fn server_command(program: &Path, address: SocketAddr, key: &Path) -> Command {
    let mut command = without_settings(program);
    let issuer = format!("issuer={ISSUER},keys={},audience={AUDIENCE},tenant=first", key.display());
    command.args(["serve", "--listen", &address.to_string(), "--issuer", &issuer]);
    command
}

/// The command line of the yardsticks.
pub fn yardstick_command(program: &Path, address: SocketAddr, data: &Path, key: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--listen", &address.to_string()]);
    command.arg("--data").arg(data).arg("--key").arg(key);
    command
}

pub(crate) fn commit(workspace: &Workspace) -> String {
    let git = |arguments: &[&str]| commands::output(workspace.command("git").args(arguments));
    let Ok(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "unknown (no git here)".into();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_ok_and(|text| !text.is_empty());
    format!("{}{}", commit.trim(), if changed { " with changes" } else { "" })
}

pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {}, Linux {}", model.unwrap_or("an unnamed processor"), kernel.trim())
}
