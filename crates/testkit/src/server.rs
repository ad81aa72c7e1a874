//! The real binary, started as a process: for tests that look at Spillwatch from outside.

pub mod http;

use http::{Connection, Response};
use serde_json::Value;
use std::cell::OnceCell;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up: far more than it needs on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Asks again and again until there is an answer, and panics with `what` when none comes in time.
pub fn wait_for<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait_until(ask, || what.to_owned())
}

/// The same; what was waited for is asked for when it did not come.
fn wait_until<T>(mut ask: impl FnMut() -> Option<T>, what: impl Fn() -> String) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {}", what());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes Spillwatch's variables away from a command: only what the test sets counts, not what the
/// machine or the run of the tests has set.
pub fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPILLWATCH_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command that ran to its end has left.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Outcome {
    /// Standard output without blanks around it, of a command that must have succeeded.
    #[track_caller]
    pub fn success(&self) -> &str {
        assert_eq!(self.code, Some(0), "the command failed: {self}");
        self.stdout.trim()
    }

    /// Standard error of a command that must have failed with this code.
    #[track_caller]
    pub fn failure(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "expected exit code {code}: {self}");
        self.stderr.trim()
    }

    /// The JSON lines of a command that must have succeeded.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        self.success().lines().map(|line| serde_json::from_str(line).expect("standard output is JSON lines")).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {:?}\nstandard output:\n{}\nstandard error:\n{}", self.code, self.stdout, self.stderr)
    }
}

/// A command line of the binary, in a data folder.
#[derive(Clone, Debug)]
pub struct Program {
    /// Programs that the binary runs under, such as `strace`.
    under: Vec<OsString>,
    binary: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
}

impl Program {
    /// The binary, without arguments.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self { under: Vec::new(), binary: binary.into(), arguments: Vec::new(), variables: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds `--data FOLDER`.
    #[must_use]
    pub fn data(self, folder: &Path) -> Self {
        self.arg("--data").arg(folder)
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs under another program that stays out of the way of signals and exit code, such as
    /// `strace -D`.
    #[must_use]
    pub fn under<A: Into<OsString>>(mut self, command: impl IntoIterator<Item = A>) -> Self {
        self.under.extend(command.into_iter().map(Into::into));
        self
    }

    /// Adds `--database URL`, with the operator's key in its variable.
    #[must_use]
    pub fn database(self, url: &str, key: &str) -> Self {
        self.args(["--database", url]).env("SPILLWATCH_SECRET_KEY", key)
    }

    fn command(&self) -> Command {
        let mut words: Vec<OsString> = self.under.clone();
        words.push(self.binary.clone().into());
        words.extend(self.arguments.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        without_settings(&mut command);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(&self) -> Outcome {
        let mut running = self.spawn();
        running.wait();
        running.outcome()
    }

    /// Starts it.
    #[track_caller]
    pub fn spawn(&self) -> Process {
        let mut command = self.command();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let stdout = Capture::start(child.stdout.take().expect("it is piped"));
        let stderr = Capture::start(child.stderr.take().expect("it is piped"));
        Process { child, ended: None, stdout, stderr }
    }
}

/// What a process writes, read as it comes.
struct Capture {
    text: Text,
    thread: Option<JoinHandle<()>>,
}

/// What a process has written up to now.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<String>>);

impl Text {
    fn push(&self, more: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(more));
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Capture {
    fn start(pipe: impl std::io::Read + Send + 'static) -> Self {
        let text = Text::default();
        let shared = text.clone();
        let thread = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while matches!(pipe.read_until(b'\n', &mut line), Ok(1..)) {
                shared.push(&line);
                line.clear();
            }
        });
        Self { text, thread: Some(thread) }
    }

    /// Everything, once the pipe is closed.
    fn end(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("reading a pipe does not panic");
        }
        self.text.get()
    }
}

/// A process of the binary, killed when dropped.
pub struct Process {
    child: Child,
    ended: Option<ExitStatus>,
    stdout: Capture,
    stderr: Capture,
}

impl Process {
    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output up to now.
    pub fn stdout(&self) -> String {
        self.stdout.text.get()
    }

    /// What it has written to standard error up to now.
    pub fn stderr(&self) -> String {
        self.stderr.text.get()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked for its state");
        }
        self.ended
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let (id, said) = (self.id(), self.stderr.text.clone());
        wait_until(|| self.ended(), || format!("the end of process {id}; it says:\n{}", said.get()))
    }

