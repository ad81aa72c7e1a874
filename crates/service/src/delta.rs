//! Delta: what has changed in a set, told from the change log to readers who come back.
//!
//! A first round shows the set itself. It keeps the place where the log ended when it began, and the next
//! round goes on from there, so whatever happens meanwhile is told after it, however pages and writers come
//! upon each other. From then on a page takes a portion of the log, puts the entries of each entity
//! together, and tells the entity as it is now.
//!
//! As it is now may be later than the entries that it is told for; the rest of the log then tells it again.
//! So a reader who takes over each item in turn ends with the set as it is. Nothing is told twice in one
//! page. The rows and the log need not be of one moment: it is enough that the log's end is read before
//! the rows of the first page, and after the rows of every page, which gives [`DeltaToken::shown`].

use crate::delta_token::{DeltaToken, Reading};
use crate::identity_protection::DETECTION;
use crate::{Listed, Page, Service, ServiceError};
use model::edm::{self, event as event_at};
use model::{Caller, ChangeKind, ChangedSet, DetectionId, DetectionRow, TenantKey, Ticks, detection_bits};
use odata::edm::EntityType;
use odata::encode::{Cell, CellError, Row};
use odata::expression::bound::{Expression, Literal, Node, PropertyPath, ValueType};
use std::collections::{HashMap, HashSet};
use store::plan::Bounds;
use store::{Carried, ChangeRecord, LogPlace, Projection, StoreError};

/// How long a token holds.
const KEPT_DAYS: i64 = 7;
/// Entries of the log that are read at first, which is short, and then at a time.
const FIRST: u32 = 250;
const FURTHER: u32 = 1_000;
/// The most entries that are looked through for one page.
const MOST: u32 = 10_000;
/// Entities that are looked up at once: stores find so many by their ids.
const AT_ONCE: usize = 100;
/// The position of `id` in every type.
const ID: usize = model::edm::event::ID;

/// What a reader wants to be told of.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Which entities. It follows no relation, since a change behind one is no change of the entity.
    pub filter: Option<Expression>,
    /// The properties whose changes are told, a bit for each position; all without it.
    pub selected: Option<u64>,
    /// The most items on a page; at least 1.
    pub limit: u32,
    /// What rows carry.
    pub carried: Carried,
}

/// An item of a delta.
pub enum Change<'r> {
    /// An entity as it is now.
    Entity {
        /// Its row.
        row: &'r dyn Row,
        /// The properties that have changed, a bit for each position; `None` when the reader may not have
        /// the others.
        changed: Option<u64>,
        /// Whether it is told for the first time: it came into being since, or is one of the set's as it
        /// was in the beginning.
        created: bool,
    },
    /// An entity that the reader must forget.
    Removed {
        /// Its id.
        id: &'r str,
        /// Why.
        why: Removal,
    },
}

/// Why an entity is not among those that a reader wants any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Deleted,
    /// It has changed so that the filter does not keep it.
    Changed,
}

/// Takes items as they are found; an error ends the reading.
pub type ChangeSink<'s> = dyn FnMut(Change<'_>) -> Result<(), CellError> + Send + 's;

/// What a page has come to.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Where the reader goes on.
    pub token: DeltaToken,
    /// Whether nothing is left to tell for now.
    pub is_end: bool,
}

