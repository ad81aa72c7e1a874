//! What was not read, and what can be done about it.

use super::magic::Format;

/// Something of an item that was not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Problem {
    /// Which one, as in [`Document::path`](super::Document::path).
    pub path: String,
    /// What is wrong with it.
    pub what: What,
}

/// What is wrong, in words that say what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// The item decodes to more than [`Limits::total_bytes`](super::Limits::total_bytes).
    #[error(
        "decodes to more than {limit} bytes in all; nothing behind this point was read; raise the limit or unpack it first"
    )]
    TotalBytes {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A stream or the whole item grows by more than [`Limits::ratio`](super::Limits::ratio).
    #[error(
        "{encoded} bytes decode to {decoded} or more, over {limit} times as many: this looks like a decompression bomb; raise the limit if it is none"
    )]
    Ratio {
        /// Bytes that came out so far.
        decoded: u64,
        /// Bytes that went in.
        encoded: u64,
        /// How many may come out for each.
        limit: u64,
    },
    /// The archives of the item have more than [`Limits::entries`](super::Limits::entries).
    #[error("more than {limit} entries; those behind were not read; raise the limit or unpack it first")]
    Entries {
        /// The limit.
        limit: u64,
    },
    /// A layer deeper than [`Limits::depth`](super::Limits::depth).
    #[error("{format} at depth {found}, over the limit of {limit}; raise the limit or unpack it first")]
    Depth {
        /// What stands too deep.
        format: Format,
        /// The depth that it would make.
        found: u32,
        /// The limit.
        limit: u32,
    },
    /// A name longer than [`Limits::name_bytes`](super::Limits::name_bytes).
    #[error("the entry's name has {found} bytes, over the limit of {limit}; the entry was not read")]
    NameBytes {
        /// Its length, in bytes.
        found: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// An archive that must be held in memory has more than [`Limits::held_bytes`](super::Limits::held_bytes).
    #[error(
        "{format} is read from its end, and inside another archive or from a pipe it must be held in memory: more than {limit} bytes; unpack it first, or give it as a file"
    )]
    HeldBytes {
        /// What it is.
        format: Format,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A decoder asks for a window over [`Limits::window_bytes`](super::Limits::window_bytes).
    #[error("{format} asks for more than {limit} bytes of memory to decode; unpack it first")]
    WindowBytes {
        /// What it is.
        format: Format,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The bytes end before the stream or archive does.
    #[error("the {format} stream ends early, after {after} decoded bytes; what came before was read; get a whole copy")]
    EndsEarly {
        /// What ends.
        format: Format,
        /// Bytes that came out before; of an archive, where in it the end is.
        after: u64,
    },
    /// The bytes are not what the format allows.
    #[error(
        "the {format} stream is damaged after {after} decoded bytes ({why}); what came before was read; get a whole copy"
    )]
    Damaged {
        /// What is damaged.
        format: Format,
        /// Bytes that came out before; of an archive, where in it the damage is.
        after: u64,
        /// What the decoder says.
        why: String,
    },
    /// Bytes behind the end of a stream that are no further stream.
    #[error("bytes that are no {format} follow at {at}; they were not read; cut them off into a file of their own")]
    TrailingData {
        /// What comes before them.
        format: Format,
        /// Where they start, in bytes from the start of the stream or archive.
        at: u64,
    },
    /// A form that is recognised and not read.
    #[error("{kind}: not read; {advice}")]
    Refused {
        /// What it is.
        kind: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Encrypted, and no password was given.
    #[error("encrypted ({method}); give its password as archive password")]
    PasswordNeeded {
        /// How it is encrypted.
        method: &'static str,
    },
    /// Encrypted, and no given password fits.
    #[error("encrypted ({method}); none of the {tried} archive passwords fits")]
    WrongPassword {
        /// How it is encrypted.
        method: &'static str,
        /// How many were tried.
        tried: usize,
    },
    /// A way of compression or encryption that is not read.
    #[error("{format} with {method}, which is not read; pack it again with deflate")]
    Method {
        /// The archive.
        format: Format,
        /// The way, by name or number.
        method: String,
    },
    /// An archive without any entry.
    #[error("{format} archive without any entry; make sure that it is the one you mean")]
    Empty {
        /// What it is.
        format: Format,
    },
    /// An entry that is no plain file.
    #[error("{kind}, no plain file; not read")]
    NotAFile {
        /// What it is.
        kind: &'static str,
    },
    /// An entry whose end cannot be told from a stream.
    #[error(
        "the size of this entry stands behind it, and {method} does not tell its end; it and what follows were not read; give the archive as a file of its own"
    )]
    NoSize {
        /// How the entry is packed.
        method: &'static str,
    },
    /// The source failed.
    #[error("cannot be read at {at}: {error}")]
    Read {
        /// Bytes read before.
        at: u64,
        /// What the system says.
        error: String,
    },
}

impl What {
    /// A short name that counts can be kept under: one for each kind of problem.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TotalBytes { .. } => "too many bytes",
            Self::Ratio { .. } => "decompression bomb",
            Self::Entries { .. } => "too many entries",
            Self::Depth { .. } => "nested too deeply",
            Self::NameBytes { .. } => "name too long",
            Self::HeldBytes { .. } => "too large to hold",
            Self::WindowBytes { .. } => "window too large",
            Self::EndsEarly { .. } => "ends early",
            Self::Damaged { .. } => "damaged",
            Self::TrailingData { .. } => "trailing data",
            Self::Refused { .. } => "refused form",
            Self::PasswordNeeded { .. } => "password needed",
            Self::WrongPassword { .. } => "wrong password",
            Self::Method { .. } => "unknown method",
            Self::Empty { .. } => "empty archive",
            Self::NotAFile { .. } => "no plain file",
            Self::NoSize { .. } => "unknown size",
            Self::Read { .. } => "unreadable",
        }
    }
}
