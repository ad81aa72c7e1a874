//! Evidence: what bodies say of it, what becomes of it, and what is told of it.

use crate::samples::{at, changed, event, event_body, id, key, new_event, ticks, with_event};
use model::RiskEventStatus::Active;
use model::edm::{self, EVIDENCE, MODEL, event as at_event, evidence as at_evidence};
use model::{
    ChangeKind, Command, Decision, Effect, Evidence, EvidenceChange, Finding, MatchClass, NewEvidence, NewRiskEvent,
    Nulls, Refusal, RiskEvent, RiskEventDraft, State, additional_info, decide,
};
use odata::body::EntityBody;
use odata::fault::FaultKind::{self, InvalidProperty, InvalidValue, MissingProperty};

fn read(json: &str) -> Result<NewEvidence, Vec<(FaultKind, String)>> {
    let mut body = EntityBody::read(json.as_bytes(), &MODEL, &EVIDENCE).expect(json);
    let evidence = NewEvidence::from_body(&mut body);
    assert_eq!(evidence.is_none(), !body.faults.is_empty(), "{json}: {}", body.faults);
    evidence.ok_or_else(|| body.faults.kept().iter().map(|fault| (fault.kind, fault.target.clone())).collect())
}

fn found(source: &str, match_class: MatchClass) -> NewEvidence {
    let finding = Finding { source: source.into(), match_class, matched_attribute: None, matched_rule: None };
    NewEvidence { finding, first_seen: None, last_seen: None, occurrences: 1, account_enabled: None }
}

/// Evidence that came with an event at sequence 1.
fn brought(evidence: Vec<NewEvidence>) -> Vec<Evidence> {
    let command = Command::CreateEvent(Box::new(NewRiskEvent { evidence, ..new_event(Active) }));
    change(decide(command, State::default(), at(1))).written
}

fn change(decision: Result<Decision, Refusal>) -> EvidenceChange {
    match decision {
        Ok(Decision::Change(mut steps)) if steps.len() == 1 => steps.remove(0).evidence.expect("evidence"),
        other => panic!("{other:?}"),
    }
}

fn add(evidence: NewEvidence) -> Command {
    Command::AddEvidence { event: key(None), evidence: Box::new(evidence) }
}

fn having(event: &RiskEvent, evidence: &[Evidence]) -> State {
    State { evidence: evidence.to_vec(), ..with_event(event) }
}

#[test]
fn positions_are_those_of_the_declaration() {
    let names = ["id", "source", "matchClass", "matchedAttribute", "matchedRule", "firstSeenDateTime"];
    let all = EVIDENCE.all_properties();
    assert_eq!(all.iter().take(6).map(|property| property.name).collect::<Vec<_>>(), names);
    assert_eq!(all[at_evidence::LAST_SEEN_DATE_TIME].name, "lastSeenDateTime");
    assert_eq!(all[at_evidence::OCCURRENCES].name, "occurrences");
    for member in edm::MATCH_CLASS.members {
        let class = MatchClass::from_value(member.value.into());
        assert_eq!(class.map(MatchClass::name), (member.name != "unknownFutureValue").then_some(member.name));
    }
}

#[test]
fn a_body_says_what_was_found() {
    let json = r#"{"source":"Łeak, 2024: part 7","matchClass":"PairByHash","matchedAttribute":"proxyAddresses",
        "matchedRule":"fold-case.v2","firstSeenDateTime":"2024-01-01T00:00:00Z",
        "lastSeenDateTime":"2024-01-01T00:00:00Z","occurrences":7,"accountEnabled":false}"#;
    let time = Some(ticks("2024-01-01T00:00:00Z"));
    let finding = Finding {
        source: "Łeak, 2024: part 7".into(),
        match_class: MatchClass::PairByHash,
        matched_attribute: Some("proxyAddresses".into()),
        matched_rule: Some("fold-case.v2".into()),
    };
    assert_eq!(
        read(json),
        Ok(NewEvidence { finding, first_seen: time, last_seen: time, occurrences: 7, account_enabled: Some(false) })
    );
    let short = r#"{"source":"a","matchClass":"pair","matchedAttribute":null,"occurrences":null,"id":null}"#;
    assert_eq!(read(short), Ok(found("a", MatchClass::Pair)));
}

