//! What must hold when the dust has settled.

use super::clients::{History, display_name};
use super::{EVENTS, Event, Followed, RISKY_USERS, What, path_of};
use crate::server::TestServer;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The settings of a database that tests may do without.
const OF_FAST_CLUSTERS: [&str; 2] = ["fsync", "full_page_writes"];
/// The levels that clients give, the highest first.
const LEVELS: [&str; 3] = ["high", "medium", "low"];

/// Events that are asked for one by one; of more, as many in equal steps.
const BY_ID: usize = 1000;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Events that are there.
    pub events: usize,
    /// Events whose creation was acknowledged.
    pub created: usize,
    /// Steps whose outcome nobody was told.
    pub unanswered: usize,
    /// Acknowledged steps that were lost with the end of the log.
    pub lost: usize,
}

/// Holds what clients know, what readers were told, and what all nodes show against each other; panics where they do
/// not agree. Changes after `end`, of those in the history, were lost with the primary.
#[track_caller]
pub fn check(nodes: &[&TestServer], history: &[(&History, Option<u64>)], followed: &[Followed]) -> Checked {
    let events = list(nodes[0], &format!("{EVENTS}?$top=500"));
    let users = list(nodes[0], RISKY_USERS);
    for node in &nodes[1..] {
        assert!(list(node, &format!("{EVENTS}?$top=500")) == events, "the nodes show different events");
        assert!(list(node, RISKY_USERS) == users, "the nodes show different users at risk");
    }
    let mut checked = Checked { events: events.len(), ..Checked::default() };
    let mut faults = Vec::new();
    let mut by_name = BTreeMap::new();
    for row in events.values() {
        if let Some(twin) = by_name.insert(text(row, "userPrincipalName"), row) {
            faults.push(format!("one create made two events: {twin} and {row}"));
        }
    }
    for (history, end) in history {
        for event in &history.events {
            note(event, *end, &mut checked);
            faults.extend(fault_of(event, *end, by_name.remove(event.name.as_str())));
        }
    }
    faults.extend(by_name.values().map(|row| format!("nobody has asked for {row}")));
    by_id(nodes[0], history, &events, &mut faults);
    let dismissed: BTreeSet<&str> =
        history.iter().flat_map(|(history, _)| &history.dismissed).map(String::as_str).collect();
    faults.extend(fold(&events, &users, &dismissed));
    for reader in followed {
        faults.extend(differences(reader, if reader.set == EVENTS { &events } else { &users }));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
    sound(nodes[0]);
    checked
}

type Rows = BTreeMap<String, Value>;

/// All rows of a list, by id.
#[track_caller]
fn list(server: &TestServer, path: &str) -> Rows {
    let mut connection = server.connect();
    let (mut rows, mut path) = (Rows::new(), path.to_owned());
    loop {
        let page = connection.call("GET", &path, server.token(), None).expect("an answer").expect(200).json();
        for row in page["value"].as_array().expect("a list") {
            let before = rows.insert(text(row, "id").to_owned(), row.clone());
            assert!(before.is_none(), "listed twice: {row}");
        }
        match page["@odata.nextLink"].as_str().and_then(path_of) {
            Some(next) => next.clone_into(&mut path),
            None => return rows,
        }
    }
}

fn text<'r>(row: &'r Value, name: &str) -> &'r str {
    row[name].as_str().unwrap_or_default()
}

fn note(event: &Event, end: Option<u64>, checked: &mut Checked) {
    let steps = &event.steps;
    checked.created += usize::from(steps.iter().any(|step| step.what == What::Create && step.is_acknowledged));
    checked.unanswered += steps.iter().filter(|step| !step.is_acknowledged).count();
    checked.lost += steps.iter().filter(|step| step.is_lost(end)).count();
}

/// What is wrong with an event.
fn fault_of(event: &Event, end: Option<u64>, row: Option<&Value>) -> Option<String> {
    let may_be = event.may_be(end);
    let Some(row) = row else {
        return (!may_be.contains(&None)).then(|| format!("lost: {event:?}"));
    };
    if event.id.as_deref().is_some_and(|id| id != text(row, "id")) {
        return Some(format!("it has another id: {row}, {event:?}"));
    }
    let is_so = may_be.iter().flatten().any(|state| {
        text(row, "riskEventStatus") == state.status
            && text(row, "userDisplayName") == display_name(&event.name, state.version)
    });
    (!is_so).then(|| format!("it is {row}, but may be only {may_be:?} after {:?}", event.steps))
}

