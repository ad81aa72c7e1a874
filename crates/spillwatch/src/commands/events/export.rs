//! `spillwatch events export`

use super::oldest_first;
use crate::cli::{Export, ExportFormat};
use crate::commands::listing::{FORM, Pages, caller, query};
use crate::error::Failure;
use crate::exchange::{csv, ocsf};
use crate::instance::Instance;
use crate::output::Stream;
use crate::signals::Signals;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::{Caller, Entropy, RiskDetail, RiskEvent, edm};
use odata::encode::{CellError, Encoder, Row};
use odata::query::SystemOption;
use service::{EventSet, Listed, carried_for};
use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Carried;

/// Writes the events of a query, a page at a time.
pub async fn run(instance: &Instance, options: Export) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let (service, set) = (&instance.service, EventSet::from(options.source.set));
    let caller = caller(instance, options.source.tenant, "events export").await?;
    let filter = options.source.filter.as_deref();
    let mut query = query(service, &caller, Listed::Events(set), &[(SystemOption::Filter, filter)])?;
    query.order_by = oldest_first();
    let mut destination = Destination::open(&options.output, &*instance.entropy)?;
    let format = Format::new(options.format, set, &caller);
    let mut pages = Pages::new(service, &caller, Listed::Events(set), &query, format.carried());

    let bar = bar("{bar:30} {pos}/{len} events  ETA {eta}");
    if !bar.is_hidden()
        && let Ok(count) = service.count(&caller, Listed::Events(set), query.filter.clone()).await
    {
        bar.set_length(count);
    }
    let (mut page, mut count) = (Vec::new(), 0_u64);
    format.head(&mut page);
    loop {
        let mut sink = |row: &dyn Row| {
            count += 1;
            format.write(row, &mut page)
        };
        let more = tokio::select! {
            biased;
            signal = signals.next() => return Err(Failure::message(format!("{signal}: the export was broken off"))),
            more = pages.next(&mut sink) => more?,
        };
        if !destination.write(&page)? || !more {
            break;
        }
        bar.set_position(count);
        page.clear();
    }
    bar.finish_and_clear();
    if let Some(file) = destination.finish()? {
        anstream::eprintln!("Exported {count} events to {}.", file.display());
    }
    Ok(())
}

/// A progress bar on standard error, when that is a terminal.
pub(crate) fn bar(template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(template).expect("a template of ours"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// How rows are written.
enum Format {
    /// With the type in front where the set has several: what comes back in must not become another type.
    Jsonl {
        encoder: Encoder,
        typed: bool,
    },
    Csv {
        typed: bool,
    },
    Ocsf(Caller),
}

impl Format {
    fn new(format: ExportFormat, set: EventSet, caller: &Caller) -> Self {
        let (entity_set, typed) = (set.entity_set(), set.entity_set().polymorphic);
        match format {
            ExportFormat::Jsonl => {
                let all = odata::query::BoundQuery::everything(entity_set.entity_type);
                Self::Jsonl { encoder: FORM.encoder(entity_set, &all.select, &[]), typed }
            }
            ExportFormat::Csv => Self::Csv { typed },
            ExportFormat::Ocsf => Self::Ocsf(caller.clone()),
        }
    }

    fn carried(&self) -> Carried {
        match self {
            Self::Jsonl { encoder, .. } => carried_for(encoder),
            Self::Csv { .. } | Self::Ocsf(_) => Carried::PROPERTIES,
        }
    }

    fn head(&self, out: &mut Vec<u8>) {
        if let Self::Csv { typed } = self {
            let names = edm::LEAKED_CREDENTIALS_RISK_EVENT.all_properties().into_iter().map(|property| property.name);
            csv::write_header(typed.then_some("@odata.type").into_iter().chain(names), out);
        }
    }

    fn write(&self, row: &dyn Row, out: &mut Vec<u8>) -> Result<(), CellError> {
        match self {
            Self::Jsonl { encoder, typed } => {
                let start = out.len();
                encoder.entity(row, None, out)?;
                if *typed {
                    let name = edm::seed_type_name(row.entity_type());
                    out.splice(start..=start, format!("{{\"@odata.type\":\"#{name}\",").into_bytes());
                }
            }
            Self::Csv { typed } => {
                let name = typed.then(|| edm::seed_type_name(row.entity_type()));
                return csv::write_record(row, name.as_deref(), out);
            }
            Self::Ocsf(caller) => {
                let event = RiskEvent::from_row(row, None, RiskDetail::None, 0)?;
                out.extend_from_slice(ocsf::finding(&event, caller.tenant_id).to_string().as_bytes());
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

/// Where an export goes.
pub(crate) enum Destination {
    Stream(Stream),
    /// Something that is no regular file, such as a named pipe: it is written to as it is.
    Device(fs::File),
    File(Part),
}

impl Destination {
    pub(crate) fn open(path: &Path, entropy: &dyn Entropy) -> Result<Self, Failure> {
        let failure = |error| Failure::message(format!("{} cannot be written: {error}", path.display()));
        if path == Path::new("-") {
            return Ok(Self::Stream(Stream::new()));
        }
        if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            return Ok(Self::Device(fs::OpenOptions::new().write(true).open(path).map_err(failure)?));
        }
        Ok(Self::File(Part::create(path, entropy).map_err(failure)?))
    }

    /// Writes a portion; `false` when nobody reads any more.
    pub(crate) fn write(&mut self, portion: &[u8]) -> Result<bool, Failure> {
        match self {
            Self::Stream(stream) => return stream.write(portion),
            Self::Device(file) => file.write_all(portion)?,
            Self::File(part) => part.file.write_all(portion)?,
        }
        Ok(true)
    }

    /// Gives a file its name, and answers it.
    pub(crate) fn finish(self) -> Result<Option<PathBuf>, Failure> {
        match self {
            Self::Stream(_) | Self::Device(_) => Ok(None),
            Self::File(part) => Ok(Some(part.finish()?)),
        }
    }
}

/// A file under a name for the time until it is whole; deleted when that does not come to pass. Nobody else
/// can read it: it is about people.
pub(crate) struct Part {
    file: fs::File,
    /// Its name until then.
    partial: PathBuf,
    path: PathBuf,
}

impl Part {
    fn create(path: &Path, entropy: &dyn Entropy) -> std::io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", entropy.uuid_v4().simple()));
        let partial = path.with_file_name(name);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        Ok(Self { file, partial, path: path.to_owned() })
    }

    fn finish(mut self) -> std::io::Result<PathBuf> {
        self.file.flush()?;
        self.file.sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        Ok(self.path.clone())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.partial)); // it is gone when it has its name
    }
}
