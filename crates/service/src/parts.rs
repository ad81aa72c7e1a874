//! Entities that are part of another, and few: what is asked of them is worked out on them in memory.

use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use odata::expression::bound::{Expression, OrderKey, PropertyPath};
use odata::expression::evaluate::{Evaluator, Scope};
use std::cmp::Ordering;

/// Those rows that a filter keeps, in an order; where that says nothing, in the order that they have.
pub(crate) fn asked<R: Row>(mut rows: Vec<R>, filter: Option<&Expression>, order_by: &[OrderKey]) -> Vec<R> {
    if let Some(filter) = filter {
        let evaluator = Evaluator::new(filter);
        rows.retain(|row| evaluator.matches(&Seen(row)));
    }
    let keys: Vec<(Evaluator<'_>, bool)> =
        order_by.iter().map(|key| (Evaluator::new(&key.expression), key.descending)).collect();
    rows.sort_by(|a, b| {
        keys.iter().fold(Ordering::Equal, |so_far, (key, descending)| {
            so_far.then_with(|| {
                let order = key.value(&Seen(a)).order_with_null(&key.value(&Seen(b)));
                if *descending { order.reverse() } else { order }
            })
        })
    });
    rows
}

/// A row as an expression reads it.
struct Seen<'r>(&'r dyn Row);

impl Scope for Seen<'_> {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        if path.navigation.is_empty() { self.0.cell(path.position) } else { Cell::Null }
    }

    fn entity_type(&self) -> &'static EntityType {
        self.0.entity_type()
    }
}
