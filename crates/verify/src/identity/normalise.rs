//! One spelling for all spellings of a name.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::{Rule, RuleSet};

/// The domains whose addresses may carry a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagDomains {
    /// Any domain.
    Any,
    /// These and no others.
    Only(Vec<String>),
}

/// Which spellings count as one, beyond case, Unicode form, IDN and the root's dot, which always do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormaliserConfig {
    /// What begins a tag: `+` by default, also `-` where qmail is configured so.
    pub tag_separators: Vec<char>,
    /// Where tags are dropped: anywhere by default.
    pub tag_domains: TagDomains,
    /// Domains that ignore dots in the local part. Default: gmail.com.
    pub dotless_domains: Vec<String>,
    /// Other names of a domain, each with the name it stands for. Default: googlemail.com is gmail.com.
    pub alias_domains: Vec<(String, String)>,
    /// Domains whose subdomains count as themselves. Default: none.
    pub parent_domains: Vec<String>,
}

impl Default for NormaliserConfig {
    fn default() -> Self {
        Self {
            tag_separators: vec!['+'],
            tag_domains: TagDomains::Any,
            dotless_domains: vec!["gmail.com".to_owned()],
            alias_domains: vec![("googlemail.com".to_owned(), "gmail.com".to_owned())],
            parent_domains: Vec::new(),
        }
    }
}

/// Why a configuration cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Aliases and parents lead back to the domain they started from.
    #[error("the aliases of domain `{domain}` lead round in a circle")]
    AliasCircle {
        /// The domain.
        domain: String,
    },
    /// A domain is empty or holds what no domain can.
    #[error("`{}` is no domain: it is empty, or it holds `@`, `\\\\` or a blank", domain.escape_debug())]
    NotADomain {
        /// What is configured as one.
        domain: String,
    },
}

/// What a name looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `local@domain`.
    Address,
    /// `DOMAIN\name`.
    Qualified,
    /// A name alone: a match needs a second signal (leaks.md 3.2, "bare names").
    Bare,
}

/// A normalised name and the rules that changed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Key {
    text: String,
    rules: RuleSet,
}

impl Key {
    /// Returns the normalised name.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the rules that changed the name; none if it was written so.
    pub fn rules(&self) -> RuleSet {
        self.rules
    }

    /// Returns the form of the name.
    pub fn form(&self) -> Form {
        if split(&self.text).is_some() {
            Form::Address
        } else if self.text.contains('\\') {
            Form::Qualified
        } else {
            Form::Bare
        }
    }

    /// Returns the same address with its domain in Unicode, if that is another spelling.
    ///
    /// The index holds both, so that raw lines may be looked up before they are normalised.
    pub fn unicode_spelling(&self) -> Option<Self> {
        let at = split(&self.text)?;
        let (local, domain) = self.text.split_at(at + 1);
        if domain.is_ascii() && !domain.contains("xn--") {
            return None; // most domains: nothing in them is encoded
        }
        let (unicode, _) = Uts46::new().to_unicode(domain.as_bytes(), DENIED, Hyphens::Allow);
        // A domain that has no valid ASCII form keeps the one spelling that it has.
        (unicode != domain && to_ascii(&unicode).is_some_and(|ascii| ascii == domain))
            .then(|| Self { text: format!("{local}{unicode}"), rules: self.rules.with(Rule::IdnUnicode) })
    }
}

/// The place of the `@` of an address: the last one, with something on either side.
fn split(text: &str) -> Option<usize> {
    text.rfind('@').filter(|at| *at > 0 && at + 1 < text.len())
}

/// Configured domains: nobody else chooses what is in such a set, so its hashes need no secret.
type Domains = HashSet<String, FixedState>;

/// Brings names into one spelling by a fixed set of rules; pure and idempotent.
#[derive(Debug, Clone)]
pub struct Normaliser {
    separators: Box<[char]>,
    /// Whether any of them may stand in a name that is plain.
    has_plain_separators: bool,
    tag_domains: Option<Domains>,
    dotless: Domains,
    aliases: HashMap<String, String, FixedState>,
    /// Each with a dot in front.
    parents: Box<[String]>,
}

