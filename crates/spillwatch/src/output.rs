//! What commands print: tables on a terminal, JSON lines for machines.

use crate::cli::Global;
use crate::error::Failure;
use comfy_table::ContentArrangement;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::{Map, Value};
use std::io::{ErrorKind, IsTerminal as _, Write as _};

/// Prints rows: a table on a terminal, else one JSON object a line. `empty` is what a person reads
/// when there are none.
pub fn rows(global: &Global, columns: &[&str], rows: &[Vec<Value>], empty: &str) -> Result<(), Failure> {
    if global.json || !std::io::stdout().is_terminal() {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| {
                let object: Map<String, Value> =
                    columns.iter().map(|name| (*name).to_owned()).zip(row.iter().cloned()).collect();
                Value::Object(object).to_string()
            })
            .collect();
        return lines.iter().try_for_each(|text| line(text));
    }
    if rows.is_empty() {
        return line(empty);
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_header(columns);
    for row in rows {
        table.add_row(row.iter().map(plain));
    }
    line(&table.to_string())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join("\n"),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// Prints a line to standard output. A reader who has gone away, as `head` does, is no failure.
pub fn line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Standard output for many lines, written in portions.
pub struct Stream {
    out: std::io::Stdout,
    /// The reader has gone away, as `head` does when it has enough.
    is_gone: bool,
}

impl Stream {
    /// Standard output.
    pub fn new() -> Self {
        Self { out: std::io::stdout(), is_gone: false }
    }

    /// Writes a portion; `false` when nobody reads any more, which is no failure.
    pub fn write(&mut self, portion: &[u8]) -> Result<bool, Failure> {
        if self.is_gone {
            return Ok(false);
        }
        let mut out = self.out.lock();
        match out.write_all(portion).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_gone = true,
            outcome => outcome?,
        }
        Ok(!self.is_gone)
    }
}
