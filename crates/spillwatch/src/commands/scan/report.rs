//! What came of a scan, and whether that is believable.

use super::progress::Progress;
use super::reporting::meaning;
use super::words;
use crate::cli::Global;
use crate::error::Failure;
use crate::output::line;
use ::scan::counters::Outcome;
use serde_json::{Value, json};
use service::ScanTotals;
use service::jobs::Raised;

/// Prints it: numbers on standard output, words beside them on standard error. With --json it is the event `summary`.
pub fn print(global: &Global, progress: &Progress, (job, state): (Option<&str>, &str)) -> Result<(), Failure> {
    if global.json {
        line(&summary(progress, job, state).to_string())?;
    } else {
        line(&columns(progress))?;
    }
    for word in believable(progress) {
        anstream::eprintln!("{word}");
    }
    if progress.documents == 0 {
        return Err(Failure::message("nothing was read: not one document could be"));
    }
    Ok(())
}

/// Everything, as an object.
fn summary(progress: &Progress, job: Option<&str>, state: &str) -> Value {
    let ScanTotals { candidates, verified, repeated, no_verifier, left_out, queued } = progress.asked;
    let mut all = json!({
        "event": "summary",
        "job": job,
        "state": state,
        "items": progress.items,
        "documents": progress.documents,
        "problems": progress.problems,
        "lines": progress.lines,
        "bytes": progress.bytes,
        "candidates": candidates,
        "verified": verified,
        "repeated": repeated,
        "withoutVerifier": no_verifier,
        "leftOut": left_out,
        "queued": queued,
        "undecided": progress.undecided,
        "retained": progress.retained,
        "current": progress.current,
        "users": progress.users,
        "disabledUsers": progress.disabled_users,
        "addressOnly": progress.address_only,
    });
    if let Some(Raised { raised, reopened, added, known, no_user, outdated }) = progress.raised {
        all["eventsRaised"] = json!(raised);
        all["eventsReopened"] = json!(reopened);
        all["evidenceAdded"] = json!(added);
        all["known"] = json!(known);
        all["outdated"] = json!(outdated);
        all["userGone"] = json!(no_user);
    }
    for outcome in Outcome::ALL {
        all[outcome.name()] = json!(progress.of(*outcome));
    }
    all
}

/// What is worth a look, for people: names, and numbers behind them. Lines of which there are none are left out.
fn columns(progress: &Progress) -> String {
    let mut rows: Vec<(&str, u64, &str)> = vec![
        ("files", progress.items, ""),
        ("documents", progress.documents, ""),
        ("bytes of text", progress.bytes, ""),
        ("lines", progress.lines, ""),
    ];
    for outcome in Outcome::ALL {
        rows.push((outcome.name(), progress.of(*outcome), meaning(outcome.name())));
    }
    let counts = Outcome::ALL.len();
    rows.extend([
        ("candidates", progress.asked.candidates, "what may be a user's password"),
        ("verified", progress.asked.verified, "of these, verifiers were asked about"),
        ("queued", progress.asked.queued, "of these, slow verifiers are asked about in their turn"),
        ("undecided", progress.undecided, "of these, slow verifiers could not be asked about: the warnings say why"),
        ("current", progress.current, "places at which a current credential stands"),
        ("users", progress.users, "whose they are"),
    ]);
    if progress.retained > 0 {
        rows.push(("retained", progress.retained, "kept for users who come later"));
    }
    if progress.address_only > 0 {
        rows.push(("addresses only", progress.address_only, "named, and no verifier can tell more"));
    }
    if let Some(Raised { raised, reopened, added, known, no_user, outdated }) = progress.raised {
        rows.extend([
            ("events raised", raised, ""),
            ("events reopened", reopened, "they were remediated"),
            ("evidence added", added, "to events that there were"),
            ("known", known, "found before"),
            ("outdated", outdated, "changed since they were found"),
            ("user gone", no_user, ""),
        ]);
    }
    let numbers = rows.iter().map(|(_, count, _)| count.to_string().len()).max().unwrap_or_default();
    let is_count = |place: usize| (4..4 + counts).contains(&place);
    let lines = rows.iter().enumerate().filter(|(place, (_, count, _))| !is_count(*place) || *count > 0).map(
        |(place, (name, count, about))| {
            let name = if is_count(place) { format!("  {name}") } else { (*name).to_owned() };
            format!("{name:<18} {count:>numbers$}  {about}").trim_end().to_owned()
        },
    );
    lines.collect::<Vec<_>>().join("\n")
}

/// Why nothing was found, where nothing was; and what else is worth a warning.
pub fn believable(progress: &Progress) -> Vec<String> {
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
        let (count, were) = (progress.problems, if progress.problems == 1 { "thing was" } else { "things were" });
        words.push(format!("{count} {were} not read, or not to the end; each was named as it came."));
    }
    words
}
