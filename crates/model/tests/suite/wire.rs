//! The real EDM on the wire: the ten properties in their order, and paths.

use crate::samples::{event, id, ticks, user};
use model::edm::{
    IDENTITY_RISK_EVENT, LEAKED_CREDENTIALS_RISK_EVENT, MODEL, USER, graph_type_name, seed_type_name, user as user_at,
};
use model::{EventKind, RiskEvent, RiskEventStatus};
use odata::encode::{Encoder, Metadata, Row, TypeNames};
use odata::path::{self, Key, Resource};

fn write(row: &dyn Row, encoder: &Encoder) -> String {
    let mut out = Vec::new();
    encoder.entity(row, None, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn an_event_has_its_ten_properties_in_the_seeds_order() {
    let event = event(RiskEventStatus::DismissedAsFalsePositive, Some(ticks("2024-03-04T00:00:00.5Z")));
    let properties = concat!(
        r#""id":"e1","userDisplayName":"Mara Lind","userPrincipalName":"mara@fjord.example","#,
        r#""riskEventDateTime":"2024-03-02T23:10:04.2255665Z","riskEventType":"leakedCredentials","#,
        r#""riskLevel":"high","riskEventStatus":"dismissedAsFalsePositive","closedDateTime":"2024-03-04T00:00:00.5Z","#,
        r#""createdDateTime":"2024-03-03T06:00:01Z","userId":"u1"}"#,
    );
    let leaked = &LEAKED_CREDENTIALS_RISK_EVENT;
    assert_eq!(write(&event, &Encoder::new(leaked, Metadata::None, Some(seed_type_name))), format!("{{{properties}"));
    for (names, name) in [
        (seed_type_name as TypeNames, "Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent"),
        (graph_type_name, "microsoft.graph.leakedCredentialsRiskEvent"),
    ] {
        let control = format!(r##"{{"@odata.type":"#{name}","@odata.etag":"W/\"1\"","##);
        for ty in [leaked, &IDENTITY_RISK_EVENT] {
            let encoder = Encoder::new(ty, Metadata::Minimal, Some(names));
            assert_eq!(write(&event, &encoder), format!("{control}{properties}"), "the entity tells its own type");
        }
        let base = RiskEvent { kind: EventKind::IdentityRisk, closed_date_time: None, ..event.clone() };
        let encoder = Encoder::new(&IDENTITY_RISK_EVENT, Metadata::Minimal, Some(names));
        let json = write(&base, &encoder);
        assert!(json.starts_with(r##"{"@odata.type":"#microsoft.graph.identityRiskEvent","##), "{json}");
        assert!(json.contains(r#""closedDateTime":null"#), "nulls are sent: {json}");
    }
}

#[test]
fn a_user_shows_the_default_properties_and_never_a_password() {
    let json = write(&user(), &Encoder::with_properties(user_at::DEFAULT, &USER, Metadata::None, None));
    let expected = concat!(
        r#"{"businessPhones":[],"displayName":"Mara Lind","givenName":null,"id":"u1","jobTitle":null,"mail":null,"#,
        r#""mobilePhone":null,"officeLocation":null,"preferredLanguage":null,"surname":null,"#,
        r#""userPrincipalName":"Mara@fjord.example"}"#,
    );
    assert_eq!(json, expected);
    let all = write(&user(), &Encoder::new(&USER, Metadata::Minimal, None));
    assert!(!all.contains("password") && all.contains(r#""accountEnabled":true"#), "{all}");
}

#[test]
fn kinds_are_kept_by_number() {
    for kind in EventKind::ALL {
        assert_eq!(EventKind::from_value(kind as i64), Some(kind));
    }
    assert_eq!(EventKind::from_value(2), None);
    assert_eq!(EventKind::LeakedCredentials.entity_type().name, "leakedCredentialsRiskEvent");
    assert_eq!(EventKind::IdentityRisk.entity_type().name, "identityRiskEvent");
}

#[test]
fn paths_of_the_real_sets() {
    let set_of = |path: &str| match path::resolve(&MODEL, path).unwrap_or_else(|error| panic!("{path}: {error}")) {
        Resource::Collection(set) | Resource::Count(set) | Resource::Delta(set) => (set.set.name, None, None),
        Resource::Entity(set, key) => (set.set.name, Some(key), None),
        Resource::Navigation(set, key, nav) | Resource::Reference(set, key, nav) => {
            (set.set.name, Some(key), Some(nav.name))
        }
        Resource::Batch => ("batch", None, None),
        Resource::Metadata => ("metadata", None, None),
        Resource::Service => ("service", None, None),
        other => panic!("{path} leads to {other:?}"),
    };
    let id_of = |text: &str| Some(Key::Id(text.to_owned()));
    assert_eq!(set_of("/LEAKEDcredentialsRiskEvents/$count"), ("leakedCredentialsRiskEvents", None, None));
    let expected = ("identityRiskEvents", id_of("a1"), Some("impactedUser"));
    assert_eq!(set_of("/identityRiskEvents/a1/impactedUser/$ref"), expected);
    assert_eq!(set_of("/identityRiskEvents('a1')/IMPACTEDUSER"), expected);
    assert_eq!(set_of("/users/mara@fjord.example"), ("users", id_of("mara@fjord.example"), None));
    let alternate = Some(Key::Alternate("o'neil@fjord.example".to_owned()));
    assert_eq!(set_of("/users(userPrincipalName='o''neil%40fjord.example')"), ("users", alternate, None));
    for path in ["/users/delta()", "/users/microsoft.graph.delta", "/leakedCredentialsRiskEvents/graph.delta()"] {
        let found = path::resolve(&MODEL, path);
        assert!(matches!(found, Ok(Resource::Delta(_))), "{path}: {found:?}");
    }
    let cast = ("identityRiskEvents", None, None);
    assert_eq!(set_of("/identityRiskEvents/microsoft.graph.leakedCredentialsRiskEvent"), cast);
    let cast_count = "/identityRiskEvents/Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent/$count";
    assert_eq!(set_of(cast_count), cast);
    for path in ["/identityRiskEvents/a1/riskLevel", "/users/u1/displayName/$value"] {
        assert!(matches!(path::resolve(&MODEL, path), Ok(Resource::Property(..))), "{path}");
    }
    let (found, key) = path::entity_reference(
        &MODEL,
        &["v1.0", "beta"],
        |authority| authority == "risk.example.test",
        "https://risk.example.test/beta/users/5b0a7c1e-8d53-4f39-a3d4-2f6a3f1f9c01",
    )
    .unwrap();
    assert_eq!((found.set.name, id(key.text())), ("users", id("5b0a7c1e-8d53-4f39-a3d4-2f6a3f1f9c01")));
}
