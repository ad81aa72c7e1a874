//! The directory in memory: who is known by which names. Made for a job that asks again and again.

use super::ahead::{Page, UserRow, no_names};
use super::users::{KnownUser, Places, Users};
use crate::Service;
use crate::jobs::JobError;
use model::{Caller, EntityId, UserKey};
use odata::encode::CellError;
use std::collections::BTreeSet;
use store::{AccountRow, StoreError, write_names};
use verify::identity::{Attribute, Hit, IdentityIndex, IndexBuilder, Key, Normaliser, each_directory_key};

/// Names that most users have at most: room is made for so many.
const NAMES: usize = 3;

/// Everybody, by every name.
pub struct Snapshot {
    /// The users; their numbers in the index are their places here.
    pub users: Users,
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
        self.users.iter().filter(KnownUser::has_verifiers).count()
    }
}

impl Service {
    /// Reads the directory of a tenant. Guests, whose passwords are kept elsewhere, are left out unless they are asked
    /// for (leaks.md, section 1.1, "accounts").
    pub async fn snapshot(&self, caller: &Caller, with_guests: bool) -> Result<Snapshot, JobError> {
        let users = usize::try_from(self.user_count(caller.tenant).await?).unwrap_or_default();
        let mut builder = Builder::new(self.entropy().number(), with_guests, users);
        let (mut pages, reading) = self.read_ahead(caller.tenant);
        while let Some(page) = pages.recv().await {
            match page {
                Page::Users(users) => users.iter().try_for_each(|user| builder.user(user)).map_err(damaged)?,
                Page::Accounts(accounts) => accounts.iter().try_for_each(|account| builder.account(&account))?,
            }
        }
        reading.ended().await?;
        Ok(builder.finish())
    }

    /// A few users of the directory with their accounts, and every name of theirs as matching spells it. Guests are left
    /// out.
    pub(crate) async fn snapshot_of(
        &self,
        caller: &Caller,
        users: &[EntityId],
    ) -> Result<(Snapshot, Vec<Box<str>>), JobError> {
        let mut builder = Builder::new(self.entropy().number(), false, users.len());
        builder.spelt = Some(Vec::new());
        for id in users {
            let Some(user) = self.store().load_user(caller.tenant, &UserKey::Id(id.clone())).await? else { continue };
            UserRow::of(&user).and_then(|user| builder.user(user)).map_err(damaged)?;
            for account in self.accounts_of(caller.tenant, id).await? {
                let row = AccountRow {
                    source: &account.key.source,
                    key: &account.key.key,
                    user: account.user.as_str(),
                    names: &write_names(&account.names),
                    is_administrator: account.is_administrator,
                    verifiers: account.verifiers.map(|mark| mark.number),
                };
                builder.account(&row)?;
            }
        }
        let spelt = builder.spelt.take().unwrap_or_default();
        Ok((builder.finish(), spelt))
    }
}

fn damaged(_: CellError) -> StoreError {
    StoreError::Corrupt("a user's id or userPrincipalName is none".to_owned())
}

struct Builder {
    users: Users,
    /// Whether the mail address of each is the sign-in name too.
    is_mail: Vec<bool>,
    places: Places,
    normaliser: Normaliser,
    index: IndexBuilder,
    domains: BTreeSet<String>,
    unindexed: u64,
    with_guests: bool,
    /// Every name, as matching spells it, where they are asked for.
    spelt: Option<Vec<Box<str>>>,
    /// What is used again from name to name.
    scratch: Key,
}

impl Builder {
    /// With room for so many users, if there are no more than can be.
    fn new(seed: u64, with_guests: bool, users: usize) -> Self {
        let users = users.min(1 << 24); // a count that is wrong must not take all memory
        let mut index = IndexBuilder::new(seed);
        index.reserve(users * NAMES);
        Self {
            users: Users::with_capacity(users),
            is_mail: Vec::with_capacity(users),
            places: Places::with_capacity(seed, users),
            normaliser: Normaliser::default(),
            index,
            domains: BTreeSet::new(),
            unindexed: 0,
            with_guests,
            spelt: None,
            scratch: Key::default(),
        }
    }

    fn user(&mut self, user: UserRow<'_>) -> Result<(), CellError> {
        let UserRow { id, name: upn, mail, is_enabled } = user;
        if upn.contains('#') && upn.to_ascii_uppercase().contains("#EXT#") && !self.with_guests {
            return Ok(());
        }
        if !EntityId::is_one(id) {
            return Err(no_names());
        }
        let place = self.users.push(id, upn, is_enabled);
        self.places.insert(&self.users, place);
        self.name(place, Attribute::UserPrincipalName, upn);
        if let Some(mail) = mail {
            self.name(place, Attribute::Mail, mail);
        }
        self.is_mail.push(mail == Some(upn)); // then an account of the same names tells nothing new
        Ok(())
    }

    fn account(&mut self, account: &AccountRow<'_>) -> Result<(), StoreError> {
        let Some(place) = self.places.find(&self.users, account.user) else { return Ok(()) };
        let is_mail = self.is_mail[place as usize];
        account.each_name(|attribute, value| {
            let named = Attribute::ALL.iter().find(|known| known.name() == attribute);
            let is_known = match named {
                Some(Attribute::UserPrincipalName) => value == self.users.at(place).name,
                Some(Attribute::Mail) => is_mail && value == self.users.at(place).name,
                _ => false,
            };
            if let Some(attribute) = named.filter(|_| !is_known) {
                self.name(place, *attribute, value);
            }
        })?;
        if account.is_administrator {
            self.users.set_administrator(place);
        }
        if let Some(verifiers) = account.verifiers {
            self.users.push_account(place, (account.source, account.key), verifiers);
        }
        Ok(())
    }

    fn name(&mut self, place: u32, attribute: Attribute, name: &str) {
        let Self { normaliser, index, domains, unindexed, scratch, spelt, .. } = self;
        each_directory_key(normaliser, (attribute, name), &[], scratch, |key, attribute| {
            let is_own = !matches!(attribute, Attribute::OtherMail | Attribute::Alias);
            if is_own
                && let Some((_, domain)) = key.text().rsplit_once('@')
                && !domains.contains(domain)
            {
                domains.insert(domain.to_owned());
            }
            if let Some(spelt) = spelt {
                spelt.push(key.text().into());
            }
            if index.add(key, place, attribute).is_err() {
                *unindexed += 1;
            }
        });
    }

    fn finish(self) -> Snapshot {
        let Self { users, normaliser, index, domains, unindexed, .. } = self;
        Snapshot { users, normaliser, index: index.finish(), domains, unindexed }
    }
}
