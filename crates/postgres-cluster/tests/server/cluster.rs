//! One server: started, stopped, killed, started again.

use crate::{processes_in, wait_until};
use postgres_cluster::{Cluster, Mode, Options};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

fn start(options: &Options) -> Cluster {
    Cluster::start(options).expect("a server starts")
}

fn setting(cluster: &Cluster, name: &str) -> String {
    cluster.sql("postgres", &format!("show {name}")).expect("there is such a setting")
}

#[test]
fn a_cluster_is_as_its_options_say_and_nothing_is_left_of_it() {
    let cluster = start(&Options::fast().set("max_connections", "30").set("cluster_name", "it's mine"));
    let settings = ["server_encoding", "fsync", "synchronous_commit", "full_page_writes", "max_connections"];
    let found = settings.map(|name| setting(&cluster, name));
    assert_eq!(found, ["UTF8", "off", "on", "off", "30"]);
    assert_eq!(setting(&cluster, "cluster_name"), "it's mine");
    assert_eq!(cluster.sql("postgres", "select current_user").expect("it runs"), "spillwatch");
    assert_eq!(cluster.url("db"), format!("postgres://spillwatch@127.0.0.1:{}/db", cluster.port()));
    TcpStream::connect(("127.0.0.1", cluster.port())).expect("it listens");
    assert!(cluster.log().contains("database system is ready to accept connections"), "{}", cluster.log());

    let (folder, port) = (cluster.folder().to_owned(), cluster.port());
    assert!(cfg!(not(target_os = "linux")) || processes_in(&folder).len() > 3, "the processes can be seen");
    drop(cluster);
    assert!(!folder.exists());
    assert_eq!(processes_in(&folder), []);
    TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens");
}

#[test]
fn a_durable_cluster_syncs_and_settings_can_change_while_it_runs() {
    let cluster = start(&Options::durable());
    assert_eq!(["fsync", "full_page_writes"].map(|name| setting(&cluster, name)), ["on", "on"]);
    cluster.set("work_mem", "5MB").expect("it is a setting");
    wait_until("the new setting is read", || setting(&cluster, "work_mem") == "5MB");
}

#[test]
fn sql_gives_rows_and_tells_what_failed() {
    let cluster = start(&Options::fast());
    cluster.create_database("first \"one\"", None).expect("the name is free");
    let rows = cluster
        .sql("first \"one\"", "create table t (a int, b text); insert into t values (1, 'é'), (2, null); table t");
    assert_eq!(rows.expect("it is SQL"), "1|é\n2|");
    cluster.create_database("copy", Some("first \"one\"")).expect("the name is free");
    assert_eq!(cluster.sql("copy", "select count(*) from t").expect("it was copied"), "2");
    let failed = cluster.sql("copy", "select 1; select nothing; drop table t").expect_err("there is no such column");
    assert!(failed.to_string().contains(r#"column "nothing" does not exist"#), "{failed}");
    assert_eq!(cluster.sql("copy", "select count(*) from t").expect("nothing ran after the error"), "2");
    // More than the pipes hold, in both directions at once.
    let many = "select repeat('x', 1000);\n".repeat(1000);
    assert_eq!(cluster.sql("copy", &many).expect("it is SQL").lines().count(), 1000);
}

#[test]
fn a_server_starts_again_on_its_port_with_its_data_however_it_stopped() {
    let mut cluster = start(&Options::fast());
    let port = cluster.port();
    cluster.sql("postgres", "create table t (n int)").expect("it is SQL");
    for (n, mode) in [Mode::Smart, Mode::Fast, Mode::Immediate].into_iter().enumerate() {
        cluster.sql("postgres", &format!("insert into t values ({n})")).expect("it is SQL");
        cluster.stop(mode).expect("it ends");
        assert_eq!(cluster.process_id(), None);
        cluster.sql("postgres", "select 1").expect_err("it is stopped");
        cluster.stop(mode).expect("it is stopped already");
        cluster.start_again().expect("it starts");
        assert_eq!(cluster.sql("postgres", "select count(*) from t").expect("it runs"), (n + 1).to_string());
    }
    assert_eq!(cluster.port(), port);
    cluster.start_again().expect_err("it runs");
}

/// Has a session compute on for a while after its server has been killed.
fn compute(cluster: &Cluster) -> Child {
    let query = "do $$ declare start timestamptz := clock_timestamp(); \
                 begin while clock_timestamp() < start + interval '2 s' loop end loop; end $$";
    let psql = cluster.binaries().program("psql").expect("it comes with the server");
    let mut session = Command::new(psql);
    session.args(["-X", "-d", &cluster.url("postgres"), "-c", query]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut started = session.spawn().expect("psql starts");
    let running = "select count(*) from pg_stat_activity where state = 'active' and query like 'do %'";
    wait_until("the session computes", || {
        if started.try_wait().expect("a child can be asked").is_some() {
            started = session.spawn().expect("psql starts"); // nobody has looked in time
        }
        cluster.sql("postgres", running).expect("it runs") == "1"
    });
    started
}

#[test]
fn a_killed_server_starts_again_though_a_session_still_lives_and_loses_nothing_committed() {
    let mut cluster = start(&Options::fast());
    cluster.sql("postgres", "create table t (n int)").expect("it is SQL");
    for round in 1..=3 {
        cluster.sql("postgres", &format!("insert into t values ({round})")).expect("it is SQL");
        let mut session = compute(&cluster);
        cluster.kill().expect("it runs");
        assert_eq!(cluster.process_id(), None);
        cluster.start_again().expect("it starts when the session has ended");
        session.wait().expect("its server is gone");
        assert_eq!(cluster.sql("postgres", "select count(*) from t").expect("it runs"), round.to_string());
    }
    assert!(cluster.log().contains("is still in use"), "a session lived on in at least one of the rounds");
    let folder = cluster.folder().to_owned();
    cluster.kill().expect("it runs");
    drop(cluster);
    wait_until("its children have ended", || processes_in(&folder).is_empty());
    assert!(!folder.exists());
}

#[test]
fn many_clusters_start_at_once() {
    let starts: Vec<_> = (0..3).map(|_| std::thread::spawn(|| start(&Options::fast()))).collect();
    let clusters: Vec<_> = starts.into_iter().map(|start| start.join().expect("it starts")).collect();
    for cluster in &clusters {
        let own = cluster.sql("postgres", "show unix_socket_directories").expect("it runs");
        assert_eq!(own, cluster.folder().to_string_lossy());
    }
    drop(clusters);
}

#[test]
fn a_setting_that_the_server_refuses_is_told() {
    let failed = Cluster::start(&Options::fast().set("no_such_setting", "1")).expect_err("there is no such setting");
    assert!(failed.to_string().contains(r#"unrecognized configuration parameter "no_such_setting""#), "{failed}");
}