/// A delta was not told.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    /// The reader has been away for too long.
    #[error("the token is older than {KEPT_DAYS} days")]
    Expired,
    /// The log is not the one that the token was made of: a backup took its place.
    #[error("the change log is another one than that of the token, as after a backup was restored")]
    Lost,
    /// The operation failed.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for DeltaError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Service {
    /// Begins to follow a set: with the entities that are there, or, if only the `latest` changes are of
    /// interest, with those that come. `now` is the time that the query was read at.
    pub async fn begin_delta(
        &self,
        caller: &Caller,
        query: &str,
        now: Ticks,
        latest: bool,
    ) -> Result<DeltaToken, ServiceError> {
        let told = self.store.log_end(caller.tenant).await?;
        let reading = if latest { Reading::Log } else { Reading::Set(None) };
        Ok(DeltaToken { query: query.into(), now, current: now, told, shown: told.sequence, reading })
    }

    /// Begins to follow a set at the beginning of the change log: all that ever
    /// happened is told, portion by portion, but each entity as it is now, and what is gone by then not at all.
    pub fn begin_log(&self) -> DeltaToken {
        let (now, told) = (self.clock.now(), LogPlace::default());
        DeltaToken { query: "".into(), now, current: now, told, shown: told.sequence, reading: Reading::Log }
    }

    /// Tells the sink of a page, from where a token says.
    pub async fn delta(
        &self,
        caller: &Caller,
        listed: Listed,
        watch: &Watch,
        token: DeltaToken,
        sink: &mut ChangeSink<'_>,
    ) -> Result<Progress, DeltaError> {
        if token.current.plus_seconds(KEPT_DAYS * 86_400) < self.clock.now() {
            return Err(DeltaError::Expired);
        }
        match &token.reading {
            Reading::Log => self.tell_log(caller, listed, watch, token, sink).await,
            Reading::Set(after) => {
                let page = Page {
                    filter: watch.filter.clone(),
                    order_by: Vec::new(),
                    after: after.clone(),
                    skip: 0,
                    limit: watch.limit,
                    carried: watch.carried,
                };
                let mut tell = |row: &dyn Row| sink(Change::Entity { row, changed: None, created: true });
                let next = self.list(caller, listed, page, &mut tell).await?;
                let is_end = next.is_none();
                let reading = next.map_or(Reading::Log, |place| Reading::Set(Some(place)));
                let shown = self.store.log_end(caller.tenant).await?.sequence;
                Ok(Progress { token: DeltaToken { shown, reading, ..token }, is_end })
            }
        }
    }

    async fn tell_log(
        &self,
        caller: &Caller,
        listed: Listed,
        watch: &Watch,
        mut token: DeltaToken,
        sink: &mut ChangeSink<'_>,
    ) -> Result<Progress, DeltaError> {
        let filter = match &watch.filter {
            Some(filter) if listed.is_detections() => Some(self.filter_of_events(caller, filter).await?),
            filter => filter.clone(),
        };
        let wanted = Wanted::new(listed, watch, filter);
        let mut left = MOST;
        loop {
            let now = self.clock.now(); // before the log is read: what comes later is later
            let portion = self.gather(caller.tenant, &wanted, watch.limit, &token, &mut left).await?;
            let count = self.tell(caller, listed, watch, &wanted, portion.entities, sink).await?;
            token.shown = token.shown.max(self.store.log_end(caller.tenant).await?.sequence);
            token.told = portion.end;
            token.current = if portion.is_end { now } else { token.current.max(portion.end.time) };
            // Clients take an empty page for the last one (graph.md, section 8.5), so it is avoided.
            if portion.is_end || count > 0 || left == 0 {
                return Ok(Progress { token, is_end: portion.is_end });
            }
        }
    }

    /// Takes a portion of the log: as many entries as are about `most` entities.
    async fn gather(
        &self,
        tenant: TenantKey,
        wanted: &Wanted,
        most: u32,
        token: &DeltaToken,
        left: &mut u32,
    ) -> Result<Portion, DeltaError> {
        let mut portion = Portion { entities: Entities::default(), end: token.told, is_end: false };
        loop {
            let limit = (if *left == MOST { FIRST } else { FURTHER }).min(*left);
            let records = self.entries_after(tenant, portion.end, limit).await?;
            *left -= limit;
            portion.is_end = records.len() < limit as usize;
            for record in &records {
                let is_new = record.sequence > token.shown;
                if wanted.news(record).is_some_and(|news| !portion.entities.note(news, most, is_new)) {
                    return Ok(Portion { is_end: false, ..portion });
                }
                portion.end = record.into();
            }
            if portion.is_end || *left == 0 {
                return Ok(portion);
            }
        }
    }

    /// Up to `limit` entries after a place, when it is one of this log.
    async fn entries_after(
        &self,
        tenant: TenantKey,
        place: LogPlace,
        limit: u32,
    ) -> Result<Vec<ChangeRecord>, DeltaError> {
        let Some(before) = place.sequence.checked_sub(1) else {
            return Ok(self.store.changes(tenant, 0, limit).await?);
        };
        let mut records = self.store.changes(tenant, before, limit + 1).await?;
        match records.first() {
            Some(at) if LogPlace::from(at) == place => drop(records.remove(0)),
            _ => return Err(DeltaError::Lost),
        }
        Ok(records)
    }

    /// Tells of entities, and counts the items.
    async fn tell(
        &self,
        caller: &Caller,
        listed: Listed,
        watch: &Watch,
        wanted: &Wanted,
        mut entities: Entities,
        sink: &mut ChangeSink<'_>,
    ) -> Result<usize, DeltaError> {
        let mut count = 0;
        for start in (0..entities.list.len()).step_by(AT_ONCE) {
            let some = &entities.list[start..entities.list.len().min(start + AT_ONCE)];
            let ty = if listed.is_detections() { &edm::IDENTITY_RISK_EVENT } else { listed.set().entity_type };
            let ids = are_among(ty, some.iter().map(|entity| &*entity.id));
            let filter = match &wanted.filter {
                None => ids,
                Some(filter) => condition(Node::And(vec![ids, filter.clone()])),
            };
            let page = Page {
                filter: Some(filter),
                order_by: Vec::new(),
                after: None,
                skip: 0,
                limit: some.len() as u32,
                carried: match listed {
                    Listed::Detections => DETECTION,
                    _ => Carried { projection: Projection::Properties, ..watch.carried }, // with its id
                },
            };
            let mut tell = |row: &dyn Row| {
                let Some(entity) = entities.of(row) else { return Ok(()) };
                entity.is_wanted = true;
                count += 1;
                let (changed, created) = (entity.changed_only(wanted.reads), entity.was_created);
                match listed {
                    Listed::Detections => {
                        let changed = changed.map(detection_positions);
                        sink(Change::Entity { row: &DetectionRow::of(row)?, changed, created })
                    }
                    _ => sink(Change::Entity { row, changed, created }),
                }
            };
            self.rows(caller, listed, page, &mut tell).await?;
        }
        for entity in entities.list.iter().filter(|entity| !entity.is_wanted) {
            if let Some(why) = entity.removal(wanted.reads) {
                count += 1;
                let detection = listed.is_detections().then(|| DetectionId::of(&entity.id).text());
                let id = detection.as_ref().map_or(&*entity.id, |text| text.as_str());
                sink(Change::Removed { id, why }).map_err(StoreError::from)?;
            }
        }
        Ok(count)
    }
}

