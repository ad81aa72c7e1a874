//! `spillwatch users sync`: a directory is asked itself, over LDAP.

use super::input::{Known, Portion};
use super::taking::{Ended, Stopped, Taken, take_over, vault};
use crate::cli::{Global, SyncUsers};
use crate::commands::events::bar;
use crate::commands::listing::caller;
use crate::error::Failure;
use crate::instance::Instance;
use crate::operator_key::LDAP_PASSWORD;
use crate::secret_file;
use crate::signals::Signals;
use directory::{Entries, Format, Limits};
use indicatif::ProgressBar;
use ldap::{Address, AddressError, Bind, Directory, Kind, Mark, Options, Pages, Wanted};
use model::{Caller, EntityId, JobKind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::jobs::{Brake, JobError, RunningJob};
use service::{Import, Preparer, Refused, Synced};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

/// Entries that are asked for by their keys, at most; for more of them everybody is read.
const MOST_BY_KEY: usize = 2000;

/// What a sync was asked to do, as its job keeps it. The password is none of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    ldap: Server,
    source: String,
    full: bool,
    upn_domain: Option<String>,
    brake: Brake,
}

/// The server, and what of it is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    url: String,
    ca: Option<PathBuf>,
    insecure_plaintext: bool,
    bind_dn: Option<String>,
    bind_password_file: Option<PathBuf>,
    base: Option<String>,
    filter: Option<String>,
}

/// The member of a job's parameters by which a sync is told from an import of files.
#[derive(Deserialize)]
pub struct OfSync {
    /// Where the directory is.
    pub ldap: Option<IgnoredAny>,
}

