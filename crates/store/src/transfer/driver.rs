//! The one driver over both stores.

use super::{Archive, Digest, Identity, Mark, Row, Scope, TABLES, Table, Value};
use crate::{Finding, StoreError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a transfer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// With an empty target.
    Fresh,
    /// Where one that was interrupted had come to.
    Resumed,
    /// With a target that was emptied: the source has changed since it was begun.
    SourceHasChanged,
    /// With a target that was emptied: what it held was not what the source holds.
    TargetDiffered,
}

/// What a transfer tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It begins.
    Begun(Beginning),
    /// So many rows of all, more or less, are in the target.
    Copied {
        /// The table that is being copied.
        table: &'static str,
        /// Rows.
        rows: u64,
        /// All.
        of: u64,
    },
    /// So many rows of all were read back.
    Verified {
        /// The table that is being read.
        table: &'static str,
        /// Rows.
        rows: u64,
        /// All.
        of: u64,
    },
    /// The target is looked at as a whole.
    Checking,
}

/// Rows of a table, and their checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// How many.
    pub rows: u64,
    /// Of all of them.
    pub digest: Digest,
}

impl Copied {
    fn take(&mut self, rows: &[Row]) {
        self.rows += rows.len() as u64;
        self.digest = rows.iter().fold(self.digest, Digest::then);
    }
}

/// What came of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The table.
    pub table: &'static str,
    /// What was read from the source.
    pub source: Copied,
    /// What was read back from the target.
    pub target: Copied,
}

impl Verdict {
    /// Whether the target holds what the source holds.
    pub fn is_equal(&self) -> bool {
        self.source == self.target
    }
}

/// A transfer did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// There is no tenant.
    #[error("the source holds no tenant: there is nothing to move")]
    NothingToMove,
    /// The source is half a store.
    #[error("the source is itself the target of a transfer that has not come to its end")]
    SourceIsUnfinished,
    /// There is something in the target.
    #[error("the target holds tenants already; a store is moved into an empty one only")]
    NotEmpty,
    /// What is in the target comes from elsewhere.
    #[error("the target holds a part of another store, whose transfer has not come to its end; take an empty one")]
    OtherSource,
    /// Somebody has written to the source.
    #[error(
        "the source was written to meanwhile, so the target is not what it is now; stop its servers and run the same command \
         again, which starts over"
    )]
    SourceHasChanged,
    /// The target is not what the source is.
    #[error("what was read back from the target differs from the source in {}; running the same command again starts over", differing(.0))]
    Differs(Vec<Verdict>),
    /// What the target holds does not fit together.
    #[error("the target is not sound: {}; check the source with `spillwatch doctor`", unsound(.0))]
    Unsound(Vec<Finding>),
    /// Whoever watches wanted it to end.
    #[error("the transfer was interrupted; run the same command again, which goes on where it was")]
    Interrupted,
    /// A store could not.
    #[error("{side} {error}")]
    Store {
        /// Which one.
        side: Side,
        /// Why.
        #[source]
        error: StoreError,
    },
}

/// One of the two stores, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where from.
    Source,
    /// Where to.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Source { "source:" } else { "target:" })
    }
}

fn at_source(error: StoreError) -> TransferError {
    TransferError::Store { side: Side::Source, error }
}

fn at_target(error: StoreError) -> TransferError {
    TransferError::Store { side: Side::Target, error }
}

fn differing(verdicts: &[Verdict]) -> String {
    let names: Vec<&str> = verdicts.iter().filter(|verdict| !verdict.is_equal()).map(|verdict| verdict.table).collect();
    names.join(", ")
}

fn unsound(findings: &[Finding]) -> String {
    let told: Vec<String> = findings
        .iter()
        .filter(|finding| !finding.sound)
        .map(|finding| format!("{}: {}", finding.subject, finding.detail))
        .collect();
    told.join("; ")
}

/// How far a transfer has come, as the target keeps it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    /// What is in the target of each table; the last one is not whole yet.
    copied: Vec<Copied>,
    /// The key of the last row of that one.
    after: Vec<Value>,
    /// Whether the target was found to differ: nobody goes on with it.
    differs: bool,
}

impl State {
    fn marked(&self, source: &str, step: i64) -> Mark {
        let state = serde_json::to_string(self).expect("numbers and texts are written");
        Mark { source: source.into(), step, state: state.into() }
    }
}

