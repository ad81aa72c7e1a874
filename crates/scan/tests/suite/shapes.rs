//! Every shape of material, with its traps.

use super::world::World;
use scan::counters::Outcome;

/// Checks lines that each name Jane, whose password must be the first candidate.
#[track_caller]
fn first(shape: &str, cases: &[(&str, &str)]) {
    let world = World::new();
    for (line, password) in cases {
        let finding = world.only(line.as_bytes());
        let candidates: Vec<_> = finding.passwords.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
        assert_eq!(candidates.first().map(|text| &**text), Some(*password), "{line:?} gives {candidates:?}");
        assert_eq!((finding.user, finding.shape), (1, shape), "{line:?}");
    }
}

/// Checks lines that each name Jane, whose password must be among the candidates.
#[track_caller]
fn among(cases: &[(&str, &str)]) {
    let world = World::new();
    for (line, password) in cases {
        let finding = world.only(line.as_bytes());
        let candidates: Vec<_> = finding.passwords.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
        assert!(finding.has(password.as_bytes()), "{line:?} gives {candidates:?}");
        assert!(finding.passwords.len() + finding.hashes.len() <= 6);
    }
}

#[test]
fn combo_lists_with_every_separator() {
    let cases = [
        ("jane@contoso.test:hunter2\n", "hunter2"),
        ("jane@contoso.test;hunter2\r\n", "hunter2"),
        ("jane@contoso.test|hunter2", "hunter2"),
        ("jane@contoso.test,hunter2", "hunter2"),
        ("jane@contoso.test\thunter2", "hunter2"),
        ("jane@contoso.test hunter2", "hunter2"),
        ("jane@contoso.test::hunter2", "hunter2"),
        ("jane@contoso.test : hunter2", "hunter2"),
        ("jane@contoso.test: hunter2", "hunter2"),
        ("jane@contoso.test => hunter2", "hunter2"),
        ("jane@contoso.test=>hunter2", "hunter2"),
        ("  jane@contoso.test:hunter2", "hunter2"),
        ("\u{FEFF}jane@contoso.test:hunter2", "hunter2"),
        ("jane@contoso.test:pa:ss;wo|rd with, blanks", "pa:ss;wo|rd with, blanks"),
        ("jane@contoso.test:jane@contoso.tes", "jane@contoso.tes"),
        ("<jane@contoso.test>:hunter2", "hunter2"),
    ];
    first("combo", &cases);
    among(&[
        ("jane@contoso.test::hunter2", ":hunter2"),
        ("jane@contoso.test: hunter2", " hunter2"),
        ("jane@contoso.test :hunter2", "hunter2"),
        ("jane@contoso.test :hunter2", ":hunter2"),
        ("jane@contoso.test:hunter2:Jane:192.0.2.1", "hunter2"),
        ("jane@contoso.test:hun:ter2:192.0.2.1", "hun:ter2"),
        ("jane@contoso.test:hunter2 | Balance = 0", "hunter2"),
        ("jane@contoso.test:hunter2 ", "hunter2"),
        ("jane@contoso.test:hunter2 ", "hunter2 "),
        ("17;jane@contoso.test;hunter2", "hunter2"),
        ("Jane Doe,jane@contoso.test,hunter2,DE", "hunter2"),
        ("Email: jane@contoso.test | Password: hunter2 | Plan: free", "hunter2"),
    ]);
}

#[test]
fn reversed_combo_lists() {
    first(
        "reversed",
        &[
            ("hunter2:jane@contoso.test", "hunter2"),
            ("hun:ter;2:jane@contoso.test", "hun:ter;2"),
            ("hunter2 : jane@contoso.test\n", "hunter2"),
            ("hunter2;jane@contoso.test", "hunter2"),
        ],
    );
    among(&[("1;hunter2;jane@contoso.test", "hunter2"), ("hunter2::jane@contoso.test", "hunter2:")]);
}

#[test]
fn urls_before_and_behind() {
    first(
        "urlNamePassword",
        &[
            ("https://vpn.contoso.test/login:jane@contoso.test:hunter2", "hunter2"),
            ("https://vpn.contoso.test:8443/a:b|jane@contoso.test|hunter2", "hunter2"),
            ("vpn.contoso.test jane@contoso.test hunter2", "hunter2"),
            ("android://aGFzaA==@com.contoso.app/:jane@contoso.test:hunter2", "hunter2"),
            ("jane@contoso.test:hunter2:https://vpn.contoso.test/login", "hunter2"),
            ("https://vpn.contoso.test/u/jane@x.test/:jane@contoso.test:hunter2", "hunter2"),
            ("http://user@vpn.contoso.test/:jane@contoso.test:pass:word", "pass:word"),
        ],
    );
    let world = World::new();
    let finding = world.only(b"https://vpn.contoso.test/login:jane@contoso.test:hunter2");
    assert_eq!(finding.context.as_deref(), Some("vpn.contoso.test"));
    let finding = world.only(b"https://jane@contoso.test/login:mmuster:hunter2");
    assert_eq!((finding.user, finding.has(b"hunter2")), (5, true), "the host of a URL is no address");
    assert_eq!(finding.context.as_deref(), Some("contoso.test"));
}

