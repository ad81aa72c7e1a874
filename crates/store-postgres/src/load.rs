//! Loads what a group of commands needs: every kind of it in one statement, all statements in one round trip.

use crate::database::Connection;
use crate::directory::{ACCOUNT, JOB, RECORDED, account_of, job_of, place, place_of, recorded_of};
use crate::error::engine;
use crate::rows::{
    EVIDENCE, FROM_EVENTS, RISKY_USER, event_columns, event_of, evidence_of, number, risky_user_of, select,
    user_columns, user_of,
};
use futures_util::future::try_join_all;
use model::{FoldedName, TenantKey};
use std::collections::BTreeMap;
use std::pin::Pin;
use store::StoreError;
use store::working::{Loaded, Wanted};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// A kind of rows.
enum Kind {
    Events,
    Users,
    RiskyUsers,
    Evidence,
    Accounts,
    Recorded,
    Jobs,
}

/// Rows on their way.
type Reading<'a> = Pin<Box<dyn Future<Output = Result<(Kind, Vec<Row>), tokio_postgres::Error>> + Send + 'a>>;

fn reading<'a>(db: &'a Connection, kind: Kind, sql: String, values: Vec<&'a (dyn ToSql + Sync)>) -> Reading<'a> {
    Box::pin(async move { db.query(&sql, &values).await.map(|rows| (kind, rows)) })
}

/// Loads what is wanted of a tenant.
pub(crate) async fn load(db: &Connection, tenant: TenantKey, wanted: &Wanted) -> Result<Loaded, StoreError> {
    let read = engine("loading what a command touches");
    let tenant = number(tenant);
    let keys: Vec<i64> =
        wanted.events.iter().filter_map(model::EntityId::change_number).map(|number| number as i64).collect();
    let ids: Vec<&str> = wanted.events.iter().map(model::EntityId::as_str).collect();
    let users: Vec<&str> = wanted.users.iter().map(model::EntityId::as_str).collect();
    let names: Vec<&str> = wanted.names.iter().map(FoldedName::as_str).collect();
    let risky: Vec<&str> = wanted.risky_users.iter().map(|id| &**id).collect();
    let open: Vec<&str> = wanted.open_events_of.iter().map(|id| &**id).collect();
    let evidence: Vec<i64> = wanted.evidence_of.iter().map(|event| *event as i64).collect();

    let accounts_of: Vec<&str> = wanted.accounts_of.iter().map(|id| &**id).collect();
    let recorded_of_users: Vec<&str> = wanted.recorded_of.iter().map(|id| &**id).collect();
    let mut recorded: BTreeMap<(i64, i64, &str), Vec<&str>> = BTreeMap::new();
    for (job, subject) in &wanted.recorded {
        let (kind, source, id) = place_of(subject);
        recorded.entry((place(*job), kind, source)).or_default().push(id);
    }
    let jobs: Vec<&str> = wanted.jobs.iter().map(model::EntityId::as_str).collect();
    let mut sources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for account in &wanted.accounts {
        sources.entry(&account.source).or_default().push(&account.key);
    }

    let events =
        |condition: &str| select(event_columns(), &[FROM_EVENTS, " WHERE e.tenant = $1 AND ", condition].concat());
    let of_users =
        |condition: &str| select(user_columns(), &[" FROM users AS u WHERE u.tenant = $1 AND ", condition].concat());
    let mut reads: Vec<Reading<'_>> = Vec::new();
    if !ids.is_empty() {
        reads.push(reading(db, Kind::Events, events("e.named AND e.id = ANY($2)"), vec![&tenant, &ids]));
    }
    if !keys.is_empty() {
        reads.push(reading(db, Kind::Events, events("e.key = ANY($2) AND e.id = ANY($3)"), vec![&tenant, &keys, &ids]));
    }
    if !open.is_empty() {
        let sql = events("e.user_id = ANY($2) AND e.risk_event_status IN (0, 5)");
        reads.push(reading(db, Kind::Events, sql, vec![&tenant, &open]));
    }
    if !users.is_empty() {
        reads.push(reading(db, Kind::Users, of_users("u.id = ANY($2)"), vec![&tenant, &users]));
    }
    if !names.is_empty() {
        reads.push(reading(db, Kind::Users, of_users("u.folded_name = ANY($2)"), vec![&tenant, &names]));
    }
    if !risky.is_empty() {
        reads.push(reading(db, Kind::RiskyUsers, [RISKY_USER, "= ANY($2)"].concat(), vec![&tenant, &risky]));
    }
    if !evidence.is_empty() {
        reads.push(reading(
            db,
            Kind::Evidence,
            [EVIDENCE, "= ANY($2) ORDER BY event, number"].concat(),
            vec![&tenant, &evidence],
        ));
    }
    // Source by source: a server that holds the tenant's rows elsewhere is then asked for these accounts only.
    for (source, keys) in &sources {
        let sql = [ACCOUNT, "AND source = $2 AND key = ANY($3)"].concat();
        reads.push(reading(db, Kind::Accounts, sql, vec![&tenant, source, keys]));
    }
    if !accounts_of.is_empty() {
        let sql = [ACCOUNT, "AND user_id = ANY($2)"].concat();
        reads.push(reading(db, Kind::Accounts, sql, vec![&tenant, &accounts_of]));
    }
    if !recorded_of_users.is_empty() {
        let sql = [RECORDED, "AND user_id = ANY($2)"].concat();
        reads.push(reading(db, Kind::Recorded, sql, vec![&tenant, &recorded_of_users]));
    }
    for ((job, kind, source), ids) in &recorded {
        let sql = [RECORDED, "AND job = $2 AND kind = $3 AND source = $4 AND id = ANY($5)"].concat();
        reads.push(reading(db, Kind::Recorded, sql, vec![&tenant, job, kind, source, ids]));
    }
    if !jobs.is_empty() {
        reads.push(reading(db, Kind::Jobs, [JOB, "AND id = ANY($2)"].concat(), vec![&tenant, &jobs]));
    }
    // Each is sent when it is first looked at, so they go out one after another without a wait.
    let mut loaded = Loaded::default();
    for (kind, rows) in try_join_all(reads).await.map_err(read)? {
        for row in &rows {
            match kind {
                Kind::Events => loaded.events.push(event_of(row)?),
                Kind::Users => loaded.users.push(user_of(row)?),
                Kind::RiskyUsers => loaded.risky_users.push(risky_user_of(row)?),
                Kind::Evidence => loaded.evidence.push(evidence_of(row)?),
                Kind::Accounts => loaded.accounts.push(account_of(row)?),
                Kind::Recorded => loaded.recorded.push(recorded_of(row)?),
                Kind::Jobs => loaded.jobs.push(job_of(row)?),
            }
        }
    }
    Ok(loaded)
}
