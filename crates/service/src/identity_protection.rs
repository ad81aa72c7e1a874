//! Today's API: risk detections, which are risk events seen otherwise, and users at risk with their
//! history and the verdicts over them (graph.md, sections 5 and 6).

use crate::parts::asked;
use crate::{Listed, Page, Plan, Service, ServiceError};
use model::{
    Caller, Command, DetectedEvent, DetectionId, DetectionRow, DetectionView, HistoryRow, RiskyUser, Verdict, edm,
};
use odata::body::Parameters;
use odata::encode::Row;
use odata::expression::bound::{Expression, Literal, Node, OrderKey, PropertyPath, ValueType};
use odata::fault::{Fault, FaultKind};
use std::collections::HashSet;
use store::plan::Bounds;
use store::{Carried, HistoryRecord, Projection, RowSink};

/// What is read of an event to show its detection.
pub(crate) const DETECTION: Carried = Carried { projection: Projection::Risk, related: false };
/// The same where it is only written as stores keep it.
const WRITTEN: Carried = Carried { projection: Projection::Detection, related: false };

/// Items of a history that are looked at for one answer: the newest. More are reached by their links, which
/// lead from item to item.
const MOST_ITEMS: u32 = 10_000;

impl Service {
    /// Hands the detection with this id to the sink; `false` when there is none.
    pub async fn detection(&self, caller: &Caller, id: &str, sink: &mut dyn RowSink) -> Result<bool, ServiceError> {
        let Some(event) = self.event_of(caller, id).await? else { return Ok(false) };
        let key = model::EventKey { id: event, kind: None };
        let mut seen = |row: &dyn Row| sink.row(&DetectionRow::of(row)?);
        Ok(self.store.event(caller.tenant, &key, DETECTION, &mut seen).await?)
    }

    /// The id of the event that a detection is; whether the event is there is not looked at where the id
    /// tells it by itself.
    async fn event_of(&self, caller: &Caller, detection: &str) -> Result<Option<model::EntityId>, ServiceError> {
        match DetectionId::parse(detection).map(DetectionId::event) {
            None => Ok(None),
            Some(DetectedEvent::Id(id)) => Ok(Some(id)),
            Some(DetectedEvent::Kept(id)) => Ok(self.store.detected_event(caller.tenant, id).await?),
        }
    }

    /// A page of detections as one of events.
    pub(crate) async fn page_of_events(&self, caller: &Caller, page: Page) -> Result<Page, ServiceError> {
        let filter = match &page.filter {
            Some(filter) => Some(self.filter_of_events(caller, filter).await?),
            None => None,
        };
        let order_by = page.order_by.iter().map(|key| OrderKey {
            expression: key.expression.seen_through(&DetectionView),
            descending: key.descending,
        });
        let is_written = page.carried.projection == Projection::Members;
        let carried = if is_written { WRITTEN } else { DETECTION };
        Ok(Page { filter, order_by: order_by.collect(), carried, ..page })
    }

    /// A condition on detections as one on events. Where it names ids, those of the events are named too, for
    /// the store finds rows by them.
    pub(crate) async fn filter_of_events(
        &self,
        caller: &Caller,
        filter: &Expression,
    ) -> Result<Expression, ServiceError> {
        let seen = filter.seen_through(&DetectionView);
        let Some(ids) = Bounds::of(filter, edm::risk_detection::ID).equal else { return Ok(seen) };
        let mut events = Vec::with_capacity(ids.len());
        for id in ids {
            if let Literal::Text(id) = id
                && let Some(event) = self.event_of(caller, &id).await?
            {
                events.push(Literal::Text(event.as_str().into()));
            }
        }
        let condition = |node| Expression { node, ty: ValueType::Boolean };
        if events.is_empty() {
            return Ok(condition(Node::Literal(Literal::Boolean(false))));
        }
        let id = PropertyPath::find(&edm::IDENTITY_RISK_EVENT, "id").expect("every event has an id");
        let id = Expression { node: Node::Property(id), ty: ValueType::Text };
        Ok(condition(Node::And(vec![condition(Node::In(id.into(), events)), seen])))
    }

    /// The user at risk with this id.
    pub async fn risky_user(&self, caller: &Caller, id: &str) -> Result<RiskyUser, ServiceError> {
        let found = self.store.load_risky_user(caller.tenant, id).await?;
        found.ok_or_else(|| ServiceError::NoSuchRiskyUser(id.to_owned()))
    }

    /// The history of a user at risk, the newest first: of its items those that a filter keeps, in an order.
    /// Histories hang together by links from item to item, so no index serves a filter: it is worked out on
    /// the items themselves.
    pub async fn history(
        &self,
        caller: &Caller,
        id: &str,
        filter: Option<&Expression>,
        order_by: &[OrderKey],
    ) -> Result<Vec<HistoryRow>, ServiceError> {
        let user = self.risky_user(caller, id).await?;
        let records = self.store.history(caller.tenant, id, user.newest, MOST_ITEMS).await?;
        Ok(asked(rows_of(&user, records), filter, order_by))
    }
}

/// The rows of a history, with the names of their times: items tell only those that changed.
fn rows_of(user: &RiskyUser, records: Vec<HistoryRecord>) -> Vec<HistoryRow> {
    if records.is_empty() {
        return vec![HistoryRow::standing(user)];
    }
    let now = || (user.user_display_name.clone(), user.user_principal_name.clone());
    let mut names = now();
    let mut rows = Vec::with_capacity(records.len());
    for (at, record) in records.into_iter().enumerate().rev() {
        let HistoryRecord { sequence, time, actor, item } = record;
        names = item.names.clone().unwrap_or(names);
        let is_current = at == 0;
        let shown = if is_current { now() } else { names.clone() };
        rows.push(HistoryRow::new(user, (sequence, time), &actor, item, shown, is_current));
    }
    rows.reverse();
    rows
}

impl Plan<'_> {
    /// Gives a verdict over users: `userIds` of an action's parameters.
    pub fn judge(&self, verdict: Verdict, mut parameters: Parameters) -> Result<Command, ServiceError> {
        const NAME: &str = "userIds";
        let users = parameters.take_texts(NAME);
        let mut faults = parameters.faults;
        if users.as_ref().is_some_and(Vec::is_empty) {
            faults.push(Fault::new(FaultKind::InvalidValue, NAME, "`userIds` is empty; expected at least one id"));
        }
        faults.or(()).map_err(ServiceError::Invalid)?;
        let mut seen = HashSet::new();
        let users = users.unwrap_or_default().into_iter().filter(|id| seen.insert(id.clone())).collect();
        Ok(Command::Judge { verdict, users, chance: self.service.entropy.number() })
    }
}

impl Listed {
    /// Whether it shows events as detections.
    pub(crate) fn is_detections(self) -> bool {
        self == Self::Detections
    }
}
