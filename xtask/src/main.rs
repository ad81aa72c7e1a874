//! The command line of `cargo xtask`.

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus};
use xtask::commands::{self, Workspace};
use xtask::{clients, fuzz, postgres, reference, suite};

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
    /// Writes `docs/reference`: `$metadata` and the OpenAPI document, as the program prints them
    Reference,
    /// Fuzzes what strangers send, and holds it against what must be true of it
    Fuzz(fuzz::Options),
    /// Runs other people's client libraries against the server, as `test` does at its end
    Clients(clients::Options),
    /// Starts a PostgreSQL server for tests, and runs a command beside it
    Postgres(postgres::Options),
    /// Measures the release server beside its yardsticks (`bench --help` lists the options)
    #[command(disable_help_flag = true)]
    Bench {
        /// Handed to the benchmark as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    run(Cli::parse().task).unwrap_or_else(|error| commands::exit(Err(error)))
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match task {
        Task::Test(options) => suite::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Task::Reference => reference::run(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Fuzz(options) => fuzz::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Task::Clients(options) => match clients::run(&workspace, &options)? {
            (_, 0) => Ok(ExitCode::SUCCESS),
            _ => Ok(ExitCode::FAILURE),
        },
        Task::Postgres(options) => postgres::run(&workspace, &options).map(handed_on),
        Task::Bench { arguments } => bench(&workspace, &arguments),
    }
}

/// Builds the benchmark in release, since the load generator must be cheap too, and runs it. It
/// tells itself what went wrong; its exit code is handed on.
fn bench(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let build = ["build", "--release", "--package", "xtask", "--features", "bench", "--bins"];
    commands::run(workspace.cargo().args(build))?;
    let program = workspace.target.join("release").join("bench");
    let status = workspace.command(program).args(arguments).status()?;
    Ok(handed_on(status))
}

/// The exit code of a command as ours; a signal counts as failure.
fn handed_on(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
