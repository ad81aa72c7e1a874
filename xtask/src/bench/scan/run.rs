//! Runs a program on so many cores, and tells its time and its most memory.

use crate::bench::process::Memory;
use crate::commands::shown;
use anyhow::{Context as _, Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the memory of a program that runs is looked at: its peak only grows, so little is missed.
const LOOK: Duration = Duration::from_millis(10);

/// What a program did.
pub struct Ran {
    /// From before its start to after its end, in seconds.
    pub seconds: f64,
    /// The most memory it had, in MiB.
    pub peak: f64,
    /// Its standard output.
    pub output: String,
}

/// Runs a program whose threads all share so many of this process's cores. Fails when it fails with another code than
/// those that are allowed.
pub fn run(command: &mut Command, cores: usize, allowed: &[i32]) -> Result<Ran> {
    let line = shown(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begin = Instant::now();
    let mut child = pinned(cores, || Ok(command.spawn()?)).with_context(|| format!("`{line}` does not start"))?;
    let (pid, is_over) = (child.id(), AtomicBool::new(false));
    let errors = child.stderr.take();
    let (mut output, mut said) = (String::new(), String::new());
    let (status, seconds, peak) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak: f64 = 0.0;
            while !is_over.load(Ordering::Relaxed) {
                peak = peak.max(Memory::of(pid).peak);
                std::thread::sleep(LOOK);
            }
            peak
        });
        let errors = scope.spawn(|| errors.map(|mut errors| errors.read_to_string(&mut said)));
        let read = child.stdout.take().map_or(Ok(0), |mut stream| stream.read_to_string(&mut output));
        let status = child.wait();
        let seconds = begin.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Relaxed);
        let peak = watch.join().unwrap_or(0.0);
        drop(errors.join());
        read?;
        Ok::<_, anyhow::Error>((status?, seconds, peak))
    })?;
    let is_right = status.code().is_some_and(|code| allowed.contains(&code));
    ensure!(is_right, "`{line}` failed ({status}): {}", said.trim());
    Ok(Ran { seconds, peak, output })
}

/// Runs something while this thread, and what it starts, may use only the last `cores` of its cores.
fn pinned<T>(cores: usize, start: impl FnOnce() -> Result<T>) -> Result<T> {
    let all = sched_getaffinity(None)?;
    let mut few = CpuSet::new();
    let mine: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).collect();
    ensure!(mine.len() >= cores, "{cores} cores are to be used, and this process may use {}", mine.len());
    mine[mine.len() - cores..].iter().for_each(|cpu| few.set(*cpu));
    sched_setaffinity(None, &few)?;
    let started = start();
    sched_setaffinity(None, &all)?;
    started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_runs_on_as_many_cores_as_it_is_given() {
        let ran = run(Command::new("nproc").env_remove("OMP_NUM_THREADS"), 1, &[0]).expect("it runs");
        assert_eq!(ran.output.trim(), "1");
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        assert!(all >= 1 && ran.seconds > 0.0);
    }

    #[test]
    fn a_failure_is_told_with_its_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo why >&2; exit 3"]);
        let error = run(&mut command, 1, &[0]).err().expect("it fails").to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("why"), "{error}");
        assert!(run(&mut command, 1, &[0, 3]).is_ok());
    }
}
