//! The filters that are asked, and what each must answer.
//!
//! The rows are known by their numbers, so the right answers are drawn from the data set and not
//! from a server. What matches stays the same at every size: about 20 events of a user, about 500
//! in a window of time. Only the store around them grows.

use crate::bench::data::{DataSet, SET, YEAR, mix, principal_name, stamp};
use std::collections::HashMap;

/// The risk detections.
const DETECTIONS: &str = "/v1.0/identityProtection/riskDetections";
/// The users at risk.
const RISKY_USERS: &str = "/v1.0/identityProtection/riskyUsers";
/// Events of a page.
pub const PAGE: usize = 100;
/// The level that is asked for.
pub const LEVEL: &str = "high";

/// Different users and windows that are asked for, in turn.
const DIFFERENT: u64 = 4_000;
/// About so many events of the level lie in a window.
const IN_WINDOW: u64 = 500;
/// One of so many events has the level.
const ONE_OF: u64 = 5;

/// A filter of a set, the latest first.
#[derive(Clone, Debug)]
pub struct Query {
    /// The path of the set.
    pub set: &'static str,
    filter: String,
    /// The time by which the answer is sorted.
    pub sorted_by: &'static str,
    /// The property that has one value in every entity that matches, and the value.
    pub same: (&'static str, String),
    /// How many the first page holds.
    pub rows: usize,
    /// Their times, in the order in which they must come; none where only the server knows them.
    pub times: Vec<u64>,
}

impl Query {
    /// The path that asks for the first page; where only the server knows how many match, for as many as do
    /// for sure.
    pub fn path(&self) -> String {
        let top = if self.times.is_empty() { self.rows } else { PAGE };
        let (set, filter, time) = (self.set, encoded(&self.filter), self.sorted_by);
        format!("{set}?$filter={filter}&$orderby={time}%20desc&$top={top}")
    }
}

/// All filters of a store.
#[derive(Clone, Debug)]
pub struct Queries {
    /// The events of a user, for many users.
    pub user: Vec<Query>,
    /// The events of a level in a window of time, for many windows.
    pub range: Vec<Query>,
    /// The events of a level.
    pub level: Vec<Query>,
    /// The same events as risk detections.
    pub detections: Vec<Query>,
    /// The users at risk.
    pub risky_users: Vec<Query>,
    /// How many events have the level.
    pub count: u64,
}

impl Queries {
    /// The filters for a store of these events, rows 0 to the last.
    pub fn of(data: DataSet) -> Self {
        // Steps of a prime: scattered over the users, none twice.
        let users: Vec<u64> = (0..DIFFERENT.min(data.users)).map(|k| k * 7_919 % data.users).collect();
        let mut by_user: HashMap<u64, Vec<u64>> = users.iter().map(|user| (*user, Vec::new())).collect();
        let mut of_level = Vec::new();
        for facts in (0..data.rows).map(|row| data.facts(row)) {
            if let Some(times) = by_user.get_mut(&facts.user) {
                times.push(facts.seconds);
            }
            if facts.level == LEVEL {
                of_level.push(facts.seconds);
            }
        }
        of_level.sort_unstable();
        let user = |user: &u64| {
            let mut times = by_user[user].clone();
            times.sort_unstable();
            let name = principal_name(*user);
            of_events(format!("userPrincipalName eq '{name}'"), ("userPrincipalName", name), page(&times))
        };
        let level = format!("riskLevel eq '{LEVEL}'");
        let span = (IN_WINDOW * ONE_OF * YEAR / data.rows).min(YEAR);
        let range = |k: u64| {
            let begin = mix(k) % (YEAR - span + 1);
            let end = begin + span;
            let inside = of_level.partition_point(|t| *t < begin)..of_level.partition_point(|t| *t < end);
            let (a, b) = (stamp(begin), stamp(end));
            let filter = format!("{level} and riskEventDateTime ge {a} and riskEventDateTime lt {b}");
            of_events(filter, ("riskLevel", LEVEL.into()), page(&of_level[inside]))
        };
        let high = of_events(level.clone(), ("riskLevel", LEVEL.into()), page(&of_level));
        let detections = Query { set: DETECTIONS, sorted_by: "activityDateTime", ..high.clone() };
        let risky_users = Query {
            set: RISKY_USERS,
            filter: "riskState eq 'atRisk'".into(),
            sorted_by: "riskLastUpdatedDateTime",
            same: ("riskState", "atRisk".into()),
            rows: PAGE.min(usize::try_from(data.users / 4).unwrap_or(PAGE)).max(1),
            times: Vec::new(),
        };
        Self {
            user: users.iter().map(user).collect(),
            range: (0..DIFFERENT).map(range).collect(),
            level: vec![high],
            detections: vec![detections],
            risky_users: vec![risky_users],
            count: of_level.len() as u64,
        }
    }

