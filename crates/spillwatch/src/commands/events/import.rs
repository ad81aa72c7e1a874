//! `spillwatch events import`

use super::bar;
use crate::cli::{Global, Import, ImportFormat};
use crate::commands::listing::caller;
use crate::error::Failure;
use crate::exchange::{Row, csv, lines};
use crate::instance::Instance;
use crate::output::rows;
use crate::signals::Signals;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use indicatif::ProgressBar;
use model::{Caller, edm};
use odata::body::SyntaxError;
use serde_json::json;
use service::{ImportRow, Imported, Importing, Service};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;
use store::StoreError;
use tokio::sync::mpsc;

/// Rows that are under way at once: twice what the store writes in one transaction, so that the next group
/// waits when one is written.
const WINDOW: usize = 512;
/// After so many rows, about a second of writing, whoever else wants to write to the store is let in: a server
/// that waits for the store's lock looks at it every 100 ms at least.
const STRETCH: usize = 16_384;
const REST: Duration = Duration::from_millis(110);

/// Reads rows, hands them to the service, and says what came of them.
pub async fn run(global: &Global, instance: &Instance, options: Import) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let caller = caller(instance, options.tenant, "events import").await?;
    let name =
        if is_standard_input(&options.file) { "standard input".to_owned() } else { options.file.display().to_string() };
    let how = Importing { dry_run: options.dry_run, update: options.update };
    let bar = bar("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  ETA {eta}");
    let input = open(&options.file, &bar).map_err(|error| Failure::message(format!("{name}: {error}")))?;
    let rows = read(input, options.format, &options.file, &name)?;
    let mut taker = Taker { service: &instance.service, caller: &caller, how, name, bar, counts: Counts::default() };
    let outcome = taker.take(rows, &mut signals).await;
    taker.bar.finish_and_clear();
    if how.dry_run {
        anstream::eprintln!("Nothing was written: this is what would come of it.");
    }
    taker.counts.print(global)?;
    outcome?;
    match taker.counts.refused {
        0 => Ok(()),
        1 => Err(Failure::message("a row was refused")),
        count => Err(Failure::message(format!("{count} rows were refused"))),
    }
}

fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// What came of rows; each is counted as one.
#[derive(Default)]
struct Counts {
    read: u64,
    created: u64,
    unchanged: u64,
    updated: u64,
    conflicts: u64,
    refused: u64,
}

impl Counts {
    fn print(&self, global: &Global) -> Result<(), Failure> {
        let columns = ["read", "created", "unchanged", "updated", "conflicts", "refused"];
        let Self { read, created, unchanged, updated, conflicts, refused } = *self;
        let values = [read, created, unchanged, updated, conflicts, refused].map(|count| json!(count));
        rows(global, &columns, &[values.to_vec()], "")
    }
}

/// A row that was read: an event, or every fault.
type Taken = (u64, Result<Box<ImportRow>, Vec<String>>);

/// Takes rows over.
struct Taker<'s> {
    service: &'s Service,
    caller: &'s Caller,
    how: Importing,
    name: String,
    bar: ProgressBar,
    counts: Counts,
}

impl Taker<'_> {
    /// Keeps as many rows under way as the store writes at once. Of rows with the same id, the later one
    /// waits for the earlier one.
    async fn take(
        &mut self,
        mut rows: mpsc::Receiver<io::Result<Taken>>,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        let (service, caller, how) = (self.service, self.caller, self.how);
        let start = |line: u64, row: Box<ImportRow>| async move {
            let id: Option<Box<str>> = row.id().map(Into::into);
            let imported = service.import(caller, *row, how).await;
            (line, id, imported)
        };
        let mut under_way = FuturesUnordered::new();
        let mut ids: HashSet<Box<str>> = HashSet::new();
        let mut held: Option<(u64, Box<ImportRow>)> = None;
        let mut broken: Option<Failure> = None;
        let mut is_open = true;
        let mut since_rest = 0;
        loop {
            if since_rest >= STRETCH && under_way.is_empty() {
                tokio::time::sleep(REST).await;
                since_rest = 0;
            }
            if let Some((line, row)) = held.take_if(|(_, row)| row.id().is_none_or(|id| !ids.contains(id))) {
                ids.extend(row.id().map(Into::into));
                under_way.push(start(line, row));
                since_rest += 1;
            }
            let takes = is_open && held.is_none() && under_way.len() < WINDOW && since_rest < STRETCH;
            if !is_open && held.is_none() && under_way.is_empty() {
                return broken.map_or(Ok(()), Err);
            }
            tokio::select! {
                biased;
                signal = signals.next(), if is_open => {
                    let message = format!("{signal}: the rest of {} was not read; an import can be repeated", self.name);
                    broken.get_or_insert_with(|| Failure::message(message));
                    is_open = false;
                    held = None;
                }
                Some((line, id, imported)) = under_way.next() => {
                    if let Some(id) = id {
                        ids.remove(&id);
                    }
                    if let Err(error) = self.note(line, imported) {
                        broken.get_or_insert(error);
                        is_open = false;
                        held = None;
                    }
                }
                row = rows.recv(), if takes => match row {
                    None => is_open = false,
                    Some(Err(error)) => {
                        broken.get_or_insert_with(|| Failure::message(format!("{}: {error}", self.name)));
                        is_open = false;
                    }
                    Some(Ok((line, Ok(row)))) => held = Some((line, row)),
                    Some(Ok((line, Err(faults)))) => {
                        self.counts.read += 1;
                        self.counts.refused += 1;
                        self.say(line, &faults);
                    }
                },
            }
        }
    }

    /// Counts what came of a row; a row that the store could not take is none that was read.
    fn note(&mut self, line: u64, imported: Result<Imported, StoreError>) -> Result<(), Failure> {
        let imported = imported?;
        self.counts.read += 1;
        let counts = &mut self.counts;
        match imported {
            Imported::Created => counts.created += 1,
            Imported::Unchanged => counts.unchanged += 1,
            Imported::Updated => counts.updated += 1,
            Imported::Conflict(names) => {
                counts.conflicts += 1;
                let message = format!(
                    "an event with this id is there and differs in {}; it is left as it is (--update changes it)",
                    names.join(", ")
                );
                self.say(line, &[message]);
            }
            Imported::Refused(faults) => {
                counts.refused += 1;
                self.say(line, &faults);
            }
        }
        Ok(())
    }

    fn say(&self, line: u64, messages: &[String]) {
        self.bar.suspend(|| messages.iter().for_each(|message| anstream::eprintln!("{}:{line}: {message}", self.name)));
    }
}

