//! Spillwatch's entity data model, declared once (contract/graph.md, section 4).
//!
//! Two schemas of Graph's, because the seed document names its type
//! `Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent` while everything else lives in
//! `microsoft.graph`. Each type is also accepted under the other name. What Graph does not have is in a
//! schema of its own, `spillwatch`.
//!
//! A property's position is stored in the change log: new properties go to the end of their type.

mod identity_protection;
mod spillwatch;

use identity_protection::{
    ACTIVITY_TYPE, GEO_COORDINATES, IDENTITY_PROTECTION_ROOT, RISK_DETECTION_TIMING_TYPE, RISK_USER_ACTIVITY,
    SIGN_IN_LOCATION, TOKEN_ISSUER_TYPE,
};
pub use identity_protection::{
    CONFIRM_COMPROMISED, CONFIRM_SAFE, DISMISS, MOST_JUDGED, RISK_DETAIL, RISK_DETECTION, RISK_DETECTIONS,
    RISK_EVENT_TYPE, RISK_STATE, RISKY_USER, RISKY_USER_HISTORY, RISKY_USER_HISTORY_ITEM, RISKY_USERS, history_item,
    risk_detection, risky_user,
};
pub use spillwatch::{EVIDENCE, EVIDENCE_SET, MATCH_CLASS, MOST_EVIDENCE, MOST_EVIDENCE_AT_ONCE, SPILLWATCH, evidence};

use crate::event::{RiskEventStatus, RiskLevel};
use odata::edm::{
    BatchCapabilities, BatchFeature, Capabilities, ComplexType, EntitySet, EntityType, EnumType, Model,
    NavigationBinding, NavigationProperty, Operand, Operation, OperationKind, Property, Schema, Sentinel,
    ServiceCapabilities, Type,
};
use odata::query::SystemOption;
use std::borrow::Cow;

/// Graph's public schema.
pub const GRAPH: &str = "microsoft.graph";
/// The seed document's schema.
pub const IDENTITY_PROTECTION: &str = "Microsoft.IdentityProtectionServices";

/// The longest id, in characters.
pub const ID_LENGTH: u32 = 255;
/// The longest user principal name: 64 characters, `@`, and a domain name of 255.
pub const UPN_LENGTH: u32 = 320;

/// What [`EntityId`](crate::EntityId) takes.
const ID_PATTERN: &str = r"^(?!\.{1,2}$)[A-Za-z0-9._-]+$";
/// The form of a user's userPrincipalName: `name@domain`, without blanks, controls and slashes.
const UPN_PATTERN: &str = r"^[^\s\u0000-\u001F\u007F-\u009F/]+@[^\s\u0000-\u001F\u007F-\u009F/@]+$";

/// `riskLevel`. Its sentinel is one of the levels that the seed document lists for a create.
pub static RISK_LEVEL: EnumType = EnumType::new(GRAPH, "riskLevel", &RiskLevel::MEMBERS)
    .evolvable(Sentinel { value: RiskLevel::UnknownFutureValue as i32, is_creatable: true });

/// `riskEventStatus`.
pub static RISK_EVENT_STATUS: EnumType = EnumType::new(GRAPH, "riskEventStatus", &RiskEventStatus::MEMBERS);

/// `entity`: everything that has an id.
pub static ENTITY: EntityType = EntityType {
    namespace: GRAPH,
    synonyms: &["graph"],
    name: "entity",
    base: None,
    is_abstract: true,
    key: Some("id"),
    properties: &[Property::new("id", Type::nonempty(ID_LENGTH), "Unique and unchangeable; opaque.")
        .nullable()
        .immutable()
        .pattern(ID_PATTERN)],
    navigation: &[],
    ignored: &[],
    description: "Everything that has an id.",
};