/// Whoever watches; `false` ends the transfer, which can be taken up again.
type Watcher<'a> = &'a mut (dyn FnMut(Progress) -> bool + Send);

/// Moves everything that the source holds into the target, and answers what came of each table.
///
/// What is copied is in the target for good, together with how far that is, so a transfer that was interrupted, however
/// that was, goes on when it is called again. At its end the target is read back whole and looked at as `doctor` does.
/// While anything is not as it should be, the target stays one that nobody else opens.
pub async fn transfer(
    from: &dyn Archive,
    to: &dyn Archive,
    watcher: Watcher<'_>,
) -> Result<Vec<Verdict>, TransferError> {
    transfer_in_portions(from, to, u32::MAX, watcher).await
}

/// The same with `most` rows in one transaction, where that is less than the table's [chunk](Table::chunk).
pub async fn transfer_in_portions(
    from: &dyn Archive,
    to: &dyn Archive,
    most: u32,
    watcher: Watcher<'_>,
) -> Result<Vec<Verdict>, TransferError> {
    if from.mark().await.map_err(at_source)?.is_some() {
        return Err(TransferError::SourceIsUnfinished);
    }
    let identity = from.identity().await.map_err(at_source)?;
    if identity.tenants.is_empty() {
        return Err(TransferError::NothingToMove);
    }
    let (mut mark, mut state, beginning) = begin(to, &identity).await?;
    tell(watcher, Progress::Begun(beginning))?;
    let mut all = 0;
    for table in TABLES {
        all += from.count(table).await.map_err(at_source)?;
    }
    let copying = Copying { from, to, identity: &identity, most, all };
    let copied = copying.run(&mut mark, &mut state, watcher).await;
    if !matches!(copied, Err(TransferError::Interrupted)) {
        must_be(from, &identity).await?; // rows of several moments may not even fit together
    }
    copied?;
    let verdicts = verify(to, &identity, &state, watcher).await?;
    let fault = if verdicts.iter().all(Verdict::is_equal) {
        tell(watcher, Progress::Checking)?;
        let findings = to.check().await.map_err(at_target)?;
        findings.iter().any(|finding| !finding.sound).then_some(TransferError::Unsound(findings))
    } else {
        Some(TransferError::Differs(verdicts.clone()))
    };
    if let Some(fault) = fault {
        state.differs = true;
        let mark = state.marked(&mark.source, mark.step + 1);
        to.put(TABLES[0], &[], &mark).await.map_err(at_target)?;
        return Err(fault);
    }
    // Once more: what was written since would be lost with the source.
    must_be(from, &identity).await?;
    to.finish(&identity).await.map_err(at_target)?;
    Ok(verdicts)
}

fn tell(watcher: Watcher<'_>, progress: Progress) -> Result<(), TransferError> {
    if watcher(progress) { Ok(()) } else { Err(TransferError::Interrupted) }
}

async fn must_be(from: &dyn Archive, identity: &Identity) -> Result<(), TransferError> {
    if from.identity().await.map_err(at_source)? == *identity { Ok(()) } else { Err(TransferError::SourceHasChanged) }
}

/// Takes the target up as it is, or makes it one.
async fn begin(to: &dyn Archive, identity: &Identity) -> Result<(Mark, State, Beginning), TransferError> {
    let source = serde_json::to_string(identity).expect("numbers and texts are written");
    let fresh = State::default();
    let Some(kept) = to.mark().await.map_err(at_target)? else {
        let mark = fresh.marked(&source, 0);
        if !to.begin(&mark).await.map_err(at_target)? {
            return Err(TransferError::NotEmpty);
        }
        return Ok((mark, fresh, Beginning::Fresh));
    };
    let beginning = match serde_json::from_str::<State>(&kept.state) {
        Ok(state) if !state.differs && *kept.source == *source => return Ok((kept, state, Beginning::Resumed)),
        Ok(state) if !state.differs => Beginning::SourceHasChanged,
        _ => Beginning::TargetDiffered,
    };
    let is_of = |known: &Identity| {
        identity.tenants.iter().any(|tenant| known.tenants.iter().any(|known| known.id == tenant.id))
    };
    if !serde_json::from_str::<Identity>(&kept.source).is_ok_and(|known| is_of(&known)) {
        return Err(TransferError::OtherSource);
    }
    let mark = fresh.marked(&source, kept.step + 1);
    to.clear(&mark).await.map_err(at_target)?;
    Ok((mark, fresh, beginning))
}

