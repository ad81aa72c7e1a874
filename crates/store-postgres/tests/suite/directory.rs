//! Directories and jobs by chance: lists of commands, which meet each other within one transaction, come to the same in
//! both stores. Every list is loaded, decided and written at once here, and step by step in SQLite.

use crate::support::{clock, open, tenant};
use model::{
    AccountEntry, AccountKey, AccountName, Actor, Command, EntityId, EventKey, Finding, FoundCredential, Image, Job,
    JobKind, JobRecord, JobState, MatchClass, NewEvidence, OwnedCell, Place, Precondition, SealedVerifiers, Subject,
    TenantKey, Ticks, UserDraft, UserKey, edm,
};
use postgres_cluster::shared;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use store::contract::life::seen_of;
use store::{Accounts, AdminCommand, KeptVerifiers, Store};
use store_sqlite::SqliteStore;

/// Jobs that there are.
const JOBS: u64 = 3;
/// More than there are of anything here.
const ALL: u32 = 10_000;

/// Numbers by chance that repeat themselves.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one_of<T: Clone>(&mut self, several: &[T]) -> T {
        several[self.below(several.len() as u64) as usize].clone()
    }
}

fn id(kind: &str, number: u64) -> EntityId {
    format!("{kind}{number}").parse().expect("an id")
}

fn time(second: u64) -> Ticks {
    let start: Ticks = "2024-02-01T00:00:00Z".parse().expect("a time");
    Ticks::new(start.get() + second as i64 * Ticks::PER_SECOND).expect("a time")
}

fn key(dice: &mut Dice) -> AccountKey {
    AccountKey { source: dice.one_of(&["ad", "łdap"]).into(), key: format!("k{}", dice.below(4)).into() }
}

/// Commands by chance, on what a store holds before them.
struct Chance<'a> {
    dice: Dice,
    store: &'a dyn Store,
    tenant: TenantKey,
    /// Whether only what leaves no account without its user: to take single changes back can do that.
    only_whole: bool,
}

impl Chance<'_> {
    async fn job(&mut self) -> Job {
        let id = id("j", self.dice.below(JOBS));
        self.store.job(self.tenant, &id).await.expect("a job can be read").expect("it was begun")
    }

    fn entry(&mut self, job: u64) -> AccountEntry {
        let dice = &mut self.dice;
        let name = format!("Name{}@fjord.example", dice.below(6));
        let mut draft = UserDraft::default();
        draft.put(edm::user::USER_PRINCIPAL_NAME, OwnedCell::Text(name.as_str().into()));
        if dice.below(2) == 0 {
            draft.put(edm::user::ACCOUNT_ENABLED, OwnedCell::Integer(dice.below(2) as i64));
        }
        let tag = dice.below(4) as u8;
        AccountEntry {
            job,
            key: key(dice),
            matched: (dice.below(4) == 0).then(|| id("u", dice.below(6))),
            new_id: id("u", dice.below(6)),
            draft,
            name_if_new: None,
            names: vec![AccountName { attribute: "mail".into(), value: name.into() }],
            is_administrator: dice.one_of(&[None, Some(false), Some(true)]),
            verifiers: (tag > 0).then(|| SealedVerifiers { tag: [tag; 16], sealed: vec![tag; 9].into() }),
        }
    }

    async fn found(&mut self) -> FoundCredential {
        let account = key(&mut self.dice);
        let known = self.store.account(self.tenant, &account).await.expect("an account can be read");
        let mark = known.as_ref().and_then(|account| account.verifiers);
        let dice = &mut self.dice;
        let user = known.map_or_else(|| id("u", dice.below(6)), |account| account.user);
        FoundCredential {
            user,
            fingerprint: [dice.below(2) as u8; 32],
            finding: Finding {
                source: dice.one_of(&["a paste", "une fuite ł"]).into(),
                match_class: dice.one_of(&[MatchClass::Pair, MatchClass::PasswordOnly]),
                matched_attribute: dice.one_of(&[None, Some("mail".into())]),
                matched_rule: None,
            },
            proof: mark.map(|mark| (account, mark.number)),
            as_of: time(dice.below(9)),
            leaked: (dice.below(2) == 0).then(|| time(dice.below(9))),
            first_seen: time(dice.below(9)),
            last_seen: time(10 + dice.below(9)),
            occurrences: dice.one_of(&[1, 2, 2_000_000_000]),
            place: (dice.below(4) > 0).then(|| {
                let line = (dice.below(2) == 0).then(|| 1 + dice.below(9));
                Place::new(dice.one_of(&["a.zip/b", "ł"]), (dice.below(9), line), "combo", None)
            }),
            candidate: None,
        }
    }

    async fn record(&mut self, job: u64) -> Option<JobRecord> {
        let mut records = self.store.records(self.tenant, job, None, ALL).await.expect("records can be read");
        records.retain(|record| !self.only_whole || matches!(record.subject, Subject::Event(_)));
        (!records.is_empty()).then(|| self.dice.one_of(&records))
    }

    async fn command(&mut self) -> Command {
        let job = self.job().await;
        let event = || EventKey { id: id("e", 0), kind: None };
        match self.dice.below(16) {
            0..5 => Command::PutAccount(Box::new(self.entry(job.creation))),
            5 => Command::RemoveAccount { job: job.creation, account: key(&mut self.dice) },
            6 => Command::Remediate { job: job.creation, user: id("u", self.dice.below(6)), closed: time(100) },
            7 | 8 => {
                let found = Box::new(self.found().await);
                let id = id("e", self.dice.below(5));
                Command::RaiseFinding { job: job.creation, id, created: job.created, found }
            }
            9 | 10 => {
                let mut found = Vec::new();
                for _ in 0..self.dice.below(4) {
                    found.push(self.found().await);
                }
                let state = self.dice.one_of(&[JobState::Running, JobState::Held]);
                let expected = Some(job.version);
                Command::PutJob { job: Box::new(Job { state, ..job }), expected, found }
            }
            11 => {
                let event = EventKey { id: id("e", self.dice.below(5)), ..event() };
                let finding = Finding {
                    source: "told".into(),
                    match_class: MatchClass::Pair,
                    matched_attribute: None,
                    matched_rule: None,
                };
                let account_enabled = self.dice.one_of(&[None, Some(true)]);
                let evidence =
                    NewEvidence { finding, first_seen: None, last_seen: None, occurrences: 1, account_enabled };
                Command::AddEvidence { event, evidence: Box::new(evidence) }
            }
            12 => {
                let user = UserKey::Id(id("u", self.dice.below(6)));
                Command::DeleteUser { user, precondition: Precondition::default() }
            }
            13 => Command::DeleteEvent {
                event: EventKey { id: id("e", self.dice.below(5)), ..event() },
                precondition: Precondition::default(),
            },
            _ => match self.record(job.creation).await {
                Some(record) => {
                    let by = self.job().await.creation;
                    Command::Revert { job: by, record: Box::new(record), force: self.dice.below(2) == 0 }
                }
                None => Command::PutAccount(Box::new(self.entry(job.creation))),
            },
        }
    }
}

