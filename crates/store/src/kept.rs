//! What kept totals tell of a filter without a look at a row.

use model::edm::event as at;
use model::{EventKind, RiskDetail, RiskEventStatus, RiskLevel, RiskState, Total};
use odata::edm::EntityType;
use odata::encode::Cell;
use odata::expression::bound::{Expression, Node, PropertyPath};
use odata::expression::evaluate::{Evaluator, Scope};

/// The subject of totals of users; kinds of events are far below.
pub const OF_USERS: i64 = 1000;

/// That of users at risk; where the status of events stands is then the state.
pub const OF_RISKY_USERS: i64 = 1001;

/// The key under which stores keep a total: its subject, the level, and the status or state.
pub fn total_key(total: Total) -> (i64, i64, i64) {
    match total {
        Total::Events(kind, level, status) => (kind as i64, level as i64, status as i64),
        Total::Users => (OF_USERS, 0, 0),
        Total::RiskyUsers(level, state) => (OF_RISKY_USERS, level as i64, state as i64),
    }
}

/// The total that is kept under a key; `None` when there is none of that kind.
pub fn total_of((subject, level, value): (i64, i64, i64)) -> Option<Total> {
    if subject == OF_USERS {
        return Some(Total::Users);
    }
    let level = RiskLevel::from_value(level)?;
    if subject == OF_RISKY_USERS {
        return Some(Total::RiskyUsers(level, RiskState::from_value(value)?));
    }
    Some(Total::Events(EventKind::from_value(subject)?, level, RiskEventStatus::from_value(value)?))
}

/// An event of which only that is known by which totals are kept.
#[derive(Clone, Copy, Debug)]
pub struct KeptEvent {
    /// Its type.
    pub kind: EventKind,
    /// Its level.
    pub level: RiskLevel,
    /// Its status.
    pub status: RiskEventStatus,
}

impl Scope for KeptEvent {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        match path.position {
            at::RISK_LEVEL => Cell::Integer(self.level as i64),
            at::RISK_EVENT_STATUS => Cell::Integer(self.status as i64),
            _ => Cell::Damaged, // never asked for: see `reads_only`
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        self.kind.entity_type()
    }
}

/// Whether an expression reads no property but these, and the type only if that is allowed.
fn reads_only(expression: &Expression, positions: &[usize], type_too: bool) -> bool {
    let mut within = true;
    expression.visit(&mut |part| {
        within &= match &part.node {
            Node::Property(path) => path.navigation.is_empty() && positions.contains(&path.position),
            Node::IsOf(_) => type_too,
            Node::Any(..) | Node::All(..) | Node::Item => false,
            _ => true,
        };
    });
    within
}

/// Counts the events of a kind that a filter keeps, where totals tell.
pub fn count(filter: Option<&Expression>, kind: Option<EventKind>, totals: &[(Total, u64)]) -> Option<u64> {
    let told = |filter: &&Expression| reads_only(filter, &[at::RISK_LEVEL, at::RISK_EVENT_STATUS], true);
    if filter.as_ref().is_some_and(|filter| !told(filter)) {
        return None;
    }
    let evaluator = filter.map(Evaluator::new);
    let counted = |total: &Total| match *total {
        Total::Users | Total::RiskyUsers(..) => false,
        Total::Events(of, level, status) => {
            let event = KeptEvent { kind: of, level, status };
            kind.is_none_or(|kind| kind == of) && evaluator.as_ref().is_none_or(|filter| filter.matches(&event))
        }
    };
    Some(totals.iter().filter(|(total, _)| counted(total)).map(|(_, count)| count).sum())
}

/// The same of users at risk.
pub fn count_risky_users(filter: Option<&Expression>, totals: &[(Total, u64)]) -> Option<u64> {
    use model::edm::risky_user as at;
    let told = |filter: &&Expression| reads_only(filter, &[at::RISK_LEVEL, at::RISK_STATE], false);
    if filter.as_ref().is_some_and(|filter| !told(filter)) {
        return None;
    }
    let evaluator = filter.map(Evaluator::new);
    let counted = |total: &Total| match *total {
        Total::RiskyUsers(level, state) => {
            evaluator.as_ref().is_none_or(|filter| filter.matches(&KeptRiskyUser { level, state }))
        }
        Total::Users | Total::Events(..) => false,
    };
    Some(totals.iter().filter(|(total, _)| counted(total)).map(|(_, count)| count).sum())
}

/// A user at risk of whom only that is known by which totals are kept.
struct KeptRiskyUser {
    level: RiskLevel,
    state: RiskState,
}

impl Scope for KeptRiskyUser {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        match path.position {
            model::edm::risky_user::RISK_LEVEL => Cell::Integer(self.level as i64),
            model::edm::risky_user::RISK_STATE => Cell::Integer(self.state as i64),
            _ => Cell::Damaged, // never asked for: see `reads_only`
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        &model::edm::RISKY_USER
    }
}

/// Whether a part of a filter reads the property at `position`, and nothing else of a row.
pub fn is_about(part: &Expression, position: usize) -> bool {
    let mut reads = false;
    part.visit(&mut |part| reads |= matches!(part.node, Node::Property(_)));
    reads && reads_only(part, &[position], false)
}

/// The levels that an event may have by the parts of a filter that are about levels alone; `None`
/// when there is no such part.
pub fn levels(parts: &[&Expression]) -> Option<Vec<RiskLevel>> {
    let filters = about(parts, at::RISK_LEVEL)?;
    let event = |level| KeptEvent { kind: EventKind::LeakedCredentials, level, status: RiskEventStatus::Active };
    let all = (0..).map_while(RiskLevel::from_value);
    Some(all.filter(|level| filters.iter().all(|filter| filter.matches(&event(*level)))).collect())
}

/// The same for statuses.
pub fn statuses(parts: &[&Expression]) -> Option<Vec<RiskEventStatus>> {
    let (by_status, by_state) = (about(parts, at::RISK_EVENT_STATUS), about(parts, at::RISK_STATE));
    if by_status.is_none() && by_state.is_none() {
        return None;
    }
    let event = |status| KeptEvent { kind: EventKind::LeakedCredentials, level: RiskLevel::Low, status };
    let fits = |filters: &Option<Vec<Evaluator<'_>>>, scope: &dyn Scope| {
        filters.iter().flatten().all(|filter| filter.matches(scope))
    };
    let details = [RiskDetail::None, RiskDetail::AdminConfirmedUserCompromised];
    let keeps = |status: &RiskEventStatus| {
        fits(&by_status, &event(*status))
            && details.iter().any(|detail| fits(&by_state, &KeptState(status.state(*detail))))
    };
    Some((0..).map_while(RiskEventStatus::from_value).filter(keeps).collect())
}

/// The state of a detection, of which nothing else is known.
struct KeptState(RiskState);

impl Scope for KeptState {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        if path.position == at::RISK_STATE { Cell::Integer(self.0 as i64) } else { Cell::Damaged }
    }

    fn entity_type(&self) -> &'static EntityType {
        EventKind::LeakedCredentials.entity_type()
    }
}

fn about<'e>(parts: &[&'e Expression], position: usize) -> Option<Vec<Evaluator<'e>>> {
    let filters: Vec<_> =
        parts.iter().filter(|part| is_about(part, position)).map(|part| Evaluator::new(part)).collect();
    (!filters.is_empty()).then_some(filters)
}
