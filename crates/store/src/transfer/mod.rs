//! Moving everything that one store holds into another one, of whatever kind (docs/operations.md, "Moving to PostgreSQL
//! and back").
//!
//! [`TABLES`] say what there is to move, in a form that is no store's own; an [`Archive`] reads and writes that form;
//! [`transfer`] is the one driver over both.

mod digest;
mod driver;
mod tables;

pub use digest::Digest;
pub use driver::{Beginning, Copied, Progress, Side, TransferError, Verdict, transfer, transfer_in_portions};
pub use tables::{Column, TABLES, Table, Type};

use crate::{BoxFuture, Finding, StoreError};
use serde::{Deserialize, Serialize};

/// A value of a row. A truth value is 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// None.
    Null,
    /// A number, a time in ticks or a truth value.
    Integer(i64),
    /// A text.
    Text(Box<str>),
    /// Bytes, such as those of a digest.
    Bytes(Box<[u8]>),
}

/// A row: a value for each of its table's columns.
pub type Row = Vec<Value>;

/// Where rows are read from.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Whose rows, where the table is [by tenant](Table::is_by_tenant).
    pub tenant: Option<i64>,
    /// The key of the row before, without the tenant's number; empty before the first one.
    pub after: &'a [Value],
}

/// What tells a store, and each moment of it, from every other: whatever is written to it changes this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The registry's epoch.
    pub epoch: i64,
    /// The largest number that a tenant ever had.
    pub last_tenant: i64,
    /// Its tenants by their numbers.
    pub tenants: Vec<TenantIdentity>,
}

/// The same of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantIdentity {
    /// Its number.
    pub number: i64,
    /// Its id.
    pub id: Box<str>,
    /// The number of its newest change.
    pub sequence: i64,
    /// The time of that, in ticks.
    pub time: i64,
    /// The numbers of its oldest and its newest repeatable request: one that changes nothing is remembered too.
    pub requests: Option<(i64, i64)>,
}

/// How far a transfer has come. The target keeps it, in the transaction of what it tells of, from the beginning to the end
/// of the transfer; a store that has one is opened by nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The source, as it was at the beginning.
    pub source: Box<str>,
    /// Grows by one with each change of it, so that of two transfers at once one notices.
    pub step: i64,
    /// How far, in the driver's words.
    pub state: Box<str>,
}

/// A store as a transfer reads and writes it. Its schema is up to date.
///
/// May hold its thread up for as long as its work takes: made for command lines.
pub trait Archive: Send + Sync {
    /// What it is now.
    fn identity(&self) -> BoxFuture<'_, Result<Identity, StoreError>>;

    /// How many rows a table has, more or less: for progress.
    fn count(&self, table: &'static Table) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Rows in the order of their keys: up to `limit`, and fewer only at the end.
    fn rows<'a>(
        &'a self,
        table: &'static Table,
        scope: Scope<'a>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// The mark of the transfer whose target it is; `None` when it is a store like any other.
    fn mark(&self) -> BoxFuture<'_, Result<Option<Mark>, StoreError>>;

    /// Makes an empty store the target of a transfer; `false` when it is not empty.
    fn begin<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Deletes everything that the transfer before has written, and begins anew.
    fn clear<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Adds rows and moves the mark on, in one transaction. Fails when another transfer has moved it.
    fn put<'a>(
        &'a self,
        table: &'static Table,
        rows: &'a [Row],
        mark: &'a Mark,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Looks whether what it holds is sound, as [`crate::Store::check`] does; not how it is set up.
    fn check(&self) -> BoxFuture<'_, Result<Vec<Finding>, StoreError>>;

    /// Makes it a store like any other, which goes on where the source was.
    fn finish<'a>(&'a self, source: &'a Identity) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// The error of everybody else who opens the target of a transfer.
pub fn unfinished() -> StoreError {
    StoreError::Unusable(
        "the store is the target of a transfer that has not come to its end; run the same \
         `spillwatch migrate --from ... --to ...` again, which goes on where it was"
            .to_owned(),
    )
}

/// The error of a transfer whose mark is not where it left it.
pub fn overtaken() -> StoreError {
    StoreError::Unusable("another transfer writes to the same target".to_owned())
}
