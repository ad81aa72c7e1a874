//! SCIM: what follows from a change: the day's job, what a new password closes, and what may not be found anywhere.

use crate::samples::{EVENTS, event, with};
use crate::scim_users::{USERS, add, mara, patch, wrong};
use model::{
    AccountEntry, AccountKey, Actor, Caller, Command, JobKind, JobState, OwnedCell, PermissionSet, UserDraft, edm,
};
use serde_json::{Value, json};
use service::jobs::Undoing;
use std::fs;
use std::path::Path;
use testkit::app::{Setup, TestApp};

/// Somebody who works at the service itself.
pub fn caller(app: &TestApp) -> Caller {
    let tenant = &app.tenants[0];
    let actor = Actor { app: "a test".into(), user: None };
    Caller { tenant: tenant.key, tenant_id: tenant.id, actor, permissions: PermissionSet::all() }
}

/// Another directory tells of a user.
pub async fn import(app: &TestApp, caller: &Caller, source: &str, id: &str, name: &str) {
    let service = &app.app.service;
    let job = service.start_job(caller, JobKind::Import, &()).await.expect("a job");
    let mut draft = UserDraft::default();
    draft.put(edm::user::USER_PRINCIPAL_NAME, OwnedCell::Text(name.into()));
    let entry = AccountEntry {
        job: job.job().creation,
        key: AccountKey { source: source.into(), key: id.into() },
        matched: None,
        new_id: id.parse().expect("an id"),
        draft,
        name_if_new: None,
        names: Vec::new(),
        is_administrator: None,
        verifiers: None,
    };
    let command = Command::PutAccount(Box::new(entry));
    service.store().execute(caller.tenant, caller.actor.clone(), command).await.expect("it is told");
    job.complete(&()).await.expect("a job ends");
}

async fn set_password(app: &TestApp, id: &str, password: &str) {
    let body = patch(&json!([{"op": "replace", "path": "password", "value": password}]));
    app.patch(&format!("{USERS}/{id}"), &body).await.expect(200);
}

/// The provisioning jobs, the newest first, with what they have counted.
async fn jobs(app: &TestApp) -> Vec<(model::Job, Value)> {
    let jobs = app.app.service.jobs(&caller(app), None, 99).await.expect("jobs");
    let counts = |job: &model::Job| serde_json::from_str(&job.progress).expect("JSON");
    jobs.into_iter().map(|job| (job.clone(), counts(&job))).filter(|(job, _)| job.kind == JobKind::Import).collect()
}

