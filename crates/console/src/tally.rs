//! What was found, gathered for a report.

use crate::report::{Charts, FindingLine, Report, Share, Totals};
use model::{EntityId, Finding, MatchClass, Place, Ticks};
use service::jobs::{JobFinding, Person};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The most findings that a report is made of.
pub const MOST_HELD: usize = 50_000;
/// The most findings that a report lists.
pub const MOST_LINES: usize = 1_000;
/// The most parts of a chart; the rest are one.
const MOST_PARTS: usize = 12;
/// The most months that are shown; what goes over more is shown by years.
const MOST_MONTHS: usize = 36;
/// The most years that are shown.
const MOST_YEARS: usize = 60;

/// What tells findings apart. The fingerprint stays here.
type Key = (EntityId, [u8; 32], Finding);

struct Held {
    event: EntityId,
    place: Option<Place>,
    leaked: Option<Ticks>,
    first_seen: Ticks,
    occurrences: i32,
}

/// Gathers findings, each once however often it is told, and at most [`MOST_HELD`].
#[derive(Default)]
pub struct Tally {
    held: HashMap<Key, Held>,
    left_out: u64,
}

impl Tally {
    /// Takes a finding in.
    pub fn add(&mut self, JobFinding { event, found }: JobFinding) {
        let key = (found.user, found.fingerprint, found.finding);
        if let Some(known) = self.held.get_mut(&key) {
            known.occurrences = known.occurrences.saturating_add(found.occurrences);
            known.first_seen = known.first_seen.min(found.first_seen);
            known.leaked = known.leaked.into_iter().chain(found.leaked).min();
            known.place = Place::first(known.place.take(), found.place);
        } else if self.held.len() < MOST_HELD {
            let (place, leaked, first_seen, occurrences) =
                (found.place, found.leaked, found.first_seen, found.occurrences);
            self.held.insert(key, Held { event, place, leaked, first_seen, occurrences });
        } else {
            self.left_out += 1;
        }
    }

    /// Whom the findings are about.
    pub fn users(&self) -> HashSet<EntityId> {
        self.held.keys().map(|(user, ..)| user.clone()).collect()
    }

    /// Puts what was found into a report. Whoever is not among the people is not known to the directory any more.
    pub fn tell(self, people: &HashMap<EntityId, Person>, report: &mut Report) {
        let users: BTreeSet<&EntityId> = self.held.keys().map(|(user, ..)| user).collect();
        let person = |user: &EntityId| people.get(user);
        let is_administrator = |user: &EntityId| person(user).is_some_and(|person| person.is_administrator);
        let is_disabled = |user: &EntityId| person(user).is_some_and(|person| person.is_enabled == Some(false));
        let credentials = credentials(&self.held);
        let administrators = users.iter().filter(|user| is_administrator(user)).count() as u64;
        report.totals = Totals {
            users: users.len() as u64,
            administrators,
            disabled: users.iter().filter(|user| is_disabled(user)).count() as u64,
            credentials: credentials.len() as u64,
            findings: self.held.len() as u64,
            occurrences: self.held.values().map(|held| u64::from(held.occurrences.unsigned_abs())).sum(),
        };
        report.charts = Charts {
            by_source: parts(self.held.keys().map(|(.., finding)| finding.source.to_string())),
            by_class: classes(&credentials),
            by_department: parts(users.iter().map(|user| part_of(person(user)))),
            by_role: vec![
                Share { name: "administrators".to_owned(), count: administrators },
                Share { name: "other users".to_owned(), count: users.len() as u64 - administrators },
            ],
            over_time: over_time(credentials.values().map(|(_, time)| *time)),
        };
        let all = self.held.len() as u64 + self.left_out;
        let mut lines: Vec<FindingLine> = self.held.into_iter().map(|(key, held)| line(key, held, people)).collect();
        lines.sort_by_cached_key(|line| {
            let who = (!line.is_administrator, line.user_principal_name.clone(), line.event_id.clone());
            let how = (line.match_class.clone(), line.matched_attribute.clone(), line.matched_rule.clone());
            (who, line.source.clone(), how)
        });
        lines.truncate(MOST_LINES);
        report.findings_left_out = all - lines.len() as u64;
        report.findings = lines;
        if self.left_out > 0 {
            report.warnings.push(format!(
                "The charts and the list are of the first {MOST_HELD} findings: {} more were not taken in.",
                self.left_out
            ));
        }
    }
}

/// Credentials by their events: the strongest class of each, and the first time that is known of it.
fn credentials(held: &HashMap<Key, Held>) -> HashMap<&EntityId, (MatchClass, Ticks)> {
    let mut credentials = HashMap::new();
    for ((.., finding), held) in held {
        let time = held.leaked.unwrap_or(held.first_seen);
        let (class, first) = credentials.entry(&held.event).or_insert((finding.match_class, time));
        *class = (*class).min(finding.match_class);
        *first = (*first).min(time);
    }
    credentials
}

