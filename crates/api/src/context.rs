//! What is known of a request before it is understood: its ids, and where its links point.

use crate::error::{ApiError, Area};
use axum::http::{HeaderMap, Uri, header, request};
use ipnet::IpNet;
use model::{Clock, Entropy, Ticks};
use std::net::SocketAddr;
use std::sync::Arc;

/// The ids of a request, which every answer carries.
#[derive(Clone, Debug)]
pub struct RequestIds {
    /// Made by the server.
    pub request_id: Arc<str>,
    /// The client's own, when it is fit to be echoed.
    client: Option<Arc<str>>,
    /// When the request came.
    pub date: Ticks,
}

impl RequestIds {
    /// Makes ids for a request.
    pub fn new(headers: &HeaderMap, clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let request_id = entropy.uuid_v4().hyphenated().encode_lower(&mut text);
        let client = headers.get("client-request-id").and_then(|value| value.to_str().ok());
        let client = client.filter(|id| (1..=128).contains(&id.len()));
        Self { request_id: Arc::from(&*request_id), client: client.map(Arc::from), date: clock.now() }
    }

    /// The client's id, or else the server's (graph.md, section 8.1).
    pub fn client_request_id(&self) -> &str {
        self.client.as_deref().unwrap_or(&self.request_id)
    }
}

/// The connection that a request came by.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Whether it is encrypted up to here.
    pub tls: bool,
}

/// Where links point: from the configuration, else from what the request says.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// `--public-url`, without a slash at its end.
    pub public_url: Option<Arc<str>>,
    /// Proxies whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Arc<[IpNet]>,
}

impl Origins {
    /// Scheme and authority of this service as the client sees it, such as
    /// `https://risk.example.test`.
    pub fn of(&self, request: &request::Parts) -> Result<Arc<str>, ApiError> {
        if let Some(url) = &self.public_url {
            return Ok(url.clone());
        }
        let connection = request.extensions.get::<Connection>();
        let behind_proxy = connection
            .is_some_and(|c| self.trusted_proxies.iter().any(|net| net.contains(&c.peer.ip().to_canonical())));
        let forwarded = |name: &str| {
            let value = request.headers.get(name).filter(|_| behind_proxy)?.to_str().ok()?;
            value.split(',').next().map(str::trim)
        };
        let tls = match forwarded("x-forwarded-proto") {
            Some(scheme) => scheme.eq_ignore_ascii_case("https"),
            None => connection.is_some_and(|c| c.tls),
        };
        let authority = forwarded("x-forwarded-host").or_else(|| authority(&request.uri, &request.headers));
        match authority {
            Some(authority) if is_authority(authority) => {
                Ok(format!("{}://{authority}", if tls { "https" } else { "http" }).into())
            }
            _ => Err(ApiError::bad_request(Area::Risk, "the Host header is missing or is not a host name and port")),
        }
    }
}

fn authority<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST)?.to_str().ok(),
    }
}

/// Only characters of host names, addresses and ports: it goes into links.
fn is_authority(text: &str) -> bool {
    (1..=262).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
}
