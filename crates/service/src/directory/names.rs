//! The names of an entry of a directory: which of them finds the account, which is the user's userPrincipalName, and
//! all of them as attributes.

use directory::{DirectoryUser, Format};
use model::{AccountName, FORMER_NAME, is_principal_name};
use verify::identity::Attribute;

/// The longest key of an account, in characters; a database's index takes no longer one.
const LONGEST_KEY: usize = 512;

/// Where a userPrincipalName comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalName {
    /// The directory says that it is one.
    Told(String),
    /// Another name stands for it, when the user is new.
    IfNew(String),
    /// No name of the entry can be one.
    None,
}

/// The key of an entry in its directory: its id there, else the name by which it is told from others.
pub fn account_key(user: &DirectoryUser) -> Option<String> {
    let sam = user.sam.as_ref().map(|sam| match &sam.domain {
        Some(domain) => format!("{domain}\\{}", sam.name).to_lowercase(),
        None => sam.name.to_lowercase(),
    });
    let lower = |name: &Option<String>| name.as_ref().map(|name| name.to_lowercase());
    let key = user.id.clone().or_else(|| lower(&user.upn)).or_else(|| lower(&user.user_name)).or(sam);
    let key = key.or_else(|| lower(&user.mail)).or_else(|| user.aliases.first().map(|name| name.to_lowercase()));
    key.filter(|key| key.chars().count() <= LONGEST_KEY && !key.chars().any(char::is_control))
}

/// The userPrincipalName of an entry; `domain` completes a name without one.
pub fn principal_name(user: &DirectoryUser, domain: Option<&str>) -> PrincipalName {
    if let Some(upn) = &user.upn {
        return PrincipalName::Told(upn.clone());
    }
    if let Some(name) = user.user_name.as_ref().filter(|name| is_principal_name(name)) {
        return PrincipalName::Told(name.clone());
    }
    let primary = user.proxy_addresses.iter().find_map(|address| address.strip_prefix("SMTP:"));
    let other = user.mail.as_deref().or(primary).map(str::to_owned);
    let bare = user.user_name.as_deref().or(user.sam.as_ref().map(|sam| sam.name.as_str()));
    let completed = bare.zip(domain).map(|(name, domain)| format!("{name}@{domain}"));
    let found = [other, completed].into_iter().flatten().find(|name| is_principal_name(name));
    found.map_or(PrincipalName::None, PrincipalName::IfNew)
}

/// Every name of an entry, each once.
pub fn account_names(user: &DirectoryUser) -> Vec<AccountName> {
    let mut names: Vec<AccountName> = Vec::new();
    let mut add = |attribute: &str, value: &str| {
        let name = AccountName { attribute: attribute.into(), value: value.into() };
        if !value.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    };
    let one =
        [(Attribute::UserPrincipalName, &user.upn), (Attribute::Mail, &user.mail), (Attribute::Alias, &user.user_name)];
    for (attribute, value) in one {
        if let Some(value) = value {
            add(attribute.name(), value);
        }
    }
    let several = [
        (Attribute::ProxyAddress.name(), &user.proxy_addresses),
        (Attribute::OtherMail.name(), &user.other_mails),
        (FORMER_NAME, &user.former_upns),
        (Attribute::Alias.name(), &user.aliases),
    ];
    for (attribute, values) in several {
        for value in values {
            add(attribute, value);
        }
    }
    if let Some(sam) = &user.sam {
        add(Attribute::SamAccountName.name(), &sam.name);
        if let Some(domain) = &sam.domain {
            add(Attribute::QualifiedSamAccountName.name(), &format!("{domain}\\{}", sam.name));
        }
    }
    names
}

/// The id that a new user of the entry gets: the directory's own, where that can be told from one of another directory.
pub fn told_id(user: &DirectoryUser, format: Format) -> Option<String> {
    let id = user.id.as_ref()?;
    let is_unique = format == Format::Csv || uuid::Uuid::try_parse(id).is_ok();
    is_unique.then(|| id.clone())
}