impl Default for Normaliser {
    fn default() -> Self {
        Self::new(NormaliserConfig::default()).expect("the default aliases are no circle")
    }
}

/// How often the rules are run over a name. One pass and one that finds nothing to do are the rule; another
/// is needed where dropping a piece makes a new one, as when dots stood between a letter and its accent.
const PASSES: usize = 16;

impl Normaliser {
    /// Takes the configuration, its domains in any spelling.
    pub fn new(config: NormaliserConfig) -> Result<Self, ConfigError> {
        let domains = |list: Vec<String>| {
            list.iter().map(|domain| plain_domain(domain)).collect::<Result<Domains, ConfigError>>()
        };
        let parents = config.parent_domains.iter().map(|domain| Ok(format!(".{}", plain_domain(domain)?)));
        let aliases = config.alias_domains.iter().map(|(alias, of)| Ok((plain_domain(alias)?, plain_domain(of)?)));
        let aliases: HashMap<String, String, FixedState> = aliases.collect::<Result<_, _>>()?;
        let normaliser = Self {
            has_plain_separators: config.tag_separators.iter().any(|c| u8::try_from(*c).is_ok_and(is_plain)),
            separators: config.tag_separators.into(),
            tag_domains: match config.tag_domains {
                TagDomains::Any => None,
                TagDomains::Only(list) => Some(domains(list)?),
            },
            dotless: domains(config.dotless_domains)?,
            parents: parents.collect::<Result<_, _>>()?,
            aliases: aliases.into_iter().filter(|(alias, of)| alias != of).collect(),
        };
        let steps = normaliser.aliases.len() + normaliser.parents.len() + 1;
        let starts = normaliser.aliases.keys().map(String::as_str);
        for start in starts.chain(normaliser.parents.iter().map(|parent| &parent[1..])) {
            let mut domain = start;
            // Each alias and each parent leads one step; more steps than there are mean a circle.
            for step in 0.. {
                let Some((_, next)) = normaliser.replaced(domain) else { break };
                if step == 2 * steps {
                    return Err(ConfigError::AliasCircle { domain: start.to_owned() });
                }
                domain = next;
            }
        }
        Ok(normaliser)
    }

    /// Returns what begins a tag.
    pub fn tag_separators(&self) -> &[char] {
        &self.separators
    }

    /// Returns the domains that are another name of one, in their plain spelling, each with that one.
    pub fn alias_domains(&self) -> impl Iterator<Item = (&str, &str)> {
        self.aliases.iter().map(|(alias, of)| (alias.as_str(), of.as_str()))
    }

    /// Returns the domains whose subdomains count as themselves, in their plain spelling.
    pub fn parent_domains(&self) -> impl Iterator<Item = &str> {
        self.parents.iter().map(|parent| &parent[1..])
    }

    /// Brings a name into its one spelling.
    pub fn normalise(&self, name: &str) -> Key {
        let mut key = Key::default();
        self.normalise_into(name, &mut key);
        key
    }

    /// The same into a key that is used again: an ASCII name then takes no allocation.
    pub fn normalise_into(&self, name: &str, key: &mut Key) {
        key.text.clear();
        key.text.push_str(name);
        key.rules = RuleSet::NONE;
        if !self.is_plain(name) {
            self.passes(key);
        }
    }

    /// Tells of most names, looking at each byte once, that no rule changes them; of any other name it may not.
    fn is_plain(&self, name: &str) -> bool {
        let (mut at, mut dots, mut hyphens) = (None, false, false);
        for (place, byte) in name.bytes().enumerate() {
            match byte {
                b'.' => dots = true,
                b'-' => hyphens = true,
                byte if is_plain(byte) => {}
                b'@' if at.is_none() => at = Some(place),
                _ => return false,
            }
        }
        let Some(at) = at else { return true };
        let domain = &name[at + 1..];
        if at == 0 || domain.is_empty() || matches!(name.as_bytes().last(), Some(b'.')) {
            return false;
        }
        let is_encoded = hyphens && domain.contains("xn--");
        let is_dotless = dots && self.dotless.contains(domain);
        let has_tag = self.has_plain_separators && self.tag(name, at).is_some();
        !is_encoded && !is_dotless && !has_tag && self.replaced(domain).is_none()
    }

