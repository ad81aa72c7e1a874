//! What the attributes of an LDAP entry say of a user, whether it was read from LDIF or from the directory itself.

use zeroize::Zeroizing;

use crate::error::{Reason, length};
use crate::{DirectoryUser, Limits, SamName, Summary, VerifierText};

macro_rules! attributes {
    ($($variant:ident = $($name:literal),+;)*) => {
        /// The attributes that are read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Attribute {
            $($variant,)*
        }

        impl Attribute {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Finds an attribute by its name in any case, without options.
            pub(crate) fn named(name: &str) -> Option<Self> {
                $($(if name.eq_ignore_ascii_case($name) {
                    return Some(Self::$variant);
                })+)*
                None
            }

            /// Returns the first name that the attribute has.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => attributes!(@first $($name),+),)*
                }
            }
        }
    };
    (@first $first:literal $(, $rest:literal)*) => { $first };
}

attributes! {
    Dn = "dn";
    ObjectClass = "objectClass";
    EntryUuid = "entryUUID", "nsUniqueId", "ipaUniqueID";
    ObjectGuid = "objectGUID";
    Uid = "uid", "userid";
    Cn = "cn", "commonName";
    Surname = "sn", "surname";
    GivenName = "givenName";
    DisplayName = "displayName";
    Mail = "mail", "rfc822Mailbox";
    UserPrincipalName = "userPrincipalName";
    SamAccountName = "sAMAccountName";
    ProxyAddresses = "proxyAddresses";
    OtherMailbox = "otherMailbox";
    MailAlternate = "mailAlternateAddress", "mailLocalAddress";
    Department = "department", "departmentNumber";
    UserPassword = "userPassword";
    UnicodePwd = "unicodePwd";
    SambaNtPassword = "sambaNTPassword";
    IpaNtHash = "ipaNTHash";
    UserAccountControl = "userAccountControl";
    PwdAccountLockedTime = "pwdAccountLockedTime";
    NsAccountLock = "nsAccountLock";
    AdminCount = "adminCount";
    MemberOf = "memberOf";
}

/// The bit of userAccountControl that says that the account is disabled (MS-ADTS 2.2.16).
const ACCOUNT_DISABLE: i64 = 2;
/// The time of a lock that only an administrator opens (OpenLDAP's slapo-ppolicy).
const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// Active Directory's groups whose members administer a domain or the forest. A domain of another language calls
/// them otherwise: there adminCount says it.
const ADMINISTRATORS: &[&str] = &["Domain Admins", "Enterprise Admins", "Administrators", "Schema Admins"];

/// What the object classes of an entry say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Class {
    /// It has no object class: the search did not ask for it.
    #[default]
    Unsaid,
    Other,
    Person,
    Contact,
    Machine,
}

impl Class {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "person"
            | "organizationalperson"
            | "inetorgperson"
            | "user"
            | "account"
            | "posixaccount"
            | "shadowaccount"
            | "sambasamaccount"
            | "mailrecipient"
            | "inetuser"
            | "krbprincipalaux" => Self::Person,
            "contact" => Self::Contact,
            "computer" | "device" | "msds-groupmanagedserviceaccount" | "msds-managedserviceaccount" => Self::Machine,
            _ => Self::Other,
        }
    }
}

/// How much of an entry is kept, held under the limits.
#[derive(Default)]
pub(crate) struct Kept {
    bytes: usize,
    values: usize,
}

impl Kept {
    /// Counts one more value of so many bytes.
    pub(crate) fn add(&mut self, bytes: usize, limits: &Limits) -> Result<(), Reason> {
        self.bytes += bytes;
        self.values += 1;
        if self.bytes > limits.entry_bytes {
            return Err(Reason::TooLong { what: "entry", limit: limits.entry_bytes });
        }
        if self.values > limits.values_per_entry {
            return Err(Reason::TooMany { what: "values", limit: limits.values_per_entry });
        }
        Ok(())
    }
}

/// A user in the making.
#[derive(Default)]
pub(crate) struct Person {
    user: DirectoryUser,
    class: Class,
    cn: Option<String>,
}

