//! Calls that the server makes to others: discovery documents, key sets, and later webhooks.
//!
//! An address that a stranger can influence must not reach what only this machine can reach
//! (server-side request forgery; RFC 8725 section 3.10). So there is one client: https only, no
//! redirects, no proxy, bounded time and size, and no private address, neither written in a URL
//! nor given by DNS, unless the operator allows a host by name or a network.

mod address;
mod resolver;

use address::refusal;
use reqwest::{Method, RequestBuilder, Response};
use resolver::PublicResolver;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::{Host, Url};

/// Somebody who may be called although the rules forbid it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedPeer {
    /// A host, by its name or its literal address: private addresses and plain http are allowed.
    Host(Box<str>),
    /// A network: its addresses are allowed, over https only.
    Network(ipnet::IpNet),
}

/// A text that is neither a host nor a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is neither a host name or address (keycloak.internal, 10.0.0.7) nor a network (10.0.0.0/8)")]
pub struct AllowedPeerError(String);

impl FromStr for AllowedPeer {
    type Err = AllowedPeerError;

    fn from_str(text: &str) -> Result<Self, AllowedPeerError> {
        let wrong = || AllowedPeerError(text.to_owned());
        if text.contains('/') {
            return text.parse().map(Self::Network).map_err(|_| wrong());
        }
        let host = match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => Host::Ipv6(address),
            _ => Host::parse(text).map_err(|_| wrong())?,
        };
        Ok(Self::Host(host.to_string().into()))
    }
}

/// What outgoing calls may do.
#[derive(Clone, Debug)]
pub struct OutgoingRules {
    /// Who may be called in spite of the rules.
    pub allowed: Vec<AllowedPeer>,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest time for a whole call, answer included.
    pub total_timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub longest_answer: usize,
}

impl Default for OutgoingRules {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(10),
            longest_answer: 1024 * 1024,
        }
    }
}

impl OutgoingRules {
    fn allows_host(&self, host: &str) -> bool {
        self.allowed.iter().any(|peer| matches!(peer, AllowedPeer::Host(name) if name.eq_ignore_ascii_case(host)))
    }

    /// Says why `address` is refused; `None` when it may be called.
    fn refuses(&self, address: IpAddr) -> Option<&'static str> {
        let allowed = |peer: &AllowedPeer| matches!(peer, AllowedPeer::Network(network) if network.contains(&address));
        refusal(address).filter(|_| !self.allowed.iter().any(allowed))
    }
}

