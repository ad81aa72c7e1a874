//! The HTTP surface, request by request, through the router over a real store.

mod access;
mod batch;
mod batch_groups;
mod batch_multipart;
mod batch_order;
mod batch_properties;
mod bodies;
mod checks;
mod create;
mod create_refused;
mod envelope;
mod events;
mod identity_events;
mod lists;
mod media;
mod oauth;
mod options;
mod paging;
mod paths;
mod queries;
mod references;
mod samples;
mod tenants;
mod users;
mod wire;
