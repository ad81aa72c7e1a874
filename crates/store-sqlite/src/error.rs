//! SQLite's errors in the store's words.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use store::StoreError;

/// Turns an engine's error into the store's; `doing` says what was tried.
pub(crate) fn engine(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt(format!("{doing}: {error}")),
        Some(ErrorCode::NotADatabase) => {
            StoreError::Unusable("the file is not an SQLite database (or it is encrypted)".to_owned())
        }
        Some(ErrorCode::ReadOnly) => StoreError::Unusable(
            "the store's files or their folder are read-only; Spillwatch must be able to write there".to_owned(),
        ),
        Some(ErrorCode::CannotOpen) => StoreError::Unusable(format!("the database file cannot be opened: {error}")),
        _ => StoreError::Engine { doing, source: Box::new(error) },
    }
}

/// Whether the device failed: after that, nobody knows what is on the disk, and asking for the
/// sync again may wrongly succeed.
pub(crate) fn is_io_failure(error: &StoreError) -> bool {
    let StoreError::Engine { source, .. } = error else { return false };
    source
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
        .is_some_and(|code| code == ErrorCode::SystemIoFailure)
}

/// Whether a unique index refused the row.
pub(crate) fn is_duplicate(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(error, _)
        if matches!(error.extended_code, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY))
}