/// What the directory says of where a user belongs.
fn part_of(person: Option<&Person>) -> String {
    let Some(person) = person else { return "not in the directory any more".to_owned() };
    let domain = || person.name.rsplit_once('@').map_or_else(|| "none".to_owned(), |(_, domain)| format!("@{domain}"));
    person.department.as_deref().map_or_else(domain, str::to_owned)
}

/// The largest parts, the largest first, and the rest as one.
fn parts(names: impl Iterator<Item = String>) -> Vec<Share> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut all: Vec<Share> = counts.into_iter().map(|(name, count)| Share { name, count }).collect();
    all.sort_by_key(|share| std::cmp::Reverse(share.count)); // those alike stay in the order of their names
    if all.len() > MOST_PARTS {
        let rest = all.split_off(MOST_PARTS - 1);
        let name = format!("{} others", rest.len());
        all.push(Share { name, count: rest.iter().map(|share| share.count).sum() });
    }
    all
}

/// Every class that there is, the strongest first.
fn classes(credentials: &HashMap<&EntityId, (MatchClass, Ticks)>) -> Vec<Share> {
    let mut counts: BTreeMap<MatchClass, u64> = BTreeMap::new();
    for (class, _) in credentials.values() {
        *counts.entry(*class).or_default() += 1;
    }
    counts.into_iter().map(|(class, count)| Share { name: class.name().to_owned(), count }).collect()
}

/// Counts by months without gaps; by years where that would be too many.
fn over_time(times: impl Iterator<Item = Ticks>) -> Vec<Share> {
    let mut months: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for time in times {
        let text = time.to_string(); // 2024-03-01T..
        let mut numbers = text.split('-').map(|number| number.parse::<u32>().unwrap_or_default());
        let month = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        *months.entry(month).or_default() += 1;
    }
    let (Some((first, _)), Some((last, _))) = (months.first_key_value(), months.last_key_value()) else {
        return Vec::new();
    };
    let number = |(year, month): (u32, u32)| year * 12 + month.saturating_sub(1);
    if (number(*last) - number(*first)) as usize <= MOST_MONTHS {
        let all = number(*first)..=number(*last);
        let share = |number: u32| {
            let (year, month) = (number / 12, number % 12 + 1);
            let count = months.get(&(year, month)).copied().unwrap_or_default();
            Share { name: format!("{year:04}-{month:02}"), count }
        };
        return all.map(share).collect();
    }
    let mut years: BTreeMap<u32, u64> = BTreeMap::new();
    for ((year, _), count) in &months {
        *years.entry(*year).or_default() += count;
    }
    let begin = first.0.max((last.0 + 1).saturating_sub(MOST_YEARS as u32));
    let before: u64 = years.range(..begin).map(|(_, count)| count).sum();
    let earlier = (before > 0).then(|| Share { name: format!("before {begin}"), count: before });
    let share = |year: u32| Share { name: format!("{year:04}"), count: years.get(&year).copied().unwrap_or_default() };
    earlier.into_iter().chain((begin..=last.0).map(share)).collect()
}

