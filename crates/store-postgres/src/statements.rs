//! What a group writes, as statements: one for each table and kind of write, with a whole column in each value.

mod directory;

pub(crate) use directory::{add_found, bytes, key_columns, settle};

use crate::rows::number;
use model::{DetectionId, Evidence, RiskEvent, RiskyUser, TenantKey, Total, edm, event_members};
use odata::encode::{Cell, CellError, Row as _};
use store::kept::total_key;
use store::working::{EventRow, Info, LogEntry, UserRow, Writes};
use tokio_postgres::types::ToSql;

/// A statement and its values; the first one is the tenant.
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) values: Vec<Box<dyn ToSql + Send + Sync>>,
}

/// A column on its way: its name, its type in an array, and the values.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) ty: &'static str,
    pub(crate) values: Box<dyn ToSql + Send + Sync>,
}

pub(crate) fn texts<T>(name: &'static str, rows: &[T], of: impl Fn(&T) -> Option<&str>) -> Column {
    let values: Vec<Option<String>> = rows.iter().map(|row| of(row).map(str::to_owned)).collect();
    Column { name, ty: "text[]", values: Box::new(values) }
}

pub(crate) fn numbers<T>(name: &'static str, rows: &[T], of: impl Fn(&T) -> Option<i64>) -> Column {
    let values: Vec<Option<i64>> = rows.iter().map(of).collect();
    Column { name, ty: "bigint[]", values: Box::new(values) }
}

fn booleans<T>(name: &'static str, rows: &[T], of: impl Fn(&T) -> Option<bool>) -> Column {
    let values: Vec<Option<bool>> = rows.iter().map(of).collect();
    Column { name, ty: "boolean[]", values: Box::new(values) }
}

/// `unnest($2::bigint[], ...)`
pub(crate) fn unnest(columns: &[Column]) -> String {
    let values: Vec<String> =
        columns.iter().enumerate().map(|(at, column)| format!("${}::{}", at + 2, column.ty)).collect();
    format!("unnest({})", values.join(", "))
}

pub(crate) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

pub(crate) fn statement(sql: String, tenant: TenantKey, columns: Vec<Column>) -> Statement {
    let mut values: Vec<Box<dyn ToSql + Send + Sync>> = vec![Box::new(number(tenant))];
    values.extend(columns.into_iter().map(|column| column.values));
    Statement { sql, values }
}

/// Adds rows.
fn insert(table: &str, tenant: TenantKey, columns: Vec<Column>) -> Statement {
    let sql = format!(
        "INSERT INTO {table} (tenant, {}) SELECT $1::bigint, t.* FROM {} AS t",
        names(&columns),
        unnest(&columns)
    );
    statement(sql, tenant, columns)
}

/// Gives those rows whose keys, the first `keys` columns, are there already other values, as `set` says of the row `r`
/// and the new one `n`, and adds the others; the first `listed` of the keys are said as lists too, see [`update`].
/// `ON CONFLICT` would do the same, but not where the table is on another server; under the tenant's lock nobody adds
/// rows in between.
fn upsert(
    table: &str,
    tenant: TenantKey,
    columns: Vec<Column>,
    (keys, listed): (usize, usize),
    set: &str,
) -> Statement {
    let all = names(&columns);
    let keys: Vec<&str> = columns.iter().take(keys).map(|column| column.name).collect();
    let equal = |left: &str| {
        let each = keys.iter().map(|key| format!("{left}.{key} = n.{key}"));
        each.collect::<Vec<_>>().join(" AND ")
    };
    let found: Vec<String> = keys.iter().map(|key| format!("r.{key}")).collect();
    let sql = format!(
        "WITH n AS (SELECT * FROM {} AS n({all})), \
         found AS (UPDATE {table} AS r SET {set} FROM n WHERE r.tenant = $1 AND {} AND {} RETURNING {}) \
         INSERT INTO {table} (tenant, {all}) SELECT $1::bigint, n.* FROM n \
         WHERE NOT EXISTS (SELECT 1 FROM found AS f WHERE {})",
        unnest(&columns),
        lists(&columns, listed),
        equal("r"),
        found.join(", "),
        equal("f"),
    );
    statement(sql, tenant, columns)
}

