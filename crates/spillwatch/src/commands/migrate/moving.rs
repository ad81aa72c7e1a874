//! `spillwatch migrate --from ... --to ...`: everything that a store holds, into another one.

use super::keys::{Carried, Carrier, Round};
use crate::cli::{Global, StoreAddress};
use crate::commands::events::bar;
use crate::commands::keys::{LOST_WORK, waiting_in_words};
use crate::error::Failure;
use crate::output::rows;
use indicatif::ProgressBar;
use serde_json::json;
use std::time::{Duration, Instant};
use store::transfer::{Archive, Beginning, Progress, TransferError, Verdict, transfer};
use store_postgres::PostgresArchive;
use store_sqlite::{SqliteArchive, database_file};

/// Between two lines of progress where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// Copies the store, reads the copy back, and prints what came of each table.
pub async fn run(global: &Global, from: &StoreAddress, to: &StoreAddress) -> Result<(), Failure> {
    if from.is(to) {
        return Err(Failure::Refused("--from and --to are the same store".to_owned()));
    }
    if let StoreAddress::Folder(folder) = from
        && !database_file(folder).exists()
    {
        return Err(Failure::message(format!("there is no store in {}", folder.display())));
    }
    let carrier = Carrier::new(global, from, to).await?;
    anstream::eprintln!(
        "Copying {from} to {to}. No server may be running on either: a source that is written to meanwhile is copied again."
    );
    let (source, target) = (open(from).await?, open(to).await?);
    let mut told = Told::new();
    let moved = transfer(&*source, &*target, &mut |progress| {
        told.tell(progress);
        true
    })
    .await;
    told.bar.finish_and_clear();
    match moved {
        Ok(verdicts) => {
            let moved_along = carrier.carry(global, from, to, Round::First).await?;
            print(global, &verdicts)?;
            end(from, to, &moved_along);
            Ok(())
        }
        // The tables were moved, and whatever came after that was interrupted: the rest is done now.
        Err(TransferError::NotEmpty) if is_copy(&*source, &*target).await? => {
            let moved_along = carrier.carry(global, from, to, Round::Again).await?;
            if !moved_along.is_new {
                return Err(TransferError::NotEmpty.into());
            }
            end(from, to, &moved_along);
            Ok(())
        }
        Err(error) => {
            if let TransferError::Differs(verdicts) = &error {
                print(global, verdicts)?;
            }
            Err(error.into())
        }
    }
}

/// Whether the target is the source as it is now, to its last change. Its epoch may be another one, since keys that are
/// carried to a database raise it.
async fn is_copy(source: &dyn Archive, target: &dyn Archive) -> Result<bool, Failure> {
    let (source, copy) = (source.identity().await?, target.identity().await?);
    let is_same = (source.last_tenant, source.tenants) == (copy.last_tenant, copy.tenants);
    Ok(is_same && target.mark().await?.is_none())
}

fn end(from: &StoreAddress, to: &StoreAddress, carried: &Carried) {
    anstream::eprintln!(
        "{to} holds everything now, with the keys: tokens and page links of before go on. {from} is left as it was; keep it until you trust the copy."
    );
    let verifiers = carried.sealed.verifiers;
    if verifiers.all > verifiers.unopenable {
        let whose = match to {
            StoreAddress::Folder(_) => "a key of the folder's own, in keys/vault",
            StoreAddress::Database(_) => "the operator's key",
        };
        anstream::eprintln!("Its {} password verifiers are sealed with {whose}.", verifiers.all - verifiers.unopenable);
    }
    if verifiers.unopenable > 0 {
        anstream::eprintln!(
            "Warning: {} password verifiers are sealed with a key that is not at hand; give it by \
             --previous-secret-key-file to `spillwatch keys reseal`, or import the directory again.",
            verifiers.unopenable
        );
    }
    let waiting = &carried.sealed.waiting;
    if waiting.sum().unopenable > 0 {
        anstream::eprintln!(
            "Warning: of what waits to be checked, {} are sealed with a key that is not at hand; give it by \
             --previous-secret-key-file to `spillwatch keys reseal`. {LOST_WORK}.",
            waiting_in_words(waiting, |tally| tally.unopenable)
        );
    }
}

async fn open(address: &StoreAddress) -> Result<Box<dyn Archive>, Failure> {
    Ok(match address {
        StoreAddress::Folder(folder) => Box::new(SqliteArchive::open(folder)?),
        StoreAddress::Database(url) => {
            url.check().map_err(|why| Failure::Refused(format!("{url} cannot be used: {why}")))?;
            Box::new(PostgresArchive::open(url.expose()).await?)
        }
    })
}

fn print(global: &Global, verdicts: &[Verdict]) -> Result<(), Failure> {
    let verdict = |verdict: &Verdict| {
        let equal = if verdict.is_equal() { "equal" } else { "differs" };
        vec![json!(verdict.table), json!(verdict.source.rows), json!(verdict.source.digest.to_string()), json!(equal)]
    };
    rows(global, &["table", "rows", "sha256", "verdict"], &verdicts.iter().map(verdict).collect::<Vec<_>>(), "")
}

/// Shows progress: a bar on a terminal, else lines.
struct Told {
    bar: ProgressBar,
    last: Option<(&'static str, Instant)>,
}

impl Told {
    fn new() -> Self {
        Self { bar: bar("{msg:28} {bar:30} {human_pos}/{human_len} rows  ETA {eta}"), last: None }
    }

    fn tell(&mut self, progress: Progress) {
        match progress {
            Progress::Begun(beginning) => match beginning {
                Beginning::Fresh => {}
                Beginning::Resumed => self.say("It goes on where it was interrupted."),
                Beginning::SourceHasChanged => self.say("The source has changed since: it starts over."),
                Beginning::TargetDiffered => {
                    self.say("What was copied before differs from the source: it starts over.");
                }
            },
            Progress::Copied { table, rows, of } => self.show("copying", Some(table), rows, of),
            Progress::Verified { table, rows, of } => self.show("reading back", Some(table), rows, of),
            Progress::Checking => self.show("checking", None, 0, 0),
        }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| anstream::eprintln!("{text}"));
    }

    fn show(&mut self, step: &'static str, table: Option<&'static str>, rows: u64, of: u64) {
        if self.bar.is_hidden() {
            // A line at the beginning of each step, and then from time to time.
            let now = Instant::now();
            if self.last.is_some_and(|(last, at)| last == step && now.duration_since(at) < PAUSE) {
                return;
            }
            self.last = Some((step, now));
            match table {
                Some(table) => anstream::eprintln!("{step} {table}: {rows} of {of} rows"),
                None => anstream::eprintln!("{step} the copy as a whole"),
            }
            return;
        }
        if self.last.is_none_or(|(last, _)| last != step) {
            self.last = Some((step, Instant::now()));
            self.bar.reset_eta();
        }
        self.bar.set_message(table.map_or_else(|| step.to_owned(), |table| format!("{step} {table}")));
        self.bar.set_length(of);
        self.bar.set_position(rows);
    }
}