#[test]
fn what_does_not_fit_is_named() {
    let long = "x".repeat(65);
    for (members, expected) in [
        ("", vec![]),
        (r#""source":null"#, vec![(MissingProperty, "source")]),
        (r#""matchClass":null"#, vec![(MissingProperty, "matchClass")]),
        (r#""source":"""#, vec![(InvalidValue, "source")]),
        (r#""source":"a\nb""#, vec![(InvalidValue, "source")]),
        (r#""source":"a\u0085b""#, vec![(InvalidValue, "source")]),
        (r#""matchClass":"unknownFutureValue""#, vec![(InvalidValue, "matchClass")]),
        (r#""matchClass":"guess""#, vec![(InvalidValue, "matchClass")]),
        (r#""matchedAttribute":"two words""#, vec![(InvalidValue, "matchedAttribute")]),
        (r#""matchedAttribute":"mail:hunter2""#, vec![(InvalidValue, "matchedAttribute")]),
        (r#""matchedRule":"9""#, vec![(InvalidValue, "matchedRule")]),
        (r#""matchedRule":"é""#, vec![(InvalidValue, "matchedRule")]),
        (&*format!(r#""matchedRule":"{long}""#), vec![(InvalidValue, "matchedRule")]),
        (r#""occurrences":0"#, vec![(InvalidValue, "occurrences")]),
        (r#""occurrences":2147483648"#, vec![(InvalidValue, "occurrences")]),
        (r#""id":"1""#, vec![(InvalidValue, "id")]),
        (r#""password":"hunter2""#, vec![(InvalidProperty, "password")]),
        (
            r#""firstSeenDateTime":"2024-01-02T00:00:00Z","lastSeenDateTime":"2024-01-01T00:00:00Z""#,
            vec![(InvalidValue, "lastSeenDateTime")],
        ),
    ] {
        let defaults = [("source", "\"a\""), ("matchClass", "\"pair\"")];
        let defaults = defaults.iter().filter(|(name, _)| !members.contains(&format!("\"{name}\"")));
        let mut all: Vec<String> = defaults.map(|(name, value)| format!("\"{name}\":{value}")).collect();
        all.extend((!members.is_empty()).then(|| members.to_owned()));
        let json = format!("{{{}}}", all.join(","));
        let expected: Vec<_> = expected.into_iter().map(|(kind, target)| (kind, target.to_owned())).collect();
        assert_eq!(read(&json).err().unwrap_or_default(), expected, "{json}");
    }
    assert_eq!(read("{}").unwrap_err().len(), 2);
}

#[test]
fn a_new_event_brings_evidence_along() {
    let members = crate::samples::EVENT.trim_end_matches('}');
    let create = |evidence: &str| {
        let mut body = event_body(&format!("{members},\"evidence\":{evidence}}}"));
        let draft = RiskEventDraft::from_body(&mut body, Nulls::LeftOut);
        draft.into_new(model::EventKind::LeakedCredentials, model::NewId::Chosen(id("e1")), &mut body)
    };
    let new = create(r#"[{"source":"a","matchClass":"pair"},{"source":"b","matchClass":"similar"}]"#).expect("sound");
    assert_eq!(new.evidence, [found("a", MatchClass::Pair), found("b", MatchClass::Similar)]);
    assert_eq!(create("null").expect("sound").evidence, []);
    let faults = create(r#"[{"source":"a","matchClass":"pair"},{"source":"b","matchClass":"x","occurrences":0}]"#);
    let faults = faults.expect_err("two faults");
    let targets: Vec<&str> = faults.kept().iter().map(|fault| fault.target.as_str()).collect();
    assert_eq!(targets, ["evidence/1/matchClass", "evidence/1/occurrences"]);
}

#[test]
fn the_same_finding_is_one_item() {
    let items = brought(vec![
        found("a", MatchClass::Pair),
        found("b", MatchClass::Pair),
        NewEvidence { occurrences: 3, ..found("a", MatchClass::Pair) },
        found("a", MatchClass::Similar),
    ]);
    let seen: Vec<(&str, &str, i32)> =
        items.iter().map(|item| (item.id(), &*item.finding.source, item.occurrences)).collect();
    assert_eq!(seen, [("1", "a", 4), ("2", "b", 1), ("3", "a", 1)]);
    assert!(items.iter().all(Evidence::is_new));

    let before = event(Active, None);
    let change = change(decide(add(found("b", MatchClass::Pair)), having(&before, &items), at(5)));
    let [item] = change.written.as_slice() else { panic!("{change:?}") };
    assert_eq!((item.id(), item.occurrences, item.version, item.is_new()), ("2", 2, 5, false));
    assert_eq!((item.first_seen, item.last_seen), (at(1).now, at(5).now));
}

#[test]
fn times_that_are_left_out_are_now_or_as_near_as_can_be() {
    let (past, future) = (ticks("2020-01-01T00:00:00Z"), ticks("2030-01-01T00:00:00Z"));
    for (first, last, expected) in [
        (None, None, (at(1).now, at(1).now)),
        (Some(past), None, (past, at(1).now)),
        (Some(future), None, (future, future)),
        (None, Some(past), (past, past)),
        (None, Some(future), (at(1).now, future)),
    ] {
        let new = NewEvidence { first_seen: first, last_seen: last, ..found("a", MatchClass::Pair) };
        let items = brought(vec![new]);
        assert_eq!((items[0].first_seen, items[0].last_seen), expected);
    }
}

#[test]
fn evidence_is_a_change_of_the_event_and_of_nothing_else() {
    let before = event(Active, None);
    let Ok(Decision::Change(steps)) = decide(add(found("a", MatchClass::Pair)), with_event(&before), at(9)) else {
        panic!("a change")
    };
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(step.risk, None);
    let entry = step.entry();
    assert_eq!((entry.kind, entry.properties), (ChangeKind::Updated, 1 << at_event::EVIDENCE));
    assert!(step.totals().iter().map(|(_, by)| by).sum::<i64>() == 0);
    let Effect::ReplaceEvent { after, .. } = changed(Ok(Decision::Change(steps))) else { panic!("an update") };
    assert_eq!(after, RiskEvent { version: 9, ..before });
}

#[test]
fn there_is_an_end_to_it() {
    let before = event(Active, None);
    let all = (0..edm::MOST_EVIDENCE).map(|number| found(&format!("s{number}"), MatchClass::Pair)).collect();
    let state = having(&before, &brought(all));
    assert_eq!(decide(add(found("x", MatchClass::Pair)), state.clone(), at(9)), Err(Refusal::TooMuchEvidence));
    assert!(decide(add(found("s5", MatchClass::Pair)), state, at(9)).is_ok());
    assert_eq!(
        decide(add(found("x", MatchClass::Pair)), State::default(), at(9)),
        Err(Refusal::EventNotFound(id("e1")))
    );
}

#[test]
fn additional_info_tells_of_all_and_of_the_strongest_first() {
    assert_eq!(additional_info(&[]), "[]");
    let mut weak = found("old \"leak\"", MatchClass::AddressOnly);
    (weak.first_seen, weak.last_seen) = (Some(ticks("2020-01-01T00:00:00Z")), Some(ticks("2030-01-01T00:00:00.5Z")));
    weak.occurrences = i32::MAX;
    weak.finding.matched_rule = Some("ignored".into());
    let mut strong = found("new", MatchClass::PairByHash);
    strong.occurrences = i32::MAX;
    strong.finding.matched_attribute = Some("mail".into());
    let again = NewEvidence { first_seen: Some(ticks("2020-01-02T00:00:00Z")), ..found("new", MatchClass::Similar) };
    let expected = [
        r#"{"Key":"matchClass","Value":"pairByHash"}"#,
        r#"{"Key":"matchedAttribute","Value":"mail"}"#,
        r#"{"Key":"source","Value":"new, old \"leak\""}"#,
        r#"{"Key":"firstSeen","Value":"2020-01-01T00:00:00Z"}"#,
        r#"{"Key":"lastSeen","Value":"2030-01-01T00:00:00.5Z"}"#,
        r#"{"Key":"occurrences","Value":"4294967295"}"#,
    ];
    assert_eq!(additional_info(&brought(vec![weak, again, strong])), format!("[{}]", expected.join(",")));
}

#[test]
fn additional_info_has_an_end() {
    let all = (0..edm::MOST_EVIDENCE).map(|number| found(&format!("{number:0256}"), MatchClass::Pair)).collect();
    let told = additional_info(&brought(all));
    assert!(told.len() < 2_048 && told.contains(", and 997 more"), "{told}");
}