/// `identityRiskEvent`: the base of all risk events.
pub static IDENTITY_RISK_EVENT: EntityType = EntityType {
    namespace: GRAPH,
    synonyms: &["graph", IDENTITY_PROTECTION],
    name: "identityRiskEvent",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("userDisplayName", Type::text(256), "The user's name when the event was raised.")
            .nullable()
            .required(),
        Property::new("userPrincipalName", Type::nonempty(UPN_LENGTH), "The user's sign-in name at that time.")
            .nullable()
            .required(),
        Property::new("riskEventDateTime", Type::DateTimeOffset, "When the risk arose, such as the time of the leak.")
            .nullable()
            .required(),
        Property::new("riskEventType", Type::nonempty(256), "The kind of risk; usually leakedCredentials.")
            .nullable()
            .required(),
        Property::new("riskLevel", Type::Enum(&RISK_LEVEL), "How sure it is that the account is compromised.")
            .nullable()
            .required(),
        Property::new(
            "riskEventStatus",
            Type::Enum(&RISK_EVENT_STATUS),
            "Whether the event is open, or how it was closed.",
        )
        .nullable()
        .required(),
        Property::new("closedDateTime", Type::DateTimeOffset, "When the event was closed; null while it is open.")
            .nullable(),
        Property::new("createdDateTime", Type::DateTimeOffset, "When the event was recorded.").nullable().immutable(),
        Property::new("userId", Type::nonempty(ID_LENGTH), "The id of the user at risk.").nullable().required(),
    ],
    navigation: &[
        NavigationProperty::new("impactedUser", &USER, "The user at risk, as the directory knows them now."),
        NavigationProperty::new("evidence", &EVIDENCE, "What speaks for the risk, and where it was found.")
            .collection()
            .contained()
            .created_with(MOST_EVIDENCE_AT_ONCE),
    ],
    ignored: &["riskType"], // the enum-valued forerunner of riskEventType, in every sample of old clients
    description: "A risk event of a user.",
};

/// Positions of identityRiskEvent's properties, `id` included.
pub mod event {
    /// `id`
    pub const ID: usize = 0;
    /// `userDisplayName`
    pub const USER_DISPLAY_NAME: usize = 1;
    /// `userPrincipalName`
    pub const USER_PRINCIPAL_NAME: usize = 2;
    /// `riskEventDateTime`
    pub const RISK_EVENT_DATE_TIME: usize = 3;
    /// `riskEventType`
    pub const RISK_EVENT_TYPE: usize = 4;
    /// `riskLevel`
    pub const RISK_LEVEL: usize = 5;
    /// `riskEventStatus`
    pub const RISK_EVENT_STATUS: usize = 6;
    /// `closedDateTime`
    pub const CLOSED_DATE_TIME: usize = 7;
    /// `createdDateTime`
    pub const CREATED_DATE_TIME: usize = 8;
    /// `userId`
    pub const USER_ID: usize = 9;
    /// `impactedUser`: a relation, which the change log counts after the properties.
    pub const IMPACTED_USER: usize = 10;
    /// What brought the risk to where it stands: today's API shows it, so the change log counts it.
    pub const RISK_DETAIL: usize = 11;
    /// `evidence`: a relation, which the change log counts too. As a value it is `additionalInfo` of the
    /// detection, which tells of it.
    pub const EVIDENCE: usize = 12;
    /// When it was last written. From here on: nothing that an event holds, but what stores work out of it
    /// where today's API asks.
    pub const LAST_UPDATED_DATE_TIME: usize = 13;
    /// `riskState` of its detection.
    pub const RISK_STATE: usize = 14;
    /// The id of its detection.
    pub const DETECTION_ID: usize = 15;
    /// `riskEventType` of its detection: one spelling of leakedCredentials.
    pub const DETECTION_TYPE: usize = 16;
    /// `riskType` of its detection.
    pub const DETECTION_RISK_TYPE: usize = 17;
}

/// `leakedCredentialsRiskEvent`: this user's current password is out there.
pub static LEAKED_CREDENTIALS_RISK_EVENT: EntityType = EntityType {
    namespace: IDENTITY_PROTECTION,
    synonyms: &[GRAPH, "graph"],
    name: "leakedCredentialsRiskEvent",
    base: Some(&IDENTITY_RISK_EVENT),
    is_abstract: false,
    key: None,
    properties: &[],
    navigation: &[],
    ignored: &[],
    description: "The user's credentials have been leaked.",
};

