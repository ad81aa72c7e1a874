//! The benchmark that `cargo xtask bench` builds and runs in release.

use clap::Parser as _;
use std::process::ExitCode;
use xtask::bench::options::{Options, Other};
use xtask::bench::{queue, scan, session};
use xtask::commands::{Workspace, exit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let work = async {
        let workspace = Workspace::find()?;
        match &options.other {
            Some(Other::Scan(options)) => scan::run(&workspace, options),
            Some(Other::Queue(options)) => queue::run(&workspace, options).await,
            None => session::run(&workspace, &options).await,
        }
    };
    exit(work.await)
}
