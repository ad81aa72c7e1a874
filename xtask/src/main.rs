//! The command line of `cargo xtask`.

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;
use xtask::commands::{self, Workspace};
use xtask::suite;

/// Tasks of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks everything: format, lints, licences, tests, documentation
    Test(suite::Options),
    /// Measures the release server beside its yardsticks (`bench --help` lists the options)
    #[command(disable_help_flag = true)]
    Bench {
        /// Handed to the benchmark as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    commands::exit(run(Cli::parse().task))
}

fn run(task: Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Test(options) => suite::run(&workspace, &options),
        Task::Bench { arguments } => bench(&workspace, &arguments),
    }
}

/// Builds the benchmark in release, since the load generator must be cheap too, and runs it.
fn bench(workspace: &Workspace, arguments: &[OsString]) -> Result<()> {
    let build = ["build", "--release", "--package", "xtask", "--features", "bench", "--bins"];
    commands::run(workspace.cargo().args(build))?;
    let program = workspace.target.join("release").join("bench");
    let status = workspace.command(program).args(arguments).status()?;
    if !status.success() {
        bail!("the benchmark did not end well ({status}); what went wrong is said above");
    }
    Ok(())
}
