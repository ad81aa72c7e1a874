//! The benchmark that `cargo xtask bench` builds and runs in release.

use clap::Parser as _;
use std::process::ExitCode;
use xtask::bench::{options::Options, session};
use xtask::commands::{Workspace, exit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    exit(async { session::run(&Workspace::find()?, &options).await }.await)
}
