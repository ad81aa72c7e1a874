//! What to measure of the queue, from the command line.

use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Measures the queue of slow verifications beside the same verifiers alone, in turns.
#[derive(Clone, Debug, Parser, Serialize)]
pub struct QueueOptions {
    /// Schemes of verifiers
    #[arg(long, value_name = "SCHEME,...", value_delimiter = ',', default_value = "argon2id,bcrypt")]
    pub schemes: Vec<Kind>,

    /// Seconds that the queue works in a turn, about; the verifiers alone work as long
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,

    /// Turns: half of the verifiers alone, the queue, the other half
    #[arg(long, value_name = "TURNS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub reps: u16,

    /// Users of the directory
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub users: u32,

    /// How many MiB checks may hold together, as `--verify-memory`
    #[arg(long, value_name = "MIB", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..))]
    pub memory: u32,
}

/// A scheme with its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// argon2id: 19 MiB, two passes, one lane
    Argon2id,
    /// bcrypt with cost 10
    Bcrypt,
}

impl Kind {
    /// With what it costs, for people.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Argon2id => "argon2id 19 MiB t=2",
            Self::Bcrypt => "bcrypt 10",
        }
    }
}
