//! `spillwatch events`: the API's queries, changes, and files of events, on the store itself.

mod export;
mod import;
mod list;
pub(crate) mod places;
mod watch;

pub(crate) use export::{Destination, bar};

use crate::cli::{Events, Global};
use crate::error::Failure;
use crate::instance::Instance;
use model::edm;
use odata::expression::bound::{Expression, Node, OrderKey, PropertyPath, ValueType};

/// What identifies and describes an event, unless a query says which properties it wants.
const USUAL: [usize; 6] = [
    edm::event::RISK_EVENT_DATE_TIME,
    edm::event::RISK_LEVEL,
    edm::event::RISK_EVENT_STATUS,
    edm::event::USER_PRINCIPAL_NAME,
    edm::event::USER_DISPLAY_NAME,
    edm::event::ID,
];

/// Carries out what is asked for.
pub async fn run(global: &Global, action: Events) -> Result<(), Failure> {
    let instance = Instance::open_mapped(global, 0).await?;
    let done = match action {
        Events::List(options) => list::run(global, &instance, options).await,
        Events::Watch(options) => watch::run(global, &instance, options).await,
        Events::Export(options) => export::run(&instance, options).await,
        Events::Import(options) => import::run(global, &instance, options).await,
        Events::Places(options) => places::run(global, &instance, options).await,
    };
    instance.service.store().close().await;
    done
}

/// The order in which events were created.
fn oldest_first() -> Vec<OrderKey> {
    let path = PropertyPath::find(&edm::IDENTITY_RISK_EVENT, "createdDateTime").expect("a property of the model");
    let expression = Expression { node: Node::Property(path), ty: ValueType::DateTimeOffset };
    vec![OrderKey { expression, descending: false }]
}
