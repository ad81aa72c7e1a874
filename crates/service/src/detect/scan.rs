//! Scanning: which of the candidates that stand beside a name in breach material is the current password.

use super::{Detector, PasswordSet, Proof, Sighting};
use crate::directory::KnownUser;
use crate::jobs::JobError;
use crate::wipe::wipe_stack;
use ::scan::candidate::{MOST as MOST_CANDIDATES, Secret};
use ::scan::engine::{DocumentName, Judge};
use ::scan::matcher::Found;
use ::scan::words::WordJudge;
use model::{EntityId, FoundCredential, MatchClass, Place, Ticks};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many parts the memory of what was verified has: threads seldom wait for each other.
const PARTS: usize = 64;
/// The most pairs that a part remembers: some hundred megabytes would be reached by 8 million pairs, never by chance.
const MOST: usize = 1 << 15;

/// What verifiers have said of users and candidates: the place of the account among the user's.
type Answers = HashMap<[u8; 16], Option<u32>>;

/// Asks the directory's verifiers about what a scan finds; each user and candidate once, as far as it remembers.
pub struct ScanJudge {
    pub(super) detector: Arc<Detector>,
    /// What evidence calls the source; the document's path where the operator gives no name.
    pub(super) source: Option<Box<str>>,
    pub(super) leaked: Option<Ticks>,
    pub(super) seen: Ticks,
    /// Which account of the user it is the password of, if of any.
    known: Vec<Mutex<Answers>>,
    totals: [AtomicU64; 5],
    /// Whose password a line of a list is, where the material is such lists.
    pub(super) words: Option<PasswordSet>,
    with_addresses: bool,
    /// How many candidates of a name verifiers are asked about that are slow, all of them.
    slow_candidates: usize,
}

/// A credential that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// What is kept of it.
    pub found: FoundCredential,
    /// Whether the user cannot sign in.
    pub is_disabled: bool,
}

/// What a scan asked of the verifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScanTotals {
    /// Candidates that stood beside a name of a user.
    pub candidates: u64,
    /// Candidates that verifiers were asked about.
    pub verified: u64,
    /// Candidates that had been asked about before.
    pub repeated: u64,
    /// Names of users who have no verifier, so that nothing can be told.
    pub no_verifier: u64,
    /// Candidates that slow verifiers were not asked about, because they were told to be asked about fewer.
    pub left_out: u64,
}

impl ScanJudge {
    /// Asks the verifiers of this directory.
    pub fn new(detector: Arc<Detector>, source: Option<Box<str>>, leaked: Option<Ticks>, seen: Ticks) -> Self {
        let known = (0..PARTS).map(|_| Mutex::default()).collect();
        let totals = [const { AtomicU64::new(0) }; 5];
        let (words, with_addresses, slow_candidates) = (None, false, MOST_CANDIDATES);
        Self { detector, source, leaked, seen, known, totals, words, with_addresses, slow_candidates }
    }

    /// Takes the material for lists of passwords that name nobody, whose lines are looked up here.
    #[must_use]
    pub fn of_passwords(self, set: PasswordSet) -> Self {
        Self { words: Some(set), ..self }
    }

    /// Also tells of names of which no verifier can say anything (class address-only).
    #[must_use]
    pub fn with_addresses(self) -> Self {
        Self { with_addresses: true, ..self }
    }

    /// Asks slow verifiers about the likeliest candidates only, so many of a name.
    #[must_use]
    pub fn with_slow_candidates(self, candidates: usize) -> Self {
        Self { slow_candidates: candidates, ..self }
    }

    /// A candidate was looked up among all users.
    pub(super) fn looked_up(&self) {
        self.count(0);
        self.count(1);
    }

    /// What it asked so far.
    pub fn totals(&self) -> ScanTotals {
        let [candidates, verified, repeated, no_verifier, left_out] =
            self.totals.each_ref().map(|n| n.load(Ordering::Relaxed));
        ScanTotals { candidates, verified, repeated, no_verifier, left_out }
    }

    fn count(&self, place: usize) {
        self.totals[place].fetch_add(1, Ordering::Relaxed);
    }

