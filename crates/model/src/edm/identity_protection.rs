//! Today's API: `riskyUser` and `riskDetection` with their enumerations (graph.md, section 4).

use super::{ENTITY, GRAPH, ID_LENGTH, OPTIONS, RISK_LEVEL, UPN_LENGTH};
use crate::risk::{RiskDetail, RiskState};
use odata::edm::{
    Capabilities, ComplexType, EntitySet, EntityType, EnumType, Member, NavigationProperty, Operand, Operation,
    OperationKind, Property, Sentinel, Singleton, Type,
};

/// `riskState`.
pub static RISK_STATE: EnumType =
    EnumType::new(GRAPH, "riskState", &RiskState::MEMBERS).evolvable(Sentinel { value: 6, is_creatable: false });

/// `riskDetail`. Seven members hide behind its sentinel, `adminConfirmedAccountSafe` among them.
pub static RISK_DETAIL: EnumType =
    EnumType::new(GRAPH, "riskDetail", &RiskDetail::MEMBERS).evolvable(Sentinel { value: 11, is_creatable: false });

/// `riskyUser`: what the risk events of a user add up to.
pub static RISKY_USER: EntityType = EntityType {
    namespace: GRAPH,
    synonyms: &["graph"],
    name: "riskyUser",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("isDeleted", Type::Boolean, "Whether the directory no longer knows the user.").nullable(),
        Property::new("isProcessing", Type::Boolean, "Always false: the sum is kept with every event.")
            .nullable()
            .fixed("false"),
        Property::new("riskDetail", Type::Enum(&RISK_DETAIL), "What brought the risk to where it stands.").nullable(),
        Property::new("riskLastUpdatedDateTime", Type::DateTimeOffset, "When the risk last changed.").nullable(),
        Property::new("riskLevel", Type::Enum(&RISK_LEVEL), "The highest level among the open events.").nullable(),
        Property::new("riskState", Type::Enum(&RISK_STATE), "Where the risk stands.").nullable(),
        Property::new("userDisplayName", Type::text(256), "The user's name, as the directory has it now.").nullable(),
        Property::new("userPrincipalName", Type::text(UPN_LENGTH), "The sign-in name, the same way.").nullable(),
    ],
    navigation: &[NavigationProperty::new("history", &RISKY_USER_HISTORY_ITEM, "What happened, the newest first.")
        .collection()
        .contained()],
    ignored: &[],
    description: "A user at risk, or who once was.",
};

/// Positions of riskyUser's properties, `id` included.
pub mod risky_user {
    /// `id`: the user's
    pub const ID: usize = 0;
    /// `isDeleted`
    pub const IS_DELETED: usize = 1;
    /// `isProcessing`
    pub const IS_PROCESSING: usize = 2;
    /// `riskDetail`
    pub const RISK_DETAIL: usize = 3;
    /// `riskLastUpdatedDateTime`
    pub const RISK_LAST_UPDATED_DATE_TIME: usize = 4;
    /// `riskLevel`
    pub const RISK_LEVEL: usize = 5;
    /// `riskState`
    pub const RISK_STATE: usize = 6;
    /// `userDisplayName`
    pub const USER_DISPLAY_NAME: usize = 7;
    /// `userPrincipalName`
    pub const USER_PRINCIPAL_NAME: usize = 8;
}

/// `riskDetectionTimingType`.
pub static RISK_DETECTION_TIMING_TYPE: EnumType = EnumType::new(
    GRAPH,
    "riskDetectionTimingType",
    &[
        Member { name: "notDefined", value: 0 },
        Member { name: "realtime", value: 1 },
        Member { name: "nearRealtime", value: 2 },
        Member { name: "offline", value: 3 },
        Member { name: "unknownFutureValue", value: 4 },
    ],
)
.evolvable(Sentinel { value: 4, is_creatable: false });

