//! Users at risk: their rows, and their history, which the change log tells.

use crate::columns::cell_of;
use crate::error::engine;
use crate::rows::{key, sequence};
use model::{
    Activity, Actor, DetectionId, EntityId, HistoryItem, OpenEvents, Risk, RiskChange, RiskDetail, RiskEvent,
    RiskLevel, RiskState, RiskyUser, TenantKey, Ticks,
};
use odata::encode::Cell;
use rusqlite::{Connection, OptionalExtension as _, params};
use store::{HistoryRecord, StoreError};

/// The type of most events, which the log keeps as an empty text.
const USUAL_TYPE: &str = "leakedCredentials";

const LOAD: &str = "SELECT key, user_id, user_display_name, user_principal_name, is_known, is_deleted, names_are_told, \
                    version, newest, risk_last_updated_date_time, risk_level, risk_state, risk_detail, closed_state, \
                    closed_detail, events, open_low, open_medium, open_high, open_hidden, open_none, open_unknown, \
                    open_confirmed FROM risky_users WHERE tenant = ?1 AND user_id = ?2";

/// The user at risk with this id.
pub(crate) fn load(db: &Connection, tenant: TenantKey, id: &str) -> Result<Option<RiskyUser>, StoreError> {
    let read = engine("reading a user at risk");
    let mut statement = db.prepare_cached(LOAD).map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, id]).map_err(&read)?;
    let Some(row) = rows.next().map_err(&read)? else { return Ok(None) };
    let text = |at| row.get::<_, String>(at).map(String::into_boxed_str).map_err(&read);
    let number = |at| row.get::<_, i64>(at).map_err(&read);
    let count = |at| row.get::<_, u32>(at).map_err(&read);
    let detail = |at| RiskDetail::from_value(number(at)?).ok_or_else(|| damaged("risk_detail"));
    let state = |at| RiskState::from_value(number(at)?).ok_or_else(|| damaged("risk_state"));
    Ok(Some(RiskyUser {
        id: text(1)?,
        user_display_name: text(2)?,
        user_principal_name: text(3)?,
        is_known: number(4)? != 0,
        is_deleted: number(5)? != 0,
        names_are_told: number(6)? != 0,
        risk: Risk {
            level: RiskLevel::from_value(number(10)?).ok_or_else(|| damaged("risk_level"))?,
            state: state(11)?,
            detail: detail(12)?,
        },
        risk_last_updated: Ticks::new(number(9)?).ok_or_else(|| damaged("risk_last_updated_date_time"))?,
        open: OpenEvents {
            by_level: [count(16)?, count(17)?, count(18)?, count(19)?, count(20)?, count(21)?],
            confirmed: count(22)?,
        },
        events: count(15)?,
        closed: (state(13)?, detail(14)?),
        newest: row.get(8).map_err(&read)?,
        creation: sequence(number(0)?),
        version: row.get(7).map_err(&read)?,
    }))
}

fn damaged(column: &str) -> StoreError {
    StoreError::Corrupt(format!("risky_users.{column} holds an unknown value"))
}

/// The open events of a user.
pub(crate) fn open_events(db: &Connection, tenant: TenantKey, id: &str) -> Result<Vec<RiskEvent>, StoreError> {
    let read = engine("reading the open events of a user");
    let mut statement = db
        .prepare_cached(
            "SELECT e.id FROM subjects AS s CROSS JOIN risk_events AS e INDEXED BY risk_events_by_subject \
             ON e.subject = s.subject WHERE s.tenant = ?1 AND s.user_id = ?2 AND e.risk_event_status IN (0, 5) \
             ORDER BY e.key",
        )
        .map_err(&read)?;
    let ids = statement.query_map(params![tenant.0, id], |row| row.get::<_, String>(0)).map_err(&read)?;
    let ids: Vec<String> = ids.collect::<rusqlite::Result<_>>().map_err(&read)?;
    let mut events = Vec::with_capacity(ids.len());
    for id in ids {
        let id: EntityId = id.parse().map_err(|_| StoreError::Corrupt("risk_events.id is no id".to_owned()))?;
        events.extend(crate::rows::load_event(db, tenant, &id)?);
    }
    Ok(events)
}

