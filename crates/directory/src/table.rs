//! Tables: CSV with any delimiter, whose header says what a column is; also Django's `auth_user`.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader as Parser, ReaderBuilder};
use zeroize::Zeroizing;

use crate::error::{Problem, Reason, length};
use crate::input::Input;
use crate::users::Reader;
use crate::{DirectoryUser, Limits, SamName, Summary, VerifierText};

/// Whose table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Users,
    Django,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Dn,
    Upn,
    UserName,
    Mail,
    ProxyAddresses,
    OtherMails,
    Sam,
    FormerUpns,
    Aliases,
    Enabled,
    Administrator,
    DisplayName,
    GivenName,
    Surname,
    Department,
    Verifier,
}

use Column::{
    Administrator, Aliases, Department, DisplayName, Dn, Enabled, FormerUpns, GivenName, Id, Mail, OtherMails,
    ProxyAddresses, Sam, Surname, Upn, UserName, Verifier,
};

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Id => "id",
            Dn => "dn",
            Upn => "upn",
            UserName => "userName",
            Mail => "mail",
            ProxyAddresses => "proxyAddresses",
            OtherMails => "otherMails",
            Sam => "sam",
            FormerUpns => "formerUpns",
            Aliases => "aliases",
            Enabled => "enabled",
            Administrator => "administrator",
            DisplayName => "displayName",
            GivenName => "givenName",
            Surname => "surname",
            Department => "department",
            Verifier => "verifier",
        }
    }
}

/// Names of columns in lower case without `_`, `-` and blanks.
const USERS: &[(&str, Column)] = &[
    ("id", Id),
    ("objectid", Id),
    ("objectguid", Id),
    ("dn", Dn),
    ("distinguishedname", Dn),
    ("upn", Upn),
    ("userprincipalname", Upn),
    ("username", UserName),
    ("mail", Mail),
    ("email", Mail),
    ("proxyaddresses", ProxyAddresses),
    ("othermails", OtherMails),
    ("sam", Sam),
    ("samaccountname", Sam),
    ("formerupns", FormerUpns),
    ("aliases", Aliases),
    ("enabled", Enabled),
    ("accountenabled", Enabled),
    ("administrator", Administrator),
    ("admin", Administrator),
    ("isadmin", Administrator),
    ("displayname", DisplayName),
    ("givenname", GivenName),
    ("surname", Surname),
    ("department", Department),
    ("verifier", Verifier),
];

const DJANGO: &[(&str, Column)] = &[
    ("id", Id),
    ("username", UserName),
    ("email", Mail),
    ("firstname", GivenName),
    ("lastname", Surname),
    ("isactive", Enabled),
    ("issuperuser", Administrator),
    ("password", Verifier),
];

impl Kind {
    fn column(self, name: &str) -> Option<Column> {
        let plain = name.trim().chars().filter(|c| !matches!(c, '_' | '-' | ' '));
        let plain: String = plain.flat_map(char::to_lowercase).take(32).collect();
        let known = match self {
            Self::Users => USERS,
            Self::Django => DJANGO,
        };
        known.iter().find(|(name, _)| *name == plain).map(|(_, column)| *column)
    }

    fn is_key(self, column: Column) -> bool {
        match self {
            Self::Users => matches!(column, Upn | Mail | Sam | UserName),
            Self::Django => column == UserName,
        }
    }

    const fn keys(self) -> &'static str {
        match self {
            Self::Users => "upn, mail, sam or userName",
            Self::Django => "username",
        }
    }
}

/// Tells which delimiter splits a header into the most columns that are known, and how many they are.
///
/// `None` if no delimiter gives a column that names a user.
pub(crate) fn delimiter(kind: Kind, header: &str) -> Option<(u8, usize)> {
    let known = |delimiter: u8| {
        let columns = header.split(char::from(delimiter)).map(|cell| cell.trim().trim_matches('"'));
        let columns: Vec<Column> = columns.filter_map(|cell| kind.column(cell)).collect();
        columns.iter().any(|column| kind.is_key(*column)).then_some((delimiter, columns.len()))
    };
    // Of several with as many columns the first one wins.
    b",;\t".iter().filter_map(|delimiter| known(*delimiter)).rev().max_by_key(|(_, count)| *count)
}

