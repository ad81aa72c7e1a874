//! `spillwatch jobs report`: a report of a scan that is there already.

use crate::cli::{Global, ReportOf};
use crate::commands::listing::caller;
use crate::commands::scan::reporting::{Reports, of_job};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::Stream;
use crate::verifier_keys::Purpose;
use console::ReportForm;
use model::JobKind;

/// Makes it.
pub async fn run(global: &Global, instance: &Instance, options: ReportOf) -> Result<(), Failure> {
    let caller = caller(instance, options.job.tenant, "jobs report").await?;
    let job = instance.service.job(&caller, &options.job.id).await?;
    if job.kind != JobKind::Scan {
        return Err(Failure::message(format!(
            "the job `{}` is no scan, of which reports are made; `spillwatch jobs show {0}` tells of it",
            job.id
        )));
    }
    let files = Reports::open(options.output, &*instance.entropy)?;
    let vault = instance.vault(global, Purpose::Open).await?;
    let report = of_job(instance, &caller, &vault, &job).await?;
    if !files.is_empty() {
        return files.write(&report);
    }
    let form = if global.json { ReportForm::Json } else { ReportForm::Text };
    Stream::new().write(report.write(form)?.as_bytes()).map(drop)
}
