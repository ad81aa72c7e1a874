//! `spillwatch scan` beside pairs: lists of passwords that name nobody, names alone, and slow verifiers.

use crate::directory::{events, has, with_file, write};
use crate::scan::{every_line_is_counted, scan, summary};
use crate::{BINARY, EVENTS, command, folder};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::server::TestServer;

/// Users by verifier: NT of `password`, SHA-256 of `correct-horse-9417`, SSHA of `password`, bcrypt of `U*U`, SHA-1 of
/// `Grüße` and bcrypt in another account, SHA-1 of `helloworld`, and one without a verifier.
const USERS: &str = "\
id,upn,mail,enabled,verifier
u-0,u0@contoso.example,,true,{NT}8846F7EAEE8FB117AD06BDD830B7586C
u-1,u1@contoso.example,,true,{SHA256}8777172d9afe520d9adde5e0e63e5af581ad871bcad809a3060bfcdc096d103f
u-2,u2@contoso.example,,true,{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0
u-3,u3@contoso.example,,true,$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW
u-4,u4@contoso.example,,true,{SHA}f649751d6e1bb46f8c86a8e0300237c33df07074
u-5,u5@contoso.example,,false,{SHA}at+xg6SiyUovktq1redipHiJpaE=
u-6,u6@contoso.example,,true,
";

fn imported(users: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", users), &data).success();
    (folder, data)
}

/// Users with an event, and its level.
fn levels(data: &Path) -> Vec<(String, String)> {
    let text = |event: &Value, name: &str| event[name].as_str().expect("a text").to_owned();
    events(data, "userId,riskLevel").iter().map(|event| (text(event, "userId"), text(event, "riskLevel"))).collect()
}

fn all_low(users: &[&str]) -> Vec<(String, String)> {
    users.iter().map(|user| ((*user).to_owned(), "low".to_owned())).collect()
}

/// The evidence of the one event of a user.
fn evidence(data: &Path, user: &str) -> Vec<Value> {
    let server = TestServer::start(BINARY, data);
    let found = server.call("GET", &format!("{EVENTS}?$filter=userId%20eq%20'{user}'"), None).expect(200).json();
    let id = found["value"][0]["id"].as_str().expect("an event").to_owned();
    let evidence = server.call("GET", &format!("{EVENTS}/{id}/evidence"), None).expect(200).json();
    evidence["value"].as_array().expect("a list").clone()
}

#[test]
fn a_list_of_passwords_raises_whoever_has_one_at_a_low_level() {
    let (folder, data) = imported(USERS);
    let list =
        write(folder.path(), "common.txt", "123456\npassword\n\ncorrect-horse-9417\nhelloworld\nPassword\nU*U\n");
    let dry = scan(&data, &["--passwords", "--dry-run"], &[&list]);
    has(&summary(&dry), &json!({"current": 3, "users": 3, "disabledUsers": 1}));
    assert!(levels(&data).is_empty());

    let outcome = scan(&data, &["--passwords", "--source", "common passwords"], &[&list]);
    outcome.success();
    let found = summary(&outcome);
    every_line_is_counted(&found);
    has(&found, &json!({"lines": 7, "listedPassword": 6, "blank": 1, "eventsRaised": 3, "current": 3}));
    assert_eq!(levels(&data), all_low(&["u-0", "u-1", "u-5"]));
    for said in ["among 4 users", "2 users have only verifiers with a salt or slow ones"] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    let shown = command(["scan", "--dry-run", "--passwords"], &data).arg(&list).run();
    assert!(shown.stderr.contains("a list of passwords; ASCII"), "{shown}");
    let known = evidence(&data, "u-1");
    assert_eq!(known.len(), 1, "{known:?}");
    let expected = json!({"matchClass": "passwordOnly", "matchedAttribute": null, "source": "common passwords"});
    has(&known[0], &expected);

    let again = scan(&data, &["--passwords", "--source", "common passwords"], &[&list]);
    has(&summary(&again), &json!({"eventsRaised": 0, "evidenceAdded": 0, "known": 3}));

    // The same credential in a pair is the same event, and a surer one.
    let pair = write(folder.path(), "pair.txt", "u1@contoso.example:correct-horse-9417\n");
    has(&summary(&scan(&data, &[], &[&pair])), &json!({"eventsRaised": 0, "evidenceAdded": 1}));
    let high = |(user, level): (String, String)| (level == "high").then_some(user);
    assert_eq!(levels(&data).into_iter().filter_map(high).collect::<Vec<_>>(), ["u-1"]);
    assert_eq!(levels(&data).len(), 3);
    // And a list does not make it less sure.
    scan(&data, &["--passwords", "--source", "another list"], &[&list]).success();
    assert_eq!(levels(&data).into_iter().filter_map(high).collect::<Vec<_>>(), ["u-1"]);
}

#[test]
fn a_list_may_have_columns_any_encoding_and_be_packed() {
    for (name, text) in [
        ("behind", "123456:100\ncorrect-horse-9417:3\nhelloworld:2\n".as_bytes().to_vec()),
        ("tab", b"123456\t100\r\ncorrect-horse-9417\t3\r\nhelloworld\t2\r\n".to_vec()),
        ("uniq", b"    100 123456\n      3 correct-horse-9417\n      2 helloworld\n".to_vec()),
        ("csv", b"\"123456\",100\n\"correct-horse-9417\",3\n\"helloworld\",2\n".to_vec()),
        ("hex", b"$HEX[636f72726563742d686f7273652d39343137]\nhelloworld".to_vec()),
        ("wide", "\u{FEFF}correct-horse-9417\nhelloworld\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ] {
        let (folder, data) = imported(USERS);
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file");
        assert!(Command::new("gzip").arg(&file).status().expect("gzip").success());
        let outcome = scan(&data, &["--passwords"], &[&folder.path().join(format!("{name}.gz"))]);
        outcome.success();
        every_line_is_counted(&summary(&outcome));
        assert_eq!(levels(&data), all_low(&["u-1", "u-5"]), "{name}: {outcome}");
    }
    let (folder, data) = imported(USERS);
    let file = folder.path().join("latin.txt");
    fs::write(&file, b"x\nGr\xFC\xDFe\n").expect("a file");
    scan(&data, &["--passwords"], &[&file]).success();
    assert_eq!(levels(&data), all_low(&["u-4"]), "in windows-1252");
}

#[test]
fn what_is_no_list_of_passwords_is_refused_or_warned_of() {
    let (folder, data) = imported(USERS);
    let hashes = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:12\r\n".repeat(20);
    let refused = scan(&data, &["--passwords"], &[&write(folder.path(), "pwned.txt", &hashes)]);
    refused.failure(1);
    assert!(refused.stderr.contains("pwned.txt: a list of hashes"), "{refused}");
    let combo = "u1@contoso.example:correct-horse-9417\n".repeat(5);
    let file = write(folder.path(), "combo.txt", &combo);
    let warned = command(["scan", "--brake-percent", "0", "--passwords"], &data).arg(&file).run();
    warned.success();
    let told = scan(&data, &["--passwords"], &[&file]);
    assert!(told.stdout.contains("\"warning\":\"Warning: combo.txt looks like"), "{told}");
    for said in ["looks like material that names people", "Nothing was found: none of 5 passwords"] {
        assert!(warned.stderr.contains(said), "{said}: {warned}");
    }
    let list = write(folder.path(), "list.txt", "one\ntwo\n");
    let unnamed = command(["scan", "--brake-percent", "0"], &data).arg(&list).run();
    assert!(unnamed.stderr.contains("is scanned with --passwords"), "{unnamed}");
    assert!(levels(&data).is_empty());

    let salted: String = USERS
        .lines()
        .filter(|line| !line.contains("{NT}") && !line.contains("{SHA"))
        .fold(String::new(), |text, line| text + line + "\n");
    let (folder, data) = imported(&salted);
    let nobody = scan(&data, &["--passwords"], &[&write(folder.path(), "list.txt", "one\n")]);
    nobody.failure(1);
    assert!(nobody.stderr.contains("none of the 2 users with verifiers"), "{nobody}");
    let both = command(["scan", "--passwords", "--address-only", "x"], &data).run();
    assert_eq!(both.code, Some(2), "{both}");
}

#[test]
fn passwords_of_a_list_are_nowhere() {
    let (folder, data) = imported(USERS);
    let passwords: Vec<String> = (0..500).map(|number| format!("needle-{number}-in-a-list")).collect();
    let text = passwords.join("\n") + "\ncorrect-horse-9417\n";
    let list = write(folder.path(), "list.txt", &text);
    let outcome = scan(&data, &["--passwords", "--log", "trace"], &[&list]);
    outcome.success();
    has(&summary(&outcome), &json!({"eventsRaised": 1}));
    let needles = ["correct-horse-9417", "needle-", "-in-a-list"];
    let said = outcome.to_string();
    assert!(needles.iter().all(|needle| !said.contains(needle)), "what was printed holds a password");
    let mut files = 0;
    let mut folders = vec![data];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = fs::read(&path).expect("it can be read");
            let holds = |needle: &str| bytes.windows(needle.len()).any(|part| part == needle.as_bytes());
            assert!(!needles.iter().any(|needle| holds(needle)), "{} holds a password", path.display());
        }
    }
    assert!(files > 2, "there is a store");
}

