//! Enumerations with members behind a sentinel: what clients are told, what they may ask and write.

use odata::Ticks;
use odata::body::{EntityBody, Purpose, Value};
use odata::edm::{
    EntityType, EnumMembers, EnumType, Member, Model, Property, Schema, Sentinel, ServiceCapabilities, Type,
};
use odata::encode::{Cell, Encoder, Metadata, Row, write_text};
use odata::expression::bound::{Comparison, PropertyPath};
use odata::expression::evaluate::{Evaluator, Scope as Values};
use odata::expression::{ErrorKind, Scope};
use odata::query::{Context, QueryOptions, bind};

/// `later` and `latest` came after the sentinel.
static DETAIL: EnumType = EnumType::new(
    "test",
    "detail",
    &[
        Member { name: "none", value: 0 },
        Member { name: "fixed", value: 3 },
        Member { name: "UnknownFutureValue", value: 4 },
        Member { name: "later", value: 5 },
        Member { name: "latest", value: 9 },
    ],
)
.evolvable(Sentinel { value: 4, is_creatable: false });

/// Nothing has been added yet, and its sentinel is a value like any other.
static LEVEL: EnumType =
    EnumType::new("test", "level", &[Member { name: "low", value: 0 }, Member { name: "unknown", value: 1 }])
        .evolvable(Sentinel { value: 1, is_creatable: true });

static ONE_DETAIL: Type = Type::Enum(&DETAIL);

static CASE: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "case",
    base: None,
    is_abstract: false,
    key: Some("id"),
    properties: &[
        Property::new("id", Type::nonempty(10), ""),
        Property::new("detail", Type::Enum(&DETAIL), "").nullable(),
        Property::new("before", Type::Enum(&DETAIL), "").nullable(),
        Property::new("level", Type::Enum(&LEVEL), "").nullable(),
        Property::new("details", Type::Collection { of: &ONE_DETAIL, most: 5 }, ""),
    ],
    navigation: &[],
    ignored: &[],
    description: "",
};

static MODEL: Model = Model {
    schemas: &[Schema { namespace: "test", alias: None }],
    container: "Cases",
    entity_types: &[&CASE],
    complex_types: &[],
    enum_types: &[&DETAIL, &LEVEL],
    singletons: &[],
    entity_sets: &[],
    operations: &[],
    capabilities: ServiceCapabilities::PLAIN,
};

const VALUES: [Option<i64>; 6] = [None, Some(0), Some(3), Some(4), Some(5), Some(9)];

/// A case with these details, now and before.
#[derive(Clone, Copy)]
struct Case {
    detail: Option<i64>,
    before: Option<i64>,
    rendered: Option<&'static str>,
}

impl Case {
    fn of(detail: Option<i64>, before: Option<i64>) -> Self {
        Self { detail, before, rendered: None }
    }
}

impl Row for Case {
    fn cell(&self, position: usize) -> Cell<'_> {
        let number = |value: Option<i64>| value.map_or(Cell::Null, Cell::Integer);
        match position {
            0 => Cell::Text("c1"),
            1 => number(self.detail),
            2 => number(self.before),
            3 => Cell::Integer(1),
            _ => Cell::Text(r#"["fixed","Later",null,"latest"]"#),
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        &CASE
    }

    fn version(&self) -> u64 {
        1
    }

    fn members(&self) -> Option<&str> {
        self.rendered
    }
}

impl Values for Case {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        Row::cell(self, path.position)
    }

    fn entity_type(&self) -> &'static EntityType {
        &CASE
    }
}

#[test]
fn members_behind_the_sentinel_are_told_as_the_sentinel() {
    for (value, known, all) in [
        (0, Some("none"), Some("none")),
        (4, Some("UnknownFutureValue"), Some("UnknownFutureValue")),
        (5, Some("UnknownFutureValue"), Some("later")),
        (9, Some("UnknownFutureValue"), Some("latest")),
        (7, None, None),
    ] {
        let shown = |told| DETAIL.shown(value, told).map(|member| member.name);
        assert_eq!((shown(EnumMembers::Known), shown(EnumMembers::All)), (known, all), "{value}");
    }
    assert_eq!(DETAIL.named(EnumMembers::Known).count(), 3);
    assert_eq!(DETAIL.named(EnumMembers::All).count(), 5);
    assert_eq!((DETAIL.mask(EnumMembers::Known), DETAIL.mask(EnumMembers::All)), (Some(4), None));
    assert_eq!(LEVEL.mask(EnumMembers::Known), None, "nothing hides yet");
}

