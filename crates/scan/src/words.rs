//! Reads lists of passwords, which name nobody: each line is a candidate for everybody's password.

use crate::candidate::{Candidates, Columns, collect_word, is_hash_line, is_hash_list};
use crate::chunk::{Chunk, End, LONGEST_LINE, Start};
use crate::counters::{Counters, Outcome};
use crate::engine::DocumentName;

/// What may be the password in a line of a list.
pub struct Word<'a> {
    /// The candidates, likeliest first; at least one.
    pub candidates: &'a Candidates,
    /// The number of the line, of those that begin in its chunk, from 1.
    pub line: u64,
    /// Where the line begins, in bytes of the text.
    pub offset: u64,
}

/// Decides whose passwords the lines of a list are.
pub trait WordJudge {
    /// What is kept of a password that was found.
    type Finding;
    /// Why nothing can be decided any more.
    type Error;

    /// Looks at a line of the document with these names.
    fn word(
        &self,
        document: &DocumentName,
        word: &Word<'_>,
        findings: &mut Vec<Self::Finding>,
    ) -> Result<(), Self::Error>;

    /// The document with this path is a list of hashes, which are no passwords.
    fn hashes(&self, path: &str) -> Result<(), Self::Error>;

    /// The lines of a chunk were all looked at: time to wipe what they left.
    fn chunk_done(&self) {}
}

/// Tells whether a chunk begins a document that is a list of hashes and not of passwords.
pub fn begins_hash_list(chunk: &Chunk) -> bool {
    chunk.number() == 0 && is_hash_list(chunk.bytes())
}

/// Reads a chunk: gives every line that may be a password to the sink, in the order of the text, and counts every line
/// that begins in the chunk. The sink says whether to go on.
///
/// Which columns there are is told from the first lines of each chunk: so it does not depend on what was read before.
pub fn chunk(chunk: &Chunk, counters: &mut Counters, sink: &mut dyn FnMut(Word<'_>) -> bool) {
    let text = chunk.bytes();
    let mut candidates = Candidates::default();
    let (mut place, mut number) = (0, chunk.first_line());
    if chunk.start != Start::Line {
        // The rest of a line that is too long, which was counted where it begins.
        let Some(end) = memchr::memchr(b'\n', text) else { return };
        (place, number) = (end + 1, number + 1);
    }
    let columns = Columns::sniff(&text[place..]);
    while place < text.len() {
        let end = memchr::memchr(b'\n', &text[place..]).map_or(text.len(), |length| place + length);
        let whole = &text[place..end];
        let mut line = whole.strip_suffix(b"\r").unwrap_or(whole);
        if chunk.offset() == 0 && place == 0 {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        let is_cut = end == text.len() && chunk.end != End::Line;
        let outcome = if is_cut || whole.len() > LONGEST_LINE {
            Outcome::LineTooLong
        } else if line.trim_ascii().is_empty() {
            Outcome::Blank
        } else {
            collect_word(line, columns, &mut candidates);
            let offset = chunk.offset() + place as u64;
            if !candidates.is_empty() && !sink(Word { candidates: &candidates, line: number, offset }) {
                candidates.clear();
                return;
            }
            match candidates.is_empty() {
                true => Outcome::PasswordTooLong,
                false if is_hash_line(line) => Outcome::ListedHash,
                false => Outcome::ListedPassword,
            }
        };
        counters.count(outcome, 1);
        (place, number) = (end + 1, number + 1);
    }
    candidates.clear();
}
