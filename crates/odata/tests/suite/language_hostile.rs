//! Expressions from strangers: every tree comes back from its text, nothing panics, nothing is deep
//! enough for the stack or takes more time than its length.

use crate::shop::{ORDER, SHOP, now, orders};
use odata::expression::bound::PropertyPath;
use odata::expression::{ErrorKind, Limits, Scope, parse};
use odata::query::{Context, QueryErrors, QueryOptions, bind};
use proptest::prelude::*;

const WIDE: Limits = Limits { text: 1 << 24, depth: 250, nodes: 1 << 22, expand: 4 };

/// Any expression, with operators at every place and parentheses around everything or nothing.
fn expression() -> impl Strategy<Value = String> {
    let literal = prop_oneof![
        "'([a-z' ]|''){0,4}'"
            .prop_filter("quotes are doubled", |text| text[1..text.len() - 1].replace("''", "").find('\'').is_none()),
        "-?[0-9]{1,4}(\\.[0-9]{1,3})?(e-?[0-9]{1,2})?",
        prop::sample::select(vec![
            "null",
            "true",
            "FALSE",
            "INF",
            "-INF",
            "NaN",
            "2024-03-02",
            "2024-03-02T23:10:04.5Z",
            "2024-03-02T23:10:04 02:00",
            "23:10:04",
            "duration'P1D'",
            "a.b'c,d'",
            "01234567-89ab-cdef-0123-456789abcdef",
            "@p",
            "[\"a\\\"b\",'c']",
            "[]",
        ])
        .prop_map(str::to_owned),
    ];
    let name = || {
        let known =
            ["a", "name", "not", "and", "or", "eq", "in", "has", "add", "desc", "nullx", "größe", "$it", "any", "x1"];
        prop::sample::select(known.to_vec())
    };
    let path = prop::collection::vec(name(), 1..4).prop_map(|names| names.join("/"));
    let leaf = prop_oneof![literal, path.clone()];
    leaf.prop_recursive(5, 48, 4, move |inner| {
        let operators = [
            "and", "or", "eq", "ne", "gt", "ge", "lt", "le", "add", "sub", "mul", "div", "divby", "mod", "has", "in",
            "AND", "Eq",
        ];
        let operator = prop::sample::select(operators.to_vec());
        let enclosed = |text: String| format!("({text})");
        prop_oneof![
            (inner.clone(), operator.clone(), inner.clone())
                .prop_map(move |(left, operator, right)| format!("({left}) {operator} ({right})")),
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
            inner.clone().prop_map(move |inner| format!("not {}", enclosed(inner))),
            inner.clone().prop_map(|inner| format!("not {inner}")),
            inner.clone().prop_map(|inner| format!("-({inner})")),
            inner.clone().prop_map(|inner| format!("- {inner}")),
            inner.clone().prop_map(move |inner| format!("({inner})")),
            (name(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(name, all)| format!("{name}({})", all.join(" , "))),
            (path.clone(), inner.clone()).prop_map(|(path, inner)| format!("{path}/any(x:{inner})")),
            (path.clone(), inner.clone()).prop_map(|(path, inner)| format!("{path}/all(not:{inner})")),
            (inner.clone(), prop::collection::vec(inner, 0..3))
                .prop_map(|(one, all)| format!("({one}) in ({})", all.join(","))),
        ]
    })
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "name",
        "tags",
        "state",
        "gift",
        "placed",
        "customer",
        "mail",
        "not",
        "and",
        "or",
        "eq",
        "ne",
        "gt",
        "in",
        "has",
        "add",
        "sub",
        "mul",
        "div",
        "mod",
        "(",
        ")",
        ",",
        "/",
        ":",
        "[",
        "]",
        "'a'",
        "'",
        "\"",
        "\"a\"",
        "1",
        "-1",
        "-",
        "1.5e3",
        "9e999",
        "null",
        "true",
        "contains(",
        "any(x:",
        "all(x:",
        "x",
        "$it",
        "$count",
        "now()",
        "2024-03-02T23:10:04Z",
        "2024-02-30",
        "23:10",
        "duration'P1D'",
        "'P1D'",
        "shop.bigOrder",
        "shop.state'paid'",
        "isof(",
        "cast(",
        "@p",
        "@q",
        "matchesPattern(name,",
        "substring(",
        " ",
        "\t",
        "é",
        "\u{0}",
        "=",
        "*",
        "$",
        "@",
        ";",
        "desc",
        "length(",
        "year(",
        "rights",
        "discount",
        "due",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.join(" "))
}

