//! The README's commands, run as they are written there, and held against the answers it shows.
//!
//! A block of commands takes part when a marker stands right before it, `<!-- test: tour -->` or, for
//! a command that goes on running, `<!-- test: serve -->`. Blocks run one after another in one shell,
//! in a copy of the repository's folder; after a server is started, the next block waits until it is
//! ready. Blocks of `json` and `text` that follow show what the commands answer. Only two things
//! differ from what a reader does: `cargo` is a stand-in that starts the program that was built for
//! the tests, and port 8080 is led to a free port, both without a change to the text.

use crate::{BINARY, folder, needs};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use testkit::server::{wait_for, without_settings};

/// A block of commands.
#[derive(Debug, Default)]
struct Block {
    /// Whether it starts a server and goes on running.
    server: bool,
    commands: String,
    /// Documents that its output must have.
    json: Vec<String>,
    /// Lines that its output must have.
    lines: Vec<String>,
}

/// Finds the blocks that are marked, and what they are said to answer. It is an error when there
/// are none, or when a marker stands before something else.
fn blocks(document: &str) -> Result<Vec<Block>, String> {
    let mut found: Vec<Block> = Vec::new();
    let mut lines = document.lines();
    let mut expecting = false;
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(marker) = line.strip_prefix("<!-- test:").and_then(|rest| rest.strip_suffix("-->")) {
            let server = match marker.trim() {
                "tour" => false,
                "serve" => true,
                other => return Err(format!("`{other}` is neither `tour` nor `serve`: {line}")),
            };
            if lines.next().map(str::trim) != Some("```sh") {
                return Err(format!("no block of sh follows right after {line}"));
            }
            found.push(Block { server, commands: fenced(&mut lines), ..Block::default() });
            expecting = !server;
        } else if let Some(language) = line.strip_prefix("```") {
            let text = fenced(&mut lines);
            match (language, found.last_mut().filter(|_| expecting)) {
                ("json", Some(block)) => block.json.push(text),
                ("text", Some(block)) => {
                    block.lines.extend(text.lines().filter(|line| *line != "...").map(str::to_owned));
                }
                ("json" | "text", None) => {}
                _ => expecting = false,
            }
        } else if line.starts_with("## ") {
            expecting = false;
        }
    }
    if found.iter().any(|block| !block.server) {
        Ok(found)
    } else {
        Err("no block is marked <!-- test: tour -->".to_owned())
    }
}

/// The rest of a fenced block.
fn fenced<'a>(lines: &mut impl Iterator<Item = &'a str>) -> String {
    lines.take_while(|line| line.trim() != "```").collect::<Vec<_>>().join("\n")
}

/// Puts signs in place of what differs from run to run: ids, times, numbers, page tokens.
fn steady(text: &str) -> String {
    let text = text.split_once("$skiptoken=").map_or(text, |(before, _)| before);
    let mut out = String::new();
    let mut word = String::new();
    let flush = |out: &mut String, word: &mut String| {
        let id = word.len() == 36 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let mut before = ' ';
        for c in word.chars() {
            match c {
                '0'..='9' if id || before == '0' => {}
                '0'..='9' => out.push('0'),
                c if id && c != '-' => {}
                c => out.push(c),
            }
            before = if c.is_ascii_digit() { '0' } else { c };
        }
        word.clear();
    };
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
        } else {
            flush(&mut out, &mut word);
            out.push(c);
        }
    }
    flush(&mut out, &mut word);
    out
}

fn steady_json(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(steady(text)),
        Value::Array(items) => items.iter().map(steady_json).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), steady_json(value))).collect(),
        other => other.clone(),
    }
}

/// Every JSON document in a text.
fn documents(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter();
        match stream.next() {
            Some(Ok(value)) => {
                found.push(value);
                rest = &rest[stream.byte_offset()..];
            }
            _ => rest = &rest[1..],
        }
    }
    found
}

