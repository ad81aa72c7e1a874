//! Where bytes come from: files, folders, standard input and object stores.
//!
//! | argument | items |
//! | --- | --- |
//! | a file | itself; a named pipe too, as `<(..)` of a shell gives one |
//! | a folder | every file in it and below, by name, hidden ones too |
//! | `-` | standard input |
//! | `file:///folder/file` | as the path in it |
//! | `s3://bucket/prefix` | the object, or every one below the prefix; with the feature `object-store` |
//!
//! A symbolic link is followed where it is the argument itself, never inside a folder. Links, sockets, pipes and
//! devices in a folder, folders that cannot be read, and a folder without a file each are a named [`SourceError`];
//! the items behind are still given.
//!
//! Objects are read in ranges of a few MiB, one ahead, each from the version that was listed. Credentials, region and
//! endpoint come from the variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
//! `AWS_ENDPOINT_URL` and their like. Reads block: they must not be made on a thread of an async runtime.

mod local;
#[cfg(feature = "object-store")]
mod object;

use crate::decode::shown_item;
use std::ffi::OsStr;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::SystemTime;

/// Why something of a source is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The system says no.
    #[error("{name}: {error}")]
    Unreadable {
        /// Which file, folder or object.
        name: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// Neither a file nor a folder.
    #[error("{name}: {kind}, neither a file nor a folder; not read")]
    Special {
        /// Which one.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// A link inside a folder.
    #[error("{name}: a symbolic link; links in a folder are not followed; give what it names by itself")]
    Link {
        /// Which one.
        name: String,
    },
    /// No file in a folder, no object below a prefix.
    #[error("{name}: nothing to read in it")]
    Nothing {
        /// What was given.
        name: String,
    },
    /// An argument that cannot be a source.
    #[error("{argument}: {why}; expected a file, a folder, `-`, `file:///PATH` or `s3://BUCKET/PREFIX`")]
    Argument {
        /// What was given, without what could be a secret in it.
        argument: String,
        /// What is wrong with it.
        why: String,
    },
}

impl SourceError {
    fn unreadable(name: &str, error: io::Error) -> Self {
        Self::Unreadable { name: name.to_owned(), error }
    }
}

/// A source, as an argument of a command line names it.
#[derive(Clone)]
pub struct Location(Place);

#[derive(Clone)]
enum Place {
    Standard,
    Local(PathBuf),
    #[cfg(feature = "object-store")]
    Objects(object::Objects),
}

/// The items of a source, in the same order each time as long as it does not change.
pub type Items = Box<dyn Iterator<Item = Result<Item, SourceError>> + Send>;

impl Location {
    /// Reads an argument. That something is there is only looked at by [`items`](Self::items).
    pub fn parse(argument: &OsStr) -> Result<Self, SourceError> {
        if argument == "-" {
            return Ok(Self(Place::Standard));
        }
        let Some((scheme, rest)) = argument.to_str().and_then(|text| text.split_once("://")) else {
            return Ok(Self(Place::Local(argument.into())));
        };
        let refused = |why: &str| SourceError::Argument { argument: format!("{scheme}://.."), why: why.to_owned() };
        match scheme {
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                if !path.starts_with('/') {
                    return Err(refused("a file URL names another machine"));
                }
                let bytes: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
                Ok(Self(Place::Local(std::ffi::OsString::from_vec(bytes).into())))
            }
            #[cfg(feature = "object-store")]
            "s3" => object::Objects::s3(rest).map(|objects| Self(Place::Objects(objects))),
            #[cfg(not(feature = "object-store"))]
            "s3" => Err(refused("this build reads no object stores")),
            // A folder may be called `a:`; that nobody has meant it is more likely.
            _ if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Err(refused("a scheme that is not read")),
            _ => Ok(Self(Place::Local(argument.into()))),
        }
    }

    /// Takes objects below a prefix of a store; with a prefix that is an object, that one.
    #[cfg(feature = "object-store")]
    pub fn objects(store: std::sync::Arc<dyn object_store::ObjectStore>, prefix: &str) -> Result<Self, SourceError> {
        object::Objects::new(store, prefix, prefix.to_owned()).map(|objects| Self(Place::Objects(objects)))
    }

    /// Gives the items one by one.
    pub fn items(&self) -> Items {
        match &self.0 {
            Place::Standard => {
                let name = "standard input".to_owned();
                Box::new(std::iter::once(Ok(Item { name, size: None, modified: None, origin: Origin::Standard })))
            }
            Place::Local(path) => local::items(path),
            #[cfg(feature = "object-store")]
            Place::Objects(objects) => objects.items(),
        }
    }
}

