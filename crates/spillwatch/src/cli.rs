//! The command line. Settings also come from the environment (`SPILLWATCH_*`) and from a TOML file;
//! see [`config`](crate::config).

mod address;
mod check;
mod desk;
mod events;
mod jobs;
mod queue;
mod scan;
mod users;
mod worker;

pub use address::StoreAddress;
pub use check::Check;
pub use desk::CheckOptions;
pub use events::{Events, Export, ExportFormat, Import, ImportFormat, List, Places, Since, Watch};
pub use jobs::{BrakeOptions, JobOf, Jobs, ListJobs, Report, ReportOf, Resume, Undo};
pub use queue::QueueOptions;
pub use scan::{Scan, WantedOptions};
pub use users::{ImportUsers, ListUsers, SyncUsers, Users, WatchUsers};
pub use worker::Worker;

use crate::database_url::DatabaseUrl;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use model::{Permission, TenantId};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Keeps leaked-credential risk events of your own accounts and serves them through Microsoft Graph's API.
#[derive(Parser, Debug)]
#[command(
    name = "spillwatch",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  spillwatch serve                      start on http://127.0.0.1:8080 with a store in ./spillwatch-data\n  \
                  spillwatch token --permission IdentityRiskEvent.Read.All --ttl 8h\n  \
                  spillwatch apps add \"nightly feed\" --permission IdentityRiskEvent.ReadWrite.All\n  \
                  spillwatch events list --filter \"riskLevel eq 'high' and riskEventStatus eq 'active'\"\n  \
                  spillwatch backup /backup/spillwatch.db\n\n\
                  Options that show `[env: ...]` can also be set by that variable, or by their long name in a TOML file (--config).\n\
                  A flag beats a variable, and a variable beats the file."
)]
pub struct Cli {
    /// Options that every command has.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command has.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Folder of the store and its keys
    #[arg(long, global = true, value_name = "DIR", env = "SPILLWATCH_DATA", default_value = "spillwatch-data")]
    pub data: PathBuf,
    /// Whether somebody has named the folder, by whatever way.
    #[arg(skip)]
    pub data_is_given: bool,
    /// PostgreSQL database that holds the store and its keys in place of a folder, for any number of nodes:
    /// postgres://USER:PASSWORD@HOST:PORT/NAME, with the password better in PGPASSWORD or ?passfile=FILE
    #[arg(long, global = true, value_name = "URL", env = "SPILLWATCH_DATABASE", hide_default_value = true)]
    pub database: Option<DatabaseUrl>,
    /// Where the operator's key is.
    #[command(flatten)]
    pub operator_key: OperatorKeyOptions,
    /// TOML file with further options, by their long names
    #[arg(long, global = true, value_name = "FILE", env = "SPILLWATCH_CONFIG")]
    pub config: Option<PathBuf>,
    /// What to log: error, warn, info, debug, trace, or a filter such as `info,api=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "SPILLWATCH_LOG", default_value = "info")]
    pub log: String,
    /// How to log; `auto` is text on a terminal and JSON otherwise
    #[arg(long, global = true, value_name = "FORMAT", env = "SPILLWATCH_LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
    /// Print JSON lines instead of a table
    #[arg(long, global = true, env = "SPILLWATCH_JSON")]
    pub json: bool,
}

/// Where the operator's key is: the one that seals the secrets in the database. The key itself is no option, since
/// every user of a machine sees the options of every process; it may stand in the variable `SPILLWATCH_SECRET_KEY`.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of every command")]
pub struct OperatorKeyOptions {
    /// File with the operator's key, which seals the secrets in a database and the verifiers of users; the key itself may
    /// also stand in the variable `SPILLWATCH_SECRET_KEY`
    #[arg(long, global = true, value_name = "FILE", env = "SPILLWATCH_SECRET_KEY_FILE")]
    pub secret_key_file: Option<PathBuf>,
    /// Command that prints the operator's key instead, run by the shell
    #[arg(
        long,
        global = true,
        value_name = "COMMAND",
        env = "SPILLWATCH_SECRET_KEY_COMMAND",
        hide_default_value = true
    )]
    pub secret_key_command: Option<String>,
    /// File with the operator's key of before, for the time in which nodes change from one to the other
    #[arg(long, global = true, value_name = "FILE", env = "SPILLWATCH_PREVIOUS_SECRET_KEY_FILE")]
    pub previous_secret_key_file: Option<PathBuf>,
}

