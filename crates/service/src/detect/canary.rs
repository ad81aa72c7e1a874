//! The canary: pairs that are planted and must be found, before a scan says anything of what it does not find (leaks.md,
//! capability 7).

use super::Detector;
use crate::directory::KnownUser;
use crate::jobs::JobError;
use ::scan::candidate::Secret;
use ::scan::chunk::{Chunker, Pool};
use ::scan::counters::Counters;
use ::scan::decode::{Decoder, Document, Flow, Problem, Visitor};
use ::scan::matcher::{Found, Matcher, Scratch};
use ::scan::source::Content;
use ::scan::text::Text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Entropy;
use std::io::Read;
use std::sync::Arc;
use verify::verifier::{Limits, Verifier};

/// How the pairs are written: a list, a stealer's line and block, a row of a table, an object.
const PLANTED: usize = 5;

impl Detector {
    /// Plants pairs of a user's name and a password made up by chance, each in another shape, and has them decoded, matched
    /// and verified as the material will be. Fails unless all of them are found.
    pub fn must_find_canaries(
        &self,
        matcher: &Matcher<'_>,
        decoder: &Decoder,
        entropy: &dyn Entropy,
    ) -> Result<(), JobError> {
        let mut users = self.snapshot.users.iter();
        let with_verifiers = users.clone().find(KnownUser::has_verifiers);
        let Some(user) = with_verifiers.or_else(|| users.next()) else { return Ok(()) };
        let canary = format!("Canary-{:016x}", entropy.number());
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canary.as_bytes());
        let verifier = format!("{{SHA256}}{}", STANDARD.encode(hash));
        let verifier = Verifier::parse(&verifier, &Limits::default()).expect("a digest of ours");
        let name = user.name;
        let text = format!(
            "{name}:{canary}\nhttps://site.example/login:{name}:{canary}\n\nURL: https://site.example\nUsername: {name}\n\
             Password: {canary}\n\n1,{name},{canary}\n{{\"email\":\"{name}\",\"password\":\"{canary}\"}}\n"
        );
        let mut finder = Finder { matcher, verifier, found: 0 };
        decoder.content("canary", Content::stream(text.as_bytes()), None, &mut finder);
        if finder.found >= PLANTED { Ok(()) } else { Err(JobError::Canary { planted: PLANTED, found: finder.found }) }
    }
}

struct Finder<'m> {
    matcher: &'m Matcher<'m>,
    verifier: Verifier,
    found: usize,
}

impl Visitor for Finder<'_> {
    fn document(&mut self, _: &Document<'_>, content: &mut dyn Read) -> Flow {
        let (mut scratch, mut counters, mut found) = (Scratch::default(), Counters::default(), 0);
        let Ok(text) = Text::new(content) else { return Flow::Stop };
        let mut chunker = Chunker::new(text, ::scan::engine::CHUNK, Arc::new(Pool::default()));
        while let Ok(Some(chunk)) = chunker.next_chunk() {
            let mut lines = std::collections::BTreeSet::new();
            let mut sink = |one: Found<'_>| {
                let is_it = |secret| match secret {
                    Secret::Password(bytes) => self.verifier.check(bytes).unwrap_or(false),
                    Secret::Hash(_) => false,
                };
                if one.occurrence.candidates.iter().any(is_it) {
                    lines.insert(one.occurrence.line);
                }
            };
            self.matcher.chunk(&chunk, &mut scratch, &mut counters, &mut sink);
            found += lines.len();
        }
        self.found += found;
        Flow::Continue
    }

    fn problem(&mut self, _: &Problem) {
        // What is missing then is missed.
    }
}
