//! Two nodes under load while the primary of their database is killed and its replica takes over: with synchronous
//! replication nothing acknowledged is lost; with asynchronous replication the end of the log is, and who has read of
//! that is told to start anew. What stores do then is in the tests of store-postgres; here are clients and their links.

use crate::EVENTS;
use crate::fleet::{Fleet, check};
use postgres_cluster::{Cluster, Options, USER};
use std::time::Instant;
use testkit::server::wait_for;

const A_WHILE: usize = 80;
const NAME: &str = "spillwatch";

/// A primary, its replica, and nodes that know both.
fn with_a_replica() -> (Cluster, Cluster, Fleet) {
    let primary = Cluster::start(&Options::fast()).expect("a server starts");
    primary.create_database(NAME, None).expect("it is new");
    let replica = primary.replica("second", &Options::fast()).expect("it streams");
    let url = format!("postgres://{USER}@127.0.0.1:{},127.0.0.1:{}/{NAME}", primary.port(), replica.port());
    let fleet = Fleet::start(&[&url, &url]);
    (primary, replica, fleet)
}

#[test]
fn a_synchronous_replica_takes_over_with_all_that_was_acknowledged() {
    let (mut primary, replica, fleet) = with_a_replica();
    primary.set("synchronous_standby_names", "second").expect("it is a setting");
    let state = "select sync_state from pg_stat_replication";
    wait_for("the replica to be synchronous", || (primary.sql("postgres", state).ok()? == "sync").then_some(()));
    let clients = fleet.load("s", true);
    // A session that outlives its server for a moment may show what the replica does not have.
    let readers = fleet.readers(true).walking(&clients);
    clients.advance(A_WHILE);
    primary.kill().expect("it runs");
    for node in 0..2 {
        fleet.wait_until_ready(node, false);
    }
    replica.promote().expect("it follows nobody any more");
    for node in 0..2 {
        fleet.wait_until_ready(node, true);
    }
    clients.advance(A_WHILE);
    let history = clients.stop(false);
    let checked = check(&fleet, &[(&history, None)], readers);
    assert!(checked.unanswered + fleet.nodes.failures().1 + fleet.nodes.failures().0 > 0, "nobody noticed");
}

#[test]
fn an_asynchronous_replica_takes_over_without_the_end_of_the_log() {
    let (mut primary, replica, fleet) = with_a_replica();
    // Without dismissals, each acknowledged change tells its number, and so on which side of the end it was.
    let clients = fleet.load("a", false);
    let readers = fleet.readers(true);
    clients.advance(A_WHILE);
    let held = Instant::now();
    // The replica is held back: it looks for its primary where there is none.
    replica.set("primary_conninfo", "host=127.0.0.1 port=1").expect("it is a setting");
    let following = "select count(*) from pg_stat_replication";
    wait_for("the replica to lose its primary", || (primary.sql("postgres", following).ok()? == "0").then_some(()));
    clients.advance(A_WHILE);
    // These lead to the end of the log, which will be lost.
    let ask = |path: &str| fleet.ask(0, path).expect(200).json();
    let link = |page: &serde_json::Value, name: &str| {
        let link = page[name].as_str().unwrap_or_else(|| panic!("a {name}: {page}"));
        link[link.find("/v1.0").expect("a link of ours")..].to_owned()
    };
    let latest = link(&ask(&format!("{EVENTS}/delta?$deltatoken=latest")), "@odata.deltaLink");
    let users = link(&ask("/v1.0/identityProtection/riskyUsers/delta?$deltatoken=latest"), "@odata.deltaLink");

    let window = held.elapsed();
    primary.kill().expect("it runs");
    let before = clients.stop(true);
    let replayed = "select pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()";
    wait_for("the replica to show what it has", || (replica.sql(NAME, replayed).ok()? == "t").then_some(()));
    let end = replica.sql(NAME, "select last_sequence from tenants").expect("there is a tenant");
    let end: u64 = end.parse().expect("a number");
    replica.promote().expect("it follows nobody any more");
    for node in 0..2 {
        fleet.wait_until_ready(node, true);
    }
    let clients = fleet.load("b", true);
    // Until the new log is as long as the lost one: a place in that is no place in this, whatever its number.
    let lost = before.events.iter().flat_map(|event| &event.steps).filter(|step| step.is_lost(Some(end))).count();
    clients.advance(lost + A_WHILE);
    let after = clients.stop(false);
    for (link, set) in [(latest, EVENTS), (users, "/v1.0/identityProtection/riskyUsers")] {
        let gone = fleet.ask(1, &link);
        let anew = gone.header("location").unwrap_or_else(|| panic!("{link} is answered {}", gone.text())).to_owned();
        assert_eq!(gone.error(410), "SyncStateNotFound");
        let anew = &anew[anew.find("/v1.0").expect("a link of ours")..];
        assert!(anew.starts_with(set), "{anew}");
        let rows = fleet.ask(1, anew).expect(200).json();
        assert!(!rows["value"].as_array().expect("a list").is_empty(), "it begins with all that is there");
    }
    let checked = check(&fleet, &[(&before, Some(end)), (&after, None)], readers);
    assert_eq!(checked.lost, lost);
    assert!(lost >= A_WHILE, "the replica was not held back: the test shows nothing");
    let blind = || testkit::history::check(&fleet.all(), &[(&before, None), (&after, None)], &[]);
    let blind = std::panic::catch_unwind(std::panic::AssertUnwindSafe(blind));
    assert!(blind.is_err(), "who does not know that they are lost must miss them");
    println!("{lost} acknowledged changes after {end} are lost: those of {window:?} before the kill");
}
