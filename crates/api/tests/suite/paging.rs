//! Following links meets each row exactly once, whatever happens meanwhile.

use crate::samples::{BASE, EVENTS, ids, path_of};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::app::{TestApp, tenant_id};
use tokio::runtime::Runtime;

/// What happens between two pages.
#[derive(Clone, Debug)]
struct Meanwhile {
    page: usize,
    added: usize,
    /// Places among the rows of the beginning.
    deleted: Vec<prop::sample::Index>,
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    let deleted = vec(any::<prop::sample::Index>(), 0..3);
    (1..8_usize, 0..4_usize, deleted).prop_map(|(page, added, deleted)| Meanwhile { page, added, deleted })
}

async fn add(app: &TestApp, token: &str, prefix: &str, count: usize) -> Vec<String> {
    let made: Vec<String> = (0..count).map(|number| format!("{prefix}{number}")).collect();
    for chunk in made.chunks(20) {
        let create = |id: &String| {
            let body = crate::samples::with(crate::samples::event(), &json!({"id": id}));
            json!({"id": id, "method": "POST", "url": "leakedCredentialsRiskEvents", "body": body,
                   "headers": {"content-type": "application/json"}})
        };
        let requests: Vec<Value> = chunk.iter().map(create).collect();
        let answer = app.post("/v1.0/$batch", &json!({"requests": requests})).token(token).await.expect(200).json();
        let created = |answer: &Value| answer["status"] == 201;
        assert!(answer["responses"].as_array().expect("answers").iter().all(created), "{answer}");
    }
    made
}

async fn walk(app: &TestApp, tenant: usize, set: &str, rows: usize, steps: &[Meanwhile]) {
    let id = tenant_id(tenant);
    app.app.service.add_tenant(Some(id), "paged").await.expect("a tenant").expect("a new one");
    let token = app.token_of(tenant, model::PermissionSet::all());
    let rows = add(app, &token, "row", rows).await;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut order = Vec::new();
    let mut deleted = Vec::new();
    let mut link = Some(set.to_owned());
    let mut step = 0;
    while let Some(path) = link {
        let now = &steps[step % steps.len()];
        step += 1;
        let call = app.get(&path).token(&token);
        let page = call.header("prefer", &format!("odata.maxpagesize={}", now.page)).await.expect(200).json();
        let found = ids(&page);
        assert!(found.len() <= now.page);
        for id in found {
            *seen.entry(id.clone()).or_default() += 1;
            order.push(id);
        }
        link = page.get("@odata.nextLink").map(|link| path_of(link.as_str().expect("a link")).to_owned());
        if let Some(link) = &link {
            assert_eq!(order.len(), seen.len(), "no row twice");
            assert!(link.contains("$skiptoken="));
        }
        add(app, &token, &format!("new{step}x"), now.added).await;
        for place in now.deleted.iter().filter(|_| !rows.is_empty()) {
            let id = place.get(&rows);
            if !deleted.contains(id) {
                app.delete(&format!("{set}/{id}")).token(&token).await.expect(204);
                deleted.push(id.clone());
            }
        }
    }
    for row in &rows {
        let times = seen.remove(row).unwrap_or_default();
        assert!(times == 1 || (times == 0 && deleted.contains(row)), "{row} was met {times} times");
    }
    assert!(seen.is_empty(), "rows added later belong before the first page: {seen:?}");
    order.retain(|id| id.starts_with("row"));
    let newest_first: Vec<&String> = rows.iter().rev().filter(|row| order.contains(row)).collect();
    assert_eq!(order.iter().collect::<Vec<_>>(), newest_first);
}

#[test]
fn each_row_is_met_exactly_once_while_rows_come_and_go() {
    let runtime = Runtime::new().expect("a runtime");
    let app = runtime.block_on(TestApp::start(testkit::app::Setup { tenants: 0, ..Default::default() }));
    let tenant = std::cell::Cell::new(0);
    let cases = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (0..30_usize, vec(meanwhile(), 1..6), prop::sample::select(vec![EVENTS, BASE]));
    proptest::test_runner::TestRunner::new(cases)
        .run(&strategy, |(rows, steps, set)| {
            tenant.set(tenant.get() + 1);
            runtime.block_on(walk(&app, tenant.get(), set, rows, &steps));
            Ok(())
        })
        .expect("each row once");
}
