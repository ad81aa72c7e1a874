//! What `verify` promises, shown through its public functions.

mod clear_text;
mod hostile;
mod index;
mod made;
mod normalise;
mod published;
mod refused;
mod vectors;
