//! Documents that are hardly breach material, though they can be read: what they seem to be instead.

use crate::candidate::password_name;

/// How many lines are looked at.
const MOST_LINES: usize = 400;

/// What a document seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Suspicion {
    /// A directory with its verifiers: every hash in it is current, and none has leaked by standing there.
    #[error(
        "this looks like a directory export ({form}), not breach material; it is imported with `spillwatch users import`, \
         and a scan would take its hashes for leaked ones"
    )]
    DirectoryExport {
        /// Its form.
        form: &'static str,
    },
    /// Hashes and how often each was seen, as Pwned Passwords are given out.
    #[error(
        "this is a list of hashes without names, {}; it cannot be scanned for names",
        if *is_ascending { "in ascending order" } else { "not in order" }
    )]
    HashList {
        /// Whether those that were looked at are in order.
        is_ascending: bool,
    },
    /// Addresses and nothing beside them.
    #[error("this is a list of addresses without anything beside them that could be a password")]
    AddressesOnly,
    /// A word list.
    #[error("this is a list of words without names; it cannot be scanned for names")]
    WordsOnly,
}

impl Suspicion {
    /// Returns the name under which reports show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DirectoryExport { .. } => "directoryExport",
            Self::HashList { .. } => "hashList",
            Self::AddressesOnly => "addressesOnly",
            Self::WordsOnly => "wordsOnly",
        }
    }
}

/// Looks at the first bytes of a document, after [`crate::text::Text`] made text of them.
pub fn suspicion(start: &[u8]) -> Option<Suspicion> {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let lines: Vec<&[u8]> = start
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .take(MOST_LINES)
        .collect();
    let most = |is: &dyn Fn(&[u8]) -> bool| {
        let count = lines.iter().filter(|line| is(line)).count();
        lines.len() > 1 && count * 10 >= lines.len() * 9
    };
    if let Some(form) = directory_form(start, &lines).or_else(|| most(&is_pwdump).then_some("pwdump")) {
        return Some(Suspicion::DirectoryExport { form });
    }
    if most(&|line| hash_of(line).is_some()) {
        let hashes: Vec<_> = lines.iter().filter_map(|line| hash_of(line)).map(<[u8]>::to_ascii_lowercase).collect();
        return Some(Suspicion::HashList { is_ascending: hashes.is_sorted() });
    }
    if most(&is_address) {
        return Some(Suspicion::AddressesOnly);
    }
    let is_word = |line: &[u8]| {
        !line.iter().any(|byte| matches!(byte, b':' | b';' | b'|' | b',' | b'\t' | b'@' | b'=' | b'<' | b'{' | b'('))
    };
    // A few words may be anything.
    (lines.len() >= 5 && most(&is_word)).then_some(Suspicion::WordsOnly)
}

/// The form of a directory's export that names itself.
fn directory_form(start: &[u8], lines: &[&[u8]]) -> Option<&'static str> {
    let begins = |line: &[u8], word: &str| {
        line.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()))
    };
    let any = |word: &str| lines.iter().any(|line| begins(line, word));
    let secrets = ["userPassword:", "sambaNTPassword:", "unicodePwd:", "ipaNTHash:", "ntHash:"];
    if any("dn:") && secrets.iter().any(|word| any(word)) {
        return Some("LDIF");
    }
    let holds = |word: &str| memchr::memmem::find(start, word.as_bytes()).is_some();
    if holds("\"secretData\"") && holds("\"credentials\"") {
        return Some("Keycloak");
    }
    if holds("urn:ietf:params:scim:schemas") {
        return Some("SCIM");
    }
    let header = *lines.first()?;
    if memchr::memchr(b'@', header).is_some() {
        return None;
    }
    let delimiter = *header.iter().find(|byte| matches!(byte, b',' | b';' | b'\t'))?;
    let plain = |name: &[u8]| -> Vec<u8> {
        name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
    };
    let names = || header.split(|byte| *byte == delimiter);
    let of_directories: [&[u8]; 10] = [
        b"upn",
        b"userprincipalname",
        b"samaccountname",
        b"sam",
        b"distinguishedname",
        b"objectguid",
        b"objectsid",
        b"proxyaddresses",
        b"othermails",
        b"formerupns",
    ];
    let is_directory = names().any(|name| of_directories.contains(&plain(name).as_slice()));
    let has_secrets = names().any(|name| plain(name) == b"verifier" || password_name(name).is_some());
    (is_directory && has_secrets).then_some("CSV")
}

