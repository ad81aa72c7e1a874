//! Detection: is this password the current one of the user whom this name calls?

mod canary;
mod check;
mod scan;
mod sealed;
mod words;

pub use check::{CheckCounts, Checked, Pair};
pub use scan::{Findings, ScanJudge, ScanTotals, Seen, Sighted};
pub use words::{Coverage, PasswordSet};

use crate::beside::Beside;
use crate::directory::{KnownAccount, KnownUser, Snapshot};
use crate::jobs::JobError;
use crate::{Service, Vault};
use auth::SecretBytes;
use model::{
    AccountKey, Caller, Candidate, CandidateKey, EntityId, Finding, FoundCredential, JobKind, JobState, MatchClass,
    TenantId, TenantKey, Ticks,
};
use sealed::Sealed;
use std::collections::{BTreeSet, HashMap};
use store::VerifierRow;
use verify::identity::{Hit, Key, RuleSet};
use verify::verifier::{CheckError, CostClass, Limits, Verifier};
use zeroize::Zeroizing;

/// Rows that are read at once.
const PAGE: u32 = 2_000;

/// So many verifiers are opened before anything is asked of them, and then one of so many.
const OPENED: usize = 1_000;
const ONE_OF: usize = 100;

/// Sealed verifiers by their numbers, and what came of opening some.
struct Verifiers {
    sealed: Sealed,
    opened: Vec<(u64, Result<(), auth::SealError>)>,
}

/// A directory with its verifiers, ready to be asked by any number of threads. It has no `Debug` on purpose.
pub struct Detector {
    snapshot: Snapshot,
    vault: Vault,
    tenant: TenantId,
    /// Opened one at a time, for as long as a check takes.
    sealed: Sealed,
    /// When each directory was last imported.
    imported: HashMap<Box<str>, Ticks>,
    limits: Limits,
    /// Whether slow verifiers are left to the queue.
    queues: bool,
}

/// What verifiers say of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the user's current password.
    Current(Proof),
    /// It is not.
    NotCurrent,
    /// Only slow verifiers can tell, which are asked in their turn.
    Slow,
}

/// Why a password is known to be the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The account whose verifier it fits.
    pub account: AccountKey,
    /// The number of that verifier.
    pub verifiers: u64,
}

impl Proof {
    /// By the verifiers that an account has.
    fn by(account: &KnownAccount<'_>) -> Self {
        Self { account: account.account_key(), verifiers: account.verifiers }
    }
}

/// Where and when a credential was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The source, as the operator calls it.
    pub source: Box<str>,
    /// When it leaked, as far as that is known.
    pub leaked: Option<Ticks>,
    /// When it was seen.
    pub seen: Ticks,
}

impl Service {
    /// Reads a tenant's directory with its verifiers, and opens some of them: it fails when one that a user has cannot be
    /// opened, as with another key. A single one that is damaged is told when it is asked about, and by `doctor`.
    pub async fn detector(&self, caller: &Caller, vault: &Vault, with_guests: bool) -> Result<Detector, JobError> {
        let (service, vault, tenant) = (self.clone(), vault.clone(), caller.tenant_id);
        let reading = service.sealed_verifiers((caller.tenant, tenant), vault.clone());
        let reading = Beside::new("the verifiers", reading);
        let snapshot = self.snapshot(caller, with_guests).await?;
        let imported = self.imported(caller).await?;
        let Verifiers { mut sealed, opened } = reading.ended().await?;
        let current = snapshot.users.iter().flat_map(|user| user.accounts()).map(|account| account.verifiers);
        let mut current: Vec<u64> = current.collect();
        current.sort_unstable();
        current.dedup();
        sealed.retain(&current);
        let (mut unopenable, mut all, mut first) = (0, 0, None);
        for (_, outcome) in opened.into_iter().filter(|(number, _)| current.binary_search(number).is_ok()) {
            all += 1;
            if let Err(why) = outcome {
                unopenable += 1;
                first.get_or_insert(why);
            }
        }
        match first {
            Some(why) => Err(JobError::Unopenable { unopenable, all, why }),
            None => {
                Ok(Detector { snapshot, vault, tenant, sealed, imported, limits: Limits::default(), queues: false })
            }
        }
    }

    /// A few users with their verifiers, whose slow ones are left to the queue; and every name of theirs as matching spells
    /// it.
    pub(crate) async fn detector_of(
        &self,
        caller: &Caller,
        vault: &Vault,
        users: &[EntityId],
    ) -> Result<(Detector, Vec<Box<str>>), JobError> {
        let (snapshot, names) = self.snapshot_of(caller, users).await?;
        let accounts = snapshot.users.iter().flat_map(|user| user.accounts());
        let numbers: BTreeSet<u64> = accounts.map(|account| account.verifiers).collect();
        let mut sealed = Sealed::with_capacity(numbers.len());
        for number in numbers {
            let found = self.store().verifiers(caller.tenant, number.saturating_sub(1), 1).await?;
            if let Some(kept) = found.first().filter(|kept| kept.number == number) {
                sealed.push(number, &kept.sealed);
            }
        }
        let imported = self.imported(caller).await?;
        let (vault, tenant, limits) = (vault.clone(), caller.tenant_id, Limits::default());
        Ok((Detector { snapshot, vault, tenant, sealed, imported, limits, queues: true }, names))
    }

