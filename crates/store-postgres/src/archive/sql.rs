//! The statements of a transfer. Tables are kept as [`store::transfer`] has them, but for actors, who have numbers here.

use store::transfer::{Row, Scope, Table, Type, Value};
use tokio_postgres::types::ToSql;

/// A value that is bound to a statement.
pub(super) type Bound = Box<dyn ToSql + Send + Sync>;

/// Whether a table names actors by number.
fn names_actors(table: &Table) -> bool {
    table.columns.iter().any(|column| column.name == "actor_app")
}

/// Where a column of a table that names actors is read.
fn read(name: &str) -> String {
    match name {
        "actor_app" => "a.app".to_owned(),
        "actor_user" => "a.user_name".to_owned(),
        name => format!("t.{name}"),
    }
}

/// The statement that reads rows, and its values. It says nothing but what the table's key answers, whatever the
/// server knows of its rows.
pub(super) fn select(table: &Table, scope: Scope<'_>, limit: u32) -> (String, Vec<Bound>) {
    let mut values: Vec<Bound> = Vec::new();
    let mut conditions = vec!["TRUE".to_owned()];
    let own = usize::from(table.is_by_tenant());
    let key: Vec<&str> = table.columns[own..table.key].iter().map(|column| column.name).collect();
    if let Some(tenant) = scope.tenant {
        values.push(Box::new(tenant));
        conditions.push("tenant = $1".to_owned());
    }
    if !scope.after.is_empty() {
        let mut places = Vec::new();
        for value in scope.after {
            values.push(bound(value));
            places.push(format!("${}", values.len()));
        }
        conditions.push(format!("({}) > ({})", key.join(", "), places.join(", ")));
    }
    let columns: Vec<String> = table.columns.iter().map(|column| read(column.name)).collect();
    let join =
        if names_actors(table) { " LEFT JOIN actors AS a ON a.tenant = t.tenant AND a.actor = t.actor" } else { "" };
    let order: Vec<String> = key.iter().map(|name| format!("t.{name}")).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT * FROM {} WHERE {} ORDER BY {} LIMIT {limit}) AS t{join} ORDER BY {}",
        columns.join(", "),
        table.name,
        conditions.join(" AND "),
        key.join(", "),
        order.join(", ")
    );
    (sql, values)
}

fn bound(value: &Value) -> Bound {
    match value {
        Value::Null => Box::new(None::<i64>), // no key is null
        Value::Integer(value) => Box::new(*value),
        Value::Text(text) => Box::new(text.to_string()),
        Value::Bytes(bytes) => Box::new(bytes.to_vec()),
    }
}

/// The statement that adds rows, with a whole column in each value. It adds no row whose actor is not known.
pub(super) fn insert(table: &Table, rows: &[Row]) -> (String, Vec<Bound>) {
    let mut values: Vec<Bound> = Vec::new();
    let mut arrays = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        let (array, ty) = column_of(column.ty, rows, place);
        values.push(array);
        arrays.push(format!("${}::{ty}[]", values.len()));
    }
    let all: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let kept = all.iter().copied().filter(|name| !name.starts_with("actor_"));
    let (mut names, mut written): (Vec<&str>, Vec<String>) = kept.map(|name| (name, format!("t.{name}"))).unzip();
    let mut join = "";
    if names_actors(table) {
        names.push("actor");
        written.push("a.actor".to_owned());
        join = " JOIN actors AS a ON a.tenant = t.tenant AND a.app = t.actor_app AND a.user_name = t.actor_user";
    }
    if table.name == "actors" {
        names.push("actor");
        written.push(
            "(SELECT coalesce(max(known.actor), 0) FROM actors AS known WHERE known.tenant = t.tenant) \
             + row_number() OVER (PARTITION BY t.tenant)"
                .to_owned(),
        );
    }
    // The numbers of tenants are given out by the table itself, but for these.
    let overriding = if table.name == "tenants" { " OVERRIDING SYSTEM VALUE" } else { "" };
    let sql = format!(
        "INSERT INTO {} ({}){overriding} SELECT {} FROM unnest({}) AS t({}){join}",
        table.name,
        names.join(", "),
        written.join(", "),
        arrays.join(", "),
        all.join(", ")
    );
    (sql, values)
}

/// A column of rows, and the type of its values.
fn column_of(ty: Type, rows: &[Row], place: usize) -> (Bound, &'static str) {
    let values = rows.iter().map(|row| &row[place]);
    let integer = |value: &Value| match value {
        Value::Integer(value) => Some(*value),
        _ => None,
    };
    match ty {
        Type::Integer => (Box::new(values.map(integer).collect::<Vec<_>>()), "bigint"),
        Type::Boolean => {
            (Box::new(values.map(|value| integer(value).map(|value| value != 0)).collect::<Vec<_>>()), "boolean")
        }
        Type::Text => {
            let text = |value: &Value| match value {
                Value::Text(text) => Some(text.to_string()),
                _ => None,
            };
            (Box::new(values.map(text).collect::<Vec<_>>()), "text")
        }
        Type::Bytes => {
            let bytes = |value: &Value| match value {
                Value::Bytes(bytes) => Some(bytes.to_vec()),
                _ => None,
            };
            (Box::new(values.map(bytes).collect::<Vec<_>>()), "bytea")
        }
    }
}
