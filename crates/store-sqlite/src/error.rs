//! SQLite's errors in the store's words.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use store::StoreError;

/// Turns an engine's error into the store's; `doing` says what was tried.
pub(crate) fn engine(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::SystemIoFailure) if !is_device_failure(&error) => StoreError::Full,
        // Rules that a command can break are looked at before.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation) => {
            StoreError::Corrupt(format!("{doing}: {error}"))
        }
        Some(ErrorCode::NotADatabase) => {
            StoreError::Unusable("the file is not an SQLite database (or it is encrypted)".to_owned())
        }
        Some(ErrorCode::ReadOnly) => read_only(),
        Some(ErrorCode::CannotOpen) => StoreError::Unusable(format!("the database file cannot be opened: {error}")),
        None if is_misfit(&error) => StoreError::Corrupt(format!("{doing}: {error}")),
        _ => StoreError::Engine { doing, source: Box::new(error) },
    }
}

/// Nothing can be written.
pub(crate) fn read_only() -> StoreError {
    StoreError::Unusable(
        "the store's files or their folder are read-only; Spillwatch must be able to write there".to_owned(),
    )
}

/// A stored value is of another type than its column.
fn is_misfit(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::InvalidColumnType(..) | E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::Utf8Error(..)
    )
}

fn extended(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

/// Whether the device failed: after that, nobody knows what is on the disk, and asking for the
/// sync again may wrongly succeed.
pub(crate) fn is_io_failure(error: &StoreError) -> bool {
    let StoreError::Engine { source, .. } = error else { return false };
    source.downcast_ref::<rusqlite::Error>().is_some_and(is_device_failure)
}

/// The same of an engine's error. The log's index is no data: nothing is in doubt when it finds no room.
pub(crate) fn is_device_failure(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) && extended(error) != Some(ffi::SQLITE_IOERR_SHMSIZE)
}

/// Whether a statement was ended from outside.
pub(crate) fn is_interrupted(error: &StoreError) -> bool {
    let StoreError::Engine { source, .. } = error else { return false };
    source
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
        .is_some_and(|code| code == ErrorCode::OperationInterrupted)
}

/// Whether a unique index refused the row.
pub(crate) fn is_duplicate(error: &rusqlite::Error) -> bool {
    extended(error) == Some(ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// Whether a row with this key exists.
pub(crate) fn is_known(error: &rusqlite::Error) -> bool {
    extended(error) == Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
}
