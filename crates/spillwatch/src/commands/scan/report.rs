//! What came of a scan, and whether that is believable.

use super::progress::Progress;
use super::words;
use crate::cli::Global;
use crate::error::Failure;
use crate::output::rows;
use ::scan::counters::Outcome;
use serde_json::{Value, json};
use service::jobs::Raised;

/// Prints it: numbers on standard output, words beside them on standard error.
pub fn print(global: &Global, progress: &Progress) -> Result<(), Failure> {
    let mut columns = vec!["items", "documents", "problems", "lines", "bytes", "current", "users", "disabledUsers"];
    columns.push("addressOnly");
    let mut values: Vec<Value> = [
        progress.items,
        progress.documents,
        progress.problems,
        progress.lines,
        progress.bytes,
        progress.current,
        progress.users,
        progress.disabled_users,
        progress.address_only,
    ]
    .map(|count| json!(count))
    .to_vec();
    if let Some(raised) = progress.raised {
        columns.extend(["eventsRaised", "eventsReopened", "evidenceAdded", "known", "outdated", "userGone"]);
        let Raised { raised, reopened, added, known, no_user, outdated } = raised;
        values.extend([raised, reopened, added, known, outdated, no_user].map(|count| json!(count)));
    }
    for outcome in Outcome::ALL {
        columns.push(outcome.name());
        values.push(json!(progress.of(*outcome)));
    }
    rows(global, &columns, &[values], "")?;
    for word in believable(progress) {
        anstream::eprintln!("{word}");
    }
    if progress.documents == 0 {
        return Err(Failure::message("nothing was read: not one document could be"));
    }
    Ok(())
}

/// Why nothing was found, where nothing was; and what else is worth a warning.
fn believable(progress: &Progress) -> Vec<String> {
    if progress.is_of_passwords {
        return words::believable(progress);
    }
    let mut words = Vec::new();
    let known: u64 = [
        Outcome::Password,
        Outcome::Hash,
        Outcome::EmptyPassword,
        Outcome::Placeholder,
        Outcome::Advert,
        Outcome::PasswordTooLong,
        Outcome::NameOnly,
    ]
    .map(|outcome| progress.of(outcome))
    .iter()
    .sum();
    if progress.current == 0 && progress.address_only == 0 {
        let unknown = progress.of(Outcome::UnknownAccount);
        words.push(match (progress.lines, known, unknown) {
            (0, ..) => "Nothing was found: there was not one line.".to_owned(),
            (lines, 0, 0) if progress.of(Outcome::ForeignAddress) == 0 => format!(
                "Warning: nothing was found, and none of the {lines} lines has an address or a name of a user. Is this \
                 breach material? A list of passwords that names nobody is scanned with --passwords"
            ),
            (lines, 0, 0) => format!(
                "Nothing was found: of {lines} lines none names a user, and none has an address in your domains. That is \
                 believable for material about others."
            ),
            (_, 0, unknown) => format!(
                "Nothing was found: {unknown} lines have addresses in your domains, none of a user of the directory. Is \
                 the directory complete?"
            ),
            (_, known, _) if progress.of(Outcome::Password) + progress.of(Outcome::Hash) == 0 => format!(
                "Warning: nothing was found: {known} lines name users, and none has anything beside the name that could \
                 be a password. A list of addresses only?"
            ),
            (_, known, _) if progress.asked.verified == 0 && progress.asked.repeated == 0 => format!(
                "Warning: nothing could be found: {known} lines name users, and none of them has a verifier."
            ),
            (_, known, _) => format!(
                "Nothing was found: {known} lines name users, and none of what stands beside their names is current."
            ),
        });
    }
    let without = progress.asked.no_verifier;
    if without > 0 {
        words.push(format!("{without} times a user was named of whom no verifier is known, so nothing can be told."));
    }
    words.extend(words::left_out(progress));
    if progress.problems > 0 {
        words.push(format!("{} things were not read, or not to their end: see above.", progress.problems));
    }
    words
}
