//! The users of a directory in memory: their texts lie one after the other, so that a directory of a hundred thousand is
//! some pieces of memory and not half a million.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use model::{AccountKey, EntityId};
use std::hash::BuildHasher as _;

/// In place of a number: no further account.
const NONE: u32 = u32::MAX;

/// An account that has verifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownAccount<'u> {
    /// The directory.
    pub source: &'u str,
    /// The user's key in it.
    pub key: &'u str,
    /// The number of its verifiers.
    pub verifiers: u64,
}

impl KnownAccount<'_> {
    /// Whether it is the one with this key.
    pub fn is(&self, key: &AccountKey) -> bool {
        (self.source, self.key) == (&*key.source, &*key.key)
    }

    /// What finds it in the store.
    pub fn account_key(&self) -> AccountKey {
        AccountKey { source: self.source.into(), key: self.key.into() }
    }
}

/// A user of the directory.
#[derive(Clone, Copy)]
pub struct KnownUser<'u> {
    /// The id.
    pub id: &'u str,
    /// The userPrincipalName.
    pub name: &'u str,
    /// Whether they may sign in, as far as the directory says.
    pub is_enabled: Option<bool>,
    /// Whether they administer something.
    pub is_administrator: bool,
    users: &'u Users,
    first_account: u32,
}

impl<'u> KnownUser<'u> {
    /// The id as what it is.
    pub fn entity_id(&self) -> EntityId {
        self.id.parse().expect("what is no id was not added")
    }

    /// Their accounts that have verifiers.
    pub fn accounts(&self) -> impl Iterator<Item = KnownAccount<'u>> + use<'u> {
        let (users, mut next) = (self.users, self.first_account);
        std::iter::from_fn(move || {
            let account = users.accounts.get(next as usize)?;
            next = account.next;
            Some(KnownAccount {
                source: &users.sources[account.source as usize],
                key: users.text(account.start, account.key),
                verifiers: account.verifiers,
            })
        })
    }

    /// Whether any account has verifiers.
    pub fn has_verifiers(&self) -> bool {
        self.first_account != NONE
    }
}

/// The id begins at `start`, and the name follows it.
struct UserEntry {
    start: usize,
    id: u32,
    name: u32,
    first_account: u32,
    is_enabled: Option<bool>,
    is_administrator: bool,
}

struct AccountEntry {
    verifiers: u64,
    start: usize,
    key: u32,
    source: u32,
    /// The user's next one.
    next: u32,
}

/// Users by the order in which they were added.
#[derive(Default)]
pub struct Users {
    entries: Vec<UserEntry>,
    accounts: Vec<AccountEntry>,
    texts: String,
    sources: Vec<Box<str>>,
}

impl Users {
    /// With room for so many.
    pub(super) fn with_capacity(users: usize) -> Self {
        let (entries, accounts) = (Vec::with_capacity(users), Vec::with_capacity(users));
        Self { entries, accounts, texts: String::new(), sources: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The user at a place, if there are so many.
    pub fn get(&self, place: u32) -> Option<KnownUser<'_>> {
        let entry = self.entries.get(place as usize)?;
        Some(KnownUser {
            id: self.text(entry.start, entry.id),
            name: self.text(entry.start + entry.id as usize, entry.name),
            is_enabled: entry.is_enabled,
            is_administrator: entry.is_administrator,
            users: self,
            first_account: entry.first_account,
        })
    }

    /// The user at a place that an index has named.
    pub fn at(&self, place: u32) -> KnownUser<'_> {
        self.get(place).expect("an index names users that are there")
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = KnownUser<'_>> + Clone {
        (0..self.entries.len() as u32).map(|place| self.at(place))
    }

    fn text(&self, start: usize, length: u32) -> &str {
        &self.texts[start..start + length as usize]
    }

    /// Adds a user, and answers their place.
    pub(super) fn push(&mut self, id: &str, name: &str, is_enabled: Option<bool>) -> u32 {
        let (place, start) = (self.entries.len() as u32, self.texts.len());
        self.texts.extend([id, name]);
        self.entries.push(UserEntry {
            start,
            id: id.len() as u32,
            name: name.len() as u32,
            first_account: NONE,
            is_enabled,
            is_administrator: false,
        });
        place
    }

