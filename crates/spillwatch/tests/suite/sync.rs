//! `spillwatch users sync` against OpenLDAP: what changes there changes here, and nothing else does.

use crate::directory::{events, has, summary, with_file, write};
use crate::{command, folder};
use ldap_server::{CLERK, Options, PASSWORD, READER, SUFFIX, Server};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, Program, wait_for};

/// SHA-1 of `helloworld`, and of `password`.
const HELLOWORLD: &str = "{SHA}at+xg6SiyUovktq1redipHiJpaE=";
const CHANGED: &str = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";
/// Long ago, so that no sync reads those entries again because they are new.
const LONG_AGO: &str = "20240101000000Z";

fn dn(number: usize) -> String {
    format!("uid=u{number},ou=people,{SUFFIX}")
}

fn person(number: usize) -> String {
    format!(
        "dn: {}\nobjectClass: inetOrgPerson\nuid: u{number}\ncn: U {number}\nsn: {number}\nmail: u{number}@corp.test\n\
         userPassword: {HELLOWORLD}\n",
        dn(number)
    )
}

fn people(numbers: Range<usize>) -> String {
    let mut text = format!("dn: ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: people\n\n");
    for number in numbers {
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        writeln!(text, "{}entryUUID: {id}\nmodifyTimestamp: {LONG_AGO}\n", person(number)).expect("memory");
    }
    text
}

/// A server of so many people, for a bind without limits over pages.
fn server_of(count: usize) -> Server {
    server(&Options { entries: people(0..count), ..Options::default() })
}

#[track_caller]
fn server(options: &Options) -> Server {
    Server::start(options).unwrap_or_else(|error| panic!("{error}"))
}

fn as_reader(url: &str, data: &Path, more: &[&str]) -> Program {
    let program = command(["users", "sync", "--bind-dn", READER, "--ldap", url], data).args(more);
    program.env("SPILLWATCH_LDAP_PASSWORD", PASSWORD)
}

/// A sync in clear, which stays on this machine.
fn sync(server: &Server, data: &Path, more: &[&str]) -> Outcome {
    as_reader(&server.url(), data, &[&["--insecure-plaintext"], more].concat()).run()
}

/// Users by their id, with what a directory tells of them.
fn users(data: &Path) -> Vec<Value> {
    let select = "id,userPrincipalName,mail,displayName,accountEnabled";
    let outcome = command(["users", "list", "--orderby", "id", "--select", select], data).run();
    outcome.success();
    outcome.lines()
}

/// How large the store's files are together.
fn stored(data: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(data) else { return 0 };
    files
        .flatten()
        .filter_map(|file| file.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|about| about.len())
        .sum()
}

/// What is secret about a directory stays in memory, but for verifiers, which are sealed.
#[track_caller]
fn has_no_secret(data: &Path) {
    for file in std::fs::read_dir(data).expect("it is ours").flatten().filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).expect("it is ours");
        for secret in [PASSWORD, HELLOWORLD] {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{} holds a secret", file.path().display());
        }
    }
}

