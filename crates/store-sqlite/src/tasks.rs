//! Tasks: pieces of jobs' work that any process may do.

use crate::accounts::bounded;
use crate::admin::raise_epoch;
use crate::error::engine;
use crate::forget::in_transaction;
use crate::jobs::add_found;
use model::{MOST_ATTEMPTS, Task, TaskKey, TaskKind, TaskState, TenantKey, Ticks};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use store::{AdminOutcome, StoreError, TaskCommand, TaskOutcome};

const READING: &str = "reading tasks";
const COLUMNS: &str = "job, number, kind, priority, state, payload, holder, lease, attempts, result, message";

/// Carries out a change. One that a transfer must learn of raises the registry's epoch; claims are none of these.
pub(crate) fn execute(db: &Connection, tenant: TenantKey, command: TaskCommand) -> Result<AdminOutcome, StoreError> {
    let doing = "changing tasks";
    let outcome = in_transaction(db, doing, || change(db, tenant, command).map_err(engine(doing)))??;
    Ok(AdminOutcome::Task(outcome))
}

fn change(
    db: &Connection,
    tenant: TenantKey,
    command: TaskCommand,
) -> rusqlite::Result<Result<TaskOutcome, StoreError>> {
    let done = |rows: usize| if rows == 0 { TaskOutcome::None } else { TaskOutcome::Done };
    Ok(Ok(match command {
        TaskCommand::Add { job, kind, priority, first, payloads } => {
            raise_epoch(db)?;
            let mut add = db.prepare_cached(
                "INSERT INTO tasks (tenant, job, number, kind, priority, state, payload, attempts) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, 0) ON CONFLICT DO NOTHING",
            )?;
            for (number, payload) in (first..).zip(&payloads) {
                add.execute(params![tenant.0, bounded(job), bounded(number), kind as i32, priority, payload])?;
            }
            TaskOutcome::Done
        }
        TaskCommand::Claim { kind, except, claim } => {
            let (now, kind) = (claim.now.get(), kind as i32);
            db.prepare_cached(
                "UPDATE tasks SET state = 4, message = coalesce(message, 'its workers were not heard of again') \
                 WHERE tenant = ?1 AND kind = ?2 AND state = 2 AND lease < ?3 AND attempts >= ?4",
            )?
            .execute(params![tenant.0, kind, now, MOST_ATTEMPTS])?;
            let sql = format!(
                "UPDATE tasks SET state = 2, claim = ?4, holder = ?5, lease = ?6, attempts = attempts + 1 \
                 WHERE tenant = ?1 AND (job, number) = (SELECT job, number FROM tasks INDEXED BY tasks_open \
                 WHERE tenant = ?1 AND kind = ?2 AND state < 3 AND (state = 1 OR lease < ?3) \
                 AND job IN (SELECT number FROM jobs WHERE tenant = ?1 AND state IN (1, 6)) \
                 AND job NOT IN (SELECT value FROM json_each(?7)) \
                 ORDER BY priority DESC, job, number LIMIT 1) RETURNING {COLUMNS}"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let except = serde_json::to_string(&except).expect("numbers are written");
            let values = params![tenant.0, kind, now, claim.id, claim.holder, claim.lease.get(), except];
            let claimed = statement.query_row(values, |row| Ok(task(row))).optional()?;
            match claimed {
                Some(Ok(task)) => TaskOutcome::Claimed(Box::new(task)),
                Some(Err(error)) => return Ok(Err(error)),
                None => TaskOutcome::None,
            }
        }
        TaskCommand::Renew { key, claim, lease } => {
            let sql = format!("UPDATE tasks SET lease = ?5 {HELD}");
            let values = params![tenant.0, bounded(key.job), bounded(key.number), claim, lease.get()];
            done(db.prepare_cached(&sql)?.execute(values)?)
        }
        TaskCommand::GiveBack { key, claim, message } => {
            let sql = format!(
                "UPDATE tasks SET claim = NULL, lease = NULL, message = coalesce(?5, message), \
                 state = iif(?5 IS NOT NULL AND attempts >= ?6, 4, 1), attempts = attempts - (?5 IS NULL) {HELD}"
            );
            let values = params![tenant.0, bounded(key.job), bounded(key.number), claim, message, MOST_ATTEMPTS];
            done(db.prepare_cached(&sql)?.execute(values)?)
        }
        TaskCommand::Finish { key, claim, result, found } => {
            let sql = format!(
                "UPDATE tasks SET state = 3, claim = NULL, lease = NULL, result = ?5, \
                 payload = iif(kind = 2, '{{}}', payload) {HELD}"
            );
            let values = params![tenant.0, bounded(key.job), bounded(key.number), claim, result];
            if db.prepare_cached(&sql)?.execute(values)? == 0 {
                return Ok(Ok(TaskOutcome::None));
            }
            raise_epoch(db)?;
            found.iter().try_for_each(|found| add_found(db, tenant, key.job, found))?;
            TaskOutcome::Done
        }
        TaskCommand::Reseal { job, payloads } => {
            raise_epoch(db)?;
            let mut reseal = db.prepare_cached(
                "UPDATE tasks SET payload = ?4 WHERE tenant = ?1 AND job = ?2 AND number = ?3 AND state <> 3",
            )?;
            let mut changed = 0;
            for (number, payload) in &payloads {
                changed += reseal.execute(params![tenant.0, bounded(job), bounded(*number), payload])?;
            }
            done(changed)
        }
        TaskCommand::Retry { job } => {
            raise_epoch(db)?;
            let sql = "UPDATE tasks SET state = 1, attempts = 0 WHERE tenant = ?1 AND job = ?2 AND state = 4";
            done(db.prepare_cached(sql)?.execute(params![tenant.0, bounded(job)])?)
        }
    }))
}

/// Of the task that a claim is to.
const HELD: &str = "WHERE tenant = ?1 AND job = ?2 AND number = ?3 AND state = 2 AND claim = ?4";

/// Up to `limit` tasks of a job in the order of their numbers, from one on.
pub(crate) fn list(db: &Connection, tenant: TenantKey, from: TaskKey, limit: u32) -> Result<Vec<Task>, StoreError> {
    let read = engine(READING);
    let sql =
        format!("SELECT {COLUMNS} FROM tasks WHERE tenant = ?1 AND job = ?2 AND number >= ?3 ORDER BY number LIMIT ?4");
    let mut statement = db.prepare_cached(&sql).map_err(&read)?;
    let values = params![tenant.0, bounded(from.job), bounded(from.number), limit];
    let mut rows = statement.query(values).map_err(&read)?;
    let mut tasks = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        tasks.push(task(row)?);
    }
    Ok(tasks)
}

fn task(row: &Row<'_>) -> Result<Task, StoreError> {
    let read = engine(READING);
    let text = |at| row.get::<_, Option<String>>(at).map(|text| text.map(String::into_boxed_str)).map_err(&read);
    let damaged = |column: &str| StoreError::Corrupt(format!("tasks.{column} holds an unknown value"));
    let lease = row.get::<_, Option<i64>>(7).map_err(&read)?;
    Ok(Task {
        key: TaskKey { job: row.get(0).map_err(&read)?, number: row.get(1).map_err(&read)? },
        kind: TaskKind::from_value(row.get(2).map_err(&read)?).ok_or_else(|| damaged("kind"))?,
        priority: row.get(3).map_err(&read)?,
        state: TaskState::from_value(row.get(4).map_err(&read)?).ok_or_else(|| damaged("state"))?,
        payload: text(5)?.unwrap_or_default(),
        holder: text(6)?,
        lease: lease.map(|lease| Ticks::new(lease).ok_or_else(|| damaged("lease"))).transpose()?,
        attempts: row.get(8).map_err(&read)?,
        result: text(9)?,
        message: text(10)?,
    })
}
