//! Query options: what is printed parses again, errors lie in the text, and the store answers what the
//! evaluator says.

use super::world::{Seen, World};
use super::{check_message, world};
use model::edm;
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use odata::expression::bound::{Expression, OrderKey, PropertyPath};
use odata::expression::evaluate::{Evaluator, Value};
use odata::expression::{ExpressionErrors, Limits, Scope, parse};
use odata::query::{BoundQuery, Context, QueryErrors, QueryOptions, bind};
use service::{EventSet, Listed, Page, PageToken};
use std::cmp::Ordering;
use std::sync::LazyLock;
use store::Carried;
use store::sql::Place;

/// Deeper and longer than a request may be: what the parser itself must bear.
const WIDE: Limits = Limits { text: usize::MAX, depth: Limits::DEEPEST, nodes: 1 << 20, expand: 4 };

/// The sets, and what they hold.
const SETS: [(Listed, &EntityType); 3] = [
    (Listed::Events(EventSet::Identity), &edm::IDENTITY_RISK_EVENT),
    (Listed::Events(EventSet::LeakedCredentials), &edm::LEAKED_CREDENTIALS_RISK_EVENT),
    (Listed::Users, &edm::USER),
];

/// Checks a `$filter` on every set. What follows a line feed are the values of `@p`, `@q` and so on.
pub(super) fn filter(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let text = lines.next().unwrap_or_default();
    let aliases: Vec<(String, String)> =
        ["p", "q", "r"].iter().zip(lines).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect();
    check_syntax(text);
    World::still(|world| {
        for (listed, ty) in SETS {
            let scope = Scope { aliases: &aliases, ..Scope::new(&edm::MODEL, ty, crate::app::now()) };
            match scope.condition(text) {
                Ok(filter) => check_filter(world, listed, &filter),
                Err(errors) => check_errors(&errors, text, &aliases),
            }
            if let Err(errors) = scope.order(text) {
                check_errors(&errors, text, &aliases);
            }
        }
    });
}

/// A tree that is printed parses as the same tree, and is then printed the same.
fn check_syntax(text: &str) {
    if let Err(error) = parse(text, &WIDE) {
        return check_errors(&error.into(), text, &[]);
    }
    // What is printed may have parentheses around each operand, which are levels too.
    let Ok(tree) = parse(text, &Limits { depth: Limits::DEEPEST / 2, ..WIDE }) else { return };
    let printed = tree.to_string();
    let again = parse(&printed, &WIDE).unwrap_or_else(|error| panic!("{text} printed as {printed}: {error}"));
    assert_eq!(again, tree, "{text} printed as {printed}");
    assert_eq!(again.to_string(), printed, "{text}");
}

/// Every error says where it is, and that is a place in the text.
fn check_errors(errors: &ExpressionErrors, text: &str, aliases: &[(String, String)]) {
    assert!(!errors.kept().is_empty(), "refused without a reason: {text}");
    check_message(&errors.to_string());
    for error in errors.kept() {
        check_message(&error.to_string());
        let text = match &error.alias {
            None => text,
            Some(alias) => aliases.iter().find(|(name, _)| **name == **alias).map_or("", |(_, value)| value.as_str()),
        };
        let (start, end) = (error.span.start as usize, error.span.end as usize);
        assert!(start <= end && end <= text.len(), "{error:?} of {text}");
        let before = text.get(..start).unwrap_or_else(|| panic!("{error:?} begins within a character of {text}"));
        assert!(text.is_char_boundary(end), "{error:?} ends within a character of {text}");
        assert_eq!(error.column, before.chars().count() + 1, "{error:?} of {text}");
    }
}

/// The rows of a set as expressions see them, in the order of their creation.
fn rows(world: &World, listed: Listed) -> Vec<Seen<'_>> {
    let is_leaked = |row: &&model::RiskEvent| row.kind == model::EventKind::LeakedCredentials;
    match listed {
        Listed::Events(EventSet::Identity) => world.events.iter().map(|event| world.seen(event)).collect(),
        Listed::Events(_) => world.events.iter().filter(is_leaked).map(|event| world.seen(event)).collect(),
        Listed::Detections | Listed::RiskyUsers => unreachable!("they are not among the sets above"),
        Listed::Users => world.users.iter().map(|user| world::Seen::alone(user)).collect(),
    }
}

/// The store counts the rows that the evaluator keeps.
fn check_filter(world: &World, listed: Listed, filter: &Expression) {
    let evaluator = Evaluator::new(filter);
    let expected = rows(world, listed).iter().filter(|row| evaluator.matches(*row)).count();
    let counted = world.run(world.app.app.service.count(&world.caller, listed, Some(filter.clone())));
    let counted = counted.unwrap_or_else(|error| panic!("{error:?} from {filter:?}"));
    assert_eq!(counted, expected as u64, "{listed:?} {filter:?}");
}

/// What `$search` looks through.
static EVENT_SEARCH: LazyLock<Vec<PropertyPath>> =
    LazyLock::new(|| paths(&edm::IDENTITY_RISK_EVENT, &["userDisplayName", "userId", "impactedUser/displayName"]));
static USER_SEARCH: LazyLock<Vec<PropertyPath>> =
    LazyLock::new(|| paths(&edm::USER, &["displayName", "mail", "jobTitle"]));

fn paths(ty: &'static EntityType, names: &[&str]) -> Vec<PropertyPath> {
    names.iter().map(|name| PropertyPath::find(ty, name).expect("a property of the model")).collect()
}

