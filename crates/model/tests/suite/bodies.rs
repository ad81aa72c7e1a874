//! From bodies to drafts and new events: what is required, what null means, what is ignored.

use crate::samples::{EVENT, USER_BODY, event_body, id, ticks, user_body};
use model::edm::{IDENTITY_RISK_EVENT, MODEL, event as at, user as user_at};
use model::{EventKind, NewId, NewRiskEvent, Nulls, OwnedCell, RiskEventDraft, RiskEventStatus, RiskLevel, UserDraft};
use odata::body::EntityBody;
use odata::fault::FaultKind::{self, InvalidProperty, InvalidValue, MissingProperty, NullValue};
use odata::fault::Faults;

fn create(json: &str) -> Result<NewRiskEvent, Faults> {
    let mut body = event_body(json);
    let draft = RiskEventDraft::from_body(&mut body, Nulls::LeftOut);
    draft.into_new(EventKind::LeakedCredentials, NewId::Made { chance: 7 }, &mut body)
}

/// The sample with one member more, or another in the place of the one with the same name.
fn with(name: &str, value: &str) -> String {
    let old = event_members().into_iter().filter(|(known, _)| known != name);
    let all = old.chain([(name.to_owned(), value.to_owned())]);
    let members: Vec<String> = all.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn without(name: &str) -> String {
    let kept = event_members().into_iter().filter(|(known, _)| known != name);
    let members: Vec<String> = kept.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn event_members() -> Vec<(String, String)> {
    [
        ("userId", "\"u1\""),
        ("userDisplayName", "\"Mara Lind\""),
        ("userPrincipalName", "\"mara@fjord.example\""),
        ("riskEventDateTime", "\"2024-03-02T23:10:04.2255665Z\""),
        ("riskEventType", "\"leakedCredentials\""),
        ("riskLevel", "\"high\""),
        ("riskEventStatus", "\"active\""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn faults(json: &str) -> Vec<(FaultKind, String)> {
    let faults = create(json).expect_err(json);
    faults.kept().iter().map(|fault| (fault.kind, fault.target.clone())).collect()
}

#[test]
fn the_example_and_the_table_of_the_seed_both_make_an_event() {
    let new = create(EVENT).unwrap();
    assert_eq!(new.id, NewId::Made { chance: 7 });
    assert_eq!((&*new.user_id, new.impacted_user.as_deref()), ("u1", Some("u1")));
    assert_eq!((new.risk_level, new.risk_event_status), (RiskLevel::High, RiskEventStatus::Active));
    assert_eq!((new.closed_date_time, new.created_date_time), (None, None));
    assert_eq!(new.risk_event_date_time, ticks("2024-03-02T23:10:04.2255665Z"));

    let all_ten = with("id", "\"c.1_-\"").replace('}', ",\"createdDateTime\":\"2024-01-01T00:00:00Z\"}");
    let new = create(&all_ten.replace('}', ",\"closedDateTime\":\"2024-01-02T00:00:00Z\"}")).unwrap();
    assert_eq!(new.id, NewId::Chosen(id("c.1_-")));
    assert_eq!(new.created_date_time, Some(ticks("2024-01-01T00:00:00Z")));
    assert_eq!(new.closed_date_time, Some(Some(ticks("2024-01-02T00:00:00Z"))), "before the event: not checked");
}

#[test]
fn the_required_properties_are_reported_together() {
    let required = [
        "userDisplayName",
        "userPrincipalName",
        "riskEventDateTime",
        "riskEventType",
        "riskLevel",
        "riskEventStatus",
        "userId",
    ];
    let missing = |names: &[&str]| names.iter().map(|name| (MissingProperty, (*name).to_owned())).collect::<Vec<_>>();
    assert_eq!(faults("{}"), missing(&required));
    for name in required {
        assert_eq!(faults(&without(name)), missing(&[name]), "left out: {name}");
        assert_eq!(faults(&with(name, "null")), missing(&[name]), "null: {name}");
        assert_eq!(faults(&with(name, "[]")), [(InvalidValue, name.to_owned())], "faulty, so not missing too");
    }
    for name in ["id", "createdDateTime", "closedDateTime"] {
        assert!(create(&with(name, "null")).is_ok(), "{name}");
    }
}

#[test]
fn the_placeholders_of_the_seed_are_refused_one_by_one() {
    let json = r##"{"@odata.type":"#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent",
        "userDisplayName":"String","userPrincipalName":"String","riskEventDateTime":"String (timestamp)",
        "riskEventType":"String","riskLevel":"String","riskEventStatus":"String",
        "closedDateTime":"String (timestamp)","userId":"String"}"##;
    let expected = ["riskEventDateTime", "riskLevel", "riskEventStatus", "closedDateTime"];
    assert_eq!(faults(json), expected.map(|name| (InvalidValue, name.to_owned())));
}

#[test]
fn values_are_held_against_their_limits() {
    let text = |length: usize| format!("\"{}\"", "é".repeat(length));
    for (name, longest, may_be_empty) in [
        ("userDisplayName", 256, true),
        ("userPrincipalName", 320, false),
        ("riskEventType", 256, false),
        ("userId", 255, false),
    ] {
        assert!(create(&with(name, &text(longest))).is_ok(), "{name}");
        assert_eq!(faults(&with(name, &text(longest + 1))), [(InvalidValue, name.to_owned())]);
        assert_eq!(create(&with(name, "\"\"")).is_ok(), may_be_empty, "{name}");
    }
    for (text, fits) in [
        ("a", true),
        ("A-Z.a_z-09", true),
        (&*"x".repeat(255), true),
        (&*"x".repeat(256), false),
        ("", false),
        ("a b", false),
        ("a/b", false),
        ("é", false),
        ("a@b", false),
        ("$count", false),
        ("%41", false),
    ] {
        let found = create(&with("id", &format!("\"{text}\"")));
        assert_eq!(found.is_ok(), fits, "{text}");
        if let Err(faults) = found {
            assert_eq!((faults.kept().len(), &*faults.kept()[0].target), (1, "id"), "{text}");
        }
    }
}

#[test]
fn every_member_of_the_enumerations_is_taken_in_any_case() {
    for (name, value) in [
        ("low", RiskLevel::Low),
        ("Medium", RiskLevel::Medium),
        ("HIGH", RiskLevel::High),
        ("hidden", RiskLevel::Hidden),
        ("none", RiskLevel::None),
        ("unknownfuturevalue", RiskLevel::UnknownFutureValue),
    ] {
        assert_eq!(create(&with("riskLevel", &format!("\"{name}\""))).unwrap().risk_level, value);
    }
    for (name, value) in [
        ("active", RiskEventStatus::Active),
        ("Remediated", RiskEventStatus::Remediated),
        ("dismissedAsFixed", RiskEventStatus::DismissedAsFixed),
        ("dismissedasfalsepositive", RiskEventStatus::DismissedAsFalsePositive),
        ("dismissedAsIgnore", RiskEventStatus::DismissedAsIgnore),
        ("LOGINBLOCKED", RiskEventStatus::LoginBlocked),
        ("closedMfaAuto", RiskEventStatus::ClosedMfaAuto),
        ("closedMultipleReasons", RiskEventStatus::ClosedMultipleReasons),
    ] {
        assert_eq!(create(&with("riskEventStatus", &format!("\"{name}\""))).unwrap().risk_event_status, value);
    }
    for status in ["\"unknownFutureValue\"", "\"\"", "\"active \"", "0"] {
        assert_eq!(faults(&with("riskEventStatus", status)), [(InvalidValue, "riskEventStatus".to_owned())]);
    }
}

#[test]
fn names_of_old_samples_are_passed_over_and_unknown_ones_are_not() {
    for value in ["\"LeakedCredentialsRiskEvent\"", "null", "5", "{\"a\":[]}"] {
        assert_eq!(create(&with("riskType", value)).unwrap(), create(EVENT).unwrap());
    }
    assert_eq!(create(&with("riskType@odata.type", "\"String\"")).unwrap(), create(EVENT).unwrap());
    assert_eq!(faults(&with("riskLevell", "\"high\"")), [(InvalidProperty, "riskLevell".to_owned())]);
    assert_eq!(faults(&with("impactedUser", "{\"id\":\"u1\"}")), [(InvalidProperty, "impactedUser".to_owned())]);
}

#[test]
fn both_type_names_are_taken_and_the_base_takes_those_derived_from_it() {
    for name in [
        "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent",
        "microsoft.identityprotectionservices.leakedcredentialsriskevent",
        "#microsoft.graph.leakedCredentialsRiskEvent",
        "MICROSOFT.GRAPH.LEAKEDCREDENTIALSRISKEVENT",
    ] {
        assert!(create(&with("@odata.type", &format!("\"{name}\""))).is_ok(), "{name}");
        let json = format!(r#"{{"@OData.Type":"{name}"}}"#);
        let body = EntityBody::read(json.as_bytes(), &MODEL, &IDENTITY_RISK_EVENT).unwrap();
        assert_eq!(body.declared_type.unwrap().name, "leakedCredentialsRiskEvent");
    }
    for name in ["#microsoft.graph.identityRiskEvent", "#microsoft.graph.malwareRiskEvent", "#microsoft.graph.user"] {
        assert_eq!(faults(&with("@odata.type", &format!("\"{name}\""))).len(), 1, "{name}");
    }
}

#[test]
fn a_bound_user_sets_user_id_where_the_body_leaves_it_out() {
    let bind = |json: &str, user: Option<&str>| {
        let mut body = event_body(json);
        let mut draft = RiskEventDraft::from_body(&mut body, Nulls::LeftOut);
        draft.impacted_user = Some(user.map(Into::into));
        draft.into_new(EventKind::LeakedCredentials, NewId::Made { chance: 7 }, &mut body)
    };
    let new = bind(&without("userId"), Some("u2")).unwrap();
    assert_eq!((&*new.user_id, new.impacted_user.as_deref()), ("u2", Some("u2")));
    let new = bind(EVENT, Some("u2")).unwrap();
    assert_eq!((&*new.user_id, new.impacted_user.as_deref()), ("u1", Some("u2")), "what is sent stands");
    let new = bind(EVENT, None).unwrap();
    assert_eq!((&*new.user_id, new.impacted_user), ("u1", None));
    assert_eq!(bind(&without("userId"), None).unwrap_err().kept()[0].target, "userId");
    assert_eq!(bind(&with("userId", "5"), Some("u2")).unwrap_err().kept().len(), 1);
}

#[test]
fn what_the_directory_may_fill_in_is_known() {
    for (json, lacks) in [
        (EVENT.to_owned(), false),
        (without("userId"), true),
        (without("userDisplayName"), true),
        (without("userPrincipalName"), true),
        (without("riskLevel"), false),
    ] {
        assert_eq!(RiskEventDraft::from_body(&mut event_body(&json), Nulls::LeftOut).lacks_identity(), lacks, "{json}");
    }
}

#[test]
fn a_patch_refuses_null_but_for_closed_date_time() {
    for name in [
        "id",
        "userDisplayName",
        "userPrincipalName",
        "riskEventDateTime",
        "riskEventType",
        "riskLevel",
        "riskEventStatus",
        "createdDateTime",
        "userId",
    ] {
        let mut body = event_body(&format!(r#"{{"{name}":null}}"#));
        let draft = RiskEventDraft::from_body(&mut body, Nulls::Refused);
        let found: Vec<_> = body.faults.kept().iter().map(|fault| (fault.kind, fault.target.as_str())).collect();
        assert_eq!(found, [(NullValue, name)]);
        assert_eq!(draft, RiskEventDraft::default());
        assert!(body.is_faulty(at::ID) == (name == "id"));
    }
    let mut body = event_body(r#"{"closedDateTime":null}"#);
    let draft = RiskEventDraft::from_body(&mut body, Nulls::Refused);
    assert!(body.faults.is_empty());
    assert_eq!(draft.closed_date_time, Some(None));
}

fn user_faults(json: &str) -> Vec<(FaultKind, String)> {
    let mut body = user_body(json);
    let draft = UserDraft::from_body(&mut body);
    let mut faults = std::mem::take(&mut body.faults);
    draft.require(&body, &mut faults);
    faults.kept().iter().map(|fault| (fault.kind, fault.target.clone())).collect()
}

#[test]
fn users_need_four_properties_and_a_name_with_a_domain() {
    assert_eq!(user_faults(USER_BODY), []);
    let required = ["accountEnabled", "displayName", "mailNickname", "userPrincipalName"];
    assert_eq!(user_faults("{}"), required.map(|name| (MissingProperty, name.to_owned())));
    for name in [
        "\"mara\"",
        "\"@fjord\"",
        "\"mara@\"",
        "\"ma ra@fjord\"",
        "\"mara@fj\\tord\"",
        "\"ma/ra@fjord\"",
        "\"mara@fj\\u00a0ord\"",
        "\"@\"",
        "\"\"",
        "5",
    ] {
        let json = USER_BODY.replace("\"Mara@fjord.example\"", name);
        assert_eq!(
            user_faults(&json),
            [(InvalidValue, "userPrincipalName".to_owned())],
            "{name}: once, not as missing"
        );
    }
    for name in ["a@b", "a@b@c", "o'neil@fjord.example", "a_b#EXT#@fjord.example", "mära@fjørd.example"] {
        assert_eq!(user_faults(&USER_BODY.replace("Mara@fjord.example", name)), [], "{name}");
    }
    let json = USER_BODY.replacen('{', "{\"id\":\"a b\",", 1);
    assert_eq!(user_faults(&json), [(InvalidValue, "id".to_owned())]);
}

#[test]
fn drafts_of_users_hold_no_password() {
    let mut body = user_body(USER_BODY);
    let draft = UserDraft::from_body(&mut body);
    assert_eq!(draft.cell(user_at::PASSWORD_PROFILE), None);
    assert!(!format!("{draft:?} {body:?}").contains("hunter2"));
    let mut draft = UserDraft::from_body(&mut user_body(r#"{"businessPhones":["+1","\"é"],"accountEnabled":false}"#));
    assert_eq!(draft.cell(user_at::BUSINESS_PHONES), Some(&OwnedCell::Text(r#"["+1","\"é"]"#.into())));
    assert_eq!(draft.cell(user_at::ACCOUNT_ENABLED), Some(&OwnedCell::Integer(0)));
    draft.forget(user_at::ACCOUNT_ENABLED);
    assert_eq!(draft.cell(user_at::ACCOUNT_ENABLED), None);
}
