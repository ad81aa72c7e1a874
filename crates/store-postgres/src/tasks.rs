//! Tasks: pieces of jobs' work that any process may do. Claims are made beside each other and wait for nobody; only where
//! something is kept that others must learn of is the tenant locked.

use crate::database::Connection;
use crate::directory::{optional_ticks, place};
use crate::error::engine;
use crate::records;
use crate::rows::{damaged, integer, number, optional_text, text};
use crate::statements::add_found;
use model::{Claim, MOST_ATTEMPTS, Task, TaskKey, TaskKind, TaskState, TenantKey};
use store::{AdminOutcome, StoreError, TaskCommand, TaskOutcome};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

const DOING: &str = "changing tasks";
const COLUMNS: &str = "t.job, t.number, t.kind, t.priority, t.state, t.payload, t.holder, t.lease, t.attempts, t.result, \
    t.message";
/// Of the task that a claim is to.
const HELD: &str = "WHERE tenant = $1 AND job = $2 AND number = $3 AND state = 2 AND claim = $4";

/// Carries out a change.
pub(crate) async fn execute(
    db: &Connection,
    tenant: TenantKey,
    command: TaskCommand,
) -> Result<AdminOutcome, StoreError> {
    let done = |rows: u64| AdminOutcome::Task(if rows == 0 { TaskOutcome::None } else { TaskOutcome::Done });
    let locked = async |sql: &str, values: &[&(dyn ToSql + Sync)]| {
        Ok(records::change(db, tenant, DOING, sql, values).await?.map_or(AdminOutcome::NotFound, done))
    };
    match command {
        TaskCommand::Add { job, kind, priority, first, payloads } => {
            let sql = "INSERT INTO tasks (tenant, job, number, kind, priority, state, payload, attempts) \
                       SELECT $1, $2, $3 + n - 1, $4, $5, 1, payload, 0 \
                       FROM unnest($6::text[]) WITH ORDINALITY AS p(payload, n) WHERE NOT EXISTS \
                       (SELECT 1 FROM tasks AS t WHERE t.tenant = $1 AND t.job = $2 AND t.number = $3 + n - 1)";
            let payloads: Vec<&str> = payloads.iter().map(|payload| &**payload).collect();
            let (kind, priority) = (kind as i64, i64::from(priority));
            let added = locked(sql, &[&place(job), &place(first), &kind, &priority, &payloads]).await?;
            Ok(if added == AdminOutcome::NotFound { added } else { AdminOutcome::Task(TaskOutcome::Done) })
        }
        TaskCommand::Claim { kind, except, claim } => {
            let except: Vec<i64> = except.into_iter().map(place).collect();
            claim_next(db, tenant, (kind, &except), &claim).await.map(AdminOutcome::Task)
        }
        TaskCommand::Renew { key, claim, lease } => {
            let sql = format!("UPDATE tasks SET lease = $5 {HELD}");
            let (tenant, job, task) = (number(tenant), place(key.job), place(key.number));
            let renewed = db.execute_again(&sql, &[&tenant, &job, &task, &&*claim, &lease.get()]).await;
            renewed.map(done).map_err(engine(DOING))
        }
        TaskCommand::GiveBack { key, claim, message } => {
            let sql = format!(
                "UPDATE tasks SET claim = NULL, lease = NULL, message = coalesce($5::text, message), \
                 state = CASE WHEN $5 IS NOT NULL AND attempts >= $6 THEN 4 ELSE 1 END, \
                 attempts = attempts - CASE WHEN $5 IS NULL THEN 1 ELSE 0 END {HELD}"
            );
            let (tenant, job, task) = (number(tenant), place(key.job), place(key.number));
            let values: &[&(dyn ToSql + Sync)] =
                &[&tenant, &job, &task, &&*claim, &message.as_deref(), &i64::from(MOST_ATTEMPTS)];
            db.execute_again(&sql, values).await.map(done).map_err(engine(DOING))
        }
        TaskCommand::Finish { key, claim, result, found } => {
            let sql = format!(
                "UPDATE tasks SET state = 3, claim = NULL, lease = NULL, result = $5, \
                 payload = CASE WHEN kind = 2 THEN '{{}}' ELSE payload END {HELD}"
            );
            let found: Vec<_> = found.into_iter().map(|found| (key.job, found)).collect();
            let then = if found.is_empty() { Vec::new() } else { add_found(tenant, &found) };
            let (job, task) = (place(key.job), place(key.number));
            let values: &[&(dyn ToSql + Sync)] = &[&job, &task, &&*claim, &&*result];
            let finished = records::change_and(db, tenant, DOING, (&sql, values), &then).await?;
            Ok(finished.map_or(AdminOutcome::NotFound, done))
        }
        TaskCommand::Reseal { job, payloads } => {
            let sql = "UPDATE tasks AS t SET payload = n.payload FROM unnest($3::bigint[], $4::text[]) AS n(number, payload) \
                       WHERE t.tenant = $1 AND t.job = $2 AND t.number = n.number AND t.state <> 3";
            let numbers: Vec<i64> = payloads.iter().map(|(number, _)| place(*number)).collect();
            let payloads: Vec<&str> = payloads.iter().map(|(_, payload)| &**payload).collect();
            locked(sql, &[&place(job), &numbers, &payloads]).await
        }
        TaskCommand::Retry { job } => {
            let sql = "UPDATE tasks SET state = 1, attempts = 0 WHERE tenant = $1 AND job = $2 AND state = 4";
            locked(sql, &[&place(job)]).await
        }
    }
}