/// Some hundreds of changes: passwords, addresses, names, entries.
fn change(server: &Server) {
    let mut changes = String::new();
    let mut modify = |number: usize, what: &str| {
        write!(changes, "dn: {}\nchangetype: {what}\n\n", dn(number)).expect("memory");
    };
    for number in 0..150 {
        modify(number, &format!("modify\nreplace: userPassword\nuserPassword: {CHANGED}"));
    }
    for number in 200..300 {
        modify(number, &format!("modify\nreplace: mail\nmail: mail{number}@corp.test"));
    }
    for number in 300..400 {
        modify(number, &format!("modrdn\nnewrdn: uid=renamed{number}\ndeleteoldrdn: 1"));
    }
    for number in 400..520 {
        modify(number, "delete");
    }
    for number in 600..680 {
        modify(number, "modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z");
    }
    for number in 10_000..10_090 {
        writeln!(changes, "{}", person(number).replacen('\n', "\nchangetype: add\n", 1)).expect("memory");
    }
    server.modify(&changes).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_changes_in_a_directory_of_ten_thousand_changes_here() {
    let folder = folder();
    let data = folder.path().join("data");
    let server = server_of(10_000);
    let told = sync(&server, &data, &["--dry-run"]);
    told.success();
    has(&summary(&told), &json!({"created": 10_000}));
    assert!(command(["users", "list", "--top", "1"], &data).run().lines().is_empty(), "nothing is written");

    // Killed in the middle, and run again: as if it had not been.
    for mebibytes in [2, 4] {
        let mut killed = as_reader(&server.url(), &data, &["--insecure-plaintext"]).spawn();
        wait_for("users in the store", || (stored(&data) > mebibytes << 20).then_some(()));
        assert!(killed.ended().is_none(), "there is more to come: {}", killed.stderr());
        killed.kill();
    }
    let first = sync(&server, &data, &[]);
    first.success();
    let counts = summary(&first);
    has(&counts, &json!({"entries": 10_000, "updated": 0, "refused": 0, "removed": 0, "verifiersChanged": 0}));
    let number = |name: &str| counts[name].as_u64().expect("a number");
    assert_eq!(number("created") + number("unchanged"), 10_000);
    assert!(number("created") > 0 && number("unchanged") > 0, "{counts}");
    assert!(first.stderr.contains("10000 entries; all of them were read"), "{first}");
    let before = users(&data);
    assert_eq!(before.len(), 10_000);

    has_no_secret(&data);

    // A hundred of those whose password changes have an open event.
    let mut pairs = String::new();
    for number in 0..100 {
        writeln!(pairs, "u{number}@corp.test:helloworld").expect("memory");
    }
    with_file(["check", "--brake-percent", "0"], &write(folder.path(), "pairs.txt", &pairs), &data).success();
    assert_eq!(events(&data, "id").len(), 100);

    change(&server);
    let second = sync(&server, &data, &[]);
    second.success();
    let counts = summary(&second);
    has(
        &counts,
        &json!({"entries": 520, "created": 90, "removed": 120, "refused": 0, "verifiersFirst": 90,
                "verifiersChanged": 150, "eventsRemediated": 100}),
    );
    assert_eq!(counts["updated"].as_u64(), Some(430), "{counts}");
    assert!(second.stderr.contains("9970 entries; 520 that are new"), "{second}");
    let open = command(["events", "list", "--filter", "riskEventStatus eq 'active'"], &data).run();
    assert!(open.lines().is_empty(), "{open}");

    let after = users(&data);
    assert_eq!(after.len(), 9970);
    let by_id = |users: &[Value], number: usize| {
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        users.iter().find(|user| user["id"] == *id).cloned()
    };
    for number in [200, 299] {
        let user = by_id(&after, number).expect("the user");
        assert_eq!(user["mail"], format!("mail{number}@corp.test"));
    }
    for number in [300, 399, 1000] {
        assert_eq!(by_id(&after, number), by_id(&before, number), "a new name is the same user");
    }
    assert_eq!(by_id(&after, 450), None);
    let disabled = after.iter().filter(|user| user["accountEnabled"] == false).count();
    assert_eq!(disabled, 80);
    let by_new_name = format!("renamed300:{}\n", "helloworld");
    let found = with_file(["check"], &write(folder.path(), "renamed.txt", &by_new_name), &data);
    found.success();
    assert_eq!(events(&data, "id").len(), 101, "the new name leads to the user: {found}");

    nothing_is_changed_again(&server, &data, &after);
}

/// A sync of a directory that is as it was, and one after its last was taken back.
fn nothing_is_changed_again(server: &Server, data: &Path, before: &[Value]) {
    let third = sync(server, data, &[]);
    third.success();
    let counts = summary(&third);
    has(
        &counts,
        &json!({"created": 0, "updated": 0, "linked": 0, "removed": 0, "verifiersChanged": 0, "eventsRemediated": 0}),
    );
    assert_eq!(counts["entries"], counts["unchanged"]);
    assert_eq!(users(data), before);

    // What was taken back here is told again, although nothing has changed there.
    let jobs = command(["jobs", "list", "--top", "1"], data).run();
    let newest = summary(&jobs);
    let undone = command(["jobs", "undo"], data).arg(newest["id"].as_str().expect("an id")).run();
    undone.success();
    let fourth = sync(server, data, &[]);
    fourth.success();
    assert!(fourth.stderr.contains("9970 entries; all of them were read"), "after an undo: {fourth}");
    has(&summary(&fourth), &json!({"unchanged": 9970}));
}

#[test]
fn whoever_cannot_be_listed_is_not_taken_to_be_gone() {
    let folder = folder();
    let data = folder.path().join("data");
    sync(&server_of(300), &data, &[]).success();
    let limited =
        server(&Options { entries: people(0..290), reader_limits: Some("size=100".to_owned()), ..Options::default() });
    let outcome = sync(&limited, &data, &[]);
    outcome.failure(1);
    has(&summary(&outcome), &json!({"removed": 0}));
    for said in ["its size limit was reached", "nobody was taken to be gone"] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    assert_eq!(users(&data).len(), 300);
    has(&summary(&command(["jobs", "list", "--top", "1"], &data).run()), &json!({"state": "failed"}));

    let whole = server_of(290);
    let held = sync(&whole, &data, &["--brake-percent", "1"]);
    held.failure(1);
    assert!(held.stderr.contains("removing 10 users whom the directory has no longer"), "{held}");
    assert_eq!(users(&data).len(), 300, "the brake is asked before anybody is removed");
    let job = summary(&command(["jobs", "list", "--top", "1"], &data).run());
    let released = command(["jobs", "resume", "--release"], &data).arg(job["id"].as_str().expect("an id"));
    let released = released.env("SPILLWATCH_LDAP_PASSWORD", PASSWORD).run();
    released.success();
    has(&summary(&released), &json!({"removed": 10}));
    assert_eq!(users(&data).len(), 290);
}

/// A CA in a file, and a server's certificate for `localhost` that it has signed.
fn certificates(folder: &Path) -> (PathBuf, (String, String)) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "A CA for tests");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &ca).expect("a certificate");
    (write(folder, "ca.pem", &ca.pem()), (certificate.pem(), key.serialize_pem()))
}

