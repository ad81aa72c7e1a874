//! What model promises: bodies to drafts, decisions, and what follows from them.

mod bodies;
mod effects;
mod events;
mod evidence;
mod jobs;
mod queries;
mod repeats;
mod risk;
mod samples;
mod users;
mod wire;
