//! The owner of a cluster is killed: nothing stays.

use crate::{processes_in, wait_until};
use postgres_cluster::{Cluster, Options, SERVER_VARIABLE, shared};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// What the owner does, which is this program once more: the name of a test that is left out.
const OWNER: &str = "owner::holds_servers_until_it_is_told_to_end";
/// Says how far the owner is to come.
const STAGE: &str = "SPILLWATCH_TEST_STAGE";

/// Not a test: it is run by those below, in a process that they kill. Alone it finds its input at
/// its end and does nothing.
#[test]
#[ignore = "is the owner that other tests kill"]
fn holds_servers_until_it_is_told_to_end() {
    let Ok(stage) = std::env::var(STAGE) else { return };
    let mut cluster = Cluster::start(&Options::fast()).expect("a server starts");
    println!("\ncluster {} {}", cluster.folder().display(), cluster.port());
    match stage.as_str() {
        "stopped" => cluster.kill().expect("it runs"),
        "shared" => {
            let url = shared().url("postgres");
            println!("\nshared {url}");
        }
        _ => {}
    }
    println!("\nheld");
    if stage != "shared" {
        std::io::stdin().read_to_end(&mut Vec::new()).expect("it is a pipe");
    }
}

/// A process that holds servers.
struct Owner {
    process: Child,
    /// What it says about them.
    said: Vec<String>,
    /// Kept so that what else it says finds its way.
    _output: BufReader<ChildStdout>,
}

fn owner(stage: &str) -> Owner {
    let mut command = Command::new(std::env::current_exe().expect("a test is a program"));
    command.args(["--exact", OWNER, "--ignored", "--nocapture"]).env(STAGE, stage).env_remove(SERVER_VARIABLE);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program starts");
    let mut output = BufReader::new(process.stdout.take().expect("it was asked for"));
    let lines = output.by_ref().lines().map(|line| line.expect("it is text"));
    let said = lines.take_while(|line| line != "held").collect();
    Owner { process, said, _output: output }
}

impl Owner {
    /// The words of the line that begins so.
    #[track_caller]
    fn words(&self, first: &str) -> Vec<&str> {
        let line = self.said.iter().find_map(|line| line.strip_prefix(first));
        line.unwrap_or_else(|| panic!("no {first} in {:?}", self.said)).split_whitespace().collect()
    }
}

#[test]
fn a_killed_owner_leaves_no_server_and_no_folder() {
    for stage in ["running", "stopped"] {
        let mut owner = owner(stage);
        let words = owner.words("cluster ");
        let (folder, port): (_, u16) = (PathBuf::from(words[0]), words[1].parse().expect("it is a port"));
        let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        // What the killed server had just begun may hold its port for a moment.
        wait_until("the server is as the stage says", || listens() == (stage == "running"));
        assert!(folder.join("data").is_dir());
        owner.process.kill().expect("it waits");
        owner.process.wait().expect("it was killed");
        wait_until("the folder is removed", || !folder.exists());
        wait_until("the processes have ended", || processes_in(&folder).is_empty());
        assert!(!listens());
    }
}

/// `initdb` and the start of the server take about a second: owners that are killed at different
/// moments of it.
#[test]
fn an_owner_that_is_killed_while_its_server_starts_leaves_nothing_either() {
    let place = std::env::temp_dir().join(format!("spw-{}", std::process::id()));
    std::fs::create_dir(&place).expect("the name is free");
    for step in [
        &["log"][..],
        &["data/PG_VERSION"],
        &["data/global/pg_control"],
        &["data/cluster.conf"],
        &["data/postmaster.pid"],
    ] {
        let mut command = Command::new(std::env::current_exe().expect("a test is a program"));
        command.args(["--exact", OWNER, "--ignored"]).env(STAGE, "running").env("TMPDIR", &place);
        let mut owner = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("this program starts");
        let folders = || std::fs::read_dir(&place).expect("it is ours").flatten().map(|entry| entry.path());
        wait_until("the step is reached", || {
            folders().any(|folder| step.iter().all(|file| folder.join(file).exists()))
        });
        owner.kill().expect("it waits");
        owner.wait().expect("it was killed");
        wait_until("the folder is removed", || folders().next().is_none());
        wait_until("the processes have ended", || processes_in(&place).is_empty());
        assert_eq!(folders().count(), 0, "nothing came back after {step:?}");
    }
    std::fs::remove_dir(&place).expect("it is empty");
}

#[test]
fn a_shared_server_ends_with_the_process_that_had_to_start_it() {
    let mut owner = owner("shared");
    assert!(owner.process.wait().expect("it ends by itself").success());
    let url = owner.words("shared ")[0];
    let port: u16 = url.split([':', '/']).nth_back(1).and_then(|port| port.parse().ok()).expect("it is a port");
    wait_until("nobody listens", || TcpStream::connect(("127.0.0.1", port)).is_err());
}