#[test]
fn hashes_are_told_apart() {
    let world = World::new();
    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    let finding = world.only(format!("jane@contoso.test:{md5}").as_bytes());
    assert_eq!(finding.hashes, [md5]);
    assert!(finding.has(md5.as_bytes()), "a password may look like a hash");
    let (_, counters) = world.scan(format!("jane@contoso.test:{md5}").as_bytes());
    assert_eq!(counters.of(Outcome::Hash), 1);
    let finding = world.only(format!("jane@contoso.test:{md5}:salt1").as_bytes());
    assert_eq!(finding.hashes, [md5.to_owned(), format!("{md5}:salt1")]);
    let crypt = "$2y$10$abcdefghijklmnopqrstuuWNQ0lKcUYCwZDlSHJYb6ELVdqg7uY2y";
    let finding = world.only(format!("jane@contoso.test:{crypt}:hunter2").as_bytes());
    assert_eq!(finding.hashes[0], crypt);
    assert!(finding.has(b"hunter2"));
}

#[test]
fn hexadecimal_notation_is_decoded_and_kept() {
    first(
        "combo",
        &[
            ("jane@contoso.test:$HEX[68756e746572]", "hunter"),
            ("jane@contoso.test:$hex[70C3A4]", "p\u{E4}"),
            ("jane@contoso.test:$HEX[7]", "$HEX[7]"),
        ],
    );
    among(&[("jane@contoso.test:$HEX[68756e]", "$HEX[68756e]"), ("jane@contoso.test:$HEX[70e4]", "p\u{E4}")]);
}

#[test]
fn names_in_other_spellings() {
    let world = World::new();
    for (line, user) in [
        ("JANE+shop@Contoso.TEST:hunter2", 1),
        ("jane@contoso.test.:hunter2", 1),
        ("jane@contoso.example:hunter2", 1),
        ("jane%40contoso.test:hunter2", 1),
        ("jane&#64;contoso.test:hunter2", 1),
        ("jane\\u0040contoso.test:hunter2", 1),
        ("jane%2Bshop@contoso.test:hunter2", 1),
        ("john.o'brien@contoso.test:hunter2", 2),
        ("john.o%27brien@contoso.test:hunter2", 2),
        ("ZO\u{CB}@B\u{DC}CHER.test:hunter2", 3),
        ("zo\u{EB}@xn--bcher-kva.test:hunter2", 3),
        ("gwenstacy@googlemail.com:hunter2", 4),
        ("Gwen.Stacy+x@gmail.com:hunter2", 4),
        ("mmuster:hunter2", 5),
        ("CONTOSO\\mmuster:hunter2", 5),
        ("contoso\\\\MMuster;hunter2", 5),
        ("mmuster@CONTOSO:hunter2", 5),
        ("https://vpn.contoso.test/:mmuster:hunter2", 5),
        ("ann@mail.fabrikam.test:hunter2", 6),
    ] {
        let finding = world.only(line.as_bytes());
        assert_eq!(finding.user, user, "{line}");
        assert!(finding.has(b"hunter2"), "{line}");
    }
    let latin = world.only(b"zo\xEB@b\xFCcher.test:h\xFCnter2");
    assert_eq!((latin.user, latin.has(b"h\xFCnter2"), latin.has("h\u{FC}nter2".as_bytes())), (3, true, true));
}

#[test]
fn other_encodings_of_a_password() {
    let world = World::new();
    let line = |password: &[u8]| [b"jane@contoso.test:", password].concat();
    for (bytes, password) in [
        (&b"pa\xDFwort"[..], "pa\u{DF}wort"),
        (b"\xEF\xE0\xF0\xEE\xEB\xFC", "\u{43F}\u{430}\u{440}\u{43E}\u{43B}\u{44C}"),
        (b"\xFEifre\xFD", "\u{15F}ifre\u{131}"),
        (b"\xC3\xDC\xC2\xEB", "\u{5BC6}\u{7801}"),
        ("pa\u{C3}\u{178}wort".as_bytes(), "pa\u{DF}wort"),
        ("u\u{308}ber".as_bytes(), "\u{FC}ber"),
        ("\u{FF50}\u{FF57}".as_bytes(), "pw"),
        (b"a&amp;b", "a&b"),
        (b"a%26b", "a&b"),
    ] {
        let finding = world.only(&line(bytes));
        assert_eq!(finding.passwords[0], bytes, "as written comes first");
        assert!(finding.has(password.as_bytes()), "{password}");
    }
}

