//! Filters that let no known name through their meshes, and nearly every other: what the matcher asks of each
//! `@` and each field before it reads the line.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use verify::identity::{IdentityIndex, Normaliser};

use super::starts::Starts;

/// Mail providers open to anybody: an address there that is not the directory's says nothing about it.
const PUBLIC: [&str; 24] = [
    "gmail.com",
    "googlemail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "live.com",
    "msn.com",
    "aol.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "mail.ru",
    "yandex.ru",
    "gmx.de",
    "gmx.net",
    "web.de",
    "t-online.de",
    "orange.fr",
    "free.fr",
    "libero.it",
    "qq.com",
    "163.com",
    "proton.me",
    "protonmail.com",
];

/// What the first bytes of a word are multiplied by, so that the highest bits depend on all of them.
pub(super) const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// Sets bit 5 of eight bytes: letters become small, and digits, `-` and `.` stay.
pub(super) const SMALL: u64 = 0x2020_2020_2020_2020;

/// A set of hashes with false members and no false strangers.
struct Bits {
    words: Box<[u64]>,
    shift: u32,
}

impl Bits {
    fn new(log_bits: u32) -> Self {
        Self { words: vec![0; 1 << (log_bits - 6)].into(), shift: u64::BITS - log_bits }
    }

    /// A set in which `members` leave fifteen of sixteen bits empty.
    fn for_members(members: usize) -> Self {
        Self::new((members.max(1) * 16).ilog2().clamp(12, 30))
    }

    fn add(&mut self, hash: u64) {
        let bit = hash >> self.shift;
        self.words[(bit >> 6) as usize] |= 1 << (bit & 63);
    }

    #[inline]
    fn may_have(&self, hash: u64) -> bool {
        let bit = hash >> self.shift;
        self.words[(bit >> 6) as usize] >> (bit & 63) & 1 != 0
    }
}

/// A domain in which users have addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// The organisation's own: an address that no user bears is worth counting.
    Own,
    /// Anybody's.
    Public,
    /// Perhaps one, in a spelling that only the normaliser knows.
    Perhaps,
}

pub(super) struct Filter {
    pub(super) starts: Starts,
    domains: HashMap<Box<[u8]>, Domain, FixedState>,
    /// `.contoso.test`, where subdomains count as their parent.
    suffixes: Vec<Box<[u8]>>,
    /// Local parts.
    locals: Bits,
    /// What begins a tag, where it is ASCII.
    separators: [bool; 128],
    /// Characters that end most names and that local parts of the directory hold.
    pub(super) odd: [bool; 128],
    /// Names without a domain.
    bare: Option<Bits>,
    /// Whether the directory has names like `DOMAIN\name`.
    pub(super) qualified: bool,
}

impl Filter {
    /// Reads what to look for from the keys of the index; `own` names further domains of the organisation.
    pub(super) fn new(index: &IdentityIndex, normaliser: &Normaliser, own: &[&str]) -> Self {
        let mut separators = [false; 128];
        for separator in normaliser.tag_separators().iter().filter(|separator| separator.is_ascii()) {
            separators[*separator as usize] = true;
        }
        let (mut addresses, mut bare) = (0, 0);
        for text in index.texts() {
            addresses += usize::from(text.contains(&b'@'));
            bare += usize::from(!text.contains(&b'@') && !text.contains(&b'\\'));
        }
        let mut filter = Self {
            starts: Starts::new(std::iter::empty(), false),
            domains: HashMap::default(),
            suffixes: Vec::new(),
            locals: Bits::for_members(addresses),
            separators,
            odd: [false; 128],
            bare: (bare > 0).then(|| Bits::for_members(bare)),
            qualified: false,
        };
        for text in index.texts() {
            filter.add_name(text);
        }
        for domain in own {
            let key = normaliser.normalise(&format!("x@{domain}"));
            for spelling in [Some(&key), key.unicode_spelling().as_ref()].into_iter().flatten() {
                filter.domains.insert(spelling.text().as_bytes()[2..].into(), Domain::Own);
            }
        }
        filter.add_other_names(normaliser);
        // Any domain may be below one that counts with its subdomains.
        let any = !filter.suffixes.is_empty();
        filter.starts = Starts::new(filter.domains.keys().map(|domain| &**domain), any);
        filter
    }

    fn add_name(&mut self, text: &[u8]) {
        let Some(at) = memchr::memrchr(b'@', text) else {
            match &mut self.bare {
                Some(bare) if !text.contains(&b'\\') => bare.add(word_hash(text)),
                _ => self.qualified = true,
            }
            return;
        };
        let (local, domain) = (&text[..at], &text[at + 1..]);
        for byte in local.iter().filter(|byte| byte.is_ascii() && !is_plain(**byte)) {
            self.odd[usize::from(*byte)] = true;
        }
        if let Some(hash) = self.local_hash(local) {
            self.locals.add(hash);
        }
        if !self.domains.contains_key(domain) {
            let public = PUBLIC.iter().any(|public| public.as_bytes() == domain);
            self.domains.insert(domain.into(), if public { Domain::Public } else { Domain::Own });
        }
    }