/// Gives the rows whose keys, the first `keys` columns, are there the values of the others. The keys are said once more
/// as lists: a server that holds the tenant's rows elsewhere asks for these rows only.
fn update(table: &str, tenant: TenantKey, columns: Vec<Column>, keys: usize) -> Statement {
    let set: Vec<String> = columns.iter().skip(keys).map(|column| format!("{0} = t.{0}", column.name)).collect();
    let sql = format!(
        "UPDATE {table} AS r SET {} FROM {} AS t({}) WHERE r.tenant = $1 AND {} AND {}",
        set.join(", "),
        unnest(&columns),
        names(&columns),
        lists(&columns, keys),
        equal(&columns, keys)
    );
    statement(sql, tenant, columns)
}

/// Deletes the rows whose keys the columns are.
fn delete_rows(table: &str, tenant: TenantKey, columns: Vec<Column>) -> Statement {
    let sql = format!(
        "DELETE FROM {table} AS r USING {} AS t({}) WHERE r.tenant = $1 AND {} AND {}",
        unnest(&columns),
        names(&columns),
        lists(&columns, columns.len()),
        equal(&columns, columns.len())
    );
    statement(sql, tenant, columns)
}

/// `r.key = ANY($2) AND ...`: the first columns.
fn lists(columns: &[Column], listed: usize) -> String {
    let each = columns.iter().take(listed).enumerate();
    each.map(|(at, column)| format!("r.{} = ANY(${})", column.name, at + 2)).collect::<Vec<_>>().join(" AND ")
}

/// `r.key = t.key AND ...`: the first columns.
fn equal(columns: &[Column], keys: usize) -> String {
    let each = columns.iter().take(keys);
    each.map(|column| format!("r.{0} = t.{0}", column.name)).collect::<Vec<_>>().join(" AND ")
}

/// Deletes the rows with some keys.
fn delete(table: &str, key: &str, tenant: TenantKey, keys: &[i64]) -> Statement {
    let keys: Vec<i64> = keys.to_vec();
    Statement {
        sql: format!("DELETE FROM {table} WHERE tenant = $1 AND {key} = ANY($2)"),
        values: vec![Box::new(number(tenant)), Box::new(keys)],
    }
}

