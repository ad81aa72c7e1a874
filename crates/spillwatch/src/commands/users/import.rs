//! `spillwatch users import`

use super::input::{Input, length, read};
use super::taking::{Taken, take_over, vault};
use super::{sync, watch};
use crate::cli::{Global, ImportUsers};
use crate::commands::events::bar;
use crate::commands::listing::caller;
use crate::error::Failure;
use crate::instance::Instance;
use crate::signals::Signals;
use directory::Format;
use model::{Caller, JobKind};
use serde::{Deserialize, Serialize};
use service::jobs::{Brake, JobError, RunningJob};
use service::{Import, Preparer};
use std::path::PathBuf;

/// What an import was asked to do, as its job keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// The files, by their whole paths; `-` for standard input.
    pub files: Vec<PathBuf>,
    /// `--format`
    pub format: Option<String>,
    /// `--source`
    pub source: Option<String>,
    /// `--full`
    pub full: bool,
    /// `--upn-domain`
    pub upn_domain: Option<String>,
    /// The brake.
    pub brake: Brake,
    /// Whether the files lay in a watched folder, which moves them when it is done with them.
    #[serde(default)]
    pub watched: bool,
}

/// Imports a directory.
pub async fn run(global: &Global, instance: &Instance, options: ImportUsers) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "users import").await?;
    let mut files = Vec::with_capacity(options.files.len());
    for file in options.files {
        let is_standard_input = file.as_os_str() == "-";
        files.push(if is_standard_input { file } else { std::path::absolute(file)? });
    }
    let parameters = Parameters {
        files,
        format: options.format.map(|format| format.name().to_owned()),
        source: options.source,
        full: options.full,
        upn_domain: options.upn_domain,
        brake: options.brake.into(),
        watched: false,
    };
    let inputs = open(&parameters)?; // a file that cannot be read makes no job
    let job = if options.dry_run {
        None
    } else {
        Some(instance.service.start_job(&caller, JobKind::Import, &parameters).await?)
    };
    import(global, instance, (&caller, job), parameters, inputs).await
}

/// Goes on with an import.
pub async fn resume(
    global: &Global,
    instance: &Instance,
    (caller, job): (&Caller, RunningJob),
    release: bool,
) -> Result<(), Failure> {
    if job.parameters::<sync::OfSync>()?.ldap.is_some() {
        return sync::resume(global, instance, (caller, job), release).await;
    }
    let mut parameters: Parameters = job.parameters()?;
    if parameters.watched {
        watch::find_again(&mut parameters.files);
    }
    if release {
        parameters.brake = Brake::RELEASED;
    }
    match open(&parameters) {
        Ok(inputs) => import(global, instance, (caller, Some(job)), parameters, inputs).await,
        Err(failure) => {
            job.failed(JobError::Interrupted("its files cannot be read".to_owned())).await;
            Err(failure)
        }
    }
}

pub(super) fn open(parameters: &Parameters) -> Result<Vec<Input>, Failure> {
    let format = parameters.format.as_deref().and_then(|format| format.parse::<Format>().ok());
    parameters.files.iter().map(|file| Input::open(file, format)).collect()
}

/// Imports files, prints what came of it, and says what to do next.
async fn import(
    global: &Global,
    instance: &Instance,
    by: (&Caller, Option<RunningJob>),
    parameters: Parameters,
    inputs: Vec<Input>,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    match import_files(global, instance, by, &mut signals, &parameters, inputs).await? {
        Taken::Stopped(stopped) => Err(stopped.failure()),
        Taken::Ended(ended) => {
            ended.print(global)?;
            ended.failure().map_or(Ok(()), |message| Err(Failure::message(message)))
        }
    }
}

/// Imports files, and answers what came of it.
pub(super) async fn import_files(
    global: &Global,
    instance: &Instance,
    (caller, job): (&Caller, Option<RunningJob>),
    signals: &mut Signals,
    parameters: &Parameters,
    inputs: Vec<Input>,
) -> Result<Taken, Failure> {
    let (vault, job) = vault(global, instance, job).await?;
    let preparer = |format: Format| Preparer {
        tenant: caller.tenant_id,
        source: parameters.source.as_deref().unwrap_or(format.name()).into(),
        format,
        domain: parameters.upn_domain.clone(),
        job: job.as_ref().map_or(0, |job| job.job().creation),
        vault: vault.clone(),
    };
    let inputs = inputs.into_iter().map(|input| {
        let preparer = preparer(input.format());
        (input, preparer)
    });
    let bar = bar("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  ETA {eta}");
    if let Some(length) = length(&parameters.files) {
        bar.set_length(length);
    }
    let portions = read(inputs.collect(), bar.clone());
    let how = Import { full: parameters.full, brake: parameters.brake };
    take_over(instance, (caller, job), signals, how, &vault, (portions, bar)).await
}
