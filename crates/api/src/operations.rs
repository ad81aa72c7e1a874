//! One file per operation: it translates a call into one of the service's operations, and the
//! outcome into an answer.

pub mod batch;
mod contained;
pub mod count;
pub mod create_event;
pub mod create_user;
pub mod delete;
pub mod delta;
pub mod evidence;
pub mod history;
pub mod impacted_user;
pub mod list;
pub mod metadata;
pub mod options;
pub mod property;
pub mod read;
pub mod reference;
pub mod service_document;
pub mod update;
pub mod verdict;
