//! The header of the write-ahead log's index (the `-shm` file), which every commit of every process
//! changes (<https://sqlite.org/walformat.html#the_wal_index_header>): read with one `pread`.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of the header: two copies of 48, of which a writer changes one after the other.
const LENGTH: usize = 96;

/// The index of an open database: it lives as long as a connection does.
///
/// Never closed: when a process closes a file, the system forgets every lock that the process has
/// on it, SQLite's own included (fcntl(2), "Record locking"), and other processes would write over
/// us. A process opens few stores, so what stays open is little.
pub(crate) struct WalIndex(ManuallyDrop<File>);

/// The header at one moment. Two that are equal have no commit between them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header([u8; LENGTH]);

impl WalIndex {
    /// Opens the index of the database at `path`.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-shm");
        File::open(&name).map(|file| Self(ManuallyDrop::new(file)))
    }

    /// The header now; `None` before the log has one.
    pub(crate) fn header(&self) -> Option<Header> {
        let mut bytes = [0; LENGTH];
        self.0.read_exact_at(&mut bytes, 0).ok().map(|()| Header(bytes))
    }
}
