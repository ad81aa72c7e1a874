//! A temporary folder and the process that runs in it. Both are gone when their owner is.

use crate::{LOOK, PATIENCE, chance};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Instant;

/// Reads the pipe whose other end only we hold, and cleans up when that is closed.
const WATCHDOG: &str = include_str!("keeper.sh");
/// Becomes the program, after it has told the watchdog its process id: through the pipe itself,
/// so that there is no moment at which the process runs and the watchdog does not know it.
const BECOME: &str = r#"echo "started $$"; exec >>log 2>&1; exec "$@""#;
/// Who runs PostgreSQL when we are root, which it refuses to be: the first of these that exists.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];
/// A Unix socket's path may take 103 bytes on some systems: this much is left to the place of our
/// folder, whose name and the socket's take the rest.
const LONGEST_PLACE: usize = 50;

/// A user and a group, by number.
#[derive(Clone, Copy, Debug)]
struct Account {
    user: u32,
    group: u32,
}

/// A temporary folder and the one process that may run in it, which writes the file `log` there.
/// When this is dropped, or the process that has it ends in whatever way, a watchdog sends SIGQUIT
/// to the process in the folder and removes the folder.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: PathBuf,
    account: Option<Account>,
    watchdog: Child,
    /// Closed first of all when dropped.
    orders: Option<ChildStdin>,
    process: Option<Child>,
}

impl Keeper {
    /// Makes the folder, and the watchdog that will remove it.
    pub(crate) fn new() -> io::Result<Self> {
        let account = unprivileged()?;
        let folder = make_folder(account.is_some())?;
        let mut watchdog = Command::new("/bin/sh");
        watchdog.arg("-c").arg(WATCHDOG).arg(&folder);
        // In a process group of its own, it does not hear the terminal's Ctrl-C; without our
        // standard output, nobody who reads that waits for it.
        watchdog.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut watchdog = watchdog.spawn().inspect_err(|_| drop(std::fs::remove_dir(&folder)))?;
        let orders = watchdog.stdin.take();
        let keeper = Self { folder, account, watchdog, orders, process: None };
        keeper.hand_over(&keeper.folder)?;
        Ok(keeper)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file that the process may read and remove.
    pub(crate) fn write(&self, file: &Path, text: &str) -> io::Result<()> {
        std::fs::write(file, text)?;
        self.hand_over(file)
    }

    fn hand_over(&self, path: &Path) -> io::Result<()> {
        self.account.map_or(Ok(()), |Account { user, group }| chown(path, Some(user), Some(group)))
    }

    /// Starts the process.
    pub(crate) fn start<A: AsRef<OsStr>>(&mut self, program: &Path, arguments: &[A]) -> io::Result<()> {
        let orders = self.orders.as_ref().expect("it is closed only when dropped");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", BECOME, "sh"]).arg(program).args(arguments);
        command.stdin(Stdio::null()).stdout(orders.as_fd().try_clone_to_owned()?).stderr(Stdio::null());
        command.current_dir(&self.folder).process_group(0);
        plain_environment(&mut command);
        if let Some(Account { user, group }) = self.account {
            command.uid(user).gid(group);
        }
        self.process = Some(command.spawn()?);
        Ok(())
    }

    /// Runs a program to its end. The error is what it wrote.
    pub(crate) fn run<A: AsRef<OsStr>>(&mut self, program: &Path, arguments: &[A]) -> io::Result<()> {
        let before = self.log_length();
        self.start(program, arguments)?;
        let status = self.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("{} failed ({status}):\n{}", program.display(), self.log_from(before))))
    }

    /// The process's id, while it was not seen to end.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Tells how the process ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some(process) = &mut self.process else { return Ok(None) };
        let status = process.try_wait()?;
        if status.is_some() {
            self.forget()?;
        }
        Ok(status)
    }

    /// Waits for the process to end.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        let start = Instant::now();
        loop {
            match self.ended()? {
                Some(status) => return Ok(status),
                None if self.process.is_none() => return Err(io::Error::other("there is no process to wait for")),
                None => {}
            }
            if start.elapsed() > PATIENCE {
                let late = format!("the process has not ended for {PATIENCE:?}; its log ends:\n{}", self.log_from(0));
                return Err(io::Error::new(io::ErrorKind::TimedOut, late));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Sends a signal by its name. The watchdog does it, which knows the process anyway.
    pub(crate) fn signal(&mut self, name: &str) -> io::Result<()> {
        self.order(&format!("signal {name}"))
    }

    /// Sends SIGKILL, and waits until the process is dead.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if let Some(process) = &mut self.process {
            process.kill()?;
            process.wait()?;
            self.forget()?;
        }
        Ok(())
    }

    /// The process was waited for: its id may be another's from now on.
    fn forget(&mut self) -> io::Result<()> {
        self.process = None;
        self.order("ended")
    }

    fn order(&mut self, line: &str) -> io::Result<()> {
        self.orders.as_mut().expect("it is closed only when dropped").write_all(format!("{line}\n").as_bytes())
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub(crate) fn log_length(&self) -> u64 {
        std::fs::metadata(self.log_file()).map_or(0, |metadata| metadata.len())
    }

    /// What was written to the log since it had that length.
    pub(crate) fn log_from(&self, start: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.log_file())?;
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}

