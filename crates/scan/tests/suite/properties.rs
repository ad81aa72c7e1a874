//! What holds for every text.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::world::{Finding, World};

/// Pieces that texts are made of: names, what divides, labels, and what goes wrong.
const PIECES: [&str; 44] = [
    "jane@contoso.test",
    "mmuster",
    "CONTOSO\\mmuster",
    "nobody@contoso.test",
    "a@elsewhere.test",
    "gwen.stacy@gmail.com",
    ":",
    ";",
    "|",
    ",",
    "\t",
    " ",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\"",
    "'",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\\",
    "$HEX[41]",
    "hunter2",
    "p\u{E4}ss",
    "URL: https://a.test/",
    "\nUsername: ",
    "\nPassword: ",
    "\nUser: jane@contoso.test\n",
    "===",
    "INSERT INTO u VALUES (1,'",
    "','",
    "'),('",
    "{\"email\":\"",
    "\",\"password\":\"",
    "\"}",
    "},{",
    "%40",
    "\\u0040contoso.test",
    "&amp;",
    "https://jane@contoso.test/",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        20 => prop::sample::select(PIECES.as_slice()).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..6),
        1 => (0..5000usize).prop_map(|length| vec![b'x'; length]),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

fn lines(text: &[u8]) -> u64 {
    let ends = text.split(|byte| *byte == b'\n').count() - 1;
    ends as u64 + u64::from(text.last().is_some_and(|byte| *byte != b'\n'))
}

/// Checks that a text gives the same however it is cut, and that each line is counted once.
#[track_caller]
fn check_cuts(world: &World, text: &[u8], sizes: &[usize]) -> Vec<Finding> {
    let (whole, counters) = world.scan(text);
    assert_eq!(counters.lines(), lines(text), "{counters:?}");
    for size in sizes {
        let (cut, cut_counters) = world.scan_in_chunks(text, *size);
        assert_eq!(cut, whole, "chunks of {size}");
        assert_eq!(cut_counters, counters, "chunks of {size}");
    }
    whole
}

proptest! {
    #[test]
    fn any_text_gives_the_same_however_it_is_cut(text in text(), size in 1..20_000usize) {
        check_cuts(&World::new(), &text, &[1, 1024, size]);
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        check_cuts(&World::new(), &bytes, &[64]);
    }

    #[test]
    fn a_planted_password_is_among_the_candidates(password in "[!-~]([ -~]{0,30}[!-~])?", shape in 0..SHAPES) {
        prop_assume!(!password.to_ascii_lowercase().contains("t.me/") && !is_word(&password));
        let text = planted(shape, "jane@contoso.test", &password);
        let (findings, _) = World::new().scan(text.as_bytes());
        let found = findings.iter().any(|finding| finding.user == 1 && finding.has(password.as_bytes()));
        prop_assert!(found, "{text:?} gives {findings:?}");
    }
}

/// Words that stand for no password, by which a generated one may be one.
fn is_word(password: &str) -> bool {
    matches!(password, "null" | "NULL" | "UNKNOWN" | "undefined" | "\\N")
}

const SHAPES: usize = 22;

