//! An issuer as the operator describes it.

use model::TenantId;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;

/// The audiences that Microsoft Graph's own tokens have. They are accepted from the built-in issuer
/// only: from anybody else they would let a token that was meant for Microsoft pass here.
pub(crate) const GRAPH_AUDIENCES: [&str; 3] =
    ["https://graph.microsoft.com", "https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000"];

/// An issuer (`iss`, RFC 7519 section 4.1.1) with at most one place for the tenant, written `{tid}`
/// or `{tenantid}`: `https://login.microsoftonline.com/{tid}/v2.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerPattern {
    before: Box<str>,
    /// What stands behind the tenant; `None` when there is no place for one.
    after: Option<Box<str>>,
}

impl IssuerPattern {
    /// The pattern `before{tid}after`.
    pub(crate) fn with_tenant(before: &str, after: &str) -> Self {
        Self { before: before.into(), after: Some(after.into()) }
    }

    /// Tells whether a tenant is part of the issuer.
    pub fn has_tenant(&self) -> bool {
        self.after.is_some()
    }

    /// Tells whether `issuer` fits, for any tenant.
    pub(crate) fn fits(&self, issuer: &str) -> bool {
        match &self.after {
            None => issuer == &*self.before,
            Some(_) => {
                self.tenant_in(issuer).is_some_and(|tenant| tenant.len() == 36 && tenant.parse::<TenantId>().is_ok())
            }
        }
    }

    /// Tells whether `issuer` is this one for `tenant`. Without a place for it, any tenant will do.
    pub(crate) fn binds(&self, issuer: &str, tenant: Option<TenantId>) -> bool {
        match &self.after {
            None => issuer == &*self.before,
            Some(_) => tenant.is_some_and(|tenant| {
                self.tenant_in(issuer).is_some_and(|named| named.eq_ignore_ascii_case(&tenant.to_string()))
            }),
        }
    }

    fn tenant_in<'a>(&self, issuer: &'a str) -> Option<&'a str> {
        issuer.strip_prefix(&*self.before)?.strip_suffix(self.after.as_deref()?)
    }

    /// Tells whether `other`, as a discovery document has it, is the same pattern.
    pub(crate) fn is_same(&self, other: &str) -> bool {
        other.parse().is_ok_and(|other: Self| *self == other)
    }
}

impl fmt::Display for IssuerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.after {
            None => f.write_str(&self.before),
            Some(after) => write!(f, "{}{{tid}}{after}", self.before),
        }
    }
}

impl FromStr for IssuerPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("issuer `{}` is empty or has spaces", text.escape_debug()));
        }
        let canonical = text.replace("{tenantid}", "{tid}");
        let mut parts = canonical.split("{tid}");
        let before: Box<str> = parts.next().unwrap_or_default().into();
        let after = parts.next().map(Into::into);
        let rest = [&*before, after.as_deref().unwrap_or_default()].concat();
        if parts.next().is_some() || rest.contains(['{', '}']) {
            return Err(format!("issuer `{text}` may have one placeholder, {{tid}} or {{tenantid}}"));
        }
        Ok(Self { before, after })
    }
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The discovery document (OpenID Connect Discovery 1.0), or the address in front of its
    /// `/.well-known/openid-configuration`.
    Discovery(Url),
    /// A file: a JWK set, PEM (PUBLIC KEY, RSA PUBLIC KEY, CERTIFICATE) or DER (the same three).
    /// Which one it is shows in what it begins with.
    File(PathBuf),
}

/// Which tenant an issuer's tokens belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TenantChoice {
    /// The one in the token's `tid`.
    #[default]
    FromTid,
    /// Always this one.
    Fixed(TenantId),
    /// The tenant that was made first here.
    First,
}

impl FromStr for TenantChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tid" => Ok(Self::FromTid),
            "first" => Ok(Self::First),
            id => id.parse().map(Self::Fixed).map_err(|_| format!("tenant `{id}` is none of: tid, first, a GUID")),
        }
    }
}