/// `passwordProfile`: taken in so that code written for Graph works, checked, and forgotten.
pub static PASSWORD_PROFILE: ComplexType = ComplexType {
    namespace: GRAPH,
    name: "passwordProfile",
    properties: &[
        Property::new("forceChangePasswordNextSignIn", Type::Boolean, "Not kept.").nullable().write_only(),
        Property::new("forceChangePasswordNextSignInWithMfa", Type::Boolean, "Not kept.").nullable().write_only(),
        Property::new("password", Type::text(256), "Not kept.").nullable().write_only(),
    ],
};

static PHONE: Type = Type::text(64);

/// `user`: an account of the organisation's directory.
pub static USER: EntityType = EntityType {
    namespace: GRAPH,
    synonyms: &["graph"],
    name: "user",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("accountEnabled", Type::Boolean, "Whether the account can sign in.").nullable().required(),
        Property::new("businessPhones", Type::Collection { of: &PHONE, most: 100 }, "Telephone numbers."),
        Property::new("createdDateTime", Type::DateTimeOffset, "When the user was recorded.").nullable().immutable(),
        Property::new("department", Type::text(256), "The department.").nullable(),
        Property::new("displayName", Type::nonempty(256), "The name shown to people.").nullable().required(),
        Property::new("givenName", Type::text(256), "The given name.").nullable(),
        Property::new("jobTitle", Type::text(256), "The job title.").nullable(),
        Property::new("mail", Type::text(UPN_LENGTH), "The mail address.").nullable(),
        Property::new("mailNickname", Type::nonempty(64), "The local part of the mail address.").nullable().required(),
        Property::new("mobilePhone", Type::text(64), "The mobile number.").nullable(),
        Property::new("officeLocation", Type::text(256), "Where the user works.").nullable(),
        Property::new("preferredLanguage", Type::text(64), "A language tag such as en-GB.").nullable(),
        Property::new("surname", Type::text(256), "The family name.").nullable(),
        Property::new("usageLocation", Type::text(64), "A country code.").nullable(),
        Property::new(
            "userPrincipalName",
            Type::nonempty(UPN_LENGTH),
            "The sign-in name; unique, compared ignoring case.",
        )
        .nullable()
        .required()
        .pattern(UPN_PATTERN),
        Property::new("userType", Type::text(64), "Member or Guest.").nullable(),
        Property::new("passwordProfile", Type::Complex(&PASSWORD_PROFILE), "Taken in, never kept or given out.")
            .nullable()
            .required()
            .write_only(),
    ],
    navigation: &[],
    ignored: &[],
    description: "An account of the directory.",
};

/// Positions of user's properties, `id` included.
pub mod user {
    /// `id`
    pub const ID: usize = 0;
    /// `accountEnabled`
    pub const ACCOUNT_ENABLED: usize = 1;
    /// `businessPhones`
    pub const BUSINESS_PHONES: usize = 2;
    /// `createdDateTime`
    pub const CREATED_DATE_TIME: usize = 3;
    /// `department`
    pub const DEPARTMENT: usize = 4;
    /// `displayName`
    pub const DISPLAY_NAME: usize = 5;
    /// `givenName`
    pub const GIVEN_NAME: usize = 6;
    /// `mail`
    pub const MAIL: usize = 8;
    /// `mailNickname`
    pub const MAIL_NICKNAME: usize = 9;
    /// `surname`
    pub const SURNAME: usize = 13;
    /// `userPrincipalName`
    pub const USER_PRINCIPAL_NAME: usize = 15;
    /// `passwordProfile`
    pub const PASSWORD_PROFILE: usize = 17;
    /// What is answered without `$select`, in Graph's order (graph.md, section 7).
    pub const DEFAULT: [usize; 11] = [2, 5, 6, 0, 7, 8, 10, 11, 12, 13, 15];
}

/// The query options of every set.
const OPTIONS: &[SystemOption] = &[
    SystemOption::Count,
    SystemOption::Expand,
    SystemOption::Filter,
    SystemOption::Format,
    SystemOption::OrderBy,
    SystemOption::Search,
    SystemOption::Select,
    SystemOption::Skip,
    SystemOption::SkipToken,
    SystemOption::Top,
];

