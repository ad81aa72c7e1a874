//! What a job did is taken back, also where one thing stands in the way of another.

use model::{
    AccountEntry, AccountKey, Actor, Caller, Command, EntityId, JobKind, JobState, OwnedCell, PermissionSet,
    Precondition, UserDraft, UserKey, edm,
};
use service::Service;
use service::jobs::{RunningJob, Undoing, Undone};
use testkit::app::TestApp;

fn id(text: &str) -> EntityId {
    text.parse().expect("an id")
}

fn draft(name: &str) -> UserDraft {
    let mut draft = UserDraft::default();
    for position in [edm::user::USER_PRINCIPAL_NAME, edm::user::DISPLAY_NAME] {
        draft.put(position, OwnedCell::Text(name.into()));
    }
    draft
}

/// A service with one tenant, and somebody who may do everything.
async fn begin() -> (TestApp, Caller) {
    let app = TestApp::new().await;
    let tenant = &app.tenants[0];
    let actor = Actor { app: "a test".into(), user: None };
    let caller = Caller { tenant: tenant.key, tenant_id: tenant.id, actor, permissions: PermissionSet::all() };
    (app, caller)
}

async fn execute(service: &Service, caller: &Caller, command: Command) {
    service.store().execute(caller.tenant, caller.actor.clone(), command).await.expect("it is carried out");
}

async fn import(service: &Service, caller: &Caller) -> RunningJob {
    service.start_job(caller, JobKind::Import, &()).await.expect("a job")
}

/// The directory says that the user with a number has a name.
async fn tell(job: &RunningJob, number: u32, name: &str) {
    let entry = AccountEntry {
        job: job.job().creation,
        key: AccountKey { source: "ad".into(), key: format!("{number}").into() },
        matched: None,
        new_id: id(&format!("u{number}")),
        draft: draft(name),
        name_if_new: None,
        names: Vec::new(),
        is_administrator: None,
        verifiers: None,
    };
    execute(job.service(), job.caller(), Command::PutAccount(Box::new(entry))).await;
}

async fn name_of(service: &Service, caller: &Caller, user: &str) -> Option<String> {
    let user = service.store().load_user(caller.tenant, &UserKey::Id(id(user))).await.expect("users can be read");
    user.map(|user| user.user_principal_name().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_wait_for_each_other_come_back() {
    let (app, caller) = begin().await;
    let service = &app.app.service;
    let first = import(service, &caller).await;
    for number in 1..=4 {
        tell(&first, number, &format!("m{number}@fjord.example")).await;
    }
    first.complete(&()).await.expect("a job ends");
    // Everybody gets the name of the next one, and the last one's name comes free: each waits for the one that is taken
    // back after it.
    let second = import(service, &caller).await;
    tell(&second, 4, "free@fjord.example").await;
    for number in (1..=3).rev() {
        tell(&second, number, &format!("m{}@fjord.example", number + 1)).await;
    }
    tell(&second, 9, "m1@fjord.example").await;
    let second = second.complete(&()).await.expect("a job ends");

    let mut seen = Vec::new();
    let undone = service.undo_job(&caller, second.id.as_str(), Undoing::default(), |count| seen.push(count)).await;
    let (undo, done) = undone.expect("it is undone");
    assert_eq!(done, Undone { reverted: 10, changed_since: 0, blocked: 0 }, "five users, their accounts");
    assert_eq!((undo.kind, undo.state), (JobKind::Undo, JobState::Completed));
    assert!(seen.len() > 1 && seen.is_sorted() && seen.last() == Some(&10), "in several passes: {seen:?}");
    let kept = service.job(&caller, second.id.as_str()).await.expect("a job");
    assert_eq!((kept.state, kept.message), (JobState::Undone, None));
    for number in 1..=4 {
        let name = name_of(service, &caller, &format!("u{number}")).await;
        assert_eq!(name, Some(format!("m{number}@fjord.example")));
    }
    assert_eq!(name_of(service, &caller, "u9").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_in_the_way_is_counted_once() {
    let (app, caller) = begin().await;
    let service = &app.app.service;
    let first = import(service, &caller).await;
    for number in 1..=3 {
        tell(&first, number, &format!("m{number}@fjord.example")).await;
    }
    first.complete(&()).await.expect("a job ends");
    let second = import(service, &caller).await;
    tell(&second, 3, "free@fjord.example").await;
    tell(&second, 2, "m3@fjord.example").await;
    tell(&second, 1, "other@fjord.example").await;
    let second = second.complete(&()).await.expect("a job ends");
    // Somebody takes one of the names, and the third user is changed since.
    let create = Command::CreateUser { id: id("u9"), draft: Box::new(draft("m1@fjord.example")) };
    let mut patch = UserDraft::default();
    patch.put(edm::user::ACCOUNT_ENABLED, OwnedCell::Integer(1));
    let (user, precondition) = (UserKey::Id(id("u3")), Precondition::default());
    for command in [create, Command::UpdateUser { user, precondition, patch: Box::new(patch) }] {
        execute(service, &caller, command).await;
    }
    let undone = service.undo_job(&caller, second.id.as_str(), Undoing::default(), |_| ()).await;
    let (_, done) = undone.expect("it is undone as far as that goes");
    assert_eq!(done, Undone { reverted: 4, changed_since: 1, blocked: 1 }, "three accounts, one user");
    let kept = service.job(&caller, second.id.as_str()).await.expect("a job");
    assert_eq!(kept.state, JobState::Failed);
    let message = kept.message.expect("a message");
    assert!(message.starts_with("2 things "), "{message}");
    assert_eq!(name_of(service, &caller, "u2").await.as_deref(), Some("m2@fjord.example"));

    // Once the name is free, the rest goes too.
    let delete = Command::DeleteUser { user: UserKey::Id(id("u9")), precondition: Precondition::default() };
    execute(service, &caller, delete).await;
    let undone = service.undo_job(&caller, second.id.as_str(), Undoing { force: true, take_over: false }, |_| ()).await;
    assert_eq!(undone.expect("it is undone").1, Undone { reverted: 2, changed_since: 0, blocked: 0 });
    for number in 1..=3 {
        let name = name_of(service, &caller, &format!("u{number}")).await;
        assert_eq!(name, Some(format!("m{number}@fjord.example")));
    }
}