#[test]
fn tls_is_made_with_the_right_server_only() {
    let folder = folder();
    let data = folder.path().join("data");
    let (ca, tls) = certificates(folder.path());
    let server = server(&Options { entries: people(0..3), tls: Some(tls), ..Options::default() });
    let with = |url: &str, ca: &Path| as_reader(url, &data, &["--ca", ca.to_str().expect("a path")]).run();
    for (url, created) in [(server.tls_url(), 3), (server.named_url(), 0)] {
        let outcome = with(&url, &ca);
        outcome.success();
        has(&summary(&outcome), &json!({"created": created, "refused": 0, "removed": 0}));
    }
    let elsewhere = crate::folder();
    let (other, _) = certificates(elsewhere.path());
    let empty = write(folder.path(), "empty.pem", "");
    for (url, ca, said) in [
        (server.tls_url(), &other, "is not signed by a certificate in the file of --ca"),
        (server.named_url(), &other, "is not signed by a certificate in the file of --ca"),
        (server.url(), &ca, "is one of localhost and not of `127.0.0.1`; call it by a name"),
        (server.tls_url(), &empty, "there is no certificate in PEM"),
    ] {
        let outcome = with(&url, ca);
        outcome.failure(1);
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
        assert!(!outcome.to_string().contains(PASSWORD), "{outcome}");
    }
}

#[test]
fn each_refusal_says_what_to_do() {
    let folder = folder();
    let data = folder.path().join("data");
    let server = server_of(5);
    let url = server.url();
    let password = write(folder.path(), "password", "not this one\n");
    let password = password.to_str().expect("a path");
    let open = write(folder.path(), "open", PASSWORD);
    let clear = "--insecure-plaintext";
    let cases: [(&[&str], i32, &str); 8] = [
        (&[clear, "--bind-password-file", password], 1, "the name or the password is wrong"),
        (&[clear, "--base", "dc=elsewhere,dc=test"], 1, "there is no base `dc=elsewhere,dc=test`"),
        (&[clear, "--base", "nonsense"], 1, "that is no distinguished name"),
        (&[clear, "--filter", "uid=("], 1, "uid=( is no filter"),
        (&[clear, "--bind-password-file", open.to_str().expect("a path")], 1, "run `chmod 600`"),
        (&[], 1, "it refuses StartTLS"),
        (&["--ca", "/nowhere.pem"], 1, "/nowhere.pem cannot be used"),
        (&[clear, "--source", "a name"], 2, "1 to 64 letters"),
    ];
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("it is ours");
    for (more, code, said) in cases {
        let outcome = as_reader(&url, &data, more).run();
        outcome.failure(code);
        assert!(outcome.stderr.contains(said), "{more:?}: {said}: {outcome}");
        assert!(!outcome.to_string().contains(PASSWORD) && !outcome.to_string().contains("not this one"), "{outcome}");
    }
    let nobody = command(["users", "sync", "--bind-dn", READER, "--ldap", &url, clear], &data).run();
    nobody.failure(2);
    assert!(nobody.stderr.contains("--bind-dn needs a password"), "{nobody}");
    let named = command(["users", "sync", "--ldap", "ldap://anna:swordfish@corp.test"], &data).run();
    named.failure(2);
    assert!(named.stderr.contains("it names somebody before the `@`"), "{named}");
    assert!(!named.stderr.contains("swordfish"), "{named}");
    let anonymous = command(["users", "sync", "--ldap", &url, clear], &data).run();
    anonymous.failure(1);
    assert!(anonymous.stderr.contains("or the bind may not see it"), "{anonymous}");
    assert!(command(["jobs", "list"], &data).run().lines().is_empty(), "what cannot begin is no job");
    let none = as_reader(&url, &data, &[clear, "--filter", "(uid=nobody)"]).run();
    none.failure(1);
    assert!(none.stderr.contains("no entry below `dc=corp,dc=test` fits the filter (uid=nobody)"), "{none}");
    drop(server);
    let gone = as_reader(&url, &data, &[clear]).run();
    gone.failure(1);
    assert!(gone.stderr.contains("cannot be reached"), "{gone}");
}

