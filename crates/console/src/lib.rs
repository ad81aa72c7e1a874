//! Pages and charts, made on the server: what a browser shows needs no script and nothing from elsewhere.
//!
//! So far this is the report of a scan, as a page, as JSON and as text. No form of it holds a password, a fingerprint or
//! a verifier.

mod chart;
mod page;
mod report;
mod tally;
mod text;

pub use chart::{Bar, Chart, Column, Columns};
pub use report::{
    Asked, Charts, CountOf, FindingLine, JobPart, Material, NoForm, Report, ReportError, ReportForm, Share, Totals,
    Verifiers,
};
pub use tally::{MOST_HELD, MOST_LINES, Tally};
