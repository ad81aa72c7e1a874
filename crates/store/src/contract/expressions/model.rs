//! A model with every kind of property, and rows of it at the edges of what values can be.

use super::choices::Choices;
use crate::sql::{Kinds, Schema, SqlValue};
use model::OwnedCell;
use odata::Ticks;
use odata::edm::{EntityType, EnumType, Member, NavigationProperty, Property, Type};
use odata::encode::Cell;
use odata::expression::bound::PropertyPath;
use odata::expression::evaluate::Scope;
use std::borrow::Cow;
use std::ptr;

pub(super) static COLOUR: EnumType = EnumType::new(
    "test",
    "colour",
    &[
        Member { name: "red", value: 1 },
        Member { name: "green", value: 2 },
        Member { name: "none", value: 0 },
        Member { name: "unknown", value: -1 },
    ],
);

pub(super) static RIGHTS: EnumType = EnumType::new(
    "test",
    "rights",
    &[Member { name: "read", value: 1 }, Member { name: "write", value: 2 }, Member { name: "own", value: 4 }],
)
.flags();

static TAG: Type = Type::text(8);

static THING: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "thing",
    base: None,
    is_abstract: true,
    key: Some("id"),
    properties: &[Property::new("id", Type::nonempty(20), "")],
    navigation: &[],
    ignored: &[],
    description: "",
};

static PERSON: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "person",
    base: Some(&THING),
    is_abstract: false,
    key: None,
    properties: PROPERTIES,
    navigation: &[],
    ignored: &[],
    description: "",
};

pub(super) static ITEM: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "item",
    base: Some(&THING),
    is_abstract: false,
    key: None,
    properties: PROPERTIES,
    navigation: &[NavigationProperty::new("owner", &PERSON, "")],
    ignored: &[],
    description: "",
};

static SPECIAL_ITEM: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "specialItem",
    base: Some(&ITEM),
    is_abstract: false,
    key: None,
    properties: &[],
    navigation: &[],
    ignored: &[],
    description: "",
};

/// Types that a row is asked for; a person is none of the items.
pub(super) static TYPES: [&EntityType; 4] = [&THING, &ITEM, &SPECIAL_ITEM, &PERSON];

/// Each kind of value once where null is none, and once where it is one.
static PROPERTIES: &[Property] = &[
    Property::new("name", Type::text(20), ""),
    Property::new("note", Type::text(20), "").nullable(),
    Property::new("on", Type::Boolean, ""),
    Property::new("active", Type::Boolean, "").nullable(),
    Property::new("made", Type::DateTimeOffset, ""),
    Property::new("closed", Type::DateTimeOffset, "").nullable(),
    Property::new("paint", Type::Enum(&COLOUR), ""),
    Property::new("lining", Type::Enum(&COLOUR), "").nullable(),
    Property::new("rights", Type::Enum(&RIGHTS), "").nullable(),
    Property::new("stock", Type::Int32, ""),
    Property::new("seats", Type::Int32, "").nullable(),
    Property::new("width", Type::Double, ""),
    Property::new("depth", Type::Double, "").nullable(),
    Property::new("tags", Type::Collection { of: &TAG, most: 9 }, ""),
    Property::new("colours", Type::Collection { of: &Type::Enum(&COLOUR), most: 9 }, ""),
    Property::new("times", Type::Collection { of: &Type::DateTimeOffset, most: 9 }, ""),
    Property::new("marks", Type::Collection { of: &Type::Boolean, most: 9 }, ""),
];

/// Whole numbers; a fourth of each is a double.
const NUMBERS: &[i32] = &[i32::MIN, -8, -3, -1, 0, 1, 2, 3, 10, 86_400, i32::MAX];

/// Texts that differ by case, by accents put on, by length in bytes and code points, by white
/// space; those whose cases map to more than one character; and literal forms of other types.
pub(super) const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "ab",
    "abc",
    "b",
    "ä",
    "a\u{308}",
    "Ä",
    "ß",
    "ẞ",
    "ss",
    "ﬁ",
    "İ",
    "ı",
    "i",
    "I",
    "ς",
    "Σ",
    "𐐀",
    "𐐨",
    "\u{ffff}",
    "\u{10ffff}",
    "z",
    " a ",
    "\u{3000}a\u{a0}",
    "\t",
    "%",
    "_",
    "a%b",
    "'",
    "\"",
    "\\",
    "true",
    "FALSE",
    "0",
    "-1",
    "+7",
    "007",
    "1.5",
    "-2e3",
    "1e999",
    "9223372036854775807",
    "9223372036854775808",
    "red",
    "Red",
    "write",
    "2024-02-29",
    "2024-02-30",
    "2024-02-29T23:59:59.9999999Z",
    "0001-01-01T00:00:00Z",
    "23:59:59.5",
    "24:00",
    "P1DT2H",
    "-PT0.0000001S",
    "P",
    "E45CFBCD-9d43-4a6c-9c4d-f6b3e4a7a1a2",
];

/// Moments at the ends of the range, of days, of years and of the epoch.
pub(super) fn moments() -> Vec<i64> {
    const DAY: i64 = 864_000_000_000;
    let leap: Ticks = "2024-02-29T12:34:56.7890123Z".parse().expect("a time");
    vec![0, 1, -1, DAY, DAY - 1, -DAY, leap.get(), leap.get() + 1, Ticks::MIN.get(), Ticks::MAX.get()]
}

/// A row, and the row that it relates to.
#[derive(Clone, Debug)]
pub struct TestRow {
    pub(super) key: i64,
    special: bool,
    cells: Vec<OwnedCell>,
    owner: Option<Vec<OwnedCell>>,
}

