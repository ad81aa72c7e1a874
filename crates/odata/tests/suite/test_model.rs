//! A model with every kind of property and no more.

use odata::edm::{
    BatchCapabilities, BatchFeature, Capabilities, ComplexType, EntitySet, EntityType, EnumType, Member, Model,
    NavigationBinding, NavigationProperty, Operand, Operation, OperationKind, Property, Schema, Sentinel,
    ServiceCapabilities, Singleton, Type,
};
use odata::query::SystemOption;

pub(crate) static COLOUR: EnumType =
    EnumType::new("test", "colour", &[Member { name: "red", value: 1 }, Member { name: "darkBlue", value: 7 }]);

static PROFILE: ComplexType = ComplexType {
    namespace: "test",
    name: "profile",
    properties: &[
        Property::new("strict", Type::Boolean, "").write_only(),
        Property::new("password", Type::text(8), "").nullable().write_only(),
    ],
};

/// Whose greatest member hides.
static LEVEL: EnumType = EnumType::new(
    "test",
    "level",
    &[
        Member { name: "low", value: 0 },
        Member { name: "unknownFutureValue", value: 1 },
        Member { name: "extreme", value: 2 },
    ],
)
.evolvable(Sentinel { value: 1, is_creatable: false });

static POINT: ComplexType = ComplexType {
    namespace: "test",
    name: "point",
    properties: &[
        Property::new("latitude", Type::Double, "").nullable(),
        Property::new("longitude", Type::Double, "").nullable(),
    ],
};

/// A structured value that is read, with another within it.
static PLACE: ComplexType = ComplexType {
    namespace: "test",
    name: "place",
    properties: &[
        Property::new("city", Type::text(20), "").nullable(),
        Property::new("level", Type::Enum(&LEVEL), "").nullable(),
        Property::new("floor", Type::Int32, "").nullable(),
        Property::new("tags", Type::Collection { of: &TAG, most: 3 }, ""),
        Property::new("point", Type::Complex(&POINT), "").nullable(),
        Property::new("code", Type::text(8), "").nullable().write_only(),
    ],
};

static TAG: Type = Type::text(4);

pub(crate) static THING: EntityType = EntityType {
    namespace: "test",
    synonyms: &["t"],
    name: "thing",
    base: None,
    is_abstract: true,
    key: Some("id"),
    properties: &[Property::new("id", Type::nonempty(10), "").immutable()],
    navigation: &[],
    ignored: &[],
    description: "",
};

pub(crate) static PERSON: EntityType = EntityType {
    namespace: "test",
    synonyms: &["t"],
    name: "person",
    base: Some(&THING),
    is_abstract: false,
    key: None,
    properties: &[Property::new("mail", Type::text(20), "")],
    navigation: &[],
    ignored: &[],
    description: "Somebody <with> \"quotes\" & more.",
};

/// One property of each type, then those that are never given out.
pub(crate) static ITEM: EntityType = EntityType {
    namespace: "test",
    synonyms: &["t"],
    name: "item",
    base: Some(&THING),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("name", Type::nonempty(5), "What people call it.").required().pattern("^[a-z<&\"]+$"),
        Property::new("note", Type::text(300), "").nullable(),
        Property::new("on", Type::Boolean, "").nullable(),
        Property::new("since", Type::DateTimeOffset, "").nullable(),
        Property::new("colour", Type::Enum(&COLOUR), "").nullable(),
        Property::new("tags", Type::Collection { of: &TAG, most: 3 }, ""),
        Property::new("profile", Type::Complex(&PROFILE), "").nullable().write_only(),
        Property::new("secret", Type::text(8), "").nullable().write_only(),
        Property::new("secretSince", Type::DateTimeOffset, "").nullable().write_only(),
        Property::new("secretColour", Type::Enum(&COLOUR), "").nullable().write_only(),
    ],
    navigation: &[NavigationProperty::new("owner", &PERSON, "")],
    ignored: &["oldName"],
    description: "",
};

/// What is measured: numbers.
pub(crate) static SENSOR: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "sensor",
    base: Some(&THING),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("size", Type::Int32, "").nullable(),
        Property::new("weight", Type::Double, "").nullable(),
        Property::new("place", Type::Complex(&PLACE), "Where it is.").nullable(),
    ],
    navigation: &[
        NavigationProperty::new("owner", &PERSON, ""),
        NavigationProperty::new("history", &ENTRY, "What it was before.").collection().contained(),
        NavigationProperty::new("friends", &PERSON, "").collection(),
    ],
    ignored: &[],
    description: "",
};

/// What a sensor was.
static ENTRY: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "entry",
    base: Some(&SENSOR),
    is_abstract: false,
    key: None,
    properties: &[Property::new("by", Type::text(9), "").nullable()],
    navigation: &[],
    ignored: &[],
    description: "",
};