pub(crate) struct Table<R> {
    records: Records<R>,
    columns: Vec<Option<Column>>,
}

impl<R: Read> Table<R> {
    /// Reads the header; unknown columns are named in the summary.
    pub(crate) fn open(
        mut input: Input<R>,
        kind: Kind,
        limits: &Limits,
        summary: &mut Summary,
    ) -> Result<Self, Problem> {
        let fault = |line, reason| Problem::new(line, reason);
        let start = input.first_line().map_err(|reason| fault(1, reason))?;
        // Windows PowerShell's Export-Csv writes the type of the objects first.
        let typed = start.starts_with(b"#TYPE ").then(|| memchr::memchr(b'\n', start)).flatten();
        if let Some(end) = typed {
            input.consume(end + 1);
        }
        let start = input.first_line().map_err(|reason| fault(1, reason))?;
        let first = String::from_utf8_lossy(start);
        let header = first.trim_start_matches(['\r', '\n']).lines().next().unwrap_or_default();
        let delimiter = delimiter(kind, header).map_or(b',', |(delimiter, _)| delimiter);
        let mut records = Records::new(input, delimiter, limits);
        records.parser.set_line(1 + u64::from(typed.is_some()));
        if !records.advance().map_err(|reason| fault(1, reason))? {
            return Err(fault(1, Reason::NoUsers { expected: "a header that names columns", entries: 0 }));
        }
        let line = records.line;
        records.whole().map_err(|reason| fault(line, reason))?;
        let mut columns = Vec::new();
        let mut unknown = Vec::new();
        for cell in records.cells() {
            let name = std::str::from_utf8(cell).ok();
            let column = name.and_then(|name| kind.column(name));
            if let Some(column) = column.filter(|column| columns.contains(&Some(*column))) {
                return Err(fault(line, Reason::RepeatedColumn { name: column.name() }));
            }
            if column.is_none() {
                unknown.push(name.unwrap_or_default().trim().to_owned());
            }
            columns.push(column);
        }
        if !columns.iter().flatten().any(|column| kind.is_key(*column)) {
            let reason = Reason::MissingKeyColumn { columns: columns.len(), expected: kind.keys() };
            return Err(fault(line, reason));
        }
        // Named only now: cells of a table without a header may be secrets.
        for name in &unknown {
            summary.ignore(name);
        }
        Ok(Self { records, columns })
    }

    fn user(&self) -> Result<DirectoryUser, Reason> {
        self.records.whole()?;
        let found = self.records.columns;
        if found != self.columns.len() {
            let found = format!("{found} cells");
            return Err(Reason::malformed("row", found, "as many cells as the header has"));
        }
        let mut user = DirectoryUser::at(self.records.line);
        for (column, cell) in self.columns.iter().zip(self.records.cells()) {
            let Some(column) = *column else { continue };
            let Ok(cell) = std::str::from_utf8(cell) else {
                return Err(Reason::NotUtf8 { what: column.name() });
            };
            let cell = cell.trim();
            if !cell.is_empty() {
                fill(&mut user, column, cell)?;
            }
        }
        Ok(user)
    }
}

fn fill(user: &mut DirectoryUser, column: Column, cell: &str) -> Result<(), Reason> {
    let text = || Some(cell.to_owned());
    let list = || cell.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    match column {
        Id => user.id = text(),
        Dn => user.distinguished_name = text(),
        Upn => user.upn = text(),
        UserName => user.user_name = text(),
        Mail => user.mail = text(),
        ProxyAddresses => user.proxy_addresses = list(),
        OtherMails => user.other_mails = list(),
        Sam => user.sam = Some(SamName::parse(cell)),
        FormerUpns => user.former_upns = list(),
        Aliases => user.aliases = list(),
        Enabled => user.enabled = Some(truth(column, cell)?),
        Administrator => user.administrator = Some(truth(column, cell)?),
        DisplayName => user.display_name = text(),
        GivenName => user.given_name = text(),
        Surname => user.surname = text(),
        Department => user.department = text(),
        Verifier => user.verifiers.push(VerifierText::new(&[cell])),
    }
    Ok(())
}

