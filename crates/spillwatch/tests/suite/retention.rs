//! Retroactive checks: what a scan kept is looked up when users, names and verifiers come later, without the material.

use crate::directory::{events, has, with_file, write};
use crate::jobs::copy;
use crate::queue::{database, fast, newest, number, raised, sealed, slow};
use crate::scan::{every_line_is_counted, scan, summary};
use crate::{BINARY, EVENTS, command, folder};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, TestServer, wait_for};

/// How much is kept.
#[track_caller]
fn kept(data: &Path) -> u64 {
    number(data, "SELECT count(*) FROM retained_candidates")
}

/// Somebody in a directory, with a verifier that nothing in the material fits.
fn first() -> String {
    format!("id,upn,verifier\nu-0,u0@corp.test,{}\n", fast("nothing that leaked"))
}

/// Pairs of people who are not there yet, of one who is, and of others who are none of ours.
const MATERIAL: &str = "u0@corp.test:leaked-0\n\
                        u1@corp.test:leaked-1\n\
                        https://shop.example/login:other.name@corp.test:leaked-2\n\
                        u3@corp.test:leaked-3\n\
                        U4+shop@Corp.test:leaked-4\n\
                        u5@sister.test:leaked-5\n\
                        u6@corp.test:7c4a8d09ca3762af61e59520943dc26494f8941b\n\
                        someone@gmail.example:leaked-1\n\
                        u1@elsewhere.example:leaked-1\n";

/// Users who come after that: by their address, an alias, with a slow verifier, a name with a tag, a domain that was told,
/// a hash that is the verifier's, and one whom the material knows with another password.
fn later() -> String {
    format!(
        "id,upn,aliases,verifier\nu-1,u1@corp.test,,{}\nu-2,u2@corp.test,other.name@corp.test;also@corp.test,{}\n\
         u-3,u3@corp.test,,{}\nu-4,u4@corp.test,,{}\nu-5,u5@sister.test,,{}\n\
         u-6,u6@corp.test,,{{SHA}}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\nu-7,u7@corp.test,,{}\n",
        fast("leaked-1"),
        fast("leaked-2"),
        slow("leaked-3"),
        fast("leaked-4"),
        fast("leaked-5"),
        fast("leaked-1")
    )
}

/// A store whose scan kept the material, which is gone.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "first.csv", &first()), &data).success();
    let material = write(folder.path(), "leak.txt", MATERIAL);
    let more = ["--retain", "30", "--own-domain", "sister.test", "--source", "a feed", "--leaked", "2024-03-01"];
    let outcome = scan(&data, &more, &[&material]);
    outcome.success();
    let found = summary(&outcome);
    every_line_is_counted(&found);
    has(&found, &json!({"current": 0, "eventsRaised": 0, "state": "completed", "retained": 8}));
    assert_eq!(kept(&data), 8, "one may be a hash or a password; those beside names in other domains are not kept");
    fs::remove_file(material).expect("it is ours");
    (folder, data)
}

/// Imports an export; the brake is released.
fn import(folder: &Path, data: &Path, text: &str) -> Outcome {
    let file = write(folder, "later.csv", text);
    command(["users", "import", "--brake-percent", "0"], data).arg(file).run()
}

#[test]
fn who_comes_later_is_raised_within_that_import() {
    let (folder, data) = place();
    let outcome = import(folder.path(), &data, &later());
    outcome.success();
    has(&newest(&data), &json!({"kind": "import", "state": "completed"}));
    assert_eq!(raised(&data), ["u-1", "u-2", "u-3", "u-4", "u-5", "u-6"], "{outcome}");
    assert_eq!((sealed(&data), kept(&data)), (0, 8), "others may come");
    for said in ["Passwords that scans kept", "handed to slow verifiers: 1", "Events raised: 6"] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    // The evidence tells of the scan's source, and the job of the place in the material.
    let job = newest(&data)["id"].as_str().expect("an id").to_owned();
    let findings = command(["jobs", "findings", "--json", &job], &data).run().lines();
    assert_eq!(findings.len(), 6);
    for finding in &findings {
        let document = finding["document"].as_str().expect("a path");
        assert!(finding["source"] == "a feed" && document.ends_with("leak.txt"), "{finding}");
    }
    let of = |user: &str| findings.iter().find(|finding| finding["userId"] == user).expect("a finding");
    has(of("u-2"), &json!({"matchClass": "pair", "matchedAttribute": "alias", "host": "shop.example"}));
    has(of("u-3"), &json!({"matchClass": "pair", "matchedAttribute": "userPrincipalName", "offset": 101}));
    has(of("u-6"), &json!({"matchClass": "pairByHash"}));
    let places = command(["events", "places", "--json", of("u-1")["eventId"].as_str().expect("an id")], &data).run();
    assert!(places.success().contains("leak.txt"), "{places}");
    let server = TestServer::start(BINARY, &data);
    let shown = server.call("GET", &format!("{EVENTS}?$filter=userId%20eq%20'u-1'"), None).expect(200).json();
    has(&shown["value"][0], &json!({"riskLevel": "high", "riskEventStatus": "active"}));
    let id = shown["value"][0]["id"].as_str().expect("an id");
    let evidence = server.call("GET", &format!("{EVENTS}/{id}/evidence"), None).expect(200).json();
    has(&evidence["value"][0], &json!({"source": "a feed", "matchClass": "pair"}));
    server.stop().success();

    // The same export again changes nothing.
    let again = import(folder.path(), &data, &later());
    again.success();
    assert!(!again.stderr.contains("Events raised: 1"), "{again}");
    assert_eq!(raised(&data).len(), 6);
    command(["doctor"], &data).run().success();
}

