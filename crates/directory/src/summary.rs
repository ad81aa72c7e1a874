//! What a file held, in numbers.

use std::collections::BTreeMap;

/// What was read of a file, complete when [`Users`](crate::Users) has ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Entries found: users, entries that are none, and those with errors.
    pub entries: u64,
    /// Users given out.
    pub users: u64,
    /// Verifiers of those users.
    pub verifiers: u64,
    /// Errors by [`Reason::name`](crate::Reason::name).
    pub errors: BTreeMap<&'static str, u64>,
    /// Entries left out on purpose, by what they are: `machine account`, `password history`, `no person`.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Values of users that were left out, by why: `unicodePwd`, `empty password`, `one-time password`.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Columns, attributes and members that mean nothing here, by name, with how many entries had them.
    pub ignored: BTreeMap<String, u64>,
    /// Occurrences of ignored names that are not in [`ignored`](Self::ignored): it was full, or they are no names.
    pub ignored_others: u64,
    /// Whether the file was read to its end.
    pub complete: bool,
}

impl Summary {
    /// How many names of ignored columns and attributes are kept.
    pub const IGNORED_NAMES: usize = 256;
    /// How long such a name may be, in bytes.
    pub const IGNORED_NAME_BYTES: usize = 64;

    /// Counts an entry that is no user.
    pub(crate) fn skip(&mut self, what: &'static str) {
        self.entries += 1;
        *self.skipped.entry(what).or_default() += 1;
    }

    /// Counts a value of a user that is not passed on.
    pub(crate) fn drop_value(&mut self, what: &'static str) {
        *self.dropped.entry(what).or_default() += 1;
    }

    /// Counts a name that means nothing here, if it has the shape of a name.
    pub(crate) fn ignore(&mut self, name: &str) {
        if let Some(count) = self.ignored.get_mut(name) {
            *count += 1;
            return;
        }
        let plausible = (1..=Self::IGNORED_NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control);
        if plausible && self.ignored.len() < Self::IGNORED_NAMES {
            self.ignored.insert(name.to_owned(), 1);
        } else {
            self.ignored_others += 1;
        }
    }
}
