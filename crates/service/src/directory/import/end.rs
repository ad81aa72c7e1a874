//! What follows from all entries of an import together: who is gone, whose open events are closed, what scans of before have
//! found of users who are new, and how the job ends.

use super::{ImportOutcome, Importer, WINDOW};
use crate::Vault;
use crate::directory::counts::ImportCounts;
use crate::jobs::{Brake, JobError, Raising, RunningJob};
use model::{Account, AccountKey, Command, EntityId, Note, Subject, Ticks};
use std::collections::{BTreeSet, HashSet};
use store::Accounts;

/// Records of what the job changed that are read at once.
const RECORDS: u32 = 500;

/// What is left when all entries are taken over.
enum Rest {
    Done,
    Held(String),
    Untrusted(String),
}

impl Importer {
    /// Does what follows from all entries together: who is gone, and whose open events are closed since their password
    /// is another one. The brake is asked before either.
    pub async fn finish(mut self, unreadable: u64) -> Result<ImportOutcome, JobError> {
        match self.rest(unreadable).await {
            Ok(rest) => self.end(rest).await,
            Err(error) => Err(self.failed(error).await),
        }
    }

    async fn end(self, rest: Rest) -> Result<ImportOutcome, JobError> {
        let counts = self.counts;
        let Some(job) = self.job else {
            return Ok(ImportOutcome::Told(
                counts,
                match rest {
                    Rest::Done => None,
                    Rest::Held(why) | Rest::Untrusted(why) => Some(why),
                },
            ));
        };
        Ok(match rest {
            Rest::Done => return Self::raised(job, (self.vault, self.import.brake), counts).await,
            Rest::Held(why) => ImportOutcome::Held(job.hold(&why, &counts).await?, counts, why),
            Rest::Untrusted(why) => ImportOutcome::Failed(job.fail(&why, &counts).await?, counts, why),
        })
    }

    /// Raises what was found beside names that are new, unless slow verifiers have a say in it, which are asked in their
    /// turn, or the brake holds it.
    async fn raised(
        mut job: RunningJob,
        (vault, brake): (Option<Vault>, Brake),
        mut counts: ImportCounts,
    ) -> Result<ImportOutcome, JobError> {
        let Some(vault) = vault.filter(|_| counts.retrospect.current + counts.retrospect.queued > 0) else {
            return Ok(ImportOutcome::Completed(job.complete(&counts).await?, counts));
        };
        let waiting = job.service().waiting(job.caller(), Some(job.job().creation)).await?;
        if waiting.candidates > 0 {
            return Ok(ImportOutcome::Waiting(job.wait(&counts).await?, counts));
        }
        match job.raise(&vault, brake).await {
            Err(error) => Err(job.failed(error).await),
            Ok(Raising::Held(why)) => {
                let why = format!("raising what scans before kept of users who are new: {why}");
                Ok(ImportOutcome::Held(job.hold(&why, &counts).await?, counts, why))
            }
            Ok(Raising::Done(raised)) => {
                counts.raised = Some(raised);
                Ok(ImportOutcome::Completed(job.complete(&counts).await?, counts))
            }
        }
    }

    async fn rest(&mut self, unreadable: u64) -> Result<Rest, JobError> {
        let faulty = self.counts.refused + unreadable;
        let is_listed = self.listed.is_some(); // then an entry that was refused is known to be there all the same
        let untrusted = match self.doubt.take() {
            None if self.import.full && !is_listed && faulty > 0 => Some(format!(
                "{faulty} entries could not be taken over, so nobody was taken to be gone; mend them and import again"
            )),
            doubt => doubt,
        };
        let is_whole = untrusted.is_none() && (self.import.full || is_listed);
        let gone = if is_whole { self.gone().await? } else { Vec::new() };
        let outdated = self.outdated().await?;
        let mut touched: HashSet<EntityId> = outdated.iter().cloned().collect();
        touched.extend(gone.iter().map(|(_, user)| user.clone()));
        touched.extend(self.would_touch.iter().cloned());
        if let Some(why) = self.service.weigh(self.caller.tenant, self.import.brake, &touched).await? {
            let whom = if is_listed { "whom the directory has no longer" } else { "who are not in the export" };
            let what = match (gone.len(), touched.len() - gone.len().min(touched.len())) {
                (0, _) => "closing the open events of users whose password is another one".to_owned(),
                (gone, 0) => format!("removing {gone} users {whom}"),
                (gone, _) => format!("removing {gone} users {whom}, and closing open events"),
            };
            return Ok(Rest::Held(format!("{what}: {why}")));
        }
        let Some((job, closed)) = self.job.as_ref().map(|job| (job.job().creation, job.job().created)) else {
            self.counts.removed = gone.len() as u64;
            return Ok(untrusted.map_or(Rest::Done, Rest::Untrusted));
        };
        self.remove(job, gone).await?;
        self.remediate(job, closed, outdated).await?;
        self.retrospect().await?;
        Ok(untrusted.map_or(Rest::Done, Rest::Untrusted))
    }

