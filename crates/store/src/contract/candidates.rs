//! Candidates: how they wait, who takes them, and what becomes of what waits for them.

use super::Harness;
use super::people::{account_key, begun, credential, put_job, written};
use super::samples::{begin, id, tenant as another, ticks};
use crate::{
    AGAIN, AdminCommand, AdminOutcome, CandidateCommand, CandidateOutcome, RetentionCommand, Store, TaskCommand,
    Undecided, Waiting,
};
use model::{
    Candidate, CandidateKey, Claim, EntityId, FoundCredential, Job, JobKind, JobState, Judgement, MOST_ATTEMPTS,
    QueuedCandidate, RetainedCandidate, Sealed, TaskKind, TenantKey,
};
use std::collections::BTreeSet;

/// A finding that waits for a candidate: of a user, with a fingerprint, in a source.
fn waiting_for(user: &str, fingerprint: u8, source: &str, verifiers: u64, priority: i64) -> FoundCredential {
    let candidate = Candidate { sealed: sealed(fingerprint), verifiers, priority };
    FoundCredential { fingerprint: [fingerprint; 32], candidate: Some(candidate), ..credential(user, source) }
}

fn sealed(byte: u8) -> Sealed {
    Sealed(vec![byte; 40].into())
}

fn key(user: &str, fingerprint: u8) -> CandidateKey {
    CandidateKey { user: id(user), fingerprint: [fingerprint; 32] }
}

