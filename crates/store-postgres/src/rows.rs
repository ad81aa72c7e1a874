//! What is found by keys: entities, evidence, histories, totals, the change log.

use crate::database::Connection;
use crate::error::engine;
use crate::values::{Answer, Parameters, cell};
use model::{
    Activity, Actor, ChangeEntry, ChangeKind, ChangedSet, DetectionId, EntityId, EventKey, Evidence, HistoryItem,
    OpenEvents, Risk, RiskDetail, RiskEvent, RiskLevel, RiskState, RiskyUser, TenantKey, Ticks, Total, User, UserKey,
    edm,
};
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use store::columns::Columns;
use store::kept::total_of;
use store::{Carried, ChangeRecord, HistoryRecord, LogPlace, Projection, RowSink, StoreError};

/// Events; and events with the users that they lead to, where there are any.
pub(crate) const FROM_EVENTS: &str = " FROM risk_events AS e";
pub(crate) const WITH_USERS: &str = " LEFT JOIN users AS u ON u.tenant = e.tenant AND u.id = e.impacted_user";

/// A tenant's number as the tables have it.
pub(crate) fn number(tenant: TenantKey) -> i64 {
    tenant.0.into()
}

/// The statement that reads columns of rows.
pub(crate) fn select(columns: Columns, rest: &str) -> String {
    let mut sql = "SELECT ".to_owned();
    columns.write(&mut sql);
    sql.push_str(rest);
    sql
}

pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} holds a value that is none"))
}

/// A row's column as a number.
pub(crate) fn integer(row: &tokio_postgres::Row, column: usize, what: &str) -> Result<i64, StoreError> {
    match cell(row, column) {
        Cell::Integer(value) => Ok(value),
        _ => Err(damaged(what)),
    }
}

/// The same of one that may be null.
pub(crate) fn optional(row: &tokio_postgres::Row, column: usize, what: &str) -> Result<Option<i64>, StoreError> {
    match cell(row, column) {
        Cell::Integer(value) => Ok(Some(value)),
        Cell::Null => Ok(None),
        _ => Err(damaged(what)),
    }
}

/// A row's column as a text.
pub(crate) fn text<'r>(row: &'r tokio_postgres::Row, column: usize, what: &str) -> Result<&'r str, StoreError> {
    optional_text(row, column, what)?.ok_or_else(|| damaged(what))
}

/// The same of one that may be null.
pub(crate) fn optional_text<'r>(
    row: &'r tokio_postgres::Row,
    column: usize,
    what: &str,
) -> Result<Option<&'r str>, StoreError> {
    match cell(row, column) {
        Cell::Text(text) => Ok(Some(text)),
        Cell::Null => Ok(None),
        _ => Err(damaged(what)),
    }
}

/// A row's column as a time.
pub(crate) fn ticks(row: &tokio_postgres::Row, column: usize, what: &str) -> Result<Ticks, StoreError> {
    Ticks::new(integer(row, column, what)?).ok_or_else(|| damaged(what))
}

