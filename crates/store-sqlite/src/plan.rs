//! Which index answers a query over events, and in which order rows come when the client names none
//! (docs/adr/0005-queries.md). The choice is made here and told to SQLite, so that the same query runs the
//! same way on every store, and a test can see it.

use crate::error::engine;
use crate::log;
use crate::rows::{end, key, totals, totals_of_risky_users};
use model::edm::event as at;
use model::{EntityId, RiskEventStatus, RiskLevel, TenantKey, Total};
use odata::expression::bound::{Expression, Literal, OrderKey};
use rusqlite::{Connection, OptionalExtension as _, params};
use store::StoreError;
use store::kept::{self, is_about};
use store::plan::{Bounds, Limit, conjuncts, equals, events_order, is_property, risky_users_order, texts};

/// So many matching rows are rather sorted than met by walking another index.
const FEW: u64 = 2_000;
/// A query that looks at more rows than this for a page does not run on a thread that serves.
const LONG: u64 = 5_000;

/// How rows are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// By the primary key, the newest first.
    Keys,
    /// By ids.
    Ids(Vec<i64>),
    /// By who they are about: one of these users, or of these names, or both.
    Subjects(Option<Vec<Box<str>>>, Option<Vec<Box<str>>>),
    /// By levels, each in the order of riskEventDateTime.
    Levels(Vec<i64>),
    /// By statuses, each in the order of riskEventDateTime.
    Statuses(Vec<i64>),
    /// In the order of createdDateTime.
    Creation,
    /// Along the change log: in the order in which events were last written, or the risk of users changed.
    Log(LogRange),
    /// Users at risk by ids.
    RiskyIds(Vec<Box<str>>),
    /// Users at risk by userPrincipalName.
    RiskyNames(Vec<Box<str>>),
    /// Users at risk by state.
    RiskyStates(Vec<i64>),
}

/// A stretch of the change log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogRange {
    /// The key of its first entry.
    pub(crate) first: i64,
    /// The key after its last entry.
    pub(crate) end: i64,
    /// Whether the answer is in the log's order.
    pub(crate) in_order: bool,
}

impl LogRange {
    /// The stretch in which rows lie of which a time has these bounds.
    fn of(db: &Connection, tenant: TenantKey, bounds: &Bounds, in_order: bool) -> Result<Self, StoreError> {
        let time = |limit: &Limit| match limit.value {
            Literal::DateTimeOffset(time) => Some((time.get(), limit.inclusive)),
            _ => None,
        };
        let mut range = Self { first: key(tenant, 0), end: end(tenant), in_order };
        if let Some((time, inclusive)) = bounds.lower.as_ref().and_then(time) {
            range.first = log::first_key(db, tenant, time, !inclusive)?;
        }
        if let Some((time, inclusive)) = bounds.upper.as_ref().and_then(time) {
            range.end = log::first_key(db, tenant, time, inclusive)?;
        }
        Ok(range)
    }

    /// About so many entries of a stretch of this length are met until a page is full, of rows of which there
    /// are so many.
    fn walked(length: u64, limit: u64, rows: u64) -> u64 {
        length.min(length.saturating_mul(limit) / rows.max(1))
    }

    /// The most entries in it.
    fn length(self, db: &Connection, tenant: TenantKey) -> Result<u64, StoreError> {
        let last = log::end(db, tenant)?.map_or(0, |end| end.sequence);
        Ok(u64::try_from(self.end.min(key(tenant, last) + 1) - self.first).unwrap_or(0))
    }
}

/// A chosen way.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) path: Path,
    /// The order of the answer: the client's, or what goes with the filter.
    pub(crate) order_by: Vec<OrderKey>,
    /// Whether it may look at many rows for each that it answers.
    pub(crate) is_long: bool,
}

