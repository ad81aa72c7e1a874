//! Pairs that are handed in over HTTP, checked beside the answers: by servers and workers, whatever dies in between.

use crate::directory::{events, has, summary, with_file, write};
use crate::{BINARY, command, folder};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::server::{TestServer, wait_for};

pub(crate) const CHECK: &str = "/v1.0/spillwatch/check";
const PASSWORD: &str = "{NT}8846F7EAEE8FB117AD06BDD830B7586C";
const OTHER: &str = "{NT}A4F49C406510BDCAB6824EE7C30FD852";

/// A folder's store with so many users of a verifier.
fn store(folder: &Path, count: usize, verifier: &str) -> PathBuf {
    let data = folder.join("data");
    import(folder, &data, count, verifier);
    data
}

fn import(folder: &Path, data: &Path, count: usize, verifier: &str) {
    let mut text = "id,upn,displayName,verifier\n".to_owned();
    for number in 0..count {
        writeln!(text, "u-{number:03},u{number}@corp.test,U {number},{verifier}").expect("memory");
    }
    with_file(["users", "import"], &write(folder, "users.csv", &text), data).success();
}

/// A bcrypt hash of `password`, of which each check takes some hundredths of a second.
pub(crate) fn slow() -> String {
    let (salt, text) = (*b"sixteen bytes ..", GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD));
    let hash = bcrypt::bcrypt(9, salt, b"password\0");
    format!("$2b$09${}{}", text.encode(salt), text.encode(&hash[..23]))
}

fn server(data: &Path, threads: &str) -> TestServer {
    TestServer::start_with(BINARY, data, |program| program.args(["--check-rate", "off", "--work-threads", threads]))
}

fn pair(name: &str, password: &str) -> Value {
    json!({"name": name, "password": password})
}

/// Hands pairs in, and answers the path of their job.
#[track_caller]
pub(crate) fn hand_in(server: &TestServer, pairs: &[Value]) -> String {
    let answer = server.call("POST", CHECK, Some(&json!({"source": "feed", "pairs": pairs}))).expect(202);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    format!("/v1.0/spillwatch/jobs/{id}")
}

/// Waits for the end of a job.
#[track_caller]
pub(crate) fn ended(server: &TestServer, path: &str) -> Value {
    wait_for("the job to end", || {
        let job = server.call("GET", path, None).expect(200).json();
        let status = job["status"].as_str().expect("a status");
        (!["waiting", "running", "interrupted"].contains(&status)).then(|| job.clone())
    })
}

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().expect("an id")
}

