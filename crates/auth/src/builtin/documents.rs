//! What the built-in issuer publishes about itself.

use super::BuiltinIssuer;
use model::TenantId;
use serde_json::json;

impl BuiltinIssuer {
    /// The JWK set (RFC 7517): every key whose tokens are still accepted, public halves only.
    pub fn jwks_json(&self) -> String {
        self.ring.load().published.to_string()
    }

    /// The discovery document of one tenant (OpenID Connect Discovery 1.0 section 3, RFC 8414), with
    /// addresses under `public_base`, the origin that the client knows this server by.
    pub fn discovery_json(&self, public_base: &str, tenant: TenantId) -> String {
        let base = public_base.trim_end_matches('/');
        json!({
            "issuer": self.issuer_for(tenant),
            "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
            "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["https://graph.microsoft.com/.default"],
            "claims_supported": [
                "iss", "aud", "tid", "appid", "azp", "oid", "sub", "idtyp", "roles", "iat", "nbf", "exp", "uti", "ver"
            ],
        })
        .to_string()
    }
}
