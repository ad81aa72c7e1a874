//! Paths to properties, `any` and `all`.

use super::super::bound::{Node, PropertyPath, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::range::Range;
use super::super::syntax::{Lambda, Segment, SegmentKind};
use super::guard::{all, any, boolean, is_not_of, is_of};
use super::{Binder, Operand, names};
use crate::edm::{EntityType, NavigationProperty, Type};
use crate::fault::excerpt;

/// Where a path leads.
pub(super) enum Place {
    /// To the row itself.
    Row,
    /// To a related entity.
    Entity(&'static NavigationProperty),
    /// To a property, whatever it holds.
    Property(PropertyPath),
    /// To the range variable of the innermost `any` or `all`.
    Item(ValueType),
}

/// A place, and the type to which the path casts the row.
pub(super) struct Resolved {
    pub(super) place: Place,
    pub(super) guard: Option<&'static EntityType>,
}

impl<'s> Binder<'s> {
    /// Binds a path that must lead to one value, or to what `any` or `all` says of several.
    pub(super) fn path(&mut self, segments: &[Segment<'s>], span: Span) -> Option<Operand> {
        let (last, before) = segments.split_last()?;
        match &last.kind {
            SegmentKind::Any(lambda) => return self.quantified(before, lambda.as_ref(), false, span),
            SegmentKind::All(lambda) => return self.quantified(before, Some(lambda), true, span),
            SegmentKind::Name("$count") => {
                let message = "can only be compared with 0 (or asked with any), which tells whether there are items";
                self.error(ErrorKind::NotServed, span, || format!("{} {message}", excerpt(span.of(self.text))));
                return None;
            }
            SegmentKind::Name(_) => {}
        }
        let resolved = self.resolve(segments)?;
        let found = || excerpt(span.of(self.text));
        let (kind, message) = match resolved.place {
            Place::Item(ty) => return Some(Operand::new(Node::Item, ty, Range::any(ty), span)),
            Place::Property(path) => match scalar(&path.property.ty) {
                Some(ty) => {
                    let range = Range::of_property(&path.property.ty, ty);
                    let mut operand = Operand::new(Node::Property(path), ty, range, span);
                    operand.guard = resolved.guard;
                    return Some(operand);
                }
                None if matches!(path.property.ty, Type::Collection { .. }) => {
                    let name = path.property.name;
                    (
                        ErrorKind::WrongType,
                        format!("{} holds several values; ask with `{name}/any(x:...)` or all", found()),
                    )
                }
                None => {
                    let name = path.property.name;
                    (ErrorKind::NotServed, format!("`{name}` holds members of its own, which cannot be asked for"))
                }
            },
            Place::Row => (ErrorKind::WrongType, format!("{} is an entity; name one of its properties", found())),
            Place::Entity(navigation) => {
                let (name, target) = (navigation.name, navigation.target);
                let example = target.all_properties().first().map_or("", |property| property.name);
                let message =
                    format!("{} is a related entity; name one of its properties, such as `{name}/{example}`", found());
                (ErrorKind::WrongType, message)
            }
        };
        self.error(kind, span, || message);
        None
    }

    /// Follows the steps of a path.
    pub(super) fn resolve(&mut self, segments: &[Segment<'s>]) -> Option<Resolved> {
        let (first, _) = segments.split_first()?;
        if let Some(ty) = self.variable(first) {
            if let Some(next) = segments.get(1) {
                self.error(ErrorKind::UnknownName, next.span, || {
                    format!("{} has no properties", excerpt(first.span.of(self.text)))
                });
                return None;
            }
            return Some(Resolved { place: Place::Item(ty), guard: None });
        }
        let mut ty = self.scope.ty;
        let mut guard = None;
        let mut navigation = Vec::new();
        let mut place = Place::Row;
        for (at, segment) in segments.iter().enumerate() {
            let SegmentKind::Name(name) = segment.kind else {
                self.error(ErrorKind::Syntax, segment.span, || "any and all end a path".to_owned());
                return None;
            };
            if let Place::Property(path) = &place {
                let name = path.property.name;
                if let Type::Complex(_) = path.property.ty {
                    break; // refused by the name of the whole
                }
                self.error(ErrorKind::UnknownName, segment.span, || {
                    format!("`{name}` has no parts that can be asked for")
                });
                return None;
            }
            match name {
                "$it" | "$this" if at == 0 => {}
                _ if name.starts_with('$') => {
                    self.error(ErrorKind::NotServed, segment.span, || format!("{} is not served here", excerpt(name)));
                    return None;
                }
                _ if name.contains('.') => {
                    let cast = self.cast(name, ty, segment.span)?;
                    if !ty.is(cast) {
                        if !navigation.is_empty() {
                            self.error(ErrorKind::NotServed, segment.span, || {
                                "casting a related entity to a derived type is not served".to_owned()
                            });
                            return None;
                        }
                        (ty, guard) = (cast, Some(cast));
                    }
                }
                _ => match (ty.property(name).filter(|(_, property)| !property.write_only), ty.navigation(name)) {
                    (Some((position, property)), _) => {
                        let navigation = std::mem::take(&mut navigation);
                        place = Place::Property(PropertyPath { navigation, position, property });
                    }
                    (None, Some(relation)) if relation.collection => {
                        self.error(ErrorKind::NotServed, segment.span, || {
                            format!("`{}` leads to many entities, which cannot be asked here", relation.name)
                        });
                        return None;
                    }
                    (None, Some(relation)) => {
                        navigation.push(relation);
                        ty = relation.target;
                        place = Place::Entity(relation);
                    }
                    (None, None) => {
                        let is_alone = segments.len() == 1;
                        self.error(ErrorKind::UnknownName, segment.span, || {
                            let message = names::unknown_property(name, ty);
                            let quoted = is_alone && !message.contains("did you mean");
                            if quoted { format!("{message} (a text stands in quotes: '{name:.60}')") } else { message }
                        });
                        return None;
                    }
                },
            }
        }
        Some(Resolved { place, guard })
    }

    /// The type that a step casts to: the place's own, one that derives from it, or a base.
    fn cast(&mut self, name: &'s str, ty: &'static EntityType, span: Span) -> Option<&'static EntityType> {
        match self.scope.model.entity_type(name) {
            Some(cast) if cast.is(ty) || ty.is(cast) => return Some(cast),
            Some(_) => self.error(ErrorKind::WrongType, span, || {
                format!("{} neither is nor extends `{}`", excerpt(name), ty.name)
            }),
            None => self.error(ErrorKind::UnknownName, span, || format!("{} is not an entity type", excerpt(name))),
        }
        None
    }

    /// The type of the range variable when a step names it.
    fn variable(&self, segment: &Segment<'s>) -> Option<ValueType> {
        self.variable.filter(|(name, _)| segment.kind == SegmentKind::Name(name)).map(|(_, ty)| ty)
    }

    /// Finds the collection that a path leads to, and the type of its items.
    pub(super) fn collection(
        &mut self,
        segments: &[Segment<'s>],
        span: Span,
    ) -> Option<(PropertyPath, ValueType, Option<&'static EntityType>)> {
        let resolved = if segments.is_empty() { None } else { Some(self.resolve(segments)?) };
        if let Some(Resolved { place: Place::Property(path), guard }) = resolved
            && let Type::Collection { of, .. } = &path.property.ty
            && let Some(item) = scalar(of)
        {
            return Some((path, item, guard));
        }
        self.error(ErrorKind::WrongType, span, || {
            let found = segments.last().map_or(span, |last| segments[0].span.to(last.span));
            format!("{} does not hold several values", excerpt(found.of(self.text)))
        });
        None
    }

    fn quantified(
        &mut self,
        segments: &[Segment<'s>],
        lambda: Option<&Lambda<'s>>,
        every: bool,
        span: Span,
    ) -> Option<Operand> {
        let (path, item, guard) = self.collection(segments, span)?;
        let condition = match lambda {
            None => None,
            Some(_) if self.in_lambda => {
                // Each level would multiply the work by the number of items.
                self.error(ErrorKind::NotServed, span, || {
                    format!("{} within any or all is not served", if every { "all" } else { "any" })
                });
                return None;
            }
            Some(lambda) => {
                (self.variable, self.in_lambda) = (Some((lambda.variable, item)), true);
                let condition = self.condition(&lambda.condition);
                (self.variable, self.in_lambda) = (None, false);
                Some(Box::new(condition?))
            }
        };
        let node = match condition {
            Some(condition) if every => Node::All(path, condition),
            condition => Node::Any(path, condition),
        };
        let asked = boolean(node);
        // What is not of the type has no such items.
        let asked = match guard {
            None => asked,
            Some(ty) if every => any(vec![is_not_of(ty), asked]),
            Some(ty) => all(vec![is_of(ty), asked]),
        };
        Some(Operand { expression: asked, range: Range::None, guard: None, span })
    }
}

/// The type of a property that holds one value.
pub(super) fn scalar(ty: &Type) -> Option<ValueType> {
    match ty {
        Type::String { .. } => Some(ValueType::Text),
        Type::Boolean => Some(ValueType::Boolean),
        Type::Int32 => Some(ValueType::Integer),
        Type::Double => Some(ValueType::Double),
        Type::DateTimeOffset => Some(ValueType::DateTimeOffset),
        Type::Enum(of) => Some(ValueType::Enum(of)),
        Type::Complex(_) | Type::Collection { .. } => None,
    }
}
