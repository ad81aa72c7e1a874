//! Texts in which stores keep what has no columns of its own: the names of accounts, and how things were before a job
//! changed them. No secret is in either: an account's verifiers are named by their number.

use crate::remembered::Remembered;
use crate::{Outcome, StoreError};
use model::{Account, AccountKey, AccountName, Image, VerifierMark};
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum KeptImage {
    /// There was no such event.
    NoEvent,
    /// The event; with its evidence where the job changed that.
    #[serde(rename_all = "camelCase")]
    Event {
        event: Remembered,
        with_evidence: bool,
    },
    NoUser,
    User(Remembered),
    NoAccount,
    Account(KeptAccount),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptAccount {
    source: Box<str>,
    key: Box<str>,
    user: Box<str>,
    names: Vec<(Box<str>, Box<str>)>,
    is_administrator: bool,
    verifiers: Option<(u64, [u8; 16])>,
    is_outdated: bool,
    version: u64,
}

/// Writes the names of an account as JSON: an array of pairs, attribute and value.
pub fn write_names(names: &[AccountName]) -> String {
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (&*name.attribute, &*name.value)).collect();
    serde_json::to_string(&pairs).expect("texts become JSON")
}

/// Reads what [`write_names`] wrote.
pub fn read_names(json: &str) -> Result<Vec<AccountName>, StoreError> {
    let mut names = Vec::new();
    each_name(json, |attribute, value| {
        names.push(AccountName { attribute: attribute.into(), value: value.into() });
    })?;
    Ok(names)
}

/// Looks at each pair, attribute and value, of what [`write_names`] wrote, without taking it out of the text.
pub fn each_name(json: &str, look: impl FnMut(&str, &str)) -> Result<(), StoreError> {
    let damaged = || StoreError::Corrupt("accounts.names cannot be read".to_owned());
    if !json.as_bytes().contains(&b'\\') {
        return each_plain_name(json, look).ok_or_else(damaged);
    }
    let mut json = serde_json::Deserializer::from_str(json);
    json.deserialize_seq(Pairs(look)).and_then(|()| json.end()).map_err(|_| damaged())
}

/// The same where nothing is escaped, so that each quote begins or ends a text; `None` for what was written otherwise.
/// It takes half the time, and a scan begins with reading the names of everybody.
fn each_plain_name(json: &str, mut look: impl FnMut(&str, &str)) -> Option<()> {
    if json == "[]" {
        return Some(());
    }
    let mut rest = json.strip_prefix("[[\"")?;
    loop {
        let (attribute, behind) = rest.split_once('"')?;
        let (value, behind) = behind.strip_prefix(",\"")?.split_once('"')?;
        look(attribute, value);
        let behind = behind.strip_prefix(']')?;
        if behind == "]" {
            return Some(());
        }
        rest = behind.strip_prefix(",[\"")?;
    }
}

/// A text that is borrowed where it is written without escapes.
#[derive(Deserialize)]
struct Borrowed<'t>(#[serde(borrow)] Cow<'t, str>);

/// Hands pairs of texts on as they are read.
struct Pairs<F>(F);

impl<'de, F: FnMut(&str, &str)> Visitor<'de> for Pairs<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of pairs")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut pairs: A) -> Result<(), A::Error> {
        while let Some((Borrowed(attribute), Borrowed(value))) = pairs.next_element()? {
            (self.0)(&attribute, &value);
        }
        Ok(())
    }
}

fn names(pairs: Vec<(Box<str>, Box<str>)>) -> Vec<AccountName> {
    pairs.into_iter().map(|(attribute, value)| AccountName { attribute, value }).collect()
}

/// Writes how something was as JSON.
pub fn write_image(image: &Image) -> String {
    let kept = match image {
        Image::Event(None) => KeptImage::NoEvent,
        Image::Event(Some((event, evidence))) => KeptImage::Event {
            event: Remembered::of_event(event, evidence.as_deref().unwrap_or_default()),
            with_evidence: evidence.is_some(),
        },
        Image::User(None) => KeptImage::NoUser,
        Image::User(Some(user)) => KeptImage::User(Remembered::of_user(user)),
        Image::Account(None) => KeptImage::NoAccount,
        Image::Account(Some(account)) => KeptImage::Account(KeptAccount {
            source: account.key.source.clone(),
            key: account.key.key.clone(),
            user: account.user.as_str().into(),
            names: account.names.iter().map(|name| (name.attribute.clone(), name.value.clone())).collect(),
            is_administrator: account.is_administrator,
            verifiers: account.verifiers.map(|mark| (mark.number, mark.tag)),
            is_outdated: account.is_outdated,
            version: account.version,
        }),
    };
    serde_json::to_string(&kept).expect("texts and numbers become JSON")
}