/// Chooses the way to a page of users at risk, or to a count when `limit` is none. Without an order of the
/// client's, those who were at risk last come first, and where the time of the last change is asked for, the
/// earliest change: whoever changes while pages are followed then comes once more, and nobody is passed by.
pub(crate) fn choose_risky_users(
    db: &Connection,
    tenant: TenantKey,
    filter: Option<&Expression>,
    order_by: &[OrderKey],
    limit: Option<u64>,
) -> Result<Plan, StoreError> {
    use model::edm::risky_user as at;
    let time = at::RISK_LAST_UPDATED_DATE_TIME;
    let order_by = risky_users_order(filter, order_by);
    let in_order = matches!(order_by.as_slice(), [key] if is_property(&key.expression, time));
    let plan = |path, is_long| Ok(Plan { path, order_by: order_by.clone(), is_long });
    if order_by.is_empty() && filter.is_none() {
        return plan(Path::Keys, false);
    }
    if let Some(ids) = texts(equals(filter, at::ID)) {
        return plan(Path::RiskyIds(ids), false);
    }
    if let Some(names) = texts(equals(filter, at::USER_PRINCIPAL_NAME)) {
        return plan(Path::RiskyNames(names), false);
    }
    let totals = totals_of_risky_users(db, tenant)?;
    let all = kept::count_risky_users(None, &totals).unwrap_or(0);
    let bounds = filter.map(|filter| Bounds::of(filter, time)).unwrap_or_default();
    let range = LogRange::of(db, tenant, &bounds, in_order)?;
    let length = range.length(db, tenant)?;
    let parts = filter.map(conjuncts).unwrap_or_default();
    // A walk along the log meets each user once and others in between, and ends with the page. Totals say how
    // far that is; where it is farther than all users are, these are rather sorted.
    let rest = parts.iter().filter(|part| Bounds::of(part, time).is_open());
    let kept: Option<Vec<u64>> = rest.map(|part| kept::count_risky_users(Some(part), &totals)).collect();
    if let (true, Some(kept), Some(limit)) = (in_order, kept, limit) {
        let walked = LogRange::walked(length, limit, kept.into_iter().min().unwrap_or(all));
        if walked <= all.max(LONG) {
            return plan(Path::Log(range), walked > LONG);
        }
    }
    if length < all {
        return plan(Path::Log(range), length > LONG);
    }
    let states = equals(filter, at::RISK_STATE).map(|values| values.iter().filter_map(number).collect::<Vec<_>>());
    if let Some(states) = states {
        let found: u64 = totals
            .iter()
            .map(|(total, count)| match total {
                Total::RiskyUsers(_, state) if states.contains(&(*state as i64)) => *count,
                _ => 0,
            })
            .sum();
        return plan(Path::RiskyStates(states), found > LONG);
    }
    plan(Path::Keys, all > LONG)
}

fn number(value: &Literal) -> Option<i64> {
    match value {
        Literal::Enum(value) => Some(*value),
        _ => None, // null is no state: such a row does not exist
    }
}

