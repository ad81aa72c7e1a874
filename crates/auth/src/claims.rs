//! The claims of a token whose signature has been checked (RFC 7519 section 4, contract/graph.md
//! section 10).

use crate::AuthError;
use crate::error::Shown;
use model::{Actor, PermissionSet, TenantId, Ticks};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The longest name of an app or user that is taken into the change log.
pub(crate) const LONGEST_NAME: usize = 256;

/// Tells whether a text can name an app or a user.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_NAME && !text.contains(char::is_control)
}

/// The claims of one token, read on demand.
pub(crate) struct Claims<'a>(pub &'a Map<String, Value>);

impl<'a> Claims<'a> {
    fn text(&self, name: &str) -> Result<Option<&'a str>, AuthError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(AuthError::malformed(format!("its `{name}` is not a text"))),
        }
    }

    /// `iss`, which every token needs.
    pub(crate) fn issuer(&self) -> Result<&'a str, AuthError> {
        self.text("iss")?.ok_or_else(|| AuthError::malformed("it has no `iss` (issuer)"))
    }

    /// `tid`, when there is one.
    pub(crate) fn tenant(&self) -> Result<Option<TenantId>, AuthError> {
        let parsed = self.text("tid")?.map(str::parse).transpose();
        parsed.map_err(|_| AuthError::malformed("its `tid` is not a GUID"))
    }

    /// Checks `aud`: one text or a list of texts, one of which has to be accepted (RFC 7519
    /// section 4.1.3).
    pub(crate) fn check_audience(&self, accepted: &Audiences) -> Result<(), AuthError> {
        let wrong =
            |found: &str| AuthError::WrongAudience { found: Shown::new(found), accepted: accepted.described.clone() };
        match self.0.get("aud") {
            Some(Value::String(audience)) if accepted.contains(audience) => Ok(()),
            Some(Value::String(audience)) => Err(wrong(audience)),
            Some(Value::Array(list)) => {
                let audiences: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                let audiences = audiences.ok_or_else(|| AuthError::malformed("its `aud` holds more than texts"))?;
                let any = audiences.iter().any(|audience| accepted.contains(audience));
                if any { Ok(()) } else { Err(wrong(&audiences.join(" "))) }
            }
            None => Err(AuthError::malformed(format!("it has no `aud`; accepted here are {}", accepted.described))),
            Some(_) => Err(AuthError::malformed("its `aud` is neither a text nor a list of texts")),
        }
    }

    /// Checks `exp`, `nbf` and `iat` and returns the moment from which on the token is refused. For
    /// clocks that differ, a token may begin `leeway` seconds early and end `overtime` seconds late.
    pub(crate) fn check_times(&self, now: Ticks, leeway: i64, overtime: i64) -> Result<Ticks, AuthError> {
        let exp = self.date("exp")?.ok_or_else(|| AuthError::malformed("it has no `exp` (expiry)"))?;
        let end = exp.plus_seconds(overtime);
        if now >= end {
            return Err(AuthError::Expired { at: exp });
        }
        for name in ["nbf", "iat"] {
            if let Some(from) = self.date(name)?
                && now.plus_seconds(leeway) < from
            {
                return Err(AuthError::NotYetValid { from });
            }
        }
        Ok(end)
    }

    /// A `NumericDate` (RFC 7519 section 2). A fraction is allowed there but nobody needs one: only
    /// whole numbers are taken, also when written as `1700000000.0` or `1.7e9`.
    fn date(&self, name: &str) -> Result<Option<Ticks>, AuthError> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
        let wrong = || AuthError::malformed(format!("its `{name}` is not a whole number of seconds since 1970"));
        let seconds = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(seconds), _) => seconds,
                (None, Some(float)) if float.fract() == 0.0 && float.abs() < EXACT => float as i64,
                _ => return Err(wrong()),
            },
            Some(_) => return Err(wrong()),
        };
        Ticks::from_unix_seconds(seconds).map(Some).ok_or_else(wrong)
    }

    /// What is granted, and who acts. When `scp` is present the token is delegated: only `scp`
    /// counts, and a user acts. Otherwise `roles` counts, and the app acts by itself.
    pub(crate) fn grant(&self) -> Result<(PermissionSet, Actor), AuthError> {
        let scp = self.names("scp")?;
        let app = match self.first_of(&["appid", "azp", "client_id", "sub"])? {
            Some(app) => app.into(),
            None => return Err(AuthError::malformed("it names no app: `appid`, `azp`, `client_id` or `sub`")),
        };
        let Some(scp) = scp else {
            let roles = self.names("roles")?.unwrap_or_default();
            return Ok((PermissionSet::from_names(roles), Actor { app, user: None }));
        };
        let user: Arc<str> = match self.first_of(&["oid", "sub"])? {
            Some(user) => user.into(),
            None => return Err(AuthError::malformed("it is delegated (`scp`) but names no user: `oid` or `sub`")),
        };
        Ok((PermissionSet::from_names(scp), Actor { app, user: Some(user) }))
    }

    /// `appid`, or `azp` as tokens of version 2 call it.
    pub(crate) fn app(&self) -> Result<Option<&'a str>, AuthError> {
        self.first_of(&["appid", "azp"])
    }

    /// Names in a list, or in one text between spaces.
    fn names(&self, claim: &str) -> Result<Option<Vec<&'a str>>, AuthError> {
        let wrong = || AuthError::malformed(format!("its `{claim}` is neither a text nor a list of texts"));
        match self.0.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.split_ascii_whitespace().collect())),
            Some(Value::Array(list)) => {
                let names: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
                names.map(Some).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }

    fn first_of(&self, names: &[&str]) -> Result<Option<&'a str>, AuthError> {
        for name in names {
            if let Some(text) = self.text(name)? {
                return if is_name(text) {
                    Ok(Some(text))
                } else {
                    Err(AuthError::malformed(format!(
                        "its `{name}` is empty, longer than {LONGEST_NAME} bytes or has control characters"
                    )))
                };
            }
        }
        Ok(None)
    }
}

/// The audiences that are accepted from one issuer.
#[derive(Clone, Debug)]
pub(crate) struct Audiences {
    names: Vec<Box<str>>,
    described: Arc<str>,
}

impl Audiences {
    pub(crate) fn new(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let names: Vec<Box<str>> = names.into_iter().map(|name| name.as_ref().into()).collect();
        let described = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ").into();
        Self { names, described }
    }

    fn contains(&self, audience: &str) -> bool {
        self.names.iter().any(|name| **name == *audience)
    }
}
