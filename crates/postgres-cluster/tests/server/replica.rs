//! A primary and its replica.

use crate::wait_until;
use postgres_cluster::{Cluster, Options};

fn count(cluster: &Cluster) -> String {
    cluster.sql("postgres", "select count(*) from t").expect("the table is there")
}

#[test]
fn a_replica_follows_and_takes_over_with_all_that_was_acknowledged() {
    let mut primary = Cluster::start(&Options::fast()).expect("a server starts");
    primary.sql("postgres", "create table t (n int)").expect("it is SQL");
    let mut replica = primary.replica("second one's", &Options::fast()).expect("it streams");
    primary.set("synchronous_standby_names", "\"second one's\"").expect("it is a setting");
    let state = "select sync_state from pg_stat_replication";
    wait_until("it is synchronous", || primary.sql("postgres", state).expect("it runs") == "sync");
    primary.sql("postgres", "insert into t values (1)").expect("the replica has it");
    wait_until("the replica shows it", || count(&replica) == "1");
    replica.sql("postgres", "insert into t values (2)").expect_err("a replica only reads");

    // A replica that is away for a while comes back.
    replica.kill().expect("it runs");
    replica.start_again().expect("it starts");
    primary.sql("postgres", "insert into t values (2)").expect("the replica has it");

    primary.kill().expect("it runs");
    replica.promote().expect("it follows nobody any more");
    assert_eq!(count(&replica), "2");
    replica.sql("postgres", "insert into t values (3)").expect("it is a primary that waits for no replica");
    replica.kill().expect("it runs");
    replica.start_again().expect("it starts");
    assert_eq!(count(&replica), "3");
    assert_eq!(replica.sql("postgres", "select pg_is_in_recovery()").expect("it runs"), "f");
}