/// Chooses the way to a page, or to a count when `limit` is none.
pub(crate) fn choose(
    db: &Connection,
    tenant: TenantKey,
    filter: Option<&Expression>,
    order_by: &[OrderKey],
    limit: Option<u64>,
) -> Result<Plan, StoreError> {
    let order_by = events_order(filter, order_by);
    let ids = texts(equals(filter, at::ID));
    if let Some(ids) = ids {
        return Ok(Plan { path: Path::Ids(keys_of(db, tenant, &ids)?), order_by, is_long: false });
    }
    let (users, names) = (texts(equals(filter, at::USER_ID)), texts(equals(filter, at::USER_PRINCIPAL_NAME)));
    if users.is_some() || names.is_some() {
        return Ok(Plan { path: Path::Subjects(users, names), order_by, is_long: false });
    }
    let updated = filter.map(|filter| Bounds::of(filter, at::LAST_UPDATED_DATE_TIME)).unwrap_or_default();
    let by_update = matches!(order_by.as_slice(), [key] if is_property(&key.expression, at::LAST_UPDATED_DATE_TIME));
    if by_update || !updated.is_open() {
        let range = LogRange::of(db, tenant, &updated, by_update)?;
        let rest = filter.map(conjuncts).unwrap_or_default();
        let only_time = rest.iter().all(|part| !Bounds::of(part, at::LAST_UPDATED_DATE_TIME).is_open());
        let length = range.length(db, tenant)?;
        let walked = match limit {
            Some(limit) if by_update && only_time => LogRange::walked(length, limit, Kept::read(db, tenant)?.all),
            _ => length,
        };
        let is_long = walked > LONG;
        return Ok(Plan { path: Path::Log(range), order_by, is_long });
    }
    let parts = filter.map(conjuncts).unwrap_or_default();
    let levels = kept::levels(&parts).map(|levels| levels.into_iter().map(|level| level as i64).collect::<Vec<_>>());
    let statuses = kept::statuses(&parts);
    let statuses = statuses.map(|statuses| statuses.into_iter().map(|status| status as i64).collect::<Vec<_>>());
    let says = |position| filter.is_some_and(|filter| !Bounds::of(filter, position).is_open());
    let (timed, created) = (says(at::RISK_EVENT_DATE_TIME), says(at::CREATED_DATE_TIME));
    let by = |position| matches!(order_by.as_slice(), [key] if is_property(&key.expression, position));
    let (by_time, by_creation) = (by(at::RISK_EVENT_DATE_TIME), by(at::CREATED_DATE_TIME));
    if filter.is_none() && (order_by.is_empty() || by_creation) {
        let path = if by_creation { Path::Creation } else { Path::Keys };
        return Ok(Plan { path, order_by, is_long: false });
    }
    // One level or status, in the order of its index, and nothing else to ask: no need to know how many.
    let only = |position| {
        let told =
            |part: &&Expression| is_about(part, position) || !Bounds::of(part, at::RISK_EVENT_DATE_TIME).is_open();
        by_time && limit.is_some() && parts.iter().all(told)
    };
    match (&levels, &statuses) {
        (Some(levels), None) if only(at::RISK_LEVEL) => {
            return Ok(Plan { path: Path::Levels(levels.clone()), order_by, is_long: false });
        }
        (None, Some(statuses)) if only(at::RISK_EVENT_STATUS) => {
            return Ok(Plan { path: Path::Statuses(statuses.clone()), order_by, is_long: false });
        }
        _ => {}
    }
    let kept = Kept::read(db, tenant)?;
    let of_levels = kept.sum(levels.as_deref(), None);
    let of_statuses = kept.sum(None, statuses.as_deref());
    let (path, looked_at) = if by_creation && (created || of_levels.min(of_statuses) > FEW) {
        (Path::Creation, kept.all)
    } else if let Some(statuses) = statuses.clone().filter(|_| levels.is_none() || of_statuses < of_levels) {
        (Path::Statuses(statuses), of_statuses)
    } else if let Some(levels) = levels.clone() {
        (Path::Levels(levels), of_levels)
    } else if timed || by_time {
        (Path::Levels((0..).map_while(RiskLevel::from_value).map(|level| level as i64).collect()), kept.all)
    } else if created {
        (Path::Creation, kept.all)
    } else {
        (Path::Keys, kept.all)
    };
    // What the index of the way does not tell is asked of each row.
    let told = |part: &Expression| {
        let ranges = |position| !Bounds::of(part, position).is_open();
        match &path {
            Path::Levels(_) => is_about(part, at::RISK_LEVEL) || ranges(at::RISK_EVENT_DATE_TIME),
            Path::Statuses(_) => is_about(part, at::RISK_EVENT_STATUS) || ranges(at::RISK_EVENT_DATE_TIME),
            Path::Creation => ranges(at::CREATED_DATE_TIME),
            _ => false,
        }
    };
    let by_kept = |part: &Expression| is_about(part, at::RISK_LEVEL) || is_about(part, at::RISK_EVENT_STATUS);
    let rest: Vec<_> = parts.into_iter().filter(|part| !told(part)).collect();
    let in_order = match &path {
        Path::Levels(_) | Path::Statuses(_) => by_time,
        Path::Creation => by_creation,
        _ => order_by.is_empty(),
    };
    let is_long = match limit {
        // One after another until the page is full.
        Some(_) if in_order && rest.is_empty() => false,
        Some(limit) if in_order && rest.iter().all(|part| by_kept(part)) && !timed && !created => {
            let found = kept.sum(levels.as_deref(), statuses.as_deref()).max(1);
            looked_at.saturating_mul(limit) / found > LONG
        }
        _ => looked_at > LONG,
    };
    Ok(Plan { path, order_by, is_long })
}

/// Events by level and status, as they are kept.
struct Kept {
    of: Vec<(RiskLevel, RiskEventStatus, u64)>,
    all: u64,
}

impl Kept {
    fn read(db: &Connection, tenant: TenantKey) -> Result<Self, StoreError> {
        let events = totals(db, tenant)?.into_iter().filter_map(|(total, count)| match total {
            Total::Events(_, level, status) => Some((level, status, count)),
            Total::Users | Total::RiskyUsers(..) => None,
        });
        let of: Vec<_> = events.collect();
        Ok(Self { all: of.iter().map(|(.., count)| count).sum(), of })
    }

    /// The events at one of these levels and in one of these statuses.
    fn sum(&self, levels: Option<&[i64]>, statuses: Option<&[i64]>) -> u64 {
        let within = |(level, status, _): &&(RiskLevel, RiskEventStatus, u64)| {
            levels.is_none_or(|levels| levels.contains(&(*level as i64)))
                && statuses.is_none_or(|statuses| statuses.contains(&(*status as i64)))
        };
        self.of.iter().filter(within).map(|(.., count)| count).sum()
    }
}

/// The keys of events with these ids; those that exist.
fn keys_of(db: &Connection, tenant: TenantKey, ids: &[Box<str>]) -> Result<Vec<i64>, StoreError> {
    let read = engine("finding events by their ids");
    let mut found = Vec::new();
    for id in ids.iter().filter_map(|id| id.parse::<EntityId>().ok()) {
        found.extend(id.change_number().map(|number| key(tenant, number)));
        let mut statement = db
            .prepare_cached("SELECT key FROM risk_events WHERE tenant = ?1 AND id = ?2 AND named = 1")
            .map_err(&read)?;
        found.extend(
            statement
                .query_row(params![tenant.0, id.as_str()], |row| row.get::<_, i64>(0))
                .optional()
                .map_err(&read)?,
        );
    }
    Ok(found)
}
