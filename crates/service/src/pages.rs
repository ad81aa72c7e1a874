//! What stores give in pages, one after another.

use crate::{Service, ServiceError};
use futures_util::stream::{StreamExt as _, iter};
use model::{Account, AccountKey, Caller, Command, Note, TenantKey, Total};
use store::{Accounts, KeptVerifiers, Outcome, StoreError};

/// Rows that are read at once, and sealed anew in one transaction: it is over before others wait for it.
const PAGE: u32 = 1_000;
/// Commands that are under way at once: as many as the store writes in one transaction.
const WINDOW: usize = 256;

impl Service {
    /// Looks at accounts of a tenant, in the order of their keys.
    pub(crate) async fn each_account(
        &self,
        tenant: TenantKey,
        which: Accounts<'_>,
        mut look: impl FnMut(Account),
    ) -> Result<(), StoreError> {
        let mut after: Option<AccountKey> = None;
        loop {
            let page = self.store().accounts(tenant, which, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            page.into_iter().for_each(&mut look);
        }
    }

    /// Looks at pages of a tenant's sealed verifiers, in the order of their numbers.
    pub(crate) async fn each_page_of_verifiers<E: From<StoreError>>(
        &self,
        tenant: TenantKey,
        mut look: impl AsyncFnMut(Vec<KeptVerifiers>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = 0;
        loop {
            let page = self.store().verifiers(tenant, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.number;
            look(page).await?;
        }
    }

    /// How many users a tenant has.
    pub(crate) async fn user_count(&self, tenant: TenantKey) -> Result<u64, StoreError> {
        let totals = self.store().totals(tenant).await?;
        Ok(totals.iter().find(|(total, _)| *total == Total::Users).map_or(0, |(_, count)| *count))
    }

    /// Carries commands of a job out, some at once, and says in their order what each came to.
    pub(crate) async fn carry_out(
        &self,
        caller: &Caller,
        commands: impl IntoIterator<Item = Command>,
        mut came: impl FnMut(Note),
    ) -> Result<(), ServiceError> {
        let execute = |command| self.store().execute(caller.tenant, caller.actor.clone(), command);
        let mut outcomes = iter(commands).map(execute).buffered(WINDOW);
        while let Some(outcome) = outcomes.next().await {
            if let Outcome::Noted(note) = outcome? {
                came(note); // commands of jobs come to nothing else
            }
        }
        Ok(())
    }
}
