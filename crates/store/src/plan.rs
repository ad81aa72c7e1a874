//! What a filter pins down, read off its top: the part of planning that is the same for every
//! database. A store that knows it chooses an index with it; the filter itself is still asked whole.

use crate::kept::is_about;
use model::FoldedName;
use model::edm::{event as at, user as user_at};
use odata::edm::{NavigationProperty, Property};
use odata::expression::bound::{Comparison, Expression, Function, Literal, Node, OrderKey, PropertyPath, ValueType};
use odata::expression::evaluate::Value;
use odata::expression::text::after_prefix;
use std::cmp::Ordering;
use std::ptr;

/// More values than this are not looked up one by one.
const MANY: usize = 100;

/// The parts of a filter that must all be true: its topmost `and`s laid flat.
pub fn conjuncts(filter: &Expression) -> Vec<&Expression> {
    match &filter.node {
        Node::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => vec![filter],
    }
}

/// The relations that an expression follows, each path once.
pub fn navigations(expression: &Expression) -> Vec<&[&'static NavigationProperty]> {
    let mut found: Vec<&[&'static NavigationProperty]> = Vec::new();
    expression.visit(&mut |part| {
        if let Node::Property(path) | Node::Any(path, _) | Node::All(path, _) = &part.node {
            let same = |known: &&[&'static NavigationProperty]| {
                known.len() == path.navigation.len() && known.iter().zip(&path.navigation).all(|(a, b)| ptr::eq(*a, *b))
            };
            if !path.navigation.is_empty() && !found.iter().any(same) {
                found.push(&path.navigation);
            }
        }
    });
    found
}

/// Whether an expression reads anything behind a relation.
pub fn uses_navigation(expression: &Expression) -> bool {
    !navigations(expression).is_empty()
}

/// An end of a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The value at the end.
    pub value: Literal,
    /// Whether that value is still within.
    pub inclusive: bool,
}

/// What a filter says of one property: a row that it keeps is within.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The property has one of these values, null perhaps among them; `None` when none are named.
    pub equal: Option<Vec<Literal>>,
    /// It is above this.
    pub lower: Option<Limit>,
    /// It is below this.
    pub upper: Option<Limit>,
}

impl Bounds {
    /// What a filter says of a property of the row itself, by position.
    pub fn of(filter: &Expression, position: usize) -> Self {
        let mut bounds = Self::default();
        for part in conjuncts(filter) {
            if let Some(values) = equal_values(part, position) {
                // Two lists: a row is within both, so the shorter one will do.
                if bounds.equal.as_ref().is_none_or(|known| values.len() < known.len()) {
                    bounds.equal = Some(values);
                }
                continue;
            }
            bounds.narrow(part, position);
        }
        bounds
    }

    /// Whether the filter says anything.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    fn narrow(&mut self, part: &Expression, position: usize) {
        match &part.node {
            Node::Compare(comparison, left, right) => {
                let sides = (is_property(left, position), literal(right), is_property(right, position), literal(left));
                let (value, comparison) = match sides {
                    (true, Some(value), ..) => (value, *comparison),
                    (_, _, true, Some(value)) => (value, mirrored(*comparison)),
                    _ => return,
                };
                let limit = |inclusive| Limit { value: value.clone(), inclusive };
                match comparison {
                    Comparison::Gt => self.raise(limit(false)),
                    Comparison::Ge => self.raise(limit(true)),
                    Comparison::Lt => self.sink(limit(false)),
                    Comparison::Le => self.sink(limit(true)),
                    Comparison::Eq | Comparison::Ne => {}
                }
            }
            Node::Call(Function::StartsWith, arguments) => {
                if let [text, prefix] = arguments.as_slice()
                    && is_property(text, position)
                    && let Some(Literal::Text(prefix)) = literal(prefix)
                {
                    self.raise(Limit { value: Literal::Text(prefix.clone()), inclusive: true });
                    if let Some(end) = after_prefix(prefix) {
                        self.sink(Limit { value: Literal::Text(end.into()), inclusive: false });
                    }
                }
            }
            _ => {}
        }
    }

    fn raise(&mut self, limit: Limit) {
        if self.lower.as_ref().is_none_or(|known| is_tighter(&limit, known, Ordering::Greater)) {
            self.lower = Some(limit);
        }
    }

    fn sink(&mut self, limit: Limit) {
        if self.upper.as_ref().is_none_or(|known| is_tighter(&limit, known, Ordering::Less)) {
            self.upper = Some(limit);
        }
    }
}

