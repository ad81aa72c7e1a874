//! Runs other programs, plainly: each command line is shown before it starts.

use anyhow::{Context as _, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The folders of this workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Where the workspace's `Cargo.toml` lies.
    pub root: PathBuf,
    /// Where builds go; `CARGO_TARGET_DIR` and cargo's configuration have been heard.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo where the workspace and its target folder are.
    pub fn find() -> Result<Self> {
        let mut command = Command::new(cargo_program());
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        // `cargo run` says where this package lies; by hand, the current folder must do.
        if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
            command.current_dir(package);
        }
        let metadata: serde_json::Value =
            serde_json::from_str(&output(&mut command)?).context("what `cargo metadata` printed is not JSON")?;
        let folder = |key: &str| match metadata[key].as_str() {
            Some(path) => Ok(PathBuf::from(path)),
            None => bail!("`cargo metadata` does not say its {key}"),
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")? })
    }

    /// A command that starts in the workspace's root, reads nothing, and does not inherit what
    /// `cargo run` tells about this package (build scripts would take it for a change).
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&*name);
            }
        }
        command
    }

    /// The cargo that runs this task.
    pub fn cargo(&self) -> Command {
        self.command(cargo_program())
    }
}

fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The command line as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut line = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Shows a command, runs it, and fails when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("`{line}` does not start"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Which stream of a command is looked at while it passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Like [`run`], and hands every line of one stream to `look`, passing it on unchanged.
pub fn run_watched(command: &mut Command, stream: Stream, look: impl FnMut(&str)) -> Result<()> {
    watch(command, None, stream, look)
}

/// Like [`run_watched`], and ends the command when it takes longer than `limit`.
pub fn run_within(command: &mut Command, limit: Duration, stream: Stream, look: impl FnMut(&str)) -> Result<()> {
    watch(command, Some(limit), stream, look)
}

fn watch(command: &mut Command, limit: Option<Duration>, stream: Stream, mut look: impl FnMut(&str)) -> Result<()> {
    let line = shown(command);
    eprintln!("$ {line}");
    match stream {
        Stream::Out => command.stdout(Stdio::piped()),
        Stream::Err => command.stderr(Stdio::piped()),
    };
    let mut child = command.spawn().with_context(|| format!("`{line}` does not start"))?;
    let pipe: Option<Box<dyn std::io::Read>> = match stream {
        Stream::Out => child.stdout.take().map(|pipe| Box::new(pipe) as _),
        Stream::Err => child.stderr.take().map(|pipe| Box::new(pipe) as _),
    };
    let pipe = pipe.with_context(|| format!("the output of `{line}` cannot be had"))?;
    let child = Arc::new(Mutex::new(child));
    let (finished, done) = mpsc::channel::<()>();
    let guard = limit.map(|limit| {
        let child = Arc::clone(&child);
        std::thread::spawn(move || {
            let late = matches!(done.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
            if late {
                child.lock().unwrap_or_else(PoisonError::into_inner).kill().ok();
            }
            late
        })
    });
    let mut read = Ok(());
    for text in BufReader::new(pipe).split(b'\n') {
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                read = Err(error).with_context(|| format!("the output of `{line}` cannot be read"));
                break;
            }
        };
        let text = String::from_utf8_lossy(&text);
        match stream {
            Stream::Out => println!("{text}"),
            Stream::Err => eprintln!("{text}"),
        }
        look(&text);
    }
    drop(finished);
    let late = guard.is_some_and(|guard| guard.join().unwrap_or(false));
    let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait()?;
    if let Some(limit) = limit.filter(|_| late) {
        bail!("`{line}` was ended after {limit:?}, its time");
    }
    read?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a command in silence and returns its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("`{line}` does not start"))?;
    if !done.status.success() {
        bail!("`{line}` failed ({}): {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Tells an error in one line, without a backtrace, and turns the result into an exit code.
pub fn exit(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Finds a program on `PATH`.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_the_folder_of_its_program() {
        let mut command = Command::new("/some/where/cargo");
        command.args(["fmt", "--check"]);
        assert_eq!(shown(&command), "cargo fmt --check");
    }

    #[test]
    fn a_watched_command_hands_over_each_line_and_its_failure() {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; exit 3"]);
        let failed = run_watched(&mut command, Stream::Out, |line| seen.push(line.to_owned())).expect_err("it exits 3");
        assert_eq!(seen, ["one", "two"]);
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
    }

    #[test]
    fn a_command_that_hangs_is_ended_and_named() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; exec sleep 600"]);
        let mut seen = Vec::new();
        let limit = Duration::from_secs(3); // time enough for the command to begin
        let failed = run_within(&mut command, limit, Stream::Out, |line| seen.push(line.to_owned()));
        let failed = failed.expect_err("it hangs").to_string();
        assert!(failed.contains("sleep 600") && failed.contains("3s"), "{failed}");
        assert_eq!(seen, ["begun"]);
    }

    #[test]
    fn a_command_that_ends_in_time_is_not_called_late() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let failed = run_within(&mut command, Duration::from_mins(1), Stream::Out, |_| ()).expect_err("it exits 3");
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
    }

    #[test]
    fn a_missing_program_is_told_by_name() {
        let failed = output(&mut Command::new("no-such-program-here")).expect_err("there is none");
        assert!(failed.to_string().contains("`no-such-program-here` does not start"), "{failed}");
        assert_eq!(on_path("no-such-program-here"), None);
    }
}
