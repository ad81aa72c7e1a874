//! Accounts and jobs, as far as a store shows nothing of it.

use crate::samples::{at, id, ticks, user};
use model::{
    Account, AccountChange, AccountKey, ChangeKind, ChangedSet, Command, Decision, Effect, Image, Job, JobKind,
    JobRecord, JobState, Note, RecordChange, Refusal, RevertNote, SealedVerifiers, State, Subject, decide,
};

fn job() -> Job {
    Job {
        id: id("j1"),
        kind: JobKind::Scan,
        state: JobState::Running,
        created: ticks("2024-03-02T12:00:00Z"),
        ended: None,
        lease: None,
        parameters: "{}".into(),
        progress: "{}".into(),
        message: None,
        creation: 3,
        version: 5,
    }
}

#[test]
fn kinds_and_states_are_kept_by_number() {
    for kind in [JobKind::Import, JobKind::Scan, JobKind::Check, JobKind::Undo] {
        assert_eq!(JobKind::from_value(kind as i64), Some(kind), "{}", kind.name());
    }
    for state in
        [JobState::Running, JobState::Held, JobState::Completed, JobState::Failed, JobState::Undone, JobState::Waiting]
    {
        assert_eq!(JobState::from_value(state as i64), Some(state), "{}", state.name());
    }
    for value in [-1, 0, 7] {
        assert_eq!((JobKind::from_value(value), JobState::from_value(value)), (None, None));
    }
}

#[test]
fn verifiers_show_nothing_of_themselves() {
    let verifiers = SealedVerifiers { tag: [77; 16], sealed: [99; 5].into() };
    assert_eq!(format!("{verifiers:?}"), "SealedVerifiers(5 bytes)");
}

#[test]
fn a_job_keeps_the_number_that_made_it() {
    let put = |expected| Command::PutJob { job: Box::new(Job { creation: 77, ..job() }), expected, found: Vec::new() };
    let known = || State { job: Some(job()), ..State::default() };
    for (state, expected, creation, kind) in
        [(State::default(), None, 9, ChangeKind::Created), (known(), Some(5), 3, ChangeKind::Updated)]
    {
        let Ok(Decision::Noted(steps, Note::Job(told))) = decide(put(expected), state, at(9)) else { panic!("a job") };
        assert_eq!((told.creation, told.version), (creation, 9));
        let entry = steps[0].entry();
        assert_eq!((entry.set, entry.kind, &*entry.id), (ChangedSet::Jobs, kind, "j1"));
        assert_eq!(steps[0].totals(), []);
        assert!(matches!(&steps[0].effect, Effect::PutJob { job, .. } if *job == told));
    }
    for (state, expected) in [(known(), Some(4)), (State::default(), Some(5))] {
        assert_eq!(decide(put(expected), state, at(9)), Err(Refusal::JobMoved(id("j1"))));
    }
    assert_eq!(decide(put(None), known(), at(9)), Err(Refusal::IdTaken(id("j1"))));
}

#[test]
fn taking_back_leaves_a_record_of_its_own() {
    let key = AccountKey { source: "s".into(), key: "k".into() };
    let now = Account {
        key: key.clone(),
        user: user().id(),
        names: Vec::new(),
        is_administrator: false,
        verifiers: None,
        is_outdated: true,
        version: 7,
    };
    let before = Account { is_outdated: false, version: 2, ..now.clone() };
    let subject = Subject::Account(key);
    let revert = |sequence, force| {
        let image = Image::Account(Some(Box::new(before.clone())));
        let record = JobRecord { job: 1, subject: subject.clone(), sequence, is_gone: false, image };
        let command = Command::Revert { job: 8, record: Box::new(record), force };
        decide(command, State { account: Some(now.clone()), is_recorded: true, ..State::default() }, at(9))
    };
    assert_eq!(revert(6, false), Ok(Decision::Noted(Vec::new(), Note::Reverted(RevertNote::Changed))));
    for (sequence, force) in [(7, false), (7, true), (6, true)] {
        let Ok(Decision::Noted(steps, note)) = revert(sequence, force) else { panic!("a change") };
        assert_eq!(note, Note::Reverted(RevertNote::Reverted));
        let after = Account { version: 9, ..before.clone() };
        let put = AccountChange::Put { before: Some(Box::new(now.clone())), after: Box::new(after), verifiers: None };
        assert_eq!(steps[0].account, Some(put));
        let image = Image::Account(Some(Box::new(now.clone())));
        let own = JobRecord { job: 8, subject: subject.clone(), sequence: 9, is_gone: false, image };
        let forget = RecordChange::Forget { job: 1, subject: subject.clone() };
        let follow = RecordChange::Follow { subject: subject.clone(), from: 2, to: 9 };
        assert_eq!(steps[0].records, [forget, follow, RecordChange::Keep(own)]);
    }
}
