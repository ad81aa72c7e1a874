//! Pairs that are handed in: what is taken, what is refused and how it is said, how many may come, and that no answer
//! tells of a user.

use crate::blind::Blind;
use crate::jobs::{JOBS, caller};
use crate::samples::{USERS, event, user, with};
use api::spillwatch::PairRate;
use api::{Limits, RequestRate};
use model::{JobState, Permission, PermissionSet, TaskKey, TaskKind, TaskState};
use serde_json::{Value, json};
use service::checks::HandedIn;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use testkit::app::{Answer, ORIGIN, Setup, TestApp, now};

const CHECK: &str = "/v1.0/spillwatch/check";
/// A password that no answer may hold.
const SECRET: &str = "correct horse 4711";

fn pair(name: &str) -> Value {
    json!({"name": name, "password": SECRET})
}

fn body(pairs: &[Value]) -> Value {
    json!({"source": "feed", "pairs": pairs})
}

fn names(count: usize) -> Vec<Value> {
    (0..count).map(|number| pair(&format!("u{number}@corp.test"))).collect()
}

/// An answer without what differs from one request to the next.
fn without_ids(answer: &Answer) -> String {
    let mut body = answer.json();
    body["id"] = Value::Null;
    body.to_string()
}

#[tokio::test]
async fn pairs_are_on_disk_and_sealed_when_they_are_answered() {
    let app = TestApp::new().await;
    let sent = json!({"source": "feed", "leakedDateTime": "2024-03-01T00:00:00Z", "pairs": names(120)});
    let answer = app.post("/beta/spillwatch/check", &sent).await.expect(202);
    let shown = answer.json();
    let id = shown["id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.header("location"), format!("{ORIGIN}/beta/spillwatch/jobs/{id}"));
    let expected = json!({"id": id, "kind": "check", "status": "waiting", "createdDateTime": now().to_string(),
        "endedDateTime": null, "estimatedEndDateTime": null, "percentComplete": 0, "message": null,
        "counters": {"pairs": 120, "done": 0}, "warnings": []});
    assert_eq!(shown, expected);

    let app = app.restart().await;
    let service = &app.app.service;
    let caller = caller(&app, 0);
    let job = service.job(&caller, &id).await.expect("it is there");
    assert_eq!(job.state, JobState::Waiting);
    let asked = HandedIn::of(&job).expect("it was handed in");
    assert_eq!((&*asked.handed_in_by, &*asked.source, asked.pairs), ("cli:test", "feed", 120));
    let tasks =
        service.store().tasks(caller.tenant, TaskKey { job: job.creation, number: 0 }, 10).await.expect("tasks");
    assert_eq!(tasks.iter().map(|task| task.kind).collect::<Vec<_>>(), [TaskKind::Check; 3]);
    for text in tasks.iter().map(|task| &*task.payload).chain([&*job.parameters, &*job.progress]) {
        assert!(!text.contains(SECRET) && !text.contains("corp.test"), "{text}");
    }

    // Done tasks are counted by their pairs, and what came of them is not told.
    let result = json!({"lines": 50, "current": 7, "unknownName": 3});
    let lease = ("w", Duration::from_secs(30));
    let task = service.claim_task(caller.tenant, TaskKind::Check, lease, Vec::new()).await.expect("a claim");
    assert!(task.expect("a task").finish(&result, Vec::new()).await.expect("kept"));
    app.clock.advance_seconds(50);
    let shown = app.get(&format!("{JOBS}/{id}")).await.expect(200).json();
    assert_eq!(shown["counters"], json!({"pairs": 120, "done": 50}));
    assert_eq!(shown["percentComplete"], 41);
    assert_eq!(shown["estimatedEndDateTime"], now().plus_seconds(120).to_string());
    let tasks = service.store().tasks(caller.tenant, TaskKey { job: job.creation, number: 0 }, 1).await.expect("tasks");
    assert_eq!((tasks[0].state, &*tasks[0].payload), (TaskState::Done, "{}"));

    // While it waits, going on changes nothing, and it cannot be undone.
    let again = app.call("POST", &format!("{JOBS}/{id}/resume")).await.expect(202).json();
    assert_eq!(again["id"], id.as_str());
    assert!(
        app.call("POST", &format!("{JOBS}/{id}/undo")).await.refused(409, "Conflict").contains("waits for workers")
    );
}

#[tokio::test]
async fn a_held_check_does_not_tell_how_many_are_current() {
    let app = TestApp::new().await;
    let id = app.post(CHECK, &body(&names(5))).await.expect(202).json()["id"].as_str().expect("an id").to_owned();
    let running = app.app.service.resume_job(&caller(&app, 0), &id, false).await.expect("it is taken up");
    let progress = json!({"counts": {"current": 5}, "failed": 0, "raised": null});
    running.hold("it would touch 5 of 10 users (50.0 %)", &progress).await.expect("held");
    for text in [app.get(&format!("{JOBS}/{id}")).await.expect(200).text(), app.get(JOBS).await.expect(200).text()] {
        assert!(text.contains("\"held\"") && !text.contains("50.0") && !text.contains("current"), "{text}");
    }
}

#[tokio::test]
async fn no_answer_tells_of_a_user_and_none_is_read() {
    // The same application once with users and their events, and once with a store that fails on every read of them.
    let app = TestApp::new().await;
    app.post(USERS, &with(user(), &json!({"userPrincipalName": "u0@corp.test"}))).await.expect(201);
    app.post(crate::samples::EVENTS, &event()).await.expect(201);
    let blind = TestApp::start(Setup { around: |store| Arc::new(Blind(store)), ..Setup::default() }).await;
    blind.get(USERS).await.expect(500);
    let mut answers = Vec::new();
    for app in [&app, &blind] {
        for name in ["u0@corp.test", "U0@CORP.TEST", "nobody@elsewhere.test"] {
            for password in [SECRET, "not kept", "\u{0}"] {
                let pairs = [json!({"name": name, "password": password})];
                let answer = app.post(CHECK, &body(&pairs)).await.expect(202);
                let headers: Vec<String> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
                answers.push(format!("{headers:?} {}", without_ids(&answer)));
            }
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn all_faults_are_told_at_once_and_no_password() {
    let app = TestApp::new().await;
    let long = "x".repeat(321);
    let longer = SECRET.repeat(100);
    let cases = [
        (json!([]), "BadRequest", vec![("InvalidValue", "body")]),
        (json!({}), "BadRequest", vec![("MissingProperty", "source"), ("MissingProperty", "pairs")]),
        (
            json!({"source": " ", "leakedDateTime": "soon", "pairs": SECRET, "brake": 1}),
            "BadRequest",
            vec![
                ("InvalidProperty", "brake"),
                ("InvalidValue", "source"),
                ("InvalidValue", "leakedDateTime"),
                ("InvalidValue", "pairs"),
            ],
        ),
        (body(&[]), "BadRequest", vec![("InvalidValue", "pairs")]),
        (body(&names(1_001)), "BadRequest", vec![("InvalidValue", "pairs")]),
        (
            body(&[
                json!(SECRET),
                json!({"name": "", "password": ""}),
                json!({"name": long, "password": longer}),
                pair("fine@corp.test"),
                json!({"name": null, "password": 4711, "user": SECRET}),
                json!({"name": "a\u{7}b", "password": [SECRET]}),
                json!({"password": {"a": SECRET}}),
            ]),
            "BadRequest",
            vec![
                ("InvalidValue", "pairs/0"),
                ("InvalidValue", "pairs/1/name"),
                ("InvalidValue", "pairs/1/password"),
                ("InvalidValue", "pairs/2/name"),
                ("InvalidValue", "pairs/2/password"),
                ("InvalidProperty", "pairs/4/user"),
                ("NullValue", "pairs/4/name"),
                ("InvalidValue", "pairs/4/password"),
                ("InvalidValue", "pairs/5/name"),
                ("InvalidValue", "pairs/5/password"),
                ("MissingProperty", "pairs/6/name"),
                ("InvalidValue", "pairs/6/password"),
            ],
        ),
    ];
    for (sent, code, expected) in cases {
        let answer = app.post(CHECK, &sent).await.expect(400);
        assert!(!answer.text().contains("4711"), "{}", answer.text());
        let expected: Vec<_> = expected.iter().map(|(code, at)| ((*code).to_owned(), (*at).to_owned())).collect();
        assert_eq!(answer.details(), expected, "{sent}");
        answer.refused(400, code);
    }
    let repeated = format!(
        r#"{{"source":"a","source":"b","pairs":[{{"name":"a","password":"{SECRET}","password":"{SECRET}"}}]}}"#
    );
    let answer = app.call("POST", CHECK).text(&repeated).await.expect(400);
    let twice = ["source", "pairs/0/password"].map(|at| ("DuplicateProperty".to_owned(), at.to_owned()));
    assert_eq!(answer.details(), twice);
    let broken = format!(r#"{{"source":"a","pairs":[{{"name":"a","password":"{SECRET}" x}}]}}"#);
    for text in [broken.as_str(), "", "{", "nonsense 4711", "{} {}"] {
        let answer = app.call("POST", CHECK).text(text).await.expect(400);
        assert!(!answer.text().contains("4711"), "{}", answer.text());
    }
    let deep = format!(r#"{{"source":"a","pairs":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    app.call("POST", CHECK).text(&deep).await.expect(400);
    app.call("POST", CHECK).body(body(&names(1)).to_string()).await.expect(415);
    app.get(CHECK).await.expect(405);
    assert_eq!(app.get(JOBS).await.expect(200).json()["value"], json!([]), "nothing of that became a job");
}

#[tokio::test]
async fn a_check_is_bounded_as_a_batch_is_and_cannot_be_repeatable() {
    let limits = Limits { body: 100, batch: 1_000, ..Limits::default() };
    let app = TestApp::start(Setup { limits, ..Setup::default() }).await;
    app.post(CHECK, &body(&names(5))).await.expect(202);
    app.post(CHECK, &body(&names(50))).await.expect(413);
    let wished = app
        .post(CHECK, &body(&names(1)))
        .header("repeatability-request-id", "a")
        .header("repeatability-first-sent", "Sun, 03 Mar 2024 06:00:00 GMT");
    assert_eq!(wished.await.expect(501).header("repeatability-result"), "rejected");
}

#[tokio::test]
async fn a_batch_carries_checks_alone_and_not_in_a_group() {
    let app = TestApp::new().await;
    let item = |id: &str, group: Option<&str>| {
        let mut item = json!({"id": id, "method": "POST", "url": "/spillwatch/check", "body": body(&names(1)),
            "headers": {"content-type": "application/json"}});
        if let Some(group) = group {
            item["atomicityGroup"] = json!(group);
        }
        item
    };
    let batch = json!({"requests": [item("1", None), {"id": "2", "method": "GET", "url": "/spillwatch/jobs"}]});
    let answers = app.post("/v1.0/$batch", &batch).await.expect(200).json();
    let statuses: Vec<_> = answers["responses"].as_array().expect("answers").iter().map(|one| &one["status"]).collect();
    assert!(statuses.contains(&&json!(202)) && statuses.contains(&&json!(200)), "{answers}");
    let grouped = json!({"requests": [item("1", Some("g"))]});
    let answer = app.post("/v1.0/$batch", &grouped).await.expect(200).json();
    assert_eq!(answer["responses"][0]["status"], 400, "{answer}");
    assert!(answer.to_string().contains("stands or falls together"), "{answer}");
}

async fn limited(of_app: Option<u32>, of_name: u32) -> TestApp {
    let number = |number| NonZeroU32::new(number).expect("not zero");
    let of_app = of_app.map(|rate| RequestRate::new(number(rate), Duration::from_mins(1)));
    let pair_rate = PairRate { of_app, of_name: NonZeroU32::new(of_name) };
    TestApp::start(Setup { pair_rate, tenants: 2, ..Setup::default() }).await
}

#[tokio::test]
async fn of_a_name_so_many_pairs_are_taken_in_an_hour() {
    let app = limited(None, 3).await;
    let spellings = ["alice@corp.test", "ALICE@corp.test", " alice@CORP.test "];
    let pairs: Vec<Value> = spellings.into_iter().map(pair).collect();
    app.post(CHECK, &body(&pairs)).await.expect(202);
    let mixed = [pair("bob@corp.test"), pair("Alice@corp.test"), pair("carol@corp.test"), pair("alice@corp.test")];
    let answer = app.post(CHECK, &body(&mixed)).await.expect(429);
    assert_eq!(answer.header("retry-after"), "2400");
    let said = answer.refused(429, "TooManyRequests");
    assert!(said.ends_with("after 2400 seconds: pairs/1 pairs/3"), "{said}");
    assert!(!said.contains("corp.test"), "{said}");
    // The others of that request were not taken, nor counted.
    app.post(CHECK, &body(&vec![pair("bob@corp.test"); 3])).await.expect(202);
    // Another tenant's users are others.
    let other = app.token_of(1, PermissionSet::all());
    app.post(CHECK, &body(&mixed[1..2])).token(&other).await.expect(202);
    app.clock.advance_seconds(1_200);
    app.post(CHECK, &body(&mixed[1..2])).await.expect(202);
    app.post(CHECK, &body(&mixed[1..2])).await.expect(429);
    // What can never pass is a fault.
    let four = app.post(CHECK, &body(&vec![pair("dave@corp.test"); 4])).await.expect(400);
    assert_eq!(four.details(), [("InvalidValue".to_owned(), "pairs/3/name".to_owned())]);
}

#[tokio::test]
async fn of_an_app_so_many_pairs_are_taken() {
    let app = limited(Some(600), 0).await;
    app.post(CHECK, &body(&names(1_000))).await.expect(202);
    let answer = app.post(CHECK, &body(&names(100))).await.expect(429);
    assert_eq!(answer.header("retry-after"), "10");
    assert!(answer.refused(429, "TooManyRequests").contains("too many pairs"));
    app.clock.advance_seconds(10);
    app.post(CHECK, &body(&names(100))).await.expect(202);
    app.post(CHECK, &body(&names(1))).await.expect(429);
    let allowed = app.token_with(&[Permission::SpillwatchCheck]);
    app.clock.advance_seconds(1);
    app.post(CHECK, &body(&names(1))).token(&allowed).await.expect(202);
}
