//! Holds the case tables in `migrations/postgres/0002_functions.sql` against the frozen ones.

use odata::expression::text::{to_lower, to_upper};

const FUNCTIONS: &str = include_str!("../../../migrations/postgres/0002_functions.sql");

/// Letters in a line of a literal.
const LINE: usize = 64;

/// The function that maps letters, of which PostgreSQL's `own` knows those of ASCII.
fn function(name: &str, own: &str, map: fn(&str) -> String) -> String {
    let mut from = Vec::new();
    let mut to = Vec::new();
    for letter in '\u{80}'..=char::MAX {
        let mapped = map(letter.encode_utf8(&mut [0; 4]));
        let mut mapped = mapped.chars();
        let first = mapped.next().expect("a letter stays one");
        assert_eq!(mapped.next(), None, "{letter} becomes more than one");
        if first != letter {
            from.push(letter);
            to.push(first);
        }
    }
    let literal = |letters: &[char]| {
        let lines = letters.chunks(LINE).map(|line| format!("    '{}'", line.iter().collect::<String>()));
        lines.collect::<Vec<_>>().join("\n")
    };
    let translate = |count: usize| {
        format!("translate({own}($1 COLLATE \"C\"),\n{},\n{})", literal(&from[..count]), literal(&to[..count]))
    };
    let latin = from.partition_point(|letter| *letter < '\u{180}');
    format!(
        "CREATE FUNCTION {name}(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE\n\
         RETURN CASE WHEN octet_length($1) = length($1) THEN {own}($1 COLLATE \"C\")\n\
         WHEN $1 ~ '^[\\u0001-\\u017f]*$' THEN {}\n\
         ELSE {} END;\n",
        translate(latin),
        translate(from.len())
    )
}

#[test]
fn the_letters_in_sql_are_those_of_the_frozen_tables() {
    for function in
        [function("spillwatch_tolower", "lower", to_lower), function("spillwatch_toupper", "upper", to_upper)]
    {
        assert!(FUNCTIONS.contains(&function), "the migration lacks:\n{function}");
    }
}
