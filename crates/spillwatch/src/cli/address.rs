//! Where a store is.

use crate::database_url::DatabaseUrl;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A data folder, or the URL of a database.
#[derive(Clone)]
pub enum StoreAddress {
    /// A data folder.
    Folder(PathBuf),
    /// A PostgreSQL database.
    Database(DatabaseUrl),
}

impl StoreAddress {
    /// Whether it is the same as another one, as far as that can be told.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => {
                one == other
                    || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
            }
            (Self::Database(one), Self::Database(other)) => one.expose() == other.expose(),
            _ => false,
        }
    }
}

impl FromStr for StoreAddress {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        if is_url { text.parse().map(Self::Database) } else { Ok(Self::Folder(text.into())) }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Database(url) => write!(f, "{url}"),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
