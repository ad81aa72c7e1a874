//! The words of an expression. What a word means is decided where it stands: `not` and `add` may
//! be operators or names.

use super::error::Span;

/// What a token looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// The end of the text.
    End,
    /// A name, perhaps qualified or with `$` in front, an operator, `null`, `true`, ...
    Word,
    /// `'text'` with its quotes.
    Text,
    /// `name'text'`: a literal that names its type.
    Typed,
    /// `"text"`, as JSON writes it.
    JsonText,
    /// `5`, `-2.5e3`, `-INF`
    Number,
    /// `2024-03-02`
    Date,
    /// `2024-03-02T23:10:04Z`
    DateTimeOffset,
    /// `23:10:04`
    TimeOfDay,
    /// `01234567-89ab-cdef-0123-456789abcdef`
    Guid,
    /// `@name`
    Alias,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `,`
    Comma,
    /// `/`
    Slash,
    /// `:`
    Colon,
    /// `-`
    Minus,
    /// A quoted text without its end.
    Unclosed,
    /// Digits and letters that are no literal, such as `5-3` or `10days`.
    Malformed,
    /// A character that has no meaning here.
    Unknown,
}

/// One word of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'t str,
    pub(crate) start: usize,
}

impl Token<'_> {
    pub(crate) fn span(&self) -> Span {
        Span::new(self.start, self.start + self.text.len())
    }

    /// Tells whether it is a word, ignoring case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

/// Cuts a text into tokens, one at a time. A copy looks ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token; every one but the last is at least one character long.
    pub(crate) fn next(&mut self) -> Token<'t> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        let rest = &bytes[self.at..];
        let (kind, length) = match rest.first() {
            None => (TokenKind::End, 0),
            Some(b'(') => (TokenKind::Open, 1),
            Some(b')') => (TokenKind::Close, 1),
            Some(b'[') => (TokenKind::OpenBracket, 1),
            Some(b']') => (TokenKind::CloseBracket, 1),
            Some(b',') => (TokenKind::Comma, 1),
            Some(b'/') => (TokenKind::Slash, 1),
            Some(b':') => (TokenKind::Colon, 1),
            Some(b'\'') => text(rest),
            Some(b'"') => json_text(rest),
            Some(b'-') => match rest.get(1) {
                Some(digit) if digit.is_ascii_digit() => number(rest),
                _ if rest.starts_with(b"-INF") && word(self.rest(1)) == 3 => (TokenKind::Number, 4),
                _ => (TokenKind::Minus, 1),
            },
            Some(b'@') => match word(self.rest(1)) {
                0 => (TokenKind::Unknown, 1),
                length => (TokenKind::Alias, length + 1),
            },
            Some(b'$') => match word(self.rest(1)) {
                0 => (TokenKind::Unknown, 1),
                length => (TokenKind::Word, length + 1),
            },
            Some(_) if is_guid(rest) => (TokenKind::Guid, 36),
            Some(digit) if digit.is_ascii_digit() => number(rest),
            Some(_) => match word(self.rest(0)) {
                0 => (TokenKind::Unknown, self.rest(0).chars().next().map_or(1, char::len_utf8)),
                length if rest.get(length) == Some(&b'\'') => match text(&rest[length..]) {
                    (TokenKind::Text, quoted) => (TokenKind::Typed, length + quoted),
                    (kind, quoted) => (kind, length + quoted),
                },
                length => (TokenKind::Word, length),
            },
        };
        let start = self.at;
        self.at += length;
        Token { kind, text: &self.text[start..self.at], start }
    }

    fn rest(&self, skip: usize) -> &'t str {
        &self.text[self.at + skip..]
    }
}

/// The length of the name at the beginning, with its dots.
fn word(text: &str) -> usize {
    let ascii = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    let length = match text.as_bytes().get(ascii) {
        Some(byte) if !byte.is_ascii() => text
            .char_indices()
            .find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '_' | '.')))
            .map_or(text.len(), |(at, _)| at),
        _ => ascii,
    };
    if text.starts_with(|c: char| c.is_numeric() || c == '.') { 0 } else { length }
}

/// A quoted text in which quotes are doubled.
fn text(rest: &[u8]) -> (TokenKind, usize) {
    let mut at = 1;
    while let Some(quote) = rest[at..].iter().position(|byte| *byte == b'\'') {
        at += quote + 1;
        if rest.get(at) != Some(&b'\'') {
            return (TokenKind::Text, at);
        }
        at += 1;
    }
    (TokenKind::Unclosed, rest.len())
}

/// A text in double quotes in which a backslash escapes.
fn json_text(rest: &[u8]) -> (TokenKind, usize) {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        at += match byte {
            b'"' => return (TokenKind::JsonText, at + 1),
            b'\\' => 2,
            _ => 1,
        };
    }
    (TokenKind::Unclosed, rest.len())
}

/// `8-4-4-4-12` hexadecimal digits and no more.
fn is_guid(rest: &[u8]) -> bool {
    let shaped = |digits: &[u8]| {
        digits.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    rest.get(8) == Some(&b'-') && rest.len() >= 36 && shaped(&rest[..36]) && !is_glued(rest.get(36))
}

/// Whether a byte after a literal belongs to it, so that it is none.
fn is_glued(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'\'' | 0x80..))
}

