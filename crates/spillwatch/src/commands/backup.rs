//! `spillwatch backup`

use crate::cli::{Backup, Global};
use crate::error::Failure;
use crate::instance::{Instance, keys_folder};
use crate::verifier_keys::VaultFolder;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Copies the store into one file, and says what is not in it.
pub async fn run(global: &Global, options: Backup) -> Result<(), Failure> {
    refuse_for_a_database(global)?;
    let instance = Instance::open(global).await?;
    let terminal = std::io::stderr().is_terminal();
    let mut shown = 0;
    let mut progress = |share: f64| {
        let percent = (share * 100.0) as u32;
        if terminal && percent > shown {
            shown = percent;
            anstream::eprint!("\rcopying ... {percent} %");
        }
    };
    instance.service.store().backup(&options.file, &mut progress).await?;
    if terminal {
        anstream::eprintln!();
    }
    let vault = VaultFolder::of(&global.data)?;
    let has_sealed = instance.service.has_sealed().await?;
    if options.with_keys {
        let keys = read_keys(&keys_folder(&global.data)?)?;
        store_sqlite::add_keys(&options.file, &keys)?;
        anstream::eprintln!(
            "{} holds the store and its keys: whoever has it can make tokens. Guard it like a password.",
            options.file.display()
        );
        match vault.sealed_by()? {
            Some(id) if has_sealed => anstream::eprintln!(
                "The password verifiers in it are sealed with the operator's key {id}, which is not in it: keep that one \
                 as well, elsewhere."
            ),
            None if has_sealed => {
                anstream::eprintln!(
                    "It also opens the password verifiers, and passwords that wait to be checked: whoever has it can try \
                     passwords on the ones, and reads the others."
                );
            }
            _ => {}
        }
    } else {
        anstream::eprintln!(
            "{} holds the store without its keys. After a restore elsewhere new keys are made: tokens and page links \
             of before end, apps keep their secrets. --with-keys adds the keys.",
            options.file.display()
        );
        if has_sealed {
            let keys = vault.path().display();
            match vault.sealed_by()? {
                Some(id) => anstream::eprintln!(
                    "The password verifiers in it are opened by the operator's key {id} alone; keep that one as well, \
                     elsewhere, and {keys}, without which credentials of before are raised anew."
                ),
                None => anstream::eprintln!(
                    "The password verifiers in it are sealed, and the key is in {keys}: elsewhere they cannot be opened \
                     without it. Keep a copy of that folder apart from the backup, or import the directory again after \
                     a restore."
                ),
            }
        }
    }
    instance.service.store().close().await;
    Ok(())
}

/// A database is copied by its own tools, which also know of the moments in between; and it does not hold everything.
pub fn refuse_for_a_database(global: &Global) -> Result<(), Failure> {
    if global.database.is_none() {
        return Ok(());
    }
    Err(Failure::Refused(
        "backup and restore copy the store of a data folder. For a database use PostgreSQL's own: pg_dump and pg_restore \
         for a copy of one moment, or pg_basebackup with archived WAL to come back to any moment (docs/operations.md). \
         Keep the operator's key as well, elsewhere: without it the secrets in the copy cannot be opened"
            .to_owned(),
    ))
}

/// The files in the folder of keys, with their names relative to it.
fn read_keys(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path: PathBuf = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                found.push((name.to_string_lossy().into_owned(), fs::read(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}
