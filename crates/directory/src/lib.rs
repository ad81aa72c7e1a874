//! Reads exports of directories as a stream of users.
//!
//! A directory cannot be asked by everyone who has its export, and every product exports in a form of its own.
//! Here each form is read into one neutral record, [`DirectoryUser`], entry by entry, whatever the size of
//! the file. Bytes come in through [`std::io::Read`]; the crate opens no file and no connection. Entries that a directory
//! answers over LDAP are taken by the rules of LDIF: [`Entries`].
//!
//! ```
//! use directory::{Format, Limits, read};
//!
//! let export = "upn,enabled,verifier\nanna@example.org,1,{SHA}at+xg6SiyUovktq1redipHiJpaE=\nben@example.org,maybe,\n";
//! let mut users = read(Format::Csv, "users.csv", export.as_bytes(), Limits::default())?;
//!
//! let anna = users.next().expect("two rows")?;
//! assert_eq!(anna.upn.as_deref(), Some("anna@example.org"));
//! assert_eq!(anna.verifiers.len(), 1);
//!
//! let ben = users.next().expect("two rows").err().expect("`maybe` is no truth value");
//! assert_eq!(
//!     ben.to_string(),
//!     "users.csv:3 (entry 2): enabled: found 5 characters, expected 1, 0, t, f, true or false"
//! );
//!
//! assert!(users.next().is_none());
//! assert_eq!((users.summary().entries, users.summary().users), (2, 1));
//! # Ok::<(), directory::EntryError>(())
//! ```
//!
//! # What is read
//!
//! | [`Format`] | what it is |
//! | --- | --- |
//! | [`Csv`](Format::Csv) | a table whose header names the columns, with `,` `;` or tab between them |
//! | [`Ldif`](Format::Ldif) | entries by RFC 2849, as `slapcat`, `ldapsearch` and `ldifde` write them |
//! | [`Pwdump`](Format::Pwdump) | `[DOMAIN\]user:rid:lm:nt:::`, as secretsdump, pwdump and DSInternals write it |
//! | [`HashcatNt`](Format::HashcatNt), [`JohnNt`](Format::JohnNt) | `user:nt` and `user:$NT$nt`, views of DSInternals |
//! | [`Keycloak`](Format::Keycloak) | a realm export, in one file or split into `realm-users-N.json` |
//! | [`DjangoCsv`](Format::DjangoCsv), [`DjangoJson`](Format::DjangoJson) | the table `auth_user`, or `dumpdata` as JSON or JSON lines |
//! | [`Scim`](Format::Scim) | a SCIM 2.0 list of users (RFC 7643, RFC 7644) |
//!
//! Two facts of an account decide how a finding is treated, and stay unknown where the source is silent:
//!
//! | [`Format`] | [`enabled`](DirectoryUser::enabled) | [`administrator`](DirectoryUser::administrator) |
//! | --- | --- | --- |
//! | `Csv` | column `enabled` | column `administrator` |
//! | `Ldif` | `userAccountControl`, `nsAccountLock`, `pwdAccountLockedTime` | `adminCount`; `memberOf` of Active Directory's groups of administrators says yes |
//! | `Pwdump` | secretsdump's `(status=..)` | RID 500 says yes |
//! | `HashcatNt`, `JohnNt` | | |
//! | `Keycloak` | `enabled` | the role `admin`, or `realm-admin` of the client `realm-management`, says yes |
//! | `DjangoCsv`, `DjangoJson` | `is_active` | `is_superuser` |
//! | `Scim` | `active` | a role called `administrator` or `admin` says yes |
//!
//! Text is UTF-8, or UTF-16 with a byte order mark. [`sniff`] tells from the first bytes which form a file has,
//! and why, and says what a file looks like that is none of them.
//!
//! # Never a silent zero
//!
//! An entry that cannot be read is an [`EntryError`] with file, line, what was found and what was expected, and
//! reading goes on behind it. What is left out on purpose (groups, machine accounts, password history, Kerberos keys,
//! columns that mean nothing here) is counted under its name in [`Summary`]. A file without any user is an
//! error, and so is one that ends early or says of itself that it is a part.
//!
//! # What a stranger can push
//!
//! [`Limits`] cap lines, entries, values, their number and the nesting of JSON. A reader holds one entry and
//! a buffer of 64 KiB; what is longer is read over and reported, not kept. Names of ignored columns are kept up
//! to [`Summary::IGNORED_NAMES`] of them.
//!
//! # Secrets
//!
//! A [`VerifierText`] has no `Debug` and no `Display`, and is wiped when it is dropped; so are the buffers that
//! lines and entries pass through. No error holds a value of the file, only its place and shape. What the crate
//! cannot wipe: the buffers of the [`Read`](std::io::Read) that it is given, and the JSON parser's scratch
//! buffer, which sees a string with escapes in it (a clear-text password of SCIM; Keycloak's are passed on raw).

mod buffer;
mod entries;
mod error;
mod format;
mod hashes;
mod input;
mod json;
mod ldif;
mod limits;
mod person;
mod sniff;
mod summary;
mod table;
mod user;
mod users;

pub use entries::{Entries, entry_id};
pub use error::{EntryError, Reason};
pub use format::{Format, UnknownFormat};
pub use limits::Limits;
pub use sniff::{Confidence, Sniffed, Unrecognised, sniff};
pub use summary::Summary;
pub use user::{DirectoryUser, Place, SamName, Unmarked, VerifierText};
pub use users::{Users, read};
