//! `POST` of `riskyUsers/dismiss`, `confirmCompromised` and `confirmSafe` (graph.md, section 5.4).

use crate::call::Call;
use crate::error::ApiError;
use crate::routes::Write;
use model::{Command, Verdict, edm};
use odata::body::Parameters;
use odata::edm::Operation;
use odata::path::Resource;
use service::Plan;
use std::future::ready;
use store::BoxFuture;

/// Gives the verdict that the action's name says; all users or none.
pub const WRITE: Write = Write::without_content(prepare);

fn prepare<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
    Box::pin(ready(judge(call, plan)))
}

fn judge(call: &Call<'_>, plan: &Plan<'_>) -> Result<Command, ApiError> {
    let Resource::Action(_, action) = call.resource else { unreachable!("the route table sends only actions here") };
    let parameters = Parameters::read(&call.body, action, call.preferences.enum_members())
        .map_err(|error| ApiError::from_syntax(call.area, &error))?;
    plan.judge(verdict(action), parameters).map_err(|error| call.failure(error))
}

fn verdict(action: &Operation) -> Verdict {
    let all = [
        (edm::DISMISS, Verdict::Dismiss),
        (edm::CONFIRM_COMPROMISED, Verdict::ConfirmCompromised),
        (edm::CONFIRM_SAFE, Verdict::ConfirmSafe),
    ];
    let found = all.into_iter().find(|(known, _)| known.name == action.name);
    found.expect("the model declares no other action").1
}