/// An issuer whose tokens are accepted. It is read from the compact form of a command line,
/// `issuer=https://idp.example,keys=/etc/keys.pem,audience=spillwatch,tenant=first`, or from a table
/// with the same names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "IssuerFields")]
pub struct IssuerConfig {
    /// Its name in `iss`.
    pub issuer: IssuerPattern,
    /// Where its keys come from.
    pub keys: KeySource,
    /// What its tokens' `aud` may be; at least one.
    pub audiences: Vec<String>,
    /// Which tenant its tokens belong to.
    pub tenant: TenantChoice,
}

/// Everything that is wrong with an issuer's description.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the issuer cannot be used: {}", .faults.join("; "))]
pub struct IssuerConfigError {
    /// One sentence for each fault.
    pub faults: Vec<String>,
}

/// The fields as they are written, before they are checked together.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerFields {
    issuer: Option<String>,
    keys: Option<String>,
    discovery: Option<String>,
    #[serde(default)]
    audience: OneOrMore,
    tenant: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl TryFrom<IssuerFields> for IssuerConfig {
    type Error = IssuerConfigError;

    fn try_from(fields: IssuerFields) -> Result<Self, IssuerConfigError> {
        let mut faults = Vec::new();
        let issuer = match fields.issuer.as_deref().map(str::parse::<IssuerPattern>) {
            Some(Ok(issuer)) => Some(issuer),
            Some(Err(fault)) => fault_of(&mut faults, fault),
            None => fault_of(&mut faults, "issuer is missing: the `iss` of its tokens, such as https://idp.example"),
        };
        let keys = match (fields.keys, fields.discovery) {
            (Some(path), None) if !path.is_empty() => Some(KeySource::File(path.into())),
            (None, Some(address)) => match address.parse::<Url>() {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Some(KeySource::Discovery(url)),
                _ => fault_of(&mut faults, format!("discovery `{address}` is not an https URL")),
            },
            _ => fault_of(&mut faults, "one of keys (a file) and discovery (a URL) is needed, and only one"),
        };
        let audiences = match fields.audience {
            OneOrMore::One(audience) => vec![audience],
            OneOrMore::More(audiences) => audiences,
        };
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            faults.push("audience is missing or empty: at least one value of `aud` is needed".to_owned());
        }
        for audience in audiences.iter().filter(|audience| GRAPH_AUDIENCES.contains(&audience.as_str())) {
            faults.push(format!(
                "audience `{audience}` is Microsoft Graph's own, accepted from the built-in issuer only: give this \
                 server an audience of its own, such as api://spillwatch"
            ));
        }
        let tenant = match fields.tenant.as_deref().map_or(Ok(TenantChoice::FromTid), str::parse) {
            Ok(tenant) => Some(tenant),
            Err(fault) => fault_of(&mut faults, fault),
        };
        if let (Some(issuer), Some(TenantChoice::Fixed(_) | TenantChoice::First)) = (&issuer, tenant)
            && issuer.has_tenant()
        {
            faults.push(format!(
                "issuer `{issuer}` has a place for the tenant, so every tenant of it would enter the one that \
                 `tenant` fixes: write out the issuer of one tenant, or use tenant=tid"
            ));
        }
        match (issuer, keys, tenant) {
            (Some(issuer), Some(keys), Some(tenant)) if faults.is_empty() => {
                Ok(Self { issuer, keys, audiences, tenant })
            }
            _ => Err(IssuerConfigError { faults }),
        }
    }
}

fn fault_of<T>(faults: &mut Vec<String>, fault: impl Into<String>) -> Option<T> {
    faults.push(fault.into());
    None
}

impl FromStr for IssuerConfig {
    type Err = IssuerConfigError;

