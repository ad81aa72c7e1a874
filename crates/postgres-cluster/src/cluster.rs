//! A PostgreSQL server of one's own.

use crate::keeper::Keeper;
use crate::{Binaries, LOOK, Options, PATIENCE, USER, chance, psql};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How often another port is chosen when somebody took the one that was free a moment ago.
const PORTS_TRIED: usize = 20;

/// How a server stops (PostgreSQL, "Shutting Down the Server").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Lets sessions end by themselves.
    Smart,
    /// Ends sessions and rolls back what they have not committed.
    Fast,
    /// Ends at once; the next start recovers from the write-ahead log.
    Immediate,
}

impl Mode {
    fn signal(self) -> &'static str {
        match self {
            Self::Smart => "TERM",
            Self::Fast => "INT",
            Self::Immediate => "QUIT",
        }
    }
}

/// A server with its data in a temporary folder. It runs as an unprivileged user, listens on
/// 127.0.0.1 and on a Unix socket in its folder, and trusts who connects. It stops and its folder is
/// removed when this is dropped, and also when the process that has it is killed.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    keeper: Keeper,
    options: Options,
    port: u16,
    /// How a replica reaches what it follows.
    primary: Option<String>,
}

/// Why a server did not start.
enum Failure {
    /// It ended; this is what it wrote.
    Ended(String),
    Other(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Ended(log) => Self::other(format!("the server did not start:\n{log}")),
            Failure::Other(error) => error,
        }
    }
}

impl Cluster {
    /// Makes a cluster with the superuser [`USER`](crate::USER), and starts its server.
    pub fn start(options: &Options) -> io::Result<Self> {
        let mut cluster = Self::new(options, None)?;
        let initdb = cluster.binaries.program("initdb").map_err(io::Error::other)?;
        let common = ["--pgdata=data", "--username", USER, "--auth=trust", "--encoding=UTF8", "--no-sync"];
        let with = |locale| [&common[..], &[locale]].concat();
        match cluster.keeper.run(&initdb, &with("--locale=C.UTF-8")) {
            // Not every system has it. What remains sorts alike, but knows the case of ASCII only.
            Err(error) if error.to_string().contains("locale") => cluster.keeper.run(&initdb, &with("--no-locale"))?,
            done => done?,
        }
        let main = cluster.data().join("postgresql.conf");
        let text = std::fs::read_to_string(&main)?;
        cluster.keeper.write(&main, &format!("{text}\ninclude 'cluster.conf'\n"))?;
        cluster.start_on_a_free_port()?;
        Ok(cluster)
    }

