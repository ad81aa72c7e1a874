//! Logs: on standard error, text on a terminal and JSON otherwise, never with tokens or addresses.

use crate::cli::{Global, LogFormat};
use crate::error::Failure;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging as the options say.
pub fn start(global: &Global) -> Result<(), Failure> {
    let filter =
        EnvFilter::try_new(&global.log).map_err(|error| Failure::Refused(format!("--log {}: {error}", global.log)))?;
    let terminal = std::io::stderr().is_terminal();
    let text = match global.log_format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    if text {
        logs.with_target(false).init();
    } else {
        logs.json().flatten_event(true).init();
    }
    Ok(())
}
