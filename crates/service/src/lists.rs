//! Reading sets: pages and counts of what a query keeps.

use crate::{EventSet, Service, ServiceError};
use model::{Caller, DetectionRow, Total, edm};
use odata::edm::EntitySet;
use odata::encode::Row;
use odata::expression::bound::{Expression, OrderKey};
use store::sql::Place;
use store::{Carried, PageQuery, RowSink, Source};

/// What is read: a set, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Events, as a set shows them.
    Events(EventSet),
    /// Users.
    Users,
    /// Every event, as a risk detection.
    Detections,
    /// Users at risk.
    RiskyUsers,
}

impl Listed {
    /// The set.
    pub fn set(self) -> &'static EntitySet {
        match self {
            Self::Events(set) => set.entity_set(),
            Self::Users => &edm::USERS,
            Self::Detections => &edm::RISK_DETECTIONS,
            Self::RiskyUsers => &edm::RISKY_USERS,
        }
    }

    pub(crate) fn source(self) -> Source {
        match self {
            Self::Events(set) => Source::Events(set.kind()),
            Self::Users => Source::Users,
            Self::Detections => Source::Events(None),
            Self::RiskyUsers => Source::RiskyUsers,
        }
    }
}

/// A page that is asked for.
#[derive(Clone, Debug)]
pub struct Page {
    /// Which rows.
    pub filter: Option<Expression>,
    /// In which order; none for the usual one.
    pub order_by: Vec<OrderKey>,
    /// Where it begins; at the start without it.
    pub after: Option<Place>,
    /// How many rows are passed over at the start.
    pub skip: u64,
    /// The most rows.
    pub limit: u32,
    /// What rows carry.
    pub carried: Carried,
}

impl Service {
    /// Hands a page to the sink; answers where the next page begins, when more rows follow.
    pub async fn list(
        &self,
        caller: &Caller,
        listed: Listed,
        page: Page,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Place>, ServiceError> {
        if listed.is_detections() {
            let page = self.page_of_events(caller, page).await?;
            let mut seen = |row: &dyn Row| sink.row(&DetectionRow::of(row)?);
            return self.rows(caller, listed, page, &mut seen).await;
        }
        self.rows(caller, listed, page, sink).await
    }

    /// The same, of rows as the store has them.
    pub(crate) async fn rows(
        &self,
        caller: &Caller,
        listed: Listed,
        page: Page,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Place>, ServiceError> {
        let Page { filter, order_by, after, skip, limit, carried } = page;
        let query = PageQuery { source: listed.source(), filter, order_by, after, skip, limit, carried };
        Ok(self.store.page(caller.tenant, query, sink).await?)
    }

    /// Counts the rows that a filter keeps: from kept totals where those tell, which they do for every
    /// condition on riskLevel and riskEventStatus.
    pub async fn count(
        &self,
        caller: &Caller,
        listed: Listed,
        filter: Option<Expression>,
    ) -> Result<u64, ServiceError> {
        let source = listed.source();
        let filter = match filter {
            Some(filter) if listed.is_detections() => Some(self.filter_of_events(caller, &filter).await?),
            filter => filter,
        };
        let kept = |totals: &[(Total, u64)]| match source {
            Source::Events(kind) => store::kept::count(filter.as_ref(), kind, totals),
            Source::Users if filter.is_none() => {
                Some(totals.iter().filter(|(total, _)| *total == Total::Users).map(|(_, count)| count).sum())
            }
            Source::Users => None,
            Source::RiskyUsers => store::kept::count_risky_users(filter.as_ref(), totals),
        };
        let totals = self.store.totals(caller.tenant).await?;
        match (kept(&totals), filter) {
            (Some(count), _) => Ok(count),
            (None, Some(filter)) => Ok(self.store.count(caller.tenant, source, filter).await?),
            (None, None) => Ok(0), // totals tell of everything that is not filtered
        }
    }
}