/// Reads what [`write_image`] wrote, also before a type had all the properties that it has now.
pub fn read_image(json: &str) -> Result<Image, StoreError> {
    Ok(match serde_json::from_str(json).map_err(|_| damaged())? {
        KeptImage::NoEvent => Image::Event(None),
        KeptImage::NoUser => Image::User(None),
        KeptImage::NoAccount => Image::Account(None),
        KeptImage::Event { event, with_evidence } => {
            let (event, evidence) = match event.into_outcome()? {
                Outcome::Event(event) => (event, Vec::new()),
                Outcome::EventWithEvidence(event, evidence) => (event, evidence),
                _ => return Err(damaged()),
            };
            Image::Event(Some((event, with_evidence.then_some(evidence))))
        }
        KeptImage::User(user) => match user.into_outcome()? {
            Outcome::User(user) => Image::User(Some(user)),
            _ => return Err(damaged()),
        },
        KeptImage::Account(kept) => Image::Account(Some(Box::new(Account {
            key: AccountKey { source: kept.source, key: kept.key },
            user: kept.user.parse().map_err(|_| damaged())?,
            names: names(kept.names),
            is_administrator: kept.is_administrator,
            verifiers: kept.verifiers.map(|(number, tag)| VerifierMark { number, tag }),
            is_outdated: kept.is_outdated,
            version: kept.version,
        }))),
    })
}

fn damaged() -> StoreError {
    StoreError::Corrupt("a record of a job cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{
        Command, Decision, Effect, EventKind, Evidence, Finding, MatchClass, Moment, NewEvidence, NewId, NewRiskEvent,
        RiskEvent, RiskEventStatus, RiskLevel, State, Ticks, User, UserDraft, decide, edm,
    };

    fn event() -> (RiskEvent, Vec<Evidence>) {
        let found = |source: &str| NewEvidence {
            finding: Finding {
                source: source.into(),
                match_class: MatchClass::Similar,
                matched_attribute: None,
                matched_rule: Some("fold".into()),
            },
            first_seen: None,
            last_seen: None,
            occurrences: 3,
            account_enabled: Some(false),
        };
        let new = NewRiskEvent {
            id: NewId::Chosen("e1".parse().expect("an id")),
            kind: EventKind::LeakedCredentials,
            user_display_name: "Mara \"Łind\" \u{1f6a2}".into(),
            user_principal_name: "mara@fjord.example".into(),
            risk_event_date_time: Ticks::default(),
            risk_event_type: "leakedCredentials".into(),
            risk_level: RiskLevel::High,
            risk_event_status: RiskEventStatus::Remediated,
            closed_date_time: None,
            created_date_time: None,
            user_id: "u1".into(),
            impacted_user: Some("u1".into()),
            evidence: vec![found("a"), found("b")],
        };
        let moment = Moment { now: Ticks::default(), sequence: 7 };
        match decide(Command::CreateEvent(Box::new(new)), State::default(), moment) {
            Ok(Decision::Change(mut steps)) => match steps.remove(0) {
                model::Step { effect: Effect::InsertEvent(event), evidence: Some(told), .. } => (event, told.written),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn user() -> User {
        let mut draft = UserDraft::default();
        for position in [edm::user::USER_PRINCIPAL_NAME, edm::user::DISPLAY_NAME] {
            draft.put(position, model::OwnedCell::Text("Mara@fjord.example".into()));
        }
        draft.into_user(&"u1".parse().expect("an id"), Ticks::default(), 4).expect("a user")
    }

    fn account(verifiers: Option<VerifierMark>) -> Account {
        let name = |attribute: &str, value: &str| AccountName { attribute: attribute.into(), value: value.into() };
        Account {
            key: AccountKey { source: "ad \"1\"".into(), key: "ł".into() },
            user: "u1".parse().expect("an id"),
            names: vec![name("mail", "m@fjord.example"), name("mail", ""), name("sAMAccountName", "FJORD\\mara")],
            is_administrator: true,
            verifiers,
            is_outdated: true,
            version: 1 << 39,
        }
    }

    #[test]
    fn images_are_read_as_they_were_written() {
        let (event, evidence) = event();
        let mark = VerifierMark { number: 17, tag: [200; 16] };
        for image in [
            Image::Event(None),
            Image::Event(Some((Box::new(event.clone()), None))),
            Image::Event(Some((Box::new(event.clone()), Some(Vec::new())))),
            Image::Event(Some((Box::new(event), Some(evidence)))),
            Image::User(None),
            Image::User(Some(Box::new(user()))),
            Image::Account(None),
            Image::Account(Some(Box::new(account(None)))),
            Image::Account(Some(Box::new(account(Some(mark))))),
        ] {
            let json = write_image(&image);
            assert_eq!(read_image(&json).expect(&json), image, "{json}");
        }
    }

    #[test]
    fn names_are_read_as_they_were_written() {
        let plain = account(None).names[..2].to_vec();
        for names in [Vec::new(), plain, account(None).names] {
            let json = write_names(&names);
            assert_eq!(read_names(&json).expect(&json), names);
        }
    }

    #[test]
    fn what_is_no_image_is_damage() {
        for json in
            ["", "{}", "\"nothing\"", r#"{"user":"deleted"}"#, r#"{"event":{"event":"done","withEvidence":true}}"#]
        {
            assert!(matches!(read_image(json), Err(StoreError::Corrupt(_))), "{json}");
        }
        for json in [
            "",
            "{}",
            "[",
            "[]]",
            r#"[["mail"]]"#,
            r#"[["mail","a"]"#,
            r#"[["mail","a"]]]"#,
            r#"[["mail","a"],]"#,
            r#"[["mail","a"],["upn"]]"#,
            r#"[["mail","a","b"]]"#,
            r#"[["mail","\"a"]"#,
            r#"[["mail","\"a"]]]"#,
        ] {
            assert!(matches!(read_names(json), Err(StoreError::Corrupt(_))), "{json}");
        }
    }
}
