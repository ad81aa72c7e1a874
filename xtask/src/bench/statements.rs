//! The yardstick of reads over PostgreSQL: the server's own statements with their values, as PostgreSQL logs them, sent
//! by the client library that the server uses, from the load generator.

use crate::bench::connection::{Connection, Target};
use crate::bench::load::{Lane, Run, collect};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use postgres_cluster::Cluster;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, NoTls, Row, Statement};

/// What the statements that answer a question read from; others find tokens, tenants and the like.
const READ_FROM: [&str; 2] = [" FROM risk_events AS ", " FROM risky_users AS "];

/// A statement and the texts of its values.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    sql: String,
    values: Vec<Option<String>>,
}

/// Statements that are sent in turn.
#[derive(Clone, Debug)]
pub struct Statements {
    url: String,
    asked: Arc<Vec<Asked>>,
    next: Arc<AtomicUsize>,
}

impl Statements {
    /// What a server asks its database when it is asked for these paths. The server must have its database log all
    /// statements (`log_statement=all`), and nobody else may have.
    pub async fn heard(cluster: &Cluster, url: &str, server: &Target, paths: &[String]) -> Result<Self> {
        let mut connection = Connection::open(server.address).await?;
        let before = cluster.log().len();
        for path in paths {
            connection.ask(&server.request("GET", path, None)).await?.expect(200)?;
        }
        let log = cluster.log();
        let asked = logged(log.get(before..).unwrap_or_default())?;
        let asked: Vec<Asked> =
            asked.into_iter().filter(|asked| READ_FROM.iter().any(|from| asked.sql.contains(from))).collect();
        let (paths, found) = (paths.len(), asked.len());
        ensure!(found == paths, "{paths} questions took {found} statements: they cannot be held against each other");
        Ok(Self { url: url.to_owned(), asked: Arc::new(asked), next: Arc::default() })
    }

    /// Asks on so many connections for so long. Each prepares a statement once, as the server does, and reads every
    /// column of every row.
    pub async fn drive(&self, connections: u16, length: Duration) -> Result<Run> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(self.open().await?);
        }
        let end = Instant::now() + length;
        let mut tasks = JoinSet::new();
        for connection in open {
            tasks.spawn(one(self.clone(), connection, end));
        }
        collect(tasks, length).await
    }

    async fn open(&self) -> Result<(Client, HashMap<String, Statement>)> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.context("PostgreSQL")?;
        // It ends with the client, which tells what went wrong.
        tokio::spawn(connection);
        let mut prepared = HashMap::new();
        for Asked { sql, .. } in &*self.asked {
            if !prepared.contains_key(sql) {
                prepared.insert(sql.clone(), client.prepare(sql).await?);
            }
        }
        Ok((client, prepared))
    }
}

async fn one(
    statements: Statements,
    (client, prepared): (Client, HashMap<String, Statement>),
    end: Instant,
) -> Result<Lane> {
    let mut lane = Lane::new();
    let mut sent = Instant::now();
    while sent < end {
        let turn = statements.next.fetch_add(1, Ordering::Relaxed);
        let asked = statements.asked.get(turn % statements.asked.len()).context("no statement")?;
        let statement = prepared.get(&asked.sql).context("not prepared")?;
        let values = values(statement.params(), &asked.values)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
        let rows = client.query(statement, &values).await?;
        let bytes: usize = rows.iter().map(length_of).sum::<Result<usize>>()?;
        ensure!(bytes > 0, "nothing was found by {}", asked.sql);
        let got = Instant::now();
        lane.answered(sent, got, end);
        sent = got;
    }
    Ok(lane)
}

/// The values as the statement takes them.
fn values(types: &[Type], texts: &[Option<String>]) -> Result<Vec<Box<dyn ToSql + Send + Sync>>> {
    ensure!(types.len() == texts.len(), "{} values for {} parameters", texts.len(), types.len());
    let value = |(ty, text): (&Type, &Option<String>)| -> Result<Box<dyn ToSql + Send + Sync>> {
        let text = text.as_deref();
        Ok(match *ty {
            Type::INT8 => Box::new(text.map(str::parse::<i64>).transpose()?),
            Type::INT4 => Box::new(text.map(str::parse::<i32>).transpose()?),
            Type::FLOAT8 => Box::new(text.map(str::parse::<f64>).transpose()?),
            Type::BOOL => Box::new(text.map(|text| text == "t")),
            Type::TEXT => Box::new(text.map(str::to_owned)),
            _ => bail!("a parameter of type {ty} is not known here"),
        })
    };
    types.iter().zip(texts).map(value).collect()
}