    /// The path of the `$count` of the level.
    pub fn count_path() -> String {
        format!("{SET}/$count?$filter={}", encoded(&format!("riskLevel eq '{LEVEL}'")))
    }
}

/// A filter of events, whose first page holds those of these times.
fn of_events(filter: String, same: (&'static str, String), times: Vec<u64>) -> Query {
    Query { set: SET, filter, sorted_by: "riskEventDateTime", same, rows: times.len(), times }
}

/// The newest of sorted times, newest first.
fn page(times: &[u64]) -> Vec<u64> {
    times.iter().rev().take(PAGE).copied().collect()
}

/// The filters hold nothing else that a URL would not take as it is.
fn encoded(filter: &str) -> String {
    filter.replace(' ', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches_does_not_grow_with_the_store() {
        for rows in [10_000, 200_000] {
            let data = DataSet::of(rows);
            let queries = Queries::of(data);
            let answered: usize = queries.user.iter().map(|query| query.times.len()).sum();
            let mean = answered as f64 / queries.user.len() as f64;
            assert!((17.0..23.0).contains(&mean), "{mean} events of a user at {rows}");
            assert!(queries.range.iter().all(|query| query.times.len() == PAGE), "a page is not full at {rows}");
            assert_eq!(queries.level[0].times.len(), PAGE);
            let share = queries.count as f64 / rows as f64;
            assert!((0.18..0.22).contains(&share), "{share} are {LEVEL} at {rows}");
            let span = IN_WINDOW * ONE_OF * YEAR / rows;
            let inside = |facts: &crate::bench::data::Facts| facts.level == LEVEL && facts.seconds < span;
            let matching = (0..rows).map(|row| data.facts(row)).filter(inside).count();
            assert!((400..600).contains(&matching), "{matching} in a window at {rows}");
        }
    }

    #[test]
    fn answers_come_newest_first_and_from_the_rows_that_are_created() {
        let data = DataSet::of(2_000);
        for query in &Queries::of(data).user {
            let bodies = (0..2_000).map(|row| data.body(row)).filter(|body| body[query.same.0] == query.same.1);
            let mut times: Vec<String> = bodies.map(|body| body["riskEventDateTime"].to_string()).collect();
            times.sort_unstable_by(|a, b| b.cmp(a));
            let expected: Vec<String> = query.times.iter().map(|t| format!("\"{}\"", stamp(*t))).collect();
            assert_eq!(times, expected);
        }
    }

    #[test]
    fn paths_are_urls() {
        let queries = Queries::of(DataSet::of(1_000));
        let path = queries.range[0].path();
        assert!(
            path.starts_with(&format!("{SET}?$filter=riskLevel%20eq%20'high'%20and%20riskEventDateTime%20ge%20202"))
        );
        assert!(path.ends_with("Z&$orderby=riskEventDateTime%20desc&$top=100"), "{path}");
        assert_eq!(Queries::count_path(), format!("{SET}/$count?$filter=riskLevel%20eq%20'high'"));
    }
}
