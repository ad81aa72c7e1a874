//! Two nodes under load while nodes, the database or the network between them fail, and while a newer version changes
//! the schema: everything acknowledged is there once, no reader misses a change, and all goes on without a restart.
//! Short by default; `SPILLWATCH_FAULT_SECONDS` has each go on for so long.

use crate::EVENTS;
use crate::fleet::{Fleet, check, rounds};
use postgres_cluster::{Cluster, Mode, Options, Proxy, shared};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::server::wait_for;

/// What must go on between two faults.
const A_WHILE: usize = 60;

/// A node that is killed takes nothing along, and the other one goes on.
#[test]
fn a_node_is_killed_again_and_again() {
    let database = shared().database();
    let mut fleet = Fleet::start(&[database.url(), database.url()]);
    let clients = fleet.load("k", true);
    let readers = fleet.readers(false).walking(&clients);
    for round in rounds(4) {
        clients.advance(A_WHILE);
        fleet.kill(round % 2);
        clients.advance(A_WHILE);
        fleet.start_again(round % 2);
    }
    clients.advance(A_WHILE);
    let history = clients.stop(false);
    let checked = check(&fleet, &[(&history, None)], readers);
    assert!(fleet.nodes.failures().1 > 0, "no kill has cut a request off: the test shows nothing");
    assert!(checked.created > 0 && checked.lost == 0);
}

/// The database is restarted, ended at once, and killed; its commits are on the disk.
#[test]
fn the_database_goes_and_comes_back() {
    let mut cluster = Cluster::start(&Options::durable()).expect("a server starts");
    cluster.create_database("spillwatch", None).expect("it is new");
    let url = cluster.url("spillwatch");
    let fleet = Fleet::start(&[&url, &url]);
    let clients = fleet.load("d", true);
    let readers = fleet.readers(false).walking(&clients);
    for round in rounds(3) {
        clients.advance(A_WHILE);
        match round % 3 {
            0 => cluster.stop(Mode::Fast).expect("it stops"),
            1 => cluster.stop(Mode::Immediate).expect("it stops"),
            _ => cluster.kill().expect("it runs"),
        }
        for node in 0..2 {
            fleet.wait_until_ready(node, false);
            let refused = fleet.ask(node, EVENTS);
            assert!(refused.header("retry-after").is_some(), "{refused:?}");
            assert_eq!(refused.error(503), "serviceNotAvailable");
        }
        cluster.start_again().expect("it starts");
        for node in 0..2 {
            fleet.wait_until_ready(node, true);
        }
    }
    clients.advance(A_WHILE);
    let history = clients.stop(false);
    check(&fleet, &[(&history, None)], readers);
}

/// The network between one node and the database is cut, slow, or passes nothing on while connections stay: that node
/// says so, the other one goes on, and both do as soon as the network does.
#[test]
fn the_network_of_one_node_fails() {
    let database = shared().database();
    let (user, rest) = database.url().trim_start_matches("postgres://").split_once('@').expect("a user");
    let (address, name) = rest.split_once('/').expect("a database");
    let address: SocketAddr = address.parse().expect("an address");
    let mut proxy = Proxy::start(address).expect("a proxy");
    let fleet = Fleet::start(&[&format!("postgres://{user}@{}/{name}", proxy.address()), database.url()]);
    let clients = fleet.load("n", true);
    let readers = fleet.readers(false).walking(&clients);
    let start = Instant::now();
    let tell = |what: &str| println!("{:.1} s: {what}", start.elapsed().as_secs_f64());
    for round in rounds(3) {
        clients.advance(A_WHILE);
        tell("a fault");
        match round % 3 {
            0 => proxy.cut(),
            1 => {
                proxy.delay(Duration::from_millis(20));
                clients.advance(A_WHILE);
                assert!(fleet.is_ready(0), "slow is not away");
                proxy.heal().expect("the proxy can be healed");
                continue;
            }
            _ => proxy.freeze(),
        }
        fleet.wait_until_ready(0, false);
        tell("not ready");
        let refused = fleet.ask(0, EVENTS);
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        assert_eq!(refused.error(503), "serviceNotAvailable");
        tell("refused");
        clients.advance(A_WHILE);
        assert!(fleet.is_ready(1), "the other one goes on");
        tell("the other goes on");
        proxy.heal().expect("the proxy can be healed");
        fleet.wait_until_ready(0, true);
        fleet.ask(0, EVENTS).expect(200);
    }
    tell("healed");
    clients.advance(A_WHILE);
    tell("all went on");
    let history = clients.stop(false);
    tell("the clients have ended");
    check(&fleet, &[(&history, None)], readers);
    tell("all is as it should be");
}

/// A newer version expands the schema while this one serves, with the lock that its migrations take; `migrate` and new
/// nodes of this version accept it.
#[test]
fn a_newer_version_expands_the_schema() {
    let database = shared().database();
    let mut fleet = Fleet::start(&[database.url(), database.url()]);
    let clients = fleet.load("m", true);
    let readers = fleet.readers(false).walking(&clients);
    for round in rounds(2) {
        clients.advance(A_WHILE);
        let step = format!(
            "BEGIN; LOCK TABLE tenants IN EXCLUSIVE MODE; ALTER TABLE risk_events ADD COLUMN newer_{round} TEXT; \
             ALTER TABLE risky_users ADD COLUMN newer_{round} BIGINT DEFAULT 7; \
             ALTER TABLE changes ADD COLUMN newer_{round} BIGINT; ALTER TABLE tenants ADD COLUMN newer_{round} BIGINT; \
             CREATE TABLE newer_{round} (tenant BIGINT); INSERT INTO migrations (number, name, sha256, contracts) \
             VALUES ({}, 'newer', 'another version knows it', false); COMMIT",
            1000 + round
        );
        wait_for("the newer version's migration", || match database.sql(&step) {
            // It was in the way of those who read, and is tried again.
            Err(error) if error.to_string().contains("deadlock detected") => None,
            done => Some(done.expect("it is SQL")),
        });
        clients.advance(A_WHILE);
        assert_eq!(fleet.command(0, ["migrate"]).run().success(), "The schema is up to date.");
        fleet.kill(round % 2);
        fleet.start_again(round % 2);
    }
    clients.advance(A_WHILE);
    let history = clients.stop(false);
    check(&fleet, &[(&history, None)], readers);
}
