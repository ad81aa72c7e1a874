//! `spillwatch jobs findings`: what a job has found, and where.

use crate::cli::{Global, JobOf};
use crate::commands::events::places::{PLACE, SEEN, matched, place, seen, shown};
use crate::commands::listing::caller;
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::{Stream, rows};
use crate::verifier_keys::Purpose;
use serde_json::{Map, Value, json};
use service::jobs::{JobFinding, Person};
use std::collections::{HashMap, HashSet};
use std::io::IsTerminal as _;

/// Lists what a job has found, a page at a time.
pub async fn run(global: &Global, instance: &Instance, options: JobOf) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "jobs findings").await?;
    let (service, job) = (&instance.service, instance.service.job(&caller, &options.id).await?);
    let vault = instance.vault(global, Purpose::Open).await?;
    let is_table = !global.json && std::io::stdout().is_terminal();
    let names: Vec<&str> = [
        &["eventId", "userId", "userPrincipalName", "userDisplayName"][..],
        &["source", "matchClass", "matchedAttribute", "matchedRule"],
        &PLACE,
        &SEEN,
    ]
    .concat();
    let mut users = HashSet::new();
    let mut after: Option<JobFinding> = None;
    loop {
        let page = service.findings_of_job(&caller, &vault, &job, after.as_ref()).await?;
        users.extend(page.iter().map(|finding| finding.found.user.clone()));
        after = page.into_iter().next_back();
        if after.is_none() {
            break;
        }
    }
    let people = service.people(&caller, &users).await?;
    let (mut out, mut after) = (Stream::new(), None::<JobFinding>);
    loop {
        let page = service.findings_of_job(&caller, &vault, &job, after.as_ref()).await?;
        let is_first = after.is_none();
        after = page.last().cloned();
        if is_table {
            if !page.is_empty() || is_first {
                let page: Vec<_> = page.iter().map(|finding| for_people(finding, &people)).collect();
                let columns = ["user", "class", "matched by", "place", "event"];
                rows(global, &columns, &page, "The job has found nothing, or what it found is forgotten.")?;
            }
        } else {
            let mut lines = Vec::new();
            for finding in &page {
                let values = names.iter().map(|name| (*name).to_owned()).zip(whole(finding, &people));
                let object: Map<String, Value> = values.collect();
                lines.extend(Value::Object(object).to_string().into_bytes());
                lines.push(b'\n');
            }
            if !out.write(&lines)? {
                return Ok(());
            }
        }
        if after.is_none() {
            return Ok(());
        }
    }
}

fn whole(finding: &JobFinding, people: &HashMap<model::EntityId, Person>) -> Vec<Value> {
    let found = &finding.found;
    let person = people.get(&found.user);
    let mut row = vec![
        json!(finding.event.as_str()),
        json!(found.user.as_str()),
        json!(person.map(|person| &*person.name)),
        json!(person.map(|person| &*person.display_name)),
    ];
    row.extend(matched(found));
    row.extend(place(found.place.as_ref()));
    row.extend(seen(found));
    row
}

fn for_people(finding: &JobFinding, people: &HashMap<model::EntityId, Person>) -> Vec<Value> {
    let found = &finding.found;
    let name = people.get(&found.user).map_or(found.user.as_str(), |person| &person.name);
    let by = [found.finding.matched_attribute.as_deref(), found.finding.matched_rule.as_deref()];
    let by: Vec<&str> = by.into_iter().flatten().collect();
    let class = found.finding.match_class.name();
    let at = shown(found.place.as_ref());
    vec![json!(name), json!(class), json!(by.join(", ")), json!(at), json!(finding.event.as_str())]
}
