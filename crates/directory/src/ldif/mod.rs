//! LDIF (RFC 2849): entries of lines that may be folded.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::buffer::Buffer;
use crate::error::{Problem, Reason};
use crate::input::{Input, Lines};
use crate::person::{Attribute, Kept, Person};
use crate::users::Reader;
use crate::{DirectoryUser, Limits, Summary};

pub(crate) struct Ldif<R> {
    lines: Lines<R>,
    /// One line with its folds undone.
    unfolded: Buffer,
    unfolded_at: u64,
    limits: Limits,
}

/// What a block of lines between blank ones was.
enum Block {
    User(Box<DirectoryUser>),
    Skipped,
    End,
}

/// One line taken apart; the value is not decoded yet.
struct Line<'a> {
    name: &'a str,
    value: Value<'a>,
}

enum Value<'a> {
    Text(&'a [u8]),
    Base64(&'a [u8]),
    Url,
}

impl<R: Read> Ldif<R> {
    pub(crate) fn new(input: Input<R>, limits: &Limits) -> Self {
        Self {
            lines: Lines::new(input, limits.line_bytes),
            unfolded: Buffer::new(limits.line_bytes),
            unfolded_at: 0,
            limits: *limits,
        }
    }

    /// Reads the next line and what is folded into it; `false` at a blank line or the end of the file.
    ///
    /// Comments are passed over, folded ones too.
    fn advance(&mut self) -> Result<bool, Reason> {
        loop {
            if !self.lines.advance()? {
                return Ok(false);
            }
            self.unfolded.clear();
            self.unfolded_at = self.lines.number();
            let blank = self.lines.bytes().is_empty();
            self.take();
            if blank {
                return Ok(false);
            }
            while self.lines.advance()? {
                if self.lines.bytes().first() != Some(&b' ') {
                    self.lines.put_back();
                    break;
                }
                self.take();
            }
            if self.unfolded.bytes().first() != Some(&b'#') {
                return Ok(true);
            }
        }
    }

    fn take(&mut self) {
        let line = self.lines.bytes();
        let line = if self.unfolded.bytes().is_empty() { line } else { line.strip_prefix(b" ").unwrap_or(line) };
        self.unfolded.push(line);
        if self.lines.is_cut() {
            // It is full: one byte more, so that the cut is remembered.
            self.unfolded.push(b" ");
        }
    }

    fn is_cut(&self) -> bool {
        self.unfolded.is_cut()
    }

    fn block(&mut self, summary: &mut Summary) -> Result<Block, Problem> {
        let mut start = None;
        let mut entry = Entry::default();
        let mut fault: Option<Problem> = None;
        loop {
            let more = self.advance().map_err(|reason| Problem::new(self.lines.number(), reason))?;
            if !more {
                if start.is_some() {
                    break;
                }
                if self.lines.bytes().is_empty() && !self.at_end()? {
                    continue;
                }
                return Ok(Block::End);
            }
            let begun = entry.begun;
            if fault.is_none() {
                let result = self.line(&mut entry, summary);
                fault = result.err().map(|reason| Problem::new(self.unfolded_at, reason));
            }
            // A version may stand before the dn.
            if start.is_none() || entry.begun != begun {
                start = Some(self.unfolded_at);
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        let start = start.unwrap_or(1);
        entry.finish(start, summary).map_err(|reason| Problem::new(start, reason))
    }

    /// Whether nothing follows; what follows is kept for the next line.
    fn at_end(&mut self) -> Result<bool, Problem> {
        let more = self.lines.advance().map_err(|reason| Problem::new(self.lines.number(), reason))?;
        if more {
            self.lines.put_back();
        }
        Ok(!more)
    }

    fn line(&self, entry: &mut Entry, summary: &mut Summary) -> Result<(), Reason> {
        let Line { name, value } = divide(self.unfolded.bytes())?;
        let base = name.split(';').next().unwrap_or(name);
        let ranged = name.len() == base.len() || name[base.len()..].to_ascii_lowercase().starts_with(";range=");
        if !entry.begun && entry.control(&name.to_ascii_lowercase(), &value)? {
            return Ok(());
        }
        match base.to_ascii_lowercase().as_str() {
            "dn" if entry.begun => return Err(Reason::malformed("dn", "a second one", "a blank line before it")),
            "changetype" => {
                return Err(Reason::Refused {
                    what: "a change record (changetype)",
                    why: "it is no entry as it stands",
                });
            }
            "control" => return Err(Reason::Refused { what: "a control", why: "it belongs to a change record" }),
            _ => {}
        }
        if !entry.begun && base != "dn" && !base.eq_ignore_ascii_case("dn") {
            return Err(Reason::malformed("entry", "an attribute without a dn before it", "dn: first"));
        }
        let attribute = if ranged { Attribute::named(base) } else { None };
        let Some(attribute) = attribute else {
            // A photo may be as long as it likes.
            summary.ignore(name);
            return Ok(());
        };
        entry.begun = true;
        if attribute == Attribute::MemberOf {
            return self.group(&value, entry, summary);
        }
        if self.is_cut() {
            return Err(Reason::TooLong { what: attribute.name(), limit: self.limits.line_bytes });
        }
        let bytes = match value {
            Value::Text(bytes) => Zeroizing::new(bytes.to_vec()),
            Value::Base64(bytes) => base64(attribute, bytes)?,
            Value::Url => {
                return Err(BY_URL);
            }
        };
        entry.kept.add(bytes.len(), &self.limits)?;
        entry.person.take(attribute, &bytes, summary)
    }

    /// Takes the DN of a group. It is looked at and not kept, so that being in many groups, or in one whose DN is
    /// long, is no fault of a user.
    fn group(&self, value: &Value<'_>, entry: &mut Entry, summary: &mut Summary) -> Result<(), Reason> {
        match value {
            _ if self.is_cut() => {
                summary.ignore(Attribute::MemberOf.name());
                Ok(())
            }
            Value::Text(bytes) => entry.person.take(Attribute::MemberOf, bytes, summary),
            Value::Base64(bytes) => {
                entry.person.take(Attribute::MemberOf, &base64(Attribute::MemberOf, bytes)?, summary)
            }
            Value::Url => Err(BY_URL),
        }
    }
}

const BY_URL: Reason = Reason::Refused { what: "a value by URL (`:<`)", why: "no other file is opened" };

/// Divides `name: value`, `name:: base64` and `name:< url`.
fn divide(line: &[u8]) -> Result<Line<'_>, Reason> {
    const SHAPE: &str = "name: value";
    let colon = line.iter().position(|byte| *byte == b':');
    let Some(colon) = colon else { return Err(Reason::malformed("line", "no colon", SHAPE)) };
    let name = &line[..colon];
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b'=' | b'*' | b'_');
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && name.bytes().all(|byte| fits(&byte)));
    let Some(name) = name else {
        return Err(Reason::malformed("line", "no name of an attribute before the colon", SHAPE));
    };
    let rest = &line[colon + 1..];
    let value = match rest.first() {
        Some(b':') => Value::Base64(rest[1..].trim_ascii()),
        Some(b'<') => Value::Url,
        _ => Value::Text(&rest[rest.iter().take_while(|byte| **byte == b' ').count()..]),
    };
    Ok(Line { name, value })
}

