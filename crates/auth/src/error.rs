//! Why a token is refused.

use model::{TenantId, Ticks};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Why a bearer token is not accepted. Every message reads like help and none holds the token; a
/// value of a claim is shown shortened and escaped. [`AuthError::is_unavailable`] tells the one
/// fault of ours (503) from the client's (401 `InvalidAuthenticationToken`).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// More than 16 KiB; nothing of it was looked at.
    #[error("the access token is longer than {limit} bytes")]
    TooLong {
        /// The longest token that is read.
        limit: usize,
    },
    /// Not a signed JWT with the claims that are needed (RFC 7515, RFC 7519).
    #[error("the access token is not well formed: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: Cow<'static, str>,
    },
    /// Signed with an algorithm that is never accepted, such as `none` or HS256.
    #[error(
        "the access token's algorithm is not accepted; accepted are RS256/384/512, PS256/384/512, ES256, ES384 and EdDSA"
    )]
    AlgorithmNotAccepted,
    /// Made by nobody that is trusted here.
    #[error("the access token's issuer {issuer} is not trusted here; the configured issuers and this server's own are")]
    UnknownIssuer {
        /// `iss` of the token.
        issuer: Shown,
    },
    /// Signed with a key that the issuer does not publish.
    #[error("the key that signed the access token is not known: {problem}")]
    UnknownKey {
        /// Which rule found no key.
        problem: &'static str,
    },
    /// The signature does not belong to the text.
    #[error("the access token's signature does not verify")]
    BadSignature,
    /// Meant for another service.
    #[error("the access token is for the audience {found}; accepted here are {accepted}")]
    WrongAudience {
        /// `aud` of the token.
        found: Shown,
        /// The audiences that its issuer's tokens may have.
        accepted: Arc<str>,
    },
    /// For a tenant that does not exist here.
    #[error("the access token's tenant {tenant} is not known here; `spillwatch tenants add` makes one")]
    UnknownTenant {
        /// The tenant.
        tenant: Shown,
    },
    /// Past its end.
    #[error("the access token expired at {at}; get a new one")]
    Expired {
        /// `exp` of the token.
        at: Ticks,
    },
    /// Before its beginning.
    #[error("the access token is not valid before {from}; check the clocks")]
    NotYetValid {
        /// `nbf` or `iat` of the token.
        from: Ticks,
    },
    /// Issued to an app that has been removed, or never was in that tenant.
    #[error("the app {app} of the access token is not, or no longer, registered in its tenant")]
    AppRevoked {
        /// `appid` of the token.
        app: Shown,
    },
    /// The registry or an issuer's keys cannot be loaded: the server's fault, to be tried again.
    #[error("access tokens cannot be checked at the moment: {what}")]
    Unavailable {
        /// What cannot be loaded.
        what: &'static str,
        /// The cause, for the log.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
}

impl AuthError {
    /// Tells whether the server is at fault (503) and the same token may pass later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(crate) fn malformed(problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed { problem: problem.into() }
    }

    pub(crate) fn unavailable<E: std::error::Error + Send + Sync + 'static>(what: &'static str, source: E) -> Self {
        Self::Unavailable { what, source: Some(Arc::new(source)) }
    }
}

/// A stranger's text made fit to be shown: in quotes, escaped, at most 120 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(Box<str>);

impl Shown {
    const LONGEST: usize = 120;

    pub(crate) fn new(text: &str) -> Self {
        let mut shown: String = text.chars().take(Self::LONGEST).flat_map(char::escape_debug).collect();
        if text.chars().nth(Self::LONGEST).is_some() {
            shown.push('…');
        }
        Self(format!("`{shown}`").into())
    }
}

impl From<TenantId> for Shown {
    fn from(id: TenantId) -> Self {
        Self::new(&id.to_string())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_shown_short_and_escaped() {
        assert_eq!(Shown::new("a\n\"b\u{202e}").to_string(), "`a\\n\\\"b\\u{202e}`");
        let long = Shown::new(&"x".repeat(10_000)).to_string();
        assert_eq!(long.chars().count(), Shown::LONGEST + 3);
    }
}
