//! One check: a candidate against the verifiers that a user has now.

use super::memory::Memory;
use crate::detect::asked;
use crate::jobs::JobError;
use crate::wipe::wipe_stack;
use crate::{Service, Vault};
use auth::{SealError, SecretBytes};
use model::{Account, AccountKey, Caller, CandidateKey, EntityId, Judgement, QueuedCandidate, Ticks};
use std::collections::HashMap;
use verify::verifier::{CheckError, Limits, Verifier};

/// What is known of a user's verifiers.
struct Known {
    /// The number of the newest.
    newest: u64,
    accounts: Vec<(AccountKey, u64)>,
    /// Sealed, in the order of the accounts.
    sealed: Vec<Box<[u8]>>,
}

/// Reads what candidates are checked against, each user's once.
pub(super) struct Reader<'r> {
    service: &'r Service,
    vault: &'r Vault,
    caller: &'r Caller,
    imported: HashMap<Box<str>, Ticks>,
    users: HashMap<EntityId, Known>,
    limits: Limits,
}

/// A check that is ready to be done.
pub(super) struct Check {
    pub(super) key: CandidateKey,
    pub(super) attempts: u32,
    newest: u64,
    candidate: SecretBytes,
    /// Of each account: its key, the number of its verifiers, when its directory last told of it, and whom to ask.
    against: Vec<(AccountKey, u64, Ticks, Vec<Verifier>)>,
}

/// What comes of reading a candidate.
pub(super) enum Read {
    /// It is to be checked.
    Check(Check),
    /// It was decided by the same verifiers before.
    Known(Judgement),
    /// The user's verifiers are sealed with a key that is not at hand, and so may be all that waits: another one took its
    /// place. No candidate is to be given up for that.
    OtherKey(SealError),
}

impl<'r> Reader<'r> {
    pub(super) async fn new(service: &'r Service, vault: &'r Vault, caller: &'r Caller) -> Result<Self, JobError> {
        let imported = service.imported(caller).await?;
        Ok(Self { service, vault, caller, imported, users: HashMap::new(), limits: Limits::default() })
    }

    /// Opens a candidate and the verifiers of its user.
    pub(super) async fn read(&mut self, queued: QueuedCandidate) -> Result<Read, JobError> {
        let QueuedCandidate { key, sealed, judged, attempts } = queued;
        if !self.users.contains_key(&key.user) {
            let known = self.user(&key.user).await?;
            self.users.insert(key.user.clone(), known);
        }
        let known = &self.users[&key.user];
        let as_of = |source: &str| self.imported.get(source).copied().unwrap_or_default();
        if let Some(judged) = judged.filter(|judged| judged.verifiers == known.newest) {
            let as_of = judged.proof.as_ref().map_or(judged.as_of, |(account, _)| as_of(&account.source));
            return Ok(Read::Known(Judgement { as_of, ..judged }));
        }
        let mut against = Vec::with_capacity(known.accounts.len());
        for ((account, number), sealed) in known.accounts.iter().zip(&known.sealed) {
            let opened = match self.vault.open(self.caller.tenant_id, account, sealed) {
                Err(error @ SealError::OtherKey { .. }) => return Ok(Read::OtherKey(error)),
                opened => opened?,
            };
            against.push((account.clone(), *number, as_of(&account.source), asked(&opened, &self.limits)));
        }
        let candidate = self.vault.open_candidate(self.caller.tenant_id, &key, &sealed)?;
        Ok(Read::Check(Check { key, attempts, newest: known.newest, candidate, against }))
    }

    async fn user(&self, user: &EntityId) -> Result<Known, JobError> {
        let (store, tenant) = (self.service.store(), self.caller.tenant);
        let mut known = Known { newest: 0, accounts: Vec::new(), sealed: Vec::new() };
        for account in self.service.accounts_of(tenant, user).await? {
            let Account { key, verifiers: Some(mark), .. } = account else { continue };
            let Some(before) = mark.number.checked_sub(1) else { continue };
            let found = store.verifiers(tenant, before, 1).await?;
            let Some(kept) = found.into_iter().find(|kept| kept.number == mark.number) else { continue };
            known.newest = known.newest.max(mark.number);
            known.accounts.push((key, mark.number));
            known.sealed.push(kept.sealed);
        }
        Ok(known)
    }
}

impl Check {
    /// Asks the verifiers; `Err` says why one of them could not be asked, where none of the others has proved it.
    pub(super) fn run(&self, memory: &Memory) -> Result<Judgement, String> {
        let decided = |proof, as_of| Judgement { verifiers: self.newest, proof, as_of };
        let mut not_asked = None;
        for (account, number, as_of, verifiers) in &self.against {
            for verifier in verifiers {
                let needed = verifier.cost().memory_bytes;
                let Some(held) = memory.hold(needed) else {
                    let (scheme, mebibytes) = (verifier.scheme(), needed >> 20);
                    not_asked.get_or_insert_with(|| {
                        format!(
                            "a verifier ({scheme}) takes {mebibytes} MiB to be asked, which is more than checks may hold here"
                        )
                    });
                    continue;
                };
                let checked = verifier.check(&self.candidate);
                drop(held);
                wipe_stack();
                match checked {
                    Ok(true) => return Ok(decided(Some((account.clone(), *number)), *as_of)),
                    // What is too long to be a password is none.
                    Ok(false) | Err(CheckError::CandidateTooLong { .. }) => {}
                    Err(error) => _ = not_asked.get_or_insert_with(|| error.to_string()),
                }
            }
        }
        not_asked.map_or_else(|| Ok(decided(None, Ticks::default())), Err)
    }
}