#[test]
fn answers_hide_what_the_client_does_not_know() {
    let write = |told, case: &Case, metadata| {
        let mut out = Vec::new();
        let encoder = Encoder::new(&CASE, metadata, None).with_enum_members(told);
        encoder.entity(case, None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let case = Case::of(Some(9), Some(3));
    assert_eq!(
        write(EnumMembers::Known, &case, Metadata::None),
        r#"{"id":"c1","detail":"UnknownFutureValue","before":"fixed","level":"unknown","details":["fixed","UnknownFutureValue",null,"UnknownFutureValue"]}"#
    );
    assert_eq!(
        write(EnumMembers::All, &case, Metadata::None),
        r#"{"id":"c1","detail":"latest","before":"fixed","level":"unknown","details":["fixed","Later",null,"latest"]}"#
    );
    // What a store keeps rendered names every member.
    let rendered = Case { rendered: Some(r#""detail":"latest""#), ..case };
    assert!(write(EnumMembers::Known, &rendered, Metadata::None).contains(r#""detail":"UnknownFutureValue""#));
    assert_eq!(write(EnumMembers::All, &rendered, Metadata::None), r#"{"detail":"latest"}"#);
    let level = Encoder::with_properties([3], &CASE, Metadata::None, None);
    assert!(!level.takes_members());
    let text = |told| {
        let mut out = Vec::new();
        write_text(Cell::Integer(5), CASE.all_properties()[1], told, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!((text(EnumMembers::Known), text(EnumMembers::All)), ("UnknownFutureValue".into(), "later".into()));
}

fn scope(enum_members: EnumMembers) -> Scope<'static> {
    Scope { enum_members, ..Scope::new(&MODEL, &CASE, Ticks::default()) }
}

fn kept(condition: &str, told: EnumMembers, case: Case) -> bool {
    let bound = scope(told).condition(condition).unwrap_or_else(|errors| panic!("{condition}: {errors}"));
    Evaluator::new(&bound).matches(&case)
}

fn holds(comparison: Comparison, left: Option<i64>, right: Option<i64>) -> bool {
    match (comparison, left, right) {
        (Comparison::Eq, ..) => left == right,
        (Comparison::Ne, ..) => left != right,
        (Comparison::Gt, Some(left), Some(right)) => left > right,
        (Comparison::Ge, Some(left), Some(right)) => left >= right,
        (Comparison::Lt, Some(left), Some(right)) => left < right,
        (Comparison::Le, Some(left), Some(right)) => left <= right,
        _ => false,
    }
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("eq", Comparison::Eq),
    ("ne", Comparison::Ne),
    ("gt", Comparison::Gt),
    ("ge", Comparison::Ge),
    ("lt", Comparison::Lt),
    ("le", Comparison::Le),
];

/// What a client asks is answered as if all that it does not know were the sentinel.
#[test]
fn comparisons_see_what_the_client_sees() {
    let masked = |value: Option<i64>| value.map(|value| value.min(4));
    for (operator, comparison) in COMPARISONS {
        for left in VALUES {
            for right in VALUES {
                let case = Case::of(left, right);
                let between = format!("detail {operator} before");
                let expected = holds(comparison, masked(left), masked(right));
                assert_eq!(kept(&between, EnumMembers::Known, case), expected, "{left:?} {operator} {right:?}");
                assert_eq!(kept(&between, EnumMembers::All, case), holds(comparison, left, right));
                let not = format!("not ({between})");
                assert_eq!(kept(&not, EnumMembers::Known, case), !expected, "not {left:?} {operator} {right:?}");
                let member = right.map_or(Some("null".to_owned()), |value| {
                    DETAIL
                        .named(EnumMembers::Known)
                        .find(|member| i64::from(member.value) == value)
                        .map(|member| format!("'{}'", member.name))
                });
                let Some(member) = member else { continue };
                let with_member = format!("detail {operator} {member}");
                assert_eq!(kept(&with_member, EnumMembers::Known, case), expected, "{left:?} {with_member}");
                assert_eq!(kept(&with_member, EnumMembers::All, case), holds(comparison, left, right));
                let turned = format!("{member} {operator} detail");
                let expected = holds(comparison, masked(right), masked(left));
                assert_eq!(kept(&turned, EnumMembers::Known, case), expected, "{left:?}: {turned}");
            }
        }
    }
}

#[test]
fn lists_and_collections_see_it_too() {
    let found = |condition: &str, told| -> Vec<Option<i64>> {
        VALUES.into_iter().filter(|value| kept(condition, told, Case::of(*value, None))).collect()
    };
    let future = "detail in ('none','unknownfuturevalue')";
    assert_eq!(found(future, EnumMembers::Known), [Some(0), Some(4), Some(5), Some(9)]);
    assert_eq!(found(future, EnumMembers::All), [Some(0), Some(4)]);
    assert_eq!(found("detail in ('fixed',null)", EnumMembers::Known), [None, Some(3)]);
    assert_eq!(found("detail eq test.detail'later'", EnumMembers::All), [Some(5)]);
    let any = |name: &str, told| kept(&format!("details/any(d:d eq '{name}')"), told, Case::of(None, None));
    assert!(any("UnknownFutureValue", EnumMembers::Known) && !any("UnknownFutureValue", EnumMembers::All));
    assert!(any("latest", EnumMembers::All) && any("fixed", EnumMembers::Known));
    assert!(kept("'UnknownFutureValue' in details", EnumMembers::Known, Case::of(None, None)));
}

#[test]
fn members_that_the_client_should_not_know_cannot_be_asked_for() {
    for condition in [
        "detail eq 'later'",
        "detail eq test.detail'LATEST'",
        "detail in ('none','later')",
        "detail eq '5'",
        "details/any(d:d eq 'later')",
    ] {
        let errors = scope(EnumMembers::Known).condition(condition).expect_err(condition);
        assert_eq!(errors.kept()[0].kind, ErrorKind::InvalidValue, "{condition}");
        let told = errors.to_string();
        assert!(told.contains("`Prefer: include-unknown-enum-members`; expected one of none, fixed, Unk"), "{told}");
        scope(EnumMembers::All).condition(condition).expect(condition);
    }
    let errors = scope(EnumMembers::Known).condition("detail eq 'nothing'").unwrap_err().to_string();
    assert!(errors.ends_with("expected one of none, fixed, UnknownFutureValue"), "{errors}");
    let errors = scope(EnumMembers::Known).condition("cast(detail,Edm.String) eq 'later'").unwrap_err();
    assert_eq!(errors.kept()[0].kind, ErrorKind::NotServed);
    assert!(kept("cast(detail,Edm.String) eq 'later'", EnumMembers::All, Case::of(Some(5), None)));
    assert!(kept("level eq 'unknown'", EnumMembers::Known, Case::of(None, None)));
}

/// Two values that are compared so are needed twice, and what lies in them too.
#[test]
fn parts_that_are_needed_twice_are_counted() {
    let mut condition = "detail eq before".to_owned();
    for _ in 0..8 {
        condition = format!("cast(cast({condition},Edm.String),test.detail) ge before");
    }
    let errors = scope(EnumMembers::Known).condition(&condition).unwrap_err();
    assert_eq!(errors.kept()[0].kind, ErrorKind::TooComplex, "{errors}");
    scope(EnumMembers::All).condition(&condition).expect("it is not long");
}

/// Order goes by the real numbers, whatever is shown.
#[test]
fn order_goes_by_the_real_value() {
    let keys = scope(EnumMembers::Known).order("detail desc").unwrap();
    let value = |detail| Evaluator::new(&keys[0].expression).value(&Case::of(Some(detail), None)).into_owned();
    assert!(value(9).order(&value(5)).unwrap().is_gt());
}

#[test]
fn options_are_bound_for_what_the_client_knows() {
    let options = QueryOptions::parse("$filter=detail eq 'later'").unwrap();
    let known = Context::at(Ticks::default());
    bind(&options, &MODEL, &CASE, &known).unwrap_err();
    bind(&options, &MODEL, &CASE, &Context { enum_members: EnumMembers::All, ..known }).unwrap();
}

#[test]
fn bodies_name_what_the_client_knows() {
    let read = |purpose: Purpose, json: &str| {
        let mut body = EntityBody::read_for(purpose, json.as_bytes(), &MODEL, &CASE).unwrap();
        let faults: Vec<String> = body.faults.kept().iter().map(|fault| fault.message.clone()).collect();
        let empty = body.is_empty();
        (body.take(1), faults.join("; "), empty)
    };
    let all = |purpose| Purpose { enum_members: EnumMembers::All, ..purpose };
    for purpose in [Purpose::CREATE, Purpose::UPDATE] {
        let (value, told, _) = read(purpose, r#"{"detail":"later"}"#);
        assert_eq!(value, None);
        let expected = "`detail` is `later`, which can be written only with `Prefer: include-unknown-enum-members`; \
                        expected one of none, fixed";
        assert_eq!(told, expected);
        assert_eq!(read(all(purpose), r#"{"detail":"later"}"#).0, Some(Value::Enum(5)));
        assert_eq!(read(purpose, r#"{"detail":"fixed"}"#).0, Some(Value::Enum(3)));
        assert_ne!(read(purpose, r#"{"details":["fixed","latest"]}"#).1, "");
        assert_ne!(read(purpose, r#"{"details":["UnknownFutureValue"]}"#).1, "");
        assert_eq!(read(all(purpose), r#"{"details":["fixed","latest"]}"#).1, "");
    }
    // The sentinel says nothing to be kept: a fault when made, no change when changed.
    for purpose in [Purpose::CREATE, all(Purpose::CREATE)] {
        let (_, told, _) = read(purpose, r#"{"detail":"unknownFutureValue"}"#);
        assert!(told.starts_with("`detail` is `unknownFutureValue`, which stands for"), "{told}");
    }
    for purpose in [Purpose::UPDATE, all(Purpose::UPDATE)] {
        assert_eq!(read(purpose, r#"{"detail":"UNKNOWNFUTUREVALUE"}"#), (None, String::new(), false));
    }
    let mut body = EntityBody::read(br#"{"level":"unknown"}"#, &MODEL, &CASE).unwrap();
    assert_eq!((body.take(3), body.faults.is_empty()), (Some(Value::Enum(1)), true));
    let mut body = EntityBody::read_for(Purpose::UPDATE, br#"{"level":"unknown"}"#, &MODEL, &CASE).unwrap();
    assert_eq!((body.take(3), body.faults.is_empty()), (None, true));
}
