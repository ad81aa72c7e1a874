//! `Prefer: include-unknown-enum-members` (graph.md, section 8.7). No enumeration has members behind
//! its sentinel yet; what they would read as is shown in the tests of odata.

use crate::samples::{BASE, EVENTS, USERS, add_event, event, with};
use serde_json::json;
use testkit::app::TestApp;

const PREFERENCE: &str = "include-unknown-enum-members";

#[tokio::test]
async fn the_preference_is_answered_wherever_it_means_something() {
    let app = TestApp::new().await;
    let made = app.post(EVENTS, &with(event(), &json!({"id": "e1"}))).header("prefer", PREFERENCE).await.expect(201);
    assert_eq!(made.header("preference-applied"), PREFERENCE);
    for path in [
        EVENTS.to_owned(),
        format!("{EVENTS}/$count"),
        format!("{EVENTS}/e1"),
        format!("{BASE}/e1/riskLevel"),
        format!("{BASE}/e1/riskLevel/$value"),
        USERS.to_owned(),
    ] {
        let answer = app.get(&path).header("prefer", PREFERENCE).await.expect(200);
        assert_eq!(answer.header("preference-applied"), PREFERENCE, "{path}");
        let without = app.get(&path).await.expect(200);
        assert_eq!((without.header("preference-applied"), without.text()), ("", answer.text()), "{path}");
    }
    for (sent, applied) in [
        ("Include-Unknown-Enum-Members, odata.maxpagesize=5", "odata.maxpagesize=5, include-unknown-enum-members"),
        ("include-unknown-enum-members=false", ""),
        ("include - unknown -enum-members", ""),
    ] {
        let list = app.get(EVENTS).header("prefer", sent).await.expect(200);
        assert_eq!(list.header("preference-applied"), applied, "{sent}");
    }
    let changed = app.patch(&format!("{EVENTS}/e1"), &json!({"riskLevel": "low"}));
    let changed = changed.header("prefer", "return=minimal").also("prefer", PREFERENCE).await.expect(204);
    assert_eq!(changed.header("preference-applied"), "return=minimal, include-unknown-enum-members");
    let refused = app.get(&format!("{EVENTS}/none")).header("prefer", PREFERENCE).await.expect(404);
    assert_eq!(refused.header("preference-applied"), "");
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/leakedCredentialsRiskEvents/e1", "headers": {"Prefer": PREFERENCE}},
        {"id": "2", "atomicityGroup": "g", "method": "PATCH", "url": "/leakedCredentialsRiskEvents/e1",
         "headers": {"Prefer": PREFERENCE, "Content-Type": "application/json"}, "body": {"riskLevel": "high"}},
    ]});
    let outer = app.post("/v1.0/$batch", &batch).header("prefer", PREFERENCE).await.expect(200);
    assert_eq!(outer.header("preference-applied"), "");
    for answer in outer.json()["responses"].as_array().expect("answers") {
        assert_eq!(answer["headers"]["Preference-Applied"], PREFERENCE, "{answer}");
    }
}

/// The seed document lists the sentinel as a level that events can have.
#[tokio::test]
async fn the_sentinel_of_levels_is_a_level_itself() {
    let app = TestApp::new().await;
    let unknown = json!({"id": "e1", "riskLevel": "unknownFutureValue"});
    app.post(EVENTS, &with(event(), &unknown)).await.expect(201);
    add_event(&app, "e2").await;
    for prefer in ["", PREFERENCE] {
        for (filter, count) in [
            ("riskLevel%20eq%20'unknownFutureValue'", "1"),
            ("riskLevel%20ne%20'unknownFutureValue'", "1"),
            ("riskLevel%20ge%20'hidden'", "1"),
            ("riskLevel%20in%20('high','unknownFutureValue')", "2"),
        ] {
            let found =
                app.get(&format!("{EVENTS}/$count?$filter={filter}")).header("prefer", prefer).await.expect(200);
            assert_eq!(found.text(), count, "{filter}");
        }
    }
    let same = json!({"riskLevel": "unknownFutureValue"});
    let patched = app.patch(&format!("{EVENTS}/e2"), &same).await.expect(200).json();
    assert_eq!(patched["riskLevel"], "high", "what the client does not know stays as it is");
}
