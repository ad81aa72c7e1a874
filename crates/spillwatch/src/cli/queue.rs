//! Who asks slow verifiers, and what that may take.

use clap::Args;

/// Slow verifiers of a job.
#[derive(Args, Clone, Copy, Debug)]
pub struct QueueOptions {
    /// Do not wait for verifiers that are slow (bcrypt, argon2, scrypt, PBKDF2): leave them to `spillwatch serve` and
    /// `spillwatch worker`, which also raise what is found then
    #[arg(long)]
    pub queue: bool,
    /// How many MiB checks may take together: those of argon2 and scrypt take much
    #[arg(long, value_name = "MIB", default_value_t = Self::USUAL_MEMORY, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub verify_memory: u32,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { queue: false, verify_memory: Self::USUAL_MEMORY }
    }
}

impl QueueOptions {
    /// What the largest verifier takes that is read at all.
    pub const USUAL_MEMORY: u32 = 1024;
}
