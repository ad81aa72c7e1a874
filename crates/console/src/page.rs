//! The report as a page: one file with everything in it, which runs no script and asks nothing of anybody.

use crate::chart::{Chart, Columns};
use crate::report::{CountOf, Report, Share};
use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service::jobs::Raised;

/// The most rows of a chart's table among which some may be of nothing.
const MOST_EMPTY: usize = 12;

/// The style sheet, which stands in the page.
const STYLE: &str = include_str!("../templates/report.css");

/// A chart with its counts as a table.
struct Figure {
    title: &'static str,
    note: &'static str,
    unit: &'static str,
    svg: String,
    rows: Vec<Row>,
}

/// A number that stands out.
struct Key {
    name: &'static str,
    value: String,
    is_alarming: bool,
}

/// A row of a table: a name, and a number behind it.
type Row = (String, String);

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    report: &'r Report,
    style: &'static str,
    style_hash: String,
    keys: Vec<Key>,
    figures: Vec<Figure>,
    /// Counts of lines, with the number and the share.
    outcomes: Vec<(&'r CountOf, Row)>,
    /// What became of what was found; empty where nothing was raised.
    raised: Vec<Row>,
    asked: Vec<Row>,
    lines: String,
    documents: String,
    size: String,
    left_out: String,
}

/// Makes the page.
pub(crate) fn render(report: &Report) -> Result<String, askama::Error> {
    let charts = &report.charts;
    let figures = vec![
        bars(
            "time",
            "Over time",
            "Credentials by when they leaked, or were first seen.",
            "credentials",
            &charts.over_time,
        )?,
        bars("source", "By source", "Users' credentials in each source.", "findings", &charts.by_source)?,
        bars(
            "class",
            "By class",
            "How sure it is, by the strongest class of each credential.",
            "credentials",
            &charts.by_class,
        )?,
        bars(
            "department",
            "By department",
            "Users; by domain where no department is known.",
            "users",
            &charts.by_department,
        )?,
        bars("role", "Administrators", "Users who administer something, and others.", "users", &charts.by_role)?,
    ];
    let page = Page {
        report,
        style: STYLE,
        style_hash: STANDARD.encode(digest(&SHA256, STYLE.as_bytes())),
        keys: keys(report),
        figures,
        outcomes: report.outcomes.iter().map(|count| outcome(count, report.material.lines)).collect(),
        raised: report.raised.map(raised).unwrap_or_default(),
        asked: asked(report),
        lines: grouped(report.material.lines),
        documents: grouped(report.material.documents),
        size: size(report.material.bytes),
        left_out: grouped(report.findings_left_out),
    };
    page.render()
}

fn bars(
    id: &'static str,
    title: &'static str,
    note: &'static str,
    unit: &'static str,
    shares: &[Share],
) -> Result<Figure, askama::Error> {
    let counts: Vec<(String, u64)> = shares.iter().map(|share| (share.name.clone(), share.count)).collect();
    let svg = if id == "time" {
        Columns::new(id, title, &counts).render()?
    } else {
        Chart::new(id, title, &counts).render()?
    };
    // Of a long time, months without anything are seen in the chart.
    let seen = counts.iter().filter(|(_, count)| *count > 0 || counts.len() <= MOST_EMPTY);
    let rows = seen.map(|(name, count)| (name.clone(), grouped(*count))).collect();
    Ok(Figure { title, note, unit, svg, rows })
}

fn outcome(count: &CountOf, lines: u64) -> (&CountOf, Row) {
    (count, (grouped(count.count), share(count.count, lines)))
}

fn rows(counts: &[(&str, u64)]) -> Vec<Row> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), grouped(*count))).collect()
}

fn raised(raised: Raised) -> Vec<Row> {
    rows(&[
        ("new events", raised.raised),
        ("events that were remediated, and are open again", raised.reopened),
        ("events with more evidence", raised.added),
        ("known before", raised.known),
        ("of passwords that were changed meanwhile", raised.outdated),
        ("of users who are gone", raised.no_user),
    ])
}

fn asked(report: &Report) -> Vec<Row> {
    let asked = &report.verifiers;
    rows(&[
        ("candidates beside a name of a user", asked.candidates),
        ("verified", asked.verified),
        ("known from before", asked.repeated),
        ("names of users without a verifier", asked.no_verifier),
    ])
}

