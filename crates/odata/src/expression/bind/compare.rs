//! Comparisons and `has`.

use super::super::bound::{Comparison, Expression, Literal, Node, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::literal;
use super::super::range::Range;
use super::super::syntax::{Kind, Operator, Segment, SegmentKind, Syntax};
use super::guard::{all, boolean, guarded, is_of};
use super::{Binder, Operand, names};
use crate::edm::EnumMembers;
use crate::fault::excerpt;
use std::cmp::Ordering;

/// The comparison that an operator is.
pub(super) fn comparison(operator: Operator) -> Option<Comparison> {
    match operator {
        Operator::Eq => Some(Comparison::Eq),
        Operator::Ne => Some(Comparison::Ne),
        Operator::Gt => Some(Comparison::Gt),
        Operator::Ge => Some(Comparison::Ge),
        Operator::Lt => Some(Comparison::Lt),
        Operator::Le => Some(Comparison::Le),
        _ => None,
    }
}

impl Comparison {
    /// The comparison that says the same with the sides exchanged.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Eq | Self::Ne => self,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
        }
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
        }
    }
}

impl<'s> Binder<'s> {
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        left: &Syntax<'s>,
        right: &Syntax<'s>,
        span: Span,
    ) -> Option<Operand> {
        match (count_of(left), count_of(right)) {
            (Some(counted), _) => return self.compare_count(comparison, counted, left.span, right, span),
            (None, Some(counted)) => return self.compare_count(comparison.turned(), counted, right.span, left, span),
            (None, None) => {}
        }
        let (left, right) = (self.operand(left), self.operand(right));
        let (mut left, mut right) = (left?, right?);
        self.fit(&mut left, &mut right)?;
        let expression = match (left.as_literal(), right.as_literal()) {
            (Some(a), Some(b)) if let Some(holds) = compared(comparison, a, b) => truth(holds),
            // Neither greater nor smaller than null (URL conventions 4.01, sections 5.1.1.1.3 to 6).
            (Some(Literal::Null), _) | (_, Some(Literal::Null))
                if !matches!(comparison, Comparison::Eq | Comparison::Ne) =>
            {
                truth(false)
            }
            _ => self.compare_bound(comparison, left, right, span)?,
        };
        Some(Operand { expression, range: Range::None, guard: None, span })
    }

    /// Makes sure that two values can be compared; a quoted text becomes what the other side is.
    pub(super) fn fit(&mut self, left: &mut Operand, right: &mut Operand) -> Option<()> {
        self.as_type_of(left, right.expression.ty)?;
        self.as_type_of(right, left.expression.ty)?;
        if are_comparable(left.expression.ty, right.expression.ty) {
            return Some(());
        }
        self.error(ErrorKind::WrongType, left.span.to(right.span), || {
            let found = |operand: &Operand| excerpt(operand.span.of(self.text));
            let told = self.scope.enum_members;
            let hint = hint(left, right, told).or_else(|| hint(right, left, told)).unwrap_or_default();
            format!(
                "{} is {} and {} is {}; they cannot be compared{hint}",
                found(left),
                names::of_type(left.expression.ty),
                found(right),
                names::of_type(right.expression.ty),
            )
        });
        None
    }

    /// Turns a quoted text into a member or a duration where the type wants that.
    pub(super) fn as_type_of(&mut self, operand: &mut Operand, ty: ValueType) -> Option<()> {
        let Some(Literal::Text(text)) = operand.as_literal() else { return Some(()) };
        match ty {
            ValueType::Enum(of) => {
                let text = text.clone();
                let number = self.members(of, &text, operand.span)?;
                *operand = Operand::literal(Literal::Enum(number), ty, operand.span);
            }
            ValueType::Duration => {
                let text = text.clone();
                *operand = self.duration(&text, operand.span)?;
            }
            _ => {}
        }
        Some(())
    }

    /// Compares the number of items of a collection, as far as `any` can tell.
    fn compare_count(
        &mut self,
        comparison: Comparison,
        counted: &[Segment<'s>],
        counted_span: Span,
        number: &Syntax<'s>,
        span: Span,
    ) -> Option<Operand> {
        let (collection, number) = (self.collection(counted, counted_span), self.operand(number));
        let ((path, _, guard), number) = (collection?, number?);
        let exists = match (comparison, number.as_literal()) {
            (Comparison::Gt | Comparison::Ne, Some(Literal::Integer(0)))
            | (Comparison::Ge, Some(Literal::Integer(1))) => true,
            (Comparison::Eq | Comparison::Le, Some(Literal::Integer(0)))
            | (Comparison::Lt, Some(Literal::Integer(1))) => false,
            _ => {
                self.error(ErrorKind::NotServed, span, || {
                    let found = excerpt(counted_span.of(self.text));
                    format!("{found} can only be compared with 0, which tells whether there are items")
                });
                return None;
            }
        };
        let has_any = boolean(Node::Any(path, None));
        let has_any = guard.map_or(has_any.clone(), |ty| all(vec![is_of(ty), has_any]));
        let expression = if exists { has_any } else { boolean(Node::Not(Box::new(has_any))) };
        Some(Operand { expression, range: Range::None, guard: None, span })
    }

    /// Binds `flags has 'member'`.
    pub(super) fn has(&mut self, left: &Syntax<'s>, right: &Syntax<'s>, span: Span) -> Option<Operand> {
        let (left, right) = (self.operand(left), self.operand(right));
        let (left, mut right) = (left?, right?);
        let ValueType::Enum(of) = left.expression.ty else {
            self.error(ErrorKind::WrongType, left.span, || {
                let found = excerpt(left.span.of(self.text));
                format!("{found} is {}; has wants an enumeration of flags", names::of_type(left.expression.ty))
            });
            return None;
        };
        if !of.is_flags {
            self.error(ErrorKind::WrongType, left.span, || {
                format!("`{}` is one member at a time, not a set of flags; write eq", of.name)
            });
            return None;
        }
        self.as_type_of(&mut right, left.expression.ty)?;
        if left.is_null() || right.is_null() {
            return Some(Operand::new(Node::Literal(Literal::Null), ValueType::Boolean, Range::None, span));
        }
        let number = match (right.expression.ty, right.as_literal()) {
            (ValueType::Enum(other), Some(Literal::Enum(number))) if std::ptr::eq(of, other) => *number,
            _ => {
                self.error(ErrorKind::WrongType, right.span, || {
                    let found = excerpt(right.span.of(self.text));
                    format!(
                        "{found} is not a literal of `{}`; expected {}",
                        of.name,
                        names::members(of, self.scope.enum_members)
                    )
                });
                return None;
            }
        };
        let guard = left.guard;
        let node = Node::Has(Box::new(left.expression), number);
        let operand = Operand { guard, ..Operand::new(node, ValueType::Boolean, Range::None, span) };
        Some(Operand { expression: guarded(operand), range: Range::None, guard: None, span })
    }
}

