//! `cargo xtask reference`: writes the documents that describe the API, as the program prints them.
//! A test of the program holds the committed copies against it.

use crate::commands::{self, Workspace};
use anyhow::{Context as _, Result};

/// Each file of `docs/reference`, and the command that prints it.
const FILES: [(&str, &[&str]); 3] = [
    ("metadata.xml", &["metadata"]),
    ("metadata.json", &["metadata", "--format", "json"]),
    ("openapi.json", &["openapi"]),
];

/// Builds the program and writes the files.
pub fn run(workspace: &Workspace) -> Result<()> {
    commands::run(workspace.cargo().args(["build", "--package", "spillwatch"]))?;
    let folder = workspace.root.join("docs").join("reference");
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    for (name, arguments) in FILES {
        let program = workspace.target.join("debug").join("spillwatch");
        let text = commands::output(workspace.command(program).args(arguments))?;
        let file = folder.join(name);
        std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
        eprintln!("wrote docs/reference/{name}");
    }
    Ok(())
}
