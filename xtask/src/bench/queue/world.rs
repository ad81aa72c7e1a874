//! A store with users of one scheme, and candidates that wait.

use super::options::Kind;
use anyhow::{Context as _, Result, ensure};
use auth::{OperatorKey, OperatorKeys};
use base64::alphabet;
use base64::engine::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use model::{
    AccountEntry, AccountKey, AccountName, Actor, Caller, Candidate, CandidateKey, Clock as _, Command, EntityId,
    Finding, FoundCredential, Job, JobKind, JobState, MatchClass, OwnedCell, PermissionSet, SystemClock, SystemEntropy,
    Ticks, UserDraft, edm,
};
use service::{PageTokens, Service, Settings, Vault};
use std::path::Path;
use std::sync::Arc;
use store_sqlite::SqliteStore;
use verify::verifier::{Limits, Verifier};

/// What every user's password is.
pub const PASSWORD: &[u8] = b"password";
/// Of so many candidates one is the password.
pub const CURRENT_EACH: u64 = 100;
/// Changes that are written at once.
const CHUNK: u64 = 500;

/// The store, and who works on it.
pub struct World {
    /// The operations.
    pub service: Service,
    /// What seals.
    pub vault: Vault,
    /// Who asks.
    pub caller: Caller,
    users: u64,
}

/// The text of a verifier of [`PASSWORD`].
pub fn verifier(kind: Kind) -> Result<String> {
    let salt = *b"sixteen bytes ..";
    let text = match kind {
        Kind::Argon2id => {
            let derived = Verifier::derive(PASSWORD, salt, &Limits::default())?;
            derived.canonical().as_str().to_owned()
        }
        Kind::Bcrypt => {
            let text = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
            let hash = bcrypt::bcrypt(10, salt, b"password\0");
            format!("$2b$10${}{}", text.encode(salt), text.encode(&hash[..23]))
        }
    };
    let is_right = Verifier::parse(&text, &Limits::default())?.check(PASSWORD)?;
    ensure!(is_right, "the verifier that was made does not know its password");
    Ok(text)
}

/// Guess number so many of a turn.
pub fn guess(turn: u16, number: u64) -> Vec<u8> {
    match number % CURRENT_EACH {
        0 => PASSWORD.to_vec(),
        _ => format!("guess {turn} {number}").into_bytes(),
    }
}

impl World {
    /// Makes a store with users in a folder.
    pub async fn new(folder: &Path, kind: Kind, users: u32) -> Result<Self> {
        let clock = Arc::new(SystemClock);
        let store = Arc::new(SqliteStore::open(folder, clock.clone())?);
        let service =
            Service::new(store, clock, Arc::new(SystemEntropy), PageTokens::new(&[7; 32]), Settings::default());
        service.add_tenant(None, "bench").await?.context("the tenant is not added")?;
        let registry = service.registry().await?;
        let tenant = registry.tenants.first().context("the tenant is not there")?;
        let actor = Actor { app: "bench".into(), user: None };
        let caller = Caller { tenant: tenant.key, tenant_id: tenant.id, actor, permissions: PermissionSet::all() };
        let vault = Vault::new(Arc::new(OperatorKeys::new(OperatorKey::from_bytes(&[9; 32])?, None)), &[8; 32]);
        let world = Self { service, vault, caller, users: u64::from(users) };
        world.import(&verifier(kind)?).await?;
        Ok(world)
    }

    async fn import(&self, verifier: &str) -> Result<()> {
        let job = self.job("import", JobKind::Import, Vec::new()).await?;
        for first in (0..self.users).step_by(CHUNK as usize) {
            let mut commands = Vec::new();
            for number in first..self.users.min(first + CHUNK) {
                let key = AccountKey { source: "bench".into(), key: format!("{number:06}").into() };
                let name = format!("u{number}@corp.test");
                let mut draft = UserDraft::default();
                draft.put(edm::user::USER_PRINCIPAL_NAME, OwnedCell::Text(name.as_str().into()));
                commands.push(Command::PutAccount(Box::new(AccountEntry {
                    job: job.creation,
                    matched: None,
                    new_id: user(number)?,
                    draft,
                    name_if_new: None,
                    names: vec![AccountName { attribute: "mail".into(), value: name.into() }],
                    is_administrator: None,
                    verifiers: Some(self.vault.seal(self.caller.tenant_id, &key, verifier.as_bytes())?),
                    key,
                })));
            }
            self.write(commands).await?;
        }
        Ok(())
    }

    /// Has so many candidates wait, of a user each as far as there are users; answers how many of them are current.
    pub async fn queue(&self, turn: u16, candidates: u64) -> Result<u64> {
        for first in (0..candidates).step_by(CHUNK as usize) {
            let chunk = first..candidates.min(first + CHUNK);
            let found = chunk.map(|number| self.found(turn, number)).collect::<Result<_>>()?;
            self.job(&format!("scan-{turn}-{first}"), JobKind::Scan, found).await?;
        }
        Ok(candidates.div_ceil(CURRENT_EACH))
    }

    fn found(&self, turn: u16, number: u64) -> Result<FoundCredential> {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&number.to_be_bytes());
        fingerprint[8..10].copy_from_slice(&turn.to_be_bytes());
        let key = CandidateKey { user: user(number % self.users)?, fingerprint };
        let sealed = self.vault.seal_candidate(self.caller.tenant_id, &key, &guess(turn, number))?;
        let finding = Finding {
            source: "bench".into(),
            match_class: MatchClass::Pair,
            matched_attribute: None,
            matched_rule: None,
        };
        let now = SystemClock.now();
        Ok(FoundCredential {
            user: key.user,
            fingerprint,
            finding,
            proof: None,
            as_of: Ticks::default(),
            leaked: None,
            first_seen: now,
            last_seen: now,
            occurrences: 1,
            place: None,
            candidate: Some(Candidate { sealed, verifiers: 0, priority: 0 }),
        })
    }

    async fn job(&self, name: &str, kind: JobKind, found: Vec<FoundCredential>) -> Result<Job> {
        let id: EntityId = name.parse().map_err(|_| anyhow::anyhow!("{name} is no id"))?;
        let job = Job {
            id: id.clone(),
            kind,
            state: JobState::Waiting,
            created: SystemClock.now(),
            ended: None,
            lease: None,
            parameters: "{}".into(),
            progress: "{}".into(),
            message: None,
            creation: 0,
            version: 0,
        };
        self.write(vec![Command::PutJob { job: Box::new(job), expected: None, found }]).await?;
        let job = self.service.store().job(self.caller.tenant, &id).await?;
        job.with_context(|| format!("the job {name} is not there"))
    }

    async fn write(&self, commands: Vec<Command>) -> Result<()> {
        let written = self.service.store().execute_all(self.caller.tenant, self.caller.actor.clone(), commands, None);
        written.await.map_err(|failed| anyhow::anyhow!("it is not written: {}", failed.error))?;
        Ok(())
    }
}

fn user(number: u64) -> Result<EntityId> {
    format!("u-{number:06}").parse().map_err(|_| anyhow::anyhow!("user {number} has no id"))
}
