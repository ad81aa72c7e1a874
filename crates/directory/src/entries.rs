//! Entries as a directory answers them over LDAP, taken by the rules by which those of LDIF are.

use std::sync::Arc;

use crate::error::Reason;
use crate::person::{Attribute, Kept, Person, guid};
use crate::users::accept;
use crate::{DirectoryUser, EntryError, Limits, Place, Summary};

/// Makes users of entries, and counts what is passed over.
#[derive(Debug, Default)]
pub struct Entries {
    limits: Limits,
    summary: Summary,
}

impl Entries {
    /// Entries that keep these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, summary: Summary::default() }
    }

    /// The names of the attributes that mean something here, each once; not the DN, which is none.
    ///
    /// Among them are several for the key of an entry: `entryUUID`, `objectGUID`.
    pub fn attributes() -> impl Iterator<Item = &'static str> {
        Attribute::ALL.iter().filter(|attribute| **attribute != Attribute::Dn).map(|attribute| attribute.name())
    }

    /// Makes a user of an entry, given as its DN and each value with the name of its attribute.
    ///
    /// `None` is an entry that is no user, which is counted. The place of an error has the DN for a file, and no line.
    pub fn read<'v>(
        &mut self,
        dn: &str,
        values: impl IntoIterator<Item = (&'v str, &'v [u8])>,
    ) -> Option<Result<DirectoryUser, EntryError>> {
        let before = self.summary.entries;
        let read = self.user(dn, values);
        let place = Place { file: shown(dn), line: 0, entry: before + 1 };
        match read {
            Ok(None) => None, // it was counted where that was found
            Ok(Some(mut user)) => {
                self.summary.entries += 1;
                self.summary.users += 1;
                self.summary.verifiers += user.verifiers.len() as u64;
                user.place = place;
                Some(Ok(user))
            }
            Err(reason) => {
                self.summary.entries += 1;
                *self.summary.errors.entry(reason.name()).or_default() += 1;
                Some(Err(EntryError { place, reason }))
            }
        }
    }

    /// What was read so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn user<'v>(
        &mut self,
        dn: &str,
        values: impl IntoIterator<Item = (&'v str, &'v [u8])>,
    ) -> Result<Option<DirectoryUser>, Reason> {
        let (mut person, mut kept) = (Person::default(), Kept::default());
        kept.add(dn.len(), &self.limits)?;
        person.take(Attribute::Dn, dn.as_bytes(), &mut self.summary)?;
        for (name, value) in values {
            let base = name.split(';').next().unwrap_or(name);
            // Active Directory gives many values in parts: `memberOf;range=0-1499`.
            let plain = name.len() == base.len() || name[base.len()..].to_ascii_lowercase().starts_with(";range=");
            let Some(attribute) = Attribute::named(base).filter(|_| plain) else {
                self.summary.ignore(name);
                continue;
            };
            if attribute != Attribute::MemberOf {
                kept.add(value.len(), &self.limits)?;
            }
            person.take(attribute, value, &mut self.summary)?;
        }
        let Some(user) = person.finish(0, &mut self.summary)? else { return Ok(None) };
        accept(&user, &self.limits)?;
        Ok(Some(user))
    }
}

/// The key of an entry out of the value of `objectGUID`, `entryUUID` or another attribute that is one, as
/// [`DirectoryUser::id`] has it.
pub fn entry_id(attribute: &str, value: &[u8]) -> Result<String, Reason> {
    if Attribute::named(attribute) == Some(Attribute::ObjectGuid) {
        return guid(value);
    }
    let text = std::str::from_utf8(value).map_err(|_| Reason::NotUtf8 { what: Attribute::EntryUuid.name() })?;
    Ok(text.to_owned())
}

/// A DN as a line can show it.
fn shown(dn: &str) -> Arc<str> {
    const LONGEST: usize = 200;
    let clean = |character: char| if character.is_control() { '?' } else { character };
    dn.chars().take(LONGEST).map(clean).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &[u8])]) -> (Option<Result<DirectoryUser, EntryError>>, Summary) {
        let mut entries = Entries::default();
        let user = entries.read("cn=Anna,dc=example", values.iter().copied());
        (user, entries.summary().clone())
    }

    #[test]
    fn an_entry_of_active_directory_is_read_as_its_ldif_would_be() {
        let guid: [u8; 16] = [4, 3, 2, 1, 6, 5, 8, 7, 9, 10, 11, 12, 13, 14, 15, 16];
        let (user, summary) = read(&[
            ("objectClass", b"top"),
            ("objectClass", b"user"),
            ("objectGUID", &guid),
            ("sAMAccountName", b"anna"),
            ("userPrincipalName", b"anna@example.org"),
            ("proxyAddresses", b"SMTP:anna@example.org"),
            ("userAccountControl", b"514"),
            ("memberOf;range=0-1499", b"CN=Domain Admins,CN=Users,DC=example"),
            ("adminCount", b"1"),
            ("photo", &[0xff, 0xfe]),
        ]);
        let user = user.expect("a user").expect("a good one");
        assert_eq!(user.id.as_deref(), Some("01020304-0506-0708-090a-0b0c0d0e0f10"));
        assert_eq!(user.id, entry_id("objectguid", &guid).ok());
        assert_eq!(user.sam.map(|sam| sam.name).as_deref(), Some("anna"));
        assert_eq!((user.enabled, user.administrator), (Some(false), Some(true)));
        assert_eq!(user.distinguished_name.as_deref(), Some("cn=Anna,dc=example"));
        assert_eq!(user.place.to_string(), "cn=Anna,dc=example");
        assert_eq!((summary.entries, summary.users, summary.ignored["photo"]), (1, 1, 1));
    }

    #[test]
    fn every_value_of_a_password_is_a_verifier() {
        let (user, summary) = read(&[("uid", b"anna"), ("userPassword", b"{SHA}a"), ("userPassword", b"{SSHA}b")]);
        assert_eq!(user.expect("a user").expect("a good one").verifiers.len(), 2);
        assert_eq!(summary.verifiers, 2);
    }

    #[test]
    fn what_is_no_user_is_counted_and_what_is_wrong_is_said_without_its_value() {
        let (group, summary) = read(&[("objectClass", b"groupOfNames"), ("cn", b"staff")]);
        assert!(group.is_none());
        assert_eq!((summary.entries, summary.skipped["no person"]), (1, 1));

        let (wrong, summary) = read(&[("uid", b"anna"), ("mail", &[0xff])]);
        let error = wrong.expect("an entry").expect_err("not UTF-8").to_string();
        assert_eq!(error, "cn=Anna,dc=example: mail is not UTF-8");
        assert_eq!((summary.entries, summary.errors["not UTF-8"]), (1, 1));

        let limits = Limits { value_bytes: 3, ..Limits::default() };
        let long = Entries::new(limits).read("cn=a", [("uid", b"longer".as_slice())]);
        assert!(matches!(long.expect("an entry").expect_err("too long").reason, Reason::TooLong { .. }));
    }

    #[test]
    fn the_attributes_that_are_asked_for_are_known_and_each_is_once() {
        let names: std::collections::BTreeSet<_> = Entries::attributes().collect();
        assert_eq!(names.len(), Entries::attributes().count());
        assert!(names.contains("userPassword") && names.contains("entryUUID") && !names.contains("dn"));
    }
}
