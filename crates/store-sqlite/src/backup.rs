//! Online copies of the store, and putting one back.

use crate::error::engine;
use crate::migrate;
use crate::open::{APPLICATION_ID, FILE_NAME, Role, connect, open_file, prepare_folder, sync_parent};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::StoreError;

/// Pages that one step copies: a few milliseconds, between which others go on.
const PAGES: i32 = 2048;
/// What SQLite makes beside a database.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Copies `from` into the file `to`, which appears whole or not at all.
pub(crate) fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(f64)) -> Result<(), StoreError> {
    let part = Part::hold(to)?;
    if to.exists() {
        return Err(StoreError::Unusable(format!("{} exists already; a backup overwrites nothing", to.display())));
    }
    copy_pages(&connect(from, Role::Upkeep)?, &part.path, progress)?;
    part.publish(to)
}

fn copy_pages(source: &Connection, part: &Path, progress: &mut dyn FnMut(f64)) -> Result<(), StoreError> {
    let doing = engine("copying the store");
    let mut target = open_file(part, OpenFlags::default()).map_err(&doing)?;
    // A read transaction pins one state: otherwise each write by others would start the copy anew.
    source.execute_batch("BEGIN; SELECT 1 FROM registry;").map_err(&doing)?;
    let copied = Backup::new(source, &mut target).and_then(|backup| {
        loop {
            match backup.step(PAGES)? {
                StepResult::Done => return Ok(()),
                StepResult::More => {
                    let at = backup.progress();
                    progress(1.0 - f64::from(at.remaining) / f64::from(at.pagecount.max(1)));
                }
                _ => std::thread::sleep(Duration::from_millis(5)), // the file is locked: SQLite asks to wait
            }
        }
    });
    source.execute_batch("COMMIT").map_err(&doing)?;
    copied.map_err(&doing)?;
    progress(1.0);
    // One plain file, without a log beside it.
    target.execute_batch("PRAGMA journal_mode = DELETE;").map_err(doing)
}

/// A file that is being written beside the place where it is to appear, locked against others who
/// write the same one, and taken away unless it is finished.
struct Part {
    path: PathBuf,
    file: fs::File,
}

impl Part {
    fn hold(to: &Path) -> Result<Self, StoreError> {
        let path = with_suffix(to, ".part");
        let fail = |error: std::io::Error| unwritable(&path, &error);
        let taken = || StoreError::Unusable(format!("{} is being written by another process", path.display()));
        let open = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = open.map_err(fail)?;
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => taken(),
            fs::TryLockError::Error(error) => fail(error),
        })?;
        // Whoever held the lock may have finished between the opening and the locking; then this is
        // the finished file.
        let named = fs::metadata(&path).map_err(|_| taken())?;
        let held = file.metadata().map_err(fail)?;
        if (named.dev(), named.ino()) != (held.dev(), held.ino()) {
            return Err(taken());
        }
        file.set_len(0).and_then(|()| file.set_permissions(fs::Permissions::from_mode(0o600))).map_err(fail)?;
        for suffix in BESIDE {
            remove_if_there(&with_suffix(&path, suffix));
        }
        Ok(Self { path, file })
    }

    /// Syncs the finished file and gives it its name for good.
    fn publish(self, to: &Path) -> Result<(), StoreError> {
        let publish = || {
            self.file.sync_all()?;
            fs::rename(&self.path, to)?;
            sync_parent(to)
        };
        publish().map_err(|error| unwritable(to, &error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        for suffix in [""].iter().chain(&BESIDE) {
            remove_if_there(&with_suffix(&self.path, suffix));
        }
    }
}

/// What a backup file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupInfo {
    /// Risk events in it.
    pub events: u64,
    /// Users in it.
    pub users: u64,
}

/// Puts a backup into a data folder. Refuses to overwrite a store unless `replace`; the old one is
/// then kept beside it under the name that is answered.
pub fn restore(backup: &Path, folder: &Path, replace: bool) -> Result<(BackupInfo, Option<PathBuf>), StoreError> {
    let info = inspect(backup)?;
    let target = prepare_folder(folder)?;
    let mut part = Part::hold(&target)?;
    // A log without its database would be taken for the restored one's.
    let kept = if target.exists() || with_suffix(&target, "-wal").exists() {
        if !replace {
            return Err(StoreError::Unusable(format!(
                "{} holds a store already; give another folder, or --replace to put the old one aside",
                folder.display()
            )));
        }
        if target.exists() {
            ensure_unused(&target)?;
        }
        Some(aside(&target))
    } else {
        None
    };
    let mut source = fs::File::open(backup).map_err(|error| unreadable(backup, &error))?;
    std::io::copy(&mut source, &mut part.file).map_err(|error| unwritable(&part.path, &error))?;
    prepare(&part.path).map_err(engine("preparing the restored store"))?;
    if let Some(kept) = &kept {
        for suffix in ["", "-wal", "-shm"] {
            let (old, new) = (with_suffix(&target, suffix), with_suffix(kept, suffix));
            if old.exists() {
                fs::rename(&old, &new).map_err(|error| unwritable(&new, &error))?;
            }
        }
    }
    part.publish(&target)?;
    Ok((info, kept))
}