/// A text in which a name and a password stand together, with neighbours of its kind.
fn planted(shape: usize, name: &str, password: &str) -> String {
    let sql = password.replace('\\', "\\\\").replace('\'', "''");
    let quoted = password.replace('"', "\"\"");
    let json = password.replace('\\', "\\\\").replace('"', "\\\"");
    match shape {
        0 => format!("a@x.test:b\n{name}:{password}\nc@x.test:d\n"),
        1 => format!("{name};{password}\r\n"),
        2 => format!("{name}|{password}"),
        3 => format!("{name}\t{password}"),
        4 => format!("{name} {password}"),
        5 => format!("{name}::{password}"),
        6 => format!("{name} : {password}"),
        7 => format!("{name} => {password}"),
        8 => format!("{password}:{name}"),
        9 => format!("https://vpn.contoso.test/a:8443:{name}:{password}"),
        10 => format!("https://vpn.contoso.test|{name}|{password}"),
        11 => format!("{name}:{password}:https://vpn.contoso.test/login"),
        12 => format!("android://aGFzaA==@test.contoso.app/:{name}:{password}"),
        13 => format!("URL: a.test\nUsername: {name}\nPassword: {password}\nSoft: x\n\nURL: b.test\n"),
        14 => format!("===\nPASS: {password}\nUSER: {name}\n===\n"),
        15 => format!("id,mail,pw\n1,{name},\"{quoted}\",DE\n"),
        16 => format!("\"1\";\"{name}\";\"{quoted}\"\n"),
        17 => format!("INSERT INTO `u` VALUES (1,'a@x.test','b'),(2,'{name}','{sql}'),(3,'c@x.test','d');\n"),
        18 => format!("INSERT INTO u (id,password,a,b,c,d,mail) VALUES (2,'{sql}','e1','f2','g3','h4','{name}');\n"),
        19 => format!("{{\"email\":\"{name}\",\"name\":\"J\",\"password\":\"{json}\"}}\n"),
        20 => format!("[\n{{\n  \"password\": \"{json}\",\n  \"email\": \"{name}\"\n}},\n{{}}\n]\n"),
        _ => format!("COPY u (id, mail, pw, x) FROM stdin;\n7\t{name}\t{}\t\\N\n\\.\n", password.replace('\\', "\\\\")),
    }
}

/// Lines of several times the longest that is read as a whole.
#[test]
fn long_lines_are_read_record_by_record_or_skipped() {
    let world = World::new();
    let mut dump = String::from("INSERT INTO u VALUES ");
    for number in 0..6000 {
        write!(dump, "({number},'user{number}@elsewhere.test','secret'),").expect("text takes text");
        if number % 1000 == 0 {
            write!(dump, "({number},'jane@contoso.test','hunter{number}'),").expect("text takes text");
        }
    }
    dump.push_str("(1,'x','y');\njane@contoso.test:after\n");
    let findings = check_cuts(&world, dump.as_bytes(), &[1, 1024, 70_000, 100_001]);
    assert_eq!(findings.len(), 7);
    for (number, finding) in findings[..6].iter().enumerate() {
        assert!(finding.has(format!("hunter{}", number * 1000).as_bytes()), "{finding:?}");
        assert_eq!((finding.line, finding.shape), (1, "sql"));
    }
    assert_eq!((findings[6].line, findings[6].has(b"after")), (2, true));

    let skipped = format!("{0}jane@contoso.test:no{0}\njane@contoso.test:yes\n", "x".repeat(300_000));
    let findings = check_cuts(&world, skipped.as_bytes(), &[1, 1024, 70_000, 100_001]);
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].line, findings[0].offset, findings[0].has(b"yes")), (2, 600_021, true));

    // A record that is too long itself is left out, and the next is read.
    let record = format!("(1,'a'),(2,'{}jane@contoso.test','no'),(3,'jane@contoso.test','yes')", "x".repeat(200_000));
    let findings = check_cuts(&world, record.as_bytes(), &[1, 1024, 70_000, 100_001]);
    assert_eq!((findings.len(), findings[0].has(b"yes")), (1, true));
}

#[test]
fn blocks_that_a_cut_divides_are_found_once() {
    let world = World::new();
    let mut text = String::new();
    for number in 0..200 {
        write!(text, "URL: https://site{number}.test/\nUsername: jane@contoso.test\nPassword: pw{number}\n\n")
            .expect("text");
    }
    let findings = check_cuts(&world, text.as_bytes(), &[1, 50, 333, 1024, 4096, 5000]);
    assert_eq!(findings.len(), 200);
    for (number, finding) in findings.iter().enumerate() {
        assert_eq!(finding.passwords[0], format!("pw{number}").as_bytes());
        assert_eq!(finding.context, Some(format!("site{number}.test")));
    }
}