/// Numbers, dates and times: what begins with a digit, or with a minus and a digit.
fn number(rest: &[u8]) -> (TokenKind, usize) {
    let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(rest[0] == b'-');
    let first = digits(sign);
    let (kind, length) = match rest.get(sign + first) {
        Some(b'-') if first >= 4 && digits(sign + first + 1) == 2 => date(rest, sign + first + 1),
        Some(b':') if sign == 0 && first == 2 && digits(3) == 2 => (TokenKind::TimeOfDay, time(rest)),
        next => {
            let mut at = sign + first;
            if next == Some(&b'.') && digits(at + 1) > 0 {
                at += 1 + digits(at + 1);
            }
            if matches!(rest.get(at), Some(b'e' | b'E')) {
                let signed = usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
                if digits(at + 1 + signed) > 0 {
                    at += 1 + signed + digits(at + 1 + signed);
                }
            }
            (TokenKind::Number, at)
        }
    };
    if is_glued(rest.get(length)) {
        let more = rest[length..].iter().take_while(|byte| is_glued(Some(byte)) || **byte == b':').count();
        (TokenKind::Malformed, length + more)
    } else {
        (kind, length)
    }
}

/// The length of digits, colons and a fraction.
fn time(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')).count()
}

/// A date from its month onwards, and perhaps a time and an offset.
fn date(rest: &[u8], month: usize) -> (TokenKind, usize) {
    let mut at = month + rest[month..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    if !matches!(rest.get(at), Some(b'T' | b't')) {
        return (TokenKind::Date, at);
    }
    at += 1;
    at += time(&rest[at..]);
    match rest.get(at) {
        Some(b'Z' | b'z') => at += 1,
        Some(b'+' | b'-') => at += 1 + time(&rest[at + 1..]),
        // A plus sign that was not encoded arrives as a blank. Nothing else can follow a literal
        // that way: between two values stands an operator.
        Some(b' ') => {
            let offset = time(&rest[at + 1..]);
            if offset == 5 && rest[at + 3] == b':' {
                at += 1 + offset;
            }
        }
        _ => {}
    }
    (TokenKind::DateTimeOffset, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(TokenKind, &str)> {
        let mut lexer = Lexer::new(text);
        std::iter::from_fn(|| Some(lexer.next()))
            .take_while(|token| token.kind != TokenKind::End)
            .map(|token| (token.kind, token.text))
            .collect()
    }

    #[test]
    fn literals_are_told_apart_by_their_shape() {
        use TokenKind as T;
        for (text, kind) in [
            ("5", T::Number),
            ("-5", T::Number),
            ("2.50", T::Number),
            ("1e10", T::Number),
            ("-1.5E-3", T::Number),
            ("-INF", T::Number),
            ("2024-03-02", T::Date),
            ("-0044-03-15", T::Date),
            ("2024-03-02T23:10Z", T::DateTimeOffset),
            ("2024-03-02t23:10:04.123456789012z", T::DateTimeOffset),
            ("2024-03-02T23:10:04+02:00", T::DateTimeOffset),
            ("2024-03-02T23:10:04-02:00", T::DateTimeOffset),
            ("2024-03-02T23:10:04 02:00", T::DateTimeOffset),
            ("2024-03-02T23:10:04", T::DateTimeOffset),
            ("23:10", T::TimeOfDay),
            ("23:10:04.5", T::TimeOfDay),
            ("01234567-89ab-cdef-0123-456789ABCDEF", T::Guid),
            ("abcdef01-89ab-cdef-0123-456789abcdef", T::Guid),
            ("12345678-89ab-cdef-0123-456789abcdef", T::Guid),
            ("''", T::Text),
            ("'it''s'", T::Text),
            ("duration'PT1H'", T::Typed),
            ("a.b.c'x''y'", T::Typed),
            ("\"a\\\"b\"", T::JsonText),
            ("a.b_c2", T::Word),
            ("$it", T::Word),
            ("größe", T::Word),
            ("@p1", T::Alias),
            ("5-3", T::Malformed),
            ("10days", T::Malformed),
            ("1.2.3", T::Malformed),
            ("2024-3-2", T::Malformed),
            ("'open", T::Unclosed),
            ("x'open", T::Unclosed),
            ("'open''", T::Unclosed),
            ("\"open\\\"", T::Unclosed),
            ("\"open\\", T::Unclosed),
            ("%", T::Unknown),
            ("€", T::Unknown),
            ("$", T::Unknown),
        ] {
            assert_eq!(tokens(text), [(kind, text)], "{text}");
        }
    }

    #[test]
    fn blanks_part_tokens_and_are_no_part_of_them() {
        let words = |text| tokens(text).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(words("a\teq \r\n 'b'"), ["a", "eq", "'b'"]);
        assert_eq!(words("a/any(x:x eq-1)"), ["a", "/", "any", "(", "x", ":", "x", "eq", "-1", ")"]);
        assert_eq!(words("- 5 - a"), ["-", "5", "-", "a"]);
        assert_eq!(words("2024-03-02T23:10:04 and"), ["2024-03-02T23:10:04", "and"]);
        assert_eq!(words("2024-03-02T23:10:04 02:00 and"), ["2024-03-02T23:10:04 02:00", "and"]);
        assert_eq!(words(""), [] as [&str; 0]);
    }
}
