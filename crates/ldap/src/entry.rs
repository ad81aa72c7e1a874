//! An entry as the server answers it: a DN, and values with the names of their attributes.

use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};
use zeroize::Zeroizing;

/// The tag of a `SearchResultEntry` (RFC 4511 section 4.5.2).
const SEARCH_RESULT_ENTRY: u64 = 4;

/// One entry; its values are wiped when it is dropped. It has no `Debug`.
pub struct RawEntry {
    dn: String,
    values: Vec<(String, Zeroizing<Vec<u8>>)>,
}

impl RawEntry {
    /// Takes an entry apart; `None` if it has another shape than RFC 4511 gives it.
    pub(crate) fn take(entry: ResultEntry) -> Option<Self> {
        let mut parts = constructed(entry.0.match_id(SEARCH_RESULT_ENTRY)?)?.into_iter();
        let dn = text(parts.next()?)?;
        let mut values = Vec::new();
        for attribute in constructed(parts.next()?)? {
            let mut parts = constructed(attribute)?.into_iter();
            let name = text(parts.next()?)?;
            for value in constructed(parts.next()?)? {
                values.push((name.clone(), Zeroizing::new(primitive(value)?)));
            }
        }
        Some(Self { dn, values })
    }

    /// The distinguished name.
    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// Every value with the name of its attribute.
    pub fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The first value of an attribute.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.values().find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The values of an attribute that are text.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values()
            .filter(move |(of, _)| of.eq_ignore_ascii_case(name))
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The first value of an attribute, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(primitive(tag)?).ok()
}
