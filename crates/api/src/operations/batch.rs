//! `POST /$batch`: up to 20 requests in one (graph.md, section 8.10; OData protocol 4.01, section
//! 11.7; OData JSON 4.01, section 19).
//!
//! What came, in either form, is read into an `item::Batch`: requests, and the units in
//! which they are carried out. `schedule` says which unit is begun when, `carry` carries it out,
//! `answer` writes what came of it in either form.

mod answer;
mod carry;
mod item;
mod json;
mod location;
mod mime;
mod multipart;
mod repeat;
mod schedule;

use crate::body::{is_heavy, is_multipart, offload};
use crate::call::Call;
use crate::error::ApiError;
use crate::negotiate::{Form, accept};
use crate::reply::Reply;
use axum::http::{HeaderValue, StatusCode, header};
use carry::Carrier;
use store::BoxFuture;

/// Carries out every request with the outer one's token. The outer status is 200 however they end.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (asked, other) =
            if is_multipart(call.headers) { (Form::Multipart, Form::Json) } else { (Form::Json, Form::Multipart) };
        let body = call.body.clone();
        let go_on = call.preferences.continue_on_error;
        let content_type = call.headers.get(header::CONTENT_TYPE).cloned();
        let batch = offload(is_heavy(&body), move || match asked {
            Form::Multipart => multipart::read(&body, content_type.as_ref(), go_on.unwrap_or(false)),
            _ => json::read(&body),
        })
        .await?;

        let carrier = Carrier { call: &call, batch: &batch };
        let after = batch.units.iter().map(|unit| unit.after.as_slice()).collect::<Vec<_>>();
        let results = schedule::run(&after, |at, results| carrier.start(at, results)).await;

        // As Accept asks; when it leaves the choice, in the form of the request.
        let mut reply = match accept(call.headers, asked).map_or(other, |_| asked) {
            Form::Multipart => {
                let boundary = format!("batchresponse_{}", call.ids.request_id);
                let mut reply = Reply::new(StatusCode::OK);
                reply.set(header::CONTENT_TYPE, format!("multipart/mixed; boundary={boundary}"));
                reply.headers.insert("odata-version", HeaderValue::from_static("4.0"));
                // Answers to a JSON batch stand side by side (OData protocol 4.01, section 11.7.7.6).
                reply.body = answer::multipart(&batch, &results, &boundary, asked == Form::Multipart).into();
                reply
            }
            _ => call.odata_reply(StatusCode::OK, answer::json(&batch, &results)),
        };
        if go_on == Some(true) {
            reply.applied("odata.continue-on-error");
        }
        Ok(reply)
    })
}