/// Writes a user at risk as they are now.
pub(crate) fn write(db: &Connection, tenant: TenantKey, change: &RiskChange) -> Result<(), StoreError> {
    let (user, OpenEvents { by_level: open, confirmed }) = (&change.after, change.after.open);
    let (closed_state, closed_detail) = user.closed;
    let write = engine("writing a user at risk");
    let key = key(tenant, user.creation);
    let Some(before) = &change.before else {
        let mut insert = db
            .prepare_cached(
                "INSERT INTO risky_users (key, tenant, user_id, user_display_name, user_principal_name, is_known, \
                 is_deleted, names_are_told, version, newest, risk_last_updated_date_time, risk_level, risk_state, \
                 risk_detail, closed_state, closed_detail, events, open_low, open_medium, open_high, open_hidden, \
                 open_none, open_unknown, open_confirmed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
                 ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
            )
            .map_err(&write)?;
        let risk = user.risk;
        insert
            .execute(params![
                key,
                tenant.0,
                &*user.id,
                &*user.user_display_name,
                &*user.user_principal_name,
                user.is_known,
                user.is_deleted,
                user.names_are_told,
                user.version,
                user.newest,
                user.risk_last_updated.get(),
                risk.level as i64,
                risk.state as i64,
                risk.detail as i64,
                closed_state as i64,
                closed_detail as i64,
                user.events,
                open[0],
                open[1],
                open[2],
                open[3],
                open[4],
                open[5],
                confirmed
            ])
            .map_err(&write)?;
        return Ok(());
    };
    // What has an index is only written where it changes: a second event of a user mostly changes none.
    if before.risk != user.risk {
        db.prepare_cached("UPDATE risky_users SET risk_level = ?2, risk_state = ?3, risk_detail = ?4 WHERE key = ?1")
            .and_then(|mut update| {
                let risk = user.risk;
                update.execute(params![key, risk.level as i64, risk.state as i64, risk.detail as i64])
            })
            .map_err(&write)?;
    }
    if (&before.user_display_name, &before.user_principal_name) != (&user.user_display_name, &user.user_principal_name)
    {
        db.prepare_cached("UPDATE risky_users SET user_display_name = ?2, user_principal_name = ?3 WHERE key = ?1")
            .and_then(|mut update| update.execute(params![key, &*user.user_display_name, &*user.user_principal_name]))
            .map_err(&write)?;
    }
    db.prepare_cached(
        "UPDATE risky_users SET is_known = ?2, is_deleted = ?3, names_are_told = ?4, version = ?5, newest = ?6, \
         risk_last_updated_date_time = ?7, closed_state = ?8, closed_detail = ?9, events = ?10, open_low = ?11, \
         open_medium = ?12, open_high = ?13, open_hidden = ?14, open_none = ?15, open_unknown = ?16, \
         open_confirmed = ?17 WHERE key = ?1",
    )
    .and_then(|mut update| {
        update.execute(params![
            key,
            user.is_known,
            user.is_deleted,
            user.names_are_told,
            user.version,
            user.newest,
            user.risk_last_updated.get(),
            closed_state as i64,
            closed_detail as i64,
            user.events,
            open[0],
            open[1],
            open[2],
            open[3],
            open[4],
            open[5],
            confirmed
        ])
    })
    .map_err(write)?;
    Ok(())
}

/// What the log keeps of an item beside the change itself.
pub(crate) fn kept_type(item: &HistoryItem) -> Option<&str> {
    let of = item.activity.risk_event_type.as_deref();
    of.map(|of| if of == USUAL_TYPE { "" } else { of })
}

