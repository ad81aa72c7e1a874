//! What a user is in SCIM, declared once: bodies, paths and filters are held against these tables, and `/Schemas` shows
//! them (RFC 7643, sections 2, 4.1, 4.3 and 7).

use serde_json::{Value, json};

/// The schema of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of what companies know of users besides.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// Whether something is so.
    Boolean,
    /// A time.
    DateTime,
    /// The address of something.
    Reference,
    /// A group of attributes.
    Complex,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// Clients.
    ReadWrite,
    /// The server alone.
    ReadOnly,
    /// Clients, and nobody reads it.
    WriteOnly,
}

/// When it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Whatever is asked for.
    Always,
    /// Unless something else is asked for.
    Default,
    /// Never.
    Never,
}

/// An attribute.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are what RFC 7643, section 7, calls them")]
pub struct Attribute {
    /// The name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it has any number of values.
    pub several: bool,
    /// Whether every user has it.
    pub required: bool,
    /// Whether case tells its values apart.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Whether no two users have the same.
    pub unique: bool,
    /// Values that mean something.
    pub canonical: &'static [&'static str],
    /// What it is made of.
    pub parts: &'static [Attribute],
    /// Whether values are kept. Others are known by name alone: what is sent of them is passed over.
    pub kept: bool,
    /// What it is, for people.
    pub description: &'static str,
}

impl Attribute {
    const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Text,
            several: false,
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            unique: false,
            canonical: &[],
            parts: &[],
            kept: true,
            description,
        }
    }

    const fn boolean(name: &'static str, description: &'static str) -> Self {
        Self { kind: Kind::Boolean, ..Self::text(name, description) }
    }

    const fn unkept(name: &'static str) -> Self {
        Self { kept: false, returned: Returned::Never, ..Self::text(name, "") }
    }

    const fn group(name: &'static str, parts: &'static [Self], description: &'static str) -> Self {
        Self { kind: Kind::Complex, parts, ..Self::text(name, description) }
    }

    const fn several(self) -> Self {
        Self { several: true, ..self }
    }

    const fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    const fn of(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    /// The part with a name, however it is spelt.
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        self.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name))
    }
}

/// Types of addresses.
pub const EMAIL_TYPES: [&str; 3] = ["work", "home", "other"];
/// What roles are called whose users administer something; the first is what is shown.
pub const ADMINISTRATORS: [&str; 2] = ["administrator", "admin"];

/// Attributes that every resource has (RFC 7643, section 3.1).
pub static COMMON: [Attribute; 4] = [
    Attribute { required: true, returned: Returned::Always, ..Attribute::text("schemas", "") }
        .several()
        .read_only()
        .exact(),
    Attribute { returned: Returned::Always, unique: true, ..Attribute::text("id", "") }.read_only().exact(),
    Attribute { unique: true, ..Attribute::text("externalId", "") }.exact(),
    Attribute::group("meta", &META, "").read_only(),
];

static META: [Attribute; 5] = [
    Attribute::text("resourceType", "").read_only().exact(),
    Attribute { kind: Kind::DateTime, ..Attribute::text("created", "") }.read_only(),
    Attribute { kind: Kind::DateTime, ..Attribute::text("lastModified", "") }.read_only(),
    Attribute { kind: Kind::Reference, ..Attribute::text("location", "") }.read_only().exact(),
    Attribute::text("version", "").read_only().exact(),
];

/// Attributes of users.
pub static ATTRIBUTES: [Attribute; 23] = [
    Attribute {
        required: true,
        unique: true,
        ..Attribute::text(
            "userName",
            "The sign-in name, compared ignoring case: name@domain, or a name without a domain.",
        )
    },
    Attribute::group("name", &NAME, "The parts of the person's name."),
    Attribute::text("displayName", "The name shown to people."),
    Attribute::boolean("active", "Whether the account may sign in."),
    Attribute {
        mutability: Mutability::WriteOnly,
        returned: Returned::Never,
        ..Attribute::text("password", "The password. What proves it is derived and sealed, and the password dropped.")
            .exact()
    },
    Attribute::group("emails", &EMAIL, "Addresses: the primary one is the mail address, others are names of the user.")
        .several(),
    Attribute::group(
        "roles",
        &ROLE,
        "What the user administers: a role called administrator or admin says that they do.",
    )
    .several(),
    Attribute::unkept("nickName"),
    Attribute::unkept("profileUrl"),
    Attribute::unkept("title"),
    Attribute::unkept("userType"),
    Attribute::unkept("preferredLanguage"),
    Attribute::unkept("locale"),
    Attribute::unkept("timezone"),
    Attribute::unkept("phoneNumbers").several(),
    Attribute::unkept("ims").several(),
    Attribute::unkept("photos").several(),
    Attribute::unkept("addresses").several(),
    Attribute::unkept("groups").several(),
    Attribute::unkept("entitlements").several(),
    Attribute::unkept("x509Certificates").several(),
    Attribute::unkept("sourceSystem"),
    Attribute::unkept("primaryEmail"),
];

