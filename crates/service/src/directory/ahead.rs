//! The rows of a directory, read ahead on another thread while those before are looked at.

use crate::Service;
use crate::beside::Beside;
use crate::jobs::JobError;
use model::{TenantKey, edm};
use odata::encode::{Cell, CellError, Row};
use std::ops::Range;
use store::{AccountRow, Carried, PageQuery, Source, StoreError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::yield_now;

/// Rows that are handed over at once.
const PAGE: usize = 1_000;
/// Pages that wait to be looked at.
const AHEAD: usize = 8;

/// What names a user.
#[derive(Clone, Copy)]
pub(super) struct UserRow<'r> {
    pub(super) id: &'r str,
    pub(super) name: &'r str,
    pub(super) mail: Option<&'r str>,
    pub(super) is_enabled: Option<bool>,
}

impl<'r> UserRow<'r> {
    /// Of a row of users that has the columns of [`Carried::NAMES`].
    pub(super) fn of(row: &'r dyn Row) -> Result<Self, CellError> {
        use edm::user as at;
        let text = |position| match row.cell(position) {
            Cell::Text(text) => Some(text),
            _ => None,
        };
        let is_enabled = match row.cell(at::ACCOUNT_ENABLED) {
            Cell::Integer(value) => Some(value != 0),
            _ => None,
        };
        match (text(at::ID), text(at::USER_PRINCIPAL_NAME)) {
            (Some(id), Some(name)) => Ok(Self { id, name, mail: text(at::MAIL), is_enabled }),
            _ => Err(no_names()),
        }
    }
}

/// A user has no id, or none that can be one, or no userPrincipalName.
pub(super) fn no_names() -> CellError {
    let property = edm::USER.all_properties()[edm::user::ID];
    CellError { property: property.name, expected: property.ty }
}

/// Rows one after the other.
pub(super) enum Page {
    Users(Users),
    Accounts(Accounts),
}

/// Users, whose texts lie one after the other.
#[derive(Default)]
pub(super) struct Users {
    texts: String,
    rows: Vec<UserPlaces>,
}

/// Where in the texts those of a user are.
struct UserPlaces {
    id: Range<usize>,
    name: Range<usize>,
    mail: Option<Range<usize>>,
    is_enabled: Option<bool>,
}

impl Users {
    fn push(&mut self, UserRow { id, name, mail, is_enabled }: UserRow<'_>) {
        let [id, name] = [id, name].map(|text| keep(&mut self.texts, text));
        let mail = mail.map(|mail| keep(&mut self.texts, mail));
        self.rows.push(UserPlaces { id, name, mail, is_enabled });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = UserRow<'_>> {
        self.rows.iter().map(|row| UserRow {
            id: &self.texts[row.id.clone()],
            name: &self.texts[row.name.clone()],
            mail: row.mail.clone().map(|mail| &self.texts[mail]),
            is_enabled: row.is_enabled,
        })
    }
}

/// Accounts, whose texts lie one after the other.
#[derive(Default)]
pub(super) struct Accounts {
    texts: String,
    rows: Vec<AccountPlaces>,
}

/// Where in the texts those of an account are: source, key, user and names.
struct AccountPlaces {
    texts: [Range<usize>; 4],
    is_administrator: bool,
    verifiers: Option<u64>,
}

impl Accounts {
    fn push(&mut self, account: &AccountRow<'_>) {
        let AccountRow { source, key, user, names, is_administrator, verifiers } = *account;
        let texts = [source, key, user, names].map(|text| keep(&mut self.texts, text));
        self.rows.push(AccountPlaces { texts, is_administrator, verifiers });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = AccountRow<'_>> {
        self.rows.iter().map(|row| {
            let [source, key, user, names] = row.texts.each_ref().map(|text| &self.texts[text.clone()]);
            AccountRow { source, key, user, names, is_administrator: row.is_administrator, verifiers: row.verifiers }
        })
    }
}

/// Puts a text behind the others, and tells where it is.
fn keep(texts: &mut String, text: &str) -> Range<usize> {
    let start = texts.len();
    texts.push_str(text);
    start..texts.len()
}

impl Service {
    /// Begins to read a tenant's users and then its accounts. Whoever takes the pages has read all when there are no more
    /// and the reading ends well.
    pub(super) fn read_ahead(&self, tenant: TenantKey) -> (Receiver<Page>, Beside<()>) {
        let (pages, taken) = channel(AHEAD);
        let service = self.clone();
        let reading = Beside::new("the directory", async move {
            service.users_into(tenant, &pages).await?;
            service.accounts_into(tenant, &pages).await
        });
        (taken, reading)
    }

    async fn users_into(&self, tenant: TenantKey, pages: &Sender<Page>) -> Result<(), JobError> {
        let mut query = PageQuery { carried: Carried::NAMES, ..PageQuery::all(Source::Users, PAGE as u32) };
        loop {
            let mut page = Users { rows: Vec::with_capacity(PAGE), ..Users::default() };
            let mut sink = |row: &dyn Row| {
                page.push(UserRow::of(row)?);
                Ok(())
            };
            query.after = self.store().page(tenant, query.clone(), &mut sink).await?;
            hand_over(pages, Page::Users(page)).await?;
            if query.after.is_none() {
                return Ok(());
            }
        }
    }

    async fn accounts_into(&self, tenant: TenantKey, pages: &Sender<Page>) -> Result<(), JobError> {
        let mut after = None;
        loop {
            let mut page = Accounts { rows: Vec::with_capacity(PAGE), ..Accounts::default() };
            let mut sink = |account: &AccountRow<'_>| -> Result<(), StoreError> {
                page.push(account);
                Ok(())
            };
            after = self.store().look_at_accounts(tenant, after.as_ref(), PAGE as u32, &mut sink).await?;
            hand_over(pages, Page::Accounts(page)).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// Hands a page over, unless nobody wants it any more.
async fn hand_over(pages: &Sender<Page>, page: Page) -> Result<(), JobError> {
    let gone = |_| JobError::Interrupted("the directory is no longer wanted".to_owned());
    pages.send(page).await.map_err(gone)?;
    yield_now().await; // a store that reads where it is asked never waits
    Ok(())
}