/// `name:rid:lm:nt:::`
fn is_pwdump(line: &[u8]) -> bool {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
    let digest = |field: &[u8]| field.len() == 32 && field.iter().all(u8::is_ascii_hexdigit);
    matches!(fields.as_slice(), [name, rid, lm, nt, ..]
        if !name.is_empty() && !rid.is_empty() && rid.iter().all(u8::is_ascii_digit) && digest(lm) && digest(nt))
}

/// The hash of a line that has nothing else but a count: MD5, NTLM, SHA-1 or SHA-256, or the rest of one behind five digits.
fn hash_of(line: &[u8]) -> Option<&[u8]> {
    let mut parts = line.splitn(2, |byte| *byte == b':');
    let hash = parts.next()?;
    let counted = parts.next().is_none_or(|count| count.iter().all(u8::is_ascii_digit));
    let is_hash = matches!(hash.len(), 27 | 32 | 35 | 40 | 64) && hash.iter().all(u8::is_ascii_hexdigit);
    (is_hash && counted).then_some(hash)
}

/// An address and nothing else, perhaps in quotes or with a separator behind it.
fn is_address(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let bare = line.strip_suffix(b",").or_else(|| line.strip_suffix(b";")).unwrap_or(line);
    let bare = bare.strip_prefix(b"\"").and_then(|bare| bare.strip_suffix(b"\"")).unwrap_or(bare);
    let Some(at) = memchr::memchr(b'@', bare) else { return false };
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b".-_+'!#$%&*/=?^`{|}~".contains(byte);
    at > 0 && bare[at + 1..].contains(&b'.') && bare[..at].iter().all(is_part) && {
        bare[at + 1..]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'.' | b'-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<&'static str> {
        suspicion(text.as_bytes()).map(Suspicion::name)
    }

    #[test]
    fn what_is_no_breach_material_is_told_by_name() {
        let (nt, sha) = ("8846f7eaee8fb117ad06bdd830b7586c", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        for (text, name) in [
            ("id,upn,verifier\nu,a@b.test,{NT}x\n".to_owned(), "directoryExport"),
            ("\u{FEFF}sAMAccountName;Password Hash\nx;y\n".to_owned(), "directoryExport"),
            ("version: 1\n\ndn: cn=a\nuserPassword:: e1\n".to_owned(), "directoryExport"),
            (format!("a:500:{nt}:{nt}:::\nB\\c:1104:{nt}:{nt}:::\n"), "directoryExport"),
            ("{\"users\":[{\"credentials\":[{\"secretData\":\"{}\"}]}]}".to_owned(), "directoryExport"),
            (format!("{sha}:3\r\n{sha}:2\r\n"), "hashList"),
            (format!("{nt}\n{nt}\n"), "hashList"),
            ("a@b.test\n\"c.d@e.test\",\n".to_owned(), "addressesOnly"),
            ("one\ntwo\nthree\nfour five\nsix\n".to_owned(), "wordsOnly"),
        ] {
            assert_eq!(of(&text), Some(name), "{text}");
        }
        assert_eq!(
            suspicion(format!("{nt}:1\nA{}:1\n", &nt[1..]).as_bytes()),
            Some(Suspicion::HashList { is_ascending: true })
        );
        assert_eq!(
            suspicion(format!("{nt}:1\n1{}:1\n", &nt[1..]).as_bytes()),
            Some(Suspicion::HashList { is_ascending: false })
        );
    }

    #[test]
    fn breach_material_is_not_suspected() {
        let sha = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        for text in [
            "a@b.test:x\nc@d.test:y\n".to_owned(),
            format!("a@b.test:{sha}\nb@b.test:{sha}\n"),
            "id,email,password\n1,a@b.test,x\n".to_owned(),
            "username,password_hash\na,x\n".to_owned(),
            "URL: x\nUsername: a\nPassword: b\n".to_owned(),
            String::new(),
            "hunter2\n".to_owned(),
        ] {
            assert_eq!(of(&text), None, "{text}");
        }
    }
}
