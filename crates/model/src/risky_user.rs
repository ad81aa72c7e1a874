//! Users at risk: what their events add up to, kept with every event that changes it and never
//! worked out by reading the events again (graph.md, section 6).

use crate::decide::Moment;
use crate::edm::{self, risky_user as at};
use crate::event::{RiskEvent, RiskLevel};
use crate::risk::{RiskDetail, RiskState};
use odata::Ticks;
use odata::edm::EntityType;
use odata::encode::{Cell, Row};

/// The open events of a user, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenEvents {
    /// By level: the position is the level's value.
    pub by_level: [u32; 6],
    /// Those among them of which an administrator confirmed that they are real.
    pub confirmed: u32,
}

impl OpenEvents {
    /// How many there are.
    pub fn all(&self) -> u32 {
        self.by_level.iter().sum()
    }

    /// The highest level among them; `none` when there are none.
    pub fn highest(&self) -> RiskLevel {
        let found = RiskLevel::RANKED.into_iter().find(|level| self.by_level[*level as usize] > 0);
        found.unwrap_or(RiskLevel::None)
    }

    fn count(&mut self, event: &RiskEvent, by: i32) {
        if event.risk_event_status.is_open() {
            let add = |count: &mut u32| *count = count.saturating_add_signed(by);
            add(&mut self.by_level[event.risk_level as usize]);
            if event.risk_detail == RiskDetail::AdminConfirmedUserCompromised {
                add(&mut self.confirmed);
            }
        }
    }
}

/// A user at risk, or who once was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskyUser {
    /// The user's id, as events name it.
    pub id: Box<str>,
    /// The name: the directory's while it knows the user, else that of the latest event.
    pub user_display_name: Box<str>,
    /// The sign-in name, the same way.
    pub user_principal_name: Box<str>,
    /// Whether the directory knows the user, or did.
    pub is_known: bool,
    /// Whether the directory knew the user and does no more.
    pub is_deleted: bool,
    /// The risk, as it stands.
    pub risk: Risk,
    /// When that last changed.
    pub risk_last_updated: Ticks,
    /// The open events.
    pub open: OpenEvents,
    /// How many events there are, open and closed.
    pub events: u32,
    /// Where the last event that was closed left the risk: how it stands while nothing is open.
    pub closed: (RiskState, RiskDetail),
    /// Whether the history tells the names as they are now.
    pub names_are_told: bool,
    /// The number of the newest item of the history; `None` while there is none.
    pub newest: Option<u64>,
    /// The number of the change that made the row.
    pub creation: u64,
    /// The number of the latest change; the ETag.
    pub version: u64,
}

/// How the risk of a user stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Risk {
    /// How high.
    pub level: RiskLevel,
    /// Whether it still is.
    pub state: RiskState,
    /// Why.
    pub detail: RiskDetail,
}

impl Risk {
    /// No risk at all.
    pub const NONE: Self = Self { level: RiskLevel::None, state: RiskState::None, detail: RiskDetail::None };
}

impl RiskyUser {
    /// A user without any risk yet, as the first event or an administrator names them.
    pub fn new(id: &str, names: (&str, &str), is_known: bool, moment: Moment) -> Self {
        Self {
            id: id.into(),
            user_display_name: names.0.into(),
            user_principal_name: names.1.into(),
            is_known,
            is_deleted: false,
            risk: Risk::NONE,
            risk_last_updated: moment.now,
            open: OpenEvents::default(),
            events: 0,
            closed: (RiskState::None, RiskDetail::None),
            names_are_told: false,
            newest: None,
            creation: moment.sequence,
            version: moment.sequence,
        }
    }

    /// Gives the user the names by which the directory, or a new event, knows them.
    pub(crate) fn rename(&mut self, display_name: &str, principal_name: &str) {
        if (&*self.user_display_name, &*self.user_principal_name) != (display_name, principal_name) {
            self.user_display_name = display_name.into();
            self.user_principal_name = principal_name.into();
            self.names_are_told = false;
        }
    }