static NAME: [Attribute; 6] = [
    Attribute::text("formatted", "The whole name: the given and the family name.").read_only(),
    Attribute::text("familyName", "The family name."),
    Attribute::text("givenName", "The given name."),
    Attribute::unkept("middleName"),
    Attribute::unkept("honorificPrefix"),
    Attribute::unkept("honorificSuffix"),
];

static EMAIL: [Attribute; 4] = [
    Attribute::text("value", "The address."),
    Attribute::text("type", "What it is for.").of(&EMAIL_TYPES),
    Attribute::boolean("primary", "Whether it is the mail address. One at most is."),
    Attribute::unkept("display"),
];

static ROLE: [Attribute; 4] = [
    Attribute::text("value", "The role. Others than administrator are not kept.").of(&["administrator"]),
    Attribute::unkept("display"),
    Attribute::unkept("type"),
    Attribute::unkept("primary"),
];

/// Attributes of the enterprise's extension.
pub static ENTERPRISE_ATTRIBUTES: [Attribute; 6] = [
    Attribute::text("department", "The department."),
    Attribute::unkept("employeeNumber"),
    Attribute::unkept("costCenter"),
    Attribute::unkept("organization"),
    Attribute::unkept("division"),
    Attribute::unkept("manager"),
];

/// The attribute with a name, of the extension or of users, however it is spelt.
pub fn find(is_extension: bool, name: &str) -> Option<&'static Attribute> {
    let named = |attribute: &&Attribute| attribute.name.eq_ignore_ascii_case(name);
    if is_extension {
        return ENTERPRISE_ATTRIBUTES.iter().find(named);
    }
    ATTRIBUTES.iter().find(named).or_else(|| COMMON.iter().find(named))
}

fn described(attribute: &Attribute) -> Value {
    let mut shown = json!({
        "name": attribute.name,
        "type": attribute.kind.name(),
        "multiValued": attribute.several,
        "description": attribute.description,
        "required": attribute.required,
        "mutability": match attribute.mutability {
            Mutability::ReadWrite => "readWrite",
            Mutability::ReadOnly => "readOnly",
            Mutability::WriteOnly => "writeOnly",
        },
        "returned": match attribute.returned {
            Returned::Always => "always",
            Returned::Default => "default",
            Returned::Never => "never",
        },
    });
    if attribute.kind == Kind::Complex {
        shown["subAttributes"] = attribute.parts.iter().filter(|part| part.kept).map(described).collect();
        return shown;
    }
    if attribute.kind == Kind::Text {
        shown["caseExact"] = json!(attribute.case_exact);
        shown["uniqueness"] = json!(if attribute.unique { "server" } else { "none" });
    }
    if !attribute.canonical.is_empty() {
        shown["canonicalValues"] = json!(attribute.canonical);
    }
    shown
}

/// The schemas as `/Schemas` shows them.
pub fn schemas(root: &str) -> [Value; 2] {
    let schema = |id: &str, name: &str, description: &str, attributes: &[Attribute]| {
        let attributes: Vec<Value> = attributes.iter().filter(|attribute| attribute.kept).map(described).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id,
            "name": name,
            "description": description,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": format!("{root}/Schemas/{id}")},
        })
    };
    [
        schema(USER, "User", "A user of the directory.", &ATTRIBUTES),
        schema(ENTERPRISE, "EnterpriseUser", "What companies know of a user.", &ENTERPRISE_ATTRIBUTES),
    ]
}

/// The types of resources as `/ResourceTypes` shows them.
pub fn resource_types(root: &str) -> [Value; 1] {
    [json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "description": "A user of the directory.",
        "endpoint": "/Users",
        "schema": USER,
        "schemaExtensions": [{"schema": ENTERPRISE, "required": false}],
        "meta": {"resourceType": "ResourceType", "location": format!("{root}/ResourceTypes/User")},
    })]
}

/// What is served, as `/ServiceProviderConfig` shows it (RFC 7643, section 5).
pub fn service_provider(root: &str, payload: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": super::bulk::MOST, "maxPayloadSize": payload},
        "filter": {"supported": true, "maxResults": super::list::MOST},
        "changePassword": {"supported": true},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth bearer token",
            "description": "A token with the permission Spillwatch.Scim.ReadWrite.All in the Authorization header.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{root}/ServiceProviderConfig")},
    })
}
