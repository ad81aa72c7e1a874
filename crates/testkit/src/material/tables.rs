//! Tables: CSV and its like, and JSON.

use super::chance::Chance;
use super::shape::{Shape, is_plain};
use super::sheet::{Record, Sheet};
use serde_json::{Map, Value, json};

/// A column: its name and what stands in it.
pub(super) struct Column {
    pub name: &'static str,
    pub value: fn(&Record, &Chance) -> String,
}

const fn column(name: &'static str, value: fn(&Record, &Chance) -> String) -> Column {
    Column { name, value }
}

/// What narrow tables have.
pub(super) const NARROW: [Column; 4] = [
    column("id", |_, chance| chance.below(99_999).to_string()),
    column("email", |record, _| record.name.clone()),
    column("password", |record, _| record.password.clone()),
    column("country", |_, _| "DE".to_owned()),
];

/// What wide tables have: much that could be a password by its look.
pub(super) const WIDE: [Column; 18] = [
    column("id", |_, chance| chance.below(99_999).to_string()),
    column("first_name", |_, chance| chance.token(6)),
    column("api_key", |_, chance| chance.token(24)),
    column("session", |_, chance| format!("{}9", chance.token(16))),
    column("referral", |_, chance| format!("{}7", chance.token(8))),
    column("email", |record, _| record.name.clone()),
    column("street", |_, chance| format!("Main Street {}", chance.below(99))),
    column("coupon", |_, chance| format!("{}5", chance.token(10))),
    column("token", |_, chance| format!("{}4", chance.token(12))),
    column("device", |_, chance| format!("{}3", chance.token(9))),
    column("last_ip", |_, _| "192.0.2.9".to_owned()),
    column("created_at", |_, _| "2020-01-01 00:00:00".to_owned()),
    column("password_changed_at", |_, _| "2021-01-01 00:00:00".to_owned()),
    column("customer_number", |_, chance| format!("K{}", chance.below(999_999))),
    column("user_pass", |record, _| record.password.clone()),
    column("secret_question", |_, chance| format!("{}1", chance.token(7))),
    column("plan", |_, _| "free".to_owned()),
    column("notes", |_, chance| chance.token(20)),
];

