//! Whatever is done to a database whose log is joined: what was committed is in the files at once, and nothing else is.

use super::file_system;
use proptest::prelude::*;
use rusqlite::{Connection, OpenFlags, ffi};
use std::path::Path;

/// What a client of the database does.
#[derive(Clone, Debug)]
enum Do {
    Insert {
        rows: u8,
        length: u16,
    },
    Update {
        from: u8,
        length: u16,
    },
    Delete {
        from: u8,
    },
    SetSavepoint,
    BackToSavepoint,
    Commit,
    RollBack,
    /// Rolls back, and another process commits.
    Other {
        rows: u8,
        length: u16,
    },
    Checkpoint(&'static str),
}

fn anything() -> impl Strategy<Value = Do> {
    prop_oneof![
        4 => (1..30_u8, 0..3000_u16).prop_map(|(rows, length)| Do::Insert { rows, length }),
        3 => (any::<u8>(), 0..3000_u16).prop_map(|(from, length)| Do::Update { from, length }),
        1 => any::<u8>().prop_map(|from| Do::Delete { from }),
        2 => Just(Do::SetSavepoint),
        2 => Just(Do::BackToSavepoint),
        4 => Just(Do::Commit),
        1 => Just(Do::RollBack),
        2 => (1..30_u8, 0..3000_u16).prop_map(|(rows, length)| Do::Other { rows, length }),
        2 => prop_oneof![Just("PASSIVE"), Just("RESTART"), Just("TRUNCATE")].prop_map(Do::Checkpoint),
    ]
}

/// Does it to a database; the seed of what rows hold is its place.
fn perform(db: &Connection, at: usize, what: &Do) {
    let sql = match what {
        Do::Insert { rows, length } | Do::Other { rows, length } => format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows}) \
             INSERT INTO rows (at, text) SELECT ({at} * 7919 + n * 104729) % 1000, printf('%.{length}c', 'x') || {at} FROM n"
        ),
        Do::Update { from, length } => {
            format!("UPDATE rows SET text = printf('%.{length}c', 'y') || {at} WHERE at % 256 >= {from}")
        }
        Do::Delete { from } => format!("DELETE FROM rows WHERE at % 256 >= {from}"),
        Do::SetSavepoint => "SAVEPOINT here".to_owned(),
        Do::BackToSavepoint => "ROLLBACK TO here".to_owned(),
        Do::Commit => "COMMIT; BEGIN IMMEDIATE".to_owned(),
        Do::RollBack => "ROLLBACK; BEGIN IMMEDIATE".to_owned(),
        Do::Checkpoint(_) => String::new(),
    };
    db.execute_batch(&sql).unwrap_or_else(|error| panic!("{at}: {what:?}: {error}"));
}

fn all_rows(db: &Connection) -> Vec<(i64, i64, String)> {
    let mut statement = db.prepare("SELECT rowid, at, text FROM rows ORDER BY rowid").expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("sound rows")
}

/// What a machine that crashed now would find: the files as they are, without the log's index.
fn after_a_crash(database: &Path, elsewhere: &Path) -> Connection {
    let copy = elsewhere.join("copy.db");
    std::fs::copy(database, &copy).expect("the database");
    std::fs::copy(database.with_extension("db-wal"), copy.with_extension("db-wal")).expect("its log");
    drop(std::fs::remove_file(copy.with_extension("db-shm")));
    Connection::open(copy).expect("a database")
}

const SCHEMA: &str = "CREATE TABLE rows (at INTEGER, text TEXT); CREATE INDEX by_at ON rows (at, text);";

/// Opens a database as the writer does.
fn open_joined(database: &Path) -> Connection {
    let ours = Connection::open_with_flags_and_vfs(database, OpenFlags::default(), file_system().expect("registered"))
        .expect("a database");
    // A cache of five pages: most of what a transaction changes is in the log long before it commits.
    ours.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 5;",
    )
    .expect("settings");
    ours
}

