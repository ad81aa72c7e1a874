//! What a file is, and what it is not.

use directory::{Confidence, Format, Limits, read, sniff};

use super::utf16;

const FIXTURES: &[(&[u8], Format, Confidence)] = &[
    (include_bytes!("../fixtures/csv/users.csv"), Format::Csv, Confidence::Certain),
    (include_bytes!("../fixtures/ldif/slapcat.ldif"), Format::Ldif, Confidence::Certain),
    (include_bytes!("../fixtures/ldif/ldapsearch.ldif"), Format::Ldif, Confidence::Certain),
    (include_bytes!("../fixtures/hashes/secretsdump.txt"), Format::Pwdump, Confidence::Certain),
    (include_bytes!("../fixtures/hashes/pwdump.txt"), Format::Pwdump, Confidence::Certain),
    (include_bytes!("../fixtures/hashes/hashcat-nt.txt"), Format::HashcatNt, Confidence::Likely),
    (include_bytes!("../fixtures/hashes/john-nt.txt"), Format::JohnNt, Confidence::Certain),
    (include_bytes!("../fixtures/keycloak/realm.json"), Format::Keycloak, Confidence::Certain),
    (include_bytes!("../fixtures/keycloak/realm-users-0.json"), Format::Keycloak, Confidence::Certain),
    (include_bytes!("../fixtures/django/auth_user.csv"), Format::DjangoCsv, Confidence::Certain),
    (include_bytes!("../fixtures/django/dumpdata.json"), Format::DjangoJson, Confidence::Certain),
    (include_bytes!("../fixtures/django/auth_user.jsonl"), Format::DjangoJson, Confidence::Certain),
    (include_bytes!("../fixtures/scim/list.json"), Format::Scim, Confidence::Certain),
];

#[test]
fn every_fixture_is_known_also_in_utf16_and_gives_users_as_what_it_is() {
    for (bytes, format, confidence) in FIXTURES {
        let found = sniff(bytes).expect("a form that is read");
        assert_eq!((found.format, found.confidence), (*format, *confidence), "{}", found.why);
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        for wide in [utf16(text, false), utf16(text, true)] {
            assert_eq!(sniff(&wide).expect("a form that is read").format, *format);
        }
        let mut users = read(found.format, "export", *bytes, Limits::default()).expect("a header that fits");
        assert!(users.any(|user| user.is_ok()), "{format}");
    }
}

#[test]
fn a_beginning_that_is_cut_anywhere_is_never_taken_for_another_form() {
    for (bytes, format, _) in FIXTURES {
        for length in (0..bytes.len()).step_by(17) {
            if let Ok(found) = sniff(&bytes[..length]) {
                let kin = matches!((found.format, format), (Format::Csv, Format::DjangoCsv));
                assert!(found.format == *format || kin, "{length} bytes of {format} are {}", found.format);
            }
        }
    }
}

#[test]
fn it_says_why() {
    let why = |text: &str| sniff(text.as_bytes()).expect("a form that is read").why;
    assert_eq!(why("upn;enabled;verifier;geheim\n"), "3 columns that are known in its header, between semicolons");
    assert_eq!(why("version: 1\n"), "its first line is the version of LDIF");
}

#[test]
fn anything_else_is_refused_by_what_it_looks_like() {
    let mut tar = vec![b'a'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    let sql = b"CREATE TABLE users (id int);\nINSERT INTO users VALUES (1,'geheim');\n";
    let cases: &[(&[u8], &str)] = &[
        (b"", "an empty file"),
        (b"\xEF\xBB\xBF \r\n", "an empty file"),
        (b"\xFF\xD8\xFF\xE0\x00\x10JFIF\x00", "a JPEG picture"),
        (b"\x89PNG\r\n\x1A\n", "a PNG picture"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive or an Office document"),
        (b"\x1F\x8B\x08\x00", "a gzip archive"),
        (b"7z\xBC\xAF\x27\x1C\x00", "a 7z archive"),
        (b"Rar!\x1A\x07\x01", "a RAR archive"),
        (&tar, "a tar archive"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x01\x02\x03\x04\xEF\xCD\xAB\x89\x20", "an Active Directory database (ntds.dit)"),
        (b"regf\x00\x00", "a hive of the Windows registry"),
        (b"a\0\0\0b\0\0\0c\0\x01", "binary data"),
        (b"\xFF\xFE\x00", "broken text"),
        (b"<!DOCTYPE html><html><body>", "a web page"),
        (b"<?xml version=\"1.0\"?><users/>", "XML"),
        (b"anna@example.org:geheim\nben@example.org:ge:heim\n", "a breach combo list"),
        (b"anna@example.org;geheim\n", "a breach combo list"),
        (b"anna@example.org:5f4dcc3b5aa765d61d8327deb882cf99\n", "a breach list of addresses and hashes"),
        (b"email,password\nanna@example.org,geheim\n", "a breach list with a header"),
        (b"https://example.org/login:anna:geheim\n", "a stealer's list of sites, names and passwords"),
        (b"URL: https://example.org\nUsername: anna\nPassword: geheim\n===\n", "a stealer's log"),
        (b"000000005AD76BD555C1D6D771DE417A4B87E4B4:10\n", "a list of breached hashes with counts"),
        (b"5f4dcc3b5aa765d61d8327deb882cf99\n", "a list of bare hashes"),
        (sql, "a dump of a database in SQL"),
        (b"{\"users\":[{\"localId\":\"1\",\"passwordHash\":\"geheim\"}]}", "an export of Firebase"),
        (b"{\"@odata.context\":\"x\",\"value\":[]}", "an answer of Microsoft Graph or another OData service"),
        (b"[{\"email\":\"a@example.org\",\"password\":\"geheim\"}]", "a breach list in JSON"),
        (b"{\"a\":1}", "JSON of another kind"),
        (b"geheim\npassword1\nletmein\n", "text of another kind"),
    ];
    for (bytes, looks_like) in cases {
        let refused = sniff(bytes).expect_err(looks_like);
        assert_eq!(refused.looks_like, *looks_like);
        assert!(!refused.to_string().contains("geheim"), "{refused}");
    }
}