/// `activityType`.
pub static ACTIVITY_TYPE: EnumType = EnumType::new(
    GRAPH,
    "activityType",
    &[
        Member { name: "signin", value: 0 },
        Member { name: "user", value: 1 },
        Member { name: "unknownFutureValue", value: 2 },
        Member { name: "servicePrincipal", value: 3 },
    ],
)
.evolvable(Sentinel { value: 2, is_creatable: false });

/// `tokenIssuerType`, whose sentinel alone has a capital letter (graph.md, section 4.3).
pub static TOKEN_ISSUER_TYPE: EnumType = EnumType::new(
    GRAPH,
    "tokenIssuerType",
    &[
        Member { name: "AzureAD", value: 0 },
        Member { name: "ADFederationServices", value: 1 },
        Member { name: "UnknownFutureValue", value: 2 },
        Member { name: "AzureADBackupAuth", value: 3 },
        Member { name: "ADFederationServicesMFAAdapter", value: 4 },
        Member { name: "NPSExtension", value: 5 },
    ],
)
.evolvable(Sentinel { value: 2, is_creatable: false });

/// `riskEventType`: what `riskType` was before it became a text.
pub static RISK_EVENT_TYPE: EnumType = EnumType::new(
    GRAPH,
    "riskEventType",
    &[
        Member { name: "unlikelyTravel", value: 0 },
        Member { name: "anonymizedIPAddress", value: 1 },
        Member { name: "maliciousIPAddress", value: 2 },
        Member { name: "unfamiliarFeatures", value: 3 },
        Member { name: "malwareInfectedIPAddress", value: 4 },
        Member { name: "suspiciousIPAddress", value: 5 },
        Member { name: "leakedCredentials", value: 6 },
        Member { name: "investigationsThreatIntelligence", value: 7 },
        Member { name: "generic", value: 8 },
        Member { name: "adminConfirmedUserCompromised", value: 9 },
        Member { name: "mcasImpossibleTravel", value: 10 },
        Member { name: "mcasSuspiciousInboxManipulationRules", value: 11 },
        Member { name: "investigationsThreatIntelligenceSigninLinked", value: 12 },
        Member { name: "maliciousIPAddressValidCredentialsBlockedIP", value: 13 },
        Member { name: "unknownFutureValue", value: 14 },
    ],
)
.evolvable(Sentinel { value: 14, is_creatable: false });

/// `geoCoordinates`.
pub static GEO_COORDINATES: ComplexType = ComplexType {
    namespace: GRAPH,
    name: "geoCoordinates",
    properties: &[
        Property::new("altitude", Type::Double, "Metres above the sea.").nullable(),
        Property::new("latitude", Type::Double, "Degrees.").nullable(),
        Property::new("longitude", Type::Double, "Degrees.").nullable(),
    ],
};

/// `signInLocation`.
pub static SIGN_IN_LOCATION: ComplexType = ComplexType {
    namespace: GRAPH,
    name: "signInLocation",
    properties: &[
        Property::new("city", Type::text(256), "The city.").nullable(),
        Property::new("countryOrRegion", Type::text(64), "A country code.").nullable(),
        Property::new("geoCoordinates", Type::Complex(&GEO_COORDINATES), "Where it is.").nullable(),
        Property::new("state", Type::text(256), "The state.").nullable(),
    ],
};

