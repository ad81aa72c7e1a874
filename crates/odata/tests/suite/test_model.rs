//! A model with every kind of property and no more.

use odata::edm::{
    BatchCapabilities, BatchFeature, Capabilities, ComplexType, EntitySet, EntityType, EnumType, Member, Model,
    NavigationBinding, NavigationProperty, Operand, Operation, OperationKind, Property, Schema, ServiceCapabilities,
    Type,
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
    navigation: &[NavigationProperty { name: "owner", target: &PERSON, description: "" }],
    ignored: &["oldName"],
    description: "",
};

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

static WHY: [Property; 1] = [Property::new("why", Type::text(9), "")];

pub(crate) static MODEL: Model = Model {
    schemas: &[
        Schema { namespace: "test", alias: Some("t") },
        Schema { namespace: "Test.Inner.Services", alias: None },
    ],
    container: "Things",
    entity_types: &[&THING, &PERSON, &ITEM, &SPECIAL_ITEM],
    complex_types: &[&PROFILE],
    enum_types: &[&COLOUR],
    entity_sets: &[&ITEMS, &PEOPLE],
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
