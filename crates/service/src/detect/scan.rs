//! Scanning: which of the candidates that stand beside a name in breach material is the current password.

use super::{Detector, PasswordSet, Proof, Sighting, Verdict};
use crate::directory::KnownUser;
use crate::jobs::JobError;
use crate::retained::{Beside, Retention};
use crate::wipe::wipe_stack;
use ::scan::candidate::{MOST as MOST_CANDIDATES, Secret};
use ::scan::engine::{DocumentName, Judge};
use ::scan::matcher::{Found, Occurrence};
use ::scan::words::WordJudge;
use model::{EntityId, FoundCredential, MatchClass, Place, RetainedCandidate, Ticks, shortened};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many parts the memory of what was verified has: threads seldom wait for each other.
const PARTS: usize = 64;
/// The most pairs that a part remembers: some hundred megabytes would be reached by 8 million pairs, never by chance.
const MOST: usize = 1 << 15;

/// What verifiers have said of users and candidates.
type Answers = HashMap<[u8; 16], Answer>;

/// What verifiers have said.
#[derive(Clone, Copy)]
enum Answer {
    /// It is current: the place of the account among the user's.
    Account(u32),
    NotCurrent,
    /// It waits in the queue of slow verifications.
    Queued,
}

/// Asks the directory's verifiers about what a scan finds; each user and candidate once, as far as it remembers.
pub struct ScanJudge {
    pub(super) detector: Arc<Detector>,
    /// What evidence calls the source; the document's path where the operator gives no name.
    pub(super) source: Option<Box<str>>,
    pub(super) leaked: Option<Ticks>,
    pub(super) seen: Ticks,
    /// Which account of the user it is the password of, if of any.
    known: Vec<Mutex<Answers>>,
    totals: [AtomicU64; 6],
    /// Whose password a line of a list is, where the material is such lists.
    pub(super) words: Option<PasswordSet>,
    with_addresses: bool,
    /// How many candidates of a name verifiers are asked about that are slow, all of them.
    slow_candidates: usize,
    /// For how long candidates are kept that stand beside names in the organisation's domains, and domains of it beyond
    /// those of the directory.
    retention: Option<(Retention, HashSet<String>)>,
}

/// What comes of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A credential, which is current or waits to be checked.
    Credential(Box<Sighted>),
    /// A candidate that is kept for users who come later.
    Retained(RetainedCandidate),
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
    /// Candidates that were handed to the queue of slow verifications.
    pub queued: u64,
}

impl ScanJudge {
    /// Asks the verifiers of this directory.
    pub fn new(detector: Arc<Detector>, source: Option<Box<str>>, leaked: Option<Ticks>, seen: Ticks) -> Self {
        let known = (0..PARTS).map(|_| Mutex::default()).collect();
        let totals = [const { AtomicU64::new(0) }; 6];
        let (words, with_addresses, slow_candidates) = (None, false, MOST_CANDIDATES);
        let retention = None;
        Self { detector, source, leaked, seen, known, totals, words, with_addresses, slow_candidates, retention }
    }