/// A field, in quotes where it must or always.
fn field(text: &str, delimiter: char, always: bool) -> String {
    let must = text.contains([delimiter, '"', '\n', '\r']) || text.trim() != text;
    if always || must { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// How a table is written.
#[derive(Clone, Copy)]
struct Style {
    delimiter: char,
    always: bool,
    header: bool,
    /// Whether another column holds the end of a line.
    long_values: bool,
    /// Strangers' rows before those that count.
    filler: usize,
}

const PLAIN: Style = Style { delimiter: ',', always: false, header: true, long_values: false, filler: 0 };

pub(super) fn shapes() -> Vec<Shape> {
    let table = |name: &str, columns: &'static [Column], style: Style| {
        let shape = Shape::new(format!("table, {name}"), move |sheet, records, _, chance| {
            write(sheet, records, chance, columns, style);
        });
        let shape = shape.alone("csv");
        if style.long_values { shape.long_values() } else { shape }
    };
    let mut all = vec![
        table("header", &NARROW, PLAIN),
        table("quotes", &NARROW, Style { always: true, ..PLAIN }),
        table("semicolons", &NARROW, Style { delimiter: ';', ..PLAIN }),
        table("bars", &NARROW, Style { delimiter: '|', ..PLAIN }),
        table("tabs", &NARROW, Style { delimiter: '\t', ..PLAIN }),
        table("no header", &NARROW[1..], Style { header: false, always: true, ..PLAIN }),
        table("two columns", &NARROW[1..3], PLAIN),
        table("wide", &WIDE, PLAIN),
        table("wide, quotes", &WIDE, Style { always: true, delimiter: ';', ..PLAIN }),
        table("wide, tabs", &WIDE, Style { delimiter: '\t', ..PLAIN }),
        table("wide, long values", &WIDE, Style { long_values: true, ..PLAIN }),
        table("wide and long", &WIDE, Style { filler: 600, ..PLAIN }),
    ];
    let bare = Style { header: false, ..PLAIN };
    all.push(table("no header, no quotes", &NARROW, bare).fits(is_plain));
    all.extend(objects());
    all
}

fn write(sheet: &mut Sheet, records: &[Record], chance: &Chance, columns: &[Column], style: Style) {
    let order = shuffled(columns.len(), if style.header { chance.below(1000) } else { 0 });
    let name = |column: &Column| match column.name {
        "email" => *chance.pick(&["email", "E-Mail", "mail", "user_email", "Email Address"]),
        "password" => *chance.pick(&["password", "Pass", "Passwort", "pwd", "user_password"]),
        name => name,
    };
    let joined = |values: Vec<String>| {
        let fields = values.iter().map(|text| field(text, style.delimiter, style.always));
        fields.collect::<Vec<_>>().join(&style.delimiter.to_string())
    };
    if style.header {
        sheet.frame(joined(order.iter().map(|place| name(&columns[*place]).to_owned()).collect()));
    }
    let row = |record: &Record| {
        let value = |column: &Column| match column.name {
            "street" if style.long_values => "Main Street 1\nSecond \"Floor\"".to_owned(),
            _ => (column.value)(record, chance),
        };
        joined(order.iter().map(|place| value(&columns[*place])).collect())
    };
    for _ in 0..style.filler {
        sheet.other(row(&stranger(chance)));
    }
    for record in records {
        sheet.record(record, row(record));
    }
}

/// A record of nobody.
pub(super) fn stranger(chance: &Chance) -> Record {
    let name = format!("{}@elsewhere.example", chance.token(8));
    Record { name, password: chance.token(10), person: None, is_current: false, is_similar: false }
}

/// The first numbers in an order that depends on `turn`; as they are where that is 0.
pub(super) fn shuffled(count: usize, turn: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let chance = Chance::new(turn as u64);
    for place in (1..count).rev().filter(|_| turn > 0) {
        order.swap(place, chance.below(place + 1));
    }
    order
}

/// JSON's.
fn objects() -> Vec<Shape> {
    let flat = |record: &Record, chance: &Chance| json!({"id": chance.below(999), "email": record.name, "name": "Some Body", "password": record.password});
    let nested = |record: &Record, chance: &Chance| {
        json!({
            "_id": {"$oid": hex_id(chance)},
            "profile": {"email": record.name, "city": "Berlin"},
            "services": {"password": {"plain": record.password}, "token": chance.token(20)},
            "createdAt": {"$date": "2020-01-01T00:00:00Z"},
        })
    };
    let mongo = |record: &Record, chance: &Chance| json!({"_id": {"$oid": hex_id(chance)}, "emailAddress": record.name, "pwd": record.password, "v": {"$numberInt": "0"}});
    let many = |record: &Record, chance: &Chance| {
        let mut object: Map<String, Value> =
            WIDE.iter().map(|column| (column.name.to_owned(), json!((column.value)(record, chance)))).collect();
        object.insert("tags".to_owned(), json!(["a", "b{", "c\"}"]));
        Value::Object(object)
    };
    let lines = |name: &str, object: fn(&Record, &Chance) -> Value| {
        Shape::lines(format!("JSON, {name}"), move |record, chance| object(record, chance).to_string())
    };
    let array = |name: &str, filler: usize, pretty: bool, object: fn(&Record, &Chance) -> Value| {
        Shape::new(format!("JSON, {name}"), move |sheet, records, _, chance| {
            // Line by line: an array that is one line is one item, for damage anywhere in it touches what is planted.
            let strangers: Vec<Record> = (0..filler).map(|_| stranger(chance)).collect();
            let all: Vec<Value> = strangers.iter().chain(records).map(|record| object(record, chance)).collect();
            sheet.expected.extend(records.iter().filter_map(Record::expected));
            if pretty {
                sheet.frame(serde_json::to_string_pretty(&all).expect("it is JSON"));
            } else {
                sheet.frame(Value::Array(all).to_string());
            }
        })
        .alone("json")
        .long_lines(!pretty && filler > 0)
    };
    vec![
        lines("lines", flat),
        lines("lines of MongoDB", mongo),
        lines("lines, nested", nested),
        lines("lines, wide", many),
        array("array", 0, false, flat),
        array("array over lines", 0, true, flat),
        array("array over lines, wide", 0, true, many),
        array("array in a long line", 900, false, flat),
    ]
}

fn hex_id(chance: &Chance) -> String {
    super::people::hex(&chance.bytes::<12>())
}
