//! The built-in issuer's public endpoints: tokens (RFC 6749, section 4.4), discovery (OpenID
//! Connect Discovery 1.0) and keys (RFC 7517), at the addresses that Entra's clients expect.

use crate::app::App;
use crate::body;
use crate::error::{ApiError, Area};
use crate::reply::Reply;
use auth::client_credentials::{OAuthCode, OAuthError, TokenRequest};
use auth::{NewToken, TokenApp};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header, request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::TenantId;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a token of an app is good.
const LIFETIME: Duration = Duration::from_hours(1);
/// The most bytes of a token request.
const MOST: usize = 8 << 10;
/// Names that stand for "the tenant of the app" in the path, as Entra has them.
const ANY_TENANT: [&str; 2] = ["common", "organizations"];

/// `POST /{tenant}/oauth2/v2.0/token`
pub async fn token(app: Arc<App>, tenant: String, request: axum::extract::Request) -> Result<Reply, ApiError> {
    let (parts, content) = request.into_parts();
    let Some((issuer, credentials)) = &app.builtin else { return Err(turned_off()) };
    let fields = read_form(&app, &parts, content).await?;
    if let Some(twice) = repeated(&fields) {
        let description = format!("{twice} occurs more than once");
        return Ok(oauth_error(&OAuthError { code: OAuthCode::InvalidRequest, description, retry_after: None }));
    }
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let basic = basic_credentials(&parts);
    let (basic_id, basic_secret) = basic
        .as_deref()
        .and_then(|text| text.split_once(':'))
        .map_or((None, None), |(id, secret)| (Some(id), Some(secret)));
    let request = TokenRequest {
        grant_type: field("grant_type"),
        client_id: field("client_id").or(basic_id),
        client_secret: field("client_secret").or(basic_secret),
        scope: field("scope"),
    };
    let registry = app.service.registry().await.map_err(|error| ApiError::from_service(Area::Risk, error))?;
    let tenant = if ANY_TENANT.contains(&tenant.as_str()) {
        // An app that nobody knows is held against some tenant, so that it is told the same as a known
        // one whose secret is wrong.
        let known = request.client_id.and_then(|id| id.parse().ok()).and_then(|id| registry.app(id));
        let own = registry.tenants.iter().find(|tenant| known.is_none_or(|app| app.tenant == tenant.key));
        own.map_or(tenant, |own| own.id.to_string())
    } else {
        tenant
    };
    let grant = match credentials.gate.admit(&registry, &tenant, &request, &credentials.audiences) {
        Ok(grant) => grant,
        Err(error) => return Ok(oauth_error(&error)),
    };
    let token = issuer.issue(&NewToken {
        tenant: grant.tenant.id,
        app: TokenApp::Registered(grant.app),
        permissions: grant.app.permissions,
        lifetime: LIFETIME,
    });
    let token = token.map_err(|error| ApiError::internal(&error))?;
    let body = serde_json::json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME.as_secs(),
        "ext_expires_in": LIFETIME.as_secs(),
        "access_token": token.expose_secret(),
    });
    Ok(uncached(Reply::json(StatusCode::OK, body.to_string().into_bytes())))
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`
pub async fn discovery(app: Arc<App>, tenant: String, request: axum::extract::Request) -> Result<Reply, ApiError> {
    let Some((issuer, _)) = &app.builtin else { return Err(turned_off()) };
    let tenant = known_tenant(&app, &tenant).await?;
    let (parts, _) = request.into_parts();
    let origin = app.origins.of(&parts)?;
    Ok(Reply::json(StatusCode::OK, issuer.discovery_json(&origin, tenant).into_bytes()))
}

/// `GET /{tenant}/discovery/v2.0/keys`
pub async fn keys(app: Arc<App>, tenant: String) -> Result<Reply, ApiError> {
    let Some((issuer, _)) = &app.builtin else { return Err(turned_off()) };
    known_tenant(&app, &tenant).await?;
    Ok(Reply::json(StatusCode::OK, issuer.jwks_json().into_bytes()))
}

async fn known_tenant(app: &App, tenant: &str) -> Result<TenantId, ApiError> {
    let registry = app.service.registry().await.map_err(|error| ApiError::from_service(Area::Risk, error))?;
    let found = tenant.parse().ok().filter(|id| registry.tenant(*id).is_some());
    found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "ResourceNotFound", "there is no such tenant"))
}

fn turned_off() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "ResourceNotFound", "the built-in issuer is turned off on this server")
}

/// Reads `application/x-www-form-urlencoded` fields.
async fn read_form(
    app: &App,
    parts: &request::Parts,
    content: Body,
) -> Result<Vec<(String, Zeroizing<String>)>, ApiError> {
    body::check_declared_size(&parts.headers, MOST)?;
    let media = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let message = "a token request is a form: send Content-Type application/x-www-form-urlencoded";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message));
    }
    let bytes = body::read(body::Source::Connection(content), &parts.headers, MOST, &app.limits, Area::Risk).await?;
    Ok(form_urlencoded::parse(&bytes).map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect())
}

/// The first of our parameters that occurs twice, which none may (RFC 6749, section 3.2).
fn repeated(fields: &[(String, Zeroizing<String>)]) -> Option<&'static str> {
    let known = ["grant_type", "client_id", "client_secret", "scope"];
    known.into_iter().find(|known| fields.iter().filter(|(name, _)| name == known).count() > 1)
}

/// Id and secret from `Authorization: Basic` (RFC 6749, section 2.3.1: each form-encoded first).
fn basic_credentials(parts: &request::Parts) -> Option<Zeroizing<String>> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = Zeroizing::new(String::from_utf8(decoded).ok()?);
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    Some(Zeroizing::new(format!("{}:{}", plain(id)?, plain(secret)?)))
}

fn oauth_error(error: &OAuthError) -> Reply {
    let body = serde_json::json!({ "error": error.code.name(), "error_description": error.description });
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut reply = uncached(Reply::json(status, body.to_string().into_bytes()));
    if status == StatusCode::UNAUTHORIZED {
        reply.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"spillwatch\""));
    }
    if let Some(seconds) = error.retry_after {
        reply.set(header::RETRY_AFTER, seconds.to_string());
    }
    reply
}

/// Nobody may keep answers that hold, or might have held, a token (RFC 6749, section 5.1).
fn uncached(mut reply: Reply) -> Reply {
    reply.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
