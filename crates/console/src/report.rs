//! What came of a scan, as a report: plain data, which three forms show.

use crate::{page, text};
use serde::Serialize;
use service::jobs::Raised;
use std::path::Path;

/// A report of a scan. It names users and places in the material; of passwords it holds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of Spillwatch that made it.
    pub version: String,
    /// When it was made.
    pub created_date_time: String,
    /// The job; none of a dry run, which has none.
    pub job: Option<JobPart>,
    /// What was asked for.
    pub asked: Asked,
    /// What was read.
    pub material: Material,
    /// What became of lines: each is in exactly one count.
    pub outcomes: Vec<CountOf>,
    /// What verifiers were asked.
    pub verifiers: Verifiers,
    /// What became of what was found.
    pub raised: Option<Raised>,
    /// What was found, in numbers.
    pub totals: Totals,
    /// The same by this and that.
    pub charts: Charts,
    /// What is worth a second look.
    pub warnings: Vec<String>,
    /// What was found, administrators first: up to [`MOST_LINES`](crate::MOST_LINES).
    pub findings: Vec<FindingLine>,
    /// How many findings are not among these.
    pub findings_left_out: u64,
}

/// The job of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPart {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub state: String,
    /// When it was started.
    pub created_date_time: String,
    /// When it came to its end.
    pub ended_date_time: Option<String>,
    /// Why it is held or has failed.
    pub message: Option<String>,
}

/// What a scan was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Files, folders and URLs.
    pub sources: Vec<String>,
    /// What the material is called in evidence.
    pub called: Option<String>,
    /// When it leaked.
    pub leaked_date_time: Option<String>,
    /// The share of users from which on the brake holds, in percent; 0 for never.
    pub brake_percent: u8,
    /// The number of administrators from which on it holds; 0 for never.
    pub brake_administrators: u32,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Material {
    /// Files and objects.
    pub items: u64,
    /// Documents in them.
    pub documents: u64,
    /// What was not read, or not to its end.
    pub problems: u64,
    /// Bytes of text.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Whether all of it was read.
    pub is_read: bool,
}

/// A count with what it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CountOf {
    /// Its name.
    pub name: String,
    /// What it counts, for people.
    pub meaning: String,
    /// How many.
    pub count: u64,
}

/// What verifiers were asked, since the last start of the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verifiers {
    /// Candidates that stood beside a name of a user.
    pub candidates: u64,
    /// Candidates that verifiers were asked about.
    pub verified: u64,
    /// Candidates that had been asked about before.
    pub repeated: u64,
    /// Names of users who have no verifier.
    pub no_verifier: u64,
}

/// What was found, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Users with a current credential.
    pub users: u64,
    /// Of these, administrators.
    pub administrators: u64,
    /// Of the users, those who cannot sign in.
    pub disabled: u64,
    /// Credentials: each is one event.
    pub credentials: u64,
    /// The same with the source and how it was found: each is one item of evidence.
    pub findings: u64,
    /// Places in the material.
    pub occurrences: u64,
}

/// A part of a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Its name.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// What was found, by this and that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Charts {
    /// Findings by source.
    pub by_source: Vec<Share>,
    /// Credentials by class, each by its strongest.
    pub by_class: Vec<Share>,
    /// Users by department, or by the domain of their names where none is known.
    pub by_department: Vec<Share>,
    /// Users who administer something, and others.
    pub by_role: Vec<Share>,
    /// Credentials by the month, or the year, of the leak; or where that is unknown, in which they were first seen.
    pub over_time: Vec<Share>,
}