    /// Says that a user administers something.
    pub(super) fn set_administrator(&mut self, place: u32) {
        self.entries[place as usize].is_administrator = true;
    }

    /// Adds an account with verifiers behind the user's others.
    pub(super) fn push_account(&mut self, place: u32, (source, key): (&str, &str), verifiers: u64) {
        // There are few directories, and accounts come sorted by them.
        let source = self.sources.iter().rposition(|known| **known == *source).unwrap_or_else(|| {
            self.sources.push(source.into());
            self.sources.len() - 1
        });
        let user = &self.entries[place as usize];
        let (number, mut last, mut next) = (self.accounts.len() as u32, None, user.first_account);
        let start = if self.text(user.start, user.id) == key {
            user.start // a directory's key is often the id
        } else {
            self.texts.push_str(key);
            self.texts.len() - key.len()
        };
        while next != NONE {
            last = Some(next as usize);
            next = self.accounts[next as usize].next;
        }
        match last {
            Some(last) => self.accounts[last].next = number,
            None => self.entries[place as usize].first_account = number,
        }
        let (key, source) = (key.len() as u32, source as u32);
        self.accounts.push(AccountEntry { verifiers, start, key, source, next: NONE });
    }
}

/// Places of users by their ids. It holds no id a second time, and its hashes have a secret, since clients choose ids.
pub(super) struct Places {
    table: HashTable<u32>,
    state: FixedState,
}

impl Places {
    pub(super) fn with_capacity(seed: u64, users: usize) -> Self {
        Self { table: HashTable::with_capacity(users), state: FixedState::with_seed(seed) }
    }

    /// Adds the user at a place.
    pub(super) fn insert(&mut self, users: &Users, place: u32) {
        let hash = |place: &u32| self.state.hash_one(users.at(*place).id);
        self.table.insert_unique(hash(&place), place, hash);
    }

    /// The place of the user with an id.
    pub(super) fn find(&self, users: &Users, id: &str) -> Option<u32> {
        self.table.find(self.state.hash_one(id), |place| users.at(*place).id == id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_what_was_added_of_them() {
        let mut users = Users::default();
        let mut places = Places::with_capacity(7, 0);
        for number in 0..50 {
            let place = users.push(&format!("u{number}"), &format!("{number}@corp.test"), Some(number % 2 == 0));
            places.insert(&users, place);
        }
        for source in ["ad", "hr", "ad-2"] {
            for number in (0..50).filter(|number| number % source.len() == 0) {
                let id = format!("u{number}");
                let place = places.find(&users, &id).expect("a user");
                let key = if source == "hr" { id } else { format!("{source}/{number}") };
                users.push_account(place, (source, &key), 100 * source.len() as u64 + number as u64);
                if source == "hr" {
                    users.set_administrator(place);
                }
            }
        }
        assert_eq!(places.find(&users, "u50"), None);
        assert_eq!((users.len(), users.iter().count(), users.get(50).is_none()), (50, 50, true));
        for (number, user) in users.iter().enumerate() {
            assert_eq!((user.id, user.name), (&*format!("u{number}"), &*format!("{number}@corp.test")));
            assert_eq!(user.entity_id().as_str(), user.id);
            assert_eq!((user.is_enabled, user.is_administrator), (Some(number % 2 == 0), number % 2 == 0));
            let mut expected = Vec::new();
            if number % 2 == 0 {
                expected.push(("ad", format!("ad/{number}"), 200 + number as u64));
                expected.push(("hr", format!("u{number}"), 200 + number as u64));
            }
            if number % 4 == 0 {
                expected.push(("ad-2", format!("ad-2/{number}"), 400 + number as u64));
            }
            let accounts: Vec<_> = user.accounts().map(|of| (of.source, of.key.to_owned(), of.verifiers)).collect();
            assert_eq!(accounts, expected);
            assert_eq!(user.has_verifiers(), !expected.is_empty());
        }
    }
}
