//! Planted passwords and verifiers: after everything was done with them they stand in no file, no output, no answer, and
//! not in the memory of a process that has read them (leaks.md, section 5, and capability 10).
//!
//! Those tests name users and places only: what is found is not printed.

mod needles;
mod plants;
mod waiting;

use crate::{BINARY, EVENTS, command, folder};
use needles::Needles;
use plants::{PLANTED, Plant, Planted, plant};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, Program, TestServer, wait_for};

/// Everything that commands have printed.
#[derive(Default)]
struct Printed(Vec<(String, Outcome)>);

impl Printed {
    /// Runs a command, which may fail.
    fn run(&mut self, program: &Program) -> Outcome {
        let outcome = program.run();
        self.0.push((format!("{program:?}"), outcome.clone()));
        outcome
    }

    #[track_caller]
    fn are_free_of(&self, needles: &Needles) {
        for (what, outcome) in &self.0 {
            needles.are_not_in(&format!("what {what} printed"), outcome.stdout.as_bytes());
            needles.are_not_in(&format!("what {what} told"), outcome.stderr.as_bytes());
        }
    }
}

fn traced<const N: usize>(arguments: [&str; N], data: &Path) -> Program {
    command(arguments, data).args(["--log", "trace"])
}

fn import(file: &Planted, data: &Path) -> Program {
    traced(["users", "import", "--upn-domain", "fjord.example"], data).args(["--format", file.format]).arg(&file.path)
}

/// A file of pairs, which only we can read.
fn pairs(folder: &Path, name: &str, lines: impl Iterator<Item = String>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, lines.collect::<String>()).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    path
}

fn pair(name: &str, password: &str) -> String {
    format!("{name}:{password}\n")
}

