//! What `verify` promises, shown through its public functions.

mod clear_text;
mod hostile;
mod made;
mod published;
mod refused;
mod vectors;
