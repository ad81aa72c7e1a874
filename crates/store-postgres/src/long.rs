//! Which reads may look at many rows for each that they answer. A few of those run at a time, so that they leave
//! connections and the server to the others.

use crate::rest::Rest;
use model::edm::{event as at, risky_user as risky_at};
use odata::expression::bound::{Expression, OrderKey};
use store::Source;
use store::kept::is_about;
use store::plan::{Bounds, conjuncts, equals, is_property, users_by};

/// So many rows are passed over one by one without a thought.
const FEW: u64 = 10_000;

/// Whether a page may be long: rows of a source that a filter keeps, in an order, after some that are passed over.
pub(crate) fn is_long_page(source: Source, filter: Option<&Expression>, keys: &[OrderKey], skip: u64) -> bool {
    if skip > FEW || Rest::of(filter, keys).is_some() {
        return true;
    }
    if finds_few(source, filter) {
        return false;
    }
    let (times, values): (&[usize], &[usize]) = match source {
        Source::Events(_) => (
            &[at::RISK_EVENT_DATE_TIME, at::CREATED_DATE_TIME, at::LAST_UPDATED_DATE_TIME],
            &[at::RISK_LEVEL, at::RISK_EVENT_STATUS],
        ),
        Source::RiskyUsers => (&[risky_at::RISK_LAST_UPDATED_DATE_TIME], &[]),
        Source::Users => (&[], &[]),
    };
    // Along one index, in its order, until the page is full.
    let sorted_by = match keys {
        [] => None,
        [key] => match times.iter().find(|time| is_property(&key.expression, **time)) {
            Some(time) => Some(*time),
            None => return true,
        },
        _ => return true,
    };
    let mut pinned = None;
    for part in filter.map(conjuncts).unwrap_or_default() {
        let is_range = sorted_by.is_some_and(|time| !Bounds::of(part, time).is_open());
        let is_value = values.iter().find(|position| is_about(part, **position));
        let fits = is_range || (is_value.is_some() && (pinned.is_none() || pinned == is_value));
        // An index over level or status goes on with riskEventDateTime.
        if !fits || (is_value.is_some() && sorted_by != Some(at::RISK_EVENT_DATE_TIME)) {
            return true;
        }
        pinned = is_value.or(pinned);
    }
    false
}

/// Whether a count may be long.
pub(crate) fn is_long_count(source: Source, filter: &Expression) -> bool {
    Rest::of(Some(filter), &[]).is_some() || !finds_few(source, Some(filter))
}

/// Whether a filter names ids, or people.
fn finds_few(source: Source, filter: Option<&Expression>) -> bool {
    let any = |positions: &[usize]| positions.iter().any(|position| equals(filter, *position).is_some());
    match source {
        Source::Events(_) => any(&[at::ID, at::USER_ID, at::USER_PRINCIPAL_NAME]),
        Source::Users => users_by(filter).is_some(),
        Source::RiskyUsers => any(&[risky_at::ID, risky_at::USER_PRINCIPAL_NAME]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Ticks;
    use model::edm::{LEAKED_CREDENTIALS_RISK_EVENT, MODEL, RISKY_USER, USER};
    use odata::expression::Scope;
    use store::plan::{events_order, risky_users_order};

    fn is_long(source: Source, filter: &str, order_by: &str) -> bool {
        let ty = match source {
            Source::Events(_) => &LEAKED_CREDENTIALS_RISK_EVENT,
            Source::Users => &USER,
            Source::RiskyUsers => &RISKY_USER,
        };
        let scope = Scope::new(&MODEL, ty, Ticks::default());
        let filter = (!filter.is_empty()).then(|| scope.condition(filter).expect(filter));
        let keys = if order_by.is_empty() { Vec::new() } else { scope.order(order_by).expect(order_by) };
        let keys = match source {
            Source::Events(_) => events_order(filter.as_ref(), &keys),
            Source::Users => keys,
            Source::RiskyUsers => risky_users_order(filter.as_ref(), &keys),
        };
        is_long_page(source, filter.as_ref(), &keys, 0)
    }

    #[test]
    fn what_an_index_serves_in_order_is_short() {
        let events = Source::Events(None);
        for (filter, order_by) in [
            ("", ""),
            ("", "createdDateTime desc"),
            ("", "riskEventDateTime"),
            ("riskLevel eq 'high'", ""),
            ("riskLevel eq 'high' and riskEventDateTime gt 2024-01-01T00:00:00Z", ""),
            ("riskEventStatus eq 'active'", "riskEventDateTime desc"),
            ("createdDateTime ge 2024-01-01T00:00:00Z", ""),
            ("userId eq 'u1' and startswith(userDisplayName,'a')", "userDisplayName"),
            ("id in ('a','b')", ""),
        ] {
            assert!(!is_long(events, filter, order_by), "{filter} {order_by}");
        }
        assert!(!is_long(Source::Users, "", ""));
        assert!(!is_long(Source::Users, "userPrincipalName eq 'mara@fjord.example'", "displayName"));
        assert!(!is_long(Source::RiskyUsers, "riskLastUpdatedDateTime gt 2024-01-01T00:00:00Z", ""));
        assert!(!is_long(Source::RiskyUsers, "id eq 'u1'", ""));
    }

    #[test]
    fn what_is_searched_or_sorted_may_be_long() {
        let events = Source::Events(None);
        for (filter, order_by) in [
            ("contains(userDisplayName,'a')", ""),
            ("matchesPattern(userDisplayName,'^a')", ""),
            ("riskLevel eq 'high' and riskEventStatus eq 'active'", ""),
            ("riskLevel eq 'high'", "createdDateTime"),
            ("", "userDisplayName"),
            ("", "riskEventDateTime,id"),
            ("not (riskEventType eq 'a')", ""),
        ] {
            assert!(is_long(events, filter, order_by), "{filter} {order_by}");
        }
        assert!(is_long(Source::Users, "", "displayName"));
        assert!(is_long(Source::RiskyUsers, "riskLevel eq 'high'", ""));
        assert!(is_long_page(events, None, &[], 1_000_000), "what is passed over is read too");
    }
}