static VAULT: Singleton =
    Singleton { name: "vault", namespace: "test", type_name: "vaultRoot", description: "What is kept apart." };

static SENSORS: EntitySet = EntitySet {
    container: Some(&VAULT),
    alternate_key: Some("size"),
    bindings: &[NavigationBinding { path: "owner", target: &GUARDS }],
    capabilities: Capabilities {
        options: &[SystemOption::Filter, SystemOption::Expand, SystemOption::Count],
        ..Capabilities::NONE
    },
    ..EntitySet::new("sensors", &SENSOR)
};

static GUARDS: EntitySet = EntitySet { container: Some(&VAULT), ..EntitySet::new("guards", &PERSON) };

pub(crate) static SPECIAL_ITEM: EntityType = EntityType {
    namespace: "Test.Inner.Services",
    synonyms: &["test", "t"],
    name: "specialItem",
    base: Some(&ITEM),
    is_abstract: false,
    key: None,
    properties: &[],
    navigation: &[],
    ignored: &[],
    description: "",
};

pub(crate) mod at {
    pub(crate) const ID: usize = 0;
    pub(crate) const NAME: usize = 1;
    pub(crate) const NOTE: usize = 2;
    pub(crate) const ON: usize = 3;
    pub(crate) const SINCE: usize = 4;
    pub(crate) const COLOUR: usize = 5;
    pub(crate) const TAGS: usize = 6;
    pub(crate) const PROFILE: usize = 7;
    pub(crate) const SECRET: usize = 8;
}

static ITEMS: EntitySet = EntitySet {
    name: "items",
    container: None,
    entity_type: &ITEM,
    alternate_key: Some("name"),
    polymorphic: true,
    announces_type: true,
    bindings: &[NavigationBinding { path: "owner", target: &PEOPLE }],
    capabilities: Capabilities {
        options: &[SystemOption::Filter, SystemOption::OrderBy, SystemOption::Expand, SystemOption::Top],
        creates: Some(&SPECIAL_ITEM),
        updates: true,
        deletes: false,
        tracks_changes: true,
    },
};

static PEOPLE: EntitySet = EntitySet {
    name: "people",
    container: None,
    entity_type: &PERSON,
    alternate_key: None,
    polymorphic: false,
    announces_type: false,
    bindings: &[],
    capabilities: Capabilities {
        options: &[SystemOption::Expand],
        creates: None,
        updates: false,
        deletes: true,
        tracks_changes: false,
    },
};

static RESET: [Property; 3] = [
    Property::new("sensorIds", Type::Collection { of: &TAG, most: 3 }, "Which ones."),
    Property::new("to", Type::Int32, "").nullable(),
    Property::new("level", Type::Enum(&LEVEL), "").nullable(),
];

static WHY: [Property; 1] = [Property::new("why", Type::text(9), "")];

pub(crate) static MODEL: Model = Model {
    schemas: &[
        Schema { namespace: "test", alias: Some("t") },
        Schema { namespace: "Test.Inner.Services", alias: None },
    ],
    container: "Things",
    entity_types: &[&THING, &PERSON, &ITEM, &SPECIAL_ITEM, &SENSOR, &ENTRY],
    complex_types: &[&PROFILE, &PLACE, &POINT],
    enum_types: &[&COLOUR, &LEVEL],
    singletons: &[&VAULT],
    entity_sets: &[&ITEMS, &PEOPLE, &SENSORS, &GUARDS],
    operations: &[
        Operation {
            namespace: "test",
            name: "delta",
            kind: OperationKind::Function,
            binding: Operand::Collection(&ITEM),
            parameters: &[],
            returns: Some(Operand::Collection(&ITEM)),
            description: "What has changed.",
        },
        Operation {
            namespace: "test",
            name: "delta",
            kind: OperationKind::Function,
            binding: Operand::Collection(&SPECIAL_ITEM),
            parameters: &[],
            returns: Some(Operand::Collection(&SPECIAL_ITEM)),
            description: "",
        },
        Operation {
            namespace: "test",
            name: "reset",
            kind: OperationKind::Action,
            binding: Operand::Collection(&SENSOR),
            parameters: &RESET,
            returns: None,
            description: "Forgets what was measured.",
        },
        Operation {
            namespace: "test",
            name: "hide",
            kind: OperationKind::Action,
            binding: Operand::Entity(&PERSON),
            parameters: &WHY,
            returns: None,
            description: "",
        },
    ],
    capabilities: ServiceCapabilities {
        versions: "4.0",
        formats: &["application/json"],
        metadata_formats: &["application/xml", "application/json"],
        encodings: &["gzip"],
        batch: BatchCapabilities { formats: &["application/json"], features: &[BatchFeature::EtagReferences] },
        repeatable: false,
    },
};
