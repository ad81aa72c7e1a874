//! Keycloak: the export of a realm in one file, of several realms, or split into files of users.

use std::io::Read;

use super::elements::{Elements, Outer, Shape};
use super::members::Members;
use super::{List, Reason};
use crate::input::Input;
use crate::{DirectoryUser, Limits, Summary, VerifierText};

const SHAPE: Shape = Shape { list: Some("users"), outer_list: Outer::Objects, total: None };

/// Members that say nothing of who the user is.
const PASSED: &[&str] = &[
    "createdTimestamp",
    "disableableCredentialTypes",
    "emailVerified",
    "groups",
    "notBefore",
    "requiredActions",
    "totp",
];

pub(crate) fn reader<R: Read>(input: Input<R>, limits: &Limits) -> List<R> {
    List::new(Elements::new(input, SHAPE, limits), user)
}

/// The role of the realm `master` that may do everything in every realm.
const SERVER_ADMINISTRATOR: &str = "admin";
/// The client that stands for a realm's administration, and its role that may do everything in it.
const REALM_ADMINISTRATOR: (&str, &str) = ("realm-management", "realm-admin");

/// Says yes for the roles above; that a user lacks them says nothing, for groups and composite roles give roles too.
fn administrator(entry: &Members<'_>) -> Result<Option<bool>, Reason> {
    let (client, role) = REALM_ADMINISTRATOR;
    let has = |roles: Vec<String>, name: &str| roles.iter().any(|role| role == name);
    let of_server = has(entry.texts("realmRoles")?, SERVER_ADMINISTRATOR);
    let of_realm = match entry.object("clientRoles")? {
        Some(clients) => has(clients.texts(client)?, role),
        None => false,
    };
    Ok((of_server || of_realm).then_some(true))
}

fn user(entry: &Members<'_>, line: u64, summary: &mut Summary) -> Result<Option<DirectoryUser>, Reason> {
    if entry.has("serviceAccountClientId") {
        summary.skip("service account");
        return Ok(None);
    }
    let mut user = DirectoryUser::at(line);
    user.id = entry.text("id")?;
    user.user_name = entry.text("username")?;
    user.mail = entry.text("email")?;
    user.enabled = entry.truth("enabled")?;
    user.administrator = administrator(entry)?;
    user.given_name = entry.text("firstName")?;
    user.surname = entry.text("lastName")?;
    if let Some(attributes) = entry.object("attributes")? {
        // Each attribute is a list of texts; these names are Keycloak's own for its LDAP mappers, and common ones.
        let first = |name| Ok::<_, Reason>(attributes.texts(name)?.into_iter().next());
        user.distinguished_name = first("LDAP_ENTRY_DN")?;
        user.upn = first("userPrincipalName")?;
        user.display_name = first("displayName")?;
        user.department = first("department")?;
        user.other_mails = attributes.texts("otherMails")?;
        user.aliases = attributes.texts("aliases")?;
        attributes.ignore_rest("attributes.", summary);
    }
    for (credential, text) in entry.objects("credentials")? {
        match credential.text("type")?.as_deref() {
            Some("password") if credential.has("secretData") || credential.has("hashedSaltedValue") => {
                user.verifiers.push(VerifierText::new(&[text]));
            }
            // What an administrator may put into a file by hand for an import.
            Some("password") if credential.has("value") => match credential.text("value")?.map(zeroize::Zeroizing::new)
            {
                Some(password) => user.verifiers.push(VerifierText::new(&["{CLEAR}", &password])),
                None => summary.drop_value("empty password"),
            },
            Some("password") => {
                return Err(Reason::malformed(
                    "credentials",
                    "a password without a value",
                    "secretData and credentialData",
                ));
            }
            Some("otp" | "totp" | "hotp") => summary.drop_value("one-time password"),
            Some("webauthn" | "webauthn-passwordless") => summary.drop_value("security key"),
            _ => summary.drop_value("other credential"),
        }
    }
    entry.pass(PASSED);
    entry.ignore_rest("", summary);
    Ok(Some(user))
}
