//! Passwords that wait for slow verifiers, and those that are kept for users who come later: sealed, and then gone.

use super::needles::Needles;
use super::plants::{PLANTED, plant};
use super::{Printed, import, material, newest_job, traced};
use crate::queue::{database, number, sealed};
use crate::{BINARY, EVENTS, command, folder};
use std::fs;
use testkit::server::TestServer;

/// The kind of file of the users who come later: Keycloak's, whose verifiers are slow, and those with NT hashes.
const LATER: [&str; 2] = ["keycloak", "pwdump"];

#[test]
fn what_waits_and_what_is_kept_is_nowhere() {
    let (data, inputs) = (folder(), folder());
    let data = data.path();
    let (plants, files) = plant(inputs.path());
    let needles = Needles::of(&plants);
    let mut printed = Printed::default();
    for file in files.iter().filter(|file| !LATER.contains(&file.format)) {
        printed.run(&import(file, data)).success();
    }
    let material = material(inputs.path(), &plants);
    let released = ["--brake-percent", "0", "--brake-administrators", "0"];
    let scan = traced(["scan", "--queue", "--retain", "30", "--json"], data).args(released).arg(&material);

    // While current, stale and unknown ones wait.
    let waits = printed.run(&scan);
    waits.success();
    assert!(sealed(data) > 0 && waits.stdout.contains("\"state\":\"waiting\""), "{waits}");
    let kept = number(data, "SELECT count(*) FROM retained_candidates");
    assert!(kept >= 4 * 2 * PLANTED as u64, "each of every document: {kept}");
    let (searched, bytes) = needles.are_not_below(data);
    assert!(searched >= 4 && bytes > 100_000, "{searched} files of {bytes} bytes");
    let job = newest_job(data);
    printed.run(&traced(["jobs", "show", "--json", &job], data)).success();
    printed.run(&traced(["jobs", "findings", "--json", &job], data)).success();
    printed.run(&traced(["doctor"], data)).success();
    let server =
        TestServer::start_with(BINARY, data, |program| program.args(["--log", "trace", "--work-threads", "0"]));
    for path in [format!("/v1.0/spillwatch/jobs/{job}"), format!("{EVENTS}?$top=999")] {
        needles.are_not_in(&path, &server.call("GET", &path, None).expect(200).body);
    }
    printed.0.push(("serve".to_owned(), server.stop()));
    let backup = inputs.path().join("backup");
    fs::create_dir(&backup).expect("a folder");
    printed.run(&traced(["backup", "--with-keys"], data).arg(backup.join("with.db"))).success();
    needles.are_not_below(&backup);

    // One that is killed with some in hand, and one that decides all of it.
    let mut killed = traced(["worker", "--until-idle", "--lease", "2", "--threads", "1"], data).spawn();
    let left = sealed(data);
    testkit::server::wait_for("some to be decided", || (sealed(data) < left).then_some(()));
    needles.are_not_below(data);
    killed.kill();
    printed.0.push(("a worker that is killed".to_owned(), killed.outcome()));
    testkit::server::wait_for("the job to end", || {
        printed.run(&traced(["worker", "--until-idle", "--lease", "2"], data)).success();
        (sealed(data) == 0).then_some(())
    });
    needles.are_not_below(data);
    let events = || command(["events", "list", "--top", "999"], data).run().lines().len();
    let late: usize = 20 + 24;
    assert_eq!(events(), PLANTED - late);

    // When the others come, of whom only sealed ones are left.
    for file in files.iter().filter(|file| LATER.contains(&file.format)) {
        let outcome = printed.run(&import(file, data).args(released));
        outcome.success();
        assert!(outcome.stderr.contains("Passwords that scans kept"), "{outcome}");
        needles.are_not_below(data);
    }
    assert_eq!((events(), sealed(data)), (PLANTED, 0), "every planted pair is found");

    // And when their time is over.
    database(data).execute("UPDATE retained_candidates SET expires = 1", []).expect("rows");
    printed.run(&traced(["worker", "--until-idle"], data)).success();
    assert_eq!(number(data, "SELECT count(*) FROM retained_candidates"), 0);
    needles.are_not_below(data);
    printed.are_free_of(&needles);
    let found = needles.find(&fs::read(material.join("combo.txt")).expect("it can be read"));
    assert!(found.len() >= 2 * PLANTED, "all of that could have found something");
}
