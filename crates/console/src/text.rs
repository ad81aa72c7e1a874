//! The report as text, for terminals and mail.

use crate::page::{grouped, share, size};
use crate::report::{FindingLine, Report, Share};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// The most columns that names take.
const NAMES: usize = 48;

/// Writes it.
pub(crate) fn render(report: &Report) -> String {
    let mut text = Text::default();
    text.line("Spillwatch: scan report");
    text.pairs(&about(report));
    for (title, rows) in [("What was found", totals(report)), ("Material", material(report))] {
        text.title(title);
        text.counts(&rows);
    }
    let charts = &report.charts;
    for (title, shares) in [
        ("Findings by source", &charts.by_source),
        ("Credentials by class", &charts.by_class),
        ("Users by department", &charts.by_department),
        ("Users by role", &charts.by_role),
        ("Credentials over time", &charts.over_time),
    ] {
        let seen: Vec<&Share> = shares.iter().filter(|share| share.count > 0).collect();
        if !seen.is_empty() {
            text.title(title);
            text.counts(&seen.iter().map(|share| (share.name.clone(), grouped(share.count))).collect::<Vec<_>>());
        }
    }
    text.title("Lines");
    let lines = report.material.lines;
    let outcomes = report.outcomes.iter().filter(|outcome| outcome.count > 0);
    let rows = outcomes.map(|outcome| {
        (outcome.name.clone(), format!("{}  {:>7}", grouped(outcome.count), share(outcome.count, lines)))
    });
    text.counts(&rows.collect::<Vec<_>>());
    if !report.warnings.is_empty() {
        text.title("Worth a second look");
        for warning in &report.warnings {
            text.line(&format!("- {warning}"));
        }
    }
    if !report.findings.is_empty() {
        text.title("Whose credentials");
        for line in &report.findings {
            text.finding(line);
        }
    }
    if report.findings_left_out > 0 {
        text.line(&format!("And {} more, which are not listed here.", grouped(report.findings_left_out)));
    }
    text.line("");
    text.line("This names people and where their credentials stand. It holds no password, and nothing made of one.");
    text.0
}

fn about(report: &Report) -> Vec<(String, String)> {
    let mut about = vec![("State".to_owned(), report.state().to_owned())];
    let mut add = |name: &str, value: Option<String>| about.extend(value.map(|value| (name.to_owned(), value)));
    if let Some(job) = &report.job {
        add("Why", job.message.clone());
        add("Job", Some(job.id.clone()));
        add("Started", Some(job.created_date_time.clone()));
        add("Ended", job.ended_date_time.clone());
    }
    add("Report of", Some(report.created_date_time.clone()));
    add("Called", report.asked.called.clone());
    add("Leaked", report.asked.leaked_date_time.clone());
    add("Sources", Some(report.asked.sources.join(", ")));
    about
}

fn totals(report: &Report) -> Vec<(String, String)> {
    let totals = &report.totals;
    let mut rows = vec![
        ("users with a current credential", totals.users),
        ("of them administrators", totals.administrators),
        ("of them cannot sign in", totals.disabled),
        ("current credentials", totals.credentials),
    ];
    if let Some(raised) = &report.raised {
        rows.extend([
            ("new events", raised.raised),
            ("events that are open again", raised.reopened),
            ("events with more evidence", raised.added),
            ("known before", raised.known),
            ("of passwords that were changed meanwhile", raised.outdated),
            ("of users who are gone", raised.no_user),
        ]);
    }
    rows.into_iter().map(|(name, count)| (name.to_owned(), grouped(count))).collect()
}

fn material(report: &Report) -> Vec<(String, String)> {
    let (material, asked) = (&report.material, &report.verifiers);
    vec![
        ("text".to_owned(), size(material.bytes)),
        ("lines".to_owned(), grouped(material.lines)),
        ("documents".to_owned(), grouped(material.documents)),
        ("files and objects".to_owned(), grouped(material.items)),
        ("not read, or not to the end".to_owned(), grouped(material.problems)),
        ("candidates beside a user's name".to_owned(), grouped(asked.candidates)),
        ("of them verified".to_owned(), grouped(asked.verified)),
        ("names of users without a verifier".to_owned(), grouped(asked.no_verifier)),
    ]
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn title(&mut self, title: &str) {
        self.line("");
        self.line(title);
    }

    /// Names with texts behind them.
    fn pairs(&mut self, rows: &[(String, String)]) {
        for (name, value) in rows {
            writeln!(self.0, "  {name:<10}  {value}").expect("a string takes it");
        }
    }

    /// Names with numbers behind them, one below the other.
    fn counts(&mut self, rows: &[(String, String)]) {
        let names = rows.iter().map(|(name, _)| name.width()).max().unwrap_or_default().min(NAMES);
        let values = rows.iter().map(|(_, value)| value.width()).max().unwrap_or_default();
        for (name, value) in rows {
            let gap = names.saturating_sub(name.width()) + values - value.width() + 2;
            writeln!(self.0, "  {name}{:gap$}{value}", "").expect("a string takes it");
        }
    }

    fn finding(&mut self, line: &FindingLine) {
        let name = if line.user_principal_name.is_empty() { &line.user_id } else { &line.user_principal_name };
        let mut about = line.match_class.clone();
        if line.is_administrator {
            about.push_str(", administrator");
        }
        if line.account_enabled == Some(false) {
            about.push_str(", cannot sign in");
        }
        self.line(&format!("  {name} ({}): {about}", line.display_name));
        self.line(&format!("      at {}", line.place()));
        self.line(&format!("      event {}", line.event_id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CountOf, Material};

    #[test]
    fn what_is_not_there_is_not_said() {
        let report = Report {
            material: Material { lines: 2000, ..Material::default() },
            outcomes: vec![
                CountOf { name: "password".into(), meaning: String::new(), count: 1500 },
                CountOf { name: "blank".into(), meaning: String::new(), count: 0 },
            ],
            findings: vec![FindingLine {
                display_name: "Mara".into(),
                user_principal_name: "mara@fjord.example".into(),
                match_class: "pair".into(),
                document: Some("a.txt".into()),
                line: Some(3),
                event_id: "e-1".into(),
                is_administrator: true,
                ..FindingLine::default()
            }],
            ..Report::default()
        };
        let text = render(&report);
        for said in [
            "dry run",
            "password  1,500   75.0 %",
            "mara@fjord.example (Mara): pair, administrator\n      at a.txt:3\n      event e-1",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("blank") && !text.contains("new events") && !text.contains("second look"), "{text}");
    }
}