#[test]
fn what_is_no_password_is_counted() {
    let world = World::new();
    for (line, outcome) in [
        ("jane@contoso.test:", Outcome::EmptyPassword),
        ("jane@contoso.test:[NOT_SAVED]", Outcome::Placeholder),
        ("jane@contoso.test:null", Outcome::Placeholder),
        ("jane@contoso.test:UNKNOWN", Outcome::Placeholder),
        ("jane@contoso.test:https://t.me/channel", Outcome::Advert),
        ("jane@contoso.test", Outcome::NameOnly),
        ("nobody@contoso.test:hunter2", Outcome::UnknownAccount),
        ("nobody@gmail.com:hunter2", Outcome::ForeignAddress),
        ("somebody@elsewhere.test:hunter2", Outcome::ForeignAddress),
        ("no address", Outcome::NoAddress),
        ("\r", Outcome::Blank),
        ("jane@contoso.test:jane@contoso.test.x", Outcome::Password),
    ] {
        let (_, counters) = world.scan(format!("{line}\n").as_bytes());
        assert_eq!((counters.of(outcome), counters.lines()), (1, 1), "{line:?}: {counters:?}");
    }
    let (_, counters) = world.scan(format!("jane@contoso.test:{}", "x".repeat(2000)).as_bytes());
    assert_eq!(counters.of(Outcome::PasswordTooLong), 1);
}

#[test]
fn blocks_of_lines_with_labels() {
    first(
        "block",
        &[
            (
                "URL: https://vpn.contoso.test/login\nUsername: jane@contoso.test\nPassword: hunter2\nApplication: Chrome\n",
                "hunter2",
            ),
            (
                "SOFT: Chrome\r\nURL: https://a.test\r\nUSER: jane@contoso.test\r\nPASS: hunter2\r\n\r\nURL: x",
                "hunter2",
            ),
            ("Host: a.test\nLogin: jane@contoso.test\nPassword: hunter2", "hunter2"),
            ("UR1: a.test\nU53RN4M3: jane@contoso.test\nP455W0RD: hunter2\n===============\n", "hunter2"),
            ("USER LOGIN: jane@contoso.test\nUSER PASSWORD: hunter2\n", "hunter2"),
            ("Password: hunter2\nUsername: jane@contoso.test\n", "hunter2"),
            ("Username: jane@contoso.test\nPassword: hun: ter 2\n", "hun: ter 2"),
            ("Username: jane@contoso.test\n\nPassword: hunter2\n", "hunter2"),
            (
                "URL: a.test\nUsername: other@x.test\nPassword: no\nURL: b.test\nUsername: jane@contoso.test\nPassword: hunter2\nURL: c.test\nUsername: other@x.test\nPassword: wrong",
                "hunter2",
            ),
        ],
    );
    among(&[
        ("Username: jane@contoso.test\nPassword: hun\nter2\n\n", "hun\nter2"),
        ("Username: jane@contoso.test\nPassword: hunter2 \n", "hunter2 "),
    ]);
    let world = World::new();
    let block = b"URL: https://vpn.contoso.test/login\nUsername: mmuster\nPassword: hunter2\n";
    let finding = world.only(block);
    assert_eq!((finding.user, finding.has(b"hunter2")), (5, true));
    assert_eq!((finding.context.as_deref(), finding.line, finding.offset), (Some("vpn.contoso.test"), 2, 46));
    for (value, outcome) in
        [("", Outcome::EmptyPassword), ("UNKNOWN", Outcome::Placeholder), ("[NOT_SAVED]", Outcome::Placeholder)]
    {
        let (findings, counters) = world.scan(format!("Username: jane@contoso.test\nPassword: {value}\n\n").as_bytes());
        assert_eq!((findings.len(), counters.of(outcome), counters.lines()), (1, 1, 3), "{counters:?}");
    }
}