/// Syncs a directory, once or until a signal.
pub async fn run(global: &Global, instance: &Instance, options: SyncUsers) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "users sync").await?;
    let whole = |file: Option<PathBuf>| file.map(std::path::absolute).transpose();
    let address = address(&options.ldap)?;
    if options.insecure_plaintext && address.is_ldaps() {
        return Err(Failure::Refused("ldaps:// is never in clear: leave out --insecure-plaintext".to_owned()));
    }
    if options.insecure_plaintext && !address.is_loopback() {
        anstream::eprintln!(
            "Warning: --insecure-plaintext sends the password of the bind and every verifier over the network in clear."
        );
    }
    let parameters = Parameters {
        ldap: Server {
            url: address.to_string(),
            ca: whole(options.ca)?,
            insecure_plaintext: options.insecure_plaintext,
            bind_dn: options.bind_dn,
            bind_password_file: whole(options.bind_password_file)?,
            base: options.base,
            filter: options.filter,
        },
        source: options.source,
        full: options.full,
        upn_domain: options.upn_domain,
        brake: options.brake.into(),
    };
    parameters.ldap.options()?; // what is wrong with these is said before anything is done
    let mut signals = Signals::listen()?;
    let sync = Sync { global, instance, caller: &caller };
    let Some(every) = options.every else {
        let begin = if options.dry_run { Begin::Dry } else { Begin::New };
        return sync.told(sync.round(&mut signals, &parameters, begin).await?);
    };
    let mut unfinished: Option<EntityId> = None;
    loop {
        let begin = sync.begin(unfinished.as_ref()).await;
        match sync.round(&mut signals, &parameters, begin).await {
            Ok(Taken::Stopped(stopped)) => {
                anstream::eprintln!("{}.", stopped.failure());
                return Ok(());
            }
            Ok(taken) => {
                if let Taken::Ended(ended) = &taken {
                    unfinished = ended.job().filter(|(_, state)| *state != "completed").map(|(id, _)| id.clone());
                }
                if let Err(failure) = sync.told(taken) {
                    anstream::eprintln!("{failure}.");
                }
            }
            Err(failure) => anstream::eprintln!("{failure}."),
        }
        tokio::select! {
            signal = signals.next() => {
                anstream::eprintln!("{signal}: stopped.");
                return Ok(());
            }
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Goes on with a sync.
pub async fn resume(
    global: &Global,
    instance: &Instance,
    (caller, job): (&Caller, RunningJob),
    release: bool,
) -> Result<(), Failure> {
    let mut parameters: Parameters = job.parameters()?;
    if release {
        parameters.brake = Brake::RELEASED;
    }
    let mut signals = Signals::listen()?;
    let sync = Sync { global, instance, caller };
    sync.told(sync.round(&mut signals, &parameters, Begin::Again(Box::new(job))).await?)
}

/// How a round begins.
enum Begin {
    /// With a job of its own.
    New,
    /// Without one: nothing is written.
    Dry,
    /// With one that is not at its end.
    Again(Box<RunningJob>),
}

struct Sync<'s> {
    global: &'s Global,
    instance: &'s Instance,
    caller: &'s Caller,
}

impl Sync<'_> {
    /// The next round goes on with the job of the one before if that is not at its end: a directory that cannot be
    /// reached for a day, or that the brake holds, is one job and not a hundred.
    async fn begin(&self, unfinished: Option<&EntityId>) -> Begin {
        let Some(id) = unfinished else { return Begin::New };
        match self.instance.service.resume_job(self.caller, id.as_str(), false).await {
            Ok(job) => Begin::Again(Box::new(job)),
            Err(_) => Begin::New, // somebody has released it or taken it back
        }
    }

    async fn round(&self, signals: &mut Signals, parameters: &Parameters, begin: Begin) -> Result<Taken, Failure> {
        let options = parameters.ldap.options();
        let opened = async { Ok::<_, Failure>(Directory::open(&options?).await?) };
        let opened = tokio::select! {
            signal = signals.next() => Err(Taken::Stopped(Stopped::early(signal))),
            opened = opened => Ok(opened),
        };
        let (directory, begin) = match (opened, begin) {
            (Ok(Ok(directory)), begin) => (directory, begin),
            (Ok(Err(failure)), Begin::Again(job)) => {
                job.failed(JobError::Interrupted(failure.to_string())).await;
                return Err(failure);
            }
            (Ok(Err(failure)), _) => return Err(failure),
            (Err(stopped), Begin::Again(job)) => {
                job.failed(JobError::Interrupted("stopped before anything was read".to_owned())).await;
                return Ok(stopped);
            }
            (Err(stopped), _) => return Ok(stopped),
        };
        let service = &self.instance.service;
        let last = service.last_sync(self.caller, &parameters.source, &directory.identity()).await?;
        anstream::eprintln!(
            "{} is {}; users are below `{}`, by the filter {}.",
            parameters.ldap.url,
            directory.kind().name(),
            directory.base(),
            directory.filter()
        );
        let job = match begin {
            Begin::New => Some(service.start_job(self.caller, JobKind::Import, parameters).await?),
            Begin::Dry => None,
            Begin::Again(job) => Some(*job),
        };
        let (vault, job) = vault(self.global, self.instance, job).await?;
        let preparer = Preparer {
            tenant: self.caller.tenant_id,
            source: parameters.source.as_str().into(),
            format: Format::Ldif,
            domain: parameters.upn_domain.clone(),
            job: job.as_ref().map_or(0, |job| job.job().creation),
            vault: vault.clone(),
        };
        let bar = bar("{spinner} {elapsed} {msg}");
        let (to, portions) = mpsc::channel(4);
        let reading = Reading {
            kind: directory.kind(),
            name: parameters.ldap.url.clone(),
            source: parameters.source.as_str().into(),
            preparer: Arc::new(preparer),
            full: parameters.full,
            last: last.unwrap_or_default(),
            now: service.clock().now().unix_seconds(),
            bar: bar.clone(),
            to,
            entries: Entries::new(Limits::default()),
            keys: Vec::new(),
            read: HashSet::new(),
        };
        tokio::spawn(reading.watched(directory));
        // Who is gone is told by the list of everybody, and not by what was read.
        let how = Import { full: false, brake: parameters.brake };
        take_over(self.instance, (self.caller, job), signals, how, &vault, (portions, bar)).await
    }

    /// Prints what came of it, and says what to do next.
    fn told(&self, taken: Taken) -> Result<(), Failure> {
        let ended = match taken {
            Taken::Stopped(stopped) => return Err(stopped.failure()),
            Taken::Ended(ended) => ended,
        };
        ended.print(self.global)?;
        tell(&ended);
        ended.failure().map_or(Ok(()), |message| Err(Failure::message(message)))
    }
}

