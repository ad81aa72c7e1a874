//! `cargo xtask test`: everything that must hold before a change is taken.

use crate::clients;
use crate::commands::{self, Stream, Workspace};
use crate::{postgres, tools};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use postgres_cluster::SERVER_VARIABLE;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the crash test kills the server under `--long`; without it the test decides.
const LONG_CRASH_ROUNDS: &str = "500";
/// For how long nodes, databases and networks fail in each of those tests under `--long`.
const LONG_FAULT_SECONDS: &str = "120";
/// How many cases each property test draws under `--long`.
const LONG_PROPERTY_CASES: &str = "4096";
/// Where tests find the list of passwords that generated breach material takes them from.
const WORDS_VARIABLE: &str = "SPILLWATCH_WORD_LIST";
/// The benchmark hides behind a feature, so that this command starts fast, and tests that need a
/// PostgreSQL, S3 or LDAP server, so that `cargo test` needs none; here all are included.
const EVERYTHING: [&str; 3] = [
    "--workspace",
    "--features",
    "xtask/bench,postgres-cluster/server-tests,scan/s3-tests,spillwatch/ldap-tests,spillwatch/s3-tests,\
     store-postgres/server-tests",
];

/// What to run.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Runs only this step (repeatable)
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Leaves this step out (repeatable); the summary says so
    #[arg(long, value_name = "STEP")]
    skip: Vec<Step>,
    /// Runs the crash, outage and property tests for longer (unless `SPILLWATCH_CRASH_ROUNDS`,
    /// `SPILLWATCH_FAULT_SECONDS` or `PROPTEST_CASES` say how long)
    #[arg(long)]
    long: bool,
}

/// A step, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Finds or installs what the other steps need.
    Tools,
    /// The format of the source.
    Fmt,
    /// Lints, as errors.
    Clippy,
    /// Licences, bans and sources of dependencies.
    Deny,
    /// The server's binary, which end-to-end tests start.
    Build,
    /// All tests, beside a PostgreSQL server that they share.
    Tests,
    /// The examples in the documentation.
    Doctests,
    /// The documentation, its warnings as errors.
    Docs,
    /// Other people's client libraries against the server.
    Clients,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Deny => "deny",
            Self::Build => "build",
            Self::Tests => "tests",
            Self::Doctests => "doctests",
            Self::Docs => "docs",
            Self::Clients => "clients",
        }
    }
}

impl Options {
    /// Tells whether a step was asked for. Tools are looked for unless that is left out by name.
    fn wants(&self, step: Step) -> bool {
        let asked = self.only.is_empty() || self.only.contains(&step) || step == Step::Tools;
        asked && !self.skip.contains(&step)
    }
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

/// How a step ended.
enum Ending {
    Passed(Duration),
    Failed(Duration, String),
    LeftOut,
    NotReached,
}

/// Runs the steps, then sums up. A failed step does not keep the others from being run, unless
/// they stand on it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let start = Instant::now();
    let mut suite = Suite {
        workspace,
        options,
        deny: None,
        nextest: None,
        s3_server: None,
        ldap_server: None,
        tally: Tally::default(),
    };
    let mut endings = Vec::new();
    let mut stop = false;
    for &step in Step::value_variants() {
        let ending = if !options.wants(step) {
            Ending::LeftOut
        } else if stop {
            Ending::NotReached
        } else {
            eprintln!("\n== {} ==", step.name());
            let begun = Instant::now();
            match suite.step(step) {
                Ok(()) => Ending::Passed(begun.elapsed()),
                Err(error) => {
                    eprintln!("{} failed: {error:#}", step.name());
                    stop = matches!(step, Step::Tools | Step::Build);
                    Ending::Failed(begun.elapsed(), format!("{error:#}"))
                }
            }
        };
        endings.push((step, ending));
    }
    let failed: Vec<_> =
        endings.iter().filter(|(_, e)| matches!(e, Ending::Failed(..))).map(|(s, _)| s.name()).collect();
    eprintln!("\n{}", summary(&endings, start.elapsed()));
    if [Step::Tests, Step::Doctests, Step::Clients].iter().any(|step| options.wants(*step)) {
        println!("tests: {} passed, {} failed", suite.tally.passed, suite.tally.failed);
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

struct Suite<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    deny: Option<PathBuf>,
    nextest: Option<PathBuf>,
    s3_server: Option<PathBuf>,
    ldap_server: Option<PathBuf>,
    tally: Tally,
}

impl Suite<'_> {
    fn step(&mut self, step: Step) -> Result<()> {
        let cargo = || self.workspace.cargo();
        match step {
            Step::Tools => self.tools(),
            Step::Fmt => {
                commands::run(cargo().args(["fmt", "--all", "--check"]))?;
                commands::run(cargo().args(["fmt", "--manifest-path", "e2e/Cargo.toml", "--check"]))
            }
            Step::Clippy => {
                let lint = ["--all-targets", "--", "--deny", "warnings"];
                commands::run(cargo().arg("clippy").args(EVERYTHING).args(lint))
            }
            Step::Deny => self.deny(),
            Step::Build => commands::run(cargo().args(["build", "--package", "spillwatch"])),
            Step::Tests => self.tests(),
            Step::Doctests => self.doctests(),
            Step::Docs => {
                let flags = format!("{} -D warnings", std::env::var("RUSTDOCFLAGS").unwrap_or_default());
                let mut command = cargo();
                command.args(["doc", "--no-deps"]).args(EVERYTHING).env("RUSTDOCFLAGS", flags.trim());
                commands::run(&mut command)
            }
            Step::Clients => self.clients(),
        }
    }