fn check(steps: &[Do]) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("joined.db");
    let ours = open_joined(&database);
    let expected = Connection::open_in_memory().expect("a database");
    let other = Connection::open(&database).expect("a database");
    other.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0").expect("settings");
    for db in [&ours, &expected] {
        db.execute_batch(&format!("{SCHEMA} BEGIN IMMEDIATE")).expect("a schema");
    }
    let (mut committed, mut has_savepoint) = (Vec::new(), false);
    for (at, step) in steps.iter().enumerate() {
        match step {
            Do::BackToSavepoint if !has_savepoint => continue,
            Do::Checkpoint(mode) => {
                ours.execute_batch("COMMIT").expect("a commit");
                ours.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).expect("a checkpoint");
                ours.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
                expected.execute_batch("COMMIT; BEGIN IMMEDIATE").expect("a commit");
            }
            Do::Other { .. } => {
                ours.execute_batch("ROLLBACK").expect("a rollback");
                expected.execute_batch("ROLLBACK").expect("a rollback");
                perform(&other, at, step);
                perform(&expected, at, step);
                for db in [&ours, &expected] {
                    db.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
                }
            }
            _ => {
                perform(&ours, at, step);
                perform(&expected, at, step);
            }
        }
        assert_eq!(all_rows(&ours), all_rows(&expected), "{at}: what has changed the rows sees them");
        match step {
            Do::SetSavepoint => has_savepoint = true,
            Do::Commit | Do::Checkpoint(_) | Do::Other { .. } => {
                (has_savepoint, committed) = (false, all_rows(&expected));
            }
            Do::RollBack => has_savepoint = false,
            _ => {}
        }
        assert_eq!(all_rows(&other), committed, "{at}: others see what was committed");
        let crashed = after_a_crash(&database, folder.path());
        assert_eq!(all_rows(&crashed), committed, "{at}: and so does who comes after a crash");
        let sound: String = crashed.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
        assert_eq!(sound, "ok", "{at}");
    }
    if let Some(last) = steps.last() {
        // Nor does it change what others have committed since.
        ours.execute_batch("ROLLBACK").expect("a rollback");
        let row = Do::Other { rows: 20, length: 2000 };
        perform(&other, steps.len(), &row);
        committed = all_rows(&other);
        drop(ours);
        assert_eq!(all_rows(&after_a_crash(&database, folder.path())), committed, "after {last:?} and closing");
    }
    drop(other);
    assert_eq!(all_rows(&Connection::open(&database).expect("a database")), committed, "closing loses nothing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_committed_is_in_the_files(steps in proptest::collection::vec(anything(), 1..40)) {
        check(&steps);
    }
}

/// More than fits into one piece, in one transaction and beyond the cache.
#[test]
fn a_long_transaction_is_in_the_files() {
    let long = Do::Insert { rows: 29, length: 2999 };
    let steps = [vec![long.clone(); 12], vec![Do::Commit], vec![long.clone(); 12], vec![Do::RollBack]].concat();
    check(&steps);
    let steps =
        [vec![long.clone(); 3], vec![Do::Commit], vec![long; 3], vec![Do::Other { rows: 2, length: 10 }]].concat();
    check(&steps);
}

/// Nor is it forgotten when what failed was to be written before something was read: no later commit can do without it.
#[test]
#[expect(unsafe_code, reason = "a write that fails can only be put into the log itself")]
fn what_could_not_be_written_is_not_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("joined.db");
    let ours = open_joined(&database);
    ours.execute_batch(SCHEMA).expect("a schema");
    perform(&ours, 1, &Do::Insert { rows: 20, length: 2000 });
    let before = all_rows(&ours);
    ours.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
    perform(&ours, 2, &Do::Insert { rows: 29, length: 2999 });
    let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
    // SAFETY: the connection is open, and SQLite answers this with the file of its log, which is one of ours.
    unsafe {
        let asks_for = ffi::SQLITE_FCNTL_JOURNAL_POINTER;
        let code = ffi::sqlite3_file_control(ours.handle(), c"main".as_ptr(), asks_for, (&raw mut file).cast());
        assert_eq!(code, ffi::SQLITE_OK);
        let log = super::log(file);
        assert!(!log.collected.is_empty(), "more was written than the cache holds");
        log.collected.clear();
        log.lost = Some((ffi::SQLITE_FULL, log.from));
    }
    let failed = ours.execute_batch("COMMIT").expect_err("it must not be committed");
    assert_eq!(failed.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull), "{failed}");
    if !ours.is_autocommit() {
        ours.execute_batch("ROLLBACK").expect("a rollback");
    }
    let other = Connection::open(&database).expect("a database");
    assert_eq!((all_rows(&ours), all_rows(&other)), (before.clone(), before));
    perform(&ours, 3, &Do::Insert { rows: 29, length: 2999 });
    assert_eq!(all_rows(&after_a_crash(&database, folder.path())), all_rows(&ours), "and then it goes on");
    assert_eq!(all_rows(&other), all_rows(&ours));
}