    /// Looks what scans kept of the names of those whose accounts the job has changed, from where a process before left off.
    async fn retrospect(&mut self) -> Result<(), JobError> {
        let (Some(job), Some(vault)) = (&mut self.job, &self.vault) else { return Ok(()) };
        let (service, caller) = (&self.service, &self.caller);
        if !service.has_retained(caller).await? {
            return Ok(());
        }
        let store = service.store();
        loop {
            // Nobody's account is without a source.
            let (source, key) = self.counts.looked_at.clone().unwrap_or_default();
            let after = Subject::Account(AccountKey { source, key });
            let page = store.records(caller.tenant, job.job().creation, Some(&after), RECORDS).await?;
            let (mut users, mut last) = (BTreeSet::new(), None);
            for record in page {
                let Subject::Account(key) = record.subject else { break }; // users come behind them
                users.extend(store.account(caller.tenant, &key).await?.map(|account| account.user));
                last = Some((key.source, key.key));
            }
            if last.is_none() {
                return Ok(());
            }
            self.counts.looked_at = last;
            let users: Vec<EntityId> = users.into_iter().collect();
            let (done, found) = service.retrospect(caller, vault, &users).await?;
            self.counts.retrospect.add(done);
            job.keep(&self.counts, found).await?;
        }
    }

    /// The accounts of the directories that were read that no entry was about.
    async fn gone(&self) -> Result<Vec<(AccountKey, EntityId)>, JobError> {
        let mut gone = Vec::new();
        for (source, seen) in &self.seen {
            let look = |account: Account| {
                let hash = self.hash(&account.key.key);
                let is_listed = self.listed.as_ref().is_some_and(|listed| listed.contains(&hash));
                if !is_listed && !seen.contains(&hash) {
                    gone.push((account.key, account.user));
                }
            };
            self.service.each_account(self.caller.tenant, Accounts::OfSource(source), look).await?;
        }
        Ok(gone)
    }

    /// The users with open events whose password is another one since.
    async fn outdated(&self) -> Result<BTreeSet<EntityId>, JobError> {
        let mut users = BTreeSet::new();
        let look = |account: Account| _ = users.insert(account.user);
        self.service.each_account(self.caller.tenant, Accounts::Outdated, look).await?;
        Ok(users)
    }

    async fn remove(&mut self, job: u64, gone: Vec<(AccountKey, EntityId)>) -> Result<(), JobError> {
        let commands = gone.into_iter().map(|(account, _)| Command::RemoveAccount { job, account }).collect();
        let notes = self.each(commands).await?;
        self.counts.removed += notes.iter().filter(|note| matches!(note, Note::Account(_))).count() as u64;
        Ok(())
    }

    async fn remediate(&mut self, job: u64, closed: Ticks, users: BTreeSet<EntityId>) -> Result<(), JobError> {
        let commands = users.into_iter().map(|user| Command::Remediate { job, user, closed }).collect();
        let closed = |note: &Note| match note {
            Note::Remediated(events) => *events as u64,
            _ => 0,
        };
        self.counts.remediated += self.each(commands).await?.iter().map(closed).sum::<u64>();
        Ok(())
    }

    /// Carries commands out, and lets others see that it lives.
    async fn each(&mut self, commands: Vec<Command>) -> Result<Vec<Note>, JobError> {
        let mut done = Vec::with_capacity(commands.len());
        let mut commands = commands.into_iter().peekable();
        while commands.peek().is_some() {
            let some = commands.by_ref().take(16 * WINDOW);
            self.service.carry_out(&self.caller, some, |note| done.push(note)).await?;
            self.keep().await?;
        }
        Ok(done)
    }
}
