//! The HTTP surface, request by request, through the router over a real store.

mod create;
mod create_refused;
mod events;
mod identity_events;
mod lists;
mod options;
mod paging;
mod references;
mod samples;
