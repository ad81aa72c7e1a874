//! Cuts the entries out of a JSON file of any size.
//!
//! What is outside of entries is read only as far as its end must be found; an entry is handed to a strict
//! parser by the caller. A parser that visits the whole file would have to hold any string of it.

use std::io::Read;

use crate::Limits;
use crate::buffer::Buffer;
use crate::error::Reason;
use crate::input::Input;

/// Where the entries of a form are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The member of the outer object that is the list; without one the outer values are entries.
    pub(crate) list: Option<&'static str>,
    /// What a list at the very outside holds.
    pub(crate) outer_list: Outer,
    /// The member of the outer object that says how many entries there are.
    pub(crate) total: Option<&'static str>,
}

/// What a list at the very outside holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outer {
    Entries,
    /// Objects that each have a list of entries.
    Objects,
}

/// What the reader is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// An object that has the list as a member.
    Object,
    /// A list of such objects.
    Objects,
    /// The list of entries.
    Entries,
}

/// Longest name of a member outside of entries, and longest number there.
const NAME_BYTES: usize = 256;

pub(crate) struct Elements<R> {
    input: Input<R>,
    shape: Shape,
    limits: Limits,
    line: u64,
    /// At most three deep.
    inside: Vec<(Inside, bool)>,
    entry: Buffer,
    entry_line: u64,
    too_deep: bool,
    name: Buffer,
    lists: u64,
    total: Option<u64>,
}

impl<R: Read> Elements<R> {
    pub(crate) fn new(input: Input<R>, shape: Shape, limits: &Limits) -> Self {
        Self {
            input,
            shape,
            limits: *limits,
            line: 1,
            inside: Vec::new(),
            entry: Buffer::new(limits.entry_bytes),
            entry_line: 1,
            too_deep: false,
            name: Buffer::new(NAME_BYTES),
            lists: 0,
            total: None,
        }
    }

    /// The line that was reached.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The line where the entry begins.
    pub(crate) fn entry_line(&self) -> u64 {
        self.entry_line
    }

    /// Returns the entry without its white space, or why it is not held whole.
    pub(crate) fn entry(&self) -> Result<&[u8], Reason> {
        if self.entry.is_cut() {
            return Err(Reason::TooLong { what: "entry", limit: self.limits.entry_bytes });
        }
        if self.too_deep { Err(Reason::TooDeep { limit: self.limits.depth }) } else { Ok(self.entry.bytes()) }
    }

    /// Goes to the next entry; `false` at the end of the file, `seen` being how many entries there were.
    pub(crate) fn advance(&mut self, seen: u64) -> Result<bool, Reason> {
        loop {
            let Some((inside, first)) = self.inside.last().copied() else {
                let Some(byte) = self.peek_value()? else {
                    return self.finish(seen).map(|()| false);
                };
                match (byte, self.shape.list) {
                    (b'{', None) => return self.value(true).map(|()| true),
                    (b'{', Some(_)) => self.enter(Inside::Object)?,
                    (b'[', _) if self.shape.outer_list == Outer::Entries => self.enter_list()?,
                    (b'[', _) => self.enter(Inside::Objects)?,
                    _ => return Err(Reason::Broken { found: "no JSON object or list", expected: "JSON" }),
                }
                continue;
            };
            let close = if inside == Inside::Object { b'}' } else { b']' };
            let byte = self.expect_value()?;
            if byte == close {
                self.take()?;
                self.inside.pop();
                continue;
            }
            if !first {
                self.expect(b',', "a comma or the end of the list or object")?;
                self.expect_value()?;
            }
            if let Some((_, first)) = self.inside.last_mut() {
                *first = false;
            }
            match inside {
                Inside::Entries => return self.value(true).map(|()| true),
                Inside::Objects if self.expect_value()? == b'{' => self.enter(Inside::Object)?,
                Inside::Objects => {
                    return Err(Reason::Broken { found: "a list of something else", expected: "a list of objects" });
                }
                Inside::Object => self.member()?,
            }
        }
    }

    /// Reads a member of the outer object, into the list if it is the one.
    fn member(&mut self) -> Result<(), Reason> {
        if self.expect_value()? != b'"' {
            return Err(Reason::Broken { found: "no name of a member", expected: "a name in quotation marks" });
        }
        self.name.clear();
        self.string(Keep::Name)?;
        let is = |name: Option<&str>, found: &[u8]| {
            name.is_some_and(|name| found.trim_ascii().eq_ignore_ascii_case(format!("\"{name}\"").as_bytes()))
        };
        let (list, total) = (is(self.shape.list, self.name.bytes()), is(self.shape.total, self.name.bytes()));
        self.expect_value()?;
        self.expect(b':', "a colon after a name")?;
        let byte = self.expect_value()?;
        if list && byte == b'[' {
            return self.enter_list();
        }
        if list {
            return Err(Reason::Broken { found: "a list of users that is none", expected: "a list in brackets" });
        }
        self.value(false)?;
        if total {
            self.total = std::str::from_utf8(self.name.bytes()).ok().and_then(|text| text.parse().ok());
        }
        Ok(())
    }