/// The form of log lines.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Text.
    Text,
    /// JSON lines.
    Json,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Start the server
    Serve(Box<Serve>),
    /// Print a bearer token of the built-in issuer
    Token(Token),
    /// Add, list and remove tenants
    #[command(subcommand)]
    Tenants(Tenants),
    /// Add, list and remove apps that may ask the built-in issuer for tokens
    #[command(subcommand)]
    Apps(Apps),
    /// List, watch, export and import risk events
    #[command(subcommand)]
    Events(Box<Events>),
    /// Import or sync the directory with its password verifiers, and list users
    #[command(subcommand)]
    Users(Box<Users>),
    /// Look for current credentials of the directory's users in breach material, and raise an event for each
    Scan(Box<Scan>),
    /// Do what waits: pieces of scans over many machines, pairs that were handed in, and passwords for slow verifiers
    Worker(Box<Worker>),
    /// Check pairs of name and password, and raise an event for each that is current
    Check(Box<Check>),
    /// List, show, resume and undo imports, checks and other jobs
    #[command(subcommand)]
    Jobs(Jobs),
    /// Replace the built-in issuer's signing key, or the operator's key
    #[command(subcommand)]
    Keys(Keys),
    /// Bring the store's schema up to date, or move the store into a PostgreSQL database or back
    Migrate(Migrate),
    /// Copy the store into one file, also while a server runs; a database has its own tools for that
    Backup(Backup),
    /// Put a backup into a data folder
    Restore(Restore),
    /// Check the store, its keys and its folder
    Doctor,
    /// Print the entity data model ($metadata)
    Metadata(Metadata),
    /// Print the OpenAPI description of the API
    Openapi(Openapi),
}

/// `spillwatch serve`
#[derive(Args, Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct Serve {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", env = "SPILLWATCH_LISTEN", default_value = "127.0.0.1:8080", value_parser = socket)]
    pub listen: SocketAddr,
    /// Address under which clients reach this server, for links in answers
    #[arg(long, value_name = "URL", env = "SPILLWATCH_PUBLIC_URL")]
    pub public_url: Option<url::Url>,
    /// Certificate chain in PEM, for TLS
    #[arg(long, value_name = "FILE", env = "SPILLWATCH_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM, for TLS
    #[arg(long, value_name = "FILE", env = "SPILLWATCH_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// TLS with a certificate made here, for local use; it is kept in the folder of --data, also with a database
    #[arg(long, env = "SPILLWATCH_TLS_SELF_SIGNED", conflicts_with = "tls_cert")]
    pub tls_self_signed: bool,
    /// Networks of the proxy that speaks TLS for this server; only it may connect, and its
    /// X-Forwarded-Proto and -Host are believed
    #[arg(long, value_name = "CIDR", env = "SPILLWATCH_BEHIND_PROXY", value_delimiter = ',')]
    pub behind_proxy: Vec<IpNet>,
    /// Issuer whose tokens are accepted:
    /// issuer=URL,(keys=FILE|discovery=URL),audience=NAME,tenant=(tid|first|GUID)
    #[arg(long, value_name = "SPEC", env = "SPILLWATCH_ISSUER", value_delimiter = ';')]
    pub issuer: Vec<auth::IssuerConfig>,
    /// Turn the built-in issuer off: no token endpoint, and its tokens are refused
    #[arg(long, env = "SPILLWATCH_NO_BUILTIN_ISSUER")]
    pub no_builtin_issuer: bool,
    /// Host or network that may be called although it is private, such as an issuer in your own
    /// network
    #[arg(long, value_name = "HOST|CIDR", env = "SPILLWATCH_ALLOW_OUTGOING", value_delimiter = ',')]
    pub allow_outgoing: Vec<auth::AllowedPeer>,
    /// How types are announced
    #[command(flatten)]
    pub types: TypeNames,
    /// Accept new users without passwordProfile, which is never kept anyway
    #[arg(long, env = "SPILLWATCH_PASSWORD_PROFILE_OPTIONAL")]
    pub password_profile_optional: bool,
    /// What the directory is called that SCIM clients provision
    #[arg(long, value_name = "NAME", env = "SPILLWATCH_SCIM_SOURCE", default_value = "scim", value_parser = users::source)]
    pub scim_source: String,
    /// Domain that completes a SCIM userName without one to a userPrincipalName
    #[arg(long, value_name = "DOMAIN", env = "SPILLWATCH_SCIM_DOMAIN", value_parser = users::domain)]
    pub scim_domain: Option<String>,
    /// The most bytes of a request's body
    #[arg(long, value_name = "BYTES", env = "SPILLWATCH_MAX_BODY", default_value_t = api::Limits::default().body)]
    pub max_body: usize,
    /// The most bytes of a $batch
    #[arg(long, value_name = "BYTES", env = "SPILLWATCH_MAX_BATCH", default_value_t = api::Limits::default().batch)]
    pub max_batch: usize,
    /// The most bytes of a request's head (at least 8192)
    #[arg(long, value_name = "BYTES", env = "SPILLWATCH_MAX_HEAD", default_value_t = api::Limits::default().head)]
    pub max_head: usize,
    /// The most connections at once; more wait
    #[arg(long, value_name = "N", env = "SPILLWATCH_MAX_CONNECTIONS", default_value_t = api::Limits::default().connections)]
    pub max_connections: usize,
    /// How long a request's head may take to arrive, and how long a connection may be idle
    #[arg(long, value_name = "TIME", env = "SPILLWATCH_HEAD_TIMEOUT", default_value = "15s", value_parser = duration)]
    pub head_timeout: Duration,
    /// How long a request's body may take to arrive
    #[arg(long, value_name = "TIME", env = "SPILLWATCH_BODY_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub body_timeout: Duration,
    /// How long a request may take altogether
    #[arg(long, value_name = "TIME", env = "SPILLWATCH_REQUEST_TIMEOUT", default_value = "60s", value_parser = duration)]
    pub request_timeout: Duration,
    /// How many requests an app of a tenant may send: 1000/s, 600/m (a minute), or off. When left out:
    /// 1000/s, and off when only this machine can reach the server
    #[arg(long, value_name = "RATE", env = "SPILLWATCH_RATE_LIMIT", value_parser = rate_limit)]
    pub rate_limit: Option<RateLimit>,
    /// How many of them at once, after a while of silence; when left out, as many as in five seconds
    #[arg(long, value_name = "N", env = "SPILLWATCH_RATE_LIMIT_BURST")]
    pub rate_limit_burst: Option<NonZeroU32>,
    /// Pairs that are handed in
    #[command(flatten)]
    pub checks: CheckOptions,
    /// How much of the store's file each reader maps into memory, in MiB: at most 2048; 0 maps nothing, and
    /// lists over many pages of the file take longer. Without effect on a database
    #[arg(long, value_name = "MIB", env = "SPILLWATCH_MAPPED_MEMORY", default_value_t = 2048)]
    pub mapped_memory: u32,
    /// For how long repeatable requests are remembered
    #[arg(long, value_name = "TIME", env = "SPILLWATCH_REPEATABILITY_WINDOW", default_value = "24h", value_parser = duration)]
    pub repeatability_window: Duration,
    /// Do not print a token and an example at the start
    #[arg(long, env = "SPILLWATCH_QUIET")]
    pub quiet: bool,
}

