//! Items of the history of users at risk, as answers show them (graph.md, section 5.5).

use crate::caller::Actor;
use crate::edm::{self, history_item as at, risky_user};
use crate::risky_user::{HistoryItem, RiskyUser};
use odata::Ticks;
use odata::edm::EntityType;
use odata::encode::{Cell, Parts, Row, write_string};

/// An item of a history.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    id: Box<str>,
    user_id: Box<str>,
    /// The names at that time.
    names: (Box<str>, Box<str>),
    time: Ticks,
    initiated_by: Option<Box<str>>,
    item: HistoryItem,
    activity: ActivityParts,
    version: u64,
}

/// `activity` of an item.
#[derive(Clone, Debug)]
struct ActivityParts {
    detail: Option<i64>,
    /// A JSON array of texts.
    risk_event_types: String,
}

impl Parts for ActivityParts {
    fn cell(&self, position: usize) -> Cell<'_> {
        match position {
            0 => self.detail.map_or(Cell::Null, Cell::Integer),
            1 => Cell::Text(&self.risk_event_types),
            _ => Cell::Null,
        }
    }
}

impl HistoryRow {
    /// An item that the change with a number made, at a time, by somebody. The user's newest item is
    /// `current` and has the user's id; that of an older one is followed by its time.
    pub fn new(
        user: &RiskyUser,
        (sequence, time): (u64, Ticks),
        actor: &Actor,
        item: HistoryItem,
        names: (Box<str>, Box<str>),
        current: bool,
    ) -> Self {
        let mut types = Vec::from(*b"[");
        if let Some(of) = &item.activity.risk_event_type {
            write_string(of, &mut types);
        }
        types.push(b']');
        let activity = ActivityParts {
            detail: item.activity.detail.map(|detail| detail as i64),
            risk_event_types: String::from_utf8(types).expect("JSON of texts is UTF-8"),
        };
        Self {
            id: if current { user.id.clone() } else { older_id(&user.id, time) },
            user_id: user.id.clone(),
            names,
            time,
            initiated_by: Some(actor.user.as_deref().unwrap_or(&actor.app).into()),
            item,
            activity,
            version: sequence,
        }
    }

    /// How a user stands of whom nothing happened since histories are kept: the one item that there is.
    pub fn standing(user: &RiskyUser) -> Self {
        let item = HistoryItem {
            risk: user.risk,
            is_deleted: user.is_deleted,
            activity: crate::risky_user::Activity::default(),
            names: None,
            previous: None,
        };
        let names = (user.user_display_name.clone(), user.user_principal_name.clone());
        let nobody = Actor { app: "".into(), user: None };
        let moment = (user.version, user.risk_last_updated);
        Self { initiated_by: None, ..Self::new(user, moment, &nobody, item, names, true) }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// .NET's ticks at 1970-01-01, in which ids of older items count.
const UNIX_EPOCH: i64 = 621_355_968_000_000_000;

fn older_id(user: &str, time: Ticks) -> Box<str> {
    format!("{user}{:018}", time.get() + UNIX_EPOCH).into()
}

impl Row for HistoryRow {
    fn cell(&self, position: usize) -> Cell<'_> {
        match position {
            risky_user::ID => Cell::Text(&self.id),
            risky_user::IS_DELETED => Cell::Integer(self.item.is_deleted.into()),
            risky_user::IS_PROCESSING => Cell::Integer(0),
            risky_user::RISK_DETAIL => Cell::Integer(self.item.risk.detail as i64),
            risky_user::RISK_LAST_UPDATED_DATE_TIME => Cell::Integer(self.time.get()),
            risky_user::RISK_LEVEL => Cell::Integer(self.item.risk.level as i64),
            risky_user::RISK_STATE => Cell::Integer(self.item.risk.state as i64),
            risky_user::USER_DISPLAY_NAME => Cell::Text(&self.names.0),
            risky_user::USER_PRINCIPAL_NAME => Cell::Text(&self.names.1),
            at::ACTIVITY => Cell::Complex(&self.activity),
            at::INITIATED_BY => self.initiated_by.as_deref().map_or(Cell::Null, Cell::Text),
            at::USER_ID => Cell::Text(&self.user_id),
            _ => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::RISKY_USER_HISTORY_ITEM
    }

    fn version(&self) -> u64 {
        self.version
    }
}
