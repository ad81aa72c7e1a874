//! `in`: a value and a list, or a collection.

use super::super::bound::{Comparison, Node, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::range::Range;
use super::super::syntax::{Kind, Segment, Syntax};
use super::compare::{are_comparable, compared, hint, truth};
use super::guard::{all, boolean, is_of};
use super::{Binder, Operand, names};
use crate::fault::excerpt;

impl<'s> Binder<'s> {
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
        let masks = matches!(bound.expression.ty, ValueType::Enum(of) if of.mask(self.scope.enum_members).is_some());
        if plain && bound.guard.is_none() && !masks {
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
                _ => {
                    let bound = self.copied(&bound)?;
                    self.compare_bound(Comparison::Eq, bound, item, span)?
                }
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
            let told = self.scope.enum_members;
            let hint = hint(value, item, told).or_else(|| hint(item, value, told)).unwrap_or_default();
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
        if self.in_lambda {
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
}
