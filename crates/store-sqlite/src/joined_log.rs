//! The write-ahead log, written in long pieces.
//!
//! SQLite writes each page of a commit with two calls to the system, 24 bytes and then the page, and a commit of 64 creates
//! has some 130 pages: a quarter of the writer's time went there. The file system given here
//! (<https://sqlite.org/vfs.html>) is the system's own, but that what is written to a log is collected, and
//! written in one call before anything else is asked of that file, and before its write lock is given up. With
//! `synchronous=FULL`, which every connection has, each commit ends with a sync of the log, before the log's index lets others
//! see it: so a commit is as much on the disk as without this, and nobody reads what is still collected. What a killed
//! process had collected is part of no commit. What a transaction has written that is rolled back, because it did not fit into
//! SQLite's cache, is written while nobody else may write, as without this: later it would lie over what another process
//! has committed there.

use crate::error::engine;
use rusqlite::ffi;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use store::StoreError;

/// What is collected at most, in bytes; a commit that is larger is written in several pieces. SQLite's file system for Unix
/// takes 17 bits of a length and no more, since nothing of SQLite is longer.
const MOST: usize = (1 << 17) - 1;

/// The file system's name, with which the writer's connection is opened.
pub(crate) fn file_system() -> Result<&'static CStr, StoreError> {
    const NAME: &CStr = c"spillwatch";
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    match *REGISTERED.get_or_init(|| register(NAME)) {
        ffi::SQLITE_OK => Ok(NAME),
        code => {
            let failed = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            Err(engine("setting the log's file system up")(failed))
        }
    }
}

/// A file system that opens logs as [`Log`]s, databases as [`Database`]s, and all else as the one that it stands for.
#[repr(C)]
struct FileSystem {
    /// First, as SQLite knows it by this.
    as_told: ffi::sqlite3_vfs,
    system: *mut ffi::sqlite3_vfs,
}

/// What belongs to an open database file. It lives from the file's opening to its closing.
#[repr(C)]
struct Database {
    /// First, as it is found by this, which the file points at.
    as_told: ffi::sqlite3_io_methods,
    system: *const ffi::sqlite3_io_methods,
    /// Its log, while that is open.
    log: *mut ffi::sqlite3_file,
}

/// What belongs to an open log. It lives from the log's opening to its closing.
#[repr(C)]
struct Log {
    /// First, as it is found by this, which the file points at.
    as_told: ffi::sqlite3_io_methods,
    system: *const ffi::sqlite3_io_methods,
    /// The file of its database.
    database: *mut ffi::sqlite3_file,
    /// Where in the file `collected` is to be written.
    from: i64,
    collected: Vec<u8>,
    /// What could not be written: why, and from where on. Until the write lock is given up nothing can be committed.
    lost: Option<(c_int, i64)>,
}

/// Has SQLite know the file system; answers its result code.
#[expect(unsafe_code, reason = "SQLite's interface is C's; see the comment there")]
fn register(name: &'static CStr) -> c_int {
    // SAFETY: a null name finds the default file system, which is never taken away. What is registered is a copy of it
    // that is never freed, with another name and another way of opening.
    unsafe {
        let system = ffi::sqlite3_vfs_find(ptr::null());
        if system.is_null() {
            return ffi::SQLITE_ERROR;
        }
        let mut as_told = *system;
        as_told.zName = name.as_ptr();
        as_told.pNext = ptr::null_mut();
        as_told.xOpen = Some(open);
        let ours = Box::into_raw(Box::new(FileSystem { as_told, system }));
        ffi::sqlite3_vfs_register(ours.cast(), 0)
    }
}

/// Opens a file as the system does; has a log collect what is written.
#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn open(
    ours: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    opened: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes what was registered, whose first field is what it knows; the rest goes on to the system as it
    // came. What the system has opened has methods. They are replaced before SQLite sees them by ones of the same version
    // that live as long as the file is open; the system's own never look at them (it keeps no other use of that field).
    // SQLite opens a log after its database, of which the log's name tells the file, and closes it before.
    unsafe {
        let system = (*ours.cast::<FileSystem>()).system;
        let Some(open) = (*system).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = open(system, name, file, flags, opened);
        if code != ffi::SQLITE_OK {
            return code;
        }
        let system = (*file).pMethods;
        if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 {
            let as_told = ffi::sqlite3_io_methods { xClose: Some(close_database), xShmLock: Some(lock), ..*system };
            let database = Box::into_raw(Box::new(Database { as_told, system, log: ptr::null_mut() }));
            (*file).pMethods = database.cast();
        }
        if flags & ffi::SQLITE_OPEN_WAL != 0 {
            let as_told = ffi::sqlite3_io_methods {
                xClose: Some(close_log),
                xRead: Some(read),
                xWrite: Some(write),
                xTruncate: Some(truncate),
                xSync: Some(sync),
                xFileSize: Some(size),
                ..*system
            };
            let of = ffi::sqlite3_database_file_object(name);
            let new = Log { as_told, system, database: of, from: 0, collected: Vec::new(), lost: None };
            (*file).pMethods = Box::into_raw(Box::new(new)).cast();
            database(of).log = file;
        }
        code
    }
}

/// The database that a file is.
///
/// # Safety
///
/// As for [`log`].
#[expect(unsafe_code, reason = "see its own section on safety")]
unsafe fn database<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Database {
    // SAFETY: `open` had the file point at the first field of a database, by a pointer to all of it.
    unsafe { &mut *(*file).pMethods.cast_mut().cast::<Database>() }
}

