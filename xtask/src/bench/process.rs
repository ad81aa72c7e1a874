//! Starts and stops a server, and asks the kernel what it used (Linux).

use crate::bench::connection::{Connection, Target};
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use std::collections::HashMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const READY: Duration = Duration::from_mins(1);
const GOODBYE: Duration = Duration::from_secs(30);

/// A server that was started here. It is stopped when this is dropped.
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server and waits until `GET /readyz` answers 200. Both its streams go to `log`.
    pub async fn start(name: &str, command: &mut Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
        let child = child.with_context(|| format!("{name} does not start"))?;
        let mut server = Self { name: name.into(), child, log: log.into(), address };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<()> {
        let target = Target { address: self.address, token: None };
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it was ready ({status}):\n{}", self.name, self.last_words());
            }
            if let Ok(mut connection) = Connection::open(self.address).await
                && let Ok(answer) = connection.ask(&target.request("GET", "/readyz", None)).await
                && answer.status == 200
            {
                return Ok(());
            }
            if begin.elapsed() > READY {
                bail!("{} was not ready (GET /readyz) within 60 s:\n{}", self.name, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).ok();
        }
        let begin = Instant::now();
        while begin.elapsed() < GOODBYE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} did not stop within 30 s of SIGTERM: killed", self.name);
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// An address on loopback with a port that was free a moment ago, and that nobody is given who asks for any.
pub fn free_address() -> Result<SocketAddr> {
    let port = postgres_cluster::free_port().context("no port is free")?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// The processes that serve, whose use of the machine is counted.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    /// Servers.
    pub servers: Vec<u32>,
    /// A process with all its children: PostgreSQL has one for each connection.
    pub family: Option<u32>,
}

impl From<u32> for Processes {
    fn from(server: u32) -> Self {
        Self { servers: vec![server], family: None }
    }
}

/// What processes had used at one moment.
#[derive(Debug)]
pub struct Reading {
    at: Instant,
    server: HashMap<String, u64>,
    family_seconds: f64,
    client: HashMap<String, u64>,
    /// Of the load generator's own children that have ended.
    client_children_seconds: f64,
    machine_seconds: f64,
}

/// What was used between two readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// CPU seconds of the server.
    pub server_seconds: f64,
    /// Cores that the load generator kept busy.
    pub client_cores: f64,
    /// Cores that anything else kept busy.
    pub other_cores: f64,
}

impl Reading {
    /// Reads the counters of those who serve, of this process, and of the machine.
    pub fn of(processes: &Processes) -> Self {
        let me = std::process::id();
        Self {
            at: Instant::now(),
            server: processes.servers.iter().flat_map(|pid| nanoseconds(*pid)).collect(),
            family_seconds: processes.family.map_or(0.0, family_seconds),
            client: nanoseconds(me),
            client_children_seconds: Times::of(me).map_or(0.0, |times| times.of_ended_children),
            machine_seconds: busy_seconds(&fs::read_to_string("/proc/stat").unwrap_or_default()),
        }
    }

    /// What was used from this reading to a later one.
    pub fn until(&self, later: &Self) -> Usage {
        let wall = (later.at - self.at).as_secs_f64();
        let server_seconds = spent(&self.server, &later.server) + later.family_seconds - self.family_seconds;
        let client_seconds =
            spent(&self.client, &later.client) + later.client_children_seconds - self.client_children_seconds;
        let other = later.machine_seconds - self.machine_seconds - server_seconds - client_seconds;
        Usage { server_seconds, client_cores: client_seconds / wall, other_cores: other.max(0.0) / wall }
    }
}

/// CPU time of each thread, from the scheduler's own counts: exact where ticks are not.
fn nanoseconds(pid: u32) -> HashMap<String, u64> {
    let mut threads = HashMap::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        if let Some(time) = text.split_whitespace().next().and_then(|n| n.parse().ok()) {
            threads.insert(thread.file_name().to_string_lossy().into_owned(), time);
        }
    }
    threads
}

