//! Secrets that stand in files of their own.

use crate::error::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// No secret is longer than this, in bytes.
pub const LONGEST: u64 = 4096;

/// Reads `what`, such as `the operator's key`, from a file that nobody else may read. What is no file, such as a pipe, is
/// read as it is.
pub fn read(file: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    let place = file.display();
    let failed = |error: io::Error| Failure::message(format!("{what} in the file {place} cannot be read: {error}"));
    let opened = File::open(file).map_err(failed)?;
    let about = opened.metadata().map_err(failed)?;
    let mode = about.permissions().mode() & 0o777;
    if about.is_file() && mode & 0o077 != 0 {
        return Err(Failure::message(format!(
            "the file {place} holds {what}, and others have access to it (mode {mode:03o}); run `chmod 600` on it"
        )));
    }
    let mut text = room();
    opened.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Room for as much as is read: it is never moved, so no copy is left behind.
pub fn room() -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(LONGEST as usize))
}
