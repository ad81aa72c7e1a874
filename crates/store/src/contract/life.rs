//! A store that has lived, for tests of what becomes of stores: commands by chance, and everything that can be seen of it.

use super::candidates;
use super::evidence::found;
use super::people::{kept_of, new_job, put_job};
use super::queries::{bound, seen, through};
use super::samples::{Dice, MADE, create_event, event_key, new_event, snapshot, update_event};
use super::tasks;
use super::totals::by_chance;
use super::undo::job_by_chance;
use crate::{Carried, Outcome, PageQuery, Projection, Source, Store, WriteError};
use model::{
    Actor, Clock as _, Command, FixedClock, Job, JobKind, MatchClass, NewRiskEvent, Note, Repeatability,
    RiskEventDraft, RiskLevel, TaskKey, TenantKey, Tracking, edm,
};
use odata::encode::Row;
use std::time::Duration;

/// A request that may be sent again, and what it came to.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose.
    pub tenant: TenantKey,
    /// Who sent it.
    pub actor: Actor,
    /// What tells it from others.
    pub repeatability: Repeatability,
    /// What it came to.
    pub outcomes: Vec<Outcome>,
}

/// Carries out commands by chance, of jobs too, by several actors, on few ids, so that they meet each other, and on events with ids that
/// the store makes; some of them repeatable. Answers the requests that are remembered.
pub async fn live(
    store: &dyn Store,
    clock: &FixedClock,
    tenants: &[TenantKey],
    (seed, steps): (u64, u32),
) -> Vec<Request> {
    let mut dice = Dice::new(seed);
    let mut made: Vec<(TenantKey, Box<str>)> = Vec::new();
    let mut requests = Vec::new();
    let person = |name: &str| Some(name.into());
    let actors = [None, person("mara"), person("tor")].map(|user| Actor { app: "life".into(), user });
    let mut jobs: Vec<(TenantKey, Job)> = Vec::new();
    for tenant in tenants {
        let job = put_job(&new_job(&format!("life-{seed}"), JobKind::Import), None, Vec::new());
        if let Ok(Outcome::Noted(Note::Job(job))) = store.execute(*tenant, actors[0].clone(), job).await {
            // Claims are to the tasks of any job, and so of this one only while it is the only one that has any.
            if is_first_with_tasks(store, *tenant, &job).await {
                tasks::some(store, *tenant, &job).await;
            }
            let job = candidates::some(store, *tenant, &job).await;
            jobs.push((*tenant, job));
        }
    }
    for step in 0..steps {
        clock.advance_seconds(i64::from(step % 3));
        let tenant = dice.one_of(tenants);
        let actor = if dice.below(20) == 0 {
            Actor { app: format!("app {step}").into(), user: None }
        } else {
            dice.one_of(&actors)
        };
        let of_tenant: Vec<_> = made.iter().filter(|(of, _)| *of == tenant).map(|(_, id)| id.clone()).collect();
        if step % 3 == 0 {
            // Jobs have no repeatable requests.
            let (tenant, job) = dice.one_of(&jobs);
            match store.execute(tenant, actor, job_by_chance(&mut dice, &job)).await {
                Ok(_) | Err(WriteError::Refused(_)) => continue,
                Err(error) => panic!("{error}"),
            }
        }
        let command = match dice.below(10) {
            0 | 1 => create_event(NewRiskEvent {
                id: MADE,
                risk_level: RiskLevel::from_value(dice.below(3) as i64).expect("a level"),
                user_id: format!("u{}", dice.below(7)).into(),
                impacted_user: None,
                ..new_event("unused")
            }),
            2 if !of_tenant.is_empty() => {
                let patch = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
                update_event(&dice.one_of(&of_tenant), patch)
            }
            3 => Command::AddEvidence {
                event: event_key(&format!("e{}", dice.below(12))),
                evidence: Box::new(found(dice.one_of(&["a paste", "une fuite ł"]), MatchClass::AddressOnly)),
            },
            _ => by_chance(&mut dice),
        };
        let repeatability = (dice.below(4) == 0).then(|| Repeatability {
            request_id: format!("r{step}").parse().expect("an id"),
            first_sent: clock.now(),
            digest: [step as u8; 32],
            tracking: Tracking { window: Duration::from_hours(24), most: 20 },
        });
        match store.execute_all(tenant, actor.clone(), vec![command], repeatability.clone()).await {
            Ok(outcomes) => {
                if let [Outcome::Event(event)] = outcomes.as_slice()
                    && event.id.change_number().is_some()
                {
                    made.push((tenant, event.id.as_str().into()));
                }
                requests.extend(repeatability.map(|repeatability| Request { tenant, actor, repeatability, outcomes }));
            }
            Err(failed) => assert!(matches!(failed.error, WriteError::Refused(_)), "{}", failed.error),
        }
    }
    requests
}

/// Whether no job before this one has tasks.
async fn is_first_with_tasks(store: &dyn Store, tenant: TenantKey, job: &Job) -> bool {
    for before in store.jobs(tenant, Some(job.creation), u32::MAX).await.expect("jobs can be read") {
        let from = TaskKey { job: before.creation, number: 0 };
        if !store.tasks(tenant, from, 1).await.expect("tasks can be read").is_empty() {
            return false;
        }
    }
    true
}

/// Everything that can be seen of a tenant, in texts; checks that it is sound.
pub async fn seen_of(store: &dyn Store, tenant: TenantKey) -> Vec<String> {
    let snapshot = snapshot(store, tenant).await;
    let mut seen_all = vec![format!("{:?}", store.log_end(tenant).await.expect("the log's end can be read"))];
    seen_all.extend(snapshot.events.iter().map(|row| format!("{row:?}")));
    seen_all.extend(snapshot.evidence.iter().map(|items| format!("{items:?}")));
    seen_all.extend(snapshot.users.iter().map(|row| format!("{row:?}")));
    seen_all.extend(snapshot.risky_users.iter().map(|user| format!("{user:?}")));
    seen_all.extend(snapshot.histories.iter().map(|history| format!("{history:?}")));
    seen_all.extend(snapshot.changes.iter().map(|change| format!("{change:?}")));
    let mut totals: Vec<_> = snapshot.totals.iter().map(|total| format!("{total:?}")).collect();
    totals.sort_unstable();
    seen_all.extend(totals);
    seen_all.extend(kept_of(store, tenant).await);
    let mut sink = |row: &dyn Row| {
        seen_all.push(row.members().unwrap_or_default().to_owned());
        Ok(())
    };
    let rendered = PageQuery { carried: Carried::MEMBERS, ..PageQuery::all(Source::Events(None), u32::MAX) };
    store.page(tenant, rendered, &mut sink).await.expect("a page can be read");
    // Along the log, and by what today's API shows.
    for order in ["lastUpdatedDateTime desc", "lastUpdatedDateTime", "userPrincipalName,id"] {
        let (filter, order_by) = bound(&edm::RISK_DETECTION, "", order);
        let (filter, order_by) = through(filter, order_by);
        let carried = Carried { projection: Projection::Risk, related: false };
        let query = PageQuery { filter, order_by, carried, ..PageQuery::all(Source::Events(None), u32::MAX) };
        let mut rows = Vec::new();
        let mut sink = |row: &dyn Row| {
            rows.push(format!("{order}: {:?}", seen(row, true)));
            Ok(())
        };
        store.page(tenant, query, &mut sink).await.expect("a page can be read");
        assert_eq!(rows.len(), snapshot.events.len(), "{order}: every event is met");
        seen_all.extend(rows);
    }
    seen_all
}
