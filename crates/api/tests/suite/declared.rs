//! What the entity data model declares is what bodies are held against.

use crate::samples::{BASE, EVENTS, USERS, add_event, event, user, with};
use api::routes::{ROUTES, Shape, Verb, area_of};
use model::edm::{self, MODEL};
use odata::edm::{EntitySet, EntityType};
use odata::query::SystemOption;
use serde_json::json;
use std::collections::BTreeSet;
use testkit::app::TestApp;

fn required(ty: &EntityType) -> Vec<&'static str> {
    let all = ty.all_properties();
    all.iter().filter(|property| property.is_required()).map(|property| property.name).collect()
}

#[tokio::test]
async fn required_properties_are_those_that_a_create_misses() {
    let app = TestApp::new().await;
    let typed = json!({"@odata.type": "#microsoft.graph.leakedCredentialsRiskEvent"});
    for (path, body, ty) in [
        (EVENTS, json!({"riskType": null}), &edm::LEAKED_CREDENTIALS_RISK_EVENT),
        (BASE, typed, &edm::LEAKED_CREDENTIALS_RISK_EVENT),
        (USERS, json!({"jobTitle": null}), &edm::USER),
    ] {
        let answer = app.post(path, &body).await.expect(400);
        let mut missing: Vec<String> = answer.details().into_iter().map(|(_, target)| target).collect();
        let mut declared = required(ty);
        missing.sort();
        declared.sort_unstable();
        assert_eq!(missing, declared, "{path}");
    }
}

#[tokio::test]
async fn immutable_properties_never_change() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    app.post(USERS, &user()).await.expect(201);
    let other = json!({"id": "x", "createdDateTime": "2001-01-01T00:00:00Z"});
    for (path, ty) in
        [(format!("{EVENTS}/e1"), &edm::LEAKED_CREDENTIALS_RISK_EVENT), (format!("{USERS}/u1"), &edm::USER)]
    {
        let answer = app.patch(&path, &other).await.expect(400);
        let refused: Vec<String> = answer.details().into_iter().map(|(_, target)| target).collect();
        let all = ty.all_properties();
        let declared: Vec<_> = all.iter().filter(|property| property.immutable).map(|property| property.name).collect();
        assert_eq!(refused, declared, "{path}");
    }
}

/// The patterns that the model declares let in what the service takes, and nothing else.
#[tokio::test]
async fn patterns_are_the_rules_that_are_checked() {
    let app = TestApp::new().await;
    for (id, fits) in [("a.b-C_1", true), ("..x", true), (".", false), ("..", false), ("a b", false), ("é", false)] {
        let status = app.post(EVENTS, &with(event(), &json!({"id": id}))).await.status;
        assert_eq!(status == 201, fits, "{id}");
    }
    for (name, fits) in [
        ("a@b", true),
        ("a@b@c.example", true),
        ("@b", false),
        ("a@", false),
        ("a b@c", false),
        ("a/b@c", false),
        ("a\u{85}@c", false),
        ("a@b\u{a0}c", false),
        ("ab", false),
    ] {
        let body = crate::samples::without(with(user(), &json!({"userPrincipalName": name})), "id");
        let status = app.post(USERS, &body).await.status;
        assert_eq!(status == 201, fits, "{name}");
    }
    // The same cases against the declared expressions, as those who read them apply them, are in
    // the OpenAPI document's own check; here it is enough that there are such expressions.
    assert!(edm::USER.property("userPrincipalName").is_some_and(|(_, property)| property.pattern.is_some()));
}

/// The route table and the declaration say the same of what can be done with a set.
#[test]
fn capabilities_are_those_of_the_routes() {
    let routed = |set: &EntitySet, shape, method| {
        ROUTES.iter().find(|route| (route.area, route.shape, route.method) == (area_of(set), shape, method))
    };
    for set in MODEL.entity_sets {
        let can = &set.capabilities;
        assert_eq!(can.creates.is_some(), routed(set, Shape::Collection, Verb::Post).is_some(), "{}", set.name);
        assert_eq!(can.updates, routed(set, Shape::Entity, Verb::Patch).is_some(), "{}", set.name);
        assert_eq!(can.deletes, routed(set, Shape::Entity, Verb::Delete).is_some(), "{}", set.name);
        assert_eq!(can.tracks_changes, routed(set, Shape::Delta, Verb::Get).is_some(), "{}", set.name);
        let list = routed(set, Shape::Collection, Verb::Get).expect("every set is listed");
        let names = |options: &[SystemOption]| options.iter().map(|option| option.name()).collect::<BTreeSet<_>>();
        assert_eq!(names(can.options), names(list.served), "{}", set.name);
        for binding in set.bindings {
            assert!(set.entity_type.navigation(binding.path).is_some(), "{}", binding.path);
        }
    }
}
