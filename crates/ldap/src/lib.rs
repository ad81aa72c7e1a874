//! A directory over LDAP as users.
//!
//! An LDAP server does not say what has changed in it in a way that all servers share: Active Directory counts its writes
//! (`uSNChanged`), others note the time of the last write at each entry (`modifyTimestamp`), and none tells of entries that
//! are gone. So a sync is made of two parts. [`Directory::list`] reads the key and the mark of every entry, which is little
//! and tells who is gone; [`Directory::read`] reads what has changed since a [`Mark`], or everything, or entries by their
//! keys. What comes back are values of attributes, from which [`directory::Entries`] makes users as it does from LDIF.
//!
//! # Never a silent gap
//!
//! A list that may not be whole (a size limit, a time limit, a reference to another server) says so: nobody may be taken to
//! be gone after it. No error stands for an empty directory; a server without any entry that fits is an error.
//!
//! # Secrets
//!
//! Values of entries are wiped when they are dropped, and neither they nor the bind password have `Debug`. What is not
//! wiped are the buffers of the LDAP library, which copies what it parses. The library writes to the `log` crate, to which
//! Spillwatch listens not at all.
//!
//! Messages name the options of `spillwatch users sync`, since it is there that they are read.

mod connection;
mod entry;
mod error;
mod mark;
mod options;
mod server;
mod sync;
mod tls;

pub use connection::{PAGE, Pages};
pub use entry::RawEntry;
pub use error::Error;
pub use mark::Mark;
pub use options::{Address, AddressError, Bind, Options};
pub use server::Kind;
pub use sync::{Directory, Listing, Wanted};
