//! From an entry of a directory's export to what the store is told: names, the draft of a user, sealed verifiers.
//! Nothing here waits, so a thread that reads a file does it beside the one that writes.

use super::names::{PrincipalName, account_key, account_names, principal_name, told_id};
use crate::Vault;
use crate::wipe::wipe_stack;
use directory::{DirectoryUser, Format, Place, Unmarked, VerifierText};
use model::{AccountEntry, AccountKey, EntityId, SealedVerifiers, TenantId, UserDraft, edm};
use odata::body::EntityBody;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use verify::verifier::{Bare, DeriveError, Limits, ParseError, Verifier};
use zeroize::Zeroizing;

/// Makes entries of one import.
#[derive(Clone)]
pub struct Preparer {
    /// The tenant, as seals and ids name it.
    pub tenant: TenantId,
    /// The directory, as the operator calls it.
    pub source: Box<str>,
    /// The form that is read.
    pub format: Format,
    /// What completes a name without a domain.
    pub domain: Option<String>,
    /// The number of the job.
    pub job: u64,
    /// What seals.
    pub vault: Vault,
}

/// An entry, ready for the store.
pub struct Prepared {
    /// Where it stands.
    pub place: Place,
    /// What the store is told.
    pub entry: Box<AccountEntry>,
    /// Its verifiers by scheme, and why others were left out.
    pub verifiers: VerifierCounts,
    /// What is wrong with verifiers that name a known scheme: the user is imported without them.
    pub warnings: Vec<String>,
}

/// What became of verifiers, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VerifierCounts {
    /// Those that are kept, by scheme.
    pub schemes: BTreeMap<String, u64>,
    /// Of these, how many the export held in clear: they were derived and dropped.
    pub derived_from_clear_text: u64,
    /// Schemes that are not supported, by name.
    pub unknown_schemes: BTreeMap<String, u64>,
    /// Others that are not kept, by reason.
    pub refused: BTreeMap<String, u64>,
}

impl VerifierCounts {
    /// Adds what another one counts.
    pub fn add(&mut self, other: Self) {
        for (to, from) in [
            (&mut self.schemes, other.schemes),
            (&mut self.unknown_schemes, other.unknown_schemes),
            (&mut self.refused, other.refused),
        ] {
            for (name, count) in from {
                *to.entry(name).or_default() += count;
            }
        }
        self.derived_from_clear_text += other.derived_from_clear_text;
    }
}

impl Preparer {
    /// Makes what the store is told of an entry, or says everything that is wrong with it. No message holds a value.
    #[expect(clippy::needless_pass_by_value, reason = "it holds verifiers, and is wiped when this is done")]
    pub fn prepare(&self, user: DirectoryUser) -> Result<Prepared, (Place, Vec<String>)> {
        let place = user.place.clone();
        let refused = |faults: Vec<String>| (place.clone(), faults);
        let Some(key) = account_key(&user) else {
            let why = "no name tells it from others: expected an id, a userPrincipalName, a user name, a \
                       sAMAccountName or a mail address, of at most 512 characters";
            return Err(refused(vec![why.to_owned()]));
        };
        let key = AccountKey { source: self.source.clone(), key: key.into() };
        let told = told_id(&user, self.format).and_then(|id| id.parse::<EntityId>().ok());
        let new_id = told.unwrap_or_else(|| self.vault.user_id(self.tenant, &key));
        let mut entry = unproved(&user, self.job, key, new_id, self.domain.as_deref()).map_err(refused)?;
        let sealed = self.seal(&entry.key, &user.verifiers).map_err(|error| refused(vec![error]));
        let (verifiers, counts, warnings) = sealed?;
        entry.verifiers = verifiers;
        Ok(Prepared { place, entry: Box::new(entry), verifiers: counts, warnings })
    }

