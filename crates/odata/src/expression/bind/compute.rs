//! Arithmetic.

use super::super::bound::{Arithmetic, Literal, Node, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::range::Range;
use super::super::syntax::{Operator, Syntax};
use super::compare::is_number;
use super::{Binder, Operand, names};
use crate::Ticks;
use crate::calendar::TICKS_PER_DAY as DAY;
use crate::fault::excerpt;

impl<'s> Binder<'s> {
    pub(super) fn negate(&mut self, operand: &Syntax<'s>, span: Span) -> Option<Operand> {
        let operand = self.operand(operand)?;
        let ty = operand.expression.ty;
        let range = match ty {
            ValueType::Null => return Some(Operand { span, ..operand }),
            ValueType::Integer | ValueType::Double | ValueType::Duration => operand.range.negated(),
            _ => {
                self.error(ErrorKind::WrongType, operand.span, || {
                    let found = excerpt(operand.span.of(self.text));
                    format!("{found} is {}; expected a number or a duration after -", names::of_type(ty))
                });
                return None;
            }
        };
        let range = range.map_err(|failure| self.failed(failure, span)).ok()?;
        if let Some(literal) = operand.as_literal().and_then(|_| point(ty, range)) {
            return Some(Operand::literal(literal, ty, span));
        }
        let node = Node::Negate(Box::new(operand.expression));
        Some(Operand { guard: operand.guard, ..Operand::new(node, ty, range, span) })
    }

    pub(super) fn arithmetic(
        &mut self,
        operator: Operator,
        left: &Syntax<'s>,
        right: &Syntax<'s>,
        span: Span,
    ) -> Option<Operand> {
        use ValueType as T;
        let operation = match operator {
            Operator::Sub => Arithmetic::Sub,
            Operator::Mul => Arithmetic::Mul,
            Operator::Div => Arithmetic::Div,
            Operator::DivBy => Arithmetic::DivBy,
            Operator::Mod => Arithmetic::Mod,
            _ => Arithmetic::Add,
        };
        let (left, right) = (self.operand(left), self.operand(right));
        let (mut left, mut right) = (left?, right?);
        if matches!(operation, Arithmetic::Add | Arithmetic::Sub) {
            let timed = |operand: &Operand| matches!(operand.expression.ty, T::DateTimeOffset | T::Date | T::Duration);
            if timed(&left) {
                self.as_type_of(&mut right, T::Duration)?;
            } else if matches!(right.expression.ty, T::Duration) {
                self.as_type_of(&mut left, T::Duration)?;
            }
        }
        let (a, b) = (left.expression.ty, right.expression.ty);
        let is_sum = matches!(operation, Arithmetic::Add | Arithmetic::Sub);
        match (a, b) {
            (T::Null, T::Null | T::Integer | T::Double | T::Duration)
            | (T::Integer | T::Double | T::Duration, T::Null) => Some(Operand::literal(Literal::Null, T::Null, span)),
            (T::DateTimeOffset | T::Date, T::Null) if is_sum => Some(Operand::literal(Literal::Null, T::Null, span)),
            (T::Integer, T::Integer) if operation != Arithmetic::DivBy => {
                self.work_out(operation, left, right, T::Integer, span)
            }
            _ if is_number(a) && is_number(b) => self.work_out(operation, left, right, T::Double, span),
            (T::DateTimeOffset | T::Date | T::Duration, T::Duration) if is_sum => {
                self.work_out(operation, left, right, a, span)
            }
            (T::DateTimeOffset, T::DateTimeOffset) | (T::Date, T::Date) if operation == Arithmetic::Sub => {
                self.work_out(operation, left, right, T::Duration, span)
            }
            (T::Duration, T::Integer | T::Double) if !is_sum && operation != Arithmetic::Mod => {
                self.work_out(operation, left, right, T::Duration, span)
            }
            (T::Integer | T::Double, T::Duration) if operation == Arithmetic::Mul => {
                self.work_out(operation, left, right, T::Duration, span)
            }
            _ => {
                self.error(ErrorKind::WrongType, span, || {
                    let found = |operand: &Operand| excerpt(operand.span.of(self.text));
                    format!(
                        "{} is {} and {} is {}; {} does not take them",
                        found(&left),
                        names::of_type(a),
                        found(&right),
                        names::of_type(b),
                        operator.name(),
                    )
                });
                None
            }
        }
    }

    /// Makes an operation on numbers, worked out at once where both sides are constants.
    fn work_out(
        &mut self,
        operation: Arithmetic,
        left: Operand,
        right: Operand,
        ty: ValueType,
        span: Span,
    ) -> Option<Operand> {
        // A day is worked with as the ticks of its midnight.
        let lifted = |operand: &Operand| match operand.expression.ty {
            ValueType::Date => Range::worked_out(Arithmetic::Mul, operand.range, Range::Whole(DAY, DAY)),
            _ => Ok(operand.range),
        };
        let range = lifted(&left).and_then(|left| Range::worked_out(operation, left, lifted(&right)?));
        let range = range.and_then(|range| range.landed(ty)).map_err(|failure| self.failed(failure, span)).ok()?;
        if left.as_literal().is_some()
            && right.as_literal().is_some()
            && let Some(literal) = point(ty, range)
        {
            return Some(Operand::literal(literal, ty, span));
        }
        let guard = self.shared_guard(left.guard, right.guard, span).ok()?;
        let node = Node::Arithmetic(operation, Box::new(left.expression), Box::new(right.expression));
        Some(Operand { guard, ..Operand::new(node, ty, range, span) })
    }
}

/// The constant that a range of one number is.
#[expect(clippy::float_cmp, reason = "whether both ends are the same number")]
fn point(ty: ValueType, range: Range) -> Option<Literal> {
    match (ty, range) {
        (ValueType::Integer, Range::Whole(low, high)) if low == high => Some(Literal::Integer(low)),
        (ValueType::Duration, Range::Whole(low, high)) if low == high => Some(Literal::Duration(low)),
        (ValueType::Date, Range::Whole(low, high)) if low == high => Some(Literal::Date(low)),
        (ValueType::DateTimeOffset, Range::Whole(low, high)) if low == high => {
            Ticks::new(low).map(Literal::DateTimeOffset)
        }
        (ValueType::Double, Range::Real(low, high)) if low == high => Some(Literal::Double(low)),
        _ => None,
    }
}