#[test]
fn a_scan_of_lists_that_is_killed_anywhere_and_resumed_raises_the_same_events() {
    let mut users = "id,upn,verifier\n".to_owned();
    for number in 0..200 {
        let verifier =
            if number % 2 == 0 { "{SHA}at+xg6SiyUovktq1redipHiJpaE=" } else { "{NT}8846F7EAEE8FB117AD06BDD830B7586C" };
        writeln!(users, "u-{number:03},u{number}@contoso.example,{verifier}").expect("memory");
    }
    let (folder, data) = imported(&users);
    let material = folder.path().join("material");
    fs::create_dir(&material).expect("a folder");
    for name in ["a.txt", "b.txt"] {
        let mut text = String::new();
        for number in 0..150_000 {
            writeln!(text, "{}", if number == 70_000 { "password".to_owned() } else { format!("word {number}") })
                .expect("memory");
        }
        write(&material, name, &(text + "helloworld\n"));
    }
    crate::jobs::copy(&data, &folder.path().join("untouched"));
    crate::jobs::killed_anywhere(&data, folder.path(), &["scan", "--passwords"], &material, 6);
}

#[test]
fn names_alone_are_told_only_where_they_are_asked_for() {
    let (folder, data) = imported(USERS);
    let text = "u0@contoso.example:not the one\n\
                u1@contoso.example\n\
                u2@contoso.example:\n\
                u3@contoso.example:5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8\n\
                u4@contoso.example:5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8\n\
                u5@contoso.example:helloworld\n\
                u6@contoso.example:whatever\n\
                nobody@contoso.example:x\n";
    let file = write(folder.path(), "a.txt", text);
    let without = scan(&data, &["--dry-run"], &[&file]);
    has(&summary(&without), &json!({"current": 1, "addressOnly": 0}));
    assert!(levels(&data).is_empty());

    let outcome = scan(&data, &["--address-only"], &[&file]);
    outcome.success();
    let found = summary(&outcome);
    every_line_is_counted(&found);
    // Nothing beside the name, an empty password, a hash that bcrypt cannot be compared with, no verifier; but not those
    // whose verifier said no to the password or the hash.
    has(&found, &json!({"current": 1, "users": 1, "addressOnly": 4, "eventsRaised": 5}));
    let of = |level: &str| {
        let all = levels(&data).into_iter().filter(|one| one.1 == level);
        all.map(|(user, _)| user).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("low"), of("high")),
        (["u-1", "u-2", "u-3", "u-6"].map(Into::into).to_vec(), vec!["u-5".to_owned()])
    );

    // One event a user, however often and wherever they are named.
    let more = write(folder.path(), "b.txt", "u1@contoso.example\nu6@contoso.example:another\n");
    has(&summary(&scan(&data, &["--address-only"], &[&more])), &json!({"eventsRaised": 0, "evidenceAdded": 2}));
    has(
        &summary(&scan(&data, &["--address-only"], &[&more])),
        &json!({"eventsRaised": 0, "evidenceAdded": 0, "known": 2}),
    );
    let known = evidence(&data, "u-6");
    assert_eq!(known.len(), 2, "{known:?}");
    for one in &known {
        has(one, &json!({"matchClass": "addressOnly", "matchedAttribute": "userPrincipalName"}));
    }
    let job = summary(&command(["jobs", "list", "--top", "1"], &data).run());
    command(["jobs", "undo", job["id"].as_str().expect("an id")], &data).run().success();
    assert_eq!(levels(&data).len(), 5);
}

