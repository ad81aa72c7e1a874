//! Importing a directory: one job, entry after entry, and at its end what follows from all of them together.

mod end;

use super::counts::{ImportCounts, count};
use super::prepare::Prepared;
use super::snapshot::Snapshot;
use super::sync::Synced;
use crate::jobs::{Brake, JobError, RunningJob};
use crate::{Service, ServiceError, Vault};
use directory::Place;
use futures_util::StreamExt as _;
use model::{
    Account, AccountEntry, AccountKey, Caller, Command, Decision, EntityId, Job, Moment, Note, Refusal, State, Step,
    UserKey, VerifierNote, decide,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use store::{Accounts, AdminCommand, KeptVerifiers, Outcome, WriteError};
use verify::identity::Attribute;

/// Entries that are under way at once: twice what the store writes in one transaction.
const WINDOW: usize = 512;
/// The names that lead to a user, the surest first.
const SUREST: [Attribute; 4] =
    [Attribute::QualifiedSamAccountName, Attribute::Mail, Attribute::SamAccountName, Attribute::Alias];

/// How a directory is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Whether the export names everybody, so that those whom it does not name are gone.
    pub full: bool,
    /// When it holds.
    pub brake: Brake,
}

/// An entry that was refused: where it stands, and everything that is wrong with it.
pub type Refused = (Place, Vec<String>);

/// How an import ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Everything was done.
    Completed(Job, ImportCounts),
    /// Everything was done but for what slow verifiers have to say of passwords that scans kept for users who come later.
    Waiting(Job, ImportCounts),
    /// The brake holds what is left, which is: why.
    Held(Job, ImportCounts, String),
    /// Nobody was taken to be gone, since not everybody could be read: why.
    Failed(Job, ImportCounts, String),
    /// Nothing was written: this would have come of it; and why the brake would have held.
    Told(ImportCounts, Option<String>),
}

/// An import that is under way.
pub struct Importer {
    service: Service,
    caller: Caller,
    /// `None` for a dry run.
    job: Option<RunningJob>,
    import: Import,
    counts: ImportCounts,
    /// Hashes of the accounts that were met, by their directories.
    seen: HashMap<Box<str>, HashSet<u128>>,
    /// Hashes of the accounts that a directory has, where it was asked for all of them beside its entries.
    listed: Option<HashSet<u128>>,
    /// Why nobody may be taken to be gone.
    doubt: Option<String>,
    hashers: [RandomState; 2],
    /// Who was there before; read when an entry has no userPrincipalName.
    known: Option<Snapshot>,
    /// Whether anybody was.
    was_empty: bool,
    /// What a dry run would close.
    would_touch: HashSet<EntityId>,
    /// Accounts with verifiers that no key at hand opens.
    unopenable: HashSet<AccountKey>,
    /// What opens what scans kept, where that is to be looked at.
    vault: Option<Vault>,
}

impl Importer {
    /// Begins, or goes on with, a job; without one nothing is written.
    pub async fn new(
        service: &Service,
        caller: &Caller,
        job: Option<RunningJob>,
        import: Import,
    ) -> Result<Self, JobError> {
        let users = service.user_count(caller.tenant).await?;
        let before: ImportCounts = job.as_ref().map_or_else(|| Ok(ImportCounts::default()), RunningJob::progress)?;
        let counts =
            ImportCounts { retrospect: before.retrospect, looked_at: before.looked_at, ..ImportCounts::default() };
        Ok(Self {
            service: service.clone(),
            caller: caller.clone(),
            job,
            import,
            counts,
            seen: HashMap::new(),
            listed: None,
            doubt: None,
            hashers: [RandomState::new(), RandomState::new()],
            known: None,
            was_empty: users == 0,
            would_touch: HashSet::new(),
            unopenable: HashSet::new(),
            vault: None,
        })
    }

    /// Looks which verifiers the vault cannot open, since the key that sealed them is lost: where the import tells the
    /// same ones, they are sealed anew, although nothing else is to be done about them.
    pub async fn mend_with(&mut self, vault: &Vault) -> Result<(), JobError> {
        let (tenant, tenant_id) = (self.caller.tenant, self.caller.tenant_id);
        self.vault = Some(vault.clone());
        let unopenable = &mut self.unopenable;
        let look = async |page: Vec<KeptVerifiers>| {
            let closed = |kept: &KeptVerifiers| vault.open(tenant_id, &kept.account, &kept.sealed).is_err();
            unopenable.extend(page.into_iter().filter(closed).map(|kept| kept.account));
            Ok(())
        };
        self.service.each_page_of_verifiers(tenant, look).await
    }