/// Takes the next task that nobody else is just taking.
async fn claim_next(
    db: &Connection,
    tenant: TenantKey,
    (kind, except): (TaskKind, &[i64]),
    claim: &Claim,
) -> Result<TaskOutcome, StoreError> {
    let doing = engine("claiming a task");
    let (tenant, kind, now) = (number(tenant), kind as i64, claim.now.get());
    let most = i64::from(MOST_ATTEMPTS);
    let given_up = "UPDATE tasks SET state = 4, message = coalesce(message, 'its workers were not heard of again') \
                    WHERE tenant = $1 AND (job, number) IN (SELECT job, number FROM tasks WHERE tenant = $1 AND kind = $2 \
                    AND state = 2 AND lease < $3 AND attempts >= $4 FOR UPDATE SKIP LOCKED)";
    db.execute_again(given_up, &[&tenant, &kind, &now, &most]).await.map_err(doing)?;
    let sql = format!(
        "WITH next AS MATERIALIZED (SELECT n.job, n.number FROM tasks AS n WHERE n.tenant = $1 AND n.kind = $2 \
         AND n.state < 3 AND (n.state = 1 OR n.lease < $3) \
         AND n.job IN (SELECT j.number FROM jobs AS j WHERE j.tenant = $1 AND j.state IN (1, 6)) \
         AND n.job <> ALL($7) \
         ORDER BY n.priority DESC, n.job, n.number LIMIT 1 FOR UPDATE SKIP LOCKED) \
         UPDATE tasks AS t SET state = 2, claim = $4, holder = $5, lease = $6, attempts = t.attempts + 1 FROM next \
         WHERE t.tenant = $1 AND t.job = next.job AND t.number = next.number RETURNING {COLUMNS}"
    );
    let values: &[&(dyn ToSql + Sync)] =
        &[&tenant, &kind, &now, &&*claim.id, &&*claim.holder, &claim.lease.get(), &except];
    let claimed = db.query_again(&sql, values).await.map_err(doing)?;
    Ok(match claimed.first() {
        Some(row) => TaskOutcome::Claimed(Box::new(task_of(row)?)),
        None => TaskOutcome::None,
    })
}

/// Up to `limit` tasks of a job in the order of their numbers, from one on.
pub(crate) async fn list(
    db: &Connection,
    tenant: TenantKey,
    from: TaskKey,
    limit: u32,
) -> Result<Vec<Task>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM tasks AS t WHERE t.tenant = $1 AND t.job = $2 AND t.number >= $3 ORDER BY t.number LIMIT $4"
    );
    let values: &[&(dyn ToSql + Sync)] = &[&number(tenant), &place(from.job), &place(from.number), &i64::from(limit)];
    let rows = db.query(&sql, values).await.map_err(engine("reading tasks"))?;
    rows.iter().map(task_of).collect()
}

fn task_of(row: &Row) -> Result<Task, StoreError> {
    const WHAT: &str = "a row of tasks";
    let small = |at, column: &str| u32::try_from(integer(row, at, WHAT)?).map_err(|_| damaged(column));
    Ok(Task {
        key: TaskKey { job: integer(row, 0, WHAT)? as u64, number: integer(row, 1, WHAT)? as u64 },
        kind: TaskKind::from_value(integer(row, 2, WHAT)?).ok_or_else(|| damaged("tasks.kind"))?,
        priority: i32::try_from(integer(row, 3, WHAT)?).map_err(|_| damaged("tasks.priority"))?,
        state: TaskState::from_value(integer(row, 4, WHAT)?).ok_or_else(|| damaged("tasks.state"))?,
        payload: text(row, 5, WHAT)?.into(),
        holder: optional_text(row, 6, WHAT)?.map(Into::into),
        lease: optional_ticks(row, 7, WHAT)?,
        attempts: small(8, "tasks.attempts")?,
        result: optional_text(row, 9, WHAT)?.map(Into::into),
        message: optional_text(row, 10, WHAT)?.map(Into::into),
    })
}
