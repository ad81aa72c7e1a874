//! What `directory` promises, shown through its public functions.

mod csv;
mod django;
mod hashes;
mod hostile;
mod keycloak;
mod ldif;
mod scim;
mod sniff;

use directory::{DirectoryUser, EntryError, Format, Limits, Summary, read};
use verify::verifier::{Bare, Limits as VerifierLimits, Verifier};

/// Everything that a file gave.
struct Outcome {
    users: Vec<DirectoryUser>,
    errors: Vec<EntryError>,
    summary: Summary,
}

impl Outcome {
    fn errors(&self) -> Vec<String> {
        self.errors.iter().map(ToString::to_string).collect()
    }

    fn user(&self, name: &str) -> &DirectoryUser {
        let is = |value: &Option<String>| value.as_deref() == Some(name);
        let sam = |user: &DirectoryUser| user.sam.as_ref().is_some_and(|sam| sam.name == name);
        let found = self.users.iter().find(|user| is(&user.user_name) || is(&user.upn) || is(&user.mail) || sam(user));
        found.unwrap_or_else(|| panic!("no user {name}"))
    }
}

fn with_limits(format: Format, text: impl AsRef<[u8]>, limits: Limits) -> Outcome {
    let mut outcome = Outcome { users: Vec::new(), errors: Vec::new(), summary: Summary::default() };
    match read(format, "export", text.as_ref(), limits) {
        Ok(mut users) => {
            for user in users.by_ref() {
                match user {
                    Ok(user) => outcome.users.push(user),
                    Err(error) => outcome.errors.push(error),
                }
            }
            outcome.summary = users.summary().clone();
        }
        Err(error) => outcome.errors.push(error),
    }
    outcome
}

fn all(format: Format, text: impl AsRef<[u8]>) -> Outcome {
    with_limits(format, text, Limits::default())
}

/// Whether `password` is the user's by one of the verifiers that were read.
fn is_password(user: &DirectoryUser, password: &str) -> bool {
    user.verifiers.iter().any(|text| {
        let verifier = Verifier::parse_or_derive(text.expose(), Bare::Refused, || [7; 16], &VerifierLimits::default());
        verifier.expect("a verifier that is supported").check(password.as_bytes()).expect("a derivation")
    })
}

/// UTF-16 with a byte order mark.
fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// Names and counts of a map of a summary.
fn counts<K: AsRef<str>>(map: &std::collections::BTreeMap<K, u64>) -> Vec<(&str, u64)> {
    map.iter().map(|(name, count)| (name.as_ref(), *count)).collect()
}
