//! `spillwatch scan`

use super::{BrakeOptions, QueueOptions};
use clap::Args;
use model::{TenantId, Ticks};
use std::ffi::OsString;
use std::num::NonZeroUsize;

/// `spillwatch scan`
#[derive(Args, Debug)]
#[command(
    after_help = "Reads combo lists, stealer logs, tables, database dumps and JSON, mixed in any order and encoding, out of files, folders,\n\
    standard input (-), file:// and s3:// URLs; gzip, zstd, bzip2, xz, lz4, zip, tar and 7z are taken off, nested too. Names of \
    the\ndirectory's users are looked for, and whatever stands beside one is checked against that user's verifiers. One event is \
    raised\nfor each user and current password; nothing is kept of a password but a keyed fingerprint, and sealed what waits for slow\n\
    verifiers or is kept by --retain. What is not read is named. A scan can be repeated: what is known is not raised again.\nSee \
    docs/scan.md.\n\n\
    Examples:\n  spillwatch scan combo.txt.gz --source 'combo list of March' --leaked 2024-03-01\n  \
    spillwatch scan /material/logs /material/dump.sql --dry-run\n  \
    spillwatch scan logs.zip --archive-password infected\n  \
    spillwatch scan combo.txt --report report.html --report report.json\n  \
    spillwatch scan s3://bucket/material/ --json\n  \
    spillwatch scan combo.txt --retain 90                       check users who come within 90 days, too\n  \
    spillwatch scan --passwords common-passwords.txt --source 'common passwords'\n  \
    spillwatch scan --distributed s3://bucket/material/      and `spillwatch worker` on each machine"
)]
pub struct Scan {
    /// Files, folders, `-` for standard input, file:// and s3:// URLs
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<OsString>,
    /// Tenant whose users are looked for; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// What the material is called in the events' evidence; the path of each document when left out
    #[arg(long, value_name = "NAME", value_parser = super::check::source)]
    pub source: Option<String>,
    /// When it leaked: 2024-03-01 or 2024-03-01T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = super::check::time)]
    pub leaked: Option<Ticks>,
    /// What is looked for beside pairs
    #[command(flatten)]
    pub wanted: WantedOptions,
    /// Password of encrypted archives; may be given several times. Others see it in the list of processes: better in the
    /// variable
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "SPILLWATCH_ARCHIVE_PASSWORD",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub archive_password: Vec<String>,
    /// Further domain of yours: addresses in it that no user has are counted
    #[arg(long, value_name = "DOMAIN")]
    pub own_domain: Vec<String>,
    /// Threads that look for names; as many as there are processors when left out
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Also look for guests, whose passwords are usually kept elsewhere
    #[arg(long)]
    pub guests: bool,
    /// Say what is found, and raise nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write a report to this file, whose name ends in .html, .json or .txt; may be given several times
    #[arg(long, value_name = "FILE", value_parser = super::jobs::report)]
    pub report: Vec<super::Report>,
    /// Leave the work to `spillwatch worker` processes, on any machines that reach the store and the material; this one
    /// cuts it into pieces, waits, and raises what they find
    #[arg(long)]
    pub distributed: bool,
    /// How many MiB a piece of a distributed scan has, more or less
    #[arg(long, value_name = "MIB", default_value_t = 64, requires = "distributed", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub piece_size: u32,
    /// Who asks slow verifiers
    #[command(flatten)]
    pub queue: QueueOptions,
    /// When it stops and asks
    #[command(flatten)]
    pub brake: BrakeOptions,
}

/// What a scan looks for beside pairs, and how thoroughly.
#[derive(Args, Debug)]
pub struct WantedOptions {
    /// The material is lists of passwords that name nobody, one a line, also with how often each was seen (word:12, 12 word).
    /// Each is looked up among all users whose verifiers have no salt (class passwordOnly, risk low)
    #[arg(long)]
    pub passwords: bool,
    /// Also raise users who are named with nothing that a verifier can be asked about, or who have none (class addressOnly,
    /// risk low)
    #[arg(long, conflicts_with = "passwords")]
    pub address_only: bool,
    /// Ask verifiers that are slow (bcrypt, argon2, scrypt, PBKDF2) about so many candidates beside a name, the likeliest; all
    /// of them when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=6), conflicts_with = "passwords")]
    pub slow_candidates: Option<u8>,
    /// Keep what stands beside names in your domains for so many days, sealed, whoever has the name: users, names and
    /// verifiers that come within that time are checked when they are imported, without the material
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650), conflicts_with_all = ["passwords", "dry_run"])]
    pub retain: Option<u32>,
}
