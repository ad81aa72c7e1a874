//! Text by the shapes of its lines.

use super::{Verdict, certain, likely, refused};
use crate::hashes::{Line, View, read_line};
use crate::table::{self, Kind};
use crate::{Format, hashes};

/// Most lines that are looked at.
const LINES: usize = 500;

/// How many lines have which shape.
#[derive(Default)]
struct Counts {
    all: usize,
    pwdump: usize,
    hashcat: usize,
    john: usize,
    pair: usize,
    hashed_pair: usize,
    url: usize,
    bare_hash: usize,
    counted_hash: usize,
    labelled: usize,
    sql: usize,
}

pub(super) fn look(text: &str, whole: bool) -> Verdict {
    let mut lines: Vec<&str> = text.lines().take(LINES).filter(|line| !line.trim().is_empty()).collect();
    // The last line may be cut off; one alone is taken as it is.
    if !whole && lines.len() > 1 && lines.len() < LINES {
        lines.pop();
    }
    if let Some(verdict) = ldif(&lines) {
        return verdict;
    }
    let counts = count(&lines);
    let most = |count: usize| count > 0 && count * 10 >= counts.all * 8;
    if most(counts.pwdump) {
        return certain(
            Format::Pwdump,
            "lines of user, RID, LM hash and NT hash, as secretsdump and pwdump write them",
        );
    }
    if most(counts.john) {
        return certain(Format::JohnNt, "lines of user and `$NT$` hash, as DSInternals' view JohnNT writes them");
    }
    if most(counts.hashed_pair) {
        return refused(
            "a breach list of addresses and hashes",
            "its lines are an address, a colon and a hash; scan it, do not import it",
        );
    }
    if most(counts.hashcat) {
        return likely(
            Format::HashcatNt,
            "lines of user and 32 hexadecimal digits, as DSInternals' view HashcatNT writes them",
        );
    }
    if most(counts.counted_hash) {
        return refused("a list of breached hashes with counts", "its lines are a hash and a number, and name no user");
    }
    if most(counts.bare_hash) {
        return refused("a list of bare hashes", "its lines name no user");
    }
    if let Some(verdict) = table(&lines) {
        return verdict;
    }
    if most(counts.url) {
        return refused(
            "a stealer's list of sites, names and passwords",
            "its lines begin with a URL; scan it, do not import it",
        );
    }
    if most(counts.pair) {
        return refused(
            "a breach combo list",
            "its lines are a name, a separator and a password; scan it, do not import it",
        );
    }
    if counts.labelled > 0 {
        return refused(
            "a stealer's log",
            "its blocks have lines for URL, name and password; scan it, do not import it",
        );
    }
    if counts.sql > 0 {
        return refused("a dump of a database in SQL", "write the table of users as CSV with its header");
    }
    refused("text of another kind", "it has no header that names a column of users, and no line of a form that is read")
}

fn ldif(lines: &[&str]) -> Option<Verdict> {
    let mut named = lines.iter().filter(|line| !line.starts_with('#'));
    let first = named.next().map(|line| line.to_ascii_lowercase()).unwrap_or_default();
    if first.starts_with("version: 1") {
        return Some(certain(Format::Ldif, "its first line is the version of LDIF"));
    }
    if first.starts_with("dn:") {
        return Some(certain(Format::Ldif, "its first line is the dn of an entry, as in LDIF"));
    }
    let search = lines.first().is_some_and(|line| line.starts_with("# extended LDIF"));
    search.then(|| certain(Format::Ldif, "its first line is how ldapsearch begins"))
}

fn table(lines: &[&str]) -> Option<Verdict> {
    let header = lines.iter().find(|line| !line.starts_with("#TYPE "))?;
    let said = |delimiter: u8, known: usize| {
        let delimiter = match delimiter {
            b'\t' => "tabs",
            b';' => "semicolons",
            _ => "commas",
        };
        format!("{known} columns that are known in its header, between {delimiter}")
    };
    let lower = header.to_ascii_lowercase();
    if lower.contains("is_active") && lower.contains("password") {
        let (delimiter, known) = table::delimiter(Kind::Django, header)?;
        return Some(certain(Format::DjangoCsv, format!("the table auth_user of Django: {}", said(delimiter, known))));
    }
    let (delimiter, known) = table::delimiter(Kind::Users, header)?;
    if known == 1 && lower.contains("pass") {
        return Some(refused(
            "a breach list with a header",
            "its columns are a name and a password; scan it, do not import it",
        ));
    }
    let why = said(delimiter, known);
    Some(if known > 1 { certain(Format::Csv, why) } else { likely(Format::Csv, why) })
}

fn count(lines: &[&str]) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        // What a tool prints around the hashes says nothing of the others.
        if matches!(read_line(line, View::JohnNt), Ok(Line::Skipped("message of the tool"))) {
            continue;
        }
        counts.all += 1;
        if hashes::read_line(line, View::Pwdump).is_ok() {
            counts.pwdump += 1;
            continue;
        }
        if read_line(line, View::JohnNt).is_ok() {
            counts.john += 1;
            continue;
        }
        if read_line(line, View::HashcatNt).is_ok() {
            counts.hashcat += 1;
            continue;
        }
        other(line.trim(), &mut counts);
    }
    counts
}

fn other(line: &str, counts: &mut Counts) {
    let lower = line.to_ascii_lowercase();
    let hex = |text: &str| matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let labels = ["url:", "host:", "hostname:", "login:", "username:", "password:", "soft:", "browser:"];
    if lower.starts_with("http://") || lower.starts_with("https://") || lower.starts_with("android://") {
        counts.url += 1;
    } else if labels.iter().any(|label| lower.starts_with(label)) {
        counts.labelled += 1;
    } else if ["insert into ", "create table ", "copy "].iter().any(|start| lower.starts_with(start)) {
        counts.sql += 1;
    } else if hex(line) {
        counts.bare_hash += 1;
    } else if let Some((name, rest)) = line.split_once([':', ';', '|', ',', '\t']) {
        let digits = !rest.is_empty() && rest.trim().bytes().all(|byte| byte.is_ascii_digit());
        let hashed =
            hex(rest.split(':').next().unwrap_or_default()) || rest.starts_with("$2") || rest.starts_with("$P$");
        if hex(name) && digits {
            counts.counted_hash += 1;
        } else if hashed && name.contains('@') {
            counts.hashed_pair += 1;
        } else if !name.is_empty() && !name.contains(' ') && !rest.is_empty() {
            counts.pair += 1;
        }
    }
}
