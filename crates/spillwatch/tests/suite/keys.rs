//! The keys of verifiers: where they are, how they are changed, and what becomes of them when a store moves.

use crate::{BINARY, command, folder};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, Program};

/// Users with the password `hunter2`, in a scheme each.
const USERS: &str = "upn,displayName,verifier\n\
    ada@fjord.example,Ada,{NT}6608E4BC7B2B7A5F77CE3573570775AF\n\
    ben@fjord.example,Ben,{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0=\n\
    cyd@fjord.example,Cyd,{MD5}KrljkMfb40Od500MmwsXZw==\n";
/// Pairs of them.
const PAIRS: &str = "ada@fjord.example:hunter2\nben@fjord.example:hunter2\ncyd@fjord.example:hunter2\n\
    ada@fjord.example:hunter3\n";

fn private(path: PathBuf, text: &str) -> PathBuf {
    fs::write(&path, text).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    path
}

/// A place with an export, a file of pairs, and operator's keys.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = folder();
        private(folder.path().join("users.csv"), USERS);
        private(folder.path().join("pairs.txt"), PAIRS);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new operator's key in a file.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        let key = Program::new(BINARY).args(["keys", "new-secret-key"]).run();
        private(self.path(name), key.success())
    }

    pub(crate) fn import(&self, to: impl Fn(Program) -> Program) -> Outcome {
        to(Program::new(BINARY).args(["users", "import", "--json"]).arg(self.path("users.csv"))).run()
    }

    pub(crate) fn check(&self, on: impl Fn(Program) -> Program) -> Outcome {
        on(Program::new(BINARY).args(["check", "--json", "--dry-run"]).arg(self.path("pairs.txt"))).run()
    }
}

/// Fails unless each pair was told to be what it is.
#[track_caller]
pub(crate) fn all_told(check: &Outcome) {
    let counts = &check.lines()[0];
    assert_eq!((&counts["current"], &counts["notCurrent"]), (&3.into(), &1.into()), "{check}");
}

fn at(data: &Path) -> impl Fn(Program) -> Program {
    move |program| program.data(data)
}

fn with<'a>(data: &'a Path, key: &'a Path) -> impl Fn(Program) -> Program + 'a {
    move |program| program.data(data).arg("--secret-key-file").arg(key)
}

fn reseal<A: AsRef<OsStr>>(data: &Path, new: &Path, more: &[A]) -> Outcome {
    let more = more.iter().map(|argument| argument.as_ref().to_owned());
    command(["keys", "reseal"], data).arg("--new-secret-key-file").arg(new).args(more).run()
}

#[track_caller]
fn doctor(is_sound: bool, on: impl Fn(Program) -> Program) -> String {
    let outcome = on(Program::new(BINARY).args(["doctor", "--json"])).run();
    assert_eq!(outcome.code, Some(i32::from(!is_sound)), "{outcome}");
    let lines = outcome.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let about = lines.into_iter().find(|line| line["subject"] == "verifiers").expect("it is told of them");
    assert_eq!(about["sound"], is_sound, "{outcome}");
    about["detail"].as_str().expect("a text").to_owned()
}

const NONE: &[&str] = &[];

