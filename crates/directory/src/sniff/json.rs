//! JSON by the names of its members.

use super::{Verdict, certain, likely, refused};
use crate::Format;

/// Most names that are looked at.
const NAMES: usize = 2000;

/// Tells whose JSON it is; `None` if it is none.
pub(super) fn look(text: &str) -> Option<Verdict> {
    let names = names(text);
    let has = |name: &str| names.iter().any(|found| found.eq_ignore_ascii_case(name));
    let empty = text.trim_start_matches(['{', '[', '}', ']', ' ', '\t', '\r', '\n']).is_empty();
    if names.is_empty() && !empty {
        return None;
    }
    if text.contains("\"urn:ietf:params:scim:") && (has("Resources") || has("userName")) {
        return Some(certain(Format::Scim, "JSON with the schemas of SCIM 2.0"));
    }
    if has("model") && has("fields") && has("pk") {
        return Some(certain(
            Format::DjangoJson,
            "JSON objects with model, pk and fields, as Django's dumpdata writes them",
        ));
    }
    if has("kind") && has("localId") || has("passwordHash") && has("localId") {
        return Some(refused("an export of Firebase", "its users have a localId; that form is not read"));
    }
    if has("@odata.context") {
        return Some(refused(
            "an answer of Microsoft Graph or another OData service",
            "it has @odata.context; export as CSV",
        ));
    }
    if has("realm")
        && ["users", "sslRequired", "accessTokenLifespan", "registrationAllowed"].iter().any(|name| has(name))
    {
        return Some(certain(Format::Keycloak, "JSON of a realm, as Keycloak exports it"));
    }
    if has("users") && has("username") {
        return Some(likely(Format::Keycloak, "JSON with a list `users` whose members have a username"));
    }
    if has("Resources") && has("totalResults") {
        return Some(likely(Format::Scim, "JSON with Resources and totalResults, as in a SCIM 2.0 list"));
    }
    if has("password") && (has("email") || has("username") || has("login")) {
        return Some(refused(
            "a breach list in JSON",
            "its objects have a name and a password, and nothing of a directory",
        ));
    }
    Some(refused("JSON of another kind", "it has the members of no export that is read: Keycloak, Django, SCIM"))
}

/// The names of members, at any depth.
fn names(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut names = Vec::new();
    let mut at = 0;
    while at < bytes.len() && names.len() < NAMES {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let start = at + 1;
        let mut end = start;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let Some(name) = text.get(start..end) else { break };
        at = end + 1;
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':') {
            names.push(name);
        }
    }
    names
}
