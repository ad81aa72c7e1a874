//! Conditions that are refused: where, what was found, what was expected.

use crate::shop::orders;
use ErrorKind as K;
use odata::expression::{ErrorKind, Scope};

/// Checks the kind and the whole text of the only error.
fn refused(cases: &[(&str, ErrorKind, &str)]) {
    let scope: Scope<'_> = orders();
    let mut wrong = Vec::new();
    for (text, kind, expected) in cases {
        match scope.condition(text) {
            Ok(bound) => wrong.push(format!("{text}\n  is taken: {bound:?}")),
            Err(errors) => match errors.kept() {
                [error] if error.kind == *kind && error.to_string() == *expected => {}
                kept => wrong.push(format!(
                    "{text}\n  expected {kind:?} {expected}\n  found    {:?}",
                    kept.iter().map(|error| format!("{:?} {error}", error.kind)).collect::<Vec<_>>()
                )),
            },
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const OPERATOR: &str = "expected an operator such as eq or and, or the end";

#[test]
fn what_does_not_follow_the_grammar() {
    let after = |found: &str| format!("{found}; {OPERATOR}");
    let (quoted, extra, equals) = (
        after("column 6: found `'a'`"),
        after("column 15: found `)`"),
        after("column 6: found `=` (equality is written eq)"),
    );
    refused(&[
        ("", K::Syntax, "column 1: found the end of the expression; expected a value"),
        ("   ", K::Syntax, "column 4: found the end of the expression; expected a value"),
        ("name eq", K::Syntax, "column 8: found the end of the expression; expected a value"),
        ("name eq 'a' and", K::Syntax, "column 16: found the end of the expression; expected a value"),
        ("name 'a'", K::Syntax, &quoted),
        ("(name eq 'a'", K::Syntax, "column 13: found the end of the expression; expected an operator or `)`"),
        ("(name eq 'a'))", K::Syntax, &extra.replace("15", "14")),
        ("name eq 'a'   )", K::Syntax, &extra),
        ("()", K::Syntax, "column 2: found `)`; expected a value"),
        ("eq 'a'", K::Syntax, &after("column 4: found `'a'`")),
        ("name = 'a'", K::Syntax, &equals),
        ("name == 'a'", K::Syntax, &equals),
        ("name != 'a'", K::Syntax, &after("column 6: found `!` (inequality is written ne, negation not)")),
        ("!gift", K::Syntax, "column 1: found `!` (inequality is written ne, negation not); expected a value"),
        ("length(name) > 3", K::Syntax, &after("column 14: found `>` (write gt or ge)")),
        ("length(name) <= 3", K::Syntax, &after("column 14: found `<` (write lt or le)")),
        ("gift && gift", K::Syntax, &after("column 6: found `&` (write and)")),
        ("gift || gift", K::Syntax, &after("column 6: found `|` (write or)")),
        ("1 + 1 eq 2", K::Syntax, &after("column 3: found `+` (write add; a plus sign in a URL is %2B)")),
        ("1 * 1 eq 2", K::Syntax, &after("column 3: found `*` (write mul)")),
        ("5-3 eq 2", K::Syntax, "column 1: found `5-3` (subtraction is written sub); expected a value"),
        ("10days eq 2", K::Syntax, "column 1: found `10days`; expected a value"),
        ("name equals 'a'", K::Syntax, &after("column 6: found `equals`")),
        ("name eq \"a\"", K::Syntax, "column 9: found `\"a\"` (a text stands in single quotes); expected a value"),
        ("name eq ‘a’", K::Syntax, "column 9: found `‘` (a text stands in straight quotes: '); expected a value"),
        (
            "name eq 'a",
            K::Syntax,
            "column 9: found `'a`, which lacks its closing quote (quotes within a text are doubled); expected a value",
        ),
        (
            "name eq 'it's'",
            K::Syntax,
            &after("column 13: found `s'`, which lacks its closing quote (quotes within a text are doubled)"),
        ),
        (
            "contains(name,'a'",
            K::Syntax,
            "column 18: found the end of the expression; expected an operator, `,` or `)`",
        ),
        ("contains(name 'a')", K::Syntax, "column 15: found `'a'`; expected an operator, `,` or `)`"),
        ("contains(,'a')", K::Syntax, "column 10: found `,`; expected a value"),
        ("contains(name,)", K::Syntax, "column 15: found `)`; expected a value"),
        ("name in 'a','b'", K::Syntax, &after("column 12: found `,`")),
        ("name in ('a',)", K::Syntax, "column 14: found `)`; expected a value"),
        ("name in ('a' 'b')", K::Syntax, "column 14: found `'b'`; expected an operator, `,` or `)`"),
        ("name in ()", K::Syntax, "column 9: the list is empty; expected at least one value"),
        ("name in []", K::Syntax, "column 9: the list is empty; expected at least one value"),
        ("name in ['a'", K::Syntax, "column 13: found the end of the expression; expected an operator, `,` or `]`"),
        ("name in -5", K::Syntax, "column 9: `-5` is not a list such as ('a', 'b')"),
        ("name in -note", K::Syntax, "column 9: found `-`; expected a list such as ('a', 'b')"),
        ("name in not ('a')", K::Syntax, "column 9: `not ('a')` is not a list such as ('a', 'b')"),
        ("name in 'a'", K::Syntax, "column 9: `'a'` is not a list such as ('a', 'b')"),
        ("name eq ['a']", K::Syntax, "column 9: a list stands only after `in`"),
        ("customer/", K::Syntax, "column 10: found the end of the expression; expected a name after `/`"),
        ("customer//mail eq 'a'", K::Syntax, "column 10: found `/`; expected a name after `/`"),
        ("/name eq 'a'", K::Syntax, "column 1: found `/`; expected a value"),
        ("customer/'a' eq 'a'", K::Syntax, "column 10: found `'a'`; expected a name after `/`"),
        (
            "tags/any(",
            K::Syntax,
            "column 10: found the end of the expression; expected a range variable, such as `x` in `any(x:x eq 'a')`",
        ),
        ("tags/all()", K::Syntax, "column 10: found `)`; expected a range variable, such as `x` in `any(x:x eq 'a')`"),
        ("tags/any(t)", K::Syntax, "column 11: found `)`; expected `:` after the range variable"),
        ("tags/any(t eq 'a')", K::Syntax, "column 12: found `eq`; expected `:` after the range variable"),
        ("tags/any(t:)", K::Syntax, "column 12: found `)`; expected a value"),
        ("tags/any(t:gift", K::Syntax, "column 16: found the end of the expression; expected an operator or `)`"),
        ("tags/any(t:gift)/any()", K::Syntax, "column 6: any and all end a path"),
        ("not -", K::Syntax, "column 6: found the end of the expression; expected a value"),
        ("$ eq 1", K::Syntax, "column 1: found `$`; expected a value"),
        ("@ eq 1", K::Syntax, "column 1: found `@`; expected a value"),
        ("name eq @", K::Syntax, "column 9: found `@`; expected a value"),
        ("gift; gift", K::Syntax, &after("column 5: found `;`")),
        ("größe eq # 1", K::Syntax, "column 10: found `#`; expected a value"),
    ]);
}

#[test]
fn names_that_mean_nothing() {
    refused(&[
        ("nmae eq 'a'", K::UnknownName, "column 1: `nmae` is not a property of `order`; did you mean `name`?"),
        (
            "name eq paid",
            K::UnknownName,
            "column 9: `paid` is not a property of `order` (a text stands in quotes: 'paid')",
        ),
        ("customer/naem eq 'a'", K::UnknownName, "column 10: `naem` is not a property of `person`"),
        (
            "customer/displayNmae eq 'a'",
            K::UnknownName,
            "column 10: `displayNmae` is not a property of `person`; did you mean `displayName`?",
        ),
        (
            "custmer/mail eq 'a'",
            K::UnknownName,
            "column 1: `custmer` is not a property of `order`; did you mean `customer`?",
        ),
        (
            "password eq 'a'",
            K::UnknownName,
            "column 1: `password` is not a property of `order` (a text stands in quotes: 'password')",
        ),
        ("customer/pin eq 'a'", K::UnknownName, "column 10: `pin` is not a property of `person`"),
        (
            "discount eq 'a'",
            K::UnknownName,
            "column 1: `discount` is not a property of `order` (a text stands in quotes: 'discount')",
        ),
        ("name/length eq 3", K::UnknownName, "column 6: `name` has no parts that can be asked for"),
        ("tags/any(t:t/name eq 'a')", K::UnknownName, "column 14: `t` has no properties"),
        (
            "tags/any(t:T eq 'a')",
            K::UnknownName,
            "column 12: `T` is not a property of `order` (a text stands in quotes: 'T')",
        ),
        (
            "shop.order/nmae eq 'a'",
            K::UnknownName,
            "column 12: `nmae` is not a property of `order`; did you mean `name`?",
        ),
        ("shop.ordre/name eq 'a'", K::UnknownName, "column 1: `shop.ordre` is not an entity type"),
        ("isof(order)", K::UnknownName, "column 6: `order` is not an entity type"),
        ("isof(Edm.String)", K::UnknownName, "column 6: `Edm.String` is not an entity type"),
        ("contians(name,'a')", K::UnknownName, "column 1: `contians` is not a function; did you mean contains?"),
        ("substringof('a',name)", K::UnknownName, "column 1: `substringof` is not a function; did you mean substring?"),
        ("any(name)", K::UnknownName, "column 1: `any` is not a function"),
        ("state eq shop.sate'paid'", K::UnknownName, "column 10: `shop.sate` is not an enumeration"),
        ("state eq state'paid'", K::UnknownName, "column 10: `state` is not an enumeration"),
        ("placed eq datetime'2024-03-02T00:00:00'", K::UnknownName, "column 11: `datetime` is not an enumeration"),
        (
            "cast(name,Edm.Strange) eq 'a'",
            K::UnknownName,
            "column 11: `Edm.Strange` is not a type that values are cast to",
        ),
        ("cast(name,'a') eq 'a'", K::UnknownName, "column 11: `'a'` is not a type that values are cast to"),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn types_that_do_not_fit() {
    refused(&[
        ("name", K::WrongType, "column 1: `name` is text; expected a condition, which is true or false"),
        (
            "1 add 1",
            K::WrongType,
            "column 1: `1 add 1` is a whole number; expected a condition, which is true or false",
        ),
        ("gift and name", K::WrongType, "column 10: `name` is text; expected a condition, which is true or false"),
        (
            "not name",
            K::WrongType,
            "column 5: `name` is text; expected true or false (put a comparison after not into parentheses)",
        ),
        ("tags/any(t:t)", K::WrongType, "column 12: `t` is text; expected a condition, which is true or false"),
        (
            "placed gt '2024-03-02T00:00:00Z'",
            K::WrongType,
            "column 1: `placed` is a date and time and `'2024-03-02T00:00:00Z'` is text; they cannot be compared; leave the quotes off: 2024-03-02T00:00:00Z",
        ),
        (
            "'2024-03-02' lt placed",
            K::WrongType,
            "column 1: `'2024-03-02'` is text and `placed` is a date and time; they cannot be compared; a date and time stands without quotes, such as 2024-03-02T23:10:04Z",
        ),
        (
            "placed gt 2024-03-02",
            K::WrongType,
            "column 1: `placed` is a date and time and `2024-03-02` is a date; they cannot be compared; add a time, such as 2024-03-02T00:00:00Z, or compare date(...)",
        ),
        (
            "placed in ('2024-03-02T00:00:00Z')",
            K::WrongType,
            "column 12: `'2024-03-02T00:00:00Z'` is text; expected a date and time; leave the quotes off: 2024-03-02T00:00:00Z",
        ),
        (
            "id eq 01234567-89ab-cdef-0123-456789abcdef",
            K::WrongType,
            "column 1: `id` is text and `01234567-89ab-cdef-0123-456789abcdef` is a GUID; they cannot be compared; put the GUID in quotes, since it is compared with a text",
        ),
        (
            "id eq 5",
            K::WrongType,
            "column 1: `id` is text and `5` is a whole number; they cannot be compared; a text stands in quotes",
        ),
        (
            "id eq 5.5",
            K::WrongType,
            "column 1: `id` is text and `5.5` is a number; they cannot be compared; a text stands in quotes",
        ),
        (
            "id eq true",
            K::WrongType,
            "column 1: `id` is text and `true` is a boolean; they cannot be compared; a text stands in quotes",
        ),
        ("id in (5)", K::WrongType, "column 8: `5` is a whole number; expected text; a text stands in quotes"),
        (
            "length(id) eq '5'",
            K::WrongType,
            "column 1: `length(id)` is a whole number and `'5'` is text; they cannot be compared; leave the quotes off",
        ),
        (
            "gift eq 'true'",
            K::WrongType,
            "column 1: `gift` is a boolean and `'true'` is text; they cannot be compared; leave the quotes off",
        ),
        ("gift eq 1", K::WrongType, "column 1: `gift` is a boolean and `1` is a whole number; they cannot be compared"),
        (
            "date(placed) eq '2024-03-02'",
            K::WrongType,
            "column 1: `date(placed)` is a date and `'2024-03-02'` is text; they cannot be compared; leave the quotes off",
        ),
        (
            "state eq 5",
            K::WrongType,
            "column 1: `state` is a `state` and `5` is a whole number; they cannot be compared; expected one of open, paid, sent, inDispute in quotes",
        ),
        (
            "state eq rights",
            K::WrongType,
            "column 1: `state` is a `state` and `rights` is a `rights`; they cannot be compared",
        ),
        ("state eq name", K::WrongType, "column 1: `state` is a `state` and `name` is text; they cannot be compared"),
        (
            "state eq shop.rights'read'",
            K::WrongType,
            "column 1: `state` is a `state` and `shop.rights'read'` is a `rights`; they cannot be compared; expected one of open, paid, sent, inDispute in quotes",
        ),
        ("state has 'paid'", K::WrongType, "column 1: `state` is one member at a time, not a set of flags; write eq"),
        ("name has 'paid'", K::WrongType, "column 1: `name` is text; has wants an enumeration of flags"),
        (
            "rights has 5",
            K::WrongType,
            "column 12: `5` is not a literal of `rights`; expected some of read, write, own",
        ),
        (
            "rights has rights",
            K::WrongType,
            "column 12: `rights` is not a literal of `rights`; expected some of read, write, own",
        ),
        ("tags eq 'a'", K::WrongType, "column 1: `tags` holds several values; ask with `tags/any(x:...)` or all"),
        (
            "contains(tags,'a')",
            K::WrongType,
            "column 10: `tags` holds several values; ask with `tags/any(x:...)` or all",
        ),
        (
            "customer eq null",
            K::WrongType,
            "column 1: `customer` is a related entity; name one of its properties, such as `customer/id`",
        ),
        ("$it eq null", K::WrongType, "column 1: `$it` is an entity; name one of its properties"),
        ("shop.order eq null", K::WrongType, "column 1: `shop.order` is an entity; name one of its properties"),
        ("name/any(x:x eq 'a')", K::WrongType, "column 1: `name` does not hold several values"),
        ("any()", K::UnknownName, "column 1: `any` is not a function"),
        ("name/$count eq 0", K::WrongType, "column 1: `name` does not hold several values"),
        ("name in note", K::WrongType, "column 9: `note` does not hold several values"),
        (
            "5 in tags",
            K::WrongType,
            "column 1: `5` is a whole number and `tags` is text; they cannot be compared; a text stands in quotes",
        ),
        ("contains(gift,'a')", K::WrongType, "column 10: `gift` is a boolean; contains expects text here"),
        ("contains(state,'a')", K::WrongType, "column 10: `state` is a `state`; contains expects text here"),
        ("tolower(state) eq 'a'", K::WrongType, "column 9: `state` is a `state`; tolower expects text here"),
        ("substring(name,'1') eq 'a'", K::WrongType, "column 16: `'1'` is text; substring expects a whole number here"),
        (
            "substring(name,1.5) eq 'a'",
            K::WrongType,
            "column 16: `1.5` is a number; substring expects a whole number here",
        ),
        ("year(name) eq 1", K::WrongType, "column 6: `name` is text; year expects a date and time or a date here"),
        (
            "hour(2024-03-02) eq 1",
            K::WrongType,
            "column 6: `2024-03-02` is a date; hour expects a date and time or a time of day here",
        ),
        ("name add 1 eq 2", K::WrongType, "column 1: `name` is text and `1` is a whole number; add does not take them"),
        (
            "placed add 1 gt due",
            K::WrongType,
            "column 1: `placed` is a date and time and `1` is a whole number; add does not take them",
        ),
        (
            "placed add due gt due",
            K::WrongType,
            "column 1: `placed` is a date and time and `due` is a date and time; add does not take them",
        ),
        (
            "'P1D' add placed gt due",
            K::WrongType,
            "column 1: `'P1D'` is text and `placed` is a date and time; add does not take them",
        ),
        (
            "now() mul 2 gt due",
            K::WrongType,
            "column 1: `now()` is a date and time and `2` is a whole number; mul does not take them",
        ),
        (
            "duration'P1D' mod 2 gt 'P1D'",
            K::WrongType,
            "column 1: `duration'P1D'` is a duration and `2` is a whole number; mod does not take them",
        ),
        ("-name eq 'a'", K::WrongType, "column 2: `name` is text; expected a number or a duration after -"),
        (
            "-placed eq due",
            K::WrongType,
            "column 2: `placed` is a date and time; expected a number or a duration after -",
        ),
        ("shop.person/mail eq 'a'", K::WrongType, "column 1: `shop.person` neither is nor extends `order`"),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn literals_that_are_no_values() {
    refused(&[
        (
            "state eq 'lost'",
            K::InvalidValue,
            "column 10: `lost` is not a member of `state`; expected one of open, paid, sent, inDispute",
        ),
        (
            "state eq ''",
            K::InvalidValue,
            "column 10: `` is not a member of `state`; expected one of open, paid, sent, inDispute",
        ),
        (
            "state eq '2'",
            K::InvalidValue,
            "column 10: `2` is not a member of `state`; expected one of open, paid, sent, inDispute",
        ),
        (
            "state eq shop.state'lost'",
            K::InvalidValue,
            "column 10: `lost` is not a member of `state`; expected one of open, paid, sent, inDispute",
        ),
        (
            "state eq 'open,paid'",
            K::InvalidValue,
            "column 10: `open,paid` names several members; `state` is one at a time",
        ),
        (
            "rights has 'read,fly'",
            K::InvalidValue,
            "column 12: `fly` is not a member of `rights`; expected some of read, write, own",
        ),
        (
            "rights eq '8'",
            K::InvalidValue,
            "column 11: `8` is not a member of `rights`; expected some of read, write, own",
        ),
        (
            "'lost' in states",
            K::InvalidValue,
            "column 1: `lost` is not a member of `state`; expected one of open, paid, sent, inDispute",
        ),
        (
            "placed eq 2024-02-30T00:00:00Z",
            K::InvalidValue,
            "column 11: `2024-02-30T00:00:00Z` names a day or time of day that does not exist",
        ),
        (
            "placed eq 2024-03-02T24:00:00Z",
            K::InvalidValue,
            "column 11: `2024-03-02T24:00:00Z` names a day or time of day that does not exist",
        ),
        (
            "placed eq 2024-03-02T25:00:00Z",
            K::InvalidValue,
            "column 11: `2024-03-02T25:00:00Z` names a day or time of day that does not exist",
        ),
        (
            "placed eq 2024-03-02T25:10:04",
            K::InvalidValue,
            "column 11: `2024-03-02T25:10:04` names a day or time of day that does not exist",
        ),
        (
            "placed eq 2024-03-02T23:10:04.1234567890123Z",
            K::InvalidValue,
            "column 11: `2024-03-02T23:10:04.1234567890123Z` has more than 12 fraction digits",
        ),
        (
            "placed eq 2024-03-02T23:10:04+0200",
            K::InvalidValue,
            "column 11: `2024-03-02T23:10:04+0200` is not a date and time such as 2024-03-02T23:10:04Z or 2024-03-02T23:10:04.5+02:00",
        ),
        (
            "placed eq 0000-03-02T23:10:04Z",
            K::InvalidValue,
            "column 11: `0000-03-02T23:10:04Z` lies outside the years 0001 to 9999",
        ),
        ("date(placed) eq 2024-02-30", K::InvalidValue, "column 17: `2024-02-30` is a day that does not exist"),
        ("date(placed) eq 0000-02-03", K::InvalidValue, "column 17: `0000-02-03` lies outside the years 0001 to 9999"),
        ("date(placed) eq -0044-03-15", K::InvalidValue, "column 17: `-0044-03-15` is not a date such as 2024-03-02"),
        ("time(placed) eq 24:00:00", K::InvalidValue, "column 17: `24:00:00` is a time of day that does not exist"),
        (
            "time(placed) eq 12:00:00.1234567890123",
            K::InvalidValue,
            "column 17: `12:00:00.1234567890123` has more than 12 fraction digits",
        ),
        ("time(placed) eq 12:00:", K::InvalidValue, "column 17: `12:00:` is not a time of day such as 23:10:04"),
        (
            "due sub placed gt 'soon'",
            K::InvalidValue,
            "column 19: `soon` is not a duration of days, hours, minutes and seconds such as duration'P1DT2H'",
        ),
        (
            "due sub placed gt duration'P1Y'",
            K::InvalidValue,
            "column 19: `P1Y` is not a duration of days, hours, minutes and seconds such as duration'P1DT2H'",
        ),
        ("length(name) eq INF", K::InvalidValue, "column 17: `INF` is not a number that can be compared here"),
        ("length(name) eq -INF", K::InvalidValue, "column 17: `-INF` is not a number that can be compared here"),
        ("length(name) eq NaN", K::InvalidValue, "column 17: `NaN` is not a number that can be compared here"),
        ("length(name) lt 1e999", K::InvalidValue, "column 17: `1e999` is too large for a number"),
        (
            "length(name) lt 9223372036854775807",
            K::InvalidValue,
            "column 17: `9223372036854775807` is too large; whole numbers go from -2^62 to 2^62",
        ),
        (
            "length(name) lt 99999999999999999999",
            K::InvalidValue,
            "column 17: `99999999999999999999` is too large; whole numbers go from -2^62 to 2^62",
        ),
        ("name in [\"a\\x\"]", K::InvalidValue, "column 10: `\"a\\x\"` is not a text as JSON writes it"),
        (
            "matchesPattern(name,'(')",
            K::InvalidValue,
            "column 21: the pattern is not a regular expression: unclosed group",
        ),
        (
            "matchesPattern(name,'a(?=b)')",
            K::InvalidValue,
            "column 21: the pattern is not a regular expression: looking ahead is not served",
        ),
        (
            "matchesPattern(name,'(a)\\1')",
            K::InvalidValue,
            "column 21: the pattern is not a regular expression: back references are not served",
        ),
        ("matchesPattern(name,note)", K::InvalidValue, "column 21: the pattern must be a quoted text"),
        ("matchesPattern(name,concat('a',note))", K::InvalidValue, "column 21: the pattern must be a quoted text"),
    ]);
}

#[test]
fn what_could_have_no_result() {
    refused(&[
        ("1 div 0 eq 1", K::OutOfRange, "column 1: `1 div 0` could divide by zero"),
        ("1 divby 0 eq 1", K::OutOfRange, "column 1: `1 divby 0` could divide by zero"),
        ("1 mod 0 eq 1", K::OutOfRange, "column 1: `1 mod 0` could divide by zero"),
        ("1.5 div 0.0 eq 1", K::OutOfRange, "column 1: `1.5 div 0.0` could divide by zero"),
        ("10 div length(name) eq 1", K::OutOfRange, "column 1: `10 div length(name)` could divide by zero"),
        (
            "10 mod (length(name) sub 5) eq 1",
            K::OutOfRange,
            "column 1: `10 mod (length(name) sub 5)` could divide by zero",
        ),
        (
            "length(name) mul 4611686018427387904 gt 1",
            K::OutOfRange,
            "column 1: the result of `length(name) mul 4611686018427387904` could be too large",
        ),
        (
            "4611686018427387904 add 1 gt 1",
            K::OutOfRange,
            "column 1: the result of `4611686018427387904 add 1` could be too large",
        ),
        ("1e308 mul 10 gt 1", K::OutOfRange, "column 1: the result of `1e308 mul 10` could be too large"),
        ("1e308 divby 0.001 gt 1", K::OutOfRange, "column 1: the result of `1e308 divby 0.001` could be too large"),
        (
            "maxdatetime() add 'P1D' gt due",
            K::OutOfRange,
            "column 1: the result of `maxdatetime() add 'P1D'` lies outside the years 0001 to 9999",
        ),
        (
            "0001-01-01 sub 'PT1S' eq 2024-01-01",
            K::OutOfRange,
            "column 1: the result of `0001-01-01 sub 'PT1S'` lies outside the years 0001 to 9999",
        ),
        (
            "duration'P5000000D' mul 2 gt 'P1D'",
            K::OutOfRange,
            "column 1: the result of `duration'P5000000D' mul 2` could be too large",
        ),
        (
            "duration'P1D' mul 1e9 gt 'P1D'",
            K::OutOfRange,
            "column 1: the result of `duration'P1D' mul 1e9` could be too large",
        ),
        ("duration'P1D' div 0 gt 'P1D'", K::OutOfRange, "column 1: `duration'P1D' div 0` could divide by zero"),
        (
            "cast(name,Edm.Int32) eq 1",
            K::OutOfRange,
            "column 1: `name` could be too large for `Edm.Int32`; cast it to Edm.Int64",
        ),
        (
            "cast(length(name),Edm.Byte) eq 1",
            K::OutOfRange,
            "column 1: `length(name)` could be too large for `Edm.Byte`; cast it to Edm.Int64",
        ),
        (
            "-cast(name,Edm.Int64) eq 1",
            K::OutOfRange,
            "column 1: the result of `-cast(name,Edm.Int64)` could be too large",
        ),
        (
            "cast(name,Edm.Int64) add 1 eq 1",
            K::OutOfRange,
            "column 1: the result of `cast(name,Edm.Int64) add 1` could be too large",
        ),
        ("substring(name,1,-1) eq 'a'", K::OutOfRange, "column 18: `-1` could be negative; a length is at least 0"),
        (
            "substring(name,1,indexof(name,'a')) eq 'a'",
            K::OutOfRange,
            "column 18: `indexof(name,'a')` could be negative; a length is at least 0",
        ),
    ]);
}

#[test]
fn what_odata_has_and_is_not_served() {
    refused(&[
        ("round(1.5) eq 2", K::NotServed, "column 1: the function round is not served"),
        ("case(gift:1,true:0) eq 1", K::Syntax, "column 10: found `:`; expected an operator, `,` or `)`"),
        ("geo.distance(name,name) lt 1", K::NotServed, "column 1: the function geo.distance is not served"),
        ("hassubset(tags,['a'])", K::NotServed, "column 1: the function hassubset is not served"),
        ("name eq binary'AA'", K::NotServed, "column 9: there are no binary values here"),
        ("name eq geography'SRID=0;Point(1 2)'", K::NotServed, "column 9: there are no geography values here"),
        (
            "address/city eq 'a'",
            K::NotServed,
            "column 1: `address` holds members of its own, which cannot be asked for",
        ),
        ("address eq null", K::NotServed, "column 1: `address` holds members of its own, which cannot be asked for"),
        ("customer/$count eq 1", K::WrongType, "column 1: `customer` does not hold several values"),
        (
            "tags/$count eq 2",
            K::NotServed,
            "column 1: `tags/$count` can only be compared with 0, which tells whether there are items",
        ),
        (
            "tags/$count eq tags/$count",
            K::NotServed,
            "column 16: `tags/$count` can only be compared with 0 (or asked with any), which tells whether there are items",
        ),
        (
            "length(tags/$count) eq 2",
            K::NotServed,
            "column 8: `tags/$count` can only be compared with 0 (or asked with any), which tells whether there are items",
        ),
        (
            "$root/orders('1')/name eq 'a'",
            K::UnknownName,
            "column 7: `orders` is not known here; of the functions on a path there are any and all",
        ),
        ("$root/orders eq 'a'", K::NotServed, "column 1: `$root` is not served here"),
        ("name/$value eq 'a'", K::UnknownName, "column 6: `name` has no parts that can be asked for"),
        ("name/@core.term eq 'a'", K::NotServed, "column 6: values of annotations such as `@core.term` are not served"),
        (
            "tags/first() eq 'a'",
            K::UnknownName,
            "column 6: `first` is not known here; of the functions on a path there are any and all",
        ),
        ("tags/any(t:states/any(s:s eq 'open'))", K::NotServed, "column 12: any within any or all is not served"),
        ("tags/all(t:not (tags/all(u:gift)))", K::NotServed, "column 16: all within any or all is not served"),
        ("tags/any(t:t in tags)", K::NotServed, "column 12: in with a collection is not served within any or all"),
        (
            "customer/shop.bigPerson/mail eq 'a'",
            K::NotServed,
            "column 10: casting a related entity to a derived type is not served",
        ),
        (
            "s.bigOrder/discount eq s.smallOrder/pocket",
            K::NotServed,
            "column 1: properties of two different types cannot be used together",
        ),
        (
            "isof(customer,shop.bigPerson)",
            K::NotServed,
            "column 6: isof is served for the entity itself: isof(type) or isof($it,type)",
        ),
        (
            "isof(name,Edm.String)",
            K::NotServed,
            "column 6: isof is served for the entity itself: isof(type) or isof($it,type)",
        ),
        (
            "cast(shop.bigOrder)/name eq 'a'",
            K::Syntax,
            "column 20: found `/`; expected an operator such as eq or and, or the end",
        ),
        (
            "cast(shop.bigOrder) eq null",
            K::NotServed,
            "column 1: cast takes a value and a type here; to cast the entity, write type/property",
        ),
        (
            "year(2024-03-02T23:10:04+02:00) eq 2024",
            K::NotServed,
            "column 6: year of `2024-03-02T23:10:04+02:00` is not served; write the moment in UTC, with Z",
        ),
        (
            "totaloffsetminutes(2024-03-02T23:10:04 02:00) eq 120",
            K::NotServed,
            "column 20: totaloffsetminutes of `2024-03-02T23:10:04 02:00` is not served; write the moment in UTC, with Z",
        ),
    ]);
}

#[test]
fn functions_take_what_they_take() {
    refused(&[
        ("contains(name)", K::Syntax, "column 1: contains takes 2 arguments; 1 found"),
        ("contains(name,'a','b')", K::Syntax, "column 1: contains takes 2 arguments; 3 found"),
        ("length() eq 1", K::Syntax, "column 1: length takes 1 argument; 0 found"),
        ("substring(name) eq 'a'", K::Syntax, "column 1: substring takes 2 or 3 arguments; 1 found"),
        ("now(1) gt placed", K::Syntax, "column 1: now takes no arguments"),
        ("isof()", K::Syntax, "column 1: isof takes a type, or a value and a type"),
        ("isof($it,shop.order,3)", K::Syntax, "column 1: isof takes a type, or a value and a type"),
    ]);
}

#[test]
fn an_alias_does_not_hide_any_within_any() {
    let aliases = [("p", "tags/any(u:u eq 'a')"), ("q", "'a' in tags"), ("r", "@p")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let scope = Scope { aliases: &aliases, ..orders() };
    for (text, message) in [
        ("tags/any(t:@p)", "@p, column 1: any within any or all is not served"),
        ("tags/all(t:t eq 'a' and @r)", "@p, column 1: any within any or all is not served"),
        ("tags/any(t:@q)", "@q, column 1: in with a collection is not served within any or all"),
    ] {
        assert_eq!(scope.condition(text).unwrap_err().to_string(), message, "{text}");
    }
    assert!(scope.condition("tags/any(t:t eq 'a') and @p and @q").is_ok());
}

#[test]
fn no_text_holds_the_character_0() {
    for text in ["name eq 'a\0b'", "name in ('a','\0')", "name in [\"\\u0000\"]", "matchesPattern(name,'\0')"] {
        let errors = orders().condition(text).unwrap_err();
        assert_eq!(errors.kept()[0].kind, K::InvalidValue, "{text:?}");
        assert!(errors.to_string().ends_with("holds the character U+0000, which no text here has"), "{errors}");
    }
}

#[test]
fn every_fault_of_an_expression_is_told() {
    let text = "nmae eq 'a' and (placed gt '2024' or state eq 'lost') and contains(gift,5) and 1 div 0 eq @p";
    let errors = orders().condition(text).unwrap_err();
    let told: Vec<(usize, ErrorKind)> = errors.kept().iter().map(|error| (error.column, error.kind)).collect();
    let expected = [
        (1, K::UnknownName),
        (18, K::WrongType),
        (47, K::InvalidValue),
        (68, K::WrongType),
        (73, K::WrongType),
        (80, K::OutOfRange),
    ];
    assert_eq!(told, expected);
    assert!(errors.to_string().ends_with("did you mean `name`? (5 more)"), "{errors}");
    let span = errors.kept()[2].span;
    assert_eq!(span.of(text), "'lost'");
}

#[test]
fn errors_are_bounded_and_counted() {
    let many = vec!["x"; 200].join(" or ");
    let errors = orders().condition(&many).unwrap_err();
    assert_eq!((errors.kept().len(), errors.more()), (64, 136));
    let long = format!("{} eq 1", "x".repeat(20_000));
    let told = orders().condition(&long).unwrap_err().to_string();
    assert!(told.len() < 300, "{told}");
    let long = format!("state eq '{}'", "x,".repeat(9_000));
    let told = orders().condition(&long).unwrap_err().to_string();
    assert!(told.len() < 300, "{told}");
}
