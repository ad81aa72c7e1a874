//! Looks at answers before and after they are measured: fast and wrong is not fast.

use crate::bench::connection::{Answer, Connection, Target};
use crate::bench::data::{DataSet, FRESH, SET, TYPE, stamp};
use crate::bench::load::Questions;
use crate::bench::options::Op;
use crate::bench::queries::{PAGE, Queries, Query};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::collections::HashSet;

/// The properties that an event has, beside its type.
const PROPERTIES: [&str; 10] = [
    "id",
    "userDisplayName",
    "userPrincipalName",
    "riskEventDateTime",
    "riskEventType",
    "riskLevel",
    "riskEventStatus",
    "closedDateTime",
    "createdDateTime",
    "userId",
];

/// Asks a few questions of the kind that is about to be measured, and looks at the answers.
pub async fn before(op: Op, target: &Target, questions: &Questions, data: DataSet) -> Result<()> {
    match op {
        Op::Get => {
            for id in questions.ids.iter().take(20) {
                let event = event(target, id).await?;
                ensure!(event["id"] == **id, "asked for {id}, got {}", event["id"]);
            }
            Ok(())
        }
        Op::List => {
            let answer = ask(target, "GET", &format!("{SET}?$top={PAGE}"), None).await?;
            let events = answer["value"].as_array().context("a list without `value`")?;
            ensure!(events.len() == PAGE, "{} events, not {PAGE}", events.len());
            events.iter().try_for_each(whole)
        }
        Op::OfUser | Op::OfRange | Op::OfLevel | Op::DetectionsOfLevel | Op::RiskyUsers => {
            for query in questions.filters(op).into_iter().flatten().take(20) {
                let path = query.path();
                let answer = ask(target, "GET", &path, None).await?;
                matching(&answer, query).with_context(|| format!("GET {path}"))?;
            }
            Ok(())
        }
        Op::Count => {
            let (count, rows) = (count(target).await?, data.rows);
            ensure!(count == rows, "$count says {count}, not {rows}");
            Ok(())
        }
        Op::CountOfLevel => {
            let (count, right) = (count_at(target, &Queries::count_path()).await?, questions.queries.count);
            ensure!(count == right, "$count of a filter says {count}, not {right}");
            Ok(())
        }
        Op::Create => {
            let body = data.body(FRESH - 1);
            let mut connection = Connection::open(target.address).await?;
            let answer = connection.ask(&target.request("POST", SET, Some(&body.to_string()))).await?;
            answer.expect(201)?;
            reads_back(target, &answer.body).await?;
            let stored = answer.json()?;
            for (name, sent) in body.as_object().into_iter().flatten() {
                ensure!(stored[name] == *sent, "{name} was sent as {sent} and stored as {}", stored[name]);
            }
            Ok(())
        }
    }
}

/// Fails when a read without a token, or with one whose signature is not right, is answered.
pub async fn tokens_are_verified(target: &Target) -> Result<()> {
    let token = target.token.as_deref().context("there is no token to send")?;
    let (signed, signature) = token.rsplit_once('.').context("the token has no signature")?;
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{first}{}", &signature[1..]);
    for (what, token) in [("no token", None), ("a forged token", Some(forged))] {
        let stranger = Target { address: target.address, token };
        let mut connection = Connection::open(target.address).await?;
        let answer = connection.ask(&stranger.request("GET", &format!("{SET}?$top=100"), None)).await?;
        answer.expect(401).with_context(|| format!("a request with {what}"))?;
    }
    Ok(())
}

/// Fails unless an event, as a create answered it, is found under its id with the same values.
pub async fn reads_back(target: &Target, created: &[u8]) -> Result<()> {
    let created: Value = serde_json::from_slice(created).context("a create answered what is not JSON")?;
    whole(&created)?;
    let id = created["id"].as_str().context("an event without its id")?;
    let stored = event(target, id).await.context("a created event, read again")?;
    for name in PROPERTIES {
        ensure!(stored[name] == created[name], "{name} of {id} reads {} after {}", stored[name], created[name]);
    }
    Ok(())
}

/// Fails unless an answer holds the events that a filter finds, all of them, in their order.
fn matching(answer: &Value, query: &Query) -> Result<()> {
    let events = answer["value"].as_array().context("a list without `value`")?;
    let right = query.rows;
    ensure!(events.len() == right, "{} events, not {right}", events.len());
    let (name, value) = &query.same;
    let mut ids = HashSet::new();
    for (place, event) in events.iter().enumerate() {
        if query.set == SET {
            whole(event)?;
        }
        ensure!(event[name] == **value, "event {place} does not match: its {name} is {}", event[name]);
        if let Some(time) = query.times.get(place) {
            let (found, right) = (&event[query.sorted_by], stamp(*time));
            ensure!(*found == *right, "event {place} is of {found}, where that of {right} belongs");
        }
        ensure!(ids.insert(event["id"].as_str()), "event {place} was there before: {}", event["id"]);
    }
    Ok(())
}

/// The unfiltered `$count`.
pub async fn count(target: &Target) -> Result<u64> {
    count_at(target, &format!("{SET}/$count")).await
}

async fn count_at(target: &Target, path: &str) -> Result<u64> {
    let mut connection = Connection::open(target.address).await?;
    let answer = connection.ask(&target.request("GET", path, None)).await?;
    answer.expect(200)?;
    number(&answer)
}

fn number(answer: &Answer<'_>) -> Result<u64> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default().trim_start_matches('\u{feff}').trim();
    text.parse().with_context(|| format!("$count says `{}`", answer.excerpt()))
}

async fn event(target: &Target, id: &str) -> Result<Value> {
    let event = ask(target, "GET", &format!("{SET}/{id}"), None).await?;
    whole(&event)?;
    Ok(event)
}

async fn ask(target: &Target, method: &str, path: &str, body: Option<&str>) -> Result<Value> {
    let mut connection = Connection::open(target.address).await?;
    let answer = connection.ask(&target.request(method, path, body)).await?;
    answer.expect(200)?;
    answer.json()
}

/// Fails unless all ten properties and the type are there.
fn whole(event: &Value) -> Result<()> {
    let missing: Vec<_> = PROPERTIES.into_iter().filter(|name| event.get(name).is_none()).collect();
    ensure!(missing.is_empty(), "an event without {}", missing.join(", "));
    ensure!(event["@odata.type"] == TYPE, "an event of type {}", event["@odata.type"]);
    Ok(())
}
