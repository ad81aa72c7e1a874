//! `spillwatch events`

use clap::{Args, Subcommand, ValueEnum};
use model::TenantId;
use service::EventSet;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// `spillwatch events`
#[derive(Subcommand, Debug)]
pub enum Events {
    /// Print the events that a query asks for
    List(List),
    /// Print changes of events as they happen
    Watch(Watch),
    /// Write events to a file, for other programs or for `events import`
    Export(Export),
    /// Take events over from a file
    Import(Import),
    /// Show where in the material the credential of an event stands: the document and the line
    Places(Places),
}

/// Which events.
#[derive(Args, Debug)]
pub struct Source {
    /// Tenant whose events they are; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// Set of the API that they are taken from
    #[arg(long, value_name = "SET", ignore_case = true, default_value = "leakedCredentialsRiskEvents")]
    pub set: Set,
    /// Only events for which this is true, in the language of the API's $filter
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
}

/// A set of events.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Leaked credentials.
    #[value(name = "leakedCredentialsRiskEvents")]
    LeakedCredentials,
    /// Every risk event.
    #[value(name = "identityRiskEvents")]
    Identity,
}

impl From<Set> for EventSet {
    fn from(set: Set) -> Self {
        match set {
            Set::LeakedCredentials => Self::LeakedCredentials,
            Set::Identity => Self::Identity,
        }
    }
}

/// `spillwatch events list`
#[derive(Args, Debug)]
#[command(after_help = "Options take what the API's query options of the same names take (docs/api.md).\n\n\
    Examples:\n  spillwatch events list --filter \"riskLevel eq 'high' and riskEventStatus eq 'active'\"\n  \
    spillwatch events list --orderby 'riskEventDateTime desc' --top 20\n  \
    spillwatch events list --search fjord --select id,userPrincipalName,riskLevel --json\n  \
    spillwatch events list --filter \"impactedUser/department eq 'Sales'\" --expand impactedUser --json")]
pub struct List {
    /// Which events
    #[command(flatten)]
    pub source: Source,
    /// Their order, as in $orderby: `riskEventDateTime desc`
    #[arg(long, value_name = "KEYS")]
    pub orderby: Option<String>,
    /// What is shown of them, as in $select: `id,riskLevel`
    #[arg(long, value_name = "PROPERTIES")]
    pub select: Option<String>,
    /// Words that their texts have, as in $search
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// What they lead to, as in $expand: `impactedUser`
    #[arg(long, value_name = "RELATIONS")]
    pub expand: Option<String>,
    /// The most events that are printed; all when left out
    #[arg(long, value_name = "N")]
    pub top: Option<NonZeroU64>,
}

/// Where watching begins.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// What happens from now on.
    Now,
    /// Everything that the change log holds.
    Beginning,
}

/// `spillwatch events watch`
#[derive(Args, Debug)]
#[command(
    after_help = "A change is `created`, `updated` or `removed`; with --filter, an event that no longer fits is \
    removed too.\nEvents are shown as they are when they are told. Ctrl-C ends.\n\n\
    Examples:\n  spillwatch events watch --filter \"riskLevel eq 'high'\"\n  \
    spillwatch events watch --json --select userPrincipalName,riskEventStatus | while read -r change; do ...; done\n  \
    spillwatch events watch --since beginning --count 100"
)]
pub struct Watch {
    /// Which events
    #[command(flatten)]
    pub source: Source,
    /// What is shown of them, as in $select; only changes of it are told
    #[arg(long, value_name = "PROPERTIES")]
    pub select: Option<String>,
    /// Where to begin
    #[arg(long, value_name = "PLACE", default_value = "now")]
    pub since: Since,
    /// End after so many changes
    #[arg(long, value_name = "N")]
    pub count: Option<NonZeroU64>,
}

/// `spillwatch events places`
#[derive(Args, Debug)]
#[command(
    after_help = "A place is what `scan` has kept of the first line of each document or source: the document's path with those of \
    the archives\nthat it is in, the line, the byte of the document's text at which the user's name begins, how the text is laid \
    out, and the site\nthat the credential was used at. It is kept as long as its job can be undone, and never part of an event.\n\n\
    Example:\n  spillwatch events places 7d1a4c3b-9a54-8f0e-a7a1-c2b3d01939f6"
)]
pub struct Places {
    /// The event's id
    pub id: String,
    /// Tenant whose event it is; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
}

/// What events are written as.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// JSON Lines: an object a line, as `events list --json` prints them.
    Jsonl,
    /// CSV (RFC 4180), with the names of the properties in the first line.
    Csv,
    /// OCSF 1.5.0: a Detection Finding (class 2004) a line.
    Ocsf,
}

/// `spillwatch events export`
#[derive(Args, Debug)]
#[command(
    after_help = "The oldest events come first. A file appears whole, under its name, or not at all; one that is \
    there is replaced.\nJSON Lines and CSV come back in by `spillwatch events import`. See docs/events.md.\n\n\
    Examples:\n  spillwatch events export --output events.jsonl\n  \
    spillwatch events export --format csv --filter \"riskEventStatus eq 'active'\" --output open.csv\n  \
    spillwatch events export --format ocsf | gzip > findings.jsonl.gz"
)]
pub struct Export {
    /// Which events
    #[command(flatten)]
    pub source: Source,
    /// Format
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub format: ExportFormat,
    /// File to write; `-` for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
}

/// What events are read as.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// JSON Lines.
    Jsonl,
    /// CSV.
    Csv,
}

/// `spillwatch events import`
#[derive(Args, Debug)]
#[command(
    after_help = "Every row passes the checks of POST /leakedCredentialsRiskEvents. What is wrong with one is said \
    with its line; nothing of it\nis written, and the others go on. Rows are told apart by their ids, so an import can be \
    repeated: an event that is there\nas the row says is unchanged, one with other content a conflict. A row without an id \
    makes a new event each time.\nThe exit code is 1 if a row was refused. See docs/events.md.\n\n\
    Examples:\n  spillwatch events import events.jsonl\n  spillwatch events import --dry-run feed.csv\n  \
    zcat events.jsonl.gz | spillwatch events import -\n  \
    spillwatch events export --data old | spillwatch events import - --data new"
)]
pub struct Import {
    /// File to read; `-` for standard input
    pub file: PathBuf,
    /// Tenant that gets the events; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// Format; when left out, the name or the beginning of the file tells
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ImportFormat>,
    /// Change events that exist with other content to what the rows say
    #[arg(long)]
    pub update: bool,
    /// Check everything and write nothing
    #[arg(long)]
    pub dry_run: bool,
}
