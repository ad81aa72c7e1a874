//! Tells the form of a file from its first bytes, in words.

mod json;
mod lines;
mod magic;

use crate::Format;
use crate::input::Input;

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It has that shape, and others may have it too.
    Likely,
    /// It says what it is.
    Certain,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sniffed {
    /// The form to read it as.
    pub format: Format,
    /// How sure that is.
    pub confidence: Confidence,
    /// What gives it away; it shows nothing of the file but names of columns and members.
    pub why: String,
}

/// A file is no export of a directory that can be read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this looks like {looks_like}: {why}")]
pub struct Unrecognised {
    /// What it looks like.
    pub looks_like: &'static str,
    /// What gives it away, and where there is one, the way out.
    pub why: &'static str,
}

pub(crate) type Verdict = Result<Sniffed, Unrecognised>;

#[expect(clippy::unnecessary_wraps, reason = "a verdict like that of `refused`, to be returned as it is")]
pub(crate) fn certain(format: Format, why: impl Into<String>) -> Verdict {
    Ok(Sniffed { format, confidence: Confidence::Certain, why: why.into() })
}

#[expect(clippy::unnecessary_wraps, reason = "a verdict like that of `refused`, to be returned as it is")]
pub(crate) fn likely(format: Format, why: impl Into<String>) -> Verdict {
    Ok(Sniffed { format, confidence: Confidence::Likely, why: why.into() })
}

pub(crate) fn refused(looks_like: &'static str, why: &'static str) -> Verdict {
    Err(Unrecognised { looks_like, why })
}

/// Tells what a file is from its beginning; 64 KiB are enough, and more is not looked at.
///
/// A realm export of Keycloak may have its users far behind that: its other members tell.
pub fn sniff(prefix: &[u8]) -> Result<Sniffed, Unrecognised> {
    if prefix.is_empty() {
        return refused("an empty file", "it has no byte");
    }
    if let Some((looks_like, why)) = magic::look(prefix) {
        return refused(looks_like, why);
    }
    let whole = prefix.len() < SEEN;
    let mut input = Input::new(&prefix[..prefix.len().min(SEEN)]);
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(SEEN * 2));
    loop {
        match input.fill() {
            Ok([]) => break,
            Ok(more) => {
                let count = more.len();
                text.extend_from_slice(more);
                input.consume(count);
            }
            // The prefix may end inside a character.
            Err(_) if !text.is_empty() => break,
            Err(_) => return refused("broken text", "its byte order mark says UTF-16, and it is not"),
        }
    }
    let controls = text.iter().filter(|byte| **byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0B | 0x0C));
    if controls.count() * 50 > text.len() {
        return refused("binary data", "it is full of control characters; if it is UTF-16, it lacks a byte order mark");
    }
    let text = zeroize::Zeroizing::new(String::from_utf8_lossy(&text).into_owned());
    let start = text.trim_start();
    if start.is_empty() {
        return refused("an empty file", "it has only white space");
    }
    if start.starts_with('<') {
        let html = start.get(..200).unwrap_or(start).to_ascii_lowercase().contains("<html");
        let looks_like = if html { "a web page" } else { "XML" };
        return refused(looks_like, "it begins with a tag; no export of a directory in XML is read");
    }
    let json = start.starts_with('{') || (start.starts_with('[') && !start.starts_with("[*]"));
    if let Some(verdict) = if json { json::look(start) } else { None } {
        return verdict;
    }
    lines::look(start, whole)
}

/// How much is looked at.
const SEEN: usize = 64 << 10;
