//! Ids of risk detections: 64 hexadecimal characters that lead back to the event (graph.md, section 6).

use crate::ids::EntityId;
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt;
use uuid::Uuid;

/// The id of a risk detection: of an event whose id is a UUID, its 16 bytes and then half of a digest of
/// them, so that it leads back to the event by itself; of any other event, a digest of the id, which
/// stores keep beside the event. The digests hide nothing: they tell a made-up id from a real one, and
/// are the same in every store, so that a backup or another node knows them too (docs/adr/0006-one-domain-three-views.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DetectionId([u8; 32]);

/// What a detection's id leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetectedEvent {
    /// The event with this id.
    Id(EntityId),
    /// An event whose id only a store knows.
    Kept(DetectionId),
}

impl DetectionId {
    /// The id of the detection that an event is.
    pub fn of(event: &str) -> Self {
        let Some(id) = as_uuid(event) else {
            return Self(tagged(b"id:", event.as_bytes()));
        };
        let mut bytes = tagged(b"uuid:", id.as_bytes());
        bytes.copy_within(..16, 16);
        bytes[..16].copy_from_slice(id.as_bytes());
        Self(bytes)
    }

    /// Reads one; `None` when no detection can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        if text.len() != 64 || !text.as_bytes().iter().all(is_hex) {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Whether a store must keep it for the event to be found by it.
    pub fn must_be_kept(event: &str) -> bool {
        as_uuid(event).is_none()
    }

    /// Where it leads.
    pub fn event(self) -> DetectedEvent {
        let mut first = [0; 16];
        first.copy_from_slice(&self.0[..16]);
        let id = EntityId::from(Uuid::from_bytes(first));
        if Self::of(id.as_str()) == self { DetectedEvent::Id(id) } else { DetectedEvent::Kept(self) }
    }

    /// Its text.
    pub fn text(self) -> DetectionText {
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = PAIRS[usize::from(byte)];
        }
        DetectionText(text)
    }
}

/// The two digits of each byte.
static PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

impl fmt::Debug for DetectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

/// The text of a [`DetectionId`].
#[derive(Clone, Copy)]
pub struct DetectionText([u8; 64]);

impl DetectionText {
    /// As a text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are UTF-8")
    }
}

/// The UUID that an id is, in the only spelling that has its own detection.
fn as_uuid(id: &str) -> Option<Uuid> {
    if id.len() != uuid::fmt::Hyphenated::LENGTH || id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    Uuid::try_parse(id).ok()
}

fn tagged(tag: &[u8], bytes: &[u8]) -> [u8; 32] {
    // In one piece, without an allocation where it is short, as it is for every UUID.
    let (mut text, mut length) = ([0; 64], 0);
    let parts = [b"spillwatch risk detection ", tag, bytes];
    let long: Vec<u8>;
    let text = if parts.iter().map(|part| part.len()).sum::<usize>() <= text.len() {
        for part in parts {
            text[length..length + part.len()].copy_from_slice(part);
            length += part.len();
        }
        &text[..length]
    } else {
        long = parts.concat();
        &long
    };
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, text).as_ref());
    out
}

/// `riskEventType` of the detection that an event is: whichever way leakedCredentials was spelt, also as
/// the type's name, it is that (graph.md, section 6).
pub fn detection_type(risk_event_type: &str) -> &str {
    const SPELT: [&str; 2] = ["leakedCredentials", "leakedCredentialsRiskEvent"];
    if SPELT.iter().any(|spelt| risk_event_type.eq_ignore_ascii_case(spelt)) {
        return SPELT[0]; // nearly all, and much quicker than the rest
    }
    let letters = risk_event_type.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let is_short = letters.clone().eq(*b"leakedcredentials");
    if is_short || letters.eq(*b"leakedcredentialsriskevent") { "leakedCredentials" } else { risk_event_type }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_leads_back_to_its_event(bytes: [u8; 16], other in "[a-zA-Z0-9._-]{1,40}", flip in 0..256_usize) {
            let event = EntityId::from(Uuid::from_bytes(bytes));
            let id = DetectionId::of(event.as_str());
            prop_assert_eq!(DetectionId::parse(id.text().as_str()), Some(id));
            prop_assert_eq!(id.event(), DetectedEvent::Id(event.clone()));
            prop_assert!(!DetectionId::must_be_kept(event.as_str()));
            let mut changed = id;
            changed.0[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(matches!(changed.event(), DetectedEvent::Kept(_)));
            if let Ok(chosen) = other.parse::<EntityId>() {
                let id = DetectionId::of(chosen.as_str());
                prop_assert_eq!(matches!(id.event(), DetectedEvent::Kept(_)), DetectionId::must_be_kept(chosen.as_str()));
            }
        }
    }

    #[test]
    fn one_spelling_stands_for_all() {
        for of in [
            "leakedCredentials",
            "LeakedCredentials",
            "Leaked Credentials",
            "leaked_credentials",
            "LeakedCredentialsRiskEvent",
        ] {
            assert_eq!(detection_type(of), "leakedCredentials", "{of}");
        }
        for of in ["", "leakedCredential", "adminConfirmedUserCompromised", "leakedCredentials2"] {
            assert_eq!(detection_type(of), of);
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        let text = DetectionId::of("e1").text();
        let text = text.as_str();
        let others = [
            String::new(),
            text.to_uppercase(),
            text[1..].to_owned(),
            format!("{text}0"),
            "g".repeat(64),
            "é".repeat(32),
        ];
        for other in others {
            assert_eq!(DetectionId::parse(&other).map(|id| id.text().as_str().to_owned()), None, "{other}");
        }
        let upper = "5B0A7C1E-8D53-4F39-A3D4-2F6A3F1F9C01";
        assert_ne!(DetectionId::of(upper), DetectionId::of(&upper.to_lowercase()));
    }
}