    fn enter(&mut self, inside: Inside) -> Result<(), Reason> {
        self.take()?;
        self.inside.push((inside, true));
        Ok(())
    }

    fn enter_list(&mut self) -> Result<(), Reason> {
        self.lists += 1;
        self.enter(Inside::Entries)
    }

    /// Checks at the end of the file that a list was there, and as much as it says.
    fn finish(&self, seen: u64) -> Result<(), Reason> {
        if let (Some(name), 0) = (self.shape.list, self.lists) {
            return Err(Reason::NoUsers { expected: name_of_list(name), entries: seen });
        }
        match self.total {
            Some(total) if total > seen => Err(Reason::Incomplete {
                found: format!("{seen} entries"),
                expected: format!("{total}, as totalResults says: all pages in one list"),
            }),
            _ => Ok(()),
        }
    }

    /// Reads over one value; keeps it if it is an entry.
    fn value(&mut self, entry: bool) -> Result<(), Reason> {
        let keep = if entry { Keep::Entry } else { Keep::Name };
        if entry {
            self.entry.clear();
            self.entry_line = self.line;
            self.too_deep = false;
        } else {
            self.name.clear();
        }
        let mut depth: usize = 0;
        let mut after_scalar = false;
        loop {
            let byte = self.expect_value()?;
            let scalar = byte.is_ascii_alphanumeric() || byte == b'-';
            if scalar && after_scalar {
                // `1 2` is no JSON, and must not become 12.
                self.keep(keep, b" ");
            }
            after_scalar = scalar;
            match byte {
                b'"' => self.string(keep)?,
                byte @ (b'{' | b'[') => {
                    depth += 1;
                    self.too_deep |= entry && depth > self.limits.depth;
                    self.take()?;
                    self.keep(keep, &[byte]);
                }
                byte @ (b'}' | b']') => {
                    let Some(outer) = depth.checked_sub(1) else {
                        return Err(Reason::Broken { found: "a closing bracket", expected: "a value" });
                    };
                    depth = outer;
                    self.take()?;
                    self.keep(keep, &[byte]);
                }
                byte @ (b',' | b':') if depth > 0 => {
                    self.take()?;
                    self.keep(keep, &[byte]);
                }
                _ if scalar => self.scalar(keep)?,
                _ => return Err(Reason::Broken { found: "a character that begins no value", expected: "JSON" }),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Reads over a string with its quotation marks.
    fn string(&mut self, keep: Keep) -> Result<(), Reason> {
        let mut escaped = false;
        let mut first = true;
        loop {
            let text = self.input.fill()?;
            if text.is_empty() {
                return Err(ends_early());
            }
            let mut end = None;
            let mut lines = 0;
            for (at, byte) in text.iter().enumerate() {
                let quote = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                lines += u64::from(*byte == b'\n');
                if quote && !std::mem::take(&mut first) {
                    end = Some(at + 1);
                    break;
                }
            }
            let count = end.unwrap_or(text.len());
            keep.into_buffer(&mut self.entry, &mut self.name).push(&text[..count]);
            self.line += lines;
            self.input.consume(count);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Reads over a number, `true`, `false` or `null`.
    fn scalar(&mut self, keep: Keep) -> Result<(), Reason> {
        loop {
            let text = self.input.fill()?;
            let fits = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
            let count = text.iter().take_while(fits).count();
            let more = count == text.len() && count > 0;
            keep.into_buffer(&mut self.entry, &mut self.name).push(&text[..count]);
            self.input.consume(count);
            if !more {
                return Ok(());
            }
        }
    }

    fn keep(&mut self, keep: Keep, bytes: &[u8]) {
        keep.into_buffer(&mut self.entry, &mut self.name).push(bytes);
    }

    /// Returns the next byte that is no white space, which stays where it is.
    fn peek_value(&mut self) -> Result<Option<u8>, Reason> {
        loop {
            let text = self.input.fill()?;
            if text.is_empty() {
                return Ok(None);
            }
            let blank = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
            let lines = memchr::memchr_iter(b'\n', &text[..blank]).count() as u64;
            let next = text.get(blank).copied();
            self.line += lines;
            self.input.consume(blank);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn expect_value(&mut self) -> Result<u8, Reason> {
        self.peek_value()?.ok_or_else(ends_early)
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Reason> {
        if self.expect_value()? != byte {
            // What follows cannot be told from what was meant.
            return Err(Reason::Broken { found: "something else in the JSON", expected });
        }
        self.take()
    }

    fn take(&mut self) -> Result<(), Reason> {
        self.input.fill()?;
        self.input.consume(1);
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Keep {
    Entry,
    Name,
}

impl Keep {
    fn into_buffer<'a>(self, entry: &'a mut Buffer, name: &'a mut Buffer) -> &'a mut Buffer {
        match self {
            Self::Entry => entry,
            Self::Name => name,
        }
    }
}

fn ends_early() -> Reason {
    Reason::Incomplete { found: "the end of the file".to_owned(), expected: "the rest of the JSON".to_owned() }
}

fn name_of_list(name: &str) -> &'static str {
    match name {
        "users" => "a list `users`",
        _ => "a list `Resources`",
    }
}
