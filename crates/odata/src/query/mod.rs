//! Query options (OData URL conventions 4.01, section 5): [read](QueryOptions::parse) from a URL,
//! then [bound](bind()) against the model.

mod bind;
mod error;
mod expand;
mod format;
mod search;
mod select;

pub use bind::{BoundQuery, Context, bind};
pub use error::{OptionError, QueryErrors};
pub use expand::Expansion;
pub use format::{Format, MetadataLevel};
pub use select::{Selected, Selection};

use crate::fault::excerpt;
use percent_encoding::percent_decode_str;

/// A system query option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemOption {
    /// `$apply`
    Apply,
    /// `$compute`
    Compute,
    /// `$count`
    Count,
    /// `$deltatoken`
    DeltaToken,
    /// `$expand`
    Expand,
    /// `$filter`
    Filter,
    /// `$format`
    Format,
    /// `$id`
    Id,
    /// `$index`
    Index,
    /// `$levels`
    Levels,
    /// `$orderby`
    OrderBy,
    /// `$schemaversion`
    SchemaVersion,
    /// `$search`
    Search,
    /// `$select`
    Select,
    /// `$skip`
    Skip,
    /// `$skiptoken`
    SkipToken,
    /// `$top`
    Top,
}

impl SystemOption {
    const ALL: [(&'static str, Self); 17] = [
        ("$apply", Self::Apply),
        ("$compute", Self::Compute),
        ("$count", Self::Count),
        ("$deltatoken", Self::DeltaToken),
        ("$expand", Self::Expand),
        ("$filter", Self::Filter),
        ("$format", Self::Format),
        ("$id", Self::Id),
        ("$index", Self::Index),
        ("$levels", Self::Levels),
        ("$orderby", Self::OrderBy),
        ("$schemaversion", Self::SchemaVersion),
        ("$search", Self::Search),
        ("$select", Self::Select),
        ("$skip", Self::Skip),
        ("$skiptoken", Self::SkipToken),
        ("$top", Self::Top),
    ];

    /// The name with its dollar sign.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Finds an option by a decoded name: any case, with or without the dollar sign.
    fn from_name(name: &str) -> Option<Self> {
        let short = name.strip_prefix('$').unwrap_or(name);
        Self::ALL.into_iter().find(|(known, _)| known[1..].eq_ignore_ascii_case(short)).map(|(_, option)| option)
    }
}

/// What is wrong with a query.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QueryError {
    /// A percent sign that starts no byte, or bytes that are not UTF-8.
    #[error("the query option {0} is not percent-encoded UTF-8")]
    Encoding(String),
    /// A name with `$` that OData does not define.
    #[error("{0} is not a query option of OData")]
    Unknown(String),
    /// The same option twice.
    #[error("the query option {0} occurs more than once")]
    Repeated(&'static str),
    /// The same parameter alias twice.
    #[error("the parameter alias {0} occurs more than once")]
    RepeatedAlias(String),
    /// More parameter aliases than [`QueryOptions::MOST_ALIASES`].
    #[error("there are more than {} parameter aliases", QueryOptions::MOST_ALIASES)]
    TooManyAliases,
    /// Defined, but not yet served.
    #[error("the query option {0} is not served yet")]
    NotImplemented(&'static str),
    /// Defined, but not for this kind of resource.
    #[error("the query option {0} does not apply to this resource")]
    NotApplicable(&'static str),
    /// `$top` that is not a positive number.
    #[error("$top is {0}; expected a whole number of at least 1")]
    Top(String),
}

/// The options of one request, in their order.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Options with their decoded values.
    system: Vec<(SystemOption, String)>,
    /// Parameter aliases without their sign, and their decoded values.
    aliases: Vec<(String, String)>,
    /// The query as it was sent, part by part, without `$skiptoken` and `$deltatoken`: for links to
    /// further pages.
    kept: String,
}

impl QueryOptions {
    /// The most parameter aliases that a query may define.
    pub const MOST_ALIASES: usize = 100;

    /// Reads the part of a URL after `?`. Options without `$` that OData does not know are the
    /// client's own and are passed over.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut options = Self::default();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name)?;
            let name = name.trim();
            match SystemOption::from_name(name) {
                Some(option) => {
                    if options.get(option).is_some() {
                        return Err(QueryError::Repeated(option.name()));
                    }
                    options.system.push((option, decode(value)?));
                    if matches!(option, SystemOption::SkipToken | SystemOption::DeltaToken) {
                        continue;
                    }
                }
                None if name.starts_with('$') => return Err(QueryError::Unknown(excerpt(name))),
                None => {
                    if let Some(alias) = name.strip_prefix('@') {
                        if options.aliases.iter().any(|(known, _)| known == alias) {
                            return Err(QueryError::RepeatedAlias(excerpt(name)));
                        }
                        if options.aliases.len() == Self::MOST_ALIASES {
                            return Err(QueryError::TooManyAliases);
                        }
                        options.aliases.push((alias.to_owned(), decode(value)?));
                    }
                }
            }
            if !options.kept.is_empty() {
                options.kept.push('&');
            }
            options.kept.push_str(part);
        }
        Ok(options)
    }

    /// The value of an option.
    pub fn get(&self, option: SystemOption) -> Option<&str> {
        self.system.iter().find(|(known, _)| *known == option).map(|(_, value)| value.as_str())
    }

    /// Takes an option out: what follows does not see it any more.
    pub fn take(&mut self, option: SystemOption) -> Option<String> {
        let at = self.system.iter().position(|(known, _)| *known == option)?;
        Some(self.system.remove(at).1)
    }

    /// Parameter aliases, without their sign, and their values (URL conventions 4.01, section 5.3).
    pub fn aliases(&self) -> &[(String, String)] {
        &self.aliases
    }

    /// The options that were given, with their values.
    pub fn given(&self) -> impl Iterator<Item = (SystemOption, &str)> {
        self.system.iter().map(|(option, value)| (*option, value.as_str()))
    }

    /// Refuses every option that is not among `served`: one that is among `applicable` as not yet
    /// served, any other as not fitting this kind of resource.
    pub fn only(&self, served: &[SystemOption], applicable: &[SystemOption]) -> Result<(), QueryError> {
        match self.system.iter().find(|(option, _)| !served.contains(option)) {
            None => Ok(()),
            Some((option, _)) if applicable.contains(option) => Err(QueryError::NotImplemented(option.name())),
            Some((option, _)) => Err(QueryError::NotApplicable(option.name())),
        }
    }

    /// `$top`, at least 1; larger numbers than can be held mean "as many as possible".
    pub fn top(&self) -> Result<Option<u32>, QueryError> {
        let Some(text) = self.get(SystemOption::Top) else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(top) if digits && top > 0 => Ok(Some(top)),
            Err(_) if digits => Ok(Some(u32::MAX)),
            _ => Err(QueryError::Top(excerpt(text))),
        }
    }

    /// The query as it was sent, without `$skiptoken` and `$deltatoken`.
    pub fn without_tokens(&self) -> &str {
        &self.kept
    }
}

/// Decodes a name or value; `+` is a space, as graph-rs-sdk and HTML forms send it.
fn decode(text: &str) -> Result<String, QueryError> {
    let bytes = text.as_bytes();
    let whole = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) if whole && !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => Err(QueryError::Encoding(excerpt(text))),
    }
}
