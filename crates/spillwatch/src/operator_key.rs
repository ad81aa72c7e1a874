//! The operator's key, which seals the secrets in a database, from where the operator keeps it.

use crate::cli::OperatorKeyOptions;
use crate::error::Failure;
use crate::secret_file::{self, LONGEST, room};
use auth::{OperatorKey, OperatorKeys};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

/// The variable that may hold the key itself.
pub const KEY_VARIABLE: &str = "SPILLWATCH_SECRET_KEY";

/// The variable that may hold the password with which a directory is read.
pub const LDAP_PASSWORD: &str = "SPILLWATCH_LDAP_PASSWORD";

/// How long the command may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The key in use and the one before it, if one is given.
pub async fn operator_keys(options: &OperatorKeyOptions) -> Result<OperatorKeys, Failure> {
    let variable = std::env::var(KEY_VARIABLE).ok().map(Zeroizing::new).filter(|key| !key.is_empty());
    let current = match (&options.secret_key_file, &options.secret_key_command, variable) {
        (Some(file), None, None) => from_file(file)?,
        (None, Some(command), None) => from_command(command).await?,
        (None, None, Some(key)) => read(&key, &format!("the variable {KEY_VARIABLE}"))?,
        (None, None, None) => return Err(none_given()),
        _ => {
            return Err(Failure::Refused(format!(
                "the operator's key is given more than once; choose one of --secret-key-file, --secret-key-command and \
                 the variable {KEY_VARIABLE} (the options may also come from variables and the TOML file)"
            )));
        }
    };
    let previous = match &options.previous_secret_key_file {
        Some(file) => Some(from_file(file)?),
        None => None,
    };
    Ok(OperatorKeys::new(current, previous))
}

/// Whether the operator has named a key, by whatever way.
pub fn is_given(options: &OperatorKeyOptions) -> bool {
    let variable = std::env::var_os(KEY_VARIABLE).is_some_and(|key| !key.is_empty());
    options.secret_key_file.is_some() || options.secret_key_command.is_some() || variable
}

fn none_given() -> Failure {
    Failure::Refused(format!(
        "a database holds signing keys and other secrets, each sealed with the operator's key, and no operator's key is \
         given. Make one with `spillwatch keys new-secret-key`, once for all nodes, keep it outside of the database, and \
         give it by --secret-key-file FILE, by --secret-key-command COMMAND, or in the variable {KEY_VARIABLE}"
    ))
}

/// Reads a key from a file that nobody else may read.
pub fn from_file(file: &Path) -> Result<OperatorKey, Failure> {
    read(&secret_file::read(file, "the operator's key")?, &format!("the file {}", file.display()))
}

/// Runs a command that prints a key, without the secrets that are in our own environment.
async fn from_command(command: &str) -> Result<OperatorKey, Failure> {
    let failed = |why: String| Failure::message(format!("--secret-key-command failed: {why}"));
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    shell.env_remove("SPILLWATCH_DATABASE").env_remove("PGPASSWORD").env_remove(LDAP_PASSWORD);
    let mut child = shell.spawn().map_err(|error| failed(error.to_string()))?;
    let output = child.stdout.take().ok_or_else(|| failed("it has no standard output".to_owned()))?;
    let run = async {
        let mut text = room();
        output.take(LONGEST).read_to_string(&mut text).await?;
        Ok::<_, io::Error>((text, child.wait().await?))
    };
    let ended = tokio::time::timeout(PATIENCE, run).await;
    let ended = ended.map_err(|_| failed(format!("it has not ended after {} seconds", PATIENCE.as_secs())))?;
    let (text, status) = ended.map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    read(&text, "what --secret-key-command printed")
}

fn read(text: &str, place: &str) -> Result<OperatorKey, Failure> {
    OperatorKey::from_base64(text).map_err(|error| Failure::message(format!("{place} is no operator's key: {error}")))
}
