//! Spellings of one name become one key, and the key says by which rules.

use proptest::prelude::*;
use verify::identity::{ConfigError, Form, Normaliser, NormaliserConfig, Rule, RuleSet, TagDomains};

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// A configuration in which every rule has something to do.
fn configured() -> Normaliser {
    Normaliser::new(NormaliserConfig {
        tag_separators: vec!['+', '-'],
        tag_domains: TagDomains::Only(owned(&["Corp.test", "gmail.com", "bücher.test"])),
        dotless_domains: owned(&["gmail.com"]),
        alias_domains: vec![
            ("CORP.example.".to_owned(), "corp.test".to_owned()),
            ("old.corp.example".to_owned(), "corp.example".to_owned()),
            ("googlemail.com".to_owned(), "gmail.com".to_owned()),
        ],
        parent_domains: owned(&["corp.test"]),
    })
    .expect("no circle")
}

#[test]
fn each_rule_is_named_when_it_applies() {
    use Rule::*;
    let normaliser = configured();
    for (name, key, rules) in [
        ("jane@corp.test", "jane@corp.test", &[][..]),
        (" jane@corp.test\t", "jane@corp.test", &[Trim]),
        ("Jane@Corp.TEST", "jane@corp.test", &[CaseFold]),
        ("SMTP:jane@corp.test", "jane@corp.test", &[AddressPrefix]),
        ("mailto:jane@corp.test", "jane@corp.test", &[AddressPrefix]),
        ("smtp:SMTP: mailto:jane@corp.test", "jane@corp.test", &[Trim, AddressPrefix]),
        (&"smtp:".repeat(100), &"smtp:".repeat(100), &[]),
        (&format!("{}jane@corp.test", "smtp: ".repeat(100)), "jane@corp.test", &[Trim, AddressPrefix]),
        ("smtp:jane", "smtp:jane", &[]),
        ("jane@corp.test.", "jane@corp.test", &[TrailingDot]),
        ("ｊane＠corp.test", "jane@corp.test", &[Nfkc]),
        ("JE\u{301}RO\u{302}ME@corp.test", "jérôme@corp.test", &[Nfkc, CaseFold]),
        ("ΟΔΥΣΣΕΥΣ@corp.test", "οδυσσευσ@corp.test", &[CaseFold]),
        ("ῶ@corp.test", "ῶ@corp.test", &[]),
        ("Ω\u{342}@corp.test", "ῶ@corp.test", &[CaseFold]),
        ("STRASSE@corp.test", "strasse@corp.test", &[CaseFold]),
        ("straße@corp.test", "strasse@corp.test", &[CaseFold]),
        ("jane@bücher.test", "jane@xn--bcher-kva.test", &[IdnAscii]),
        ("jane@BÜCHER.test", "jane@xn--bcher-kva.test", &[IdnAscii]),
        ("jane@XN--BCHER-KVA.test", "jane@xn--bcher-kva.test", &[CaseFold]),
        ("jane@straße.test", "jane@xn--strae-oqa.test", &[IdnAscii]),
        ("jane@bücher。test。", "jane@xn--bcher-kva.test", &[IdnAscii, TrailingDot]),
        ("jane@corp.example", "jane@corp.test", &[AliasDomain]),
        ("jane@old.corp.example", "jane@corp.test", &[AliasDomain]),
        ("jane@mx.berlin.corp.test", "jane@corp.test", &[Subdomain]),
        ("jane@notcorp.test", "jane@notcorp.test", &[]),
        ("jane+shop@corp.test", "jane@corp.test", &[PlusTag]),
        ("jane-shop+x@corp.test", "jane@corp.test", &[PlusTag]),
        ("+jane@corp.test", "+jane@corp.test", &[]),
        ("jane+shop@other.test", "jane+shop@other.test", &[]),
        ("j.a.n.e@gmail.com", "jane@gmail.com", &[Dots]),
        ("...@gmail.com", "...@gmail.com", &[]),
        ("j.doe@corp.test", "j.doe@corp.test", &[]),
        ("J.Ane+x@GoogleMail.com.", "jane@gmail.com", &[CaseFold, TrailingDot, AliasDomain, PlusTag, Dots]),
        ("CORP\\JDoe", "corp\\jdoe", &[CaseFold]),
        ("jdoe", "jdoe", &[]),
        ("jane@", "jane@", &[]),
        ("@corp.test", "@corp.test", &[]),
        ("", "", &[]),
    ] {
        let found = normaliser.normalise(name);
        assert_eq!(found.text(), key, "{name}");
        assert_eq!(found.rules(), rules.iter().copied().collect::<RuleSet>(), "{name}");
    }
}

#[test]
fn the_form_of_a_name_is_told() {
    let form = |name: &str| Normaliser::default().normalise(name).form();
    assert_eq!(form("jane@corp.test"), Form::Address);
    assert_eq!(form("CORP\\jane"), Form::Qualified);
    assert_eq!(form("jane"), Form::Bare);
    assert_eq!(form("jane@"), Form::Bare);
}

#[test]
fn both_spellings_of_a_domain_are_given() {
    let key = Normaliser::default().normalise("jane@bücher.test");
    let second = key.unicode_spelling().expect("another spelling");
    assert_eq!(second.text(), "jane@bücher.test");
    assert!(second.rules().contains(Rule::IdnUnicode));
    assert_eq!(Normaliser::default().normalise("jane@corp.test").unicode_spelling(), None);
}

