//! What a document's beginning tells of its columns: the header of a table, and the columns that CREATE TABLE, INSERT and
//! COPY name.
//!
//! It rests on the first bytes and nothing else, so that whoever has those can read any piece of the document: nothing
//! goes from one piece to the next.

use std::ops::Range;

use crate::candidate::password_name;
use crate::chunk::CONTEXT;

/// How many different headers, and statements, are kept.
const MOST: usize = 64;

/// How many columns of passwords a table may have: the likeliest are kept.
const MOST_PASSWORDS: usize = 3;

/// How many columns are counted.
const MOST_COLUMNS: usize = 512;

/// The longest name of a column in a header: what is longer is a value.
const LONGEST_NAME: usize = 48;

/// What divides the columns of tables.
const DELIMITERS: [u8; 5] = *b",;\t|:";

/// How many columns a row has, and which of them hold passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    /// How many there are.
    pub count: usize,
    /// Those of passwords, the likeliest first.
    pub passwords: Vec<usize>,
}

impl Columns {
    /// Reads names; none where there is but one, or too many.
    fn of<'n>(names: impl Iterator<Item = &'n [u8]>) -> Option<Self> {
        let (mut count, mut ranked) = (0, Vec::new());
        for (place, name) in names.enumerate() {
            count = place + 1;
            ranked.extend(password_name(name).map(|rank| (rank, place)));
            if count > MOST_COLUMNS {
                return None;
            }
        }
        ranked.sort_unstable();
        ranked.truncate(MOST_PASSWORDS);
        (count > 1).then(|| Self { count, passwords: ranked.into_iter().map(|(_, place)| place).collect() })
    }
}

/// A table whose columns a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The table's name in small letters, without quotes and schema.
    pub table: Vec<u8>,
    /// None where the statement does not say.
    pub columns: Option<Columns>,
    /// Whether rows of text with tabs follow.
    pub is_copy: bool,
}

/// What the beginning of a document tells of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    headers: Vec<(u8, Columns)>,
    statements: Vec<Statement>,
}

impl Layout {
    /// Reads the first bytes of a document, after [`crate::text::Text`] made text of them: as many as
    /// [`Text::start`](crate::text::Text::start) gives, wherever the document is cut.
    pub fn of(start: &[u8]) -> Self {
        let mut layout = Self::default();
        let mut place = 0;
        while place < start.len() {
            let end = memchr::memchr(b'\n', &start[place..]).map_or(start.len(), |length| place + length);
            let line = start[place..end].trim_ascii();
            let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
            if layout.statements.len() < MOST
                && let Some(statement) = statement(&start[place..])
                && statement.columns.is_some()
                && !layout.statements.contains(&statement)
            {
                layout.statements.push(statement);
            } else if layout.headers.len() < MOST
                && let Some(header) = header(line)
                && !layout.headers.contains(&header)
            {
                layout.headers.push(header);
            }
            place = end + 1;
        }
        layout
    }

    /// The columns of a table whose rows have so many fields.
    pub(crate) fn of_row(&self, delimiter: u8, count: usize) -> Option<&Columns> {
        self.headers.iter().find(|(of, columns)| (*of, columns.count) == (delimiter, count)).map(|(_, columns)| columns)
    }

    /// Whether there is a table with this delimiter.
    pub(crate) fn has_delimiter(&self, delimiter: u8) -> bool {
        self.headers.iter().any(|(of, _)| *of == delimiter)
    }

    /// The columns of a table by its name.
    pub(crate) fn of_table(&self, table: &[u8]) -> Option<&Columns> {
        self.statements.iter().find(|known| known.table == table)?.columns.as_ref()
    }

    /// The columns of passwords of all tables with so many columns, the likeliest first.
    pub(crate) fn of_count(&self, count: usize, is_copy: bool) -> Vec<usize> {
        let alike = |known: &&Statement| !is_copy || known.is_copy;
        let columns = self.statements.iter().filter(alike).filter_map(|known| known.columns.as_ref());
        let mut places = Vec::new();
        for place in columns.filter(|columns| columns.count == count).flat_map(|columns| &columns.passwords) {
            if !places.contains(place) && places.len() < MOST_PASSWORDS {
                places.push(*place);
            }
        }
        places
    }
}

