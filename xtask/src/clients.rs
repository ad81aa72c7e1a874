//! `cargo xtask clients`: other people's client libraries against the real server.
//!
//! Each program in `e2e/` prints what it checks line by line, and fails at the first wrong answer. Each gets a server
//! of its own: an empty data folder and a free port, so that it can count on exact ids and numbers.

pub(crate) mod kits;
mod server;

use crate::commands::{self, Stream, Workspace};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use server::Server;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

/// Which clients to run.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// The clients to run; all of them when none is named
    #[arg(value_name = "CLIENT")]
    only: Vec<Client>,
}

/// A client library, or a tool that acts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Microsoft's Graph SDK for Python
    GraphSdkPython,
    /// The same SDK's typed models of `identityProtection`
    GraphSdkPythonRisk,
    /// Microsoft's Graph client for JavaScript, over TLS
    GraphClientJavascript,
    /// The Graph client for Rust
    GraphRsSdk,
    /// An OData client for Python that builds its classes from `$metadata`
    PythonOdata,
    /// A generator of TypeScript clients from `$metadata`, and a client that it made
    Odata2ts,
    /// The schema of OCSF, against which findings are held that `events export` writes
    Ocsf,
    /// A client of SCIM, and the checks of compliance that are made with it
    Scim2Tester,
    /// Requests drawn from `openapi.json`, and their answers held against it
    Schemathesis,
}

/// What a program is written in; each kit is installed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kit {
    Python,
    Node,
    Rust,
}

impl Client {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn kit(self) -> Kit {
        match self {
            Self::GraphSdkPython
            | Self::GraphSdkPythonRisk
            | Self::PythonOdata
            | Self::Ocsf
            | Self::Scim2Tester
            | Self::Schemathesis => Kit::Python,
            Self::GraphClientJavascript | Self::Odata2ts => Kit::Node,
            Self::GraphRsSdk => Kit::Rust,
        }
    }

    /// Microsoft's JavaScript client sends its token over https only, and follows https links only.
    fn over_tls(self) -> bool {
        self == Self::GraphClientJavascript
    }

    /// How long it may take: far more than it needs on a busy machine.
    fn limit(self) -> Duration {
        match self {
            Self::Schemathesis => Duration::from_mins(30),
            _ => Duration::from_mins(10),
        }
    }

    /// Its program.
    fn command(self, workspace: &Workspace) -> Command {
        match self {
            Self::GraphSdkPython => kits::python(workspace, "graph_sdk.py"),
            Self::GraphSdkPythonRisk => kits::python(workspace, "graph_sdk_risk.py"),
            Self::PythonOdata => kits::python(workspace, "python_odata.py"),
            Self::Ocsf => kits::python(workspace, "ocsf.py"),
            Self::Scim2Tester => kits::python(workspace, "scim.py"),
            Self::Schemathesis => kits::python(workspace, "conformance.py"),
            Self::GraphClientJavascript => kits::node(workspace, "graph-client.mjs"),
            Self::Odata2ts => kits::node(workspace, "odata2ts.mjs"),
            Self::GraphRsSdk => kits::rust(workspace),
        }
    }
}

/// Finds or installs Python and Node, so that their absence is known before anything is built.
pub fn find_tools(workspace: &Workspace) -> Result<()> {
    kits::find_python(workspace)?;
    kits::find_npm(workspace).map(drop)
}

/// Runs the clients, all of them even when one fails; answers how many passed and how many failed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(u64, u64)> {
    let all = options.only.is_empty();
    let clients: Vec<Client> =
        Client::value_variants().iter().copied().filter(|client| all || options.only.contains(client)).collect();
    for kit in clients.iter().map(|client| client.kit()).collect::<BTreeSet<_>>() {
        let begun = Instant::now();
        match kit {
            Kit::Python => kits::install_python(workspace)?,
            Kit::Node => kits::install_node(workspace)?,
            Kit::Rust => kits::build_rust(workspace)?,
        }
        eprintln!("clients in {kit:?}: ready after {:.1} s", begun.elapsed().as_secs_f64());
    }
    commands::run(workspace.cargo().args(["build", "--package", "spillwatch"]))?;
    let mut failed = Vec::new();
    for &client in &clients {
        let name = client.name();
        eprintln!("\n-- {name}");
        if let Err(error) = one(workspace, client) {
            eprintln!("{name} failed: {error:#}");
            failed.push(name);
        }
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    if !failed.is_empty() {
        eprintln!("clients that failed: {}", failed.join(", "));
    }
    Ok((count(clients.len() - failed.len()), count(failed.len())))
}

/// Runs one program against a server of its own.
fn one(workspace: &Workspace, client: Client) -> Result<()> {
    let server = Server::start(workspace, &client.name(), client.over_tls())?;
    let mut command = client.command(workspace);
    command.env("SPILLWATCH_URL", &server.url).env("SPILLWATCH_TOKEN", &server.token);
    // For those that also run commands on the store.
    command.env("SPILLWATCH_PROGRAM", server::program(workspace)).env("SPILLWATCH_FOLDER", server.folder());
    // A proxy of the machine is not for an address on the machine.
    command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
    if client.over_tls() {
        command.env("NODE_EXTRA_CA_CERTS", server.certificate());
    }
    let begun = Instant::now();
    let mut checks = 0_u32;
    let count = |line: &str| checks += u32::from(line.starts_with("ok "));
    let run = commands::run_within(&mut command, client.limit(), Stream::Out, count);
    let faults = server.stop()?;
    run?;
    if !faults.is_empty() {
        bail!("all answers were right, but the server logged errors:\n{}", faults.join("\n"));
    }
    if checks == 0 {
        bail!("it ended well, but checked nothing");
    }
    eprintln!("{}: {checks} checks in {:.1} s", client.name(), begun.elapsed().as_secs_f64());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn e2e(file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e").join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    #[test]
    fn every_python_package_is_pinned() {
        let requirements = e2e("python/requirements.txt");
        let packages = requirements.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let loose: Vec<&str> = packages.filter(|line| line.matches("==").count() != 1).collect();
        assert!(loose.is_empty(), "without an exact version: {loose:?}");
        assert!(
            requirements.contains("\nmsgraph-sdk==") && requirements.contains("\nschemathesis=="),
            "{requirements}"
        );
    }

    #[test]
    fn every_node_package_is_pinned_and_the_lock_names_no_registry() {
        let package: serde_json::Value = serde_json::from_str(&e2e("node/package.json")).expect("package.json is JSON");
        let dependencies = package["dependencies"].as_object().expect("it has dependencies");
        assert!(dependencies.contains_key("@microsoft/microsoft-graph-client"), "{package}");
        for (name, version) in dependencies {
            let exact = version.as_str().is_some_and(|text| text.split('.').all(|part| part.parse::<u32>().is_ok()));
            assert!(exact, "{name} is {version}");
        }
        let lock = e2e("node/package-lock.json");
        assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""));
    }

    #[test]
    fn the_client_of_javascript_is_the_only_one_that_needs_tls() {
        let tls: Vec<String> =
            Client::value_variants().iter().filter(|client| client.over_tls()).map(|client| client.name()).collect();
        assert_eq!(tls, ["graph-client-javascript"]);
    }
}