fn line((user, _, finding): Key, held: Held, people: &HashMap<EntityId, Person>) -> FindingLine {
    let person = people.get(&user);
    let place = held.place;
    FindingLine {
        display_name: person.map(|person| person.display_name.to_string()).unwrap_or_default(),
        user_principal_name: person.map(|person| person.name.to_string()).unwrap_or_default(),
        user_id: user.to_string(),
        department: person.and_then(|person| person.department.as_deref()).map(str::to_owned),
        is_administrator: person.is_some_and(|person| person.is_administrator),
        account_enabled: person.and_then(|person| person.is_enabled),
        event_id: held.event.to_string(),
        match_class: finding.match_class.name().to_owned(),
        matched_attribute: finding.matched_attribute.map(Into::into),
        matched_rule: finding.matched_rule.map(Into::into),
        source: finding.source.into(),
        line: place.as_ref().and_then(|place| place.line),
        offset: place.as_ref().map(|place| place.offset),
        shape: place.as_ref().map(|place| place.shape.to_string()),
        host: place.as_ref().and_then(|place| place.host.as_deref()).map(str::to_owned),
        document: place.map(|place| place.document.into()),
        leaked_date_time: held.leaked.map(|time| time.to_string()),
        first_seen_date_time: held.first_seen.to_string(),
        occurrences: held.occurrences,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::FoundCredential;

    fn ticks(text: &str) -> Ticks {
        text.parse().expect("a time")
    }

    fn finding(user: &str, event: &str, source: &str, leaked: Option<&str>) -> JobFinding {
        JobFinding {
            event: event.parse().expect("an id"),
            found: FoundCredential {
                user: user.parse().expect("an id"),
                fingerprint: [event.as_bytes()[0]; 32],
                finding: Finding {
                    source: source.into(),
                    match_class: MatchClass::Pair,
                    matched_attribute: Some("mail".into()),
                    matched_rule: None,
                },
                proof: None,
                as_of: Ticks::default(),
                leaked: leaked.map(ticks),
                first_seen: ticks("2024-05-02T00:00:00Z"),
                last_seen: ticks("2024-05-02T00:00:00Z"),
                occurrences: 2,
                place: Some(Place::new(source, (40, Some(3)), "combo", None)),
                candidate: None,
            },
        }
    }

    fn told(findings: impl IntoIterator<Item = JobFinding>, people: &HashMap<EntityId, Person>) -> Report {
        let (mut tally, mut report) = (Tally::default(), Report::default());
        for finding in findings {
            tally.add(finding);
        }
        tally.tell(people, &mut report);
        report
    }

    fn share(name: &str, count: u64) -> Share {
        Share { name: name.to_owned(), count }
    }

    #[test]
    fn what_was_found_is_told_by_this_and_that() {
        let person = |name: &str, department: Option<&str>, is_administrator: bool| Person {
            display_name: "Somebody".into(),
            name: name.into(),
            department: department.map(Into::into),
            is_enabled: Some(!is_administrator),
            is_administrator,
        };
        let people = HashMap::from([
            ("u1".parse().expect("an id"), person("u1@fjord.example", Some("Sales"), false)),
            ("u2".parse().expect("an id"), person("u2@fjord.example", None, true)),
        ]);
        let mut by_hash = finding("u1", "a", "one.txt", None);
        by_hash.found.finding.match_class = MatchClass::PairByHash;
        let report = told(
            [
                finding("u1", "a", "one.txt", Some("2024-03-01T00:00:00Z")),
                finding("u1", "a", "one.txt", None), // once more
                by_hash,
                finding("u2", "b", "two.txt", None),
                finding("gone", "c", "one.txt", None),
            ],
            &people,
        );
        let totals = Totals { users: 3, administrators: 1, disabled: 1, credentials: 3, findings: 4, occurrences: 10 };
        assert_eq!(report.totals, totals);
        assert_eq!(report.charts.by_source, [share("one.txt", 3), share("two.txt", 1)]);
        assert_eq!(report.charts.by_class, [share("pair", 3)], "each credential by its strongest class");
        let departments = [share("@fjord.example", 1), share("Sales", 1), share("not in the directory any more", 1)];
        assert_eq!(report.charts.by_department, departments);
        assert_eq!(report.charts.over_time, [share("2024-03", 1), share("2024-04", 0), share("2024-05", 2)]);
        let listed: Vec<_> = report.findings.iter().map(|line| (&*line.user_id, &*line.match_class)).collect();
        assert_eq!(listed, [("u2", "pair"), ("gone", "pair"), ("u1", "pair"), ("u1", "pairByHash")]);
        assert_eq!((report.findings_left_out, report.warnings.len()), (0, 0));
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let all = (0..MOST_HELD + 7).map(|number| {
            let mut finding = finding("u", "a", "one.txt", None);
            finding.found.fingerprint[..8].copy_from_slice(&number.to_le_bytes());
            finding
        });
        let report = told(all, &HashMap::new());
        assert_eq!(report.findings.len(), MOST_LINES);
        assert_eq!(report.findings_left_out, (MOST_HELD + 7 - MOST_LINES) as u64);
        assert!(report.warnings[0].contains("7 more"), "{:?}", report.warnings);
    }

    #[test]
    fn many_sources_and_years_become_few() {
        let many = (0..40).map(|n| finding("u", "a", &format!("{n:02}.txt"), None));
        let by_source = told(many, &HashMap::new()).charts.by_source;
        assert_eq!(by_source.len(), MOST_PARTS);
        assert_eq!(by_source.last(), Some(&share("29 others", 29)));
        let times = ["1970-01-01T00:00:00Z", "2020-06-01T00:00:00Z", "2024-03-01T00:00:00Z"].map(ticks);
        let years = over_time(times.into_iter());
        assert_eq!((years.len(), &years[0], &years[50]), (55, &share("1970", 1), &share("2020", 1)));
        let ancient = over_time(["1700-01-01T00:00:00Z", "2024-03-01T00:00:00Z"].map(ticks).into_iter());
        assert_eq!((ancient.len(), &ancient[0]), (MOST_YEARS + 1, &share("before 1965", 1)));
        assert_eq!(over_time(std::iter::empty()), []);
    }
}
