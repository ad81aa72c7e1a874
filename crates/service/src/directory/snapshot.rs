//! The directory in memory: who is known by which names. Made for a job that asks again and again.

use crate::Service;
use crate::jobs::JobError;
use model::{AccountKey, Caller, EntityId, TenantKey, UserKey, edm};
use odata::encode::{Cell, CellError, Row};
use std::collections::{BTreeSet, HashMap};
use store::{Accounts, Carried, PageQuery, Source, StoreError};
use verify::identity::{Attribute, Hit, IdentityIndex, IndexBuilder, Key, Normaliser, directory_keys};

/// Rows that are read at once.
const PAGE: u32 = 2_000;

/// An account that has verifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// What finds it.
    pub key: AccountKey,
    /// The number of its verifiers.
    pub verifiers: u64,
}

/// A user of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownUser {
    /// The id.
    pub id: EntityId,
    /// The userPrincipalName.
    pub name: Box<str>,
    /// Whether they may sign in, as far as the directory says.
    pub is_enabled: Option<bool>,
    /// Whether they administer something.
    pub is_administrator: bool,
    /// Their accounts that have verifiers.
    pub accounts: Vec<KnownAccount>,
}

/// Everybody, by every name.
pub struct Snapshot {
    /// The users; their numbers in the index are their places here.
    pub users: Vec<KnownUser>,
    normaliser: Normaliser,
    index: IdentityIndex,
    /// The domains of the directory's own names, normalised.
    domains: BTreeSet<String>,
    /// Names that are longer than any name can be, which find nobody.
    pub unindexed: u64,
}

impl Snapshot {
    /// Those who have a name, however it is spelt; and the name in the spelling that found them.
    pub fn named(&self, name: &str) -> (Key, Vec<Hit>) {
        let key = self.normaliser.normalise(name);
        let hits = self.index.lookup(key.text().as_bytes()).collect();
        (key, hits)
    }

    /// What brings names into one spelling.
    pub fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }

    /// The index: names to places in [`users`](Self::users).
    pub fn index(&self) -> &IdentityIndex {
        &self.index
    }

    /// The domains of sign-in names and mail addresses.
    pub fn domains(&self) -> &BTreeSet<String> {
        &self.domains
    }

    /// How many of the users have verifiers.
    pub fn with_verifiers(&self) -> usize {
        self.users.iter().filter(|user| !user.accounts.is_empty()).count()
    }
}

impl Service {
    /// Reads the directory of a tenant. Guests, whose passwords are kept elsewhere, are left out unless they are asked
    /// for (leaks.md, section 1.1, "accounts").
    pub async fn snapshot(&self, caller: &Caller, with_guests: bool) -> Result<Snapshot, JobError> {
        let mut builder = Builder::new(self.entropy().number(), with_guests);
        self.read_users(caller.tenant, &mut builder).await?;
        self.each_account(caller.tenant, Accounts::All, |account| builder.account(account)).await?;
        Ok(builder.finish())
    }

    /// A few users of the directory with their accounts, and every name of theirs as matching spells it. Guests are left
    /// out.
    pub(crate) async fn snapshot_of(
        &self,
        caller: &Caller,
        users: &[EntityId],
    ) -> Result<(Snapshot, Vec<Box<str>>), JobError> {
        let mut builder = Builder::new(self.entropy().number(), false);
        builder.spelt = Some(Vec::new());
        for id in users {
            let Some(user) = self.store().load_user(caller.tenant, &UserKey::Id(id.clone())).await? else { continue };
            let damaged = |_| StoreError::Corrupt("a user's id or userPrincipalName is none".to_owned());
            builder.user(&user).map_err(damaged)?;
            for account in self.store().accounts_of(caller.tenant, id).await? {
                builder.account(account);
            }
        }
        let spelt = builder.spelt.take().unwrap_or_default();
        Ok((builder.finish(), spelt))
    }

