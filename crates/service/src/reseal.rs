//! Everything that is sealed, as a whole: whether the keys at hand open it, and sealing all of it with another key. These are
//! verifiers, and passwords that wait: for slow verifiers, for users who come later, and in pairs that were handed in.

mod waiting;

use crate::jobs::JobError;
use crate::{Service, ServiceError, Vault};
use auth::SealError;
use model::{Account, JobState, Tenant, TenantKey};
use std::collections::HashSet;
use store::{Accounts, AdminCommand, KeptVerifiers};
pub use waiting::WaitingTally;

/// Jobs that are read at once.
const JOBS: u32 = 1_000;

/// What became of sealed things of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there are, of all tenants; of verifiers with those that are kept for jobs that can be undone.
    pub all: u64,
    /// Of these, how many were sealed anew; others were sealed with the key in use already.
    pub resealed: u64,
    /// How many no key at hand opens: they are left as they are.
    pub unopenable: u64,
}

/// What became of everything that is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Verifiers.
    pub verifiers: Tally,
    /// Passwords that wait.
    pub waiting: WaitingTally,
}

impl Resealed {
    /// How many were sealed anew.
    pub fn anew(&self) -> u64 {
        self.verifiers.resealed + self.waiting.sum().resealed
    }
}

/// Whether verifiers can be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openable {
    /// How many there are, of all tenants, with those that are kept for jobs that can be undone.
    pub all: u64,
    /// How many of those that users have now the keys at hand do not open: nothing can be told of these users.
    pub unopenable: u64,
    /// How many of the others, which are kept for jobs that can be undone, they do not open.
    pub unopenable_of_before: u64,
    /// Of these, why the first one is not opened.
    pub why: Option<SealError>,
    /// Passwords that wait; none of them is sealed anew.
    pub waiting: WaitingTally,
    /// Of these, why the first one is not opened.
    pub why_waiting: Option<SealError>,
}

impl Service {
    /// Whether any tenant has verifiers.
    pub async fn has_verifiers(&self) -> Result<bool, JobError> {
        for tenant in self.registry().await?.tenants {
            if !self.store().verifiers(tenant.key, 0, 1).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether any tenant has anything that is sealed: without the key it is lost.
    pub async fn has_sealed(&self) -> Result<bool, JobError> {
        Ok(self.has_verifiers().await? || self.has_waiting().await?)
    }

    /// Opens every verifier of every tenant, and every password that waits, and keeps none.
    pub async fn openable(&self, vault: &Vault) -> Result<Openable, JobError> {
        let mut found = Openable::default();
        let mut closed: HashSet<(TenantKey, u64)> = HashSet::new();
        self.each_page(async |tenant: &Tenant, page: Vec<KeptVerifiers>| {
            found.all += page.len() as u64;
            for kept in &page {
                if let Err(why) = vault.open(tenant.id, &kept.account, &kept.sealed) {
                    closed.insert((tenant.key, kept.number));
                    found.why.get_or_insert(why);
                }
            }
            Ok(())
        })
        .await?;
        if !closed.is_empty() {
            for tenant in self.registry().await?.tenants {
                found.unopenable += self.count_current(tenant.key, &closed).await?;
            }
            found.unopenable_of_before = closed.len() as u64 - found.unopenable;
        }
        (found.waiting, found.why_waiting) = self.look_at_waiting(vault).await?;
        Ok(found)
    }

    /// How many of these verifiers accounts of a tenant have now.
    async fn count_current(&self, tenant: TenantKey, which: &HashSet<(TenantKey, u64)>) -> Result<u64, JobError> {
        let mut count = 0;
        let is_one = |account: &Account| account.verifiers.is_some_and(|mark| which.contains(&(tenant, mark.number)));
        self.each_account(tenant, Accounts::All, |account| count += u64::from(is_one(&account))).await?;
        Ok(count)
    }

    /// Seals every verifier of every tenant with the key in use, and then every password that waits. What is already is left
    /// alone, so that a run that was interrupted is finished by the next one; so is what no key at hand opens. Goes over each
    /// kind again until it finds nothing to do: somebody may have added some meanwhile.
    ///
    /// Verifiers come first: whoever has only the key of before learns from them that it is the wrong one, and leaves what
    /// waits as it is (see the queue).
    pub async fn reseal(&self, vault: &Vault) -> Result<Resealed, JobError> {
        Ok(Resealed { verifiers: self.reseal_verifiers(vault).await?, waiting: self.reseal_waiting(vault).await? })
    }

    async fn reseal_verifiers(&self, vault: &Vault) -> Result<Tally, JobError> {
        let mut whole = Tally::default();
        loop {
            let mut round = Tally::default();
            self.each_page(async |tenant: &Tenant, page: Vec<KeptVerifiers>| {
                round.all += page.len() as u64;
                let mut anew = Vec::new();
                for kept in &page {
                    match vault.reseal(tenant.id, &kept.account, &kept.sealed) {
                        Ok(Some(sealed)) => anew.push((kept.number, sealed)),
                        Ok(None) => {}
                        Err(SealError::Crypto { name }) => return Err(SealError::Crypto { name }.into()),
                        Err(_) => round.unopenable += 1,
                    }
                }
                if anew.is_empty() {
                    return Ok(());
                }
                round.resealed += anew.len() as u64;
                let command = AdminCommand::Reseal { tenant: tenant.key, verifiers: anew };
                self.store().administer(command).await.map_err(ServiceError::from)?;
                Ok(())
            })
            .await?;
            whole = Tally { resealed: whole.resealed + round.resealed, ..round };
            if round.resealed == 0 {
                return Ok(whole);
            }
        }
    }

    /// Fails when a process works at a job of any tenant: it may seal verifiers with the key that it has.
    pub async fn no_job_is_worked_at(&self) -> Result<(), JobError> {
        for tenant in self.registry().await?.tenants {
            let mut before = None;
            loop {
                let page = self.store().jobs(tenant.key, before, JOBS).await?;
                let Some(last) = page.last() else { break };
                before = Some(last.creation);
                for job in page.iter().filter(|job| job.state == JobState::Running) {
                    self.must_rest(job, false)?;
                }
            }
        }
        Ok(())
    }

    async fn each_page(
        &self,
        mut look: impl AsyncFnMut(&Tenant, Vec<KeptVerifiers>) -> Result<(), JobError>,
    ) -> Result<(), JobError> {
        for tenant in self.registry().await?.tenants {
            self.each_page_of_verifiers(tenant.key, async |page| look(&tenant, page).await).await?;
        }
        Ok(())
    }
}
