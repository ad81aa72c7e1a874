//! How many pairs may be handed in: of an app, and of a name.
