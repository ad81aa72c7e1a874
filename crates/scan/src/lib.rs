//! Reads breach material: from sources through decoders to lines, and from lines to the candidates for a password
//! that stand beside a known identity.
//!
//! ```text
//! bytes -> text::Text -> chunk::Chunker -> matcher::Matcher -> matcher::Sink
//! ```
//!
//! A line is not parsed and then looked up; a known name is found in it first, and then everything around the name
//! that may be its password is listed, the likeliest first. Who holds the verifiers decides.
//!
//! Lists of passwords that name nobody are read by [`words`] in place of the matcher.

/// How this version reads. It grows whenever the same bytes could give other findings or counters, so that processes of
/// different versions do not share the work on one material.
pub const FORMAT: u32 = 1;

pub mod candidate;
pub mod chunk;
pub mod counters;
pub mod decode;
pub mod engine;
pub mod layout;
mod mask;
pub mod matcher;
pub mod preview;
pub mod range;
pub mod source;
pub mod suspicion;
pub mod text;
pub mod words;
