//! The write-ahead log, written in long pieces.
//!
//! SQLite writes each page of a commit with two calls to the system, 24 bytes and then the page, and a commit of 64 creates
//! has some 130 pages: a quarter of the writer's time went there. The file system given here
//! (<https://sqlite.org/vfs.html>) is the system's own, but that what is written to a log is collected, and
//! written in one call before anything else is asked of that file. With `synchronous=FULL`, which every connection has, each
//! commit ends with a sync of the log, before the log's index lets others see it: so a commit is as much on the disk
//! as without this, and nobody reads what is still collected. What a killed process had collected is part of no commit.

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

/// A file system that opens logs as [`Log`]s, and all else as the one that it stands for.
#[repr(C)]
struct FileSystem {
    /// First, as SQLite knows it by this.
    as_told: ffi::sqlite3_vfs,
    system: *mut ffi::sqlite3_vfs,
}

/// What belongs to an open log. It lives from the log's opening to its closing.
#[repr(C)]
struct Log {
    /// First, as it is found by this, which the file points at.
    as_told: ffi::sqlite3_io_methods,
    system: *const ffi::sqlite3_io_methods,
    /// Where in the file `collected` is to be written.
    from: i64,
    collected: Vec<u8>,
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
    unsafe {
        let system = (*ours.cast::<FileSystem>()).system;
        let Some(open) = (*system).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = open(system, name, file, flags, opened);
        if code == ffi::SQLITE_OK && flags & ffi::SQLITE_OPEN_WAL != 0 {
            let system = (*file).pMethods;
            let as_told = ffi::sqlite3_io_methods {
                xClose: Some(close),
                xRead: Some(read),
                xWrite: Some(write),
                xTruncate: Some(truncate),
                xSync: Some(sync),
                xFileSize: Some(size),
                ..*system
            };
            let log = Box::into_raw(Box::new(Log { as_told, system, from: 0, collected: Vec::new() }));
            (*file).pMethods = log.cast();
        }
        code
    }
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
    /// Writes what is collected. When that fails it is gone, as is what it belonged to: whoever asked is told, and SQLite
    /// rolls the transaction back.
    ///
    /// # Safety
    ///
    /// The log is that of the file.
    #[expect(unsafe_code, reason = "see its own section on safety")]
    unsafe fn write_out(&mut self, file: *mut ffi::sqlite3_file) -> c_int {
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
    unsafe { after_writing(file, |system| Some(system.xRead?(file, bytes, length, offset))) }
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

#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as for `read`. The file gets its own methods back, so that nothing points at the log that is freed here; `open`
    // has made it as a box.
    unsafe {
        let log: *mut Log = log(file);
        let written = (*log).write_out(file);
        let system = (*log).system;
        (*file).pMethods = system;
        drop(Box::from_raw(log));
        let closed = (*system).xClose.map_or(ffi::SQLITE_IOERR_CLOSE, |close| close(file));
        if written == ffi::SQLITE_OK { closed } else { written }
    }
}

#[cfg(test)]
mod tests;
