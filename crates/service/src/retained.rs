//! Retroactive checks (leaks.md, capability 4): what a scan kept of names in the organisation's domains is looked up when
//! users, names or verifiers come later, so that the source is not needed again.

use crate::detect::{Detector, Sighting, Verdict};
use crate::jobs::{Brake, JobError, later};
use crate::wipe::wipe_stack;
use crate::{ImportCounts, Service, ServiceError, Vault};
use auth::{SealError, SecretBytes};
use model::{
    Caller, EntityId, FoundCredential, Job, JobKind, MatchClass, Place, RetainedCandidate, RetainedMark, TenantId,
    TenantKey, Ticks,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use store::{AdminCommand, AdminOutcome, CandidateOutcome, RetentionCommand};
use zeroize::Zeroizing;

/// Users who are looked at together.
const USERS: usize = 500;
/// Names that are looked up at once.
const NAMES: usize = 1_000;

/// For how long a scan keeps candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// When what it keeps is forgotten.
    pub until: Ticks,
}

impl Retention {
    /// So many days from a moment on.
    pub fn days(from: Ticks, days: u32) -> Self {
        Self { until: later(from, Duration::from_hours(24 * u64::from(days))) }
    }
}

/// What is kept of a candidate beside the secret itself.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    name: String,
    is_hash: bool,
    /// Its place among what stood beside the name, from 0.
    rank: u8,
    source: Box<str>,
    leaked: Option<i64>,
    seen: i64,
    document: Box<str>,
    offset: u64,
    line: Option<u64>,
    shape: Box<str>,
    host: Option<Box<str>>,
}

/// A candidate that stands beside a name in a domain of the organisation. It has no `Debug` on purpose.
pub(crate) struct Beside<'b> {
    /// The name, as matching spells it.
    pub(crate) name: &'b str,
    /// What may be the password, or its hash.
    pub(crate) secret: &'b [u8],
    /// Whether it is a hash.
    pub(crate) is_hash: bool,
    /// Its place among what stood beside the name, from 0.
    pub(crate) rank: usize,
    /// The source.
    pub(crate) sighting: &'b Sighting,
    /// Where it stands.
    pub(crate) place: Place,
}

impl Beside<'_> {
    /// Seals it.
    pub(crate) fn sealed(
        self,
        (vault, tenant): (&Vault, TenantId),
        retention: Retention,
    ) -> Result<RetainedCandidate, JobError> {
        let Place { document, offset, line, shape, host } = self.place;
        let about = About {
            name: self.name.to_owned(),
            is_hash: self.is_hash,
            rank: u8::try_from(self.rank).unwrap_or(u8::MAX),
            source: self.sighting.source.clone(),
            leaked: self.sighting.leaked.map(Ticks::get),
            seen: self.sighting.seen.get(),
            document,
            offset,
            line,
            shape,
            host,
        };
        let about = serde_json::to_vec(&about).expect("texts and numbers are written");
        // A length, what is told about it, and the secret; it never grows, which would leave a copy.
        let mut content = Zeroizing::new(Vec::with_capacity(4 + about.len() + self.secret.len()));
        content.extend_from_slice(&(about.len() as u32).to_le_bytes());
        content.extend_from_slice(&about);
        content.extend_from_slice(self.secret);
        let name = vault.name_mark(tenant, self.name);
        let credential = vault.credential_mark(tenant, &name, (&self.sighting.source, self.secret, self.is_hash));
        let sealed = vault.seal_retained(tenant, (&name, &credential), &content)?;
        Ok(RetainedCandidate { name, credential, expires: retention.until, sealed })
    }
}

/// Reads what was kept; `None` where it is none of ours.
fn opened(content: &SecretBytes) -> Option<(About, &[u8])> {
    let (length, rest) = content.split_first_chunk()?;
    let (about, secret) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((serde_json::from_slice(about).ok()?, secret))
}

/// What came of looking at what was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Retrospect {
    /// Users who were looked at.
    pub users: u64,
    /// Candidates that were kept beside their names.
    pub candidates: u64,
    /// Of these, those that are current.
    pub current: u64,
    /// Those that were handed to the queue of slow verifications.
    pub queued: u64,
}

/// What a job was asked to do that looks at what was kept for one user.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LookBack {
    looks_back: bool,
    source: Box<str>,
    brake: Brake,
}

/// Whether a job looks at what was kept for a user, and so needs nothing but the store.
pub fn looks_back(job: &Job) -> bool {
    job.kind == JobKind::Import
        && serde_json::from_str::<LookBack>(&job.parameters).is_ok_and(|parameters| parameters.looks_back)
}

impl Retrospect {
    /// Adds what came of looking at others.
    pub fn add(&mut self, Self { users, candidates, current, queued }: Self) {
        self.users += users;
        self.candidates += candidates;
        self.current += current;
        self.queued += queued;
    }
}

impl Service {
    /// Keeps candidates for users who come later.
    pub async fn retain(&self, caller: &Caller, candidates: Vec<RetainedCandidate>) -> Result<(), JobError> {
        if !candidates.is_empty() {
            self.change_retained(caller.tenant, RetentionCommand::Keep(candidates)).await?;
        }
        Ok(())
    }

    /// Whether anything is kept for users who come later.
    pub async fn has_retained(&self, caller: &Caller) -> Result<bool, JobError> {
        Ok(!self.store().all_retained(caller.tenant, None, 1).await?.is_empty())
    }

