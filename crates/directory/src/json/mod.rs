//! Exports in JSON: one large list, of which one entry is held at a time.

pub(crate) mod django;
pub(crate) mod elements;
pub(crate) mod keycloak;
pub(crate) mod members;
pub(crate) mod scim;

use std::io::Read;

use crate::error::{Problem, Reason};
use crate::users::Reader;
use crate::{DirectoryUser, Summary};
use elements::Elements;
use members::Members;

/// Makes a user of one entry; `None` if it is none, which is counted.
type Convert = fn(&Members<'_>, u64, &mut Summary) -> Result<Option<DirectoryUser>, Reason>;

/// The entries of a list, each made into a user.
pub(crate) struct List<R> {
    elements: Elements<R>,
    convert: Convert,
}

impl<R: Read> List<R> {
    fn new(elements: Elements<R>, convert: Convert) -> Self {
        Self { elements, convert }
    }
}

impl<R: Read> Reader for List<R> {
    fn next(&mut self, summary: &mut Summary) -> Option<Result<DirectoryUser, Problem>> {
        loop {
            match self.elements.advance(summary.entries) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(reason) => return Some(Err(Problem::new(self.elements.line(), reason))),
            }
            let line = self.elements.entry_line();
            let entry = self.elements.entry().and_then(Members::parse);
            match entry.and_then(|members| (self.convert)(&members, line, summary)) {
                Ok(Some(user)) => return Some(Ok(user)),
                Ok(None) => {}
                Err(reason) => return Some(Err(Problem::new(line, reason))),
            }
        }
    }
}