    fn part(&self, fingerprint: &[u8; 16]) -> std::sync::MutexGuard<'_, Answers> {
        let part = usize::from(fingerprint[0]) % PARTS;
        self.known[part].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Judge for ScanJudge {
    type Finding = Sighted;
    type Error = JobError;

    fn judge(&self, document: &DocumentName, found: &Found<'_>, findings: &mut Vec<Sighted>) -> Result<(), JobError> {
        let detector = &*self.detector;
        let Some(user) = detector.snapshot().users.get(found.hit.user) else { return Ok(()) };
        let user = &user;
        if !user.has_verifiers() {
            self.count(3);
            return self.unproven(document, found, findings);
        }
        for (place, secret) in found.candidates.iter().enumerate() {
            self.count(0);
            let is_likely = place < self.slow_candidates || matches!(secret, Secret::Hash(_));
            if !is_likely && detector.is_slow(user)? {
                self.count(4);
                continue;
            }
            let (class, bytes) = match secret {
                Secret::Password(bytes) => (MatchClass::Pair, bytes),
                Secret::Hash(bytes) => (MatchClass::PairByHash, bytes),
            };
            let mut half: [u8; 16] = *detector.fingerprint(user, bytes).first_chunk().expect("16 of 32 bytes");
            half[15] ^= u8::from(class == MatchClass::PairByHash); // as a password and as a hash, it is asked apart
            let known = self.part(&half).get(&half).copied();
            if known.is_some() {
                self.count(2);
            }
            let proof = match known {
                Some(known) => {
                    known.and_then(|number| user.accounts().nth(number as usize)).map(|account| Proof::by(&account))
                }
                None => {
                    self.count(1);
                    let proof = match class {
                        MatchClass::Pair => detector.prove(user, bytes)?,
                        _ => detector.prove_by_hash(user, bytes)?,
                    };
                    wipe_stack();
                    self.remember(half, user, proof.as_ref());
                    proof
                }
            };
            let Some(proof) = proof else { continue };
            let source = self.source.clone().unwrap_or_else(|| shortened(&document.path));
            let sighting = Sighting { source, leaked: self.leaked, seen: self.seen };
            let place = place_of(&document.place, found);
            let found = detector.found(user, (found.name, &found.hit), (class, bytes), proof, &sighting);
            let found = FoundCredential { place: Some(place), ..found };
            findings.push(Sighted { found, is_disabled: user.is_enabled == Some(false) });
            return Ok(());
        }
        self.unproven(document, found, findings)
    }

    fn of_words(&self) -> Option<&dyn WordJudge<Finding = Sighted, Error = JobError>> {
        self.words.is_some().then_some(self as _)
    }
}

impl ScanJudge {
    /// Remembers what the verifiers of a user have said.
    fn remember(&self, half: [u8; 16], user: &KnownUser<'_>, proof: Option<&Proof>) {
        let number = |proof: &Proof| user.accounts().position(|account| account.is(&proof.account));
        let mut part = self.part(&half);
        if part.len() >= MOST {
            part.clear();
        }
        part.insert(half, proof.and_then(number).map(|number| number as u32));
    }

    /// No verifier has said yes.
    fn unproven(
        &self,
        document: &DocumentName,
        found: &Found<'_>,
        findings: &mut Vec<Sighted>,
    ) -> Result<(), JobError> {
        if self.with_addresses { self.address_only(document, found, findings) } else { Ok(()) }
    }
}

/// Where a credential stands. What may be its password is never taken for the site's host.
pub(super) fn place_of(path: &str, found: &Found<'_>) -> Place {
    let is_candidate = |host: &[u8]| {
        found.candidates.iter().any(|secret| match secret {
            Secret::Password(bytes) | Secret::Hash(bytes) => {
                !bytes.is_empty() && host.windows(bytes.len()).any(|part| part.eq_ignore_ascii_case(bytes))
            }
        })
    };
    let host = found.context.filter(|host| !is_candidate(host));
    Place::new(path, (found.offset, Some(found.line)), found.shape.name(), host)
}

/// A document's path as evidence takes it: its end tells more than its beginning.
pub(super) fn shortened(path: &str) -> Box<str> {
    const LONGEST: usize = 256;
    let length = path.chars().count();
    if length <= LONGEST {
        return path.into();
    }
    let rest: String = path.chars().skip(length - LONGEST + 1).collect();
    format!("…{rest}").into()
}

/// What a scan has found since it was last kept: of the same credential in the same place, one.
#[derive(Default)]
pub struct Findings {
    by_key: HashMap<u64, Vec<FoundCredential>>,
    /// Users with a current credential, in the whole scan of this process.
    users: std::collections::HashSet<EntityId>,
    /// Of these, those who cannot sign in.
    disabled: std::collections::HashSet<EntityId>,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, sighted: Sighted) {
        let Sighted { found, is_disabled } = sighted;
        if found.finding.match_class != MatchClass::AddressOnly {
            self.users.insert(found.user.clone());
            if is_disabled {
                self.disabled.insert(found.user.clone());
            }
        }
        let mut hasher = DefaultHasher::new();
        (&found.user, &found.fingerprint, &found.finding).hash(&mut hasher);
        let alike = self.by_key.entry(hasher.finish()).or_default();
        let same = |known: &&mut FoundCredential| {
            (&known.user, &known.fingerprint, &known.finding) == (&found.user, &found.fingerprint, &found.finding)
        };
        match alike.iter_mut().find(same) {
            Some(known) => {
                known.occurrences = known.occurrences.saturating_add(found.occurrences);
                known.place = Place::first(known.place.take(), found.place);
            }
            None => alike.push(found),
        }
    }

    /// Takes out what there is to be kept.
    pub fn take(&mut self) -> Vec<FoundCredential> {
        let mut all: Vec<FoundCredential> = std::mem::take(&mut self.by_key).into_values().flatten().collect();
        all.sort_by(|a, b| {
            (&a.user, &a.fingerprint, &a.finding.source).cmp(&(&b.user, &b.fingerprint, &b.finding.source))
        });
        all
    }

    /// How many users have a current credential in what this process has scanned, and how many of them cannot sign in.
    pub fn users(&self) -> (u64, u64) {
        (self.users.len() as u64, self.disabled.len() as u64)
    }
}