/// Makes a copied backup a store.
fn prepare(part: &Path) -> rusqlite::Result<()> {
    let db = open_file(part, OpenFlags::default())?;
    // Keys are overwritten, not only unlinked: a later backup copies unused pages too.
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; DROP TABLE IF EXISTS backup_keys;")?;
    // Tokens and caches of before must be looked at again.
    db.execute("UPDATE registry SET epoch = epoch + 1", [])?;
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
    db.close().map_err(|(_, error)| error)
}

/// Opens a file that nobody writes to, without making files beside it.
fn open_backup(backup: &Path) -> rusqlite::Result<Connection> {
    use std::fmt::Write as _;
    let mut uri = "file:".to_owned();
    for byte in backup.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            _ => write!(uri, "%{byte:02X}").expect("a string takes every write"),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    open_file(uri, flags)
}

/// Looks whether a file is a sound backup that this version can read.
fn inspect(backup: &Path) -> Result<BackupInfo, StoreError> {
    let not_a_backup =
        |why: String| StoreError::Unusable(format!("{} is not a backup of Spillwatch: {why}", backup.display()));
    let read = |error: rusqlite::Error| not_a_backup(error.to_string());
    if !backup.is_file() {
        return Err(StoreError::Unusable(format!("there is no such file: {}", backup.display())));
    }
    if fs::metadata(with_suffix(backup, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(not_a_backup(
            "it is a store with a log beside it; copy it into a file with `spillwatch backup` first".to_owned(),
        ));
    }
    let db = open_backup(backup).map_err(read)?;
    let id: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(read)?;
    if id != APPLICATION_ID {
        return Err(not_a_backup("it is a database of another program".to_owned()));
    }
    if migrate::known(&db)?.is_empty() {
        return Err(not_a_backup("it has no schema".to_owned()));
    }
    let sound: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(read)?;
    if sound != "ok" {
        return Err(StoreError::Corrupt(format!("{}: {sound}", backup.display())));
    }
    let count =
        |table: &str| db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).map_err(read);
    Ok(BackupInfo { events: count("risk_events")?, users: count("users")? })
}

/// Fails when another process has the store open.
fn ensure_unused(database: &Path) -> Result<(), StoreError> {
    let open = engine("looking whether the store is in use");
    let Ok(db) = open_file(database, OpenFlags::default()) else { return Ok(()) }; // too damaged to be in use
    db.busy_timeout(Duration::from_millis(100)).map_err(&open)?;
    match db.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;").map_err(open) {
        Err(StoreError::Busy) => Err(StoreError::Unusable("the store is in use; stop the server first".to_owned())),
        _ => Ok(()), // free, or too damaged for anybody to use
    }
}

/// A name beside the store that is not taken.
fn aside(target: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let path = with_suffix(target, &format!(".replaced-{number}"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a left-over file could not be removed");
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unusable(format!("{} cannot be read: {error}", path.display()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> StoreError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return StoreError::Full;
    }
    StoreError::Unusable(format!("{} cannot be written: {error}", path.display()))
}

/// Adds files, such as keys, to a finished backup.
pub fn add_keys(backup: &Path, keys: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    let doing = engine("adding keys to the backup");
    let db = open_file(backup, OpenFlags::default()).map_err(&doing)?;
    let write = || -> rusqlite::Result<()> {
        db.execute_batch("BEGIN; CREATE TABLE backup_keys (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;")?;
        for (name, content) in keys {
            db.execute("INSERT INTO backup_keys VALUES (?1, ?2)", rusqlite::params![name, content])?;
        }
        db.execute_batch("COMMIT")
    };
    write().map_err(doing)
}

/// The keys in a backup; none when it was made without.
pub fn keys_of(backup: &Path) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let doing = engine("reading keys from the backup");
    let db = open_backup(backup).map_err(&doing)?;
    let read = || -> rusqlite::Result<Vec<_>> {
        if !db.table_exists(None, "backup_keys")? {
            return Ok(Vec::new());
        }
        let mut statement = db.prepare("SELECT name, content FROM backup_keys ORDER BY name")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    read().map_err(doing)
}

/// The path of the database file in a data folder.
pub fn database_file(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}
