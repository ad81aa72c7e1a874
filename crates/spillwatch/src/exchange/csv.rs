//! CSV (RFC 4180): a header with the names of properties, then a record an event.
//!
//! Null is a cell with nothing in it; an empty text is `""`. A text that a spreadsheet would take for a
//! formula gets an apostrophe in front, and so does one that begins with apostrophes before such a
//! character; reading takes one off again, so every text comes back as it was.

use super::lines::{MARK, not_utf8, too_long};
use super::{LONGEST, Row};
use odata::edm::{EntityType, EnumMembers, Type};
use odata::encode::{Cell, CellError, Row as Entity, write_string, write_text};
use odata::fault::excerpt;
use std::io::{self, BufRead};

/// Control information that may stand in the header besides properties.
const ANNOTATIONS: [&str; 2] = ["@odata.type", "impactedUser@odata.bind"];

/// What a spreadsheet begins a formula with, in narrow and in wide form, and what it skips before one.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a text is one that gets an apostrophe, or has got one.
fn is_guarded(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// Writes the header.
pub fn write_header<'n>(names: impl IntoIterator<Item = &'n str>, out: &mut Vec<u8>) {
    let names: Vec<&str> = names.into_iter().collect();
    out.extend_from_slice(names.join(",").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes a record: the entity's properties in the order of their positions, after its type if that is given.
pub fn write_record(row: &dyn Entity, type_name: Option<&str>, out: &mut Vec<u8>) -> Result<(), CellError> {
    if let Some(name) = type_name {
        write_cell(&format!("#{name}"), out);
        out.push(b',');
    }
    let mut text = Vec::new();
    for (position, property) in row.entity_type().all_properties().into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        let cell = row.cell(position);
        if cell != Cell::Null {
            text.clear();
            write_text(cell, property, EnumMembers::All, &mut text)?;
            write_cell(&String::from_utf8_lossy(&text), out);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_cell(text: &str, out: &mut Vec<u8>) {
    let guard = if is_guarded(text) { "'" } else { "" };
    let needs_quotes = text.is_empty() || text.contains([',', '"', '\r', '\n']) || text.trim() != text;
    if needs_quotes {
        out.extend_from_slice(format!("\"{guard}{}\"", text.replace('"', "\"\"")).as_bytes());
    } else {
        out.extend_from_slice(guard.as_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// A cell as it was written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Field {
    bytes: Vec<u8>,
    quoted: bool,
}

/// What the next byte of a record is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// After a quotation mark in a quoted cell: the end of the cell, or the first half of a mark in it.
    Mark,
}

/// Reads records, of which at most one is in memory.
struct Records<R> {
    input: R,
    line: u64,
}

/// A record, with the line on which it begins; or what is wrong with it.
type Record = (u64, Result<Vec<Field>, String>);

impl<R: BufRead> Records<R> {
    fn new(input: R) -> Self {
        Self { input, line: 1 }
    }

    /// The next record that is not a blank line.
    fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            let begun = self.line;
            let Some(fields) = self.read()? else { return Ok(None) };
            let is_blank =
                matches!(fields.as_deref(), Ok([only]) if !only.quoted && only.bytes.trim_ascii().is_empty());
            if !is_blank {
                return Ok(Some((begun, fields)));
            }
        }
    }

    fn read(&mut self) -> io::Result<Option<Result<Vec<Field>, String>>> {
        let mut fields = vec![Field::default()];
        let (mut state, mut length, mut wrong) = (State::Start, 0_usize, None::<String>);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                if length == 0 {
                    return Ok(None);
                }
                if state == State::Quoted && wrong.is_none() {
                    wrong = Some("the file ends within a cell: its closing quotation mark is missing".to_owned());
                }
                break;
            }
            let mut used = 0;
            let mut is_end = false;
            for &byte in buffer {
                used += 1;
                length += 1;
                self.line += u64::from(byte == b'\n');
                let field = fields.last_mut().expect("there is always one");
                let keep = wrong.is_none() && length <= LONGEST;
                match (state, byte) {
                    (State::Start | State::Plain | State::Mark, b'\n') => {
                        is_end = true;
                        break;
                    }
                    (State::Start | State::Plain | State::Mark, b',') => {
                        state = State::Start;
                        if keep {
                            fields.push(Field::default());
                        }
                    }
                    (State::Start, b'"') => {
                        state = State::Quoted;
                        field.quoted = true;
                    }
                    (State::Quoted, b'"') => state = State::Mark,
                    (State::Mark, b'"') => {
                        state = State::Quoted;
                        if keep {
                            field.bytes.push(byte);
                        }
                    }
                    (State::Mark, b'\r') => {}
                    (State::Mark, _) => {
                        let found = "a cell goes on after its closing quotation mark; in a cell, write the mark twice";
                        wrong.get_or_insert_with(|| found.to_owned());
                        state = State::Plain;
                    }
                    (State::Plain, b'"') => {
                        let found = "a quotation mark stands in a cell that does not begin with one; quote the cell, and \
                                     write the mark twice";
                        wrong.get_or_insert_with(|| found.to_owned());
                    }
                    (State::Start | State::Plain | State::Quoted, _) => {
                        if state == State::Start {
                            state = State::Plain;
                        }
                        if keep {
                            field.bytes.push(byte);
                        }
                    }
                }
            }
            self.input.consume(used);
            if is_end {
                break;
            }
        }
        if length > LONGEST {
            wrong = Some(too_long("record"));
        }
        if let Some(wrong) = wrong {
            return Ok(Some(Err(wrong)));
        }
        if let Some(last) = fields.last_mut()
            && !last.quoted
            && last.bytes.last() == Some(&b'\r')
        {
            last.bytes.pop();
        }
        Ok(Some(Ok(fields)))
    }
}

/// Reads events: records under a header of property names.
pub struct Events<R> {
    records: Records<R>,
    /// The name of each column, and whether its cells are JSON texts.
    columns: Vec<(String, bool)>,
}

impl<R: BufRead> Events<R> {
    /// Reads the header. The inner error says what is wrong with it: then nothing of the file can be read.
    pub fn open(mut input: R, ty: &'static EntityType) -> io::Result<Result<Self, String>> {
        if input.fill_buf()?.starts_with(MARK) {
            input.consume(MARK.len());
        }
        let mut records = Records::new(input);
        let header = match records.next()? {
            None => return Ok(Err("the file is empty; expected a header with the names of properties".to_owned())),
            Some((_, header)) => header,
        };
        Ok(header.and_then(|header| columns(&header, ty)).map(|columns| Self { records, columns }))
    }

    /// The next event.
    pub fn next(&mut self) -> io::Result<Option<Row>> {
        let Some((line, fields)) = self.records.next()? else { return Ok(None) };
        Ok(Some(Row { line, content: fields.and_then(|fields| self.object(&fields)) }))
    }

    /// A record as the JSON object that a request would have.
    fn object(&self, fields: &[Field]) -> Result<Vec<u8>, String> {
        if fields.len() != self.columns.len() {
            let (found, expected) = (fields.len(), self.columns.len());
            return Err(format!("the record has {found} cells; the header has {expected}"));
        }
        let mut out = vec![b'{'];
        for ((name, is_text), field) in self.columns.iter().zip(fields) {
            let text = std::str::from_utf8(&field.bytes)
                .map_err(|error| format!("`{name}`: {}", not_utf8(error.valid_up_to())))?;
            if name.starts_with(ANNOTATIONS[1]) && text.is_empty() {
                continue; // nothing is said of the relation
            }
            if out.len() > 1 {
                out.push(b',');
            }
            write_string(name, &mut out);
            out.push(b':');
            if text.is_empty() && !field.quoted {
                out.extend_from_slice(b"null");
            } else if *is_text {
                write_string(if is_guarded(text) { text.strip_prefix('\'').unwrap_or(text) } else { text }, &mut out);
            } else {
                out.extend_from_slice(text.as_bytes());
            }
        }
        out.push(b'}');
        Ok(out)
    }
}

/// Checks the header; answers every fault in one sentence.
fn columns(header: &[Field], ty: &'static EntityType) -> Result<Vec<(String, bool)>, String> {
    let mut columns: Vec<(String, bool)> = Vec::new();
    let mut faults = Vec::new();
    for field in header {
        let found = String::from_utf8_lossy(&field.bytes);
        let found = found.trim();
        let annotation = ANNOTATIONS.into_iter().find(|known| known.eq_ignore_ascii_case(found));
        let column = match (ty.property(found), annotation) {
            (Some((_, property)), _) => {
                let is_text = matches!(property.ty, Type::String { .. } | Type::DateTimeOffset | Type::Enum(_));
                (property.name.to_owned(), is_text)
            }
            (None, Some(annotation)) => (annotation.to_owned(), true),
            (None, None) => {
                faults.push(format!("{} is not a property of {}", excerpt(found), ty.name));
                continue;
            }
        };
        if columns.iter().any(|(known, _)| *known == column.0) {
            faults.push(format!("`{}` occurs more than once", column.0));
        }
        columns.push(column);
    }
    if faults.is_empty() { Ok(columns) } else { Err(format!("the header cannot be used: {}", faults.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::edm::LEAKED_CREDENTIALS_RISK_EVENT;

    /// Records by their lines, or what is wrong with them.
    type Found = Vec<(u64, Result<String, String>)>;

    fn events(text: &[u8]) -> Result<Found, String> {
        let mut events = Events::open(text, &LEAKED_CREDENTIALS_RISK_EVENT).expect("memory can be read")?;
        let mut found = Vec::new();
        while let Some(Row { line, content }) = events.next().expect("memory can be read") {
            found.push((line, content.map(|text| String::from_utf8(text).expect("it was checked"))));
        }
        Ok(found)
    }

    #[track_caller]
    fn good(text: &str) -> Vec<String> {
        let found = events(text.as_bytes()).expect("a header");
        found.into_iter().map(|(_, object)| object.expect("a record")).collect()
    }

    #[test]
    fn records_become_objects() {
        let text = "\u{feff}ID,userDisplayName\r\na,\"Lind, \"\"Mara\"\"\r\nof Fjord\"\r\n\r\nb,\nc,\"\"";
        let expected = [
            r#"{"id":"a","userDisplayName":"Lind, \"Mara\"\r\nof Fjord"}"#,
            r#"{"id":"b","userDisplayName":null}"#,
            r#"{"id":"c","userDisplayName":""}"#,
        ];
        assert_eq!(good(text), expected);
        let lines: Vec<u64> = events(text.as_bytes()).expect("a header").iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 5, 6]);
    }

    #[test]
    fn every_text_comes_back() {
        for text in
            ["=1+1", "'=1", "''@x", "-", "'", "'x", "+47", "\tx", "\n", "\r\n=", "＝x", "x=1", " x ", "", "\"", "a,b"]
        {
            let mut file = b"userDisplayName,id\r\n".to_vec();
            write_cell(text, &mut file);
            file.extend_from_slice(b",x\r\n");
            let object = good(std::str::from_utf8(&file).expect("UTF-8")).remove(0);
            let object: serde_json::Value = serde_json::from_str(&object).expect("JSON");
            assert_eq!(object["userDisplayName"], text);
            let cell = file.splitn(2, |byte| *byte == b'\n').last().unwrap_or_default();
            let begins = std::str::from_utf8(cell).expect("UTF-8").trim_start_matches('"');
            assert!(!begins.starts_with(['=', '+', '-', '@', '\t', '＝']), "a spreadsheet would run {begins:?}");
        }
    }

    #[test]
    fn faults_are_named_and_the_next_record_goes_on() {
        let header = "id,userDisplayName\n";
        let wrong = |record: &str| {
            let found = events(format!("{header}{record}\nz,z\n").as_bytes()).expect("a header");
            assert_eq!(found.last().map(|(_, last)| last.is_ok()), Some(true), "{record}: {found:?}");
            found[0].1.clone().expect_err(record)
        };
        assert!(wrong("a,b\"c").contains("quotation mark stands in a cell"));
        assert!(wrong("a,\"b\"c").contains("goes on after its closing quotation mark"));
        assert_eq!(wrong("a"), "the record has 1 cells; the header has 2");
        assert_eq!(wrong(&format!("a,\"{}\"", "x\n".repeat(LONGEST))), "the record has more than 1048576 bytes");
        let open = events(format!("{header}a,\"b\nc,d\n").as_bytes()).expect("a header");
        assert!(open[0].1.as_ref().expect_err("a fault").contains("closing quotation mark is missing"));
        let bytes = events(b"id,userDisplayName\na,\xff\n").expect("a header");
        assert_eq!(bytes[0].1, Err("`userDisplayName`: it is not UTF-8: byte 1 does not belong there".to_owned()));
    }

    #[test]
    fn a_header_that_is_none_is_refused() {
        assert!(events(b"").expect_err("empty").contains("is empty"));
        let wrong = events(b"id,level,ID\n").expect_err("a header");
        assert!(wrong.contains("`level` is not a property") && wrong.contains("`id` occurs more than once"), "{wrong}");
    }
}
