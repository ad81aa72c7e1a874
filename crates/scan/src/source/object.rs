//! Objects of a store that is reached over the network.

use super::{Item, Items, Origin, SourceError, name_of};
use futures_util::StreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use std::ffi::OsStr;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Bytes of one request. Two of them are held: the one that is read and the one ahead.
const CHUNK: u64 = 4 << 20;

/// What makes requests. It may be dropped wherever a location is, on a thread of an async runtime too, and waits for none
/// that is under way.
struct Requests(Option<Runtime>);

impl std::ops::Deref for Requests {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Objects below a prefix.
#[derive(Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// One thread, so that a request goes on while its caller decodes.
    runtime: Arc<Requests>,
    prefix: Path,
    name: String,
    /// What stands before a key in an address.
    base: String,
}

impl Objects {
    /// Takes what stands behind `s3://`.
    pub fn s3(rest: &str) -> Result<Self, SourceError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let name = format!("s3://{bucket}/{prefix}");
        let argument = |why: String| SourceError::Argument { argument: "s3://..".to_owned(), why };
        if bucket.is_empty() || bucket.contains('@') {
            return Err(argument("no bucket, or credentials in the URL; those belong into the environment".to_owned()));
        }
        let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build();
        let store = store.map_err(|error| argument(error.to_string()))?;
        let objects = Self::new(Arc::new(store), prefix, name)?;
        Ok(Self { base: format!("s3://{bucket}/"), ..objects })
    }

    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str, name: String) -> Result<Self, SourceError> {
        let prefix = Path::parse(prefix)
            .map_err(|error| SourceError::Argument { argument: name_of(OsStr::new(&name)), why: error.to_string() })?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("objects").enable_all().build();
        let runtime = runtime.map_err(|error| SourceError::unreadable(&name, error))?;
        Ok(Self { store, runtime: Arc::new(Requests(Some(runtime))), prefix, name, base: String::new() })
    }

    /// Lists the objects, in the order of the store: by key.
    pub fn items(&self) -> Items {
        let objects = self.clone();
        let named = move |error: Error| SourceError::unreadable(&objects.name, in_words(error));
        if !self.prefix.as_ref().is_empty() {
            match self.runtime.block_on(self.store.head(&self.prefix)) {
                Ok(about) => return Box::new(std::iter::once(Ok(self.item(about)))),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Box::new(std::iter::once(Err(named(error)))),
            }
        }
        let (objects, mut list) = (self.clone(), self.store.list(Some(&self.prefix)));
        let mut given = false;
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let next = objects.runtime.block_on(list.next());
            ended = !matches!(next, Some(Ok(_)));
            match next {
                Some(Ok(about)) => {
                    given = true;
                    Some(Ok(objects.item(about)))
                }
                Some(Err(error)) => Some(Err(named(error))),
                None if given => None,
                None => Some(Err(SourceError::Nothing { name: objects.name.clone() })),
            }
        }))
    }

    fn item(&self, about: ObjectMeta) -> Item {
        let below: Option<Vec<String>> =
            about.location.prefix_match(&self.prefix).map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
        let name = match below {
            Some(parts) if !parts.is_empty() => parts.join("/"),
            _ => about.location.filename().unwrap_or_default().to_owned(),
        };
        Item {
            name: name_of(OsStr::new(&name)),
            size: Some(about.size),
            modified: Some(about.last_modified.into()),
            origin: Origin::Object(Object { objects: self.clone(), about: Arc::new(about) }),
        }
    }
}

/// What a store's answer to a listing means.
fn in_words(error: Error) -> io::Error {
    let words = match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            "the store refuses the credentials of AWS_ACCESS_KEY_ID and its like, or they may not list this"
        }
        // Listing has no kind of its own for it.
        error if error.to_string().contains("NoSuchBucket") => "there is no such bucket in this store",
        error => return io::Error::other(error),
    };
    io::Error::other(words)
}

