//! Decides by the verifiers of the people, as the product does, without its store and its vault.

use super::people::{DOMAIN, Person};
use super::sheet::{Class, Expected};
use scan::candidate::Secret;
use scan::engine::{DocumentName, Judge};
use scan::matcher::Found;
use std::collections::HashMap;
use std::sync::Mutex;
use verify::identity::{IdentityIndex, IndexBuilder, Normaliser, directory_keys};
use verify::verifier::{CheckError, Limits, Verifier};

/// The names and verifiers of some people.
pub struct Judges {
    /// Names as the matcher wants them.
    pub index: IdentityIndex,
    /// How they are spelled.
    pub normaliser: Normaliser,
    verifiers: Vec<Verifier>,
    /// What was asked before: bcrypt is slow.
    known: Mutex<HashMap<(usize, Vec<u8>), bool>>,
}

impl Judges {
    /// Reads names and verifiers.
    pub fn new(people: &[Person]) -> Self {
        let normaliser = Normaliser::default();
        let mut builder = IndexBuilder::new(5);
        for (number, person) in people.iter().enumerate() {
            for (key, attribute) in directory_keys(&normaliser, person.names(), &[DOMAIN]) {
                builder.add(&key, number as u32, attribute).expect("short names");
            }
        }
        let read = |person: &Person| Verifier::parse(&person.verifier, &Limits::default()).expect("a verifier");
        let verifiers = people.iter().map(read).collect();
        Self { index: builder.finish(), normaliser, verifiers, known: Mutex::default() }
    }

    /// Whether a secret is current, and how that is told.
    fn prove(&self, person: usize, secret: Secret<'_>) -> Result<Option<Class>, CheckError> {
        let verifier = &self.verifiers[person];
        Ok(match secret {
            Secret::Hash(text) => {
                let text = str::from_utf8(text).unwrap_or_default();
                let bare = ["", "{NT}", "{MD5}", "{SHA}", "{SHA256}"];
                let same = |scheme: &&str| {
                    let other = Verifier::parse(&format!("{scheme}{text}"), &Limits::default());
                    other.is_ok_and(|other| other.canonical() == verifier.canonical())
                };
                bare.iter().any(same).then_some(Class::PairByHash)
            }
            Secret::Password(bytes) => {
                let key = (person, bytes.to_vec());
                let known = self.known.lock().expect("no panic").get(&key).copied();
                let is_current = match known {
                    Some(known) => known,
                    None => verifier.check(bytes)?,
                };
                self.known.lock().expect("no panic").insert(key, is_current);
                is_current.then_some(Class::Pair)
            }
        })
    }
}

impl Judge for Judges {
    /// The document's path, and who.
    type Finding = (String, Expected);
    type Error = CheckError;

    fn judge(
        &self,
        document: &DocumentName,
        found: &Found<'_>,
        findings: &mut Vec<Self::Finding>,
    ) -> Result<(), CheckError> {
        let person = found.hit.user as usize;
        for secret in found.occurrence.candidates.iter() {
            if let Some(class) = self.prove(person, secret)? {
                findings.push((document.path.as_ref().to_owned(), (person, class)));
                break;
            }
        }
        Ok(())
    }
}