    fn tools(&mut self) -> Result<()> {
        let Self { workspace, options, .. } = *self;
        if options.wants(Step::Fmt) {
            tools::component(workspace, "fmt", "rustfmt")?;
        }
        if options.wants(Step::Clippy) {
            tools::component(workspace, "clippy", "clippy")?;
        }
        if options.wants(Step::Deny) {
            self.deny = Some(tools::DENY.obtain(workspace)?);
        }
        if options.wants(Step::Tests) {
            self.nextest = Some(tools::NEXTEST.obtain(workspace)?);
            tools::strace(workspace)?;
            tools::postgres(workspace)?;
            self.s3_server = Some(tools::s3_server(workspace)?);
            self.ldap_server = Some(tools::ldap_server(workspace)?);
            clients::kits::find_npm(workspace)?;
        }
        if options.wants(Step::Clients) {
            clients::find_tools(workspace)?;
        }
        Ok(())
    }

    fn deny(&self) -> Result<()> {
        let program = self.deny.clone().unwrap_or_else(|| tools::DENY.program.into());
        let what = ["--locked", "check", "licenses", "bans", "sources"];
        commands::run(self.workspace.command(program).args(what))
    }

    fn tests(&mut self) -> Result<()> {
        let program = self.nextest.clone().unwrap_or_else(|| tools::NEXTEST.program.into());
        let mut command = self.workspace.command(program);
        command.args(["nextest", "run"]).args(EVERYTHING);
        self.lengthen(&mut command);
        command.envs(self.s3_server.iter().map(|program| (s3_server::PROGRAM_VARIABLE, program)));
        command.envs(self.ldap_server.iter().map(|program| (ldap_server::PROGRAM_VARIABLE, program)));
        if std::env::var_os(WORDS_VARIABLE).is_none() {
            command.env(WORDS_VARIABLE, clients::kits::install_words(self.workspace)?);
        }
        // Ends when this does.
        let cluster = match std::env::var(SERVER_VARIABLE) {
            Ok(url) => {
                eprintln!("{SERVER_VARIABLE} is set: tests share the PostgreSQL server at {url}");
                None
            }
            Err(_) => Some(postgres::start(false)?),
        };
        command.envs(cluster.iter().map(|cluster| (SERVER_VARIABLE, cluster.server_url())));
        let mut summary = None;
        let run = commands::run_watched(&mut command, Stream::Err, |line| {
            summary = nextest_tally(line).or(summary);
        });
        match summary {
            Some(Tally { passed, failed }) => {
                self.tally.passed += passed;
                self.tally.failed += failed;
            }
            // A build that failed has no summary; a run that passed must have one.
            None if run.is_ok() => bail!("cargo-nextest passed, but its summary was not seen: did it run the tests?"),
            None => {}
        }
        run
    }

    fn doctests(&mut self) -> Result<()> {
        let mut command = self.workspace.cargo();
        command.args(["test", "--doc"]).args(EVERYTHING);
        self.lengthen(&mut command);
        let tally = &mut self.tally;
        commands::run_watched(&mut command, Stream::Out, |line| {
            if let Some(Tally { passed, failed }) = doctest_tally(line) {
                tally.passed += passed;
                tally.failed += failed;
            }
        })
    }

    fn clients(&mut self) -> Result<()> {
        let (passed, failed) = clients::run(self.workspace, &clients::Options::default())?;
        self.tally.passed += passed;
        self.tally.failed += failed;
        if failed > 0 {
            bail!("{failed} of {} clients failed", passed + failed);
        }
        Ok(())
    }

