//! What can go wrong with a directory, in words that say what to do.

use ldap3::{LdapError, LdapResult};
use tokio_rustls::rustls::{self, CertificateError};

/// Why a directory cannot be read. Holds no value of an entry and no password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was given cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// Nobody answers there.
    #[error("{address} cannot be reached: {why}")]
    Unreachable {
        /// The server.
        address: String,
        /// Why.
        why: String,
    },
    /// The connection cannot be made secret, or not with this server.
    #[error("{address}: {why}")]
    Tls {
        /// The server.
        address: String,
        /// Why, and what to do.
        why: String,
    },
    /// It did not take the name or the password.
    #[error("the directory refused the bind{who}: {why}")]
    Bind {
        /// As whom.
        who: String,
        /// Why.
        why: String,
    },
    /// There is no such base, or it may not be seen.
    #[error("{0}")]
    Base(String),
    /// It did not answer a search to its end.
    #[error("{what}: {why}")]
    Search {
        /// What was searched for.
        what: &'static str,
        /// How it ended, and what to do.
        why: String,
    },
    /// No entry fits.
    #[error(
        "no entry below `{base}` fits the filter {filter}: look at --base and --filter, and at what the bind may read"
    )]
    Nobody {
        /// The base.
        base: String,
        /// The filter.
        filter: String,
    },
    /// It cannot be known that all entries were read.
    #[error("{0}")]
    Partial(String),
}

/// Why a connection was not made.
pub(crate) fn of_connecting(address: &crate::Address, has_ca: bool, error: LdapError) -> Error {
    let shown = address.to_string();
    let tls = |why: String| Error::Tls { address: shown.clone(), why };
    match error {
        LdapError::Io { source } => match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => tls(of_tls(address.host(), has_ca, error)),
            None => Error::Unreachable { address: shown, why: source.to_string() },
        },
        LdapError::Rustls { source } => tls(of_tls(address.host(), has_ca, &source)),
        LdapError::DNSName { .. } => {
            tls("TLS is made with a name that the certificate has; give the host's name and not its address".to_owned())
        }
        LdapError::LdapResult { result } => tls(format!(
            "it refuses StartTLS: {}. Use ldaps:// if it has that, or let it have a certificate; only --insecure-plaintext \
             goes on without",
            of_result(&result)
        )),
        LdapError::Timeout { .. } => {
            Error::Unreachable { address: shown, why: "it does not answer in time".to_owned() }
        }
        LdapError::ResultRecv { .. } | LdapError::EndOfStream => {
            Error::Unreachable { address: shown, why: "it closed the connection".to_owned() }
        }
        other => Error::Unreachable { address: shown, why: other.to_string() },
    }
}

fn of_tls(host: &str, has_ca: bool, error: &rustls::Error) -> String {
    match error {
        // A certificate of another CA of the same name has a bad signature.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            let why = if has_ca {
                "its certificate is not signed by a certificate in the file of --ca"
            } else {
                "its certificate is signed by nobody whom this machine trusts; give the certificate of your CA with --ca FILE"
            };
            why.to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName) => {
            format!("its certificate is not one of `{host}`; call it by a name that stands in the certificate")
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
            let names: Vec<&str> = presented.iter().map(|name| plain(name)).collect();
            let names = names.join(", ");
            format!(
                "its certificate is one of {names} and not of `{host}`; call it by a name that stands in the certificate"
            )
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired".to_owned()
        }
        other => format!("TLS cannot be made with it: {other}"),
    }
}

/// The name in `DnsName("localhost")`.
fn plain(presented: &str) -> &str {
    presented.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map_or(presented, |(name, _)| name)
}

/// Why something that was asked for was not answered.
pub(crate) fn of_asking(what: &'static str, error: LdapError) -> Error {
    let why = match error {
        LdapError::FilterParsing => {
            return Error::Unusable(
                "the filter is none (RFC 4515): expected one such as (objectClass=person)".to_owned(),
            );
        }
        LdapError::LdapResult { result } => of_result(&result),
        LdapError::Timeout { .. } => "the directory does not answer in time".to_owned(),
        LdapError::Io { source } => format!("the connection broke off: {source}"),
        LdapError::ResultRecv { .. } | LdapError::OpSend { .. } | LdapError::EndOfStream => {
            "the directory closed the connection".to_owned()
        }
        other => other.to_string(),
    };
    Error::Search { what, why }
}

/// A result in words: what its code means, and what the server says of it.
pub(crate) fn of_result(result: &LdapResult) -> String {
    let meaning = match result.rc {
        1 => "it calls that an error of operations; Active Directory does so where a bind is needed: give --bind-dn",
        3 => "its time limit was reached",
        4 => "its size limit was reached; let the bind read without one (OpenLDAP: `limits`), also over pages",
        8 => "it wants stronger authentication; leave out --insecure-plaintext, or use ldaps://",
        10 => "it refers to another server; ask that one",
        11 => "its administrative limit was reached; let the bind read without one",
        12 => "it cannot give results in pages",
        13 => "it wants an encrypted connection; leave out --insecure-plaintext",
        32 => "there is no such entry, or the bind may not see it",
        34 => "that is no distinguished name",
        48 => "it does not take this kind of bind; give --bind-dn and a password",
        49 => "the name or the password is wrong, or the account is locked",
        50 => "the bind may not do that",
        51 | 52 => "it is busy or not available; try again later",
        53 => "it is unwilling to do that",
        _ => "it failed",
    };
    let code = result.rc;
    let says = said(&result.text);
    if says.is_empty() { format!("{meaning} (result {code})") } else { format!("{meaning} (result {code}: {says})") }
}

/// What a server says, fit for a line.
pub(crate) fn said(text: &str) -> String {
    const LONGEST: usize = 200;
    let clean = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(LONGEST).map(clean).collect::<String>().trim().to_owned()
}