/// Finds an event by its id: by the number that the id may carry, or by the index over ids that carry none.
pub(crate) async fn find_event(
    db: &Connection,
    tenant: TenantKey,
    id: &EntityId,
    columns: Columns,
) -> Result<Option<tokio_postgres::Row>, StoreError> {
    let read = engine("reading a risk event");
    let join = if columns.is_related() { WITH_USERS } else { "" };
    let (tenant, text) = (number(tenant), id.as_str());
    if let Some(key) = id.change_number() {
        let key = key as i64;
        let sql = select(columns, &[FROM_EVENTS, join, " WHERE e.tenant = $1 AND e.key = $2 AND e.id = $3"].concat());
        let found = db.query_opt(&sql, &[&tenant, &key, &text]).await.map_err(read)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let sql = select(columns, &[FROM_EVENTS, join, " WHERE e.tenant = $1 AND e.id = $2 AND e.named"].concat());
    db.query_opt(&sql, &[&tenant, &text]).await.map_err(read)
}

/// Hands the event to the sink, when it is there and of the kind that is asked for.
pub(crate) async fn event(
    db: &Connection,
    tenant: TenantKey,
    key: &EventKey,
    columns: Columns,
    sink: &mut dyn RowSink,
) -> Result<bool, StoreError> {
    let Some(row) = find_event(db, tenant, &key.id, columns).await? else { return Ok(false) };
    columns.read(&Answer(&row), |row| {
        if key.kind.is_some_and(|kind| !std::ptr::eq(kind.entity_type(), row.entity_type())) {
            return Ok(false);
        }
        sink.row(row)?;
        Ok(true)
    })?
}

/// The columns that carry what is asked of events. Detections are not kept rendered here: nodes of an older version, which
/// go on while the schema is brought up to date, would leave behind what is no longer so.
pub(crate) fn columns_of_events(Carried { projection, related }: Carried) -> Columns {
    let is_detection = projection == Projection::Detection;
    Columns::of_events(if is_detection { Projection::Risk } else { projection }, related)
}

/// The columns that an event is made of.
pub(crate) fn event_columns() -> Columns {
    Columns::of_events(Projection::Risk, false)
}

/// The event in a row of [`event_columns`].
pub(crate) fn event_of(row: &tokio_postgres::Row) -> Result<RiskEvent, StoreError> {
    event_columns().read(&Answer(row), |row| row.event(row.key()? as u64))?
}

/// The event itself.
pub(crate) async fn load_event(
    db: &Connection,
    tenant: TenantKey,
    key: &EventKey,
) -> Result<Option<RiskEvent>, StoreError> {
    let found = find_event(db, tenant, &key.id, event_columns()).await?;
    let event = found.as_ref().map(event_of).transpose()?;
    Ok(event.filter(|event| key.kind.is_none_or(|kind| kind == event.kind)))
}

/// The columns that a user is made of.
pub(crate) fn user_columns() -> Columns {
    Columns::of_users()
}

/// The user in a row of [`user_columns`], with the number of the change that made it.
pub(crate) fn user_of(row: &tokio_postgres::Row) -> Result<(User, u64), StoreError> {
    user_columns().read(&Answer(row), |row| Ok((row.user()?, row.key()? as u64)))?
}

/// The user with this id or name.
pub(crate) async fn load_user(db: &Connection, tenant: TenantKey, key: &UserKey) -> Result<Option<User>, StoreError> {
    let (by, text) = match key {
        UserKey::Id(id) => ("id", id.as_str()),
        UserKey::PrincipalName(name) => ("folded_name", name.as_str()),
    };
    let sql = select(user_columns(), &format!(" FROM users AS u WHERE u.tenant = $1 AND u.{by} = $2"));
    let found = db.query_opt(&sql, &[&number(tenant), &text]).await.map_err(engine("reading a user"))?;
    Ok(found.as_ref().map(user_of).transpose()?.map(|(user, _)| user))
}

/// Columns of a user at risk, as [`risky_user_of`] takes them.
pub(crate) const RISKY_USER: &str = "SELECT key, user_id, user_display_name, user_principal_name, is_known, \
    is_deleted, names_are_told, version, newest, risk_last_updated_date_time, risk_level, risk_state, risk_detail, \
    closed_state, closed_detail, events, open_low, open_medium, open_high, open_hidden, open_none, open_unknown, \
    open_confirmed FROM risky_users WHERE tenant = $1 AND user_id ";

/// The user at risk in a row.
pub(crate) fn risky_user_of(row: &tokio_postgres::Row) -> Result<RiskyUser, StoreError> {
    const WHAT: &str = "a row of risky_users";
    let number = |column| integer(row, column, WHAT);
    let count = |column| u32::try_from(integer(row, column, WHAT)?).map_err(|_| damaged(WHAT));
    let name = |column| text(row, column, WHAT).map(Box::<str>::from);
    let detail = |column| RiskDetail::from_value(number(column)?).ok_or_else(|| damaged(WHAT));
    let state = |column| RiskState::from_value(number(column)?).ok_or_else(|| damaged(WHAT));
    Ok(RiskyUser {
        id: name(1)?,
        user_display_name: name(2)?,
        user_principal_name: name(3)?,
        is_known: number(4)? != 0,
        is_deleted: number(5)? != 0,
        names_are_told: number(6)? != 0,
        risk: Risk {
            level: RiskLevel::from_value(number(10)?).ok_or_else(|| damaged(WHAT))?,
            state: state(11)?,
            detail: detail(12)?,
        },
        risk_last_updated: ticks(row, 9, WHAT)?,
        open: OpenEvents {
            by_level: [count(16)?, count(17)?, count(18)?, count(19)?, count(20)?, count(21)?],
            confirmed: count(22)?,
        },
        events: count(15)?,
        closed: (state(13)?, detail(14)?),
        newest: optional(row, 8, WHAT)?.map(|newest| newest as u64),
        creation: number(0)? as u64,
        version: number(7)? as u64,
    })
}

/// The user at risk with this id.
pub(crate) async fn load_risky_user(
    db: &Connection,
    tenant: TenantKey,
    id: &str,
) -> Result<Option<RiskyUser>, StoreError> {
    let sql = [RISKY_USER, "= $2"].concat();
    let found = db.query_opt(&sql, &[&number(tenant), &id]).await.map_err(engine("reading a user at risk"))?;
    found.as_ref().map(risky_user_of).transpose()
}

/// Columns of evidence, as [`evidence_of`] takes them.
pub(crate) const EVIDENCE: &str = "SELECT event, creation, version, number::text, source, match_class, \
    matched_attribute, matched_rule, first_seen, last_seen, occurrences, account_enabled FROM evidence WHERE tenant = $1 AND event ";

/// The item in a row, and the number of the change that made its event.
pub(crate) fn evidence_of(row: &tokio_postgres::Row) -> Result<(u64, Evidence), StoreError> {
    /// Columns before the first property.
    const CONTROL: usize = 3;
    struct EvidenceRow<'r>(&'r tokio_postgres::Row, u64);
    impl Row for EvidenceRow<'_> {
        fn cell(&self, position: usize) -> Cell<'_> {
            cell(self.0, CONTROL + position)
        }
        fn entity_type(&self) -> &'static EntityType {
            &edm::EVIDENCE
        }
        fn version(&self) -> u64 {
            self.1
        }
    }
    let number = |column| integer(row, column, "a row of evidence").map(|number| number as u64);
    Ok((number(0)?, Evidence::from_row(&EvidenceRow(row, number(2)?), number(1)?)?))
}

