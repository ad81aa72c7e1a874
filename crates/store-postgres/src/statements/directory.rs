//! Statements of what a group writes of accounts, verifiers and jobs.

use super::{
    Column, Statement, booleans, delete_rows, equal, insert, lists, names, numbers, statement, texts, unnest, update,
    upsert,
};
use crate::directory::{place, place_of};
use crate::rows::number;
use model::{Account, Candidate, CandidateKey, EntityId, FoundCredential, Job, JobRecord, Subject, TenantKey, Ticks};
use std::collections::BTreeMap;
use store::working::DirectoryWrites;
use store::{KeptVerifiers, write_image, write_names};

/// Tables whose rows of a user go when everything about them is gone.
const ERASED: [&str; 4] = ["accounts", "verifiers", "found_credentials", "candidates"];

/// Makes what becomes of the row `r` of a found credential when `n` is told of the same: the numbers add up, and all that
/// is known of the place is that of the first one.
macro_rules! added_sql {
    ($($place:literal)*) => {
        concat!(
            "account_source = n.account_source, account_key = n.account_key, verifiers = n.verifiers, \
             pending = n.pending, as_of = greatest(r.as_of, n.as_of), leaked = least(r.leaked, n.leaked), \
             first_seen = least(r.first_seen, n.first_seen), last_seen = greatest(r.last_seen, n.last_seen), \
             occurrences = least(r.occurrences + n.occurrences, 2147483647)",
            $(", ", $place, " = CASE WHEN n.place_document IS NOT NULL AND (r.place_document IS NULL OR \
             (n.place_document, n.place_offset) < (r.place_document, r.place_offset)) THEN n.", $place, " ELSE r.", $place,
             " END",)*
        )
    };
}

const ADDED: &str = added_sql!("place_document" "place_offset" "place_line" "place_shape" "place_host");

/// The statements that add to what jobs have found, and candidates to the queue. What is decided already waits for
/// nothing.
pub(crate) fn add_found(tenant: TenantKey, found: &[(u64, FoundCredential)]) -> Vec<Statement> {
    let add = upsert("found_credentials", tenant, found_columns(found), (7, 3), ADDED);
    let mut queued: BTreeMap<CandidateKey, Candidate> = BTreeMap::new();
    for (_, found) in found {
        if let Some(candidate) = &found.candidate {
            let known = queued.entry(found.key()).or_insert_with(|| candidate.clone());
            known.priority = known.priority.max(candidate.priority);
        }
    }
    if queued.is_empty() {
        return vec![add];
    }
    let keys: Vec<CandidateKey> = queued.keys().cloned().collect();
    let queued: Vec<(CandidateKey, Candidate)> = queued.into_iter().collect();
    let mut all = vec![queue(tenant, &queued), add];
    all.extend(settle(tenant, &keys));
    all
}

/// Puts candidates into the queue: one that newer verifiers have to judge waits again.
fn queue(tenant: TenantKey, queued: &[(CandidateKey, Candidate)]) -> Statement {
    let mut columns = key_columns(queued, |(key, _)| key);
    columns.push(numbers("priority", queued, |(_, candidate)| Some(candidate.priority)));
    columns.push(bytes("sealed", queued, |(_, candidate)| Some(&*candidate.sealed.0)));
    columns.push(numbers("newest", queued, |(_, candidate)| Some(candidate.verifiers as i64)));
    let all = names(&columns);
    let sql = format!(
        "WITH n AS (SELECT * FROM {} AS n({all})), \
         known AS (UPDATE candidates AS r SET \
         priority = CASE WHEN r.sealed IS NULL THEN n.priority ELSE greatest(r.priority, n.priority) END, \
         attempts = CASE WHEN r.sealed IS NULL THEN 0 ELSE r.attempts END, \
         sealed = CASE WHEN r.sealed IS NULL AND r.judged = n.newest THEN NULL ELSE n.sealed END \
         FROM n WHERE r.tenant = $1 AND r.user_id = ANY($2) AND r.user_id = n.user_id AND r.fingerprint = n.fingerprint \
         RETURNING r.user_id, r.fingerprint) \
         INSERT INTO candidates (tenant, user_id, fingerprint, priority, sealed, attempts, as_of) \
         SELECT $1::bigint, n.user_id, n.fingerprint, n.priority, n.sealed, 0, 0 FROM n WHERE NOT EXISTS \
         (SELECT 1 FROM known AS k WHERE k.user_id = n.user_id AND k.fingerprint = n.fingerprint)",
        unnest(&columns)
    );
    statement(sql, tenant, columns)
}

