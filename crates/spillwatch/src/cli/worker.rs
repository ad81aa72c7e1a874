//! `spillwatch worker`

use clap::Args;
use model::TenantId;
use std::num::NonZeroUsize;
use std::time::Duration;

/// `spillwatch worker`
#[derive(Args, Debug)]
#[command(
    after_help = "Takes pieces of the material of `spillwatch scan --distributed`, pairs that were handed in over HTTP, and passwords that wait \
    for slow\nverifiers, of any tenant, one after another, until it is told to stop. What it finishes of a job that waits it \
    ends.\nAny number of workers share the work: on many machines with a PostgreSQL database, as several processes on one \
    machine with a\ndata folder. Each needs what the scan needs: the store, the operator's key, and the material under the same \
    addresses. A worker\nthat dies loses nothing: another one takes its piece over. See docs/scan.md.\n\n\
    Examples:\n  spillwatch worker --database postgres://db.example/spillwatch --secret-key-file key\n  \
    spillwatch worker --until-idle --threads 8"
)]
pub struct Worker {
    /// Tenant to work for; all of them when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// Threads that look for names, and as many that check passwords; as many as there are processors when left out
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// End after one piece, or where there is none after one round of checks
    #[arg(long, conflicts_with = "until_idle")]
    pub once: bool,
    /// End when there is nothing to do any more
    #[arg(long)]
    pub until_idle: bool,
    /// What others call this worker; the host's name and the process's number when left out
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<String>,
    /// How many seconds others wait for this worker when it is not heard of, before they take its piece over
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = lease)]
    pub lease: Duration,
    /// How many MiB checks of passwords may take together: those of argon2 and scrypt take much
    #[arg(long, value_name = "MIB", default_value_t = super::QueueOptions::USUAL_MEMORY, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub verify_memory: u32,
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
}

fn name(text: &str) -> Result<String, String> {
    const LONGEST: usize = 100;
    if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!("expected 1 to {LONGEST} characters, none of them a control character"));
    }
    Ok(text.to_owned())
}

fn lease(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 2..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected 2 to 3600 seconds".to_owned()),
    }
}