/// Says how much of the directory was read, and warns where it told of no verifier.
fn tell(ended: &Ended) {
    let counts = ended.counts();
    let Some(synced) = &counts.synced else { return };
    let (listed, entries) = (synced.listed, counts.entries);
    if synced.everything {
        anstream::eprintln!("The directory has {listed} entries; all of them were read.");
    } else {
        anstream::eprintln!("The directory has {listed} entries; {entries} that are new or were changed were read.");
    }
    let verifiers = &counts.verifiers;
    let told = verifiers.schemes.len() + verifiers.unknown_schemes.len() + verifiers.refused.len();
    if synced.everything && entries > 0 && told == 0 {
        anstream::eprintln!(
            "Warning: no entry has a password verifier, so that no password can be checked. OpenLDAP and 389 show userPassword \
             only to a bind that an access rule allows to read it; Active Directory shows hashes to nobody over LDAP: import \
             them from an export with `spillwatch users import` under a --source of its own."
        );
    }
}

impl Server {
    /// How the directory is reached, the password included.
    fn options(&self) -> Result<Options, Failure> {
        let address = address(&self.url)?;
        let bind = match &self.bind_dn {
            None => None,
            Some(name) => Some(Bind { name: name.clone(), password: password(self.bind_password_file.as_deref())? }),
        };
        Ok(Options {
            address,
            ca: self.ca.clone(),
            plaintext: self.insecure_plaintext,
            bind,
            base: self.base.clone(),
            filter: self.filter.clone(),
        })
    }
}

/// The server. What is wrong with it is said without repeating it, since somebody may have put a password into it.
fn address(url: &str) -> Result<Address, Failure> {
    url.parse().map_err(|error: AddressError| Failure::Refused(format!("--ldap: {error}")))
}

/// The password of the bind, from a file that nobody else may read or from the variable. An empty one is refused: many
/// servers take a name without a password for nobody, and let it in (RFC 4513 section 5.1.2).
fn password(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let (mut text, place) = match file {
        Some(file) => (secret_file::read(file, "the password of the bind")?, format!("the file {}", file.display())),
        None => match std::env::var(LDAP_PASSWORD) {
            Ok(text) => (Zeroizing::new(text), format!("the variable {LDAP_PASSWORD}")),
            Err(_) => {
                return Err(Failure::Refused(format!(
                    "--bind-dn needs a password: put it into a file and give that by --bind-password-file FILE, or into the \
                     variable {LDAP_PASSWORD}"
                )));
            }
        },
    };
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    if text.is_empty() { Err(Failure::message(format!("{place} holds no password"))) } else { Ok(text) }
}

/// Reads a directory, and hands over what it tells.
struct Reading {
    kind: Kind,
    name: String,
    source: Box<str>,
    preparer: Arc<Preparer>,
    full: bool,
    last: Synced,
    now: i64,
    bar: ProgressBar,
    to: mpsc::Sender<Portion>,
    entries: Entries,
    /// The keys of the entries that were read, in order.
    keys: Vec<Box<str>>,
    /// The same: an entry that is written while pages are read may be in two of them.
    read: HashSet<Box<str>>,
}

/// Why reading ended early.
enum Broken {
    /// The directory did not tell everything.
    Directory(ldap::Error),
    /// Nobody listens any more.
    Unheard,
}

impl From<ldap::Error> for Broken {
    fn from(error: ldap::Error) -> Self {
        Self::Directory(error)
    }
}

impl<T> From<mpsc::error::SendError<T>> for Broken {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self::Unheard
    }
}

impl Reading {
    /// Reads, and lets nobody take a part for the whole should that break down.
    async fn watched(self, directory: Directory) {
        let to = self.to.clone();
        if tokio::spawn(self.run(directory)).await.is_err() {
            drop(to.send(Portion::Doubt("the directory answered what cannot be understood".to_owned())).await);
        }
    }