fn base64(attribute: Attribute, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Reason> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let Ok(length) = STANDARD.decode_slice(text, &mut bytes) else {
        return Err(Reason::malformed(attribute.name(), "something else after `::`", "base64"));
    };
    bytes.truncate(length);
    Ok(bytes)
}

/// The lines of a block as they come in.
#[derive(Default)]
struct Entry {
    /// Whether its dn was there.
    begun: bool,
    /// Whether a line of `ldapsearch` about the search was there.
    about_search: bool,
    result: Option<u32>,
    version: bool,
    kept: Kept,
    person: Person,
}

impl Entry {
    /// Takes a line that stands outside of entries: the version, and what `ldapsearch` says of its search.
    fn control(&mut self, name: &str, value: &Value<'_>) -> Result<bool, Reason> {
        let Value::Text(text) = value else { return Ok(false) };
        match name {
            "version" if !self.version => {
                self.version = true;
                if *text == b"1" {
                    Ok(true)
                } else {
                    Err(Reason::malformed("version", "another version of LDIF", "version: 1"))
                }
            }
            "search" | "ref" | "pagedresults" | "matcheddn" | "text" => {
                self.about_search = true;
                Ok(true)
            }
            "control" if self.about_search => Ok(true),
            "result" => {
                let code = std::str::from_utf8(text).ok().and_then(|text| text.split(' ').next()?.parse().ok());
                self.result = Some(code.ok_or(Reason::malformed("result", "no number", "a result code"))?);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn finish(self, line: u64, summary: &mut Summary) -> Result<Block, Reason> {
        if self.begun {
            let user = self.person.finish(line, summary)?;
            return Ok(user.map_or(Block::Skipped, |user| Block::User(Box::new(user))));
        }
        match self.result {
            None | Some(0) => Ok(Block::Skipped),
            Some(code) => Err(Reason::Incomplete {
                found: format!("the search ended with result {code}"),
                expected: "result 0 (success)".to_owned(),
            }),
        }
    }
}

impl<R: Read> Reader for Ldif<R> {
    fn next(&mut self, summary: &mut Summary) -> Option<Result<DirectoryUser, Problem>> {
        loop {
            match self.block(summary) {
                Ok(Block::User(user)) => return Some(Ok(*user)),
                Ok(Block::Skipped) => {}
                Ok(Block::End) => return None,
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}
