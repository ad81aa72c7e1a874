//! What becomes of a credential that a job found: one event for a user and a credential, whatever the number of
//! sources and jobs (leaks.md, section 7.1).

use super::risk::{raised, replaced_in};
use super::{Decision, Moment, Note};
use crate::command::State;
use crate::edm::{self, user as at};
use crate::effect::{Effect, Step};
use crate::event::{EventKind, RiskEvent, RiskEventStatus, RiskLevel};
use crate::evidence::{Evidence, EvidenceChange, MatchClass, NewEvidence};
use crate::ids::EntityId;
use crate::job::{FindingNote, FoundCredential, Image, JobRecord, RecordChange, Subject};
use crate::risk::RiskDetail;
use crate::user::User;
use odata::Ticks;
use odata::encode::{Cell, Row as _};

/// `riskEventType` of what is found.
const LEAKED: &str = "leakedCredentials";

pub(super) fn raise(
    job: u64,
    id: EntityId,
    created: Ticks,
    found: FoundCredential,
    state: &State,
    moment: Moment,
) -> Decision {
    let nothing = |note| Decision::Noted(Vec::new(), Note::Finding(note));
    let Some(user) = &state.user else { return nothing(FindingNote::NoUser) };
    let current = |number: u64| {
        let account = state.account.as_ref().filter(|account| account.user == found.user);
        account.and_then(|account| account.verifiers).is_some_and(|mark| mark.number == number)
    };
    if found.proof.as_ref().is_some_and(|(_, number)| !current(*number)) {
        return nothing(FindingNote::Outdated);
    }
    let level = level_of(found.finding.match_class);
    let (as_of, leaked) = (found.as_of, found.leaked);
    let evidence = evidence_of(found, user);
    let (effect, risk, change, image, note) = match &state.event {
        None => {
            let event = new_event(id, user, level, (created, leaked.unwrap_or(created)), moment);
            let risk = raised(&event, state, moment);
            let change = EvidenceChange::of(&[], vec![evidence], moment);
            (Effect::InsertEvent(event), Some(risk), Some(change), None, FindingNote::Raised)
        }
        Some(before) => {
            let is_full = state.evidence.len() >= edm::MOST_EVIDENCE as usize;
            let change = EvidenceChange::seen(&state.evidence, &evidence, is_full, moment);
            let after = again(before, level, as_of, moment);
            let is_open_again = !before.risk_event_status.is_open() && after.risk_event_status.is_open();
            if change.is_none() && after.risk_level == before.risk_level && !is_open_again {
                return nothing(FindingNote::Known);
            }
            let note = if is_open_again { FindingNote::Reopened } else { FindingNote::Added };
            let risk = replaced_in(before, &after, state, moment);
            let image = Some((Box::new(before.clone()), Some(state.evidence.clone())));
            (Effect::ReplaceEvent { before: before.clone(), after }, risk, change, image, note)
        }
    };
    let id = match &effect {
        Effect::InsertEvent(event) | Effect::ReplaceEvent { after: event, .. } => event.id.clone(),
        _ => return nothing(FindingNote::Known),
    };
    let (subject, image) = (Subject::Event(id), Image::Event(image));
    let record = JobRecord { job, subject, sequence: moment.sequence, is_gone: false, image };
    let step = Step { evidence: change, records: vec![RecordChange::Keep(record)], ..Step::new(moment, effect, risk) };
    Decision::Noted(vec![step], Note::Finding(note))
}

/// How sure a class is (leaks.md, section 7.1): what is no proof of the pair never makes a risk high alone.
fn level_of(class: MatchClass) -> RiskLevel {
    match class {
        MatchClass::Pair | MatchClass::PairByHash => RiskLevel::High,
        MatchClass::Similar => RiskLevel::Medium,
        MatchClass::PasswordOnly | MatchClass::AddressOnly => RiskLevel::Low,
    }
}

fn evidence_of(found: FoundCredential, user: &User) -> NewEvidence {
    let account_enabled = match user.cell(at::ACCOUNT_ENABLED) {
        Cell::Integer(value) => Some(value != 0),
        _ => None,
    };
    NewEvidence {
        finding: found.finding,
        first_seen: Some(found.first_seen),
        last_seen: Some(found.last_seen),
        occurrences: found.occurrences,
        account_enabled,
    }
}

fn new_event(
    id: EntityId,
    user: &User,
    risk_level: RiskLevel,
    (created, leaked): (Ticks, Ticks),
    moment: Moment,
) -> RiskEvent {
    RiskEvent {
        id,
        kind: EventKind::LeakedCredentials,
        user_display_name: user.display_name().into(),
        user_principal_name: user.user_principal_name().into(),
        risk_event_date_time: leaked,
        risk_event_type: LEAKED.into(),
        risk_level,
        risk_event_status: RiskEventStatus::Active,
        closed_date_time: None,
        created_date_time: created,
        user_id: user.id_text().into(),
        impacted_user: Some(user.id_text().into()),
        risk_detail: RiskDetail::None,
        creation: moment.sequence,
        version: moment.sequence,
    }
}

/// The event once its credential is found again. One that was remediated is open again if the directory has told
/// since then that the credential is current; what somebody dismissed stays dismissed.
fn again(before: &RiskEvent, level: RiskLevel, as_of: Ticks, moment: Moment) -> RiskEvent {
    let is_remediated =
        matches!(before.risk_event_status, RiskEventStatus::Remediated | RiskEventStatus::ClosedMfaAuto);
    let reopens = is_remediated && before.closed_date_time.is_none_or(|closed| as_of > closed);
    let mut after = RiskEvent { version: moment.sequence, ..before.clone() };
    if reopens {
        after.risk_event_status = RiskEventStatus::Active;
        after.closed_date_time = None;
        after.risk_detail = RiskDetail::None;
    }
    let rank = |level| RiskLevel::RANKED.iter().position(|ranked| *ranked == level);
    if rank(level) < rank(before.risk_level) {
        after.risk_level = level;
    }
    after
}

impl EvidenceChange {
    /// What becomes of an event's evidence when a job tells what it has seen: unlike with what clients tell, the
    /// same told twice is one. `None` when nothing changes, as for something new when the event `is_full`.
    fn seen(before: &[Evidence], seen: &NewEvidence, is_full: bool, moment: Moment) -> Option<Self> {
        let known = before.iter().find(|item| item.finding == seen.finding);
        let Some(known) = known else {
            return (!is_full).then(|| Self::of(before, vec![seen.clone()], moment));
        };
        let item = known.seen_again(seen, moment)?;
        let mut all = before.to_vec();
        for one in &mut all {
            if one.finding == item.finding {
                one.clone_from(&item);
            }
        }
        Some(Self::whole(all, moment))
    }
}
