//! Comparisons, `in` and `has`.

use super::super::bound::{Comparison, Expression, Literal, Node, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::literal;
use super::super::range::Range;
use super::super::syntax::{Kind, Operator, Segment, SegmentKind, Syntax};
use super::{Binder, Noted, Operand, all, any, boolean, guarded, is_not_of, is_of, names};
use crate::edm::EntityType;
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
    fn turned(self) -> Self {
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

    /// Compares two values, at least one of which is no constant. Where a path casts, the value is
    /// null for rows of other types.
    fn compare_bound(
        &mut self,
        comparison: Comparison,
        left: Operand,
        right: Operand,
        span: Span,
    ) -> Option<Expression> {
        let guard = self.shared_guard(left.guard, right.guard, span).ok()?;
        let Some(ty) = guard else {
            let sides = (Box::new(left.expression), Box::new(right.expression));
            return Some(boolean(Node::Compare(comparison, sides.0, sides.1)));
        };
        // What is compared with null where the row is of another type: nothing more than null
        // itself when both sides cast.
        let other = match (left.guard, right.guard) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(right.expression.clone()),
            _ => Some(left.expression.clone()),
        };
        let elsewhere = match (&other, comparison) {
            (_, Comparison::Gt | Comparison::Ge | Comparison::Lt | Comparison::Le) => Some(false),
            (None, comparison) => Some(comparison == Comparison::Eq),
            (Some(Expression { node: Node::Literal(literal), .. }), comparison) => {
                Some((*literal == Literal::Null) == (comparison == Comparison::Eq))
            }
            (Some(_), _) => None,
        };
        let sides = (Box::new(left.expression), Box::new(right.expression));
        let here = boolean(Node::Compare(comparison, sides.0, sides.1));
        Some(match (elsewhere, other) {
            (Some(true), _) => any(vec![is_not_of(ty), here]),
            (None, Some(other)) => {
                let null = Expression { node: Node::Literal(Literal::Null), ty: other.ty };
                let with_null = boolean(Node::Compare(comparison, Box::new(other), Box::new(null)));
                any(vec![all(vec![is_of(ty), here]), all(vec![is_not_of(ty), with_null])])
            }
            _ => all(vec![is_of(ty), here]),
        })
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

    /// Makes sure that two values can be compared; a quoted text becomes what the other side is.
    fn fit(&mut self, left: &mut Operand, right: &mut Operand) -> Option<()> {
        self.as_type_of(left, right.expression.ty)?;
        self.as_type_of(right, left.expression.ty)?;
        if are_comparable(left.expression.ty, right.expression.ty) {
            return Some(());
        }
        self.error(ErrorKind::WrongType, left.span.to(right.span), || {
            let found = |operand: &Operand| excerpt(operand.span.of(self.text));
            let hint = hint(left, right).or_else(|| hint(right, left)).unwrap_or_default();
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

    /// Binds `value in (a, b)`, `value in @list` and `value in collection`.
    pub(super) fn is_in(&mut self, value: &Syntax<'s>, list: &Syntax<'s>, span: Span) -> Option<Operand> {
        let bound = self.operand(value);
        let items = match &list.kind {
            Kind::List(items) | Kind::Array(items) => self.items(items, bound.as_ref(), list.span),
            Kind::Alias(name) => self.aliased_items(name, bound.as_ref(), list.span),
            Kind::Path(segments) => return self.is_in_collection(bound, segments, list.span, span),
            _ => {
                self.error(ErrorKind::Syntax, list.span, || {
                    format!("{} is not a list such as ('a', 'b')", excerpt(list.span.of(self.text)))
                });
                None
            }
        };
        let (bound, items) = (bound?, items?);
        let is_double = |operand: &Operand| matches!(operand.expression.ty, ValueType::Double);
        let plain = items.iter().all(|item| item.as_literal().is_some() && is_double(item) == is_double(&bound));
        if plain && bound.guard.is_none() {
            let literals = items.into_iter().filter_map(|item| match item.expression.node {
                Node::Literal(literal) => Some(literal),
                _ => None,
            });
            let node = Node::In(Box::new(bound.expression), literals.collect());
            return Some(Operand::new(node, ValueType::Boolean, Range::None, span));
        }
        let mut equal = Vec::with_capacity(items.len());
        for item in items {
            equal.push(match (bound.as_literal(), item.as_literal()) {
                (Some(a), Some(b)) if let Some(holds) = compared(Comparison::Eq, a, b) => truth(holds),
                _ => self.compare_bound(Comparison::Eq, bound.clone(), item, span)?,
            });
        }
        let node = if equal.len() == 1 { equal.remove(0).node } else { Node::Or(equal) };
        Some(Operand::new(node, ValueType::Boolean, Range::None, span))
    }

    /// Binds the items of a list that is the value of an alias.
    fn aliased_items(&mut self, name: &'s str, value: Option<&Operand>, span: Span) -> Option<Vec<Operand>> {
        const WANTED: &str = "expected a list such as [\"a\",\"b\"]";
        let unassigned = |binder: &mut Self| {
            binder.error(ErrorKind::Syntax, span, || format!("@{name} has no value; {WANTED}"));
            None
        };
        self.alias(name, span, unassigned, |binder, syntax| match &syntax.kind {
            Kind::Array(items) => binder.items(items, value, syntax.span),
            Kind::Literal(..) => binder.items(std::slice::from_ref(syntax), value, syntax.span),
            _ => {
                binder.error(ErrorKind::Syntax, syntax.span, || WANTED.to_owned());
                None
            }
        })
    }

    /// Binds the items of a list as values that can be compared with `value`.
    fn items(&mut self, items: &[Syntax<'s>], value: Option<&Operand>, span: Span) -> Option<Vec<Operand>> {
        if items.is_empty() {
            self.error(ErrorKind::Syntax, span, || "the list is empty; expected at least one value".to_owned());
            return None;
        }
        let mut bound = Vec::with_capacity(items.len());
        for item in items {
            let Some(mut item) = self.operand(item) else { continue };
            match value {
                None => bound.push(item),
                Some(value) => {
                    let mut value = Operand::new(Node::Item, value.expression.ty, Range::None, value.span);
                    if self.fit_item(&mut value, &mut item).is_some() {
                        bound.push(item);
                    }
                }
            }
        }
        (bound.len() == items.len()).then_some(bound)
    }

    fn fit_item(&mut self, value: &mut Operand, item: &mut Operand) -> Option<()> {
        let ty = value.expression.ty;
        self.as_type_of(item, ty)?;
        if are_comparable(ty, item.expression.ty) {
            return Some(());
        }
        self.error(ErrorKind::WrongType, item.span, || {
            let found = excerpt(item.span.of(self.text));
            let hint = hint(value, item).or_else(|| hint(item, value)).unwrap_or_default();
            format!("{found} is {}; expected {}{hint}", names::of_type(item.expression.ty), names::of_type(ty))
        });
        None
    }

    /// `value in collection`: whether any item is equal to it.
    fn is_in_collection(
        &mut self,
        value: Option<Operand>,
        segments: &[Segment<'s>],
        list: Span,
        span: Span,
    ) -> Option<Operand> {
        let collection = self.collection(segments, list);
        let (mut value, (path, item, guard)) = (value?, collection?);
        if matches!(value.expression.node, Node::Item) || !self.variables.is_empty() {
            self.error(ErrorKind::NotServed, span, || {
                "in with a collection is not served within any or all".to_owned()
            });
            return None;
        }
        let mut item = Operand::new(Node::Item, item, Range::None, list);
        self.fit(&mut value, &mut item)?;
        let equal = self.compare_bound(Comparison::Eq, value, item, span)?;
        let node = Node::Any(path, Some(Box::new(equal)));
        let expression = match guard {
            None => boolean(node),
            Some(ty) => all(vec![is_of(ty), boolean(node)]),
        };
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
                    format!("{found} is not a literal of `{}`; expected {}", of.name, names::members(of))
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

fn are_comparable(left: ValueType, right: ValueType) -> bool {
    let is_null = |ty| matches!(ty, ValueType::Null);
    is_null(left) || is_null(right) || (is_number(left) && is_number(right)) || is_same(left, right)
}

/// What to do when `value` has the type that is wanted and `literal` is written in another way.
fn hint(value: &Operand, literal: &Operand) -> Option<String> {
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
        (T::Enum(of), _) => Some(format!("; expected {} in quotes", names::members(of))),
        _ => None,
    }
}

/// Compares two constants, save numbers of both kinds, which the evaluator compares exactly.
fn compared(comparison: Comparison, left: &Literal, right: &Literal) -> Option<bool> {
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

fn truth(value: bool) -> Expression {
    boolean(Node::Literal(Literal::Boolean(value)))
}
