//! Clients that create, change and dismiss, and remember what was acknowledged.

use super::nodes::{Answer, Client};
use super::{EVENTS, Event, Nodes, RISKY_USERS, Step, What};
use crate::server::http::{Response, request};
use crate::server::wait_for;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Users of each client.
const USERS: usize = 5;
/// Levels of events, in turn.
const LEVELS: [&str; 4] = ["low", "medium", "high", "low"];

/// What clients do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many clients there are.
    pub clients: usize,
    /// Tells the users and events of one load from those of another.
    pub name: &'static str,
    /// Whether they dismiss users too, which tells no change's number.
    pub dismisses: bool,
}

/// Clients at work.
pub struct Clients {
    nodes: Arc<Nodes>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Mine>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    gives_up: AtomicBool,
    acknowledged: AtomicUsize,
    created: Mutex<BTreeSet<String>>,
}

/// What clients have done.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// All events that were asked for.
    pub events: Vec<Event>,
    /// Users that were, or may have been, dismissed.
    pub dismissed: BTreeSet<String>,
}

impl Clients {
    /// Starts clients.
    pub fn start(nodes: &Arc<Nodes>, load: Load) -> Self {
        let shared = Arc::new(Shared::default());
        let thread = |number| {
            let worker = Worker {
                http: Client::new(nodes, number),
                nodes: nodes.clone(),
                shared: shared.clone(),
                load,
                number,
                mine: Mine::default(),
            };
            std::thread::spawn(move || worker.run())
        };
        Self { nodes: nodes.clone(), threads: (0..load.clients).map(thread).collect(), shared }
    }

    /// How many requests were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged.load(Ordering::SeqCst)
    }

    /// The ids of events whose creation was acknowledged.
    pub fn created(&self) -> BTreeSet<String> {
        self.shared.created()
    }

    /// What answers it, for readers.
    pub(super) fn ids(&self) -> impl Fn() -> BTreeSet<String> + Send + use<> {
        let shared = self.shared.clone();
        move || shared.created()
    }

    /// Waits until more requests were acknowledged.
    #[track_caller]
    pub fn advance(&self, more: usize) {
        let enough = self.acknowledged() + more;
        wait_for("requests to be acknowledged", || {
            self.nodes.assert_sound();
            assert!(!self.threads.iter().any(JoinHandle::is_finished), "a client has ended by itself");
            (self.acknowledged() >= enough).then_some(())
        });
    }

    /// Has them end: each finishes what it is about, or, when they give up, leaves it at the first failure.
    #[track_caller]
    pub fn stop(self, gives_up: bool) -> History {
        self.shared.gives_up.store(gives_up, Ordering::SeqCst);
        self.shared.is_over.store(true, Ordering::SeqCst);
        let mut history = History::default();
        for thread in self.threads {
            let mine = thread.join().expect("a client does not panic");
            history.events.extend(mine.events.into_iter().map(|own| own.event));
            history.dismissed.extend(mine.dismissed);
        }
        self.nodes.assert_sound();
        history
    }
}

impl Shared {
    fn created(&self) -> BTreeSet<String> {
        self.created.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What one client knows.
#[derive(Default)]
struct Mine {
    events: Vec<Own>,
    dismissed: BTreeSet<String>,
}

struct Own {
    event: Event,
    /// The ETag, when nothing has happened to the event since it was told.
    etag: Option<String>,
    patches: u32,
}

struct Worker {
    http: Client,
    nodes: Arc<Nodes>,
    shared: Arc<Shared>,
    load: Load,
    number: usize,
    mine: Mine,
}

/// How the id of a new event comes about, and what a client can do when no answer comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The server makes it; the request can be repeated.
    Repeatable,
    /// The client chooses it, so that a second one is refused.
    Chosen,
    /// The server makes it; what became of it remains unknown.
    Once,
}

impl Worker {
    fn run(mut self) -> Mine {
        let mut turn = 0_usize;
        while !self.shared.is_over.load(Ordering::SeqCst) {
            match turn % 8 {
                0 | 3 => self.create(Way::Repeatable),
                1 | 5 => self.create(Way::Chosen),
                2 => self.create(Way::Once),
                7 if self.load.dismisses => self.dismiss(turn / 8),
                _ => self.patch(turn),
            }
            turn += 1;
        }
        self.mine
    }

    fn user(&self, number: usize) -> String {
        format!("{}-{}-{}", self.load.name, self.number, number % USERS)
    }

    fn create(&mut self, way: Way) {
        let number = self.mine.events.len();
        let mark = format!("{}{}e{number}", self.load.name, self.number);
        let name = format!("{mark}@fjord.example");
        let user = self.user(number);
        let mut body = json!({
            "userDisplayName": display_name(&name, 0), "userPrincipalName": name, "userId": user,
            "riskEventDateTime": "2026-03-02T23:10:04.2255665Z", "riskEventType": "leakedCredentials",
            "riskLevel": LEVELS[number % LEVELS.len()], "riskEventStatus": "active",
        });
        if way == Way::Chosen {
            body["id"] = Value::String(mark.clone());
        }
        let mut text = request("POST", EVENTS, self.nodes.token(), Some(&body));
        if way == Way::Repeatable {
            let headers =
                [("Repeatability-Request-ID", mark.as_str()), ("Repeatability-First-Sent", &self.nodes.first_sent)];
            text = with_headers(&text, &headers);
        }
        let id = (way == Way::Chosen).then(|| mark.clone());
        let event = Event { name, id, user, steps: Vec::new() };
        self.mine.events.push(Own { event, etag: None, patches: 0 });
        let (mut is_unknown, mut may_come_late) = (false, false);
        loop {
            match self.http.send(&text) {
                Answer::Given(answer) if answer.status == 201 => {
                    return self.created(number, &answer);
                }
                // An earlier attempt was carried out.
                Answer::Given(answer) if answer.status == 409 && way == Way::Chosen && is_unknown => {
                    text = request("GET", &format!("{EVENTS}/{mark}"), self.nodes.token(), None);
                }
                Answer::Given(answer) if answer.status == 200 && way == Way::Chosen && is_unknown => {
                    return self.created(number, &answer);
                }
                Answer::Given(answer) => return self.fault("create", &answer),
                Answer::Unknown { may_come_late: late } => {
                    is_unknown = true;
                    may_come_late |= late;
                    if way == Way::Once || self.shared.gives_up.load(Ordering::SeqCst) {
                        return self.note(number, What::Create, false, None, may_come_late);
                    }
                }
            }
        }
    }

