//! How a command ends when it does not succeed.

use std::error::Error;
use std::process::ExitCode;

/// A failure, with what to tell the person who started the command.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong; clap says how. Also its help and version.
    Usage(clap::Error),
    /// The command line asks for what is not done, such as listening in clear; exit code 2.
    Refused(String),
    /// Something went wrong; exit code 1.
    Failed(String),
}

impl Failure {
    /// A failure in words.
    pub fn message(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Tells it on standard error and answers the exit code: 1 failed, 2 wrong usage.
    pub fn report(self) -> ExitCode {
        match self {
            Self::Usage(error) => error.exit(),
            Self::Refused(message) => {
                anstream::eprintln!("{} {message}", label());
                ExitCode::from(2)
            }
            Self::Failed(message) => {
                anstream::eprintln!("{} {message}", label());
                ExitCode::FAILURE
            }
        }
    }
}

/// What there is to tell; nothing of a command line's own faults, which clap tells.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(error) => error.kind().fmt(f),
            Self::Refused(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

fn label() -> impl std::fmt::Display {
    use owo_colors::OwoColorize as _;
    "error:".red().bold().to_string()
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let text = inner.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = inner.source();
        }
        Self::Failed(message)
    }
}
