//! How long it takes from the text of a query to its bound tree.

use divan::Bencher;
use odata::Ticks;
use odata::edm::{EntitySet, EntityType, EnumType, Member, Model, Property, Type};
use odata::expression::{Limits, Scope, parse};
use odata::query::{Context, QueryOptions, bind};

static LEVEL: EnumType = EnumType::new(
    "risk",
    "riskLevel",
    &[
        Member { name: "low", value: 0 },
        Member { name: "medium", value: 1 },
        Member { name: "high", value: 2 },
        Member { name: "hidden", value: 3 },
        Member { name: "none", value: 4 },
    ],
);

static ENTITY: EntityType = EntityType {
    namespace: "risk",
    synonyms: &[],
    name: "entity",
    base: None,
    is_abstract: true,
    key: Some("id"),
    properties: &[Property::new("id", Type::nonempty(255), "")],
    navigation: &[],
    ignored: &[],
    description: "",
};

static EVENT: EntityType = EntityType {
    namespace: "risk",
    synonyms: &[],
    name: "event",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("userDisplayName", Type::text(256), "").nullable(),
        Property::new("userPrincipalName", Type::nonempty(320), "").nullable(),
        Property::new("riskEventDateTime", Type::DateTimeOffset, "").nullable(),
        Property::new("riskEventType", Type::nonempty(256), "").nullable(),
        Property::new("riskLevel", Type::Enum(&LEVEL), "").nullable(),
        Property::new("closedDateTime", Type::DateTimeOffset, "").nullable(),
        Property::new("createdDateTime", Type::DateTimeOffset, "").nullable(),
        Property::new("userId", Type::nonempty(255), "").nullable(),
    ],
    navigation: &[],
    ignored: &[],
    description: "",
};

static EVENTS: EntitySet = EntitySet::new("events", &EVENT);

static MODEL: Model =
    Model { entity_types: &[&ENTITY, &EVENT], enum_types: &[&LEVEL], entity_sets: &[&EVENTS], ..Model::EMPTY };

const TYPICAL: &str = "riskLevel eq 'high' and riskEventDateTime ge 2024-01-01T00:00:00Z \
                       and userPrincipalName eq 'mara@fjord.example'";

fn main() {
    divan::main();
}

/// From text to syntax tree.
#[divan::bench]
fn parsing(bencher: Bencher<'_, '_>) {
    let limits = Limits::default();
    bencher.bench(|| parse(divan::black_box(TYPICAL), &limits));
}

/// From text to bound tree: the goal is 5 microseconds.
#[divan::bench]
fn parsing_and_binding(bencher: Bencher<'_, '_>) {
    let scope = Scope::new(&MODEL, &EVENT, Ticks::default());
    bencher.bench(|| scope.condition(divan::black_box(TYPICAL)));
}

/// A whole query, from the URL on.
#[divan::bench]
fn a_whole_query(bencher: Bencher<'_, '_>) {
    let query = format!(
        "$filter={}&$orderby=createdDateTime+desc&$top=50&$select=id,riskLevel,userId",
        TYPICAL.replace(' ', "%20")
    );
    let context = Context::at(Ticks::default());
    bencher.bench(|| {
        let options = QueryOptions::parse(divan::black_box(&query)).expect("it is a query");
        bind(&options, &MODEL, &EVENT, &context)
    });
}

/// A list of five hundred values, near the usual limit.
#[divan::bench]
fn a_long_list(bencher: Bencher<'_, '_>) {
    let list: Vec<String> = (0..500).map(|n| format!("'user-{n}'")).collect();
    let text = format!("userId in ({})", list.join(","));
    let scope = Scope::new(&MODEL, &EVENT, Ticks::default());
    bencher.bench(|| scope.condition(divan::black_box(&text)));
}
