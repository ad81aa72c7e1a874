//! The address of a database, which may hold a password: shown only without it.

use secrecy::{ExposeSecret as _, SecretString};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What is shown of an address that is not understood: its parts could be a password in the wrong place.
const HIDDEN: &str = "postgres://...";

/// `--database`. Any text is taken at first, since the command line's own error would repeat it.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// The address itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Says what is wrong at first sight, without repeating anything of it.
    pub fn check(&self) -> Result<(), &'static str> {
        let Some(rest) = self.rest() else {
            return Err("it does not begin with postgres://");
        };
        if rest.matches('@').count() > 1 {
            return Err("it has more than one `@`; in names and passwords write %40 for it");
        }
        Ok(())
    }

    /// What follows the scheme.
    fn rest(&self) -> Option<&str> {
        let text = self.expose();
        text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
    }

    /// User, hosts and name of the database, where each of them looks like one.
    fn shown(&self) -> Option<String> {
        let rest = self.rest().filter(|rest| rest.matches('@').count() < 2)?;
        let (user, rest) = match rest.split_once('@') {
            Some((credentials, rest)) => (credentials.split(':').next(), rest),
            None => (None, rest),
        };
        let address = rest.split('?').next()?;
        let (hosts, name) = address.split_once('/').unwrap_or((address, ""));
        let are_plain = is_plain(name) && user.is_none_or(is_plain) && hosts.split(',').all(is_host);
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let name = if name.is_empty() { String::new() } else { format!("/{name}") };
        are_plain.then(|| format!("postgres://{user}{hosts}{name}"))
    }
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || "_-.%".contains(c))
}

/// A name or an address, with a port or without. A password that was left without its `@` is no port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.chars().all(|c| c.is_ascii_hexdigit() || ":.%".contains(c)) => ("", port),
            _ => return false,
        },
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    is_plain(host) && port.strip_prefix(':').unwrap_or(port).chars().all(|c| c.is_ascii_digit())
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown().as_deref().unwrap_or(HIDDEN))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let Ok(url) = text.parse::<DatabaseUrl>();
        assert_eq!(format!("{url:?}"), url.to_string());
        url.to_string()
    }

    #[test]
    fn it_is_shown_without_password_and_options() {
        for (text, expected) in [
            ("postgres://risk:hunter2@db.example:5433/risk?sslmode=require", "postgres://risk@db.example:5433/risk"),
            ("postgresql://risk:hunter2@db.example/risk", "postgres://risk@db.example/risk"),
            ("postgres://db1.example:1,db2.example:2/risk", "postgres://db1.example:1,db2.example:2/risk"),
            ("postgres://risk@[::1]:5433/risk", "postgres://risk@[::1]:5433/risk"),
            ("postgres://risk:hun?ter/2#@db.example/risk", "postgres://risk@db.example/risk"),
            ("postgres:///risk?host=/run/postgresql&password=hunter2", "postgres:///risk"),
            ("postgres://localhost?password=hunter2", "postgres://localhost"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_shown() {
        for text in [
            "",
            "risk:hunter2@db.example/risk",
            "mysql://risk:hunter2@db.example/risk",
            "postgres://risk:hunter@2@db.example/risk",
            "postgres://risk:hunter2/risk",
            "postgres://db.example/risk?password=hunter@2",
            "postgres://db.example/risk hunter2",
            "postgres://[hunter2/risk",
        ] {
            assert_eq!(shown(text), HIDDEN, "{text}");
        }
    }
}
