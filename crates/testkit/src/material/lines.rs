//! Shapes with a record a line: combo lists, those with hashes, and what programs that steal passwords write.

use super::chance::Chance;
use super::people::{Person, Scheme, bcrypt, hex, md5, nt, sha};
use super::shape::{Shape, is_plain};
use super::sheet::{Class, Expected, Record};
use aws_lc_rs::digest;

/// What stands between a name and its password, and how a test calls it.
const SEPARATORS: [(&str, &str); 12] = [
    (":", "colon"),
    (";", "semicolon"),
    ("|", "bar"),
    (",", "comma"),
    ("\t", "tab"),
    (" ", "blank"),
    ("::", "two colons"),
    (" : ", "colon in blanks"),
    ("=>", "arrow"),
    (" => ", "arrow in blanks"),
    (": ", "colon and blank"),
    ("||", "two bars"),
];

/// What stands before a name, between it and the password, and behind; the site is put in for `@`.
const URLS: [(&str, &str, &str, &str); 12] = [
    ("scheme", "https://@/login:", ":", ""),
    ("no scheme", "@/login:", ":", ""),
    ("host alone", "@:", ":", ""),
    ("port", "https://@:8443/:", ":", ""),
    ("path with a colon", "https://@/a:b/c?d=e:f:", ":", ""),
    ("bars", "https://@/login|", "|", ""),
    ("blanks", "https://@/login ", " ", ""),
    ("android", "android://dGhlIGhhc2g==@@/:", ":", ""),
    ("user in URL", "https://somebody@@/path:", ":", ""),
    ("address in URL", "https://@/u/other@elsewhere.example/:", ":", ""),
    ("URL behind", "", ":", ":https://@/login"),
    ("URL behind bars", "", "|", "|https://@/login"),
];

pub(super) fn shapes() -> Vec<Shape> {
    let mut all = Vec::new();
    for (separator, name) in SEPARATORS {
        let line = move |record: &Record, _: &Chance| format!("{}{separator}{}", record.name, record.password);
        let shape = Shape::lines(format!("combo, {name}"), line).all_names();
        // Behind a blank, what begins with a separator is the separator itself.
        all.push(if separator == " " { shape.fits(|password| !password.starts_with(':')) } else { shape });
    }
    all.push(Shape::lines("combo, leading blanks", |record, chance| {
        format!("{}{}:{}", " ".repeat(1 + chance.below(3)), record.name, record.password)
    }));
    for (separator, name) in [(":", "colon"), (";", "semicolon"), (" : ", "colon in blanks")] {
        let line = move |record: &Record, _: &Chance| format!("{}{separator}{}", record.password, record.name);
        all.push(Shape::lines(format!("reversed, {name}"), line).fits(|password| !password.contains("://")));
    }
    let behind = |record: &Record, _: &Chance| format!("{}:{}:Some Body:192.0.2.7", record.name, record.password);
    all.push(Shape::lines("combo, columns behind", behind).fits(is_plain));
    let around = |record: &Record, chance: &Chance| {
        format!("{};{};{};Some Body;DE", chance.below(9999), record.name, record.password)
    };
    all.push(Shape::lines("combo, columns around", around).fits(is_plain));
    let one_line = |record: &Record, _: &Chance| format!("Email: {} | Password: {}", record.name, record.password);
    all.push(Shape::lines("labels on one line", one_line).fits(|password| !password.ends_with(' ')));
    let written = |record: &Record, _: &Chance| format!("{}:$HEX[{}]", record.name, hex(record.password.as_bytes()));
    all.push(Shape::lines("hexadecimal", written));
    let latin = |record: &Record, _: &Chance| {
        let bytes: Vec<u8> = record.password.chars().map(|c| c as u8).collect();
        format!("{}:$HEX[{}]", record.name, hex(&bytes).to_uppercase())
    };
    all.push(
        Shape::lines("hexadecimal of Latin-1", latin)
            .fits(|password| password.chars().all(|c| matches!(c, ' '..='~' | '\u{A1}'..='\u{FF}'))),
    );
    for (name, before, between, after) in URLS {
        let line = move |record: &Record, chance: &Chance| {
            let site = format!("vpn{}.site.example", chance.below(99));
            let put = |text: &str| {
                // The last `@` is the site; those before it are `@`.
                match text.rsplit_once("@@").or_else(|| text.split_once('@')) {
                    Some((head, tail)) if text.contains("@@") => format!("{head}@{site}{tail}"),
                    Some((head, tail)) => format!("{head}{site}{tail}"),
                    None => text.to_owned(),
                }
            };
            format!("{}{}{between}{}{}", put(before), record.name, record.password, put(after))
        };
        let shape = Shape::lines(format!("site, {name}"), line);
        all.push(match name {
            "blanks" => shape.fits(|password| !password.starts_with(':')),
            "URL behind" | "URL behind bars" => shape.fits(|password| !password.contains("://")),
            _ => shape.all_names(),
        });
    }
    all.extend(hashes());
    all
}

type Made = fn(&str, &Person, &Chance) -> String;

/// Hashes in place of passwords: those without a salt are found where the verifier is of the same kind.
fn hashes() -> Vec<Shape> {
    let kinds: [(&str, Option<Scheme>, Made); 6] = [
        ("MD5", Some(Scheme::Md5), |password, _, _| hex(&md5(password))),
        ("NTLM", Some(Scheme::Nt), |password, _, _| hex(&nt(password)).to_uppercase()),
        ("SHA-1", Some(Scheme::Sha), |password, _, _| {
            hex(&sha(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
        }),
        ("SHA-256", Some(Scheme::Sha256), |password, _, _| hex(&sha(&digest::SHA256, password.as_bytes()))),
        ("MD5 and salt", None, |password, _, chance| {
            let salt = chance.token(6);
            format!("{}:{salt}", hex(&md5(&format!("{password}{salt}"))))
        }),
        ("bcrypt", None, |password, person, chance| {
            let is_own = person.password == password && person.scheme == Scheme::Bcrypt;
            if is_own { person.verifier.clone() } else { bcrypt(password, chance.bytes()) }
        }),
    ];
    let shape = |(name, scheme, made): (&'static str, Option<Scheme>, Made)| {
        Shape::new(format!("hash, {name}"), move |sheet, records, people, chance| {
            for record in records {
                if chance.once_in(3) {
                    sheet.junk(chance);
                }
                let person = &people[record.person.unwrap_or(0)];
                let matches = match scheme {
                    Some(scheme) => person.scheme == scheme,
                    None => name == "bcrypt" && person.scheme == Scheme::Bcrypt,
                };
                let expected: Option<Expected> =
                    record.expected().filter(|_| matches).map(|(person, _)| (person, Class::PairByHash));
                sheet.found(expected, format!("{}:{}", record.name, made(&record.password, person, chance)));
            }
        })
    };
    kinds.into_iter().map(shape).collect()
}
