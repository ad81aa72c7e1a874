//! From a name to the users that bear it, for ten million names and without an allocation a lookup.
//!
//! # Layout
//!
//! Keys are sorted by a seeded hash. Its highest bits choose a bucket of about four keys, through a
//! table of one 32-bit number a bucket; sixteen other bits stand in the entry, so that a text is read only
//! where they agree; the text in the arena confirms. An absent key costs two cache misses, a present one
//! three.
//!
//! | piece | bytes a key |
//! | --- | --- |
//! | bucket table | 1 to 2 |
//! | entry: place of the text, user, fingerprint, attribute and rules | 12 |
//! | text and its length, shared by users of one key | length + 2 |
//!
//! Ten million addresses of 25 bytes take 398 MB; `examples/identity_index.rs` counts it. While it is
//! built it takes 20 bytes a key beside, and twice the texts if more than a quarter of
//! them are repeated; fewer are left where they are, and nobody reads them.

use std::cmp::Ordering::Equal;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use super::{Attribute, Key, RuleSet};

/// Keys a bucket holds on average, as a power of two.
const LOG_BUCKET: u32 = 2;

/// Parts in which keys are collected, as a power of two; there are at least so many buckets.
const LOG_PARTS: u32 = 8;

/// Longest key in bytes: a local part, a domain and room for what is configured.
const LONGEST: usize = 1024;

/// The bit of a text's length that says that the same text stands elsewhere.
const REPEATED: u16 = 1 << 15;

const _: () = assert!(LONGEST < REPEATED as usize);

/// Why a key cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The key is longer than a name can be.
    #[error("the key is {found} bytes long, at most {limit} are indexed")]
    KeyTooLong {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The texts pass 4 GiB.
    #[error("the keys take more than 4 GiB")]
    Full,
}

/// A user that bears a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The number that the caller gave the user.
    pub user: u32,
    /// The attribute that the key comes from.
    pub attribute: Attribute,
    /// The rules that made the attribute's value into the key.
    pub rules: RuleSet,
}

/// Attribute and rules in sixteen bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Detail(u16);

const _: () = assert!(Attribute::ALL.len() <= 16 && super::Rule::ALL.len() <= RuleSet::BITS as usize);

impl Detail {
    fn new(attribute: Attribute, rules: RuleSet) -> Self {
        Self((attribute as u16) << RuleSet::BITS | rules.bits())
    }

    fn attribute(self) -> Attribute {
        Attribute::ALL[usize::from(self.0 >> RuleSet::BITS)]
    }

    fn rules(self) -> RuleSet {
        RuleSet::from_bits(self.0 & ((1 << RuleSet::BITS) - 1))
    }
}

/// The bits of a hash that are looked at: the highest choose the bucket, and the lowest, which no bucket's number
/// reaches, stand in the entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Hash {
    high: u32,
    low: u16,
}

impl Hash {
    fn of(state: &FixedState, text: &[u8]) -> Self {
        let mut hasher = state.build_hasher();
        hasher.write(text);
        let hash = hasher.finish();
        Self { high: (hash >> 32) as u32, low: hash as u16 }
    }

    fn bucket(self, bits: u32) -> usize {
        self.high.checked_shr(u32::BITS - bits).unwrap_or(0) as usize
    }
}

/// A key on its way into the index.
#[derive(Clone, Copy, Default)]
struct Added {
    hash: Hash,
    offset: u32,
    user: u32,
    detail: Detail,
}

/// Collects keys and sorts them into an index.
pub struct IndexBuilder {
    state: FixedState,
    texts: Texts,
    /// Keys by the highest bits of their hashes, so that each part fits into a core's cache when it is sorted.
    parts: Vec<Vec<Added>>,
    /// The key that was added last.
    last: Option<(Hash, u32)>,
}

impl IndexBuilder {
    /// Starts an index. The seed is drawn at random a process, so that nobody can prepare names that fall
    /// into one bucket; a fixed one makes tests repeatable.
    pub fn new(seed: u64) -> Self {
        Self {
            state: FixedState::with_seed(seed),
            texts: Texts::default(),
            parts: vec![Vec::new(); 1 << LOG_PARTS],
            last: None,
        }
    }

    /// Makes room for so many keys, so that none is moved while the next are added.
    pub fn reserve(&mut self, keys: usize) {
        // Hashes fill the parts alike, but for a little.
        let of_part = (keys >> LOG_PARTS) + (keys >> (LOG_PARTS + 3));
        self.parts.iter_mut().for_each(|part| part.reserve(of_part));
        self.texts.0.reserve(keys * 24);
    }

