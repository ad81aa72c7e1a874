//! The header of the write-ahead log's index (the `-shm` file), which every commit of every process
//! changes (<https://sqlite.org/walformat.html#the_wal_index_header>): read with one `pread`.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of the header: two copies of 48, of which a writer changes one after the other.
const LENGTH: usize = 96;
/// Where `mxFrame` stands: the pages in the log since it last began anew.
const FRAMES: std::ops::Range<usize> = 16..20;

/// The index of an open database: it lives as long as a connection does.
pub(crate) struct WalIndex(File);

/// The header at one moment. Two that are equal have no commit between them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header([u8; LENGTH]);

impl WalIndex {
    /// Opens the index of the database at `path`.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-shm");
        File::open(&name).map(Self)
    }

    /// The header now; `None` before the log has one.
    pub(crate) fn header(&self) -> Option<Header> {
        let mut bytes = [0; LENGTH];
        self.0.read_exact_at(&mut bytes, 0).ok().map(|()| Header(bytes))
    }
}

impl Header {
    /// Pages in the log. The file itself does not shrink when the log begins anew.
    pub(crate) fn frames(&self) -> u32 {
        let bytes = self.0[FRAMES].try_into().expect("the range has four bytes");
        u32::from_ne_bytes(bytes)
    }
}