    /// Whether there are verifiers that the vault cannot open, so that an import should tell of everybody.
    pub fn has_unopenable(&self) -> bool {
        !self.unopenable.is_empty()
    }

    /// Takes note of all accounts that a directory has, by their keys, whether or not it will tell of each: those that it
    /// does not have are gone. Answers the keys of those that are not known here.
    pub async fn list(&mut self, source: &str, keys: Vec<Box<str>>) -> Result<Vec<Box<str>>, JobError> {
        let mut known = HashSet::new();
        let look = |account: Account| _ = known.insert(self.hash(&account.key.key));
        self.service.each_account(self.caller.tenant, Accounts::OfSource(source), look).await?;
        self.seen.entry(source.into()).or_default();
        self.listed = Some(keys.iter().map(|key| self.hash(key)).collect());
        self.counts.sources.insert(source.into());
        Ok(keys.into_iter().filter(|key| !known.contains(&self.hash(key))).collect())
    }

    /// Takes nobody to be gone, and ends as failed.
    pub fn doubt(&mut self, why: String) {
        self.doubt.get_or_insert(why);
    }

    /// Notes how far a directory is known when this is completed.
    pub fn note_synced(&mut self, synced: Synced) {
        self.counts.synced = Some(synced);
    }

    /// What has come of it so far.
    pub fn counts(&self) -> &ImportCounts {
        &self.counts
    }

    /// Takes entries over. Answers those that were refused.
    pub async fn take(&mut self, entries: Vec<Result<Prepared, Refused>>) -> Result<Vec<Refused>, JobError> {
        let mut refused = Vec::new();
        let mut told = Vec::with_capacity(entries.len());
        for entry in entries {
            self.counts.entries += 1;
            match entry {
                Err(why) => refused.push(why),
                Ok(prepared) => match self.admit(prepared).await? {
                    Ok(entry) => told.push(entry),
                    Err(why) => refused.push(why),
                },
            }
        }
        let is_dry = self.job.is_none();
        let mut anew: HashMap<AccountKey, Box<[u8]>> = HashMap::new();
        if !is_dry && !self.unopenable.is_empty() {
            for (_, entry) in &told {
                if let Some(verifiers) = entry.verifiers.as_ref().filter(|_| self.unopenable.contains(&entry.key)) {
                    anew.insert(entry.key.clone(), verifiers.sealed.clone());
                }
            }
        }
        let (service, caller) = (&self.service, &self.caller);
        let tell = |(place, entry): (Place, Box<AccountEntry>)| async move {
            let key = entry.key.clone();
            let command = Command::PutAccount(entry);
            if is_dry {
                return (place, key, service.foretold(caller, command).await);
            }
            let outcome = service.store().execute(caller.tenant, caller.actor.clone(), command).await;
            (place, key, outcome.map(|outcome| (outcome, Vec::new())))
        };
        let mut notes = futures_util::stream::iter(told).map(tell).buffered(WINDOW);
        while let Some((place, key, outcome)) = notes.next().await {
            match outcome {
                Ok((Outcome::Noted(Note::Account(note)), steps)) => {
                    if note.verifiers != VerifierNote::Same {
                        anew.remove(&key); // they were written as they were told
                    }
                    count(&mut self.counts, &note);
                    if steps.iter().any(outdates) {
                        self.would_touch.insert(note.user);
                    }
                }
                Ok(_) => {}
                Err(WriteError::Refused(why)) => refused.push((place, vec![in_words(&why)])),
                Err(WriteError::Store(error)) => return Err(error.into()),
            }
        }
        drop(notes);
        self.seal_anew(anew).await?;
        self.counts.refused += refused.len() as u64;
        Ok(refused)
    }

    /// Puts the same verifiers, sealed with the key in use, in the place of those that no key opens.
    async fn seal_anew(&mut self, anew: HashMap<AccountKey, Box<[u8]>>) -> Result<(), JobError> {
        let (store, tenant) = (self.service.store(), self.caller.tenant);
        let mut verifiers = Vec::with_capacity(anew.len());
        for (key, sealed) in anew {
            let account = store.account(tenant, &key).await?;
            let Some(mark) = account.and_then(|account| account.verifiers) else { continue };
            verifiers.push((mark.number, sealed));
            self.unopenable.remove(&key);
        }
        if !verifiers.is_empty() {
            self.counts.verifiers_sealed_anew += verifiers.len() as u64;
            store.administer(AdminCommand::Reseal { tenant, verifiers }).await.map_err(ServiceError::from)?;
        }
        Ok(())
    }

