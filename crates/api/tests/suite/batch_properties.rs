//! `POST /$batch` with graphs and groups by chance, held against what must hold for all of them.

use crate::batch::{answers, create, statuses};
use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, with};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use testkit::app::TestApp;
use tokio::runtime::Runtime;

/// For each request: those it depends on, and whether it is one that fails.
fn graphs() -> impl Strategy<Value = Vec<(Vec<Index>, bool)>> {
    let request = (prop::collection::vec(any::<Index>(), 0..4), prop::bool::weighted(0.15));
    prop::collection::vec(request, 1..=20)
}

/// What a member of a group does.
#[derive(Clone, Debug)]
enum Step {
    CreateEvent,
    CreateUser,
    Level(&'static str),
    Rename,
    DeleteEvent,
    DeleteUser,
    BindToNewUser,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::CreateEvent),
        Just(Step::CreateUser),
        Just(Step::Level("low")),
        Just(Step::Level("medium")),
        Just(Step::Rename),
        Just(Step::DeleteEvent),
        Just(Step::DeleteUser),
        Just(Step::BindToNewUser),
    ];
    prop::collection::vec(step, 1..12)
}

/// The requests of the steps; what is deleted once is not touched again.
fn requests(steps: &[Step]) -> Vec<Value> {
    let change = |method: &str, url: &str, body: Value| json!({"method": method, "url": url, "headers": {"Content-Type": "application/json"}, "body": body});
    let (mut event_there, mut user_there, mut made) = (true, true, 0);
    let mut requests = Vec::new();
    for step in steps {
        made += 1;
        let new_user = json!({"id": format!("n{made}"), "accountEnabled": true, "displayName": "n", "mailNickname": "n",
            "userPrincipalName": format!("n{made}@fjord.example"), "passwordProfile": {"password": "x"}});
        let request = match step {
            Step::CreateEvent => create("", &event()),
            Step::CreateUser => change("POST", "users", new_user),
            Step::BindToNewUser => {
                requests.push(with(change("POST", "users", new_user), &json!({"id": format!("{}", requests.len())})));
                let bound = with(event(), &json!({"impactedUser@odata.bind": format!("${}", requests.len() - 1)}));
                let mut bound = create("", &bound);
                bound["body"].as_object_mut().expect("an object").remove("userId");
                bound
            }
            Step::Level(level) if event_there => change("PATCH", "identityRiskEvents/e1", json!({"riskLevel": level})),
            Step::Rename if user_there => {
                change("PATCH", "users/u1", json!({"userPrincipalName": format!("r{made}@fjord.example")}))
            }
            Step::DeleteEvent if std::mem::take(&mut event_there) => {
                json!({"method": "DELETE", "url": "identityRiskEvents/e1"})
            }
            Step::DeleteUser if std::mem::take(&mut user_there) => json!({"method": "DELETE", "url": "users/u1"}),
            _ => continue,
        };
        requests.push(with(request, &json!({"id": format!("{}", requests.len())})));
    }
    requests.into_iter().map(|request| with(request, &json!({"atomicityGroup": "group"}))).collect()
}

async fn view(app: &TestApp) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [BASE, USERS] {
        all.push(app.get(&format!("{path}?$top=100")).await.expect(200).json());
        all.push(json!(app.get(&format!("{path}/$count")).await.expect(200).text()));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Each request is carried out exactly when none before it on any way failed, once, and after all
    /// that it depends on: the numbers of their changes say so.
    #[test]
    fn graphs_run_in_an_order_that_they_allow(graph in graphs()) {
        Runtime::new().expect("a runtime").block_on(async {
            let app = TestApp::new().await;
            let before = |at: usize| -> Vec<usize> {
                let some = graph[at].0.iter().filter(|_| at > 0);
                some.map(|index| index.index(at)).collect()
            };
            let requests: Vec<Value> = (0..graph.len())
                .map(|at| {
                    let body = if graph[at].1 { json!({"riskLevel": 7}) } else { with(event(), &json!({"id": format!("e{at}")})) };
                    let on: Vec<String> = before(at).iter().map(ToString::to_string).collect();
                    with(create(&at.to_string(), &body), &json!({"dependsOn": on}))
                })
                .collect();
            let found = answers(&app, &json!(requests)).await;
            let mut expected = Vec::new();
            for (at, (_, fails)) in graph.iter().enumerate() {
                expected.push(match before(at).iter().all(|before| expected[*before] == 201) {
                    false => 424,
                    true if *fails => 400,
                    true => 201,
                });
            }
            assert_eq!(statuses(&found), expected);
            let version = |at: usize| -> u64 {
                let etag = found[at]["headers"]["ETag"].as_str().expect("an ETag");
                etag[3..etag.len() - 1].parse().expect("a number")
            };
            for at in (0..graph.len()).filter(|at| expected[*at] == 201) {
                assert!(before(at).iter().all(|before| version(*before) < version(at)), "{at}: {found:?}");
            }
            let carried_out = expected.iter().filter(|status| **status == 201).count();
            assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), carried_out.to_string());
        });
    }

    /// A group with one request that fails leaves everything as it was; without that one it is carried
    /// out.
    #[test]
    fn a_group_with_a_failure_leaves_nothing(steps in steps(), at in any::<Index>(), bad in 0..4_usize) {
        Runtime::new().expect("a runtime").block_on(async {
            let app = TestApp::new().await;
            add_event(&app, "e1").await;
            add_event(&app, "e2").await;
            add_user(&app, "u1", "mara@fjord.example").await;
            let before = view(&app).await;
            let mut group = requests(&steps);
            if group.is_empty() {
                return;
            }
            let failing = [
                create("bad", &with(event(), &json!({"id": "e2"}))),
                create("bad", &json!({})),
                json!({"id": "bad", "method": "DELETE", "url": "users/nobody"}),
                json!({"id": "bad", "method": "DELETE", "url": "identityRiskEvents/e2", "headers": {"If-Match": "W/\"9\""}}),
            ];
            let at = at.index(group.len() + 1);
            group.insert(at, with(failing[bad].clone(), &json!({"atomicityGroup": "group"})));
            let found = answers(&app, &json!(group)).await;
            for (place, status) in statuses(&found).into_iter().enumerate() {
                assert_eq!(status == 424, place != at, "{place}: {found:?}");
            }
            assert_eq!(view(&app).await, before);
            group.remove(at);
            let found = answers(&app, &json!(group)).await;
            assert!(statuses(&found).iter().all(|status| (200..300).contains(status)), "{group:?} {found:?}");
            assert!(app.app.service.store().check().await.expect("a check").iter().all(|finding| finding.sound));
        });
    }
}
