//! Dumps of databases: INSERT and COPY.

use super::chance::Chance;
use super::people::hex;
use super::shape::Shape;
use super::sheet::{Record, Sheet};
use super::tables::{Column, NARROW, WIDE, shuffled, stranger};

/// How texts are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    /// `''` for a quote, backslashes for themselves.
    Doubled,
    /// Backslashes before quotes and backslashes.
    Escaped,
    /// The same behind `_binary`.
    Binary,
    /// `0x..`.
    Hex,
}

/// How statements lie on lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each row its own statement.
    Each,
    /// One statement on one line.
    Line,
    /// One statement, its rows on lines of their own.
    Rows,
    /// CREATE TABLE, then a statement without columns.
    Created,
}

fn quoted(text: &str, how: Text) -> String {
    let escaped = || format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('"', "\\\""));
    match how {
        Text::Doubled => format!("'{}'", text.replace('\'', "''")),
        Text::Escaped => escaped(),
        Text::Binary => format!("_binary {}", escaped()),
        Text::Hex => format!("0x{}", hex(text.as_bytes())),
    }
}

pub(super) fn shapes() -> Vec<Shape> {
    use Layout::{Created, Each, Line, Rows};
    use Text::{Binary, Doubled, Escaped, Hex};
    let insert = |name: &str, columns: &'static [Column], text: Text, layout: Layout, filler: usize| {
        Shape::new(format!("SQL, {name}"), move |sheet, records, _, chance| {
            inserts(sheet, records, chance, columns, (text, layout, filler));
        })
        .alone("sql")
        .long_lines(layout == Line && filler > 0)
    };
    let copy = |name: &str, columns: &'static [Column], filler: usize| {
        Shape::new(format!("COPY, {name}"), move |sheet, records, _, chance| {
            copies(sheet, records, chance, columns, filler);
        })
        .alone("sql")
    };
    vec![
        insert("a row a statement", &NARROW, Doubled, Each, 0),
        insert("rows on a line", &NARROW, Escaped, Line, 0),
        insert("rows on lines", &NARROW, Doubled, Rows, 0),
        insert("binary", &NARROW, Binary, Each, 0),
        insert("digits", &NARROW, Hex, Rows, 0),
        insert("wide", &WIDE, Escaped, Each, 0),
        insert("wide, rows on a line", &WIDE, Doubled, Line, 0),
        insert("wide, rows on lines", &WIDE, Escaped, Rows, 0),
        insert("wide, created before", &WIDE, Escaped, Created, 0),
        insert("in a long line", &NARROW, Escaped, Line, 2000),
        insert("wide, in a long line", &WIDE, Escaped, Line, 600),
        insert("wide and long, created before", &WIDE, Doubled, Created, 600),
        copy("narrow", &NARROW, 0),
        copy("wide", &WIDE, 0),
        copy("wide and long", &WIDE, 600),
    ]
}

fn inserts(
    sheet: &mut Sheet,
    records: &[Record],
    chance: &Chance,
    columns: &[Column],
    (text, layout, filler): (Text, Layout, usize),
) {
    let order = shuffled(columns.len(), chance.below(1000));
    let names: Vec<String> = order.iter().map(|place| format!("`{}`", columns[*place].name)).collect();
    let row = |record: &Record| {
        let value = |column: &Column| {
            let value = (column.value)(record, chance);
            match column.name {
                "id" => value,
                "plan" => "NULL".to_owned(),
                "password" | "user_pass" => quoted(&value, text),
                _ => quoted(&value, if text == Text::Doubled { text } else { Text::Escaped }),
            }
        };
        format!("({})", order.iter().map(|place| value(&columns[*place])).collect::<Vec<_>>().join(","))
    };
    let head = match layout {
        Layout::Created => {
            sheet.frame("DROP TABLE IF EXISTS `users`;");
            let kinds = ["varchar(255) NOT NULL DEFAULT ''", "decimal(10,2)"];
            let defined = names.iter().zip(kinds.into_iter().cycle()).map(|(name, kind)| format!("  {name} {kind},\n"));
            let keys = "  PRIMARY KEY (`id`),\n  KEY `by_token` (`id`,`notes`)\n) ENGINE=InnoDB;";
            sheet.frame(format!("CREATE TABLE `users` (\n{}{keys}", defined.collect::<String>()));
            "INSERT INTO `users` VALUES".to_owned()
        }
        _ => format!("INSERT INTO `users` ({}) VALUES", names.join(", ")),
    };
    let strangers: Vec<Record> = (0..filler).map(|_| stranger(chance)).collect();
    if layout == Layout::Each {
        for record in records {
            sheet.record(record, format!("{head} {};", row(record)));
        }
    } else if layout == Layout::Line {
        let all: Vec<String> = strangers.iter().chain(records).map(row).collect();
        sheet.expected.extend(records.iter().filter_map(Record::expected));
        sheet.frame(format!("{head} {};", all.join(",")));
    } else {
        sheet.frame(head);
        for record in &strangers {
            sheet.other(format!("{},", row(record)));
        }
        for (place, record) in records.iter().enumerate() {
            sheet.record(record, format!("{}{}", row(record), if place + 1 == records.len() { ";" } else { "," }));
        }
    }
}

fn copies(sheet: &mut Sheet, records: &[Record], chance: &Chance, columns: &[Column], filler: usize) {
    let order = shuffled(columns.len(), chance.below(1000));
    let names: Vec<&str> = order.iter().map(|place| columns[*place].name).collect();
    let row = |record: &Record| {
        let value = |column: &Column| match column.name {
            "plan" => "\\N".to_owned(),
            _ => (column.value)(record, chance).replace('\\', "\\\\").replace('\t', "\\t"),
        };
        order.iter().map(|place| value(&columns[*place])).collect::<Vec<_>>().join("\t")
    };
    sheet.frame(format!("COPY public.users ({}) FROM stdin;", names.join(", ")));
    for _ in 0..filler {
        sheet.other(row(&stranger(chance)));
    }
    for record in records {
        sheet.record(record, row(record));
    }
    sheet.frame("\\.");
}