    /// Seals what there is of verifiers, in an order of its own: a directory may give them in any.
    pub(super) fn seal(
        &self,
        key: &AccountKey,
        texts: &[VerifierText],
    ) -> Result<(Option<SealedVerifiers>, VerifierCounts, Vec<String>), String> {
        let (mut counts, mut warnings) = (VerifierCounts::default(), Vec::new());
        let mut canonical: Vec<Zeroizing<String>> = Vec::new();
        for text in texts {
            let bare = match text.unmarked() {
                Unmarked::ClearText => Bare::ClearText,
                Unmarked::Unknown => Bare::Refused,
            };
            let mut is_derived = false;
            let salt = || {
                is_derived = true;
                self.vault.salt(self.tenant, key)
            };
            match Verifier::parse_or_derive(text.expose(), bare, salt, &Limits::default()) {
                Ok(verifier) => {
                    *counts.schemes.entry(verifier.scheme().name().to_owned()).or_default() += 1;
                    counts.derived_from_clear_text += u64::from(is_derived);
                    canonical.push(verifier.canonical());
                }
                Err(DeriveError::Parse(ParseError::UnknownScheme { name })) => {
                    *counts.unknown_schemes.entry(name.as_str().to_owned()).or_default() += 1;
                }
                Err(DeriveError::Parse(error @ (ParseError::Empty | ParseError::Unusable))) => {
                    *counts.refused.entry(error.to_string()).or_default() += 1;
                }
                Err(error) => {
                    *counts.refused.entry(error.to_string()).or_default() += 1;
                    warnings.push(error.to_string());
                }
            }
        }
        if counts.derived_from_clear_text > 0 {
            wipe_stack();
        }
        canonical.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        canonical.dedup_by(|a, b| a.as_str() == b.as_str());
        if canonical.is_empty() {
            return Ok((None, counts, warnings));
        }
        let length = canonical.iter().map(|text| text.len() + 1).sum();
        let mut lines = Zeroizing::new(Vec::with_capacity(length)); // it never grows, which would leave a copy
        for text in &canonical {
            lines.extend_from_slice(text.as_bytes());
            lines.push(b'\n');
        }
        let sealed = self.vault.seal(self.tenant, key, &lines).map_err(|error| error.to_string())?;
        Ok((Some(sealed), counts, warnings))
    }
}

/// What the store is told of an entry, but for what proves the password. Says everything that is wrong with it; no message
/// holds a value.
pub(super) fn unproved(
    user: &DirectoryUser,
    job: u64,
    key: AccountKey,
    new_id: EntityId,
    domain: Option<&str>,
) -> Result<AccountEntry, Vec<String>> {
    let (draft, name_if_new) = draft(user, &principal_name(user, domain))?;
    Ok(AccountEntry {
        job,
        matched: None,
        new_id,
        draft,
        name_if_new,
        names: account_names(user),
        is_administrator: user.administrator,
        verifiers: None,
        key,
    })
}

/// The draft of a user, checked as the body of a request is; and the name that a new one gets.
fn draft(user: &DirectoryUser, name: &PrincipalName) -> Result<(UserDraft, Option<Box<str>>), Vec<String>> {
    let mut members = Map::new();
    let texts = [
        ("displayName", &user.display_name),
        ("mail", &user.mail),
        ("givenName", &user.given_name),
        ("surname", &user.surname),
        ("department", &user.department),
    ];
    for (member, value) in texts {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            members.insert(member.to_owned(), Value::String(value.clone()));
        }
    }
    if let Some(enabled) = user.enabled {
        members.insert("accountEnabled".to_owned(), json!(enabled));
    }
    let (PrincipalName::Told(upn) | PrincipalName::IfNew(upn)) = name else {
        return Ok((read(&members)?, None));
    };
    members.insert("userPrincipalName".to_owned(), json!(upn));
    let mut draft = read(&members)?;
    if *name == PrincipalName::IfNew(upn.clone()) {
        draft.forget(edm::user::USER_PRINCIPAL_NAME);
        return Ok((draft, Some(upn.as_str().into())));
    }
    Ok((draft, None))
}

fn read(members: &Map<String, Value>) -> Result<UserDraft, Vec<String>> {
    let text = serde_json::to_vec(members).expect("texts become JSON");
    let mut body = EntityBody::read(&text, &edm::MODEL, &edm::USER).map_err(|error| vec![error.to_string()])?;
    let draft = UserDraft::from_body(&mut body);
    let faults: Vec<String> = body.faults.kept().iter().map(|fault| fault.message.clone()).collect();
    if faults.is_empty() { Ok(draft) } else { Err(faults) }
}