/// What `/proc/PID/stat` tells of a process.
#[derive(Debug, PartialEq)]
struct Times {
    parent: u32,
    /// CPU seconds, with those of its threads that have ended.
    own: f64,
    /// CPU seconds of its children that have ended.
    of_ended_children: f64,
}

impl Times {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name in parentheses may hold anything; the state, the third field, follows it (proc(5)).
    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let seconds = |at: usize| {
            let ticks = fields.get(at)?.parse::<u64>().ok()? + fields.get(at + 1)?.parse::<u64>().ok()?;
            Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
        };
        Some(Self { parent: fields.get(1)?.parse().ok()?, own: seconds(11)?, of_ended_children: seconds(13)? })
    }
}

/// CPU seconds of a process and of its children, those that have ended too.
fn family_seconds(pid: u32) -> f64 {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let children = pids.filter_map(Times::of).filter(|times| times.parent == pid).map(|times| times.own);
    children.sum::<f64>() + Times::of(pid).map_or(0.0, |times| times.own + times.of_ended_children)
}

/// Seconds that threads ran between two readings; one that is new counts from its start.
fn spent(before: &HashMap<String, u64>, after: &HashMap<String, u64>) -> f64 {
    let each = after.iter().map(|(thread, time)| time.saturating_sub(before.get(thread).copied().unwrap_or(0)));
    each.sum::<u64>() as f64 / 1e9
}

/// CPU seconds of the whole machine, without idle and waiting ones, out of `/proc/stat`.
fn busy_seconds(stat: &str) -> f64 {
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = first.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
    let idle = ticks.iter().skip(3).take(2).sum::<u64>();
    (ticks.iter().sum::<u64>() - idle) as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// Resident memory of a process, in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// All of it.
    pub resident: f64,
    /// The part that mirrors files, which the kernel can take back.
    pub of_files: f64,
    /// The most it ever was.
    pub peak: f64,
}

impl Memory {
    /// Reads the memory of a process.
    pub fn of(pid: u32) -> Self {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default())
    }

    fn parse(status: &str) -> Self {
        let mebibytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
            kibibytes.unwrap_or(0.0) / 1024.0
        };
        Self { resident: mebibytes("VmRSS"), of_files: mebibytes("RssFile"), peak: mebibytes("VmHWM") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_status_file() {
        let status = "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    3072 kB\nRssAnon:\t 1024 kB\nRssFile:\t    2048 kB\n";
        assert_eq!(Memory::parse(status), Memory { resident: 3.0, of_files: 2.0, peak: 4.0 });
    }

    #[test]
    fn idle_and_waiting_time_is_not_busy() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat = format!("cpu  {ticks} 0 {ticks} 99999 99999 0 0 0 0 0\ncpu0 1 2 3\n");
        assert!((busy_seconds(&stat) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_thread_that_is_new_counts_from_its_start() {
        let before = HashMap::from([("1".to_owned(), 5_000_000_000), ("2".to_owned(), 1)]);
        let after = HashMap::from([("1".to_owned(), 6_000_000_000), ("3".to_owned(), 500_000_000)]);
        assert!((spent(&before, &after) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_process_is_read_from_its_line_whatever_its_name() {
        let second = rustix::param::clock_ticks_per_second();
        let line = format!("7 (a) b (c) S 3 7 7 0 -1 0 1 2 3 4 {second} {second} 0 {second} 20 0 1 0 99");
        assert_eq!(Times::parse(&line), Some(Times { parent: 3, own: 2.0, of_ended_children: 1.0 }));
        assert_eq!(Times::parse("7 (a) S"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        assert!(!nanoseconds(std::process::id()).is_empty());
        assert!(Memory::of(std::process::id()).resident > 0.0);
        assert!(family_seconds(std::process::id()) > 0.0 || Times::of(std::process::id()).is_some());
    }
}
