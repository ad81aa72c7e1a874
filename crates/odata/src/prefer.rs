//! The `Prefer` header (RFC 7240; OData protocol 4.01, section 8.2.8).

use crate::edm::EnumMembers;

/// Which answer to a write the client prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// No body.
    Minimal,
    /// The whole entity.
    Representation,
}

/// What the client prefers when a request has faults that could be passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Pass over what can be passed over.
    Lenient,
    /// Refuse it.
    Strict,
}

/// The preferences that are understood. Others are passed over, as RFC 7240 asks; what was
/// honoured is answered in `Preference-Applied`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `return=minimal` or `return=representation`.
    pub returns: Option<Return>,
    /// `odata.maxpagesize` (or `maxpagesize`): the most items on a page, at least 1.
    pub max_page_size: Option<u32>,
    /// `odata.continue-on-error` (or `continue-on-error`), with or without a value: whether a batch goes
    /// on after a failure.
    pub continue_on_error: Option<bool>,
    /// `include-unknown-enum-members`: members above an evolvable enumeration's sentinel are sent by
    /// name, and asked for by name.
    pub include_unknown_enum_members: bool,
    /// `odata.track-changes` (or `track-changes`): the answer ends in a link to what changes later.
    pub track_changes: bool,
    /// `handling=lenient` or `handling=strict` (RFC 7240, section 4.4).
    pub handling: Option<Handling>,
}

impl Preferences {
    /// Which members of evolvable enumerations the client is told of and may name.
    pub fn enum_members(&self) -> EnumMembers {
        if self.include_unknown_enum_members { EnumMembers::All } else { EnumMembers::Known }
    }

    /// Reads the values of all `Prefer` headers. The first of repeated preferences counts.
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Self {
        let mut preferences = Self::default();
        for preference in headers.into_iter().flat_map(|header| header.split(',')) {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
            match name.as_str() {
                "return" if preferences.returns.is_none() => {
                    preferences.returns = match value.to_ascii_lowercase().as_str() {
                        "minimal" => Some(Return::Minimal),
                        "representation" => Some(Return::Representation),
                        _ => None,
                    };
                }
                "handling" if preferences.handling.is_none() => {
                    preferences.handling = match value.to_ascii_lowercase().as_str() {
                        "lenient" => Some(Handling::Lenient),
                        "strict" => Some(Handling::Strict),
                        _ => None,
                    };
                }
                "include-unknown-enum-members" => preferences.include_unknown_enum_members |= is_on(value),
                "odata.track-changes" | "track-changes" => preferences.track_changes |= is_on(value),
                "odata.maxpagesize" | "maxpagesize" if preferences.max_page_size.is_none() => {
                    preferences.max_page_size = value.parse().ok().filter(|size| *size > 0);
                }
                "odata.continue-on-error" | "continue-on-error" if preferences.continue_on_error.is_none() => {
                    preferences.continue_on_error = match value.to_ascii_lowercase().as_str() {
                        "" | "true" => Some(true),
                        "false" => Some(false),
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        preferences
    }
}

/// A preference without value is on, and so is one with `=true`.
fn is_on(value: &str) -> bool {
    value.is_empty() || value.eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let read = |header: &str| Preferences::parse([header]);
        assert_eq!(read("return=minimal").returns, Some(Return::Minimal));
        assert_eq!(read("respond-async, Return = \"representation\"").returns, Some(Return::Representation));
        assert_eq!(read("odata.maxpagesize=5, return=minimal").max_page_size, Some(5));
        assert_eq!(read("maxpagesize=0").max_page_size, None);
        assert_eq!(read("return=minimal, return=representation").returns, Some(Return::Minimal));
        assert_eq!(read("odata.continue-on-error").continue_on_error, Some(true));
        assert_eq!(read("Continue-On-Error=TRUE;x=y").continue_on_error, Some(true));
        assert_eq!(read("continue-on-error=false").continue_on_error, Some(false));
        assert_eq!(read("continue-on-error=maybe").continue_on_error, None);
        assert_eq!(read("wait=10"), Preferences::default());
    }

    #[test]
    fn reads_preferences_without_values() {
        let read = |header: &str| Preferences::parse([header]);
        let all = read("Include-Unknown-Enum-Members, odata.track-changes ; x=1, handling=\"Strict\"");
        assert!(all.include_unknown_enum_members && all.track_changes);
        assert_eq!(all.handling, Some(Handling::Strict));
        assert!(read("track-changes").track_changes);
        assert!(!read("include-unknown-enum-members=false").include_unknown_enum_members);
        assert!(!read("include - unknown -enum-members").include_unknown_enum_members);
        assert_eq!(read("handling=lenient, handling=strict").handling, Some(Handling::Lenient));
        assert_eq!(read("handling=strange").handling, None);
    }
}