/// The path before `/$count`.
fn count_of<'a, 's>(syntax: &'a Syntax<'s>) -> Option<&'a [Segment<'s>]> {
    let Kind::Path(segments) = &syntax.kind else { return None };
    let (last, before) = segments.split_last()?;
    (last.kind == SegmentKind::Name("$count")).then_some(before)
}

pub(super) fn is_number(ty: ValueType) -> bool {
    matches!(ty, ValueType::Integer | ValueType::Double)
}

pub(super) fn is_same(left: ValueType, right: ValueType) -> bool {
    match (left, right) {
        (ValueType::Enum(a), ValueType::Enum(b)) => std::ptr::eq(a, b),
        (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
    }
}

pub(super) fn are_comparable(left: ValueType, right: ValueType) -> bool {
    let is_null = |ty| matches!(ty, ValueType::Null);
    is_null(left) || is_null(right) || (is_number(left) && is_number(right)) || is_same(left, right)
}

/// What to do when `value` has the type that is wanted and `literal` is written in another way.
pub(super) fn hint(value: &Operand, literal: &Operand, told: EnumMembers) -> Option<String> {
    use ValueType as T;
    let written = literal.as_literal()?;
    match (value.expression.ty, written) {
        (T::DateTimeOffset, Literal::Text(text)) if literal::date_time_offset(text).is_ok() => {
            Some(format!("; leave the quotes off: {text}"))
        }
        (T::DateTimeOffset, Literal::Text(_)) => {
            Some("; a date and time stands without quotes, such as 2024-03-02T23:10:04Z".to_owned())
        }
        (T::DateTimeOffset, Literal::Date(_)) => {
            Some("; add a time, such as 2024-03-02T00:00:00Z, or compare date(...)".to_owned())
        }
        (T::Boolean | T::Integer | T::Double | T::Date | T::TimeOfDay | T::Guid, Literal::Text(_)) => {
            Some("; leave the quotes off".to_owned())
        }
        (T::Text, Literal::Guid(_)) => Some("; put the GUID in quotes, since it is compared with a text".to_owned()),
        (T::Text, Literal::Integer(_) | Literal::Double(_) | Literal::Boolean(_) | Literal::Date(_)) => {
            Some("; a text stands in quotes".to_owned())
        }
        (T::Text, Literal::DateTimeOffset(_) | Literal::TimeOfDay(_)) => Some("; a text stands in quotes".to_owned()),
        (T::Enum(of), _) => Some(format!("; expected {} in quotes", names::members(of, told))),
        _ => None,
    }
}

/// Compares two constants, save numbers of both kinds, which the evaluator compares exactly.
pub(super) fn compared(comparison: Comparison, left: &Literal, right: &Literal) -> Option<bool> {
    let ordering = match (left, right) {
        (Literal::Null, Literal::Null) => return Some(comparison == Comparison::Eq),
        (Literal::Null, _) | (_, Literal::Null) => return Some(comparison == Comparison::Ne),
        (Literal::Text(a), Literal::Text(b)) | (Literal::Guid(a), Literal::Guid(b)) => a.cmp(b),
        (Literal::Boolean(a), Literal::Boolean(b)) => a.cmp(b),
        (a, b) => match (Range::of(a), Range::of(b)) {
            (Range::Whole(a, _), Range::Whole(b, _)) => a.cmp(&b),
            (Range::Real(a, _), Range::Real(b, _)) => a.partial_cmp(&b)?,
            _ => return None,
        },
    };
    Some(comparison.holds(ordering))
}

pub(super) fn truth(value: bool) -> Expression {
    boolean(Node::Literal(Literal::Boolean(value)))
}
