//! Literals: what a constant in the text is.

use super::super::bound::{Literal, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::literal;
use super::super::syntax::LiteralKind;
use super::{Binder, Operand, names};
use crate::edm::EnumType;
use crate::fault::excerpt;

impl<'s> Binder<'s> {
    pub(super) fn literal(&mut self, kind: LiteralKind, text: &'s str, span: Span) -> Option<Operand> {
        use ValueType as T;
        let value = match kind {
            LiteralKind::Null => Ok((Literal::Null, T::Null)),
            LiteralKind::Boolean => Ok((Literal::Boolean(text.len() == 4), T::Boolean)),
            LiteralKind::Text => constant_text(literal::unquote(text)),
            LiteralKind::JsonText => match serde_json::from_str(text) {
                Ok(text) => constant_text(text),
                Err(_) => Err("is not a text as JSON writes it".to_owned()),
            },
            LiteralKind::Number => match literal::number(text) {
                Ok(value) => {
                    let ty = if let Literal::Integer(_) = value { T::Integer } else { T::Double };
                    Ok((value, ty))
                }
                Err(problem) => Err(problem.to_owned()),
            },
            LiteralKind::Date => match literal::date(text) {
                Ok(days) => Ok((Literal::Date(days), T::Date)),
                Err(crate::TicksError::Impossible) => Err("is a day that does not exist".to_owned()),
                Err(crate::TicksError::OutOfRange) => Err("lies outside the years 0001 to 9999".to_owned()),
                Err(_) => Err("is not a date such as 2024-03-02".to_owned()),
            },
            LiteralKind::DateTimeOffset => match literal::date_time_offset(text) {
                Ok(ticks) => Ok((Literal::DateTimeOffset(ticks), T::DateTimeOffset)),
                Err(problem) => Err(problem.to_string()),
            },
            LiteralKind::TimeOfDay => match literal::time_of_day(text) {
                Ok(ticks) => Ok((Literal::TimeOfDay(ticks), T::TimeOfDay)),
                Err(crate::TicksError::Impossible) => Err("is a time of day that does not exist".to_owned()),
                Err(crate::TicksError::FractionTooLong) => Err("has more than 12 fraction digits".to_owned()),
                Err(_) => Err("is not a time of day such as 23:10:04".to_owned()),
            },
            LiteralKind::Guid => Ok((Literal::Guid(text.to_ascii_lowercase().into()), T::Guid)),
            LiteralKind::Typed => return self.typed(text, span),
        };
        match value {
            Ok((value, ty)) => Some(Operand::literal(value, ty, span)),
            Err(problem) => {
                self.error(ErrorKind::InvalidValue, span, || format!("{} {problem}", excerpt(text)));
                None
            }
        }
    }

    /// Binds `duration'P1D'` and `namespace.enumeration'member'`.
    fn typed(&mut self, text: &'s str, span: Span) -> Option<Operand> {
        let (name, quoted) = text.split_at(text.find('\'').unwrap_or(text.len()));
        let value = literal::unquote(quoted);
        if name.eq_ignore_ascii_case("duration") {
            return self.duration(&value, span);
        }
        if let Some(of) = self.enumeration(name) {
            let number = self.members(of, &value, span)?;
            return Some(Operand::literal(Literal::Enum(number), ValueType::Enum(of), span));
        }
        let is_primitive = ["binary", "geography", "geometry"].iter().any(|known| known.eq_ignore_ascii_case(name));
        let kind = if is_primitive { ErrorKind::NotServed } else { ErrorKind::UnknownName };
        self.error(kind, span, || {
            if is_primitive {
                format!("there are no {name} values here")
            } else {
                format!("{} is not an enumeration", excerpt(name))
            }
        });
        None
    }

    /// Finds an enumeration by its name, qualified by its namespace or a synonym of that.
    pub(super) fn enumeration(&self, name: &str) -> Option<&'static EnumType> {
        let (namespace, short) = name.rsplit_once('.')?;
        let model = self.scope.model;
        let is_synonym = |of: &EnumType| {
            let own = model.entity_types.iter().filter(|ty| ty.namespace.eq_ignore_ascii_case(of.namespace));
            own.into_iter().any(|ty| ty.is_in(namespace))
        };
        let named = model.enum_types.iter().copied().filter(|of| of.name.eq_ignore_ascii_case(short));
        named.into_iter().find(|of| of.namespace.eq_ignore_ascii_case(namespace) || is_synonym(of))
    }

    pub(super) fn duration(&mut self, text: &str, span: Span) -> Option<Operand> {
        if let Some(ticks) = literal::duration(text) {
            return Some(Operand::literal(Literal::Duration(ticks), ValueType::Duration, span));
        }
        self.error(ErrorKind::InvalidValue, span, || {
            format!("{} is not a duration of days, hours, minutes and seconds such as duration'P1DT2H'", excerpt(text))
        });
        None
    }

    /// The number of a member, or of several with commas between them where the enumeration
    /// takes several. Those behind a sentinel are only for clients that know them.
    pub(super) fn members(&mut self, of: &'static EnumType, text: &str, span: Span) -> Option<i64> {
        let mut number = 0;
        for part in text.split(',') {
            let name = part.trim();
            let by_number = || {
                let value = name.parse::<i64>().ok()?;
                let all = of.members.iter().fold(0, |all, member| all | i64::from(member.value));
                (of.member_of(value).is_some() || (of.is_flags && value & !all == 0)).then_some(value)
            };
            match of.member(name).map(|member| i64::from(member.value)).or_else(by_number) {
                Some(value) if of.hides(value) && of.mask(self.scope.enum_members).is_some() => {
                    self.error(ErrorKind::InvalidValue, span, || {
                        let expected = names::members(of, self.scope.enum_members);
                        format!(
                            "{} can be named only with `Prefer: include-unknown-enum-members`; expected {expected}",
                            excerpt(name)
                        )
                    });
                    return None;
                }
                Some(value) if of.is_flags => number |= value,
                Some(value) if part.len() == text.len() => number = value,
                Some(_) => {
                    self.error(ErrorKind::InvalidValue, span, || {
                        format!("{} names several members; `{}` is one at a time", excerpt(text), of.name)
                    });
                    return None;
                }
                None => {
                    self.error(ErrorKind::InvalidValue, span, || {
                        let expected = names::members(of, self.scope.enum_members);
                        format!("{} is not a member of `{}`; expected {expected}", excerpt(name), of.name)
                    });
                    return None;
                }
            }
        }
        Some(number)
    }
}

/// A text as a constant. None holds U+0000: bodies refuse it, since not every database can keep it.
fn constant_text(text: Box<str>) -> Result<(Literal, ValueType), String> {
    if text.contains('\0') {
        return Err("holds the character U+0000, which no text here has".to_owned());
    }
    Ok((Literal::Text(text), ValueType::Text))
}