/// Which entries of the log matter to a reader.
struct Wanted {
    listed: Listed,
    /// The filter, on rows as the store has them.
    filter: Option<Expression>,
    /// Ids of which the filter wants one, when it says so.
    ids: Option<HashSet<Box<str>>>,
    /// The properties that the filter looks at: a change of others makes no entity fit or cease to fit.
    reads: u64,
    /// The properties whose changes are told or looked at.
    of_interest: u64,
}

impl Wanted {
    fn new(listed: Listed, watch: &Watch, filter: Option<Expression>) -> Self {
        let text = |literal| match literal {
            Literal::Text(text) => Some(text),
            _ => None, // no id is null
        };
        let ids = filter.as_ref().and_then(|filter| Bounds::of(filter, ID).equal);
        let ids = ids.map(|ids| ids.into_iter().filter_map(text).collect());
        let reads = filter.as_ref().map_or(0, |filter| {
            let read = properties_read(filter);
            if listed.is_detections() { bits_below(read) } else { read }
        });
        let selected = watch.selected.map(|selected| match listed {
            Listed::Detections => positions_of(selected).fold(0, |bits, position| bits | detection_bits(position)),
            _ => selected,
        });
        Self { listed, filter, ids, reads, of_interest: selected.map_or(u64::MAX, |selected| selected | reads) }
    }

    /// What an entry says of an entity of the set; `None` when it is about none that is wanted.
    fn news<'r>(&self, record: &'r ChangeRecord) -> Option<News<'r>> {
        let entry = &record.entry;
        let of_set =
            |set| (entry.set == set).then_some(News { id: &entry.id, kind: entry.kind, bits: entry.properties });
        let news = match self.listed {
            Listed::Events(_) | Listed::Detections => of_set(ChangedSet::RiskEvents),
            Listed::Users => of_set(ChangedSet::Users),
            // Whatever it is about: it says which user at risk it changed. Nobody ceases to be listed.
            Listed::RiskyUsers => {
                let changed = |id| News { id, kind: ChangeKind::Updated, bits: u64::MAX };
                record.risky_user.as_deref().map(changed)
            }
        };
        news.filter(|news| {
            self.ids.as_ref().is_none_or(|ids| ids.contains(news.id))
                && (news.kind != ChangeKind::Updated || news.bits & self.of_interest != 0)
        })
    }
}

/// What an entry of the log says of an entity.
#[derive(Clone, Copy)]
struct News<'r> {
    id: &'r str,
    kind: ChangeKind,
    /// Which properties.
    bits: u64,
}

/// The positions that bits stand for.
fn positions_of(bits: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |position| bits >> position & 1 == 1)
}