/// `riskDetection`: a risk event as today's API shows it.
pub static RISK_DETECTION: EntityType = EntityType {
    namespace: GRAPH,
    synonyms: &["graph"],
    name: "riskDetection",
    base: Some(&ENTITY),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("activity", Type::Enum(&ACTIVITY_TYPE), "What the risk is linked to: user.")
            .nullable()
            .fixed("\"user\""),
        Property::new("activityDateTime", Type::DateTimeOffset, "When the risk arose; riskEventDateTime.").nullable(),
        Property::new("additionalInfo", Type::text(64 << 10), "More, as a JSON array of Key and Value.").nullable(),
        Property::new("correlationId", Type::text(64), "That of a sign-in; null, as there is none.")
            .nullable()
            .fixed("null"),
        Property::new("detectedDateTime", Type::DateTimeOffset, "When it was recorded; createdDateTime.").nullable(),
        Property::new("detectionTimingType", Type::Enum(&RISK_DETECTION_TIMING_TYPE), "How it was found: offline.")
            .nullable()
            .fixed("\"offline\""),
        Property::new("ipAddress", Type::text(64), "That of a sign-in; null, as there is none.")
            .nullable()
            .fixed("null"),
        Property::new("lastUpdatedDateTime", Type::DateTimeOffset, "When the event was last written.").nullable(),
        Property::new("location", Type::Complex(&SIGN_IN_LOCATION), "That of a sign-in; null, as there is none.")
            .nullable()
            .fixed("null"),
        Property::new("requestId", Type::text(64), "That of a sign-in; null, as there is none.")
            .nullable()
            .fixed("null"),
        Property::new("riskDetail", Type::Enum(&RISK_DETAIL), "What brought the risk to where it stands.").nullable(),
        Property::new("riskEventType", Type::text(256), "The kind of risk; usually leakedCredentials.").nullable(),
        Property::new("riskLevel", Type::Enum(&RISK_LEVEL), "How sure it is that the account is compromised.")
            .nullable(),
        Property::new("riskState", Type::Enum(&RISK_STATE), "Where the risk stands; from riskEventStatus.").nullable(),
        Property::new("source", Type::text(64), "What found it: IdentityProtection.")
            .nullable()
            .fixed("\"IdentityProtection\""),
        Property::new("tokenIssuerType", Type::Enum(&TOKEN_ISSUER_TYPE), "AzureAD.").nullable().fixed("\"AzureAD\""),
        Property::new("userDisplayName", Type::text(256), "The user's name when the event was raised.").nullable(),
        Property::new("userId", Type::text(ID_LENGTH), "The id of the user at risk.").nullable(),
        Property::new("userPrincipalName", Type::text(UPN_LENGTH), "The user's sign-in name at that time.").nullable(),
        Property::new("riskType", Type::Enum(&RISK_EVENT_TYPE), "Deprecated: riskEventType as an enumeration.")
            .nullable(),
    ],
    navigation: &[],
    ignored: &[],
    description: "A risk that was detected: a risk event as today's API shows it.",
};

/// Positions of riskDetection's properties, `id` included.
pub mod risk_detection {
    /// `id`
    pub const ID: usize = 0;
    /// `activity`
    pub const ACTIVITY: usize = 1;
    /// `activityDateTime`
    pub const ACTIVITY_DATE_TIME: usize = 2;
    /// `additionalInfo`
    pub const ADDITIONAL_INFO: usize = 3;
    /// `detectedDateTime`
    pub const DETECTED_DATE_TIME: usize = 5;
    /// `detectionTimingType`
    pub const DETECTION_TIMING_TYPE: usize = 6;
    /// `lastUpdatedDateTime`
    pub const LAST_UPDATED_DATE_TIME: usize = 8;
    /// `riskDetail`
    pub const RISK_DETAIL: usize = 11;
    /// `riskEventType`
    pub const RISK_EVENT_TYPE: usize = 12;
    /// `riskLevel`
    pub const RISK_LEVEL: usize = 13;
    /// `riskState`
    pub const RISK_STATE: usize = 14;
    /// `source`
    pub const SOURCE: usize = 15;
    /// `tokenIssuerType`
    pub const TOKEN_ISSUER_TYPE: usize = 16;
    /// `userDisplayName`
    pub const USER_DISPLAY_NAME: usize = 17;
    /// `userId`
    pub const USER_ID: usize = 18;
    /// `userPrincipalName`
    pub const USER_PRINCIPAL_NAME: usize = 19;
    /// `riskType`
    pub const RISK_TYPE: usize = 20;
    /// What v1.0 answers without `$select`: everything but the deprecated riskType, which came with beta.
    pub const DEFAULT: [usize; 20] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
}

static TEXT: Type = Type::text(256);