    /// Notes what happened to the risk: it stands as the events add up now.
    pub(crate) fn note(&mut self, activity: Activity, moment: Moment) -> HistoryItem {
        self.risk = self.sum();
        self.risk_last_updated = moment.now;
        let told = std::mem::replace(&mut self.names_are_told, true);
        let names = (!told).then(|| (self.user_display_name.clone(), self.user_principal_name.clone()));
        let previous = self.newest.replace(moment.sequence);
        HistoryItem { risk: self.risk, is_deleted: self.is_deleted, activity, names, previous }
    }

    /// Takes an event of the user's out of the sum.
    pub(crate) fn take_out(&mut self, event: &RiskEvent) {
        self.events = self.events.saturating_sub(1);
        self.open.count(event, -1);
    }

    /// Adds an event of the user's to the sum. One that `is_transition`, and is closed now, says where
    /// the risk stands once nothing is open.
    pub(crate) fn put_in(&mut self, event: &RiskEvent, is_transition: bool) {
        self.events = self.events.saturating_add(1);
        self.open.count(event, 1);
        if is_transition && !event.risk_event_status.is_open() {
            self.closed = (event.risk_event_status.state(event.risk_detail), event.risk_detail);
        }
    }

    /// How the risk stands by the events.
    pub(crate) fn sum(&self) -> Risk {
        if self.open.confirmed > 0 {
            let (state, detail) = (RiskState::ConfirmedCompromised, RiskDetail::AdminConfirmedUserCompromised);
            Risk { level: RiskLevel::High, state, detail }
        } else if self.open.all() > 0 {
            Risk { level: self.open.highest(), state: RiskState::AtRisk, detail: RiskDetail::None }
        } else if self.events > 0 {
            Risk { level: RiskLevel::None, state: self.closed.0, detail: self.closed.1 }
        } else {
            Risk::NONE
        }
    }
}

impl Row for RiskyUser {
    fn cell(&self, position: usize) -> Cell<'_> {
        match position {
            at::ID => Cell::Text(&self.id),
            at::IS_DELETED => Cell::Integer(self.is_deleted.into()),
            at::IS_PROCESSING => Cell::Integer(0), // what a change adds up to is written with it
            at::RISK_DETAIL => Cell::Integer(self.risk.detail as i64),
            at::RISK_LAST_UPDATED_DATE_TIME => Cell::Integer(self.risk_last_updated.get()),
            at::RISK_LEVEL => Cell::Integer(self.risk.level as i64),
            at::RISK_STATE => Cell::Integer(self.risk.state as i64),
            at::USER_DISPLAY_NAME => Cell::Text(&self.user_display_name),
            at::USER_PRINCIPAL_NAME => Cell::Text(&self.user_principal_name),
            _ => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::RISKY_USER
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// What happened to a risk (`riskUserActivity`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// `detail`: what was done to it; `None` when it arose.
    pub detail: Option<RiskDetail>,
    /// `riskEventTypes`: the kind of risk that arose.
    pub risk_event_type: Option<Box<str>>,
}

/// What happened to a user's risk: an item of the history. Who did it, and when, the change log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    /// The risk after it.
    pub risk: Risk,
    /// Whether the directory had lost the user by then.
    pub is_deleted: bool,
    /// What happened.
    pub activity: Activity,
    /// The names, where they are others than at the item before.
    pub names: Option<(Box<str>, Box<str>)>,
    /// The number of the item before; `None` at the first.
    pub previous: Option<u64>,
}

/// A change of a user at risk, with the item that it adds to the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskChange {
    /// As it was; `None` when there was no such user.
    pub before: Option<RiskyUser>,
    /// As it is now.
    pub after: RiskyUser,
    /// What the history says of it; nothing where the risk is not concerned.
    pub item: Option<HistoryItem>,
}
