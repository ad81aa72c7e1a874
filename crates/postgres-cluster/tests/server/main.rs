//! What a PostgreSQL server is needed for; behind the feature `server-tests`.

mod cluster;
mod owner;
mod replica;
mod shared;

use std::path::Path;
use std::time::{Duration, Instant};

/// Asks again and again until it is so, and panics with `what` when it is not in time.
#[track_caller]
fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The processes that have a folder as their current one, as a server and its children have `data`
/// (Linux). Those of another user can only be seen by root and by that user, and it is one of them.
fn processes_in(folder: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))).collect()
}
