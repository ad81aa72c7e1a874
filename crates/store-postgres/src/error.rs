//! PostgreSQL's errors in the store's words.

use deadpool_postgres::PoolError;
use store::StoreError;
use tokio_postgres::error::SqlState;

/// How long a statement that reads may take; the server ends it then.
pub(crate) const MOST_SECONDS: u64 = 10;

/// Turns a server's error into the store's; `doing` says what was tried.
pub(crate) fn engine(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> StoreError + Copy {
    move |error| {
        let Some(code) = error.code() else {
            return if is_broken(&error) {
                StoreError::Unavailable(told(&error))
            } else {
                StoreError::Engine { doing, source: Box::new(error) }
            };
        };
        match *code {
            SqlState::QUERY_CANCELED => StoreError::TooLong { seconds: MOST_SECONDS },
            SqlState::DISK_FULL => StoreError::Full,
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED | SqlState::LOCK_NOT_AVAILABLE => {
                StoreError::Busy
            }
            // Rules that a command can break are looked at before.
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED | SqlState::UNIQUE_VIOLATION => {
                StoreError::Corrupt(format!("{doing}: {}", told(&error)))
            }
            SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_FUNCTION => {
                StoreError::Unusable(format!(
                    "the database's schema is not this version's ({}); bring it up to date with `spillwatch migrate`",
                    told(&error)
                ))
            }
            // As for one that is gone: another server may be the one that takes writes now.
            ref code if is_away(code) => StoreError::Unavailable(told(&error)),
            _ => StoreError::Engine { doing, source: Box::new(error) },
        }
    }
}

/// The same for a connection that could not be had.
pub(crate) fn connecting(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) if error.code().is_some_and(is_refusal) => StoreError::Unusable(told(&error)),
        PoolError::Backend(error) => StoreError::Unavailable(told(&error)),
        PoolError::Timeout(_) => StoreError::Unavailable("no connection came free in time".to_owned()),
        PoolError::Closed => StoreError::Stopped("it was closed".to_owned()),
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// Whether the server cannot serve at present.
fn is_away(code: &SqlState) -> bool {
    let classes = ["08", "57P", "58"]; // connection, operator's intervention, system error
    classes.iter().any(|class| code.code().starts_with(class))
        || [
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code)
}

/// Whether it will never let us in as we are.
fn is_refusal(code: &SqlState) -> bool {
    code.code().starts_with("28") || *code == SqlState::UNDEFINED_DATABASE || *code == SqlState::INSUFFICIENT_PRIVILEGE
}

/// Whether the connection is lost; then nobody knows what became of a commit that was under way.
pub(crate) fn is_broken(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error.code().is_none()
            && std::error::Error::source(error).is_none_or(<dyn std::error::Error>::is::<std::io::Error>)
}

/// What the server said, without the statement, whose values may be anybody's.
fn told(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
