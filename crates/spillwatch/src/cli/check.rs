//! `spillwatch check`

use super::{BrakeOptions, QueueOptions};
use clap::Args;
use model::{TenantId, Ticks};
use std::path::PathBuf;

/// `spillwatch check`
#[derive(Args, Debug)]
#[command(
    after_help = "Each line is a name and a password with a colon or a tab between them: anna@contoso.example:Winter2024. The name may be\n\
    any by which the directory knows the user. One event is raised for each user and password that is current; nothing \
    is kept\nof a password but a keyed fingerprint, and sealed what waits for slow verifiers. A check can be repeated: what is \
    known\nis not raised again.\n\n\
    Examples:\n  spillwatch check pairs.txt --source 'forum breach' --leaked 2024-03-01\n  \
    spillwatch check - --dry-run < pairs.txt"
)]
pub struct Check {
    /// File to read; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Tenant whose users they may be; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// What the source is called in the events' evidence; the name of the file when left out
    #[arg(long, value_name = "NAME", value_parser = source)]
    pub source: Option<String>,
    /// When the pairs leaked: 2024-03-01 or 2024-03-01T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub leaked: Option<Ticks>,
    /// Also check guests, whose passwords are usually kept elsewhere
    #[arg(long)]
    pub guests: bool,
    /// Say how many pairs are current, and raise nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Who asks slow verifiers
    #[command(flatten)]
    pub queue: QueueOptions,
    /// When it stops and asks
    #[command(flatten)]
    pub brake: BrakeOptions,
}

/// What evidence takes as the name of a source.
pub(super) fn source(text: &str) -> Result<String, String> {
    let fits = (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("give 1 to 256 characters without control characters".to_owned()) }
}

/// Reads a day or a time.
pub(super) fn time(text: &str) -> Result<Ticks, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole.parse().map_err(|_| format!("`{text}` is not a time such as 2024-03-01 or 2024-03-01T08:00:00Z"))
}
