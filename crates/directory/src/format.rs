//! The forms that are read.

macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $expected:literal;)*) => {
        /// A form of export.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Format {
            $($(#[$doc])* $variant,)*
        }

        impl Format {
            /// Every form.
            pub const ALL: &'static [Format] = &[$(Format::$variant,)*];

            /// Returns the name by which it is chosen on a command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Format::$variant => $name,)*
                }
            }

            /// Says what a user looks like in it.
            pub(crate) const fn expected(self) -> &'static str {
                match self {
                    $(Format::$variant => $expected,)*
                }
            }
        }
    };
}

formats! {
    /// A table whose header names the columns, in any order and case, with `_`, `-` and blanks or without.
    ///
    /// These are read: `id` (`objectId`, `objectGuid`), `upn` (`userPrincipalName`), `userName`, `mail` (`email`), `sam`
    /// (`sAMAccountName`), `proxyAddresses`, `otherMails`, `formerUpns` and `aliases` with `;` between their values,
    /// `enabled` (`accountEnabled`), `administrator` (`admin`, `isAdmin`), `displayName`, `givenName`, `surname`,
    /// `department`, `dn` (`distinguishedName`) and `verifier`. One of `upn`, `mail`, `sam` and `userName` must be
    /// there. A column `password` is not read: nothing says whether it is one.
    Csv = "csv", "a row below the header";
    /// LDIF (RFC 2849).
    Ldif = "ldif", "an entry of a person";
    /// `[DOMAIN\]user:rid:lm:nt:::`.
    Pwdump = "pwdump", "a line `user:rid:lm:nt:::`";
    /// `user:nt`.
    HashcatNt = "hashcat-nt", "a line `user:nt`";
    /// `user:$NT$nt`.
    JohnNt = "john-nt", "a line `user:$NT$nt`";
    /// Keycloak's realm export.
    Keycloak = "keycloak", "an object in the list `users` of a realm";
    /// Django's table `auth_user` as CSV.
    DjangoCsv = "django-csv", "a row below the header";
    /// Django's `dumpdata auth.User`.
    DjangoJson = "django-json", "an object of the model auth.user";
    /// A SCIM 2.0 list of users.
    Scim = "scim", "an object in the list `Resources`";
}

/// No form has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no form of export; the forms are {}", names())]
pub struct UnknownFormat {
    /// The name that was asked for.
    pub name: String,
}

fn names() -> String {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    names.join(", ")
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    /// Finds the form with this [`name`](Self::name), in any case.
    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.iter().copied().find(|format| format.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