#[test]
fn a_folder_takes_an_operators_key_and_asks_for_it_from_then_on() {
    let (place, data) = (Place::new(), folder());
    let (data, one, two) = (data.path(), place.key("one"), place.key("two"));
    let vault = data.join("keys/vault");
    place.import(at(data)).success();
    all_told(&place.check(at(data)));
    assert!(doctor(true, at(data)).ends_with("opens 3 of 3"));

    let sealed = reseal(data, &one, NONE);
    sealed.success();
    assert!(sealed.stderr.contains("Sealed 3 verifiers with the key"), "{sealed}");
    assert!(sealed.stderr.contains("3 were sealed anew") && sealed.stderr.contains("--secret-key-file"), "{sealed}");
    assert!(!vault.join("seal.key").exists(), "the key of before opens nothing any more");
    for outcome in [place.check(at(data)), place.import(at(data))] {
        let told = outcome.failure(2);
        assert!(
            told.contains("sealed with the operator's key") && told.contains("--secret-key-file FILE"),
            "{outcome}"
        );
        assert!(!vault.join("seal.key").exists(), "none is made in silence");
    }
    assert!(doctor(false, at(data)).contains("it is not given (--secret-key-file)"));
    all_told(&place.check(with(data, &one)));
    let same = place.import(with(data, &one));
    assert_eq!(same.lines()[0]["unchanged"], 3, "{same}");
    assert!(place.check(with(data, &two)).failure(1).contains("3 of 3 password verifiers cannot be opened"));
    assert!(doctor(false, with(data, &two)).contains("3 of 3 are not opened"));

    // From one operator's key to another; and what no key opens is left as it is and told of.
    let blind = reseal(data, &two, NONE);
    blind.success();
    assert!(blind.stderr.contains("Sealed 0 verifiers") && blind.stderr.contains("Warning: 3 verifiers"), "{blind}");
    let sealed = reseal(data, &two, &[OsStr::new("--secret-key-file"), one.as_os_str()]);
    sealed.success();
    assert!(sealed.stderr.contains("Sealed 3 verifiers"), "{sealed}");
    all_told(&place.check(with(data, &two)));
    let again = reseal(data, &two, &[OsStr::new("--secret-key-file"), two.as_os_str()]);
    again.success();
    assert!(again.stderr.contains("Sealed 3 verifiers") && again.stderr.contains("0 were sealed anew"), "{again}");
}

/// Whatever a change of keys was killed at, both keys open everything, and the same command finishes it.
#[test]
fn a_change_of_keys_can_be_interrupted_anywhere() {
    let (place, data) = (Place::new(), folder());
    let (data, new) = (data.path(), place.key("new"));
    let vault = data.join("keys/vault");
    place.import(at(data)).success();
    let own = fs::read(vault.join("seal.key")).expect("it has a key of its own");
    // Before anything was sealed anew: only the note is there.
    let probe = folder();
    place.import(at(probe.path())).success();
    reseal(probe.path(), &new, NONE).success();
    let note = fs::read(probe.path().join("keys/vault/sealed-by")).expect("it was noted");
    fs::write(vault.join("sealed-by"), &note).expect("it can be written");
    all_told(&place.check(with(data, &new)));
    let added = place.import(with(data, &new));
    assert_eq!(added.lines()[0]["unchanged"], 3, "{added}");
    let finished = reseal(data, &new, NONE);
    finished.success();
    assert!(finished.stderr.contains("3 were sealed anew"), "{finished}");
    // After everything was sealed anew: the key of before is still there.
    let file = vault.join("seal.key");
    fs::write(&file, own).expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    all_told(&place.check(with(data, &new)));
    reseal(data, &new, NONE).success();
    assert!(!file.exists());
    all_told(&place.check(with(data, &new)));
}