/// The properties of an event that the log names where a filter reads what stores work out of them.
fn bits_below(read: u64) -> u64 {
    let below = |position| match position {
        event_at::LAST_UPDATED_DATE_TIME => u64::MAX,
        event_at::RISK_STATE => 1 << event_at::RISK_EVENT_STATUS | 1 << event_at::RISK_DETAIL,
        event_at::DETECTION_ID => 1 << event_at::ID,
        event_at::DETECTION_TYPE | event_at::DETECTION_RISK_TYPE => 1 << event_at::RISK_EVENT_TYPE,
        position => 1 << position,
    };
    positions_of(read).fold(0, |bits, position| bits | below(position))
}

/// The properties of a detection that show what has changed of its event.
fn detection_positions(changed: u64) -> u64 {
    let shows = |position: &usize| detection_bits(*position) & changed != 0;
    (0..model::edm::RISK_DETECTION.property_count()).filter(shows).fold(0, |bits, position| bits | 1 << position)
}

/// The row's own properties in an expression, a bit for each position.
fn properties_read(expression: &Expression) -> u64 {
    let mut read = 0;
    expression.visit(&mut |part| {
        if let Node::Property(path) | Node::Any(path, _) | Node::All(path, _) = &part.node
            && path.navigation.is_empty()
        {
            read |= 1 << path.position;
        }
    });
    read
}

/// A stretch of the log.
struct Portion {
    entities: Entities,
    end: LogPlace,
    /// Whether the log ends here.
    is_end: bool,
}

/// The entities that entries are about, in the order of their first entries.
#[derive(Default)]
struct Entities {
    list: Vec<Entity>,
    places: HashMap<Box<str>, usize>,
}

/// What a portion says of an entity.
#[expect(clippy::struct_excessive_bools, reason = "each is told by entries of its own")]
struct Entity {
    id: Box<str>,
    /// It came into being after everything that the reader may have seen.
    is_new: bool,
    was_created: bool,
    was_deleted: bool,
    changed: u64,
    /// The set and the filter have it now.
    is_wanted: bool,
}

impl Entities {
    /// Adds news to what is known of the entity; `false` when that would be one entity too many.
    fn note(&mut self, news: News<'_>, most: u32, is_unseen: bool) -> bool {
        let place = match self.places.get(news.id) {
            Some(place) => *place,
            None if self.list.len() >= most as usize => return false,
            None => {
                let is_new = news.kind == ChangeKind::Created && is_unseen;
                let id: Box<str> = news.id.into();
                self.places.insert(id.clone(), self.list.len());
                self.list.push(Entity {
                    id,
                    is_new,
                    was_created: false,
                    was_deleted: false,
                    changed: 0,
                    is_wanted: false,
                });
                self.list.len() - 1
            }
        };
        let entity = &mut self.list[place];
        entity.was_created |= news.kind == ChangeKind::Created;
        entity.was_deleted |= news.kind == ChangeKind::Deleted;
        entity.changed |= news.bits;
        true
    }

    fn of(&mut self, row: &dyn Row) -> Option<&mut Entity> {
        let Cell::Text(id) = row.cell(ID) else { return None };
        let place = *self.places.get(id)?;
        self.list.get_mut(place)
    }
}

impl Entity {
    /// What is enough to tell; `None` when the reader may not have the entity, or another one of this id.
    fn changed_only(&self, reads: u64) -> Option<u64> {
        (!self.was_deleted && self.changed & reads == 0).then_some(self.changed)
    }

    /// Whether the reader, who may have the entity, must be told that it is not wanted, and why. Where the
    /// portion does not say what took it away, a later entry does, or the reader never had it.
    fn removal(&self, reads: u64) -> Option<Removal> {
        if self.is_new {
            None
        } else if self.was_deleted {
            Some(Removal::Deleted)
        } else {
            (self.changed & reads != 0).then_some(Removal::Changed)
        }
    }
}

fn condition(node: Node) -> Expression {
    Expression { node, ty: ValueType::Boolean }
}

/// The condition that an entity has one of these ids.
fn are_among<'i>(ty: &'static EntityType, ids: impl Iterator<Item = &'i str>) -> Expression {
    let id = PropertyPath::find(ty, "id").expect("every entity has an id");
    let id = Expression { node: Node::Property(id), ty: ValueType::Text };
    condition(Node::In(id.into(), ids.map(|id| Literal::Text(id.into())).collect()))
}