/// The bytes of a row's columns.
fn length_of(row: &Row) -> Result<usize> {
    struct Length(usize);
    impl<'a> FromSql<'a> for Length {
        fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
            Ok(Self(raw.len()))
        }
        fn accepts(_: &Type) -> bool {
            true
        }
    }
    let length = |column| Ok(row.try_get::<_, Option<Length>>(column)?.map_or(0, |length| length.0));
    (0..row.len()).map(length).sum()
}

/// The prepared statements that a log tells of, with their values (PostgreSQL, `log_statement`).
fn logged(log: &str) -> Result<Vec<Asked>> {
    let mut all: Vec<Asked> = Vec::new();
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once("LOG:  execute ") {
            let (_, sql) = rest.split_once(": ").ok_or_else(|| anyhow!("PostgreSQL logged `{line}`"))?;
            all.push(Asked { sql: sql.to_owned(), values: Vec::new() });
        } else if let Some((_, rest)) = line.split_once("DETAIL:  ")
            && let Some(texts) = rest.strip_prefix("parameters: ").or_else(|| rest.strip_prefix("Parameters: "))
        {
            let last = all.last_mut().context("PostgreSQL logged parameters of nothing")?;
            last.values = parameters(texts).with_context(|| format!("PostgreSQL logged `{line}`"))?;
        }
    }
    Ok(all)
}

/// `$1 = '1', $2 = NULL, $3 = 'it''s'`
fn parameters(mut rest: &str) -> Option<Vec<Option<String>>> {
    let mut values = Vec::new();
    while !rest.is_empty() {
        rest = rest.strip_prefix(", ").unwrap_or(rest).strip_prefix('$')?.split_once(" = ")?.1;
        if let Some(after) = rest.strip_prefix("NULL") {
            values.push(None);
            rest = after;
            continue;
        }
        rest = rest.strip_prefix('\'')?;
        let mut text = String::new();
        loop {
            let (part, after) = rest.split_once('\'')?;
            text.push_str(part);
            match after.strip_prefix('\'') {
                Some(after) => {
                    text.push('\'');
                    rest = after;
                }
                None => {
                    rest = after;
                    break;
                }
            }
        }
        values.push(Some(text));
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_from_the_log() {
        let log = "2026-11-24 10:00:00.000 UTC [7] LOG:  execute s1: SELECT epoch FROM registry\n\
                   2026-11-24 10:00:00.000 UTC [7] LOG:  statement: BEGIN\n\
                   2026-11-24 10:00:00.000 UTC [7] LOG:  execute s2: SELECT e.key FROM risk_events AS e WHERE a = $1\n\
                   2026-11-24 10:00:00.000 UTC [7] DETAIL:  parameters: $1 = '12', $2 = NULL, $3 = 'it''s, $4 = '''\n";
        let asked = logged(log).expect("it is read");
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[1].sql, "SELECT e.key FROM risk_events AS e WHERE a = $1");
        let texts: Vec<Option<&str>> = asked[1].values.iter().map(Option::as_deref).collect();
        assert_eq!(texts, [Some("12"), None, Some("it's, $4 = '")]);
        assert_eq!(parameters("$1 = 'open"), None);
    }

    #[test]
    fn values_have_the_types_of_their_parameters() {
        let texts = [Some("5".to_owned()), Some("a".to_owned()), None];
        assert_eq!(values(&[Type::INT8, Type::TEXT, Type::BOOL], &texts).expect("they fit").len(), 3);
        assert!(values(&[Type::TEXT, Type::TEXT, Type::INT8], &texts).is_ok());
        assert!(values(&[Type::INT8, Type::INT8, Type::INT8], &texts).is_err());
        assert!(values(&[Type::INT8], &texts).is_err());
    }
}
