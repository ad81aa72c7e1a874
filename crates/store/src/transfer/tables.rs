//! What there is to move.

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Numbers and times.
    Integer,
    /// 0 and 1.
    Boolean,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What it is called.
    pub name: &'static str,
    /// What it holds, or null.
    pub ty: Type,
}

/// A table. No table of ours has more than one key, and rows refer to others by what they are, never by a number that a
/// store gave out by itself.
#[derive(Debug)]
pub struct Table {
    /// What it is called.
    pub name: &'static str,
    /// How many of the columns, from the first on, are its key.
    pub key: usize,
    /// What it holds.
    pub columns: &'static [Column],
    /// How many rows are moved in one transaction.
    pub chunk: u32,
}

impl Table {
    /// Whether its key begins with the number of a tenant, whose rows are read one after another.
    pub fn is_by_tenant(&self) -> bool {
        self.key > 1 && self.columns[0].name == "tenant"
    }
}

const fn integer(name: &'static str) -> Column {
    Column { name, ty: Type::Integer }
}

const fn boolean(name: &'static str) -> Column {
    Column { name, ty: Type::Boolean }
}

const fn text(name: &'static str) -> Column {
    Column { name, ty: Type::Text }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, ty: Type::Bytes }
}

/// Rows of a transaction: some megabytes, and long enough for a commit to be a small part of the work.
const CHUNK: u32 = 4000;

/// Everything, in the order in which it is moved: who is referred to comes first.
pub static TABLES: [&Table; 20] = [
    &TENANTS,
    &APPS,
    &APP_SECRETS,
    &ACTORS,
    &USERS,
    &RISKY_USERS,
    &CHANGES,
    &RISK_EVENTS,
    &DETECTIONS,
    &EVIDENCE,
    &ACCOUNTS,
    &VERIFIERS,
    &JOBS,
    &JOB_RECORDS,
    &FOUND_CREDENTIALS,
    &TASKS,
    &CANDIDATES,
    &RETAINED_CANDIDATES,
    &TOTALS,
    &REPEATABLE_REQUESTS,
];

/// Tenants.
static TENANTS: Table = Table {
    name: "tenants",
    key: 1,
    columns: &[
        integer("tenant"),
        text("id"),
        text("name"),
        integer("created"),
        integer("last_sequence"),
        integer("last_time"),
    ],
    chunk: CHUNK,
};

static APPS: Table = Table {
    name: "apps",
    key: 1,
    columns: &[text("id"), integer("tenant"), text("name"), text("permissions"), integer("created")],
    chunk: CHUNK,
};

static APP_SECRETS: Table = Table {
    name: "app_secrets",
    key: 2,
    columns: &[text("app"), text("id"), bytes("sha256"), integer("created"), integer("expires")],
    chunk: CHUNK,
};

/// Who did something. Each store has numbers of its own for them.
static ACTORS: Table = Table {
    name: "actors",
    key: 3,
    columns: &[integer("tenant"), text("app"), text("user_name"), integer("forgotten")],
    chunk: CHUNK,
};

static USERS: Table = Table {
    name: "users",
    key: 2,
    columns: &[
        integer("tenant"),
        integer("key"),
        integer("version"),
        text("id"),
        text("folded_name"),
        boolean("account_enabled"),
        text("business_phones"),
        integer("created_date_time"),
        text("department"),
        text("display_name"),
        text("given_name"),
        text("job_title"),
        text("mail"),
        text("mail_nickname"),
        text("mobile_phone"),
        text("office_location"),
        text("preferred_language"),
        text("surname"),
        text("usage_location"),
        text("user_principal_name"),
        text("user_type"),
    ],
    chunk: CHUNK,
};

static RISKY_USERS: Table = Table {
    name: "risky_users",
    key: 2,
    columns: &[
        integer("tenant"),
        integer("key"),
        text("user_id"),
        text("user_display_name"),
        text("user_principal_name"),
        boolean("is_known"),
        boolean("is_deleted"),
        boolean("names_are_told"),
        integer("version"),
        integer("newest"),
        integer("risk_last_updated_date_time"),
        integer("risk_level"),
        integer("risk_state"),
        integer("risk_detail"),
        integer("closed_state"),
        integer("closed_detail"),
        integer("events"),
        integer("open_low"),
        integer("open_medium"),
        integer("open_high"),
        integer("open_hidden"),
        integer("open_none"),
        integer("open_unknown"),
        integer("open_confirmed"),
    ],
    chunk: CHUNK,
};

/// The change log; whose change it is, by their names.
static CHANGES: Table = Table {
    name: "changes",
    key: 2,
    columns: &[
        integer("tenant"),
        integer("sequence"),
        integer("entity_set"),
        text("id"),
        integer("kind"),
        integer("properties"),
        integer("time"),
        text("actor_app"),
        text("actor_user"),
        integer("risky_user"),
        integer("previous"),
        integer("risk_level"),
        integer("risk_state"),
        integer("risk_detail"),
        boolean("is_deleted"),
        integer("activity_detail"),
        text("risk_event_type"),
        text("user_display_name"),
        text("user_principal_name"),
    ],
    chunk: CHUNK,
};

