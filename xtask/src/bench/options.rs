//! What to measure, from the command line.

use crate::bench::queue::options::QueueOptions;
use crate::bench::scan::options::ScanOptions;
use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;

/// Measures the release server beside its yardsticks.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", args_conflicts_with_subcommands = true)]
pub struct Options {
    /// Events in the store, each size measured in turn, such as 10k,1m; with several, the growth of the reads' CPU is
    /// told too
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "10k", value_parser = size)]
    pub rows: Vec<u64>,

    /// Length of one run
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,

    /// Length of the run before the first turn, which does not count
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub warm_up: f64,

    /// Turns: in each, the server and its yardstick run once
    #[arg(long, value_name = "TURNS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub reps: u16,

    /// Connections, each number measured in turn
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,16,64",
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: Vec<u16>,

    /// What to ask for; creates come last, whatever the order here
    #[arg(
        long,
        value_name = "OP,...",
        value_delimiter = ',',
        default_value = "create,get,list,f_upn,f_range,f_level,d_level,risky,count,count_f"
    )]
    pub ops: Vec<Op>,

    /// Measures the server over a PostgreSQL server of its own: creates beside `pgbench`, two nodes beside one, and reads
    /// beside the same SQL
    #[arg(long)]
    pub postgres: bool,

    /// Measures this binary in place of building one (for A/B: an older build)
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,

    /// Something else than the server
    #[command(subcommand)]
    #[serde(skip)]
    pub other: Option<Other>,
}

/// What else is measured.
#[derive(Clone, Debug, Subcommand)]
pub enum Other {
    /// Measures a scan beside `wc -l` and ripgrep
    Scan(ScanOptions),
    /// Measures the queue of slow verifications beside the verifiers alone
    Queue(QueueOptions),
}

/// An operation that is measured, in the order of measuring: creates change the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// One event by its id.
    Get,
    /// A page of 100.
    List,
    /// The events of one user, newest first: about 20
    #[value(name = "f_upn")]
    #[serde(rename = "f_upn")]
    OfUser,
    /// A page of the high ones of a window of time, newest first: 100 of about 500
    #[value(name = "f_range")]
    #[serde(rename = "f_range")]
    OfRange,
    /// A page of the high ones, newest first: 100 of a fifth of the store
    #[value(name = "f_level")]
    #[serde(rename = "f_level")]
    OfLevel,
    /// A page of the high ones as risk detections, newest first: 100 of a fifth of the store
    #[value(name = "d_level")]
    #[serde(rename = "d_level")]
    DetectionsOfLevel,
    /// A page of the users at risk, whose risk changed last first
    #[value(name = "risky")]
    #[serde(rename = "risky")]
    RiskyUsers,
    /// The unfiltered `$count`.
    Count,
    /// The `$count` of the high ones
    #[value(name = "count_f")]
    #[serde(rename = "count_f")]
    CountOfLevel,
    /// A durable create.
    Create,
}

impl Op {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::OfUser => "f_upn",
            Self::OfRange => "f_range",
            Self::OfLevel => "f_level",
            Self::DetectionsOfLevel => "d_level",
            Self::RiskyUsers => "risky",
            Self::Count => "count",
            Self::CountOfLevel => "count_f",
            Self::Create => "create",
        }
    }

    /// What it is held against.
    pub fn beside(self) -> &'static str {
        match self {
            Self::Get => "constant 600 bytes",
            Self::List => "constant 100 rows",
            Self::OfUser | Self::OfRange | Self::OfLevel | Self::DetectionsOfLevel | Self::RiskyUsers => {
                "as many constant rows"
            }
            Self::Count | Self::CountOfLevel => "its own get",
            Self::Create => "append and fdatasync",
        }
    }

    /// How much more CPU a request may take in a store of a hundred times the size; nothing for
    /// what writes. The rows of a range lie far apart in a large store, each on a page of its own.
    pub fn wanted_growth(self) -> Option<f64> {
        match self {
            Self::Get | Self::List | Self::OfUser | Self::OfLevel | Self::Count | Self::CountOfLevel => Some(1.7),
            // The latest changes lie together too; the events and users that they lead to do not.
            Self::OfRange | Self::DetectionsOfLevel | Self::RiskyUsers => Some(3.2),
            Self::Create => None,
        }
    }
}

impl Options {
    /// The operations, each once, in the order of measuring.
    pub fn ordered_ops(&self) -> Vec<Op> {
        let mut ops = self.ops.clone();
        ops.sort_unstable();
        ops.dedup();
        ops
    }
}

/// Reads `10k`, `1m` or a plain number of at least 100, so that a page is full.
fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.strip_suffix(['k', 'm']) {
        Some(digits) if lower.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (lower.as_str(), 1),
    };
    let rows = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    rows.filter(|n| (100..=100_000_000).contains(n)).ok_or_else(|| "say a size from 100 to 100m, such as 10k".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok();
    seconds.filter(|s| (0.1..=600.0).contains(s)).ok_or_else(|| "say a number of seconds from 0.1 to 600".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_k_and_m() {
        assert_eq!(size("10k"), Ok(10_000));
        assert_eq!(size("1M"), Ok(1_000_000));
        assert_eq!(size("123"), Ok(123));
        for wrong in ["", "k", "99", "1g", "-5k", "18446744073709551615k"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn creates_come_last_and_nothing_twice() {
        let options = Options::try_parse_from(["bench", "--ops", "create,list,create,get"]).expect("they parse");
        assert_eq!(options.ordered_ops(), [Op::Get, Op::List, Op::Create]);
        assert_eq!(options.rows, [10_000]);
        let all = Options::try_parse_from(["bench"]).expect("the defaults parse").ordered_ops();
        assert_eq!(all.last(), Some(&Op::Create));
        assert_eq!(all, Op::value_variants(), "all are measured unless told otherwise");
        assert_eq!(options.connections, [1, 16, 64]);
    }
}
