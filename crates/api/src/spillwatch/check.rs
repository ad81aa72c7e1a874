//! `POST /spillwatch/check`: pairs are taken in, kept sealed, and answered for before any user is looked up. Whether one of
//! them is current is told to nobody here, by no status, time or count: it becomes a risk event, or nothing.

use super::Ask;
use super::acts::accepted;
use super::answer::AREA;
use super::pairs::{Asked, read};
use super::shown::refused;
use crate::body::{is_heavy, offload};
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::StatusCode;
use bytes::Bytes;
use service::jobs::Brake;
use store::BoxFuture;
use zeroize::Zeroize as _;

/// Takes pairs in.
pub(super) fn run(mut ask: Ask<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        ask.vault()?;
        let body = std::mem::take(&mut ask.body);
        let Asked { source, leaked, pairs } = offload(is_heavy(&body), move || read_and_wipe(body)).await?;
        let (app, caller) = (ask.app, ask.caller);
        let names = pairs.iter().map(|pair| pair.name.as_str());
        app.check_limits.admit(caller, names, app.service.clock().now())?;
        let about = (&*source, leaked, Brake::default());
        let job = app.service.hand_in(caller, ask.vault()?, about, pairs).await;
        let job = job.map_err(|error| refused(&ask, error))?;
        app.work.notify_one();
        accepted(&ask, &job).await
    })
}

fn read_and_wipe(body: Bytes) -> Result<Asked, ApiError> {
    let asked = read(&body);
    // Where it is nobody else's: what the connection still holds of it is overwritten by what comes next.
    if let Ok(mut body) = body.try_into_mut() {
        body[..].zeroize();
    }
    match asked {
        Ok(Ok(asked)) => Ok(asked),
        Ok(Err(faults)) => Err(ApiError::from_faults(AREA, &faults)),
        Err(error) => {
            let message = format!("the body is not JSON: {error}");
            Err(ApiError::new(StatusCode::BAD_REQUEST, "BadRequest", message))
        }
    }
}