/// Something to read: a file, an object, or standard input.
#[derive(Clone)]
pub struct Item {
    /// Its name for people and for evidence, relative to what was given. Control characters, and bytes that are
    /// no UTF-8, are escaped.
    pub name: String,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// When it was last changed, where that is known.
    pub modified: Option<SystemTime>,
    origin: Origin,
}

#[derive(Clone)]
enum Origin {
    Standard,
    /// `seekable` is not for pipes; `linked` allows that the last part of the path is a link.
    Local {
        path: PathBuf,
        seekable: bool,
        linked: bool,
    },
    #[cfg(feature = "object-store")]
    Object(object::Object),
}

impl Item {
    /// Where it is, so that it is found again from there: the path that was given with what is below it, a URL, or
    /// `standard input`. Shown as [`name`](Self::name) is.
    pub fn place(&self) -> String {
        match &self.origin {
            Origin::Standard => self.name.clone(),
            Origin::Local { path, .. } => name_of(path.as_os_str()),
            #[cfg(feature = "object-store")]
            Origin::Object(object) => object.place(),
        }
    }

    /// Gives the address at which [`Location::parse`] finds exactly this item, from whatever folder; why there is none
    /// in words. Of an object of a store that was given as such, it is the object's key.
    pub(crate) fn address(&self) -> Result<String, &'static str> {
        match &self.origin {
            Origin::Standard => Err("standard input is here only"),
            Origin::Local { seekable: false, .. } => Err("a named pipe is here only"),
            Origin::Local { path, .. } => local::address(path),
            #[cfg(feature = "object-store")]
            Origin::Object(object) => Ok(object.address()),
        }
    }

    /// Tells this content from another under the same address, as far as the source does.
    pub(crate) fn version(&self) -> String {
        #[cfg(feature = "object-store")]
        if let Origin::Object(object) = &self.origin
            && let Some(tag) = object.tag()
        {
            return format!("tag {tag}");
        }
        let since = self.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since.map_or_else(|| "unknown".to_owned(), |since| format!("changed at {}", since.as_nanos()))
    }

    /// Opens it from its start.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.origin {
            Origin::Standard => Box::new(io::stdin()),
            Origin::Local { path, seekable, linked } => Box::new(local::open(path, *seekable, *linked)?),
            #[cfg(feature = "object-store")]
            Origin::Object(object) => Box::new(object.reader(0..object.size())),
        })
    }

    /// Opens a range of it: fewer bytes come where it ends before. Standard input and pipes have no ranges.
    pub fn open_range(&self, start: u64, length: u64) -> io::Result<Box<dyn Read + Send>> {
        match &self.origin {
            Origin::Local { path, seekable: true, linked } => {
                let mut file = local::open(path, true, *linked)?;
                file.seek(io::SeekFrom::Start(start))?;
                Ok(Box::new(file.take(length)))
            }
            #[cfg(feature = "object-store")]
            Origin::Object(object) => {
                let size = object.size();
                Ok(Box::new(object.reader(start.min(size)..start.saturating_add(length).min(size))))
            }
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "a pipe can only be read from its start")),
        }
    }

    /// Opens it for a [`Decoder`](crate::decode::Decoder): what can seek can be read without its archives being held.
    pub fn content(&self) -> io::Result<Content<'static>> {
        Ok(match &self.origin {
            Origin::Local { path, seekable: true, linked } => Content::seekable(local::open(path, true, *linked)?),
            #[cfg(feature = "object-store")]
            Origin::Object(object) => Content::seekable(object.reader(0..object.size())),
            _ => Content::Stream(self.open()?),
        })
    }
}

/// Something that can be read from anywhere.
pub trait Input: Read + Seek + Send {}

impl<T: Read + Seek + Send> Input for T {}

/// Bytes to decode.
pub enum Content<'a> {
    /// From anywhere, as a file.
    Seekable(Box<dyn Input + 'a>),
    /// Once, from the start, as a pipe.
    Stream(Box<dyn Read + Send + 'a>),
}

impl<'a> Content<'a> {
    /// Takes what can seek.
    pub fn seekable(input: impl Read + Seek + Send + 'a) -> Self {
        Self::Seekable(Box::new(input))
    }

    /// Takes what cannot.
    pub fn stream(input: impl Read + Send + 'a) -> Self {
        Self::Stream(Box::new(input))
    }
}

/// A path as a name that can be shown.
fn name_of(path: &OsStr) -> String {
    shown_item(path.as_bytes())
}