#[test]
fn aliases_that_lead_round_are_refused() {
    let pair = |alias: &str, of: &str| (alias.to_owned(), of.to_owned());
    for (alias_domains, parent_domains) in [
        (vec![pair("a.test", "b.test"), pair("b.test", "A.test")], vec![]),
        (vec![pair("corp.test", "mail.corp.test")], owned(&["corp.test"])),
    ] {
        let config = NormaliserConfig { alias_domains, parent_domains, ..NormaliserConfig::default() };
        assert!(matches!(Normaliser::new(config), Err(ConfigError::AliasCircle { .. })));
    }
    let config = NormaliserConfig { alias_domains: vec![pair("a.test", "A.TEST.")], ..NormaliserConfig::default() };
    assert_eq!(Normaliser::new(config).expect("one domain in two spellings").normalise("x@a.test").text(), "x@a.test");
}

#[test]
fn a_domain_without_a_valid_ascii_form_has_one_spelling() {
    // Each is none: mapped one way only, a name would be found in the index by a key that no name is made into.
    for name in ["a@b\u{fc}cher\u{3002}x\\y.test", "a@b\u{fc}cher.te st .", "a@xn--\u{1}b-.test"] {
        let normaliser = Normaliser::default();
        let key = normaliser.normalise(name);
        assert_eq!(key.unicode_spelling(), None, "{name:?}");
        let again = normaliser.normalise(key.text());
        assert_eq!((again.text(), again.rules()), (key.text(), RuleSet::NONE), "{name:?}");
    }
}

#[test]
fn what_is_configured_as_a_domain_must_be_one() {
    for text in ["", "@", ".", "corp.test mail.corp.test", "jane@corp.test", "CORP\\jane", "corp\n.test"] {
        let list = || owned(&["corp.test", text]);
        let base = NormaliserConfig::default;
        for config in [
            NormaliserConfig { dotless_domains: list(), ..base() },
            NormaliserConfig { parent_domains: list(), ..base() },
            NormaliserConfig { tag_domains: TagDomains::Only(list()), ..base() },
            NormaliserConfig { alias_domains: vec![(text.to_owned(), "corp.test".to_owned())], ..base() },
            NormaliserConfig { alias_domains: vec![("corp.test".to_owned(), text.to_owned())], ..base() },
        ] {
            let error = Normaliser::new(config).expect_err("no domain");
            assert_eq!(error, ConfigError::NotADomain { domain: text.to_owned() });
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}

/// The ways to write a name otherwise, each with the rule that undoes it.
fn disguised(local: &str, domain: &str, rules: RuleSet) -> String {
    let mut local = local.to_owned();
    let mut domain = domain.to_owned();
    if rules.contains(Rule::Dots) {
        local.insert(1, '.');
    }
    if rules.contains(Rule::PlusTag) {
        local.push_str("+news");
    }
    if rules.contains(Rule::AliasDomain) {
        domain = domain.replace("gmail.com", "googlemail.com");
    }
    if rules.contains(Rule::TrailingDot) {
        domain.push('.');
    }
    let mut name = format!("{local}@{domain}");
    if rules.contains(Rule::CaseFold) {
        name = name.to_uppercase();
    }
    if rules.contains(Rule::Nfkc) {
        name = name.replace('@', "＠");
    }
    if rules.contains(Rule::AddressPrefix) {
        name.insert_str(0, "smtp:");
    }
    if rules.contains(Rule::Trim) {
        name.push(' ');
    }
    name
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn normalising_twice_is_normalising_once(name in "\\PC{0,24}", domain in "(|@)(corp\\.test|gmail\\.com|corp\\.example|\\PC{0,12})") {
        let normaliser = configured();
        let once = normaliser.normalise(&format!("{name}{domain}"));
        let twice = normaliser.normalise(once.text());
        prop_assert_eq!(twice.text(), once.text());
        prop_assert_eq!(twice.rules(), RuleSet::NONE);
    }

    #[test]
    fn the_second_spelling_is_made_into_the_first(
        local in "[a-zé.+]{1,8}",
        domain in "(xn--)?[a-zäßé\u{1}\\\\@ \u{301}\u{3002}.-]{1,12}(\\.test|\\.corp\\.test|\\.)?",
    ) {
        let normaliser = configured();
        let key = normaliser.normalise(&format!("{local}@{domain}"));
        if let Some(second) = key.unicode_spelling() {
            let first = normaliser.normalise(second.text());
            prop_assert_eq!(first.text(), key.text());
        }
    }

    #[test]
    fn a_rule_is_named_exactly_if_the_name_changed(name in "[a-zA-Z.+@\\\\ éÉＡß\u{301}-]{0,16}(@gmail\\.com|@Corp\\.test\\.|@bücher\\.test)?") {
        let key = configured().normalise(&name);
        prop_assert_eq!(key.rules().is_empty(), key.text() == name);
    }

    #[test]
    fn the_rules_named_are_the_ones_that_were_needed(
        local in "[a-z]{2,12}",
        choice in proptest::sample::subsequence(
            vec![Rule::Trim, Rule::AddressPrefix, Rule::Nfkc, Rule::CaseFold, Rule::TrailingDot, Rule::AliasDomain, Rule::PlusTag, Rule::Dots],
            0..=8,
        ),
    ) {
        let rules: RuleSet = choice.into_iter().collect();
        let key = configured().normalise(&disguised(&local, "gmail.com", rules));
        prop_assert_eq!(key.text(), format!("{local}@gmail.com"));
        prop_assert_eq!(key.rules(), rules);
    }
}
