//! The server under a client: the binary that was built, on an empty data folder and a free port.

use crate::commands::{self, Workspace};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START: Duration = Duration::from_mins(1);

/// A running server. It is ended when this is dropped; its folder stays, so that a failure can be looked into.
pub struct Server {
    child: Child,
    data: PathBuf,
    log: PathBuf,
    /// Where it is, without a slash at the end.
    pub url: String,
    /// A token with every permission.
    pub token: String,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub fn start(workspace: &Workspace, name: &str, tls: bool) -> Result<Self> {
        let binary = program(workspace);
        let folder = workspace.target.join("e2e/data").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let (data, log) = (folder.join("store"), folder.join("log"));
        let mut command = spillwatch(workspace, &binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--quiet", "--log-format", "json", "--data"]).arg(&data);
        // Names of users that SCIM's tester makes up have no domain.
        command.args(["--scim-domain", "fjord.example"]);
        if tls {
            command.arg("--tls-self-signed");
        }
        let file = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let child = command.stdout(Stdio::null()).stderr(file).spawn();
        let child = child.with_context(|| format!("{} does not start", binary.display()))?;
        let mut server = Self { child, data, log, url: String::new(), token: String::new() };
        let address = server.address()?;
        // Certificates name `localhost`; Microsoft's client for JavaScript allows hosts by name.
        server.url = if tls { format!("https://localhost:{}", address.port()) } else { format!("http://{address}") };
        let token = commands::output(spillwatch(workspace, &binary).args(["token", "--data"]).arg(&server.data))?;
        token.trim().clone_into(&mut server.token);
        Ok(server)
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        &self.data
    }

    /// The certificate that `--tls-self-signed` made.
    pub fn certificate(&self) -> PathBuf {
        self.data.join("keys/self-signed.crt")
    }

    /// Ends it; answers the errors that it logged. It must have run until now.
    pub fn stop(mut self) -> Result<Vec<String>> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server has ended by itself ({status}): {}", self.log.display());
        }
        Ok(self.lines()?.filter(|line| line["level"] == "ERROR").map(|line| line.to_string()).collect())
    }

    fn address(&mut self) -> Result<SocketAddr> {
        let begun = Instant::now();
        loop {
            let listening = self.lines()?.find(|line| line["message"] == "listening");
            if let Some(line) = listening {
                return line["address"].as_str().and_then(|text| text.parse().ok()).context("it does not say where");
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it listened ({status}): {}", self.log.display());
            }
            if begun.elapsed() > START {
                bail!("the server did not listen within {START:?}: {}", self.log.display());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn lines(&self) -> Result<impl Iterator<Item = Value>> {
        let text = fs::read_to_string(&self.log).with_context(|| format!("{} cannot be read", self.log.display()))?;
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(lines.into_iter())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The program that was built.
pub fn program(workspace: &Workspace) -> PathBuf {
    workspace.target.join("debug/spillwatch")
}

/// The binary, deaf to settings of whoever runs the tests.
fn spillwatch(workspace: &Workspace, binary: &Path) -> Command {
    let mut command = workspace.command(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPILLWATCH_") {
            command.env_remove(name);
        }
    }
    command
}
