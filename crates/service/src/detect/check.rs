//! Checking pairs that somebody has in hand: each is looked at once, and nothing is kept of one that is not current.

use super::{Detector, Sighting, Verdict};
use crate::jobs::{FoundCounts, JobError};
use crate::wipe::wipe_stack;
use model::{FoundCredential, MatchClass};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// A name and a password that are said to belong together. It has no `Debug` on purpose.
pub struct Pair {
    /// The name.
    pub name: Zeroizing<String>,
    /// The password.
    pub password: Zeroizing<Vec<u8>>,
}

/// What became of pairs: each line that was read is in exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckCounts {
    /// Lines that were read.
    pub lines: u64,
    /// Lines that hold no pair.
    pub no_pair: u64,
    /// Names that nobody has.
    pub unknown_name: u64,
    /// Pairs of users of whom no verifier is known, so that nothing can be told.
    pub no_verifier: u64,
    /// Pairs that are not current.
    pub not_current: u64,
    /// Pairs that were checked before.
    pub repeated: u64,
    /// Pairs that wait in the queue of slow verifications; they are among the others when the job ends.
    pub queued: u64,
    /// Pairs of which slow verifiers could not be asked, so that nothing can be told.
    pub undecided: u64,
    /// Pairs that are current.
    pub current: u64,
    /// Of these, pairs of users who cannot sign in.
    pub disabled: u64,
}

impl CheckCounts {
    /// Takes in what slow verifiers said of the pairs that waited for them, once the job has found all that it finds.
    pub fn settle(&mut self, found: &FoundCounts) {
        let current = found.credentials.saturating_sub(self.current).min(self.queued);
        self.current += current;
        let undecided = found.undecided_places.min(self.queued - current);
        self.undecided += undecided;
        self.not_current += self.queued - current - undecided;
        self.queued = 0;
        self.disabled = self.disabled.max(found.disabled);
    }

    /// Adds what became of others.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            lines,
            no_pair,
            unknown_name,
            no_verifier,
            not_current,
            repeated,
            queued,
            undecided,
            current,
            disabled,
        } = other;
        self.lines += lines;
        self.no_pair += no_pair;
        self.unknown_name += unknown_name;
        self.no_verifier += no_verifier;
        self.not_current += not_current;
        self.repeated += repeated;
        self.queued += queued;
        self.undecided += undecided;
        self.current += current;
        self.disabled += disabled;
    }
}

/// What has been checked since this process began: so that a pair is verified once.
#[derive(Default)]
pub struct Checked {
    /// Fingerprints of pairs, and what verifiers said of them.
    known: HashMap<[u8; 16], Verdict>,
    /// What became of them.
    pub counts: CheckCounts,
}

/// The most pairs that are remembered.
const MOST: usize = 1 << 20;

impl Checked {
    /// Goes on counting where a process before left off.
    pub fn from(counts: CheckCounts) -> Self {
        Self { counts, known: HashMap::new() }
    }

    /// Looks at a pair. What is found is to be kept with the job.
    pub fn pair(
        &mut self,
        detector: &Detector,
        pair: &Pair,
        sighting: &Sighting,
    ) -> Result<Vec<FoundCredential>, JobError> {
        let snapshot = detector.snapshot();
        let (name, hits) = snapshot.named(&pair.name);
        let mut found: Vec<FoundCredential> = Vec::new();
        let (mut has_verifiers, mut is_repeated, mut is_current) = (false, false, false);
        let mut last = None;
        for hit in &hits {
            if last.replace(hit.user) == Some(hit.user) {
                continue; // another attribute of the same user
            }
            let user = &snapshot.users.at(hit.user);
            if !user.has_verifiers() {
                continue;
            }
            has_verifiers = true;
            let fingerprint = detector.fingerprint(user, &pair.password);
            let half: [u8; 16] = *fingerprint.first_chunk().expect("16 of 32 bytes");
            let verdict = match self.known.get(&half) {
                Some(verdict) => {
                    is_repeated = true;
                    verdict.clone()
                }
                None => detector.judge(user, &pair.password)?,
            };
            if self.known.len() >= MOST {
                self.known.clear();
            }
            self.known.insert(half, verdict.clone());
            let proof = match verdict {
                Verdict::Current(proof) => {
                    self.counts.disabled += u64::from(user.is_enabled == Some(false));
                    is_current = true;
                    Some(proof)
                }
                Verdict::Slow if !is_repeated => None,
                Verdict::Slow | Verdict::NotCurrent => continue,
            };
            let pair = (MatchClass::Pair, pair.password.as_slice(), 0);
            found.push(detector.found(user, (&name, hit), pair, proof, sighting)?);
        }
        if has_verifiers {
            wipe_stack();
        }
        let count = match (hits.is_empty(), has_verifiers, found.is_empty()) {
            (true, ..) => &mut self.counts.unknown_name,
            (_, false, _) => &mut self.counts.no_verifier,
            _ if is_current => &mut self.counts.current,
            (.., false) => &mut self.counts.queued,
            _ if is_repeated => &mut self.counts.repeated,
            _ => &mut self.counts.not_current,
        };
        *count += 1;
        self.counts.lines += 1;
        Ok(found)
    }

    /// Counts a line that holds no pair.
    pub fn no_pair(&mut self) {
        self.counts.lines += 1;
        self.counts.no_pair += 1;
    }
}
