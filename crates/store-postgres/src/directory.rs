//! What is kept of imported directories and of jobs, as it is read.

use crate::database::{Connection, in_time};
use crate::error::engine;
use crate::rows::{damaged, integer, number, optional, optional_text, text, ticks};
use crate::values::Parameters;
use crate::{PostgresStore, candidates, tasks};
use model::{
    Account, AccountKey, CandidateKey, EntityId, Finding, FoundCredential, Job, JobKind, JobRecord, JobState,
    MatchClass, Place, QueuedCandidate, RetainedCandidate, RetainedMark, Subject, Task, TaskKey, TenantKey, Ticks,
    VerifierMark,
};
use store::working::Recorded;
use store::{
    AccountRow, AccountSink, Accounts, BoxFuture, DirectoryStore, KeptVerifiers, StoreError, Undecided, VerifierRow,
    VerifierSink, Waiting, read_image, read_names,
};
use tokio_postgres::Row;

/// Columns of an account, as [`account_of`] takes them.
pub(crate) const ACCOUNT: &str = "SELECT source, key, user_id, names, is_administrator, verifiers, verifier_tag, \
    is_outdated, version FROM accounts WHERE tenant = $1 ";

/// The account in a row.
pub(crate) fn account_of(row: &Row) -> Result<Account, StoreError> {
    const WHAT: &str = "a row of accounts";
    let marked = optional(row, 5, WHAT)?.map(|number| {
        let tag = bytes(row, 6, WHAT)?.try_into().map_err(|_| damaged("accounts.verifier_tag"))?;
        Ok::<_, StoreError>(VerifierMark { number: number as u64, tag })
    });
    Ok(Account {
        key: AccountKey { source: text(row, 0, WHAT)?.into(), key: text(row, 1, WHAT)?.into() },
        user: id(row, 2, "accounts.user_id")?,
        names: read_names(text(row, 3, WHAT)?)?,
        is_administrator: integer(row, 4, WHAT)? != 0,
        verifiers: marked.transpose()?,
        is_outdated: integer(row, 7, WHAT)? != 0,
        version: integer(row, 8, WHAT)? as u64,
    })
}

/// Columns of a job, as [`job_of`] takes them.
pub(crate) const JOB: &str = "SELECT number, id, kind, state, created, ended, lease, parameters, progress, message, \
    version FROM jobs WHERE tenant = $1 ";

/// The job in a row.
pub(crate) fn job_of(row: &Row) -> Result<Job, StoreError> {
    const WHAT: &str = "a row of jobs";
    Ok(Job {
        id: id(row, 1, "jobs.id")?,
        kind: JobKind::from_value(integer(row, 2, WHAT)?).ok_or_else(|| damaged("jobs.kind"))?,
        state: JobState::from_value(integer(row, 3, WHAT)?).ok_or_else(|| damaged("jobs.state"))?,
        created: ticks(row, 4, WHAT)?,
        ended: optional_ticks(row, 5, WHAT)?,
        lease: optional_ticks(row, 6, WHAT)?,
        parameters: text(row, 7, WHAT)?.into(),
        progress: text(row, 8, WHAT)?.into(),
        message: optional_text(row, 9, WHAT)?.map(Into::into),
        creation: integer(row, 0, WHAT)? as u64,
        version: integer(row, 10, WHAT)? as u64,
    })
}

/// Where the record of a subject stands among those of its job: kind, source and id.
pub(crate) fn place_of(subject: &Subject) -> (i64, &str, &str) {
    match subject {
        Subject::Event(id) => (1, "", id.as_str()),
        Subject::Account(account) => (2, &account.source, &account.key),
        Subject::User(id) => (3, "", id.as_str()),
    }
}

/// What a record is about, by the first columns of its row: kind, source and id.
fn subject_of(row: &Row) -> Result<Subject, StoreError> {
    const WHAT: &str = "a row of job_records";
    Ok(match integer(row, 0, WHAT)? {
        1 => Subject::Event(id(row, 2, "job_records.id")?),
        2 => Subject::Account(AccountKey { source: text(row, 1, WHAT)?.into(), key: text(row, 2, WHAT)?.into() }),
        3 => Subject::User(id(row, 2, "job_records.id")?),
        _ => return Err(damaged("job_records.kind")),
    })
}

