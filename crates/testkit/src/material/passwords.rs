//! Where generated material takes its passwords from.

use super::chance::Chance;
use super::people::hex;

/// A source of passwords.
pub trait Passwords {
    /// Gives a password; may give the same one twice.
    fn next(&mut self, chance: &Chance) -> String;
}

/// Passwords with everything in them that readers stumble over: separators, blanks, quotes, backslashes, escapes of
/// other programs, letters of several scripts. No two are alike.
#[derive(Default)]
pub struct MadeUp {
    made: usize,
}

/// How many kinds there are.
pub(super) const KINDS: usize = 22;

impl Passwords for MadeUp {
    fn next(&mut self, chance: &Chance) -> String {
        let kind = self.made % KINDS;
        self.made += 1;
        of_kind(kind, &format!("{}{:04}", chance.token(7), self.made))
    }
}

/// A password of a kind around a token that nobody else has.
fn of_kind(kind: usize, token: &str) -> String {
    match kind {
        0 => format!("Winter-{token}!"),
        1 => format!("pa:ss;{token}|x,y"),
        2 => format!("blue {token} horse"),
        3 => format!("Fu\u{DF}{token}gr\u{F6}\u{DF}e"),
        4 => format!("\u{43F}\u{430}\u{440}\u{43E}\u{43B}\u{44C}{token}"),
        5 => format!("\u{15F}ifre{token}\u{131}\u{11F}"),
        6 => format!("\u{5BC6}\u{7801}{token}\u{5B89}\u{5168}"),
        7 => format!("it's \"{token}\" ok"),
        8 => format!("C:\\temp\\{token}"),
        9 => format!("a&b%{token}<c>"),
        10 => format!("me@{token}!"),
        11 => format!("f(x)=[{token}]{{y}}"),
        12 => token.bytes().map(|byte| char::from(b'0' + byte % 10)).collect(),
        13 => format!(":{token}colon"),
        14 => hex(format!("{token}01234").as_bytes()),
        15 => format!("$HEX[{}]", hex(token.as_bytes())),
        16 => token.bytes().map(|byte| char::from(b'a' + byte % 26)).collect(),
        17 => format!("p\u{1F600}{token}\u{E9}"),
        18 => format!("{token}end:"),
        19 => format!("{token} "),
        20 => format!("https://{token}.example/"),
        _ => token.to_owned(),
    }
}

/// Passwords of a list, the frequent ones more often.
pub struct Listed {
    words: Vec<String>,
}

impl Listed {
    /// Takes a text with a password a line. What is empty, too long for bcrypt or no text of one line is left out.
    pub fn new(text: &str) -> Self {
        let fits = |word: &&str| (1..=72).contains(&word.len()) && !word.contains(['\r', '\0']);
        Self { words: text.lines().filter(fits).map(str::to_owned).collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

impl Passwords for Listed {
    fn next(&mut self, chance: &Chance) -> String {
        let frequent = chance.below(self.words.len());
        self.words[if chance.once_in(2) { frequent } else { chance.below(frequent + 1) }].clone()
    }
}
