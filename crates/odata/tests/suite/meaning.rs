//! What bound expressions come to: casts in paths, bounds of numbers, searches.

use crate::shop::{ORDER, SHOP, now, orders};
use odata::Ticks;
use odata::edm::EntityType;
use odata::encode::Cell;
use odata::expression::bound::PropertyPath;
use odata::expression::evaluate::{Evaluator, Scope, Value};
use odata::query::{Context, QueryOptions, bind};
use proptest::prelude::*;

/// An order; of the derived type when it is big.
#[derive(Clone, Debug)]
struct Order {
    big: bool,
    name: String,
    note: Option<String>,
    gift: Option<bool>,
    placed: Ticks,
}

impl Scope for Order {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        match path.property.name {
            "name" => Cell::Text(&self.name),
            "note" => self.note.as_deref().map_or(Cell::Null, Cell::Text),
            "gift" => self.gift.map_or(Cell::Null, |gift| Cell::Integer(i64::from(gift))),
            "placed" => Cell::Integer(self.placed.get()),
            "tags" => Cell::Text(r#"["a","b"]"#),
            "state" => Cell::Integer(5),
            "quantity" => Cell::Integer(i64::from(i32::MAX)),
            "weight" => Cell::Double(1.5),
            "sizes" => Cell::Text("[1,-2147483648]"),
            _ => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        if self.big { SHOP.entity_type("shop.bigOrder").expect("it is declared") } else { &ORDER }
    }
}

fn order() -> impl Strategy<Value = Order> {
    (any::<bool>(), "[ab]{0,3}", prop::option::of("[ab]{0,2}"), any::<Option<bool>>(), 0..4_000_000_000_i64).prop_map(
        |(big, name, note, gift, second)| Order {
            big,
            name,
            note,
            gift,
            placed: Ticks::new(second * 10_000_000 + second % 7).expect("it is within the years"),
        },
    )
}

fn value(text: &str, order: &Order) -> Option<Value<'static>> {
    let bound = orders().condition(text).ok()?;
    Some(Evaluator::new(&bound).value(order).into_owned())
}

/// Conditions on `NOTE` and `GIFT`, which stand for paths.
fn condition() -> impl Strategy<Value = String> {
    let text =
        prop::sample::select(vec!["NOTE", "'a'", "name", "null", "concat(NOTE,'a')", "tolower(NOTE)", "trim(name)"]);
    let comparison = prop::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let leaf = prop_oneof![
        (text.clone(), comparison.clone(), text.clone()).prop_map(|(left, how, right)| format!("{left} {how} {right}")),
        Just("GIFT".to_owned()),
        Just("GIFT eq true".to_owned()),
        Just("GIFT ne null".to_owned()),
        Just("contains(NOTE,'a')".to_owned()),
        Just("length(NOTE) add 1 gt 2".to_owned()),
        Just("NOTE in ('a','b')".to_owned()),
        Just("NOTE in ('a',null)".to_owned()),
        Just("NOTE in (name,'b')".to_owned()),
        Just("NOTE in tags".to_owned()),
        Just("tags/any(t:t eq NOTE)".to_owned()),
        Just("tags/all(t:t ne NOTE)".to_owned()),
        Just("contains(NOTE,'a') eq GIFT".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) and ({right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) or ({right})")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("({left}) eq ({right})")),
        ]
    })
}