/// The id of the newest job.
#[track_caller]
fn newest_job(data: &Path) -> String {
    command(["jobs", "list", "--json"], data).run().lines()[0]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn what_was_planted_is_nowhere() {
    let (data, inputs, backups) = (folder(), folder(), folder());
    let data = data.path();
    let (plants, files) = plant(inputs.path());
    let needles = Needles::of(&plants);
    let mut printed = Printed::default();

    for file in &files {
        printed.run(&import(file, data).arg("--dry-run")).success();
    }
    for file in &files {
        printed.run(&import(file, data)).success();
        printed.run(&import(file, data)).success(); // again: nothing is another one
    }
    let current = pairs(inputs.path(), "current.txt", plants.iter().map(|plant| pair(&plant.upn(), &plant.password)));
    let stale = pairs(inputs.path(), "stale.txt", plants.iter().map(|plant| pair(&plant.upn(), &plant.stale)));
    let check = |file: &Path| traced(["check", "--json"], data).arg(file);
    let told = |outcome: &Outcome, name: &str| outcome.lines()[0][name].as_u64().expect("a number") as usize;
    let none = printed.run(&check(&stale));
    assert_eq!((told(&none, "current"), told(&none, "notCurrent")), (0, PLANTED), "{none}");
    let dry = printed.run(&check(&current).arg("--dry-run"));
    assert_eq!(told(&dry, "current"), PLANTED, "every planted pair is current: {dry}");
    let held = printed.run(&check(&current));
    assert!(held.failure(1).contains("held"), "{held}");
    let job = newest_job(data);
    printed.run(&command(["jobs", "show", &job], data)).success();
    printed.run(&command(["jobs", "undo", &job], data)).success();
    let raised = printed.run(&check(&current).args(["--brake-percent", "0", "--brake-administrators", "0"]));
    assert_eq!(told(&raised, "eventsRaised"), PLANTED, "{raised}");
    for job in command(["jobs", "list", "--json"], data).run().lines() {
        let id = job["id"].as_str().expect("an id");
        printed.run(&traced(["jobs", "show", "--json", id], data)).success();
    }
    let mut without_keys = traced(["backup"], data);
    without_keys = without_keys.arg(backups.path().join("without.db"));
    printed.run(&without_keys).success();
    printed.run(&traced(["backup", "--with-keys"], data).arg(backups.path().join("with.db"))).success();
    for arguments in
        [&["doctor"][..], &["events", "export"], &["events", "list"], &["users", "list"], &["jobs", "list"]]
    {
        printed.run(&command([], data).args(arguments.iter().copied()).args(["--log", "trace"])).success();
    }

    let server = TestServer::start_with(BINARY, data, |program| program.args(["--log", "trace"]));
    let events = server.call("GET", EVENTS, None).expect(200).json();
    let id = |list: &Value| list["value"][0]["id"].as_str().expect("there are some").to_owned();
    let detections = server.call("GET", "/v1.0/identityProtection/riskDetections?$top=1", None).expect(200).json();
    let (event, detection) = (id(&events), id(&detections));
    for path in [
        format!("{EVENTS}?$top=999"),
        format!("{EVENTS}/{event}"),
        format!("{EVENTS}/delta"),
        format!("{EVENTS}/{event}/evidence"),
        "/v1.0/users?$top=999".to_owned(),
        "/v1.0/users/person0@fjord.example".to_owned(),
        "/v1.0/identityProtection/riskDetections?$top=999".to_owned(),
        format!("/v1.0/identityProtection/riskDetections/{detection}"),
        "/v1.0/identityProtection/riskyUsers?$top=999".to_owned(),
        "/v1.0/identityRiskEvents?$top=999".to_owned(),
    ] {
        let answer = server.call("GET", &path, None).expect(200);
        assert!(answer.body.len() > 100, "{path} says something");
        needles.are_not_in(&path, &answer.body);
    }
    // While it runs, with what is in the log of the database and not in the database yet.
    let (searched, bytes) = needles.are_not_below(data);
    assert!(searched >= 6 && bytes > 100_000, "{searched} files of {bytes} bytes");
    assert_eq!(needles.are_not_below(backups.path()).0, 2);
    printed.0.push(("serve".to_owned(), server.stop()));
    printed.are_free_of(&needles);
    needles.are_not_below(data);

    // All of that could have found something.
    let plain = needles.find(&fs::read(&current).expect("it can be read")).len();
    assert!(plain >= PLANTED, "{plain}");
    for (number, file) in files.iter().enumerate() {
        let found = needles.find(&fs::read(&file.path).expect("it can be read"));
        assert!(!found.is_empty(), "what file {number} is of is searched for");
    }
}

#[test]
fn what_is_handed_in_is_nowhere() {
    let (data, inputs) = (folder(), folder());
    let data = data.path();
    let (plants, files) = plant(inputs.path());
    let needles = Needles::of(&plants);
    let mut printed = Printed::default();
    for file in &files {
        printed.run(&import(file, data)).success();
    }
    let pairs: Vec<Value> = plants
        .iter()
        .flat_map(|plant| {
            [&plant.password, &plant.stale].map(|secret| serde_json::json!({"name": plant.upn(), "password": secret}))
        })
        .collect();
    let serve = |threads: &str| {
        TestServer::start_with(BINARY, data, |program| program.args(["--log", "trace", "--work-threads", threads]))
    };
    // While they wait, sealed, and when they were refused.
    let server = serve("0");
    let body = |pairs: &[Value], more: Value| serde_json::json!({"source": "feed", "pairs": pairs, "more": more});
    let refused = server.call("POST", crate::checks::CHECK, Some(&body(&pairs, Value::Null))).expect(400);
    needles.are_not_in("a refusal", &refused.body);
    let job = crate::checks::hand_in(&server, &pairs);
    needles.are_not_below(data);
    let shown = server.call("GET", &job, None).expect(200);
    needles.are_not_in("a job that waits", &shown.body);
    printed.run(&traced(["jobs", "show", "--json", job.rsplit('/').next().expect("an id")], data)).success();
    printed.0.push(("serve".to_owned(), server.stop()));
    // Once they are checked, held, and raised.
    let server = serve("2");
    assert_eq!(crate::checks::ended(&server, &job)["status"], "held");
    let release = serde_json::json!({"release": true});
    server.call("POST", &format!("{job}/resume"), Some(&release)).expect(202);
    assert_eq!(crate::checks::ended(&server, &job)["status"], "completed");
    for path in [job.clone(), format!("{job}/findings?$top=999"), "/v1.0/spillwatch/jobs".to_owned(), EVENTS.to_owned()]
    {
        let answer = server.call("GET", &path, None).expect(200);
        needles.are_not_in(&path, &answer.body);
    }
    let found = server.call("GET", &format!("{job}/findings?$top=999"), None).expect(200).json();
    assert_eq!(found["value"].as_array().map(Vec::len), Some(PLANTED));
    needles.are_not_below(data);
    printed.0.push(("serve".to_owned(), server.stop()));
    printed.are_free_of(&needles);
    needles.are_not_below(data);
}

/// Material of many shapes with every planted pair, current and stale, in files that are large enough to be cut.
fn material(folder: &Path, plants: &[Plant]) -> PathBuf {
    let material = folder.join("material");
    fs::create_dir(&material).expect("a folder");
    for (number, name) in ["combo.txt", "urls.txt", "blocks.txt", "objects.jsonl"].into_iter().enumerate() {
        let mut text = String::new();
        for plant in plants {
            for secret in [&plant.stale, &plant.password] {
                let upn = plant.upn();
                let _ = match number {
                    0 => writeln!(text, "{upn}:{secret}"),
                    1 => writeln!(text, "https://shop.example/login:{upn}:{secret}"),
                    2 => writeln!(text, "URL: https://shop.example\nUsername: {upn}\nPassword: {secret}\n"),
                    _ => writeln!(text, "{}", serde_json::json!({ "email": upn, "password": secret })),
                };
            }
            for other in 0..200 {
                let _ = writeln!(text, "somebody{other}@elsewhere.example:nothing of ours {other}");
            }
        }
        pairs(&material, name, std::iter::once(text));
    }
    material
}

#[test]
fn what_a_scan_has_found_is_nowhere() {
    let (data, inputs, outputs) = (folder(), folder(), folder());
    let data = data.path();
    let (plants, files) = plant(inputs.path());
    let needles = Needles::of(&plants);
    let mut printed = Printed::default();
    for file in &files {
        printed.run(&import(file, data)).success();
    }
    let material = material(inputs.path(), &plants);
    let report = |name: &str| outputs.path().join(name);
    let with_reports = |program: Program, name: &str| {
        ["html", "json", "txt"]
            .into_iter()
            .fold(program, |program, extension| program.arg("--report").arg(report(&format!("{name}.{extension}"))))
    };
    let scan = || traced(["scan"], data).arg(&material);
    let released = |program: Program| program.args(["--brake-percent", "0", "--brake-administrators", "0"]);

    printed.run(&with_reports(scan().args(["--dry-run", "--json"]), "dry")).success();
    printed.run(&scan().arg("--dry-run")).success();
    let held = printed.run(&with_reports(scan(), "held"));
    assert!(held.failure(1).contains("held"), "{held}");
    printed.run(&command(["jobs", "undo", &newest_job(data)], data)).success();

    // One that is killed while it waits for more, and resumed with all of it.
    let pipe = pipe(inputs.path());
    let mut running = released(traced(["scan", "--json"], data)).arg(&material).arg(&pipe).spawn();
    let mut writer = File::options().write(true).open(&pipe).expect("it comes to that once all before is decoded");
    let killed = newest_job(data);
    writer.write_all(b"nobody@elsewhere.example:another\n").expect("it is read");
    running.kill();
    drop(writer);
    printed.0.push(("scan that is killed".to_owned(), running.outcome()));
    needles.are_not_below(data);
    fs::remove_file(&pipe).and_then(|()| fs::write(&pipe, "\n")).expect("a file takes its place");
    let resumed = printed.run(&traced(["jobs", "resume", "--take-over", "--json", &killed], data));
    let summary = resumed.lines().pop().expect("a summary");
    assert_eq!(summary["eventsRaised"].as_u64(), Some(PLANTED as u64), "every planted pair is found: {resumed}");

    for extension in ["html", "json", "txt"] {
        let file = report(&format!("job.{extension}"));
        let made = traced(["jobs", "report", &killed], data).arg("--output").arg(file);
        printed.run(&made).success();
    }
    printed.run(&traced(["jobs", "report", &killed], data)).success();
    let findings = printed.run(&traced(["jobs", "findings", &killed, "--json"], data));
    let event = findings.lines()[0]["eventId"].as_str().expect("an id").to_owned();
    assert!(printed.run(&traced(["events", "places", &event], data)).success().contains("material"));
    printed.run(&traced(["jobs", "show", &killed], data)).success();
    printed.run(&traced(["events", "export"], data)).success();

    // Nor is what the store keeps of a password in a report: no fingerprint.
    let reports: Vec<PathBuf> =
        fs::read_dir(outputs.path()).expect("a folder").map(|file| file.expect("a file").path()).collect();
    assert_eq!(reports.len(), 9);
    for file in &reports {
        let text = fs::read_to_string(file).expect("a report is text").to_lowercase();
        let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or_default();
        assert!(text.len() > 1000 && longest < 32, "{} has a run of {longest} digits", file.display());
        assert!(!text.contains("fingerprint\"") && !text.contains("verifiertag"), "{}", file.display());
    }
    assert_eq!(needles.are_not_below(outputs.path()).0, 9);
    needles.are_not_below(data);
    printed.are_free_of(&needles);
    let found = needles.find(&fs::read(material.join("urls.txt")).expect("it can be read"));
    assert!(found.len() >= 2 * PLANTED, "all of that could have found something");
}

/// The first file of `/proc` that leads into the memory of a process, or `None` where we are refused it.
fn memory_of(process: u32) -> Option<File> {
    match File::open(format!("/proc/{process}/mem")) {
        Ok(memory) => Some(memory),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
        Err(error) => panic!("/proc/{process}/mem: {error}"),
    }
}

/// Every readable mapping of a process, by what `/proc` calls it.
fn image(process: u32, memory: &mut File) -> Vec<(String, Vec<u8>)> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("who may read the memory may read this");
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| !line.ends_with("[vvar]") && !line.contains("[vsyscall]")) {
        let mut words = line.split_ascii_whitespace();
        let (range, rights) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (Some((from, to)), true) = (range.split_once('-'), rights.starts_with('r')) else { continue };
        let number = |text| u64::from_str_radix(text, 16).expect("a number in hexadecimal digits");
        let (from, to) = (number(from), number(to));
        let mut bytes = vec![0; (to - from) as usize];
        memory.seek(SeekFrom::Start(from)).expect("it is a place");
        // A mapping may lie beyond the end of its file, or be the kernel's own.
        if memory.read_exact(&mut bytes).is_ok() {
            found.push((line.to_owned(), bytes));
        }
    }
    found
}