#[test]
fn a_directory_without_verifiers_is_scanned_for_names_alone() {
    let users: String =
        (0..30).fold("id,upn\n".to_owned(), |text, n| text + &format!("u-{n:02},u{n}@contoso.example\n"));
    let (folder, data) = imported(&users);
    let file = write(folder.path(), "combo.txt", "u7@contoso.example:secret\nx@gmail.com:y\n");
    let refused = scan(&data, &[], &[&file]);
    refused.failure(1);
    assert!(refused.stderr.contains("--address-only"), "{refused}");
    let outcome = scan(&data, &["--address-only"], &[&file]);
    outcome.success();
    has(&summary(&outcome), &json!({"addressOnly": 1, "eventsRaised": 1, "current": 0}));
    assert_eq!(levels(&data), all_low(&["u-07"]));
    let again = command(["scan", "--brake-percent", "0", "--address-only"], &data).arg(&file).run();
    let said = &again.stderr;
    assert!(said.contains("of whom 0 have verifiers") && !said.contains("Warning"), "{outcome}");
}

#[test]
fn slow_verifiers_are_asked_about_every_candidate_unless_told_otherwise() {
    let (folder, data) = imported(USERS);
    // Further columns: what is the password is not the likeliest.
    let file =
        write(folder.path(), "combo.txt", "u3@contoso.example:U*U:Ursula:10.0.0.1\nu0@contoso.example:password:x:y\n");
    let few = scan(&data, &["--slow-candidates", "1", "--dry-run"], &[&file]);
    has(&summary(&few), &json!({"current": 1}));
    assert!(few.stderr.contains("candidates were not checked"), "fast ones are asked about all: {few}");
    let all = scan(&data, &["--dry-run"], &[&file]);
    has(&summary(&all), &json!({"current": 2}));
    assert!(!all.stderr.contains("were not checked"), "{all}");
    for refused in ["0", "7"] {
        assert_eq!(scan(&data, &["--slow-candidates", refused], &[&file]).code, Some(2));
    }
}

#[test]
fn the_place_in_an_archive_of_machines_is_kept() {
    let (folder, data) = imported(USERS);
    let logs = folder.path().join("logs");
    let machine = logs.join("DE_203.0.113.7_7F3A");
    fs::create_dir_all(&machine).expect("a folder");
    let block = "URL: https://site.example\nUsername: u5@contoso.example\nPassword: helloworld\n";
    fs::write(machine.join("All Passwords.txt"), block).expect("a file");
    let tar = folder.path().join("logs.tar.gz");
    let packed = Command::new("tar").arg("-C").arg(folder.path()).arg("-czf").arg(&tar).arg("logs").status();
    assert!(packed.expect("tar").success());
    scan(&data, &[], &[&tar]).success();
    let known = evidence(&data, "u-5");
    let source = known[0]["source"].as_str().expect("a text");
    assert!(source.contains("logs.tar.gz") && source.ends_with("DE_203.0.113.7_7F3A/All Passwords.txt"), "{source}");
}
