//! The list that candidates are collected in, used again for every name and wiped between.

use zeroize::{Zeroize, Zeroizing};

use super::{fields, hash, junk};

/// How many candidates a name gets at most.
pub const MOST: usize = 6;

/// The longest password in bytes.
pub const LONGEST_PASSWORD: usize = 1024;

/// What stands in place of a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Secret<'a> {
    /// What may be the password, as bytes of an encoding that need not be UTF-8.
    Password(&'a [u8]),
    /// What looks like a password's hash. The same bytes are a candidate too, for a password may look so.
    Hash(&'a [u8]),
}

/// Why a name has no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nothing {
    /// The password is empty.
    Empty,
    /// A word says that there is none.
    Placeholder,
    /// An advert.
    Advert,
    /// Too long.
    TooLong,
}

#[derive(Clone, Copy, Default)]
struct Item {
    start: u32,
    end: u32,
    is_hash: bool,
}

/// The candidates for one name's password, the likeliest first.
#[derive(Default)]
pub struct Candidates {
    bytes: Vec<u8>,
    items: [Item; MOST],
    count: usize,
    /// The site that the password was used at.
    pub(super) host: Vec<u8>,
    nothing: Option<Nothing>,
}

impl Candidates {
    /// Returns how many there are, at most [`MOST`].
    pub fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns them, the likeliest first.
    pub fn iter(&self) -> impl Iterator<Item = Secret<'_>> {
        self.items[..self.count].iter().map(|item| {
            let bytes = &self.bytes[item.start as usize..item.end as usize];
            if item.is_hash { Secret::Hash(bytes) } else { Secret::Password(bytes) }
        })
    }

    /// The first reason why there is none.
    pub(crate) fn nothing(&self) -> Option<Nothing> {
        self.nothing
    }

    /// The site that the password was used at; empty if the text does not say.
    pub(crate) fn host(&self) -> &[u8] {
        &self.host
    }

    /// Tells whether there are hashes, and no password that is not one of them.
    pub fn only_hashes(&self) -> bool {
        let is_hash = |bytes| self.iter().any(|other| other == Secret::Hash(bytes));
        self.count > 0
            && self.iter().all(|secret| match secret {
                Secret::Hash(_) => true,
                Secret::Password(bytes) => is_hash(bytes),
            })
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
        self.bytes.reserve(MOST * LONGEST_PASSWORD);
        self.host.clear();
        self.count = 0;
        self.nothing = None;
    }

    /// Whether no other finds room.
    pub(super) fn is_full(&self) -> bool {
        self.count == MOST
    }

    /// The bytes of a candidate.
    pub(super) fn get(&self, index: usize) -> Option<Secret<'_>> {
        self.iter().nth(index)
    }

    /// Adds what may be the password, and what it stands for: the hash in it, the bytes of `$HEX[..]`.
    ///
    /// Junk is noted and not added.
    pub(super) fn add(&mut self, text: &[u8]) {
        if let Some(nothing) = junk::reason(text) {
            self.note(nothing);
            return;
        }
        self.add_hex(text);
        if hash::is_hash(text) {
            self.add_hash(text);
        }
        self.add_plain(text);
    }

    /// Adds a word of a list, where what would be junk beside a name is a password like any.
    pub(super) fn add_word(&mut self, text: &[u8]) {
        self.add_hex(text);
        self.add_plain(text);
    }

    /// Adds the bytes of `$HEX[..]`.
    fn add_hex(&mut self, text: &[u8]) {
        if let Some(digits) = hash::hex_notation(text) {
            let start = self.bytes.len();
            self.bytes.extend(hash::bytes_of_hex(digits));
            self.keep(start, false);
        }
    }

    /// Adds the value of a field, which its quote or backslashes may have changed.
    pub(super) fn add_field(&mut self, value: &[u8], quote: u8) {
        let escapes = value.contains(&b'\\');
        let doubled = quote != 0 && value.windows(2).any(|pair| pair == [quote, quote]);
        if quote == 0 {
            self.add(value);
        }
        if (escapes || doubled) && value != b"\\N" {
            let mut clear = Zeroizing::new(Vec::with_capacity(value.len()));
            fields::unescape(value, quote, &mut clear);
            self.add(&clear);
        }
        if escapes && doubled {
            let mut clear = Zeroizing::new(Vec::with_capacity(value.len()));
            fields::undouble(value, quote, &mut clear);
            self.add(&clear);
        }
        if quote != 0 && !doubled {
            self.add(value);
        }
    }

    /// Adds bytes as they are.
    pub(super) fn add_plain(&mut self, text: &[u8]) {
        if text.len() > LONGEST_PASSWORD {
            return self.note(Nothing::TooLong);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.keep(start, false);
    }

    pub(super) fn add_hash(&mut self, text: &[u8]) {
        if text.len() > LONGEST_PASSWORD {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.keep(start, true);
    }

    pub(super) fn note(&mut self, nothing: Nothing) {
        self.nothing = self.nothing.or(Some(nothing));
    }

    /// Makes the bytes from `start` a candidate, unless they are one already or there is no room.
    fn keep(&mut self, start: usize, is_hash: bool) {
        let added = &self.bytes[start..];
        let secret = if is_hash { Secret::Hash(added) } else { Secret::Password(added) };
        if self.is_full() || added.is_empty() || self.iter().any(|other| other == secret) {
            self.bytes[start..].zeroize();
            self.bytes.truncate(start);
            return;
        }
        self.items[self.count] = Item { start: start as u32, end: self.bytes.len() as u32, is_hash };
        self.count += 1;
    }
}

impl Drop for Candidates {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}
