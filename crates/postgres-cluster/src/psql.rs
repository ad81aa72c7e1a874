//! SQL through `psql`.

use crate::keeper::plain_environment;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs statements, each in a transaction of its own, and returns the rows: one a line, without
/// head, cells parted by `|`. `connection` is a URL or a connection string. The first statement that
/// fails ends it; the error is what the server said.
pub(crate) fn run(psql: &Path, connection: &str, sql: &str) -> io::Result<String> {
    let mut command = Command::new(psql);
    command.args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--no-password"]);
    command.args(["--set", "ON_ERROR_STOP=1", "--dbname", connection, "--file", "-"]);
    plain_environment(&mut command);
    command.env("PGCONNECT_TIMEOUT", "10").env("PGCLIENTENCODING", "UTF8");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| io::Error::other(format!("{}: {error}", psql.display())))?;
    let mut input = child.stdin.take().expect("it was asked for");
    let done = std::thread::scope(|scope| {
        // A psql that ends at an error leaves the rest unread.
        scope.spawn(move || input.write_all(sql.as_bytes()));
        child.wait_with_output()
    })?;
    if !done.status.success() {
        return Err(io::Error::other(format!("psql: {}", String::from_utf8_lossy(&done.stderr).trim_end())));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim_end_matches('\n').to_owned())
}

/// An identifier in quotes.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value in quotes.
pub(crate) fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A value in quotes for a connection string (PostgreSQL, "Keyword/Value Connection Strings").
pub(crate) fn parameter(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The statement that creates a database.
pub(crate) fn create_database(name: &str, template: Option<&str>) -> String {
    let template = template.map_or(String::new(), |template| format!(" template {}", identifier(template)));
    format!("create database {}{template}", identifier(name))
}
