//! Where the nodes are, and a client that goes from one to the other as a load balancer would.

use crate::server::http::{Connection, Response};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The pause after a failure, before the next node is tried: without it, clients of nodes that are all away would
/// take the machine from those who bring them back.
const PAUSE: Duration = Duration::from_millis(5);

/// The nodes, as a load balancer knows them.
pub struct Nodes {
    addresses: Mutex<Vec<Option<SocketAddr>>>,
    token: String,
    /// `Repeatability-First-Sent`: a recent moment by the server's clock.
    pub(super) first_sent: String,
    faults: Mutex<Vec<String>>,
    refused: AtomicUsize,
    broken: AtomicUsize,
}

impl Nodes {
    /// Nodes at some addresses that take a token. The date is one that a node has just told.
    pub fn new(addresses: &[SocketAddr], token: &str, date: &str) -> Arc<Self> {
        Arc::new(Self {
            addresses: Mutex::new(addresses.iter().copied().map(Some).collect()),
            token: token.to_owned(),
            first_sent: date.to_owned(),
            faults: Mutex::default(),
            refused: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
        })
    }

    /// Sets where a node is; `None` while it is away.
    pub fn set(&self, node: usize, address: Option<SocketAddr>) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)[node] = address;
    }

    /// The token that they take.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn count(&self) -> usize {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn address(&self, node: usize) -> Option<SocketAddr> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)[node]
    }

    /// Notes that something is not as it must be.
    pub fn fault(&self, what: impl Into<String>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < 20 {
            faults.push(what.into());
        }
    }

    /// Panics when there are faults.
    #[track_caller]
    pub fn assert_sound(&self) {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// How many requests were answered 503 or 504, and how many not at all.
    pub fn failures(&self) -> (usize, usize) {
        (self.refused.load(Ordering::Relaxed), self.broken.load(Ordering::Relaxed))
    }
}

/// What became of a request.
pub(super) enum Answer {
    Given(Response),
    /// Nobody knows whether it was carried out.
    Unknown {
        /// Whether it may still be, after whatever the client does next.
        may_come_late: bool,
    },
}

/// A client that stays with a node until it fails.
pub(super) struct Client {
    nodes: Arc<Nodes>,
    node: usize,
    connection: Option<Connection>,
}

impl Client {
    pub(super) fn new(nodes: &Arc<Nodes>, node: usize) -> Self {
        Self { nodes: nodes.clone(), node: node % nodes.count(), connection: None }
    }

    /// Goes to another node.
    pub(super) fn go_on(&mut self) {
        self.connection = None;
        self.node = (self.node + 1) % self.nodes.count();
    }

    /// Sends a request, and reads its answer.
    pub(super) fn send(&mut self, request: &[u8]) -> Answer {
        match self.exchange(request) {
            Ok(answer) if matches!(answer.status, 503 | 504) => {
                if answer.status == 503 && answer.header("retry-after").is_none_or(|after| after.parse() == Ok(0)) {
                    self.nodes.fault(format!("503 without Retry-After: {}", answer.text()));
                }
                self.nodes.refused.fetch_add(1, Ordering::Relaxed);
                self.fail();
                Answer::Unknown { may_come_late: answer.status == 504 }
            }
            Ok(answer) => Answer::Given(answer),
            Err(_) => {
                self.nodes.broken.fetch_add(1, Ordering::Relaxed);
                self.fail();
                Answer::Unknown { may_come_late: false }
            }
        }
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<Response> {
        if self.connection.is_none() {
            let address = self.nodes.address(self.node).ok_or(std::io::ErrorKind::ConnectionRefused)?;
            self.connection = Some(Connection::open(address)?);
        }
        let connection = self.connection.as_mut().expect("it was just opened");
        connection.send(request)?;
        connection.response()
    }

    fn fail(&mut self) {
        self.go_on();
        std::thread::sleep(PAUSE);
    }
}
