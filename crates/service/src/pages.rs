//! What stores give in pages, one after another.

use crate::{Service, ServiceError};
use futures_util::future::join;
use futures_util::stream::{StreamExt as _, iter};
use model::{Account, AccountKey, Caller, Command, EntityId, Note, TenantKey, Total};
use store::{Accounts, KeptVerifiers, Outcome, StoreError, VerifierSink};
use tokio::task::yield_now;

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
        let store = self.store();
        let mut page = store.accounts(tenant, which, None, PAGE).await?;
        while let Some(last) = page.last() {
            let after: AccountKey = last.key.clone();
            // The store reads the next page while this one is looked at.
            let next = store.accounts(tenant, which, Some(&after), PAGE);
            let (next, ()) = join(next, async { page.into_iter().for_each(&mut look) }).await;
            page = next?;
        }
        Ok(())
    }

    /// The accounts of a user.
    pub(crate) async fn accounts_of(&self, tenant: TenantKey, user: &EntityId) -> Result<Vec<Account>, StoreError> {
        let mut accounts = Vec::new();
        let which = Accounts::OfUsers(std::slice::from_ref(user));
        self.each_account(tenant, which, |account| accounts.push(account)).await?;
        Ok(accounts)
    }

    /// Looks at a tenant's sealed verifiers as the store holds them, in the order of their numbers.
    pub(crate) async fn each_verifier_row(
        &self,
        tenant: TenantKey,
        sink: &mut dyn VerifierSink,
    ) -> Result<(), StoreError> {
        let mut after = self.store().look_at_verifiers(tenant, 0, PAGE, sink).await?;
        while let Some(number) = after {
            yield_now().await;
            after = self.store().look_at_verifiers(tenant, number, PAGE, sink).await?;
        }
        Ok(())
    }

    /// Looks at pages of a tenant's sealed verifiers, in the order of their numbers.
    pub(crate) async fn each_page_of_verifiers<E: From<StoreError>>(
        &self,
        tenant: TenantKey,
        mut look: impl AsyncFnMut(Vec<KeptVerifiers>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut page = self.store().verifiers(tenant, 0, PAGE).await?;
        while let Some(last) = page.last() {
            let next = self.store().verifiers(tenant, last.number, PAGE);
            let (next, looked) = join(next, look(page)).await;
            looked?;
            page = next?;
        }
        Ok(())
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