/// Searches the whole memory of a process that is stopped at a quiet place.
#[track_caller]
fn is_free_of(needles: &Needles, process: u32) {
    let Some(mut memory) = memory_of(process) else { return };
    let (mut all, mut bytes) = (Vec::new(), 0);
    for (mapping, content) in image(process, &mut memory) {
        bytes += content.len();
        all.extend(needles.find(&content).into_iter().map(|(name, at)| format!("{name} at {at} of {mapping}")));
    }
    assert!(bytes > 1 << 20, "only {bytes} bytes could be read");
    assert!(all.is_empty(), "{} places of its memory hold what was planted:\n{}", all.len(), all.join("\n"));
}

/// A pipe with a name.
fn pipe(folder: &Path) -> PathBuf {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let path = folder.join("pipe");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe can be made");
    path
}

/// Waits until a job that is under way has come to a number.
fn wait_until(data: &Path, pointer: &str, least: u64) {
    let job = newest_job(data);
    wait_for(pointer, || {
        let shown = command(["jobs", "show", "--json", &job], data).run();
        shown.lines()[0].pointer(pointer).and_then(Value::as_u64).filter(|count| *count >= least)
    });
}

#[test]
fn a_process_that_has_imported_holds_nothing_of_it() {
    let (data, inputs) = (folder(), folder());
    let (plants, files) = plant(inputs.path());
    let needles = Needles::of(&plants);
    let pipe = pipe(inputs.path());
    let mut running = command(["users", "import", "--upn-domain", "fjord.example"], data.path())
        .args(files.iter().map(|file| file.path.clone()))
        .arg(&pipe)
        .spawn();
    let mut writer = File::options().write(true).open(&pipe).expect("somebody reads it");
    let mut others = "upn,displayName,verifier\n".to_owned();
    for number in 0..20_000 {
        let _ = writeln!(others, "other{number}@fjord.example,Somebody else,{{SHA}}AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    }
    writer.write_all(others.as_bytes()).expect("it is read");
    wait_until(data.path(), "/progress/entries", 10_000);
    assert!(running.ended().is_none(), "it waits for more");
    is_free_of(&needles, running.id());
    drop(writer);
    running.wait();
    running.outcome().success();
}

#[test]
fn a_process_that_has_checked_holds_nothing_of_it() {
    let (data, inputs) = (folder(), folder());
    let (plants, files) = plant(inputs.path());
    let needles = Needles::of(&plants);
    for file in &files {
        import(file, data.path()).run().success();
    }
    let pipe = pipe(inputs.path());
    let mut running = command(["check"], data.path()).arg(&pipe).spawn();
    let mut writer = File::options().write(true).open(&pipe).expect("somebody reads it");
    let pairs =
        plants.iter().flat_map(|plant: &Plant| [pair(&plant.upn(), &plant.password), pair(&plant.upn(), &plant.stale)]);
    let mut lines = pairs.collect::<String>();
    for number in 0..20_000 {
        let _ = writeln!(lines, "nobody{number}@elsewhere.example:some other password {number}");
    }
    writer.write_all(lines.as_bytes()).expect("it is read");
    // What is checked is kept once a second, at the next line.
    let job = newest_job(data.path());
    wait_for("everything to be checked", || {
        writer.write_all("nobody@elsewhere.example:another\n".repeat(64).as_bytes()).expect("it is read");
        let shown = command(["jobs", "show", "--json", &job], data.path()).run();
        let counts = &shown.lines()[0]["progress"]["counts"];
        // Those that slow verifiers judge wait for the end, sealed.
        let count = |name: &str| counts[name].as_u64().unwrap_or_default();
        (count("current") + count("queued") >= PLANTED as u64 && count("lines") >= 20_000).then_some(())
    });
    assert!(running.ended().is_none(), "it waits for more");
    is_free_of(&needles, running.id());
    drop(writer);
    running.wait();
    assert!(running.outcome().failure(1).contains("held"), "the brake holds so many");
}

/// The search of a memory image finds what is there: of a process that is not ours to protect.
#[test]
fn what_a_process_holds_is_found_in_its_memory() {
    let inputs = folder();
    let (plants, _) = plant(inputs.path());
    let needles = Needles::of(&plants);
    let secret = &plants[0].password;
    // It has the password in its environment, and nobody has closed its memory.
    let mut holder =
        std::process::Command::new("sleep").arg("60").env("SECRET", secret).spawn().expect("it is started");
    let found = wait_for("sleep to be started", || {
        let mut memory = memory_of(holder.id()).expect("a child of ours is open to us");
        let image = image(holder.id(), &mut memory);
        image.iter().find_map(|(_, bytes)| needles.find(bytes).first().map(|(name, _)| (*name).to_owned()))
    });
    holder.kill().and_then(|()| holder.wait()).expect("it ends");
    assert_eq!(found, "the password of person0");
}
