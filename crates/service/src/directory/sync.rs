//! How far a directory that is asked itself was read, as the jobs that read it keep it.

use super::counts::ImportCounts;
use crate::Service;
use crate::jobs::JobError;
use model::{Caller, JobKind, JobState};
use serde::{Deserialize, Serialize};

/// How many jobs are read at once.
const PAGE: u32 = 100;
/// The member of a job's parameters that says that it asks a directory.
const ASKS: &str = "ldap";

/// What a sync leaves for the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Synced {
    /// The directory, as the operator calls it.
    pub source: Box<str>,
    /// The server, and which of its entries: a mark means nothing for others.
    pub server: Box<str>,
    /// The point up to which everything is known; nothing where the server does not tell of any.
    pub mark: Option<Box<str>>,
    /// Keys of entries that were refused: they are asked for again, whatever the mark.
    pub retry: Vec<Box<str>>,
    /// How many entries the directory has.
    pub listed: u64,
    /// Whether all of them were read, and not only those that changed.
    pub everything: bool,
}

impl Service {
    /// Where the last sync of a directory that was completed has come to. Nothing, if what it wrote may not be what is
    /// there now: a job was undone since, or another import told of the same directory.
    pub async fn last_sync(&self, caller: &Caller, source: &str, server: &str) -> Result<Option<Synced>, JobError> {
        let mut before = None;
        loop {
            let page = self.store().jobs(caller.tenant, before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            before = Some(last.creation);
            for job in page {
                match job.kind {
                    JobKind::Undo => return Ok(None),
                    JobKind::Import => {}
                    _ => continue,
                }
                let counts: ImportCounts = serde_json::from_str(&job.progress).unwrap_or_default();
                match counts.synced {
                    Some(synced) if &*synced.source == source => {
                        if job.state == JobState::Completed {
                            return Ok(Some(synced).filter(|synced| &*synced.server == server));
                        }
                    }
                    Some(_) => {}
                    None => {
                        let parameters: serde_json::Value = serde_json::from_str(&job.parameters).unwrap_or_default();
                        if counts.sources.contains(source) && parameters.get(ASKS).is_none() {
                            return Ok(None);
                        }
                    }
                }
            }
        }
    }
}
