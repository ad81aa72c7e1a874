//! `spillwatch users watch`: the files that are put into a folder are imported.

use super::import::{Parameters, import_files, open};
use super::taking::{Ended, Taken};
use crate::cli::{Global, WatchUsers};
use crate::commands::listing::caller;
use crate::error::Failure;
use crate::instance::Instance;
use crate::signals::Signals;
use model::{Caller, JobKind};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where files go that were imported.
const DONE: &str = "done";
/// Where the others go.
const FAILED: &str = "failed";
/// What the name of a report ends in.
const REPORT: &str = ".report.json";
/// How much of a long name its report has.
const LONGEST_NAME: usize = 200;
/// The longest pause between the two looks that a file must be the same at.
const PAUSE: Duration = Duration::from_secs(1);

/// What a file is at a look: another one, or one that is still written, is not the same at the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    node: (u64, u64),
    length: u64,
    written: (i64, i64),
}

impl Look {
    fn of(about: &Metadata) -> Self {
        Self { node: (about.dev(), about.ino()), length: about.len(), written: (about.mtime(), about.mtime_nsec()) }
    }
}

/// Watches a folder until a signal, or imports what is in it once.
pub async fn run(global: &Global, instance: &Instance, options: WatchUsers) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "users watch").await?;
    let folder = std::path::absolute(&options.folder)?;
    let failed = |error: io::Error| Failure::message(format!("{}: {error}", folder.display()));
    let about = fs::metadata(&folder).map_err(failed)?;
    if !about.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    if about.mode() & 0o002 != 0 {
        return Err(Failure::message(format!(
            "everybody on this machine can put files into {}, and what is in them becomes the directory; run `chmod o-w` on it",
            folder.display()
        )));
    }
    let watch = Watched {
        global,
        instance,
        caller: &caller,
        parameters: Parameters {
            files: Vec::new(),
            format: options.format.map(|format| format.name().to_owned()),
            source: options.source,
            full: options.full,
            upn_domain: options.upn_domain,
            brake: options.brake.into(),
            watched: true,
        },
        folder,
    };
    let mut signals = Signals::listen()?;
    if !options.once {
        anstream::eprintln!("Watching {} until Ctrl-C or SIGTERM.", watch.folder.display());
    }
    let mut before = watch.look()?;
    if options.once && before.is_empty() {
        anstream::eprintln!("There is no file in {}.", watch.folder.display());
        return Ok(());
    }
    let mut failures = 0_usize;
    loop {
        let pause = if before.is_empty() { options.every } else { options.every.min(PAUSE) };
        tokio::select! {
            signal = signals.next() => {
                anstream::eprintln!("{signal}: stopped.");
                return Ok(());
            }
            () = tokio::time::sleep(pause) => {}
        }
        let now = watch.look()?;
        for (name, look) in &now {
            if before.get(name) != Some(look) {
                continue;
            }
            match watch.take(&mut signals, name, look).await? {
                None => return Ok(()),
                Some(is_imported) => failures += usize::from(!is_imported),
            }
        }
        before = watch.look()?;
        if options.once {
            for name in before.keys() {
                let name = name.to_string_lossy();
                anstream::eprintln!("{name} is new, or is still written: it was left for the next time.");
            }
            return match failures {
                0 => Ok(()),
                1 => Err(Failure::message("a file failed; its report is in failed/")),
                count => Err(Failure::message(format!("{count} files failed; their reports are in failed/"))),
            };
        }
    }
}

/// Finds files of a watched folder where they were moved to.
pub fn find_again(files: &mut [PathBuf]) {
    for file in files {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { continue };
        let moved = [FAILED, DONE].map(|place| folder.join(place).join(name));
        if !file.exists()
            && let Some(found) = moved.into_iter().find(|file| file.is_file())
        {
            *file = found;
        }
    }
}

struct Watched<'w> {
    global: &'w Global,
    instance: &'w Instance,
    caller: &'w Caller,
    parameters: Parameters,
    folder: PathBuf,
}

