//! In what this store's tables differ from the form that is no store's own: the tenant is a part of keys, actors have
//! numbers, and so have those whom events are about.

use crate::rows::{end, key};
use model::TenantKey;
use store::StoreError;
use store::transfer::{Scope, Table, Value};

/// How a table is kept here.
pub(super) struct Shape {
    table: &'static str,
    /// The column that holds the tenant and the second column of the key in one number.
    pub(super) key: Option<&'static str>,
    /// Whether the tenant stands in a column of its own besides.
    tenant_too: bool,
    joins: &'static str,
    /// What is read of columns that are not kept as they are.
    reads: &'static [(&'static str, &'static str)],
    /// Where such columns are written, and what; nowhere for an empty name.
    writes: &'static [(&'static str, (&'static str, &'static str))],
    /// What is written besides.
    more: &'static [(&'static str, &'static str)],
    /// Statements that each row needs before it.
    pub(super) before: &'static [&'static str],
    /// Statements that each row needs after it.
    pub(super) after: &'static [&'static str],
}

/// One that differs in nothing.
const PLAIN: Shape = Shape {
    table: "",
    key: None,
    tenant_too: true,
    joins: "",
    reads: &[],
    writes: &[],
    more: &[],
    before: &[],
    after: &[],
};

/// One with keys.
const KEYED: Shape = Shape { key: Some("key"), ..PLAIN };

const WITH_ACTORS: &str = " LEFT JOIN actors AS a ON a.actor = t.actor";
const ACTOR: (&str, &str) =
    ("actor", "(SELECT actor FROM actors WHERE tenant = :tenant AND app = :actor_app AND user = :actor_user)");

static SHAPES: [Shape; 8] = [
    Shape {
        table: "actors",
        reads: &[("user_name", "t.user")],
        writes: &[("user_name", ("user", ":user_name"))],
        ..PLAIN
    },
    Shape { table: "users", ..KEYED },
    Shape { table: "risky_users", ..KEYED },
    Shape {
        table: "changes",
        tenant_too: false,
        joins: WITH_ACTORS,
        reads: &[
            ("actor_app", "a.app"),
            ("actor_user", "a.user"),
            ("risky_user", "t.risky_user & 1099511627775"),
            ("risk_event_type", "CASE t.risk_event_type WHEN '' THEN 'leakedCredentials' ELSE t.risk_event_type END"),
        ],
        writes: &[
            ("actor_app", ACTOR),
            ("actor_user", ("", "")),
            ("risky_user", ("risky_user", "(:tenant - 1) * 1099511627776 + :risky_user")),
            (
                "risk_event_type",
                ("risk_event_type", "CASE :risk_event_type WHEN 'leakedCredentials' THEN '' ELSE :risk_event_type END"),
            ),
        ],
        ..KEYED
    },
    Shape {
        table: "risk_events",
        more: &[
            (
                "subject",
                "(SELECT subject FROM subjects WHERE tenant = :tenant AND user_id = :user_id \
                 AND user_principal_name = :user_principal_name)",
            ),
            (
                "detection",
                "detection_members(:id, :user_display_name, :user_principal_name, :risk_event_date_time, \
                 :risk_event_type, :risk_level, :risk_event_status, :closed_date_time, :created_date_time, :user_id, \
                 NULL, :risk_detail, NULL, :last_updated_date_time)",
            ),
        ],
        before: &["INSERT INTO subjects (tenant, user_id, user_principal_name) \
                   VALUES (:tenant, :user_id, :user_principal_name) ON CONFLICT DO NOTHING"],
        // A walk along the log meets an event where it was last written.
        after: &["UPDATE changes SET event = (:tenant - 1) * 1099511627776 + :key \
                  WHERE key = (:tenant - 1) * 1099511627776 + :version AND :version <> :key"],
        ..KEYED
    },
    Shape { table: "detections", ..KEYED },
    Shape { table: "evidence", key: Some("event"), tenant_too: false, ..PLAIN },
    Shape {
        table: "repeatable_requests",
        joins: WITH_ACTORS,
        reads: &[("actor_app", "a.app"), ("actor_user", "a.user")],
        writes: &[("actor_app", ACTOR), ("actor_user", ("", ""))],
        ..KEYED
    },
];

/// How a table is kept here.
pub(super) fn shape_of(table: &Table) -> &'static Shape {
    SHAPES.iter().find(|shape| shape.table == table.name).unwrap_or(&PLAIN)
}

impl Shape {
    /// What is read of a column.
    fn read(&self, table: &Table, place: usize) -> String {
        let name = table.columns[place].name;
        match (self.key, place) {
            (Some(key), 0) => format!("(t.{key} >> 40) + 1"),
            (Some(key), 1) => format!("t.{key} & 1099511627775"),
            _ => self
                .reads
                .iter()
                .find(|(of, _)| *of == name)
                .map_or_else(|| format!("t.{name}"), |(_, it)| (*it).into()),
        }
    }
}

/// The statement that reads rows, and its values.
pub(super) fn select(
    table: &Table,
    shape: &Shape,
    scope: Scope<'_>,
    limit: u32,
) -> Result<(String, Vec<Value>), StoreError> {
    let read: Vec<String> = (0..table.columns.len()).map(|place| shape.read(table, place)).collect();
    let own = usize::from(table.is_by_tenant());
    // What rows are ordered by, within the tenant.
    let mut order: Vec<String> = read[own..table.key].to_vec();
    let mut after = scope.after.to_vec();
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    if let (Some(number), Some(column)) = (scope.tenant, shape.key) {
        let tenant = TenantKey(
            u32::try_from(number).map_err(|_| StoreError::Corrupt(format!("a tenant has the number {number}")))?,
        );
        order[0] = format!("t.{column}");
        // Numbers count from 1.
        after = match scope.after {
            [Value::Integer(first), rest @ ..] => {
                let mut raw = vec![Value::Integer(key(tenant, *first as u64))];
                raw.extend_from_slice(rest);
                raw
            }
            _ => order.iter().map(|_| Value::Integer(key(tenant, 0))).collect(),
        };
        conditions.push(format!("t.{column} < ?"));
        values.push(Value::Integer(end(tenant)));
    } else if let Some(number) = scope.tenant {
        conditions.push("t.tenant = ?".to_owned());
        values.push(Value::Integer(number));
    }
    let order = order.join(", ");
    if !after.is_empty() {
        let places = vec!["?"; after.len()].join(", ");
        conditions.push(format!("({order}) > ({places})"));
        values.extend(after);
    }
    let conditions = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
    let sql = format!(
        "SELECT {} FROM {} AS t{} WHERE {conditions} ORDER BY {order} LIMIT {limit}",
        read.join(", "),
        table.name,
        shape.joins
    );
    Ok((sql, values))
}

/// The statement that adds a row, with the names of columns as those of parameters.
pub(super) fn insert(table: &Table, shape: &Shape) -> String {
    let mut written: Vec<(&str, String)> = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        let differing = shape.writes.iter().find(|(of, _)| *of == column.name).map(|(_, written)| *written);
        match (shape.key, place, differing) {
            (Some(_), 0, _) if !shape.tenant_too => {}
            (Some(key), 1, _) => written.push((key, format!("(:tenant - 1) * 1099511627776 + :{}", column.name))),
            (_, _, Some(("", _))) => {}
            (_, _, Some((name, value))) => written.push((name, value.to_owned())),
            _ => written.push((column.name, format!(":{}", column.name))),
        }
    }
    written.extend(shape.more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let names: Vec<&str> = written.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = written.iter().map(|(_, value)| &**value).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "))
}