    /// Also keeps what stands beside names in the organisation's domains, which are those of the directory and some others,
    /// for users and verifiers that come later.
    #[must_use]
    pub fn with_retention(self, retention: Retention, others: &[&str]) -> Self {
        let normaliser = self.detector.snapshot().normaliser();
        let domain = |other: &&str| {
            normaliser.normalise(&format!("x@{other}")).text().rsplit_once('@').map(|(_, d)| d.to_owned())
        };
        let others = others.iter().filter_map(domain).collect();
        Self { retention: Some((retention, others)), ..self }
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
        let [candidates, verified, repeated, no_verifier, left_out, queued] =
            self.totals.each_ref().map(|n| n.load(Ordering::Relaxed));
        ScanTotals { candidates, verified, repeated, no_verifier, left_out, queued }
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
    type Finding = Seen;
    type Error = JobError;

    fn judge(&self, document: &DocumentName, found: &Found<'_>, findings: &mut Vec<Seen>) -> Result<(), JobError> {
        let (detector, occurrence) = (&*self.detector, &found.occurrence);
        if let Some((retention, others)) = &self.retention
            && let Some((_, domain)) = occurrence.name.text().rsplit_once('@')
            && (detector.snapshot().domains().contains(domain) || others.contains(domain))
        {
            self.retain(document, occurrence, *retention, findings)?;
        }
        let Some(user) = detector.snapshot().users.get(found.hit.user) else { return Ok(()) };
        let user = &user;
        if !user.has_verifiers() {
            self.count(3);
            return self.unproven(document, found, findings);
        }
        for (rank, secret) in occurrence.candidates.iter().enumerate() {
            self.count(0);
            let is_likely = rank < self.slow_candidates || matches!(secret, Secret::Hash(_));
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
            let answer = match known {
                Some(known) => {
                    self.count(2);
                    known
                }
                None => {
                    let verdict = match class {
                        MatchClass::Pair => detector.judge(user, bytes)?,
                        _ => detector.prove_by_hash(user, bytes)?.map_or(Verdict::NotCurrent, Verdict::Current),
                    };
                    wipe_stack();
                    self.count(if verdict == Verdict::Slow { 5 } else { 1 });
                    self.remember(half, user, &verdict)
                }
            };
            let proof = match answer {
                Answer::NotCurrent => continue,
                Answer::Account(number) => user.accounts().nth(number as usize).map(|account| Proof::by(&account)),
                Answer::Queued => None,
            };
            let source = self.source.clone().unwrap_or_else(|| source_of(&document.path));
            let sighting = Sighting { source, leaked: self.leaked, seen: self.seen };
            let is_proved = proof.is_some();
            let name = (occurrence.name, &found.hit);
            let kept = detector.found(user, name, (class, bytes, rank), proof, &sighting)?;
            let kept = FoundCredential { place: Some(place_of(document, occurrence)), ..kept };
            let is_disabled = user.is_enabled == Some(false);
            findings.push(Seen::Credential(Box::new(Sighted { found: kept, is_disabled })));
            if is_proved {
                return Ok(());
            }
        }
        self.unproven(document, found, findings)
    }

    fn wants_unknown(&self) -> bool {
        self.retention.is_some()
    }

    fn unknown(
        &self,
        document: &DocumentName,
        unknown: &Occurrence<'_>,
        findings: &mut Vec<Seen>,
    ) -> Result<(), JobError> {
        let Some((retention, _)) = &self.retention else { return Ok(()) };
        self.retain(document, unknown, *retention, findings)
    }

    fn of_words(&self) -> Option<&dyn WordJudge<Finding = Seen, Error = JobError>> {
        self.words.is_some().then_some(self as _)
    }
}

impl ScanJudge {
    /// Keeps what stands beside a name for users who come later.
    fn retain(
        &self,
        document: &DocumentName,
        occurrence: &Occurrence<'_>,
        retention: Retention,
        findings: &mut Vec<Seen>,
    ) -> Result<(), JobError> {
        let source = self.source.clone().unwrap_or_else(|| source_of(&document.path));
        let sighting = Sighting { source, leaked: self.leaked, seen: self.seen };
        // Lines are not numbered behind the first piece of a document, and nobody can mend what is sealed.
        let place = Place { line: None, ..place_of(document, occurrence) };
        let (vault, tenant) = (&self.detector.vault, self.detector.tenant);
        for (rank, secret) in occurrence.candidates.iter().enumerate() {
            let (Secret::Password(bytes) | Secret::Hash(bytes)) = secret;
            let is_hash = matches!(secret, Secret::Hash(_));
            let (name, sighting, place) = (occurrence.name.text(), &sighting, place.clone());
            let beside = Beside { name, secret: bytes, is_hash, rank, sighting, place };
            findings.push(Seen::Retained(beside.sealed((vault, tenant), retention)?));
        }
        Ok(())
    }

    /// Remembers what the verifiers of a user have said.
    fn remember(&self, half: [u8; 16], user: &KnownUser<'_>, verdict: &Verdict) -> Answer {
        let number = |proof: &Proof| user.accounts().position(|account| account.is(&proof.account));
        let answer = match verdict {
            Verdict::Current(proof) => number(proof).map_or(Answer::NotCurrent, |at| Answer::Account(at as u32)),
            Verdict::NotCurrent => Answer::NotCurrent,
            Verdict::Slow => Answer::Queued,
        };
        let mut part = self.part(&half);
        if part.len() >= MOST {
            part.clear();
        }
        part.insert(half, answer);
        answer
    }

    /// No verifier has said yes, so far.
    fn unproven(&self, document: &DocumentName, found: &Found<'_>, findings: &mut Vec<Seen>) -> Result<(), JobError> {
        if self.with_addresses { self.address_only(document, found, findings) } else { Ok(()) }
    }
}

/// Where a credential stands. What may be its password is never taken for the site's host.
pub(super) fn place_of(document: &DocumentName, occurrence: &Occurrence<'_>) -> Place {
    let is_candidate = |host: &[u8]| {
        occurrence.candidates.iter().any(|secret| match secret {
            Secret::Password(bytes) | Secret::Hash(bytes) => {
                !bytes.is_empty() && host.windows(bytes.len()).any(|part| part.eq_ignore_ascii_case(bytes))
            }
        })
    };
    let host = occurrence.context.filter(|host| !is_candidate(host));
    Place::new(&document.place, (occurrence.offset, Some(occurrence.line)), occurrence.shape.name(), host)
}

/// A document's path as evidence takes it.
pub(super) fn source_of(document: &str) -> Box<str> {
    const LONGEST: usize = 256;
    shortened(document, LONGEST)
}

/// What a scan has found since it was last kept: of the same credential in the same place, one.
#[derive(Default)]
pub struct Findings {
    by_key: HashMap<u64, Vec<FoundCredential>>,
    count: usize,
    /// Users with a current credential, in the whole scan of this process.
    users: HashSet<EntityId>,
    /// Of these, those who cannot sign in.
    disabled: HashSet<EntityId>,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, sighted: Sighted) {
        let Sighted { found, is_disabled } = sighted;
        if found.finding.match_class != MatchClass::AddressOnly && found.candidate.is_none() {
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
            None => {
                alike.push(found);
                self.count += 1;
            }
        }
    }

    /// How many there are to be kept.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes out what there is to be kept.
    pub fn take(&mut self) -> Vec<FoundCredential> {
        self.count = 0;
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