/// Why an outgoing call was not made or failed.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// Plain http, or another scheme, to a host that is not allowed by name.
    #[error("`{0}` is not https, and its host is not allowed by name")]
    NotHttps(Url),
    /// A URL with a user name, a password or without a host.
    #[error("`{0}` is not a plain URL with a host and without a password")]
    NotPlain(Box<str>),
    /// An address that only this machine or its network can reach.
    #[error("the host of `{url}` is {kind} and not allowed by name")]
    RefusedAddress {
        /// What was to be called.
        url: Url,
        /// The kind of address.
        kind: &'static str,
    },
    /// The client could not be made: no certificate store, most likely.
    #[error("the HTTPS client cannot be made")]
    Client(#[source] Arc<reqwest::Error>),
    /// No answer: no connection, no address, no trust, no time.
    #[error("the call failed")]
    Call(#[source] reqwest::Error),
    /// Another status than 200, redirects included.
    #[error("the answer's status is {0}, not 200")]
    Status(u16),
    /// More bytes than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// The one HTTP client, with its rules. It is made at the first call, so that a server that calls
/// nobody needs no certificate store.
pub struct Outgoing {
    rules: Arc<OutgoingRules>,
    client: OnceLock<Result<reqwest::Client, Arc<reqwest::Error>>>,
}

impl Outgoing {
    /// Makes a client that keeps `rules`.
    pub fn new(rules: OutgoingRules) -> Self {
        Self { rules: Arc::new(rules), client: OnceLock::new() }
    }

    /// The rules.
    pub fn rules(&self) -> &OutgoingRules {
        &self.rules
    }

    /// Checks what the URL alone can tell. What its name resolves to is checked when connecting.
    pub fn check(&self, url: &Url) -> Result<(), OutgoingError> {
        let host = match url.host() {
            Some(host) if url.username().is_empty() && url.password().is_none() => host,
            _ => return Err(OutgoingError::NotPlain(without_password(url))),
        };
        let name = match host {
            Host::Ipv6(address) => address.to_string(),
            ref other => other.to_string(),
        };
        if self.rules.allows_host(&name) || self.rules.allows_host(&host.to_string()) {
            return if matches!(url.scheme(), "http" | "https") {
                Ok(())
            } else {
                Err(OutgoingError::NotHttps(url.clone()))
            };
        }
        if url.scheme() != "https" {
            return Err(OutgoingError::NotHttps(url.clone()));
        }
        let address = match host {
            Host::Domain(_) => return Ok(()),
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        match self.rules.refuses(address) {
            None => Ok(()),
            Some(kind) => Err(OutgoingError::RefusedAddress { url: url.clone(), kind }),
        }
    }

    /// Begins a call to `url` after checking it.
    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, OutgoingError> {
        self.check(url)?;
        let client = self.client.get_or_init(|| self.make_client()).as_ref();
        let client = client.map_err(|error| OutgoingError::Client(error.clone()))?;
        Ok(client.request(method, url.clone()))
    }

    /// Fetches `url` and returns its whole body: status 200 and a bounded length, or an error.
    pub async fn fetch(&self, url: &Url) -> Result<Vec<u8>, OutgoingError> {
        let request = self.request(Method::GET, url)?.header("accept", "application/json");
        let response = request.send().await.map_err(OutgoingError::Call)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(OutgoingError::Status(response.status().as_u16()));
        }
        read_bounded(response, self.rules.longest_answer).await
    }

    fn make_client(&self) -> Result<reqwest::Client, Arc<reqwest::Error>> {
        reqwest::Client::builder()
            .user_agent(concat!("spillwatch/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy() // a proxy would resolve names out of our sight
            .connect_timeout(self.rules.connect_timeout)
            .timeout(self.rules.total_timeout)
            .dns_resolver(Arc::new(PublicResolver::new(self.rules.clone())))
            .build()
            .map_err(Arc::new)
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Reads a body of at most `longest` bytes; a longer one is not read to its end.
pub async fn read_bounded(mut response: Response, longest: usize) -> Result<Vec<u8>, OutgoingError> {
    if response.content_length().is_some_and(|length| length > longest as u64) {
        return Err(OutgoingError::TooLong(longest));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(OutgoingError::Call)? {
        if body.len() + chunk.len() > longest {
            return Err(OutgoingError::TooLong(longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn without_password(url: &Url) -> Box<str> {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(allowed: &[&str], url: &str) -> Result<(), OutgoingError> {
        let allowed = allowed.iter().map(|peer| peer.parse().expect("a peer")).collect();
        let outgoing = Outgoing::new(OutgoingRules { allowed, ..OutgoingRules::default() });
        outgoing.check(&url.parse().expect("a URL"))
    }

    #[test]
    fn only_https_to_public_hosts() {
        assert!(verdict(&[], "https://login.example/keys").is_ok());
        assert!(verdict(&[], "https://192.0.78.9/keys").is_ok());
        assert!(matches!(verdict(&[], "http://login.example/"), Err(OutgoingError::NotHttps(_))));
        assert!(matches!(verdict(&[], "ftp://login.example/"), Err(OutgoingError::NotHttps(_))));
        let error = verdict(&[], "https://me:secret@login.example/").expect_err("a password");
        assert!(!error.to_string().contains("secret"));
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/", // 127.0.0.1 as one number
            "https://0x7f.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
        ] {
            assert!(matches!(verdict(&[], url), Err(OutgoingError::RefusedAddress { .. })), "{url}");
        }
    }

    #[test]
    fn the_operator_allows_hosts_by_name_and_networks() {
        assert!(verdict(&["127.0.0.1"], "http://127.0.0.1:9/keys").is_ok());
        assert!(verdict(&["::1"], "http://[::1]:9/keys").is_ok());
        assert!(verdict(&["Keycloak.internal"], "http://keycloak.INTERNAL/keys").is_ok());
        assert!(verdict(&["keycloak.internal"], "http://evil.keycloak.internal/").is_err());
        assert!(verdict(&["10.0.0.0/8"], "https://10.1.2.3/").is_ok());
        assert!(verdict(&["10.0.0.0/8"], "http://10.1.2.3/").is_err());
        assert!(verdict(&["10.0.0.0/8"], "https://192.168.0.1/").is_err());
        assert!(verdict(&["127.0.0.1"], "file://127.0.0.1/etc/passwd").is_err());
        assert!("10.0.0.0/40".parse::<AllowedPeer>().is_err());
        assert!("a b".parse::<AllowedPeer>().is_err());
    }
}
