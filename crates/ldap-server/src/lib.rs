//! An LDAP server for tests: OpenLDAP's `slapd`, on free ports of 127.0.0.1, with a folder of its own.
//! Knows nothing of Spillwatch but the name of its environment variable.
//!
//! ```no_run
//! let server = ldap_server::Server::start(&ldap_server::Options::default()).expect("it starts");
//! server.modify("dn: ou=people,dc=corp,dc=test\nchangetype: add\nobjectClass: organizationalUnit\n\n").expect("it is taken");
//! ```

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Names the program `slapd`, before other places are looked at. `cargo xtask test` sets it.
pub const PROGRAM_VARIABLE: &str = "SPILLWATCH_TEST_SLAPD";
/// The entry below which everything is.
pub const SUFFIX: &str = "dc=corp,dc=test";
/// Who may do everything.
pub const ADMIN: &str = "cn=admin,dc=corp,dc=test";
/// Who may read everything, within the limits that a test sets.
pub const READER: &str = "cn=reader,dc=corp,dc=test";
/// Who may read everything but passwords.
pub const CLERK: &str = "cn=clerk,dc=corp,dc=test";
/// The password of all three.
pub const PASSWORD: &str = "a password for tests";

/// How long it may take to start: far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// The pause between two looks at something that is about to happen.
const LOOK: Duration = Duration::from_millis(20);
/// How often other ports are chosen when somebody took one that was free a moment ago.
const TRIES: usize = 5;
/// Reads the pipe whose other end only we hold, and cleans up when that is closed.
const WATCHDOG: &str = include_str!("keeper.sh");
/// The schemas that describe people and accounts.
const SCHEMAS: [&str; 4] = ["core", "cosine", "nis", "inetorgperson"];

/// What a server is given.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Entries in LDIF below [`SUFFIX`], which is there; with operational attributes, if a test wants them.
    pub entries: String,
    /// A certificate and its key in PEM: then it speaks TLS.
    pub tls: Option<(String, String)>,
    /// What `limits` says of [`READER`]: `size=100`, say.
    pub reader_limits: Option<String>,
}

/// A server. It is killed, and its folder removed, when this is dropped or its process ends in whatever way.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    folder: PathBuf,
    ports: [u16; 2],
    process: Child,
    watchdog: Child,
    /// Closed when dropped.
    orders: Option<ChildStdin>,
}

/// Where the programs and what they need are.
#[derive(Clone, Debug)]
struct Programs {
    slapd: PathBuf,
    /// `/`, or where a package was unpacked.
    root: PathBuf,
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
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let mut found = folders.map(|folder| folder.join("slapd"));
    found.find(|file| file.is_file()).ok_or_else(|| {
        format!(
            "OpenLDAP's `slapd` is neither on PATH nor in /usr/sbin: run `cargo xtask test`, which fetches it, install it \
             (Debian, Ubuntu: sudo apt-get install slapd ldap-utils), or name it in {PROGRAM_VARIABLE}"
        )
    })
}

/// The libraries of a package that was unpacked below a folder, as `LD_LIBRARY_PATH` has them; nothing for `/`.
pub fn libraries(slapd: &Path) -> Option<OsString> {
    let root = slapd.ancestors().nth(3).filter(|root| *root != Path::new("/"))?;
    let folders = fs::read_dir(root.join("usr/lib")).ok()?.flatten().map(|entry| entry.path());
    let folders: Vec<PathBuf> = folders.filter(|path| path.to_string_lossy().ends_with("-linux-gnu")).collect();
    if folders.is_empty() { None } else { std::env::join_paths(folders).ok() }
}

impl Programs {
    fn find() -> io::Result<Self> {
        let slapd = program().map_err(io::Error::other)?;
        let root = slapd.ancestors().nth(3).unwrap_or(Path::new("/")).to_owned();
        Ok(Self { slapd, root })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.envs(libraries(&self.slapd).map(|folders| ("LD_LIBRARY_PATH", folders)));
        command.env("LDAPNOINIT", "1").stdin(Stdio::null());
        command
    }

    /// The folder with the schemas, and the one with the modules if there are any.
    fn folders(&self) -> io::Result<(PathBuf, Option<PathBuf>)> {
        let first = |places: &[&str], file: &str| {
            places.iter().map(|place| self.root.join(place)).find(|folder| folder.join(file).is_file())
        };
        let schemas =
            first(&["etc/ldap/schema", "etc/openldap/schema", "usr/local/etc/openldap/schema"], "core.schema");
        let schemas =
            schemas.ok_or_else(|| io::Error::other("slapd's schemas (core.schema) are not where they are kept"))?;
        Ok((schemas, first(&["usr/lib/ldap", "usr/lib64/openldap", "usr/lib/openldap"], "back_mdb.so")))
    }
}

impl Server {
    /// Starts a server with these entries, and waits until it listens.
    pub fn start(options: &Options) -> io::Result<Self> {
        let programs = Programs::find()?;
        let mut last = None;
        for _ in 0..TRIES {
            match Self::try_start(&programs, options) {
                Ok(server) => return Ok(server),
                Err(error) if error.to_string().contains("in use") => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("no ports were tried")))
    }

