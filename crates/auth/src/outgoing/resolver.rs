//! Name resolution that passes on only the addresses that may be called. The check stands between
//! DNS and the connection, so a name that changes its address after a check gains nothing.

use super::OutgoingRules;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) struct PublicResolver {
    rules: Arc<OutgoingRules>,
}

impl PublicResolver {
    pub(crate) fn new(rules: Arc<OutgoingRules>) -> Self {
        Self { rules }
    }
}

#[derive(Debug, thiserror::Error)]
enum ResolveError {
    #[error("`{0}` has no address")]
    NoAddress(Box<str>),
    #[error("`{name}` resolves to {kind} and is not allowed by name")]
    Refused { name: Box<str>, kind: &'static str },
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.rules.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let public = permitted(&rules, name, found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Keeps the addresses that may be called; when there is none, says what the first one is.
fn permitted(rules: &OutgoingRules, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ResolveError> {
    if rules.allows_host(name) && !found.is_empty() {
        return Ok(found);
    }
    let refused = found.iter().find_map(|address| rules.refuses(address.ip()));
    let public: Vec<_> = found.into_iter().filter(|address| rules.refuses(address.ip()).is_none()).collect();
    match (public.is_empty(), refused) {
        (false, _) => Ok(public),
        (true, Some(kind)) => Err(ResolveError::Refused { name: name.into(), kind }),
        (true, None) => Err(ResolveError::NoAddress(name.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), 0)).collect()
    }

    #[test]
    fn a_name_that_points_inside_is_refused_unless_allowed() {
        let rules = OutgoingRules::default();
        let error = permitted(&rules, "rebind.example", addresses(&["127.0.0.1"])).expect_err("loopback");
        assert_eq!(error.to_string(), "`rebind.example` resolves to a loopback address and is not allowed by name");
        assert_eq!(
            permitted(&rules, "mixed.example", addresses(&["10.0.0.1", "9.9.9.9"])).expect("one is public"),
            addresses(&["9.9.9.9"]),
        );
        assert!(permitted(&rules, "none.example", Vec::new()).is_err());
        let allowed = vec!["idp.internal".parse().expect("a host"), "10.0.0.0/8".parse().expect("a network")];
        let rules = OutgoingRules { allowed, ..OutgoingRules::default() };
        assert!(permitted(&rules, "IDP.internal", addresses(&["192.168.0.1"])).is_ok());
        assert!(permitted(&rules, "other.internal", addresses(&["10.0.0.1"])).is_ok());
        assert!(permitted(&rules, "other.internal", addresses(&["192.168.0.1"])).is_err());
    }
}