/// `riskUserActivity`.
pub static RISK_USER_ACTIVITY: ComplexType = ComplexType {
    namespace: GRAPH,
    name: "riskUserActivity",
    properties: &[
        Property::new("detail", Type::Enum(&RISK_DETAIL), "What was done to the risk; null when it arose.").nullable(),
        Property::new("riskEventTypes", Type::Collection { of: &TEXT, most: 100 }, "The kinds of risk that arose."),
    ],
};

/// `riskyUserHistoryItem`: what happened to a user's risk, and how it stood then.
pub static RISKY_USER_HISTORY_ITEM: EntityType = EntityType {
    namespace: GRAPH,
    synonyms: &["graph"],
    name: "riskyUserHistoryItem",
    base: Some(&RISKY_USER),
    is_abstract: false,
    key: None,
    properties: &[
        Property::new("activity", Type::Complex(&RISK_USER_ACTIVITY), "What happened.").nullable(),
        Property::new("initiatedBy", Type::text(ID_LENGTH), "Who did it: the user of the token, or else the app.")
            .nullable(),
        Property::new("userId", Type::text(ID_LENGTH), "The user's id.").nullable(),
    ],
    navigation: &[],
    ignored: &[],
    description: "An item of the history of a user at risk.",
};

/// Positions of riskyUserHistoryItem's own properties; those of [`risky_user`] come before them.
pub mod history_item {
    /// `activity`
    pub const ACTIVITY: usize = 9;
    /// `initiatedBy`
    pub const INITIATED_BY: usize = 10;
    /// `userId`
    pub const USER_ID: usize = 11;
}

/// `identityProtection`.
pub static IDENTITY_PROTECTION_ROOT: Singleton = Singleton {
    name: "identityProtection",
    namespace: GRAPH,
    type_name: "identityProtectionRoot",
    description: "Risk detections and users at risk.",
};

/// `identityProtection/riskDetections`: every risk event, only read.
pub static RISK_DETECTIONS: EntitySet = EntitySet {
    container: Some(&IDENTITY_PROTECTION_ROOT),
    capabilities: READ,
    ..EntitySet::new("riskDetections", &RISK_DETECTION)
};

/// `identityProtection/riskyUsers`: read, and judged by actions.
pub static RISKY_USERS: EntitySet = EntitySet {
    container: Some(&IDENTITY_PROTECTION_ROOT),
    capabilities: READ,
    ..EntitySet::new("riskyUsers", &RISKY_USER)
};

/// The history of one user at risk: no set of its own, but as one.
pub static RISKY_USER_HISTORY: EntitySet = EntitySet::new("history", &RISKY_USER_HISTORY_ITEM);

/// Everything that can be asked of a set, and nothing written.
const READ: Capabilities = Capabilities { tracks_changes: true, options: OPTIONS, ..Capabilities::NONE };

static USER_ID: Type = Type::nonempty(ID_LENGTH);

/// How many users one verdict may be about (graph.md, section 5.4).
pub const MOST_JUDGED: u32 = 1_000;

static USER_IDS: [Property; 1] = [Property::new(
    "userIds",
    Type::Collection { of: &USER_ID, most: MOST_JUDGED },
    "The ids of the users, 1 to 1,000.",
)];

/// An action over users at risk.
const fn verdict(name: &'static str, description: &'static str) -> Operation {
    Operation {
        namespace: GRAPH,
        name,
        kind: OperationKind::Action,
        binding: Operand::Collection(&RISKY_USER),
        parameters: &USER_IDS,
        returns: None,
        description,
    }
}

/// `dismiss`
pub const DISMISS: Operation = verdict("dismiss", "Accepts the risk of users: closes what is open.");
/// `confirmCompromised`
pub const CONFIRM_COMPROMISED: Operation = verdict("confirmCompromised", "Confirms that users are compromised.");
/// `confirmSafe`
pub const CONFIRM_SAFE: Operation = verdict("confirmSafe", "Confirms that users are safe: closes what is open.");