    /// Asks the tests for more rounds under `--long`; what the environment says goes first.
    fn lengthen(&self, command: &mut std::process::Command) {
        if !self.options.long {
            return;
        }
        let longer = [
            ("SPILLWATCH_CRASH_ROUNDS", LONG_CRASH_ROUNDS),
            ("SPILLWATCH_FAULT_SECONDS", LONG_FAULT_SECONDS),
            ("PROPTEST_CASES", LONG_PROPERTY_CASES),
        ];
        for (name, value) in longer {
            if std::env::var_os(name).is_none() {
                eprintln!("--long: {name}={value}");
                command.env(name, value);
            }
        }
    }
}

/// Reads `Summary [   2.1s] 21 tests run: 20 passed (1 slow), 1 failed, 0 skipped`.
fn nextest_tally(line: &str) -> Option<Tally> {
    let line = without_colours(line);
    let counts = line.trim_start().strip_prefix("Summary [")?.split_once(" run: ")?.1;
    let of = |word: &str| count_before(counts, word);
    Some(Tally { passed: of("passed"), failed: of("failed") + of("timed") + of("exec") })
}

/// Reads `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
fn doctest_tally(line: &str) -> Option<Tally> {
    let line = without_colours(line);
    let counts = line.strip_prefix("test result: ")?;
    Some(Tally { passed: count_before(counts, "passed"), failed: count_before(counts, "failed") })
}

/// The number that stands before a word, or 0.
fn count_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split([' ', ',', ';']).filter(|w| !w.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// The text without terminal escapes of the form `ESC [ ... m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

fn summary(endings: &[(Step, Ending)], all: Duration) -> String {
    let mut text = String::from("step       time     result\n");
    for (step, ending) in endings {
        let (time, result) = match ending {
            Ending::Passed(time) => (clock(*time), "passed"),
            Ending::Failed(time, why) => (clock(*time), why.as_str()),
            Ending::LeftOut => ("-".into(), "left out, as asked"),
            Ending::NotReached => ("-".into(), "not reached"),
        };
        let result = if matches!(ending, Ending::Failed(..)) { format!("FAILED: {result}") } else { result.into() };
        writeln!(text, "{:<10} {time:>7}  {result}", step.name()).expect("a string takes it");
    }
    write!(text, "{:<10} {:>7}", "all", clock(all)).expect("a string takes it");
    text
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 { format!("{:.1}s", time.as_secs_f64()) } else { format!("{}m{:02}s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_the_runners_are_read() {
        let tally = |passed, failed| Some(Tally { passed, failed });
        assert_eq!(nextest_tally("     Summary [   0.120s] 21 tests run: 21 passed, 0 skipped"), tally(21, 0));
        assert_eq!(
            nextest_tally("     Summary [  65.0s] 9/12 tests run: 6 passed (2 slow), 2 failed, 1 timed out, 3 skipped"),
            tally(6, 3)
        );
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped";
        assert_eq!(nextest_tally(coloured), tally(2, 0));
        assert_eq!(nextest_tally("        PASS [   0.004s] model clock::tests::stands"), None);
        assert_eq!(doctest_tally("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured"), tally(3, 0));
        assert_eq!(doctest_tally("running 3 tests"), None);
    }

    #[test]
    fn only_keeps_the_tools_and_skip_wins() {
        let only = Options { only: vec![Step::Fmt, Step::Deny], skip: vec![Step::Deny], long: false };
        assert!(only.wants(Step::Tools) && only.wants(Step::Fmt));
        assert!(!only.wants(Step::Deny) && !only.wants(Step::Tests));
        assert!(Step::value_variants().iter().all(|step| Options::default().wants(*step)));
    }

    #[test]
    fn the_summary_tells_what_was_not_run() {
        let endings = [
            (Step::Fmt, Ending::Passed(Duration::from_millis(1250))),
            (Step::Build, Ending::Failed(Duration::from_secs(61), "no compiler".into())),
            (Step::Deny, Ending::LeftOut),
            (Step::Docs, Ending::NotReached),
        ];
        let text = summary(&endings, Duration::from_secs(125));
        assert_eq!(
            text,
            "step       time     result\n\
             fmt           1.2s  passed\n\
             build        1m01s  FAILED: no compiler\n\
             deny             -  left out, as asked\n\
             docs             -  not reached\n\
             all          2m05s"
        );
    }
}
