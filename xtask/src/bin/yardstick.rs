//! The yardsticks as a server of their own: see `xtask::bench::yardstick`.

use clap::Parser as _;
use std::process::ExitCode;
use xtask::bench::yardstick::{Options, serve};
use xtask::commands::exit;

#[tokio::main]
async fn main() -> ExitCode {
    exit(serve(Options::parse()).await)
}
