//! A model with what the query language can meet: every type of property, properties named like
//! operators, a derived type with a property of its own, a relation that leads back to its type.

use odata::Ticks;
use odata::edm::{ComplexType, EntitySet, EntityType, EnumType, Member, Model, NavigationProperty, Property, Type};
use odata::expression::Scope;

pub(crate) static STATE: EnumType = EnumType::new(
    "shop",
    "state",
    &[
        Member { name: "open", value: 0 },
        Member { name: "paid", value: 1 },
        Member { name: "sent", value: 5 },
        Member { name: "inDispute", value: 9 },
    ],
);

static RIGHTS: EnumType = EnumType::new(
    "shop",
    "rights",
    &[Member { name: "read", value: 1 }, Member { name: "write", value: 2 }, Member { name: "own", value: 4 }],
)
.flags();

static ADDRESS: ComplexType =
    ComplexType { namespace: "shop", name: "address", properties: &[Property::new("city", Type::text(50), "")] };

static TEXT: Type = Type::text(40);
static SIZE: Type = Type::Int32;
static MOMENT: Type = Type::DateTimeOffset;
static ONE_STATE: Type = Type::Enum(&STATE);

static ENTITY: EntityType = EntityType {
    namespace: "shop",
    synonyms: &["s", "Shop.Old"],
    name: "entity",
    base: None,
    is_abstract: true,
    key: Some("id"),
    properties: &[Property::new("id", Type::nonempty(36), "")],
    navigation: &[],
    ignored: &[],
    description: "",
};

pub(crate) static PERSON: EntityType = EntityType {
    namespace: "shop",
    synonyms: &["s"],
    name: "person",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("displayName", Type::text(60), "").nullable(),
        Property::new("mail", Type::text(60), "").nullable(),
        Property::new("since", Type::DateTimeOffset, "").nullable(),
        Property::new("phones", Type::Collection { of: &TEXT, most: 5 }, ""),
        Property::new("pin", Type::text(4), "").nullable().write_only(),
    ],
    navigation: &[NavigationProperty::new("manager", &PERSON, "")],
    ignored: &[],
    description: "",
};

static BIG_PERSON: EntityType = EntityType {
    namespace: "shop",
    synonyms: &["s"],
    name: "bigPerson",
    base: Some(&PERSON),
    is_abstract: false,
    key: None,
    properties: &[],
    navigation: &[],
    ignored: &[],
    description: "",
};

pub(crate) static ORDER: EntityType = EntityType {
    namespace: "shop",
    synonyms: &["s", "Shop.Old"],
    name: "order",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("name", Type::nonempty(40), ""),
        Property::new("note", Type::text(300), "").nullable(),
        Property::new("gift", Type::Boolean, "").nullable(),
        Property::new("placed", Type::DateTimeOffset, "").nullable(),
        Property::new("due", Type::DateTimeOffset, "").nullable(),
        Property::new("state", Type::Enum(&STATE), "").nullable(),
        Property::new("rights", Type::Enum(&RIGHTS), "").nullable(),
        Property::new("tags", Type::Collection { of: &TEXT, most: 9 }, ""),
        Property::new("visits", Type::Collection { of: &MOMENT, most: 9 }, ""),
        Property::new("states", Type::Collection { of: &ONE_STATE, most: 9 }, ""),
        Property::new("address", Type::Complex(&ADDRESS), "").nullable(),
        Property::new("not", Type::Boolean, "").nullable(),
        Property::new("add", Type::text(9), "").nullable(),
        Property::new("eq", Type::text(9), "").nullable(),
        Property::new("password", Type::text(9), "").nullable().write_only(),
        Property::new("quantity", Type::Int32, "").nullable(),
        Property::new("weight", Type::Double, "").nullable(),
        Property::new("sizes", Type::Collection { of: &SIZE, most: 9 }, ""),
    ],
    navigation: &[NavigationProperty::new("customer", &PERSON, "")],
    ignored: &[],
    description: "",
};

static BIG_ORDER: EntityType = EntityType {
    namespace: "shop",
    synonyms: &["s"],
    name: "bigOrder",
    base: Some(&ORDER),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("discount", Type::text(9), "").nullable(),
        Property::new("rush", Type::Boolean, "").nullable(),
        Property::new("parts", Type::Collection { of: &TEXT, most: 9 }, ""),
    ],
    navigation: &[NavigationProperty::new("broker", &PERSON, "")],
    ignored: &[],
    description: "",
};

static SMALL_ORDER: EntityType = EntityType {
    namespace: "shop",
    synonyms: &["s"],
    name: "smallOrder",
    base: Some(&ORDER),
    is_abstract: false,
    key: None,
    properties: &[Property::new("pocket", Type::text(9), "").nullable()],
    navigation: &[],
    ignored: &[],
    description: "",
};

static ORDERS: EntitySet = EntitySet { polymorphic: true, announces_type: true, ..EntitySet::new("orders", &ORDER) };

pub(crate) static SHOP: Model = Model {
    entity_types: &[&ENTITY, &PERSON, &BIG_PERSON, &ORDER, &BIG_ORDER, &SMALL_ORDER],
    complex_types: &[&ADDRESS],
    enum_types: &[&STATE, &RIGHTS],
    entity_sets: &[&ORDERS],
    ..Model::EMPTY
};

pub(crate) fn now() -> Ticks {
    "2024-06-01T12:00:00Z".parse().expect("a moment")
}

/// What orders are asked with.
pub(crate) fn orders() -> Scope<'static> {
    Scope::new(&SHOP, &ORDER, now())
}