/// Risk events, with what answers have of them: it is rendered alike in every store.
static RISK_EVENTS: Table = Table {
    name: "risk_events",
    key: 2,
    columns: &[
        integer("tenant"),
        integer("key"),
        integer("kind"),
        integer("version"),
        text("members"),
        text("id"),
        boolean("named"),
        text("user_display_name"),
        text("user_principal_name"),
        integer("risk_event_date_time"),
        text("risk_event_type"),
        integer("risk_level"),
        integer("risk_event_status"),
        integer("closed_date_time"),
        integer("created_date_time"),
        text("user_id"),
        text("impacted_user"),
        integer("risk_detail"),
        integer("last_updated_date_time"),
        text("additional_info"),
    ],
    chunk: CHUNK,
};

static DETECTIONS: Table =
    Table { name: "detections", key: 2, columns: &[integer("tenant"), integer("key"), text("id")], chunk: CHUNK };

static EVIDENCE: Table = Table {
    name: "evidence",
    key: 3,
    columns: &[
        integer("tenant"),
        integer("event"),
        integer("number"),
        integer("creation"),
        integer("version"),
        text("source"),
        integer("match_class"),
        text("matched_attribute"),
        text("matched_rule"),
        integer("first_seen"),
        integer("last_seen"),
        integer("occurrences"),
        boolean("account_enabled"),
    ],
    chunk: CHUNK,
};

/// Accounts in imported directories.
static ACCOUNTS: Table = Table {
    name: "accounts",
    key: 3,
    columns: &[
        integer("tenant"),
        text("source"),
        text("key"),
        text("user_id"),
        text("names"),
        boolean("is_administrator"),
        integer("verifiers"),
        bytes("verifier_tag"),
        boolean("is_outdated"),
        integer("version"),
    ],
    chunk: CHUNK,
};

/// Verifiers, sealed as they are: the key is in no store.
static VERIFIERS: Table = Table {
    name: "verifiers",
    key: 2,
    columns: &[integer("tenant"), integer("number"), text("source"), text("key"), text("user_id"), bytes("sealed")],
    chunk: CHUNK,
};

static JOBS: Table = Table {
    name: "jobs",
    key: 2,
    columns: &[
        integer("tenant"),
        integer("number"),
        text("id"),
        integer("kind"),
        integer("state"),
        integer("created"),
        integer("ended"),
        integer("lease"),
        text("parameters"),
        text("progress"),
        text("message"),
        integer("version"),
    ],
    chunk: CHUNK,
};

/// How things were before jobs changed them. Such an image can be long: an event with a thousand items of evidence.
static JOB_RECORDS: Table = Table {
    name: "job_records",
    key: 5,
    columns: &[
        integer("tenant"),
        integer("job"),
        integer("kind"),
        text("source"),
        text("id"),
        integer("sequence"),
        boolean("is_gone"),
        text("user_id"),
        text("image"),
    ],
    chunk: 250,
};

static FOUND_CREDENTIALS: Table = Table {
    name: "found_credentials",
    key: 8,
    columns: &[
        integer("tenant"),
        integer("job"),
        text("user_id"),
        bytes("fingerprint"),
        text("source"),
        integer("match_class"),
        text("matched_attribute"),
        text("matched_rule"),
        text("account_source"),
        text("account_key"),
        integer("verifiers"),
        integer("as_of"),
        integer("leaked"),
        integer("first_seen"),
        integer("last_seen"),
        integer("occurrences"),
        text("place_document"),
        integer("place_offset"),
        integer("place_line"),
        text("place_shape"),
        text("place_host"),
        integer("pending"),
    ],
    chunk: CHUNK,
};

static TOTALS: Table = Table {
    name: "totals",
    key: 4,
    columns: &[
        integer("tenant"),
        integer("subject"),
        integer("risk_level"),
        integer("risk_event_status"),
        integer("count"),
    ],
    chunk: CHUNK,
};

/// Repeatable requests. What one came to can be long: a list of a thousand entities.
static REPEATABLE_REQUESTS: Table = Table {
    name: "repeatable_requests",
    key: 2,
    columns: &[
        integer("tenant"),
        integer("number"),
        text("actor_app"),
        text("actor_user"),
        text("request_id"),
        integer("first_sent"),
        integer("expires"),
        bytes("digest"),
        text("outcomes"),
    ],
    chunk: 250,
};

static TASKS: Table = Table {
    name: "tasks",
    key: 3,
    columns: &[
        integer("tenant"),
        integer("job"),
        integer("number"),
        integer("kind"),
        integer("priority"),
        integer("state"),
        text("payload"),
        text("claim"),
        text("holder"),
        integer("lease"),
        integer("attempts"),
        text("result"),
        text("message"),
    ],
    chunk: CHUNK,
};

/// Passwords that wait to be checked, sealed as they are, and what was decided of others.
static CANDIDATES: Table = Table {
    name: "candidates",
    key: 3,
    columns: &[
        integer("tenant"),
        text("user_id"),
        bytes("fingerprint"),
        integer("priority"),
        bytes("sealed"),
        text("claim"),
        text("holder"),
        integer("lease"),
        integer("attempts"),
        integer("judged"),
        text("account_source"),
        text("account_key"),
        integer("verifiers"),
        integer("as_of"),
        text("message"),
    ],
    chunk: CHUNK,
};

/// What is kept for users who come later, sealed as it is.
static RETAINED_CANDIDATES: Table = Table {
    name: "retained_candidates",
    key: 3,
    columns: &[integer("tenant"), bytes("name"), bytes("credential"), integer("expires"), bytes("sealed")],
    chunk: CHUNK,
};