/// Numbers of rows and constants, and operations on them.
fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "length(name)",
            "quantity",
            "weight",
            "indexof(name,'a')",
            "year(placed)",
            "hour(placed)",
            "fractionalseconds(placed)",
            "totalseconds(now() sub placed)",
            "totalseconds(duration'PT0.5S' mul length(name))",
            "cast(length(name),Edm.Double)",
            "cast(fractionalseconds(placed) mul 10,Edm.Int64)",
            "totaloffsetminutes(placed)",
        ])
        .prop_map(str::to_owned),
        (-9_i64..10).prop_map(|number| number.to_string()),
        any::<i32>().prop_map(|number| number.to_string()),
        (-1e3_f64..1e3).prop_map(|number| format!("{number:.3}")),
        Just("4611686018427387904".to_owned()),
        Just("1e300".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let operator = prop::sample::select(vec!["add", "sub", "mul", "div", "divby", "mod"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(left, how, right)| format!("({left} {how} {right})")),
            inner.prop_map(|inner| format!("(- {inner})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 4))]

    #[test]
    fn a_cast_makes_null_of_rows_of_another_type(condition in condition(), order in order()) {
        let cast = condition.replace("NOTE", "s.bigOrder/note").replace("GIFT", "s.bigOrder/gift");
        let plain = condition.replace("NOTE", "note").replace("GIFT", "gift");
        let mut seen = order.clone();
        if !order.big {
            (seen.note, seen.gift) = (None, None);
        }
        let (cast_value, plain_value) = (value(&cast, &order), value(&plain, &seen));
        prop_assert_eq!(cast_value, plain_value, "{} of {:?}", cast, order);
    }

    #[test]
    fn a_number_that_is_taken_has_a_value(number in number(), order in order()) {
        if let Some(value) = value(&format!("{number} eq null"), &order) {
            prop_assert_eq!(value, Value::Boolean(false), "{} of {:?}", number, order);
        }
    }
}

#[test]
fn numbers_of_rows_are_compared_and_worked_out() {
    let order = Order { big: false, name: String::new(), note: None, gift: None, placed: Ticks::default() };
    for (condition, expected) in [
        ("quantity eq 2147483647", true),
        ("quantity gt 2147483646.5", true),
        ("quantity add 1 eq 2147483648", true),
        ("quantity mul quantity gt 4611686014132420608", true),
        ("-quantity lt weight", true),
        ("quantity in (1,2147483647)", true),
        ("quantity mod 10 eq 7", true),
        ("weight eq 1.5", true),
        ("weight lt 2", true),
        ("weight sub 0.5 eq 1", true),
        ("weight eq null", false),
        ("sizes/any(s:s lt 0)", true),
        ("sizes/any(s:s gt weight)", false),
        ("-2147483648 in sizes", true),
    ] {
        assert_eq!(value(condition, &order), Some(Value::Boolean(expected)), "{condition}");
    }
    let refused = |text: &str| orders().condition(text).expect_err(text).to_string();
    assert!(refused("quantity mul quantity mul quantity gt 0").contains("too large"));
    assert!(refused("quantity eq 'a'").contains("`quantity` is a whole number"));
    assert!(refused("weight eq true").contains("`weight` is a number"));
}

#[test]
fn a_search_finds_words_in_any_case_and_not_finds_what_has_no_text() {
    let order = |note: Option<&str>| Order {
        big: false,
        name: "Äpfel & Birnen".to_owned(),
        note: note.map(str::to_owned),
        gift: None,
        placed: Ticks::default(),
    };
    let search = ["name", "note"].map(|path| PropertyPath::find(&ORDER, path).expect("it is declared"));
    let found = |text: &str, note: Option<&str>| {
        let options = QueryOptions::parse(&format!("$search={}", text.replace('&', "%26"))).expect("it is a query");
        let context = Context { search: &search, ..Context::at(now()) };
        let query = bind(&options, &SHOP, &ORDER, &context).unwrap_or_else(|errors| panic!("{text}: {errors}"));
        let filter = query.filter.expect("there is one");
        Evaluator::new(&filter).matches(&order(note))
    };
    for (text, note, expected) in [
        ("äPFEL", None, true),
        ("\"äpfel & birnen\"", None, true),
        ("apfel", None, false),
        ("birnen kirschen", None, false),
        ("birnen kirschen", Some("mit Kirschen"), true),
        ("birnen OR kirschen", None, true),
        ("NOT kirschen", None, true),
        ("NOT kirschen", Some("KIRSCHEN"), false),
        ("birnen NOT (kirschen OR pflaumen)", Some("pflaume"), true),
    ] {
        assert_eq!(found(text, note), expected, "{text} {note:?}");
    }
}
