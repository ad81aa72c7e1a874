//! What an import counts: kept with its job, and told at its end.

use super::prepare::VerifierCounts;
use super::sync::Synced;
use crate::jobs::Raised;
use crate::retained::Retrospect;
use model::{AccountNote, Job, VerifierNote, Written};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What became of a directory's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportCounts {
    /// Entries that were read.
    pub entries: u64,
    /// Users who are new.
    pub created: u64,
    /// Users who were known and are from now on known to this directory too.
    pub linked: u64,
    /// Users of whom something is another.
    pub updated: u64,
    /// Users who are as they were.
    pub unchanged: u64,
    /// Entries that were refused.
    pub refused: u64,
    /// Users, or accounts of users whom another directory knows, that are gone.
    pub removed: u64,
    /// Users who have verifiers for the first time.
    pub verifiers_first: u64,
    /// Users whose verifiers are others: their password was changed.
    pub verifiers_changed: u64,
    /// Users whose verifiers are the same, and were sealed anew, since the key that sealed them is lost.
    pub verifiers_sealed_anew: u64,
    /// Open events that were remediated, since the password is another one.
    pub remediated: u64,
    /// What came of looking at what scans kept for users who come later.
    #[serde(skip_serializing_if = "is_nothing")]
    pub retrospect: Retrospect,
    /// The account up to which that was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<(Box<str>, Box<str>)>,
    /// What became of what was found so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raised: Option<Raised>,
    /// The verifiers that were read.
    pub verifiers: VerifierCounts,
    /// The directories that were read, as the operator calls them.
    pub sources: BTreeSet<Box<str>>,
    /// How far a directory that was asked itself is known from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced: Option<Synced>,
}

impl ImportCounts {
    /// Adds what another one counts.
    pub(super) fn add(&mut self, other: Self) {
        for (to, from) in [
            (&mut self.entries, other.entries),
            (&mut self.created, other.created),
            (&mut self.linked, other.linked),
            (&mut self.updated, other.updated),
            (&mut self.unchanged, other.unchanged),
            (&mut self.refused, other.refused),
            (&mut self.removed, other.removed),
            (&mut self.verifiers_first, other.verifiers_first),
            (&mut self.verifiers_changed, other.verifiers_changed),
            (&mut self.verifiers_sealed_anew, other.verifiers_sealed_anew),
            (&mut self.remediated, other.remediated),
        ] {
            *to += from;
        }
        self.verifiers.add(other.verifiers);
        self.sources.extend(other.sources);
    }
}

/// The directories that an import has read.
pub(crate) fn sources_of(job: &Job) -> BTreeSet<Box<str>> {
    serde_json::from_str(&job.progress).map(|counts: ImportCounts| counts.sources).unwrap_or_default()
}

/// Counts what became of an entry.
pub(super) fn count(counts: &mut ImportCounts, note: &AccountNote) {
    let written = match note.written {
        Written::Created => &mut counts.created,
        Written::Linked => &mut counts.linked,
        Written::Updated => &mut counts.updated,
        Written::Unchanged => &mut counts.unchanged,
        Written::Removed => &mut counts.removed,
    };
    *written += 1;
    match note.verifiers {
        VerifierNote::First => counts.verifiers_first += 1,
        VerifierNote::Changed => counts.verifiers_changed += 1,
        VerifierNote::Untold | VerifierNote::Same => {}
    }
}

fn is_nothing(retrospect: &Retrospect) -> bool {
    *retrospect == Retrospect::default()
}