    /// Adds a normalised key of a user.
    pub fn add(&mut self, key: &Key, user: u32, attribute: Attribute) -> Result<(), IndexError> {
        self.add_text(key.text().as_bytes(), user, attribute, key.rules())
    }

    /// Adds the bytes of a key of a user.
    pub fn add_text(&mut self, text: &[u8], user: u32, attribute: Attribute, rules: RuleSet) -> Result<(), IndexError> {
        // Sign-in name and address are often the same, and come one after the other.
        let (hash, offset) = match self.last.filter(|(_, offset)| self.texts.get(*offset) == text) {
            Some(last) => last,
            None => (Hash::of(&self.state, text), self.texts.push(text)?),
        };
        self.last = Some((hash, offset));
        let detail = Detail::new(attribute, rules);
        self.parts[hash.bucket(LOG_PARTS)].push(Added { hash, offset, user, detail });
        Ok(())
    }

    /// Sorts what was added into an index; a key that was added twice in the same way counts once.
    pub fn finish(self) -> IdentityIndex {
        let Self { state, mut texts, parts, .. } = self;
        let count: usize = parts.iter().map(Vec::len).sum();
        let bucket_bits = count.max(1).ilog2().saturating_sub(LOG_BUCKET).max(LOG_PARTS);
        let mut buckets = Vec::with_capacity((1 << bucket_bits) + 1);
        buckets.push(0);
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        let mut repeated = 0;
        for mut part in parts {
            let mut start = 0;
            for end in sort_by_bucket(&mut part, bucket_bits) {
                let keys = &mut part[start..end as usize];
                start = end as usize;
                repeated += put_bucket(keys, &mut texts, &mut entries);
                buckets.push(entries.len() as u32);
            }
        }
        if repeated > texts.0.len() / 4 {
            texts = texts.without_repeated(&mut entries, repeated);
        }
        texts.0.shrink_to_fit();
        IdentityIndex { state, bucket_bits, buckets: buckets.into(), entries: entries.into(), texts }
    }
}

/// Adds the keys of one bucket to the entries, equal texts together and each key once; tells how many bytes of texts
/// nobody needs any more.
fn put_bucket(keys: &mut [Added], texts: &mut Texts, entries: &mut Vec<Entry>) -> usize {
    // Texts are looked at where hashes agree: elsewhere that would be two cache misses a comparison.
    keys.sort_unstable_by(|left, right| {
        left.hash.cmp(&right.hash).then_with(|| {
            let is_same = left.offset == right.offset;
            let by_text = if is_same { Equal } else { texts.get(left.offset).cmp(texts.get(right.offset)) };
            by_text.then_with(|| (left.user, left.detail).cmp(&(right.user, right.detail)))
        })
    });
    let mut repeated = 0;
    let mut last: Option<&Added> = None;
    for key in &*keys {
        let is_same = |last: &&Added| {
            last.hash == key.hash && (last.offset == key.offset || texts.get(last.offset) == texts.get(key.offset))
        };
        let same = last.replace(key).filter(is_same);
        let mut offset = key.offset;
        if let (Some(same), Some(entry)) = (same, entries.last()) {
            if entry.offset != offset {
                repeated += texts.repeat(offset);
                offset = entry.offset;
            }
            if (same.user, same.detail) == (key.user, key.detail) {
                continue;
            }
        }
        entries.push(Entry { offset, user: key.user, fingerprint: key.hash.low, detail: key.detail });
    }
    repeated
}

/// Puts the keys of one part into the order of their buckets, of which the part has so many, and tells where each ends.
/// It counts, and then moves each key once, in place.
fn sort_by_bucket(keys: &mut [Added], bucket_bits: u32) -> Vec<u32> {
    let of_part = (1 << (bucket_bits - LOG_PARTS)) - 1;
    let bucket = |key: &Added| key.hash.bucket(bucket_bits) & of_part;
    let mut ends = vec![0u32; of_part + 1];
    for key in &*keys {
        ends[bucket(key)] += 1;
    }
    let mut sum = 0;
    let mut next = Vec::with_capacity(ends.len());
    for end in &mut ends {
        next.push(sum);
        sum += *end;
        *end = sum;
    }
    for index in 0..ends.len() {
        while next[index] < ends[index] {
            let place = next[index] as usize;
            let right = bucket(&keys[place]);
            keys.swap(place, next[right] as usize); // with itself, when it is in its bucket
            next[right] += 1;
        }
    }
    ends
}

