//! The schemes by their algorithm, and what a check of each costs.

macro_rules! schemes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// How a verifier is made from a password.
        ///
        /// It names the algorithm, not the product: a PBKDF2 key that Keycloak, Django or OpenLDAP wrote
        /// is [`Scheme::Pbkdf2Sha256`] in each case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Scheme {
            $($(#[$doc])* $variant,)*
        }

        impl Scheme {
            /// Every scheme that is supported.
            pub const ALL: &'static [Scheme] = &[$(Scheme::$variant,)*];

            /// Returns the name under which the scheme is counted and shown.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Scheme::$variant => $name,)*
                }
            }
        }
    };
}

schemes! {
    /// NTLM: MD4 over UTF-16LE.
    Nt = "nt",
    /// MD5 of the password.
    Md5 = "md5",
    /// MD5 of password, then salt (LDAP).
    SaltedMd5 = "smd5",
    /// MD5 of salt, then password (Django).
    Md5SaltFirst = "md5-salt-first",
    /// SHA-1 of the password.
    Sha1 = "sha1",
    /// SHA-1 of password, then salt (LDAP).
    SaltedSha1 = "ssha",
    /// SHA-1 of salt, then password (Django).
    Sha1SaltFirst = "sha1-salt-first",
    /// SHA-256 of the password.
    Sha256 = "sha256",
    /// SHA-256 of password, then salt (LDAP).
    SaltedSha256 = "ssha256",
    /// SHA-384 of the password.
    Sha384 = "sha384",
    /// SHA-384 of password, then salt (LDAP).
    SaltedSha384 = "ssha384",
    /// SHA-512 of the password.
    Sha512 = "sha512",
    /// SHA-512 of password, then salt (LDAP).
    SaltedSha512 = "ssha512",
    /// crypt(3) `$1$`.
    Md5Crypt = "md5-crypt",
    /// Apache's variant of it, `$apr1$`.
    Apr1 = "apr1",
    /// crypt(3) `$5$`.
    Sha256Crypt = "sha256-crypt",
    /// crypt(3) `$6$`.
    Sha512Crypt = "sha512-crypt",
    /// crypt(3) `$y$`.
    Yescrypt = "yescrypt",
    /// bcrypt `$2a$`, `$2b$`, `$2x$`, `$2y$`.
    Bcrypt = "bcrypt",
    /// Django's bcrypt over the hex SHA-256 of the password.
    BcryptSha256 = "bcrypt-sha256",
    /// WordPress 6.8: bcrypt over the base64 HMAC-SHA384 of the password.
    BcryptHmacSha384 = "wordpress-bcrypt",
    /// phpass `$P$`, `$H$`.
    Phpass = "phpass",
    /// argon2i.
    Argon2i = "argon2i",
    /// argon2d.
    Argon2d = "argon2d",
    /// argon2id.
    Argon2id = "argon2id",
    /// scrypt, also in crypt(3)'s `$7$`.
    Scrypt = "scrypt",
    /// PBKDF2 over HMAC-SHA1.
    Pbkdf2Sha1 = "pbkdf2-sha1",
    /// PBKDF2 over HMAC-SHA256.
    Pbkdf2Sha256 = "pbkdf2-sha256",
    /// PBKDF2 over HMAC-SHA512.
    Pbkdf2Sha512 = "pbkdf2-sha512",
    /// PostgreSQL's SCRAM-SHA-256.
    ScramSha256 = "scram-sha-256",
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Whether a check is done in passing or has to wait in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostClass {
    /// A handful of hash calls: about a million checks a second on one core.
    Fast,
    /// Made to be slow: between a few and a few thousand checks a second.
    Slow,
}

/// What one check costs, as far as the verifier's parameters tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Fast or slow.
    pub class: CostClass,
    /// Calls of the scheme's inner function: hash or HMAC calls, bcrypt's key expansions, argon2's and
    /// scrypt's KiB that are filled. Comparable within one scheme only.
    pub iterations: u64,
    /// Memory that a check holds while it runs.
    pub memory_bytes: u64,
}

impl Cost {
    pub(super) const FAST: Self = Self { class: CostClass::Fast, iterations: 1, memory_bytes: 0 };

    pub(super) const fn slow(iterations: u64, memory_bytes: u64) -> Self {
        Self { class: CostClass::Slow, iterations, memory_bytes }
    }
}