/// What can be done with a set, to which entities of a type can be added.
const fn all_of(creates: &'static EntityType) -> Capabilities {
    Capabilities { options: OPTIONS, creates: Some(creates), updates: true, deletes: true, tracks_changes: true }
}

/// Where the users at risk are.
static IMPACTED_USERS: [NavigationBinding; 1] = [NavigationBinding { path: "impactedUser", target: &USERS }];

/// `leakedCredentialsRiskEvents`
pub static LEAKED_CREDENTIALS_RISK_EVENTS: EntitySet = EntitySet {
    name: "leakedCredentialsRiskEvents",
    container: None,
    entity_type: &LEAKED_CREDENTIALS_RISK_EVENT,
    alternate_key: None,
    polymorphic: false,
    announces_type: true,
    bindings: &IMPACTED_USERS,
    capabilities: all_of(&LEAKED_CREDENTIALS_RISK_EVENT),
};

/// `identityRiskEvents`: every risk event, of whatever type, under the same id.
pub static IDENTITY_RISK_EVENTS: EntitySet = EntitySet {
    name: "identityRiskEvents",
    container: None,
    entity_type: &IDENTITY_RISK_EVENT,
    alternate_key: None,
    polymorphic: true,
    announces_type: true,
    bindings: &IMPACTED_USERS,
    capabilities: all_of(&LEAKED_CREDENTIALS_RISK_EVENT),
};

/// `users`
pub static USERS: EntitySet = EntitySet {
    name: "users",
    container: None,
    entity_type: &USER,
    alternate_key: Some("userPrincipalName"),
    polymorphic: false,
    announces_type: false,
    bindings: &[],
    capabilities: all_of(&USER),
};

/// `delta` on a collection of a type: what has changed since an earlier call.
const fn delta(ty: &'static EntityType) -> Operation {
    Operation {
        namespace: GRAPH,
        name: "delta",
        kind: OperationKind::Function,
        binding: Operand::Collection(ty),
        parameters: &[],
        returns: Some(Operand::Collection(ty)),
        description: "What was added, changed and deleted since the deltaLink of an earlier answer.",
    }
}

/// Everything that is declared.
pub static MODEL: Model = Model {
    schemas: &[
        Schema { namespace: GRAPH, alias: Some("graph") },
        Schema { namespace: IDENTITY_PROTECTION, alias: None },
        Schema { namespace: SPILLWATCH, alias: None },
    ],
    container: "GraphService",
    entity_types: &[
        &ENTITY,
        &IDENTITY_RISK_EVENT,
        &LEAKED_CREDENTIALS_RISK_EVENT,
        &USER,
        &RISK_DETECTION,
        &RISKY_USER,
        &RISKY_USER_HISTORY_ITEM,
        &EVIDENCE,
    ],
    complex_types: &[&PASSWORD_PROFILE, &SIGN_IN_LOCATION, &GEO_COORDINATES, &RISK_USER_ACTIVITY],
    enum_types: &[
        &RISK_LEVEL,
        &RISK_EVENT_STATUS,
        &RISK_STATE,
        &RISK_DETAIL,
        &RISK_DETECTION_TIMING_TYPE,
        &ACTIVITY_TYPE,
        &TOKEN_ISSUER_TYPE,
        &RISK_EVENT_TYPE,
        &MATCH_CLASS,
    ],
    singletons: &[&IDENTITY_PROTECTION_ROOT],
    entity_sets: &[&LEAKED_CREDENTIALS_RISK_EVENTS, &IDENTITY_RISK_EVENTS, &USERS, &RISK_DETECTIONS, &RISKY_USERS],
    operations: &[
        delta(&LEAKED_CREDENTIALS_RISK_EVENT),
        delta(&IDENTITY_RISK_EVENT),
        delta(&USER),
        delta(&RISK_DETECTION),
        delta(&RISKY_USER),
        DISMISS,
        CONFIRM_COMPROMISED,
        CONFIRM_SAFE,
    ],
    capabilities: ServiceCapabilities {
        versions: "4.0 4.01",
        formats: &[
            "application/json;odata.metadata=minimal",
            "application/json;odata.metadata=full",
            "application/json;odata.metadata=none",
        ],
        metadata_formats: &["application/xml", "application/json"],
        encodings: &["gzip"],
        batch: BatchCapabilities {
            formats: &["application/json", "multipart/mixed"],
            features: &[
                BatchFeature::ContinueOnError,
                BatchFeature::ReferencesInBodies,
                BatchFeature::ReferencesAcrossChangeSets,
                BatchFeature::EtagReferences,
            ],
        },
        repeatable: true,
    },
};

