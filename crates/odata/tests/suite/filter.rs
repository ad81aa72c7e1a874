//! Conditions: what is understood as what.

use crate::shown::shown;
use crate::test_model::{ITEM, MODEL};
use odata::expression::Scope;

pub(crate) fn scope() -> Scope<'static> {
    Scope::new(&MODEL, &ITEM, "2024-06-01T12:00:00Z".parse().unwrap())
}

fn bound(text: &str) -> String {
    match scope().condition(text) {
        Ok(expression) => shown(&expression),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn comparisons_and_precedence() {
    for (text, expected) in [
        ("name eq 'a'", r#"(Eq name "a")"#),
        ("NAME EQ 'a''b'", r#"(Eq name "a'b")"#),
        ("name eq 'a' and note ne null or on", r#"(or (and (Eq name "a") (Ne note null)) on)"#),
        ("on and (name eq 'a' or name eq 'b')", r#"(and on (or (Eq name "a") (Eq name "b")))"#),
        ("not on and on", "(and (not on) on)"),
        ("not (name eq 'a')", r#"(not (Eq name "a"))"#),
        ("not name in ('a','b')", r#"(not (in name ["a" "b"]))"#),
        ("on eq true", "(Eq on true)"),
        ("colour eq 'RED'", "(Eq colour #1)"),
        ("colour gt test.colour'red'", "(Gt colour #1)"),
        ("t.colour'darkBlue' ne colour", "(Ne #7 colour)"),
        ("colour in ('red', 'darkBlue',null)", "(in colour [#1 #7 null])"),
        ("since ge 2024-01-01T00:00:00Z", "(Ge since 2024-01-01T00:00:00Z)"),
        ("since lt 2024-01-01T02:00 02:00", "(Lt since 2024-01-01T00:00:00Z)"),
        ("since gt now() sub duration'P1D'", "(Gt since 2024-05-31T12:00:00Z)"),
        ("owner/mail eq 'a'", r#"(Eq owner/mail "a")"#),
        ("$it/name eq 'a'", r#"(Eq name "a")"#),
        ("tags/any(t:t eq 'a' and on)", r#"(any tags (and (Eq item "a") on))"#),
        ("tags/all(t:startswith(t,'a'))", r#"(all tags (StartsWith item "a"))"#),
        ("tags/any()", "(any tags)"),
        ("1 add 2 mul 3 eq 7", "true"),
        ("length(name) mod 2 eq 1", "(Eq (Mod (Length name) 2) 1)"),
        ("year(since) sub 1 ge 2000", "(Ge (Sub (Year since) 1) 2000)"),
    ] {
        assert_eq!(bound(text), expected, "{text}");
    }
}

#[test]
fn every_fault_is_told_with_its_column() {
    let errors = scope().condition("nmae eq 'a' and since gt '2024-01-01T00:00:00Z' and colour eq 'grün'").unwrap_err();
    let told: Vec<String> = errors.kept().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "column 1: `nmae` is not a property of `item`; did you mean `name`?",
            "column 17: `since` is a date and time and `'2024-01-01T00:00:00Z'` is text; they cannot be compared; \
             leave the quotes off: 2024-01-01T00:00:00Z",
            "column 63: `grün` is not a member of `colour`; expected one of red, darkBlue",
        ]
    );
}