    fn passes(&self, key: &mut Key) {
        for _ in 0..PASSES {
            if !self.pass(key) {
                return;
            }
        }
    }

    /// Runs every rule once; tells whether any changed the name.
    fn pass(&self, key: &mut Key) -> bool {
        let mut changed = false;
        let mut note = |rules: &mut RuleSet, rule| {
            rules.insert(rule);
            changed = true;
        };
        let Key { text, rules } = key;
        let (blanks, prefixes) = trim(text);
        if blanks {
            note(rules, Rule::Trim);
        }
        if prefixes {
            note(rules, Rule::AddressPrefix);
        }
        if !text.is_ascii()
            && let Cow::Owned(composed) = ComposingNormalizerBorrowed::new_nfkc().normalize(text)
            && composed != *text
        {
            *text = composed;
            note(rules, Rule::Nfkc);
        }
        let Some(at) = split(text) else {
            if fold(text, 0..text.len()) {
                note(rules, Rule::CaseFold);
            }
            return changed;
        };
        // Domains come first, from the end of the text, so that the place of the `@` stays true.
        if fold_domain(text, at) {
            note(rules, Rule::CaseFold);
        }
        while text.ends_with('.') && text.len() > at + 2 {
            text.pop();
            note(rules, Rule::TrailingDot);
        }
        if ascii_domain(text, at) {
            note(rules, Rule::IdnAscii);
        }
        while let Some((rule, domain)) = self.replaced(&text[at + 1..]) {
            text.truncate(at + 1);
            text.push_str(domain);
            note(rules, rule);
        }
        if fold(text, 0..at) {
            note(rules, Rule::CaseFold);
        }
        let Some(at) = split(text) else { return changed };
        if let Some(tag) = self.tag(text, at) {
            text.replace_range(tag, "");
            note(rules, Rule::PlusTag);
        }
        let at = text.rfind('@').unwrap_or(text.len());
        let dots = text[..at].bytes().filter(|byte| *byte == b'.').count();
        if dots > 0 && dots < at && self.dotless.contains(&text[at + 1..]) {
            let mut place = 0;
            text.retain(|character| {
                place += character.len_utf8();
                character != '.' || place > at
            });
            note(rules, Rule::Dots);
        }
        changed
    }

    /// The domain that stands for this one, and why.
    fn replaced(&self, domain: &str) -> Option<(Rule, &str)> {
        if let Some(of) = self.aliases.get(domain) {
            return Some((Rule::AliasDomain, of));
        }
        let parent =
            self.parents.iter().find(|parent| domain.len() > parent.len() && domain.ends_with(parent.as_str()))?;
        Some((Rule::Subdomain, &parent[1..]))
    }

    /// The tag of an address with its separator; a local part that begins with one has none.
    fn tag(&self, text: &str, at: usize) -> Option<std::ops::Range<usize>> {
        if self.tag_domains.as_ref().is_some_and(|domains| !domains.contains(&text[at + 1..])) {
            return None;
        }
        let start = text[..at].find(&*self.separators).filter(|start| *start > 0)?;
        Some(start..at)
    }
}

/// Whether no rule but those of domains and tags changes a name of such bytes.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

/// Drops blanks around the name, and what Exchange and browsers write in front of an address, however often.
///
/// Tells whether there were blanks, and whether there was such a prefix.
fn trim(text: &mut String) -> (bool, bool) {
    let end = text.trim_end().len();
    let mut rest = text[..end].trim_start();
    let (mut blanks, mut prefixes) = (rest.len() < text.len(), false);
    while let Some(address) = without_prefix(rest) {
        prefixes = true;
        rest = address.trim_start();
        blanks |= rest.len() < address.len();
    }
    let start = end - rest.len();
    if blanks || prefixes {
        text.truncate(end);
        text.replace_range(..start, "");
    }
    (blanks, prefixes)
}

