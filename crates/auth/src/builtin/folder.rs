//! The built-in issuer's keys in a folder, for the owner's eyes only:
//!
//! ```text
//! issuer.json     {"version":1,"issuer":"https://...","signing_key":"{kid}"}
//! {kid}.pkcs8     one RSA key of 2048 bits each; those that do not sign still verify
//! lock            empty; locked while the others change
//! ```

use super::files;
use super::ring::is_name_of_a_ring;
use super::storage::{KeyStorage, KeyStorageError, SecretBytes, Secrets};
use aws_lc_rs::digest;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};
use zeroize::Zeroizing;

/// Keys as files of a folder.
pub struct FolderKeys(PathBuf);

impl FolderKeys {
    /// The keys in `folder`, which is made when the first one is written.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn read_locked(&self) -> Result<Secrets, KeyStorageError> {
        let mut by_name = BTreeMap::new();
        for name in names(&self.0).map_err(files::failed(&self.0, "listed"))? {
            let path = self.0.join(&name);
            by_name.insert(name, Zeroizing::new(fs::read(&path).map_err(files::failed(&path, "read"))?));
        }
        Ok(Secrets { generation: generation(&by_name), by_name })
    }
}

impl KeyStorage for FolderKeys {
    fn read(&self) -> Result<Secrets, KeyStorageError> {
        let _lock = files::lock_shared(&self.0)?;
        self.read_locked()
    }

    fn replace(&self, seen: u64, put: &[(String, SecretBytes)], remove: &[String]) -> Result<bool, KeyStorageError> {
        files::private_folder(&self.0)?;
        let _lock = files::lock_exclusive(&self.0)?;
        if self.read_locked()?.generation != seen {
            return Ok(false);
        }
        for (name, secret) in put {
            files::write_whole(&self.0.join(name), secret)?;
        }
        for name in remove {
            let path = self.0.join(name);
            fs::remove_file(&path).map_err(files::failed(&path, "removed"))?;
        }
        files::sync_folder(&self.0)?;
        Ok(true)
    }

    fn place(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

/// The names of the ring's files, and of single secrets (`NAME.key`); none in a folder that is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok().filter(|name| is_name_of_a_ring(name) || is_single(name)));
    }
    Ok(names)
}

fn is_single(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "key")
}

/// Files carry no number, so their contents tell one state from another.
fn generation(by_name: &BTreeMap<String, SecretBytes>) -> u64 {
    let mut whole = digest::Context::new(&digest::SHA256);
    for part in by_name.iter().flat_map(|(name, secret)| [name.as_bytes(), secret.as_slice()]) {
        whole.update(&(part.len() as u64).to_be_bytes());
        whole.update(part);
    }
    u64::from_be_bytes(*whole.finish().as_ref().first_chunk().expect("SHA-256 has 32 bytes"))
}