async fn change(store: &dyn Store, tenant: TenantKey, command: CandidateCommand) -> CandidateOutcome {
    match store.administer(AdminCommand::Candidates { tenant, command }).await.expect("candidates can be changed") {
        AdminOutcome::Candidates(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

async fn changed(store: &dyn Store, tenant: TenantKey, command: CandidateCommand) -> u64 {
    match change(store, tenant, command).await {
        CandidateOutcome::Changed(count) => count,
        CandidateOutcome::Claimed(_) => panic!("only a claim is answered with candidates"),
    }
}

/// Claims up to some at a minute, for ten minutes; where there is none to be checked with others, those that are not.
async fn claim(
    store: &dyn Store,
    tenant: TenantKey,
    who: (&str, u32),
    what: (u32, Option<&Job>),
) -> Vec<QueuedCandidate> {
    match claim_of(store, tenant, who, what, false).await {
        claimed if claimed.is_empty() => claim_of(store, tenant, who, what, true).await,
        claimed => claimed,
    }
}

async fn claim_of(
    store: &dyn Store,
    tenant: TenantKey,
    (id, minute): (&str, u32),
    (limit, job): (u32, Option<&Job>),
    is_alone: bool,
) -> Vec<QueuedCandidate> {
    let time = |minute| ticks(&format!("2024-03-02T12:{minute:02}:00Z"));
    let claim = Claim { id: id.into(), holder: "worker".into(), now: time(minute), lease: time((minute + 10).min(59)) };
    let job = job.map(|job| job.creation);
    match change(store, tenant, CandidateCommand::Claim { limit, job, is_alone, claim }).await {
        CandidateOutcome::Claimed(claimed) => claimed,
        CandidateOutcome::Changed(_) => panic!("a claim is answered with candidates"),
    }
}

fn keys(claimed: &[QueuedCandidate]) -> Vec<CandidateKey> {
    claimed.iter().map(|queued| queued.key.clone()).collect()
}

fn decided(verifiers: u64, is_current: bool) -> Judgement {
    let proof = is_current.then(|| (account_key("ad", "1"), verifiers));
    Judgement { verifiers, proof, as_of: ticks("2024-03-02T00:00:00Z") }
}

async fn decide(store: &dyn Store, tenant: TenantKey, claim: &str, judged: &[(CandidateKey, Judgement)]) -> u64 {
    changed(store, tenant, CandidateCommand::Decide { claim: claim.into(), judged: judged.to_vec() }).await
}

async fn found(store: &dyn Store, tenant: TenantKey, job: &Job) -> Vec<FoundCredential> {
    store.found(tenant, job.creation, None, 99).await.expect("findings can be read")
}

async fn waiting(store: &dyn Store, tenant: TenantKey, job: Option<&Job>) -> u64 {
    store.waiting(tenant, job.map(|job| job.creation)).await.expect("the queue can be counted").candidates
}

async fn undecided(store: &dyn Store, tenant: TenantKey, job: &Job) -> Vec<Undecided> {
    store.undecided(tenant, job.creation).await.expect("what is undecided can be counted")
}

pub(super) async fn what_waits_for_a_candidate_is_found_once_it_is_current(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    let first = waiting_for("u1", 1, "a.txt", 3, 10);
    let wrong = waiting_for("u1", 2, "a.txt", 3, 20);
    let direct = credential("u2", "a.txt");
    let all = vec![first.clone(), wrong, waiting_for("u1", 1, "b.txt", 3, 5), direct.clone()];
    let job = written(store, tenant, put_job(&job, Some(job.version), all)).await;
    assert_eq!(found(store, tenant, &job).await, std::slice::from_ref(&direct), "what waits is not found yet");
    assert_eq!((waiting(store, tenant, Some(&job)).await, waiting(store, tenant, None).await), (2, 2));

    let claimed = claim(store, tenant, ("c", 0), (9, None)).await;
    assert_eq!(keys(&claimed), [key("u1", 2), key("u1", 1)], "the most urgent first, each once");
    assert_eq!((claimed[0].sealed.clone(), claimed[0].judged.clone(), claimed[0].attempts), (sealed(2), None, 1));
    let counted = store.waiting(tenant, None).await.expect("the queue can be counted");
    assert_eq!(counted, Waiting { candidates: 2, claimed: 2 });
    let judged = [(key("u1", 2), decided(3, false)), (key("u1", 1), decided(3, true))];
    assert_eq!(decide(store, tenant, "another", &judged).await, 0, "it is not that worker's to decide");
    assert_eq!(decide(store, tenant, "c", &judged).await, 2);
    let proved = |found: &FoundCredential| FoundCredential {
        proof: decided(3, true).proof,
        as_of: ticks("2024-03-02T00:00:00Z"),
        candidate: None,
        ..found.clone()
    };
    let in_b = FoundCredential { fingerprint: [1; 32], ..credential("u1", "b.txt") };
    assert_eq!(found(store, tenant, &job).await, [proved(&first), proved(&in_b), direct]);
    assert_eq!((waiting(store, tenant, Some(&job)).await, waiting(store, tenant, None).await), (0, 0));
    assert_eq!(decide(store, tenant, "c", &judged).await, 0, "once");
}

pub(super) async fn a_candidate_is_checked_once_for_the_verifiers_of_a_user(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    let both =
        |verifiers| vec![waiting_for("u1", 1, "a.txt", verifiers, 9), waiting_for("u1", 2, "a.txt", verifiers, 8)];
    let job = written(store, tenant, put_job(&job, Some(job.version), both(3))).await;
    let claimed = claim(store, tenant, ("c", 0), (9, None)).await;
    assert_eq!(claimed.len(), 2);
    decide(store, tenant, "c", &[(key("u1", 1), decided(3, true)), (key("u1", 2), decided(3, false))]).await;

    // Another job sees both again: nothing waits, and what is current is found.
    let other = begun(store, tenant, "j2", JobKind::Check).await;
    let other = written(store, tenant, put_job(&other, Some(other.version), both(3))).await;
    assert_eq!(waiting(store, tenant, None).await, 0);
    let now = found(store, tenant, &other).await;
    assert_eq!((now.len(), now[0].fingerprint, now[0].proof.clone()), (1, [1; 32], decided(3, true).proof));
    // The same job again: the numbers add up, and the proof stays.
    let job = written(store, tenant, put_job(&job, Some(job.version), both(3))).await;
    let now = found(store, tenant, &job).await;
    assert_eq!((now.len(), now[0].occurrences, now[0].proof.clone()), (1, 2, decided(3, true).proof));

    // With other verifiers both wait again, and the worker learns what was decided before.
    let other = written(store, tenant, put_job(&other, Some(other.version), both(4))).await;
    let claimed = claim(store, tenant, ("d", 0), (9, Some(&other))).await;
    let before: Vec<_> = claimed.iter().map(|queued| queued.judged.clone()).collect();
    assert_eq!(keys(&claimed), [key("u1", 1), key("u1", 2)]);
    assert_eq!(before, [Some(decided(3, true)), Some(decided(3, false))]);
    assert_eq!(found(store, tenant, &other).await, [], "other verifiers proved it");
    decide(store, tenant, "d", &[(key("u1", 1), decided(4, false)), (key("u1", 2), decided(4, true))]).await;
    let now = found(store, tenant, &other).await;
    assert_eq!((now.len(), now[0].fingerprint, now[0].proof.clone()), (1, [2; 32], decided(4, true).proof));
}

pub(super) async fn candidates_of_dead_workers_are_taken_over_and_given_up(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    let all = vec![waiting_for("u1", 1, "a.txt", 3, 9), waiting_for("u2", 1, "a.txt", 3, 8)];
    let job = written(store, tenant, put_job(&job, Some(job.version), all)).await;
    assert_eq!(keys(&claim(store, tenant, ("a", 0), (1, None)).await), [key("u1", 1)]);
    assert_eq!(keys(&claim(store, tenant, ("b", 0), (9, None)).await), [key("u2", 1)]);
    assert_eq!(claim(store, tenant, ("c", 5), (9, None)).await, [], "both are alive");
    let renew = |claim: &str, minute: u32| CandidateCommand::Renew {
        claim: claim.into(),
        keys: vec![key("u1", 1), key("u2", 1)],
        lease: ticks(&format!("2024-03-02T12:{minute:02}:00Z")),
    };
    assert_eq!(changed(store, tenant, renew("a", 20)).await, 1, "only its own");
    assert_eq!(keys(&claim(store, tenant, ("c", 11), (9, None)).await), [key("u2", 1)]);
    assert_eq!(decide(store, tenant, "b", &[(key("u2", 1), decided(3, true))]).await, 0, "it is too late");
    // Given back as not begun, it costs no attempt; given back with a reason time and again it is given up.
    let give_back = |claim: &str, key: CandidateKey, message: Option<&str>| CandidateCommand::GiveBack {
        claim: claim.into(),
        keys: vec![key],
        message: message.map(Into::into),
    };
    assert_eq!(changed(store, tenant, give_back("c", key("u2", 1), None)).await, 1);
    for attempt in 2..=MOST_ATTEMPTS {
        let other = claim_of(store, tenant, ("d", 12), (9, None), attempt <= AGAIN).await;
        assert_eq!(other, [], "it is checked with others twice, and then by itself");
        let claimed = claim(store, tenant, ("d", 12), (9, None)).await;
        assert_eq!((keys(&claimed), claimed[0].attempts), (vec![key("u2", 1)], attempt));
        changed(store, tenant, give_back("d", key("u2", 1), Some("not enough memory"))).await;
    }
    assert_eq!(claim(store, tenant, ("d", 12), (9, None)).await, []);
    let of = |why: &str| Undecided { why: why.into(), candidates: 1, places: 1 };
    assert_eq!(undecided(store, tenant, &job).await, [of("not enough memory")]);
    // The first one's worker is known to be dead, and others die as often.
    let lapse = |holder: &str| CandidateCommand::Lapse { holder: holder.into(), now: ticks("2024-03-02T12:19:00Z") };
    assert_eq!(changed(store, tenant, lapse("another")).await, 0, "it has none");
    assert_eq!(claim(store, tenant, ("e", 19), (9, None)).await, []);
    assert_eq!(changed(store, tenant, lapse("worker")).await, 1);
    assert_eq!(changed(store, tenant, lapse("worker")).await, 0, "once");
    for attempt in 2..=MOST_ATTEMPTS {
        let claimed = claim(store, tenant, ("e", 19 + 11 * (attempt - 2)), (9, None)).await;
        assert_eq!((keys(&claimed), claimed[0].attempts), (vec![key("u1", 1)], attempt));
    }
    let late = CandidateCommand::Lapse { holder: "worker".into(), now: ticks("2024-03-02T12:53:00Z") };
    assert_eq!(changed(store, tenant, late).await, 0, "the last attempt is left to it");
    assert_eq!(claim(store, tenant, ("e", 59), (9, None)).await.len(), 0);
    let late = ticks("2024-03-02T13:30:00Z");
    let by = Claim { id: "f".into(), holder: "worker".into(), now: late, lease: late };
    let none = CandidateCommand::Claim { limit: 9, job: None, is_alone: true, claim: by };
    let none = change(store, tenant, none).await;
    assert_eq!(none, CandidateOutcome::Claimed(Vec::new()));
    assert_eq!((waiting(store, tenant, Some(&job)).await, found(store, tenant, &job).await), (0, Vec::new()));
    let all = [of("its workers were not heard of again"), of("not enough memory")];
    assert_eq!(undecided(store, tenant, &job).await, all);

    // Seen again both are checked after all; what could not be checked of newer verifiers is not what the older proved.
    let other = begun(store, tenant, "j2", JobKind::Scan).await;
    let again =
        |verifiers| vec![waiting_for("u1", 1, "a.txt", verifiers, 9), waiting_for("u2", 1, "a.txt", verifiers, 8)];
    let other = written(store, tenant, put_job(&other, Some(other.version), again(3))).await;
    assert_eq!((waiting(store, tenant, Some(&other)).await, undecided(store, tenant, &job).await), (2, Vec::new()));
    assert_eq!(claim_of(store, tenant, ("g", 0), (9, None), false).await.len(), 2);
    decide(store, tenant, "g", &[(key("u1", 1), decided(3, true)), (key("u2", 1), decided(3, false))]).await;
    assert_eq!(
        (undecided(store, tenant, &job).await, undecided(store, tenant, &other).await),
        (Vec::new(), Vec::new())
    );
    let users: Vec<EntityId> = found(store, tenant, &job).await.into_iter().map(|found| found.user).collect();
    assert_eq!(users, [id("u1")], "it is decided for every job that waits");
    let other = written(store, tenant, put_job(&other, Some(other.version), again(4))).await;
    for _ in 0..MOST_ATTEMPTS {
        claim(store, tenant, ("h", 0), (9, None)).await;
        changed(store, tenant, give_back("h", key("u1", 1), Some("not enough memory"))).await;
    }
    decide(store, tenant, "h", &[(key("u2", 1), decided(4, false))]).await;
    let twice = Undecided { places: 2, ..of("not enough memory") };
    assert_eq!(undecided(store, tenant, &other).await, std::slice::from_ref(&twice));
    assert_eq!(found(store, tenant, &other).await, []);

    // A later job gives it once more, and is dropped: what the one that has ended waits for is undecided as before.
    let ended = written(
        store,
        tenant,
        put_job(&Job { state: JobState::Completed, ..other.clone() }, Some(other.version), Vec::new()),
    )
    .await;
    let last = begun(store, tenant, "j3", JobKind::Scan).await;
    let last = written(store, tenant, put_job(&last, Some(last.version), again(4)[..1].to_vec())).await;
    assert_eq!((waiting(store, tenant, Some(&last)).await, undecided(store, tenant, &ended).await), (1, Vec::new()));
    changed(store, tenant, CandidateCommand::Drop { job: last.creation }).await;
    assert_eq!((waiting(store, tenant, None).await, undecided(store, tenant, &ended).await), (0, vec![twice]));
}

pub(super) async fn candidates_wait_for_their_jobs(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = another(harness, 2).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    let all = vec![waiting_for("u1", 1, "a.txt", 3, 9)];
    let job = written(store, tenant, put_job(&job, Some(job.version), all.clone())).await;
    let held = Job { state: JobState::Failed, ..job };
    let held = written(store, tenant, put_job(&held, Some(held.version), Vec::new())).await;
    assert_eq!(claim(store, tenant, ("a", 0), (9, None)).await, [], "its job has failed");
    let other = begun(store, tenant, "j2", JobKind::Scan).await;
    assert_eq!(claim(store, tenant, ("a", 0), (9, Some(&other))).await, []);
    let waits = Job { state: JobState::Waiting, ..held };
    let waits = written(store, tenant, put_job(&waits, Some(waits.version), Vec::new())).await;
    assert_eq!(claim(store, first, ("a", 0), (9, None)).await, [], "another tenant has none");
    let waiting_jobs = async |tenant, after| store.waiting_jobs(tenant, after, 9).await.expect("jobs can be read");
    assert_eq!(waiting_jobs(tenant, 0).await, std::slice::from_ref(&waits), "the other one is running");
    assert_eq!((waiting_jobs(tenant, waits.creation).await, waiting_jobs(first, 0).await), (Vec::new(), Vec::new()));
    assert_eq!(claim(store, tenant, ("a", 0), (9, Some(&waits))).await.len(), 1);

    // Tasks bring candidates too.
    let payloads = vec!["{}".into()];
    let add = TaskCommand::Add { job: other.creation, kind: TaskKind::Check, priority: 0, first: 0, payloads };
    let tasks = async |command| {
        store.administer(AdminCommand::Tasks { tenant, command }).await.expect("tasks can be changed");
    };
    tasks(add).await;
    let late = ticks("2024-03-02T12:50:00Z");
    let by = Claim { id: "t".into(), holder: "worker".into(), now: ticks("2024-03-02T12:00:00Z"), lease: late };
    tasks(TaskCommand::Claim { kind: TaskKind::Check, except: Vec::new(), claim: by }).await;
    let finish = TaskCommand::Finish {
        key: model::TaskKey { job: other.creation, number: 0 },
        claim: "t".into(),
        result: "{}".into(),
        found: all,
    };
    tasks(finish).await;
    assert_eq!(waiting(store, tenant, Some(&other)).await, 1);
    // A job that is dropped waits for nothing, and what others wait for stays.
    assert_eq!(changed(store, tenant, CandidateCommand::Drop { job: waits.creation }).await, 1);
    assert_eq!((waiting(store, tenant, Some(&waits)).await, waiting(store, tenant, None).await), (0, 1));
    let forget = AdminCommand::ForgetRecords { tenant, job: other.creation };
    store.administer(forget).await.expect("it can be forgotten");
    assert_eq!(waiting(store, tenant, None).await, 0, "nobody waits for it");
}

pub(super) async fn workers_never_take_the_same_candidate(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Scan).await;
    let all = (0..60).map(|n| waiting_for(&format!("u{}", n % 7), n, "a.txt", 3, i64::from(n % 5))).collect();
    written(&*store, tenant, put_job(&job, Some(job.version), all)).await;
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let store = harness.store();
        workers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let claimed = claim(&*store, tenant, (&format!("w{worker}"), 0), (3, None)).await;
                if claimed.is_empty() {
                    return taken;
                }
                taken.extend(keys(&claimed));
            }
        });
    }
    let mut taken: Vec<CandidateKey> = workers.join_all().await.into_iter().flatten().collect();
    // Beside others a claim may come away with nothing although something waits.
    while let [one, ..] = &*keys(&claim(&*store, tenant, ("last", 0), (1, None)).await) {
        taken.push(one.clone());
    }
    assert_eq!(taken.len(), 60, "each is taken once");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), 60);
}

