//! The evidence of events: rows of its own, and what their detections tell of it.

use crate::columns::cell_of;
use crate::error::engine;
use crate::rows::key;
use model::{Evidence, EvidenceChange, RiskEvent, TenantKey, edm};
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use store::StoreError;

/// The evidence of an event, in its order.
pub(crate) fn load(db: &Connection, tenant: TenantKey, event: &RiskEvent) -> Result<Vec<Evidence>, StoreError> {
    let read = engine("reading the evidence of an event");
    let mut statement = db
        .prepare_cached(
            "SELECT creation, version, CAST(number AS TEXT), source, match_class, matched_attribute, matched_rule, \
             first_seen, last_seen, occurrences, account_enabled FROM evidence WHERE event = ?1 ORDER BY number",
        )
        .map_err(&read)?;
    let mut rows = statement.query([key(tenant, event.creation)]).map_err(&read)?;
    let mut evidence = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        let item = EvidenceRow { row, version: row.get(1).map_err(&read)? };
        evidence.push(Evidence::from_row(&item, row.get(0).map_err(&read)?)?);
    }
    Ok(evidence)
}

/// Columns before the first property: the creation and the version.
const CONTROL: usize = 2;

/// A row as the statement above has it.
struct EvidenceRow<'r> {
    row: &'r rusqlite::Row<'r>,
    version: u64,
}

impl Row for EvidenceRow<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        self.row.get_ref(CONTROL + position).map_or(Cell::Damaged, cell_of)
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::EVIDENCE
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// Writes what becomes of the evidence of an event that is there.
pub(crate) fn write(
    db: &Connection,
    tenant: TenantKey,
    event: &RiskEvent,
    change: &EvidenceChange,
) -> Result<(), StoreError> {
    let write = engine("writing evidence");
    let event = key(tenant, event.creation);
    for id in &change.removed {
        db.prepare_cached("DELETE FROM evidence WHERE event = ?1 AND number = CAST(?2 AS INTEGER)")
            .and_then(|mut delete| delete.execute(params![event, &**id]))
            .map_err(&write)?;
    }
    let mut upsert = db
        .prepare_cached(
            "INSERT INTO evidence (event, number, creation, version, source, match_class, matched_attribute, \
             matched_rule, first_seen, last_seen, occurrences, account_enabled) \
             VALUES (?1, CAST(?2 AS INTEGER), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
             ON CONFLICT DO UPDATE SET creation = excluded.creation, version = excluded.version, \
             source = excluded.source, match_class = excluded.match_class, \
             matched_attribute = excluded.matched_attribute, matched_rule = excluded.matched_rule, \
             first_seen = excluded.first_seen, last_seen = excluded.last_seen, \
             occurrences = excluded.occurrences, account_enabled = excluded.account_enabled",
        )
        .map_err(&write)?;
    for item in &change.written {
        let finding = &item.finding;
        upsert
            .execute(params![
                event,
                item.id(),
                item.creation,
                item.version,
                &*finding.source,
                finding.match_class as i64,
                finding.matched_attribute.as_deref(),
                finding.matched_rule.as_deref(),
                item.first_seen.get(),
                item.last_seen.get(),
                item.occurrences,
                item.account_enabled,
            ])
            .map_err(&write)?;
    }
    db.prepare_cached("UPDATE risk_events SET additional_info = ?2 WHERE key = ?1")
        .and_then(|mut update| update.execute(params![event, change.additional_info]))
        .map_err(write)?;
    Ok(())
}

/// Forgets the evidence of an event.
pub(crate) fn forget(db: &Connection, tenant: TenantKey, event: &RiskEvent) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM evidence WHERE event = ?1")
        .and_then(|mut delete| delete.execute([key(tenant, event.creation)]))
        .map_err(engine("deleting the evidence of an event"))?;
    Ok(())
}

/// Tells the first event of those in a range of keys whose evidence does not agree with what is told of it: its
/// key, or that of an event that is gone.
pub(crate) fn compare(db: &Connection, from: i64, end: i64) -> rusqlite::Result<Option<String>> {
    let orphans = "SELECT v.event FROM evidence AS v LEFT JOIN risk_events AS e ON e.key = v.event \
                   WHERE v.event >= ?1 AND v.event < ?2 AND (e.key IS NULL OR e.additional_info IS NULL) LIMIT 1";
    let untold = "SELECT e.key FROM risk_events AS e WHERE e.key >= ?1 AND e.key < ?2 \
                  AND e.additional_info IS NOT NULL AND NOT EXISTS (SELECT 1 FROM evidence AS v WHERE v.event = e.key) \
                  LIMIT 1";
    for (sql, fault) in
        [(orphans, "evidence of which no event tells"), (untold, "an event that tells of evidence which is not there")]
    {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query(params![from, end])?;
        if let Some(row) = rows.next()?
            && let ValueRef::Integer(key) = row.get_ref(0)?
        {
            return Ok(Some(format!("{fault}: its key is {key}")));
        }
    }
    Ok(None)
}
