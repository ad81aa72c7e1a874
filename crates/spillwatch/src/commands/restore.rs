//! `spillwatch restore`

use crate::cli::{Global, Restore};
use crate::commands::backup::refuse_for_a_database;
use crate::error::Failure;
use crate::instance::keys_folder;
use crate::verifier_keys::VaultFolder;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path};

/// Puts a backup into the data folder, and says what became of the keys.
pub fn run(global: &Global, options: &Restore) -> Result<(), Failure> {
    refuse_for_a_database(global)?;
    let keys = if options.file.is_file() { store_sqlite::keys_of(&options.file) } else { Ok(Vec::new()) };
    let (info, aside) = store_sqlite::restore(&options.file, &global.data, options.replace)?;
    let keys = keys?;
    anstream::eprintln!("Restored. Risk events: {}. Users: {}.", info.events, info.users);
    if let Some(aside) = aside {
        anstream::eprintln!("The store of before is kept as {}.", aside.display());
    }
    if keys.is_empty() {
        anstream::eprintln!(
            "The backup holds no keys: those in the data folder stay, and where there are none, new ones are made at \
             the next start; then tokens and page links of before end, and apps keep their secrets. Password verifiers \
             are opened by the key that sealed them alone: put it into keys/vault, give the operator's key, or import the \
             directory again."
        );
        return Ok(());
    }
    let folder = keys_folder(&global.data)?;
    VaultFolder::below(&folder).forget_sealed_by()?; // the backup says so, where an operator's key seals
    for (name, content) in &keys {
        write_key(&folder, Path::new(name), content)?;
    }
    anstream::eprintln!("Restored {} key files: tokens and page links of before go on.", keys.len());
    Ok(())
}

/// Writes one key file below the folder; a name that would lead out of it is refused.
pub fn write_key(folder: &Path, name: &Path, content: &[u8]) -> Result<(), Failure> {
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Failure::message(format!("the backup names a key file outside its folder: {}", name.display())));
    }
    let path = folder.join(name);
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}