fn kept(name: u8, credential: u8, expires: &str) -> RetainedCandidate {
    RetainedCandidate {
        name: [name; 16],
        credential: [credential; 16],
        expires: ticks(expires),
        sealed: sealed(credential),
    }
}

async fn retain(store: &dyn Store, tenant: TenantKey, command: RetentionCommand) -> u64 {
    match store.administer(AdminCommand::Retain { tenant, command }).await.expect("it can be kept") {
        AdminOutcome::Candidates(CandidateOutcome::Changed(count)) => count,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn what_is_kept_for_later_is_kept_for_its_time(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = another(harness, 2).await;
    let store = &*store;
    let all = vec![
        kept(1, 2, "2024-05-01T00:00:00Z"),
        kept(1, 1, "2024-04-01T00:00:00Z"),
        kept(2, 1, "2024-06-01T00:00:00Z"),
    ];
    retain(store, tenant, RetentionCommand::Keep(all.clone())).await;
    // Told again, the later one counts as a whole: what was sealed before may be sealed with a key that is lost.
    let again = RetainedCandidate { sealed: sealed(9), ..kept(1, 1, "2024-05-15T00:00:00Z") };
    let sooner = kept(1, 2, "2024-01-01T00:00:00Z");
    retain(store, tenant, RetentionCommand::Keep(vec![again, sooner])).await;
    let read = async |tenant, names: &[u8], now: &str| {
        let names: Vec<[u8; 16]> = names.iter().map(|name| [*name; 16]).collect();
        store.retained(tenant, &names, ticks(now)).await.expect("it can be read")
    };
    let longer = RetainedCandidate { sealed: sealed(9), ..kept(1, 1, "2024-05-15T00:00:00Z") };
    assert_eq!(
        read(tenant, &[2, 1, 7], "2024-03-01T00:00:00Z").await,
        [all[2].clone(), longer.clone(), all[0].clone()]
    );
    assert_eq!(
        read(tenant, &[1], "2024-05-01T00:00:00Z").await,
        std::slice::from_ref(&longer),
        "the time of the other is over"
    );
    assert_eq!(read(first, &[1, 2], "2024-03-01T00:00:00Z").await, [], "another tenant has none");
    let page = store.all_retained(tenant, Some(([1; 16], [1; 16])), 1).await.expect("it can be read");
    assert_eq!(page, [all[0].clone()]);

    let anew = RetainedCandidate { sealed: sealed(7), ..all[2].clone() };
    let gone = kept(9, 9, "2024-06-01T00:00:00Z");
    assert_eq!(retain(store, tenant, RetentionCommand::Reseal(vec![anew.clone(), gone])).await, 1);
    let expire = |now: &str| RetentionCommand::Expire { now: ticks(now) };
    assert_eq!(retain(store, tenant, expire("2024-05-15T00:00:00Z")).await, 2);
    let left: Vec<RetainedCandidate> = store.all_retained(tenant, None, 9).await.expect("it can be read");
    assert_eq!(left, [anew]);
    assert_eq!(retain(store, tenant, expire("2024-05-15T00:00:00Z")).await, 0);
}

pub(super) async fn candidates_are_sealed_anew(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let store = &*store;
    let job = begun(store, tenant, "j1", JobKind::Scan).await;
    let all = (1..=3).map(|n| waiting_for("u1", n, "a.txt", 3, 9)).collect();
    written(store, tenant, put_job(&job, Some(job.version), all)).await;
    claim(store, tenant, ("c", 0), (1, None)).await;
    decide(store, tenant, "c", &[(key("u1", 1), decided(3, false))]).await;
    let page = store.candidates(tenant, None, 1).await.expect("it can be read");
    assert_eq!(keys(&page), [key("u1", 2)], "what is decided has no password any more");
    let reseal = (1..=4).map(|n| (key("u1", n), sealed(100 + n))).collect();
    assert_eq!(changed(store, tenant, CandidateCommand::Reseal(reseal)).await, 2);
    let all = store.candidates(tenant, Some(&key("u1", 1)), 9).await.expect("it can be read");
    let sealed_anew: Vec<Sealed> = all.into_iter().map(|queued| queued.sealed).collect();
    assert_eq!(sealed_anew, [sealed(102), sealed(103)]);
    // Whoever finds one again while it waits has sealed it with the key in use: that of before may be lost.
    let second = begun(store, tenant, "j2", JobKind::Scan).await;
    let again = vec![waiting_for("u1", 2, "a.txt", 3, 9)];
    written(store, tenant, put_job(&second, Some(second.version), again)).await;
    let page = store.candidates(tenant, None, 1).await.expect("it can be read");
    assert_eq!((keys(&page), page[0].sealed.clone()), (vec![key("u1", 2)], sealed(2)));
}

/// Makes candidates of a job in every state, and keeps some for later.
pub(super) async fn some(store: &dyn Store, tenant: TenantKey, job: &Job) -> Job {
    let all = (1..=4).map(|n| waiting_for("w1", n, "łist.txt", 3, i64::from(n))).collect();
    let job = written(store, tenant, put_job(job, Some(job.version), all)).await;
    claim(store, tenant, ("c", 0), (3, None)).await;
    decide(store, tenant, "c", &[(key("w1", 4), decided(3, true)), (key("w1", 3), decided(3, false))]).await;
    let keep = vec![kept(1, 2, "2124-05-01T00:00:00Z"), kept(3, 4, "2124-05-01T00:00:00Z")];
    retain(store, tenant, RetentionCommand::Keep(keep)).await;
    job
}