#[test]
fn a_backup_opens_verifiers_with_its_keys_alone() {
    let (place, data, elsewhere) = (Place::new(), folder(), folder());
    let (data, elsewhere) = (data.path(), elsewhere.path());
    place.import(at(data)).success();
    let backup = |name: &str, more: &[&str]| {
        let file = elsewhere.join(name);
        let outcome = command(["backup"], data).args(more.iter().copied()).arg(&file).run();
        outcome.success();
        (file, outcome)
    };
    let restore = |file: &Path, name: &str| {
        let to = elsewhere.join(name);
        let outcome = Program::new(BINARY).arg("restore").arg(file).data(&to).run();
        outcome.success();
        (to, outcome)
    };
    let (with_keys, told) = backup("with.db", &["--with-keys"]);
    assert!(told.stderr.contains("It also opens the password verifiers"), "{told}");
    let (without, told) = backup("without.db", &[]);
    assert!(told.stderr.contains("elsewhere they cannot be opened without it"), "{told}");
    assert!(told.stderr.contains(data.join("keys/vault").to_str().expect("UTF-8")), "{told}");

    let (restored, _) = restore(&with_keys, "with");
    all_told(&place.check(at(&restored)));
    let (restored, told) = restore(&without, "without");
    assert!(told.stderr.contains("import the directory again"), "{told}");
    let refused = place.check(at(&restored));
    assert!(refused.failure(1).contains("as after a restore of a backup without keys"), "{refused}");
    assert!(refused.stderr.contains("spillwatch users import"), "{refused}");
    assert!(doctor(false, at(&restored)).contains("the key that sealed them is not in"));
    let mended = place.import(at(&restored));
    mended.success();
    assert!(mended.stderr.contains("Warning: the key that sealed"), "{mended}");
    all_told(&place.check(at(&restored)));
    assert!(doctor(true, at(&restored)).contains("3 that are kept for jobs that can be undone are not opened"));

    // The same where the key of fingerprints is left, so that the verifiers are known to be the same ones.
    fs::remove_file(data.join("keys/vault/seal.key")).expect("it is there");
    let mended = place.import(at(data));
    assert_eq!((&mended.lines()[0]["unchanged"], &mended.lines()[0]["verifiersChanged"]), (&3.into(), &0.into()));
    assert!(mended.stderr.contains("3 verifiers that no key at hand opened were sealed anew"), "{mended}");
    all_told(&place.check(at(data)));
    assert!(doctor(true, at(data)).ends_with("opens 3 of 3"));
}

#[test]
fn the_backup_of_a_folder_with_an_operators_key_says_so() {
    let (place, data, elsewhere) = (Place::new(), folder(), folder());
    let (data, key) = (data.path(), place.key("key"));
    place.import(with(data, &key)).success();
    assert!(place.check(at(data)).failure(2).contains("sealed with the operator's key"), "it is asked for at once");
    for more in [&["--with-keys"][..], &[]] {
        let file = elsewhere.path().join(format!("{}.db", more.len()));
        let told = command(["backup"], data).args(more.iter().copied()).arg(&file).run();
        told.success();
        assert!(told.stderr.contains("the operator's key") && told.stderr.contains("keep that one as well"), "{told}");
        let to = elsewhere.path().join(format!("{}", more.len()));
        Program::new(BINARY).arg("restore").arg(&file).data(&to).run().success();
        all_told(&place.check(with(&to, &key)));
    }
}

#[test]
fn a_folder_that_moves_takes_the_keys_of_verifiers_along() {
    let (place, from, to) = (Place::new(), folder(), folder());
    let (from, to) = (from.path(), to.path());
    place.import(at(from)).success();
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let migrate = || Program::new(BINARY).args(["migrate", "--from", &path(from), "--to", &path(to)]).run();
    migrate().success();
    all_told(&place.check(at(to)));
    let own = fs::read(from.join("keys/vault/fingerprint.key")).expect("it is there");
    assert_eq!(fs::read(to.join("keys/vault/fingerprint.key")).expect("it was copied"), own);
    // The tables were moved, and the keys were not: the same command does the rest, and then there is nothing left.
    fs::remove_dir_all(to.join("keys/vault")).expect("it is there");
    assert!(place.check(at(to)).failure(1).contains("the key that sealed"));
    migrate().success();
    all_told(&place.check(at(to)));
    assert!(migrate().failure(1).contains("the target holds tenants already"));
}

#[test]
fn the_folder_of_these_keys_is_for_our_eyes_alone() {
    let (place, data) = (Place::new(), folder());
    place.import(at(data.path())).success();
    let vault = data.path().join("keys/vault");
    assert_eq!(fs::metadata(&vault).expect("it is there").permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&vault, fs::Permissions::from_mode(0o750)).expect("it is ours");
    assert!(command(["doctor"], data.path()).run().failure(1).contains("not sound: vault folder"));
}
