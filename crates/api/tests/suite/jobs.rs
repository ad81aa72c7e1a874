//! Jobs over HTTP: what is shown of them, pages, what they found, and going on with them from afar.

use api::routes::Verb;
use api::spillwatch::{BodyKind, ENDPOINTS};
use model::{Caller, Finding, FoundCredential, Job, JobKind, MatchClass, Permission, PermissionSet, Place, Ticks};
use serde_json::{Value, json};
use service::jobs::{Brake, RunningJob};
use testkit::app::{Answer, ORIGIN, TestApp, now, tenant_id, vault};

pub(crate) const JOBS: &str = "/v1.0/spillwatch/jobs";

/// Who works at jobs of the first tenant.
pub(crate) fn caller(app: &TestApp, tenant: usize) -> Caller {
    Caller {
        tenant: app.tenants[tenant].key,
        tenant_id: tenant_id(tenant),
        actor: model::Actor::command("test"),
        permissions: PermissionSet::all(),
    }
}

async fn start(app: &TestApp, kind: JobKind, parameters: Value) -> RunningJob {
    app.app.service.start_job(&caller(app, 0), kind, &parameters).await.expect("a job")
}

fn id(job: &Job) -> String {
    job.id.to_string()
}

/// A scan that was read to its end and is held.
async fn held(app: &TestApp, found: Vec<FoundCredential>) -> Job {
    let brake = Brake { percent: 1, administrators: 0 };
    let mut job = start(app, JobKind::Scan, json!({"sources": ["/secret/place"], "brake": brake})).await;
    let progress = json!({"isRead": true, "lines": 7, "problems": 2, "settings": "abc", "outcomes": {"pair": 3, "x": "y"},
        "position": [1, 2, 3, 4], "raised": null});
    job.keep(&progress, found).await.expect("kept");
    job.hold("it would touch too many", &progress).await.expect("held")
}

fn found(user: &str, number: u8) -> FoundCredential {
    FoundCredential {
        user: user.parse().expect("an id"),
        fingerprint: [number; 32],
        finding: Finding {
            source: "breach".into(),
            match_class: MatchClass::Pair,
            matched_attribute: Some("mail".into()),
            matched_rule: None,
        },
        proof: None,
        as_of: Ticks::default(),
        leaked: None,
        first_seen: now(),
        last_seen: now(),
        occurrences: 2,
        candidate: None,
        place: Some(Place {
            document: "/breach/a.txt".into(),
            offset: 40,
            line: Some(3),
            shape: "combo".into(),
            host: Some("shop.test".into()),
        }),
    }
}

