//! What is found without a pair: passwords of lists that name nobody, and names of which nothing but the address is known
//! to be out (leaks.md, section 7.1, classes password-only and address-only).

use super::scan::{Seen, Sighted, place_of, source_of};
use super::{Detector, Proof, ScanJudge, rule_name, verifiers};
use crate::jobs::JobError;
use crate::wipe::wipe_stack;
use ::scan::candidate::Secret;
use ::scan::chunk::{Chunker, Pool};
use ::scan::counters::Counters;
use ::scan::decode::{Decoder, Document, Flow, Problem, Visitor};
use ::scan::engine::DocumentName;
use ::scan::matcher::Found;
use ::scan::source::Content;
use ::scan::text::Text;
use ::scan::words::{Word, WordJudge, chunk};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Entropy, Finding, FoundCredential, MatchClass, Place};
use std::io::Read;
use std::sync::Arc;
use verify::verifier::{DigestSet, DigestSetBuilder, Limits, Verifier};

/// The digests of all users whose password can be told from a list: opened once, and wiped when it is dropped. It has no
/// `Debug` on purpose.
pub struct PasswordSet {
    digests: DigestSet,
    /// User and account of each owner of a digest, as places in the directory.
    owners: Vec<(u32, u32)>,
    coverage: Coverage,
}

/// Of how many users a list of passwords can tell something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Users who have a verifier that is fast and has no salt.
    pub users: u64,
    /// Of these, users who have further accounts that have none.
    pub in_part: u64,
    /// Users who have verifiers, all of them with a salt or slow.
    pub unreachable: u64,
}

impl PasswordSet {
    /// Of how many users it can tell something.
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }
}

impl Detector {
    /// Opens the verifiers of everybody and keeps the digests that have no salt, so that a password is looked up among all
    /// of them at once.
    pub fn password_set(&self) -> Result<PasswordSet, JobError> {
        let (mut digests, mut owners, mut coverage) = (DigestSetBuilder::default(), Vec::new(), Coverage::default());
        for (place, user) in self.snapshot.users.iter().enumerate() {
            let (mut reachable, mut known) = (0, 0);
            for (number, account) in user.accounts().enumerate() {
                let Some(opened) = self.opened(&account)? else { continue };
                known += 1;
                let owner = u32::try_from(owners.len()).map_err(|_| too_many())?;
                let added = verifiers(&opened, &self.limits).filter(|verifier| digests.add(verifier, owner)).count();
                if added > 0 {
                    reachable += 1;
                    owners.push((place as u32, number as u32));
                }
            }
            coverage.users += u64::from(reachable > 0);
            coverage.in_part += u64::from(reachable > 0 && reachable < known);
            coverage.unreachable += u64::from(reachable == 0 && known > 0);
        }
        Ok(PasswordSet { digests: digests.finish(), owners, coverage })
    }