/// Asks for events by the ids that were acknowledged.
fn by_id(server: &TestServer, history: &[(&History, Option<u64>)], events: &Rows, faults: &mut Vec<String>) {
    let mut connection = server.connect();
    let ids: Vec<_> =
        history.iter().flat_map(|(history, _)| &history.events).filter_map(|event| event.id.as_ref()).collect();
    for id in ids.iter().step_by(ids.len().div_ceil(BY_ID).max(1)).copied() {
        let answer = connection.call("GET", &format!("{EVENTS}/{id}"), server.token(), None).expect("an answer");
        let found = (answer.status == 200).then(|| answer.json());
        if found.as_ref().map(|found| text(found, "userDisplayName"))
            != events.get(id).map(|row| text(row, "userDisplayName"))
        {
            faults.push(format!("the list has {:?}, {id} is answered {}", events.get(id), answer.text()));
        }
    }
}

/// Adds up the events of each user, and holds that against the users at risk. A user of whom nothing is open is as the
/// last closing left it, or dismissed if that came later.
fn fold(events: &Rows, users: &Rows, dismissed: &BTreeSet<&str>) -> Vec<String> {
    let mut of_user: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in events.values() {
        of_user.entry(text(row, "userId")).or_default().push(row);
    }
    let mut faults = Vec::new();
    for (id, user) in users {
        let Some(events) = of_user.remove(id.as_str()) else {
            faults.push(format!("at risk without an event: {user}"));
            continue;
        };
        let found = (text(user, "riskLevel"), text(user, "riskState"));
        let open: Vec<&str> = events
            .iter()
            .filter(|row| text(row, "riskEventStatus") == "active")
            .map(|row| text(row, "riskLevel"))
            .collect();
        let expected = match LEVELS.into_iter().find(|level| open.contains(level)) {
            Some(level) => vec![(level, "atRisk")],
            None => {
                let last = events.iter().max_by_key(|row| time(text(row, "closedDateTime")));
                let state = match last.map(|row| text(row, "riskEventStatus")) {
                    Some("remediated") => "remediated",
                    Some("dismissedAsFalsePositive") => "confirmedSafe",
                    _ => "dismissed",
                };
                let or_dismissed = dismissed.contains(id.as_str()).then_some(("none", "dismissed"));
                std::iter::once(("none", state)).chain(or_dismissed).collect()
            }
        };
        if !expected.contains(&found) {
            faults.push(format!("the events add up to {expected:?}: {user}, {events:?}"));
        }
    }
    faults.extend(of_user.into_iter().map(|(id, rows)| format!("{id} has {} events and is not at risk", rows.len())));
    faults
}

/// A time in a form that sorts: with all digits of its fraction.
fn time(text: &str) -> String {
    let (seconds, fraction) = text.trim_end_matches('Z').split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
    format!("{seconds}.{fraction:0<7}")
}

/// Where a reader's state is not what is there.
fn differences(reader: &Followed, rows: &Rows) -> Vec<String> {
    let what = format!("a reader of {}/delta ({} pages, {} restarts)", reader.set, reader.pages, reader.restarts);
    let mut faults = Vec::new();
    for (id, row) in rows {
        match reader.entities.get(id) {
            None => faults.push(format!("{what} was not told of {row}")),
            Some(told) => {
                let differs = |(name, value): (&String, &Value)| !name.contains('@') && told.get(name) != Some(value);
                if row.as_object().into_iter().flatten().any(differs) {
                    faults.push(format!("{what} has {told:?} for {row}"));
                }
            }
        }
    }
    let gone = reader.entities.keys().filter(|id| !rows.contains_key(*id));
    faults.extend(gone.map(|id| format!("{what} was not told that {id} is gone")));
    faults
}

/// Has `doctor` look at the store.
#[track_caller]
fn sound(server: &TestServer) {
    let outcome = server.command(["doctor", "--json"]).run();
    let findings: Vec<Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    assert!(findings.iter().any(|finding| finding["subject"] == "change log"), "{outcome}");
    let unsound = |finding: &&Value| {
        finding["sound"] != true && !OF_FAST_CLUSTERS.contains(&finding["subject"].as_str().unwrap_or_default())
    };
    let unsound: Vec<_> = findings.iter().filter(unsound).collect();
    assert!(unsound.is_empty(), "{unsound:?}");
}
