//! Comparisons of evolvable enumerations, for clients that do not know the members behind the
//! sentinel: to them, each of those is the sentinel (Microsoft's guideline, "evolvable enums").

use super::super::bound::{Comparison, Expression, Literal, Node};
use super::compare::truth;
use super::guard::{all, any, boolean};
use super::{Binder, Operand};

impl Binder<'_> {
    /// Compares two values of one enumeration as if what lies above `sentinel` were the sentinel itself.
    pub(super) fn compare_masked(
        &mut self,
        comparison: Comparison,
        left: Operand,
        right: Operand,
        sentinel: i64,
    ) -> Option<Expression> {
        let number = |side: &Operand| match side.as_literal() {
            Some(Literal::Enum(number)) => Some(*number),
            _ => None,
        };
        Some(match (number(&left), number(&right)) {
            (None, Some(number)) => with_member(comparison, left.expression, (number, right.expression), sentinel),
            (Some(number), None) => {
                with_member(comparison.turned(), right.expression, (number, left.expression), sentinel)
            }
            _ => {
                let again = (self.copied(&left)?.expression, self.copied(&right)?.expression);
                of_two(comparison, (left.expression, right.expression), again, sentinel)
            }
        })
    }
}

/// Compares with a member. All that is known lies below the sentinel, where hidden values and it are
/// on the same side; so only the sentinel itself is another question.
fn with_member(
    comparison: Comparison,
    value: Expression,
    (number, member): (i64, Expression),
    sentinel: i64,
) -> Expression {
    if number < sentinel {
        return compared(comparison, value, member);
    }
    match comparison {
        Comparison::Eq | Comparison::Ge => compared(Comparison::Ge, value, member),
        Comparison::Ne => not(compared(Comparison::Ge, value, member)),
        Comparison::Lt => compared(Comparison::Lt, value, member),
        Comparison::Gt => truth(false),
        Comparison::Le => {
            let null = Expression { node: Node::Literal(Literal::Null), ty: value.ty };
            compared(Comparison::Ne, value, null)
        }
    }
}

/// Compares two values, which are given twice.
fn of_two(
    comparison: Comparison,
    (left, right): (Expression, Expression),
    again: (Expression, Expression),
    sentinel: i64,
) -> Expression {
    let limit = Expression { node: Node::Literal(Literal::Enum(sentinel)), ty: left.ty };
    match comparison {
        Comparison::Lt | Comparison::Le => of_two(comparison.turned(), (right, left), (again.1, again.0), sentinel),
        Comparison::Ne => not(of_two(Comparison::Eq, (left, right), again, sentinel)),
        Comparison::Gt => {
            let is_known = compared(Comparison::Lt, again.1, limit);
            all(vec![compared(Comparison::Gt, left, right), is_known])
        }
        Comparison::Eq | Comparison::Ge => {
            let hidden = |side: Expression| compared(Comparison::Ge, side, limit.clone());
            let both = all(vec![hidden(again.0), hidden(again.1)]);
            any(vec![compared(comparison, left, right), both])
        }
    }
}

fn compared(comparison: Comparison, left: Expression, right: Expression) -> Expression {
    boolean(Node::Compare(comparison, Box::new(left), Box::new(right)))
}

fn not(inner: Expression) -> Expression {
    boolean(Node::Not(Box::new(inner)))
}
