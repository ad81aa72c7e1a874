//! The evidence of risk events.

use crate::parts::asked;
use crate::{EventSet, Plan, Service, ServiceError};
use model::{Caller, Command, Evidence, NewEvidence, Refusal};
use odata::body::EntityBody;
use odata::expression::bound::{Expression, OrderKey};

impl Service {
    /// The evidence of an event: those items that a filter keeps, in an order, or in that in which they came. An
    /// event has few of them, so what is asked is worked out on the items themselves.
    pub async fn evidence(
        &self,
        caller: &Caller,
        set: EventSet,
        id: &str,
        filter: Option<&Expression>,
        order_by: &[OrderKey],
    ) -> Result<Vec<Evidence>, ServiceError> {
        let key = set.parse_key(id)?;
        let found = self.store.evidence(caller.tenant, &key).await?;
        Ok(asked(found.ok_or(Refusal::EventNotFound(key.id))?, filter, order_by))
    }
}

impl Plan<'_> {
    /// Adds evidence to an event, or to the item that tells of the same finding.
    pub fn add_evidence(&self, set: EventSet, id: &str, mut body: EntityBody) -> Result<Command, ServiceError> {
        let evidence = NewEvidence::from_body(&mut body);
        let evidence = body.faults.or(evidence).map_err(ServiceError::Invalid)?;
        let evidence = evidence.expect("what is missing is a fault");
        Ok(Command::AddEvidence { event: set.parse_key(id)?, evidence: Box::new(evidence) })
    }
}