/// Reads pages to their end.
async fn pages(app: &TestApp, first: &str) -> Vec<Value> {
    let (mut all, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(url) = next {
        let page = app.get(&url).await.expect(200).json();
        all.extend(page["value"].as_array().expect("a list").clone());
        next = page["@odata.nextLink"].as_str().map(|link| link.strip_prefix(ORIGIN).expect("ours").to_owned());
    }
    all
}

#[tokio::test]
async fn jobs_are_listed_the_newest_first_in_pages() {
    let app = TestApp::new().await;
    assert_eq!(app.get(JOBS).await.expect(200).json(), json!({"value": []}));
    let mut ids = Vec::new();
    for number in 0..5 {
        let job = start(&app, JobKind::Import, json!({"files": ["/a/path"], "number": number})).await;
        ids.insert(0, id(&job.complete(&json!({"created": number, "sources": ["x"]})).await.expect("an end")));
    }
    let shown = |jobs: &[Value]| -> Vec<String> {
        jobs.iter().map(|job| job["id"].as_str().expect("an id").to_owned()).collect()
    };
    for query in ["", "?$top=2", "?$top=1"] {
        assert_eq!(shown(&pages(&app, &format!("{JOBS}{query}")).await), ids, "{query}");
    }
    let page = app.get(JOBS).header("prefer", "odata.maxpagesize=3").await.expect(200);
    assert_eq!(page.header("preference-applied"), "odata.maxpagesize=3");
    assert_eq!(page.json()["value"].as_array().map(Vec::len), Some(3));
    let whole = app.get(&format!("/beta/Spillwatch/JOBS/{}", ids[0])).await.expect(200);
    let expected = json!({"id": ids[0], "kind": "import", "status": "completed", "createdDateTime": now().to_string(),
        "endedDateTime": now().to_string(), "estimatedEndDateTime": null, "percentComplete": 100, "message": null,
        "counters": {"created": 4}, "warnings": []});
    assert_eq!(whole.json(), expected);
    assert!(!whole.text().contains("/a/path"));

    let refused = app.get(&format!("{JOBS}?$filter=kind eq 'scan'").replace(' ', "%20")).await;
    assert!(refused.refused(501, "NotImplemented").contains("$filter"));
    app.get(&format!("{JOBS}?$top=0")).await.refused(400, "BadRequest");
    app.get(&format!("{JOBS}?$skiptoken=abc")).await.refused(400, "BadRequest");
    app.get(&format!("{JOBS}/{}?$top=1", ids[0])).await.refused(400, "BadRequest");
    app.get(&format!("{JOBS}/nothing")).await.refused(404, "ResourceNotFound");
    assert!(app.get("/v1.0/spillwatch/nowhere").await.refused(400, "BadRequest").contains("/jobs/{id}/undo"));
    assert_eq!(app.call("DELETE", JOBS).await.expect(405).header("allow"), "GET, HEAD");
    assert_eq!(app.call("OPTIONS", JOBS).await.expect(204).header("allow"), "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn what_stopped_and_what_a_scan_counts_is_told() {
    let app = TestApp::new().await;
    let job = id(&held(&app, Vec::new()).await);
    let shown = app.get(&format!("{JOBS}/{job}")).await.expect(200).json();
    assert_eq!(shown["status"], "held");
    assert_eq!(shown["message"], "it would touch too many");
    assert_eq!(shown["counters"], json!({"lines": 7, "problems": 2, "outcomes": {"pair": 3}}));
    assert_eq!(shown["warnings"], json!(["2 documents were not read, or not to their end"]));
    let running = start(&app, JobKind::Scan, json!({})).await;
    let url = format!("{JOBS}/{}", running.job().id);
    assert_eq!(app.get(&url).await.expect(200).json()["status"], "running");
    app.clock.advance_seconds(31);
    let shown = app.get(&url).await.expect(200).json();
    assert_eq!((&shown["status"], &shown["percentComplete"]), (&json!("interrupted"), &Value::Null));
}

#[tokio::test]
async fn what_a_job_has_found_comes_in_pages() {
    let app = TestApp::with_two_tenants().await;
    let all: Vec<FoundCredential> =
        (0..3).flat_map(|user| (0..=3 * user).map(move |number| found(&format!("u{user}"), number))).collect();
    let job = id(&held(&app, all.clone()).await);
    let url = format!("{JOBS}/{job}/findings");
    let whole = pages(&app, &url).await;
    assert_eq!(whole.len(), all.len());
    let vault = vault();
    for (shown, found) in whole.iter().zip(&all) {
        let event = vault.event_id(tenant_id(0), &found.user, &found.fingerprint);
        let expected = json!({"eventId": event.as_str(), "userId": found.user.as_str(), "source": "breach",
            "matchClass": "pair", "matchedAttribute": "mail", "matchedRule": null, "document": "/breach/a.txt", "line": 3,
            "offset": 40, "shape": "combo", "host": "shop.test", "leakedDateTime": null,
            "firstSeenDateTime": now().to_string(), "lastSeenDateTime": now().to_string(), "occurrences": 2});
        assert_eq!(*shown, expected);
    }
    for top in 1..=all.len() + 1 {
        assert_eq!(pages(&app, &format!("{url}?$top={top}")).await, whole, "{top}");
    }
    let reader = app.token_with(&[Permission::SpillwatchJobsReadWriteAll]);
    assert!(app.get(&url).token(&reader).await.refused(403, "Forbidden").contains("Spillwatch.Evidence.Read.All"));
    let other = app.token_of(1, PermissionSet::all());
    app.get(&url).token(&other).await.refused(404, "ResourceNotFound");
    app.get(&format!("{JOBS}/{job}")).token(&other).await.refused(404, "ResourceNotFound");
    let events = "/v1.0/spillwatch/events/nothing/findings";
    app.get(events).await.refused(404, "ResourceNotFound");
}

/// Waits for what is done behind an answer.
async fn ended(app: &TestApp, url: &str) -> Value {
    for _ in 0..2_000 {
        let shown = app.get(url).await.expect(200).json();
        if shown["status"] != "running" {
            return shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{url} does not end")
}

fn path_of(answer: &Answer) -> String {
    answer.header("location").strip_prefix(ORIGIN).expect("ours").to_owned()
}

#[tokio::test]
async fn a_held_job_is_released_and_undone_from_afar() {
    let app = TestApp::new().await;
    for number in 0..6 {
        crate::samples::add_user(&app, &format!("u{number}"), &format!("u{number}@corp.test")).await;
    }
    let job = id(&held(&app, (0..6).map(|number| found(&format!("u{number}"), number)).collect()).await);
    let url = format!("{JOBS}/{job}");
    let resume = format!("{url}/resume");
    let said = app.call("POST", &resume).await.refused(409, "Conflict");
    assert!(said.contains("release"), "{said}");
    for (body, target) in [(json!({"release": 1}), "release"), (json!({"force": true}), "`force`"), (json!([]), "")] {
        let answer = app.post(&resume, &body).await.expect(400);
        assert_eq!(answer.json()["error"]["target"].as_str().unwrap_or_default(), target, "{body}");
    }
    let accepted = app.post(&resume, &json!({"release": true})).await.expect(202);
    assert_eq!(path_of(&accepted), url);
    assert_eq!(accepted.json()["status"], "running");
    let shown = ended(&app, &url).await;
    assert_eq!((&shown["status"], &shown["counters"]["raised"]["raised"]), (&json!("completed"), &json!(6)));
    assert!(app.post(&resume, &json!({"release": true})).await.refused(409, "Conflict").contains("completed"));
    let events = app.get("/v1.0/leakedCredentialsRiskEvents").await.expect(200).json();
    assert_eq!(events["value"].as_array().map(Vec::len), Some(6));
    let event = events["value"][0]["id"].as_str().expect("an id");
    let behind = app.get(&format!("/v1.0/spillwatch/events/{event}/findings")).await.expect(200).json();
    assert_eq!((&behind["value"][0]["jobId"], &behind["value"][0]["line"]), (&json!(job), &json!(3)));

    let undo = app.call("POST", &format!("{url}/undo")).await.expect(202);
    assert_eq!(undo.json()["undoes"], job.as_str());
    assert_ne!(path_of(&undo), url);
    assert_eq!(ended(&app, &path_of(&undo)).await["status"], "completed");
    assert_eq!(app.get(&url).await.expect(200).json()["status"], "undone");
    let events = app.get("/v1.0/leakedCredentialsRiskEvents").await.expect(200).json();
    assert_eq!(events["value"], json!([]));
    assert!(app.call("POST", &format!("{url}/undo")).await.refused(409, "Conflict").contains("undone"));
}

#[tokio::test]
async fn what_needs_files_or_is_worked_at_is_refused_in_words() {
    let app = TestApp::new().await;
    let running = start(&app, JobKind::Import, json!({"files": ["/a"]})).await;
    let url = format!("{JOBS}/{}", running.job().id);
    for what in ["resume", "undo"] {
        let said = app.call("POST", &format!("{url}/{what}")).await.refused(409, "Conflict");
        assert!(said.contains("being worked at") && said.contains("GET http"), "{said}");
    }
    app.clock.advance_seconds(31);
    let said = app.call("POST", &format!("{url}/resume")).await.refused(409, "Conflict");
    assert!(said.contains(&format!("spillwatch jobs resume {}", running.job().id)), "{said}");
    app.call("POST", &format!("{url}/undo")).await.expect(202);
    app.call("POST", &format!("{JOBS}/none/undo")).await.refused(404, "ResourceNotFound");
    app.post(&format!("{url}/undo"), &json!({})).header("content-type", "text/plain").await.expect(415);
}

#[tokio::test]
async fn every_endpoint_demands_a_token_and_its_permission() {
    let app = TestApp::new().await;
    for endpoint in ENDPOINTS {
        let method = if endpoint.method == Verb::Get { "GET" } else { "POST" };
        for version in ["v1.0", "beta"] {
            let url = format!("/{version}/spillwatch{}", endpoint.path.replace("{id}", "a1"));
            app.call(method, &url).anonymous().await.refused(401, "InvalidAuthenticationToken");
            let others: PermissionSet = Permission::ALL
                .into_iter()
                .filter(|other| {
                    let alone: PermissionSet = [*other].into_iter().collect();
                    !alone.allows(endpoint.permission)
                })
                .collect();
            let said = app.call(method, &url).token(&app.token_of(0, others)).await.refused(403, "Forbidden");
            assert!(said.starts_with(&format!("{} is needed here", endpoint.permission)), "{said}");
            let enough = app.call(method, &url).token(&app.token_with(&[endpoint.permission])).await;
            let expected = if endpoint.body == BodyKind::Pairs {
                415
            } else if endpoint.path == "/jobs" {
                200
            } else {
                404
            };
            assert_eq!(enough.status, expected, "{method} {url}: {}", enough.text());
        }
    }
}
