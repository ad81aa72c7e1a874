//! What jobs have found, for those who must reach the source: which event stands for a finding, and where it stands
//! (leaks.md, capability 8).

use super::JobError;
use crate::{Service, Vault};
use model::{Account, Caller, EntityId, EventKey, Finding, FoundCredential, Job, MatchClass, Ticks};
use odata::encode::{Cell, Row};
use std::collections::{HashMap, HashSet};
use store::{Accounts, Carried, PageQuery, Source};

/// Rows that are read at once.
const PAGE: u32 = 2_000;

/// A credential that a job found, and the event that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFinding {
    /// The id of the event, which need not be raised yet.
    pub event: EntityId,
    /// What was found.
    pub found: FoundCredential,
}

/// A user as reports show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// displayName
    pub display_name: Box<str>,
    /// userPrincipalName
    pub name: Box<str>,
    /// department
    pub department: Option<Box<str>>,
    /// Whether they may sign in, as far as the directory says.
    pub is_enabled: Option<bool>,
    /// Whether they administer something.
    pub is_administrator: bool,
}

/// Where a page of findings ended: behind so many of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The user.
    pub user: EntityId,
    /// How many of theirs came before.
    pub passed: u32,
}

impl Service {
    /// Up to `limit` findings of a job, after a place, in the order of users; and the place that the next page begins
    /// behind, when more follow.
    pub async fn page_of_findings(
        &self,
        caller: &Caller,
        (vault, job): (&Vault, &Job),
        after: Option<After>,
        limit: u32,
    ) -> Result<(Vec<JobFinding>, Option<After>), JobError> {
        let passed = after.as_ref().map_or(0, |after| after.passed);
        // The places of a user begin behind a finding that comes before every other one of theirs.
        let before = after.map(|after| before_all_of(after.user));
        let wanted = limit.saturating_add(passed).saturating_add(1);
        let mut page = self.store().found(caller.tenant, job.creation, before.as_ref(), wanted).await?;
        let first = page.first().map(|found| found.user.clone());
        page.drain(..page.len().min(passed as usize));
        let follows = page.len() > limit as usize;
        page.truncate(limit as usize);
        let next = page.last().filter(|_| follows).map(|last| {
            let of_last = page.iter().filter(|found| found.user == last.user).count() as u32;
            let passed = if first.as_ref() == Some(&last.user) { passed + of_last } else { of_last };
            After { user: last.user.clone(), passed }
        });
        Ok((page.into_iter().map(|found| finding(caller, vault, found)).collect(), next))
    }

    /// A page of what a job has found, after one, in the order of users; empty at the end.
    pub async fn findings_of_job(
        &self,
        caller: &Caller,
        vault: &Vault,
        job: &Job,
        after: Option<&JobFinding>,
    ) -> Result<Vec<JobFinding>, JobError> {
        let after = after.map(|after| &after.found);
        let page = self.store().found(caller.tenant, job.creation, after, PAGE).await?;
        Ok(page.into_iter().map(|found| finding(caller, vault, found)).collect())
    }

    /// What stands behind an event: each job's findings of its user that the event stands for, with the job. Empty where
    /// no job found it, or where what jobs found is forgotten; `None` where there is no such event.
    pub async fn findings_of_event(
        &self,
        caller: &Caller,
        vault: &Vault,
        event: &EntityId,
    ) -> Result<Option<Vec<(EntityId, JobFinding)>>, JobError> {
        let key = EventKey { id: event.clone(), kind: None };
        let Some(known) = self.store().load_event(caller.tenant, &key).await? else { return Ok(None) };
        let Ok(user) = known.user_id.parse::<EntityId>() else { return Ok(Some(Vec::new())) };
        let mut behind = Vec::new();
        let mut after = None;
        loop {
            let page = self.store().found_of(caller.tenant, &user, after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else { break };
            after = Some(last);
            let theirs = page.into_iter().map(|(job, found)| (job, finding(caller, vault, found)));
            behind.extend(theirs.filter(|(_, finding)| finding.event == *event));
        }
        let ids = self.ids_of_jobs(caller, behind.iter().map(|(job, _)| *job).collect()).await?;
        let named = behind.into_iter().filter_map(|(job, finding)| Some((ids.get(&job)?.clone(), finding)));
        Ok(Some(named.collect()))
    }

    /// The ids of jobs, by the numbers of the changes that made them.
    async fn ids_of_jobs(&self, caller: &Caller, wanted: HashSet<u64>) -> Result<HashMap<u64, EntityId>, JobError> {
        let (mut ids, mut before) = (HashMap::new(), None);
        while ids.len() < wanted.len() {
            let page = self.store().jobs(caller.tenant, before, PAGE).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.creation);
            ids.extend(page.into_iter().filter(|job| wanted.contains(&job.creation)).map(|job| (job.creation, job.id)));
        }
        Ok(ids)
    }

    /// Those of these users whom the directory knows.
    pub async fn people(
        &self,
        caller: &Caller,
        wanted: &HashSet<EntityId>,
    ) -> Result<HashMap<EntityId, Person>, JobError> {
        let mut people = HashMap::new();
        if wanted.is_empty() {
            return Ok(people);
        }
        let mut query = PageQuery { carried: Carried::PROPERTIES, ..PageQuery::all(Source::Users, PAGE) };
        loop {
            let mut sink = |row: &dyn Row| {
                if let Some((id, person)) = person(row).filter(|(id, _)| wanted.contains(id)) {
                    people.insert(id, person);
                }
                Ok(())
            };
            query.after = self.store().page(caller.tenant, query.clone(), &mut sink).await?;
            if query.after.is_none() || people.len() == wanted.len() {
                break;
            }
        }
        let look = |account: Account| {
            if let Some(person) = people.get_mut(&account.user) {
                person.is_administrator |= account.is_administrator;
            }
        };
        self.each_account(caller.tenant, Accounts::All, look).await?;
        Ok(people)
    }
}

fn before_all_of(user: EntityId) -> FoundCredential {
    FoundCredential {
        user,
        fingerprint: [0; 32],
        finding: Finding {
            source: "".into(),
            match_class: MatchClass::Pair,
            matched_attribute: None,
            matched_rule: None,
        },
        proof: None,
        as_of: Ticks::default(),
        leaked: None,
        first_seen: Ticks::default(),
        last_seen: Ticks::default(),
        occurrences: 0,
        place: None,
        candidate: None,
    }
}

fn finding(caller: &Caller, vault: &Vault, found: FoundCredential) -> JobFinding {
    JobFinding { event: vault.event_id(caller.tenant_id, &found.user, &found.fingerprint), found }
}

fn person(row: &dyn Row) -> Option<(EntityId, Person)> {
    use model::edm::user as at;
    let text = |position| match row.cell(position) {
        Cell::Text(text) => Some(text),
        _ => None,
    };
    let id = text(at::ID)?.parse().ok()?;
    let is_enabled = match row.cell(at::ACCOUNT_ENABLED) {
        Cell::Integer(value) => Some(value != 0),
        _ => None,
    };
    let person = Person {
        display_name: text(at::DISPLAY_NAME).unwrap_or_default().into(),
        name: text(at::USER_PRINCIPAL_NAME).unwrap_or_default().into(),
        department: text(at::DEPARTMENT).filter(|name| !name.trim().is_empty()).map(Into::into),
        is_enabled,
        is_administrator: false,
    };
    Some((id, person))
}