    async fn run(mut self, directory: Directory) {
        if let Err(Broken::Directory(error)) = self.everything(directory).await {
            let why = format!("{error}. Not everybody was read, so nobody was taken to be gone");
            drop(self.to.send(Portion::Doubt(why)).await); // there may be nobody to hear it
        }
    }

    async fn everything(&mut self, mut directory: Directory) -> Result<(), Broken> {
        let bar = self.bar.clone();
        let mut listing =
            directory.list(self.now, |count| bar.set_message(format!("{count} entries are there"))).await?;
        if let Some(doubt) = listing.doubt.take() {
            let why = format!("{doubt}. Not everybody was listed, so nobody was taken to be gone");
            self.to.send(Portion::Doubt(why)).await?;
        }
        let listed: Vec<Box<str>> = listing.entries.keys().cloned().collect();
        let count = listed.len() as u64;
        let (answer, known) = oneshot::channel();
        self.to.send(Portion::Listed(self.source.clone(), listed, answer)).await?;
        let Known { unknown, wants_everybody } = known.await.map_err(|_| Broken::Unheard)?;
        let last: Option<Mark> = self.last.mark.as_ref().and_then(|mark| mark.parse().ok());
        let last = last.filter(|mark| !self.full && !wants_everybody && directory.knows(mark));
        let mut left: HashSet<Box<str>> = unknown.into_iter().collect();
        left.extend(self.last.retry.iter().filter(|key| listing.entries.contains_key(*key)).cloned());
        let last = last.filter(|_| left.len() <= MOST_BY_KEY);
        match &last {
            None => self.pages(directory.read(&Wanted::Everything)).await?,
            Some(mark) => {
                self.pages(directory.read(&Wanted::Since(mark))).await?;
                // Whoever was changed and is not found by that, and whoever is there and not known here, is asked for.
                left.extend(listing.entries.keys().filter(|key| listing.is_newer(key, mark)).cloned());
                let left: Vec<Box<str>> = left.into_iter().filter(|key| !self.read.contains(key)).collect();
                for keys in left.chunks(Directory::BY_KEY) {
                    self.pages(directory.read(&Wanted::Keys(keys))).await?;
                }
            }
        }
        let synced = Synced {
            source: self.source.clone(),
            server: directory.identity().into(),
            mark: listing.mark.map(|mark| mark.to_string().into()),
            retry: Vec::new(),
            listed: count,
            everything: last.is_none(),
        };
        self.to.send(Portion::File(self.name.clone(), self.entries.summary().clone())).await?;
        let before = last.map(|mark| mark.to_string().into());
        self.to.send(Portion::Synced((synced, before), std::mem::take(&mut self.keys))).await?;
        Ok(())
    }

    /// Hands over what is on pages.
    async fn pages(&mut self, mut pages: Pages<'_>) -> Result<(), Broken> {
        while let Some(page) = pages.next().await? {
            let mut users = Vec::with_capacity(page.len());
            for entry in &page {
                let key: Option<Box<str>> = self.kind.key_of(entry).map(Into::into);
                if let Some(key) = &key
                    && !self.read.insert(key.clone())
                {
                    continue;
                }
                let has_key = key.is_some();
                self.keys.push(key.unwrap_or_default());
                match self.entries.read(entry.dn(), entry.values()) {
                    Some(Ok(user)) if has_key => users.push(Ok(user)),
                    Some(Ok(user)) => {
                        let why = format!("it does not show its {}, by which it would be known again", self.kind.key());
                        users.push(Err((user.place.clone(), vec![why])));
                    }
                    Some(Err(error)) => users.push(Err((error.place, vec![error.reason.to_string()]))),
                    None => {}
                }
            }
            let preparer = Arc::clone(&self.preparer);
            let prepare = move |user: Result<_, Refused>| user.and_then(|user| preparer.prepare(user));
            // A password in clear takes its time to be derived.
            let entries = tokio::task::spawn_blocking(move || users.into_iter().map(prepare).collect()).await;
            let unprepared = |_| ldap::Error::Partial("an entry could not be prepared".to_owned());
            self.to.send(Portion::Entries(entries.map_err(unprepared)?)).await?;
        }
        Ok(())
    }
}