/// What of a block's promises its output does not keep.
fn broken_promises(block: &Block, output: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let answers: Vec<_> = documents(output).iter().map(steady_json).collect();
    for shown in &block.json {
        match serde_json::from_str(shown) {
            Ok(value) if answers.contains(&steady_json(&value)) => {}
            Ok(_) => broken.push(shown.clone()),
            Err(error) => broken.push(format!("{error} in {shown}")),
        }
    }
    let lines: Vec<_> = output.lines().map(|line| steady(line.trim())).collect();
    broken.extend(block.lines.iter().filter(|line| !lines.contains(&steady(line.trim()))).cloned());
    broken
}

/// What stands in for `cargo`: it starts the program that was built for the tests.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
  "run --release -- "*) shift 3 ;;
  "build --release") exit 0 ;;
  *) echo "the stand-in for cargo knows \`cargo run --release -- ...\` and \`cargo build --release\`, not: cargo $*" >&2; exit 1 ;;
esac
exec "$SPILLWATCH_UNDER_TEST" "$@"
"#;

/// A shell and all that it has started, ended with the test.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        if kill_process_group(group, Signal::KILL).is_ok() {
            drop(self.0.wait());
        }
    }
}

/// Runs blocks in a copy of the folder `root`; answers what is wrong.
fn run(blocks: &[Block], root: &Path) -> Result<(), String> {
    needs("curl");
    let place = folder();
    let (work, tools, output) = (place.path().join("work"), place.path().join("tools"), place.path().join("output"));
    fs::create_dir(&work).expect("it can be made");
    fs::create_dir(&tools).expect("it can be made");
    for entry in fs::read_dir(root).expect("the repository's folder can be read") {
        let entry = entry.expect("an entry can be read");
        if !matches!(entry.file_name().to_str(), Some("target" | ".git" | "spillwatch-data")) {
            symlink(entry.path(), work.join(entry.file_name())).expect("a link can be made");
        }
    }
    executable(&tools.join("cargo"), CARGO);
    executable(&tools.join("spillwatch"), "#!/bin/sh\nexec \"$SPILLWATCH_UNDER_TEST\" \"$@\"\n");
    let port = postgres_cluster::free_port().expect("a free port");
    let leads =
        ["127.0.0.1", "localhost"].map(|host| format!("connect-to = \"{host}:8080:127.0.0.1:{port}\"\n")).concat();
    fs::write(tools.join(".curlrc"), leads).expect("written");

    let mut script = String::from("set -eu\n");
    for (at, block) in blocks.iter().enumerate() {
        if block.server {
            let file = place.path().join(format!("server{at}"));
            fs::write(&file, &block.commands).expect("written");
            let file = file.display();
            writeln!(script, "sh -eu '{file}' >'{file}.log' 2>&1 &\n{READY}").expect("a string takes every write");
        } else {
            writeln!(script, "echo; echo '{BORDER}'\n{}", block.commands).expect("a string takes every write");
        }
    }
    let file = fs::File::create(&output).expect("it can be made");
    let mut command = Command::new("sh");
    command.arg("-c").arg(&script).current_dir(&work).process_group(0).stdin(Stdio::null());
    command.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
    let path = std::env::join_paths(
        [tools.clone()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    command
        .env("PATH", path.expect("a search path"))
        .env("CURL_HOME", &tools)
        .env("HOME", &work)
        .env("TMPDIR", place.path());
    without_settings(&mut command).env("SPILLWATCH_LISTEN", format!("127.0.0.1:{port}"));
    command.env("SPILLWATCH_UNDER_TEST", BINARY);
    let mut shell = Shell(command.spawn().expect("a shell runs"));
    let status = wait_for("the end of the commands", || shell.0.try_wait().expect("a child can be asked"));
    let output = String::from_utf8_lossy(&fs::read(&output).expect("it can be read")).into_owned();
    if !status.success() {
        return Err(format!("a command failed ({status}):\n{output}"));
    }
    let mut broken = Vec::new();
    for (block, answer) in blocks.iter().filter(|block| !block.server).zip(output.split(BORDER).skip(1)) {
        for promise in broken_promises(block, answer) {
            broken.push(format!("after\n{}\nis shown\n{promise}\nand came\n{answer}", block.commands));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

/// Stands in the output before what each block has written.
const BORDER: &str = "==== the next block ====";

/// Waits, for a bounded time, until the server says that it is ready.
const READY: &str = "tries=0\nuntil curl -sf http://127.0.0.1:8080/readyz >/dev/null; do tries=$((tries + 1)); \
                     [ $tries -lt 600 ] || { echo 'the server did not become ready' >&2; exit 1; }; sleep 0.05; done";

fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
}

const SAMPLE: &str = r#"
# A sample

<!-- test: serve -->
```sh
cargo run --release -- serve
```

```sh
exit 1 # not marked
```

Then, in another terminal:

<!-- test: tour -->
```sh
TOKEN=$(cargo run --release -- token)
```
<!-- test: tour -->
```sh
curl -sS http://127.0.0.1:8080/v1.0/leakedCredentialsRiskEvents -H "Authorization: Bearer $TOKEN"; echo
curl -sS http://localhost:8080/readyz
```

```json
{"@odata.context": "http://127.0.0.1:8080/v1.0/$metadata#leakedCredentialsRiskEvents", "value": []}
```

```text
ready
...
```
"#;

#[test]
fn the_runner_runs_blocks_in_order_and_sees_failures() {
    let found = blocks(SAMPLE).expect("there are blocks");
    assert_eq!(found.iter().map(|block| block.server).collect::<Vec<_>>(), [true, false, false]);
    let root = folder();
    run(&found, root.path()).expect("the sample works");

    let fails = |from: &str, to: &str| {
        assert!(SAMPLE.contains(from));
        run(&blocks(&SAMPLE.replace(from, to)).expect("there are blocks"), root.path()).expect_err("it must fail")
    };
    assert!(fails("\"value\": []", "\"value\": [1]").contains("is shown"));
    assert!(fails("\nready\n", "\nunready\n").contains("is shown\nunready"));
    assert!(fails("-- token", "-- tokens").contains("a command failed"));
    assert!(
        fails("TOKEN=$(cargo run --release -- token)", "cargo install all").contains("the stand-in for cargo knows")
    );
    for (document, why) in [
        ("# Nothing", "no block is marked"),
        ("<!-- test: serve -->\n```sh\nx\n```", "no block is marked"),
        ("<!-- test: tour -->\n\n```sh\nx\n```", "right after"),
        ("<!-- test: tuor -->\n```sh\nx\n```", "neither"),
    ] {
        assert!(blocks(document).expect_err("a fault").contains(why), "{document}");
    }
}

#[test]
fn what_differs_from_run_to_run_does_not_matter() {
    let (one, two) = ("01a20946-c71d-7fe7-b4b6-a0b48a6e73b7", "5b0a7c1e-8d53-4f39-a3d4-2f6a3f1f9c01");
    assert_eq!(steady(&format!("x/{one}")), steady(&format!("x/{two}")));
    assert_eq!(steady("at 2026-11-23T16:39:23.1662289Z"), steady("at 2027-01-03T06:00:03.5Z"));
    assert_eq!(steady("W/\"12\""), steady("W/\"7\""));
    assert_eq!(steady("a?$skiptoken=abc"), steady("a?$skiptoken=de-f"));
    assert_ne!(steady("high"), steady("low"));
    assert_eq!(documents("a {\"x\": 1} b { c [{\"y\": {}}]"), [json!({"x": 1}), json!({"y": {}})]);
}

#[test]
fn the_readmes_tour_works() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository");
    let readme = fs::read_to_string(root.join("README.md")).expect("the repository has a README.md");
    let found = blocks(&readme).unwrap_or_else(|error| panic!("README.md: {error}"));
    assert!(found.iter().any(|block| block.server), "README.md starts no server");
    assert!(found.iter().any(|block| !block.json.is_empty()), "README.md shows no answer");
    run(&found, &root).unwrap_or_else(|error| panic!("README.md: {error}"));
}
