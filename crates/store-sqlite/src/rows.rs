//! Single rows: keys, and what is found by a key.

use crate::columns::{Answer, SqlRow};
use crate::error::engine;
use crate::functions::Arguments;
use model::edm;
use model::{DetectionId, EntityId, EventKey, RiskEvent, TenantKey, Total, User, UserKey, event_members};
use odata::encode::Row as _;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};
use store::columns::Columns;
use store::kept::{OF_RISKY_USERS, total_of};
use store::{Projection, RowSink, StoreError};

/// Bits of a key below the tenant.
pub(crate) const SEQUENCE_BITS: u32 = model::CHANGES_END.trailing_zeros();

/// From this number on, a tenant has no room in the keys.
pub(crate) const TENANTS_END: u32 = 1 << (63 - SEQUENCE_BITS);

/// The key of the row that a tenant's change makes: (tenant - 1) * 2^40 + number. Tenants count from 1,
/// so the keys of the first, mostly the only one, are small numbers, which make small pages. A number
/// that no tenant or change can have stays at the end of its range: whatever a place holds, it leads to
/// no other tenant's rows.
pub(crate) fn key(tenant: TenantKey, sequence: u64) -> i64 {
    let last = (1 << SEQUENCE_BITS) - 1;
    match tenant.0.checked_sub(1) {
        Some(place) if tenant.0 < TENANTS_END => (i64::from(place) << SEQUENCE_BITS) | sequence.min(last) as i64,
        _ => i64::MAX,
    }
}

/// Whose row a key is.
pub(crate) fn tenant_of(key: i64) -> TenantKey {
    TenantKey((key >> SEQUENCE_BITS) as u32 + 1)
}

/// The key that is above every one of a tenant's.
pub(crate) fn end(tenant: TenantKey) -> i64 {
    key(TenantKey(tenant.0.saturating_add(1)), 0)
}

/// The sequence in a key.
pub(crate) fn sequence(key: i64) -> u64 {
    (key & ((1 << SEQUENCE_BITS) - 1)) as u64
}

/// Events; and events with the users that they lead to, where there are any.
pub(crate) const FROM_EVENTS: &str = " FROM risk_events AS e";
pub(crate) const FROM_WITH_USERS: &str =
    " FROM risk_events AS e LEFT JOIN users AS u ON u.tenant = e.tenant AND u.id = e.impacted_user";

/// Where an event is found by the number that its id carries, and by the index.
const BY_KEY: &str = " WHERE e.key = ?1 AND e.id = ?2";
const BY_ID: &str = " WHERE e.tenant = ?1 AND e.id = ?2 AND e.named = 1";

/// The statement that reads columns of one row.
fn select(columns: Columns, from: &str) -> String {
    let mut sql = "SELECT ".to_owned();
    columns.write(&mut sql);
    sql.push_str(from);
    sql
}

/// Finds an event by its id: by the number that the id carries, which is one step, and else by the
/// index over ids that carry none.
fn find_event<T>(
    db: &Connection,
    tenant: TenantKey,
    id: &EntityId,
    columns: Columns,
    with: impl FnOnce(&SqlRow<'_, '_>) -> T,
) -> Result<Option<T>, StoreError> {
    let read = engine("reading a risk event");
    let from = if columns.is_related() { FROM_WITH_USERS } else { FROM_EVENTS };
    let by_key = id.change_number().map(|number| (BY_KEY, key(tenant, number)));
    for (found_by, value) in by_key.into_iter().chain([(BY_ID, tenant.0.into())]) {
        let sql = select(columns, &[from, found_by].concat());
        let mut statement = db.prepare_cached(&sql).map_err(&read)?;
        let mut rows = statement.query(params![value, id.as_str()]).map_err(&read)?;
        if let Some(row) = rows.next().map_err(&read)? {
            return columns.read(&Answer(row), with).map(Some);
        }
    }
    Ok(None)
}

