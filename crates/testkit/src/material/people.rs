//! The directory whose people the material is about.

use super::chance::Chance;
use super::passwords::Passwords;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use md5::{Digest as _, Md5};
use std::fmt::Write as _;
use verify::identity::Attribute;

/// How a verifier was made of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `{NT}`
    Nt,
    /// `{SSHA}`
    Ssha,
    /// `{SHA}`
    Sha,
    /// `{SHA256}`
    Sha256,
    /// `{MD5}`
    Md5,
    /// `$2y$` at its lowest cost.
    Bcrypt,
}

/// A user of the directory. It has no `Debug` on purpose.
pub struct Person {
    /// The directory's id.
    pub id: String,
    /// The sign-in name.
    pub upn: String,
    /// The account's name without a domain.
    pub sam: String,
    /// A further address in an own domain.
    pub alias: String,
    /// An address at a public provider.
    pub personal: Option<String>,
    /// The current password.
    pub password: String,
    /// An old one.
    pub stale: String,
    /// One that is nearly the current one.
    pub similar: String,
    /// How the verifier is made.
    pub scheme: Scheme,
    /// The verifier of the current password.
    pub verifier: String,
}

/// Domains of the organisation.
const DOMAINS: [&str; 3] = ["contoso.example", "fabrikam.example", "b\u{FC}cher.example"];
/// Public providers.
const PUBLIC: [&str; 3] = ["gmail.com", "outlook.com", "gmx.de"];
/// The short name of the organisation's domain, before `\`.
pub const DOMAIN: &str = "CONTOSO";

impl Person {
    /// Makes so many, each with other names.
    pub fn some(count: usize, passwords: &mut dyn Passwords, chance: &Chance) -> Vec<Self> {
        (0..count).map(|number| Self::new(number, passwords, chance)).collect()
    }

    fn new(number: usize, passwords: &mut dyn Passwords, chance: &Chance) -> Self {
        let word = chance.token(5).to_ascii_lowercase();
        let domain = DOMAINS[number % 7 % 3];
        let local = match number % 6 {
            0 => format!("{word}.u{number}"),
            1 => format!("u{number}_{word}"),
            2 => format!("{word}o'u{number}"),
            3 if domain.is_ascii() => format!("u{number}{word}"),
            3 => format!("zo\u{EB}{word}{number}"),
            _ => format!("{word}-{number}"),
        };
        let password = passwords.next(chance);
        let stale = std::iter::repeat_with(|| passwords.next(chance)).find(|other| other.trim() != password.trim());
        let stale = stale.expect("a source has more than one password");
        let scheme = match number % 12 {
            0 | 5 | 8 => Scheme::Nt,
            1 | 6 | 9 => Scheme::Ssha,
            2 | 7 => Scheme::Sha,
            3 => Scheme::Sha256,
            4 | 10 => Scheme::Md5,
            _ => Scheme::Bcrypt,
        };
        Self {
            id: format!("u-{number:04}"),
            upn: format!("{local}@{domain}"),
            sam: format!("{word}x{number}"),
            alias: format!("{word}.alias{number}@{}", DOMAINS[number % 2]),
            personal: number.is_multiple_of(3).then(|| format!("{word}{number}.private@{}", PUBLIC[number % 9 / 3])),
            similar: similar(&password),
            verifier: verifier(scheme, &password, chance),
            password,
            stale,
            scheme,
        }
    }

    /// Every name, as a directory has them.
    pub fn names(&self) -> Vec<(Attribute, &str)> {
        let mut names = vec![
            (Attribute::UserPrincipalName, self.upn.as_str()),
            (Attribute::SamAccountName, &self.sam),
            (Attribute::ProxyAddress, &self.alias),
        ];
        names.extend(self.personal.as_deref().map(|personal| (Attribute::OtherMail, personal)));
        names
    }
}

/// A directory's export as CSV, with verifiers.
pub fn directory_csv(people: &[Person]) -> String {
    let field = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = "id,upn,sam,aliases,otherMails,verifier\n".to_owned();
    for person in people {
        let personal = person.personal.as_deref().unwrap_or_default();
        let (upn, alias) = (field(&person.upn), field(&person.alias));
        writeln!(text, "{},{upn},{},{alias},{},{}", person.id, person.sam, field(personal), field(&person.verifier))
            .expect("memory");
    }
    text
}

/// Another digit or another case in one place.
fn similar(password: &str) -> String {
    let changed = |c: char| match c {
        '0'..='8' => Some(char::from(c as u8 + 1)),
        '9' => Some('0'),
        'a'..='z' => Some(c.to_ascii_uppercase()),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    let place = password.char_indices().rev().find_map(|(place, c)| Some((place, changed(c)?)));
    match place {
        // `$HEX[..]` in other case is the same.
        Some((place, c)) if !password.starts_with("$HEX[") => {
            format!("{}{c}{}", &password[..place], &password[place + 1..])
        }
        _ => format!("{password}1"),
    }
}

/// Bytes as digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("memory");
        text
    })
}

/// NTLM's hash.
pub fn nt(password: &str) -> Vec<u8> {
    let wide: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    md4::Md4::digest(wide).to_vec()
}

/// MD5.
pub fn md5(password: &str) -> Vec<u8> {
    Md5::digest(password.as_bytes()).to_vec()
}

/// A digest of the SHA family.
pub fn sha(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

/// What bcrypt makes of a password, as web applications write it.
pub fn bcrypt(password: &str, salt: [u8; 16]) -> String {
    let text = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
    let kept = &password.as_bytes()[..password.len().min(71)];
    let hash = bcrypt::bcrypt(4, salt, &[kept, b"\0"].concat());
    format!("$2y$04${}{}", text.encode(salt), text.encode(&hash[..23]))
}

fn verifier(scheme: Scheme, password: &str, chance: &Chance) -> String {
    let bytes = password.as_bytes();
    match scheme {
        Scheme::Nt => format!("{{NT}}{}", hex(&nt(password)).to_uppercase()),
        Scheme::Ssha => {
            let salt = chance.bytes::<8>();
            let mut digest = sha(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[bytes, &salt].concat());
            digest.extend_from_slice(&salt);
            format!("{{SSHA}}{}", STANDARD.encode(digest))
        }
        Scheme::Sha => format!("{{SHA}}{}", STANDARD.encode(sha(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes))),
        Scheme::Sha256 => format!("{{SHA256}}{}", STANDARD.encode(sha(&digest::SHA256, bytes))),
        Scheme::Md5 => format!("{{MD5}}{}", STANDARD.encode(md5(password))),
        Scheme::Bcrypt => bcrypt(password, chance.bytes()),
    }
}