/// The name under which a type is announced: the seed's by default.
pub fn seed_type_name(ty: &EntityType) -> Cow<'static, str> {
    if ty.is(&LEAKED_CREDENTIALS_RISK_EVENT) {
        "Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent".into()
    } else {
        graph_type_name(ty)
    }
}

/// The name under which a type is announced when `odata.type-namespace` is `microsoft.graph`.
pub fn graph_type_name(ty: &EntityType) -> Cow<'static, str> {
    if ty.is(&LEAKED_CREDENTIALS_RISK_EVENT) {
        "microsoft.graph.leakedCredentialsRiskEvent".into()
    } else if ty.is(&IDENTITY_RISK_EVENT) {
        "microsoft.graph.identityRiskEvent".into()
    } else {
        ty.qualified_name().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_declaration() {
        let named = |ty: &EntityType, position: usize, name: &str| {
            assert_eq!(ty.property(name).expect(name).0, position, "{name}");
        };
        let ty = &LEAKED_CREDENTIALS_RISK_EVENT;
        named(ty, event::ID, "id");
        named(ty, event::USER_DISPLAY_NAME, "userDisplayName");
        named(ty, event::USER_PRINCIPAL_NAME, "userPrincipalName");
        named(ty, event::RISK_EVENT_DATE_TIME, "riskEventDateTime");
        named(ty, event::RISK_EVENT_TYPE, "riskEventType");
        named(ty, event::RISK_LEVEL, "riskLevel");
        named(ty, event::RISK_EVENT_STATUS, "riskEventStatus");
        named(ty, event::CLOSED_DATE_TIME, "closedDateTime");
        named(ty, event::CREATED_DATE_TIME, "createdDateTime");
        named(ty, event::USER_ID, "userId");
        assert_eq!(ty.property_count(), event::IMPACTED_USER);
        named(&USER, user::ACCOUNT_ENABLED, "accountEnabled");
        named(&USER, user::BUSINESS_PHONES, "businessPhones");
        named(&USER, user::CREATED_DATE_TIME, "createdDateTime");
        named(&USER, user::DEPARTMENT, "department");
        named(&USER, user::DISPLAY_NAME, "displayName");
        named(&USER, user::MAIL_NICKNAME, "mailNickname");
        named(&USER, user::USER_PRINCIPAL_NAME, "userPrincipalName");
        named(&USER, user::PASSWORD_PROFILE, "passwordProfile");
        let all = USER.all_properties();
        let default: Vec<&str> = user::DEFAULT.iter().map(|at| all[*at].name).collect();
        let documented = "businessPhones displayName givenName id jobTitle mail mobilePhone officeLocation \
                          preferredLanguage surname userPrincipalName";
        assert_eq!(default.join(" "), documented);
    }

    #[test]
    fn every_type_is_announced_by_a_name_of_its_own() {
        for name in [seed_type_name, graph_type_name] {
            for ty in MODEL.entity_types {
                assert!(ty.is_named(&name(ty)), "{}", ty.name);
            }
        }
    }

    #[test]
    fn both_type_names_are_understood_in_any_case_with_and_without_hash() {
        for name in [
            "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent",
            "microsoft.identityprotectionservices.LEAKEDCREDENTIALSRISKEVENT",
            "#microsoft.graph.leakedCredentialsRiskEvent",
            "graph.leakedCredentialsRiskEvent",
        ] {
            let found = MODEL.entity_type(name).expect(name);
            assert!(std::ptr::eq(found, &raw const LEAKED_CREDENTIALS_RISK_EVENT), "{name}");
        }
        assert!(MODEL.entity_type("leakedCredentialsRiskEvent").is_none());
        assert!(MODEL.entity_type("#microsoft.graph.malwareRiskEvent").is_none());
    }
}
