//! Pairs that somebody hands in over the network: they wait sealed, as tasks of a job, until a process that does such
//! work has checked them; what is current is raised when all are done. Nothing of this reads a user before then.

use crate::jobs::{Brake, JobError, Raised, Raising, RunningJob, json};
use crate::tasks::HeldTask;
use crate::{CheckCounts, Checked, Detector, Pair, Service, Sighting, Vault};
use auth::SealError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::{
    Actor, Caller, FoundCredential, Job, JobKind, JobState, PermissionSet, Task, TaskKind, TaskState, TenantId, Ticks,
};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use verify::identity::{Normaliser, NormaliserConfig};
use zeroize::Zeroizing;

/// Pairs that are handed in at once, at most.
pub const MOST_PAIRS: usize = 1_000;
/// Pairs of one task: few, so that slow verifiers are asked by several threads, and a task never takes long.
const PORTION: usize = 50;
/// Tasks that are read at once: more than a job of pairs has.
const PAGE: u32 = 500;

/// What a job was asked to do whose pairs were handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandedIn {
    /// The app that handed them in; what is raised is its doing.
    pub handed_in_by: Box<str>,
    /// What evidence calls the source.
    pub source: Box<str>,
    /// When they leaked, in ticks.
    pub leaked: Option<i64>,
    /// The brake.
    pub brake: Brake,
    /// How many pairs there are.
    pub pairs: u64,
}

impl HandedIn {
    /// What a job was asked to do; `None` where it is another kind of job.
    pub fn of(job: &Job) -> Option<Self> {
        if job.kind != JobKind::Check {
            return None;
        }
        serde_json::from_str(&job.parameters).ok()
    }

    /// In whose name its findings are raised.
    pub fn caller(&self, of: &Caller) -> Caller {
        let actor = Actor { app: self.handed_in_by.clone().into(), user: None };
        Caller { actor, permissions: PermissionSet::default(), ..of.clone() }
    }

    /// How many pairs the tasks with these numbers hold together.
    pub(crate) fn pairs_of(&self, numbers: impl Iterator<Item = u64>) -> u64 {
        let portion = PORTION as u64;
        numbers.map(|number| self.pairs.saturating_sub(number * portion).min(portion)).sum()
    }
}

/// How far such a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HandedInProgress {
    /// What became of the pairs.
    pub counts: CheckCounts,
    /// Pairs that could not be checked.
    pub failed: u64,
    /// What became of what was found.
    pub raised: Option<Raised>,
}

/// What became of the tasks of such a job so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairsDone {
    /// Pairs that were checked, or given up.
    pub done: u64,
    /// Of these, pairs that were given up.
    pub failed: u64,
    /// Why the first ones were.
    pub why: Option<Box<str>>,
    /// Whether no task is left to do.
    pub is_all: bool,
    /// Pairs that were never kept: their sender was not told that they were.
    missing: u64,
    counts: CheckCounts,
}

/// What a task holds.
#[derive(Serialize, Deserialize)]
struct Payload {
    /// The pairs, sealed, in base64.
    sealed: String,
}

/// What came of checking the pairs of a task. It has no `Debug`: what was found is nobody's business here.
pub struct PairsChecked {
    /// What became of them.
    pub counts: CheckCounts,
    /// What is current.
    pub found: Vec<FoundCredential>,
}

impl Service {
    /// Keeps pairs to be checked, and answers their job, which waits. When this is answered they are on disk. No user is
    /// read.
    pub async fn hand_in(
        &self,
        caller: &Caller,
        vault: &Vault,
        (source, leaked, brake): (&str, Option<Ticks>, Brake),
        pairs: Vec<Pair>,
    ) -> Result<Job, JobError> {
        let asked = HandedIn {
            handed_in_by: (*caller.actor.app).into(),
            source: source.into(),
            leaked: leaked.map(Ticks::get),
            brake,
            pairs: pairs.len() as u64,
        };
        let job = self.start_job(caller, JobKind::Check, &asked).await?;
        let added = async {
            let portions = (0..).zip(pairs.chunks(PORTION));
            let sealed = portions.map(|(number, pairs)| {
                let sealed = vault.seal_pairs(caller.tenant_id, (&job.job().id, number), &packed(pairs))?;
                Ok(json(&Payload { sealed: STANDARD_NO_PAD.encode(sealed) }))
            });
            let payloads = sealed.collect::<Result<Vec<_>, JobError>>()?;
            self.add_tasks((caller, job.job()), TaskKind::Check, 0, payloads).await
        };
        match added.await {
            Ok(()) => job.wait(&HandedInProgress::default()).await,
            Err(error) => Err(job.failed(error).await),
        }
    }

