//! The README's commands, run as they are written there.
//!
//! A block of commands takes part when a marker stands right before it:
//!
//! ````text
//! <!-- test: tour -->
//! ```sh
//! curl ...
//! ```
//! ````
//!
//! Blocks of one name run one after another in one shell, in a copy of the repository's folder. A
//! block marked `<!-- test: tour server -->` holds a command that goes on running: it is started and
//! the next block waits until the server is ready. Only two things differ from what a reader does:
//! `cargo` is a stand-in that starts the program that was built for the tests, and port 8080 is led
//! to a free port, both without a change to the text.

use crate::{BINARY, folder, needs};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use testkit::server::wait_for;

/// A block of commands.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// Whether it starts a server and goes on running.
    server: bool,
    text: String,
}

/// Finds the blocks of a name; it is an error when there are none, or when a marker stands before
/// something else.
fn blocks(document: &str, name: &str) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(marker) = line.trim().strip_prefix("<!-- test:").and_then(|rest| rest.strip_suffix("-->")) else {
            continue;
        };
        let words: Vec<_> = marker.split_whitespace().collect();
        let server = match words.as_slice() {
            [block] if *block == name => false,
            [block, "server"] if *block == name => true,
            [_] | [_, "server"] => continue,
            _ => {
                return Err(format!(
                    "`{line}` is not of the form `<!-- test: NAME -->` or `<!-- test: NAME server -->`"
                ));
            }
        };
        if lines.next().map(str::trim) != Some("```sh") {
            return Err(format!("no block of sh follows right after `{line}`"));
        }
        let text: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
        found.push(Block { server, text: text.join("\n") });
    }
    if found.is_empty() { Err(format!("there is no block marked `<!-- test: {name} -->`")) } else { Ok(found) }
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

/// Runs blocks in a copy of the folder `root`; answers what they have written, and whether all
/// commands succeeded.
fn run(blocks: &[Block], root: &Path) -> (bool, String) {
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
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
    let leads =
        ["127.0.0.1", "localhost"].map(|host| format!("connect-to = \"{host}:8080:127.0.0.1:{port}\"\n")).concat();
    fs::write(tools.join(".curlrc"), leads).expect("written");

    let mut script = String::from("set -eu\n");
    for (at, block) in blocks.iter().enumerate() {
        if block.server {
            let file = place.path().join(format!("server{at}.sh"));
            fs::write(&file, &block.text).expect("written");
            writeln!(script, "sh -eu '{}' &\n{READY}", file.display()).expect("a string takes every write");
        } else {
            writeln!(script, "{}", block.text).expect("a string takes every write");
        }
    }
    let file = fs::File::create(&output).expect("it can be made");
    let mut command = Command::new("sh");
    command.arg("-c").arg(&script).current_dir(&work).process_group(0).stdin(Stdio::null());
    command.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
    let path = std::env::join_paths(
        [tools.clone()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    command.env("PATH", path.expect("a search path")).env("CURL_HOME", &tools).env("HOME", &work);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SPILLWATCH_")) {
        command.env_remove(name);
    }
    command.env("SPILLWATCH_LISTEN", format!("127.0.0.1:{port}"));
    command.env("SPILLWATCH_UNDER_TEST", BINARY);
    let mut shell = Shell(command.spawn().expect("a shell runs"));
    let status = wait_for("the end of the commands", || shell.0.try_wait().expect("a child can be asked"));
    (status.success(), String::from_utf8_lossy(&fs::read(&output).expect("it can be read")).into_owned())
}

/// Waits, for a bounded time, until the server says that it is ready.
const READY: &str = "tries=0\nuntil curl -sf http://127.0.0.1:8080/readyz >/dev/null; do tries=$((tries + 1)); \
                     [ $tries -lt 600 ] || { echo 'the server did not become ready' >&2; exit 1; }; sleep 0.05; done";

fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
}

const SAMPLE: &str = r#"
# A sample

<!-- test: tour server -->
```sh
cargo run --release -- serve
```

<!-- test: other -->
```sh
exit 1
```

Then, in another terminal:

<!-- test: tour -->
```sh
TOKEN=$(cargo run --release -- token)
```
<!-- test: tour -->
```sh
curl -sS --fail-with-body http://127.0.0.1:8080/v1.0/leakedCredentialsRiskEvents \
  -H "Authorization: Bearer $TOKEN"
```
"#;

#[test]
fn the_runner_runs_blocks_in_order_and_sees_failures() {
    let found = blocks(SAMPLE, "tour").expect("there are blocks");
    assert_eq!(found.iter().map(|block| block.server).collect::<Vec<_>>(), [true, false, false]);
    let root = folder();
    let (success, output) = run(&found, root.path());
    assert!(success && output.contains("http://127.0.0.1:8080/v1.0/$metadata#leakedCredentialsRiskEvents"), "{output}");
    assert!(!run(&blocks(SAMPLE, "other").expect("there is a block"), root.path()).0);
    let unknown = [Block { server: false, text: "cargo install everything".to_owned() }];
    let (success, output) = run(&unknown, root.path());
    assert!(!success && output.contains("the stand-in for cargo knows"), "{output}");
    assert!(blocks(SAMPLE, "tourist").expect_err("none").contains("no block marked"));
    assert!(blocks("<!-- test: tour -->\n\n```sh\n```", "tour").expect_err("not right after").contains("right after"));
    assert!(blocks("<!-- test: tour sever -->\n```sh\n```", "tour").expect_err("misspelt").contains("not of the form"));
}

#[test]
fn the_readmes_tour_works() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository");
    let readme = fs::read_to_string(root.join("README.md")).expect("the repository has a README.md");
    let found = blocks(&readme, "tour").unwrap_or_else(|error| panic!("README.md: {error}"));
    let (success, output) = run(&found, &root);
    assert!(success, "the README's commands failed:\n{output}");
}
