//! `spillwatch events places`: from an event to the very line, in one step (leaks.md, capability 8).

use crate::cli::{Global, Places};
use crate::commands::listing::caller;
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::rows;
use crate::verifier_keys::Purpose;
use model::{FoundCredential, Place};
use serde_json::{Value, json};
use std::io::IsTerminal as _;

/// Shows where the credential of an event stands.
pub async fn run(global: &Global, instance: &Instance, options: Places) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "events places").await?;
    let missing = || Failure::message(format!("there is no event `{}`", options.id));
    let id = options.id.parse().map_err(|_| missing())?;
    let vault = instance.vault(global, Purpose::Open).await?;
    let behind = instance.service.findings_of_event(&caller, &vault, &id).await?.ok_or_else(missing)?;
    if behind.is_empty() {
        anstream::eprintln!(
            "No job tells of it: it was not found by a job, or what jobs found is forgotten, as it is once they cannot be \
             undone any more."
        );
    }
    if global.json || !std::io::stdout().is_terminal() {
        let columns =
            [&PLACE[..], &["source", "matchClass", "matchedAttribute", "matchedRule"], &SEEN, &["job"]].concat();
        let found: Vec<Vec<Value>> = behind
            .iter()
            .map(|(job, finding)| {
                let found = &finding.found;
                let mut row = place(found.place.as_ref());
                row.extend(matched(found));
                row.extend(seen(found));
                row.push(json!(job.as_str()));
                row
            })
            .collect();
        return rows(global, &columns, &found, "");
    }
    let found: Vec<Vec<Value>> = behind
        .iter()
        .map(|(job, finding)| {
            let found = &finding.found;
            let (at, host) =
                (shown(found.place.as_ref()), found.place.as_ref().and_then(|place| place.host.as_deref()));
            let class = found.finding.match_class.name();
            vec![json!(at), json!(host), json!(class), json!(*found.finding.source), json!(job.as_str())]
        })
        .collect();
    rows(global, &["place", "host", "class", "source", "job"], &found, "")
}

/// What a place comes to in JSON.
pub(crate) const PLACE: [&str; 5] = ["document", "line", "offset", "shape", "host"];
/// When a credential was seen, and how often.
pub(crate) const SEEN: [&str; 4] = ["leakedDateTime", "firstSeenDateTime", "lastSeenDateTime", "occurrences"];

/// The values of [`PLACE`].
pub(crate) fn place(place: Option<&Place>) -> Vec<Value> {
    vec![
        json!(place.map(|place| &*place.document)),
        json!(place.and_then(|place| place.line)),
        json!(place.map(|place| place.offset)),
        json!(place.map(|place| &*place.shape)),
        json!(place.and_then(|place| place.host.as_deref())),
    ]
}

/// The source, the class, the attribute and the rule.
pub(crate) fn matched(found: &FoundCredential) -> Vec<Value> {
    let finding = &found.finding;
    vec![
        json!(*finding.source),
        json!(finding.match_class.name()),
        json!(finding.matched_attribute.as_deref()),
        json!(finding.matched_rule.as_deref()),
    ]
}

/// The values of [`SEEN`].
pub(crate) fn seen(found: &FoundCredential) -> Vec<Value> {
    vec![
        json!(found.leaked.map(|time| time.to_string())),
        json!(found.first_seen.to_string()),
        json!(found.last_seen.to_string()),
        json!(found.occurrences),
    ]
}

/// A place for people: as editors and `grep -n` write it.
pub(crate) fn shown(place: Option<&Place>) -> String {
    match place {
        None => "not kept".to_owned(),
        Some(Place { document, line: Some(line), .. }) => format!("{document}:{line}"),
        Some(Place { document, offset, .. }) => format!("{document}, byte {offset}"),
    }
}
