//! Evidence: what speaks for a risk, which Graph has no type for (leaks.md, capability 8 and 7.1).

use super::ENTITY;
use crate::evidence::MatchClass;
use odata::edm::{EntitySet, EntityType, EnumType, Property, Sentinel, Type};

/// The schema of what Graph does not have.
pub const SPILLWATCH: &str = "spillwatch";

/// The most items of evidence that a body that creates an event may bring along.
pub const MOST_EVIDENCE_AT_ONCE: u32 = 100;
/// The most items of evidence that an event has.
pub const MOST_EVIDENCE: u32 = 1_000;

/// A text without control characters.
const SOURCE_PATTERN: &str = r"^[^\u0000-\u001F\u007F-\u009F]+$";
/// The name of an attribute or a rule: no text that could hold more than a name.
const NAME_PATTERN: &str = "^[A-Za-z][A-Za-z0-9._-]*$";

/// `matchClass`: how what was found fits the user, the strongest first.
pub static MATCH_CLASS: EnumType = EnumType::new(SPILLWATCH, "matchClass", &MatchClass::MEMBERS)
    .evolvable(Sentinel { value: MatchClass::SENTINEL, is_creatable: false });

/// `evidence`: an item of it. It never holds a secret: besides the name of the source there is no free text,
/// and none of it is made of what was found.
pub static EVIDENCE: EntityType = EntityType {
    namespace: SPILLWATCH,
    synonyms: &[],
    name: "evidence",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("source", Type::nonempty(256), "The breach or file, as the operator calls it; never a secret.")
            .nullable()
            .required()
            .immutable()
            .pattern(SOURCE_PATTERN),
        Property::new("matchClass", Type::Enum(&MATCH_CLASS), "How what was found fits the user.")
            .nullable()
            .required()
            .immutable(),
        Property::new(
            "matchedAttribute",
            Type::nonempty(64),
            "The attribute of the user that was found, such as mail.",
        )
        .nullable()
        .immutable()
        .pattern(NAME_PATTERN),
        Property::new("matchedRule", Type::nonempty(64), "The rule by which it was made comparable.")
            .nullable()
            .immutable()
            .pattern(NAME_PATTERN),
        Property::new("firstSeenDateTime", Type::DateTimeOffset, "When it was first seen.").nullable(),
        Property::new("lastSeenDateTime", Type::DateTimeOffset, "When it was last seen.").nullable(),
        Property::new("occurrences", Type::Int32, "How often it was seen; at least 1, which it is when left out.")
            .nullable(),
        Property::new(
            "accountEnabled",
            Type::Boolean,
            "Whether the account could sign in when this was last seen, as far as the directory says.",
        )
        .nullable(),
    ],
    navigation: &[],
    ignored: &[],
    description: "What speaks for a risk: a match in a source. It never holds a secret.",
};

/// Positions of evidence's properties, `id` included.
pub mod evidence {
    /// `id`
    pub const ID: usize = 0;
    /// `source`
    pub const SOURCE: usize = 1;
    /// `matchClass`
    pub const MATCH_CLASS: usize = 2;
    /// `matchedAttribute`
    pub const MATCHED_ATTRIBUTE: usize = 3;
    /// `matchedRule`
    pub const MATCHED_RULE: usize = 4;
    /// `firstSeenDateTime`
    pub const FIRST_SEEN_DATE_TIME: usize = 5;
    /// `lastSeenDateTime`
    pub const LAST_SEEN_DATE_TIME: usize = 6;
    /// `occurrences`
    pub const OCCURRENCES: usize = 7;
    /// `accountEnabled`
    pub const ACCOUNT_ENABLED: usize = 8;
}

/// The evidence of one event: no set of its own, but as one.
pub static EVIDENCE_SET: EntitySet = EntitySet::new("evidence", &EVIDENCE);
