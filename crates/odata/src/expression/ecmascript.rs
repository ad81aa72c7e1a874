//! ECMAScript's regular expressions in the syntax of the regex crate, with ECMAScript's meaning:
//! there `\d`, `\w` and `\b` know ASCII only, and a dot stops at four kinds of line ends.

use super::pattern::PatternError;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

const SPACE: &str = r"\t-\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";
const WORD: &str = "0-9A-Za-z_";
const DIGIT: &str = "0-9";

/// Translates a pattern. What needs more than linear time is refused by name, and so is what the
/// other syntax would read in another way.
pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut rest = pattern.chars().peekable();
    let mut out = String::with_capacity(pattern.len() + 16);
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, false, &mut out)?,
            '[' => class(&mut rest, &mut out)?,
            '(' => group(&mut rest, &mut out)?,
            '.' => out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '{' if !rest.peek().is_some_and(char::is_ascii_digit) => return Err(form("a brace without a number")),
            c => out.push(c),
        }
    }
    Ok(out)
}

fn form(problem: &str) -> PatternError {
    PatternError::Form(problem.to_owned())
}

/// What follows an opening parenthesis.
fn group(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), PatternError> {
    out.push('(');
    if rest.next_if_eq(&'?').is_none() {
        return Ok(());
    }
    out.push('?');
    match rest.next() {
        Some(':') => out.push(':'),
        Some('=' | '!') => return Err(form("looking ahead is not served")),
        Some('<') if matches!(rest.peek(), Some('=' | '!')) => return Err(form("looking behind is not served")),
        Some('<') => out.push('<'),
        Some('i') if matches!(rest.peek(), Some(':' | ')')) => out.push('i'),
        _ => return Err(form("unknown group after `(?`")),
    }
    Ok(())
}

/// What follows an opening bracket, to the closing one.
fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), PatternError> {
    let negated = rest.next_if_eq(&'^').is_some();
    if rest.next_if_eq(&']').is_some() {
        out.push_str(if negated { r"[\x00-\u{10ffff}]" } else { r"[^\x00-\u{10ffff}]" });
        return Ok(());
    }
    out.push_str(if negated { "[^" } else { "[" });
    let mut first = true;
    while let Some(c) = rest.next() {
        match c {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '\\' => escape(rest, true, out)?,
            // What the other syntax gives a meaning of its own.
            '[' | '&' | '~' | '^' => out.extend(['\\', c]),
            '-' if first || matches!(rest.peek(), Some(']' | '-')) => out.push_str(r"\-"),
            c => out.push(c),
        }
        first = false;
    }
    Err(form("unclosed character class"))
}

/// What follows a backslash.
fn escape(rest: &mut Peekable<Chars<'_>>, in_class: bool, out: &mut String) -> Result<(), PatternError> {
    let Some(c) = rest.next() else { return Err(form("a backslash at the end")) };
    let mut set = |negated: bool, set: &str| {
        let _ = match (in_class, negated) {
            (true, false) => write!(out, "{set}"),
            (_, negated) => write!(out, "[{}{set}]", if negated { "^" } else { "" }),
        };
    };
    match c {
        'd' | 'D' => set(c == 'D', DIGIT),
        'w' | 'W' => set(c == 'W', WORD),
        's' | 'S' => set(c == 'S', SPACE),
        'b' if in_class => out.push_str(r"\x08"),
        'b' => out.push_str(r"(?-u:\b)"),
        'B' => return Err(form(r"`\B` is not served")),
        'f' | 'n' | 'r' | 't' | 'v' => out.extend(['\\', c]),
        '0' if !rest.peek().is_some_and(char::is_ascii_digit) => out.push_str(r"\x00"),
        '0'..='9' | 'k' => return Err(form("back references are not served")),
        'p' | 'P' => return Err(form(r"classes of Unicode such as `\p{L}` are not served")),
        'c' => match rest.next().filter(char::is_ascii_alphabetic) {
            Some(letter) => code(u32::from(letter) % 32, out)?,
            None => return Err(form(r"`\c` without a letter")),
        },
        'x' => code(hexadecimal(rest, 2)?, out)?,
        'u' => code(unicode(rest)?, out)?,
        c if c.is_ascii_alphabetic() => return Err(form("unknown escape")),
        c if c.is_ascii_punctuation() && c != '<' && c != '>' => out.extend(['\\', c]),
        c => out.push(c),
    }
    Ok(())
}