    /// Reads the compact form. A value cannot contain a comma there; a configuration file has no
    /// such limit.
    fn from_str(text: &str) -> Result<Self, IssuerConfigError> {
        const KNOWN: &str = "known are issuer, keys, discovery, audience (repeatable) and tenant";
        let mut fields = IssuerFields::default();
        let mut audiences = Vec::new();
        let mut faults = Vec::new();
        for part in text.split(',') {
            let Some((name, value)) = part.split_once('=') else {
                faults.push(format!("`{part}` is not name=value; {KNOWN}"));
                continue;
            };
            let field = match name.trim() {
                "issuer" => &mut fields.issuer,
                "keys" => &mut fields.keys,
                "discovery" => &mut fields.discovery,
                "tenant" => &mut fields.tenant,
                "audience" => {
                    audiences.push(value.to_owned());
                    continue;
                }
                other => {
                    faults.push(format!("`{other}` is no option; {KNOWN}"));
                    continue;
                }
            };
            if field.replace(value.to_owned()).is_some() {
                faults.push(format!("`{name}` is given twice"));
            }
        }
        fields.audience = OneOrMore::More(audiences);
        match Self::try_from(fields) {
            Ok(config) if faults.is_empty() => Ok(config),
            Ok(_) => Err(IssuerConfigError { faults }),
            Err(error) => Err(IssuerConfigError { faults: [faults, error.faults].concat() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compact_form() {
        let config: IssuerConfig = "issuer=https://bench.example,keys=/path/key.der,audience=spillwatch,tenant=first"
            .parse()
            .expect("the form of the command line");
        assert_eq!(config.issuer.to_string(), "https://bench.example");
        assert_eq!(config.keys, KeySource::File("/path/key.der".into()));
        assert_eq!(config.audiences, ["spillwatch"]);
        assert_eq!(config.tenant, TenantChoice::First);
        let config: IssuerConfig =
            "issuer=https://login.microsoftonline.com/{tenantid}/v2.0,discovery=https://login.microsoftonline.com/common/v2.0,audience=a,audience=b"
                .parse()
                .expect("Entra's form");
        assert_eq!(config.audiences, ["a", "b"]);
        assert_eq!(config.tenant, TenantChoice::FromTid);
        assert!(config.issuer.is_same("https://login.microsoftonline.com/{tid}/v2.0"));
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let error = "isuer=x,nonsense,tenant=nobody,discovery=ftp://x,audience=https://graph.microsoft.com"
            .parse::<IssuerConfig>()
            .expect_err("nothing is right");
        let text = error.to_string();
        for part in [
            "`isuer` is no option",
            "`nonsense` is not name=value",
            "issuer is missing",
            "tid, first, a GUID",
            "not an https URL",
            "Microsoft Graph's own",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(error.faults.len(), 6);
        for (text, part) in [
            ("issuer=https://a,keys=k,discovery=https://b,audience=c", "only one"),
            ("issuer=https://a,keys=k", "audience is missing"),
            ("issuer=https://a,keys=k,audience=", "audience is missing"),
            ("issuer=https://a,issuer=https://b,keys=k,audience=c", "given twice"),
            ("issuer=https://{tid}/{tid},keys=k,audience=c", "one placeholder"),
            ("issuer=https://{tenant}/,keys=k,audience=c", "one placeholder"),
            ("issuer=https://{tid}/,keys=k,audience=c,tenant=first", "place for the tenant"),
        ] {
            let error = text.parse::<IssuerConfig>().expect_err(text);
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_pattern_binds_issuer_and_tenant() {
        let pattern: IssuerPattern = "https://sts.windows.net/{tid}/".parse().expect("a pattern");
        let tenant: TenantId = "9188040d-6c67-4c5b-b112-36a304b66dad".parse().expect("a GUID");
        let other: TenantId = "11111111-6c67-4c5b-b112-36a304b66dad".parse().expect("a GUID");
        let issuer = format!("https://sts.windows.net/{tenant}/");
        assert!(pattern.fits(&issuer) && pattern.binds(&issuer, Some(tenant)));
        assert!(!pattern.binds(&issuer, Some(other)) && !pattern.binds(&issuer, None));
        for issuer in [
            "https://sts.windows.net//".to_owned(),
            format!("https://sts.windows.net/{tenant}"),
            format!("https://sts.windows.net/{tenant}/x/"),
            format!("https://sts.windows.net/{{{tenant}}}/"),
            format!("https://sts.windows.net.evil/{tenant}/"),
            "https://sts.windows.net/{tid}/".to_owned(),
        ] {
            assert!(!pattern.fits(&issuer) && !pattern.binds(&issuer, Some(tenant)), "{issuer}");
        }
    }
}