/// The log that a file is.
///
/// # Safety
///
/// [`open`] has made the file a log, it is open, and nobody else has its log: SQLite uses a connection's files on one thread at
/// a time, and no method of a file within another.
#[expect(unsafe_code, reason = "see its own section on safety")]
unsafe fn log<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Log {
    // SAFETY: `open` had the file point at the first field of a log, by a pointer to all of it.
    unsafe { &mut *(*file).pMethods.cast_mut().cast::<Log>() }
}

impl Log {
    /// Writes what is collected. When that fails it is lost, and what it belonged to must not be committed.
    ///
    /// # Safety
    ///
    /// The log is that of the file.
    #[expect(unsafe_code, reason = "see its own section on safety")]
    unsafe fn write_out(&mut self, file: *mut ffi::sqlite3_file) -> c_int {
        if let Some((code, _)) = self.lost {
            return code;
        }
        if self.collected.is_empty() {
            return ffi::SQLITE_OK;
        }
        let Ok(length) = c_int::try_from(self.collected.len()) else { return ffi::SQLITE_IOERR_WRITE };
        // SAFETY: the system's own methods are called for the system's own file, with bytes of that length.
        let code = unsafe {
            match (*self.system).xWrite {
                Some(write) => write(file, self.collected.as_ptr().cast(), length, self.from),
                None => ffi::SQLITE_IOERR_WRITE,
            }
        };
        self.collected.clear();
        if code != ffi::SQLITE_OK {
            self.lost = Some((code, self.from));
        }
        code
    }

    /// Whether bytes at an offset go on where what is collected ends, and there is room for them.
    fn goes_on_with(&self, offset: i64, length: usize) -> bool {
        let collected = self.collected.len();
        i64::try_from(collected).is_ok_and(|collected| self.from.checked_add(collected) == Some(offset))
            && collected.saturating_add(length) <= MOST
    }
}

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, bytes: *const c_void, length: c_int, offset: i64) -> c_int {
    let Ok(length) = usize::try_from(length) else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: SQLite passes an open file and as many bytes as it says.
    unsafe {
        let log = log(file);
        if let Some((code, _)) = log.lost {
            return code;
        }
        if !log.goes_on_with(offset, length) {
            let code = log.write_out(file);
            if code != ffi::SQLITE_OK {
                return code;
            }
            log.from = offset;
        }
        log.collected.extend_from_slice(std::slice::from_raw_parts(bytes.cast::<u8>(), length));
    }
    ffi::SQLITE_OK
}

/// Does what the system does, after what is collected was written.
///
/// # Safety
///
/// As for [`log`].
#[expect(unsafe_code, reason = "see its own section on safety")]
unsafe fn after_writing(
    file: *mut ffi::sqlite3_file,
    then: impl FnOnce(&ffi::sqlite3_io_methods) -> Option<c_int>,
) -> c_int {
    // SAFETY: the caller's; the system's methods are never freed.
    unsafe {
        let log = log(file);
        match log.write_out(file) {
            ffi::SQLITE_OK => then(&*log.system).unwrap_or(ffi::SQLITE_IOERR),
            failed => failed,
        }
    }
}

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, bytes: *mut c_void, length: c_int, offset: i64) -> c_int {
    // SAFETY: SQLite passes an open file, and what it passes goes on to the system as it came.
    unsafe {
        let log = log(file);
        _ = log.write_out(file); // what of it concerns this is told here
        match (log.lost, (*log.system).xRead) {
            (Some((code, from)), _) if offset.saturating_add(length.into()) > from => code,
            (_, Some(read)) => read(file, bytes, length, offset),
            (_, None) => ffi::SQLITE_IOERR_READ,
        }
    }
}

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: as for `read`.
    unsafe { after_writing(file, |system| Some(system.xTruncate?(file, size))) }
}

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: as for `read`.
    unsafe { after_writing(file, |system| Some(system.xSync?(file, flags))) }
}

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: as for `read`.
    unsafe { after_writing(file, |system| Some(system.xFileSize?(file, size))) }
}

/// Takes or gives up locks of the log's index.
#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, from: c_int, count: c_int, flags: c_int) -> c_int {
    /// The write lock's number among them (<https://sqlite.org/walformat.html#wal_locks>).
    const WRITE: c_int = 0;
    const GIVES_UP: c_int = ffi::SQLITE_SHM_UNLOCK | ffi::SQLITE_SHM_EXCLUSIVE;
    // SAFETY: SQLite passes an open database; its log is open as long as it is named there.
    unsafe {
        let (system, of) = (database(file).system, database(file).log);
        if from == WRITE && flags & GIVES_UP == GIVES_UP && !of.is_null() {
            let log = log(of);
            // What is still there is part of no commit, so that nothing is lost with it.
            _ = log.write_out(of);
            log.lost = None;
        }
        (*system).xShmLock.map_or(ffi::SQLITE_IOERR_SHMLOCK, |lock| lock(file, from, count, flags))
    }
}

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn close_log(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as for `read`. The file gets its own methods back, and its database forgets it, so that nothing points at the
    // log that is freed here; `open` has made it as a box. Nothing is collected without the write lock.
    unsafe {
        let (system, of) = (log(file).system, log(file).database);
        database(of).log = ptr::null_mut();
        drop(Box::from_raw((*file).pMethods.cast_mut().cast::<Log>()));
        (*file).pMethods = system;
        (*system).xClose.map_or(ffi::SQLITE_IOERR_CLOSE, |close| close(file))
    }
}

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn close_database(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as for `close_log`; its log is closed.
    unsafe {
        let system = database(file).system;
        drop(Box::from_raw((*file).pMethods.cast_mut().cast::<Database>()));
        (*file).pMethods = system;
        (*system).xClose.map_or(ffi::SQLITE_IOERR_CLOSE, |close| close(file))
    }
}

#[cfg(test)]
mod tests;
