//! Options of `spillwatch serve` for pairs that are handed in, and for work that is done beside its answers.

use super::{RateLimit, rate_limit};
use api::spillwatch::PairRate;
use clap::Args;
use std::num::NonZeroU32;

/// Pairs that are handed in.
#[derive(Args, Debug, Clone)]
pub struct CheckOptions {
    /// Threads that check pairs that were handed in, beside the answers; half of the processors when left out. 0: this server
    /// checks none, and other servers or `spillwatch worker` do
    #[arg(long, value_name = "N", env = "SPILLWATCH_WORK_THREADS")]
    pub work_threads: Option<u16>,
    /// How many MiB checks may take together: those of argon2 and scrypt take much
    #[arg(long, value_name = "MIB", env = "SPILLWATCH_VERIFY_MEMORY", default_value_t = super::QueueOptions::USUAL_MEMORY, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub verify_memory: u32,
    /// How many pairs an app of a tenant may hand in to this server: 100/s, 10000/m (a minute), or off
    #[arg(long, value_name = "RATE", env = "SPILLWATCH_CHECK_RATE", default_value = "10000/m", value_parser = rate_limit)]
    pub check_rate: RateLimit,
    /// How many pairs of one name may be handed in to this server within an hour, by whomever; 0: any number
    #[arg(long, value_name = "N", env = "SPILLWATCH_CHECK_NAME_LIMIT", default_value_t = 20)]
    pub check_name_limit: u32,
}

impl CheckOptions {
    /// How many threads work.
    pub fn threads(&self) -> usize {
        let half = || std::thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2));
        self.work_threads.map_or_else(half, usize::from)
    }

    /// How many pairs may be handed in.
    pub fn rate(&self) -> PairRate {
        let of_app = match self.check_rate {
            RateLimit::Off => None,
            RateLimit::Rate(rate) => Some(rate),
        };
        PairRate { of_app, of_name: NonZeroU32::new(self.check_name_limit) }
    }
}