async fn status(app: &TestApp, event: &str) -> Value {
    app.get(&format!("{EVENTS}/{event}")).await.expect(200).json()["riskEventStatus"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_closes_open_events_and_the_same_one_nothing() {
    let app = TestApp::new().await;
    let id = add(&app, &with(mara(), &json!({"password": "before it leaked"}))).await;
    let leaked =
        app.post(EVENTS, &with(event(), &json!({"id": "e1", "userId": id, "riskEventStatus": "active"}))).await;
    leaked.expect(201);
    set_password(&app, &id, "before it leaked").await;
    assert_eq!(status(&app, "e1").await, "active", "the same password is no change");
    // Under another key the same password is still the same.
    let rekeyed = patch(&json!([
        {"op": "replace", "path": "externalId", "value": "E-2"},
        {"op": "replace", "path": "password", "value": "before it leaked"},
    ]));
    app.patch(&format!("{USERS}/{id}"), &rekeyed).await.expect(200);
    set_password(&app, &id, "before it leaked").await;
    assert_eq!(status(&app, "e1").await, "active");
    set_password(&app, &id, "after it leaked").await;
    assert_eq!(status(&app, "e1").await, "remediated");
    set_password(&app, &id, "before it leaked").await;
    assert_eq!(status(&app, "e1").await, "remediated", "it is opened when it is found again, not by this");
    let (_, counts) = jobs(&app).await.swap_remove(0);
    assert_eq!((&counts["remediated"], &counts["verifiersChanged"]), (&json!(1), &json!(2)), "{counts}");
    assert_eq!((&counts["created"], &counts["entries"]), (&json!(1), &json!(6)), "{counts}");
    assert_eq!(counts["sources"], json!(["scim"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_and_a_password_that_change_at_once_close_events_too() {
    let app = TestApp::new().await;
    let id = add(&app, &with(mara(), &json!({"password": "before it leaked"}))).await;
    app.post(EVENTS, &with(event(), &json!({"id": "e1", "userId": id, "riskEventStatus": "active"}))).await.expect(201);
    let both = with(mara(), &json!({"externalId": "E-2", "password": "after it leaked"}));
    let user = app.call("PUT", &format!("{USERS}/{id}")).json(&both).await.expect(200).json();
    assert_eq!((&user["externalId"], &user["id"]), (&json!("E-2"), &json!(id)));
    assert_eq!(status(&app, "e1").await, "remediated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_day_has_a_job_which_can_be_undone() {
    let app = TestApp::new().await;
    let id = add(&app, &mara()).await;
    let at = format!("{USERS}/{id}");
    app.clock.advance_seconds(86_400);
    for name in ["Mara L.", "M. L."] {
        let renamed = patch(&json!([{"op": "replace", "path": "displayName", "value": name}]));
        app.patch(&at, &renamed).token(&app.token_of(0, PermissionSet::all())).await.expect(200);
    }
    let both = jobs(&app).await;
    assert_eq!(both.len(), 2);
    let (today, counts) = &both[0];
    assert_eq!((today.state, &counts["updated"], &counts["created"]), (JobState::Completed, &json!(2), &json!(0)));
    assert!(today.parameters.contains("\"source\":\"scim\""), "{}", today.parameters);
    let token = app.token_of(0, PermissionSet::all());
    let service = &app.app.service;
    service.undo_job(&caller(&app), today.id.as_str(), Undoing::default(), |_| ()).await.expect("it is undone");
    assert_eq!(app.get(&at).token(&token).await.expect(200).json()["displayName"], "Mara Lind");
    // What comes after that is another job's.
    let off = patch(&json!([{"op": "replace", "path": "active", "value": false}]));
    app.patch(&at, &off).token(&token).await.expect(200);
    let all = jobs(&app).await;
    assert_eq!(
        all.iter().map(|(job, _)| job.state).collect::<Vec<_>>(),
        [JobState::Completed, JobState::Undone, JobState::Completed]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_break_nothing_and_all_are_counted() {
    let app = TestApp::new().await;
    let bodies: Vec<Value> = (0..40)
        .map(|number| json!({"userName": format!("u{}@fjord.example", number / 2), "displayName": number.to_string()}))
        .collect();
    let answers = futures_util::future::join_all(bodies.iter().map(|body| async { app.post(USERS, body).await })).await;
    let (made, taken): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), taken.len()), (20, 20));
    for answer in taken {
        wrong(answer, 409, Some("uniqueness"));
    }
    let id = made[0].json()["id"].as_str().expect("an id").to_owned();
    let parts = [
        ("name.givenName", "Mara"),
        ("name.familyName", "Lind"),
        ("displayName", "M"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "SOC"),
    ];
    let changes = parts.map(|(path, value)| patch(&json!([{"op": "add", "path": path, "value": value}])));
    let at = format!("{USERS}/{id}");
    let answers = futures_util::future::join_all(changes.iter().map(|body| async { app.patch(&at, body).await })).await;
    for answer in answers {
        answer.expect(200);
    }
    let user = app.get(&at).await.expect(200).json();
    assert_eq!(user["name"]["formatted"], "Mara Lind", "no change was lost: {user}");
    assert_eq!(user["displayName"], "M");
    let (_, counts) = jobs(&app).await.swap_remove(0);
    assert_eq!((&counts["created"], &counts["entries"]), (&json!(20), &json!(24)), "{counts}");
}

#[tokio::test]
async fn without_keys_nothing_with_a_password_is_taken() {
    let app = TestApp::start(Setup { vault: false, ..Setup::default() }).await;
    let id = add(&app, &mara()).await;
    let why = wrong(app.post(USERS, &json!({"userName": "o@fjord.example", "password": "x"})).await, 501, None);
    assert!(why.contains("keys"), "{why}");
    let body = patch(&json!([{"op": "replace", "path": "password", "value": "x"}]));
    wrong(app.patch(&format!("{USERS}/{id}"), &body).await, 501, None);
    assert_eq!(crate::scim_users::find(&app, "userName eq \"o@fjord.example\"").await["totalResults"], 0);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_password_is_in_no_answer_and_no_file() {
    const PLANTED: &str = "planted-Zw7!kestrel";
    let app = TestApp::new().await;
    let with_password = with(mara(), &json!({"password": PLANTED}));
    let made = app.post(USERS, &with_password).await.expect(201);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let at = format!("{USERS}/{id}");
    let op = |op: &str, path: Value, value: Value| {
        let mut operation = json!({"op": op, "value": value});
        if !path.is_null() {
            operation["path"] = path;
        }
        patch(&json!([operation]))
    };
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "PUT", "path": format!("/Users/{id}"), "data": with_password},
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "nobody", "password": PLANTED}},
        {"method": "PATCH", "path": "/Users/nobody", "data": op("add", json!("password"), json!(PLANTED))},
    ]});
    let filter = format!("{USERS}?filter=password%20eq%20%22{PLANTED}%22");
    let answers = vec![
        made,
        app.post(USERS, &with_password).await.expect(409),
        app.call("PUT", &at).json(&with_password).await.expect(200),
        app.patch(&at, &op("Replace", json!("password"), json!(PLANTED))).await.expect(200),
        app.patch(&at, &op("add", Value::Null, json!({"password": PLANTED}))).await.expect(200),
        app.patch(&at, &op("add", json!("password.x"), json!(PLANTED))).await.expect(400),
        app.patch(&at, &op("add", json!("password"), json!([PLANTED]))).await.expect(400),
        app.patch(&at, &op("add", json!("id"), json!(PLANTED))).await.expect(400),
        app.patch(&at, &op(PLANTED, json!("password"), json!(PLANTED))).await.expect(400),
        app.patch(&at, &op("add", json!(PLANTED), json!(PLANTED))).await.expect(400),
        app.patch(&at, &op("remove", json!("password"), json!(PLANTED))).await.expect(200),
        app.get(&filter).await.expect(400),
        app.get(&format!("{at}?attributes=password,userName")).await.expect(200),
        app.get(&format!("{USERS}?attributes=password")).await.expect(200),
        app.post("/scim/v2/Bulk", &bulk).await.expect(200),
        app.get(&format!("/v1.0/users/{id}")).await.expect(200),
    ];
    for answer in answers {
        assert!(!answer.text().contains(PLANTED), "{}", answer.text());
    }
    let found = files(app.folder.path());
    assert!(found.len() > 2, "there is a store");
    for file in found {
        let bytes = fs::read(&file).expect("it can be read");
        let is_in = bytes.windows(PLANTED.len()).any(|window| window == PLANTED.as_bytes());
        assert!(!is_in, "{}", file.display());
    }
}
