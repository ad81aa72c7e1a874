//! Where PostgreSQL's programs are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian keeps the programs of each version: `VERSION/bin` in here.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Without these there is no cluster.
const NEEDED: [&str; 3] = ["initdb", "postgres", "pg_basebackup"];

/// The folder with the programs of one version of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Names the folder with the programs, before any other is looked at.
    pub const VARIABLE: &str = "SPILLWATCH_POSTGRES_BIN";

    /// Finds the programs: in the folder that `SPILLWATCH_POSTGRES_BIN` names, and then nowhere
    /// else; or of the newest version that Debian's packages have installed; or on `PATH`; or where
    /// `pg_config` says. The error says where was looked and what to install.
    pub fn find() -> Result<Self, String> {
        if let Some(folder) = std::env::var_os(Self::VARIABLE) {
            return Self::in_folder(PathBuf::from(folder)).map_err(|missing| format!("{}: {missing}", Self::VARIABLE));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::search(Path::new(DEBIAN), &path, pg_config)
    }

    fn search(debian: &Path, path: &OsString, pg_config: impl FnOnce() -> Option<PathBuf>) -> Result<Self, String> {
        let folders = versions(debian).into_iter().chain(std::env::split_paths(path)).chain(pg_config());
        folders.map(Self::in_folder).find_map(Result::ok).ok_or_else(|| {
            format!(
                "PostgreSQL's server programs ({}) are neither in {}/*/bin nor on PATH nor where pg_config points: \
                 install them (Debian, Ubuntu: sudo apt-get install postgresql), or name their folder in {}",
                NEEDED.join(", "),
                debian.display(),
                Self::VARIABLE
            )
        })
    }

    /// Takes the programs of one folder; the error names those that it lacks.
    pub fn in_folder(folder: PathBuf) -> Result<Self, String> {
        let missing: Vec<_> = NEEDED.into_iter().filter(|name| !folder.join(name).is_file()).collect();
        if missing.is_empty() {
            return Ok(Self { folder });
        }
        Err(format!("{} has no {}", folder.display(), missing.join(", no ")))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a program is: `pgbench`, say. The error says what to install.
    pub fn program(&self, name: &str) -> Result<PathBuf, String> {
        let file = self.folder.join(name);
        if file.is_file() {
            return Ok(file);
        }
        Err(format!(
            "{name} is not in {}: install it with the server (Debian, Ubuntu: sudo apt-get install postgresql)",
            self.folder.display()
        ))
    }
}

/// The folders of the versions that are installed, the newest first.
fn versions(debian: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(debian) else { return Vec::new() };
    let number = |name: OsString| name.to_string_lossy().parse::<f64>().ok();
    let mut found: Vec<_> = entries.flatten().filter_map(|e| Some((number(e.file_name())?, e.path()))).collect();
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    found.into_iter().map(|(_, folder)| folder.join("bin")).collect()
}

fn pg_config() -> Option<PathBuf> {
    let answer = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).output().ok()?;
    let folder = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then(|| PathBuf::from(folder.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeper::scratch;

    fn install(folder: &Path) {
        std::fs::create_dir_all(folder).expect("the folder is ours");
        for name in NEEDED {
            std::fs::write(folder.join(name), "").expect("the folder is ours");
        }
    }

    #[test]
    fn the_newest_version_of_debian_goes_before_path_and_path_before_pg_config() {
        let scratch = scratch();
        let (debian, path, config) = (scratch.join("debian"), scratch.join("path"), scratch.join("config"));
        let find = || Binaries::search(&debian, &path.clone().into_os_string(), || Some(config.clone()));
        let none = find().expect_err("nothing is installed");
        assert!(
            none.contains("initdb, postgres, pg_basebackup") && none.contains("apt-get install postgresql"),
            "{none}"
        );
        for folder in [config.clone(), path.clone(), debian.join("9.6/bin"), debian.join("15/bin")] {
            install(&folder);
            assert_eq!(find().expect("it is installed").folder(), folder);
        }
        std::fs::create_dir_all(debian.join("16/bin")).expect("the folder is ours");
        assert_eq!(find().expect("15 is whole, 16 has no server").folder(), debian.join("15/bin"));
        std::fs::remove_dir_all(scratch).expect("the folder is ours");
    }

    #[test]
    fn what_a_folder_lacks_is_named() {
        let scratch = scratch();
        std::fs::write(scratch.join("postgres"), "").expect("the folder is ours");
        let missing = Binaries::in_folder(scratch.clone()).expect_err("there is only one program");
        assert_eq!(missing, format!("{} has no initdb, no pg_basebackup", scratch.display()));
        install(&scratch);
        let missing = Binaries::in_folder(scratch.clone()).expect("it has all").program("pgbench");
        let missing = missing.expect_err("pgbench is not needed for a cluster");
        assert!(
            missing.starts_with("pgbench is not in") && missing.contains("apt-get install postgresql"),
            "{missing}"
        );
        std::fs::remove_dir_all(scratch).expect("the folder is ours");
    }
}