/// The address behind `SMTP:` or `mailto:`; none if nothing like one follows.
fn without_prefix(text: &str) -> Option<&str> {
    let behind = |prefix: &&str| {
        let (start, rest) = text.split_at_checked(prefix.len())?;
        (start.eq_ignore_ascii_case(prefix) && split(rest).is_some()).then_some(rest)
    };
    ["smtp:", "mailto:"].iter().find_map(behind)
}

/// Folds the case of a part of the text.
fn fold(text: &mut String, part: std::ops::Range<usize>) -> bool {
    if text[part.clone()].is_ascii() {
        let changed = text[part.clone()].bytes().any(|byte| byte.is_ascii_uppercase());
        if changed {
            text[part].make_ascii_lowercase();
        }
        return changed;
    }
    // Full folding takes some letters apart (`ῶ` into three characters), which NFKC puts together again.
    let folded = CaseMapper::new().fold_string(&text[part.clone()]);
    let folded = ComposingNormalizerBorrowed::new_nfkc().normalize(&folded).into_owned();
    if folded == text[part.clone()] {
        return false;
    }
    text.replace_range(part, &folded);
    true
}

/// Folds the case of a domain, unless it is Unicode that [`ascii_domain`] can map: full folding would make
/// `ß` into `ss`, which IDNA 2008 keeps apart.
fn fold_domain(text: &mut String, at: usize) -> bool {
    if !text[at + 1..].is_ascii() && to_ascii(&text[at + 1..]).is_some() {
        return false;
    }
    fold(text, at + 1..text.len())
}

/// Writes a domain in its ASCII form.
fn ascii_domain(text: &mut String, at: usize) -> bool {
    let domain = &text[at + 1..];
    if domain.is_ascii() && !domain.contains("xn--") {
        return false;
    }
    let Some(ascii) = to_ascii(domain).filter(|ascii| ascii != domain && !ascii.is_empty()) else { return false };
    let ascii = ascii.into_owned();
    text.truncate(at + 1);
    text.push_str(&ascii);
    true
}

/// What a domain may not hold, blanks and controls among it, or the name would be divided or trimmed elsewhere.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "@\\");

/// The ASCII form by UTS 46; none for a domain that has no valid one.
fn to_ascii(domain: &str) -> Option<Cow<'_, str>> {
    Uts46::new().to_ascii(domain.as_bytes(), DENIED, Hyphens::Allow, DnsLength::Ignore).ok()
}

/// A configured domain in the spelling that names get.
fn plain_domain(domain: &str) -> Result<String, ConfigError> {
    let folded = domain.trim().trim_start_matches('@').trim_end_matches('.');
    let mut text = format!("x@{folded}");
    fold_domain(&mut text, 1);
    ascii_domain(&mut text, 1);
    let plain = text.split_off(2);
    if plain.is_empty() || plain.contains(|c: char| matches!(c, '@' | '\\') || c.is_whitespace() || c.is_control()) {
        return Err(ConfigError::NotADomain { domain: domain.to_owned() });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_that_are_called_plain_stay_as_they_are(
            name in "[ab0._@+X-]{0,9}(@(gmail\\.com|googlemail\\.com|sub\\.corp\\.test|xn--a|corp\\.test)\\.?)?",
            separators in prop::sample::subsequence(vec!['+', '-', '_', 'b'], 0..=4),
        ) {
            let parent_domains = vec!["corp.test".to_owned()];
            let config = NormaliserConfig { tag_separators: separators, parent_domains, ..NormaliserConfig::default() };
            let normaliser = Normaliser::new(config).expect("no circle");
            let mut key = Key { text: name.clone(), rules: RuleSet::NONE };
            normaliser.passes(&mut key);
            if normaliser.is_plain(&name) {
                prop_assert_eq!((key.text(), key.rules()), (&*name, RuleSet::NONE));
            }
            prop_assert_eq!(normaliser.normalise(&name), key);
        }
    }
}