/// The evidence of an event, in its order; `None` when there is no such event.
pub(crate) async fn evidence(
    db: &Connection,
    tenant: TenantKey,
    key: &EventKey,
) -> Result<Option<Vec<Evidence>>, StoreError> {
    db.at_one_moment(async {
        let Some(event) = load_event(db, tenant, key).await? else { return Ok(None) };
        let sql = [EVIDENCE, "= $2 ORDER BY number"].concat();
        let found = db.query(&sql, &[&number(tenant), &(event.creation as i64)]).await;
        let found = found.map_err(engine("reading the evidence of an event"))?;
        found.iter().map(|row| evidence_of(row).map(|(_, item)| item)).collect::<Result<_, _>>().map(Some)
    })
    .await
}

/// Up to `limit` items of a history, from the one with the number `from` on, or the newest.
pub(crate) async fn history(
    db: &Connection,
    tenant: TenantKey,
    id: &str,
    from: Option<u64>,
    limit: u32,
) -> Result<Vec<HistoryRecord>, StoreError> {
    const WHAT: &str = "the history of a user at risk";
    let sql = "WITH RECURSIVE of_user AS (SELECT key, coalesce($3, newest) AS first FROM risky_users \
               WHERE tenant = $1 AND user_id = $2), items AS (\
               SELECT c.*, 1::bigint AS place FROM of_user AS u JOIN changes AS c ON c.tenant = $1 \
               AND c.sequence = u.first AND c.risky_user = u.key AND c.risk_level IS NOT NULL UNION ALL \
               SELECT c.*, i.place + 1 FROM items AS i JOIN changes AS c ON c.tenant = $1 \
               AND c.sequence = i.previous AND c.risky_user = i.risky_user AND c.risk_level IS NOT NULL \
               WHERE i.place < $4) \
               SELECT i.sequence, i.time, i.risk_level, i.risk_state, i.risk_detail, i.is_deleted, i.activity_detail, \
               i.risk_event_type, i.user_display_name, i.user_principal_name, i.previous, a.app, a.user_name \
               FROM items AS i LEFT JOIN actors AS a ON a.tenant = $1 AND a.actor = i.actor ORDER BY i.place LIMIT $4";
    let from = from.map(|from| from as i64);
    let values: Parameters<'_> = &[&number(tenant), &id, &from, &i64::from(limit)];
    let found = db.query(sql, values).await.map_err(engine("reading the history of a user at risk"))?;
    let record = |row: &tokio_postgres::Row| {
        let detail = |value| RiskDetail::from_value(value).ok_or_else(|| damaged(WHAT));
        let names = optional_text(row, 8, WHAT)?.zip(optional_text(row, 9, WHAT)?);
        Ok(HistoryRecord {
            sequence: integer(row, 0, WHAT)? as u64,
            time: ticks(row, 1, WHAT)?,
            actor: actor_of(row, 11)?,
            item: HistoryItem {
                risk: Risk {
                    level: RiskLevel::from_value(integer(row, 2, WHAT)?).ok_or_else(|| damaged(WHAT))?,
                    state: RiskState::from_value(integer(row, 3, WHAT)?).ok_or_else(|| damaged(WHAT))?,
                    detail: detail(integer(row, 4, WHAT)?)?,
                },
                is_deleted: optional(row, 5, WHAT)?.is_some_and(|is_deleted| is_deleted != 0),
                activity: Activity {
                    detail: optional(row, 6, WHAT)?.map(detail).transpose()?,
                    risk_event_type: optional_text(row, 7, WHAT)?.map(Into::into),
                },
                names: names.map(|(display, principal)| (display.into(), principal.into())),
                previous: optional(row, 10, WHAT)?.map(|previous| previous as u64),
            },
        })
    };
    found.iter().map(record).collect()
}

