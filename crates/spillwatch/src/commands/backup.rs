//! `spillwatch backup`

use crate::cli::{Backup, Global};
use crate::error::Failure;
use crate::instance::{Instance, keys_folder};
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Copies the store into one file, and says what is not in it.
pub async fn run(global: &Global, options: Backup) -> Result<(), Failure> {
    let instance = Instance::open(&global.data)?;
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
    if options.with_keys {
        let keys = read_keys(&keys_folder(&instance.folder)?)?;
        store_sqlite::add_keys(&options.file, &keys)?;
        anstream::eprintln!(
            "{} holds the store and its keys: whoever has it can make tokens. Guard it like a password.",
            options.file.display()
        );
    } else {
        anstream::eprintln!(
            "{} holds the store without its keys. After a restore elsewhere new keys are made: tokens and page links \
             of before end, apps keep their secrets. --with-keys adds the keys.",
            options.file.display()
        );
    }
    instance.service.store().close().await;
    Ok(())
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