fn keys(report: &Report) -> Vec<Key> {
    let totals = &report.totals;
    let key = |name, value: u64, is_alarming| Key { name, value: grouped(value), is_alarming };
    vec![
        key("users with a current credential", totals.users, totals.users > 0),
        key("of them administrators", totals.administrators, totals.administrators > 0),
        key("of them cannot sign in", totals.disabled, false),
        key("current credentials", totals.credentials, false),
        key("lines", report.material.lines, false),
        Key { name: "of text", value: size(report.material.bytes), is_alarming: false },
        key("documents", report.material.documents, false),
        key("not read, or not to the end", report.material.problems, report.material.problems > 0),
    ]
}

/// A number with its digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the unit that suits them.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", grouped(tenths / 10), tenths % 10, UNITS[unit])
}

/// A part of a whole in percent.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0.0 %".to_owned();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    if tenths == 0 && part > 0 { "< 0.1 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FindingLine, JobPart};

    fn report() -> Report {
        let line = FindingLine {
            display_name: "Mara <b>Fjord</b>".into(),
            user_principal_name: "mara@fjord.example".into(),
            event_id: "e-1".into(),
            match_class: "pair".into(),
            source: "\"><script>alert(1)</script>".into(),
            document: Some("a'b&c.txt".into()),
            line: Some(7),
            is_administrator: true,
            ..FindingLine::default()
        };
        Report {
            version: "1.2.3".into(),
            created_date_time: "2024-03-02T12:00:00Z".into(),
            job: Some(JobPart {
                id: "j-1".into(),
                state: "held".into(),
                message: Some("too many".into()),
                ..JobPart::default()
            }),
            charts: crate::Charts {
                by_source: vec![Share { name: line.source.clone(), count: 3 }],
                ..crate::Charts::default()
            },
            outcomes: vec![CountOf { name: "password".into(), meaning: "with a user's name".into(), count: 1234 }],
            findings: vec![line],
            findings_left_out: 5,
            ..Report::default()
        }
    }

    #[test]
    fn what_comes_from_the_material_cannot_act_in_the_page() {
        let html = render(&report()).expect("a page");
        assert!(!html.contains("<script") && !html.contains("<b>Fjord"), "{html}");
        assert!(html.contains("&#60;script&#62;") && html.contains("a&#39;b&#38;c.txt:7"), "{html}");
        for said in ["Held", "too many", "1,234", "5 more", "mara@fjord.example", "e-1"] {
            assert!(html.contains(said), "{said}");
        }
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let html = render(&report()).expect("a page");
        let policy = format!(
            "default-src &#39;none&#39;; style-src &#39;sha256-{}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;",
            STANDARD.encode(digest(&SHA256, STYLE.as_bytes()))
        )
        .replace("&#39;", "'");
        assert!(html.contains(&policy), "{html}");
        let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("a style").0;
        assert_eq!(style, STYLE, "what the policy allows is what stands there");
        let lower = html.to_ascii_lowercase();
        for from_elsewhere in
            [" src=", "<link", "@import", "url(", " style=", " onload", "href=\"http", "<form", "<iframe"]
        {
            assert!(!lower.contains(from_elsewhere), "{from_elsewhere}");
        }
    }

    #[test]
    fn every_chart_has_a_title_and_a_table() {
        let html = render(&report()).expect("a page");
        let charts = html.matches("<svg").count();
        assert_eq!(html.matches("role=\"img\"").count(), charts);
        assert_eq!(html.matches("<desc id=").count(), charts, "each is described");
        assert_eq!(html.matches("<figure").count(), charts);
        assert!(charts >= 1 && html.matches("<table").count() > charts);
    }

    #[test]
    fn numbers_are_easy_to_read() {
        let numbers = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in numbers {
            assert_eq!(grouped(number), text);
        }
        let sizes = [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (1_500_000_000, "1.5 GB")];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
        let shares = [((0, 0), "0.0 %"), ((1, 10_000), "< 0.1 %"), ((1, 3), "33.3 %"), ((7, 7), "100.0 %")];
        for ((part, whole), text) in shares {
            assert_eq!(share(part, whole), text);
        }
    }
}
