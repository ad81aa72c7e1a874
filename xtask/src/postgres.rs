//! `cargo xtask postgres`: a PostgreSQL server for as long as a command runs, or until Ctrl-C.

use crate::commands::Workspace;
use crate::tools;
use anyhow::{Context as _, Result};
use clap::Args;
use postgres_cluster::{Cluster, SERVER_VARIABLE};
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};

/// What to start, and what to run beside it.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Commits are on the disk before they are answered; for measurements
    #[arg(long)]
    durable: bool,
    /// Runs with `SPILLWATCH_TEST_POSTGRES` set to the server's URL; without it, the URL is printed and
    /// the server runs until Ctrl-C
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Starts a server, runs the command, and tells how that ended. The server ends with it, and also when
/// this process is ended in the meantime.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitStatus> {
    tools::postgres(workspace)?;
    let cluster = start(options.durable)?;
    let Some((program, arguments)) = options.command.split_first() else {
        println!("{}", cluster.server_url());
        eprintln!("{SERVER_VARIABLE} takes this URL; Ctrl-C ends the server");
        loop {
            std::thread::park();
        }
    };
    let mut command = workspace.command(program);
    command.args(arguments).current_dir(std::env::current_dir()?).stdin(Stdio::inherit());
    let status = command.env(SERVER_VARIABLE, cluster.server_url()).status();
    status.with_context(|| format!("`{}` does not start", program.to_string_lossy()))
}

/// Starts a server; says where it is.
pub fn start(durable: bool) -> Result<Cluster> {
    let options = if durable { postgres_cluster::Options::durable() } else { postgres_cluster::Options::fast() };
    let cluster = Cluster::start(&options).context("PostgreSQL does not start")?;
    eprintln!("PostgreSQL runs at {}, its data and log in {}", cluster.server_url(), cluster.folder().display());
    Ok(cluster)
}
