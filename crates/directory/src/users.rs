//! The stream of users, the same for every form.

use std::io::Read;
use std::sync::Arc;

use crate::error::{Problem, Reason};
use crate::input::Input;
use crate::json::{django, keycloak, scim};
use crate::{DirectoryUser, EntryError, Format, Limits, Place, Summary, hashes, ldif, table};

/// Reads one form, entry by entry.
pub(crate) trait Reader {
    /// Returns the next user or what is wrong with the next entry; counts what is passed over.
    fn next(&mut self, summary: &mut Summary) -> Option<Result<DirectoryUser, Problem>>;
}

/// Opens an export of the given form; `file` is the name by which errors call it.
///
/// An error here is one of the file as a whole: it cannot be read, or a table lacks a column that names a user.
pub fn read<'r, R: Read + 'r>(format: Format, file: &str, source: R, limits: Limits) -> Result<Users<'r>, EntryError> {
    let file: Arc<str> = file.into();
    let mut summary = Summary::default();
    let input = Input::new(source);
    let reader: Result<Box<dyn Reader + 'r>, Problem> = match format {
        Format::Csv => {
            table::Table::open(input, table::Kind::Users, &limits, &mut summary).map(|table| Box::new(table) as _)
        }
        Format::DjangoCsv => {
            table::Table::open(input, table::Kind::Django, &limits, &mut summary).map(|table| Box::new(table) as _)
        }
        Format::Ldif => Ok(Box::new(ldif::Ldif::new(input, &limits))),
        Format::Pwdump => Ok(Box::new(hashes::Hashes::new(input, hashes::View::Pwdump, &limits))),
        Format::HashcatNt => Ok(Box::new(hashes::Hashes::new(input, hashes::View::HashcatNt, &limits))),
        Format::JohnNt => Ok(Box::new(hashes::Hashes::new(input, hashes::View::JohnNt, &limits))),
        Format::Keycloak => Ok(Box::new(keycloak::reader(input, &limits))),
        Format::DjangoJson => Ok(Box::new(django::reader(input, &limits))),
        Format::Scim => Ok(Box::new(scim::reader(input, &limits))),
    };
    match reader {
        Ok(reader) => Ok(Users { reader, format, file, limits, summary, ended: false }),
        Err(Problem { line, reason }) => Err(EntryError { place: Place { file, line, entry: 0 }, reason }),
    }
}

/// The users of one file, in its order; an error of one entry does not end it.
///
/// It ends after an error that [`ends_reading`](EntryError::ends_reading), such as a file that is cut off.
pub struct Users<'r> {
    reader: Box<dyn Reader + 'r>,
    format: Format,
    file: Arc<str>,
    limits: Limits,
    summary: Summary,
    ended: bool,
}

impl Users<'_> {
    /// Returns the form that is read.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns what was read so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn fail(&mut self, Problem { line, reason }: Problem) -> EntryError {
        let ends = reason.ends_reading();
        self.ended |= ends;
        if !ends {
            self.summary.entries += 1;
        }
        *self.summary.errors.entry(reason.name()).or_default() += 1;
        let entry = if ends { 0 } else { self.summary.entries };
        EntryError { place: Place { file: Arc::clone(&self.file), line, entry }, reason }
    }
}

/// Checks what every form has in common: a user has a name, and values keep the limits.
pub(crate) fn accept(user: &DirectoryUser, limits: &Limits) -> Result<(), Reason> {
    let limit = limits.value_bytes;
    if let Some((what, _)) = user.values().find(|(_, value)| value.len() > limit) {
        return Err(Reason::TooLong { what, limit });
    }
    let limit = limits.values_per_entry;
    if user.values().nth(limit).is_some() {
        return Err(Reason::TooMany { what: "values", limit });
    }
    if user.is_named() { Ok(()) } else { Err(Reason::Nameless) }
}

impl std::fmt::Debug for Users<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Users");
        debug.field("file", &self.file).field("format", &self.format).field("summary", &self.summary);
        debug.finish_non_exhaustive()
    }
}

impl Iterator for Users<'_> {
    type Item = Result<DirectoryUser, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.reader.next(&mut self.summary) {
            Some(Ok(mut user)) => {
                if let Err(reason) = accept(&user, &self.limits) {
                    return Some(Err(self.fail(Problem::new(user.place.line, reason))));
                }
                self.summary.entries += 1;
                self.summary.users += 1;
                self.summary.verifiers += user.verifiers.len() as u64;
                user.place.file = Arc::clone(&self.file);
                user.place.entry = self.summary.entries;
                Some(Ok(user))
            }
            Some(Err(problem)) => Some(Err(self.fail(problem))),
            None => {
                self.ended = true;
                self.summary.complete = true;
                // A wrong file is an error, not a directory without users.
                let silent = self.summary.users == 0 && self.summary.errors.is_empty();
                let reason = Reason::NoUsers { expected: self.format.expected(), entries: self.summary.entries };
                silent.then(|| Err(self.fail(Problem::new(1, reason))))
            }
        }
    }
}
