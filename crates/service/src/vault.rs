//! What keeps secrets of a directory: verifiers are sealed before they reach the store, and of a found password nothing
//! leaves but an HMAC (leaks.md, section 5).
//!
//! The seal's key is the operator's, the HMAC's is random; neither is in the tables that hold what they protect.

use auth::{OperatorKeys, SealError, SecretBytes};
use aws_lc_rs::hmac;
use model::{
    AccountKey, CandidateKey, EntityId, RetainedCandidate, RetainedMark, Sealed, SealedVerifiers, TenantId, Ticks,
    VerifierTag,
};
use std::fmt::Write as _;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Seals verifiers and fingerprints passwords. It has no `Debug` on purpose.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    operator: Arc<OperatorKeys>,
    fingerprint: hmac::Key,
}

/// What the first part of a message is for, so that no two uses share one.
mod purpose {
    pub const FINGERPRINT: &[u8] = b"fingerprint of a credential";
    pub const EVENT: &[u8] = b"id of an event";
    pub const TAG: &[u8] = b"tag of verifiers";
    pub const SALT: &[u8] = b"salt of a derived verifier";
    pub const USER: &[u8] = b"id of a user";
    pub const ADDRESS: &[u8] = b"fingerprint of an address without a credential";
    pub const NAME: &[u8] = b"mark of a name";
    pub const CREDENTIAL: &[u8] = b"mark of a credential beside a name";
}

impl Vault {
    /// Seals with the operator's keys, and fingerprints with a secret of 32 bytes that stays the same.
    pub fn new(operator: Arc<OperatorKeys>, fingerprint: &[u8; 32]) -> Self {
        Self(Arc::new(Keys { operator, fingerprint: hmac::Key::new(hmac::HMAC_SHA256, fingerprint) }))
    }

    /// The keys that seal.
    pub fn operator_keys(&self) -> &OperatorKeys {
        &self.0.operator
    }

    /// HMAC-SHA256 over parts, each behind its length, so that no two lists of parts are one message.
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0.fingerprint);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    /// What tells a user's credential from others of theirs. The user is part of it, so that equal passwords of two
    /// users do not show as such.
    pub fn fingerprint(&self, tenant: TenantId, user: &str, password: &[u8]) -> [u8; 32] {
        self.mac(&[purpose::FINGERPRINT, tenant.to_string().as_bytes(), user.as_bytes(), password])
    }

    /// What stands in place of a credential's fingerprint where a user's name was seen without one: one for each user, which
    /// no password has.
    pub fn address_fingerprint(&self, tenant: TenantId, user: &str) -> [u8; 32] {
        self.mac(&[purpose::ADDRESS, tenant.to_string().as_bytes(), user.as_bytes()])
    }

    /// The id of the event that stands for a user and a credential: the same in every job (a UUID of version 8, RFC 9562).
    pub fn event_id(&self, tenant: TenantId, user: &EntityId, fingerprint: &[u8; 32]) -> EntityId {
        let tenant = tenant.to_string();
        uuid_of(&self.mac(&[purpose::EVENT, tenant.as_bytes(), user.as_str().as_bytes(), fingerprint]))
    }

    /// The id of the user that an account makes, where the directory gives none: the same whenever it is imported.
    pub fn user_id(&self, tenant: TenantId, account: &AccountKey) -> EntityId {
        let (tenant, source, key) = (tenant.to_string(), account.source.as_bytes(), account.key.as_bytes());
        uuid_of(&self.mac(&[purpose::USER, tenant.as_bytes(), source, key]))
    }

    /// The salt under which a password that an account's directory holds in clear is derived: always the same, so
    /// that the same password does not look like a new one when it is imported again.
    pub fn salt(&self, tenant: TenantId, account: &AccountKey) -> [u8; 16] {
        let (tenant, source, key) = (tenant.to_string(), account.source.as_bytes(), account.key.as_bytes());
        half(&self.mac(&[purpose::SALT, tenant.as_bytes(), source, key]))
    }

    /// Seals the verifiers of an account: lines of canonical texts.
    pub fn seal(&self, tenant: TenantId, account: &AccountKey, verifiers: &[u8]) -> Result<SealedVerifiers, SealError> {
        let (id, source, key) = (tenant.to_string(), account.source.as_bytes(), account.key.as_bytes());
        let tag: VerifierTag = half(&self.mac(&[purpose::TAG, id.as_bytes(), source, key, verifiers]));
        let sealed = self.0.operator.seal(&name(tenant, account), verifiers)?;
        Ok(SealedVerifiers { tag, sealed: sealed.into() })
    }

    /// Seals a password that may be a user's while it waits to be checked.
    pub fn seal_candidate(&self, tenant: TenantId, key: &CandidateKey, password: &[u8]) -> Result<Sealed, SealError> {
        Ok(Sealed(self.0.operator.seal(&candidate_name(tenant, key), password)?.into()))
    }

    /// Opens it.
    pub fn open_candidate(
        &self,
        tenant: TenantId,
        key: &CandidateKey,
        sealed: &Sealed,
    ) -> Result<SecretBytes, SealError> {
        self.0.operator.open(&candidate_name(tenant, key), &sealed.0)
    }

    /// The same, sealed with the key in use; `None` where it is already.
    pub fn reseal_candidate(
        &self,
        tenant: TenantId,
        key: &CandidateKey,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, SealError> {
        Ok(self.anew(&candidate_name(tenant, key), &sealed.0)?.map(Sealed))
    }

    /// What finds a name, as matching spells it, among what is kept for users who come later.
    pub fn name_mark(&self, tenant: TenantId, name: &str) -> RetainedMark {
        half(&self.mac(&[purpose::NAME, tenant.to_string().as_bytes(), name.as_bytes()]))
    }

    /// What tells a credential that stands beside a name from others, and from the same in another source; one that may be a
    /// password or the hash of one is two.
    pub fn credential_mark(
        &self,
        tenant: TenantId,
        name: &RetainedMark,
        (source, secret, is_hash): (&str, &[u8], bool),
    ) -> RetainedMark {
        let (tenant, kind) = (tenant.to_string(), [u8::from(is_hash)]);
        half(&self.mac(&[purpose::CREDENTIAL, tenant.as_bytes(), name, source.as_bytes(), &kind, secret]))
    }

    /// Seals what is kept for users who come later.
    pub fn seal_retained(
        &self,
        tenant: TenantId,
        (name, credential): (&RetainedMark, &RetainedMark),
        content: &[u8],
    ) -> Result<Sealed, SealError> {
        Ok(Sealed(self.0.operator.seal(&retained_name(tenant, name, credential), content)?.into()))
    }

    /// Opens it.
    pub fn open_retained(&self, tenant: TenantId, kept: &RetainedCandidate) -> Result<SecretBytes, SealError> {
        self.0.operator.open(&retained_name(tenant, &kept.name, &kept.credential), &kept.sealed.0)
    }

    /// The same, sealed with the key in use; `None` where it is already.
    pub fn reseal_retained(
        &self,
        tenant: TenantId,
        kept: &RetainedCandidate,
    ) -> Result<Option<RetainedCandidate>, SealError> {
        let sealed = self.anew(&retained_name(tenant, &kept.name, &kept.credential), &kept.sealed.0)?;
        Ok(sealed.map(|sealed| RetainedCandidate { sealed: Sealed(sealed), ..kept.clone() }))
    }

    /// Opens what was sealed for an account.
    pub fn open(&self, tenant: TenantId, account: &AccountKey, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        self.0.operator.open(&name(tenant, account), sealed)
    }

    /// The same, sealed with the key in use; `None` where it is already. Opens it in either case, so that what is
    /// damaged is told.
    pub fn reseal(
        &self,
        tenant: TenantId,
        account: &AccountKey,
        sealed: &[u8],
    ) -> Result<Option<Box<[u8]>>, SealError> {
        self.anew(&name(tenant, account), sealed)
    }

    fn anew(&self, name: &str, sealed: &[u8]) -> Result<Option<Box<[u8]>>, SealError> {
        let opened: Zeroizing<Vec<u8>> = self.0.operator.open(name, sealed)?;
        if self.0.operator.is_current(name, sealed)? {
            return Ok(None);
        }
        Ok(Some(self.0.operator.seal(name, &opened)?.into()))
    }
}