fn bind_all(query: &str) -> Option<Result<(), QueryErrors>> {
    let options = QueryOptions::parse(query).ok()?;
    let search = [PropertyPath::find(&ORDER, "name").expect("there is one")];
    Some(bind(&options, &SHOP, &ORDER, &Context { search: &search, ..Context::at(now()) }).map(|_| ()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 4))]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(text in expression()) {
        if let Ok(tree) = parse(&text, &WIDE) {
            let printed = tree.to_string();
            let again = parse(&printed, &WIDE);
            prop_assert_eq!(again.as_ref().ok(), Some(&tree), "{} printed as {} gives {:?}", text, printed, again);
            prop_assert_eq!(again.map(|again| again.to_string()).ok(), Some(printed));
        }
    }

    #[test]
    fn no_words_make_it_panic(text in words(), other in words()) {
        let aliases = [("p".to_owned(), other.clone()), ("q".to_owned(), "@p".to_owned())];
        let scope = Scope { aliases: &aliases, ..orders() };
        match scope.condition(&text) {
            Ok(bound) => drop(crate::shown::shown(&bound)),
            Err(errors) => {
                prop_assert!(!errors.kept().is_empty());
                for error in errors.kept() {
                    prop_assert!(error.to_string().chars().count() < 500, "{error}");
                    prop_assert!(error.column <= text.len().max(other.len()) + 1);
                }
            }
        }
        if let Err(errors) = scope.order(&text) {
            prop_assert!(!errors.kept().is_empty());
        }
        for name in ["filter", "orderby", "select", "expand", "search", "format", "top", "skip", "count"] {
            if let Some(Err(errors)) = bind_all(&format!("{name}={text}&@p={other}")) {
                prop_assert!(!errors.kept().is_empty());
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,60}") {
        let _ = parse(&text, &WIDE).map(|tree| tree.to_string());
        let _ = orders().condition(&text).is_ok();
        for name in ["select", "expand", "search", "format"] {
            let _ = bind_all(&format!("{name}={text}"));
        }
    }
}

/// Parses with wide limits, then binds with the usual ones.
fn kind(text: &str) -> Option<ErrorKind> {
    let parsed = parse(text, &WIDE).map(|tree| drop(tree.to_string())).err();
    let bound = orders().condition(text);
    assert!(bound.is_err() || parsed.is_none());
    parsed.map(|error| error.kind)
}

#[test]
fn depth_is_refused_before_the_stack_ends() {
    let deep = 100_000;
    for (open, close) in [
        ("(", ")"),
        ("not ", ""),
        ("not(", ")"),
        ("- ", ""),
        ("-(", ")"),
        ("tolower(", ")"),
        ("1 in (", ")"),
        ("1 in [", "]"),
        ("tags/any(x:", ")"),
        ("1 add (", ")"),
        ("gift and (", ")"),
    ] {
        let text = format!("{}gift{}", open.repeat(deep), close.repeat(deep));
        assert_eq!(kind(&text), Some(ErrorKind::TooComplex), "{open}");
        assert_eq!(kind(&open.repeat(deep)), Some(ErrorKind::TooComplex), "{open}");
    }
    for chain in [" add 1", " eq 1", " in (1)", " mul 2 add 1", " lt 1 eq 1"] {
        let text = format!("1{}", chain.repeat(deep));
        assert_eq!(kind(&text), Some(ErrorKind::TooComplex), "{chain}");
    }
}

#[test]
fn long_chains_are_flat() {
    for chain in [" and gift", " or gift", " or not gift"] {
        let text = format!("gift{}", chain.repeat(100_000));
        assert_eq!(kind(&text), None, "{chain}");
        let scope = Scope { limits: WIDE, ..orders() };
        assert!(scope.condition(&text).is_ok());
    }
    assert_eq!(kind(&format!("name in ('a'{})", ",'b'".repeat(100_000))), None);
    assert_eq!(kind(&vec!["customer"; 100_000].join("/")), None);
    assert_eq!(kind(&format!("concat('a'{})", ",'b'".repeat(100_000))), None);
}

