//! One account, now: what a client that provisions users tells of one of them.
//!
//! It is an import of one entry. The same commands write it, the same sealing keeps what proves the password, and a job
//! keeps how things were before, so that it can be undone: one for each directory and day (UTC), which is made when the
//! day's first change comes, and is taken for completed between changes.

use super::counts::{ImportCounts, count};
use super::known::{Known, key_without};
use super::prepare::{Preparer, VerifierCounts, unproved};
use super::provisioner::Provisioner;
use crate::detect::verifiers;
use crate::jobs::JobError;
use crate::{Service, ServiceError, Vault};
use directory::{DirectoryUser, Format, VerifierText};
use model::{
    Account, AccountKey, AccountName, Caller, Command, EntityId, FORMER_NAME, Note, OwnedCell, Precondition, Refusal,
    SealedVerifiers, User, UserDraft, UserKey, VerifierNote, Versions, Written, edm,
};
use odata::encode::Row as _;
use store::{Outcome, StoreError, WriteError};
use verify::verifier::Limits;

/// Positions of the user that become null where a client that tells everything leaves them out.
const CLEARED: [usize; 5] =
    [edm::user::GIVEN_NAME, edm::user::SURNAME, edm::user::MAIL, edm::user::DEPARTMENT, edm::user::ACCOUNT_ENABLED];

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
        self.keep_counts(caller, how, &job, counts).await;
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
        self.keep_counts(caller, how, &job, counts).await;
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
}

/// What became of what was told of a password.
#[derive(Default)]
struct Proof {
    sealed: Option<SealedVerifiers>,
    is_changed: bool,
    counts: VerifierCounts,
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
    verifiers(lines, &Limits::default()).any(|verifier| {
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
