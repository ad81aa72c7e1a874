//! `spillwatch jobs`

use clap::{Args, Subcommand};
use console::{NoForm, ReportForm};
use model::TenantId;
use service::jobs::Brake;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// When a job stops and asks.
#[derive(Args, Debug, Clone, Copy)]
pub struct BrakeOptions {
    /// Hold the job before it touches this share of the users (and at least 5 of them), in percent; 0 never holds
    #[arg(long, value_name = "PERCENT", env = "SPILLWATCH_BRAKE_PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub brake_percent: u8,
    /// Hold the job before it touches so many administrators; 0 never holds
    #[arg(long, value_name = "N", env = "SPILLWATCH_BRAKE_ADMINISTRATORS", default_value_t = 10)]
    pub brake_administrators: u32,
}

impl From<BrakeOptions> for Brake {
    fn from(options: BrakeOptions) -> Self {
        Self { percent: options.brake_percent, administrators: options.brake_administrators }
    }
}

/// `spillwatch jobs`
#[derive(Subcommand, Debug)]
pub enum Jobs {
    /// List jobs, the newest first
    List(ListJobs),
    /// Show a job: what it was asked to do, how far it is, and what it has changed
    Show(JobOf),
    /// List what a job has found: users, events, and where in the material each credential stands
    Findings(JobOf),
    /// Make a report of a scan
    Report(ReportOf),
    /// Go on with a job that was interrupted, or let a job do what the brake holds
    Resume(Resume),
    /// Take back what a job did
    Undo(Undo),
}

/// `spillwatch jobs list`
#[derive(Args, Debug)]
pub struct ListJobs {
    /// Tenant whose jobs they are; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// The most jobs that are printed
    #[arg(long, value_name = "N", default_value = "50")]
    pub top: NonZeroU32,
}

/// `spillwatch jobs show`
#[derive(Args, Debug)]
pub struct JobOf {
    /// Its id
    pub id: String,
    /// Tenant whose job it is; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
}

/// `spillwatch jobs report`
#[derive(Args, Debug)]
#[command(
    after_help = "The page has everything in it: no script, nothing from elsewhere. A report names people and where their credentials \
    stand;\nit holds no password, and nothing made of one.\n\n\
    Examples:\n  spillwatch jobs report 01939f6e-7d1a-7c3b-9a54-5f0e7a1c2b3d --output report.html\n  \
    spillwatch jobs report 01939f6e-7d1a-7c3b-9a54-5f0e7a1c2b3d"
)]
pub struct ReportOf {
    /// Which job
    #[command(flatten)]
    pub job: JobOf,
    /// File to write, whose name ends in .html, .json or .txt; may be given several times. Text, or with --json JSON, on
    /// standard output when left out
    #[arg(long, value_name = "FILE", value_parser = report)]
    pub output: Vec<Report>,
}

/// A file that a report is written to, and its form.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where it is.
    pub file: PathBuf,
    /// What it is made as.
    pub form: ReportForm,
}

/// A file for a report, by its name.
pub fn report(text: &str) -> Result<Report, NoForm> {
    let file = PathBuf::from(text);
    let form = ReportForm::of(&file)?;
    Ok(Report { file, form })
}

/// `spillwatch jobs resume`
#[derive(Args, Debug)]
#[command(
    after_help = "A job that was interrupted reads its files again from where it was; what it did before is not done twice.\n\
    A job that the brake holds does the rest only with --release.\n\n\
    Examples:\n  spillwatch jobs resume 01939f6e-7d1a-7c3b-9a54-5f0e7a1c2b3d\n  \
    spillwatch jobs resume 01939f6e-7d1a-7c3b-9a54-5f0e7a1c2b3d --release"
)]
pub struct Resume {
    /// Which job
    #[command(flatten)]
    pub job: JobOf,
    /// Let it touch as many users as it finds
    #[arg(long)]
    pub release: bool,
    /// Do not wait until the process that worked at it is taken to be dead: it is known to be
    #[arg(long)]
    pub take_over: bool,
}

/// `spillwatch jobs undo`
#[derive(Args, Debug)]
#[command(
    after_help = "Everything that the job changed becomes what it was: users, their verifiers, events and evidence. It is done \
    in\nsmall steps, while servers go on. What somebody else has changed since is left as it is and counted, unless --force \
    is given.\nAn undo is a job too, and can be undone.\n\n\
    Example:\n  spillwatch jobs undo 01939f6e-7d1a-7c3b-9a54-5f0e7a1c2b3d"
)]
pub struct Undo {
    /// Which job
    #[command(flatten)]
    pub job: JobOf,
    /// Also take back what somebody else has changed since
    #[arg(long)]
    pub force: bool,
    /// Do not wait until the process that worked at it is taken to be dead: it is known to be
    #[arg(long)]
    pub take_over: bool,
}
