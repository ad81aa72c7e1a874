//! `cast` and `isof`.

use super::super::bound::{Expression, Literal, Node, ValueType};
use super::super::cast::{Conversion, conversion};
use super::super::error::{ErrorKind, Span};
use super::super::range::Range;
use super::super::syntax::{Kind, Segment, SegmentKind, Syntax};
use super::compare::is_same;
use super::{Binder, Operand, names};
use crate::fault::excerpt;

impl<'s> Binder<'s> {
    /// Binds `cast(value,type)`.
    pub(super) fn cast_call(&mut self, arguments: &[Syntax<'s>], span: Span) -> Option<Operand> {
        let [value, ty] = arguments else {
            self.error(ErrorKind::NotServed, span, || {
                "cast takes a value and a type here; to cast the entity, write type/property".to_owned()
            });
            return None;
        };
        let operand = self.operand(value);
        let target = self.cast_target(type_name(ty).unwrap_or_default());
        if target.is_none() {
            self.error(ErrorKind::UnknownName, ty.span, || {
                format!("{} is not a type that values are cast to", excerpt(ty.span.of(self.text)))
            });
        }
        let (operand, (to, bounds)) = (operand?, target?);
        let from = operand.expression.ty;
        if operand.is_null() {
            return Some(Operand { span, ..operand });
        }
        let Some(conversion) = conversion(from, to) else {
            self.error(ErrorKind::NotServed, span, || {
                format!("casting {} to {} is not served", names::of_type(from), names::of_type(to))
            });
            return None;
        };
        if let Conversion::WriteMember(of) = conversion
            && of.mask(self.scope.enum_members).is_some()
        {
            self.error(ErrorKind::NotServed, span, || {
                format!("casting `{}` to text is served only with `Prefer: include-unknown-enum-members`", of.name)
            });
            return None;
        }
        let range = operand.range.cast(conversion, to);
        if let (Range::Whole(low, high), Some((least, most))) = (range, bounds)
            && (low < least || high > most)
        {
            self.error(ErrorKind::OutOfRange, span, || {
                let found = excerpt(value.span.of(self.text));
                format!("{found} could be too large for {}; cast it to Edm.Int64", excerpt(ty.span.of(self.text)))
            });
            return None;
        }
        if matches!(conversion, Conversion::Same) && is_same(from, to) {
            return Some(Operand { span, ..operand });
        }
        let node = Node::Cast(Box::new(operand.expression));
        Some(Operand { guard: operand.guard, ..Operand::new(node, to, range, span) })
    }

    /// The type of values that a name such as `Edm.Int16` stands for; of a short integer, with the
    /// least and the greatest.
    fn cast_target(&self, name: &str) -> Option<(ValueType, Option<(i64, i64)>)> {
        let (namespace, short) = name.rsplit_once('.')?;
        if !namespace.eq_ignore_ascii_case("Edm") {
            return self.enumeration(name).map(|of| (ValueType::Enum(of), None));
        }
        Some(match short.to_ascii_lowercase().as_str() {
            "string" => (ValueType::Text, None),
            "boolean" => (ValueType::Boolean, None),
            "byte" => (ValueType::Integer, Some((0, 255))),
            "sbyte" => (ValueType::Integer, Some((-128, 127))),
            "int16" => (ValueType::Integer, Some((-32_768, 32_767))),
            "int32" => (ValueType::Integer, Some((i64::from(i32::MIN), i64::from(i32::MAX)))),
            "int64" => (ValueType::Integer, None),
            "double" | "decimal" => (ValueType::Double, None),
            "datetimeoffset" => (ValueType::DateTimeOffset, None),
            "date" => (ValueType::Date, None),
            "timeofday" => (ValueType::TimeOfDay, None),
            "duration" => (ValueType::Duration, None),
            "guid" => (ValueType::Guid, None),
            _ => return None,
        })
    }

    /// Binds `isof(type)` and `isof($it,type)`; of a value with a type that is known, the answer.
    pub(super) fn is_of_call(&mut self, arguments: &[Syntax<'s>], span: Span) -> Option<Operand> {
        let (ty, of) = match arguments {
            [ty] => (ty, None),
            [of, ty] => (ty, Some(of)),
            _ => {
                self.error(ErrorKind::Syntax, span, || "isof takes a type, or a value and a type".to_owned());
                return None;
            }
        };
        let is_row = |of: &Syntax<'s>| match &of.kind {
            Kind::Path(segments) => {
                matches!(segments.as_slice(), [Segment { kind: SegmentKind::Name("$it" | "$this"), .. }])
            }
            _ => false,
        };
        if let Some(of) = of.filter(|of| !is_row(of)) {
            self.error(ErrorKind::NotServed, of.span, || {
                "isof is served for the entity itself: isof(type) or isof($it,type)".to_owned()
            });
            return None;
        }
        // Clients write the type's name with quotes, too, as OData 4.0 had it for `cast`.
        let quoted = ty.span.of(self.text).strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
        let name = quoted.or_else(|| type_name(ty)).unwrap_or_default();
        let Some(asked) = self.scope.model.entity_type(name) else {
            self.error(ErrorKind::UnknownName, ty.span, || {
                format!("{} is not an entity type", excerpt(ty.span.of(self.text)))
            });
            return None;
        };
        let own = self.scope.ty;
        let node = if own.is(asked) {
            Node::Literal(Literal::Boolean(true))
        } else if asked.is(own) {
            Node::IsOf(asked)
        } else {
            Node::Literal(Literal::Boolean(false))
        };
        let expression = Expression { node, ty: ValueType::Boolean };
        Some(Operand { expression, range: Range::None, guard: None, span })
    }
}

/// A name that stands where a type is wanted.
fn type_name<'s>(syntax: &Syntax<'s>) -> Option<&'s str> {
    let Kind::Path(segments) = &syntax.kind else { return None };
    match segments.as_slice() {
        [segment] => {
            if let SegmentKind::Name(name) = segment.kind {
                Some(name)
            } else {
                None
            }
        }
        _ => None,
    }
}
