//! What model promises: bodies to drafts, decisions, and what follows from them.

mod bodies;
mod effects;
mod events;
mod repeats;
mod queries;
mod samples;
mod users;
mod wire;