/// Hands the event to the sink, when it is there and of the kind that is asked for.
pub(crate) fn event(
    db: &Connection,
    tenant: TenantKey,
    key: &EventKey,
    columns: Columns,
    sink: &mut dyn RowSink,
) -> Result<bool, StoreError> {
    let found = find_event(db, tenant, &key.id, columns, |row| {
        if key.kind.is_some_and(|kind| !std::ptr::eq(kind.entity_type(), row.entity_type())) {
            return Ok(false);
        }
        sink.row(row)?;
        Ok(true)
    })?;
    found.unwrap_or(Ok(false))
}

/// The event itself.
pub(crate) fn load_event(db: &Connection, tenant: TenantKey, id: &EntityId) -> Result<Option<RiskEvent>, StoreError> {
    find_event(db, tenant, id, Columns::of_events(Projection::Risk, false), |row| row.event(sequence(row.key()?)))?
        .transpose()
}

/// Makes what migrations need known to a connection: the rendering of an event's members as `event_members`, whose
/// arguments are the properties in the order of their positions, and what was kept of ids.
pub(crate) fn register_for_migrations(db: &Connection) -> rusqlite::Result<()> {
    let properties = edm::IDENTITY_RISK_EVENT.property_count() as i32;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("event_members", properties, flags, |context| {
        event_members(&Arguments(context)).map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
    })?;
    db.create_scalar_function("spillwatch_detection_is_kept", 1, flags, |context| {
        Ok(DetectionId::must_be_kept(&context.get::<String>(0)?))
    })?;
    db.create_scalar_function("spillwatch_change_number", 1, flags, |context| {
        Ok(context.get::<String>(0)?.parse::<EntityId>().ok().and_then(|id| id.change_number()))
    })
}

/// The user with this id or name.
pub(crate) fn load_user(db: &Connection, tenant: TenantKey, key: &UserKey) -> Result<Option<User>, StoreError> {
    let read = engine("reading a user");
    let (by, text) = match key {
        UserKey::Id(id) => ("id", id.as_str()),
        UserKey::PrincipalName(name) => ("folded_name", name.as_str()),
    };
    let columns = Columns::of_users();
    let sql = select(columns, &format!(" FROM users AS u WHERE u.tenant = ?1 AND u.{by} = ?2"));
    let mut statement = db.prepare_cached(&sql).map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, text]).map_err(&read)?;
    let Some(row) = rows.next().map_err(&read)? else { return Ok(None) };
    columns.read(&Answer(row), |row| row.user().map(Some))?
}

/// The tenant's totals that are not zero.
pub(crate) fn totals(db: &Connection, tenant: TenantKey) -> Result<Vec<(Total, u64)>, StoreError> {
    totals_from(db, tenant, i64::MIN)
}

/// Those of users at risk.
pub(crate) fn totals_of_risky_users(db: &Connection, tenant: TenantKey) -> Result<Vec<(Total, u64)>, StoreError> {
    totals_from(db, tenant, OF_RISKY_USERS) // no subject has a greater number
}

fn totals_from(db: &Connection, tenant: TenantKey, subject: i64) -> Result<Vec<(Total, u64)>, StoreError> {
    let read = engine("reading totals");
    let damaged = || StoreError::Corrupt("totals holds an unknown kind, level or status".to_owned());
    let mut statement = db
        .prepare_cached(
            "SELECT subject, risk_level, risk_event_status, count FROM totals WHERE tenant = ?1 AND subject >= ?2",
        )
        .map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, subject]).map_err(&read)?;
    let mut totals = Vec::with_capacity(32);
    while let Some(row) = rows.next().map_err(&read)? {
        let count: u64 = row.get(3).map_err(&read)?;
        if count == 0 {
            continue;
        }
        let key = (row.get(0).map_err(&read)?, row.get(1).map_err(&read)?, row.get(2).map_err(&read)?);
        let total = total_of(key).ok_or_else(damaged)?;
        totals.push((total, count));
    }
    Ok(totals)
}
