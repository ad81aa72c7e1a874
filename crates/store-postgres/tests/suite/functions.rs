//! The functions of `migrations/postgres/0002_functions.sql`, each held against the one of `odata` or `model`
//! that it is, at the edges of what values can be.

use crate::connection::{Connection, value};
use model::DetectionId;
use odata::Ticks;
use odata::calendar::{self, FIRST_DAY, LAST_DAY, TICKS_PER_DAY};
use odata::expression::arithmetic::{self, calculate};
use odata::expression::bound::Arithmetic;
use odata::expression::evaluate::Value;
use odata::expression::forms::Form;
use odata::expression::text;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::cmp::Ordering;
use store::sql::SqlValue;
use tokio_postgres::types::Type;

const OPERATIONS: [(&str, Arithmetic); 6] = [
    ("add", Arithmetic::Add),
    ("sub", Arithmetic::Sub),
    ("mul", Arithmetic::Mul),
    ("div", Arithmetic::Div),
    ("divby", Arithmetic::DivBy),
    ("mod", Arithmetic::Mod),
];

fn integers() -> Vec<i64> {
    const TWO_53: i64 = 1 << 53;
    let edges = [
        0,
        1,
        2,
        3,
        7,
        59,
        60,
        86_400,
        i64::from(i32::MAX),
        TWO_53,
        3_037_000_499,
        10_675_199,
        10_675_200,
        FIRST_DAY,
        LAST_DAY,
        146_097,
        TICKS_PER_DAY,
        Ticks::MIN.get(),
        Ticks::MAX.get(),
        i64::MAX,
        i64::MIN / 2,
    ];
    let mut all: Vec<i64> = edges.iter().flat_map(|edge| [*edge, -edge, edge - edge.signum()]).collect();
    all.extend([i64::MIN, i64::MIN + 1, i64::MAX - 1, TWO_53 + 1, LAST_DAY + 1, Ticks::MAX.get() + 1]);
    all.extend((0..800).map(|day| day * 181 - 719_500));
    all.sort_unstable();
    all.dedup();
    all
}

/// At the ends of doubles, of their digits and of integers; products and quotients of them lie at the ends too.
fn doubles() -> Vec<f64> {
    let powers = [-1074, -1022, -1021, -970, -562, -538, -537, -512, -54, -53, -51, -1, 0, 1, 2, 52, 53, 62, 63, 64];
    let powers = powers.into_iter().chain([511, 512, 513, 967, 968, 970, 971, 1022, 1023]);
    let mut all = vec![0.0, -0.0, 0.1, 1.5, 2.5, 3.0, -7.25, 1e300, 1e-300, f64::MAX, f64::MAX / 2.0];
    for power in powers {
        let bits = if power < -1022 { 1 << (power + 1074) } else { ((power + 1023) as u64) << 52 };
        all.extend([bits, bits + 1, bits.saturating_sub(1)].map(f64::from_bits));
    }
    all.extend(all.clone().into_iter().map(|double| -double));
    all
}

fn sql(value: Option<Value<'_>>) -> SqlValue {
    match value {
        None | Some(Value::Null) => SqlValue::Null,
        Some(Value::Boolean(value)) => SqlValue::Boolean(value),
        Some(Value::Integer(value)) => SqlValue::Integer(value),
        Some(Value::Double(value)) => SqlValue::Double(value),
        Some(Value::Text(text)) => SqlValue::from(&*text),
    }
}

