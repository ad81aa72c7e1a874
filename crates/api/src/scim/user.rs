//! Users: from what the directory knows to a SCIM resource, and from a client's draft to what the directory is told.

use super::body::{Draft, is_administrator, is_primary};
use super::error::{ScimError, ScimType};
use super::schema::{ADMINISTRATORS, ENTERPRISE, USER};
use directory::{DirectoryUser, VerifierText};
use model::{Account, AccountName, EntityId, Ticks, edm};
use odata::encode::{Cell, CellError, Row, etag};
use odata::path::encode_segment;
use serde_json::{Map, Value, json};
use service::{Known, Told, alias_of, external_key};

/// The mark that keeps the addresses as the client told them: which is which is not seen from the names of an account.
const EMAILS: &str = "scim.emails";
/// The mark that says that the client told no displayName, and the user's name stands for it.
const UNNAMED: &str = "scim.unnamed";
/// The longest key that a client may have for a user, in characters.
const LONGEST_KEY: usize = 512;

/// What the directory knows of a user, as far as SCIM shows it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The id.
    pub id: EntityId,
    upn: String,
    display_name: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    mail: Option<String>,
    department: Option<String>,
    enabled: Option<bool>,
    created: Option<Ticks>,
    version: u64,
}

impl Facts {
    /// Reads a row of users.
    pub fn of(row: &dyn Row) -> Result<Self, CellError> {
        use edm::user as at;
        let text = |position| match row.cell(position) {
            Cell::Text(text) => Some(text.to_owned()),
            _ => None,
        };
        let damaged = || {
            let property = edm::USER.all_properties()[at::ID];
            CellError { property: property.name, expected: property.ty }
        };
        let (Some(id), Some(upn)) = (text(at::ID), text(at::USER_PRINCIPAL_NAME)) else { return Err(damaged()) };
        Ok(Self {
            id: id.parse().map_err(|_| damaged())?,
            upn,
            display_name: text(at::DISPLAY_NAME),
            given_name: text(at::GIVEN_NAME),
            surname: text(at::SURNAME),
            mail: text(at::MAIL),
            department: text(at::DEPARTMENT),
            enabled: match row.cell(at::ACCOUNT_ENABLED) {
                Cell::Integer(value) => Some(value != 0),
                _ => None,
            },
            created: match row.cell(at::CREATED_DATE_TIME) {
                Cell::Integer(ticks) => Ticks::new(ticks),
                _ => None,
            },
            version: row.version(),
        })
    }
}

/// Where a user is.
pub fn location(root: &str, id: &EntityId) -> String {
    format!("{root}/Users/{}", encode_segment(id.as_str()))
}

/// The number of the latest change of a user and their account.
pub fn version(facts: &Facts, account: Option<&Account>) -> u64 {
    account.map_or(0, |account| account.version).max(facts.version)
}

/// A user as a resource with every attribute. Without `modified` it is not told when they were changed last.
pub fn resource(facts: &Facts, account: Option<&Account>, modified: Option<Ticks>, root: &str) -> Value {
    let mut resource = writable(facts, account);
    let mut schemas = vec![USER];
    if resource.contains_key(ENTERPRISE) {
        schemas.push(ENTERPRISE);
    }
    let full: Vec<&str> = [&facts.given_name, &facts.surname].into_iter().flatten().map(String::as_str).collect();
    if let Some(Value::Object(name)) = resource.get_mut("name") {
        name.insert("formatted".to_owned(), full.join(" ").into());
    }
    let mut meta = Map::from_iter([
        ("resourceType".to_owned(), json!("User")),
        ("location".to_owned(), location(root, &facts.id).into()),
        ("version".to_owned(), etag(version(facts, account)).into()),
    ]);
    if let Some(created) = facts.created {
        meta.insert("created".to_owned(), created.to_string().into());
    }
    if let Some(modified) = modified.or(facts.created) {
        meta.insert("lastModified".to_owned(), modified.to_string().into());
    }
    resource.insert("schemas".to_owned(), json!(schemas));
    resource.insert("id".to_owned(), facts.id.as_str().into());
    resource.insert("meta".to_owned(), Value::Object(meta));
    Value::Object(resource)
}

/// What of a user a client may write, as it is.
pub fn draft_of(known: &Known) -> Result<Draft, CellError> {
    let facts = Facts::of(&known.user)?;
    Ok(Draft { resource: writable(&facts, known.account.as_ref()), password: None })
}

