//! One account, now: what a client that provisions users tells of one of them.
//!
//! It is an import of one entry. The same commands write it, the same sealing keeps what proves the password, and a job
//! keeps how things were before, so that it can be undone: one for each directory and day (UTC), which is made when the
//! day's first change comes, and is taken for completed between changes.

use super::counts::{ImportCounts, count};
use super::prepare::{Preparer, VerifierCounts, unproved};
use crate::jobs::JobError;
use crate::{Service, ServiceError, Vault};
use aws_lc_rs::digest;
use directory::{DirectoryUser, Format, VerifierText};
use model::{
    Account, AccountKey, AccountName, Caller, Command, EntityId, FORMER_NAME, FoldedName, Job, JobKind, JobState, Note,
    OwnedCell, Precondition, Refusal, SealedVerifiers, TenantKey, Ticks, User, UserDraft, UserKey, VerifierNote,
    Versions, Written, edm,
};
use odata::encode::Row as _;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use store::{Accounts, Outcome, StoreError, WriteError};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use verify::identity::Attribute;
use verify::verifier::{Limits, Verifier};

/// Locks of users and of names: two that share one wait for each other without need, seldom.
const STRIPES: usize = 128;
/// Passwords that are derived at once: each takes 19 MiB for as long as that lasts.
const DERIVATIONS: usize = 4;
/// Accounts that are read at once.
const PAGE: u32 = 1_000;
/// Positions of the user that become null where a client that tells everything leaves them out.
const CLEARED: [usize; 5] =
    [edm::user::GIVEN_NAME, edm::user::SURNAME, edm::user::MAIL, edm::user::DEPARTMENT, edm::user::ACCOUNT_ENABLED];

/// What the writes of one process share.
pub struct Provisioner {
    users: Vec<Arc<Mutex<()>>>,
    keys: Vec<Arc<Mutex<()>>>,
    derivations: Arc<Semaphore>,
    /// What has been counted and is not with its job yet.
    pending: Lock<HashMap<(TenantKey, EntityId), ImportCounts>>,
    /// Held by whoever writes what is pending.
    keeping: Mutex<()>,
}

impl Default for Provisioner {
    fn default() -> Self {
        let stripes = || (0..STRIPES).map(|_| Arc::default()).collect();
        Self {
            users: stripes(),
            keys: stripes(),
            derivations: Arc::new(Semaphore::new(DERIVATIONS)),
            pending: Lock::default(),
            keeping: Mutex::default(),
        }
    }
}

/// Keeps others of this process from a user, or from names, until it is dropped.
#[must_use = "it is given back when it is dropped"]
pub struct UserGuard(#[expect(dead_code, reason = "it is there to be dropped")] Vec<OwnedMutexGuard<()>>);

impl Provisioner {
    /// Waits until nobody else of this process changes the user. From then on what is read of them stays, as far as this
    /// process is concerned; writes of others are found out when the change is written.
    pub async fn user(&self, tenant: TenantKey, id: &str) -> UserGuard {
        let stripe = self.users[stripe(tenant, id)].clone();
        UserGuard(vec![stripe.lock_owned().await])
    }

    /// The same of names and keys that a user is to get. A user is waited for first, never after this.
    pub async fn names(&self, tenant: TenantKey, names: &[&str]) -> UserGuard {
        let mut stripes: Vec<usize> = names.iter().map(|name| stripe(tenant, &name.to_lowercase())).collect();
        stripes.sort_unstable(); // all take them in one order
        stripes.dedup();
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(self.keys[stripe].clone().lock_owned().await);
        }
        UserGuard(guards)
    }
}

fn stripe(tenant: TenantKey, text: &str) -> usize {
    let hash = text
        .bytes()
        .fold(u64::from(tenant.0), |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(7));
    (hash % STRIPES as u64) as usize
}

/// How accounts of one directory are provisioned.
#[derive(Clone, Copy)]
pub struct Provisioning<'p> {
    /// What the process shares.
    pub provisioner: &'p Provisioner,
    /// What seals; without it nothing can be told of passwords.
    pub vault: Option<&'p Vault>,
    /// The directory, as the operator calls it.
    pub source: &'p str,
    /// What completes a name without a domain.
    pub domain: Option<&'p str>,
}

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

