//! CSV: the header decides.

use std::fmt::Write;

use directory::{Format, Limits, SamName};

use super::{all, counts, is_password, utf16, with_limits};

const USERS: &[u8] = include_bytes!("../fixtures/csv/users.csv");

#[test]
fn every_column_is_read_and_unknown_ones_are_named() {
    let outcome = all(Format::Csv, USERS);
    assert_eq!(outcome.errors(), [""; 0]);
    let anna = outcome.user("anna@example.org");
    assert_eq!(anna.id.as_deref(), Some("u-1"));
    assert_eq!(anna.aliases, ["anna.mueller@example.org", "a.m@example.org"]);
    assert_eq!(anna.sam, Some(SamName { domain: Some("CORP".to_owned()), name: "anna".to_owned() }));
    assert_eq!((anna.enabled, anna.display_name.as_deref()), (Some(true), Some("Müller, Anna")));
    assert_eq!(anna.administrator, Some(true));
    assert_eq!(anna.department.as_deref(), Some("Einkauf"));
    assert!(is_password(anna, "Kranich-17-Wiese"));

    let ben = outcome.user("ben@example.org");
    assert_eq!((ben.enabled, ben.mail.as_deref(), ben.verifiers.len()), (Some(false), None, 0));
    assert_eq!(ben.administrator, Some(false));

    let carl = outcome.user("carl@example.org");
    assert!(is_password(carl, "Distel#Kamm#5"));
    assert_eq!((carl.enabled, carl.administrator), (Some(true), None), "an empty cell says nothing");
    // A blank line before it, and a line break inside it.
    assert_eq!((carl.place.line, carl.place.entry), (5, 3));

    let summary = outcome.summary;
    assert_eq!((summary.entries, summary.users, summary.verifiers), (3, 3, 2));
    assert_eq!(counts(&summary.ignored), [("shoeSize", 1)]);
    assert!(summary.complete);
}

#[test]
fn order_case_delimiter_and_encoding_make_no_difference() {
    let commas = "upn,enabled,Display Name,verifier\nanna@example.org,1,Änne 😀,{SHA}x\n";
    let semicolons = "VERIFIER;displayName;UPN;Enabled\r\n{SHA}x;Änne 😀;anna@example.org;true\r\n";
    let tabs = "display_name\tupn\tverifier\tACCOUNTENABLED\n\"Änne 😀\"\tanna@example.org\t{SHA}x\tT";
    let typed = format!("#TYPE Microsoft.ActiveDirectory.Management.ADUser\r\n{semicolons}");
    let mut texts: Vec<Vec<u8>> = vec![commas.into(), semicolons.into(), tabs.into(), typed.into()];
    texts.push([b"\xEF\xBB\xBF".as_slice(), commas.as_bytes()].concat());
    texts.push(utf16(semicolons, false));
    texts.push(utf16(tabs, true));
    for text in texts {
        let outcome = all(Format::Csv, &text);
        assert_eq!(outcome.errors(), [""; 0]);
        let user = &outcome.users[0];
        assert_eq!(user.upn.as_deref(), Some("anna@example.org"));
        assert_eq!((user.enabled, user.display_name.as_deref()), (Some(true), Some("Änne 😀")));
        assert_eq!(user.verifiers[0].expose(), "{SHA}x");
        assert_eq!(outcome.summary.ignored.len(), 0);
    }
}

#[test]
fn a_file_larger_than_every_buffer_is_the_same_in_utf8_and_utf16() {
    let mut text = String::from("upn,displayName\n");
    for number in 0..20_000 {
        writeln!(text, "user{number}@example.org,Müller 😀 {number}").expect("a string takes it");
    }
    for text in [text.clone().into_bytes(), utf16(&text, false), utf16(&text, true)] {
        let outcome = all(Format::Csv, text);
        assert_eq!((outcome.errors.len(), outcome.users.len()), (0, 20_000));
        let last = &outcome.users[19_999];
        assert_eq!(last.display_name.as_deref(), Some("Müller 😀 19999"));
        assert_eq!(last.place.line, 20_001);
    }
}

#[test]
fn truth_is_written_in_six_ways_and_administrators_are_told_in_a_column_of_four_names() {
    for name in ["administrator", "Admin", "isAdmin", "is_admin"] {
        let text = format!(
            "upn,{name},enabled\na@x.org,1,0\nb@x.org,TRUE,False\nc@x.org,t,f\nd@x.org,0,1\ne@x.org,false,true\nf@x.org,F,T\n\
            g@x.org,,\nh@x.org,yes,1\n"
        );
        let outcome = all(Format::Csv, text);
        let told: Vec<_> = outcome.users.iter().map(|user| (user.administrator, user.enabled)).collect();
        let (yes, no) = ((Some(true), Some(false)), (Some(false), Some(true)));
        assert_eq!(told, [yes, yes, yes, no, no, no, (None, None)], "{name}");
        assert_eq!(
            outcome.errors(),
            ["export:9 (entry 8): administrator: found 3 characters, expected 1, 0, t, f, true or false"]
        );
        assert_eq!(outcome.summary.ignored.len(), 0, "{name}");
    }
    let twice = all(Format::Csv, "upn,admin,is_admin\n");
    assert_eq!(twice.errors(), ["export:1: the column administrator is there twice"]);
}

