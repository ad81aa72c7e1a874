//! Two nodes over one database, under load: what the tests of outages and of failover share.

use crate::BINARY;
use std::time::{Duration, Instant};
use testkit::history::{Clients, History, Load, Nodes, Readers};
use testkit::server::http::{self, Response};
use testkit::server::{Home, Program, TestServer, wait_for};

/// Clients of each load.
const CLIENTS: usize = 6;

/// How long faults go on, at least: `SPILLWATCH_FAULT_SECONDS`, or not longer than the fewest rounds need.
fn seconds() -> Duration {
    let text = std::env::var("SPILLWATCH_FAULT_SECONDS");
    Duration::from_secs(text.map_or(0, |text| text.parse().expect("SPILLWATCH_FAULT_SECONDS is a number")))
}

/// Counts rounds until there are enough of them and the time is over.
pub(crate) fn rounds(fewest: usize) -> impl Iterator<Item = usize> {
    let start = Instant::now();
    (0..).take_while(move |round| *round < fewest || start.elapsed() < seconds())
}

/// A new operator's key.
pub(crate) fn new_key() -> String {
    Program::new(BINARY).args(["keys", "new-secret-key"]).run().success().to_owned()
}

/// Nodes, each with the address by which it knows the database.
pub(crate) struct Fleet {
    homes: Vec<Home>,
    servers: Vec<Option<TestServer>>,
    pub(crate) nodes: std::sync::Arc<Nodes>,
}

impl Fleet {
    /// Starts a node for each address of one and the same database.
    pub(crate) fn start(urls: &[&str]) -> Self {
        let key = new_key();
        let home = |url: &&str| Home::Database { url: (*url).to_owned(), key: key.clone() };
        let homes: Vec<Home> = urls.iter().map(home).collect();
        let servers: Vec<Option<TestServer>> = homes.iter().map(|home| Some(node(home))).collect();
        let addresses: Vec<_> = servers.iter().flatten().map(TestServer::address).collect();
        let first = servers[0].as_ref().expect("it was started");
        let date = http::get(first.address(), "/healthz").expect("an answer");
        let nodes = Nodes::new(&addresses, first.token(), date.header("date").expect("a date"));
        Self { homes, servers, nodes }
    }

    /// A node that runs.
    pub(crate) fn node(&self, at: usize) -> &TestServer {
        self.servers[at].as_ref().expect("it runs")
    }

    /// All nodes.
    pub(crate) fn all(&self) -> Vec<&TestServer> {
        self.servers.iter().flatten().collect()
    }

    /// Kills a node with SIGKILL.
    pub(crate) fn kill(&mut self, at: usize) {
        let mut server = self.servers[at].take().expect("it runs");
        server.process().kill();
        self.nodes.set(at, None);
    }

    /// Starts a node that was killed.
    pub(crate) fn start_again(&mut self, at: usize) {
        let server = node(&self.homes[at]);
        self.nodes.set(at, Some(server.address()));
        self.servers[at] = Some(server);
    }

    /// A load on all of them.
    pub(crate) fn load(&self, name: &'static str, dismisses: bool) -> Clients {
        Clients::start(&self.nodes, Load { clients: CLIENTS, name, dismisses })
    }

    /// Readers of all of them.
    pub(crate) fn readers(&self, may_restart: bool) -> Readers {
        Readers::start(&self.nodes, may_restart)
    }

    /// A command on the database, as a node knows it.
    pub(crate) fn command<const N: usize>(&self, at: usize, arguments: [&str; N]) -> Program {
        self.homes[at].given_to(Program::new(BINARY).args(arguments))
    }

    /// Asks a node whether it is ready.
    pub(crate) fn is_ready(&self, at: usize) -> bool {
        http::get(self.node(at).address(), "/readyz").expect("an answer").status == 200
    }

    /// Waits until a node is ready, or is not.
    #[track_caller]
    pub(crate) fn wait_until_ready(&self, at: usize, ready: bool) {
        let what = if ready { "a node to be ready again" } else { "a node to say that it is not ready" };
        wait_for(what, || (self.is_ready(at) == ready).then_some(()));
    }

    /// One request to one node.
    #[track_caller]
    pub(crate) fn ask(&self, at: usize, path: &str) -> Response {
        self.node(at).connect().call("GET", path, self.nodes.token(), None).expect("an answer")
    }
}

fn node(home: &Home) -> TestServer {
    // A request whose answer never comes is given up soon.
    TestServer::start_at(BINARY, home.clone(), |program| program.args(["--request-timeout", "20s"]))
}

/// Holds everything against each other, and tells what there was.
#[track_caller]
pub(crate) fn check(fleet: &Fleet, history: &[(&History, Option<u64>)], readers: Readers) -> testkit::history::Checked {
    let followed = readers.stop();
    let checked = testkit::history::check(&fleet.all(), history, &followed);
    let pages: usize = followed.iter().map(|reader| reader.pages).sum();
    let restarts: usize = followed.iter().map(|reader| reader.restarts).sum();
    let (refused, broken) = fleet.nodes.failures();
    println!("{checked:?}; {pages} pages of deltas, {restarts} restarts; {refused} refused, {broken} broken off");
    checked
}
