//! Files that hold keys: for the owner's eyes only, written whole or not at all.

use super::storage::KeyStorageError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file that is locked while keys are changed.
const LOCK_FILE: &str = "lock";
/// The extension of a file that is being written.
const TEMPORARY: &str = "new";

pub(super) fn failed<'a>(path: &'a Path, what: &'static str) -> impl FnOnce(io::Error) -> KeyStorageError + use<'a> {
    move |source| KeyStorageError::File { path: path.to_owned(), what, source }
}

/// Makes a folder that nobody else can open (0700); one that is there already is closed to others.
pub(super) fn private_folder(folder: &Path) -> Result<(), KeyStorageError> {
    create_private(folder).map_err(failed(folder, "created"))?;
    restrict(folder, 0o700).map_err(failed(folder, "closed to other users"))
}

/// Locks the folder's keys against changes by other processes; the lock ends with the file. What a
/// crash left half written is removed: it may be a key that nobody uses.
pub(super) fn lock_exclusive(folder: &Path) -> Result<File, KeyStorageError> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    owner_only(&mut options);
    let file = options.write(true).create(true).truncate(false).open(&path).map_err(failed(&path, "opened"))?;
    tolerate(file.lock()).map_err(failed(&path, "locked"))?;
    sweep(folder).map_err(failed(folder, "swept"))?;
    Ok(file)
}

/// Locks the folder's keys so that they stand still while they are read. A folder that has never
/// been written to (or is read-only) has nothing to lock.
pub(super) fn lock_shared(folder: &Path) -> Result<Option<File>, KeyStorageError> {
    let path = folder.join(LOCK_FILE);
    match File::open(&path) {
        Ok(file) => {
            tolerate(file.lock_shared()).map_err(failed(&path, "locked"))?;
            Ok(Some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&path, "opened")(error)),
    }
}

/// Some network file systems have no locks; the files are still written whole.
fn tolerate(locked: io::Result<()>) -> io::Result<()> {
    match locked {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        other => other,
    }
}

fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == TEMPORARY) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes a file (0600) so that after a crash there is the old one or the new one, whole: a temporary
/// file, a sync, a rename, a sync of the folder.
pub(super) fn write_whole(path: &Path, contents: &[u8]) -> Result<(), KeyStorageError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".");
    temporary.push(TEMPORARY);
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut options = OpenOptions::new();
        owner_only(&mut options);
        let mut file = options.write(true).create_new(true).open(&temporary)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    write().map_err(failed(&temporary, "written"))?;
    fs::rename(&temporary, path).map_err(failed(path, "written"))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes renames and removals in a folder last.
pub(super) fn sync_folder(folder: &Path) -> Result<(), KeyStorageError> {
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder, "synced"))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(_options: &mut OpenOptions) {}

/// Takes away the rights of group and others, if there are any.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(mode);
        fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
