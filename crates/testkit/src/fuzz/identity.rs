//! Names of users: normalising twice is normalising once, what changed has a rule's name, and every key of
//! a directory's user is found in the index.

use super::check_message;
use std::cell::RefCell;
use verify::identity::{
    Attribute, Form, IndexBuilder, Key, Normaliser, NormaliserConfig, Rule, RuleSet, TagDomains, directory_keys,
};

/// Checks a name: the first line. Each further line is a setting, by its first letter: `s` for separators of tags,
/// `t` a domain that has tags, `d` one without dots, `p` one with subdomains, `a` an alias and its domain.
pub(super) fn identity(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (name, settings) = text.split_once('\n').unwrap_or((text, ""));
    check_name(&Normaliser::default(), name);
    if settings.is_empty() {
        return;
    }
    match Normaliser::new(configuration(settings)) {
        Ok(normaliser) => check_name(&normaliser, name),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn configuration(settings: &str) -> NormaliserConfig {
    let mut config = NormaliserConfig::default();
    let mut tags = Vec::new();
    for line in settings.lines().take(16) {
        let mut characters = line.chars();
        let kind = characters.next();
        let value = characters.as_str();
        match kind {
            Some('s') => config.tag_separators = value.chars().collect(),
            Some('t') => tags.push(value.to_owned()),
            Some('d') => config.dotless_domains.push(value.to_owned()),
            Some('p') => config.parent_domains.push(value.to_owned()),
            Some('a') => {
                let (alias, of) = value.split_once(' ').unwrap_or((value, "corp.test"));
                config.alias_domains.push((alias.to_owned(), of.to_owned()));
            }
            _ => {}
        }
    }
    if !tags.is_empty() {
        config.tag_domains = TagDomains::Only(tags);
    }
    config
}

thread_local! {
    /// A key that is used again, with whatever the name before left in it.
    static USED: RefCell<Key> = RefCell::new(Key::default());
}

fn check_name(normaliser: &Normaliser, name: &str) {
    let key = normaliser.normalise(name);
    USED.with_borrow_mut(|used| {
        normaliser.normalise_into(name, used);
        assert_eq!(*used, key, "into a used key");
    });
    assert!(!key.rules().is_empty() || key.text() == name, "{name:?} became {key:?} by no rule");
    for rule in key.rules().iter() {
        check_message(rule.name());
    }
    let again = normaliser.normalise(key.text());
    assert_eq!(again.text(), key.text(), "{name:?}");
    assert_eq!(again.rules(), RuleSet::NONE, "{name:?}");
    if let Some(second) = key.unicode_spelling() {
        assert_eq!(key.form(), Form::Address);
        assert!(second.rules().contains(Rule::IdnUnicode), "{second:?}");
        assert_ne!(second.text(), key.text());
        assert_eq!(normaliser.normalise(second.text()).text(), key.text(), "{second:?}");
    }
    check_index(normaliser, name);
}

/// Every key of a user leads to the user, and to nobody else.
fn check_index(normaliser: &Normaliser, name: &str) {
    let attributes = [Attribute::UserPrincipalName, Attribute::ProxyAddress, Attribute::SamAccountName];
    let keys = directory_keys(normaliser, attributes.map(|attribute| (attribute, name)), &["CORP", "corp.test"]);
    let mut builder = IndexBuilder::new(7);
    for (key, attribute) in &keys {
        assert!(!key.text().is_empty());
        // A name may be longer than the index takes.
        if let Err(error) = builder.add(key, 42, *attribute) {
            check_message(&error.to_string());
            return;
        }
    }
    let index = builder.finish();
    for (at, (key, attribute)) in keys.iter().enumerate() {
        let twice = keys[..at].iter().any(|(other, of)| of == attribute && other.text() == key.text());
        assert!(!twice, "{key:?} is there twice");
        let found = index.lookup(key.text().as_bytes());
        let found = found.filter(|hit| hit.user == 42 && hit.attribute == *attribute && hit.rules == key.rules());
        assert_eq!(found.count(), 1, "{key:?} of {attribute:?}");
    }
}