/// A credential that was found. It has no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingLine {
    /// The user's displayName; empty where the directory does not know them any more.
    pub display_name: String,
    /// userPrincipalName
    pub user_principal_name: String,
    /// The user's id.
    pub user_id: String,
    /// department
    pub department: Option<String>,
    /// Whether they administer something.
    pub is_administrator: bool,
    /// Whether they may sign in, as far as the directory says.
    pub account_enabled: Option<bool>,
    /// The event that stands for the credential, which need not be raised.
    pub event_id: String,
    /// How it fits.
    pub match_class: String,
    /// The attribute that its name was found by.
    pub matched_attribute: Option<String>,
    /// The rule by which that became the directory's.
    pub matched_rule: Option<String>,
    /// The source, as evidence calls it.
    pub source: String,
    /// The document that it stands in first.
    pub document: Option<String>,
    /// The line.
    pub line: Option<u64>,
    /// Where the name begins there, in bytes of the document's text.
    pub offset: Option<u64>,
    /// How the text is laid out there.
    pub shape: Option<String>,
    /// The site that it was used at.
    pub host: Option<String>,
    /// When it leaked.
    pub leaked_date_time: Option<String>,
    /// When it was first seen.
    pub first_seen_date_time: String,
    /// How often it was seen.
    pub occurrences: i32,
}

impl FindingLine {
    /// Whether the source says more than the document's path, at whose end it often stands.
    pub fn names_source(&self) -> bool {
        !self.document.as_deref().is_some_and(|document| document.ends_with(&self.source))
    }

    /// The document, and the line in it: as editors and `grep -n` write it.
    pub fn place(&self) -> String {
        let Some(document) = &self.document else { return "not kept".to_owned() };
        match (self.line, self.offset) {
            (Some(line), _) => format!("{document}:{line}"),
            (None, Some(offset)) => format!("{document}, byte {offset}"),
            (None, None) => document.clone(),
        }
    }
}

/// What a report is made as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportForm {
    /// A page with everything in it.
    Html,
    /// JSON: a [`Report`].
    Json,
    /// Text.
    Text,
}

/// Why a file can be no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no report: its name must end in .html, .json or .txt")]
pub struct NoForm(String);

/// Why a report is not made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page cannot be written.
    #[error("the report's page cannot be made")]
    Page(#[from] askama::Error),
    /// The JSON cannot be written.
    #[error("the report's JSON cannot be made")]
    Json(#[from] serde_json::Error),
}

impl ReportForm {
    /// The form that the end of a file's name says.
    pub fn of(file: &Path) -> Result<Self, NoForm> {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "html" | "htm" => Ok(Self::Html),
            "json" => Ok(Self::Json),
            "txt" => Ok(Self::Text),
            _ => Err(NoForm(file.display().to_string())),
        }
    }
}

impl Report {
    /// Writes it in a form.
    pub fn write(&self, form: ReportForm) -> Result<String, ReportError> {
        Ok(match form {
            ReportForm::Html => page::render(self)?,
            ReportForm::Json => serde_json::to_string_pretty(self)? + "\n",
            ReportForm::Text => text::render(self),
        })
    }

    /// How the scan ended, in a word.
    pub fn state(&self) -> &str {
        self.job.as_ref().map_or("dry run", |job| &job.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_decides_on_the_form() {
        for (name, form) in [
            ("a.html", ReportForm::Html),
            ("B.HTM", ReportForm::Html),
            ("x/r.json", ReportForm::Json),
            ("r.txt", ReportForm::Text),
        ] {
            assert_eq!(ReportForm::of(Path::new(name)), Ok(form));
        }
        for name in ["report", "r.pdf", ".html", "html/"] {
            let refused = ReportForm::of(Path::new(name)).expect_err("no form has that name").to_string();
            assert!(refused.contains(name.trim_end_matches('/')) && refused.contains(".json"), "{refused}");
        }
    }

    #[test]
    fn a_place_is_written_as_editors_do() {
        let line = |document: Option<&str>, line, offset| FindingLine {
            document: document.map(str::to_owned),
            line,
            offset,
            ..FindingLine::default()
        };
        assert_eq!(line(Some("a.zip/b.txt"), Some(7), Some(90)).place(), "a.zip/b.txt:7");
        assert_eq!(line(Some("a.txt"), None, Some(90)).place(), "a.txt, byte 90");
        assert_eq!(line(None, None, None).place(), "not kept");
    }
}
