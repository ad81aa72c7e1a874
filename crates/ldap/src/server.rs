//! What a server says of itself in its root DSE (RFC 4512 section 5.1).

use crate::RawEntry;
use directory::entry_id;

/// What Active Directory says that it can (MS-ADTS 3.1.1.3.4.3.1).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// The attributes of the root DSE that are asked for.
pub(crate) const ROOT_DSE: [&str; 7] = [
    "namingContexts",
    "defaultNamingContext",
    "supportedCapabilities",
    "supportedControl",
    "vendorName",
    "highestCommittedUSN",
    "dsServiceName",
];

/// A kind of server, as far as it must be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Microsoft's Active Directory, and Samba's.
    ActiveDirectory,
    /// The 389 Directory Server, and FreeIPA on it.
    Server389,
    /// OpenLDAP and every other.
    Other,
}

impl Kind {
    /// The attribute that tells an entry from others for as long as it lives.
    pub fn key(self) -> &'static str {
        match self {
            Self::ActiveDirectory => "objectGUID",
            Self::Server389 => "nsUniqueId",
            Self::Other => "entryUUID",
        }
    }

    /// The key of an entry, as [`directory::DirectoryUser::id`] has it.
    pub fn key_of(self, entry: &RawEntry) -> Option<String> {
        entry_id(self.key(), entry.first(self.key())?).ok()
    }

    /// The attribute that is another one after each write.
    pub(crate) fn stamp(self) -> &'static str {
        if self == Self::ActiveDirectory { "uSNChanged" } else { "modifyTimestamp" }
    }

    /// Which entries are users, unless somebody says so.
    pub(crate) fn filter(self) -> &'static str {
        match self {
            Self::ActiveDirectory => "(&(objectCategory=person)(objectClass=user))",
            Self::Server389 | Self::Other => {
                "(|(objectClass=person)(objectClass=account)(objectClass=posixAccount)(objectClass=sambaSamAccount))"
            }
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActiveDirectory => "Active Directory",
            Self::Server389 => "a 389 Directory Server",
            Self::Other => "an LDAP server",
        }
    }
}

/// What is known of a server.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    pub(crate) contexts: Vec<String>,
    pub(crate) default_context: Option<String>,
    pub(crate) has_pages: bool,
    /// Active Directory's counter of writes, and the entry of the server whose counter it is.
    pub(crate) usn: Option<u64>,
    pub(crate) service: Option<String>,
}

impl Facts {
    pub(crate) fn read(dse: &RawEntry) -> Self {
        let is_ad = dse.texts("supportedCapabilities").any(|capability| capability == ACTIVE_DIRECTORY);
        let is_389 = dse.text("vendorName").is_some_and(|name| name.contains("389"));
        let kind = match (is_ad, is_389) {
            (true, _) => Kind::ActiveDirectory,
            (_, true) => Kind::Server389,
            _ => Kind::Other,
        };
        Self {
            kind,
            contexts: dse.texts("namingContexts").map(str::to_owned).collect(),
            default_context: dse.text("defaultNamingContext").map(str::to_owned),
            has_pages: dse.texts("supportedControl").any(|control| control == "1.2.840.113556.1.4.319"),
            usn: dse.text("highestCommittedUSN").and_then(|usn| usn.parse().ok()),
            service: dse.text("dsServiceName").map(str::to_owned),
        }
    }

    /// Where users are, if the server has one place for them.
    pub(crate) fn base(&self) -> Option<&str> {
        let only = || (self.contexts.len() == 1).then(|| self.contexts[0].as_str());
        self.default_context.as_deref().or_else(only).filter(|base| !base.is_empty())
    }
}