/// The statements of what a group writes, in their order. `actor` gives the numbers of actors.
pub(crate) fn of(
    tenant: TenantKey,
    writes: &Writes,
    actor: impl Fn(&LogEntry) -> i64,
) -> Result<Vec<Statement>, CellError> {
    let mut all = Vec::new();
    if !writes.deleted_events.is_empty() {
        let keys: Vec<i64> = writes.deleted_events.iter().map(|event| event.creation as i64).collect();
        all.push(delete("risk_events", "key", tenant, &keys));
        all.push(delete("evidence", "event", tenant, &keys));
        if writes.deleted_events.iter().any(is_kept) {
            all.push(delete("detections", "key", tenant, &keys));
        }
    }
    if !writes.deleted_users.is_empty() {
        let keys: Vec<i64> = writes.deleted_users.iter().map(|key| *key as i64).collect();
        all.push(delete("users", "key", tenant, &keys));
    }
    if !writes.removed_evidence.is_empty() {
        let keys = vec![
            numbers("event", &writes.removed_evidence, |(event, _)| Some(*event as i64)),
            numbers("number", &writes.removed_evidence, |(_, id)| id.parse().ok()),
        ];
        all.push(delete_rows("evidence", tenant, keys));
    }
    directory::deletions(tenant, &writes.directory, &mut all);
    if !writes.inserted_events.is_empty() {
        let mut columns = event_columns(&writes.inserted_events)?;
        columns.push(numbers("key", &writes.inserted_events, |row| Some(row.event.creation as i64)));
        columns.push(texts("id", &writes.inserted_events, |row| Some(row.event.id.as_str())));
        columns.push(booleans("named", &writes.inserted_events, |row| {
            Some(row.event.id.change_number() != Some(row.event.creation))
        }));
        columns.push(texts("additional_info", &writes.inserted_events, |row| row.info.text()));
        all.push(insert("risk_events", tenant, columns));
        let kept: Vec<&RiskEvent> =
            writes.inserted_events.iter().map(|row| &row.event).filter(|event| is_kept(event)).collect();
        if !kept.is_empty() {
            let ids: Vec<Option<String>> =
                kept.iter().map(|event| Some(DetectionId::of(event.id.as_str()).text().as_str().to_owned())).collect();
            let columns = vec![
                numbers("key", &kept, |event| Some(event.creation as i64)),
                Column { name: "id", ty: "text[]", values: Box::new(ids) },
            ];
            all.push(insert("detections", tenant, columns));
        }
    }
    if !writes.updated_events.is_empty() {
        let mut columns = vec![numbers("key", &writes.updated_events, |row| Some(row.event.creation as i64))];
        columns.extend(event_columns(&writes.updated_events)?);
        all.push(update("risk_events", tenant, columns, 1));
        let told: Vec<&EventRow> = writes.updated_events.iter().filter(|row| row.info != Info::AsBefore).collect();
        if !told.is_empty() {
            let columns = vec![
                numbers("key", &told, |row| Some(row.event.creation as i64)),
                texts("additional_info", &told, |row| row.info.text()),
            ];
            all.push(update("risk_events", tenant, columns, 1));
        }
    }
    if !writes.evidence.is_empty() {
        let columns = evidence_columns(&writes.evidence);
        // All of them: an item that was taken away leaves its number to others.
        let set: Vec<String> = columns.iter().skip(2).map(|column| format!("{0} = n.{0}", column.name)).collect();
        all.push(upsert("evidence", tenant, columns, (2, 1), &set.join(", ")));
    }
    if !writes.inserted_users.is_empty() {
        all.push(insert("users", tenant, user_columns(&writes.inserted_users)));
    }
    if !writes.updated_users.is_empty() {
        all.push(update("users", tenant, user_columns(&writes.updated_users), 1));
    }
    if !writes.inserted_risky_users.is_empty() {
        let mut columns = risky_user_columns(&writes.inserted_risky_users);
        columns.push(texts("user_id", &writes.inserted_risky_users, |user| Some(&user.id)));
        all.push(insert("risky_users", tenant, columns));
    }
    if !writes.updated_risky_users.is_empty() {
        all.push(update("risky_users", tenant, risky_user_columns(&writes.updated_risky_users), 1));
    }
    directory::changes(tenant, &writes.directory, &mut all);
    if !writes.log.is_empty() {
        all.push(insert("changes", tenant, log_columns(&writes.log, actor)));
    }
    if !writes.totals.is_empty() {
        all.push(upsert("totals", tenant, total_columns(&writes.totals), (3, 1), "count = r.count + n.count"));
    }
    // Whatever was written: whoever waits for the row's lock with an older view of the tables is then told so, where
    // the server gives one view to a whole transaction.
    all.push(match writes.end {
        Some(end) => Statement {
            sql: "UPDATE tenants SET last_sequence = $2, last_time = $3 WHERE tenant = $1".to_owned(),
            values: vec![Box::new(number(tenant)), Box::new(end.sequence as i64), Box::new(end.time.get())],
        },
        None => Statement {
            sql: "UPDATE tenants SET last_sequence = last_sequence WHERE tenant = $1".to_owned(),
            values: vec![Box::new(number(tenant))],
        },
    });
    Ok(all)
}

fn is_kept(event: &RiskEvent) -> bool {
    DetectionId::must_be_kept(event.id.as_str())
}