#[test]
fn a_megabyte_of_garbage_is_read_once() {
    for part in [
        "'",
        "''",
        "\"",
        "\\",
        "(",
        ")",
        "[",
        ",",
        "/",
        ":",
        "-",
        "--",
        "@",
        "$",
        "a.",
        "a'",
        "x(",
        "é",
        "1",
        "1:",
        "1-",
        "1e",
        "2024-01-01T",
        "01234567-89ab-cdef-0123-",
        " ",
        "\t",
        "not ",
        "not eq ",
        "eq ",
        "and ",
        "a/",
        "any(",
        "a/any(x:",
        "@p ",
        "=",
        "\u{1f600}",
    ] {
        let text = part.repeat(1_000_000 / part.len());
        let _ = kind(&text);
        for name in ["filter", "orderby", "select", "expand", "search"] {
            let _ = bind_all(&format!("{name}={text}"));
        }
    }
}

#[test]
fn aliases_cannot_multiply() {
    let aliases: Vec<(String, String)> =
        (0..60).map(|n| (format!("a{n}"), format!("@a{} or @a{}", n + 1, n + 1))).collect();
    let scope = Scope { aliases: &aliases, ..orders() };
    let errors = scope.condition("@a0").unwrap_err();
    assert!(errors.kept().iter().all(|error| error.kind == ErrorKind::TooComplex), "{errors}");
}

/// How many parts a condition has once it is bound.
fn parts(text: &str) -> Result<usize, ErrorKind> {
    let bound = orders().condition(text).map_err(|errors| errors.kept()[0].kind)?;
    let mut count = 0;
    bound.visit(&mut |_| count += 1);
    Ok(count)
}

#[test]
fn parts_that_are_needed_twice_cannot_multiply() {
    let lists = |levels: usize| format!("gift{}", " in (gift,true)".repeat(levels));
    let casts = |levels: usize| {
        let cast = "contains(s.bigOrder/discount,'a') eq (";
        format!("{}contains(name,'a'){}", cast.repeat(levels), ")".repeat(levels))
    };
    for text in [lists(2), casts(2)] {
        assert!(parts(&text).is_ok_and(|count| count < 50), "{text} has {:?}", parts(&text));
    }
    for levels in 3..60 {
        for text in [lists(levels), casts(levels)] {
            let count = parts(&text);
            assert!(count.is_ok_and(|count| count < 5000) || count == Err(ErrorKind::TooComplex), "{text}: {count:?}");
        }
    }
    for text in [lists(40), casts(40)] {
        assert_eq!(parts(&text), Err(ErrorKind::TooComplex), "{text}");
    }
}

#[test]
fn aliases_cannot_multiply_text() {
    let aliases = [("p".to_owned(), format!("'{}'", "a".repeat(10_000)))];
    let scope = Scope { aliases: &aliases, ..orders() };
    assert!(scope.condition("name in (@p,@p,@p)").is_ok());
    let errors = scope.condition("name in (@p,@p,@p,@p)").unwrap_err();
    let told = "column 19: with the value of @p here, more than 32768 bytes would be read";
    assert_eq!((errors.kept()[0].kind, errors.to_string()), (ErrorKind::TooComplex, told.to_owned()));
}

#[test]
fn expansions_cannot_multiply() {
    let nested = format!("$expand={}customer", "manager($expand=".repeat(50_000));
    assert!(bind_all(&nested).is_some_and(|bound| bound.is_err()));
    let wide = format!("$expand={}", "customer($select=id),".repeat(1000));
    assert!(bind_all(&wide).is_some_and(|bound| bound.is_err()));
    let search = format!("$search={}", "a ".repeat(5000));
    assert!(bind_all(&search).is_some_and(|bound| bound.is_err()));
    let search = format!("$search={}", "(".repeat(10_000));
    assert!(bind_all(&search).is_some_and(|bound| bound.is_err()));
    let search = format!("$search={}a", "NOT ".repeat(7_000));
    assert!(bind_all(&search).is_some_and(|bound| bound.is_ok()));
}