fn record_of(row: &Row, job: u64) -> Result<JobRecord, StoreError> {
    const WHAT: &str = "a row of job_records";
    let subject = subject_of(row)?;
    let (sequence, is_gone) = (integer(row, 3, WHAT)? as u64, integer(row, 4, WHAT)? != 0);
    Ok(JobRecord { job, subject, sequence, is_gone, image: read_image(text(row, 5, WHAT)?)? })
}

/// Columns that say that there is a record, as [`recorded_of`] takes them.
pub(crate) const RECORDED: &str = "SELECT kind, source, id, job, user_id FROM job_records WHERE tenant = $1 ";

/// What a record in a row comes to.
pub(crate) fn recorded_of(row: &Row) -> Result<Recorded, StoreError> {
    const WHAT: &str = "a row of job_records";
    let user = optional_text(row, 4, WHAT)?.map(|id| id.parse().map_err(|_| damaged("job_records.user_id")));
    Ok(Recorded { job: integer(row, 3, WHAT)? as u64, subject: subject_of(row)?, user: user.transpose()? })
}

fn found_of(row: &Row) -> Result<FoundCredential, StoreError> {
    const WHAT: &str = "a row of found_credentials";
    let name = |column| text(row, column, WHAT).map(|name| (!name.is_empty()).then(|| Box::<str>::from(name)));
    let account = optional_text(row, 6, WHAT)?.zip(optional_text(row, 7, WHAT)?);
    let account = account.map(|(source, key)| AccountKey { source: source.into(), key: key.into() });
    let class = MatchClass::from_value(integer(row, 3, WHAT)?);
    Ok(FoundCredential {
        user: id(row, 0, "found_credentials.user_id")?,
        fingerprint: bytes(row, 1, WHAT)?.try_into().map_err(|_| damaged("found_credentials.fingerprint"))?,
        finding: Finding {
            source: text(row, 2, WHAT)?.into(),
            match_class: class.ok_or_else(|| damaged("found_credentials.match_class"))?,
            matched_attribute: name(4)?,
            matched_rule: name(5)?,
        },
        proof: account.zip(optional(row, 8, WHAT)?.map(|number| number as u64)),
        as_of: ticks(row, 9, WHAT)?,
        leaked: optional_ticks(row, 10, WHAT)?,
        first_seen: ticks(row, 11, WHAT)?,
        last_seen: ticks(row, 12, WHAT)?,
        occurrences: i32::try_from(integer(row, 13, WHAT)?).map_err(|_| damaged("found_credentials.occurrences"))?,
        place: place_found(row)?,
        candidate: None,
    })
}

/// The place in a row of what was found, whose columns stand behind the others.
fn place_found(row: &Row) -> Result<Option<Place>, StoreError> {
    const WHAT: &str = "found_credentials.place_document";
    match (optional_text(row, 14, WHAT)?, optional(row, 15, WHAT)?, optional_text(row, 17, WHAT)?) {
        (Some(document), Some(offset), Some(shape)) => Ok(Some(Place {
            document: document.into(),
            offset: offset as u64,
            line: optional(row, 16, WHAT)?.map(|line| line as u64),
            shape: shape.into(),
            host: optional_text(row, 18, WHAT)?.map(Into::into),
        })),
        (None, None, None) => Ok(None),
        _ => Err(damaged(WHAT)),
    }
}

fn verifiers_of(row: &Row) -> Result<KeptVerifiers, StoreError> {
    const WHAT: &str = "a row of verifiers";
    Ok(KeptVerifiers {
        number: integer(row, 0, WHAT)? as u64,
        account: AccountKey { source: text(row, 1, WHAT)?.into(), key: text(row, 2, WHAT)?.into() },
        user: id(row, 3, "verifiers.user_id")?,
        sealed: bytes(row, 4, WHAT)?.into(),
    })
}

pub(crate) fn id(row: &Row, column: usize, what: &str) -> Result<EntityId, StoreError> {
    text(row, column, what)?.parse().map_err(|_| damaged(what))
}

pub(crate) fn bytes<'r>(row: &'r Row, column: usize, what: &str) -> Result<&'r [u8], StoreError> {
    row.try_get(column).map_err(|_| damaged(what))
}

pub(crate) fn optional_ticks(row: &Row, column: usize, what: &str) -> Result<Option<Ticks>, StoreError> {
    optional(row, column, what)?.map(|value| Ticks::new(value).ok_or_else(|| damaged(what))).transpose()
}