impl Drop for Keeper {
    /// Goes the way that it goes when we are killed, but waits for it.
    fn drop(&mut self) {
        drop(self.orders.take());
        while let Some(process) = &mut self.process {
            if matches!(process.try_wait(), Ok(Some(_)) | Err(_)) {
                self.process = None;
            } else if matches!(self.watchdog.try_wait(), Ok(Some(_))) {
                // Somebody killed the watchdog.
                process.kill().ok();
            } else {
                std::thread::sleep(LOOK);
            }
        }
        self.watchdog.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Takes away what would change how PostgreSQL's programs behave, and makes their messages English.
pub(crate) fn plain_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
}

/// Who is to run the server: somebody else when we are root, or else we ourselves.
fn unprivileged() -> io::Result<Option<Account>> {
    let id = |arguments: &[&str]| -> io::Result<Option<u32>> {
        let answer = Command::new("id").args(arguments).stdin(Stdio::null()).output()?;
        Ok(String::from_utf8_lossy(&answer.stdout).trim().parse().ok())
    };
    if id(&["-u"])? != Some(0) {
        return Ok(None);
    }
    for name in ACCOUNTS {
        if let (Some(user), Some(group)) = (id(&["-u", name])?, id(&["-g", name])?) {
            return Ok(Some(Account { user, group }));
        }
    }
    Err(io::Error::other(format!("PostgreSQL refuses to run as root, and there is no user {}", ACCOUNTS.join(" or "))))
}

/// Makes a folder that only its owner may read. It lies where temporary files lie, but in `/tmp`
/// when another user cannot get there or the path of a socket would be too long.
fn make_folder(for_another: bool) -> io::Result<PathBuf> {
    let own = std::env::temp_dir();
    let suits = own.as_os_str().len() <= LONGEST_PLACE && (!for_another || all_may_enter(&own));
    let place = if suits { own } else { PathBuf::from("/tmp") };
    let folder = place.join(format!("spillwatch-postgres-{:016x}", chance::number()));
    DirBuilder::new().mode(0o700).create(&folder)?;
    folder.canonicalize()
}

/// Tells whether every user may pass through a folder and those above it.
fn all_may_enter(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let open = |permissions: Permissions| permissions.mode() & 0o001 != 0;
    folder.ancestors().all(|above| std::fs::metadata(above).is_ok_and(|metadata| open(metadata.permissions())))
}

/// A new folder for a test of this crate.
#[cfg(test)]
pub(crate) fn scratch() -> PathBuf {
    make_folder(false).expect("a temporary folder can be made")
}