/// A header: names of columns, one of which is that of passwords and another that of users.
pub(crate) fn header(line: &[u8]) -> Option<(u8, Columns)> {
    if line.len() > MOST_COLUMNS * LONGEST_NAME || memchr::memchr(b'@', line).is_some() {
        return None;
    }
    let delimiter = *line.iter().find(|byte| DELIMITERS.contains(byte))?;
    let names = || line.split(|byte| *byte == delimiter).map(|name| unquoted(name.trim_ascii()));
    let is_name = |name: &[u8]| {
        name.len() <= LONGEST_NAME
            && name.iter().all(|byte| {
                byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'_' | b'-' | b' ' | b'.' | b'/')
            })
    };
    if !names().all(is_name) || !names().any(is_user) {
        return None;
    }
    let columns = Columns::of(names())?;
    (!columns.passwords.is_empty()).then_some((delimiter, columns))
}

/// Whether a column's name is that of users' names.
fn is_user(name: &[u8]) -> bool {
    let plain: Vec<u8> = name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    ["mail", "user", "login", "upn", "account", "uname", "name", "nick", "sam"]
        .iter()
        .any(|word| memchr::memmem::find(&plain, word.as_bytes()).is_some())
        && password_name(name).is_none()
}

/// The statement that stands last before a row, within [`CONTEXT`] bytes: that of the row.
pub(crate) fn statement_before(text: &[u8], row: usize) -> Option<Statement> {
    let from = row.saturating_sub(CONTEXT);
    let mut end = row;
    loop {
        let start = memchr::memrchr(b'\n', &text[from..end]).map_or(from, |place| from + place + 1);
        // What begins before the context begins somewhere else.
        let is_whole = start > from || from == 0;
        let line = &text[start..end];
        if line.starts_with(b"\\.") {
            return None; // the end of a COPY
        }
        if let Some(statement) = is_whole.then(|| statement(&text[start..row])).flatten() {
            return Some(statement);
        }
        end = start.checked_sub(1).filter(|end| *end > from)?;
    }
}

/// The statement at the start of a text: INSERT, REPLACE, COPY or CREATE TABLE.
pub(crate) fn statement(text: &[u8]) -> Option<Statement> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace()).take(64).count();
    let mut words = Words { text, place: blanks };
    let first = words.next()?;
    let is = |word: &[u8], other: &str| word.eq_ignore_ascii_case(other.as_bytes());
    let is_copy = is(first, "COPY");
    let is_create = is(first, "CREATE");
    if !is_copy {
        let end = if is_create {
            "TABLE"
        } else if is(first, "INSERT") || is(first, "REPLACE") {
            "INTO"
        } else {
            return None;
        };
        // `INSERT IGNORE INTO`, `CREATE TEMPORARY TABLE`
        (0..3).find(|_| words.next().is_some_and(|word| is(word, end)))?;
    }
    let mut name = words.name()?;
    if is_create && is(&text[name.clone()], "IF") {
        name = (0..3).find_map(|_| {
            words.name().filter(|name| !is(&text[name.clone()], "NOT") && !is(&text[name.clone()], "EXISTS"))
        })?;
    }
    let last = text[name].rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let table = unquoted(last).to_ascii_lowercase();
    let place = words.place + blank(text, words.place);
    let columns = (text.get(place) == Some(&b'(')).then(|| columns(&text[place + 1..], is_create)).flatten();
    Some(Statement { table, columns, is_copy })
}

/// Words of a statement.
struct Words<'t> {
    text: &'t [u8],
    place: usize,
}

impl<'t> Words<'t> {
    /// The next word of letters.
    fn next(&mut self) -> Option<&'t [u8]> {
        let start = self.place + blank(self.text, self.place);
        let length = self.text[start..].iter().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
        self.place = start + length;
        (length > 0).then(|| &self.text[start..start + length])
    }

    /// The next name, perhaps with a schema and in quotes.
    fn name(&mut self) -> Option<Range<usize>> {
        let start = self.place + blank(self.text, self.place);
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'(' | b';');
        let length = self.text[start..].iter().take(256).position(ends)?;
        self.place = start + length;
        (length > 0).then_some(start..start + length)
    }
}

