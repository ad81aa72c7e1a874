//! Passwords of archives.

use zeroize::Zeroizing;

/// A password to open encrypted archives with. It has no `Debug`, and is wiped when it is dropped.
#[derive(Clone)]
pub struct ArchivePassword(Zeroizing<String>);

impl ArchivePassword {
    /// Takes a password. ZIP archives are tried with its UTF-8 bytes, 7z archives with UTF-16 as they demand.
    pub fn new(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}
