//! 7z archives. Their directory stands at the end, so they are read from what can seek.

use super::layer::Layer;
use super::magic::Format;
use super::problem::What;
use super::stream::{Stream, plain};
use super::walk::{Go, Place, Walk};
use sevenz_rust2::{Archive, BlockDecoder, Error, Password};
use std::cell::Cell;
use std::io::{Read, Seek};
use std::rc::Rc;

const METHOD: &str = "AES-256, 7z";
/// Decoded bytes that a password is tried on.
const PROBE: u64 = 64 << 10;

/// Hands out what is in a 7z archive.
pub(super) fn archive<R: Read + Seek>(walk: &mut Walk<'_>, file: &mut R, place: Place<'_>) -> Go {
    let Some((archive, password)) = open(walk, file, place) else { return Go::Continue(()) };
    let mut go = Go::Continue(());
    let limit = walk.limits().window_bytes / 1024;
    for block in 0..archive.blocks.len() {
        if go.is_break() || walk.budget.is_over() {
            return go;
        }
        let decoder = BlockDecoder::new_with_memory_limit(1, limit, block, &archive, &password, file);
        let files = decoder.entries().to_vec();
        let mut seen = 0;
        let told = walk.problems();
        let result = decoder.for_each_entries(&mut |entry, content| {
            seen += 1;
            go = hand_out(walk, place, entry, content);
            Ok(go.is_continue() && !walk.budget.is_over())
        });
        let Err(error) = result else { continue };
        if go.is_break() || walk.budget.is_over() {
            walk.settle(place.path);
            return go;
        }
        // The entry in which it broke off has told of it already; those behind are lost with it.
        let what = named(&error, walk.passwords().len(), walk.limits().window_bytes);
        let what = walk.budget.take_pending().unwrap_or(what);
        for file in &files[seen.min(files.len())..] {
            let name = file.name().as_bytes();
            let Some(path) = walk.entry(place.path, name, name.len() as u64) else { return go };
            walk.report(&path, what.clone());
        }
        if walk.problems() == told {
            walk.report(place.path, what);
        }
    }
    // Empty files and folders belong to no block.
    for (index, file) in archive.files.iter().enumerate() {
        if go.is_break() || walk.budget.is_over() {
            break;
        }
        if archive.stream_map.file_block_index.get(index).copied().flatten().is_none() {
            go = hand_out(walk, place, file, &mut std::io::empty());
        }
    }
    go
}

/// Reads the directory, and finds the password that fits, where one is needed.
fn open<R: Read + Seek>(walk: &mut Walk<'_>, file: &mut R, place: Place<'_>) -> Option<(Archive, Password)> {
    let window = walk.limits().window_bytes;
    let passwords = walk.passwords();
    let candidates = || passwords.iter().map(|password| Password::from(password.text()));
    let read = |file: &mut R, password: &Password| Archive::read_with_memory_limit(file, password, window / 1024);
    let mut found = read(file, &Password::empty()).map(|archive| (archive, None));
    if matches!(found, Err(Error::PasswordRequired | Error::MaybeBadPassword(_))) {
        for password in candidates() {
            if let Ok(archive) = read(file, &password) {
                found = Ok((archive, Some(password)));
                break;
            }
        }
    }
    let (archive, password) = match found {
        Ok(found) => found,
        Err(error) => {
            walk.settle_or(place.path, named(&error, passwords.len(), window));
            return None;
        }
    };
    let encrypted = (0..archive.files.len()).find(|index| archive.is_file_encrypted(*index));
    let password = match (password, encrypted) {
        (Some(password), _) => password,
        (None, None) => Password::empty(),
        (None, Some(index)) => {
            let block = archive.stream_map.file_block_index[index]?;
            let fits = candidates().find(|password| fits(&archive, block, password, file, window));
            // A failed try lays its cause down; it is not one of the archive.
            walk.budget.take_pending();
            if fits.is_none() && !passwords.is_empty() {
                walk.report(place.path, What::WrongPassword { method: METHOD, tried: passwords.len() });
                return None;
            }
            // Without one, entries that are not encrypted are still read.
            fits.unwrap_or_else(Password::empty)
        }
    };
    Some((archive, password))
}

/// Whether the first entry of a block can be decoded with a password.
fn fits<R: Read + Seek>(archive: &Archive, block: usize, password: &Password, file: &mut R, window: usize) -> bool {
    let decoder = BlockDecoder::new_with_memory_limit(1, window / 1024, block, archive, password, file);
    let result = decoder.for_each_entries(&mut |_, content| {
        std::io::copy(&mut content.take(PROBE), &mut std::io::sink())?;
        Ok(false)
    });
    result.is_ok()
}

/// Hands one entry out.
fn hand_out(walk: &mut Walk<'_>, place: Place<'_>, entry: &sevenz_rust2::ArchiveEntry, content: &mut dyn Read) -> Go {
    let name = entry.name().as_bytes();
    let Some(path) = walk.entry(place.path, name, name.len() as u64) else { return Go::Continue(()) };
    if entry.is_directory() {
        walk.folder();
        return Go::Continue(());
    }
    // 7-Zip keeps the Unix mode in the upper half.
    if entry.windows_attributes() >> 16 & 0o170_000 == 0o120_000 {
        walk.report(&path, What::NotAFile { kind: "symbolic link" });
        return Go::Continue(());
    }
    // The packed size of an entry is not known in a block of many: the ratio is that of the item as a whole.
    let layer = Layer::new(content, Format::SevenZip, &walk.budget, Rc::new(Cell::new(u64::MAX / 2)), 0);
    let place = Place { path: &path, depth: place.depth + 1, size: Some(entry.size()) };
    walk.stream(&mut Stream::new(layer, place.size), place)
}

/// Gives the crate's error a name.
fn named(error: &Error, tried: usize, window: usize) -> What {
    let format = Format::SevenZip;
    let damaged = |why: String| What::Damaged { format, after: 0, why };
    let password = || match tried {
        0 => What::PasswordNeeded { method: METHOD },
        tried => What::WrongPassword { method: METHOD, tried },
    };
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => password(),
        Error::UnsupportedCompressionMethod(method) => What::Method { format, method: plain(method) },
        Error::MaxMemLimited { .. } => What::WindowBytes { format, limit: window },
        Error::Io(error, _) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            What::EndsEarly { format, after: 0 }
        }
        Error::Io(error, _) => damaged(plain(error)),
        Error::Unsupported(what) => What::Method { format, method: plain(what) },
        Error::ChecksumVerificationFailed | Error::NextHeaderCrcMismatch => {
            damaged("a checksum does not match".to_owned())
        }
        Error::ExternalUnsupported => What::Method { format, method: "an external header".to_owned() },
        other => damaged(plain(other)),
    }
}