    /// Reads the sealed verifiers of a tenant, and opens the first and then one of many.
    async fn sealed_verifiers(self, (key, id): (TenantKey, TenantId), vault: Vault) -> Result<Verifiers, JobError> {
        let mut read = Verifiers { sealed: Sealed::default(), opened: Vec::new() };
        let mut look = |kept: &VerifierRow<'_>| {
            if read.sealed.len() < OPENED || read.sealed.len().is_multiple_of(ONE_OF) {
                let account = AccountKey { source: kept.source.into(), key: kept.key.into() };
                let outcome = vault.open(id, &account, kept.sealed).map(drop);
                read.opened.push((kept.number, outcome));
            }
            read.sealed.push(kept.number, kept.sealed);
            Ok(())
        };
        self.each_verifier_row(key, &mut look).await?;
        Ok(read)
    }

    /// When each directory was last imported to its end.
    pub(crate) async fn imported(&self, caller: &Caller) -> Result<HashMap<Box<str>, Ticks>, JobError> {
        let mut imported = HashMap::new();
        let mut before = None;
        loop {
            let page = self.store().jobs(caller.tenant, before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(imported) };
            before = Some(last.creation);
            for job in page {
                if job.kind != JobKind::Import || !matches!(job.state, JobState::Completed | JobState::Held) {
                    continue;
                }
                for source in crate::directory::sources_of(&job) {
                    imported.entry(source).or_insert(job.created);
                }
            }
        }
    }
}

impl Detector {
    /// The directory.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The verifiers of an account, opened: lines of canonical texts.
    fn opened(&self, account: &KnownAccount<'_>) -> Result<Option<SecretBytes>, JobError> {
        let Some(sealed) = self.sealed.get(account.verifiers) else { return Ok(None) };
        Ok(Some(self.vault.open(self.tenant, &account.account_key(), sealed)?))
    }

    /// Leaves slow verifiers to the queue from now on.
    #[must_use]
    pub fn with_queue(self) -> Self {
        Self { queues: true, ..self }
    }

    /// Tells whether a candidate is the user's current password, and by which account.
    pub fn judge(&self, user: &KnownUser<'_>, candidate: &[u8]) -> Result<Verdict, JobError> {
        let mut is_slow = false;
        for account in user.accounts() {
            let Some(opened) = self.opened(&account)? else { continue };
            for verifier in asked(&opened, &self.limits) {
                if self.queues && verifier.cost().class == CostClass::Slow {
                    is_slow = true;
                    continue;
                }
                match verifier.check(candidate) {
                    Ok(true) => return Ok(Verdict::Current(Proof::by(&account))),
                    // What is too long to be a password is none.
                    Ok(false) | Err(CheckError::CandidateTooLong { .. }) => {}
                    Err(error) => return Err(JobError::Verifier(error)),
                }
            }
        }
        Ok(if is_slow { Verdict::Slow } else { Verdict::NotCurrent })
    }

    /// Makes what waits in the queue of a candidate: administrators come first, and those who may sign in; then what
    /// leaked last, and the likeliest of what stands beside a name, which `rank` tells from 0 on.
    fn candidate(
        &self,
        user: &KnownUser<'_>,
        (password, rank): (&[u8], usize),
        (leaked, seen): (Option<Ticks>, Ticks),
    ) -> Result<Candidate, JobError> {
        const DAY: i64 = 24 * 60 * 60 * Ticks::PER_SECOND;
        const BEFORE_TODAY: i64 = 1 << 24;
        let key = CandidateKey { user: user.entity_id(), fingerprint: self.fingerprint(user, password) };
        let sealed = self.vault.seal_candidate(self.tenant, &key, password)?;
        let day = (leaked.unwrap_or(seen).get() / DAY).clamp(0, BEFORE_TODAY - 1);
        let class = i64::from(user.is_administrator) * 2 + i64::from(user.is_enabled != Some(false));
        let likely = i64::try_from(rank).map_or(0, |rank| 255 - rank.min(255));
        let priority = (class * BEFORE_TODAY + day) * 256 + likely;
        let verifiers = user.accounts().map(|account| account.verifiers).max().unwrap_or_default();
        Ok(Candidate { sealed, verifiers, priority })
    }