impl TestRow {
    pub(super) fn choose(key: i64, choices: &mut Choices<'_>) -> Self {
        let cells = |choices: &mut Choices<'_>| {
            ITEM.all_properties().into_iter().map(|property| cell(property, choices)).collect::<Vec<_>>()
        };
        let special = choices.one_in(2);
        let owner = if choices.one_in(3) { None } else { Some(cells(choices)) };
        Self { key, special, cells: cells(choices), owner }
    }
}

fn cell(property: &Property, choices: &mut Choices<'_>) -> OwnedCell {
    if property.nullable && choices.one_in(4) {
        return OwnedCell::Null;
    }
    match &property.ty {
        Type::String { .. } => OwnedCell::Text((*choices.of(TEXTS)).into()),
        Type::Boolean => OwnedCell::Integer(choices.below(2) as i64),
        Type::Int32 => OwnedCell::Integer((*choices.of(NUMBERS)).into()),
        Type::Double => OwnedCell::Double(f64::from(*choices.of(NUMBERS)) / 4.0),
        Type::DateTimeOffset => OwnedCell::Integer(*choices.of(&moments())),
        Type::Enum(of) if of.is_flags => OwnedCell::Integer(choices.below(8) as i64),
        Type::Enum(of) => OwnedCell::Integer(choices.of(of.members).value.into()),
        Type::Collection { of, .. } => {
            let items: Vec<String> = (0..choices.below(4)).map(|_| item(of, choices)).collect();
            OwnedCell::Text(format!("[{}]", items.join(",")).into())
        }
        Type::Complex(_) => OwnedCell::Null,
    }
}

/// An item as JSON.
fn item(ty: &Type, choices: &mut Choices<'_>) -> String {
    let quoted = |text: &str| {
        let mut json = Vec::new();
        odata::encode::write_string(text, &mut json);
        String::from_utf8(json).expect("JSON is UTF-8")
    };
    match ty {
        Type::Boolean => choices.one_in(2).to_string(),
        Type::Int32 | Type::Double => choices.of(NUMBERS).to_string(),
        Type::DateTimeOffset => quoted(&Ticks::new(*choices.of(&moments())).expect("a moment").to_string()),
        Type::Enum(of) => quoted(choices.of(of.members).name),
        _ => quoted(choices.of::<&str>(TEXTS)),
    }
}

fn borrow(cell: &OwnedCell) -> Cell<'_> {
    match cell {
        OwnedCell::Null => Cell::Null,
        OwnedCell::Integer(value) => Cell::Integer(*value),
        OwnedCell::Double(value) => Cell::Double(*value),
        OwnedCell::Text(text) => Cell::Text(text),
    }
}

impl Scope for TestRow {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        match (path.navigation.is_empty(), &self.owner) {
            (true, _) => borrow(&self.cells[path.position]),
            (false, Some(owner)) => borrow(&owner[path.position]),
            (false, None) => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        if self.special { &SPECIAL_ITEM } else { &ITEM }
    }
}

/// A table to be made by an engine.
#[derive(Clone, Debug)]
pub struct TestTable {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first is the primary key. [`Type::DateTimeOffset`] stands for any integer.
    pub columns: Vec<(String, Type)>,
    /// Its rows.
    pub rows: Vec<Vec<SqlValue>>,
}

/// The tables that hold some rows.
pub fn tables(rows: &[TestRow]) -> [TestTable; 2] {
    let properties = ITEM.all_properties();
    let named = properties.iter().enumerate().map(|(at, property)| (format!("p{at}"), property.ty));
    let number = |name: &str| (name.to_owned(), Type::DateTimeOffset);
    let value = |(cell, property): (&OwnedCell, &&Property)| match (cell, &property.ty) {
        (OwnedCell::Null, _) => SqlValue::Null,
        (OwnedCell::Integer(value), Type::Boolean) => SqlValue::Boolean(*value != 0),
        (OwnedCell::Integer(value), _) => SqlValue::Integer(*value),
        (OwnedCell::Double(value), _) => SqlValue::Double(*value),
        (OwnedCell::Text(text), _) => SqlValue::Text(text.clone()),
    };
    let values = |cells: &[OwnedCell]| cells.iter().zip(&properties).map(value).collect::<Vec<_>>();
    let items = rows.iter().map(|row| {
        let mut all = vec![row.key.into(), i64::from(row.special).into()];
        all.push(row.owner.as_ref().map_or(SqlValue::Null, |_| row.key.into()));
        all.extend(values(&row.cells));
        all
    });
    let people = rows.iter().filter_map(|row| {
        let mut all = vec![row.key.into()];
        all.extend(values(row.owner.as_ref()?));
        Some(all)
    });
    [
        TestTable {
            name: "items",
            columns: [number("key"), number("kind"), number("owner")].into_iter().chain(named.clone()).collect(),
            rows: items.collect(),
        },
        TestTable {
            name: "people",
            columns: std::iter::once(number("key")).chain(named).collect(),
            rows: people.collect(),
        },
    ]
}

/// Where those tables keep what.
pub(super) struct TestSchema;

/// What statements select from.
pub(super) const FROM: &str = " FROM items AS i LEFT JOIN people AS o ON o.key = i.owner";

impl Schema for TestSchema {
    fn column(&self, path: &PropertyPath) -> Cow<'_, str> {
        format!("{}.p{}", if path.navigation.is_empty() { "i" } else { "o" }, path.position).into()
    }

    fn is_nullable(&self, path: &PropertyPath) -> bool {
        path.property.nullable || !path.navigation.is_empty()
    }

    fn kinds(&self, ty: &'static EntityType) -> Kinds<'_> {
        if ITEM.is(ty) {
            Kinds::All
        } else if ptr::eq(ty, &raw const SPECIAL_ITEM) {
            Kinds::Among("i.kind".into(), vec![1])
        } else {
            Kinds::None
        }
    }
}