/// Once candidates are decided, what waits for them is found or gone. What waits for one that was given up is undecided, and
/// goes on waiting for somebody who decides it.
pub(crate) fn settle(tenant: TenantKey, keys: &[CandidateKey]) -> [Statement; 2] {
    let of = |sql: &str| {
        let columns = key_columns(keys, |key| key);
        let waits = format!(
            "r.tenant = $1 AND r.user_id = ANY($2) AND r.pending = 1 \
             AND (r.user_id, r.fingerprint) IN (SELECT * FROM {} AS n({})) \
             AND c.tenant = $1 AND c.user_id = r.user_id AND c.fingerprint = r.fingerprint AND c.sealed IS NULL",
            unnest(&columns),
            names(&columns)
        );
        statement(format!("{sql} {waits}"), tenant, columns)
    };
    [
        of("UPDATE found_credentials AS r SET pending = 0, account_source = c.account_source, \
            account_key = c.account_key, verifiers = c.verifiers, as_of = greatest(r.as_of, c.as_of) \
            FROM candidates AS c WHERE c.verifiers IS NOT NULL AND"),
        of("DELETE FROM found_credentials AS r USING candidates AS c WHERE c.judged IS NOT NULL AND"),
    ]
}

/// The columns that find candidates.
pub(crate) fn key_columns<T>(rows: &[T], of: impl Fn(&T) -> &CandidateKey) -> Vec<Column> {
    vec![
        texts("user_id", rows, |row| Some(of(row).user.as_str())),
        bytes("fingerprint", rows, |row| Some(&of(row).fingerprint[..])),
    ]
}

/// The statements that delete what is gone.
pub(super) fn deletions(tenant: TenantKey, writes: &DirectoryWrites, all: &mut Vec<Statement>) {
    if !writes.erased.is_empty() {
        let users: Vec<String> = writes.erased.iter().map(|user| user.as_str().to_owned()).collect();
        for table in ERASED {
            let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND user_id = ANY($2)");
            all.push(Statement { sql, values: vec![Box::new(number(tenant)), Box::new(users.clone())] });
        }
    }
    if !writes.removed_accounts.is_empty() {
        let keys = vec![
            texts("source", &writes.removed_accounts, |key| Some(&*key.source)),
            texts("key", &writes.removed_accounts, |key| Some(&*key.key)),
        ];
        all.push(delete_rows("accounts", tenant, keys));
    }
    if !writes.erased_records.is_empty() {
        let keys = place_columns(&writes.erased_records, |subject| subject);
        all.push(delete_rows("job_records", tenant, keys));
    }
    if !writes.forgotten_records.is_empty() {
        let keys = subject_columns(&writes.forgotten_records, |(job, subject)| (*job, subject));
        all.push(delete_rows("job_records", tenant, keys));
    }
}

