//! Readers who follow what happens: each link goes to another node than the one that gave it.

use super::nodes::{Answer, Client};
use super::{Clients, EVENTS, Nodes, RISKY_USERS, path_of};
use crate::server::http::{Response, request};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The pause of a reader who has nothing to read: those who write shall have the machine.
const PAUSE: Duration = Duration::from_millis(10);

/// Readers at work.
pub struct Readers {
    nodes: Arc<Nodes>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Followed>>,
    walker: Option<JoinHandle<usize>>,
}

/// What a reader of a delta has come to.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The set.
    pub set: &'static str,
    /// Entities as they were told, by id.
    pub entities: BTreeMap<String, Map<String, Value>>,
    /// How many pages were read.
    pub pages: usize,
    /// How often it was told to start anew (410).
    pub restarts: usize,
}

impl Readers {
    /// Starts a reader of each delta, who takes over whole entities, and one who takes over only what has changed.
    /// `may_restart` says whether the log may lose its end.
    pub fn start(nodes: &Arc<Nodes>, may_restart: bool) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let reader = |(number, (set, prefers))| {
            let reader = Reader {
                http: Client::new(nodes, number),
                nodes: nodes.clone(),
                is_over: is_over.clone(),
                may_restart,
                prefers,
                found: Followed { set, entities: BTreeMap::new(), pages: 0, restarts: 0 },
            };
            std::thread::spawn(move || reader.run())
        };
        let sets =
            [(EVENTS, "odata.maxpagesize=100"), (EVENTS, "return=minimal"), (RISKY_USERS, "odata.maxpagesize=25")];
        let threads = sets.into_iter().enumerate().map(reader).collect();
        Self { nodes: nodes.clone(), is_over, threads, walker: None }
    }

    /// Adds one who walks through all pages of the list again and again: each walk finds every event whose creation was
    /// acknowledged before it began, and none twice.
    #[must_use]
    pub fn walking(mut self, clients: &Clients) -> Self {
        let (nodes, is_over, created) = (self.nodes.clone(), self.is_over.clone(), clients.ids());
        self.walker = Some(std::thread::spawn(move || {
            let mut client = Client::new(&nodes, 0);
            let mut walks = 0;
            while !is_over.load(Ordering::SeqCst) {
                let before = created();
                let Some(found) = walk(&mut client, &nodes, &is_over) else { continue };
                let missing: Vec<_> = before.difference(&found).take(5).collect();
                if !missing.is_empty() {
                    nodes.fault(format!("a walk through the list has not met {missing:?}"));
                }
                walks += 1;
            }
            walks
        }));
        self
    }

    /// Has them read what is left, and answers what they have come to.
    #[track_caller]
    pub fn stop(self) -> Vec<Followed> {
        self.is_over.store(true, Ordering::SeqCst);
        let walks = self.walker.map(|thread| thread.join().expect("a reader does not panic"));
        let followed = self.threads.into_iter().map(|thread| thread.join().expect("a reader does not panic")).collect();
        self.nodes.assert_sound();
        assert!(walks != Some(0), "no walk through the list came to its end");
        followed
    }
}

/// One walk through the list; `None` when there is no time left for it.
fn walk(client: &mut Client, nodes: &Nodes, is_over: &AtomicBool) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut path = format!("{EVENTS}?$top=100&$select=id");
    loop {
        let Answer::Given(answer) = client.send(&request("GET", &path, nodes.token(), None)) else {
            if is_over.load(Ordering::SeqCst) {
                return None;
            }
            continue;
        };
        if answer.status != 200 {
            nodes.fault(format!("{path} was answered {}: {}", answer.status, answer.text()));
            return None;
        }
        let page = answer.json();
        for row in page["value"].as_array().into_iter().flatten() {
            let id = row["id"].as_str().unwrap_or_default().to_owned();
            if found.contains(&id) {
                nodes.fault(format!("a walk through the list has met {id} twice"));
            }
            found.insert(id);
        }
        match page["@odata.nextLink"].as_str().and_then(path_of) {
            Some(next) => next.clone_into(&mut path),
            None => return Some(found),
        }
        client.go_on();
    }
}

struct Reader {
    http: Client,
    nodes: Arc<Nodes>,
    is_over: Arc<AtomicBool>,
    may_restart: bool,
    prefers: &'static str,
    found: Followed,
}

impl Reader {
    fn run(mut self) -> Followed {
        let mut path = format!("{}/delta", self.found.set);
        loop {
            let is_over = self.is_over.load(Ordering::SeqCst); // looked at before: all that was written is told then
            let head = format!("\r\nPrefer: {}\r\n", self.prefers);
            let text =
                String::from_utf8_lossy(&request("GET", &path, self.nodes.token(), None)).replacen("\r\n", &head, 1);
            let Answer::Given(answer) = self.http.send(text.as_bytes()) else { continue };
            let next = match answer.status {
                200 => self.take_over(&answer),
                410 if self.may_restart => self.restart(&answer),
                _ => None,
            };
            let Some((next, is_end)) = next else {
                self.nodes.fault(format!("{path} was answered {}: {}", answer.status, answer.text()));
                return self.found;
            };
            if is_end && is_over {
                return self.found;
            }
            if is_end {
                std::thread::sleep(PAUSE);
            }
            path = next;
            self.http.go_on();
        }
    }

    /// Takes a page over; answers the path of what follows, and whether that is the next round.
    fn take_over(&mut self, answer: &Response) -> Option<(String, bool)> {
        let page = answer.json();
        for item in page["value"].as_array()? {
            let id = item["id"].as_str()?;
            if item.get("@removed").is_some() {
                self.found.entities.remove(id);
                continue;
            }
            let entity = self.found.entities.entry(id.to_owned()).or_default();
            let values = item.as_object()?.iter().filter(|(name, _)| !name.contains('@'));
            entity.extend(values.map(|(name, value)| (name.clone(), value.clone())));
        }
        self.found.pages += 1;
        let link = |name: &str| page[name].as_str().and_then(path_of).map(str::to_owned);
        link("@odata.nextLink").map(|next| (next, false)).or_else(|| Some((link("@odata.deltaLink")?, true)))
    }

    /// Starts anew, as the answer says.
    fn restart(&mut self, answer: &Response) -> Option<(String, bool)> {
        self.found.entities.clear();
        self.found.restarts += 1;
        let start = answer.header("location").and_then(path_of)?;
        Some((start.to_owned(), false))
    }
}
