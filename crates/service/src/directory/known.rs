//! Users as clients find them that provision them: by their names, and by the keys that their accounts have.

use crate::{Service, ServiceError};
use model::{Account, AccountKey, Caller, EntityId, FoldedName, Ticks, User, UserKey};
use odata::encode::Row as _;
use std::collections::HashMap;
use store::Accounts;
use verify::identity::Attribute;

/// Accounts that are read at once.
const PAGE: u32 = 1_000;

/// A user as the directory knows them, with their account in one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The user.
    pub user: User,
    /// Their account in the source; none when only others know them.
    pub account: Option<Account>,
}

impl Known {
    /// The number of the latest change of either.
    pub fn version(&self) -> u64 {
        self.account.as_ref().map_or(0, |account| account.version).max(self.user.version())
    }
}

impl Service {
    /// The user with an id, and their account in a source.
    pub async fn known(&self, caller: &Caller, source: &str, id: &EntityId) -> Result<Option<Known>, ServiceError> {
        self.known_under(caller, source, &UserKey::Id(id.clone())).await
    }

    /// The same by the userPrincipalName.
    pub async fn known_by_name(
        &self,
        caller: &Caller,
        source: &str,
        name: &str,
    ) -> Result<Option<Known>, ServiceError> {
        self.known_under(caller, source, &UserKey::PrincipalName(FoldedName::new(name))).await
    }

    async fn known_under(&self, caller: &Caller, source: &str, key: &UserKey) -> Result<Option<Known>, ServiceError> {
        let Some(user) = self.store().load_user(caller.tenant, key).await? else { return Ok(None) };
        let id = user.id();
        let mut accounts = self.accounts_in(caller, source, std::slice::from_ref(&id)).await?;
        Ok(Some(Known { account: accounts.remove(&id), user }))
    }

    /// The same by the account's key.
    pub async fn known_by_key(&self, caller: &Caller, source: &str, key: &str) -> Result<Option<Known>, ServiceError> {
        let key = AccountKey { source: source.into(), key: key.into() };
        self.known_of(caller, self.store().account(caller.tenant, &key).await?).await
    }

    /// The same by a name without a domain, which the account alone has. Looks through the accounts of the source.
    pub async fn known_by_alias(
        &self,
        caller: &Caller,
        source: &str,
        name: &str,
    ) -> Result<Option<Known>, ServiceError> {
        let wanted = name.to_lowercase();
        let mut found: Option<Account> = None;
        let look = |account: Account| {
            if found.is_none() && alias_of(&account).is_some_and(|alias| alias.to_lowercase() == wanted) {
                found = Some(account);
            }
        };
        self.each_account(caller.tenant, Accounts::OfSource(source), look).await?;
        self.known_of(caller, found).await
    }

    async fn known_of(&self, caller: &Caller, account: Option<Account>) -> Result<Option<Known>, ServiceError> {
        let Some(account) = account else { return Ok(None) };
        let user = self.store().load_user(caller.tenant, &UserKey::Id(account.user.clone())).await?;
        Ok(user.map(|user| Known { user, account: Some(account) }))
    }

    /// The accounts that users have in a source.
    pub async fn accounts_in(
        &self,
        caller: &Caller,
        source: &str,
        users: &[EntityId],
    ) -> Result<HashMap<EntityId, Account>, ServiceError> {
        let mut accounts: HashMap<EntityId, Account> = HashMap::new();
        let mut after: Option<AccountKey> = None;
        loop {
            let which = Accounts::OfUsers(users);
            let page = self.store().accounts(caller.tenant, which, after.as_ref(), PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            after = page.last().map(|account| account.key.clone());
            for account in page.into_iter().filter(|account| &*account.key.source == source) {
                let known = accounts.get(&account.user).map_or(0, |known| known.version);
                if account.version > known {
                    accounts.insert(account.user.clone(), account);
                }
            }
            if is_last {
                return Ok(accounts);
            }
        }
    }

    /// When the change with a number was made, as far as the log still tells.
    pub async fn changed_at(&self, caller: &Caller, number: u64) -> Result<Option<Ticks>, ServiceError> {
        let changes = self.store().changes(caller.tenant, number.saturating_sub(1), 1).await?;
        Ok(changes.first().filter(|change| change.sequence == number).map(|change| change.time))
    }
}

/// The key of an account whose client has none for it.
pub(super) fn key_without(user: &EntityId) -> String {
    format!("id={user}")
}

/// The client's own key of the user whose account it is, where it has given one.
pub fn external_key(account: &Account) -> Option<&str> {
    (*account.key.key != *key_without(&account.user)).then_some(&*account.key.key)
}

/// The name that the user has in the source, where it is none of the form name@domain.
pub fn alias_of(account: &Account) -> Option<&str> {
    let alias = account.names.iter().find(|name| &*name.attribute == Attribute::Alias.name());
    alias.map(|name| &*name.value)
}