    /// Whether every password of the user is slow to check: none of the accounts has a fast verifier.
    fn is_slow(&self, user: &KnownUser<'_>) -> Result<bool, JobError> {
        for account in user.accounts() {
            let Some(opened) = self.opened(&account)? else { continue };
            if verifiers(&opened, &self.limits).any(|verifier| verifier.cost().class == CostClass::Fast) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The account whose verifiers are this hash, if any: then the hash is one of the current password. Only hashes
    /// without a salt, or with the very salt of the verifier, can be found so (leaks.md, section 3.1, "combo+hash").
    pub fn prove_by_hash(&self, user: &KnownUser<'_>, hash: &[u8]) -> Result<Option<Proof>, JobError> {
        let Ok(hash) = std::str::from_utf8(hash) else { return Ok(None) };
        let schemes: &[&str] = match hash.len() {
            32 => &["{NT}", "{MD5}"],
            40 => &["{SHA}"],
            64 => &["{SHA256}"],
            96 => &["{SHA384}"],
            128 => &["{SHA512}"],
            _ => &[],
        };
        let is_hex = !schemes.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let texts: Vec<Zeroizing<String>> = if is_hex {
            schemes.iter().map(|scheme| Zeroizing::new(format!("{scheme}{hash}"))).collect()
        } else {
            vec![Zeroizing::new(hash.to_owned())]
        };
        let parsed = texts.iter().filter_map(|text| Verifier::parse(text, &self.limits).ok());
        let canonical: Vec<Zeroizing<String>> = parsed.map(|verifier| verifier.canonical()).collect();
        if canonical.is_empty() {
            return Ok(None);
        }
        for account in user.accounts() {
            let Some(opened) = self.opened(&account)? else { continue };
            let mut lines = opened.split(|byte| *byte == b'\n');
            if lines.any(|line| canonical.iter().any(|text| text.as_bytes() == line)) {
                return Ok(Some(Proof::by(&account)));
            }
        }
        Ok(None)
    }

    /// What is kept of a credential that was found: nothing of the password but its fingerprint. Where no verifier has
    /// proved it, those of the queue are to be asked, and it is kept for them, sealed; `rank` is its place among what stands
    /// beside the name.
    pub(crate) fn found(
        &self,
        user: &KnownUser<'_>,
        (name, hit): (&Key, &Hit),
        (match_class, password, rank): (MatchClass, &[u8], usize),
        proof: Option<Proof>,
        sighting: &Sighting,
    ) -> Result<FoundCredential, JobError> {
        let finding = Finding {
            source: sighting.source.clone(),
            match_class,
            matched_attribute: Some(hit.attribute.name().into()),
            matched_rule: rule_name(name.rules().union(hit.rules)),
        };
        let fingerprint = self.fingerprint(user, password);
        let seen = (sighting.leaked, sighting.seen);
        let candidate = match proof {
            Some(_) => None,
            None => Some(self.candidate(user, (password, rank), seen)?),
        };
        Ok(FoundCredential { candidate, ..self.kept(user, fingerprint, finding, proof, seen) })
    }

    /// What is kept of a finding.
    fn kept(
        &self,
        user: &KnownUser<'_>,
        fingerprint: [u8; 32],
        finding: Finding,
        proof: Option<Proof>,
        (leaked, seen): (Option<Ticks>, Ticks),
    ) -> FoundCredential {
        let imported = proof.as_ref().and_then(|proof| self.imported.get(&proof.account.source));
        FoundCredential {
            user: user.entity_id(),
            fingerprint,
            finding,
            as_of: imported.copied().unwrap_or_default(),
            proof: proof.map(|proof| (proof.account, proof.verifiers)),
            leaked,
            first_seen: leaked.unwrap_or(seen).min(seen),
            last_seen: seen,
            occurrences: 1,
            place: None,
            candidate: None,
        }
    }

    /// Tells a user and a candidate from others, without the candidate.
    pub fn fingerprint(&self, user: &KnownUser<'_>, password: &[u8]) -> [u8; 32] {
        self.vault.fingerprint(self.tenant, user.id, password)
    }
}

/// The verifiers among lines of canonical texts.
pub(crate) fn verifiers(lines: &[u8], limits: &Limits) -> impl Iterator<Item = Verifier> {
    let lines = lines.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(|line| Verifier::parse(line, limits).ok())
}

/// The verifiers among lines of canonical texts that are asked: of an account that has a fast one the slow ones are not,
/// since all of them are of one password.
pub(crate) fn asked(lines: &[u8], limits: &Limits) -> Vec<Verifier> {
    let mut verifiers: Vec<Verifier> = verifiers(lines, limits).collect();
    if verifiers.iter().any(|verifier| verifier.cost().class == CostClass::Fast) {
        verifiers.retain(|verifier| verifier.cost().class == CostClass::Fast);
    }
    verifiers
}

/// The rules that a match rests on, by their names; none where the name is written as the directory has it.
fn rule_name(rules: RuleSet) -> Option<Box<str>> {
    const LONGEST: usize = 64;
    let mut name = String::new();
    for rule in rules.iter().map(verify::identity::Rule::name) {
        if name.len() + 1 + rule.len() > LONGEST {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(rule);
    }
    (!name.is_empty()).then(|| name.into())
}
