//! Commands of jobs to begin with, and what they come to.

use super::samples::{SeenRow, execute, id, rows, ticks, user_draft};
use crate::{Accounts, Outcome, Source, Store};
use model::{
    Account, AccountEntry, AccountKey, AccountName, AccountNote, Command, Evidence, Finding, FindingNote,
    FoundCredential, Job, JobKind, JobRecord, JobState, MatchClass, Note, Place, RevertNote, SealedVerifiers, Subject,
    TaskKey, TenantKey, Total,
};
use std::collections::HashMap;

pub(super) fn account_key(source: &str, key: &str) -> AccountKey {
    AccountKey { source: source.into(), key: key.into() }
}

/// What the directory `ad` says of somebody: the user, if they are new, gets the key with an `n` as their id.
pub(super) fn entry(job: &Job, key: &str, name: &str) -> AccountEntry {
    let json = format!(r#"{{"accountEnabled":true,"displayName":"Mara {key}","userPrincipalName":"{name}"}}"#);
    AccountEntry {
        job: job.creation,
        key: account_key("ad", key),
        matched: None,
        new_id: id(&format!("n{key}")),
        draft: user_draft(&json),
        name_if_new: None,
        names: vec![AccountName { attribute: "mail".into(), value: name.into() }],
        is_administrator: None,
        verifiers: None,
    }
}

/// Verifiers that differ from others by one number.
pub(super) fn sealed(number: u8) -> SealedVerifiers {
    SealedVerifiers { tag: [number; 16], sealed: vec![number; 40].into() }
}

pub(super) fn put(entry: AccountEntry) -> Command {
    Command::PutAccount(Box::new(entry))
}

pub(super) fn remove(job: &Job, source: &str, key: &str) -> Command {
    Command::RemoveAccount { job: job.creation, account: account_key(source, key) }
}

pub(super) fn remediate(job: &Job, user: &str, closed: &str) -> Command {
    Command::Remediate { job: job.creation, user: id(user), closed: ticks(closed) }
}

/// A credential of a user's that was found once in a source.
pub(super) fn credential(user: &str, source: &str) -> FoundCredential {
    FoundCredential {
        user: id(user),
        fingerprint: [7; 32],
        finding: Finding {
            source: source.into(),
            match_class: MatchClass::Pair,
            matched_attribute: Some("mail".into()),
            matched_rule: None,
        },
        proof: None,
        as_of: ticks("2024-03-01T00:00:00Z"),
        leaked: None,
        first_seen: ticks("2024-02-01T00:00:00Z"),
        last_seen: ticks("2024-02-02T00:00:00Z"),
        occurrences: 1,
        place: Some(place("a.txt", 17)),
        candidate: None,
    }
}

/// A place on the second line.
pub(super) fn place(document: &str, offset: u64) -> Place {
    Place::new(document, (offset, Some(2)), "combo", Some(b"shop.example"))
}

pub(super) fn raise(job: &Job, event: &str, found: FoundCredential) -> Command {
    Command::RaiseFinding { job: job.creation, id: id(event), created: job.created, found: Box::new(found) }
}

/// A job that is not there yet.
pub(super) fn new_job(text: &str, kind: JobKind) -> Job {
    Job {
        id: id(text),
        kind,
        state: JobState::Running,
        created: ticks("2024-03-02T12:00:00Z"),
        ended: None,
        lease: Some(ticks("2024-03-02T12:01:00Z")),
        parameters: r#"{"file":"łist.csv"}"#.into(),
        progress: "{}".into(),
        message: None,
        creation: 0,
        version: 0,
    }
}

pub(super) fn put_job(job: &Job, expected: Option<u64>, found: Vec<FoundCredential>) -> Command {
    Command::PutJob { job: Box::new(job.clone()), expected, found }
}

/// Carries out a command of a job.
pub(super) async fn noted(store: &dyn Store, tenant: TenantKey, command: Command) -> Note {
    match execute(store, tenant, command.clone()).await {
        Ok(Outcome::Noted(note)) => note,
        other => panic!("{command:?} came to {other:?}"),
    }
}

pub(super) async fn told(store: &dyn Store, tenant: TenantKey, entry: AccountEntry) -> AccountNote {
    match noted(store, tenant, put(entry)).await {
        Note::Account(note) => note,
        other => panic!("came to {other:?}"),
    }
}

pub(super) async fn raised(store: &dyn Store, tenant: TenantKey, command: Command) -> FindingNote {
    match noted(store, tenant, command).await {
        Note::Finding(note) => note,
        other => panic!("came to {other:?}"),
    }
}

/// Writes a job, and answers it as it is kept.
pub(super) async fn written(store: &dyn Store, tenant: TenantKey, command: Command) -> Job {
    match noted(store, tenant, command).await {
        Note::Job(job) => *job,
        other => panic!("came to {other:?}"),
    }
}

/// Begins a job.
pub(super) async fn begun(store: &dyn Store, tenant: TenantKey, text: &str, kind: JobKind) -> Job {
    written(store, tenant, put_job(&new_job(text, kind), None, Vec::new())).await
}

pub(super) async fn account(store: &dyn Store, tenant: TenantKey, source: &str, key: &str) -> Option<Account> {
    store.account(tenant, &account_key(source, key)).await.expect("accounts can be read")
}

/// Every record of a job, by pages.
pub(super) async fn records(store: &dyn Store, tenant: TenantKey, job: &Job) -> Vec<JobRecord> {
    let mut all: Vec<JobRecord> = Vec::new();
    loop {
        let after = all.last().map(|record| &record.subject);
        let some = store.records(tenant, job.creation, after, 3).await.expect("records can be read");
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// Takes back what a job did; answers what came of each record.
pub(super) async fn undo(
    store: &dyn Store,
    tenant: TenantKey,
    (of, by): (&Job, &Job),
    force: bool,
) -> Vec<(Subject, RevertNote)> {
    let mut notes = Vec::new();
    for record in records(store, tenant, of).await {
        let subject = record.subject.clone();
        let command = Command::Revert { job: by.creation, record: Box::new(record), force };
        match noted(store, tenant, command).await {
            Note::Reverted(note) => notes.push((subject, note)),
            other => panic!("came to {other:?}"),
        }
    }
    notes
}

/// Everything that is kept of directories and jobs, in texts.
pub(super) async fn kept_of(store: &dyn Store, tenant: TenantKey) -> Vec<String> {
    let mut kept = Vec::new();
    for which in [Accounts::All, Accounts::Outdated] {
        let accounts = store.accounts(tenant, which, None, u32::MAX).await.expect("accounts can be read");
        kept.extend(accounts.iter().map(|account| format!("{which:?} {account:?}")));
    }
    let verifiers = store.verifiers(tenant, 0, u32::MAX).await.expect("verifiers can be read");
    kept.extend(verifiers.iter().map(|verifiers| format!("{verifiers:?}")));
    for job in store.jobs(tenant, None, u32::MAX).await.expect("jobs can be read") {
        kept.push(format!("{job:?}"));
        kept.extend(records(store, tenant, &job).await.iter().map(|record| format!("{record:?}")));
        let found = store.found(tenant, job.creation, None, u32::MAX).await.expect("findings can be read");
        kept.extend(found.iter().map(|found| format!("{found:?}")));
        let from = TaskKey { job: job.creation, number: 0 };
        let tasks = store.tasks(tenant, from, u32::MAX).await.expect("tasks can be read");
        kept.extend(tasks.iter().map(|task| format!("{task:?}")));
        kept.push(format!("{:?}", store.waiting(tenant, Some(job.creation)).await.expect("the queue can be counted")));
    }
    let candidates = store.candidates(tenant, None, u32::MAX).await.expect("candidates can be read");
    kept.extend(candidates.iter().map(|candidate| format!("{candidate:?}")));
    let retained = store.all_retained(tenant, None, u32::MAX).await.expect("what is kept for later can be read");
    kept.extend(retained.iter().map(|retained| format!("{retained:?}")));
    kept
}

/// What jobs can change, without the numbers of changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image {
    users: Vec<SeenRow>,
    accounts: Vec<Account>,
    events: Vec<SeenRow>,
    evidence: Vec<Vec<Evidence>>,
    /// Those of events and users. Who was at risk once stays listed.
    totals: HashMap<Total, u64>,
}

impl Image {
    pub(super) async fn take(store: &dyn Store, tenant: TenantKey) -> Self {
        let of = async |source| {
            let mut rows = rows(store, tenant, source).await;
            rows.sort_by(|left, right| left.id().cmp(right.id()));
            rows.into_iter().map(|row| SeenRow { version: 0, ..row }).collect::<Vec<_>>()
        };
        let (users, events) = (of(Source::Users).await, of(Source::Events(None)).await);
        let mut evidence = Vec::new();
        for row in &events {
            let key = super::samples::event_key(row.id());
            let mut items = store.evidence(tenant, &key).await.expect("evidence can be read").expect("an event");
            for item in &mut items {
                item.version = 0;
            }
            evidence.push(items);
        }
        let accounts = store.accounts(tenant, Accounts::All, None, u32::MAX).await.expect("accounts can be read");
        let totals = store.totals(tenant).await.expect("totals can be read");
        Self {
            users,
            accounts: accounts.into_iter().map(|account| Account { version: 0, ..account }).collect(),
            events,
            evidence,
            totals: totals.into_iter().filter(|(total, _)| !matches!(total, Total::RiskyUsers(..))).collect(),
        }
    }
}
