//! `GET` of one property: `/riskLevel`, `/riskLevel/$value`, `/businessPhones/$count`, also behind
//! `impactedUser` (OData protocol 4.01, sections 11.2.4 and 11.2.10).

use crate::call::Call;
use crate::entity::id_of;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::{StatusCode, header};
use model::edm;
use odata::edm::EntitySet;
use odata::encode::{Cell, CellError, Row, count_values, etag, write_integer, write_property, write_text};
use odata::expression::bound::PropertyPath;
use odata::path::{PropertyPart, Resource, encode_segment};
use store::{BoxFuture, Carried};

/// Answers the property of the entity, under the entity's ETag and conditions on it; 204 for null.
pub fn run(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = call.set();
        call.bind(set, call.app.service.clock().now())?; // `$format`
        let Resource::Property(_, _, path, part) = &call.resource else {
            unreachable!("the route table sends only properties here")
        };
        if path.navigation.is_empty() {
            call.with_entity(Carried::PROPERTIES, |row| answer(&call, set, row, path, *part)).await
        } else {
            answer(&call, &edm::USERS, &call.impacted_user().await?, path, *part)
        }
    })
}

fn answer(
    call: &Call<'_>,
    set: &EntitySet,
    row: &dyn Row,
    path: &PropertyPath,
    part: PropertyPart,
) -> Result<Reply, ApiError> {
    if let Some(reply) = call.unchanged(row.version())? {
        return Ok(reply);
    }
    let value = row.cell(path.position);
    let mut reply = match part {
        PropertyPart::Value | PropertyPart::Text if value == Cell::Null => Reply::new(StatusCode::NO_CONTENT),
        part => content(call, set, row, path, part).map_err(|error| ApiError::internal(&error))?,
    };
    reply.set(header::ETAG, etag(row.version()));
    Ok(reply)
}

fn content(
    call: &Call<'_>,
    set: &EntitySet,
    row: &dyn Row,
    path: &PropertyPath,
    part: PropertyPart,
) -> Result<Reply, CellError> {
    let (value, property) = (row.cell(path.position), path.property);
    let (told, mut body) = (call.preferences.enum_members(), Vec::new());
    Ok(match part {
        PropertyPart::Value => {
            // The canonical URL of the entity, whichever way it was asked for (OData protocol 4.01, section 10.13).
            let key = encode_segment(&id_of(row)?.replace('\'', "''"));
            let context = call.context(&format!("{}('{key}')/{}", set.name, property.name));
            write_property(value, property, told, call.media.metadata, &context, &mut body)?;
            call.odata_reply(StatusCode::OK, body)
        }
        PropertyPart::Text => {
            write_text(value, property, told, &mut body)?;
            Reply::text("text/plain;charset=utf-8", body)
        }
        PropertyPart::Count => {
            write_integer(count_values(value, property)?, &mut body);
            Reply::text("text/plain", body)
        }
    })
}
