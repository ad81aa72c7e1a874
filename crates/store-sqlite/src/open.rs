//! Opening the database file: folder, permissions, what kind of file it is, pragmas.

use crate::error::{engine, is_device_failure, read_only};
use crate::functions;
use crate::joined_log;
use crate::migrate;
use crate::page_cache;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::StoreError;

/// The database file's name in the data folder.
pub const FILE_NAME: &str = "spillwatch.db";

/// Marks an SQLite file as Spillwatch's (`PRAGMA application_id`): "SPLW".
pub(crate) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"SPLW");

/// How long a write waits for another process's.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one that writes.
    Writer,
    /// One of several that read.
    Reader,
    /// Moves the log into the database file; copies it.
    Upkeep,
}

/// Opens the connection that writes to the store in a folder, made when it is not there, and brings its schema up to date:
/// the file, the connection, and the names of the migrations that ran.
pub(crate) fn open_writer(folder: &Path) -> Result<(PathBuf, Connection, Vec<String>), StoreError> {
    let path = prepare_folder(folder)?;
    create_file(&path)?;
    let db = connect(&path, Role::Writer)?;
    claim(&db)?;
    let migrations = migrate::migrate(&db)?;
    if !migrations.is_empty() {
        // What they have rewritten is read slowly as long as it lies in the log. Who has the store open may keep it there, and
        // a disk may have no room for it; it is copied later then.
        match db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0)) {
            Ok(false) => {}
            Ok(true) => tracing::info!("the log is copied later: somebody else has the store open"),
            Err(error) if is_device_failure(&error) => return Err(engine("copying the log")(error)),
            Err(error) => {
                tracing::warn!(%error, "the log could not be copied after the migration; it is tried again later");
            }
        }
    }
    Ok((path, db, migrations))
}

/// Makes the data folder (0700) when it is not there, and answers the database file's path.
pub(crate) fn prepare_folder(folder: &Path) -> Result<PathBuf, StoreError> {
    let unusable = |doing: &str, error: &io::Error| {
        StoreError::Unusable(format!("the data folder {} cannot be {doing}: {error}", folder.display()))
    };
    if !folder.exists() {
        let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| unusable("made", &e))?;
        missing.into_iter().try_for_each(sync_parent).map_err(|e| unusable("made", &e))?;
    }
    let about = fs::metadata(folder).map_err(|e| unusable("read", &e))?;
    if !about.is_dir() {
        return Err(StoreError::Unusable(format!("{} is not a folder", folder.display())));
    }
    Ok(folder.join(FILE_NAME))
}

/// Syncs the folder that a new name is in: before that, the name is not safe.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes an empty database file that only its owner can read, unless there is a file already.
pub(crate) fn create_file(path: &Path) -> Result<(), StoreError> {
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let outcome = match made {
        Ok(file) => file.sync_all().and_then(|()| sync_parent(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    outcome
        .map_err(|error| StoreError::Unusable(format!("the database file {} cannot be made: {error}", path.display())))
}

/// Opens a file as SQLite does.
pub(crate) fn open_file(path: impl AsRef<Path>, flags: OpenFlags) -> rusqlite::Result<Connection> {
    page_cache::set_up(); // before the first that is opened
    Connection::open_with_flags(path, flags)
}

/// Opens a connection for a role.
pub(crate) fn connect(path: &Path, role: Role) -> Result<Connection, StoreError> {
    let open = engine("opening the database file");
    let access = match role {
        Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Role::Writer | Role::Upkeep => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    // Each connection stays with one thread at a time, so SQLite's own lock is not needed.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = match role {
        Role::Writer => {
            page_cache::set_up();
            Connection::open_with_flags_and_vfs(path, flags, joined_log::file_system()?)
        }
        Role::Reader | Role::Upkeep => open_file(path, flags),
    }
    .map_err(&open)?;
    // SQLite falls back to reading by itself, and then even takes BEGIN IMMEDIATE.
    if role != Role::Reader && db.is_readonly(rusqlite::MAIN_DB).map_err(&open)? {
        return Err(read_only());
    }
    db.busy_handler(Some(wait_for_others)).map_err(&open)?;
    db.set_prepared_statement_cache_capacity(64);
    // Plans stay as they are: without this, statistics of indexes (STAT4) have SQLite prepare a
    // statement anew for each new value that is bound to it.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(&open)?;
    functions::register(&db).map_err(&open)?;
    // FULL: a commit is synced before it is acknowledged (ADR 0001). Checkpoints run elsewhere.
    // Readers map the file (see `MAPPED`): their caches hold only what lies behind, and pages of the log. The
    // writer's holds the indexes of a million events, whose pages each create meets at random.
    let cache_kib = if role == Role::Reader { 8_192 } else { 49_152 };
    db.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{cache_kib}; \
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
    ))
    .map_err(&open)?;
    Ok(db)
}

thread_local! {
    /// For how long this thread waits at a lock that another connection has.
    static PATIENCE: Cell<Duration> = const { Cell::new(BUSY_TIMEOUT) };
}

/// Does something that waits less at locks than [`BUSY_TIMEOUT`].
pub(crate) fn with_patience<T>(patience: Duration, work: impl FnOnce() -> T) -> T {
    PATIENCE.set(patience);
    let done = work();
    PATIENCE.set(BUSY_TIMEOUT);
    done
}

/// Waits before another try at a lock, as long as this thread has patience.
///
/// SQLite's own time-out waits up to a tenth of a second between two tries. A server that writes all the time lets go of the
/// lock for some ten microseconds between two groups, so that a command would try a hundred times in vain.
fn wait_for_others(tries: i32) -> bool {
    const BETWEEN: Duration = Duration::from_micros(250);
    std::thread::sleep(BETWEEN);
    BETWEEN.saturating_mul(tries.unsigned_abs()) < PATIENCE.get()
}

/// Refuses a file that is somebody else's, and marks an empty one as ours.
pub(crate) fn claim(db: &Connection) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        match try_claim(db) {
            // Setting the log up asks for a lock that SQLite does not wait for.
            Err(StoreError::Busy) if began.elapsed() < BUSY_TIMEOUT => std::thread::sleep(Duration::from_millis(5)),
            outcome => return outcome,
        }
    }
}

fn try_claim(db: &Connection) -> Result<(), StoreError> {
    let read = engine("reading the database file");
    // Both of one moment: another process may be making the same store.
    let both = "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id";
    let (id, tables): (i32, i64) = db.query_row(both, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&read)?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    if id != 0 || tables != 0 {
        return Err(StoreError::Unusable(format!(
            "{} is an SQLite database of another program",
            db.path().unwrap_or("the file")
        )));
    }
    let set_up = engine("setting the database file up");
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(&set_up)?;
    if mode != "wal" {
        return Err(StoreError::Unusable(format!(
            "the file system does not support SQLite's write-ahead log (journal mode stays `{mode}`)"
        )));
    }
    db.pragma_update(None, "application_id", APPLICATION_ID).map_err(set_up)
}