    /// Looks what was kept beside the names of users: what is current of it a job has found, and what slow verifiers have
    /// to say of others it waits for. Of users and names that are not new it finds what it found before.
    pub async fn retrospect(
        &self,
        caller: &Caller,
        vault: &Vault,
        users: &[EntityId],
    ) -> Result<(Retrospect, Vec<FoundCredential>), JobError> {
        let (mut done, mut found) = (Retrospect::default(), Vec::new());
        for users in users.chunks(USERS) {
            let (detector, names) = self.detector_of(caller, vault, users).await?;
            let marks: Vec<RetainedMark> = names.iter().map(|name| vault.name_mark(caller.tenant_id, name)).collect();
            let detector = Arc::new(detector);
            for marks in marks.chunks(NAMES) {
                let kept = self.store().retained(caller.tenant, marks, self.clock().now()).await?;
                done.candidates += kept.len() as u64;
                found.extend(judge_all(detector.clone(), (vault.clone(), caller.tenant_id), kept).await?);
            }
            done.users += users.len() as u64;
        }
        done.queued = found.iter().filter(|found| found.candidate.is_some()).count() as u64;
        done.current = found.len() as u64 - done.queued;
        Ok((done, found))
    }

    /// Looks what was kept beside the names of a user who is told of outside of an import. Where something comes of it, a job
    /// raises that, or waits for what slow verifiers have to say.
    pub(crate) async fn look_back(
        &self,
        caller: &Caller,
        vault: &Vault,
        user: &EntityId,
        source: &str,
    ) -> Result<(), JobError> {
        if !self.has_retained(caller).await? {
            return Ok(());
        }
        let (retrospect, found) = self.retrospect(caller, vault, std::slice::from_ref(user)).await?;
        if found.is_empty() {
            return Ok(());
        }
        let parameters = LookBack { looks_back: true, source: source.into(), brake: Brake::default() };
        let mut job = self.start_job(caller, JobKind::Import, &parameters).await?;
        let counts = ImportCounts { retrospect, ..ImportCounts::default() };
        job.keep(&counts, found).await?;
        // From here on whoever lives ends it.
        let job = job.wait(&counts).await?;
        match self.take_to_end(caller, job.id.as_str()).await {
            Ok(job) => self.end_job(job, vault, parameters.brake).await.map(drop),
            Err(error) if error.is_with_another() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Forgets what was kept for users who come later and whose time is over; answers how much.
    pub async fn forget_expired(&self, tenant: TenantKey) -> Result<u64, JobError> {
        self.change_retained(tenant, RetentionCommand::Expire { now: self.clock().now() }).await
    }

    pub(crate) async fn change_retained(&self, tenant: TenantKey, command: RetentionCommand) -> Result<u64, JobError> {
        let outcome = self.store().administer(AdminCommand::Retain { tenant, command }).await;
        Ok(match outcome.map_err(ServiceError::from)? {
            AdminOutcome::Candidates(CandidateOutcome::Changed(count)) => count,
            _ => 0, // the tenant is gone, and all that was kept with it
        })
    }
}

/// Looks at candidates on a thread of its own, since there may be many.
async fn judge_all(
    detector: Arc<Detector>,
    (vault, tenant): (Vault, TenantId),
    kept: Vec<RetainedCandidate>,
) -> Result<Vec<FoundCredential>, JobError> {
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let judging = tokio::task::spawn_blocking(move || {
        let (mut found, mut lost) = (Vec::new(), 0_u64);
        for one in &kept {
            match vault.open_retained(tenant, one) {
                // Nobody's import is to fail for what a lost key has sealed.
                Err(SealError::OtherKey { .. }) => lost += 1,
                opened => judged(&detector, &opened?, &mut found)?,
            }
        }
        if lost > 0 {
            tracing::warn!(lost, "what scans kept for later users is sealed with another key and was not looked at");
        }
        Ok(found)
    });
    match judging.await {
        Ok(found) => found,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(JobError::Interrupted("what a scan kept for later was not looked at to its end".to_owned())),
    }
}

/// Asks the fast verifiers of those who have the name.
fn judged(detector: &Detector, content: &SecretBytes, found: &mut Vec<FoundCredential>) -> Result<(), JobError> {
    let damaged = || JobError::Interrupted("what a scan kept for later cannot be read".to_owned());
    let (about, secret) = opened(content).ok_or_else(damaged)?;
    let seen = Ticks::new(about.seen).ok_or_else(damaged)?;
    let sighting = Sighting { source: about.source, leaked: about.leaked.and_then(Ticks::new), seen };
    let place = Place {
        document: about.document,
        offset: about.offset,
        line: about.line,
        shape: about.shape,
        host: about.host,
    };
    let snapshot = detector.snapshot();
    let (name, hits) = snapshot.named(&about.name);
    let mut last = None;
    for hit in &hits {
        if last.replace(hit.user) == Some(hit.user) {
            continue; // another attribute of the same user
        }
        let user = &snapshot.users.at(hit.user);
        let (class, verdict) = if about.is_hash {
            let proof = detector.prove_by_hash(user, secret)?;
            (MatchClass::PairByHash, proof.map_or(Verdict::NotCurrent, Verdict::Current))
        } else {
            (MatchClass::Pair, detector.judge(user, secret)?)
        };
        wipe_stack();
        let proof = match verdict {
            Verdict::NotCurrent => continue,
            Verdict::Current(proof) => Some(proof),
            Verdict::Slow => None,
        };
        let secret = (class, secret, usize::from(about.rank));
        let one = detector.found(user, (&name, hit), secret, proof, &sighting)?;
        found.push(FoundCredential { place: Some(place.clone()), ..one });
    }
    Ok(())
}