/// Reads a truth value as people, SQLite and PostgreSQL write it.
fn truth(column: Column, cell: &str) -> Result<bool, Reason> {
    match cell.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" => Ok(true),
        "0" | "false" | "f" => Ok(false),
        _ => Err(Reason::malformed(column.name(), length(cell), "1, 0, t, f, true or false")),
    }
}

impl<R: Read> Reader for Table<R> {
    fn next(&mut self, _: &mut Summary) -> Option<Result<DirectoryUser, Problem>> {
        match self.records.advance() {
            Ok(true) => Some(self.user().map_err(|reason| Problem::new(self.records.line, reason))),
            Ok(false) => None,
            Err(reason) => Some(Err(Problem::new(self.records.line, reason))),
        }
    }
}

/// Rows of a table, each held up to a limit. The `csv` crate's own reader would hold any row whole.
struct Records<R> {
    input: Input<R>,
    parser: Parser,
    row: Zeroizing<Vec<u8>>,
    row_len: usize,
    /// Where cells end in the row, as many as `columns`.
    ends: Vec<usize>,
    columns: usize,
    limits: Limits,
    /// Where the row begins.
    line: u64,
    too_long: bool,
    too_many: bool,
}

impl<R: Read> Records<R> {
    fn new(input: Input<R>, delimiter: u8, limits: &Limits) -> Self {
        let parser = ReaderBuilder::new().delimiter(delimiter).build();
        let row = Zeroizing::new(vec![0; limits.entry_bytes.clamp(1, 1024)]);
        let limits = *limits;
        Self {
            input,
            parser,
            row,
            row_len: 0,
            ends: vec![0; limits.columns.max(1)],
            columns: 0,
            limits,
            line: 1,
            too_long: false,
            too_many: false,
        }
    }

    /// Reads the next row; `false` at the end of the file.
    fn advance(&mut self) -> Result<bool, Reason> {
        self.skip_blank_lines()?;
        self.line = self.parser.line();
        (self.too_long, self.too_many, self.row_len) = (false, false, 0);
        self.columns = 0;
        loop {
            let input = self.input.fill()?;
            let (result, taken, written, ended) =
                self.parser.read_record(input, &mut self.row[self.row_len..], &mut self.ends[self.columns..]);
            self.input.consume(taken);
            self.row_len += written;
            self.columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.grow(),
                ReadRecordResult::OutputEndsFull => {
                    // Read on to the end of the row, over what was kept.
                    self.too_many = true;
                    self.columns = 0;
                }
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    fn skip_blank_lines(&mut self) -> Result<(), Reason> {
        loop {
            let input = self.input.fill()?;
            let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if blank == 0 {
                return Ok(());
            }
            let lines = memchr::memchr_iter(b'\n', &input[..blank]).count() as u64;
            self.input.consume(blank);
            self.parser.set_line(self.parser.line() + lines);
        }
    }

    /// Makes room for more of the row, or starts over where the limit is reached.
    fn grow(&mut self) {
        let size = self.row.len();
        if size < self.limits.entry_bytes {
            let mut larger = Zeroizing::new(vec![0; (size * 2).min(self.limits.entry_bytes)]);
            larger[..size].copy_from_slice(&self.row);
            self.row = larger;
        } else {
            self.too_long = true;
            self.row_len = 0;
        }
    }

    /// Checks that the row is held whole.
    fn whole(&self) -> Result<(), Reason> {
        if self.too_long {
            return Err(Reason::TooLong { what: "row", limit: self.limits.entry_bytes });
        }
        if self.too_many {
            return Err(Reason::TooMany { what: "columns", limit: self.limits.columns });
        }
        Ok(())
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let ends = &self.ends[..self.columns];
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(|(start, end)| self.row.get(start..*end).unwrap_or_default())
    }
}
