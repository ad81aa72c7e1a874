//! Reports of scans: what a job keeps, or a dry run holds, put into the form that is asked for.

use super::Parameters;
use super::progress::Progress;
use super::report::believable;
use crate::cli;
use crate::commands::events::Destination;
use crate::error::Failure;
use crate::instance::Instance;
use ::scan::counters::Outcome;
use console::{Asked, CountOf, JobPart, Material, Report, ReportForm, Tally, Verifiers};
use model::{Caller, Entropy, Job, JobState, Ticks};
use service::{Vault, undecided_in_words};

/// The files that reports are written to, which are opened before there is anything to write: what cannot be written is
/// said before a long scan, not after it.
pub struct Reports(Vec<(Destination, ReportForm)>);

impl Reports {
    /// Opens them. None appears under its name before it is whole.
    pub fn open(files: Vec<cli::Report>, entropy: &dyn Entropy) -> Result<Self, Failure> {
        let open = |report: cli::Report| Ok((Destination::open(&report.file, entropy)?, report.form));
        Ok(Self(files.into_iter().map(open).collect::<Result<_, Failure>>()?))
    }

    /// No report.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes a report in every form.
    pub fn write(self, report: &Report) -> Result<(), Failure> {
        for (mut destination, form) in self.0 {
            destination.write(report.write(form)?.as_bytes())?;
            if let Some(file) = destination.finish()? {
                anstream::eprintln!("Report: {}", file.display());
            }
        }
        Ok(())
    }
}

/// The report of a scan that has a job.
pub async fn of_job(instance: &Instance, caller: &Caller, vault: &Vault, job: &Job) -> Result<Report, Failure> {
    let unreadable = |why| Failure::message(format!("what the job `{}` keeps is not what a scan keeps: {why}", job.id));
    let parameters: Parameters = serde_json::from_str(&job.parameters).map_err(unreadable)?;
    let progress: Progress = serde_json::from_str(&job.progress).map_err(unreadable)?;
    let service = &instance.service;
    let (mut tally, mut after) = (Tally::default(), None);
    loop {
        let page = service.findings_of_job(caller, vault, job, after.as_ref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        for finding in page {
            tally.add(finding);
        }
    }
    let is_interrupted = job.state == JobState::Running && !service.is_worked_at(job);
    let mut report = told(instance, &parameters, &progress);
    report.job = Some(JobPart {
        id: job.id.to_string(),
        state: if is_interrupted { "interrupted" } else { job.state.name() }.to_owned(),
        created_date_time: job.created.to_string(),
        ended_date_time: job.ended.map(|ended| ended.to_string()),
        message: job.message.as_deref().map(str::to_owned),
    });
    let undecided = service.undecided(caller, job).await?;
    report.warnings.extend(undecided_in_words(&undecided).map(|why| format!("{why}.")));
    if progress.current > 0 && tally.users().is_empty() {
        report.warnings.push("What the job found is forgotten, as it is once it cannot be undone any more.".to_owned());
    }
    finished(instance, caller, tally, report).await
}

/// The report of a dry run: of what this process holds.
pub async fn of_dry_run(
    instance: &Instance,
    caller: &Caller,
    parameters: &Parameters,
    progress: &Progress,
    tally: Tally,
) -> Result<Report, Failure> {
    finished(instance, caller, tally, told(instance, parameters, progress)).await
}

async fn finished(instance: &Instance, caller: &Caller, tally: Tally, mut report: Report) -> Result<Report, Failure> {
    let people = instance.service.people(caller, &tally.users()).await?;
    tally.tell(&people, &mut report);
    Ok(report)
}

fn told(instance: &Instance, parameters: &Parameters, progress: &Progress) -> Report {
    let outcome = |outcome: &Outcome| CountOf {
        name: outcome.name().to_owned(),
        meaning: meaning(outcome.name()).to_owned(),
        count: progress.of(*outcome),
    };
    let mut warnings = believable(progress);
    if !progress.is_read {
        warnings.push("Not all of the material was read: this is what was found in the part that was.".to_owned());
    }
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_date_time: instance.clock.now().to_string(),
        asked: Asked {
            sources: parameters.sources.clone(),
            called: parameters.source.as_deref().map(str::to_owned),
            leaked_date_time: parameters.leaked.and_then(Ticks::new).map(|leaked| leaked.to_string()),
            brake_percent: parameters.brake.percent,
            brake_administrators: parameters.brake.administrators,
        },
        material: Material {
            items: progress.items,
            documents: progress.documents,
            problems: progress.problems,
            bytes: progress.bytes,
            lines: progress.lines,
            is_read: progress.is_read,
        },
        outcomes: Outcome::ALL.iter().map(outcome).collect(),
        verifiers: Verifiers {
            candidates: progress.asked.candidates,
            verified: progress.asked.verified,
            repeated: progress.asked.repeated,
            no_verifier: progress.asked.no_verifier,
        },
        raised: progress.raised,
        warnings,
        ..Report::default()
    }
}

/// What a count of lines counts, for people.
pub fn meaning(outcome: &str) -> &'static str {
    match outcome {
        "password" => "with a user's name and what may be a password",
        "hash" => "with a user's name and a hash",
        "emptyPassword" => "with a user's name and an empty password",
        "placeholder" => "with a user's name and a word that says that there is none",
        "advert" => "with a user's name and an advert",
        "passwordTooLong" => "with a user's name and more than a password can be",
        "nameOnly" => "with a user's name and nothing beside it",
        "unknownAccount" => "with an address in your domains that no user has",
        "foreignAddress" => "with addresses of others",
        "noAddress" => "without an address or a user's name",
        "blank" => "with nothing",
        "records" => "longer than 64 KiB, read record by record",
        "lineTooLong" => "longer than 64 KiB, skipped",
        "listedPassword" => "in a list of passwords",
        "listedHash" => "in a list of passwords, of hashes",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_says_what_it_counts() {
        for outcome in Outcome::ALL {
            assert_ne!(meaning(outcome.name()), "", "{}", outcome.name());
        }
    }
}
