//! Tasks: who may do them, and what is kept of it.

use super::Harness;
use super::people::{begun, credential, put_job, written};
use super::samples::{begin, tenant as another, ticks};
use crate::{AdminCommand, AdminOutcome, Store, TaskCommand, TaskOutcome};
use model::{Claim, Job, JobKind, JobState, MOST_ATTEMPTS, Task, TaskKey, TaskKind, TaskState, TenantKey};
use std::collections::BTreeSet;

/// Carries out a change of tasks.
async fn change(store: &dyn Store, tenant: TenantKey, command: TaskCommand) -> TaskOutcome {
    match store.administer(AdminCommand::Tasks { tenant, command }).await.expect("tasks can be changed") {
        AdminOutcome::Task(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

fn add(job: &Job, first: u64, payloads: &[&str]) -> TaskCommand {
    let payloads = payloads.iter().map(|payload| (*payload).into()).collect();
    TaskCommand::Add { job: job.creation, kind: TaskKind::Scan, priority: 0, first, payloads }
}

/// A claim at a minute, for ten minutes.
fn claim_at(id: &str, minute: u32) -> Claim {
    let time = |minute| ticks(&format!("2024-03-02T12:{minute:02}:00Z"));
    Claim {
        id: id.into(),
        holder: format!("worker {id}").into(),
        now: time(minute),
        lease: time((minute + 10).min(59)),
    }
}

async fn claim(store: &dyn Store, tenant: TenantKey, id: &str, minute: u32) -> Option<Task> {
    claim_except(store, tenant, (id, minute), &[]).await
}

async fn claim_except(
    store: &dyn Store,
    tenant: TenantKey,
    (id, minute): (&str, u32),
    except: &[&Job],
) -> Option<Task> {
    let except = except.iter().map(|job| job.creation).collect();
    let command = TaskCommand::Claim { kind: TaskKind::Scan, except, claim: claim_at(id, minute) };
    match change(store, tenant, command).await {
        TaskOutcome::Claimed(task) => Some(*task),
        TaskOutcome::None => None,
        TaskOutcome::Done => panic!("a claim is answered with a task"),
    }
}

fn finish(key: TaskKey, claim: &str, user: &str) -> TaskCommand {
    let found = vec![credential(user, "a")];
    TaskCommand::Finish { key, claim: claim.into(), result: r#"{"lines":3}"#.into(), found }
}

fn give_back(key: TaskKey, claim: &str, message: Option<&str>) -> TaskCommand {
    TaskCommand::GiveBack { key, claim: claim.into(), message: message.map(Into::into) }
}

async fn all(store: &dyn Store, tenant: TenantKey, job: &Job) -> Vec<Task> {
    store.tasks(tenant, TaskKey { job: job.creation, number: 0 }, 99).await.expect("tasks can be read")
}

/// Makes tasks of a job, of which one is in each state.
pub(super) async fn some(store: &dyn Store, tenant: TenantKey, job: &Job) {
    change(store, tenant, add(job, 0, &["{}", r#"{"at":"ł"}"#, "{}", "{}"])).await;
    for attempt in 0..MOST_ATTEMPTS {
        let task = claim(store, tenant, &format!("failing {attempt}"), 0).await.expect("a task waits");
        change(store, tenant, give_back(task.key, &format!("failing {attempt}"), Some("ł"))).await;
    }
    let done = claim(store, tenant, "done", 0).await.expect("a task waits");
    change(store, tenant, finish(done.key, "done", "u1")).await;
    claim(store, tenant, "claimed", 0).await.expect("a task waits");
    let states: Vec<_> = all(store, tenant, job).await.iter().map(|task| task.state).collect();
    assert_eq!(states, [TaskState::Failed, TaskState::Done, TaskState::Claimed, TaskState::Waiting]);
}

pub(super) async fn a_task_is_done_by_whoever_has_the_claim(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    assert_eq!(claim(store, tenant, "a", 0).await, None, "there is none");
    assert_eq!(change(store, tenant, add(&job, 0, &["{}", r#"{"at":"ł"}"#])).await, TaskOutcome::Done);
    // Said again, with one more: what is there stays.
    assert_eq!(change(store, tenant, add(&job, 1, &["[]", r#"{"at":3}"#])).await, TaskOutcome::Done);
    let payloads: Vec<_> = all(store, tenant, &job).await.into_iter().map(|task| task.payload).collect();
    assert_eq!(payloads, ["{}".into(), r#"{"at":"ł"}"#.into(), r#"{"at":3}"#.into()] as [Box<str>; 3]);
    let from = TaskKey { job: job.creation, number: 1 };
    let page = store.tasks(tenant, from, 1).await.expect("tasks can be read");
    assert_eq!(page.iter().map(|task| task.key).collect::<Vec<_>>(), [from]);

    let first = claim(store, tenant, "a", 0).await.expect("a task waits");
    let expected = Task {
        key: TaskKey { job: job.creation, number: 0 },
        kind: TaskKind::Scan,
        priority: 0,
        state: TaskState::Claimed,
        payload: "{}".into(),
        holder: Some("worker a".into()),
        lease: Some(claim_at("a", 0).lease),
        attempts: 1,
        result: None,
        message: None,
    };
    assert_eq!(first, expected);
    assert_eq!(all(store, tenant, &job).await[0], expected);
    let second = claim(store, tenant, "b", 0).await.expect("a task waits");
    assert_eq!(second.key.number, 1, "nobody else gets the first");

    // The worker is not heard of: another one has the task, and what the first one does no longer counts.
    let again = claim(store, tenant, "c", 11).await.expect("the lease has lapsed");
    assert_eq!((again.key, again.attempts, again.holder), (first.key, 2, Some("worker c".into())));
    for lost in [
        finish(first.key, "a", "u1"),
        give_back(first.key, "a", None),
        TaskCommand::Renew { key: first.key, claim: "a".into(), lease: claim_at("a", 40).lease },
    ] {
        assert_eq!(change(store, tenant, lost).await, TaskOutcome::None);
    }
    assert_eq!(store.found(tenant, job.creation, None, 9).await.expect("findings can be read"), []);
    assert_eq!(change(store, tenant, finish(first.key, "c", "u2")).await, TaskOutcome::Done);
    assert_eq!(change(store, tenant, finish(first.key, "c", "u2")).await, TaskOutcome::None, "it counts once");
    let found = store.found(tenant, job.creation, None, 9).await.expect("findings can be read");
    assert_eq!(found, [credential("u2", "a")]);
    let done = &all(store, tenant, &job).await[0];
    assert_eq!((done.state, done.lease, done.result.as_deref()), (TaskState::Done, None, Some(r#"{"lines":3}"#)));

    // One that was heard of keeps its task; the next claim finds the third.
    let renew = TaskCommand::Renew { key: second.key, claim: "b".into(), lease: claim_at("b", 20).lease };
    assert_eq!(change(store, tenant, renew).await, TaskOutcome::Done);
    assert_eq!(claim(store, tenant, "d", 12).await.expect("a task waits").key.number, 2);
    assert_eq!(claim(store, tenant, "e", 12).await, None, "all are taken");
    assert_eq!(claim(store, tenant, "e", 31).await.expect("leases have lapsed").key.number, 1);
}

pub(super) async fn a_task_that_is_given_up_is_tried_again_and_fails_in_the_end(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let tenant = another(harness, 2).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    change(store, tenant, add(&job, 0, &["{}", "{}"])).await;
    // Given back without a word, it counts as not begun.
    for _ in 0..=MOST_ATTEMPTS {
        let task = claim(store, tenant, "a", 0).await.expect("a task waits");
        assert_eq!((task.key.number, task.attempts), (0, 1));
        assert_eq!(change(store, tenant, give_back(task.key, "a", None)).await, TaskOutcome::Done);
    }
    for attempt in 1..=MOST_ATTEMPTS {
        let task = claim(store, tenant, "a", 0).await.expect("a task waits");
        assert_eq!((task.key.number, task.attempts), (0, attempt));
        assert_eq!(change(store, tenant, give_back(task.key, "a", Some("no such bucket"))).await, TaskOutcome::Done);
    }
    // Of the other one the workers are not heard of again.
    for attempt in 1..=MOST_ATTEMPTS {
        let task = claim(store, tenant, "a", 11 * (attempt - 1)).await.expect("the lease has lapsed");
        assert_eq!((task.key.number, task.attempts), (1, attempt));
    }
    assert_eq!(claim(store, tenant, "a", 11 * MOST_ATTEMPTS).await, None);
    let ended: Vec<_> = all(store, tenant, &job).await.into_iter().map(|task| (task.state, task.message)).collect();
    assert_eq!(ended[0], (TaskState::Failed, Some("no such bucket".into())));
    assert_eq!(ended[1], (TaskState::Failed, Some("its workers were not heard of again".into())));

    assert_eq!(change(store, tenant, TaskCommand::Retry { job: job.creation }).await, TaskOutcome::Done);
    assert_eq!(claim(store, first, "a", 0).await, None, "another tenant has none");
    assert_eq!(claim(store, tenant, "a", 0).await.map(|task| task.attempts), Some(1));
    // Of a job that is not running, no task is done.
    let held = Job { state: JobState::Failed, ..job.clone() };
    let held = written(store, tenant, put_job(&held, Some(held.version), Vec::new())).await;
    assert_eq!(claim(store, tenant, "b", 0).await, None);
    let waiting = Job { state: JobState::Waiting, ..held };
    written(store, tenant, put_job(&waiting, Some(waiting.version), Vec::new())).await;
    assert_eq!(claim(store, tenant, "b", 0).await.map(|task| task.key.number), Some(1));

    let forget = AdminCommand::ForgetRecords { tenant, job: job.creation };
    assert_eq!(store.administer(forget).await.expect("it can be forgotten"), AdminOutcome::Done);
    assert_eq!(all(store, tenant, &job).await, []);
}

pub(super) async fn workers_never_take_the_same_task(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Scan).await;
    let payloads = vec!["{}"; 40];
    change(&*store, tenant, add(&job, 0, &payloads)).await;
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let store = harness.store();
        workers.spawn(async move {
            let mut taken = Vec::new();
            while let Some(task) = claim(&*store, tenant, &format!("w{worker}-{}", taken.len()), 0).await {
                taken.push(task.key.number);
            }
            taken
        });
    }
    let taken: Vec<u64> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 40, "each is taken once");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), (0..40).collect());
}

pub(super) async fn a_worker_passes_over_jobs_that_it_cannot_work_for(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let (first, second) =
        (begun(store, tenant, "j1", JobKind::Scan).await, begun(store, tenant, "j2", JobKind::Scan).await);
    for job in [&first, &second] {
        change(store, tenant, add(job, 0, &["{}"])).await;
    }
    assert_eq!(claim_except(store, tenant, ("a", 0), &[&first, &second]).await, None);
    let task = claim_except(store, tenant, ("a", 0), &[&first]).await.expect("the second job has one");
    assert_eq!(task.key.job, second.creation);
    assert_eq!(claim_except(store, tenant, ("b", 0), &[&first]).await, None);
    let task = claim_except(store, tenant, ("b", 0), &[&second]).await.expect("the first job has one");
    assert_eq!((task.key.job, task.attempts), (first.creation, 1), "passing over it is no attempt");
}

pub(super) async fn what_tasks_were_given_is_sealed_anew(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    let other = begun(store, tenant, "j2", JobKind::Scan).await;
    change(store, tenant, add(&other, 0, &["{}"])).await;
    some(store, tenant, &job).await; // one that failed, one that is done, one that is claimed, one that waits
    let before = all(store, tenant, &job).await;
    let payloads: Vec<(u64, Box<str>)> =
        [0, 1, 2, 3, 77, u64::MAX].into_iter().map(|number| (number, r#"{"sealed":"ł"}"#.into())).collect();
    let reseal = || TaskCommand::Reseal { job: job.creation, payloads: payloads.clone() };
    assert_eq!(change(store, tenant, reseal()).await, TaskOutcome::Done);
    let expected = before.into_iter().map(|task| match task.state {
        TaskState::Done => task,
        _ => Task { payload: r#"{"sealed":"ł"}"#.into(), ..task },
    });
    let after = all(store, tenant, &job).await;
    assert_eq!(after, expected.collect::<Vec<_>>(), "nothing but what is not done is another one");
    assert_eq!(&*all(store, tenant, &other).await[0].payload, "{}");
    // Who had claimed one still has it.
    let claimed = after.iter().find(|task| task.state == TaskState::Claimed).expect("one is claimed");
    assert_eq!(change(store, tenant, finish(claimed.key, "claimed", "u1")).await, TaskOutcome::Done);
    let gone = TaskCommand::Reseal { job: job.creation + 77, payloads };
    assert_eq!(change(store, tenant, gone).await, TaskOutcome::None);
}

pub(super) async fn what_a_check_was_given_is_gone_once_it_is_done(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Check).await;
    let payloads = vec![r#"{"sealed":"c2VhbGVk"}"#.into()];
    let add = TaskCommand::Add { job: job.creation, kind: TaskKind::Check, priority: 0, first: 0, payloads };
    change(store, tenant, add).await;
    assert_eq!(claim(store, tenant, "a", 0).await, None, "there is none of the kind scan");
    let command = TaskCommand::Claim { kind: TaskKind::Check, except: Vec::new(), claim: claim_at("a", 0) };
    let TaskOutcome::Claimed(task) = change(store, tenant, command).await else { panic!("a check waits") };
    assert_eq!((task.kind, &*task.payload), (TaskKind::Check, r#"{"sealed":"c2VhbGVk"}"#));
    assert_eq!(change(store, tenant, finish(task.key, "a", "u1")).await, TaskOutcome::Done);
    let kept = all(store, tenant, &job).await;
    assert_eq!((kept[0].state, &*kept[0].payload), (TaskState::Done, "{}"));
}
