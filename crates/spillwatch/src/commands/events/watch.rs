//! `spillwatch events watch`

use super::USUAL;
use crate::cli::{Global, Since, Watch};
use crate::commands::listing::{Columns, FORM, caller, query};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::Stream;
use crate::signals::Signals;
use crate::table::{Layout, terminal_width};
use odata::encode::{Encoder, write_string};
use odata::query::SystemOption;
use service::{Change, EventSet, Listed, Removal, carried_for};
use std::io::IsTerminal as _;
use std::time::Duration;

/// How often the end of the change log is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// Changes that are told at once.
const PAGE: u32 = 500;
/// What a column of a table is about as wide as, since nothing is known of rows that are to come.
const TYPICAL: [(&str, usize); 11] = [
    ("change", 7),
    ("id", 36),
    ("userDisplayName", 24),
    ("userPrincipalName", 32),
    ("riskEventDateTime", 28),
    ("riskEventType", 17),
    ("riskLevel", 9),
    ("riskEventStatus", 16),
    ("closedDateTime", 28),
    ("createdDateTime", 28),
    ("userId", 36),
];

/// Prints changes until it is told to end, or has told as many as were asked for.
pub async fn run(global: &Global, instance: &Instance, options: Watch) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let (service, set) = (&instance.service, EventSet::from(options.source.set));
    let caller = caller(instance, options.source.tenant, "events watch").await?;
    let asked =
        [(SystemOption::Filter, options.source.filter.as_deref()), (SystemOption::Select, options.select.as_deref())];
    let query = query(service, &caller, Listed::Events(set), &asked)?;
    if query.filter.as_ref().is_some_and(store::plan::uses_navigation) {
        let message = "a watch's filter cannot look behind a relation: a change there is no change of this entity";
        return Err(Failure::Refused(message.to_owned()));
    }
    let is_table = !global.json && std::io::stdout().is_terminal();
    let columns = Columns::of(set.entity_set(), &USUAL, &query);
    let encoder = if is_table {
        columns.encoder.clone()
    } else {
        let ty = set.entity_set().entity_type;
        FORM.encoder_with(set.entity_set(), ty, service::shown_in_delta(&query.select), &[])
    };
    let watch = service::Watch {
        filter: query.filter.clone(),
        selected: query.select.is_explicit().then(|| query.select.positions().iter().fold(0, |all, at| all | 1 << at)),
        limit: PAGE,
        carried: carried_for(&encoder),
    };
    let mut printer = Printer::new(is_table, &columns, encoder, options.count.map_or(u64::MAX, u64::from));
    let mut token = match options.since {
        Since::Beginning => service.begin_log(),
        Since::Now => service.begin_delta(&caller, "", service.clock().now(), true).await?,
    };
    anstream::eprintln!("Watching {}; Ctrl-C ends.", set.entity_set().name);
    printer.head()?;
    loop {
        let mut changes = Vec::new();
        let mut sink = |change: Change<'_>| {
            changes.push((last_change(&change), printer.form(&change)?));
            Ok(())
        };
        let told = tokio::select! {
            _ = signals.next() => return Ok(()),
            told = service.delta(&caller, Listed::Events(set), &watch, token, &mut sink) => told?,
        };
        changes.sort_by_key(|(last, _)| *last);
        if !printer.print(changes.iter().map(|(_, line)| line.as_slice()).collect())? {
            return Ok(());
        }
        token = told.token;
        if told.is_end {
            tokio::select! {
                _ = signals.next() => return Ok(()),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// The number of the latest change of an entity: what is told together is told in this order, and what is gone
/// at the end.
fn last_change(change: &Change<'_>) -> u64 {
    match change {
        Change::Entity { row, .. } => row.version(),
        Change::Removed { .. } => u64::MAX,
    }
}

/// Prints changes in the form that is wanted.
struct Printer<'c> {
    columns: &'c Columns,
    encoder: Encoder,
    /// The table that changes are rows of.
    layout: Option<(Vec<&'static str>, Layout)>,
    out: Stream,
    /// How many are still to be printed.
    left: u64,
}

impl<'c> Printer<'c> {
    fn new(is_table: bool, columns: &'c Columns, encoder: Encoder, left: u64) -> Self {
        let layout = is_table.then(|| {
            let mut names = vec!["change"];
            names.extend(&columns.names);
            let width = |name: &&str| TYPICAL.iter().find(|(known, _)| known == name).map_or(16, |(_, width)| *width);
            let typical = names.iter().map(|name| "x".repeat(width(name))).collect();
            let layout = Layout::fit(&names, &[typical], terminal_width());
            (names, layout)
        });
        Self { columns, encoder, layout, out: Stream::new(), left }
    }

    fn head(&mut self) -> Result<(), Failure> {
        if let Some((names, layout)) = &self.layout {
            self.out.write((layout.head(names) + "\n").as_bytes())?;
        }
        Ok(())
    }

    /// A change as a line.
    fn form(&self, change: &Change<'_>) -> Result<Vec<u8>, odata::encode::CellError> {
        let mut out = Vec::new();
        match change {
            Change::Entity { row, created, .. } => {
                let what = if *created { "created" } else { "updated" };
                let mut entity = Vec::new();
                self.encoder.entity(*row, None, &mut entity)?;
                if let Some((_, layout)) = &self.layout {
                    let mut cells = vec![what.to_owned()];
                    cells.extend(self.columns.cells(&entity));
                    out.extend_from_slice(layout.line(&cells).as_bytes());
                } else {
                    out.extend_from_slice(format!("{{\"change\":\"{what}\",\"event\":").as_bytes());
                    out.extend_from_slice(&entity);
                    out.push(b'}');
                }
            }
            Change::Removed { id, why } => {
                if let Some((names, layout)) = &self.layout {
                    let cell = |name: &&str| match *name {
                        "change" => "removed".to_owned(),
                        "id" => (*id).to_owned(),
                        _ => String::new(),
                    };
                    let cells: Vec<String> = names.iter().map(cell).collect();
                    out.extend_from_slice(layout.line(&cells).as_bytes());
                } else {
                    out.extend_from_slice(b"{\"change\":\"removed\",\"id\":");
                    write_string(id, &mut out);
                    out.extend_from_slice(match why {
                        Removal::Deleted => b",\"reason\":\"deleted\"}",
                        Removal::Changed => b",\"reason\":\"changed\"}",
                    });
                }
            }
        }
        out.push(b'\n');
        Ok(out)
    }

    /// Prints changes; `false` when no more are wanted.
    fn print(&mut self, mut changes: Vec<&[u8]>) -> Result<bool, Failure> {
        changes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= changes.len() as u64;
        Ok(self.out.write(&changes.concat())? && self.left > 0)
    }
}
