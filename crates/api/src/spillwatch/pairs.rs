//! The body of a check: `{"source":"feed","leakedDateTime":"...","pairs":[{"name":"...","password":"..."}]}`. All faults
//! are told at once, each with its place, and none with a password.

use super::json::{Node, read as read_json};
use model::Ticks;
use odata::fault::{Fault, FaultKind, Faults, excerpt};
use service::Pair;
use service::checks::MOST_PAIRS;
use zeroize::Zeroizing;

/// The longest source, as evidence has it.
const LONGEST_SOURCE: usize = 256;
/// The longest name: a mail address.
const LONGEST_NAME: usize = 320;
/// The longest password, in bytes.
const LONGEST_PASSWORD: usize = 1_024;

/// What is asked for.
pub(super) struct Asked {
    /// What evidence calls the source.
    pub source: String,
    /// When the pairs leaked.
    pub leaked: Option<Ticks>,
    /// The pairs.
    pub pairs: Vec<Pair>,
}

/// Reads a body: the outer error is one of syntax.
pub(super) fn read(body: &[u8]) -> Result<Result<Asked, Faults>, serde_json::Error> {
    let mut faults = Faults::default();
    let asked = match read_json(body)? {
        Node::Object(members) => object(members, &mut faults),
        other => {
            faults.push(invalid("body", format!("the body is {}; expected an object", other.kind())));
            None
        }
    };
    Ok(match asked.filter(|_| faults.is_empty()) {
        Some(asked) => Ok(asked),
        None => Err(faults),
    })
}

fn invalid(target: &str, message: String) -> Fault {
    Fault::new(FaultKind::InvalidValue, target, message)
}

/// The members of an object, each of which may occur once.
fn named<const N: usize>(
    members: Vec<(String, Node)>,
    names: [&str; N],
    place: &str,
    faults: &mut Faults,
) -> [Option<Node>; N] {
    let mut found = [const { None }; N];
    for (name, value) in members {
        let Some(at) = names.iter().position(|known| *known == name) else {
            let message = format!("{} is unknown here; known are {}", excerpt(&name), names.join(", "));
            faults.push(Fault::new(FaultKind::InvalidProperty, format!("{place}{}", plain(&name)), message));
            continue;
        };
        if found[at].is_some() {
            let message = format!("`{place}{name}` occurs more than once");
            faults.push(Fault::new(FaultKind::DuplicateProperty, format!("{place}{name}"), message));
        }
        found[at] = Some(value);
    }
    found
}

/// A name of somebody else's in a target, without the marks of an excerpt.
fn plain(name: &str) -> String {
    excerpt(name).trim_matches('`').to_owned()
}

fn object(members: Vec<(String, Node)>, faults: &mut Faults) -> Option<Asked> {
    let [source, leaked, pairs] = named(members, ["source", "leakedDateTime", "pairs"], "", faults);
    let source = text(source, "source", faults).and_then(|source| {
        let length = source.chars().count();
        if source.trim().is_empty() || length > LONGEST_SOURCE || source.chars().any(char::is_control) {
            let message = format!(
                "`source` has {length} characters; expected 1 to {LONGEST_SOURCE}, not only blanks and no control characters"
            );
            faults.push(invalid("source", message));
            return None;
        }
        Some(source.to_string())
    });
    let leaked = match leaked {
        None | Some(Node::Null) => Some(None),
        Some(Node::Text(text)) => match text.parse::<Ticks>() {
            Ok(time) => Some(Some(time)),
            Err(error) => {
                faults.push(invalid("leakedDateTime", format!("`leakedDateTime` is no time: {error}")));
                None
            }
        },
        Some(other) => {
            let message = format!("`leakedDateTime` is {}; expected a time such as 2024-03-01T00:00:00Z", other.kind());
            faults.push(invalid("leakedDateTime", message));
            None
        }
    };
    let pairs = all(pairs, faults);
    Some(Asked { source: source?, leaked: leaked?, pairs: pairs? })
}

fn all(pairs: Option<Node>, faults: &mut Faults) -> Option<Vec<Pair>> {
    let items = match pairs {
        None => {
            faults.push(Fault::missing("pairs"));
            return None;
        }
        Some(Node::List(items)) => items,
        Some(other) => {
            faults.push(invalid("pairs", format!("`pairs` is {}; expected a list", other.kind())));
            return None;
        }
    };
    if items.is_empty() || items.len() > MOST_PAIRS {
        let found = if items.is_empty() { "no pair" } else { "more pairs than that" };
        faults.push(invalid("pairs", format!("`pairs` holds {found}; expected 1 to {MOST_PAIRS}")));
        return None;
    }
    let mut pairs = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let place = format!("pairs/{at}");
        match item {
            Node::Object(members) => pairs.extend(pair(members, &place, faults)),
            other => {
                let message = format!("`{place}` is {}; expected an object with name and password", other.kind());
                faults.push(invalid(&place, message));
            }
        }
    }
    Some(pairs)
}

fn pair(members: Vec<(String, Node)>, place: &str, faults: &mut Faults) -> Option<Pair> {
    let [name, password] = named(members, ["name", "password"], &format!("{place}/"), faults);
    let at = |member: &str| format!("{place}/{member}");
    let name = text(name, &at("name"), faults).and_then(|name| {
        let trimmed = name.trim();
        let length = trimmed.chars().count();
        if length == 0 || length > LONGEST_NAME || trimmed.chars().any(char::is_control) {
            let message = format!(
                "`{}` has {length} characters; expected 1 to {LONGEST_NAME}, none of them a control character",
                at("name")
            );
            faults.push(invalid(&at("name"), message));
            return None;
        }
        Some(Zeroizing::new(trimmed.to_owned()))
    });
    let password = text(password, &at("password"), faults).and_then(|password| {
        if password.is_empty() || password.len() > LONGEST_PASSWORD {
            let found = if password.is_empty() { "is empty" } else { "is too long" };
            let message = format!("`{}` {found}; expected 1 to {LONGEST_PASSWORD} bytes", at("password"));
            faults.push(invalid(&at("password"), message));
            return None;
        }
        Some(Zeroizing::new(password.as_bytes().to_vec()))
    });
    Some(Pair { name: name?, password: password? })
}

fn text(found: Option<Node>, target: &str, faults: &mut Faults) -> Option<Zeroizing<String>> {
    match found {
        Some(Node::Text(text)) => return Some(text),
        None => faults.push(Fault::missing(target)),
        Some(Node::Null) => {
            faults.push(Fault::new(FaultKind::NullValue, target, format!("`{target}` is null; expected a text")));
        }
        Some(other) => faults.push(invalid(target, format!("`{target}` is {}; expected a text", other.kind()))),
    }
    None
}