    async fn read_users(&self, tenant: TenantKey, builder: &mut Builder) -> Result<(), JobError> {
        let mut query = PageQuery { carried: Carried::PROPERTIES, ..PageQuery::all(Source::Users, PAGE) };
        loop {
            let mut sink = |row: &dyn Row| builder.user(row);
            query.after = self.store().page(tenant, query.clone(), &mut sink).await?;
            if query.after.is_none() {
                return Ok(());
            }
        }
    }
}

struct Builder {
    users: Vec<KnownUser>,
    places: HashMap<EntityId, u32>,
    normaliser: Normaliser,
    index: IndexBuilder,
    domains: BTreeSet<String>,
    unindexed: u64,
    with_guests: bool,
    /// Every name, as matching spells it, where they are asked for.
    spelt: Option<Vec<Box<str>>>,
}

impl Builder {
    fn new(seed: u64, with_guests: bool) -> Self {
        Self {
            users: Vec::new(),
            places: HashMap::new(),
            normaliser: Normaliser::default(),
            index: IndexBuilder::new(seed),
            domains: BTreeSet::new(),
            unindexed: 0,
            with_guests,
            spelt: None,
        }
    }

    fn user(&mut self, row: &dyn Row) -> Result<(), CellError> {
        use edm::user as at;
        let text = |position| match row.cell(position) {
            Cell::Text(text) => Some(text),
            _ => None,
        };
        let damaged = || {
            let property = edm::USER.all_properties()[at::ID];
            CellError { property: property.name, expected: property.ty }
        };
        let (Some(id), Some(upn)) = (text(at::ID), text(at::USER_PRINCIPAL_NAME)) else { return Err(damaged()) };
        if upn.to_ascii_uppercase().contains("#EXT#") && !self.with_guests {
            return Ok(());
        }
        let id: EntityId = id.parse().map_err(|_| damaged())?;
        let place = self.users.len() as u32;
        self.places.insert(id.clone(), place);
        let is_enabled = match row.cell(at::ACCOUNT_ENABLED) {
            Cell::Integer(value) => Some(value != 0),
            _ => None,
        };
        self.users.push(KnownUser { id, name: upn.into(), is_enabled, is_administrator: false, accounts: Vec::new() });
        let names = [Some((Attribute::UserPrincipalName, upn)), text(at::MAIL).map(|mail| (Attribute::Mail, mail))];
        self.names(place, names.into_iter().flatten());
        Ok(())
    }

    fn account(&mut self, account: model::Account) {
        let Some(place) = self.places.get(&account.user).copied() else { return };
        let names = account.names.iter().filter_map(|name| {
            let attribute = Attribute::ALL.iter().find(|attribute| attribute.name() == &*name.attribute)?;
            Some((*attribute, &*name.value))
        });
        self.names(place, names);
        let user = &mut self.users[place as usize];
        user.is_administrator |= account.is_administrator;
        if let Some(mark) = account.verifiers {
            user.accounts.push(KnownAccount { key: account.key, verifiers: mark.number });
        }
    }

    fn names<'n>(&mut self, place: u32, names: impl Iterator<Item = (Attribute, &'n str)>) {
        for (key, attribute) in directory_keys(&self.normaliser, names, &[]) {
            let own = !matches!(attribute, Attribute::OtherMail | Attribute::Alias);
            if own
                && let Some((_, domain)) = key.text().rsplit_once('@')
                && !self.domains.contains(domain)
            {
                self.domains.insert(domain.to_owned());
            }
            if let Some(spelt) = &mut self.spelt {
                spelt.push(key.text().into());
            }
            if self.index.add(&key, place, attribute).is_err() {
                self.unindexed += 1;
            }
        }
    }

    fn finish(self) -> Snapshot {
        let Self { users, normaliser, index, domains, unindexed, .. } = self;
        Snapshot { users, normaliser, index: index.finish(), domains, unindexed }
    }
}