    /// Sends SIGKILL: it has no time to clean up.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            self.child.kill().expect("a child that runs can be killed");
            self.ended = Some(self.child.wait().expect("a killed child ends"));
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&mut self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: rustix::process::Signal) {
        if self.ended().is_none() {
            let id = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(id, signal).expect("a child can be sent a signal");
        }
    }

    /// Everything that it wrote, after its end.
    #[track_caller]
    pub fn outcome(&mut self) -> Outcome {
        let ended = self.ended().expect("it has ended");
        Outcome { code: ended.code(), stdout: self.stdout.end(), stderr: self.stderr.end() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where a server's store is.
#[derive(Clone, Debug)]
pub enum Home {
    /// In a data folder.
    Folder(PathBuf),
    /// In a database, with the operator's key in base64.
    Database {
        /// Its address.
        url: String,
        /// The key.
        key: String,
    },
}

impl Home {
    /// A program that is told of it.
    #[must_use]
    pub fn given_to(&self, program: Program) -> Program {
        match self {
            Self::Folder(folder) => program.data(folder),
            Self::Database { url, key } => program.database(url, key),
        }
    }
}

/// A running server, killed when dropped.
pub struct TestServer {
    process: Process,
    binary: PathBuf,
    home: Home,
    address: SocketAddr,
    token: OnceCell<String>,
}

impl TestServer {
    /// Starts `serve` on a free port and waits until it is ready.
    #[track_caller]
    pub fn start(binary: &str, data: &Path) -> Self {
        Self::start_with(binary, data, |program| program)
    }

    /// The same with more arguments, variables or a program around it.
    #[track_caller]
    pub fn start_with(binary: &str, data: &Path, more: impl FnOnce(Program) -> Program) -> Self {
        Self::start_at(binary, Home::Folder(data.to_owned()), more)
    }

    /// The same, wherever its store is.
    #[track_caller]
    pub fn start_at(binary: &str, home: Home, more: impl FnOnce(Program) -> Program) -> Self {
        let server = Self::listening_at(binary, home, more);
        wait_for("the server to be ready", || {
            let answer = http::get(server.address, "/readyz").ok()?;
            (answer.status == 200).then_some(())
        });
        server
    }

    /// The same, but waits only until it listens: for TLS and for peers who are not let in.
    #[track_caller]
    pub fn listening(binary: &str, data: &Path, more: impl FnOnce(Program) -> Program) -> Self {
        Self::listening_at(binary, Home::Folder(data.to_owned()), more)
    }

    #[track_caller]
    fn listening_at(binary: &str, home: Home, more: impl FnOnce(Program) -> Program) -> Self {
        let program = home.given_to(Program::new(binary).args(["serve", "--listen", "127.0.0.1:0"]));
        let mut process = more(program).spawn();
        let address = wait_for("the server to say its address", || {
            assert!(process.ended().is_none(), "the server has ended: {}", process.outcome());
            address_in(&process.stderr())
        });
        Self { process, binary: binary.into(), home, address, token: OnceCell::new() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it has written to standard error up to now.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// A token with every permission, from `spillwatch token`.
    #[track_caller]
    pub fn token(&self) -> &str {
        self.token.get_or_init(|| self.command(["token"]).run().success().to_owned())
    }

    /// A command on the server's store.
    pub fn command<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Program {
        self.home.given_to(Program::new(&self.binary).args(arguments))
    }

    /// A connection.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address).expect("the server accepts connections")
    }

    /// One request with the server's token over a connection of its own.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let token = self.token(); // before there is a connection, which would be idle while it is made
        self.connect().call(method, path, token, body).expect("the server answers")
    }

    /// Sends SIGTERM and waits for the end.
    #[track_caller]
    pub fn stop(mut self) -> Outcome {
        self.process.terminate();
        self.process.wait();
        self.process.outcome()
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn outcome(mut self) -> Outcome {
        self.process.wait();
        self.process.outcome()
    }

    /// Sends SIGKILL.
    pub fn kill(mut self) {
        self.process.kill();
    }
}

/// Finds the address in the log line that says it.
fn address_in(log: &str) -> Option<SocketAddr> {
    log.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        if line["message"] == "listening" { line["address"].as_str()?.parse().ok() } else { None }
    })
}
