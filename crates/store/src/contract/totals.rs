//! Kept totals.

use super::Harness;
use super::evidence::{add, found};
use super::people::{begun, records};
use super::samples::{
    Dice, at_version, begin, create_event, create_user, delete_event, delete_user, event_key, event_of, execute, id,
    new_event, snapshot, tenant, ticks, update_event, update_user,
};
use super::undo::job_by_chance;
use crate::WriteError;
use model::{
    Command, EventKind, JobKind, MatchClass, NewRiskEvent, Precondition, RiskEventDraft, RiskEventStatus, RiskLevel,
    RiskState, TenantKey, Total, Verdict,
};

pub(super) async fn totals_add_up_and_start_at_zero(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    assert_eq!(store.totals(tenant).await.expect("totals can be read"), []);
    for (number, kind) in
        [EventKind::LeakedCredentials, EventKind::IdentityRisk, EventKind::IdentityRisk].into_iter().enumerate()
    {
        let new = NewRiskEvent { kind, ..new_event(&format!("e{number}")) };
        event_of(&*store, tenant, create_event(new)).await;
    }
    let mut totals = store.totals(tenant).await.expect("totals can be read");
    totals.sort_by_key(|(_, count)| *count);
    let of = |kind| Total::Events(kind, RiskLevel::High, RiskEventStatus::Active);
    let at_risk = Total::RiskyUsers(RiskLevel::High, RiskState::AtRisk);
    assert_eq!(totals, [(of(EventKind::LeakedCredentials), 1), (at_risk, 1), (of(EventKind::IdentityRisk), 2)]);
    snapshot(&*store, tenant).await;
}

/// Commands by chance on few ids, so that they meet each other; after each score, everything that
/// must hold at every moment is looked at.
pub(super) async fn kept_totals_equal_a_recount(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let tenants = [first, tenant(harness, 2).await];
    let mut jobs = Vec::new();
    for tenant in tenants {
        jobs.push((tenant, begun(&*store, tenant, "job", JobKind::Scan).await));
    }
    let mut dice = Dice::new(20_240_303);
    let (mut done, mut refused) = (0, 0);
    for step in 1..=600 {
        let (tenant, job): (TenantKey, _) = dice.one_of(&jobs);
        let kept = if step % 7 == 0 { records(&*store, tenant, &job).await } else { Vec::new() };
        let command = match dice.below(4) {
            _ if !kept.is_empty() => {
                let (record, force) = (Box::new(dice.one_of(&kept)), dice.below(2) == 0);
                Command::Revert { job: job.creation, record, force }
            }
            0 => job_by_chance(&mut dice, &job),
            _ => by_chance(&mut dice),
        };
        match execute(&*store, tenant, command.clone()).await {
            Ok(_) => done += 1,
            Err(WriteError::Refused(_)) => refused += 1,
            Err(error) => panic!("{command:?} failed: {error}"),
        }
        if step % 20 == 0 {
            for tenant in tenants {
                snapshot(&*store, tenant).await;
            }
        }
    }
    assert!(done > 100 && refused > 20, "{done} done, {refused} refused: the dice favour one side");
}

/// A command on few ids.
pub(super) fn by_chance(dice: &mut Dice) -> Command {
    let number = dice.below(12);
    let event = format!("e{number}");
    let user = format!("u{}", dice.below(5));
    let name = dice.one_of(&["mara@fjord.example", "MARA@fjord.example", "tor@fjord.example", "åse@fjord.example"]);
    let level = RiskLevel::from_value(dice.below(6) as i64).expect("six levels");
    let status = RiskEventStatus::from_value(dice.below(8) as i64).expect("eight statuses");
    let closed = dice.one_of(&[None, Some(None), Some(Some(ticks("2024-01-01T00:00:00Z")))]);
    let precondition = if dice.below(4) == 0 { at_version(dice.below(40)) } else { Precondition::default() };
    match dice.below(20) {
        0..=4 => create_event(NewRiskEvent {
            kind: dice.one_of(&EventKind::ALL),
            risk_level: level,
            risk_event_status: status,
            closed_date_time: closed,
            user_id: user.into(),
            ..new_event(&event)
        }),
        5..=7 => {
            let patch = RiskEventDraft {
                risk_level: (dice.below(2) == 0).then_some(level),
                risk_event_status: (dice.below(2) == 0).then_some(status),
                closed_date_time: closed,
                ..RiskEventDraft::default()
            };
            update_event(&event, patch)
        }
        8 => Command::DeleteEvent { event: event_key(&event), precondition },
        9 => delete_event(&event),
        10 => Command::SetImpactedUser { event: event_key(&event), precondition, user: id(&user) },
        11 => Command::ClearImpactedUser { event: event_key(&event), precondition },
        12 | 13 => create_user(&user, name),
        14 => update_user(&user, &format!(r#"{{"userPrincipalName":"{name}"}}"#)),
        15 => delete_user(name),
        16 | 17 => add(&event, found(dice.one_of(&["a", "b", "c"]), MatchClass::Pair)),
        _ => {
            let verdict = dice.one_of(&[Verdict::Dismiss, Verdict::ConfirmCompromised, Verdict::ConfirmSafe]);
            Command::Judge { verdict, users: vec![user.into()], chance: dice.below(u64::MAX) }
        }
    }
}