fn texts<T: Debug>(all: impl IntoIterator<Item = T>, into: &mut Vec<String>) {
    into.extend(all.into_iter().map(|item| format!("{item:?}")));
}

async fn verifiers(store: &dyn Store, tenant: TenantKey) -> Vec<KeptVerifiers> {
    store.verifiers(tenant, 0, ALL).await.expect("verifiers can be read")
}

/// The numbers of the verifiers that accounts and records name.
async fn named(store: &dyn Store, tenant: TenantKey) -> BTreeSet<u64> {
    let mut accounts = store.accounts(tenant, Accounts::All, None, ALL).await.expect("accounts can be read");
    for job in store.jobs(tenant, None, ALL).await.expect("jobs can be read") {
        for record in store.records(tenant, job.creation, None, ALL).await.expect("records can be read") {
            if let Image::Account(Some(account)) = record.image {
                accounts.push(*account);
            }
        }
    }
    accounts.iter().filter_map(|account| account.verifiers).map(|mark| mark.number).collect()
}

/// Everything that is kept of directories and jobs.
pub(crate) async fn directory_of(store: &dyn Store, tenant: TenantKey) -> Vec<String> {
    let mut seen = besides_verifiers(store, tenant).await;
    for verifiers in verifiers(store, tenant).await {
        seen.push(format!("{verifiers:?} {:?}", verifiers.sealed));
    }
    seen
}

/// The same but for verifiers, by pages.
async fn besides_verifiers(store: &dyn Store, tenant: TenantKey) -> Vec<String> {
    let mut seen = Vec::new();
    for which in [Accounts::All, Accounts::OfSource("łdap"), Accounts::Outdated] {
        let mut last = None;
        loop {
            let page = store.accounts(tenant, which, last.as_ref(), 3).await.expect("accounts can be read");
            let Some(account) = page.last() else { break };
            last = Some(account.key.clone());
            texts(page, &mut seen);
        }
    }
    for job in store.jobs(tenant, None, ALL).await.expect("jobs can be read") {
        let mut last = None;
        loop {
            let page = store.records(tenant, job.creation, last.as_ref(), 2).await.expect("records can be read");
            let Some(record) = page.last() else { break };
            last = Some(record.subject.clone());
            texts(page, &mut seen);
        }
        let mut last = None;
        loop {
            let page = store.found(tenant, job.creation, last.as_ref(), 2).await.expect("findings can be read");
            let Some(found) = page.last() else { break };
            last = Some(found.clone());
            texts(page, &mut seen);
        }
        texts([job], &mut seen);
    }
    seen
}