    fn created(&mut self, number: usize, answer: &Response) {
        let id = answer.json()["id"].as_str().map(str::to_owned);
        let Some(id) = id else { return self.fault("create", answer) };
        self.mine.events[number].event.id = Some(id.clone());
        self.acknowledge(number, What::Create, answer);
        self.shared.created.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Changes an event of which it is known that it is there.
    fn patch(&mut self, turn: usize) {
        let known: Vec<usize> = (0..self.mine.events.len()).filter(|at| self.mine.events[*at].is_known()).collect();
        let Some(&at) = known.get(turn * 7 % known.len().max(1)) else { return };
        let own = &mut self.mine.events[at];
        own.patches += 1;
        let (version, what) = (own.patches, What::Patch(own.patches));
        let body = json!({"userDisplayName": display_name(&own.event.name, version), "riskEventStatus": What::status(version)});
        let path = format!("{EVENTS}/{}", own.event.id.as_deref().unwrap_or_default());
        let mut text = request("PATCH", &path, self.nodes.token(), Some(&body));
        let condition = own.etag.take().filter(|_| !turn.is_multiple_of(3));
        if let Some(etag) = &condition {
            text = with_headers(&text, &[("If-Match", etag)]);
        }
        match self.http.send(&text) {
            Answer::Given(answer) if answer.status == 200 => self.acknowledge(at, what, &answer),
            Answer::Given(answer) if answer.status == 412 && condition.is_some() && self.has_late_steps(at) => {}
            Answer::Given(answer) => self.fault(&format!("PATCH with {condition:?}"), &answer),
            Answer::Unknown { may_come_late } => self.note(at, what, false, None, may_come_late),
        }
    }

    fn has_late_steps(&self, at: usize) -> bool {
        let user = &self.mine.events[at].event.user;
        let of_user = self.mine.events.iter().filter(|own| own.event.user == *user);
        of_user.flat_map(|own| &own.event.steps).any(|step| step.may_come_late)
    }

    /// Dismisses a user who has an event.
    fn dismiss(&mut self, turn: usize) {
        let user = self.user(turn);
        if !self.mine.events.iter().any(|own| own.is_known() && own.event.user == user) {
            return;
        }
        self.mine.dismissed.insert(user.clone());
        let path = format!("{RISKY_USERS}/dismiss");
        let text = request("POST", &path, self.nodes.token(), Some(&json!({"userIds": [user]})));
        let (is_acknowledged, may_come_late) = match self.http.send(&text) {
            Answer::Given(answer) if answer.status == 204 => {
                self.shared.acknowledged.fetch_add(1, Ordering::SeqCst);
                (true, false)
            }
            Answer::Given(answer) => return self.fault("dismiss", &answer),
            Answer::Unknown { may_come_late } => (false, may_come_late),
        };
        for at in 0..self.mine.events.len() {
            if self.mine.events[at].event.user == user {
                self.mine.events[at].etag = None;
                self.note(at, What::Dismiss, is_acknowledged, None, may_come_late);
            }
        }
    }

    fn acknowledge(&mut self, at: usize, what: What, answer: &Response) {
        let etag = answer.header("etag").map(str::to_owned);
        let change = etag.as_deref().and_then(|etag| etag.strip_prefix("W/\"")?.strip_suffix('"')?.parse().ok());
        if change.is_none() {
            return self.fault("no ETag", answer);
        }
        self.mine.events[at].etag = etag;
        self.note(at, what, true, change, false);
        self.shared.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    fn note(&mut self, at: usize, what: What, is_acknowledged: bool, change: Option<u64>, may_come_late: bool) {
        self.mine.events[at].event.steps.push(Step { what, is_acknowledged, change, may_come_late });
    }

    fn fault(&self, what: &str, answer: &Response) {
        self.nodes.fault(format!("{what}: answered {}: {}", answer.status, answer.text()));
    }
}

impl Own {
    /// Whether its creation was acknowledged.
    fn is_known(&self) -> bool {
        self.event.steps.iter().any(|step| step.what == What::Create && step.is_acknowledged)
    }
}

/// The display name tells which PATCH was the last one.
pub(super) fn display_name(name: &str, version: u32) -> String {
    format!("{name} v{version}")
}

/// A request with more headers.
fn with_headers(request: &[u8], headers: &[(&str, &str)]) -> Vec<u8> {
    let lines = headers.iter().fold(String::new(), |lines, (name, value)| format!("{lines}{name}: {value}\r\n"));
    let end = request.windows(2).position(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
    [&request[..end], lines.as_bytes(), &request[end..]].concat()
}
