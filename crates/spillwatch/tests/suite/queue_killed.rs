//! The queue of slow verifications, whose workers are killed at any point: nothing is lost, and nothing is decided twice.

use crate::directory::{with_file, write};
use crate::jobs::copy;
use crate::queue::{database, exported, newest, number, sealed, slow, worker};
use crate::scan::scan;
use crate::{command, folder};
use rand::{RngExt as _, SeedableRng as _};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often workers are killed.
const KILLS: usize = 50;
/// How often over one store.
const OVER_ONE: usize = 25;
const USERS: usize = 150;

/// A store with a job that waits for three passwords of each user, every third of which is current.
fn waiting(folder: &Path) -> PathBuf {
    let (mut users, mut material) = ("id,upn,verifier\n".to_owned(), String::new());
    for user in 0..USERS {
        writeln!(users, "u-{user:03},u{user}@corp.test,{}", slow(&format!("guess-{}", user % 6))).expect("memory");
        for guess in 0..3 {
            writeln!(material, "u{user}@corp.test:guess-{guess}").expect("memory");
        }
    }
    let data = folder.join("data");
    with_file(["users", "import"], &write(folder, "users.csv", &users), &data).success();
    scan(&data, &["--queue"], &[&write(folder, "leak.txt", &material)]).success();
    assert_eq!(sealed(&data), 3 * USERS as u64);
    // Each decision leaves a row.
    let watched = "CREATE TABLE decided (user_id, fingerprint);\
                   CREATE TRIGGER watch AFTER UPDATE OF judged ON candidates BEGIN \
                   INSERT INTO decided VALUES (new.user_id, new.fingerprint); END";
    database(&data).execute_batch(watched).expect("a trigger");
    data
}

/// Lets so much time go by that whoever was at work is not waited for any more.
fn later(data: &Path) {
    let lapsed = "UPDATE jobs SET lease = 1 WHERE lease IS NOT NULL; UPDATE candidates SET lease = 1 WHERE lease > 1";
    database(data).execute_batch(lapsed).expect("rows");
}

/// Kills a worker after a time; `false` where it had ended before.
fn killed(data: &Path, after: Duration) -> bool {
    let mut process = worker(data).spawn();
    let since = Instant::now();
    while since.elapsed() < after {
        if process.ended().is_some() {
            process.outcome().success();
            return false;
        }
        std::thread::yield_now();
    }
    process.kill();
    true
}

#[test]
fn workers_that_are_killed_anywhere_lose_nothing_and_decide_nothing_twice() {
    let folder = folder();
    let prepared = waiting(folder.path());
    let whole = folder.path().join("whole");
    copy(&prepared, &whole);
    let since = Instant::now();
    worker(&whole).run().success();
    let span = since.elapsed();
    let expected = exported(&whole);
    assert_eq!(expected.len(), USERS / 2);

    let mut random = rand::rngs::StdRng::seed_from_u64(11);
    let (mut kills, mut copies, mut begun_again) = (0, 0, 0);
    while kills < KILLS {
        let data = folder.path().join(format!("copy-{copies}"));
        copy(&prepared, &data);
        for _ in 0..OVER_ONE.min(KILLS - kills) {
            kills += usize::from(killed(&data, span.mul_f64(random.random::<f64>())));
            later(&data);
        }
        worker(&data).run().success();
        assert_eq!(newest(&data)["state"], "completed", "after {kills} kills");
        begun_again += number(&data, "SELECT count(*) FROM candidates WHERE attempts > 1");
        assert_eq!(number(&data, "SELECT count(*) FROM candidates WHERE message IS NOT NULL"), 0, "none is given up");
        assert_eq!(sealed(&data), 0);
        assert_eq!(number(&data, "SELECT count(*) FROM found_credentials WHERE pending = 1"), 0);
        let decided = "SELECT count(*) FROM decided";
        assert_eq!(number(&data, decided), 3 * USERS as u64, "each is decided once, after {kills} kills");
        assert_eq!(exported(&data), expected, "after {kills} kills");
        command(["doctor"], &data).run().success();
        fs::remove_dir_all(&data).expect("it is ours");
        copies += 1;
        assert!(copies < 4 * KILLS, "only {kills} of {KILLS} kills hit a worker that ran");
    }
    assert!(begun_again > 0, "kills hit workers that had something in hand");
}