#[test]
fn a_bad_row_is_an_error_with_its_line_and_reading_goes_on() {
    let text = b"upn,enabled,verifier,department\n\
        anna@example.org,geheim1,{SHA}x,\n\
        ben@example.org,1,geheim2\n\
        carl@example.org,1,,\xFFgeheim3\n\
        ,1,{SHA}geheim4,\n\
        dora@example.org,0,,\n";
    let outcome = all(Format::Csv, text);
    assert_eq!(
        outcome.errors(),
        [
            "export:2 (entry 1): enabled: found 7 characters, expected 1, 0, t, f, true or false",
            "export:3 (entry 2): row: found 3 cells, expected as many cells as the header has",
            "export:4 (entry 3): department is not UTF-8",
            "export:5 (entry 4): the entry names no user: it has no id, UPN, address, user name or sAMAccountName",
        ]
    );
    assert_eq!(outcome.users.len(), 1);
    assert_eq!(counts(&outcome.summary.errors), [("malformed", 2), ("nameless", 1), ("not UTF-8", 1)]);
    assert_eq!(outcome.summary.entries, 5);
}

#[test]
fn a_file_without_a_column_that_names_users_is_an_error_and_shows_no_cell() {
    for text in ["geheim1,geheim2\na,b\n", "id,verifier\n1,{SHA}x\n", "anna@example.org:geheim1\n"] {
        let error = all(Format::Csv, text).errors.remove(0);
        assert_eq!(error.reason.name(), "missing key column");
        assert!(error.ends_reading());
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
    let twice = all(Format::Csv, "upn,mail,EMAIL\n");
    assert_eq!(twice.errors(), ["export:1: the column mail is there twice"]);
}

#[test]
fn a_file_without_users_is_an_error() {
    for text in ["", "\n\n", "upn,mail\n"] {
        let outcome = all(Format::Csv, text);
        assert_eq!(outcome.errors[0].reason.name(), "no users", "{text:?}");
    }
}

#[test]
fn limits_are_kept_and_the_next_row_is_read() {
    let limits = Limits { entry_bytes: 64, columns: 3, value_bytes: 30, values_per_entry: 4, ..Limits::default() };
    let text = format!(
        "upn,aliases,x\n{long}@x.org,,\na@x.org,\"{long}\n{long}\",\nb@x.org,1,2,3,4\nc@x.org,,\nd@x.org,{value},\ne@x.org,a;b;c;d,\nf@x.org,a;b;c,\n",
        long = "y".repeat(500),
        value = "z".repeat(31),
    );
    let outcome = with_limits(Format::Csv, text, limits);
    assert_eq!(
        outcome.errors(),
        [
            "export:2 (entry 1): row is longer than 64 bytes",
            "export:3 (entry 2): row is longer than 64 bytes",
            "export:5 (entry 3): there are more than 3 columns",
            "export:7 (entry 5): alias is longer than 30 bytes",
            "export:8 (entry 6): there are more than 4 values",
        ]
    );
    let upns: Vec<_> = outcome.users.iter().map(|user| user.upn.as_deref().unwrap_or_default()).collect();
    assert_eq!(upns, ["c@x.org", "f@x.org"]);
}

#[test]
fn a_header_over_a_limit_is_an_error_of_the_file_as_a_whole() {
    let limits = Limits { entry_bytes: 64, columns: 3, ..Limits::default() };
    for (text, error) in [
        ("upn,mail,id,sam\na@x.org,,,\n".to_owned(), "export:1: there are more than 3 columns"),
        (format!("upn,{}\na@x.org,\n", "x".repeat(100)), "export:1: row is longer than 64 bytes"),
    ] {
        let outcome = with_limits(Format::Csv, text, limits);
        assert_eq!(outcome.errors(), [error]);
        assert!(outcome.errors[0].ends_reading());
    }
}

#[test]
fn names_of_ignored_columns_are_bounded() {
    let columns: Vec<String> = (0..600).map(|number| format!("x{number}")).collect();
    let outcome = all(Format::Csv, format!("upn,{}\n", columns.join(",")));
    assert_eq!((outcome.summary.ignored.len(), outcome.summary.ignored_others), (256, 344));
}