/// The statements that add what is new and give what is there other values.
pub(super) fn changes(tenant: TenantKey, writes: &DirectoryWrites, all: &mut Vec<Statement>) {
    if !writes.inserted_accounts.is_empty() {
        all.push(insert("accounts", tenant, account_columns(&writes.inserted_accounts)));
    }
    if !writes.updated_accounts.is_empty() {
        all.push(update("accounts", tenant, account_columns(&writes.updated_accounts), 2));
    }
    if !writes.verifiers.is_empty() {
        all.push(insert("verifiers", tenant, verifier_columns(&writes.verifiers)));
    }
    if !writes.inserted_jobs.is_empty() {
        all.push(insert("jobs", tenant, job_columns(&writes.inserted_jobs)));
    }
    if !writes.updated_jobs.is_empty() {
        all.push(update("jobs", tenant, job_columns(&writes.updated_jobs), 1));
    }
    if !writes.found.is_empty() {
        all.extend(add_found(tenant, &writes.found));
    }
    if !writes.followed_records.is_empty() {
        all.push(follow(tenant, &writes.followed_records));
    }
    if !writes.records.is_empty() {
        let columns = record_columns(&writes.records);
        all.push(upsert("job_records", tenant, columns, (4, 4), "sequence = n.sequence, is_gone = n.is_gone"));
    }
}

pub(crate) fn bytes<T>(name: &'static str, rows: &[T], of: impl Fn(&T) -> Option<&[u8]>) -> Column {
    let values: Vec<Option<Vec<u8>>> = rows.iter().map(|row| of(row).map(<[u8]>::to_vec)).collect();
    Column { name, ty: "bytea[]", values: Box::new(values) }
}

/// The columns of accounts, the two of the key first.
fn account_columns(rows: &[Account]) -> Vec<Column> {
    let names: Vec<Option<String>> = rows.iter().map(|account| Some(write_names(&account.names))).collect();
    vec![
        texts("source", rows, |account| Some(&*account.key.source)),
        texts("key", rows, |account| Some(&*account.key.key)),
        texts("user_id", rows, |account| Some(account.user.as_str())),
        Column { name: "names", ty: "text[]", values: Box::new(names) },
        booleans("is_administrator", rows, |account| Some(account.is_administrator)),
        numbers("verifiers", rows, |account| account.verifiers.map(|mark| mark.number as i64)),
        bytes("verifier_tag", rows, |account| account.verifiers.as_ref().map(|mark| &mark.tag[..])),
        booleans("is_outdated", rows, |account| Some(account.is_outdated)),
        numbers("version", rows, |account| Some(account.version as i64)),
    ]
}

fn verifier_columns(rows: &[KeptVerifiers]) -> Vec<Column> {
    vec![
        numbers("number", rows, |verifiers| Some(verifiers.number as i64)),
        texts("source", rows, |verifiers| Some(&*verifiers.account.source)),
        texts("key", rows, |verifiers| Some(&*verifiers.account.key)),
        texts("user_id", rows, |verifiers| Some(verifiers.user.as_str())),
        bytes("sealed", rows, |verifiers| Some(&*verifiers.sealed)),
    ]
}

/// The columns of jobs, the key first.
fn job_columns(rows: &[Job]) -> Vec<Column> {
    vec![
        numbers("number", rows, |job| Some(job.creation as i64)),
        texts("id", rows, |job| Some(job.id.as_str())),
        numbers("kind", rows, |job| Some(job.kind as i64)),
        numbers("state", rows, |job| Some(job.state as i64)),
        numbers("created", rows, |job| Some(job.created.get())),
        numbers("ended", rows, |job| job.ended.map(Ticks::get)),
        numbers("lease", rows, |job| job.lease.map(Ticks::get)),
        texts("parameters", rows, |job| Some(&*job.parameters)),
        texts("progress", rows, |job| Some(&*job.progress)),
        texts("message", rows, |job| job.message.as_deref()),
        numbers("version", rows, |job| Some(job.version as i64)),
    ]
}

