//! What is scanned and told beside pairs: lists of passwords that name nobody, and names alone.

use super::progress::Progress;
use crate::cli::WantedOptions;
use ::scan::counters::Outcome;
use ::scan::preview::Preview;
use ::scan::text::Confidence;
use model::Ticks;
use serde::{Deserialize, Serialize};
use service::jobs::JobError;
use service::{Coverage, Detector, Retention, ScanJudge};

/// What a scan looks for beside pairs, and how thoroughly, as its job keeps it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wanted {
    /// Whether the material is lists of passwords that name nobody.
    pub passwords: bool,
    /// Whether names of which no verifier can say anything are told too.
    pub address_only: bool,
    /// How many candidates of a name slow verifiers are asked about; all where it is not said.
    slow_candidates: Option<u8>,
    /// For how many days candidates are kept for users who come later.
    #[serde(skip_serializing_if = "Option::is_none")]
    retain: Option<u32>,
}

impl From<WantedOptions> for Wanted {
    fn from(options: WantedOptions) -> Self {
        let WantedOptions { passwords, address_only, slow_candidates, retain } = options;
        Self { passwords, address_only, slow_candidates, retain }
    }
}

impl Wanted {
    /// The judge that does what a scan was asked to. Says of how many users a list of passwords can tell something, and
    /// opens their verifiers, which takes a while.
    pub fn asked(
        self,
        mut judge: ScanJudge,
        detector: &Detector,
        (begun, own_domains): (Ticks, &[&str]),
    ) -> Result<ScanJudge, JobError> {
        if let Some(days) = self.retain {
            judge = judge.with_retention(Retention::days(begun, days), own_domains);
        }
        if let Some(candidates) = self.slow_candidates {
            judge = judge.with_slow_candidates(candidates.into());
        }
        if self.address_only {
            judge = judge.with_addresses();
        }
        if !self.passwords {
            return Ok(judge);
        }
        let set = detector.password_set()?;
        let Coverage { users, in_part, unreachable } = set.coverage();
        if users == 0 {
            return Err(JobError::NothingToLookUp { unreachable });
        }
        anstream::eprintln!("Looking up each password among {users} users whose verifiers have no salt.");
        if unreachable > 0 {
            anstream::eprintln!(
                "{unreachable} users have only verifiers with a salt or slow ones, of whom a list of passwords cannot tell."
            );
        }
        if in_part > 0 {
            anstream::eprintln!("Of {in_part} users some accounts cannot be looked up so.");
        }
        Ok(judge.of_passwords(set))
    }
}

/// A warning where a document of a list of passwords looks like something else.
pub fn not_a_list(path: &str, preview: &Preview) -> Option<String> {
    let (shape, percent) = preview.shapes.first()?;
    (preview.confidence >= Confidence::Likely && *percent >= 50).then(|| {
        format!(
            "Warning: {path} looks like material that names people ({}). With --passwords whole lines are taken for \
             passwords; scan it without to look for names.",
            shape.name()
        )
    })
}

/// Why nothing was found in lists of passwords, where nothing was; and what else is worth a warning.
pub fn believable(progress: &Progress) -> Vec<String> {
    let mut words = Vec::new();
    let (passwords, hashes) = (progress.of(Outcome::ListedPassword), progress.of(Outcome::ListedHash));
    if progress.current == 0 {
        words.push(match (progress.lines, passwords) {
            (0, _) => "Nothing was found: there was not one line.".to_owned(),
            (lines, 0) => format!("Warning: nothing was found: none of the {lines} lines is a password."),
            (_, passwords) => format!(
                "Nothing was found: none of {passwords} passwords is the current one of a user who can be looked up. That is \
                 believable where no user has a password of the list."
            ),
        });
    }
    if hashes > 0 {
        words.push(format!("{hashes} lines are hashes of passwords, which --passwords does not compare."));
    }
    if progress.problems > 0 {
        words.push(format!("{} things were not read, or not to their end: see above.", progress.problems));
    }
    words
}

/// What slow verifiers were not asked.
pub fn left_out(progress: &Progress) -> Option<String> {
    let left_out = progress.asked.left_out;
    (left_out > 0).then(|| {
        format!(
            "Warning: {left_out} candidates were not checked, because slow verifiers were to be asked about the likeliest only \
             (--slow-candidates). A current password may be among them."
        )
    })
}