impl Vault {
    /// Seals pairs that wait to be checked, as a task of a job has them.
    pub(crate) fn seal_pairs(
        &self,
        tenant: TenantId,
        (job, number): (&EntityId, u64),
        pairs: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.0.operator.seal(&name_of_pairs(tenant, job, number), pairs)
    }

    /// Opens what was sealed for a task of a job.
    pub(crate) fn open_pairs(
        &self,
        tenant: TenantId,
        (job, number): (&EntityId, u64),
        sealed: &[u8],
    ) -> Result<SecretBytes, SealError> {
        self.0.operator.open(&name_of_pairs(tenant, job, number), sealed)
    }

    /// The same, sealed with the key in use; `None` where it is already.
    pub(crate) fn reseal_pairs(
        &self,
        tenant: TenantId,
        (job, number): (&EntityId, u64),
        sealed: &[u8],
    ) -> Result<Option<Box<[u8]>>, SealError> {
        self.anew(&name_of_pairs(tenant, job, number), sealed)
    }
}

/// The name under which pairs are sealed: they cannot be passed off as verifiers, or as another task's.
fn name_of_pairs(tenant: TenantId, job: &EntityId, number: u64) -> String {
    format!("pairs/{tenant}/{job}/{number}")
}

/// The name under which the verifiers of an account are sealed: they cannot be passed off as another account's.
fn name(tenant: TenantId, account: &AccountKey) -> String {
    format!("verifiers/{tenant}/{}/{}", account.source, account.key)
}

/// The name under which a candidate is sealed.
fn candidate_name(tenant: TenantId, key: &CandidateKey) -> String {
    format!("candidate/{tenant}/{}/{}", key.user, hexadecimal(&key.fingerprint))
}

/// The name under which a candidate is sealed that is kept for users who come later.
fn retained_name(tenant: TenantId, name: &RetainedMark, credential: &RetainedMark) -> String {
    format!("retained/{tenant}/{}/{}", hexadecimal(name), hexadecimal(credential))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn half(mac: &[u8; 32]) -> [u8; 16] {
    *mac.first_chunk().expect("16 of 32 bytes")
}

fn uuid_of(mac: &[u8; 32]) -> EntityId {
    uuid::Builder::from_custom_bytes(half(mac)).into_uuid().into()
}

/// When an event of a job is created: within the millisecond that begins with the job, by the event's id, so that it is
/// the same whenever the job is run and not the same for all of its events.
pub fn created_at(job: Ticks, event: &EntityId) -> Ticks {
    const MILLISECOND: i64 = Ticks::PER_SECOND / 1000;
    let sum = event.as_str().bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % MILLISECOND);
    Ticks::new(job.get() + sum).unwrap_or(job)
}