    /// Notes an entry, and finds whom it means where it has no userPrincipalName of its own.
    async fn admit(&mut self, prepared: Prepared) -> Result<Result<(Place, Box<AccountEntry>), Refused>, JobError> {
        let Prepared { place, mut entry, verifiers, .. } = prepared;
        let hash = self.hash(&entry.key.key);
        if !self.seen.entry(entry.key.source.clone()).or_default().insert(hash) {
            let why = "an entry before has the same id or name, and only the first one counts".to_owned();
            return Ok(Err((place, vec![why])));
        }
        self.counts.verifiers.add(verifiers);
        if !self.counts.sources.contains(&entry.key.source) {
            self.counts.sources.insert(entry.key.source.clone());
        }
        if entry.draft.folded_name().is_none() && !self.was_empty {
            match self.meant(&entry).await? {
                Ok(user) => entry.matched = user,
                Err(why) => return Ok(Err((place, vec![why]))),
            }
        }
        Ok(Ok((place, entry)))
    }

    /// The user to whom the names of an entry lead, the surest name first.
    async fn meant(&mut self, entry: &AccountEntry) -> Result<Result<Option<EntityId>, String>, JobError> {
        if self.known.is_none() {
            self.known = Some(self.service.snapshot(&self.caller, true).await?);
        }
        let Some(known) = &self.known else { return Ok(Ok(None)) };
        for attribute in SUREST {
            let of_attribute = entry.names.iter().filter(|name| &*name.attribute == attribute.name());
            for name in of_attribute {
                let (_, hits) = known.named(&name.value);
                let users: BTreeSet<u32> = hits.iter().map(|hit| hit.user).collect();
                match users.len() {
                    0 => {}
                    1 => return Ok(Ok(users.first().map(|user| known.users.at(*user).entity_id()))),
                    several => {
                        let why = format!(
                            "its {} is a name of {several} users, and it has no userPrincipalName that tells which one \
                             is meant",
                            attribute.name()
                        );
                        return Ok(Err(why));
                    }
                }
            }
        }
        Ok(Ok(None))
    }

    /// Keeps how far it is, so that others see that it lives.
    pub async fn keep(&mut self) -> Result<(), JobError> {
        match &mut self.job {
            Some(job) => job.keep(&self.counts, Vec::new()).await,
            None => Ok(()),
        }
    }

    /// Notes that it broke off.
    pub async fn failed(self, why: JobError) -> JobError {
        match self.job {
            Some(job) => job.failed(why).await,
            None => why,
        }
    }

    /// What tells the key of an account from others, for as long as the import lasts.
    fn hash(&self, key: &str) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(key)));
        high << 64 | low
    }
}

/// Whether a step says that open events of the user are to be closed.
fn outdates(step: &Step) -> bool {
    matches!(&step.account, Some(model::AccountChange::Put { after, .. }) if after.is_outdated)
}

/// Why an entry was refused, for somebody who has an export and not a request at hand.
fn in_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid(_) => "the user is new and no name can be the userPrincipalName: expected one of the form \
                                name@domain, or --upn-domain DOMAIN, which completes a name without one"
            .to_owned(),
        Refusal::NameTaken(_) => {
            "another user than the one with this id has the userPrincipalName (names are compared ignoring case)"
                .to_owned()
        }
        other => other.to_string(),
    }
}

impl Service {
    /// What would come of an entry: decided as the store would, on what it holds now, and not written.
    async fn foretold(&self, caller: &Caller, command: Command) -> Result<(Outcome, Vec<Step>), WriteError> {
        let (store, tenant) = (self.store(), caller.tenant);
        let touches = command.touches();
        let mut state = State::default();
        if let Some(key) = &touches.user {
            state.user = store.load_user(tenant, key).await?;
        }
        if let Some(name) = touches.name {
            state.namesake = store.load_user(tenant, &UserKey::PrincipalName(name)).await?;
        }
        if let Some(key) = &touches.account {
            state.account = store.account(tenant, key).await?;
        }
        if let Some(account) = &state.account {
            state.account_user = store.load_user(tenant, &UserKey::Id(account.user.clone())).await?;
        }
        let mut risky = Vec::new();
        for id in command.concerns(&state) {
            risky.extend(store.load_risky_user(tenant, id).await?);
        }
        state.risky_users = risky;
        let moment = Moment { now: self.clock().now(), sequence: u64::MAX >> 24 };
        match decide(command, state, moment)? {
            Decision::Noted(steps, note) => Ok((Outcome::Noted(note), steps)),
            _ => Ok((Outcome::Done, Vec::new())),
        }
    }
}