/// Whether a limit lies further in than another; `inwards` is where in is.
fn is_tighter(limit: &Limit, known: &Limit, inwards: Ordering) -> bool {
    match Value::from(&limit.value).order(&Value::from(&known.value)) {
        Some(Ordering::Equal) => known.inclusive && !limit.inclusive,
        Some(order) => order == inwards,
        None => false,
    }
}

/// The values that the property must have one of, when that is what the part says: `eq`, `in`, or
/// an `or` of those.
fn equal_values(part: &Expression, position: usize) -> Option<Vec<Literal>> {
    match &part.node {
        Node::Compare(Comparison::Eq, left, right) => {
            let value = if is_property(left, position) {
                literal(right)
            } else if is_property(right, position) {
                literal(left)
            } else {
                None
            };
            value.map(|value| vec![value.clone()])
        }
        Node::In(inner, list) if is_property(inner, position) => Some(list.clone()),
        Node::Or(parts) => {
            let mut all: Vec<Literal> = Vec::new();
            for part in parts {
                for value in equal_values(part, position)? {
                    if !all.contains(&value) {
                        all.push(value);
                    }
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// Whether an expression is the property of the row itself at `position`.
pub fn is_property(expression: &Expression, position: usize) -> bool {
    matches!(&expression.node, Node::Property(PropertyPath { navigation, position: at, .. })
        if navigation.is_empty() && *at == position)
}

fn literal(expression: &Expression) -> Option<&Literal> {
    match &expression.node {
        Node::Literal(literal) => Some(literal),
        _ => None,
    }
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Eq | Comparison::Ne => comparison,
    }
}

/// The order of events: the client's, and when it names none, one that goes with the filter: the same for
/// every page, so it depends on the filter alone. Empty for the newest first.
pub fn events_order(filter: Option<&Expression>, order_by: &[OrderKey]) -> Vec<OrderKey> {
    if !order_by.is_empty() {
        return order_by.to_vec();
    }
    let parts = filter.map(conjuncts).unwrap_or_default();
    let says = |position| filter.is_some_and(|filter| !Bounds::of(filter, position).is_open());
    let about = |position| parts.iter().any(|part| is_about(part, position));
    let few = [at::ID, at::USER_ID, at::USER_PRINCIPAL_NAME].into_iter().any(|at| equals(filter, at).is_some());
    let position = if few {
        return Vec::new(); // the newest first
    } else if says(at::LAST_UPDATED_DATE_TIME) {
        let position = model::edm::risk_detection::LAST_UPDATED_DATE_TIME;
        let property = model::edm::RISK_DETECTION.all_properties()[position];
        return vec![OrderKey { descending: false, ..latest(at::LAST_UPDATED_DATE_TIME, property) }];
    } else if about(at::RISK_LEVEL) || about(at::RISK_EVENT_STATUS) || says(at::RISK_EVENT_DATE_TIME) {
        at::RISK_EVENT_DATE_TIME
    } else if says(at::CREATED_DATE_TIME) {
        at::CREATED_DATE_TIME
    } else {
        return Vec::new();
    };
    vec![latest(position, model::edm::IDENTITY_RISK_EVENT.all_properties()[position])]
}

/// The order of users at risk. Without an order of the client's, those who were at risk last come first (an empty
/// one), and where the time of the last change is asked for, the earliest change: whoever changes while pages are
/// followed then comes once more, and nobody is passed by.
pub fn risky_users_order(filter: Option<&Expression>, order_by: &[OrderKey]) -> Vec<OrderKey> {
    let time = model::edm::risky_user::RISK_LAST_UPDATED_DATE_TIME;
    match order_by {
        [] if filter.is_some_and(|filter| !Bounds::of(filter, time).is_open()) => {
            let property = model::edm::RISKY_USER.all_properties()[time];
            vec![OrderKey { descending: false, ..latest(time, property) }]
        }
        keys => keys.to_vec(),
    }
}

/// The order of a time, the latest first.
fn latest(position: usize, property: &'static Property) -> OrderKey {
    let path = PropertyPath { navigation: Vec::new(), position, property };
    let expression = Expression { node: Node::Property(path), ty: ValueType::DateTimeOffset };
    OrderKey { expression, descending: true }
}

/// The values that a property must have one of, when they are few.
pub fn equals(filter: Option<&Expression>, position: usize) -> Option<Vec<Literal>> {
    Bounds::of(filter?, position).equal.filter(|values| values.len() <= MANY)
}

/// The texts among values.
pub fn texts(values: Option<Vec<Literal>>) -> Option<Vec<Box<str>>> {
    let text = |value| match value {
        Literal::Text(text) => Some(text),
        _ => None, // null is no value of these properties: such a row does not exist
    };
    values.map(|values| values.into_iter().filter_map(text).collect())
}

/// The column of users with an index that a filter can be answered by, and the values of which it wants one there.
pub fn users_by(filter: Option<&Expression>) -> Option<(&'static str, Vec<Box<str>>)> {
    let ids = || texts(equals(filter, user_at::ID));
    let names = || texts(equals(filter, user_at::USER_PRINCIPAL_NAME));
    // A name that is equal is also equal once folded, which is how names are indexed.
    let fold = |names: Vec<Box<str>>| names.iter().map(|name| FoldedName::new(name).as_str().into()).collect();
    ids().map(|ids| ("u.id", ids)).or_else(|| names().map(|names| ("u.folded_name", fold(names))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Ticks;
    use model::edm::{IDENTITY_RISK_EVENT, event};
    use odata::expression::bound::ValueType;

    fn expression(node: Node) -> Expression {
        Expression { node, ty: ValueType::Boolean }
    }

    fn property(position: usize) -> Expression {
        let property = IDENTITY_RISK_EVENT.all_properties()[position];
        expression(Node::Property(PropertyPath { navigation: Vec::new(), position, property }))
    }

    fn behind(position: usize) -> Expression {
        let navigation = IDENTITY_RISK_EVENT.navigation("impactedUser").expect("a relation");
        let property = navigation.target.all_properties()[position];
        expression(Node::Property(PropertyPath { navigation: vec![navigation], position, property }))
    }

    fn constant(literal: Literal) -> Expression {
        expression(Node::Literal(literal))
    }

    fn compare(comparison: Comparison, left: Expression, right: Expression) -> Expression {
        expression(Node::Compare(comparison, left.into(), right.into()))
    }

    fn time(seconds: i64) -> Literal {
        Literal::DateTimeOffset(Ticks::from_unix_seconds(seconds).expect("a moment"))
    }

    fn text(text: &str) -> Literal {
        Literal::Text(text.into())
    }

    const LEVEL: usize = event::RISK_LEVEL;
    const AT: usize = event::RISK_EVENT_DATE_TIME;
    const NAME: usize = event::USER_PRINCIPAL_NAME;

    #[test]
    fn ands_are_laid_flat_and_ors_are_not() {
        let level = |value| compare(Comparison::Eq, property(LEVEL), constant(Literal::Enum(value)));
        let inner = expression(Node::And(vec![level(1), level(2)]));
        let or = expression(Node::Or(vec![level(3), level(4)]));
        let filter = expression(Node::And(vec![inner, or, level(5)]));
        assert_eq!(conjuncts(&filter).len(), 4);
        assert_eq!(conjuncts(&level(1)).len(), 1);
    }

    #[test]
    fn equal_values_come_from_eq_in_and_or() {
        let level = |value| compare(Comparison::Eq, property(LEVEL), constant(Literal::Enum(value)));
        assert_eq!(Bounds::of(&level(3), LEVEL).equal, Some(vec![Literal::Enum(3)]));
        assert!(Bounds::of(&level(3), AT).is_open());
        let mirrored = compare(Comparison::Eq, constant(Literal::Null), property(LEVEL));
        assert_eq!(Bounds::of(&mirrored, LEVEL).equal, Some(vec![Literal::Null]));
        let list = vec![Literal::Enum(1), Literal::Enum(2)];
        let within = expression(Node::In(property(LEVEL).into(), list.clone()));
        assert_eq!(Bounds::of(&within, LEVEL).equal, Some(list));
        let or = expression(Node::Or(vec![level(1), within.clone(), level(4)]));
        let all = vec![Literal::Enum(1), Literal::Enum(2), Literal::Enum(4)];
        assert_eq!(Bounds::of(&or, LEVEL).equal, Some(all));
        let and = expression(Node::And(vec![or, level(2)]));
        assert_eq!(Bounds::of(&and, LEVEL).equal, Some(vec![Literal::Enum(2)]));
    }

    #[test]
    fn an_or_over_another_property_says_nothing() {
        let name = compare(Comparison::Eq, property(NAME), constant(text("a")));
        let level = compare(Comparison::Eq, property(LEVEL), constant(Literal::Enum(1)));
        assert!(Bounds::of(&expression(Node::Or(vec![name, level.clone()])), LEVEL).is_open());
        assert!(Bounds::of(&expression(Node::Not(Box::new(level))), LEVEL).is_open());
        let other = compare(Comparison::Eq, behind(NAME), constant(text("a")));
        assert!(Bounds::of(&other, NAME).is_open(), "a property of another entity");
    }

    #[test]
    fn ranges_take_the_tightest_ends_from_either_side() {
        let filter = expression(Node::And(vec![
            compare(Comparison::Ge, property(AT), constant(time(10))),
            compare(Comparison::Lt, constant(time(10)), property(AT)), // the same, and tighter
            compare(Comparison::Gt, property(AT), constant(time(5))),
            compare(Comparison::Le, property(AT), constant(time(30))),
            compare(Comparison::Lt, property(AT), constant(time(40))),
            compare(Comparison::Ne, property(AT), constant(time(20))),
        ]));
        let bounds = Bounds::of(&filter, AT);
        assert_eq!(bounds.lower, Some(Limit { value: time(10), inclusive: false }));
        assert_eq!(bounds.upper, Some(Limit { value: time(30), inclusive: true }));
        assert_eq!(bounds.equal, None);
    }

    #[test]
    fn a_prefix_is_a_range() {
        let arguments = vec![property(NAME), constant(text("ab"))];
        let filter = expression(Node::Call(Function::StartsWith, arguments));
        let bounds = Bounds::of(&filter, NAME);
        assert_eq!(bounds.lower, Some(Limit { value: text("ab"), inclusive: true }));
        assert_eq!(bounds.upper, Some(Limit { value: text("ac"), inclusive: false }));
    }

    #[test]
    fn relations_are_found_wherever_they_stand() {
        let own = compare(Comparison::Eq, property(LEVEL), constant(Literal::Enum(1)));
        assert!(!uses_navigation(&own));
        let other = compare(Comparison::Eq, constant(text("a")), behind(1));
        let filter = expression(Node::Or(vec![own, expression(Node::Not(Box::new(other.clone()))), other]));
        assert!(uses_navigation(&filter));
        assert_eq!(navigations(&filter).len(), 1);
        assert_eq!(navigations(&filter)[0][0].name, "impactedUser");
    }
}