    /// Adds the domains that the normaliser replaces by one of those that are known.
    fn add_other_names(&mut self, normaliser: &Normaliser) {
        loop {
            let known = self.domains.len() + self.suffixes.len();
            for (alias, of) in normaliser.alias_domains() {
                if let Some(domain) = self.domains.get(of.as_bytes()).copied() {
                    self.domains.entry(alias.as_bytes().into()).or_insert(domain);
                    let key = normaliser_spelling(alias);
                    if let Some(unicode) = key {
                        self.domains.entry(unicode).or_insert(domain);
                    }
                }
            }
            for parent in normaliser.parent_domains() {
                let suffix = [b".", parent.as_bytes()].concat().into_boxed_slice();
                if !self.suffixes.contains(&suffix) && self.leads_to_known(normaliser, parent) {
                    self.suffixes.push(suffix);
                }
            }
            if self.domains.len() + self.suffixes.len() == known {
                return;
            }
        }
    }

    /// Whether a subdomain of this one ends up in a known domain, or the domain itself.
    fn leads_to_known(&self, normaliser: &Normaliser, parent: &str) -> bool {
        let key = normaliser.normalise(&format!("x@sub.{parent}"));
        key.text().as_bytes().get(2..).is_some_and(|domain| self.domains.contains_key(domain))
    }

    /// Finds the known domain that begins here, and where it ends.
    pub(super) fn domain(&self, text: &[u8], start: usize) -> Option<(Domain, usize)> {
        let length = text[start..].iter().take(LONGEST_DOMAIN).take_while(|byte| is_domain_byte(**byte)).count();
        let found = &text[start..start + length];
        if !found.is_ascii() {
            // What follows the ASCII part may be no part of the domain: a blank of another script.
            let ascii = found.iter().take_while(|byte| byte.is_ascii()).count();
            let known = self.known_domain(&found[..ascii]).map(|domain| (domain, start + ascii));
            return known.or(Some((Domain::Perhaps, start + length)));
        }
        self.known_domain(found).map(|domain| (domain, start + length))
    }

    fn known_domain(&self, spelling: &[u8]) -> Option<Domain> {
        let mut small = [0; LONGEST_DOMAIN];
        let small = &mut small[..spelling.len()];
        small.copy_from_slice(spelling);
        small.make_ascii_lowercase();
        let mut small = &*small;
        while let Some(rest) = small.strip_suffix(b".") {
            small = rest;
        }
        if let Some(domain) = self.domains.get(small) {
            return Some(*domain);
        }
        let below = |suffix: &[u8]| small.len() > suffix.len() && small.ends_with(suffix);
        // Punycode has several spellings of one domain.
        let encoded = memchr::memmem::find(small, b"xn--").is_some();
        (encoded || self.suffixes.iter().any(|suffix| below(suffix))).then_some(Domain::Perhaps)
    }

    /// Tells of a normalised domain whether it is the organisation's own.
    pub(super) fn is_own(&self, domain: &str) -> bool {
        self.domains.get(domain.as_bytes()) == Some(&Domain::Own)
    }

    /// Tells whether a user may have this local part; a tag and dots do not matter.
    pub(super) fn may_be_local(&self, local: &[u8]) -> bool {
        self.local_hash(local).is_none_or(|hash| self.locals.may_have(hash))
    }

    /// A hash that is the same for every spelling of an ASCII local part; none for others.
    fn local_hash(&self, local: &[u8]) -> Option<u64> {
        let mut hash = 0u64;
        for (place, byte) in local.iter().enumerate() {
            if !byte.is_ascii() {
                return None;
            }
            if self.separators[usize::from(*byte)] {
                if place == 0 {
                    return None;
                }
                break;
            }
            if *byte != b'.' {
                hash = (hash.rotate_left(5) ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(MIX);
            }
        }
        Some(hash)
    }

    /// Whether names without a domain are looked for.
    #[inline]
    pub(super) fn has_bare(&self) -> bool {
        self.bare.is_some()
    }

    /// Tells whether a field may be a name without a domain.
    pub(super) fn may_be_bare(&self, field: &[u8]) -> bool {
        self.bare.as_ref().is_some_and(|bare| !field.is_ascii() || bare.may_have(word_hash(field)))
    }
}

/// The longest domain in bytes, with room for letters of two bytes.
const LONGEST_DOMAIN: usize = 512;

fn normaliser_spelling(ascii: &str) -> Option<Box<[u8]>> {
    let key = Normaliser::default().normalise(&format!("x@{ascii}")).unicode_spelling()?;
    key.text().as_bytes().get(2..).map(Into::into)
}

/// The bytes of most names.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+') || !byte.is_ascii()
}

fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || !byte.is_ascii()
}

/// Eight bytes of the text as a number, with zeros behind its end.
#[inline]
pub(super) fn word_at(text: &[u8], place: usize) -> u64 {
    if let Some(word) = text.get(place..).and_then(<[u8]>::first_chunk) {
        return u64::from_le_bytes(*word);
    }
    let mut word = [0; 8];
    let rest = text.get(place..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(word)
}

/// A hash of the first eight bytes in small letters and the length.
fn word_hash(text: &[u8]) -> u64 {
    ((word_at(text, 0) | SMALL) ^ (text.len() as u64) << 56).wrapping_mul(MIX)
}