fn code(code: u32, out: &mut String) -> Result<(), PatternError> {
    let c = char::from_u32(code).ok_or_else(|| form("half of a surrogate pair"))?;
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    Ok(())
}

fn hexadecimal(rest: &mut Peekable<Chars<'_>>, digits: usize) -> Result<u32, PatternError> {
    (0..digits).try_fold(0, |sum, _| {
        let digit = rest.next().and_then(|c| c.to_digit(16)).ok_or_else(|| form("too few hexadecimal digits"))?;
        Ok(sum * 16 + digit)
    })
}

/// `XXXX`, two of them as a surrogate pair, or `{X}`.
fn unicode(rest: &mut Peekable<Chars<'_>>) -> Result<u32, PatternError> {
    if rest.next_if_eq(&'{').is_some() {
        let digits: String = rest.by_ref().take_while(|c| *c != '}').take(8).collect();
        return u32::from_str_radix(&digits, 16).map_err(|_| form("no code point in braces"));
    }
    let high = hexadecimal(rest, 4)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Ok(high);
    }
    let mut ahead = rest.clone();
    if ahead.next() == Some('\\') && ahead.next() == Some('u') {
        let low = hexadecimal(&mut ahead, 4)?;
        if (0xdc00..0xe000).contains(&low) {
            *rest = ahead;
            return Ok(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(text)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_ecmascript() {
        for (pattern, yes, no) in [
            ("^A.*e$", "Apple", "apple"),
            ("^\\d+$", "42", "٤٢"),
            ("^\\w+$", "a_1", "ä"),
            ("^\\W$", "ä", "a"),
            ("^\\s$", "\u{feff}", "\u{85}"),
            ("^[\\s\\d]+$", "1 \u{a0}2", "a"),
            ("^[^\\D5]$", "4", "5"),
            ("^[\\D]$", "a", "5"),
            ("^.$", "\u{85}", "\u{2028}"),
            ("\\bcat\\b", "a cat.", "concat"),
            ("^[a&&b]+$", "a&b", "c"),
            ("^[a~~b]+$", "~", "c"),
            ("^[[a]$", "[", "]"),
            ("^[-a]+$", "-a", "b"),
            ("^[a-]+$", "-a", "b"),
            ("^[a-c^]+$", "b^", "d"),
            ("^[^]$", "\n", ""),
            ("^(a|[])$", "a", "b"),
            ("^\\u00e9\\xe9\\u{e9}$", "ééé", "e"),
            ("^\\ud83d\\ude00$", "😀", "x"),
            ("^\\cJ\\0$", "\n\0", "J0"),
            ("^a\\/b\\-c\\.d$", "a/b-c.d", "a/b-cxd"),
            ("^(?:ab){2}$", "abab", "ab"),
            ("^(?<year>[0-9]{4})$", "2024", "24"),
            ("(?i)^ab$", "AB", "b"),
            ("^\\<\\>$", "<>", "<"),
            ("^[\\b]$", "\u{8}", "b"),
            ("", "anything", ""),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes:?}");
            assert!(pattern.is_empty() || !matches(pattern, no), "{pattern} {no:?}");
        }
    }

    #[test]
    fn what_is_not_served_is_named() {
        for (pattern, part) in [
            ("a(?=b)", "looking ahead"),
            ("a(?!b)", "looking ahead"),
            ("(?<=a)b", "looking behind"),
            ("(?<!a)b", "looking behind"),
            ("(a)\\1", "back references"),
            ("(?<x>a)\\k<x>", "back references"),
            ("\\p{L}", "\\p{L}"),
            ("a\\B", "\\B"),
            ("(?P<x>a)", "group"),
            ("(?x) a", "group"),
            ("(?", "group"),
            ("[a", "unclosed"),
            ("[", "unclosed"),
            ("a\\", "backslash"),
            ("\\x4", "hexadecimal"),
            ("\\u{110000}", "surrogate"),
            ("\\ud83d", "surrogate"),
            ("\\u{zz}", "code point"),
            ("\\y", "escape"),
            ("\\c1", "letter"),
            ("a{,3}", "brace"),
            ("{", "brace"),
            ("(a", "unclosed group"),
            ("*a", "repetition"),
            ("[z-a]", "range"),
        ] {
            let error = Pattern::new(pattern).map(|_| ()).expect_err(pattern).to_string();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }
}