/// `--rate-limit`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// None.
    Off,
    /// So many requests.
    Rate(api::RequestRate),
}

/// The namespace of the seed's type on the wire.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeNamespace {
    /// As the seed document has it.
    #[value(name = "Microsoft.IdentityProtectionServices")]
    IdentityProtectionServices,
    /// As Graph's public metadata had it.
    #[value(name = "microsoft.graph")]
    Graph,
}

impl TypeNames {
    /// The names as payloads have them.
    pub fn names(&self) -> odata::encode::TypeNames {
        match self.odata_type_namespace {
            TypeNamespace::IdentityProtectionServices => model::edm::seed_type_name,
            TypeNamespace::Graph => model::edm::graph_type_name,
        }
    }
}

/// `spillwatch token`
#[derive(Args, Debug)]
pub struct Token {
    /// Tenant that the token is for; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// Name that the change log shows for what is done with the token
    #[arg(long, value_name = "NAME", env = "SPILLWATCH_APP", default_value = "cli")]
    pub app: String,
    /// Permission that the token grants; may be given several times; all when left out
    #[arg(long, value_name = "NAME", env = "SPILLWATCH_PERMISSION", value_delimiter = ',')]
    pub permission: Vec<Permission>,
    /// How long the token is good: 30m, 8h, 7d
    #[arg(long, value_name = "TIME", env = "SPILLWATCH_TTL", default_value = "1h", value_parser = duration)]
    pub ttl: Duration,
}

/// `spillwatch tenants`
#[derive(Subcommand, Debug)]
pub enum Tenants {
    /// Add a tenant
    Add {
        /// What people call it
        name: String,
        /// Its id in tokens (a GUID), such as that of your Entra tenant; a new one when left out
        #[arg(long, value_name = "GUID")]
        id: Option<TenantId>,
    },
    /// List tenants
    List,
    /// Remove a tenant with all its events, users and apps
    Remove {
        /// Its id
        id: TenantId,
        /// Do it: nothing of it can be brought back
        #[arg(long)]
        yes: bool,
    },
}