/// A file that is read, and shown so.
type Input = BufReader<Box<dyn Read + Send>>;

fn open(file: &Path, bar: &ProgressBar) -> io::Result<Input> {
    let input: Box<dyn Read + Send> = if is_standard_input(file) {
        Box::new(io::stdin())
    } else {
        let file = File::open(file)?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if about.is_file() {
            bar.set_length(about.len());
        }
        Box::new(file)
    };
    Ok(BufReader::with_capacity(1 << 16, Box::new(bar.wrap_read(input))))
}

/// Rows of either format.
enum Rows {
    Lines(lines::Lines<Input>),
    Records(csv::Events<Input>),
}

impl Rows {
    fn next(&mut self) -> io::Result<Option<Row>> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Records(records) => records.next(),
        }
    }
}

/// Reads rows on a thread of its own: waiting for a pipe holds up nothing, and what is checked without the
/// store is checked beside it.
fn read(
    mut input: Input,
    format: Option<ImportFormat>,
    file: &Path,
    name: &str,
) -> Result<mpsc::Receiver<io::Result<Taken>>, Failure> {
    let failure = |error: io::Error| Failure::message(format!("{name}: {error}"));
    let (format, why) = match format {
        Some(format) => (format, None),
        None => sniff(&mut input, file).map_err(failure)?,
    };
    if let Some(why) = why {
        let format = if format == ImportFormat::Csv { "CSV" } else { "JSON Lines" };
        anstream::eprintln!("Reading {name} as {format}, {why}.");
    }
    let mut rows = match format {
        ImportFormat::Jsonl => Rows::Lines(lines::Lines::new(input)),
        ImportFormat::Csv => {
            let events = csv::Events::open(input, &edm::LEAKED_CREDENTIALS_RISK_EVENT).map_err(failure)?;
            Rows::Records(events.map_err(|why| Failure::message(format!("{name}: {why}")))?)
        }
    };
    let (sender, receiver) = mpsc::channel(WINDOW);
    std::thread::spawn(move || {
        loop {
            let row = match rows.next() {
                Ok(None) => return,
                Ok(Some(row)) => Ok((row.line, event(row))),
                Err(error) => Err(error),
            };
            let is_last = row.is_err();
            if sender.blocking_send(row).is_err() || is_last {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Tells the format by the name of the file, or by how it begins.
fn sniff(input: &mut Input, file: &Path) -> io::Result<(ImportFormat, Option<&'static str>)> {
    let by_name = Some("by its name");
    match file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("jsonl" | "ndjson" | "json") => return Ok((ImportFormat::Jsonl, by_name)),
        Some("csv") => return Ok((ImportFormat::Csv, by_name)),
        _ => {}
    }
    let text = input.fill_buf()?.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    let format = if text.first().is_none_or(|first| *first == b'{') { ImportFormat::Jsonl } else { ImportFormat::Csv };
    Ok((format, Some("by how it begins")))
}

/// The event of a row, or every fault.
fn event(row: Row) -> Result<Box<ImportRow>, Vec<String>> {
    let text = row.content.map_err(|fault| vec![fault])?;
    ImportRow::read(text).map(Box::new).map_err(|error| {
        vec![match error {
            SyntaxError::Json(error) => {
                let place = format!(" at line {} column {}", error.line(), error.column());
                let told = error.to_string();
                format!("column {}: it is not a JSON object: {}", error.column(), told.trim_end_matches(&place))
            }
            other => other.to_string(),
        }]
    })
}