fn blank(text: &[u8], place: usize) -> usize {
    text.get(place..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The columns in a list that a bracket closes; of a definition, the first words.
fn columns(text: &[u8], is_create: bool) -> Option<Columns> {
    let (mut depth, mut start, mut quote) = (0, 0, None);
    let mut names: Vec<&[u8]> = Vec::new();
    for (place, byte) in text.iter().enumerate() {
        match (quote, byte) {
            (Some(open), _) => quote = Some(open).filter(|open| open != byte),
            (None, b'\'' | b'"' | b'`') => quote = Some(*byte),
            (None, b'(') => depth += 1,
            (None, b')' | b',') if depth == 0 => {
                names.push(text[start..place].trim_ascii());
                start = place + 1;
                if *byte == b')' {
                    let defined = names.iter().filter(|name| !is_create || !is_key(name));
                    return Columns::of(defined.map(|name| first_name(name)));
                }
                if names.len() > MOST_COLUMNS {
                    return None;
                }
            }
            (None, b')') => depth -= 1,
            (None, b';') => return None,
            _ => {}
        }
    }
    None
}

/// Whether a part of a definition is no column.
fn is_key(part: &[u8]) -> bool {
    const WORDS: [&str; 10] =
        ["PRIMARY", "KEY", "UNIQUE", "CONSTRAINT", "INDEX", "FULLTEXT", "SPATIAL", "FOREIGN", "CHECK", "EXCLUDE"];
    let length = part.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let follows = part.get(length).is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'(');
    follows && WORDS.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(&part[..length]))
}

/// The name that a part begins with, without quotes.
fn first_name(part: &[u8]) -> &[u8] {
    let end = match part.first() {
        Some(quote @ (b'`' | b'"')) => part[1..].iter().position(|byte| byte == quote).map(|end| end + 2),
        Some(b'[') => part.iter().position(|byte| *byte == b']').map(|end| end + 1),
        _ => part.iter().position(u8::is_ascii_whitespace),
    };
    unquoted(&part[..end.unwrap_or(part.len())])
}

fn unquoted(name: &[u8]) -> &[u8] {
    match name {
        [b'"', inner @ .., b'"'] | [b'`', inner @ .., b'`'] | [b'\'', inner @ .., b'\''] | [b'[', inner @ .., b']'] => {
            inner
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_from_rows() {
        for (line, delimiter, count, passwords) in [
            ("id,email,password", b',', 3, vec![2]),
            ("\"User Name\";\"Pass\";\"hash\"", b';', 3, vec![1, 2]),
            ("pwd\tlogin", b'\t', 2, vec![0]),
        ] {
            assert_eq!(header(line.as_bytes()), Some((delimiter, Columns { count, passwords })), "{line}");
        }
        for line in
            ["a@b.test,password", "password", "id,email", "one,password", "user:$password", "user,password,{x}", ""]
        {
            assert_eq!(header(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn statements_name_their_columns() {
        for (text, table, count, passwords) in [
            ("INSERT INTO `t` (`id`, `user pass`, `x`) VALUES (1,'a','b')", "t", 3, vec![1]),
            ("\u{FEFF}insert ignore into app.users(mail,pwd)values", "users", 2, vec![1]),
            ("COPY public.\"Users\" (id, password, mail) FROM stdin;", "users", 3, vec![1]),
            (
                "CREATE TABLE IF NOT EXISTS [dbo].[u] (\n [id] int,\n [price] decimal(10,2) DEFAULT ',)',\n [pass] text,\n PRIMARY KEY (id, pass)\n)",
                "u",
                3,
                vec![2],
            ),
        ] {
            let found = statement(text.as_bytes()).expect(text);
            assert_eq!((found.table, found.columns), (table.into(), Some(Columns { count, passwords })), "{text}");
        }
        assert_eq!(statement(b"INSERT INTO t VALUES (1,2)").expect("one").columns, None);
        for text in ["", "INSERT", "INSERTING INTO t (a,b)", "SELECT password FROM t", "COPY"] {
            assert_eq!(statement(text.as_bytes()), None, "{text}");
        }
        assert_eq!(statement(b"COPY t (a, pass").expect("one").columns, None, "a list that is cut off");
    }

    #[test]
    fn the_statement_of_a_row_is_the_last_before_it() {
        let text = b"INSERT INTO a (x, pass) VALUES\n(1,2);\nINSERT INTO b (x, pass) VALUES (1,2),\n(3,4)";
        assert_eq!(statement_before(text, text.len() - 5).expect("one").table, b"b");
        assert_eq!(statement_before(text, 31).expect("one").table, b"a");
        assert_eq!(statement_before(b"COPY t (a, b) FROM stdin;\n1\t2\n\\.\n3\t4", 33), None);
        let far = [b"INSERT INTO a (x, pass) VALUES\n".to_vec(), b"(1,2),\n".repeat(CONTEXT)].concat();
        assert_eq!(statement_before(&far, far.len()), None);
        assert_eq!(Layout::of(&far).of_count(2, false), [1]);
    }
}