/// What a client tells of a user: everything that it knows of them.
pub struct Told {
    /// The user as an entry of a directory. A password stands among the verifiers, in clear text.
    pub user: DirectoryUser,
    /// The client's own key of the user.
    pub key: Option<String>,
    /// What the account keeps besides its names.
    pub marks: Vec<AccountName>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// The user.
    pub user: EntityId,
    /// Whether anything is another than before.
    pub written: Written,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// There is nothing that could seal a verifier.
    #[error("this server has no keys to seal what proves a password with")]
    NoVault,
    /// What was told does not fit: everything that is wrong with it. No message holds a value.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// Another user has it: what.
    #[error("another user has this {0}")]
    Taken(&'static str),
    /// Somebody else has changed the user since they were read.
    #[error("the user has been changed since")]
    Moved,
    /// Verifiers cannot be opened or sealed.
    #[error(transparent)]
    Sealed(#[from] auth::SealError),
    /// Deriving a password broke off.
    #[error("a password could not be derived")]
    Derivation,
    /// The operation was not carried out.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for ProvisionError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl From<JobError> for ProvisionError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Service(error) => Self::Service(error),
            other => Self::Service(StoreError::Corrupt(other.to_string()).into()),
        }
    }
}

impl From<Refusal> for ProvisionError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::PreconditionFailed { .. } | Refusal::UserNotFound => Self::Moved,
            Refusal::NameTaken(_) => Self::Taken("userName"),
            Refusal::Invalid(_) => Self::Invalid(vec![
                "no name of the user can be the userPrincipalName: expected a userName of the form name@domain, or an \
                 email that completes it"
                    .to_owned(),
            ]),
            other => Self::Service(other.into()),
        }
    }
}

impl Service {
    /// The user with an id, and their account in a source.
    pub async fn known(&self, caller: &Caller, source: &str, id: &EntityId) -> Result<Option<Known>, ServiceError> {
        let Some(user) = self.store().load_user(caller.tenant, &UserKey::Id(id.clone())).await? else {
            return Ok(None);
        };
        let mut accounts = self.accounts_in(caller, source, std::slice::from_ref(id)).await?;
        Ok(Some(Known { account: accounts.remove(id), user }))
    }

    /// The same by the userPrincipalName.
    pub async fn known_by_name(
        &self,
        caller: &Caller,
        source: &str,
        name: &str,
    ) -> Result<Option<Known>, ServiceError> {
        let key = UserKey::PrincipalName(FoldedName::new(name));
        let Some(user) = self.store().load_user(caller.tenant, &key).await? else { return Ok(None) };
        let id = user.id();
        let mut accounts = self.accounts_in(caller, source, std::slice::from_ref(&id)).await?;
        Ok(Some(Known { account: accounts.remove(&id), user }))
    }

