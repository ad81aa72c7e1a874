//! A change of keys while passwords wait: for slow verifiers, for users who come later, and in pairs that were handed in.

use crate::checks::{ended, hand_in, slow};
use crate::directory::{events, has, write};
use crate::keys::Place;
use crate::{BINARY, command, folder};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, Program, TestServer};

/// How many users a directory has here.
const USERS: usize = 20;

/// A directory whose verifiers are slow, in a data folder that may have an operator's key.
pub(crate) struct Waiting {
    pub(crate) keys: Place,
    folder: tempfile::TempDir,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        let waiting = Self { keys: Place::new(), folder: folder() };
        waiting.import("", None).success();
        waiting
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, arguments: &[&str], key: Option<&Path>) -> Outcome {
        given(Program::new(BINARY).args(arguments.iter().copied()).data(&self.data()), key).run()
    }

    /// Imports the users, and some more of them.
    fn import(&self, more: &str, key: Option<&Path>) -> Outcome {
        let (slow, mut text) = (slow(), "id,upn,displayName,verifier\n".to_owned());
        for number in 0..USERS {
            writeln!(text, "u-{number:03},u{number}@corp.test,U {number},{slow}").expect("memory");
        }
        let file = write(self.folder.path(), "users.csv", &(text + more));
        self.run(&["users", "import", "--json", file.to_str().expect("UTF-8")], key)
    }

    /// Scans a list of which two passwords wait for slow verifiers, one of them right, and keeps all three for later.
    pub(crate) fn scan(&self) {
        let list = "u1@corp.test:guess\nu1@corp.test:password\nlater@corp.test:password\n";
        let file = write(self.folder.path(), "list.txt", list);
        let file = file.to_str().expect("UTF-8");
        let scan = self.run(&["scan", "--json", "--queue", "--retain", "9", "--source", "a list", file], None);
        scan.success();
        assert!(scan.stderr.contains("2 passwords wait for verifiers that are slow"), "{scan}");
    }

    fn reseal(&self, new: &Path, more: &[&Path]) -> Outcome {
        let program = command(["keys", "reseal"], &self.data()).arg("--new-secret-key-file").arg(new);
        let done = given(program, more.first().copied()).run();
        done.success();
        done
    }

    /// What `doctor` says of what waits, and whether it finds it sound.
    fn doctor(&self, key: Option<&Path>) -> (bool, String) {
        let outcome = self.run(&["doctor", "--json"], key);
        let lines = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let about = lines.into_iter().find(|line| line["subject"] == "waiting passwords");
        let about = about.unwrap_or_else(|| panic!("nothing is told of what waits: {outcome}"));
        let is_sound = about["sound"] == true;
        assert!(is_sound || outcome.code == Some(1), "{outcome}");
        (is_sound, about["detail"].as_str().expect("a text").to_owned())
    }

    /// The states of all scans and pairs.
    fn states(&self) -> Vec<Value> {
        let jobs = command(["jobs", "list", "--json"], &self.data()).run().lines();
        jobs.iter().filter(|job| job["kind"] != "import").map(|job| job["state"].clone()).collect()
    }
}

fn given(program: Program, key: Option<&Path>) -> Program {
    match key {
        Some(key) => program.arg("--secret-key-file").arg(key),
        None => program,
    }
}

fn raised(data: &Path) -> Vec<Value> {
    events(data, "userId").into_iter().map(|event| event["userId"].clone()).collect()
}

