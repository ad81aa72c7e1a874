//! The attributes of a directory that name a user, and the keys that each gives.

use super::{Key, Normaliser};

macro_rules! attributes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The attribute of the directory that a key comes from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Attribute {
            $($(#[$doc])* $variant,)*
        }

        impl Attribute {
            /// Every attribute.
            pub const ALL: &'static [Attribute] = &[$(Attribute::$variant,)*];

            /// Returns the name under which a finding shows the attribute: the directory's own where it has one.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Attribute::$variant => $name,)*
                }
            }
        }
    };
}

attributes! {
    /// The sign-in name.
    UserPrincipalName = "userPrincipalName",
    /// The primary address.
    Mail = "mail",
    /// An Exchange address, with or without `SMTP:`.
    ProxyAddress = "proxyAddresses",
    /// Where mail is forwarded to.
    TargetAddress = "targetAddress",
    /// A personal address.
    OtherMail = "otherMails",
    /// A sign-in name that the user had before.
    FormerUserPrincipalName = "formerUserPrincipalName",
    /// Any other name from an import.
    Alias = "alias",
    /// The pre-Windows-2000 name alone.
    SamAccountName = "sAMAccountName",
    /// `DOMAIN\name`.
    QualifiedSamAccountName = "qualifiedSAMAccountName",
    /// `name@domain`.
    SamAccountNameAtDomain = "sAMAccountNameAtDomain",
    /// The number of the employee.
    EmployeeId = "employeeId",
}

/// Gives every key of one user, each with its attribute and none twice.
///
/// - `names` are the values of the attributes as the directory writes them. A value of
///   [`Attribute::SamAccountName`] gives the name alone, and with each of `sam_domains` (the NetBIOS and the
///   DNS name of the domain) `DOMAIN\name` and `name@domain`.
/// - A proxy address of another kind than SMTP (`x500:`, `sip:`) names no mailbox and gives nothing.
/// - An address in an internationalised domain gives both of its spellings.
pub fn directory_keys<'a>(
    normaliser: &Normaliser,
    names: impl IntoIterator<Item = (Attribute, &'a str)>,
    sam_domains: &[&str],
) -> Vec<(Key, Attribute)> {
    let (mut keys, mut scratch) = (Vec::<(Key, Attribute)>::new(), Key::default());
    for (attribute, name) in names {
        each_directory_key(normaliser, (attribute, name), sam_domains, &mut scratch, |key, attribute| {
            if !keys.iter().any(|(other, of)| *of == attribute && other.text() == key.text()) {
                keys.push((key.clone(), attribute));
            }
        });
    }
    keys
}

/// Hands every key of one name to `take`: what [`directory_keys`] gives, and without an allocation for a name that is
/// ASCII. The scratch is used again from name to name.
pub fn each_directory_key(
    normaliser: &Normaliser,
    (attribute, name): (Attribute, &str),
    sam_domains: &[&str],
    scratch: &mut Key,
    mut take: impl FnMut(&Key, Attribute),
) {
    if attribute == Attribute::ProxyAddress && is_foreign(name) {
        return;
    }
    let mut add = |name: &str, attribute: Attribute| {
        normaliser.normalise_into(name, scratch);
        if scratch.text().is_empty() {
            return;
        }
        take(scratch, attribute);
        if let Some(second) = scratch.unicode_spelling() {
            take(&second, attribute);
        }
    };
    add(name, attribute);
    if attribute == Attribute::SamAccountName {
        for domain in sam_domains {
            add(&format!("{domain}\\{name}"), Attribute::QualifiedSamAccountName);
            add(&format!("{name}@{domain}"), Attribute::SamAccountNameAtDomain);
        }
    }
}

/// Whether a proxy address says that it is of another kind than SMTP.
fn is_foreign(address: &str) -> bool {
    let Some((kind, rest)) = address.split_once(':') else { return false };
    let named = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    named && !rest.is_empty() && !kind.trim().eq_ignore_ascii_case("smtp")
}