/// Checks a whole query, percent-encoded as it stands in a URL, on every set.
pub(super) fn query(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let options = match QueryOptions::parse(text) {
        Ok(options) => options,
        Err(error) => return check_message(&error.to_string()),
    };
    assert!(options.without_tokens().len() <= text.len());
    World::still(|world| {
        for (listed, ty) in SETS {
            let search = if listed == Listed::Users { &*USER_SEARCH } else { &*EVENT_SEARCH };
            let context = Context { search, ..Context::at(crate::app::now()) };
            match bind(&options, &edm::MODEL, ty, &context) {
                Ok(query) => check_pages(world, listed, &query),
                Err(errors) => check_query_errors(&errors, &options),
            }
        }
    });
}

fn check_query_errors(errors: &QueryErrors, options: &QueryOptions) {
    assert!(!errors.kept().is_empty());
    check_message(&errors.to_string());
    for error in errors.kept() {
        check_message(&error.to_string());
        assert!((1..=256).contains(&error.target.chars().count()), "{error:?}");
        let alias = error.target.strip_prefix('@');
        let alias = alias.and_then(|alias| options.aliases().iter().find(|(name, _)| name == alias));
        let value = alias.map(|(_, value)| value.as_str()).or_else(|| options.get(error.option));
        let value = value.unwrap_or_else(|| panic!("{error:?} is about an option that was not sent"));
        if let Some(column) = error.column {
            assert!((1..=value.chars().count() + 1).contains(&column), "{error:?} of {value}");
        }
    }
}

/// Pages of a few rows, put together, are the evaluator's rows in the evaluator's order.
fn check_pages(world: &World, listed: Listed, query: &BoundQuery) {
    let _ = (query.projection(), query.select.positions());
    let expected = expected(world, listed, query);
    let tokens = world.app.app.service.page_tokens();
    let (mut found, mut after, mut skip) = (Vec::new(), None, query.skip);
    loop {
        let page = Page {
            filter: query.filter.clone(),
            order_by: query.order_by.clone(),
            after: after.take(),
            skip,
            limit: 4,
            carried: Carried::PROPERTIES,
        };
        let mut sink = |row: &dyn Row| {
            found.push(id(row));
            Ok(())
        };
        let place = world.run(world.app.app.service.list(&world.caller, listed, page, &mut sink));
        let Some(place) = place.unwrap_or_else(|error| panic!("{error:?} from {query:?}")) else { break };
        assert!(found.len() <= expected.len(), "{found:?} instead of {expected:?} by {query:?}");
        skip = 0;
        let token = PageToken { now: crate::app::now(), place: place.clone() };
        let sealed = tokens.seal(world.caller.tenant, "q", &token);
        let opened = tokens.open(world.caller.tenant, "q", &sealed);
        assert_eq!(opened, Some(token), "a token of {} bytes", sealed.len());
        after = Some(place);
    }
    if query.order_by.is_empty() {
        // The store chooses an order of its own.
        let (mut found, mut all) = (found, expected);
        assert_eq!(found.len() as u64, (all.len() as u64).saturating_sub(query.skip), "{query:?}");
        found.sort_unstable();
        found.dedup();
        all.retain(|id| found.contains(id));
        all.sort_unstable();
        assert_eq!(found, all, "{query:?}");
    } else {
        let skipped = usize::try_from(query.skip).unwrap_or(usize::MAX).min(expected.len());
        assert_eq!(found, expected[skipped..], "{query:?}");
    }
    check_place_of_another_order(world, listed, query);
}

/// A place that another order gave leads nowhere, and nothing fails.
fn check_place_of_another_order(world: &World, listed: Listed, query: &BoundQuery) {
    let place = Place { values: vec![store::sql::SqlValue::Integer(7); query.order_by.len() + 1], row_key: 3 };
    let page = Page {
        filter: query.filter.clone(),
        order_by: query.order_by.clone(),
        after: Some(place),
        skip: 0,
        limit: 1,
        carried: Carried::PROPERTIES,
    };
    let mut sink = |_: &dyn Row| Ok(());
    let place = world.run(world.app.app.service.list(&world.caller, listed, page, &mut sink));
    assert!(place.is_ok(), "{place:?} from {query:?}");
}

fn id(row: &dyn Row) -> String {
    match row.cell(0) {
        Cell::Text(id) => id.to_owned(),
        other => panic!("an id is {other:?}"),
    }
}

/// The ids of the rows that a query keeps, in its order.
fn expected(world: &World, listed: Listed, query: &BoundQuery) -> Vec<String> {
    let filter = query.filter.as_ref().map(Evaluator::new);
    let keys: Vec<(Evaluator<'_>, bool)> = query
        .order_by
        .iter()
        .map(|OrderKey { expression, descending }| (Evaluator::new(expression), *descending))
        .collect();
    let all = rows(world, listed);
    let kept = all.iter().enumerate().filter(|(_, row)| filter.as_ref().is_none_or(|filter| filter.matches(*row)));
    let mut kept: Vec<(Vec<Value<'_>>, usize, String)> =
        kept.map(|(at, row)| (keys.iter().map(|(key, _)| key.value(row)).collect(), at, id(row.row))).collect();
    let turned = |order: Ordering, descending: bool| if descending { order.reverse() } else { order };
    kept.sort_by(|(a, a_at, _), (b, b_at, _)| {
        let by_keys = keys.iter().zip(a.iter().zip(b)).fold(Ordering::Equal, |before, ((_, descending), (a, b))| {
            before.then_with(|| turned(a.order_with_null(b), *descending))
        });
        by_keys.then_with(|| turned(a_at.cmp(b_at), keys.last().is_none_or(|(_, descending)| *descending)))
    });
    kept.into_iter().map(|(.., id)| id).collect()
}