#[test]
fn what_waits_survives_a_change_of_keys() {
    let waiting = Waiting::new();
    let (one, two, none) = (waiting.keys.key("one"), waiting.keys.key("two"), waiting.keys.key("none"));
    waiting.scan();
    let all = "2 passwords that wait for slow verifiers, 3 that are kept for users who come later";
    let (is_sound, told) = waiting.doctor(None);
    assert!(is_sound && told.ends_with(&format!("opens 5 of 5: {all}")), "{told}");

    let sealed = waiting.reseal(&one, &[]);
    assert!(sealed.stderr.contains("Of what waits to be checked, 5 were sealed anew now"), "{sealed}");
    assert!(sealed.stderr.contains(all), "{sealed}");
    let again = waiting.reseal(&one, &[&one]);
    assert!(again.stderr.contains("Of what waits to be checked, 0 were sealed anew now"), "{again}");
    assert!(waiting.doctor(Some(&one)).0);
    // Another key opens nothing, and who has no other gives nothing up for that.
    let (is_sound, told) = waiting.doctor(Some(&none));
    assert!(!is_sound && told.starts_with("5 of 5 are not opened") && told.contains("scan again"), "{told}");
    waiting.run(&["worker", "--until-idle"], Some(&none));
    assert_eq!(waiting.states(), ["waiting"]);
    assert!(waiting.doctor(Some(&one)).1.contains(all), "nothing is gone");

    waiting.reseal(&two, &[&one]);
    let blind = waiting.reseal(&one, &[&none]);
    assert!(blind.stderr.contains("Warning: of what waits to be checked, 2 passwords that wait"), "{blind}");
    waiting.reseal(&two, &[&two]);
    waiting.run(&["worker", "--until-idle"], Some(&two)).success();
    assert_eq!(waiting.states(), ["completed"]);
    assert_eq!(raised(&waiting.data()), ["u-001"]);
    // Whoever comes later is looked up in what was kept under the first key.
    let later = "u-later,later@corp.test,L,{NT}8846F7EAEE8FB117AD06BDD830B7586C\n";
    waiting.import(later, Some(&two)).success();
    assert_eq!(raised(&waiting.data()), ["u-001", "u-later"]);
}

#[test]
fn what_no_key_opens_is_told_of_and_given_up_when_the_directory_is_there_again() {
    let waiting = Waiting::new();
    waiting.scan();
    fs::remove_file(waiting.data().join("keys/vault/seal.key")).expect("it has a key of its own");
    let lost = waiting.run(&["worker", "--until-idle"], None);
    assert!(lost.failure(1).contains("the key that sealed the password verifiers"), "{lost}");
    waiting.import("", None).success();
    let (is_sound, told) = waiting.doctor(None);
    assert!(!is_sound && told.contains("5 of 5 are not opened") && told.contains("scan again"), "{told}");
    waiting.run(&["worker", "--until-idle"], None).success();
    assert_eq!(waiting.states(), ["completed"], "nobody waits for what is lost");
    // How many that were is told, and neither of whom nor of what.
    let jobs = waiting.run(&["jobs", "list", "--json"], None).lines();
    let scan = jobs.iter().find(|job| job["kind"] == "scan").expect("a scan");
    let shown = waiting.run(&["jobs", "show", "--json", scan["id"].as_str().expect("an id")], None);
    assert_eq!(crate::scan::summary(&shown)["undecided"], json!({"it is sealed with a key that is not at hand": 2}));
    assert_eq!(raised(&waiting.data()), [] as [Value; 0]);
    waiting.scan();
    waiting.run(&["worker", "--until-idle"], None).success();
    assert_eq!(raised(&waiting.data()), ["u-001"]);
}

#[test]
fn pairs_that_were_handed_in_survive_a_change_of_keys() {
    let waiting = Waiting::new();
    let (data, new) = (waiting.data(), waiting.keys.key("new"));
    let server = |threads: &'static str, key: Option<&Path>| {
        let more = |program: Program| given(program.args(["--check-rate", "off", "--work-threads", threads]), key);
        TestServer::start_with(BINARY, &data, more)
    };
    let takes = server("0", None);
    let pair = |name: &str, password: &str| json!({"name": name, "password": password});
    let mut pairs: Vec<Value> = (0..60).map(|number| pair(&format!("x{number}@corp.test"), "password")).collect();
    pairs.push(pair("u3@corp.test", "password"));
    let path = hand_in(&takes, &pairs);
    takes.stop().success();
    assert!(waiting.doctor(None).1.ends_with("opens 61 of 61: 61 pairs that were handed in"));

    let sealed = waiting.reseal(&new, &[]);
    assert!(sealed.stderr.contains("Of what waits to be checked, 61 were sealed anew now"), "{sealed}");
    assert!(waiting.doctor(Some(&new)).0);
    let works = server("1", Some(&new));
    has(&ended(&works, &path), &json!({"status": "completed", "counters": {"pairs": 61, "done": 61}}));
    assert_eq!(raised(&data), ["u-003"]);
    works.stop().success();
    let told = waiting.run(&["doctor", "--json"], Some(&new));
    assert!(!told.success().contains("waiting passwords"), "none is left: {told}");
}
