//! How the database is connected to: the URL as libpq reads it (PostgreSQL documentation 34.1), with TLS by rustls.
//!
//! Whoever reads along between here and the database reads every event, so what libpq leaves to the operator is
//! decided here: another machine is spoken to under `sslmode=verify-full` unless the URL says otherwise, and in clear
//! only when it says `sslmode=disable`.

mod password;
#[cfg(test)]
mod tests;
mod verifier;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use store::StoreError;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use verifier::Verifier;

/// How much is asked of the database's certificate; libpq's names and meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing is encrypted.
    Disable,
    /// Encrypted if the database can; its certificate is not looked at.
    Prefer,
    /// Encrypted; its certificate is not looked at, unless there is a root file.
    Require,
    /// Signed by a root.
    VerifyCa,
    /// Signed by a root, and for this host.
    VerifyFull,
}

impl Mode {
    const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// What the URL says that the driver does not know, and the rest of it.
#[derive(Default)]
struct Split {
    /// For the driver.
    rest: String,
    mode: Option<String>,
    root: Option<String>,
    passfile: Option<PathBuf>,
}

/// The driver's configuration for a URL, and what it makes TLS with. Reads files that the URL names; the password may
/// come from the variable `PGPASSWORD`. Nothing of the URL is repeated in an error that could be a password.
pub(crate) fn connector(url: &str) -> Result<(Config, MakeRustlsConnect), StoreError> {
    connector_with(url, std::env::var("PGPASSWORD").ok())
}

fn connector_with(url: &str, password: Option<String>) -> Result<(Config, MakeRustlsConnect), StoreError> {
    let split = split(url)?;
    let mut config: Config = split.rest.parse().map_err(|error| unusable(told(&error)))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(unusable("it names no host"));
    }
    let mode = mode(&config, split.mode.as_deref(), split.root.is_some())?;
    config.ssl_mode(match mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    if config.get_password().is_none() {
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            config.password(password);
        } else if let Some(file) = &split.passfile {
            let password = password::from_file(file, &config).map_err(unusable)?;
            config.password(password.as_slice());
        }
    }
    let provider = Arc::new(default_provider());
    let verifier = match mode {
        Mode::Disable | Mode::Prefer => Verifier::trusting(&provider),
        Mode::Require if split.root.is_none() => Verifier::trusting(&provider),
        Mode::Require | Mode::VerifyCa => {
            Verifier::chain(&provider, verifier::roots(split.root.as_deref()).map_err(unusable)?)
        }
        Mode::VerifyFull => {
            Verifier::chain_and_name(&provider, verifier::roots(split.root.as_deref()).map_err(unusable)?)
                .map_err(|error| unusable(error.to_string()))?
        }
    };
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .dangerous() // its own verifier, whose modes are the URL's
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"postgresql".to_vec()]; // PostgreSQL 17 asks for it where TLS comes first
    Ok((config, MakeRustlsConnect::new(tls)))
}

/// Takes out of the URL what the driver does not know.
fn split(url: &str) -> Result<Split, StoreError> {
    let scheme = ["postgres://", "postgresql://"].into_iter().find(|scheme| url.starts_with(scheme));
    let Some(scheme) = scheme else {
        return Err(unusable("it does not begin with postgres://"));
    };
    let whole = &url[scheme.len()..];
    if whole.matches('@').count() > 1 {
        return Err(unusable("it has more than one `@`; in names and passwords write %40 for it"));
    }
    let query = whole.find('@').unwrap_or(0); // a password may hold a question mark
    let Some(query) = whole[query..].find('?').map(|at| query + at) else {
        return Ok(Split { rest: url.to_owned(), ..Split::default() });
    };
    let mut split = Split::default();
    let mut kept = Vec::new();
    for pair in whole[query + 1..].split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| unusable("an option after the `?` has no value"))?;
        let value = || decoded(value);
        let twice = match name {
            "sslmode" => split.mode.replace(value()?).is_some(),
            "sslrootcert" => split.root.replace(value()?).is_some(),
            "passfile" => split.passfile.replace(value()?.into()).is_some(),
            _ => {
                kept.push(pair);
                false
            }
        };
        if twice {
            return Err(unusable(format!("it has `{name}` twice")));
        }
    }
    split.rest = format!("{scheme}{}", &whole[..query]);
    if !kept.is_empty() {
        split.rest = format!("{}?{}", split.rest, kept.join("&"));
    }
    Ok(split)
}

/// A value of the URL without its percent signs (RFC 3986 section 2.1).
fn decoded(value: &str) -> Result<String, StoreError> {
    let wrong = || unusable("a percent sign in its options does not begin two hexadecimal digits of UTF-8");
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            octets.push(*first);
            continue;
        }
        let digits = rest.split_at_checked(2).filter(|(digits, _)| digits.iter().all(u8::is_ascii_hexdigit));
        let (digits, after) = digits.ok_or_else(wrong)?;
        let digits = str::from_utf8(digits).map_err(|_| wrong())?;
        octets.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(octets).map_err(|_| wrong())
}

/// The mode that the URL asks for, or the one that fits its hosts.
fn mode(config: &Config, asked: Option<&str>, has_root: bool) -> Result<Mode, StoreError> {
    let is_here = is_this_machine(config);
    let Some(asked) = asked else {
        return Ok(if is_here && !has_root { Mode::Prefer } else { Mode::VerifyFull });
    };
    let known = Mode::ALL.into_iter().find(|mode| mode.name() == asked);
    let mode = known.ok_or_else(|| {
        let names = Mode::ALL.map(Mode::name).join(", ");
        unusable(format!("its sslmode is none of {names}"))
    })?;
    match mode {
        Mode::Prefer if !is_here => Err(unusable(
            "sslmode=prefer would speak to another machine in clear when that asks for it; leave it out \
             (verify-full), or say sslmode=disable where the network between is trusted",
        )),
        Mode::Disable | Mode::Prefer if has_root => {
            Err(unusable(format!("sslrootcert has no effect with sslmode={}; leave one of them out", mode.name())))
        }
        _ => Ok(mode),
    }
}

/// Whether every address that may be connected to is of this machine: a socket in the file system, or loopback.
fn is_this_machine(config: &Config) -> bool {
    let is_loopback = |address: &IpAddr| address.to_canonical().is_loopback();
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => {
                name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address| is_loopback(&address))
            }
            Host::Unix(_) => true,
        }),
        addresses => addresses.iter().all(is_loopback),
    }
}

fn unusable(why: impl fmt::Display) -> StoreError {
    StoreError::Unusable(format!("the database's URL cannot be used: {why}"))
}

/// The driver's error with its cause, which names options and never values.
fn told(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}