    /// Makes a streaming replica that calls itself `name` (`application_name`), and starts it.
    /// Returns when it streams. `max_connections` and the like must not be lower than the primary's;
    /// what was set by `alter system` does not come along.
    pub fn replica(&self, name: &str, options: &Options) -> io::Result<Self> {
        let connection =
            format!("host=127.0.0.1 port={} user={USER} application_name={}", self.port, psql::parameter(name));
        let mut replica = Self::new(options, Some(connection.clone()))?;
        let backup = replica.binaries.program("pg_basebackup").map_err(io::Error::other)?;
        let options = ["--pgdata=data", "--checkpoint=fast", "--wal-method=stream", "--no-sync", "--dbname"];
        replica.keeper.run(&backup, &[&options[..], &[connection.as_str()]].concat())?;
        std::fs::remove_file(replica.data().join("postgresql.auto.conf"))?;
        replica.keeper.write(&replica.data().join("standby.signal"), "")?;
        replica.start_on_a_free_port()?;
        let streams = format!(
            "select count(*) from pg_stat_replication where state = 'streaming' and application_name = {}",
            psql::literal(name)
        );
        let start = Instant::now();
        while self.sql("postgres", &streams)? == "0" {
            if start.elapsed() > PATIENCE {
                let log = replica.log();
                return Err(io::Error::other(format!("{name} has not begun to stream for {PATIENCE:?}:\n{log}")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(replica)
    }

    fn new(options: &Options, primary: Option<String>) -> io::Result<Self> {
        let binaries = Binaries::find().map_err(io::Error::other)?;
        Ok(Self { binaries, keeper: Keeper::new()?, options: options.clone(), port: 0, primary })
    }

    fn start_on_a_free_port(&mut self) -> io::Result<()> {
        let mut tries = 1..PORTS_TRIED;
        loop {
            self.port = chance::free_port()?;
            match self.launch() {
                Err(Failure::Ended(log)) if log.contains("could not bind") && tries.next().is_some() => {}
                done => return Ok(done?),
            }
        }
    }

    /// Starts the server again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port
    /// with the same data.
    ///
    /// A server that was killed leaves its `postmaster.pid`, and sessions that end in their own
    /// time. The file stays, since it is how PostgreSQL keeps from starting while such a session may
    /// still write; this waits until it no longer does.
    pub fn start_again(&mut self) -> io::Result<()> {
        if self.keeper.process_id().is_some() {
            return Err(io::Error::other("the server runs already"));
        }
        let start = Instant::now();
        loop {
            match self.launch() {
                Err(Failure::Ended(log)) if log.contains("is still in use") && start.elapsed() < PATIENCE => {
                    std::thread::sleep(LOOK);
                }
                done => return Ok(done?),
            }
        }
    }

    fn launch(&mut self) -> Result<(), Failure> {
        let port = self.port.to_string();
        let folder = self.folder().to_string_lossy().into_owned();
        let mut fixed = vec![("port", port.as_str()), ("unix_socket_directories", folder.as_str())];
        fixed.extend(self.primary.as_deref().map(|primary| ("primary_conninfo", primary)));
        self.keeper.write(&self.data().join("cluster.conf"), &self.options.configuration(&fixed))?;
        let before = self.keeper.log_length();
        let start = Instant::now();
        let postgres = self.binaries.program("postgres").map_err(io::Error::other)?;
        self.keeper.start(&postgres, &["-D", "data"])?;
        while !self.is_ready() {
            if self.keeper.ended()?.is_some() {
                return Err(Failure::Ended(self.keeper.log_from(before)));
            }
            if start.elapsed() > PATIENCE {
                self.keeper.kill()?;
                return Err(Failure::Ended(format!("not ready after {PATIENCE:?}\n{}", self.keeper.log_from(before))));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Tells whether the server takes connections, as `pg_ctl --wait` does: by the first and the
    /// eighth line of `postmaster.pid`, its process id and its state. Connecting would not tell it
    /// from another server on a port that was taken in between.
    fn is_ready(&self) -> bool {
        let Ok(text) = std::fs::read_to_string(self.data().join("postmaster.pid")) else { return false };
        let mut lines = text.lines().map(str::trim);
        let id = lines.next().and_then(|line| line.parse().ok());
        id.is_some() && id == self.keeper.process_id() && lines.nth(6) == Some("ready")
    }

    /// Stops the server, if it runs, and waits until it has ended.
    pub fn stop(&mut self, mode: Mode) -> io::Result<()> {
        if self.keeper.process_id().is_some() {
            self.keeper.signal(mode.signal())?;
            self.keeper.wait()?;
        }
        Ok(())
    }

    /// Kills the server's main process (the postmaster) with SIGKILL. Sessions notice when they
    /// next wait, and end.
    pub fn kill(&mut self) -> io::Result<()> {
        self.keeper.kill()
    }

    /// Makes a primary of a replica, and waits until it is one.
    pub fn promote(&self) -> io::Result<()> {
        match self.sql("postgres", &format!("select pg_promote(true, {})", PATIENCE.as_secs()))?.as_str() {
            "t" => Ok(()),
            _ => Err(io::Error::other(format!("not promoted after {PATIENCE:?}:\n{}", self.log()))),
        }
    }

    /// Runs statements in a database through `psql` and returns the rows: one a line, without head,
    /// cells parted by `|`.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let program = self.binaries.program("psql").map_err(io::Error::other)?;
        let (folder, database) = (psql::parameter(&self.folder().to_string_lossy()), psql::parameter(database));
        // Through the socket in our folder, behind which there is no server but ours.
        psql::run(&program, &format!("host={folder} port={} user={USER} dbname={database}", self.port), sql)
    }

    /// Creates a database, as a copy of another if one is given.
    pub fn create_database(&self, name: &str, template: Option<&str>) -> io::Result<()> {
        self.sql("postgres", &psql::create_database(name, template)).map(drop)
    }

    /// Sets what `postgresql.conf` sets, and has the server read it (`alter system`): enough for
    /// settings that need no restart.
    pub fn set(&self, name: &str, value: &str) -> io::Result<()> {
        let (name, value) = (psql::identifier(name), psql::literal(value));
        self.sql("postgres", &format!("alter system set {name} = {value}; select pg_reload_conf()")).map(drop)
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server_url())
    }

    /// The URL without a database, as [`SERVER_VARIABLE`](crate::SERVER_VARIABLE) holds it.
    pub fn server_url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1. It stays the same when the server is started again.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The temporary folder, with `data`, `log` and the Unix socket.
    pub fn folder(&self) -> &Path {
        self.keeper.folder()
    }

    /// What the programs have logged so far.
    pub fn log(&self) -> String {
        self.keeper.log_from(0)
    }

    /// The id of the server's main process (the postmaster), unless it was stopped or killed.
    pub fn process_id(&self) -> Option<u32> {
        self.keeper.process_id()
    }

    /// Where PostgreSQL's programs are: `pgbench`, say.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }
}