/// The columns of found credentials, the seven of the key first.
fn found_columns(rows: &[(u64, FoundCredential)]) -> Vec<Column> {
    let account = |(_, found): &(u64, FoundCredential)| found.proof.clone().map(|(account, _)| account);
    let part = |name, of: fn(model::AccountKey) -> Box<str>| {
        let values: Vec<Option<String>> = rows.iter().map(|row| account(row).map(|key| of(key).into())).collect();
        Column { name, ty: "text[]", values: Box::new(values) }
    };
    vec![
        numbers("job", rows, |(job, _)| Some(*job as i64)),
        texts("user_id", rows, |(_, found)| Some(found.user.as_str())),
        bytes("fingerprint", rows, |(_, found)| Some(&found.fingerprint[..])),
        texts("source", rows, |(_, found)| Some(&*found.finding.source)),
        numbers("match_class", rows, |(_, found)| Some(found.finding.match_class as i64)),
        texts("matched_attribute", rows, |(_, found)| found.finding.matched_attribute.as_deref().or(Some(""))),
        texts("matched_rule", rows, |(_, found)| found.finding.matched_rule.as_deref().or(Some(""))),
        part("account_source", |key| key.source),
        part("account_key", |key| key.key),
        numbers("verifiers", rows, |(_, found)| found.proof.as_ref().map(|(_, number)| *number as i64)),
        numbers("as_of", rows, |(_, found)| Some(found.as_of.get())),
        numbers("leaked", rows, |(_, found)| found.leaked.map(Ticks::get)),
        numbers("first_seen", rows, |(_, found)| Some(found.first_seen.get())),
        numbers("last_seen", rows, |(_, found)| Some(found.last_seen.get())),
        numbers("occurrences", rows, |(_, found)| Some(found.occurrences.into())),
        texts("place_document", rows, |(_, found)| found.place.as_ref().map(|place| &*place.document)),
        numbers("place_offset", rows, |(_, found)| found.place.as_ref().map(|at| place(at.offset))),
        numbers("place_line", rows, |(_, found)| found.place.as_ref().and_then(|at| at.line).map(place)),
        texts("place_shape", rows, |(_, found)| found.place.as_ref().map(|place| &*place.shape)),
        texts("place_host", rows, |(_, found)| found.place.as_ref().and_then(|place| place.host.as_deref())),
        numbers("pending", rows, |(_, found)| Some(found.candidate.is_some().into())),
    ]
}

/// The columns that find records of something.
fn place_columns<T>(rows: &[T], of: impl Fn(&T) -> &Subject) -> Vec<Column> {
    vec![
        numbers("kind", rows, |row| Some(place_of(of(row)).0)),
        texts("source", rows, |row| Some(place_of(of(row)).1)),
        texts("id", rows, |row| Some(place_of(of(row)).2)),
    ]
}

/// The columns that find records of jobs.
fn subject_columns<T>(rows: &[T], of: impl Fn(&T) -> (u64, &Subject)) -> Vec<Column> {
    let mut columns = vec![numbers("job", rows, |row| Some(of(row).0 as i64))];
    columns.extend(place_columns(rows, |row| of(row).1));
    columns
}

/// Gives records whose sequence is one number another one; `update` cannot, since the number is part of what finds them.
fn follow(tenant: TenantKey, rows: &[(Subject, u64, u64)]) -> Statement {
    let mut columns = place_columns(rows, |(subject, ..)| subject);
    columns.push(numbers("sequence", rows, |(_, from, _)| Some(*from as i64)));
    let found = columns.len();
    columns.push(numbers("later", rows, |(.., to)| Some(*to as i64)));
    let sql = format!(
        "UPDATE job_records AS r SET sequence = t.later FROM {} AS t({}) WHERE r.tenant = $1 AND {} AND {}",
        unnest(&columns),
        names(&columns),
        lists(&columns, found),
        equal(&columns, found)
    );
    statement(sql, tenant, columns)
}

/// The columns of records, the four of the key first.
fn record_columns(rows: &[JobRecord]) -> Vec<Column> {
    let images: Vec<Option<String>> = rows.iter().map(|record| Some(write_image(&record.image))).collect();
    let mut columns = subject_columns(rows, |record| (record.job, &record.subject));
    columns.push(numbers("sequence", rows, |record| Some(record.sequence as i64)));
    columns.push(booleans("is_gone", rows, |record| Some(record.is_gone)));
    columns.push(texts("user_id", rows, |record| record.image.account_user().map(EntityId::as_str)));
    columns.push(Column { name: "image", ty: "text[]", values: Box::new(images) });
    columns
}
