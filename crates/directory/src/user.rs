//! One user of a directory, whatever it was read from.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::buffer::wiped;

/// Where something was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The name of the file that the caller gave; of an entry that a directory answered itself, its DN.
    pub file: Arc<str>,
    /// The line where the entry begins, or where a fault was found; the first is 1, and 0 is one of what has no lines.
    pub line: u64,
    /// The number of the entry in the file; the first is 1, and 0 is the file as a whole.
    pub entry: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        if self.line == 0 {
            return Ok(());
        }
        write!(formatter, ":{}", self.line)?;
        if self.entry > 0 { write!(formatter, " (entry {})", self.entry) } else { Ok(()) }
    }
}

/// A pre-Windows-2000 name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamName {
    /// The domain in front of it, NetBIOS or DNS name, if the source gave one.
    pub domain: Option<String>,
    /// The name alone.
    pub name: String,
}

impl SamName {
    /// Reads `DOMAIN\name` or `name`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once('\\') {
            Some((domain, name)) if !domain.is_empty() => {
                Self { domain: Some(domain.to_owned()), name: name.to_owned() }
            }
            Some((_, name)) => Self { domain: None, name: name.to_owned() },
            None => Self { domain: None, name: text.to_owned() },
        }
    }
}

/// One user as a directory's export tells of it; nothing is normalised and nothing is made up.
///
/// `Debug` shows the place and how many verifiers there are, no name and no secret.
#[derive(Default)]
pub struct DirectoryUser {
    /// Where the entry begins.
    pub place: Place,
    /// The directory's own key: entryUUID, objectGUID, Keycloak's and SCIM's id, a primary key.
    pub id: Option<String>,
    /// The distinguished name, from LDIF or an export that carries it along.
    pub distinguished_name: Option<String>,
    /// The userPrincipalName.
    pub upn: Option<String>,
    /// The name that is typed at the sign-in and need not be an address: uid, username, userName.
    pub user_name: Option<String>,
    /// The primary address.
    pub mail: Option<String>,
    /// Further addresses of the same mailbox, Exchange's with their `SMTP:`.
    pub proxy_addresses: Vec<String>,
    /// Personal addresses elsewhere.
    pub other_mails: Vec<String>,
    /// The sAMAccountName.
    pub sam: Option<SamName>,
    /// Sign-in names that the user had before.
    pub former_upns: Vec<String>,
    /// Any other name.
    pub aliases: Vec<String>,
    /// Whether the account may sign in; `None` if the source does not say. A lock that time opens is none.
    pub enabled: Option<bool>,
    /// Whether the account administers the directory or the application; `None` if the source does not say.
    pub administrator: Option<bool>,
    /// The name that is shown.
    pub display_name: Option<String>,
    /// The first name.
    pub given_name: Option<String>,
    /// The family name.
    pub surname: Option<String>,
    /// The department, as a name or a number.
    pub department: Option<String>,
    /// What the source stores in place of the password; several if it allows several.
    pub verifiers: Vec<VerifierText>,
}

impl fmt::Debug for DirectoryUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("DirectoryUser");
        debug.field("place", &self.place).field("verifiers", &self.verifiers.len()).finish_non_exhaustive()
    }
}

impl DirectoryUser {
    pub(crate) fn at(line: u64) -> Self {
        Self { place: Place { line, ..Place::default() }, ..Self::default() }
    }

    /// Whether anything names the user.
    pub(crate) fn is_named(&self) -> bool {
        let single = [&self.id, &self.upn, &self.user_name, &self.mail];
        let several = [&self.proxy_addresses, &self.other_mails, &self.former_upns, &self.aliases];
        single.into_iter().any(Option::is_some)
            || self.sam.is_some()
            || several.into_iter().any(|list| !list.is_empty())
    }

    /// The values by what they are called in an error.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let single = [
            ("id", &self.id),
            ("dn", &self.distinguished_name),
            ("upn", &self.upn),
            ("user name", &self.user_name),
            ("mail", &self.mail),
            ("display name", &self.display_name),
            ("given name", &self.given_name),
            ("surname", &self.surname),
            ("department", &self.department),
        ];
        let several = [
            ("proxy address", &self.proxy_addresses),
            ("other mail", &self.other_mails),
            ("former upn", &self.former_upns),
            ("alias", &self.aliases),
        ];
        let single = single.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let several = several.into_iter().flat_map(|(name, list)| list.iter().map(move |value| (name, value.as_str())));
        let sam = self.sam.iter().map(|sam| ("sAMAccountName", sam.name.as_str()));
        let verifiers = self.verifiers.iter().map(|verifier| ("verifier", verifier.expose()));
        single.chain(several).chain(sam).chain(verifiers)
    }
}

/// What a verifier's text without a scheme means where it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmarked {
    /// Nothing is known: it may be a bare digest or a password in clear text.
    Unknown,
    /// A password in clear text, as RFC 4519 defines userPassword.
    ClearText,
}

/// What a source stores in place of a password, with its scheme in front.
///
/// It is written as the source writes it, but for these: an NT hash is `{NT}HEX`, a Keycloak credential is its
/// JSON object without white space, a password that the source calls one is `{CLEAR}` and the password.
/// Secret: it has no `Debug`, no `Display`, no `Clone`, and is wiped when it is dropped.
pub struct VerifierText {
    text: Zeroizing<String>,
    unmarked: Unmarked,
}

impl VerifierText {
    pub(crate) fn new(pieces: &[&str]) -> Self {
        Self { text: wiped(pieces), unmarked: Unmarked::Unknown }
    }

    /// Takes a password in clear text, as a source calls it one.
    pub fn clear_text(password: &str) -> Self {
        Self::new(&[Self::CLEAR, password])
    }

    /// Returns the password, where the source says that it is one in clear text.
    pub fn password(&self) -> Option<&str> {
        self.text.strip_prefix(Self::CLEAR)
    }

    /// What stands in front of a password that a source calls one.
    const CLEAR: &str = "{CLEAR}";

    pub(crate) fn user_password(text: &str) -> Self {
        Self { text: wiped(&[text]), unmarked: Unmarked::ClearText }
    }

    /// Returns the text for the eyes of the parser of verifiers.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns what the text means if it names no scheme.
    pub fn unmarked(&self) -> Unmarked {
        self.unmarked
    }
}