impl Person {
    /// Takes one value.
    pub(crate) fn take(&mut self, attribute: Attribute, bytes: &[u8], summary: &mut Summary) -> Result<(), Reason> {
        let name = attribute.name();
        let user = &mut self.user;
        match attribute {
            Attribute::ObjectGuid => {
                user.id = Some(guid(bytes)?);
                return Ok(());
            }
            Attribute::IpaNtHash => {
                user.verifiers.push(nt_bytes(bytes)?);
                return Ok(());
            }
            Attribute::MemberOf => {
                // That a group is another one says nothing: groups may be in groups.
                if is_administrators(bytes) {
                    user.administrator = Some(true);
                }
                return Ok(());
            }
            Attribute::UnicodePwd => {
                summary.drop_value("unicodePwd");
                return Ok(());
            }
            _ => {}
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Reason::NotUtf8 { what: name })?;
        if text.is_empty() {
            return Ok(());
        }
        let first = |place: &mut Option<String>| {
            if place.is_none() {
                *place = Some(text.to_owned());
            }
        };
        match attribute {
            Attribute::Dn => first(&mut user.distinguished_name),
            Attribute::ObjectClass => self.class = self.class.max(Class::of(text)),
            Attribute::EntryUuid => first(&mut user.id),
            Attribute::Uid if user.user_name.is_none() => first(&mut user.user_name),
            Attribute::Uid => user.aliases.push(text.to_owned()),
            Attribute::Cn => first(&mut self.cn),
            Attribute::Surname => first(&mut user.surname),
            Attribute::GivenName => first(&mut user.given_name),
            Attribute::DisplayName => first(&mut user.display_name),
            Attribute::Mail if user.mail.is_none() => first(&mut user.mail),
            Attribute::UserPrincipalName => first(&mut user.upn),
            Attribute::SamAccountName => user.sam = Some(SamName::parse(text)),
            Attribute::Mail | Attribute::ProxyAddresses | Attribute::MailAlternate => {
                user.proxy_addresses.push(text.to_owned());
            }
            Attribute::OtherMailbox => user.other_mails.push(text.to_owned()),
            Attribute::Department => first(&mut user.department),
            Attribute::UserPassword => user.verifiers.push(VerifierText::user_password(text)),
            Attribute::SambaNtPassword => match nt_text(text)? {
                Some(verifier) => user.verifiers.push(verifier),
                None => summary.drop_value("empty password"),
            },
            Attribute::UserAccountControl => {
                let flags = text.parse::<i64>();
                let flags = flags.map_err(|_| Reason::malformed(name, length(text), "a decimal number"))?;
                allow(user, flags & ACCOUNT_DISABLE == 0);
            }
            // Any other time is a lock that passes.
            Attribute::PwdAccountLockedTime if text == LOCKED_FOR_GOOD => allow(user, false),
            Attribute::NsAccountLock => match text.to_ascii_lowercase().as_str() {
                "true" => allow(user, false),
                "false" => allow(user, true),
                _ => return Err(Reason::malformed(name, length(text), "TRUE or FALSE")),
            },
            Attribute::AdminCount => match text {
                "1" => user.administrator = Some(true),
                // A group says more than the count, which a program keeps.
                "0" => user.administrator = user.administrator.or(Some(false)),
                _ => return Err(Reason::malformed(name, length(text), "1 or 0")),
            },
            Attribute::PwdAccountLockedTime
            | Attribute::ObjectGuid
            | Attribute::IpaNtHash
            | Attribute::UnicodePwd
            | Attribute::MemberOf => {}
        }
        Ok(())
    }

    /// Returns the user, or nothing if the entry is none, which is counted.
    pub(crate) fn finish(mut self, line: u64, summary: &mut Summary) -> Result<Option<DirectoryUser>, Reason> {
        let user = &mut self.user;
        user.place.line = line;
        if user.display_name.is_none() {
            user.display_name = self.cn.take();
        }
        let machine = user.sam.as_ref().is_some_and(|sam| sam.name.ends_with('$'));
        let skipped = match self.class {
            Class::Machine => Some("machine account"),
            Class::Contact => Some("contact"),
            Class::Other => Some("no person"),
            Class::Unsaid if !user.is_named() && user.verifiers.is_empty() => Some("no person"),
            _ if machine => Some("machine account"),
            Class::Unsaid | Class::Person => None,
        };
        match skipped {
            Some(what) => {
                summary.skip(what);
                Ok(None)
            }
            None if !user.is_named() => Err(Reason::Nameless),
            None => Ok(Some(self.user)),
        }
    }
}

/// What forbids the sign-in outweighs what allows it.
fn allow(user: &mut DirectoryUser, allowed: bool) {
    user.enabled = Some(allowed && user.enabled.unwrap_or(true));
}

/// Whether a DN is that of a group of administrators by its first name, `CN=Domain Admins`.
fn is_administrators(dn: &[u8]) -> bool {
    let Some(equals) = dn.iter().position(|byte| *byte == b'=') else { return false };
    let (name, value) = (&dn[..equals], &dn[equals + 1..]);
    let value = value.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
    name.trim_ascii().eq_ignore_ascii_case(b"cn")
        && ADMINISTRATORS.iter().any(|group| value.eq_ignore_ascii_case(group.as_bytes()))
}

/// Writes a GUID as text; Active Directory keeps its first three parts with the low byte first (MS-DTYP 2.3.4.2).
pub(crate) fn guid(bytes: &[u8]) -> Result<String, Reason> {
    let Ok(mut bytes) = <[u8; 16]>::try_from(bytes) else {
        return Err(Reason::malformed("objectGUID", format!("{} bytes", bytes.len()), "16 bytes"));
    };
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let parts = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]];
    Ok(parts.map(hex).join("-"))
}

/// FreeIPA's NT hash as 16 bytes.
fn nt_bytes(bytes: &[u8]) -> Result<VerifierText, Reason> {
    if bytes.len() != 16 {
        return Err(Reason::malformed("ipaNTHash", format!("{} bytes", bytes.len()), "16 bytes"));
    }
    let mut hex = Zeroizing::new([0_u8; 32]);
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    let hex = std::str::from_utf8(&*hex).map_err(|_| Reason::NotUtf8 { what: "ipaNTHash" })?;
    Ok(VerifierText::new(&["{NT}", hex]))
}

/// Samba's NT hash in hex, or a row of `X` or `*` for none.
fn nt_text(text: &str) -> Result<Option<VerifierText>, Reason> {
    if text.starts_with("NO PASSWORD") || text.bytes().all(|byte| matches!(byte, b'X' | b'*')) {
        return Ok(None);
    }
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(VerifierText::new(&["{NT}", text])));
    }
    Err(Reason::malformed("sambaNTPassword", length(text), "32 hexadecimal digits"))
}
