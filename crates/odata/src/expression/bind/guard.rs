//! Casts in paths: a value behind one is null for rows that are not of the type. The bound tree has
//! no such value, so the type travels upwards with it, to the nearest truth value, which can say it.

use super::super::bound::{Comparison, Expression, Literal, Node, ValueType};
use super::super::error::{ErrorKind, Span};
use super::{Binder, Noted, Operand};
use crate::edm::EntityType;

/// What a comparison is where the row is not of the type to which a path casts.
enum Elsewhere {
    /// This, whatever the row holds.
    Is(bool),
    /// The same comparison of this with null.
    WithNull(Expression),
}

impl Binder<'_> {
    /// Compares two values, at least one of which is no constant. Where a path casts, the value is
    /// null for rows of other types.
    pub(super) fn compare_bound(
        &mut self,
        comparison: Comparison,
        left: Operand,
        right: Operand,
        span: Span,
    ) -> Option<Expression> {
        let guard = self.shared_guard(left.guard, right.guard, span).ok()?;
        let Some(ty) = guard else { return self.compare_operands(comparison, left, right) };
        // What is compared with null where the row is of another type: nothing more than null
        // itself when both sides cast.
        let other = match (left.guard, right.guard) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(&right),
            _ => Some(&left),
        };
        let is_equality = comparison == Comparison::Eq;
        let elsewhere = match (other, comparison) {
            (_, Comparison::Gt | Comparison::Ge | Comparison::Lt | Comparison::Le) => Elsewhere::Is(false),
            (None, _) => Elsewhere::Is(is_equality),
            (Some(other), _) => match other.as_literal() {
                Some(literal) => Elsewhere::Is((*literal == Literal::Null) == is_equality),
                None => Elsewhere::WithNull(self.copied(other)?.expression),
            },
        };
        let here = self.compare_operands(comparison, left, right)?;
        Some(match elsewhere {
            Elsewhere::Is(true) => any(vec![is_not_of(ty), here]),
            Elsewhere::Is(false) => all(vec![is_of(ty), here]),
            Elsewhere::WithNull(other) => {
                let null = Expression { node: Node::Literal(Literal::Null), ty: other.ty };
                let with_null = boolean(Node::Compare(comparison, Box::new(other), Box::new(null)));
                any(vec![all(vec![is_of(ty), here]), all(vec![is_not_of(ty), with_null])])
            }
        })
    }

    /// Compares two values of a row that has both.
    fn compare_operands(&mut self, comparison: Comparison, left: Operand, right: Operand) -> Option<Expression> {
        match (left.expression.ty, right.expression.ty) {
            (ValueType::Enum(of), ValueType::Enum(_)) if let Some(sentinel) = of.mask(self.scope.enum_members) => {
                self.compare_masked(comparison, left, right, sentinel)
            }
            _ => {
                let sides = (Box::new(left.expression), Box::new(right.expression));
                Some(boolean(Node::Compare(comparison, sides.0, sides.1)))
            }
        }
    }

    /// The type of which a row must be for two parts to have a value.
    pub(super) fn shared_guard(
        &mut self,
        left: Option<&'static EntityType>,
        right: Option<&'static EntityType>,
        span: Span,
    ) -> Result<Option<&'static EntityType>, Noted> {
        match (left, right) {
            (Some(a), Some(b)) if a.is(b) => Ok(Some(a)),
            (Some(a), Some(b)) if b.is(a) => Ok(Some(b)),
            (Some(_), Some(_)) => {
                self.error(ErrorKind::NotServed, span, || {
                    "properties of two different types cannot be used together".to_owned()
                });
                Err(Noted)
            }
            (a, b) => Ok(a.or(b)),
        }
    }
}

pub(super) fn boolean(node: Node) -> Expression {
    Expression { node, ty: ValueType::Boolean }
}

pub(super) fn all(parts: Vec<Expression>) -> Expression {
    boolean(Node::And(parts))
}

pub(super) fn any(parts: Vec<Expression>) -> Expression {
    boolean(Node::Or(parts))
}

pub(super) fn is_of(ty: &'static EntityType) -> Expression {
    boolean(Node::IsOf(ty))
}

pub(super) fn is_not_of(ty: &'static EntityType) -> Expression {
    boolean(Node::Not(Box::new(is_of(ty))))
}

/// A truth value that is null for rows that are not of the type to which its paths cast.
pub(super) fn guarded(operand: Operand) -> Expression {
    let Some(ty) = operand.guard else { return operand.expression };
    let null = Expression { node: Node::Literal(Literal::Null), ty: ValueType::Boolean };
    any(vec![all(vec![is_of(ty), operand.expression]), all(vec![is_not_of(ty), null])])
}
