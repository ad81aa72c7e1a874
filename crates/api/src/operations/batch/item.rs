//! A batch whose envelope is sound, in whichever form it came.

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use std::ops::Range;

/// The most requests in a batch (Graph's number).
pub const MOST: usize = 20;
/// The most header fields of a request in a batch.
pub const MOST_HEADERS: usize = 100;

/// Requests and how they hang together.
#[derive(Debug)]
pub struct Batch {
    /// The requests in their order.
    pub items: Vec<Item>,
    /// The units in which they are carried out, in their order.
    pub units: Vec<Unit>,
    /// What a failed unit means for later ones.
    pub rule: Rule,
}

/// One request.
#[derive(Debug)]
pub struct Item {
    /// `id`, or `Content-ID`, which may be left out.
    pub id: Option<String>,
    /// The method.
    pub method: Method,
    /// The URL as it was sent.
    pub url: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// Whether it has a condition (`if`), which is not served.
    pub conditional: bool,
    /// Whether a later request of its group seems to refer to it.
    pub referred: bool,
}

/// A request, or several that stand or fall together.
#[derive(Debug)]
pub struct Unit {
    /// Which requests.
    pub members: Range<usize>,
    /// The name of the atomicity group, or of the change set; `None` for a request alone.
    pub group: Option<String>,
    /// The units, all of them earlier, that must be done before this one begins.
    pub after: Vec<usize>,
}

/// What a failed unit means for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Those that come after it fail too; all others are carried out. JSON, as Graph does.
    DependentsFail,
    /// None is carried out. Multipart (OData protocol 4.01, section 11.7.7.5).
    Stop,
    /// Nothing. Multipart with `continue-on-error`.
    GoOn,
}

impl Batch {
    /// Puts a batch together and marks the requests that others of their group refer to.
    pub fn new(mut items: Vec<Item>, units: Vec<Unit>, rule: Rule) -> Self {
        for unit in units.iter().filter(|unit| unit.group.is_some()) {
            let group = &mut items[unit.members.clone()];
            for at in 0..group.len() {
                let (one, later) = group[at..].split_first_mut().expect("the member itself is there");
                let Some(id) = &one.id else { continue };
                let name = format!("${id}");
                one.referred = later.iter().any(|item| item.mentions(&name));
            }
        }
        Self { items, units, rule }
    }

    /// The units that are done once a unit begins: those that it comes after, and those that they come
    /// after.
    pub fn before(&self, at: usize) -> Vec<usize> {
        let mut found = self.units[at].after.clone();
        let mut next = 0;
        while let Some(unit) = found.get(next) {
            for before in &self.units[*unit].after {
                if !found.contains(before) {
                    found.push(*before);
                }
            }
            next += 1;
        }
        found
    }
}

impl Unit {
    /// Whether it is the group with this name, ignoring case.
    pub fn is(&self, name: &str) -> bool {
        self.group.as_deref().is_some_and(|group| group.eq_ignore_ascii_case(name))
    }
}

impl Item {
    /// Whether it is the request with this id, ignoring case.
    pub fn is(&self, id: &str) -> bool {
        self.id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(id))
    }

    fn mentions(&self, name: &str) -> bool {
        let in_body = || std::str::from_utf8(&self.body).is_ok_and(|body| body.contains(name));
        self.url.contains(name) || in_body()
    }
}

/// The method with this name, in whatever case.
pub fn method(name: &str) -> Option<Method> {
    let known = [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE];
    known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
}

/// The names of the methods, for messages.
pub const METHODS: &str = "GET, POST, PATCH, PUT, DELETE";
