//! The names by which a leak may call a directory's user, and the index that finds the user by them.
//!
//! ```
//! use verify::identity::{Attribute, IndexBuilder, Normaliser, Rule, directory_keys};
//!
//! let normaliser = Normaliser::default();
//! let mut builder = IndexBuilder::new(7);
//! let names = [(Attribute::UserPrincipalName, "Jane@Contoso.test"), (Attribute::SamAccountName, "jdoe")];
//! for (key, attribute) in directory_keys(&normaliser, names, &["CONTOSO"]) {
//!     builder.add(&key, 42, attribute)?;
//! }
//! let index = builder.finish();
//!
//! let leaked = normaliser.normalise("jane+shop@contoso.test");
//! assert!(leaked.rules().contains(Rule::PlusTag));
//! let hit = index.lookup(leaked.text().as_bytes()).next().expect("Jane is found");
//! assert_eq!((hit.user, hit.attribute), (42, Attribute::UserPrincipalName));
//! assert!(hit.rules.contains(Rule::CaseFold));
//! assert_eq!(index.lookup(br"contoso\jdoe").count(), 1);
//! # Ok::<(), verify::identity::IndexError>(())
//! ```

mod index;
mod names;
mod normalise;
mod rule;

pub use index::{Hit, Hits, IdentityIndex, IndexBuilder, IndexError};
pub use names::{Attribute, directory_keys, each_directory_key};
pub use normalise::{ConfigError, Form, Key, Normaliser, NormaliserConfig, TagDomains};
pub use rule::{Rule, RuleSet};