/// What is copied, and how.
struct Copying<'a> {
    from: &'a dyn Archive,
    to: &'a dyn Archive,
    identity: &'a Identity,
    /// The most rows of a transaction.
    most: u32,
    /// How many rows there are, more or less.
    all: u64,
}

impl Copying<'_> {
    /// Copies what is not in the target yet.
    async fn run(&self, mark: &mut Mark, state: &mut State, watcher: Watcher<'_>) -> Result<(), TransferError> {
        for (place, table) in TABLES.into_iter().enumerate().skip(state.copied.len().saturating_sub(1)) {
            if state.copied.len() <= place {
                state.copied.push(Copied::default());
                state.after.clear();
            }
            let mut reading = Reading::new(self.from, table, self.identity, &state.after);
            reading.portion = reading.portion.min(self.most);
            loop {
                let rows = reading.next().await.map_err(at_source)?;
                let Some(last) = rows.last() else { break };
                state.copied[place].take(&rows);
                state.after = last[..table.key].to_vec();
                *mark = state.marked(&mark.source, mark.step + 1);
                self.to.put(table, &rows, mark).await.map_err(at_target)?;
                let rows = state.copied.iter().map(|copied| copied.rows).sum();
                tell(watcher, Progress::Copied { table: table.name, rows, of: self.all.max(rows) })?;
            }
        }
        Ok(())
    }
}

/// Reads the target back whole.
async fn verify(
    to: &dyn Archive,
    identity: &Identity,
    state: &State,
    watcher: Watcher<'_>,
) -> Result<Vec<Verdict>, TransferError> {
    let all: u64 = state.copied.iter().map(|copied| copied.rows).sum();
    let mut read = 0;
    let mut verdicts = Vec::new();
    for (table, source) in TABLES.iter().zip(&state.copied) {
        let mut target = Copied::default();
        let mut reading = Reading::new(to, table, identity, &[]);
        loop {
            let rows = reading.next().await.map_err(at_target)?;
            if rows.is_empty() {
                break;
            }
            target.take(&rows);
            read += rows.len() as u64;
            tell(watcher, Progress::Verified { table: table.name, rows: read, of: all.max(read) })?;
        }
        verdicts.push(Verdict { table: table.name, source: *source, target });
    }
    Ok(verdicts)
}

/// Reads a table, one tenant's rows after the other's.
struct Reading<'a> {
    archive: &'a dyn Archive,
    table: &'static Table,
    /// How many rows are read at once.
    portion: u32,
    /// The tenants whose rows are still to be read, from the last one on; one that is none where rows are nobody's.
    scopes: Vec<Option<i64>>,
    after: Vec<Value>,
}

impl<'a> Reading<'a> {
    /// From the row after a key on, or from the first one.
    fn new(archive: &'a dyn Archive, table: &'static Table, identity: &Identity, after: &[Value]) -> Self {
        if !table.is_by_tenant() {
            return Self { archive, table, portion: table.chunk, scopes: vec![None], after: after.to_vec() };
        }
        let (from, after) = match after {
            [Value::Integer(tenant), after @ ..] => (*tenant, after.to_vec()),
            _ => (i64::MIN, Vec::new()),
        };
        let tenants = identity.tenants.iter().rev().map(|tenant| tenant.number);
        let scopes = tenants.filter(|tenant| *tenant >= from).map(Some).collect();
        Self { archive, table, portion: table.chunk, scopes, after }
    }

    /// The next portion; no rows at the end.
    async fn next(&mut self) -> Result<Vec<Row>, StoreError> {
        let mut rows: Vec<Row> = Vec::new();
        while let Some(tenant) = self.scopes.last() {
            let limit = self.portion - rows.len() as u32;
            let scope = Scope { tenant: *tenant, after: &self.after };
            let more = self.archive.rows(self.table, scope, limit).await?;
            let is_last = more.len() < limit as usize;
            if let Some(last) = more.last() {
                let own = usize::from(self.table.is_by_tenant());
                self.after = last[own..self.table.key].to_vec();
            }
            rows.extend(more);
            if is_last {
                self.scopes.pop();
                self.after.clear();
            }
            if rows.len() >= self.portion as usize {
                break;
            }
        }
        Ok(rows)
    }
}
