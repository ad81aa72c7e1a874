//! Keeps the memory of the process to the process: it holds verifiers, found passwords and keys (leaks.md, section 5,
//! "memory").

use rustix::process::{Resource, Rlimit, setrlimit};

/// Sees to it that no core image of this process is written, and that other processes of the same user can neither look
/// into its memory nor trace it. Called before anything is read; answers what could not be done.
///
/// Processes that it starts inherit the limit of core images, and nothing else.
#[must_use]
pub fn harden() -> Vec<String> {
    let mut failed = Vec::new();
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        failed.push(format!("core images cannot be switched off (RLIMIT_CORE): {error}"));
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        failed.push(format!("the memory cannot be closed to other processes (PR_SET_DUMPABLE): {error}"));
    }
    failed
}