    /// Plants passwords made up by chance in a list, with and without columns, and has them decoded, read and looked up as
    /// the material will be. Fails unless all of them are found.
    pub fn must_find_canary_words(&self, decoder: &Decoder, entropy: &dyn Entropy) -> Result<(), JobError> {
        let lists: [fn(&str) -> String; 3] = [
            |canary| format!("word\n{canary}\n\nlast"),
            |canary| format!("word:7\n{canary}:12\n"),
            |canary| format!("      7 word\r\n     12 {canary}\r\n"),
        ];
        let mut found = 0;
        for list in lists {
            let canary = format!("Canary-{:016x}", entropy.number());
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canary.as_bytes());
            let verifier = format!("{{SHA256}}{}", STANDARD.encode(hash));
            let mut builder = DigestSetBuilder::default();
            builder.add(&Verifier::parse(&verifier, &Limits::default()).expect("a digest of ours"), 0);
            let mut finder = Finder { digests: builder.finish(), found: 0 };
            decoder.content("canary", Content::stream(list(&canary).as_bytes()), None, &mut finder);
            found += usize::from(finder.found == 1);
        }
        let planted = lists.len();
        if found == planted { Ok(()) } else { Err(JobError::CanaryWords { planted, found }) }
    }

    /// Whether one of the user's verifiers is of a kind that this hash may be of, so that comparing them says something.
    fn can_compare(&self, user: &crate::KnownUser<'_>, hash: &[u8]) -> Result<bool, JobError> {
        let schemes: &[&[u8]] = match hash.len() {
            32 => &[b"{NT}", b"{MD5}"],
            40 => &[b"{SHA}"],
            64 => &[b"{SHA256}"],
            96 => &[b"{SHA384}"],
            128 => &[b"{SHA512}"],
            _ => return Ok(false),
        };
        for account in user.accounts() {
            let Some(opened) = self.opened(&account)? else { continue };
            let mut lines = opened.split(|byte| *byte == b'\n');
            if lines.any(|line| schemes.iter().any(|scheme| line.starts_with(scheme))) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn too_many() -> JobError {
    JobError::Interrupted("the directory has more accounts than a list of passwords can be compared with".to_owned())
}

impl WordJudge for ScanJudge {
    type Finding = Seen;
    type Error = JobError;

    fn word(&self, document: &DocumentName, word: &Word<'_>, findings: &mut Vec<Seen>) -> Result<(), JobError> {
        let Some(set) = &self.words else { return Ok(()) };
        let detector = &*self.detector;
        let before = findings.len();
        let mut owners = Vec::new();
        for secret in word.candidates.iter() {
            let Secret::Password(bytes) = secret else { continue };
            self.looked_up();
            owners.clear();
            set.digests.owners(bytes, |owner| owners.push(owner));
            if owners.is_empty() {
                continue;
            }
            owners.sort_unstable(); // of a user with several accounts, always the first
            for owner in &owners {
                let (user, account) = set.owners[*owner as usize];
                let user = &detector.snapshot.users.at(user);
                let is_theirs =
                    |seen: &Seen| matches!(seen, Seen::Credential(one) if one.found.user.as_str() == user.id);
                if findings[before..].iter().any(is_theirs) {
                    continue;
                }
                let finding = Finding {
                    source: self.source.clone().unwrap_or_else(|| source_of(&document.path)),
                    match_class: MatchClass::PasswordOnly,
                    matched_attribute: None,
                    matched_rule: None,
                };
                let proof = user.accounts().nth(account as usize).map(|account| Proof::by(&account));
                let fingerprint = detector.fingerprint(user, bytes);
                let found = detector.kept(user, fingerprint, finding, proof, (self.leaked, self.seen));
                let place = Place::new(&document.place, (word.offset, Some(word.line)), "list", None);
                let found = FoundCredential { place: Some(place), ..found };
                let is_disabled = user.is_enabled == Some(false);
                findings.push(Seen::Credential(Box::new(Sighted { found, is_disabled })));
            }
        }
        Ok(())
    }

    fn hashes(&self, path: &str) -> Result<(), JobError> {
        Err(JobError::HashList { path: source_of(path) })
    }

    fn chunk_done(&self) {
        wipe_stack();
    }
}

impl ScanJudge {
    /// What a name says of which no verifier could say anything: none is known, or nothing stands beside the name that a
    /// verifier can be asked about. Where a verifier has said no, the name says nothing more.
    pub(super) fn address_only(
        &self,
        document: &DocumentName,
        found: &Found<'_>,
        findings: &mut Vec<Seen>,
    ) -> Result<(), JobError> {
        let detector = &*self.detector;
        let Some(user) = detector.snapshot.users.get(found.hit.user) else { return Ok(()) };
        let is_silent = !user.has_verifiers() || found.occurrence.candidates.is_empty();
        if !is_silent {
            if !found.occurrence.candidates.only_hashes() {
                return Ok(());
            }
            for secret in found.occurrence.candidates.iter() {
                if let Secret::Hash(hash) = secret
                    && detector.can_compare(&user, hash)?
                {
                    return Ok(());
                }
            }
        }
        let finding = Finding {
            source: self.source.clone().unwrap_or_else(|| source_of(&document.path)),
            match_class: MatchClass::AddressOnly,
            matched_attribute: Some(found.hit.attribute.name().into()),
            matched_rule: rule_name(found.occurrence.name.rules().union(found.hit.rules)),
        };
        let fingerprint = detector.vault.address_fingerprint(detector.tenant, user.id);
        let place = place_of(document, &found.occurrence);
        let found = detector.kept(&user, fingerprint, finding, None, (self.leaked, self.seen));
        let found = FoundCredential { place: Some(place), ..found };
        let is_disabled = user.is_enabled == Some(false);
        findings.push(Seen::Credential(Box::new(Sighted { found, is_disabled })));
        Ok(())
    }
}

/// Looks a planted password up.
struct Finder {
    digests: DigestSet,
    found: usize,
}

impl Visitor for Finder {
    fn document(&mut self, _: &Document<'_>, content: &mut dyn Read) -> Flow {
        let Ok(text) = Text::new(content) else { return Flow::Stop };
        let (mut counters, mut found) = (Counters::default(), 0);
        let mut chunker = Chunker::new(text, ::scan::engine::CHUNK, Arc::new(Pool::default()));
        while let Ok(Some(one)) = chunker.next_chunk() {
            chunk(&one, &mut counters, &mut |word| {
                for secret in word.candidates.iter() {
                    if let Secret::Password(bytes) = secret {
                        self.digests.owners(bytes, |_| found += 1);
                    }
                }
                true
            });
        }
        self.found += found;
        Flow::Continue
    }

    fn problem(&mut self, _: &Problem) {
        // What is missing then is missed.
    }
}