/// Who acted, in two columns from `first` on.
fn actor_of(row: &tokio_postgres::Row, first: usize) -> Result<Actor, StoreError> {
    let (app, user) = (text(row, first, "actors.app")?, text(row, first + 1, "actors.user_name")?);
    Ok(Actor { app: app.into(), user: (!user.is_empty()).then(|| user.into()) })
}

/// The event of a detection whose id is kept.
pub(crate) async fn detected_event(
    db: &Connection,
    tenant: TenantKey,
    detection: DetectionId,
) -> Result<Option<EntityId>, StoreError> {
    let sql = "SELECT e.id FROM detections AS d JOIN risk_events AS e ON e.tenant = d.tenant AND e.key = d.key \
               WHERE d.tenant = $1 AND d.id = $2";
    let id = detection.text();
    let found = db.query_opt(sql, &[&number(tenant), &id.as_str()]).await;
    let found = found.map_err(engine("finding the event of a detection"))?;
    let id = found.as_ref().map(|row| text(row, 0, "risk_events.id")).transpose()?;
    id.map(|id| id.parse().map_err(|_| damaged("risk_events.id"))).transpose()
}

/// The tenant's totals that are not zero.
pub(crate) async fn totals(db: &Connection, tenant: TenantKey) -> Result<Vec<(Total, u64)>, StoreError> {
    let sql = "SELECT subject, risk_level, risk_event_status, count FROM totals WHERE tenant = $1 AND count <> 0";
    let found = db.query(sql, &[&number(tenant)]).await.map_err(engine("reading totals"))?;
    let total = |row: &tokio_postgres::Row| {
        let number = |column| integer(row, column, "totals");
        let total = total_of((number(0)?, number(1)?, number(2)?)).ok_or_else(|| damaged("totals"))?;
        Ok((total, u64::try_from(number(3)?).map_err(|_| damaged("totals.count"))?))
    };
    found.iter().map(total).collect()
}

/// Where a tenant's log ends, as a statement under the tenant's lock or without one tells it.
pub(crate) fn log_end_of(row: &tokio_postgres::Row) -> Result<LogPlace, StoreError> {
    let sequence = integer(row, 0, "tenants.last_sequence")? as u64;
    Ok(LogPlace { sequence, time: ticks(row, 1, "tenants.last_time")? })
}

/// Where a tenant's log ends; `None` when there is no such tenant.
pub(crate) async fn log_end(db: &Connection, tenant: TenantKey) -> Result<Option<LogPlace>, StoreError> {
    let sql = "SELECT last_sequence, last_time FROM tenants WHERE tenant = $1";
    let found = db.query_opt(sql, &[&number(tenant)]).await.map_err(engine("reading the change log"))?;
    found.as_ref().map(log_end_of).transpose()
}

/// Up to `limit` entries of the change log after a number, in order.
pub(crate) async fn changes(
    db: &Connection,
    tenant: TenantKey,
    after: u64,
    limit: u32,
) -> Result<Vec<ChangeRecord>, StoreError> {
    const WHAT: &str = "a row of changes";
    let sql = "SELECT c.sequence, c.entity_set, c.id, c.kind, c.properties, c.time, r.user_id, a.app, a.user_name \
               FROM changes AS c LEFT JOIN actors AS a ON a.tenant = $1 AND a.actor = c.actor \
               LEFT JOIN risky_users AS r ON r.tenant = $1 AND r.key = c.risky_user \
               WHERE c.tenant = $1 AND c.sequence > $2 ORDER BY c.sequence LIMIT $3";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let values: Parameters<'_> = &[&number(tenant), &after, &i64::from(limit)];
    let found = db.query(sql, values).await.map_err(engine("reading the change log"))?;
    let record = |row: &tokio_postgres::Row| {
        Ok(ChangeRecord {
            sequence: integer(row, 0, WHAT)? as u64,
            time: ticks(row, 5, WHAT)?,
            actor: actor_of(row, 7)?,
            entry: ChangeEntry {
                set: ChangedSet::from_value(integer(row, 1, WHAT)?).ok_or_else(|| damaged(WHAT))?,
                id: text(row, 2, WHAT)?.into(),
                kind: ChangeKind::from_value(integer(row, 3, WHAT)?).ok_or_else(|| damaged(WHAT))?,
                properties: integer(row, 4, WHAT)? as u64,
            },
            risky_user: optional_text(row, 6, WHAT)?.map(Into::into),
        })
    };
    found.iter().map(record).collect()
}
