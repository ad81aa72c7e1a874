//! Reading the one entity that a path names.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use model::User;
use odata::encode::{Cell, CellError, Row};
use service::{Listed, ServiceError};
use store::Carried;

impl Call<'_> {
    /// Answers what `answer` makes of the entity that the key names; 404 when there is none.
    pub(crate) async fn with_entity(
        &self,
        carried: Carried,
        answer: impl Fn(&dyn Row) -> Result<Reply, ApiError> + Send + Sync,
    ) -> Result<Reply, ApiError> {
        let (service, key) = (&self.app.service, self.key());
        let mut reply = None;
        let mut sink = |row: &dyn Row| -> Result<(), CellError> {
            reply = Some(answer(row));
            Ok(())
        };
        let id = key.text();
        let (found, missing): (_, fn(String) -> ServiceError) = match self.listed() {
            Listed::Users => {
                let user = service.user(self.caller, key).await.map_err(|error| self.failure(error))?;
                return answer(&user);
            }
            Listed::RiskyUsers => {
                let user = service.risky_user(self.caller, id).await.map_err(|error| self.failure(error))?;
                return answer(&user);
            }
            Listed::Events(events) => {
                (service.event(self.caller, events, id, carried, &mut sink).await, ServiceError::NoSuchEvent)
            }
            Listed::Detections => (service.detection(self.caller, id, &mut sink).await, ServiceError::NoSuchDetection),
        };
        found.map_err(|error| self.failure(error))?;
        reply.unwrap_or_else(|| Err(self.failure(missing(id.to_owned()))))
    }

    /// The user that the event's `impactedUser` leads to; 404 when the event has none, or the directory
    /// no longer knows them.
    pub(crate) async fn impacted_user(&self) -> Result<User, ApiError> {
        let user = self.app.service.impacted_user(self.caller, self.events(), self.key().text()).await;
        user.map_err(|error| self.failure(error))
    }
}

/// The id of an entity.
pub(crate) fn id_of(row: &dyn Row) -> Result<&str, CellError> {
    let (position, id) = row.entity_type().property("id").expect("every type of the model has an id");
    match row.cell(position) {
        Cell::Text(text) => Ok(text),
        _ => Err(CellError { property: id.name, expected: id.ty }),
    }
}