#[test]
fn a_pair_that_is_current_becomes_an_event() {
    let folder = folder();
    let data = store(folder.path(), 10, PASSWORD);
    let server = server(&data, "1");
    let pairs = [
        pair("U3@corp.test", "another one"),
        pair("u3+tag@corp.test", "password"),
        pair("nobody@corp.test", "password"),
        pair("u4@corp.test", "no"),
    ];
    let path = hand_in(&server, &pairs);
    let job = ended(&server, &path);
    has(&job, &json!({"status": "completed", "percentComplete": 100, "counters": {"pairs": 4, "done": 4}}));
    let shown = events(&data, "userId,riskEventType,riskEventStatus");
    assert_eq!(shown.len(), 1, "{shown:?}");
    has(&shown[0], &json!({"userId": "u-003", "riskEventType": "leakedCredentials", "riskEventStatus": "active"}));
    let found = server.call("GET", &format!("{path}/findings"), None).expect(200).json();
    has(&found["value"][0], &json!({"userId": "u-003", "source": "feed", "matchClass": "pair", "document": null}));
    // Who runs commands on the store may know more.
    let told = summary(&command(["jobs", "show", "--json", id_of(&path)], &data).run());
    let counts = &told["progress"]["counts"];
    has(counts, &json!({"lines": 4, "current": 1, "notCurrent": 2, "unknownName": 1}));

    // The directory changes while the server runs: what is checked after that is checked by what it is then.
    import(folder.path(), &data, 10, OTHER);
    assert_eq!(events(&data, "riskEventStatus")[0]["riskEventStatus"], "remediated");
    ended(&server, &hand_in(&server, &[pair("u3@corp.test", "password"), pair("u5@corp.test", "Password")]));
    let shown = events(&data, "userId,riskEventStatus");
    let seen: Vec<String> =
        shown.iter().map(|event| format!("{} {}", event["userId"], event["riskEventStatus"])).collect();
    assert_eq!(seen, [r#""u-003" "remediated""#, r#""u-005" "active""#]);

    // The brake holds many, and a release over HTTP lets them through.
    let all: Vec<Value> = (0..10).map(|number| pair(&format!("u{number}@corp.test"), "Password")).collect();
    let path = hand_in(&server, &all);
    let held = ended(&server, &path);
    has(&held, &json!({"status": "held", "message": "the brake holds it until it is released"}));
    server.call("POST", &format!("{path}/resume"), Some(&json!({"release": true}))).expect(202);
    has(&ended(&server, &path), &json!({"status": "completed"}));
    assert_eq!(events(&data, "id").len(), 11);
    let undo = server.call("POST", &format!("{path}/undo"), None).expect(202).json();
    let undo = format!("/v1.0/spillwatch/jobs/{}", undo["id"].as_str().expect("an id"));
    has(&ended(&server, &undo), &json!({"kind": "undo", "status": "completed", "undoes": id_of(&path)}));
    assert_eq!(events(&data, "id").len(), 2);
    server.stop().success();
}

#[test]
fn what_was_answered_is_checked_though_the_server_is_killed() {
    let folder = folder();
    let slow = slow();
    let data = store(folder.path(), 20, &slow);
    // Before anything of it is begun.
    let first = server(&data, "0");
    let path = hand_in(&first, &[pair("u1@corp.test", "wrong"), pair("u1@corp.test", "password")]);
    has(&first.call("GET", &path, None).expect(200).json(), &json!({"status": "waiting", "percentComplete": 0}));
    first.kill();
    let mut paths = vec![path];
    // In the midst of it: of checking, of raising, of anything.
    for round in 0..4 {
        let running = server(&data, "2");
        let name = format!("u{}@corp.test", round + 2);
        let mut pairs: Vec<Value> = (0..6 * round).map(|number| pair(&name, &format!("guess {number}"))).collect();
        pairs.push(pair(&name, "password"));
        paths.push(hand_in(&running, &pairs));
        running.kill();
    }
    // Others wait for the dead until their leases have lapsed: that is what takes the time here.
    let last = server(&data, "2");
    for path in &paths {
        has(&ended(&last, path), &json!({"status": "completed"}));
    }
    let users: Vec<Value> = events(&data, "userId").into_iter().map(|event| event["userId"].clone()).collect();
    assert_eq!(users, ["u-001", "u-002", "u-003", "u-004", "u-005"]);
    last.stop().success();
}

#[test]
fn a_server_that_stops_gives_back_what_workers_then_do() {
    let folder = folder();
    let data = store(folder.path(), 20, &slow());
    let stopped = server(&data, "1");
    let pairs: Vec<Value> = (0..200).map(|number| pair("u7@corp.test", &format!("guess {number}"))).collect();
    // More than are taken of one name in an hour.
    stopped.call("POST", CHECK, Some(&json!({"source": "feed", "pairs": pairs}))).expect(400);
    let pairs: Vec<Value> =
        (0..200).map(|number| pair(&format!("u{}@corp.test", number % 20), &format!("guess {number}"))).collect();
    let path = hand_in(&stopped, &[pairs, vec![pair("u7@corp.test", "password")]].concat());
    stopped.stop().success();
    let shown = summary(&command(["jobs", "show", "--json", id_of(&path)], &data).run());
    has(&shown, &json!({"state": "waiting"}));
    // It would not wait for a lease.
    let worker = command(["worker", "--until-idle", "--threads", "2"], &data).run();
    worker.success();
    let shown = summary(&command(["jobs", "show", "--json", id_of(&path)], &data).run());
    has(&shown, &json!({"state": "completed"}));
    has(&shown["progress"]["counts"], &json!({"lines": 201, "current": 1}));
    assert_eq!(events(&data, "userId"), [json!({"userId": "u-007"})]);
    command(["jobs", "resume", id_of(&path)], &data).run().failure(1);
    command(["doctor"], &data).run().success();
}

#[test]
fn several_processes_share_the_work_and_end_each_job_once() {
    let folder = folder();
    let data = store(folder.path(), 200, PASSWORD);
    let servers = [server(&data, "1"), server(&data, "2")];
    let workers = [1, 2].map(|_| command(["worker", "--threads", "1"], &data).spawn());
    let mut paths = Vec::new();
    for round in 0..20 {
        let pairs: Vec<Value> = (0..120)
            .map(|number| match number {
                0..4 => pair(&format!("u{}@corp.test", 4 * round + number), "password"),
                _ => pair(&format!("x{round}-{number}@corp.test"), "password"),
            })
            .collect();
        paths.push(hand_in(&servers[round % 2], &pairs));
    }
    for path in &paths {
        has(&ended(&servers[0], path), &json!({"status": "completed", "counters": {"pairs": 120, "done": 120}}));
    }
    assert_eq!(events(&data, "id").len(), 80);
    for path in &paths {
        let shown = summary(&command(["jobs", "show", "--json", id_of(path)], &data).run());
        has(&shown["progress"]["raised"], &json!({"raised": 4, "known": 0, "added": 0}));
    }
    for worker in workers {
        crate::workers::stop(worker);
    }
    for server in servers {
        server.stop().success();
    }
}

#[test]
fn work_threads_are_threads_of_the_process() {
    let folder = folder();
    let data = store(folder.path(), 1, PASSWORD);
    for threads in [0, 3] {
        let mut server = server(&data, &threads.to_string());
        let id = server.process().id();
        // Each of them names itself when it first runs.
        wait_for("so many threads", || {
            let listed = Command::new("ps").args(["-L", "-o", "comm=", "-p", &id.to_string()]).output().expect("ps");
            (String::from_utf8_lossy(&listed.stdout).matches("desk-").count() == threads).then_some(())
        });
    }
}