    fn try_start(programs: &Programs, options: &Options) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("spillwatch-ldap-{:016x}", number()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let prepared = prepare(programs, &folder, options);
        if let Err(error) = prepared {
            fs::remove_dir_all(&folder)?;
            return Err(error);
        }
        let ports = free_ports()?;
        let mut urls = format!("ldap://127.0.0.1:{}/", ports[0]);
        if options.tls.is_some() {
            urls = format!("{urls} ldaps://127.0.0.1:{}/", ports[1]);
        }
        let log = fs::File::create(folder.join("log"))?;
        let mut command = programs.command(&programs.slapd);
        command.args(["-d", "0", "-h", &urls, "-f"]).arg(folder.join("slapd.conf")).current_dir(&folder);
        command.stdout(log.try_clone()?).stderr(log).process_group(0);
        let process = command.spawn()?;
        let mut watchdog = Command::new("/bin/sh");
        watchdog.arg("-c").arg(WATCHDOG).arg(&folder).arg(process.id().to_string()).current_dir("/");
        // Without our standard output, nobody who reads that waits for it.
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut watchdog = watchdog.spawn()?;
        let orders = watchdog.stdin.take();
        let mut server = Self { programs: programs.clone(), folder, ports, process, watchdog, orders };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> io::Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Err(io::Error::other(format!("slapd did not start ({status}):\n{}", self.log())));
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports[0])).is_ok() {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("no slapd after {PATIENCE:?}; its log:\n{}", self.log())));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Its URL in clear and with StartTLS, under a name that is in no certificate unless it is put there: an address.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.ports[0])
    }

    /// Its URL under the name `localhost`.
    pub fn named_url(&self) -> String {
        format!("ldap://localhost:{}", self.ports[0])
    }

    /// Its URL for TLS from the first byte on, under the name `localhost`.
    pub fn tls_url(&self) -> String {
        format!("ldaps://localhost:{}", self.ports[1])
    }

    /// Carries out changes in LDIF, as [`ADMIN`].
    pub fn modify(&self, changes: &str) -> io::Result<()> {
        let file = self.folder.join(format!("changes-{:016x}.ldif", number()));
        fs::write(&file, changes)?;
        let mut command = self.programs.command(&self.programs.root.join("usr/bin/ldapmodify"));
        command.args(["-x", "-H", &self.url(), "-D", ADMIN, "-w", PASSWORD, "-f"]).arg(&file);
        let done = command.stdout(Stdio::null()).output()?;
        fs::remove_file(&file)?;
        if done.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("ldapmodify: {}", String::from_utf8_lossy(&done.stderr))))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
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

/// Writes the configuration and fills the database.
fn prepare(programs: &Programs, folder: &Path, options: &Options) -> io::Result<()> {
    let (schemas, modules) = programs.folders()?;
    let mut conf = String::new();
    let mut line = |text: String| {
        conf.push_str(&text);
        conf.push('\n');
    };
    for schema in SCHEMAS {
        line(format!("include {}", schemas.join(format!("{schema}.schema")).display()));
    }
    if let Some(modules) = modules {
        line(format!("modulepath {}\nmoduleload back_mdb\nmoduleload ppolicy", modules.display()));
    }
    if let Some((certificate, key)) = &options.tls {
        fs::write(folder.join("server.pem"), certificate)?;
        fs::write(folder.join("server.key"), key)?;
        let at = |name: &str| folder.join(name).display().to_string();
        line(format!("TLSCertificateFile {}\nTLSCertificateKeyFile {}", at("server.pem"), at("server.key")));
    }
    DirBuilder::new().mode(0o700).create(folder.join("database"))?;
    line(format!(
        "database mdb\nsuffix \"{SUFFIX}\"\nrootdn \"{ADMIN}\"\nrootpw \"{PASSWORD}\"\ndirectory {}\nmaxsize 268435456\n\
         dbnosync\nindex objectClass,entryUUID,modifyTimestamp,uid eq",
        folder.join("database").display()
    ));
    if let Some(limits) = &options.reader_limits {
        line(format!("limits dn.exact=\"{READER}\" {limits}"));
    } else {
        line(format!("limits dn.exact=\"{READER}\" size.prtotal=unlimited"));
    }
    line(format!("limits dn.exact=\"{CLERK}\" size.prtotal=unlimited"));
    line(format!("access to attrs=userPassword by dn.exact=\"{READER}\" read by anonymous auth by * none"));
    line(format!("access to * by dn.exact=\"{READER}\" read by dn.exact=\"{CLERK}\" read by * none"));
    line("overlay ppolicy".to_owned());
    fs::write(folder.join("slapd.conf"), conf)?;

    let mut entries = format!("dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: corp\no: Corp\n\n");
    for name in [READER, CLERK] {
        let cn = name.trim_start_matches("cn=").split(',').next().unwrap_or_default();
        let who = "objectClass: organizationalRole\nobjectClass: simpleSecurityObject";
        let entry = format!("dn: {name}\n{who}\ncn: {cn}\nuserPassword: {PASSWORD}\n\n");
        entries.push_str(&entry);
    }
    entries.push_str(&options.entries);
    let file = folder.join("entries.ldif");
    fs::write(&file, entries)?;
    let mut command = programs.command(&programs.slapd);
    command.args(["-T", "add", "-q", "-f"]).arg(folder.join("slapd.conf")).arg("-l").arg(&file);
    let added = command.output()?;
    fs::remove_file(&file)?;
    if added.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("slapadd: {}", String::from_utf8_lossy(&added.stderr))))
}

/// A number that is different each time.
fn number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// Ports of 127.0.0.1 that were free a moment ago, below those that systems give out unasked.
fn free_ports() -> io::Result<[u16; 2]> {
    for _ in 0..1000 {
        let first = 10_000 + (number() % 20_000) as u16;
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        if let (Ok(_one), Ok(_two)) = (bind(first), bind(first + 1)) {
            return Ok([first, first + 1]);
        }
    }
    Err(io::Error::other("no two ports from 10000 to 30000 are free"))
}