#[test]
fn a_verifier_or_a_name_that_comes_later_is_looked_up() {
    let (folder, data) = place();
    let import = |line: &str| import(folder.path(), &data, &format!("id,upn,aliases,verifier\n{line}\n"));
    // Who was there gets a password that leaked, first a fast verifier and then a slow one.
    import(&format!("u-0,u0@corp.test,,{}", fast("leaked-0"))).success();
    assert_eq!(raised(&data), ["u-0"]);
    // Who came with another password, and gets an alias that is in the material; and then that password.
    import(&format!("u-8,u8@corp.test,,{}", slow("leaked-2"))).success();
    assert_eq!(raised(&data), ["u-0"]);
    import(&format!("u-8,u8@corp.test,other.name@corp.test,{}", slow("leaked-2"))).success();
    assert_eq!(raised(&data), ["u-0", "u-8"]);
    import(&format!("u-1,u1@corp.test,,{}", slow("something else"))).success();
    import(&format!("u-1,u1@corp.test,,{}", slow("leaked-1"))).success();
    assert_eq!(raised(&data), ["u-0", "u-1", "u-8"]);
    assert_eq!(sealed(&data), 0);
    // The undo of an import takes back what it raised.
    let job = newest(&data)["id"].as_str().expect("an id").to_owned();
    command(["jobs", "undo", &job], &data).run().success();
    assert_eq!(raised(&data), ["u-0", "u-8"]);
}

#[test]
fn an_import_that_is_killed_anywhere_and_resumed_raises_the_same_of_what_was_kept() {
    let (folder, data) = place();
    copy(&data, &folder.path().join("untouched"));
    let file = write(folder.path(), "later.csv", &later());
    crate::jobs::killed_anywhere(&data, folder.path(), &["users", "import"], &file, 12);
}

#[test]
fn what_was_kept_is_forgotten_when_its_time_is_over() {
    let (folder, data) = place();
    let seconds = "SELECT min(expires) / 10000000 FROM retained_candidates";
    let until = number(&data, seconds);
    let longer = write(folder.path(), "again.txt", "u1@corp.test:leaked-1\n");
    scan(&data, &["--retain", "60", "--source", "a feed"], &[&longer]).success();
    assert_eq!(
        (number(&data, seconds), kept(&data)),
        (until, 8),
        "the same credential of the same source is kept once"
    );
    let last = number(&data, "SELECT max(expires) / 10000000 FROM retained_candidates");
    let hours = (last - until) / 3600;
    assert!((720..722).contains(&hours), "for the longer time: {hours} hours more");

    // Days later.
    database(&data).execute("UPDATE retained_candidates SET expires = 1", []).expect("rows");
    let outcome = import(folder.path(), &data, &later());
    outcome.success();
    assert!(raised(&data).is_empty(), "{outcome}");
    assert_eq!(kept(&data), 0, "and no password is left");
    assert!(events(&data, "id").is_empty());
}

fn patch(operation: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

#[test]
fn who_is_provisioned_later_is_raised() {
    let (_folder, data) = place();
    let server = TestServer::start_with(BINARY, &data, |program| program.args(["--work-threads", "1"]));
    let wait = |what: &str, user: &str| {
        wait_for(what, || {
            let path = format!("{EVENTS}?$filter=userId%20eq%20'{user}'");
            let found = server.call("GET", &path, None).expect(200).json();
            found["value"].as_array().is_some_and(|events| !events.is_empty()).then_some(())
        });
    };
    let add = |name: &str, password: &str| {
        let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name,
                          "password": password});
        let made = server.call("POST", "/scim/v2/Users", Some(&user)).expect(201).json();
        made["id"].as_str().expect("an id").to_owned()
    };
    let one = add("u1@corp.test", "leaked-1");
    wait("the event of a user who is made", &one);
    let two = add("u2@corp.test", "nothing that leaked");
    let three = add("u3@corp.test", "nothing that leaked");
    let path = |user: &str| format!("/scim/v2/Users/{user}");
    let password = patch(&json!({"op": "replace", "path": "password", "value": "leaked-3"}));
    server.call("PATCH", &path(&three), Some(&password)).expect(200);
    wait("the event of a user whose password is another one", &three);
    let mut expected = vec![one, three];
    expected.sort();
    server.stop().success();
    assert_eq!((raised(&data), sealed(&data)), (expected, 0), "and none of {two}");
}
