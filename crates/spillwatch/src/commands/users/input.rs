//! Files of a directory: opened, told what they are, and read on a thread of their own.

use crate::error::Failure;
use directory::{Format, Limits, Summary, sniff};
use indicatif::ProgressBar;
use service::{Prepared, Preparer, Refused, Synced};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

/// How much of a file tells what it is.
const SNIFFED: usize = 64 << 10;
/// Entries that are handed over at once.
const BATCH: usize = 512;

/// A file that was opened, and what it is.
pub struct Input {
    name: String,
    format: Format,
    source: Box<dyn Read + Send>,
}

impl Input {
    /// Opens a file, says what it is, and warns when others can read it.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, Failure> {
        let is_standard_input = path == Path::new("-");
        let name = if is_standard_input { "standard input".to_owned() } else { path.display().to_string() };
        let failed = |error: io::Error| Failure::message(format!("{name}: {error}"));
        let mut source: Box<dyn Read + Send> = if is_standard_input {
            Box::new(io::stdin())
        } else {
            let file = File::open(path).map_err(failed)?;
            let about = file.metadata().map_err(failed)?;
            if about.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            let mode = about.permissions().mode() & 0o777;
            if about.is_file() && mode & 0o004 != 0 {
                anstream::eprintln!(
                    "Warning: everybody on this machine can read {name} (mode {mode:03o}), and it may hold password \
                     verifiers; run `chmod 600` on it."
                );
            }
            Box::new(file)
        };
        let mut beginning = Zeroizing::new(Vec::with_capacity(SNIFFED));
        (&mut source).take(SNIFFED as u64).read_to_end(&mut beginning).map_err(failed)?;
        let format = match format {
            Some(format) => {
                anstream::eprintln!("Reading {name} as {format}, as --format says.");
                format
            }
            None => {
                let sniffed = sniff(&beginning).map_err(|error| {
                    let all: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
                    Failure::message(format!(
                        "{name}: {error}. If it is one of {}, say so with --format",
                        all.join(", ")
                    ))
                })?;
                anstream::eprintln!("Reading {name} as {}: {}.", sniffed.format, sniffed.why.trim_end_matches('.'));
                sniffed.format
            }
        };
        Ok(Self { name, format, source: Box::new(Cursor::new(beginning).chain(source)) })
    }

    /// What it is.
    pub fn format(&self) -> Format {
        self.format
    }
}

/// How large files are together, for a progress bar; `None` where one of them has no length.
pub fn length(files: &[PathBuf]) -> Option<u64> {
    files
        .iter()
        .map(|file| std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).map(|about| about.len()))
        .sum()
}

/// What was read.
pub enum Portion {
    /// Entries.
    Entries(Vec<Result<Prepared, Refused>>),
    /// A file was read to its end.
    File(String, Summary),
    /// A file cannot be read any further: why.
    Broken(String),
    /// The keys of all accounts that a directory has, under its name, and where the answer goes.
    Listed(Box<str>, Vec<Box<str>>, oneshot::Sender<Known>),
    /// It may be that not everybody was read: why.
    Doubt(String),
    /// How far a directory is known now and was known before, and the keys of the entries that were read, in order.
    Synced((Synced, Option<Box<str>>), Vec<Box<str>>),
}

/// What is known of the accounts of a directory.
pub struct Known {
    /// The keys of those that are not.
    pub unknown: Vec<Box<str>>,
    /// Whether verifiers must be told anew, even of those of whom nothing has changed.
    pub wants_everybody: bool,
}

/// Reads files one after another on a thread of its own, and makes what the store is told of their entries.
pub fn read(inputs: Vec<(Input, Preparer)>, bar: ProgressBar) -> mpsc::Receiver<Portion> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        for (input, preparer) in inputs {
            if read_one(input, &preparer, &bar, &sender).is_none() {
                return; // nobody listens any more
            }
        }
    });
    receiver
}

/// `None` when nobody listens any more.
fn read_one(input: Input, preparer: &Preparer, bar: &ProgressBar, to: &mpsc::Sender<Portion>) -> Option<()> {
    let name = input.name;
    let source = bar.wrap_read(input.source);
    let mut users = match directory::read(input.format, &name, source, Limits::default()) {
        Ok(users) => users,
        Err(error) => return to.blocking_send(Portion::Broken(error.to_string())).ok(),
    };
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let entry = users.next();
        let is_end = entry.is_none();
        match entry {
            Some(Ok(user)) => batch.push(preparer.prepare(user)),
            Some(Err(error)) if error.ends_reading() => {
                to.blocking_send(Portion::Entries(std::mem::take(&mut batch))).ok()?;
                to.blocking_send(Portion::Broken(error.to_string())).ok()?;
            }
            Some(Err(error)) => batch.push(Err((error.place.clone(), vec![error.reason.to_string()]))),
            None => {}
        }
        if is_end || batch.len() >= BATCH {
            to.blocking_send(Portion::Entries(std::mem::take(&mut batch))).ok()?;
        }
        if is_end {
            return to.blocking_send(Portion::File(name, users.summary().clone())).ok();
        }
    }
}