/// A number in a place that comes from outside, as the tables have numbers.
pub(crate) fn place(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) async fn read<T>(
    db: &Connection,
    doing: &'static str,
    sql: &str,
    values: Parameters<'_>,
    of: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    db.query(sql, values).await.map_err(engine(doing))?.iter().map(of).collect()
}

async fn accounts(
    db: &Connection,
    tenant: TenantKey,
    which: Accounts<'_>,
    after: Option<&AccountKey>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let (tenant, limit) = (number(tenant), i64::from(limit));
    let (source, key) = after.map_or(("", ""), |key| (&*key.source, &*key.key));
    // No source is without a name, so nothing stands before the first place.
    let mut users: Vec<&str> = Vec::new();
    let (condition, of) = match which {
        Accounts::All => ("AND (source, key) > ($2, $3)", None),
        Accounts::Outdated => ("AND is_outdated AND (source, key) > ($2, $3)", None),
        Accounts::OfSource(of) => ("AND (source, key) > ($2, $3) AND source = $5", Some(of)),
        Accounts::OfUsers(of) => {
            users.extend(of.iter().map(EntityId::as_str));
            ("AND (source, key) > ($2, $3) AND user_id = ANY($5)", None)
        }
    };
    let sql = format!("{ACCOUNT}{condition} ORDER BY source, key LIMIT $4");
    let mut values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&tenant, &source, &key, &limit];
    match (&which, &of) {
        (Accounts::OfUsers(_), _) => values.push(&users),
        (_, Some(of)) => values.push(of),
        _ => {}
    }
    read(db, "reading accounts", &sql, &values, account_of).await
}

/// Columns of what was found, as [`found_of`] takes them; the job stands behind them.
const FOUND: &str = "SELECT user_id, fingerprint, source, match_class, matched_attribute, matched_rule, account_source, \
    account_key, verifiers, as_of, leaked, first_seen, last_seen, occurrences, place_document, place_offset, place_line, \
    place_shape, place_host, job FROM found_credentials WHERE tenant = $1 AND pending = 0";
/// Where something that was found stands among what is of its job and user.
const WITHIN: &str = "fingerprint, source, match_class, matched_attribute, matched_rule";
const READING_FOUND: &str = "reading what a job has found";

async fn found(
    db: &Connection,
    tenant: TenantKey,
    job: u64,
    after: Option<&FoundCredential>,
    limit: u32,
) -> Result<Vec<FoundCredential>, StoreError> {
    let (tenant, job, limit) = (number(tenant), place(job), i64::from(limit));
    let Some(after) = after else {
        let sql = format!("{FOUND} AND job = $2 ORDER BY user_id, {WITHIN} LIMIT $3");
        return read(db, READING_FOUND, &sql, &[&tenant, &job, &limit], found_of).await;
    };
    let finding = &after.finding;
    let (attribute, rule) = (finding.matched_attribute.as_deref(), finding.matched_rule.as_deref());
    let sql = format!(
        "{FOUND} AND job = $2 AND (user_id, {WITHIN}) > ($4, $5, $6, $7, $8, $9) ORDER BY user_id, {WITHIN} LIMIT $3"
    );
    let values: Parameters<'_> = &[
        &tenant,
        &job,
        &limit,
        &after.user.as_str(),
        &&after.fingerprint[..],
        &&*finding.source,
        &(finding.match_class as i64),
        &attribute.unwrap_or_default(),
        &rule.unwrap_or_default(),
    ];
    read(db, READING_FOUND, &sql, values, found_of).await
}

async fn found_of_user(
    db: &Connection,
    tenant: TenantKey,
    user: &EntityId,
    after: Option<&(u64, FoundCredential)>,
    limit: u32,
) -> Result<Vec<(u64, FoundCredential)>, StoreError> {
    let (tenant, user, limit) = (number(tenant), user.as_str(), i64::from(limit));
    let with_job = |row: &Row| Ok((integer(row, 19, "found_credentials.job")? as u64, found_of(row)?));
    let Some((job, after)) = after else {
        let sql = format!("{FOUND} AND user_id = $2 ORDER BY job, {WITHIN} LIMIT $3");
        return read(db, READING_FOUND, &sql, &[&tenant, &user, &limit], with_job).await;
    };
    let finding = &after.finding;
    let (attribute, rule) = (finding.matched_attribute.as_deref(), finding.matched_rule.as_deref());
    let sql = format!(
        "{FOUND} AND user_id = $2 AND (job, {WITHIN}) > ($4, $5, $6, $7, $8, $9) ORDER BY job, {WITHIN} LIMIT $3"
    );
    let values: Parameters<'_> = &[
        &tenant,
        &user,
        &limit,
        &place(*job),
        &&after.fingerprint[..],
        &&*finding.source,
        &(finding.match_class as i64),
        &attribute.unwrap_or_default(),
        &rule.unwrap_or_default(),
    ];
    read(db, READING_FOUND, &sql, values, with_job).await
}