/// Begins jobs where there are none, and carries out lists of commands by chance, see [`Chance::only_whole`]. Answers what
/// each came to.
pub(crate) async fn live_with_jobs(
    store: &dyn Store,
    tenant: TenantKey,
    (seed, steps): (u64, u32),
    only_whole: bool,
) -> Vec<String> {
    let actor = Actor { app: "jobs".into(), user: None };
    let mut told = Vec::new();
    for number in 0..JOBS {
        let job = Job {
            id: id("j", number),
            kind: JobKind::Import,
            state: JobState::Running,
            created: time(50 + number),
            ended: None,
            lease: Some(time(99)),
            parameters: r#"{"file":"łist.csv"}"#.into(),
            progress: "{}".into(),
            message: None,
            creation: 0,
            version: 0,
        };
        let command = Command::PutJob { job: Box::new(job), expected: None, found: Vec::new() };
        texts([store.execute_all(tenant, actor.clone(), vec![command], None).await], &mut told);
    }
    let mut chance = Chance { dice: Dice(seed), store, tenant, only_whole };
    for _ in 0..steps {
        let mut commands = Vec::new();
        for _ in 0..=chance.dice.below(5) {
            commands.push(chance.command().await);
        }
        texts([store.execute_all(tenant, actor.clone(), commands, None).await], &mut told);
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_jobs_by_chance_come_to_the_same_as_in_sqlite() {
    for seed in 1..=4 {
        let (database, folder) = (shared().database(), tempfile::tempdir().expect("a temporary folder"));
        let stores: [Arc<dyn Store>; 2] = [
            open(database.url(), clock()).await,
            Arc::new(SqliteStore::open(folder.path(), clock()).expect("the store can be opened")),
        ];
        let tenant = tenant(&*stores[0], 1).await;
        assert_eq!(crate::support::tenant(&*stores[1], 1).await, tenant);
        for round in 0..4 {
            let [here, there] = [&*stores[0], &*stores[1]];
            let life = (seed * 100 + round, 60);
            let came_to =
                (live_with_jobs(here, tenant, life, false).await, live_with_jobs(there, tenant, life, false).await);
            for (place, (here, there)) in came_to.0.iter().zip(&came_to.1).enumerate() {
                assert_eq!(here, there, "seed {seed}, round {round}, list {place}");
            }
            assert_eq!(directory_of(here, tenant).await, directory_of(there, tenant).await, "seed {seed}");
            assert_eq!(seen_of(here, tenant).await, seen_of(there, tenant).await, "seed {seed}");
            assert!(came_to.0.iter().any(|told| told.starts_with("Ok")));
            // They are sealed anew alike, but for those that are gone.
            let (sealed, gone): (Box<[u8]>, _) = (vec![round as u8; 5].into(), (1_000_000, [1; 5].into()));
            let kept = verifiers(here, tenant).await;
            let anew: Vec<_> = kept.iter().map(|kept| (kept.number, sealed.clone())).chain([gone]).collect();
            for store in &stores {
                let reseal = AdminCommand::Reseal { tenant, verifiers: anew.clone() };
                store.administer(reseal).await.expect("verifiers can be sealed anew");
            }
            assert_eq!(directory_of(here, tenant).await, directory_of(there, tenant).await, "seed {seed}");
        }
        // What jobs did is forgotten alike, and with it every verifier that nothing names any more.
        let [here, there] = [&*stores[0], &*stores[1]];
        for number in 0..JOBS {
            let job = here.job(tenant, &id("j", number)).await.expect("a job can be read").expect("it was begun");
            for store in &stores {
                let forget = AdminCommand::ForgetRecords { tenant, job: job.creation };
                store.administer(forget).await.expect("records can be forgotten");
            }
            assert_eq!(besides_verifiers(here, tenant).await, besides_verifiers(there, tenant).await, "seed {seed}");
            let (kept, named) = (verifiers(here, tenant).await, named(here, tenant).await);
            assert!(!kept.is_empty() && kept.iter().all(|kept| named.contains(&kept.number)), "{kept:?} {named:?}");
        }
    }
}