/// `spillwatch apps`
#[derive(Subcommand, Debug)]
pub enum Apps {
    /// Add an app and print its client id and secret, which is not shown again
    Add {
        /// What people call it
        name: String,
        /// Tenant that it belongs to; the first one when left out
        #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
        tenant: Option<TenantId>,
        /// Permission that its tokens grant; may be given several times
        #[arg(long, value_name = "NAME", env = "SPILLWATCH_PERMISSION", value_delimiter = ',', required = true)]
        permission: Vec<Permission>,
        /// How long its secret is good
        #[arg(long, value_name = "TIME", default_value = "365d", value_parser = duration)]
        expires: Duration,
    },
    /// List apps and their secrets
    List,
    /// Give an app a second secret, so that the first can be replaced without a gap
    AddSecret {
        /// Its client id
        app: uuid::Uuid,
        /// How long the secret is good
        #[arg(long, value_name = "TIME", default_value = "365d", value_parser = duration)]
        expires: Duration,
    },
    /// Take a secret from an app
    RemoveSecret {
        /// Its client id
        app: uuid::Uuid,
        /// The secret's id, as `apps list` shows it
        secret: uuid::Uuid,
    },
    /// Remove an app; its tokens are refused from the next request on
    Remove {
        /// Its client id
        app: uuid::Uuid,
    },
}

/// `spillwatch keys`
#[derive(Subcommand, Debug)]
pub enum Keys {
    /// Make a new signing key and sign with it from now on
    Rotate {
        /// Also delete the old keys: every token that they signed is refused at once
        #[arg(long)]
        remove_old: bool,
    },
    /// Print a new operator's key, which seals password verifiers and the secrets in a database
    NewSecretKey,
    /// Seal password verifiers, passwords that wait to be checked, and the secrets in a database, with a new operator's key
    Reseal {
        /// File with the new key
        #[arg(long, value_name = "FILE")]
        new_secret_key_file: PathBuf,
    },
}

/// `spillwatch migrate`
#[derive(Args, Debug)]
pub struct Migrate {
    /// Copy the store of this data folder, or of the database at this postgres:// URL; stop its servers before
    #[arg(long, value_name = "DIR|URL", requires = "to")]
    pub from: Option<StoreAddress>,
    /// Data folder or database that takes the copy; it must be empty, or hold a copy that was interrupted
    #[arg(long, value_name = "DIR|URL", requires = "from")]
    pub to: Option<StoreAddress>,
}

/// `spillwatch backup`
#[derive(Args, Debug)]
pub struct Backup {
    /// File to write; it must not exist
    pub file: PathBuf,
    /// Add all keys: those that sign, and those that open verifiers and passwords that wait; then guard the file like a password
    #[arg(long)]
    pub with_keys: bool,
}

/// `spillwatch restore`
#[derive(Args, Debug)]
pub struct Restore {
    /// File that `spillwatch backup` wrote
    pub file: PathBuf,
    /// Put the store that is there aside (it is kept beside the new one)
    #[arg(long)]
    pub replace: bool,
}

/// `spillwatch metadata`
#[derive(Args, Debug)]
pub struct Metadata {
    /// Form of the document
    #[arg(long, value_name = "FORMAT", default_value = "xml")]
    pub format: MetadataFormat,
    /// What the server is told by the same option
    #[command(flatten)]
    pub types: TypeNames,
}

/// The form of the metadata document.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataFormat {
    /// CSDL XML.
    Xml,
    /// CSDL JSON.
    Json,
}

/// `spillwatch openapi`
#[derive(Args, Debug)]
pub struct Openapi {
    /// Address under which clients reach the server
    #[arg(long, value_name = "URL", env = "SPILLWATCH_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    pub public_url: url::Url,
    /// What the server is told by the same option
    #[command(flatten)]
    pub types: TypeNames,
}

/// How types are announced.
#[derive(Args, Debug, Clone)]
pub struct TypeNames {
    /// Namespace under which leakedCredentialsRiskEvent is announced
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "SPILLWATCH_ODATA_TYPE_NAMESPACE",
        default_value = "Microsoft.IdentityProtectionServices"
    )]
    pub odata_type_namespace: TypeNamespace,
}

/// Reads `127.0.0.1:8080`.
fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

/// Reads `1000/s`, `600/m`, `off`.
fn rate_limit(text: &str) -> Result<RateLimit, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(RateLimit::Off);
    }
    let rate = text.split_once('/').and_then(|(requests, per)| {
        let per = match per {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            _ => return None,
        };
        Some(api::RequestRate::new(requests.parse().ok()?, per))
    });
    rate.map(RateLimit::Rate).ok_or_else(|| format!("`{text}` is not a rate such as 1000/s or 600/m, nor off"))
}

/// Reads `90s`, `30m`, `8h`, `7d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 30m, 8h or 7d");
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(seconds) if (1..=3650 * 86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{text}` is not between a second and ten years")),
    }
}
