//! One server for all tests of a run, and a database for each.

use crate::{Binaries, Cluster, Options, chance, psql};
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the server that tests share: a URL without a database, such as
/// `postgres://spillwatch@127.0.0.1:5433`. `cargo xtask test` and `cargo xtask postgres` set it.
pub const SERVER_VARIABLE: &str = "SPILLWATCH_TEST_POSTGRES";

/// A server that tests share. Each test has databases of its own in it.
#[derive(Debug)]
pub struct Shared {
    url: String,
    psql: PathBuf,
    /// The server, when this process had to start it. It ends with the process.
    _cluster: Option<Cluster>,
}

/// Returns the server that [`SERVER_VARIABLE`] names; without that, one that this process starts when
/// it is first asked for.
///
/// # Panics
///
/// When there is no such server and none can be started: a test cannot go on.
pub fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var(SERVER_VARIABLE) {
        Ok(url) => Shared::at(&url).unwrap_or_else(|why| panic!("{SERVER_VARIABLE}={url}: {why}")),
        Err(_) => Shared::start().unwrap_or_else(|why| panic!("no PostgreSQL server for this test: {why}")),
    })
}

impl Shared {
    fn at(url: &str) -> io::Result<Self> {
        let psql = Binaries::find().and_then(|binaries| binaries.program("psql")).map_err(io::Error::other)?;
        let shared = Self { url: url.trim_end_matches('/').to_owned(), psql, _cluster: None };
        shared.sql("postgres", "select 1")?;
        Ok(shared)
    }

    fn start() -> io::Result<Self> {
        let cluster = Cluster::start(&Options::fast())?;
        let psql = cluster.binaries().program("psql").map_err(io::Error::other)?;
        Ok(Self { url: cluster.server_url(), psql, _cluster: Some(cluster) })
    }

    /// Creates an empty database.
    ///
    /// # Panics
    ///
    /// When it cannot be created: a test cannot go on.
    #[track_caller]
    pub fn database(&'static self) -> Database {
        self.create(None).unwrap_or_else(|why| panic!("no database for this test: {why}"))
    }

    /// Creates a database as a copy of another, see [`template`](Self::template).
    ///
    /// # Panics
    ///
    /// When it cannot be created: a test cannot go on.
    #[track_caller]
    pub fn database_from(&'static self, template: &str) -> Database {
        self.create(Some(template)).unwrap_or_else(|why| panic!("no copy of {template} for this test: {why}"))
    }

    /// Creates the database `name` for copies, if it is not there yet: `fill` is given the URL of an
    /// empty one and must have closed its connections when it returns. Processes that ask at the same
    /// time may each fill one; the first stays.
    ///
    /// The server may outlive the program that is under test (`cargo xtask postgres`): let the name
    /// change with what is filled in, by a checksum of it, say.
    pub fn template(&'static self, name: &str, fill: impl FnOnce(&str)) -> io::Result<()> {
        if self.has(name)? {
            return Ok(());
        }
        let new = self.create(None)?;
        fill(new.url());
        let (from, to) = (psql::identifier(&new.name), psql::identifier(name));
        match self.sql("postgres", &format!("alter database {from} rename to {to}")) {
            // Another was faster.
            Err(_) if self.has(name)? => Ok(()),
            renamed => renamed.map(drop),
        }
    }

    fn has(&self, database: &str) -> io::Result<bool> {
        let count = format!("select count(*) from pg_database where datname = {}", psql::literal(database));
        Ok(self.sql("postgres", &count)? == "1")
    }

    fn create(&'static self, template: Option<&str>) -> io::Result<Database> {
        static CREATED: AtomicU64 = AtomicU64::new(0);
        let count = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{count}_{:016x}", std::process::id(), chance::number());
        self.sql("postgres", &psql::create_database(&name, template))?;
        Ok(Database { url: self.url(&name), name, shared: self })
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.url)
    }

    /// Runs statements in a database through `psql`, see [`Cluster::sql`].
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        psql::run(&self.psql, &self.url(database), sql)
    }
}

/// A database of one test. It is dropped with this, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    shared: &'static Shared,
    name: String,
    url: String,
}

impl Database {
    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements in it through `psql`, see [`Cluster::sql`].
    pub fn sql(&self, sql: &str) -> io::Result<String> {
        self.shared.sql(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", psql::identifier(&self.name));
        if let Err(error) = self.shared.sql("postgres", &drop) {
            eprintln!("{} stays: {error}", self.name);
        }
    }
}
