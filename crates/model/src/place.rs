//! Places: where in breach material a credential stands, so that an authorised person reaches the very line in one step
//! (leaks.md, capability 8). They are kept with what jobs have found and are never part of an event.

/// Where a credential stands. It holds no secret: nothing of the line itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path of the document, with those of the archives that it is in.
    pub document: Box<str>,
    /// Where the name begins that the credential stands beside, in bytes of the document's text.
    pub offset: u64,
    /// The number of that line, from 1; none where the document was read from its middle on.
    pub line: Option<u64>,
    /// How the text is laid out around it, by the name of the shape.
    pub shape: Box<str>,
    /// The host of the site that it was used at, where the text says it.
    pub host: Option<Box<str>>,
}

impl Place {
    /// The most characters of a path; of a longer one the end is kept, which tells more than the beginning.
    pub const LONGEST_DOCUMENT: usize = 4_096;
    /// The most characters of a host.
    pub const LONGEST_HOST: usize = 255;

    /// A place in a document. A host that is none is left out.
    pub fn new(document: &str, (offset, line): (u64, Option<u64>), shape: &str, host: Option<&[u8]>) -> Self {
        let host = host.and_then(|host| std::str::from_utf8(host).ok()).filter(|host| is_host(host));
        Self {
            document: shortened(document, Self::LONGEST_DOCUMENT),
            offset,
            line,
            shape: shape.into(),
            host: host.map(|host| host.to_ascii_lowercase().into()),
        }
    }

    /// The one of two places that is kept of a credential: the first by the document's path and by its place in that. So
    /// it is the same one in whatever order the material is read.
    pub fn first(kept: Option<Self>, told: Option<Self>) -> Option<Self> {
        match (kept, told) {
            (Some(kept), Some(told)) => Some(if told.order() < kept.order() { told } else { kept }),
            (kept, told) => kept.or(told),
        }
    }

    fn order(&self) -> (&str, u64) {
        (&self.document, self.offset)
    }
}

/// Whether a text can be a host: letters, digits, dots, hyphens and underscores, or an address in brackets, with a port.
fn is_host(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    (1..=Place::LONGEST_HOST).contains(&text.len()) && text.bytes().all(is_part)
}

/// A path with at most so many characters: its end tells more than its beginning.
pub fn shortened(path: &str, longest: usize) -> Box<str> {
    let length = path.chars().count();
    if length <= longest {
        return path.into();
    }
    let rest: String = path.chars().skip(length - longest + 1).collect();
    format!("…{rest}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(document: &str, offset: u64) -> Place {
        Place::new(document, (offset, Some(3)), "combo", Some(b"Shop.example:8443"))
    }

    #[test]
    fn the_first_place_is_kept_whichever_is_told_first() {
        let order = [at("a", 9), at("a", 10), at("a/b", 0), at("b", 0), at("\u{df}", 0)];
        for (i, one) in order.iter().enumerate() {
            for (j, other) in order.iter().enumerate() {
                let first = Place::first(Some(one.clone()), Some(other.clone()));
                assert_eq!(first.as_ref(), Some(&order[i.min(j)]));
            }
            assert_eq!(Place::first(None, Some(one.clone())).as_ref(), Some(one));
            assert_eq!(Place::first(Some(one.clone()), None).as_ref(), Some(one));
        }
        assert_eq!(Place::first(None, None), None);
    }

    #[test]
    fn only_what_can_be_a_host_is_kept_as_one() {
        assert_eq!(at("a", 0).host.as_deref(), Some("shop.example:8443"));
        let long = "a".repeat(256);
        for host in [&b""[..], b"pa ss", b"a@b", b"a/b", b"\xff.example", "\u{fc}.example".as_bytes(), long.as_bytes()]
        {
            assert_eq!(Place::new("a", (0, None), "combo", Some(host)).host, None);
        }
    }

    #[test]
    fn the_end_of_a_long_path_is_kept() {
        let path = format!("{}/ł.txt", "x".repeat(Place::LONGEST_DOCUMENT));
        let place = at(&path, 0);
        assert_eq!(place.document.chars().count(), Place::LONGEST_DOCUMENT);
        assert!(place.document.starts_with("…x") && place.document.ends_with("x/ł.txt"));
    }
}