#[test]
fn tables() {
    first(
        "row",
        &[
            ("\"jane@contoso.test\",\"hunter2\"", "hunter2"),
            ("1,\"Doe, Jane\",\"jane@contoso.test\",\"hun,ter\"\"2\",DE", "hun,ter\"2"),
            ("\"jane@contoso.test\";\"hunter2\";\"x\"", "hunter2"),
            ("\"jane@contoso.test\",\"hun\nter2\"\nx", "hun\nter2"),
            ("\"a\nb\",\"jane@contoso.test\",\"hunter2\"\nx", "hunter2"),
            ("7\tjane@contoso.test\thunter2\tx", "hunter2"),
        ],
    );
    among(&[
        ("1,jane@contoso.test,Jane,Doe,DE,1990-01-01,hunter2,192.0.2.1", "hunter2"),
        ("jane@contoso.test,Jane,Doe,DE,1990-01-01,hunter2", "hunter2"),
        ("hunter2,Jane,jane@contoso.test", "hunter2"),
        ("1\tJane\tjane@contoso.test\thun\\tter2\t\\N\t2020-01-01 00:00:00", "hun\tter2"),
        ("1\tJane\tjane@contoso.test\thun\\\\ter2\t\\N", "hun\\ter2"),
        ("jane@contoso.test;hun;ter;2;x;y", "hun;ter;2;x;y"),
        ("1:jane@contoso.test:hunter2:Jane:Doe", "hunter2"),
    ]);
}

#[test]
fn dumps_of_databases() {
    first(
        "sql",
        &[
            ("INSERT INTO `users` VALUES (1,'jane@contoso.test','hunter2');", "hunter2"),
            (
                "INSERT INTO users (id, name, email, created, pass) VALUES (1,'Jane D''or','jane@contoso.test','2020-01-01 00:00:00','hun''ter\\'2');",
                "hun'ter'2",
            ),
            ("(1,'x','y@z.test'),(2, 'jane@contoso.test', _binary 'hunter2'),(3,'b','c@z.test')", "hunter2"),
            ("INSERT INTO users VALUES (1,'jane@contoso.test',0x68756e74657232,NULL)", "hunter2"),
            ("INSERT INTO users VALUES (1,N'jane@contoso.test',X'68756e74657232')", "hunter2"),
            ("INSERT INTO users VALUES ('hun(ter2','jane@contoso.test',NULL)", "hun(ter2"),
        ],
    );
    among(&[("VALUES (1,'Jane','Doe','jane@contoso.test','DE','Berlin','1990-01-01','hunter2',1,0)", "hunter2")]);
    let world = World::new();
    let (_, counters) = world.scan(b"INSERT INTO u (mail,password) VALUES ('jane@contoso.test',NULL)");
    assert_eq!(counters.of(Outcome::Placeholder), 1);
}

#[test]
fn json() {
    first(
        "json",
        &[
            ("{\"email\":\"jane@contoso.test\",\"password\":\"hunter2\"}", "hunter2"),
            (
                "{\"_id\":{\"$oid\":\"507f\"},\"pwd\":\"hun\\\"ter\\u00e42\",\"email\": \"jane@contoso.test\",\"hint\":\"x\"}",
                "hun\"ter\u{E4}2",
            ),
            (
                "[{\"email\":\"a@b.test\",\"password\":\"no\"},{\"email\":\"jane@contoso.test\",\"password\":\"hunter2\"}]",
                "hunter2",
            ),
            (
                "[\n  {\n    \"email\": \"a@b.test\",\n    \"password\": \"no\"\n  },\n  {\n    \"email\": \"jane@contoso.test\",\n    \"name\": \"{x\",\n    \"password\": \"hunter2\"\n  }\n]\n",
                "hunter2",
            ),
            ("{\"user\":{\"email\":\"jane@contoso.test\"},\"secret\":\"hunter2\"}", "hunter2"),
            ("{\"jane@contoso.test\": \"hunter2\"}", "hunter2"),
            ("{'email': 'jane@contoso.test', 'password': 'hunter2'}", "hunter2"),
            ("{\"email\":\"jane\\u0040contoso.test\",\"password\":12345678}", "12345678"),
        ],
    );
    let world = World::new();
    for (value, outcome) in [("\"\"", Outcome::EmptyPassword), ("null", Outcome::Placeholder)] {
        let line = format!("{{\"email\":\"jane@contoso.test\",\"password\":{value}}}");
        let (_, counters) = world.scan(line.as_bytes());
        assert_eq!(counters.of(outcome), 1, "{line}");
    }
    let site = world.only(b"{\"url\":\"https://vpn.contoso.test/\",\"login\":\"mmuster\",\"password\":\"hunter2\"}");
    assert_eq!((site.context.as_deref(), site.user), (Some("vpn.contoso.test"), 5));
}
