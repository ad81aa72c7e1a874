//! Answers one question of leak detection: is this leaked pair of name and password a user's current one?
//!
//! The crate has two halves that know nothing of each other, and nothing of files, networks or databases:
//! texts and bytes come in, keys and verdicts go out.
//!
//! # Names: [`identity`]
//!
//! A leak names a user by whatever a web site asked for: the sign-in name, any of several addresses, an
//! address with a tag, a name with or without the domain. [`identity::directory_keys`] gives every such key
//! of a directory's user, [`identity::Normaliser`] brings a leaked name and a directory's into one spelling,
//! and [`identity::IdentityIndex`] finds the users that bear a key. Each step that made two spellings equal
//! is an [`identity::Rule`], so that a finding can say which attribute matched and by which rules: those of
//! the leaked name's key and those of the hit together.
//!
//! # Passwords: [`verifier`]
//!
//! [`verifier::Verifier::parse`] reads what a directory or an application stores in place of a password, and
//! [`verifier::Verifier::check`] tells whether a candidate is the password. These texts are read:
//!
//! | writer | text |
//! | --- | --- |
//! | Active Directory, Samba | `{NT}HEX` (also `{NTLM}`, `{NTHASH}`), `$NT$HEX`, `$3$$HEX` |
//! | LDAP servers (RFC 2307) | `{MD5} {SMD5} {SHA} {SSHA} {SHA256} .. {SSHA512}`, as base64 or hex, `{CRYPT}`, `{PBKDF2..}`, `{ARGON2}`, `{BCRYPT}`; Dovecot's and Spring's names for the same; 389 Directory Server's `{PBKDF2_SHA256}`; Atlassian's `{PKCS5S2}` |
//! | crypt(3) | `$1$`, `$apr1$`, `$5$`, `$6$`, `$y$`, `$7$`, `$2a$`, `$2b$`, `$2x$`, `$2y$` |
//! | PHC, passlib | `$argon2i$`, `$argon2d$`, `$argon2id$`, `$scrypt$`, `$pbkdf2$`, `$pbkdf2-sha256$`, `$pbkdf2-sha512$` |
//! | Keycloak | the JSON of a credential, also in its form before version 8 |
//! | Django | `pbkdf2_sha256$`, `pbkdf2_sha1$`, `argon2$`, `bcrypt$`, `bcrypt_sha256$`, `scrypt$`, `md5$`, `sha1$` |
//! | Werkzeug | `pbkdf2:sha256:N$`, `scrypt:N:r:p$` |
//! | ASP.NET Identity | base64 of versions 2 and 3 |
//! | phpass, WordPress | `$P$`, `$H$`, `$wp$2y$` |
//! | PostgreSQL | `SCRAM-SHA-256$` |
//!
//! A text of another scheme is an error that carries the scheme's name and no byte of the value, so that it
//! can be counted and reported. A bare digest is never guessed: 32 hexadecimal digits may be MD5 or NTLM. A
//! password in clear text is refused, or on demand derived into argon2id and dropped
//! ([`verifier::Verifier::parse_or_derive`]).
//!
//! # What a stranger can push
//!
//! A verifier's parameters come from a file. [`verifier::Limits`] cap memory, work and lengths before
//! anything is allocated or derived; a text over a cap is a named error. [`verifier::Verifier::cost`] tells
//! what a check takes, so that a queue can hold permits for memory and put quick verifiers first. The index
//! is hashed with a seed, so that prepared names cannot pile up in one bucket.
//!
//! # Secrets
//!
//! Verifiers have no `Display`, their `Debug` shows the scheme only, their buffers are wiped when dropped and
//! comparison takes the same time wherever the difference is. Candidates are borrowed and never kept. What
//! the crate cannot wipe: the working memory of bcrypt, scrypt and yescrypt inside their crates, and the JSON
//! parser's scratch buffer, which sees Keycloak's digests.

pub mod identity;
pub mod verifier;
