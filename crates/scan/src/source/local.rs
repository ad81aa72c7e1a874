//! Files and folders.

use super::{Item, Items, Origin, SourceError, name_of};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::fs::{File, FileType, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// What is escaped in a URL's path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Gives the items at a path.
pub(super) fn items(path: &Path) -> Items {
    let name = name_of(path.as_os_str());
    let once = |item| Box::new(std::iter::once(item)) as Items;
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        Err(error) => return once(Err(SourceError::unreadable(&name, error))),
    };
    if about.is_dir() {
        return Box::new(Folder { root: path.to_owned(), name, open: Vec::new(), state: State::New });
    }
    let short = path.file_name().map_or_else(|| name.clone(), name_of);
    if about.is_file() {
        return once(Ok(item(short, path.to_owned(), &about, true)));
    }
    if about.file_type().is_fifo() {
        let origin = Origin::Local { path: path.to_owned(), seekable: false, linked: true };
        return once(Ok(Item { name: short, size: None, modified: None, origin }));
    }
    once(Err(SourceError::Special { name, kind: kind(about.file_type()) }))
}

fn item(name: String, path: PathBuf, about: &Metadata, linked: bool) -> Item {
    let origin = Origin::Local { path, seekable: true, linked };
    Item { name, size: Some(about.len()), modified: about.modified().ok(), origin }
}

/// Opens a file, and only a file: what was one when it was listed may have been changed into something else.
pub(super) fn open(path: &Path, seekable: bool, linked: bool) -> io::Result<File> {
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    if !linked {
        flags |= OFlags::NOFOLLOW;
    }
    if seekable {
        // Opening a pipe waits for its other end. A file does not care.
        flags |= OFlags::NONBLOCK;
    }
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let found = file.metadata()?.file_type();
    if seekable && !found.is_file() || !seekable && !found.is_fifo() {
        return Err(io::Error::other("it was a file when it was listed, and is one no more"));
    }
    Ok(file)
}

/// The `file://` URL of a path.
pub(super) fn address(path: &Path) -> Result<String, &'static str> {
    let path = std::path::absolute(path).map_err(|_| "its folder cannot be told")?;
    Ok(format!("file://{}", percent_encoding::percent_encode(path.as_os_str().as_bytes(), ESCAPED)))
}

fn kind(found: FileType) -> &'static str {
    if found.is_fifo() {
        "a named pipe"
    } else if found.is_socket() {
        "a socket"
    } else if found.is_block_device() {
        "a block device"
    } else if found.is_char_device() {
        "a character device"
    } else {
        "something unknown"
    }
}

/// A folder and what is below it, one folder's names at a time for each level.
struct Folder {
    root: PathBuf,
    name: String,
    /// For each open level its path below the root and the names still to come, the first one last.
    open: Vec<(PathBuf, Vec<OsString>)>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// Nothing was given yet.
    Empty,
    Given,
    Done,
}

impl Folder {
    fn enter(&mut self, below: PathBuf) -> Result<(), SourceError> {
        let unreadable = |error| {
            let name = if below.as_os_str().is_empty() { self.name.clone() } else { name_of(below.as_os_str()) };
            SourceError::unreadable(&name, error)
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.root.join(&below)).map_err(unreadable)? {
            names.push(entry.map_err(unreadable)?.file_name());
        }
        names.sort_unstable_by(|left, right| right.cmp(left));
        self.open.push((below, names));
        Ok(())
    }

    /// Gives what stands under a name; `None` for a folder, which is entered.
    fn look(&mut self, below: PathBuf) -> Result<Option<Item>, SourceError> {
        let path = self.root.join(&below);
        let name = name_of(below.as_os_str());
        let about = std::fs::symlink_metadata(&path).map_err(|error| SourceError::unreadable(&name, error))?;
        let found = about.file_type();
        if found.is_dir() {
            self.enter(below)?;
            return Ok(None);
        }
        if found.is_file() {
            return Ok(Some(item(name, path, &about, false)));
        }
        if found.is_symlink() {
            return Err(SourceError::Link { name });
        }
        Err(SourceError::Special { name, kind: kind(found) })
    }
}

impl Iterator for Folder {
    type Item = Result<Item, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::New {
            self.state = State::Empty;
            if let Err(error) = self.enter(PathBuf::new()) {
                self.state = State::Done;
                return Some(Err(error));
            }
        }
        while let Some((below, names)) = self.open.last_mut() {
            let Some(name) = names.pop() else {
                self.open.pop();
                continue;
            };
            let below = below.join(name);
            if let Some(found) = self.look(below).transpose() {
                self.state = State::Given;
                return Some(found);
            }
        }
        let empty = self.state == State::Empty;
        self.state = State::Done;
        empty.then(|| Err(SourceError::Nothing { name: self.name.clone() }))
    }
}
