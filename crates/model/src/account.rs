//! Accounts: what an imported directory says of a user, beside what Graph's `user` holds (leaks.md, sections 3.2
//! and 3.3).
//!
//! A user has an account in each source that names them: the names by which a leak may call them, whether they
//! administer something, and the verifiers of their password. Verifiers come here sealed and stay so; the key is
//! nobody's below the service.

use crate::ids::EntityId;
use crate::user::UserDraft;
use std::fmt;

/// What finds an account: the directory that it was read from, as the operator calls it, and its key there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    /// The directory.
    pub source: Box<str>,
    /// The key in it.
    pub key: Box<str>,
}

/// A name of the user in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// The attribute that has it, such as `proxyAddresses`.
    pub attribute: Box<str>,
    /// The name as the directory writes it.
    pub value: Box<str>,
}

/// The attribute of sign-in names of before.
pub const FORMER_NAME: &str = "formerUserPrincipalName";

/// Tells one set of verifiers from another, and nothing else about it: an HMAC, whose key is not in the store.
pub type VerifierTag = [u8; 16];

/// The verifiers of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifierMark {
    /// The number of the change that wrote them; what finds them.
    pub number: u64,
    /// What tells them from others.
    pub tag: VerifierTag,
}

/// A user as one directory knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What finds it.
    pub key: AccountKey,
    /// The user whose account it is.
    pub user: EntityId,
    /// Every name of theirs.
    pub names: Vec<AccountName>,
    /// Whether they administer the directory.
    pub is_administrator: bool,
    /// What proves their password.
    pub verifiers: Option<VerifierMark>,
    /// Whether the verifiers are others since the open events of the user were raised: these are to be closed.
    pub is_outdated: bool,
    /// The number of its latest change.
    pub version: u64,
}

/// Verifiers of one account, sealed by the service.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedVerifiers {
    /// What tells them from others.
    pub tag: VerifierTag,
    /// The verifiers, under a key that is not in the store.
    pub sealed: Box<[u8]>,
}

impl fmt::Debug for SealedVerifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedVerifiers({} bytes)", self.sealed.len())
    }
}

/// What a directory says of a user when it is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    /// The job that imports it: the number of the change that made it.
    pub job: u64,
    /// The account.
    pub key: AccountKey,
    /// The user to whom names of the entry lead, when neither the account nor the userPrincipalName is known.
    pub matched: Option<EntityId>,
    /// The id that a new user gets. An existing user with this id is meant as well, unless names lead to another one.
    pub new_id: EntityId,
    /// What it says of the user.
    pub draft: UserDraft,
    /// The userPrincipalName that a new user gets where the draft has none.
    pub name_if_new: Option<Box<str>>,
    /// Every name.
    pub names: Vec<AccountName>,
    /// Whether the user administers the directory, as far as it says.
    pub is_administrator: Option<bool>,
    /// The verifiers; those of before stay where the directory says nothing.
    pub verifiers: Option<SealedVerifiers>,
}

/// A change of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// The account is this from now on.
    Put {
        /// As it was; `None` when it is new.
        before: Option<Box<Account>>,
        /// As it is now.
        after: Box<Account>,
        /// Verifiers that are written with it, under the number that its mark has.
        verifiers: Option<SealedVerifiers>,
    },
    /// It is gone. Its verifiers stay until the job that removed it can no longer be undone.
    Remove(Box<Account>),
    /// Everything about a user is gone: accounts, verifiers, also those that no account has any more, and what was
    /// found of their passwords. The records of jobs go too, see [`RecordChange::Erase`](crate::RecordChange::Erase).
    Erase(EntityId),
}

/// What came of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountNote {
    /// The user.
    pub user: EntityId,
    /// What became of the user and the account.
    pub written: Written,
    /// What became of the verifiers.
    pub verifiers: VerifierNote,
}

/// What became of something that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// It is new.
    Created,
    /// A user who was known has an account in this source from now on.
    Linked,
    /// It was there with other values.
    Updated,
    /// It was there as it was told.
    Unchanged,
    /// It is gone.
    Removed,
}

/// What became of an account's verifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerifierNote {
    /// Nothing was said of them.
    Untold,
    /// They are the first.
    First,
    /// They are others than before.
    Changed,
    /// They are the same.
    Same,
}