/// One object, of the version that was listed.
#[derive(Clone)]
pub(super) struct Object {
    objects: Objects,
    about: Arc<ObjectMeta>,
}

impl Object {
    /// Its URL; without one of the store, its key.
    pub fn place(&self) -> String {
        let key = self.about.location.as_ref();
        let bucket = self.objects.name.strip_prefix("s3://").and_then(|rest| rest.split('/').next());
        name_of(OsStr::new(&bucket.map_or_else(|| key.to_owned(), |bucket| format!("s3://{bucket}/{key}"))))
    }

    pub fn size(&self) -> u64 {
        self.about.size
    }

    pub fn address(&self) -> String {
        format!("{}{}", self.objects.base, self.about.location)
    }

    pub fn tag(&self) -> Option<&str> {
        self.about.e_tag.as_deref()
    }

    pub fn reader(&self, range: Range<u64>) -> Reader {
        Reader { object: self.clone(), at: range.start, range, chunk: bytes::Bytes::new(), chunk_at: 0, ahead: None }
    }

    /// Starts to fetch a range.
    fn fetch(&self, range: Range<u64>) -> JoinHandle<object_store::Result<bytes::Bytes>> {
        let (store, about) = (Arc::clone(&self.objects.store), Arc::clone(&self.about));
        self.objects.runtime.spawn(async move {
            let options = GetOptions {
                range: Some(GetRange::Bounded(range)),
                if_match: about.e_tag.clone(),
                ..GetOptions::default()
            };
            store.get_opts(&about.location, options).await?.bytes().await
        })
    }
}

/// A range of an object as a file: its first byte is at zero.
pub(super) struct Reader {
    object: Object,
    range: Range<u64>,
    /// Where in the object the next byte is.
    at: u64,
    chunk: bytes::Bytes,
    chunk_at: u64,
    ahead: Option<(u64, JoinHandle<object_store::Result<bytes::Bytes>>)>,
}

impl Reader {
    fn chunk_from(&self, start: u64) -> Range<u64> {
        start..start.saturating_add(CHUNK).min(self.range.end)
    }

    /// Makes the chunk hold the next byte, and starts to fetch the one behind it.
    fn load(&mut self) -> io::Result<()> {
        let fetched = match self.ahead.take() {
            Some((at, handle)) if at == self.at => handle,
            Some((_, handle)) => {
                handle.abort();
                self.object.fetch(self.chunk_from(self.at))
            }
            None => self.object.fetch(self.chunk_from(self.at)),
        };
        let expected = self.chunk_from(self.at);
        let chunk =
            self.object.objects.runtime.block_on(fetched).map_err(io::Error::other)?.map_err(|error| match error {
                Error::Precondition { .. } => io::Error::other("the object was changed after it was listed"),
                error => io::Error::other(error),
            })?;
        if chunk.len() as u64 != expected.end - expected.start {
            return Err(io::Error::other("the store gave another number of bytes than it was asked for"));
        }
        (self.chunk, self.chunk_at) = (chunk, self.at);
        if expected.end < self.range.end {
            self.ahead = Some((expected.end, self.object.fetch(self.chunk_from(expected.end))));
        }
        Ok(())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some((_, handle)) = self.ahead.take() {
            handle.abort();
        }
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.range.end || into.is_empty() {
            return Ok(0);
        }
        let holds = |reader: &Self| (reader.chunk_at..reader.chunk_at + reader.chunk.len() as u64).contains(&reader.at);
        if !holds(self) {
            self.load()?;
        }
        let available = &self.chunk[(self.at - self.chunk_at) as usize..];
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(offset) => (0, i64::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?),
            SeekFrom::End(offset) => (self.range.end - self.range.start, offset),
            SeekFrom::Current(offset) => (self.at - self.range.start, offset),
        };
        let place = base.checked_add_signed(offset).ok_or(io::ErrorKind::InvalidInput)?;
        self.at = self.range.start.saturating_add(place);
        Ok(place)
    }
}