impl Watched<'_> {
    /// The files that are there, in the order of their names.
    fn look(&self) -> Result<BTreeMap<OsString, Look>, Failure> {
        let failed = |error: io::Error| Failure::message(format!("{}: {error}", self.folder.display()));
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if name.as_bytes().starts_with(b".") || name.as_bytes().ends_with(b".part") {
                continue;
            }
            // It may be gone by now; a link is somebody else's file.
            if let Ok(about) = entry.metadata()
                && about.is_file()
            {
                found.insert(name, Look::of(&about));
            }
        }
        Ok(found)
    }

    /// Imports a file and moves it; answers whether it was imported without a fault, or nothing when a signal came.
    async fn take(&self, signals: &mut Signals, name: &OsStr, look: &Look) -> Result<Option<bool>, Failure> {
        let file = self.folder.join(name);
        let Ok(about) = fs::symlink_metadata(&file) else { return Ok(Some(true)) }; // somebody has taken it away
        if !about.is_file() || Look::of(&about) != *look {
            return Ok(Some(true)); // it is another one by now
        }
        let shown = name.to_string_lossy();
        anstream::eprintln!("Importing {shown}.");
        let started = self.now();
        let (ended, failure) = match self.import(signals, &file, &about).await? {
            Some(Taken::Stopped(stopped)) => {
                anstream::eprintln!("{} (or it is imported again with the next watch).", stopped.failure());
                return Ok(None);
            }
            Some(Taken::Ended(ended)) => {
                ended.print(self.global)?;
                let failure = ended.failure();
                (Some(ended), failure)
            }
            None => return Ok(Some(false)),
        };
        self.file_away(name, look, (started, ended.as_deref(), failure.as_deref()))?;
        Ok(Some(failure.is_none()))
    }

    /// `None` if the file itself is at fault, which is reported.
    async fn import(&self, signals: &mut Signals, file: &Path, about: &Metadata) -> Result<Option<Taken>, Failure> {
        let started = self.now();
        let fault = |why: String| {
            let name = file.file_name().unwrap_or_default();
            self.file_away(name, &Look::of(about), (started, None, Some(&why))).map(|()| None)
        };
        let mode = about.mode() & 0o777;
        if mode & 0o004 != 0 {
            return fault(format!(
                "everybody on this machine can read it (mode {mode:03o}), and it may hold password verifiers: run `chmod 600` \
                 on it, and put it there again"
            ));
        }
        let parameters = Parameters { files: vec![file.to_owned()], ..self.parameters.clone() };
        let inputs = match open(&parameters) {
            Ok(inputs) => inputs,
            Err(failure) => return fault(failure.to_string()),
        };
        let job = self.instance.service.start_job(self.caller, JobKind::Import, &parameters).await?;
        let by = (self.caller, Some(job));
        import_files(self.global, self.instance, by, signals, &parameters, inputs).await.map(Some)
    }

    /// Moves a file to where it belongs, with a report beside it. The report comes first: whoever finds the file there
    /// finds its report too, and a process that is killed in between does all of it again.
    fn file_away(
        &self,
        name: &OsStr,
        look: &Look,
        (started, ended, failure): (String, Option<&Ended>, Option<&str>),
    ) -> Result<(), Failure> {
        let place = self.folder.join(if failure.is_some() { FAILED } else { DONE });
        let failed = |error: io::Error| Failure::message(format!("{}: {error}", place.display()));
        match DirBuilder::new().mode(0o700).create(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let job = ended.and_then(Ended::job);
        let report = json!({
            "file": name.to_string_lossy(),
            "outcome": if failure.is_some() { "failed" } else { "imported" },
            "startedDateTime": started,
            "endedDateTime": self.now(),
            "jobId": job.map(|(id, _)| id.as_str()),
            "jobState": job.map(|(_, state)| state),
            "error": failure,
            "summary": ended.map(Ended::summary),
            "messages": ended.map_or(&[][..], |ended| &ended.messages),
        });
        let beginning = &name.as_bytes()[..name.len().min(LONGEST_NAME)];
        let mut report_name = OsStr::from_bytes(beginning).to_owned();
        report_name.push(REPORT);
        write_whole(&place, &report_name, &format!("{report:#}\n")).map_err(failed)?;
        if let Some(why) = failure {
            anstream::eprintln!("{}: {why}.", name.to_string_lossy());
        }
        let file = self.folder.join(name);
        match fs::symlink_metadata(&file) {
            Ok(about) if Look::of(&about) == *look => fs::rename(&file, place.join(name)).map_err(failed),
            _ => Ok(()), // another one was put there meanwhile, which is imported next
        }
    }

    fn now(&self) -> String {
        self.instance.service.clock().now().to_string()
    }
}

/// Writes a file that nobody else can read, and lets it appear when it is whole.
fn write_whole(folder: &Path, name: &OsStr, text: &str) -> io::Result<()> {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    let hidden = folder.join(hidden);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&hidden)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(hidden, folder.join(name))
}