/// Texts after each other, each behind its length.
#[derive(Default)]
struct Texts(Vec<u8>);

impl Texts {
    fn push(&mut self, text: &[u8]) -> Result<u32, IndexError> {
        let too_long = IndexError::KeyTooLong { found: text.len(), limit: LONGEST };
        let length = u16::try_from(text.len()).ok().filter(|_| text.len() <= LONGEST).ok_or(too_long)?;
        let offset = u32::try_from(self.0.len()).map_err(|_| IndexError::Full)?;
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(text);
        Ok(offset)
    }

    fn get(&self, offset: u32) -> &[u8] {
        let start = offset as usize + 2;
        &self.0[start..start + self.length(offset)]
    }

    fn length(&self, offset: u32) -> usize {
        let start = offset as usize;
        usize::from(u16::from_le_bytes([self.0[start], self.0[start + 1]]) & !REPEATED)
    }

    fn is_repeated(&self, offset: u32) -> bool {
        u16::from_le_bytes([self.0[offset as usize], self.0[offset as usize + 1]]) & REPEATED != 0
    }

    /// Marks a text that stands elsewhere too, and which nobody asks for; tells the bytes that are lost by it.
    fn repeat(&mut self, offset: u32) -> usize {
        if self.is_repeated(offset) {
            return 0;
        }
        self.0[offset as usize + 1] |= REPEATED.to_le_bytes()[1];
        self.length(offset) + 2
    }

    /// The same without the marked ones, which take so many bytes, and for entries in whose order equal texts stand
    /// together.
    fn without_repeated(&self, entries: &mut [Entry], repeated: usize) -> Self {
        let mut texts = Self(Vec::with_capacity(self.0.len() - repeated));
        let mut last = None;
        for entry in entries {
            let moved = match last {
                Some((offset, moved)) if offset == entry.offset => moved,
                _ => texts.push(self.get(entry.offset)).expect("the texts fitted before and are no longer now"),
            };
            last = Some((entry.offset, moved));
            entry.offset = moved;
        }
        texts
    }
}

/// One key of one user: twelve bytes.
struct Entry {
    offset: u32,
    user: u32,
    fingerprint: u16,
    detail: Detail,
}

const _: () = assert!(size_of::<Entry>() == 12);

/// Finds users by their names; built once, then read by any number of threads.
pub struct IdentityIndex {
    state: FixedState,
    bucket_bits: u32,
    /// Where the entries of each bucket begin, and the end of the last.
    buckets: Box<[u32]>,
    entries: Box<[Entry]>,
    texts: Texts,
}

impl IdentityIndex {
    /// Finds every user that bears the key, in the order of their numbers; allocates nothing.
    ///
    /// The key is looked up as it is: the caller normalises it first.
    pub fn lookup<'a>(&'a self, key: &'a [u8]) -> Hits<'a> {
        let hash = Hash::of(&self.state, key);
        let bucket = hash.bucket(self.bucket_bits);
        let entries = &self.entries[self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize];
        Hits { texts: &self.texts, key, fingerprint: hash.low, entries: entries.iter() }
    }

    /// Returns the text of every key, each once however many users bear it: what a scanner derives the domains
    /// from that it has to look for.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut offset = 0;
        std::iter::from_fn(move || {
            while offset < self.texts.0.len() {
                let here = offset as u32;
                offset += self.texts.length(here) + 2;
                if !self.texts.is_repeated(here) {
                    return Some(self.texts.get(here));
                }
            }
            None
        })
    }

    /// Returns how many keys the index holds, one a user and attribute.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether the index holds no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes that the index takes.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.buckets) + size_of_val(&*self.entries) + self.texts.0.capacity()
    }
}

/// The users that bear a key.
pub struct Hits<'a> {
    texts: &'a Texts,
    key: &'a [u8],
    fingerprint: u16,
    entries: std::slice::Iter<'a, Entry>,
}

impl Iterator for Hits<'_> {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        let (texts, key, fingerprint) = (self.texts, self.key, self.fingerprint);
        let entry = self.entries.find(|entry| entry.fingerprint == fingerprint && texts.get(entry.offset) == key)?;
        Some(Hit { user: entry.user, attribute: entry.detail.attribute(), rules: entry.detail.rules() })
    }
}
