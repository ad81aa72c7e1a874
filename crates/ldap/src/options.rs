//! How a directory is reached.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use url::{Host, Url};
use zeroize::Zeroizing;

/// Where a directory is and how it is spoken to.
pub struct Options {
    /// The server.
    pub address: Address,
    /// The certificates in PEM that may sign the server's; those that this machine trusts when left out.
    pub ca: Option<PathBuf>,
    /// Speaks `ldap://` in clear, without StartTLS: whoever reads along reads the bind password and every verifier.
    pub plaintext: bool,
    /// As whom; nobody when left out.
    pub bind: Option<Bind>,
    /// The entry below which users are; the server's own when left out, if it has one.
    pub base: Option<String>,
    /// Which entries are users (RFC 4515); the kind of server decides when left out.
    pub filter: Option<String>,
}

/// The name and the password of a simple bind. It has no `Debug`.
pub struct Bind {
    /// The distinguished name, or what the server takes in its place (Active Directory: a userPrincipalName).
    pub name: String,
    /// The password.
    pub password: Zeroizing<String>,
}

/// `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(crate) url: Url,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why a text is no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no URL, or one of another scheme.
    #[error("expected ldap://HOST, ldaps://HOST, or one of them with a :PORT")]
    Shape,
    /// It has a name or a password in it, which every user of the machine could see.
    #[error("it names somebody before the `@`; give the name with --bind-dn and the password in a file or a variable")]
    Somebody,
    /// It has a base or a filter in it.
    #[error("it goes on after the host; give the base with --base and the filter with --filter")]
    More,
}

impl Address {
    /// Whether it is TLS from the first byte on.
    pub fn is_ldaps(&self) -> bool {
        self.url.scheme() == "ldaps"
    }

    /// The host, as certificates call it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether what is said to it stays on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.host.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Shape)?;
        let standard = match url.scheme() {
            "ldap" => 389,
            "ldaps" => 636,
            _ => return Err(AddressError::Shape),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Somebody);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::More);
        }
        let host = match url.host() {
            Some(Host::Domain("")) | None => return Err(AddressError::Shape),
            Some(host) => host.to_string(),
        };
        let port = url.port().unwrap_or(standard);
        Ok(Self { url, host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}:{}", self.url.scheme(), self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, shown, loopback) in [
            ("ldap://dc1.corp.test", "ldap://dc1.corp.test:389", false),
            ("ldaps://dc1.corp.test/", "ldaps://dc1.corp.test:636", false),
            ("ldap://127.0.0.1:3890", "ldap://127.0.0.1:3890", true),
            ("ldap://localhost", "ldap://localhost:389", true),
            ("ldaps://[::1]:6360", "ldaps://[::1]:6360", true),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!((address.to_string().as_str(), address.is_loopback()), (shown, loopback));
        }
        for (text, error) in [
            ("dc1.corp.test", AddressError::Shape),
            ("http://dc1.corp.test", AddressError::Shape),
            ("ldap://", AddressError::Shape),
            ("ldap://anna:secret@dc1.corp.test", AddressError::Somebody),
            ("ldap://dc1.corp.test/dc=corp", AddressError::More),
            ("ldap://dc1.corp.test?uid", AddressError::More),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