/// Equal to the bit: zero has no sign.
fn same(found: &SqlValue, expected: &SqlValue) -> bool {
    match (found, expected) {
        (SqlValue::Double(a), SqlValue::Double(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

fn check_pairs(database: &Connection, pairs: &[(f64, f64)]) {
    let calls: Vec<_> = OPERATIONS.iter().map(|(name, _)| format!("spillwatch_{name}(a, b)")).collect();
    let statement = format!("SELECT {} FROM unnest($1::float8[], $2::float8[]) AS t(a, b)", calls.join(", "));
    let (left, right): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let rows = database.rows(&statement, &[(&left, Type::FLOAT8_ARRAY), (&right, Type::FLOAT8_ARRAY)]);
    assert_eq!(rows.len(), pairs.len());
    for ((a, b), row) in pairs.iter().zip(&rows) {
        for (at, (name, operation)) in OPERATIONS.iter().enumerate() {
            let (expected, found) =
                (sql(calculate(*operation, &Value::Double(*a), &Value::Double(*b))), value(row, at));
            assert!(same(&found, &expected), "{a:e} {name} {b:e} is {found:?} instead of {expected:?}");
        }
    }
}

#[test]
fn doubles_are_reckoned_with_to_the_last_bit_and_never_fail() {
    let database = Connection::new();
    let edges = doubles();
    let pairs: Vec<_> = edges.iter().flat_map(|a| edges.iter().map(|b| (*a, *b))).collect();
    check_pairs(&database, &pairs);

    // Any bits; and pairs whose product or quotient lies about where doubles end.
    let mut runner = TestRunner::deterministic();
    let bits = (any::<u64>(), any::<u64>(), -3_i64..4, any::<bool>());
    let random = (0..20_000).map(|_| bits.new_tree(&mut runner).expect("numbers").current());
    let pairs: Vec<_> = random
        .flat_map(|(a, b, about, ends_high)| {
            const DIGITS: u64 = (1 << 52) - 1;
            let end: i64 = if ends_high { 1024 } else { -1075 };
            let exponent = (b >> 52 & 0x7ff) as i64 - 1023;
            let other = |exponent: i64| {
                let exponent = (exponent + 1023).clamp(0, 2046) as u64;
                f64::from_bits(exponent << 52 | a & DIGITS)
            };
            let b = f64::from_bits(b);
            [(f64::from_bits(a), b), (other(end + about - exponent), b), (other(end + about + exponent), b)]
        })
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .collect();
    check_pairs(&database, &pairs);

    // Products that rounding puts exactly on half of the least double.
    let near: Vec<_> = (0..2000_u64)
        .flat_map(|at| {
            let one = 1.0_f64.to_bits();
            let (above, below) = (f64::from_bits(one + at), f64::from_bits(one - at));
            let scaled = |double: f64, power: u64| double * f64::from_bits((1023 - power) << 52);
            [-1_i64, 0, 1].map(|step| {
                let below = f64::from_bits(below.to_bits().wrapping_add_signed(step));
                (scaled(above, 537), scaled(below, 538))
            })
        })
        .collect();
    check_pairs(&database, &near);
}

#[test]
fn integers_overflow_into_null() {
    let database = Connection::new();
    let edges = integers();
    let pairs: Vec<_> = edges.iter().flat_map(|a| edges.iter().step_by(7).map(|b| (*a, *b))).collect();
    let calls: Vec<_> = OPERATIONS.iter().map(|(name, _)| format!("spillwatch_{name}(a, b)")).collect();
    let mixed = "spillwatch_add(a, b::float8), spillwatch_mul(a::float8, b)";
    let statement = format!("SELECT {}, {mixed} FROM unnest($1::bigint[], $2::bigint[]) AS t(a, b)", calls.join(", "));
    let (left, right): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
    let rows = database.rows(&statement, &[(&left, Type::INT8_ARRAY), (&right, Type::INT8_ARRAY)]);
    for ((a, b), row) in pairs.iter().zip(&rows) {
        let (left, right) = (Value::Integer(*a), Value::Integer(*b));
        let double = |value: &Value<'_>| Value::Double(arithmetic::double(value).expect("a number"));
        let plain = OPERATIONS.iter().map(|(_, operation)| calculate(*operation, &left, &right));
        let mixed =
            [calculate(Arithmetic::Add, &left, &double(&right)), calculate(Arithmetic::Mul, &double(&left), &right)];
        for (at, expected) in plain.chain(mixed).enumerate() {
            let (expected, found) = (sql(expected), value(row, at));
            assert!(same(&found, &expected), "column {at} of {a} and {b} is {found:?} instead of {expected:?}");
        }
    }
}

/// A function of an integer.
type Of = fn(i64) -> Option<Value<'static>>;

fn written(form: Form, value: i64) -> Option<Value<'static>> {
    form.write(&Value::Integer(value)).map(|text| Value::Text(text.into()))
}

#[test]
fn every_integer_has_its_calendar_and_its_texts() {
    let database = Connection::new();
    let edges = integers();
    let functions: [(&str, Of); 20] = [
        ("day_of", |it| Some(Value::Integer(calendar::day_of(it)))),
        ("time_of", |it| Some(Value::Integer(calendar::time_of(it)))),
        ("year", |it| Some(Value::Integer(calendar::date(it).0))),
        ("month", |it| Some(Value::Integer(calendar::date(it).1))),
        ("day", |it| Some(Value::Integer(calendar::date(it).2))),
        ("hour", |it| Some(Value::Integer(calendar::hour(it)))),
        ("minute", |it| Some(Value::Integer(calendar::minute(it)))),
        ("second", |it| Some(Value::Integer(calendar::second(it)))),
        ("seconds", |it| Some(Value::Double(calendar::seconds(it)))),
        ("fraction_of_second", |it| Some(Value::Double(calendar::fraction_of_second(it)))),
        ("midnight", |it| arithmetic::midnight(&Value::Integer(it))),
        ("to_moment", |it| arithmetic::to_moment(&Value::Integer(it))),
        ("to_day", |it| arithmetic::to_day(&Value::Integer(it))),
        ("to_integer", |it| Some(Value::Integer(it))),
        ("negate", |it| arithmetic::negate(&Value::Integer(it))),
        ("write_day", |it| written(Form::Date, it)),
        ("write_time", |it| written(Form::TimeOfDay, it)),
        ("write_moment", |it| written(Form::DateTimeOffset, it)),
        ("write_duration", |it| written(Form::Duration, it)),
        ("read_integer", |it| Some(Value::Integer(it))),
    ];
    let call = |name: &str| {
        let argument = if name.starts_with("read") { "a::text" } else { "a" };
        format!("spillwatch_{name}({argument})")
    };
    let calls: Vec<_> = functions.iter().map(|(name, _)| call(name)).collect();
    let statement = format!("SELECT {} FROM unnest($1::bigint[]) AS t(a)", calls.join(", "));
    let rows = database.rows(&statement, &[(&edges, Type::INT8_ARRAY)]);
    for (edge, row) in edges.iter().zip(&rows) {
        for (at, (name, function)) in functions.iter().enumerate() {
            let (expected, found) = (sql(function(*edge)), value(row, at));
            assert!(same(&found, &expected), "{name} of {edge} is {found:?} instead of {expected:?}");
        }
    }
}

#[test]
fn doubles_lie_among_integers_where_they_do() {
    let database = Connection::new();
    let (integers, doubles) = (integers(), doubles());
    let one = "SELECT spillwatch_negate(a), spillwatch_to_integer(a), spillwatch_to_moment(a), spillwatch_to_day(a) \
               FROM unnest($1::float8[]) AS t(a)";
    let rows = database.rows(one, &[(&doubles, Type::FLOAT8_ARRAY)]);
    for (double, row) in doubles.iter().zip(&rows) {
        let it = Value::Double(*double);
        let expected =
            [arithmetic::negate(&it), arithmetic::to_integer(&it), arithmetic::to_moment(&it), arithmetic::to_day(&it)];
        for (at, expected) in expected.into_iter().enumerate() {
            let (expected, found) = (sql(expected), value(row, at));
            assert!(same(&found, &expected), "column {at} of {double:e} is {found:?} instead of {expected:?}");
        }
    }
    let order = "SELECT a, b, CASE WHEN a::numeric < spillwatch_double_place(b) THEN -1::bigint \
                 WHEN a::numeric = spillwatch_double_place(b) THEN 0 ELSE 1 END \
                 FROM unnest($1::bigint[]) AS t(a), unnest($2::float8[]) AS u(b)";
    let rows = database.rows(order, &[(&integers, Type::INT8_ARRAY), (&doubles, Type::FLOAT8_ARRAY)]);
    assert_eq!(rows.len(), integers.len() * doubles.len());
    for row in &rows {
        let (a, b, found): (i64, f64, i64) = (row.get(0), row.get(1), row.get(2));
        let expected = Value::Integer(a).order(&Value::Double(b)).map(|order| match order {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        });
        assert_eq!(Some(found), expected, "{a} and {b:e}");
    }
}

/// Letters of every script that has cases, and of some that have none.
fn letters() -> Vec<String> {
    let ranges = ['\u{1}'..='\u{33ff}', '\u{a000}'..='\u{abff}', '\u{fb00}'..='\u{ffff}', '\u{10000}'..='\u{1f2ff}'];
    let mut all: Vec<String> = ranges.into_iter().flatten().map(String::from).collect();
    all.extend(["", "ΟΔΥΣΣΕΎΣ", "Straße", "İstanbul ILGIN ıi", "ǅ ǆ Ǆ", "a\u{308}Ä", "𐐀𐐨", "K Å ﬁ"].map(str::to_owned));
    all
}

#[test]
fn texts_are_code_points_and_cases_those_of_the_frozen_tables() {
    let database = Connection::new();
    let letters = letters();
    let statement = "SELECT spillwatch_tolower(a), spillwatch_toupper(a), spillwatch_trim(' ' || a || E'\\u2003b' || a) \
                     FROM unnest($1::text[]) AS t(a)";
    let rows = database.rows(statement, &[(&letters, Type::TEXT_ARRAY)]);
    for (letter, row) in letters.iter().zip(&rows) {
        let expected = [
            text::to_lower(letter),
            text::to_upper(letter),
            text::trim(&format!(" {letter}\u{2003}b{letter}")).to_owned(),
        ];
        let found: Vec<&str> = (0..3).map(|at| row.get(at)).collect();
        assert_eq!(found, expected, "{letter:?}");
    }

    let texts = ["", "a", "äö", "𐐀b\u{10ffff}", "a\u{308}bcdefghij"];
    let places: Vec<i64> =
        (-12..=12).chain([i64::MIN, i64::MAX, i64::from(i32::MIN), i64::from(i32::MAX) + 1]).collect();
    let statement = "SELECT t.a, p.b, c.b, spillwatch_substring(t.a, p.b), spillwatch_substring(t.a, p.b, c.b) \
                     FROM unnest($1::text[]) AS t(a), unnest($2::bigint[]) AS p(b), unnest($2::bigint[]) AS c(b)";
    let of = texts.map(str::to_owned).to_vec();
    let rows = database.rows(statement, &[(&of, Type::TEXT_ARRAY), (&places, Type::INT8_ARRAY)]);
    assert_eq!(rows.len(), texts.len() * places.len() * places.len());
    for row in &rows {
        let (of, from, count): (&str, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(row.get::<_, &str>(3), text::substring(of, from, None), "{of:?} {from}");
        assert_eq!(row.get::<_, &str>(4), text::substring(of, from, Some(count)), "{of:?} {from} {count}");
    }

    // A constant that PostgreSQL works with before it meets a row does not fail either.
    for place in &places {
        for (whole, from, rows) in
            [("'äö'", "t.b", "unnest(ARRAY[$1::bigint]) AS t(b)"), ("t.a", "$1::bigint", "unnest(ARRAY['äö']) AS t(a)")]
        {
            let statement = format!("SELECT spillwatch_substring({whole}, {from}) FROM {rows}");
            let row = &database.rows(&statement, &[(place, Type::INT8)])[0];
            assert_eq!(row.get::<_, &str>(0), text::substring("äö", *place, None), "{place}");
        }
    }
}

#[test]
fn what_is_read_is_what_odata_reads() {
    let database = Connection::new();
    let zeros = format!("-{}17", "0".repeat(200_000));
    let mut texts: Vec<String> = [
        "",
        "true",
        "TRUE",
        "tRuE",
        "false",
        "True ",
        "trueſ",
        "0",
        "-0",
        "+0",
        "+",
        "-",
        "+7",
        "--7",
        "007",
        " 7",
        "7 ",
        "7\n",
        "1.0",
        "1e3",
        "٣",
        "0x10",
        "1_0",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "00009223372036854775807",
        "99999999999999999999",
        "E45CFBCD-9d43-4a6c-9c4d-f6b3e4a7a1a2",
        "e45cfbcd-9d43-4a6c-9c4d-f6b3e4a7a1a2\n",
        "e45cfbcd9d43-4a6c-9c4d-f6b3e4a7a1a2-",
        "{e45cfbcd-9d43-4a6c-9c4d-f6b3e4a7a1a2}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push(zeros);
    let mut runner = TestRunner::deterministic();
    let random = proptest::string::string_regex("[+-]?[0-9]{0,21}|[tTrRuUeE]{4}|[0-9a-fA-F-]{36}").expect("a pattern");
    texts.extend((0..2000).map(|_| random.new_tree(&mut runner).expect("a text").current()));
    let statement = "SELECT spillwatch_read_boolean(a), spillwatch_read_integer(a), spillwatch_read_guid(a) \
                     FROM unnest($1::text[]) AS t(a)";
    let rows = database.rows(statement, &[(&texts, Type::TEXT_ARRAY)]);
    for (text, row) in texts.iter().zip(&rows) {
        for (at, form) in [Form::Boolean, Form::Integer, Form::Guid].into_iter().enumerate() {
            assert_eq!(value(row, at), sql(form.read(text)), "{form:?} {text:?}");
        }
    }
}

#[test]
fn detections_have_the_ids_and_types_that_they_have_in_rust() {
    let database = Connection::new();
    let mut ids: Vec<String> = [
        "e45cfbcd-9d43-4a6c-9c4d-f6b3e4a7a1a2",
        "E45cfbcd-9d43-4a6c-9c4d-f6b3e4a7a1a2",
        "00000000-0000-0000-0000-000000000000",
        "e45cfbcd9-d43-4a6c-9c4d-f6b3e4a7a1a2",
        "",
        "1",
        "a\\b",
        "\\x00",
        "ä𐐀",
        "leakedCredentials",
        "Leaked Credentials",
        "#microsoft.graph.leakedCredentialsRiskEvent",
        "leaked-credentials-risk-event",
        "leakedCredentialſ",
        "LEAKEDCREDENTİALS",
        "leakedCrédentials",
        "unfamiliarLocation",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut runner = TestRunner::deterministic();
    let random =
        proptest::string::string_regex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\\PC{1,40}").expect("a pattern");
    ids.extend((0..1000).map(|_| random.new_tree(&mut runner).expect("a text").current()));
    let statement = "SELECT spillwatch_detection_id(a), spillwatch_detection_type(a), spillwatch_detection_risk_type(a) \
                     FROM unnest($1::text[]) AS t(a)";
    let rows = database.rows(statement, &[(&ids, Type::TEXT_ARRAY)]);
    for (id, row) in ids.iter().zip(&rows) {
        assert_eq!(row.get::<_, &str>(0), DetectionId::of(id).text().as_str(), "{id:?}");
        assert_eq!(row.get::<_, &str>(1), model::detection_type(id), "{id:?}");
        assert_eq!(row.get::<_, i64>(2), model::detection_risk_type(id), "{id:?}");
    }
}
