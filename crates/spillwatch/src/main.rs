//! The `spillwatch` command: options, wiring, and sub-commands without logic of their own.

mod cli;
mod commands;
mod config;
mod database_url;
mod desk;
mod error;
mod exchange;
mod hardening;
mod instance;
mod logging;
mod operator_key;
mod output;
mod secret_file;
mod signals;
mod table;
mod vault;
mod verifier_keys;

use cli::{Cli, Command};
use error::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let unprotected = hardening::harden(); // before anything is read
    match run(unprotected) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(unprotected: Vec<String>) -> Result<(), Failure> {
    let (cli, warnings) = config::parse(std::env::args_os().collect())?;
    logging::start(&cli.global)?;
    for warning in unprotected.into_iter().chain(warnings) {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(command(cli));
    // A thread that still waits for its input, as that of a scan that was told to stop, is not waited for.
    runtime.shutdown_background();
    done
}

async fn command(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Serve(options) => commands::serve::run(global, *options).await,
        Command::Token(options) => commands::token::run(global, options).await,
        Command::Tenants(action) => commands::tenants::run(global, action).await,
        Command::Apps(action) => commands::apps::run(global, action).await,
        Command::Events(action) => commands::events::run(global, *action).await,
        Command::Users(action) => commands::users::run(global, *action).await,
        Command::Scan(options) => commands::scan::run(global, *options).await,
        Command::Worker(options) => commands::worker::run(global, *options).await,
        Command::Check(options) => commands::check::run(global, *options).await,
        Command::Jobs(action) => commands::jobs::run(global, action).await,
        Command::Keys(action) => commands::keys::run(global, action).await,
        Command::Migrate(options) => commands::migrate::run(global, options).await,
        Command::Backup(options) => commands::backup::run(global, options).await,
        Command::Restore(options) => commands::restore::run(global, &options),
        Command::Doctor => commands::doctor::run(global).await,
        Command::Metadata(options) => commands::metadata::run(&options),
        Command::Openapi(options) => commands::openapi::run(&options),
    }
}