#[test]
fn a_bind_that_may_not_read_passwords_is_warned_about() {
    let folder = folder();
    let data = folder.path().join("data");
    let server = server_of(5);
    let arguments = ["users", "sync", "--bind-dn", CLERK, "--insecure-plaintext", "--ldap", &server.url()];
    let outcome = command(arguments, &data).env("SPILLWATCH_LDAP_PASSWORD", PASSWORD).run();
    outcome.success();
    has(&summary(&outcome), &json!({"created": 5, "verifiersFirst": 0}));
    assert!(outcome.stderr.contains("Warning: no entry has a password verifier"), "{outcome}");
}

#[test]
fn an_entry_that_was_refused_is_asked_for_again() {
    let folder = folder();
    let data = folder.path().join("data");
    let nameless = format!(
        "dn: cn=nameless,ou=people,{SUFFIX}\nobjectClass: person\nobjectClass: uidObject\ncn: nameless\nsn: n\nuid: nameless\n\
         modifyTimestamp: {LONG_AGO}\n\n"
    );
    let server = server(&Options { entries: people(0..5) + &nameless, ..Options::default() });
    for (more, code, expected) in [
        (&[][..], 1, json!({"entries": 6, "created": 5, "refused": 1, "removed": 0})),
        (&[], 1, json!({"entries": 1, "refused": 1, "removed": 0})),
        (&["--upn-domain", "corp.test"], 0, json!({"entries": 1, "created": 1, "refused": 0})),
        (&[], 0, json!({"entries": 0, "removed": 0})),
    ] {
        let outcome = sync(&server, &data, more);
        assert_eq!(outcome.code, Some(code), "{outcome}");
        has(&summary(&outcome), &expected);
        if code == 1 {
            assert!(
                outcome.stderr.contains("cn=nameless,ou=people,dc=corp,dc=test: the user is new and no name"),
                "{outcome}"
            );
        }
    }
}

#[test]
fn a_sync_that_is_held_goes_on_as_the_same_job() {
    let folder = folder();
    let data = folder.path().join("data");
    sync(&server_of(30), &data, &[]).success();
    let server = server_of(10);
    // Long enough that it is stopped before a third round begins.
    let mut running = as_reader(&server.url(), &data, &["--insecure-plaintext", "--every", "4s"]).spawn();
    wait_for("two rounds", || (running.stderr().matches("the job is held").count() >= 2).then_some(()));
    running.terminate();
    running.wait();
    running.outcome().success();
    let jobs = command(["jobs", "list"], &data).run();
    jobs.success();
    assert_eq!(jobs.lines().len(), 2, "{jobs}");
    has(&jobs.lines()[0], &json!({"state": "held"}));
    assert_eq!(users(&data).len(), 30);
}

#[test]
fn a_sync_goes_on_until_it_is_stopped() {
    let folder = folder();
    let data = folder.path().join("data");
    let server = server_of(20);
    let mut running = as_reader(&server.url(), &data, &["--insecure-plaintext", "--every", "1s"]).spawn();
    wait_for("the first sync", || running.stderr().contains("all of them were read").then_some(()));
    server.modify(&person(77).replacen('\n', "\nchangetype: add\n", 1)).expect("it is taken");
    wait_for("the user", || (users(&data).len() == 21).then_some(()));
    running.terminate();
    running.wait();
    let outcome = running.outcome();
    outcome.success();
    assert!(outcome.stderr.contains("SIGTERM"), "{outcome}");
}
