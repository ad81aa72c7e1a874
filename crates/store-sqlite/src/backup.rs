//! Online copies of the store, and putting one back.

use crate::error::engine;
use crate::migrate;
use crate::open::{APPLICATION_ID, FILE_NAME, Role, connect, create_file, prepare_folder};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::StoreError;

/// Pages that one step copies: a few milliseconds, between which others go on.
const PAGES: i32 = 2048;

/// Copies `from` into the file `to`, which appears whole or not at all.
pub(crate) fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(f64)) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Unusable(format!("{} exists already; a backup overwrites nothing", to.display())));
    }
    let part = with_suffix(to, ".part");
    let source = connect(from, Role::Upkeep)?;
    let outcome =
        copy_pages(&source, &part, progress).and_then(|()| publish(&part, to).map_err(|error| unwritable(to, &error)));
    if outcome.is_err() {
        remove_if_there(&part);
    }
    outcome
}

fn copy_pages(source: &Connection, part: &Path, progress: &mut dyn FnMut(f64)) -> Result<(), StoreError> {
    let doing = engine("copying the store");
    remove_if_there(part);
    create_file(part)?;
    let mut target = Connection::open(part).map_err(&doing)?;
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
    let part = with_suffix(&target, ".part");
    remove_if_there(&part);
    let mut kept = None;
    if target.exists() {
        if !replace {
            return Err(StoreError::Unusable(format!(
                "{} holds a store already; give another folder, or --replace to put the old one aside",
                folder.display()
            )));
        }
        ensure_unused(&target)?;
        kept = Some(aside(&target));
    }
    create_file(&part)?;
    fs::copy(backup, &part).map_err(|error| unwritable(&part, &error))?;
    let open = engine("preparing the restored store");
    let db = Connection::open(&part).map_err(&open)?;
    db.execute_batch("PRAGMA journal_mode = WAL; DROP TABLE IF EXISTS backup_keys;").map_err(&open)?;
    // Tokens and caches of before must be looked at again.
    db.execute("UPDATE registry SET epoch = epoch + 1", []).map_err(&open)?;
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);").map_err(&open)?;
    db.close().map_err(|(_, error)| open(error))?;
    if let Some(kept) = &kept {
        for suffix in ["", "-wal", "-shm"] {
            let (old, new) = (with_suffix(&target, suffix), with_suffix(kept, suffix));
            if old.exists() {
                fs::rename(&old, &new).map_err(|error| unwritable(&new, &error))?;
            }
        }
    }
    publish(&part, &target).map_err(|error| unwritable(&target, &error))?;
    Ok((info, kept))
}

/// Looks whether a file is a sound backup that this version can read.
fn inspect(backup: &Path) -> Result<BackupInfo, StoreError> {
    let not_a_backup =
        |why: String| StoreError::Unusable(format!("{} is not a backup of Spillwatch: {why}", backup.display()));
    let read = |error: rusqlite::Error| not_a_backup(error.to_string());
    if !backup.is_file() {
        return Err(not_a_backup("there is no such file".to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(backup, flags).map_err(read)?;
    let id: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(read)?;
    if id != APPLICATION_ID {
        return Err(not_a_backup("it is a database of another program".to_owned()));
    }
    let newest: i64 = db.query_row("SELECT max(number) FROM migrations", [], |row| row.get(0)).map_err(read)?;
    if newest > migrate::newest() {
        return Err(StoreError::Unusable(format!(
            "{} was made by a newer version of Spillwatch; restore it with that version",
            backup.display()
        )));
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
    let Ok(db) = Connection::open(database) else { return Ok(()) }; // too damaged to be in use
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

/// Syncs a finished file and gives it its name for good.
fn publish(part: &Path, to: &Path) -> std::io::Result<()> {
    fs::File::open(part)?.sync_all()?;
    fs::rename(part, to)?;
    to.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let path = with_suffix(path, suffix);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "a left-over file could not be removed");
        }
    }
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
    let db = Connection::open(backup).map_err(&doing)?;
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
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(backup, flags).map_err(&doing)?;
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