    /// What became of the pairs of a job so far.
    pub async fn pairs_done(&self, caller: &Caller, job: &Job, asked: &HandedIn) -> Result<PairsDone, JobError> {
        let mut tasks: Vec<Task> = Vec::new();
        loop {
            let from = tasks.last().map_or(0, |last| last.key.number + 1);
            let page = self.tasks(caller, job, from, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            tasks.extend(page);
            if is_last {
                break;
            }
        }
        let ended = || tasks.iter().filter(|task| task.state.is_ended());
        let failed = || tasks.iter().filter(|task| task.state == TaskState::Failed);
        let mut done = PairsDone {
            done: asked.pairs_of(ended().map(|task| task.key.number)),
            failed: asked.pairs_of(failed().map(|task| task.key.number)),
            why: failed().find_map(|task| task.message.clone()),
            is_all: tasks.iter().all(|task| task.state.is_ended()),
            missing: asked.pairs.saturating_sub(asked.pairs_of(tasks.iter().map(|task| task.key.number))),
            counts: CheckCounts::default(),
        };
        for result in tasks.iter().filter_map(|task| task.result.as_deref()) {
            let unreadable = |why: serde_json::Error| JobError::Unreadable { id: job.id.clone(), why: why.to_string() };
            done.counts.add(&serde_json::from_str(result).map_err(unreadable)?);
        }
        Ok(done)
    }

    /// Ends a job of which every pair was checked or given up: what is current is raised, unless the brake holds it.
    pub async fn end_check(
        &self,
        mut job: RunningJob,
        vault: &Vault,
        brake: Brake,
        done: PairsDone,
    ) -> Result<Job, JobError> {
        let failed = done.failed + done.missing;
        let mut counts = done.counts;
        counts.settle(&self.found_counts(job.caller(), job.job()).await?);
        let mut progress = HandedInProgress { counts, failed, raised: None };
        match job.raise(vault, brake).await {
            Err(error) => Err(job.failed(error).await),
            Ok(Raising::Held(why)) => job.hold(&why, &progress).await,
            Ok(Raising::Done(raised)) => {
                progress.raised = Some(raised);
                if failed == 0 {
                    return job.complete(&progress).await;
                }
                let why =
                    done.why.as_deref().unwrap_or("they were not kept, and their sender was not told that they were");
                let why = format!("{failed} pairs could not be checked: {why}");
                job.fail(&why, &progress).await
            }
        }
    }

    /// Whether a job of pairs is one that somebody has to end, as far as its row tells: it waits for its tasks, or whoever
    /// was about to end it, or to begin it, is not heard of any more.
    pub fn waits_for_an_end(&self, job: &Job) -> bool {
        job.state == JobState::Waiting || (job.state == JobState::Running && !self.is_worked_at(job))
    }
}

/// A name in the spelling in which names are compared, before anybody is looked up by it.
pub fn folded_name(name: &str) -> String {
    static NORMALISER: LazyLock<Normaliser> =
        LazyLock::new(|| Normaliser::new(NormaliserConfig::default()).expect("the defaults make sense"));
    NORMALISER.normalise(name).text().to_owned()
}

/// The pairs of a task.
pub fn pairs_of(vault: &Vault, caller: &Caller, job: &Job, task: &HeldTask) -> Result<Vec<Pair>, JobError> {
    let unreadable = |why: String| JobError::Unreadable { id: job.id.clone(), why };
    let payload: Payload = task.payload().map_err(|error| unreadable(error.to_string()))?;
    let sealed = STANDARD_NO_PAD.decode(payload.sealed).map_err(|error| unreadable(error.to_string()))?;
    let opened = vault.open_pairs(caller.tenant_id, (&job.id, task.task().key.number), &sealed)?;
    unpacked(&opened).ok_or_else(|| unreadable("a task is of another form: use the same version".to_owned()))
}

/// The payload of a task that is not done, sealed with the key in use; `None` where it is already. One that cannot be read
/// is as one that is damaged.
pub(crate) fn resealed(
    vault: &Vault,
    tenant: TenantId,
    (job, task): (&Job, &Task),
) -> Result<Option<Box<str>>, SealError> {
    let sealed = serde_json::from_str::<Payload>(&task.payload).ok().and_then(|payload| {
        let sealed = STANDARD_NO_PAD.decode(payload.sealed);
        sealed.ok()
    });
    let number = task.key.number;
    let sealed = sealed.ok_or_else(|| SealError::Damaged { name: format!("pairs of {}, {number}", job.id) })?;
    let anew = vault.reseal_pairs(tenant, (&job.id, number), &sealed)?;
    Ok(anew.map(|anew| json(&Payload { sealed: STANDARD_NO_PAD.encode(anew) })))
}

/// Checks pairs; `None` when it was told to stop. Takes as long as verifiers take: not for a thread that others wait for.
pub fn check_pairs(
    detector: &Detector,
    pairs: &[Pair],
    sighting: &Sighting,
    stop: &AtomicBool,
) -> Result<Option<PairsChecked>, JobError> {
    let (mut checked, mut found) = (Checked::default(), Vec::new());
    for pair in pairs {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        found.extend(checked.pair(detector, pair, sighting)?);
    }
    Ok(Some(PairsChecked { counts: checked.counts, found }))
}

/// Names and passwords, each behind its length, in memory that is wiped.
fn packed(pairs: &[Pair]) -> Zeroizing<Vec<u8>> {
    let parts = || pairs.iter().flat_map(|pair| [pair.name.as_bytes(), pair.password.as_slice()]);
    // Of its full size from the beginning: what grows leaves copies behind.
    let mut packed = Zeroizing::new(Vec::with_capacity(parts().map(|part| 4 + part.len()).sum()));
    for part in parts() {
        packed.extend_from_slice(&(part.len() as u32).to_le_bytes());
        packed.extend_from_slice(part);
    }
    packed
}

fn unpacked(mut packed: &[u8]) -> Option<Vec<Pair>> {
    let mut part = || {
        let (length, rest) = packed.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        packed = rest;
        Some((part, rest.is_empty()))
    };
    let mut pairs = Vec::new();
    loop {
        let (name, _) = part()?;
        let name = Zeroizing::new(std::str::from_utf8(name).ok()?.to_owned());
        let (password, is_end) = part()?;
        pairs.push(Pair { name, password: Zeroizing::new(password.to_vec()) });
        if is_end {
            return Some(pairs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, password: &[u8]) -> Pair {
        Pair { name: Zeroizing::new(name.to_owned()), password: Zeroizing::new(password.to_vec()) }
    }

    #[test]
    fn pairs_are_unpacked_as_they_were_packed() {
        let told = [pair("alice@corp.test", b"a:b\0c"), pair("bob", "p\u{e4}ss".as_bytes()), pair("c", b"")];
        for count in 1..=told.len() {
            let packed = packed(&told[..count]);
            let found = unpacked(&packed).expect("it is whole");
            let texts = |pairs: &[Pair]| -> Vec<(String, Vec<u8>)> {
                pairs.iter().map(|pair| (pair.name.to_string(), pair.password.to_vec())).collect()
            };
            assert_eq!(texts(&found), texts(&told[..count]));
            for cut in 0..packed.len() {
                let whole = unpacked(&packed[..cut]).is_none_or(|pairs| pairs.len() < count);
                assert!(whole, "cut at {cut}");
            }
        }
    }

    #[test]
    fn the_pairs_of_tasks_are_counted_by_their_numbers() {
        let asked = HandedIn {
            handed_in_by: "a".into(),
            source: "s".into(),
            leaked: None,
            brake: Brake::default(),
            pairs: 120,
        };
        assert_eq!(asked.pairs_of(0..3), 120);
        assert_eq!(asked.pairs_of([2].into_iter()), 20);
        assert_eq!(asked.pairs_of(0..1), 50);
    }
}
