//! Query options: their names, their repetition, `$top`, and what links keep.

use odata::query::{QueryError, QueryOptions, SystemOption};

fn parse(query: &str) -> QueryOptions {
    QueryOptions::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

#[test]
fn every_option_is_found_in_every_spelling() {
    use SystemOption as O;
    for (option, name) in [
        (O::Apply, "$apply"),
        (O::Compute, "$compute"),
        (O::Count, "$count"),
        (O::DeltaToken, "$deltatoken"),
        (O::Expand, "$expand"),
        (O::Filter, "$filter"),
        (O::Format, "$format"),
        (O::Id, "$id"),
        (O::Index, "$index"),
        (O::Levels, "$levels"),
        (O::OrderBy, "$orderby"),
        (O::SchemaVersion, "$schemaversion"),
        (O::Search, "$search"),
        (O::Select, "$select"),
        (O::Skip, "$skip"),
        (O::SkipToken, "$skiptoken"),
        (O::Top, "$top"),
    ] {
        assert_eq!(option.name(), name);
        let short = &name[1..];
        for spelt in [
            name.to_owned(),
            short.to_owned(),
            name.to_uppercase(),
            short.to_uppercase(),
            format!("%24{short}"),
            format!("%2524{short}").replace("%25", "%"),
            format!("+{name}%20"),
        ] {
            assert_eq!(parse(&format!("{spelt}=v")).get(option), Some("v"), "{spelt}");
            let repeated = QueryOptions::parse(&format!("{spelt}=v&x=1&{name}=v"));
            assert_eq!(repeated.unwrap_err(), QueryError::Repeated(name), "{spelt}");
        }
    }
}

#[test]
fn values_are_decoded_once() {
    for (query, value) in [
        ("$filter=a+eq+'b'", "a eq 'b'"),
        ("$filter=a%20eq%20%27b%27", "a eq 'b'"),
        ("$filter=a%2Bb", "a+b"),
        ("$filter=a%252B", "a%2B"),
        ("$filter=a=b=c", "a=b=c"),
        ("$filter=%26%3D", "&="),
        ("$filter=%C3%A9", "é"),
        ("$filter=é", "é"),
        ("$filter=", ""),
        ("$filter", ""),
        ("&&$filter=x&&", "x"),
    ] {
        assert_eq!(parse(query).get(SystemOption::Filter), Some(value), "{query}");
    }
    assert_eq!(parse("").get(SystemOption::Filter), None);
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    for query in ["$filter=%", "$filter=%4", "$filter=%zz", "$filter=%ff", "$filter=%00", "%zz=1", "%ff", "%00=1"] {
        assert!(matches!(QueryOptions::parse(query), Err(QueryError::Encoding(_))), "{query}");
    }
    assert_eq!(parse("mine=%zz").without_tokens(), "mine=%zz", "a client's own option is its own affair");
}

#[test]
fn unknown_options_with_a_dollar_sign_are_refused_and_others_passed_over() {
    for query in ["$fitler=x", "%24fitler=x", "$=x", "$$top=1", "$top%20x=1", "+$fitler=x", "$skip%00token=1"] {
        assert!(QueryOptions::parse(query).is_err(), "{query}");
    }
    assert_eq!(QueryOptions::parse("a=1&$fitler=x").unwrap_err(), QueryError::Unknown("`$fitler`".to_owned()));
    let long = QueryOptions::parse(&format!("${}=x", "y".repeat(100_000))).unwrap_err().to_string();
    assert!(long.len() < 200, "{long}");
    assert_eq!(parse("x=1&x=2&@p=3&=4").without_tokens(), "x=1&x=2&@p=3&=4");
}

#[test]
fn aliases_are_kept_once_and_not_without_end() {
    let options = parse("@p='a'&$top=1&%40q=%27b%2Bc%27&@=3");
    let aliases: Vec<(&str, &str)> =
        options.aliases().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(aliases, [("p", "'a'"), ("q", "'b+c'"), ("", "3")]);
    assert_eq!(options.without_tokens(), "@p='a'&$top=1&%40q=%27b%2Bc%27&@=3");
    assert_eq!(QueryOptions::parse("@p=1&%40p=2").unwrap_err(), QueryError::RepeatedAlias("`@p`".to_owned()));
    assert!(matches!(QueryOptions::parse("@p=%zz"), Err(QueryError::Encoding(_))));
    let many = |count: usize| (0..count).map(|n| format!("@a{n}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(parse(&many(QueryOptions::MOST_ALIASES)).aliases().len(), QueryOptions::MOST_ALIASES);
    let too_many = QueryOptions::parse(&many(QueryOptions::MOST_ALIASES + 1)).unwrap_err();
    assert_eq!(too_many, QueryError::TooManyAliases);
}

#[test]
fn top_is_a_whole_number_of_at_least_one() {
    for (text, expected) in [
        ("1", 1),
        ("999", 999),
        ("007", 7),
        ("4294967295", u32::MAX),
        ("4294967296", u32::MAX),
        ("99999999999999999999999999", u32::MAX),
    ] {
        assert_eq!(parse(&format!("$top={text}")).top(), Ok(Some(expected)), "{text}");
    }
    for text in ["", "0", "000", "-1", "%2B5", "+5", "5+", "1.0", "1e3", "five", "%D9%A3", "0x10", "1,000", "null"] {
        let query = format!("$top={text}");
        assert!(matches!(parse(&query).top(), Err(QueryError::Top(_))), "{text}");
    }
    assert_eq!(parse("$top").top(), Err(QueryError::Top("``".to_owned())));
    assert_eq!(parse("").top(), Ok(None));
}

#[test]
fn links_keep_the_query_as_it_was_sent_without_the_page_token() {
    for (query, kept) in [
        ("$filter=a+eq%20'b'&$top=2", "$filter=a+eq%20'b'&$top=2"),
        ("$top=2&$skiptoken=abc", "$top=2"),
        ("$skiptoken=abc&$top=2", "$top=2"),
        ("$top=2&%24SkipToken=abc&x=1", "$top=2&x=1"),
        ("skiptoken=abc", ""),
        ("$select=id&$deltatoken=abc&@p=1", "$select=id&@p=1"),
        ("&$top=2&&x&", "$top=2&x"),
        ("", ""),
    ] {
        assert_eq!(parse(query).without_tokens(), kept, "{query}");
    }
    assert_eq!(parse("$top=2&$skiptoken=a%2Bb").get(SystemOption::SkipToken), Some("a+b"));
}

#[test]
fn options_are_held_against_what_a_resource_serves() {
    let options = parse("$top=2&$filter=x&mine=1");
    let (served, applicable) = ([SystemOption::Top], [SystemOption::Filter]);
    assert_eq!(options.only(&[SystemOption::Top, SystemOption::Filter], &[]), Ok(()));
    assert_eq!(options.only(&served, &applicable), Err(QueryError::NotImplemented("$filter")));
    assert_eq!(options.only(&served, &[]), Err(QueryError::NotApplicable("$filter")));
    assert_eq!(options.only(&[], &applicable), Err(QueryError::NotApplicable("$top")));
    assert_eq!(parse("mine=1").only(&[], &[]), Ok(()));
}