    /// The same by the account's key.
    pub async fn known_by_key(&self, caller: &Caller, source: &str, key: &str) -> Result<Option<Known>, ServiceError> {
        let key = AccountKey { source: source.into(), key: key.into() };
        let Some(account) = self.store().account(caller.tenant, &key).await? else { return Ok(None) };
        let user = self.store().load_user(caller.tenant, &UserKey::Id(account.user.clone())).await?;
        Ok(user.map(|user| Known { user, account: Some(account) }))
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
        let Some(account) = found else { return Ok(None) };
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

    /// Makes a user, or makes a known one what is told of them. The caller holds the guard of the user, or that of a new
    /// one's names.
    pub async fn provision(
        &self,
        caller: &Caller,
        how: &Provisioning<'_>,
        known: Option<&Known>,
        mut told: Told,
    ) -> Result<Provisioned, ProvisionError> {
        let job = self.job_of_the_day(caller, how.source).await?;
        let new_id = match (known, &told.key, how.vault) {
            (Some(known), ..) => known.user.id(),
            // Whoever comes back under the same key is the same user, whom events of before tell of.
            (None, Some(key), Some(vault)) => {
                vault.user_id(caller.tenant_id, &AccountKey { source: how.source.into(), key: key.as_str().into() })
            }
            _ => self.entropy().uuid_v4().into(),
        };
        let key = told.key.clone().unwrap_or_else(|| key_without(&new_id));
        let key = AccountKey { source: how.source.into(), key: key.into() };
        let before = known.and_then(|known| known.account.as_ref());
        let is_moved = before.is_some_and(|account| account.key != key);
        let _keys = match known {
            Some(_) if is_moved || before.is_none() => Some(how.provisioner.names(caller.tenant, &[&key.key]).await),
            _ => None,
        };
        if before.is_none_or(|account| account.key != key) && self.store().account(caller.tenant, &key).await?.is_some()
        {
            return Err(ProvisionError::Taken("externalId"));
        }
        if let Some(account) = before.filter(|_| is_moved) {
            let former = account.names.iter().filter(|name| &*name.attribute == FORMER_NAME);
            told.user.former_upns.extend(former.map(|name| name.value.to_string()));
        }
        let texts = std::mem::take(&mut told.user.verifiers);
        let mut entry =
            unproved(&told.user, job.creation, key, new_id.clone(), how.domain).map_err(ProvisionError::Invalid)?;
        entry.names.append(&mut told.marks);
        if let Some(known) = known {
            entry.name_if_new = None;
            only_changes(&mut entry.draft, &known.user);
        }
        let told = self.proof(caller, how, (before, &entry.key, job.creation), texts).await?;
        let (is_changed, counted) = (told.is_changed, told.counts);
        entry.verifiers = told.sealed;

        let mut commands = Vec::with_capacity(4);
        commands.extend(known.map(|known| unchanged(&known.user)));
        commands.push(Command::PutAccount(Box::new(entry)));
        if let Some(account) = before.filter(|_| is_moved) {
            commands.push(Command::RemoveAccount { job: job.creation, account: account.key.clone() });
        }
        let closed = self.clock().now();
        let remediate = |user| Command::Remediate { job: job.creation, user, closed };
        if is_changed {
            commands.push(remediate(new_id.clone()));
        }
        let mut counts = ImportCounts { entries: 1, verifiers: counted, ..ImportCounts::default() };
        let notes = self.noted(caller, commands).await?;
        let account = notes.iter().find_map(|note| match note {
            Note::Account(note) => Some(note.clone()),
            _ => None,
        });
        let Some(mut note) = account else { return Err(ProvisionError::Moved) };
        if is_moved && note.written == Written::Linked {
            note.written = Written::Updated;
        }
        if is_changed {
            note.verifiers = VerifierNote::Changed;
        }
        count(&mut counts, &note);
        counts.remediated += remediated(&notes);
        if note.verifiers == VerifierNote::Changed && !is_changed {
            // Another server has told a password in between.
            let notes = self.noted(caller, vec![remediate(note.user.clone())]).await?;
            counts.remediated += remediated(&notes);
        }
        self.keep_counts(caller, how, &job, counts).await?;
        if let Some(vault) = how.vault {
            self.look_back(caller, vault, &note.user, how.source).await?;
        }
        if known.is_none() && note.written != Written::Created {
            return Err(ProvisionError::Taken("userName")); // another server was faster; the user has the account now
        }
        Ok(Provisioned { user: note.user, written: note.written })
    }

    /// Takes a user's account in the source away, and with the last one the user. The caller holds the user's guard.
    pub async fn deprovision(
        &self,
        caller: &Caller,
        how: &Provisioning<'_>,
        known: &Known,
    ) -> Result<Provisioned, ProvisionError> {
        let Some(account) = &known.account else { return Err(ProvisionError::Moved) };
        let job = self.job_of_the_day(caller, how.source).await?;
        let remove = Command::RemoveAccount { job: job.creation, account: account.key.clone() };
        let notes = self.noted(caller, vec![unchanged(&known.user), remove]).await?;
        let gone = notes.iter().any(|note| matches!(note, Note::Account(_)));
        let counts = ImportCounts { entries: 1, removed: u64::from(gone), ..ImportCounts::default() };
        self.keep_counts(caller, how, &job, counts).await?;
        Ok(Provisioned { user: account.user.clone(), written: Written::Removed })
    }

    async fn noted(&self, caller: &Caller, commands: Vec<Command>) -> Result<Vec<Note>, ProvisionError> {
        let done = self.store().execute_all(caller.tenant, caller.actor.clone(), commands, None).await;
        let outcomes = done.map_err(|failed| match failed.error {
            WriteError::Refused(refusal) => ProvisionError::from(refusal),
            WriteError::Store(error) => error.into(),
        })?;
        let note = |outcome| match outcome {
            Outcome::Noted(note) => Some(note),
            _ => None,
        };
        Ok(outcomes.into_iter().filter_map(note).collect())
    }

    /// What proves the password from now on; nothing where nothing is told of it, or where it is the same.
    async fn proof(
        &self,
        caller: &Caller,
        how: &Provisioning<'_>,
        (before, key, job): (Option<&Account>, &AccountKey, u64),
        texts: Vec<VerifierText>,
    ) -> Result<Proof, ProvisionError> {
        let mark = before.and_then(|account| account.verifiers);
        let is_moved = before.is_some_and(|account| account.key != *key);
        if texts.is_empty() && !(is_moved && mark.is_some()) {
            return Ok(Proof::default());
        }
        let vault = how.vault.ok_or(ProvisionError::NoVault)?.clone();
        let tenant = caller.tenant_id;
        let kept = match mark {
            Some(mark) => self.store().verifiers(caller.tenant, mark.number.saturating_sub(1), 1).await?.pop(),
            None => None,
        };
        let kept = kept.filter(|kept| mark.is_some_and(|mark| mark.number == kept.number));
        let permit = how.provisioner.derivations.clone().acquire_owned().await;
        let permit = permit.map_err(|_| ProvisionError::Derivation)?;
        let (key, source) = (key.clone(), how.source.into());
        let derive = move || {
            let _permit = permit;
            // Those that no key opens tell nothing; they are replaced.
            let opened = kept.map(|kept| vault.open(tenant, &kept.account, &kept.sealed)).transpose();
            let preparer = Preparer { tenant, source, format: Format::Scim, domain: None, job, vault: vault.clone() };
            if texts.is_empty() {
                let sealed = opened?.map(|lines| vault.seal(tenant, &key, &lines)).transpose()?;
                return Ok(Proof { sealed, ..Proof::default() });
            }
            let opened = opened.ok().flatten();
            let (sealed, counts, warnings) =
                preparer.seal(&key, &texts).map_err(|error| ProvisionError::Invalid(vec![error]))?;
            let Some(sealed) = sealed else {
                let why = warnings.into_iter().chain(counts.refused.into_keys()).next();
                let why = why.unwrap_or_else(|| "nothing proves it".to_owned());
                return Err(ProvisionError::Invalid(vec![format!("password: {why}")]));
            };
            let is_told_before = !is_moved && mark.is_some_and(|mark| mark.tag == sealed.tag);
            let is_same = is_told_before || opened.as_ref().is_some_and(|lines| is_proved(lines, &texts));
            let sealed = match opened {
                _ if is_told_before => None,
                Some(lines) if is_same && is_moved => Some(vault.seal(tenant, &key, &lines)?),
                _ if is_same => None,
                _ => Some(sealed),
            };
            Ok(Proof { sealed, is_changed: mark.is_some() && !is_same, counts })
        };
        tokio::task::spawn_blocking(derive).await.map_err(|_| ProvisionError::Derivation)?
    }

    /// The job of the day, which is made when the day's first change comes. One that was undone is over: another follows.
    async fn job_of_the_day(&self, caller: &Caller, source: &str) -> Result<Job, ProvisionError> {
        const DAY: i64 = 86_400 * Ticks::PER_SECOND;
        let now = self.clock().now();
        let mut number = 0_u32;
        loop {
            let id = job_id(source, now.get().div_euclid(DAY), number);
            match self.store().job(caller.tenant, &id).await? {
                Some(job) if job.state == JobState::Undone => number += 1,
                Some(job) => return Ok(job),
                None => match self.put_job(caller, new_job(id, source, now), None).await {
                    Ok(job) => return Ok(job),
                    Err(ServiceError::Refused(Refusal::IdTaken(_))) => {} // somebody else has made it
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    async fn put_job(&self, caller: &Caller, job: Job, expected: Option<u64>) -> Result<Job, ServiceError> {
        let command = Command::PutJob { job: Box::new(job.clone()), expected, found: Vec::new() };
        match self.store().execute(caller.tenant, caller.actor.clone(), command).await? {
            Outcome::Noted(Note::Job(job)) => Ok(*job),
            _ => Ok(job),
        }
    }

    /// Adds to what the job has counted. Requests of one process write together; whoever comes while others write finds
    /// that they have written for it, or writes for those that came since.
    async fn keep_counts(
        &self,
        caller: &Caller,
        how: &Provisioning<'_>,
        job: &Job,
        mut counts: ImportCounts,
    ) -> Result<(), ProvisionError> {
        counts.sources.insert(how.source.into());
        let place = (caller.tenant, job.id.clone());
        let pending = || how.provisioner.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending().entry(place.clone()).or_default().add(counts);
        let _keeping = how.provisioner.keeping.lock().await;
        let Some(counts) = pending().remove(&place) else { return Ok(()) };
        loop {
            let Some(mut job) = self.store().job(caller.tenant, &job.id).await? else { return Ok(()) };
            let mut sum: ImportCounts = serde_json::from_str(&job.progress).unwrap_or_default();
            sum.add(counts.clone());
            job.progress = json(&sum);
            job.ended = Some(self.clock().now());
            let version = job.version;
            match self.put_job(caller, job, Some(version)).await {
                Ok(_) => return Ok(()),
                Err(ServiceError::Refused(Refusal::JobMoved(_))) => {} // another server counts too
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What became of what was told of a password.
#[derive(Default)]
struct Proof {
    sealed: Option<SealedVerifiers>,
    is_changed: bool,
    counts: VerifierCounts,
}

/// The key of an account whose client has none for it.
fn key_without(user: &EntityId) -> String {
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

/// Demands that the user is as it was read, and changes nothing.
fn unchanged(user: &User) -> Command {
    let precondition =
        Precondition { if_match: Some(Versions::Listed(vec![user.version()])), ..Precondition::default() };
    Command::UpdateUser { user: UserKey::Id(user.id()), precondition, patch: Box::default() }
}

/// Leaves in a draft what is another than it was, and says null of what is told no more.
fn only_changes(draft: &mut UserDraft, user: &User) {
    for position in CLEARED {
        if draft.cell(position).is_none() {
            draft.put(position, OwnedCell::Null);
        }
    }
    if draft.cell(edm::user::DISPLAY_NAME).is_none() {
        let name = match draft.cell(edm::user::USER_PRINCIPAL_NAME) {
            Some(told) => told.clone(),
            None => OwnedCell::Text(user.user_principal_name().into()),
        };
        draft.put(edm::user::DISPLAY_NAME, name);
    }
    let others = [edm::user::DISPLAY_NAME, edm::user::USER_PRINCIPAL_NAME];
    for position in CLEARED.into_iter().chain(others) {
        if draft.cell(position).is_some_and(|told| told.as_cell() == user.cell(position)) {
            draft.forget(position);
        }
    }
}

/// Whether one of the verifiers, which stand in lines, proves one of the passwords.
fn is_proved(lines: &[u8], texts: &[VerifierText]) -> bool {
    let Ok(lines) = std::str::from_utf8(lines) else { return false };
    let limits = Limits::default();
    lines.lines().filter_map(|line| Verifier::parse(line, &limits).ok()).any(|verifier| {
        let mut passwords = texts.iter().filter_map(VerifierText::password);
        passwords.any(|password| verifier.check(password.as_bytes()).unwrap_or(false))
    })
}

fn remediated(notes: &[Note]) -> u64 {
    let events = |note: &Note| match note {
        Note::Remediated(events) => *events as u64,
        _ => 0,
    };
    notes.iter().map(events).sum()
}

/// The id of a day's job: the same on every server.
fn job_id(source: &str, day: i64, number: u32) -> EntityId {
    let text = format!("provisioning of {source} on day {day}, {number}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let half = *hash.as_ref().first_chunk().expect("16 of 32 bytes");
    uuid::Builder::from_custom_bytes(half).into_uuid().into()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'p> {
    source: &'p str,
    provisioned: bool,
}

fn new_job(id: EntityId, source: &str, now: Ticks) -> Job {
    Job {
        id,
        kind: JobKind::Import,
        state: JobState::Completed,
        created: now,
        ended: Some(now),
        lease: None,
        parameters: json(&Parameters { source, provisioned: true }),
        progress: json(&ImportCounts { sources: [source.into()].into(), ..ImportCounts::default() }),
        message: None,
        creation: 0,
        version: 0,
    }
}

fn json(value: &impl Serialize) -> Box<str> {
    serde_json::to_string(value).expect("parameters and progress are plain data").into()
}
