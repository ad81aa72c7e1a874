//! Exports of directories: every reader ends, keeps its limits, counts what it saw, shows no value in an
//! error, and gives the same users however the bytes come in.

use super::{Drops, check_message};
use directory::{DirectoryUser, EntryError, Format, Limits, Summary, VerifierText, read, sniff};
use std::fmt::Write as _;
use std::io::Read;

/// So small that a few words pass every limit.
const TIGHT: Limits =
    Limits { line_bytes: 60, entry_bytes: 150, value_bytes: 40, values_per_entry: 5, columns: 6, depth: 4 };

/// Checks an export. The first byte picks its form: `0` is the first of [`Format::ALL`].
pub(super) fn export(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let format = Format::ALL[usize::from(first.wrapping_sub(b'0')) % Format::ALL.len()];
    for limits in [TIGHT, Limits::default()] {
        let at_once = outcome(format, text, text.len(), limits);
        let in_drops = outcome(format, Drops { left: text, most: 3, reads: 0 }, text.len(), limits);
        assert_eq!(at_once, in_drops, "{format} depends on how the bytes come in");
    }
}

/// Reads to the end and writes down everything that came out.
fn outcome(format: Format, source: impl Read, length: usize, limits: Limits) -> String {
    let mut users = match read(format, "x", source, limits) {
        Ok(users) => users,
        Err(error) => {
            check_error(&error);
            assert!(error.ends_reading() && error.place.entry == 0, "{error:?}");
            return error.to_string();
        }
    };
    let (mut told, mut items, mut line) = (String::new(), 0, 0);
    while let Some(item) = users.next() {
        items += 1;
        // Each takes a byte at least, and an error of the file as a whole comes once.
        assert!(items <= length + 2, "{format}: {items} items of {length} bytes");
        let place = match &item {
            Ok(user) => &user.place,
            Err(error) => &error.place,
        };
        assert!(place.line > 0, "{format}: {place}");
        match item {
            Ok(user) => {
                assert!(user.place.line >= line, "{format}: line {} after {line}", user.place.line);
                line = user.place.line;
                assert_eq!(user.place.entry, users.summary().entries, "{format}");
                check_user(&user, limits);
                write_user(&mut told, &user);
            }
            Err(error) => {
                check_error(&error);
                writeln!(told, "{error}").expect("a string takes it");
                if error.ends_reading() {
                    assert!(users.next().is_none(), "{format} goes on after {error}");
                    break;
                }
            }
        }
    }
    assert!(users.next().is_none(), "{format} has ended for good");
    check_summary(users.summary());
    told + &format!("{:?}", users.summary())
}

fn check_user(user: &DirectoryUser, limits: Limits) {
    let single =
        [&user.id, &user.distinguished_name, &user.upn, &user.user_name, &user.mail, &user.display_name].into_iter();
    let more = [&user.given_name, &user.surname, &user.department].into_iter();
    let lists = [&user.proxy_addresses, &user.other_mails, &user.former_upns, &user.aliases].into_iter();
    let sam = user.sam.iter().map(|sam| sam.name.as_str());
    let values: Vec<&str> = single
        .chain(more)
        .filter_map(Option::as_deref)
        .chain(lists.flatten().map(String::as_str))
        .chain(sam)
        .chain(user.verifiers.iter().map(VerifierText::expose))
        .collect();
    assert!(values.len() <= limits.values_per_entry, "{} values", values.len());
    assert!(values.iter().all(|value| value.len() <= limits.value_bytes), "a value over the limit");
}

/// Writes everything that is known of a user; input of a fuzzer is no secret.
fn write_user(told: &mut String, user: &DirectoryUser) {
    let DirectoryUser { place, id, distinguished_name, upn, user_name, mail, proxy_addresses, .. } = user;
    let DirectoryUser { other_mails, sam, former_upns, aliases, enabled, administrator, display_name, .. } = user;
    let DirectoryUser { given_name, surname, department, verifiers, .. } = user;
    let verifiers: Vec<_> = verifiers.iter().map(|verifier| (verifier.expose(), verifier.unmarked())).collect();
    let names = (place, id, distinguished_name, upn, user_name, mail, proxy_addresses, other_mails);
    let rest = (sam, former_upns, aliases, enabled, administrator, display_name, given_name, surname, department);
    writeln!(told, "{names:?} {rest:?} {verifiers:?}").expect("a string takes it");
}

/// An error says where and what, and shows nothing that looks like a digest or a password.
fn check_error(error: &EntryError) {
    let message = error.to_string();
    check_message(&message);
    let looks_secret = |word: &str| {
        let long = word.len() >= 13;
        long && word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    assert!(!message.split([' ', ':', ',']).any(looks_secret), "{message}");
}

fn check_summary(summary: &Summary) {
    let sum = |counts: &std::collections::BTreeMap<&'static str, u64>| counts.values().sum::<u64>();
    let (errors, skipped) = (sum(&summary.errors), sum(&summary.skipped));
    // An error of the file as a whole is no entry, and ends it.
    let entries = summary.users + skipped + errors;
    assert!(entries == summary.entries || entries == summary.entries + 1, "{summary:?}");
    assert!(summary.users + errors > 0, "a silent zero: {summary:?}");
    assert!(summary.ignored.len() <= Summary::IGNORED_NAMES, "{summary:?}");
    assert!(summary.ignored.keys().all(|name| name.len() <= Summary::IGNORED_NAME_BYTES), "{summary:?}");
}

/// Checks what a file is taken for, and that it can be opened as that; in UTF-16 it is the same file.
pub(super) fn sniffed(input: &[u8]) {
    let found = sniff(input);
    match &found {
        Ok(sniffed) => {
            check_message(&sniffed.why);
            // What stands in quotation marks, and what ends a line, is the reader's to tell.
            let plain =
                !input.first().is_some_and(u8::is_ascii_whitespace) && !input.iter().any(|b| b"\"\r".contains(b));
            match read(sniffed.format, "x", input, Limits::default()) {
                Err(error) if plain => assert_ne!(error.reason.name(), "missing key column", "{}", sniffed.why),
                _ => {}
            }
        }
        Err(refused) => check_message(&refused.to_string()),
    }
    let (Ok(text), Ok(found)) = (std::str::from_utf8(input), found) else { return };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    for big in [false, true] {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        let wide: Vec<u8> = units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
        assert_eq!(sniff(&wide).as_ref(), Ok(&found), "in UTF-16");
    }
}