/// Up to `limit` items of a history, from the one with the number `from` on, or the newest.
pub(crate) fn history(
    db: &Connection,
    tenant: TenantKey,
    id: &str,
    from: Option<u64>,
    limit: u32,
) -> Result<Vec<HistoryRecord>, StoreError> {
    let read = engine("reading the history of a user at risk");
    let Some(user) = load(db, tenant, id)? else { return Ok(Vec::new()) };
    let user_key = key(tenant, user.creation);
    let mut statement = db
        .prepare_cached(
            "SELECT c.risk_level, c.risk_state, c.risk_detail, c.is_deleted, c.activity_detail, c.risk_event_type, \
             c.user_display_name, c.user_principal_name, c.previous, c.time, a.app, a.user FROM changes AS c \
             LEFT JOIN actors AS a ON a.actor = c.actor WHERE c.key = ?1 AND c.risky_user = ?2 \
             AND c.risk_level IS NOT NULL",
        )
        .map_err(&read)?;
    let mut records = Vec::new();
    let mut next = from.or(user.newest);
    while let Some(sequence) = next.filter(|_| records.len() < limit as usize) {
        let record = statement
            .query_row(params![key(tenant, sequence), user_key], |row| {
                let optional = |at| row.get::<_, Option<String>>(at);
                let names = optional(6)?.zip(optional(7)?).map(|(display, name)| (display.into(), name.into()));
                let risk_event_type = match cell_of(row.get_ref(5)?) {
                    Cell::Text("") => Some(USUAL_TYPE.into()),
                    Cell::Text(of) => Some(of.into()),
                    _ => None,
                };
                let numbers: (i64, i64, i64, Option<i64>) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?);
                let actor: (String, String) = (row.get(10)?, row.get(11)?);
                let is_deleted = row.get::<_, Option<bool>>(3)?.unwrap_or(false);
                Ok((numbers, is_deleted, risk_event_type, names, row.get(8)?, row.get::<_, i64>(9)?, actor))
            })
            .optional()
            .map_err(&read)?;
        let Some((numbers, is_deleted, risk_event_type, names, previous, time, (app, user))) = record else {
            break; // what is asked for is no item of this history
        };
        let (level, state, detail, activity) = numbers;
        let detail_of = |value| RiskDetail::from_value(value).ok_or_else(|| damaged("risk_detail"));
        let risk = Risk {
            level: RiskLevel::from_value(level).ok_or_else(|| damaged("risk_level"))?,
            state: RiskState::from_value(state).ok_or_else(|| damaged("risk_state"))?,
            detail: detail_of(detail)?,
        };
        let activity = Activity { detail: activity.map(detail_of).transpose()?, risk_event_type };
        records.push(HistoryRecord {
            sequence,
            time: Ticks::new(time).ok_or_else(|| damaged("time"))?,
            actor: Actor { app: app.into(), user: (!user.is_empty()).then(|| user.into()) },
            item: HistoryItem { risk, is_deleted, activity, names, previous },
        });
        next = previous;
    }
    Ok(records)
}

/// The event of a detection whose id is kept.
pub(crate) fn detected_event(
    db: &Connection,
    tenant: TenantKey,
    detection: DetectionId,
) -> Result<Option<EntityId>, StoreError> {
    let read = engine("finding the event of a detection");
    let id: Option<String> = db
        .prepare_cached(
            "SELECT e.id FROM detections AS d JOIN risk_events AS e ON e.key = d.key WHERE d.tenant = ?1 AND d.id = ?2",
        )
        .and_then(|mut statement| {
            statement.query_row(params![tenant.0, detection.text().as_str()], |row| row.get(0)).optional()
        })
        .map_err(read)?;
    id.map(|id| id.parse().map_err(|_| StoreError::Corrupt("risk_events.id is no id".to_owned()))).transpose()
}

/// Keeps the detection of an event whose id does not lead back by itself.
pub(crate) fn keep_detection(db: &Connection, tenant: TenantKey, event: &RiskEvent) -> Result<(), StoreError> {
    if !DetectionId::must_be_kept(event.id.as_str()) {
        return Ok(());
    }
    let id = event.id.as_str();
    db.prepare_cached("INSERT INTO detections (key, tenant, id) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| {
            insert.execute(params![key(tenant, event.creation), tenant.0, DetectionId::of(id).text().as_str()])
        })
        .map_err(engine("keeping the id of a detection"))?;
    Ok(())
}

/// Forgets it.
pub(crate) fn forget_detection(db: &Connection, tenant: TenantKey, event: &RiskEvent) -> Result<(), StoreError> {
    if !DetectionId::must_be_kept(event.id.as_str()) {
        return Ok(());
    }
    db.prepare_cached("DELETE FROM detections WHERE key = ?1")
        .and_then(|mut delete| delete.execute([key(tenant, event.creation)]))
        .map_err(engine("forgetting the id of a detection"))?;
    Ok(())
}