fn event_text(row: &EventRow, position: usize) -> Option<&str> {
    match row.event.cell(position) {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}

fn event_number(row: &EventRow, position: usize) -> Option<i64> {
    match row.event.cell(position) {
        Cell::Integer(value) => Some(value),
        _ => None,
    }
}

/// The columns of events that can change.
fn event_columns(rows: &[EventRow]) -> Result<Vec<Column>, CellError> {
    use edm::event as at;
    let members = rows.iter().map(|row| event_members(&row.event).map(Some)).collect::<Result<Vec<_>, _>>()?;
    let text_at = |name, position| texts(name, rows, move |row| event_text(row, position));
    let number_at = |name, position| numbers(name, rows, move |row| event_number(row, position));
    Ok(vec![
        numbers("kind", rows, |row| Some(row.event.kind as i64)),
        numbers("version", rows, |row| Some(row.event.version as i64)),
        Column { name: "members", ty: "text[]", values: Box::new(members) },
        text_at("user_display_name", at::USER_DISPLAY_NAME),
        text_at("user_principal_name", at::USER_PRINCIPAL_NAME),
        number_at("risk_event_date_time", at::RISK_EVENT_DATE_TIME),
        text_at("risk_event_type", at::RISK_EVENT_TYPE),
        number_at("risk_level", at::RISK_LEVEL),
        number_at("risk_event_status", at::RISK_EVENT_STATUS),
        number_at("closed_date_time", at::CLOSED_DATE_TIME),
        number_at("created_date_time", at::CREATED_DATE_TIME),
        text_at("user_id", at::USER_ID),
        texts("impacted_user", rows, |row| row.event.impacted_user.as_deref()),
        numbers("risk_detail", rows, |row| Some(row.event.risk_detail as i64)),
        numbers("last_updated_date_time", rows, |row| Some(row.written.get())),
    ])
}

fn evidence_columns(rows: &[(u64, Evidence)]) -> Vec<Column> {
    vec![
        numbers("event", rows, |(event, _)| Some(*event as i64)),
        // Ids are given out as numbers.
        numbers("number", rows, |(_, item)| item.id().parse().ok()),
        numbers("creation", rows, |(_, item)| Some(item.creation as i64)),
        numbers("version", rows, |(_, item)| Some(item.version as i64)),
        texts("source", rows, |(_, item)| Some(&item.finding.source)),
        numbers("match_class", rows, |(_, item)| Some(item.finding.match_class as i64)),
        texts("matched_attribute", rows, |(_, item)| item.finding.matched_attribute.as_deref()),
        texts("matched_rule", rows, |(_, item)| item.finding.matched_rule.as_deref()),
        numbers("first_seen", rows, |(_, item)| Some(item.first_seen.get())),
        numbers("last_seen", rows, |(_, item)| Some(item.last_seen.get())),
        numbers("occurrences", rows, |(_, item)| Some(i64::from(item.occurrences))),
        booleans("account_enabled", rows, |(_, item)| item.account_enabled),
    ]
}

/// The columns of users, the key first.
fn user_columns(rows: &[UserRow]) -> Vec<Column> {
    use edm::user as at;
    let folded = rows.iter().map(|row| Some(row.user.folded_name().as_str().to_owned())).collect::<Vec<_>>();
    let mut columns = vec![
        numbers("key", rows, |row| Some(row.key as i64)),
        numbers("version", rows, |row| Some(row.user.version() as i64)),
        Column { name: "folded_name", ty: "text[]", values: Box::new(folded) },
    ];
    for (position, name) in store::columns::USER.into_iter().enumerate() {
        columns.push(match position {
            at::ACCOUNT_ENABLED => booleans(name, rows, |row| match row.user.cell(position) {
                Cell::Integer(value) => Some(value != 0),
                _ => None,
            }),
            at::CREATED_DATE_TIME => numbers(name, rows, |row| match row.user.cell(position) {
                Cell::Integer(value) => Some(value),
                _ => None,
            }),
            _ => texts(name, rows, |row| match row.user.cell(position) {
                Cell::Text(text) => Some(text),
                _ => None,
            }),
        });
    }
    columns
}

/// The columns of users at risk that can change, the key first.
fn risky_user_columns(rows: &[RiskyUser]) -> Vec<Column> {
    let open = |name, level: usize| numbers(name, rows, move |user: &RiskyUser| Some(user.open.by_level[level].into()));
    vec![
        numbers("key", rows, |user| Some(user.creation as i64)),
        texts("user_display_name", rows, |user| Some(&user.user_display_name)),
        texts("user_principal_name", rows, |user| Some(&user.user_principal_name)),
        booleans("is_known", rows, |user| Some(user.is_known)),
        booleans("is_deleted", rows, |user| Some(user.is_deleted)),
        booleans("names_are_told", rows, |user| Some(user.names_are_told)),
        numbers("version", rows, |user| Some(user.version as i64)),
        numbers("newest", rows, |user| user.newest.map(|newest| newest as i64)),
        numbers("risk_last_updated_date_time", rows, |user| Some(user.risk_last_updated.get())),
        numbers("risk_level", rows, |user| Some(user.risk.level as i64)),
        numbers("risk_state", rows, |user| Some(user.risk.state as i64)),
        numbers("risk_detail", rows, |user| Some(user.risk.detail as i64)),
        numbers("closed_state", rows, |user| Some(user.closed.0 as i64)),
        numbers("closed_detail", rows, |user| Some(user.closed.1 as i64)),
        numbers("events", rows, |user| Some(user.events.into())),
        open("open_low", 0),
        open("open_medium", 1),
        open("open_high", 2),
        open("open_hidden", 3),
        open("open_none", 4),
        open("open_unknown", 5),
        numbers("open_confirmed", rows, |user| Some(user.open.confirmed.into())),
    ]
}

fn log_columns(rows: &[LogEntry], actor: impl Fn(&LogEntry) -> i64) -> Vec<Column> {
    vec![
        numbers("sequence", rows, |row| Some(row.moment.sequence as i64)),
        numbers("entity_set", rows, |row| Some(row.entry.set as i64)),
        texts("id", rows, |row| Some(&row.entry.id)),
        numbers("kind", rows, |row| Some(row.entry.kind as i64)),
        numbers("properties", rows, |row| Some(row.entry.properties as i64)),
        numbers("time", rows, |row| Some(row.moment.now.get())),
        numbers("actor", rows, |row| Some(actor(row))),
        numbers("risky_user", rows, |row| row.risky_user.map(|user| user as i64)),
        numbers("previous", rows, |row| row.item.as_ref()?.previous.map(|previous| previous as i64)),
        numbers("risk_level", rows, |row| Some(row.item.as_ref()?.risk.level as i64)),
        numbers("risk_state", rows, |row| Some(row.item.as_ref()?.risk.state as i64)),
        numbers("risk_detail", rows, |row| Some(row.item.as_ref()?.risk.detail as i64)),
        booleans("is_deleted", rows, |row| Some(row.item.as_ref()?.is_deleted)),
        numbers("activity_detail", rows, |row| row.item.as_ref()?.activity.detail.map(|detail| detail as i64)),
        texts("risk_event_type", rows, |row| row.item.as_ref()?.activity.risk_event_type.as_deref()),
        texts("user_display_name", rows, |row| row.item.as_ref()?.names.as_ref().map(|(display, _)| &**display)),
        texts("user_principal_name", rows, |row| row.item.as_ref()?.names.as_ref().map(|(_, principal)| &**principal)),
    ]
}

fn total_columns(rows: &[(Total, i64)]) -> Vec<Column> {
    vec![
        numbers("subject", rows, |(total, _)| Some(total_key(*total).0)),
        numbers("risk_level", rows, |(total, _)| Some(total_key(*total).1)),
        numbers("risk_event_status", rows, |(total, _)| Some(total_key(*total).2)),
        numbers("count", rows, |(_, by)| Some(*by)),
    ]
}