fn writable(facts: &Facts, account: Option<&Account>) -> Map<String, Value> {
    let mut all = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    let text = |value: &Option<String>| value.clone().filter(|text| !text.is_empty()).map(Value::String);
    put("userName", Some(account.and_then(alias_of).unwrap_or(&facts.upn).into()));
    put("externalId", account.and_then(external_key).map(Value::from));
    let is_unnamed = account.is_some_and(|account| mark(account, UNNAMED).is_some());
    let display_name = facts.display_name.clone().filter(|name| !(is_unnamed && *name == facts.upn));
    put("displayName", display_name.map(Value::String));
    put("active", facts.enabled.map(Value::Bool));
    let name = [("familyName", text(&facts.surname)), ("givenName", text(&facts.given_name))];
    let name: Map<_, _> = name.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    put("name", (!name.is_empty()).then_some(Value::Object(name)));
    put("emails", Some(emails(facts, account)).filter(|emails| !emails.is_empty()).map(Value::Array));
    let is_administrator = account.is_some_and(|account| account.is_administrator);
    put("roles", is_administrator.then(|| json!([{"value": ADMINISTRATORS[0]}])));
    put(ENTERPRISE, text(&facts.department).map(|department| json!({"department": department})));
    all
}

fn mark<'a>(account: &'a Account, attribute: &str) -> Option<&'a str> {
    let name = account.names.iter().find(|name| &*name.attribute == attribute);
    name.map(|name| &*name.value)
}

/// The addresses as the client told them, unless somebody else has told another mail address since; then those that the
/// directory knows.
fn emails(facts: &Facts, account: Option<&Account>) -> Vec<Value> {
    let told = account.and_then(|account| mark(account, EMAILS));
    let told: Option<Vec<Value>> = told.and_then(|told| serde_json::from_str(told).ok());
    if let Some(told) = told.filter(|told| Addresses::of(told).mail == facts.mail) {
        return told;
    }
    let mail = facts.mail.iter().map(|mail| json!({"value": mail, "type": "work", "primary": true}));
    let others = account.into_iter().flat_map(|account| &account.names).filter_map(|name| {
        let address = name.value.split_once(':').map_or(&*name.value, |(_, address)| address);
        match &*name.attribute {
            "proxyAddresses" => Some(json!({"value": address, "type": "work"})),
            "otherMails" => Some(json!({"value": address, "type": "home"})),
            _ => None,
        }
    });
    mail.chain(others).collect()
}

/// What becomes of addresses: the primary one is the mail, without one the first that is not of the home; those of the
/// home are personal. The same as in an export that is imported.
#[derive(Default)]
struct Addresses {
    mail: Option<String>,
    personal: Vec<String>,
    further: Vec<String>,
}

impl Addresses {
    fn of(emails: &[Value]) -> Self {
        let is_home = |email: &Value| email["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("home"));
        let has_value = |email: &Value| email["value"].is_string();
        let primary = emails.iter().position(|email| has_value(email) && is_primary(email));
        let mail = primary.or_else(|| emails.iter().position(|email| has_value(email) && !is_home(email)));
        let mut all = Self::default();
        for (at, email) in emails.iter().enumerate() {
            let Some(address) = email["value"].as_str().map(str::to_owned) else { continue };
            if Some(at) == mail {
                all.mail = Some(address);
            } else if is_home(email) {
                all.personal.push(address);
            } else {
                all.further.push(address);
            }
        }
        all
    }
}

/// What the directory is told of a draft.
pub fn told(draft: &mut Draft, domain: Option<&str>) -> Result<Told, ScimError> {
    let invalid = |what: &str| ScimError::of(ScimType::InvalidValue, what);
    let text = |name: &str| draft.text(name).map(str::to_owned);
    let Some(user_name) = text("userName") else { return Err(invalid("userName is missing")) };
    let key = text("externalId");
    if key.as_ref().is_some_and(|key| key.chars().count() > LONGEST_KEY) {
        return Err(invalid("externalId: expected 512 characters at most"));
    }
    let none = Vec::new();
    let emails = draft.resource.get("emails").and_then(Value::as_array).unwrap_or(&none);
    let addresses = Addresses::of(emails);
    let mut marks = Vec::new();
    let mut put = |attribute: &str, value: &str| {
        marks.push(AccountName { attribute: attribute.into(), value: value.into() });
    };
    if !emails.is_empty() {
        put(EMAILS, &Value::Array(emails.clone()).to_string());
    }
    let display_name = text("displayName");
    if display_name.is_none() {
        put(UNNAMED, "displayName");
    }
    let roles = draft.resource.get("roles").and_then(Value::as_array).unwrap_or(&none);
    let mut user = DirectoryUser {
        mail: addresses.mail,
        other_mails: addresses.personal,
        proxy_addresses: addresses.further,
        enabled: draft.resource.get("active").and_then(Value::as_bool),
        administrator: Some(roles.iter().filter_map(Value::as_object).any(is_administrator)),
        display_name,
        given_name: text("name.givenName"),
        surname: text("name.familyName"),
        department: text(&format!("{ENTERPRISE}:department")),
        ..DirectoryUser::default()
    };
    if user_name.contains('@') {
        user.upn = Some(user_name);
    } else {
        user.upn = domain.map(|domain| format!("{user_name}@{domain}"));
        user.user_name = Some(user_name);
    }
    if let Some(password) = draft.password.take() {
        user.verifiers.push(VerifierText::clear_text(&password));
    }
    Ok(Told { user, key, marks })
}
