//! Counts the instructions of a line with callgrind: the same on every machine with this compiler.

use crate::bench::scan::material::Written;
use crate::commands::{Workspace, output, shown};
use crate::tools;
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use std::process::Command;

/// The two sizes whose difference is counted, so that the start and the buffers, which are made once, fall out.
pub const SIZES: [u64; 2] = [20_000_000, 40_000_000];

/// What is counted: everything, or what a function and all that it calls take.
const PARTS: [(&str, Option<&str>); 2] =
    [("the whole way", None), ("of it the matcher", Some("*scan::matcher::Matcher::chunk*"))];

/// Counts what `command` takes for a line of each file, and prints it.
pub fn count(workspace: &Workspace, command: impl Fn(&Path) -> Command, files: &[(&Path, Written)]) -> Result<()> {
    let valgrind = tools::program(workspace, "valgrind", &["valgrind"])?;
    let [(small, few), (large, many)] = files else { anyhow::bail!("two sizes are compared") };
    let lines = (many.lines - few.lines) as f64;
    for (what, function) in PARTS {
        let counted = |file| {
            let plain = command(file);
            let mut run = workspace.command(&valgrind);
            run.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
            if let Some(function) = function {
                run.arg(format!("--toggle-collect={function}"));
            }
            collected(run.arg(plain.get_program()).args(plain.get_args()))
        };
        let (small, large) = (counted(small)?, counted(large)?);
        println!("{what}: {:.0} instructions a line", (large - small) / lines);
    }
    Ok(())
}

/// Runs callgrind and reads what it collected: `==7== Collected : 123`.
fn collected(command: &mut Command) -> Result<f64> {
    let line = shown(command);
    eprintln!("$ {line}");
    let done = command.output().with_context(|| format!("`{line}` does not start"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "`{line}` failed ({}): {}", done.status, said.trim());
    instructions(&said).with_context(|| format!("callgrind does not say what it collected: {}", said.trim()))
}

fn instructions(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.split_whitespace().next()?.parse().ok()
}

/// Callgrind's version, for the report.
pub fn version(workspace: &Workspace) -> String {
    let answer = output(workspace.command("valgrind").arg("--version"));
    answer.map_or_else(|_| "unknown".to_owned(), |answer| answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callgrind_collected_is_read() {
        assert_eq!(instructions("==9== \n==9== Events    : Ir\n==9== Collected : 1234567\n"), Some(1_234_567.0));
        assert_eq!(instructions("==9== Command: spillwatch"), None);
    }
}
