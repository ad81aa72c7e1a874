//! An S3 server for tests: `SeaweedFS` in one process, on free ports of 127.0.0.1, with a folder and credentials of its
//! own. Knows nothing of Spillwatch but the names of its environment variables.
//!
//! ```no_run
//! let server = s3_server::Server::start(&["leaks"]).expect("it starts");
//! let variables = server.variables(); // for a process that reads `s3://leaks/..`
//! ```

use std::fs::DirBuilder;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Names `SeaweedFS`'s program `weed`, before `PATH` is looked at. `cargo xtask test` sets it.
pub const PROGRAM_VARIABLE: &str = "SPILLWATCH_TEST_WEED";

/// How long it may take to start: far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// The pause between two looks at something that is about to happen.
const LOOK: Duration = Duration::from_millis(20);
/// How often other ports are chosen when somebody took one that was free a moment ago.
const TRIES: usize = 5;
/// Reads the pipe whose other end only we hold, and cleans up when that is closed.
const WATCHDOG: &str = include_str!("keeper.sh");
/// The ports of its parts. It is given all of them, so that none is a well-known one.
const PORTS: [&str; 10] = [
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
];

/// How far the second port of a part is from its first.
const PAIR: u16 = 10_000;

/// A server with a bucket or more. It is killed, and its folder removed, when this is dropped or its process ends in
/// whatever way.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    ports: Vec<u16>,
    process: Child,
    watchdog: Child,
    /// Closed when dropped.
    orders: Option<ChildStdin>,
    access_key: String,
    secret_key: String,
}

/// Finds the program; the error says what to do when it is not there.
pub fn program() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(PROGRAM_VARIABLE) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(format!("{PROGRAM_VARIABLE}: {} is no file", named.display()))
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("weed"));
    found.find(|file| file.is_file()).ok_or_else(|| {
        format!("SeaweedFS's `weed` is not on PATH: run `cargo xtask test`, which installs it, or name it in {PROGRAM_VARIABLE}")
    })
}

impl Server {
    /// Starts a server with these buckets, and waits until they are there.
    pub fn start(buckets: &[&str]) -> io::Result<Self> {
        let program = program().map_err(io::Error::other)?;
        let mut last = None;
        for _ in 0..TRIES {
            match Self::try_start(&program, buckets) {
                Ok(server) => return Ok(server),
                // Its log names the port that is taken.
                Err(error) if error.to_string().contains("in use") => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("no ports were tried")))
    }

    fn try_start(program: &Path, buckets: &[&str]) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("spillwatch-s3-{:016x}", number()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let (access_key, secret_key) = (format!("key{:016x}", number()), format!("secret{:016x}", number()));
        let ports = free_ports()?;
        std::fs::write(folder.join("s3.json"), identities(&access_key, &secret_key))?;
        let log = std::fs::File::create(folder.join("log"))?;
        let mut command = Command::new(program);
        // Its logs go into the folder too, which is removed.
        command
            .arg(format!("-logdir={}", folder.display()))
            .arg("mini")
            .arg(format!("-dir={}", folder.display()))
            .arg(format!("-bucket={}", buckets.join(",")));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.config=s3.json", "-s3.localSocket=s3.sock"]);
        command.args(PORTS.iter().zip(&ports).map(|(name, port)| format!("-{name}={port}")));
        for (name, _) in std::env::vars_os() {
            // Its own settings come from such variables too.
            if name.to_string_lossy().starts_with("AWS_") || name.to_string_lossy().starts_with("S3_") {
                command.env_remove(name);
            }
        }
        command.current_dir(&folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let process = command.spawn()?;
        let mut watchdog = Command::new("/bin/sh");
        watchdog.arg("-c").arg(WATCHDOG).arg(&folder).arg(process.id().to_string()).current_dir("/");
        watchdog.args(ports.iter().map(u16::to_string));
        // Without our standard output, nobody who reads that waits for it.
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut watchdog = watchdog.spawn()?;
        let orders = watchdog.stdin.take();
        let mut server = Self { folder, ports, process, watchdog, orders, access_key, secret_key };
        for bucket in buckets {
            server.wait_for(bucket)?;
        }
        Ok(server)
    }

    /// Waits until the parts have found each other, which is when the buckets have been made.
    fn wait_for(&mut self, bucket: &str) -> io::Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Err(io::Error::other(format!("the S3 server did not start ({status}):\n{}", self.log())));
            }
            // A bucket is a folder of the server's file system.
            let answer = self.status(&format!("/buckets/{bucket}/"));
            if answer.is_ok_and(|status| status == 200) && self.log().contains("ready to use") {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("no S3 server after {PATIENCE:?}; its log:\n{}", self.log())));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Asks the part that holds the file system.
    fn status(&self, path: &str) -> io::Result<u16> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports[6]))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "HEAD {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        String::from_utf8_lossy(&answer[9..]).parse().map_err(io::Error::other)
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// The key that may do everything, and its secret.
    pub fn credentials(&self) -> (&str, &str) {
        (&self.access_key, &self.secret_key)
    }

    /// The variables by which a process reads `s3://BUCKET/..` from this server.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", self.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
        ]
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is all that could go wrong.
        let _ = self.process.kill();
        let ended = self.process.wait().is_ok();
        if let Some(mut orders) = self.orders.take()
            && ended
        {
            let _ = orders.write_all(b"ended\n");
        }
        let _ = self.watchdog.wait();
    }
}

fn identities(access_key: &str, secret_key: &str) -> String {
    format!(
        r#"{{"identities":[{{"name":"test","credentials":[{{"accessKey":"{access_key}","secretKey":"{secret_key}"}}],"actions":["Admin","Read","List","Write"]}}]}}"#
    )
}

/// A number that is different each time.
fn number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// Ports of 127.0.0.1 that were free a moment ago, in pairs: its parts expect each other's second port so much above
/// the first. All lie below those that systems give out unasked.
fn free_ports() -> io::Result<Vec<u16>> {
    let mut held = Vec::new();
    for _ in 0..1000 {
        let first = 10_000 + (number() % 12_000) as u16;
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        if let (Ok(one), Ok(two)) = (bind(first), bind(first + PAIR)) {
            held.push((first, one, two));
        }
        if 2 * held.len() == PORTS.len() {
            return Ok(held.iter().flat_map(|(port, ..)| [*port, port + PAIR]).collect());
        }
    }
    Err(io::Error::other("too few of the ports from 10000 to 32000 are free"))
}
