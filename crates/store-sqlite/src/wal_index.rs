//! The header of the write-ahead log's index (the `-shm` file), which every commit of every process
//! changes (<https://sqlite.org/walformat.html#the_wal_index_header>): read where it is mapped, so
//! that every request can afford to ask whether anything was committed.

use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Words of the header: two copies of six, of which a writer changes one after the other.
const LENGTH: usize = 12;

/// The index of an open database: it lives as long as a connection does.
pub(crate) struct WalIndex {
    map: MmapRaw,
    /// Never closed: when a process closes a file, the system forgets every lock that the process has
    /// on it, SQLite's own included (fcntl(2), "Record locking"), and other processes would write over
    /// us. A process opens few stores, so what stays open is little.
    _file: ManuallyDrop<File>,
}

/// The header at one moment. Two that are equal have no commit between them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header([u64; LENGTH]);

impl Header {
    /// Whether exactly one commit lies between an earlier header and this one.
    pub(crate) fn follows(&self, earlier: &Self) -> bool {
        match (self.commits(), earlier.commits()) {
            (Some(now), Some(before)) => now == before.wrapping_add(1),
            _ => false,
        }
    }

    /// The counter that grows with every commit; `None` while somebody is writing the header.
    fn commits(&self) -> Option<u32> {
        let (one, other) = self.0.split_at(LENGTH / 2);
        let [first, second, third, fourth, ..] = one[1].to_ne_bytes();
        (one == other).then_some(u32::from_ne_bytes([first, second, third, fourth]))
    }
}

impl WalIndex {
    /// Opens the index of the database at `path`, on which a connection is open and has read.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-shm");
        let file = ManuallyDrop::new(File::open(&name)?);
        if file.metadata()?.len() < (LENGTH * size_of::<u64>()) as u64 {
            return Err(std::io::Error::other("it has no header"));
        }
        let map = MmapOptions::new().len(LENGTH * size_of::<u64>()).map_raw_read_only(&*file)?;
        Ok(Self { map, _file: file })
    }

    /// The header now.
    #[expect(unsafe_code, reason = "the only place where mapped memory is read; see the comment there")]
    pub(crate) fn header(&self) -> Header {
        #[expect(clippy::cast_ptr_alignment, reason = "a map starts at a page")]
        let words = self.map.as_ptr().cast::<AtomicU64>();
        let mut header = [0; LENGTH];
        for (at, word) in header.iter_mut().enumerate() {
            // SAFETY: the map starts at a page, so each word is aligned, and is as long as the header,
            // which the file holds: SQLite cuts the file only when no connection is open. Others write
            // it at any time, so it is read by atomic loads; a mixture of two states equals neither,
            // since the copies differ while a writer is between them.
            *word = unsafe { &*words.add(at) }.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        Header(header)
    }
}
