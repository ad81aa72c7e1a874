//! SCIM 2.0: a list of users (RFC 7643, RFC 7644).

use std::io::Read;

use super::elements::{Elements, Outer, Shape};
use super::members::Members;
use super::{List, Reason};
use crate::input::Input;
use crate::{DirectoryUser, Limits, Summary, VerifierText};

const SHAPE: Shape = Shape { list: Some("Resources"), outer_list: Outer::Entries, total: Some("totalResults") };

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What the role of an administrator is called.
const ADMINISTRATOR: &[&str] = &["administrator", "admin"];

/// Attributes that say nothing of who the user is.
const PASSED: &[&str] = &["groups", "meta", "schemas"];

pub(crate) fn reader<R: Read>(input: Input<R>, limits: &Limits) -> List<R> {
    List::new(Elements::new(input, SHAPE, limits), user)
}

fn user(entry: &Members<'_>, line: u64, summary: &mut Summary) -> Result<Option<DirectoryUser>, Reason> {
    let kind = entry.object("meta")?.map(|meta| meta.text("resourceType")).transpose()?.flatten();
    let schemas = entry.texts("schemas")?;
    let group = |text: &String| text.ends_with(":Group");
    if kind.is_some_and(|kind| kind != "User") || (!schemas.is_empty() && schemas.iter().all(group)) {
        summary.skip("resource of another type");
        return Ok(None);
    }
    let mut user = DirectoryUser::at(line);
    let external = entry.text("externalId")?;
    user.id = entry.text("id")?.or(external);
    user.user_name = entry.text("userName")?;
    user.display_name = entry.text("displayName")?;
    user.enabled = entry.truth("active")?;
    if let Some(name) = entry.object("name")? {
        user.given_name = name.text("givenName")?;
        user.surname = name.text("familyName")?;
        let formatted = name.text("formatted")?;
        user.display_name = user.display_name.take().or(formatted);
    }
    user.administrator = administrator(entry)?;
    emails(entry, &mut user)?;
    if let Some(enterprise) = entry.object(ENTERPRISE)? {
        user.department = enterprise.text("department")?;
        enterprise.ignore_rest("enterprise:", summary);
    }
    if let Some(password) = entry.text("password")?.map(zeroize::Zeroizing::new) {
        user.verifiers.push(VerifierText::clear_text(&password));
    }
    entry.pass(PASSED);
    entry.ignore_rest("", summary);
    Ok(Some(user))
}

/// Says yes for a role that is called so; RFC 7643 (4.1.2) names no roles, so that none says no.
fn administrator(entry: &Members<'_>) -> Result<Option<bool>, Reason> {
    let is = |role: &str| ADMINISTRATOR.iter().any(|name| role.trim().eq_ignore_ascii_case(name));
    // Some services write a role as a text alone.
    if let Ok(roles) = entry.texts("roles") {
        return Ok(roles.iter().any(|role| is(role)).then_some(true));
    }
    for (role, _) in entry.objects("roles")? {
        for name in ["value", "display", "type"] {
            if role.text(name)?.is_some_and(|role| is(&role)) {
                return Ok(Some(true));
            }
        }
    }
    Ok(None)
}

/// The primary address is the mail, without one the first of the work; those of the home are personal.
fn emails(entry: &Members<'_>, user: &mut DirectoryUser) -> Result<(), Reason> {
    let mut addresses = Vec::new();
    for (email, _) in entry.objects("emails")? {
        let kind = email.text("type")?;
        let home = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("home"));
        if let Some(address) = email.text("value")? {
            addresses.push((address, home, email.truth("primary")? == Some(true)));
        }
    }
    let primary = addresses.iter().position(|(_, _, primary)| *primary);
    let mail = primary.or_else(|| addresses.iter().position(|(_, home, _)| !home));
    for (at, (address, home, _)) in addresses.into_iter().enumerate() {
        if Some(at) == mail {
            user.mail = Some(address);
        } else if home {
            user.other_mails.push(address);
        } else {
            user.proxy_addresses.push(address);
        }
    }
    Ok(())
}
