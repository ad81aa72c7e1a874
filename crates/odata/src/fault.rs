//! What is wrong with something that a client sent, said so that it can be mended.

use std::fmt;

/// The kind of a fault, as `details[].code` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The type has no such property.
    InvalidProperty,
    /// The same name twice, also in another case.
    DuplicateProperty,
    /// The value is not one that the property can have.
    InvalidValue,
    /// Null where a value is needed.
    NullValue,
    /// A needed property was left out.
    MissingProperty,
    /// `@odata.type` names no type, or one that does not belong here.
    InvalidType,
}

impl FaultKind {
    /// The code on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidProperty => "InvalidProperty",
            Self::DuplicateProperty => "DuplicateProperty",
            Self::InvalidValue => "InvalidValue",
            Self::NullValue => "NullValue",
            Self::MissingProperty => "MissingProperty",
            Self::InvalidType => "InvalidType",
        }
    }
}

/// One fault: where it is, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// The property, or a path to one such as `passwordProfile/password`.
    pub target: String,
    /// What was found and what was expected.
    pub message: String,
}

impl Fault {
    /// Makes a fault.
    pub fn new(kind: FaultKind, target: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, target: target.into(), message: message.into() }
    }

    /// A needed property was left out.
    pub fn missing(target: &str) -> Self {
        Self::new(FaultKind::MissingProperty, target, format!("`{target}` is required and was left out"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Faults in the order in which they were found. No more than [`Faults::MOST`] are kept, so that a
/// body of a million wrong names does not become an answer of the same size; the rest is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    kept: Vec<Fault>,
    more: usize,
}

impl Faults {
    /// The most faults that are kept word by word.
    pub const MOST: usize = 64;

    /// Adds a fault.
    pub fn push(&mut self, fault: Fault) {
        self.push_with(|| fault);
    }

    /// Adds a fault whose text is only made if it is kept: a body of many faults then costs little
    /// more than its reading.
    pub fn push_with(&mut self, fault: impl FnOnce() -> Fault) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.kept.push(fault());
        }
    }

    /// Tells whether further faults are only counted.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= Self::MOST
    }

    /// The faults that were kept.
    pub fn kept(&self) -> &[Fault] {
        &self.kept
    }

    /// How many more there were.
    pub fn more(&self) -> usize {
        self.more
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Adds what is wrong with a part: the place of the part stands before each target and message.
    pub fn absorb(&mut self, place: &str, part: Self) {
        for Fault { kind, target, message } in part.kept {
            self.push_with(|| Fault::new(kind, format!("{place}/{target}"), format!("{place}: {message}")));
        }
        self.more += part.more;
    }

    /// Gives `value` when nothing is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self { kept: vec![fault], more: 0 }
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        let mut all = Self::default();
        faults.into_iter().for_each(|fault| all.push(fault));
        all
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kept.as_slice() {
            [] => f.write_str("nothing is wrong"),
            [one] => one.fmt(f),
            [first, ..] => write!(f, "{} things are wrong; the first: {first}", self.kept.len() + self.more),
        }
    }
}

/// The beginning of a value that was found, quoted, for a message: at most 60 characters, and no
/// control characters.
pub fn excerpt(found: &str) -> String {
    const MOST: usize = 60;
    let mut rest = found.chars();
    let short: String = rest.by_ref().take(MOST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if rest.next().is_some() { format!("`{short}...`") } else { format!("`{short}`") }
}