impl DirectoryStore for PostgresStore {
    fn account<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a AccountKey,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>> {
        Box::pin(in_time(async move {
            let sql = [ACCOUNT, "AND source = $2 AND key = $3"].concat();
            let db = self.database.reader().await?;
            let found = db.query_opt(&sql, &[&number(tenant), &&*key.source, &&*key.key]).await;
            found.map_err(engine("reading an account"))?.as_ref().map(account_of).transpose()
        }))
    }

    fn accounts<'a>(
        &'a self,
        tenant: TenantKey,
        which: Accounts<'a>,
        after: Option<&'a AccountKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Account>, StoreError>> {
        Box::pin(in_time(async move { accounts(&self.database.reader().await?, tenant, which, after, limit).await }))
    }

    fn look_at_accounts<'a>(
        &'a self,
        tenant: TenantKey,
        after: Option<&'a AccountKey>,
        limit: u32,
        sink: &'a mut dyn AccountSink,
    ) -> BoxFuture<'a, Result<Option<AccountKey>, StoreError>> {
        Box::pin(in_time(async move {
            const WHAT: &str = "a row of accounts";
            let (source, key) = after.map_or(("", ""), |after| (&*after.source, &*after.key));
            let sql = "SELECT source, key, user_id, names, is_administrator, verifiers FROM accounts \
                       WHERE tenant = $1 AND (source, key) > ($2, $3) ORDER BY source, key LIMIT $4";
            let values: Parameters<'_> = &[&number(tenant), &source, &key, &i64::from(limit)];
            let rows = self.database.reader().await?.query(sql, values).await.map_err(engine("reading accounts"))?;
            for row in &rows {
                sink.account(&AccountRow {
                    source: text(row, 0, WHAT)?,
                    key: text(row, 1, WHAT)?,
                    user: text(row, 2, WHAT)?,
                    names: text(row, 3, WHAT)?,
                    is_administrator: integer(row, 4, WHAT)? != 0,
                    verifiers: optional(row, 5, WHAT)?.map(|number| number as u64),
                })?;
            }
            let last = rows.last().filter(|_| rows.len() == limit as usize);
            last.map(|row| Ok(AccountKey { source: text(row, 0, WHAT)?.into(), key: text(row, 1, WHAT)?.into() }))
                .transpose()
        }))
    }

    fn look_at_verifiers<'a>(
        &'a self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
        sink: &'a mut dyn VerifierSink,
    ) -> BoxFuture<'a, Result<Option<u64>, StoreError>> {
        Box::pin(in_time(async move {
            const WHAT: &str = "a row of verifiers";
            let sql = "SELECT number, source, key, sealed FROM verifiers WHERE tenant = $1 AND number > $2 \
                       ORDER BY number LIMIT $3";
            let values: Parameters<'_> = &[&number(tenant), &place(after), &i64::from(limit)];
            let rows = self.database.reader().await?.query(sql, values).await.map_err(engine("reading verifiers"))?;
            let mut last = None;
            for row in &rows {
                let number = integer(row, 0, WHAT)? as u64;
                let (source, key, sealed) = (text(row, 1, WHAT)?, text(row, 2, WHAT)?, bytes(row, 3, WHAT)?);
                sink.verifiers(&VerifierRow { number, source, key, sealed })?;
                last = Some(number);
            }
            Ok(last.filter(|_| rows.len() == limit as usize))
        }))
    }

    fn verifiers(
        &self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<KeptVerifiers>, StoreError>> {
        Box::pin(in_time(async move {
            let sql = "SELECT number, source, key, user_id, sealed FROM verifiers WHERE tenant = $1 AND number > $2 \
                       ORDER BY number LIMIT $3";
            let values: Parameters<'_> = &[&number(tenant), &place(after), &i64::from(limit)];
            read(&self.database.reader().await?, "reading verifiers", sql, values, verifiers_of).await
        }))
    }

    fn job<'a>(&'a self, tenant: TenantKey, id: &'a EntityId) -> BoxFuture<'a, Result<Option<Job>, StoreError>> {
        Box::pin(in_time(async move {
            let sql = [JOB, "AND id = $2"].concat();
            let found = self.database.reader().await?.query_opt(&sql, &[&number(tenant), &id.as_str()]).await;
            found.map_err(engine("reading a job"))?.as_ref().map(job_of).transpose()
        }))
    }

    fn jobs(&self, tenant: TenantKey, before: Option<u64>, limit: u32) -> BoxFuture<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(in_time(async move {
            let sql = [JOB, "AND number < $2 ORDER BY number DESC LIMIT $3"].concat();
            let values: Parameters<'_> = &[&number(tenant), &before.map_or(i64::MAX, place), &i64::from(limit)];
            read(&self.database.reader().await?, "reading jobs", &sql, values, job_of).await
        }))
    }

    fn waiting_jobs(&self, tenant: TenantKey, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(in_time(async move {
            let sql = [JOB, "AND state = 6 AND number > $2 ORDER BY number LIMIT $3"].concat();
            let values: Parameters<'_> = &[&number(tenant), &place(after), &i64::from(limit)];
            read(&self.database.reader().await?, "reading jobs", &sql, values, job_of).await
        }))
    }

    fn records<'a>(
        &'a self,
        tenant: TenantKey,
        job: u64,
        after: Option<&'a Subject>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<JobRecord>, StoreError>> {
        Box::pin(in_time(async move {
            let sql = "SELECT kind, source, id, sequence, is_gone, image FROM job_records WHERE tenant = $1 AND job = $2 \
                       AND (kind, source, id) > ($3, $4, $5) ORDER BY kind, source, id LIMIT $6";
            let (kind, source, id) = after.map_or((0, "", ""), place_of);
            let values: Parameters<'_> = &[&number(tenant), &place(job), &kind, &source, &id, &i64::from(limit)];
            let db = self.database.reader().await?;
            read(&db, "reading what a job changed", sql, values, |row| record_of(row, job)).await
        }))
    }

    fn found<'a>(
        &'a self,
        tenant: TenantKey,
        job: u64,
        after: Option<&'a FoundCredential>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<FoundCredential>, StoreError>> {
        Box::pin(in_time(async move { found(&self.database.reader().await?, tenant, job, after, limit).await }))
    }

    fn found_of<'a>(
        &'a self,
        tenant: TenantKey,
        user: &'a EntityId,
        after: Option<&'a (u64, FoundCredential)>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(u64, FoundCredential)>, StoreError>> {
        Box::pin(in_time(
            async move { found_of_user(&self.database.reader().await?, tenant, user, after, limit).await },
        ))
    }

    fn tasks(&self, tenant: TenantKey, from: TaskKey, limit: u32) -> BoxFuture<'_, Result<Vec<Task>, StoreError>> {
        Box::pin(in_time(async move { tasks::list(&self.database.reader().await?, tenant, from, limit).await }))
    }

    fn waiting(&self, tenant: TenantKey, job: Option<u64>) -> BoxFuture<'_, Result<Waiting, StoreError>> {
        Box::pin(in_time(async move { candidates::waiting(&self.database.reader().await?, tenant, job).await }))
    }

    fn undecided(&self, tenant: TenantKey, job: u64) -> BoxFuture<'_, Result<Vec<Undecided>, StoreError>> {
        Box::pin(in_time(async move { candidates::undecided(&self.database.reader().await?, tenant, job).await }))
    }

    fn candidates<'a>(
        &'a self,
        tenant: TenantKey,
        after: Option<&'a CandidateKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<QueuedCandidate>, StoreError>> {
        Box::pin(in_time(async move { candidates::list(&self.database.reader().await?, tenant, after, limit).await }))
    }

    fn retained<'a>(
        &'a self,
        tenant: TenantKey,
        names: &'a [RetainedMark],
        now: Ticks,
    ) -> BoxFuture<'a, Result<Vec<RetainedCandidate>, StoreError>> {
        Box::pin(in_time(async move { candidates::retained(&self.database.reader().await?, tenant, names, now).await }))
    }

    fn all_retained(
        &self,
        tenant: TenantKey,
        after: Option<(RetainedMark, RetainedMark)>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RetainedCandidate>, StoreError>> {
        Box::pin(in_time(async move {
            candidates::list_retained(&self.database.reader().await?, tenant, after, limit).await
        }))
    }
}
