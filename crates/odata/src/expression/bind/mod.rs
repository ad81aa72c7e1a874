//! From a syntax tree to a [bound tree](super::bound): names become properties, literals values,
//! and every node gets its type. Whatever could go wrong later is found here, all of it at once.

mod compare;
mod compute;
mod names;
mod path;

use super::bound::{Expression, Literal, Node, OrderKey, ValueType};
use super::error::{ErrorKind, Errors, ExpressionErrors, Span};
use super::literal;
use super::parse::{Limits, Parser};
use super::range::{Failure, Range};
use super::syntax::{Kind, LiteralKind, Operator, Syntax};
use super::token::TokenKind;
use crate::Ticks;
use crate::edm::{EntityType, EnumType, Model};
use crate::fault::excerpt;
pub use compute::function_names;
pub(crate) use names::nearest_property;

/// What an expression is bound against.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// Everything that is declared.
    pub model: &'s Model,
    /// The type of the entities that are asked about.
    pub ty: &'static EntityType,
    /// What `now()` gives.
    pub now: Ticks,
    /// How large an expression may be.
    pub limits: Limits,
    /// Parameter aliases, without their sign, and the text of their values.
    pub aliases: &'s [(String, String)],
}

impl<'s> Scope<'s> {
    /// A scope without aliases and with the usual limits.
    pub fn new(model: &'s Model, ty: &'static EntityType, now: Ticks) -> Self {
        Self { model, ty, now, limits: Limits::default(), aliases: &[] }
    }

    /// Binds a condition, as `$filter` has it.
    ///
    /// An alias without a value is null (OData protocol 4.01, section 11.2.6.1.3).
    pub fn condition(&self, text: &str) -> Result<Expression, ExpressionErrors> {
        let mut binder = Binder::new(self, text);
        let syntax = binder.parse(|parser| {
            let syntax = parser.expression()?;
            parser.end()?;
            Ok(syntax)
        });
        let bound = syntax.and_then(|syntax| binder.condition(&syntax));
        binder.errors.or(bound)
    }

    /// Binds the keys of `$orderby`.
    pub fn order(&self, text: &str) -> Result<Vec<OrderKey>, ExpressionErrors> {
        let mut binder = Binder::new(self, text);
        let items = binder.parse(|parser| {
            let mut items = Vec::new();
            loop {
                let syntax = parser.expression()?;
                let descending = parser.token().is_word("desc");
                if descending || parser.token().is_word("asc") {
                    parser.advance();
                }
                items.push((syntax, descending));
                match parser.token().kind {
                    TokenKind::End => return Ok(items),
                    TokenKind::Comma => parser.advance(),
                    _ => return Err(parser.unexpected("asc, desc, `,` or the end")),
                };
            }
        });
        let keys = items.map(|items| {
            let keys = items.iter().map(|(syntax, descending)| {
                binder.key(syntax).map(|expression| OrderKey { expression, descending: *descending })
            });
            keys.collect::<Vec<_>>().into_iter().flatten().collect()
        });
        binder.errors.or(keys)
    }
}

/// A part that is bound.
#[derive(Clone, Debug)]
struct Operand {
    expression: Expression,
    /// The bounds of its value.
    range: Range,
    /// The type that the row must be of, because a path casts to it; for other rows the value is
    /// null.
    guard: Option<&'static EntityType>,
    /// Where it was written.
    span: Span,
}

impl Operand {
    fn new(node: Node, ty: ValueType, range: Range, span: Span) -> Self {
        Self { expression: Expression { node, ty }, range, guard: None, span }
    }

    fn literal(literal: Literal, ty: ValueType, span: Span) -> Self {
        let range = Range::of(&literal);
        Self::new(Node::Literal(literal), ty, range, span)
    }

    fn as_literal(&self) -> Option<&Literal> {
        if let Node::Literal(literal) = &self.expression.node { Some(literal) } else { None }
    }

    fn is_null(&self) -> bool {
        matches!(self.expression.node, Node::Literal(Literal::Null))
    }
}

/// Something is wrong, and was noted.
struct Noted;

/// The state of binding one text.
struct Binder<'s> {
    scope: &'s Scope<'s>,
    /// The text that is bound: the option's, or that of the innermost alias.
    text: &'s str,
    errors: Errors,
    /// What is left of the limit on nodes.
    nodes: usize,
    /// The aliases whose values are being bound.
    open: Vec<&'s str>,
    /// Range variables and the types of their values, the innermost last.
    variables: Vec<(&'s str, ValueType)>,
}

impl<'s> Binder<'s> {
    fn new(scope: &'s Scope<'s>, text: &'s str) -> Self {
        let nodes = scope.limits.nodes;
        Self { scope, text, errors: Errors::default(), nodes, open: Vec::new(), variables: Vec::new() }
    }

    /// Parses the text that is being bound.
    fn parse<T>(
        &mut self,
        read: impl FnOnce(&mut Parser<'s, '_>) -> Result<T, super::error::ExpressionError>,
    ) -> Option<T> {
        let read = Parser::new(self.text, &self.scope.limits, &mut self.nodes).and_then(|mut parser| read(&mut parser));
        read.map_err(|error| self.errors.add(error)).ok()
    }

    fn error(&mut self, kind: ErrorKind, span: Span, message: impl FnOnce() -> String) {
        self.errors.push(self.text, kind, span, message);
    }

    /// Binds what must be true or false, for every row that it is asked of.
    fn condition(&mut self, syntax: &Syntax<'s>) -> Option<Expression> {
        let operand = self.operand(syntax)?;
        match operand.expression.ty {
            ValueType::Boolean | ValueType::Null => Some(guarded(operand)),
            ty => {
                self.error(ErrorKind::WrongType, operand.span, || {
                    let found = excerpt(operand.span.of(self.text));
                    format!("{found} is {}; expected a condition, which is true or false", names::of_type(ty))
                });
                None
            }
        }
    }

    /// Binds what is sorted by.
    fn key(&mut self, syntax: &Syntax<'s>) -> Option<Expression> {
        let operand = self.operand(syntax)?;
        if let ValueType::Boolean = operand.expression.ty {
            return Some(guarded(operand));
        }
        if operand.guard.is_some() {
            self.error(ErrorKind::NotServed, operand.span, || {
                "sorting by a property of a derived type is not served".to_owned()
            });
            return None;
        }
        Some(operand.expression)
    }

    /// Binds any part.
    fn operand(&mut self, syntax: &Syntax<'s>) -> Option<Operand> {
        let span = syntax.span;
        match &syntax.kind {
            Kind::Literal(kind, text) => self.literal(*kind, text, span),
            Kind::Path(segments) => self.path(segments, span),
            Kind::Alias(name) => self.alias(name, span, Self::operand),
            Kind::Call(name, arguments) => self.call(name, arguments, span),
            Kind::Not(operand) => self.not(operand, span),
            Kind::Negate(operand) => self.negate(operand, span),
            Kind::And(operands) => self.joined(operands, span, true),
            Kind::Or(operands) => self.joined(operands, span, false),
            Kind::Binary(operator, operands) => {
                let (left, right) = &**operands;
                match operator {
                    Operator::In => self.is_in(left, right, span),
                    Operator::Has => self.has(left, right, span),
                    operator => match compare::comparison(*operator) {
                        Some(comparison) => self.compare(comparison, left, right, span),
                        None => self.arithmetic(*operator, left, right, span),
                    },
                }
            }
            Kind::List(_) | Kind::Array(_) => {
                self.error(ErrorKind::Syntax, span, || "a list stands only after `in`".to_owned());
                None
            }
        }
    }

    /// Binds the value of an alias, which is parsed where it is used.
    fn alias<T>(
        &mut self,
        name: &'s str,
        span: Span,
        bind: impl FnOnce(&mut Self, &Syntax<'s>) -> Option<T>,
    ) -> Option<T>
    where
        T: FromAlias,
    {
        let aliases: &'s [(String, String)] = self.scope.aliases;
        if name.contains('.') {
            self.error(ErrorKind::NotServed, span, || {
                format!("values of annotations such as {} are not served", excerpt(span.of(self.text)))
            });
            return None;
        }
        let Some((_, value)) = aliases.iter().find(|(known, _)| known == name) else {
            return T::unassigned(span);
        };
        if self.open.contains(&name) {
            self.error(ErrorKind::Syntax, span, || format!("the value of @{name} refers to itself"));
            return None;
        }
        let (text, noted) = (self.text, self.errors.len());
        let variables = std::mem::take(&mut self.variables);
        self.open.push(name);
        self.text = value;
        let syntax = self.parse(|parser| {
            let syntax = parser.expression()?;
            parser.end()?;
            Ok(syntax)
        });
        let bound = if self.open.len() > self.scope.limits.depth {
            self.error(ErrorKind::TooComplex, Span::default(), || "aliases refer to aliases too often".to_owned());
            None
        } else {
            syntax.and_then(|syntax| bind(self, &syntax))
        };
        self.errors.in_alias(noted, name);
        self.open.pop();
        (self.text, self.variables) = (text, variables);
        bound.map(|bound| bound.placed(span))
    }

    fn not(&mut self, operand: &Syntax<'s>, span: Span) -> Option<Operand> {
        let bound = self.operand(operand)?;
        let node = match (&bound.expression.node, bound.expression.ty) {
            (Node::Literal(Literal::Boolean(value)), _) => Node::Literal(Literal::Boolean(!value)),
            (_, ValueType::Null) => Node::Literal(Literal::Null),
            (_, ValueType::Boolean) => Node::Not(Box::new(guarded(bound))),
            (_, ty) => {
                self.error(ErrorKind::WrongType, bound.span, || {
                    let found = excerpt(bound.span.of(self.text));
                    let expected = "expected true or false (put a comparison after not into parentheses)";
                    format!("{found} is {}; {expected}", names::of_type(ty))
                });
                return None;
            }
        };
        Some(Operand::new(node, ValueType::Boolean, Range::None, span))
    }

    /// Binds what `and` (or `or`) joins; constants among it are worked out.
    fn joined(&mut self, operands: &[Syntax<'s>], span: Span, and: bool) -> Option<Operand> {
        let mut parts = Vec::with_capacity(operands.len());
        let (mut failed, mut decided) = (false, false);
        for operand in operands {
            match self.condition(operand) {
                None => failed = true,
                Some(Expression { node: Node::Literal(Literal::Boolean(value)), .. }) => decided |= value != and,
                Some(Expression { node: Node::And(inner), .. }) if and => parts.extend(inner),
                Some(Expression { node: Node::Or(inner), .. }) if !and => parts.extend(inner),
                Some(part) => parts.push(part),
            }
        }
        if failed {
            return None;
        }
        let node = if decided || parts.is_empty() {
            Node::Literal(Literal::Boolean(decided != and))
        } else if parts.len() == 1 {
            parts.remove(0).node
        } else if and {
            Node::And(parts)
        } else {
            Node::Or(parts)
        };
        Some(Operand::new(node, ValueType::Boolean, Range::None, span))
    }

    fn literal(&mut self, kind: LiteralKind, text: &'s str, span: Span) -> Option<Operand> {
        use ValueType as T;
        let value = match kind {
            LiteralKind::Null => Ok((Literal::Null, T::Null)),
            LiteralKind::Boolean => Ok((Literal::Boolean(text.len() == 4), T::Boolean)),
            LiteralKind::Text => Ok((Literal::Text(literal::unquote(text)), T::Text)),
            LiteralKind::JsonText => match serde_json::from_str::<Box<str>>(text) {
                Ok(text) => Ok((Literal::Text(text), T::Text)),
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
    fn enumeration(&self, name: &str) -> Option<&'static EnumType> {
        let (namespace, short) = name.rsplit_once('.')?;
        let model = self.scope.model;
        let is_synonym = |of: &EnumType| {
            let own = model.entity_types.iter().filter(|ty| ty.namespace.eq_ignore_ascii_case(of.namespace));
            own.into_iter().any(|ty| ty.is_in(namespace))
        };
        let named = model.enum_types.iter().copied().filter(|of| of.name.eq_ignore_ascii_case(short));
        named.into_iter().find(|of| of.namespace.eq_ignore_ascii_case(namespace) || is_synonym(of))
    }

    fn duration(&mut self, text: &str, span: Span) -> Option<Operand> {
        if let Some(ticks) = literal::duration(text) {
            return Some(Operand::literal(Literal::Duration(ticks), ValueType::Duration, span));
        }
        self.error(ErrorKind::InvalidValue, span, || {
            format!("{} is not a duration of days, hours, minutes and seconds such as duration'P1DT2H'", excerpt(text))
        });
        None
    }

    /// The number of a member, or of several with commas between them where the enumeration
    /// takes several.
    ///
    /// Members above a sentinel such as `unknownFutureValue` would be told apart here, by what the
    /// client said that it understands; no model has any yet.
    fn members(&mut self, of: &'static EnumType, text: &str, span: Span) -> Option<i64> {
        let mut number = 0;
        for part in text.split(',') {
            let name = part.trim();
            let by_number = || {
                let value = name.parse::<i64>().ok()?;
                let all = of.members.iter().fold(0, |all, member| all | i64::from(member.value));
                (of.member_of(value).is_some() || (of.is_flags && value & !all == 0)).then_some(value)
            };
            match of.member(name).map(|member| i64::from(member.value)).or_else(by_number) {
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
                        format!("{} is not a member of `{}`; expected {}", excerpt(name), of.name, names::members(of))
                    });
                    return None;
                }
            }
        }
        Some(number)
    }

    fn failed(&mut self, failure: Failure, span: Span) {
        self.error(ErrorKind::OutOfRange, span, || {
            let found = excerpt(span.of(self.text));
            match failure {
                Failure::Overflow => format!("the result of {found} could be too large"),
                Failure::DivisionByZero => format!("{found} could divide by zero"),
                Failure::NoMoment => format!("the result of {found} lies outside the years 0001 to 9999"),
            }
        });
    }
}

/// What the value of an alias can stand for.
trait FromAlias: Sized {
    /// What an alias without a value is.
    fn unassigned(span: Span) -> Option<Self>;
    /// The same, standing where the alias is used.
    fn placed(self, span: Span) -> Self;
}

impl FromAlias for Operand {
    fn unassigned(span: Span) -> Option<Self> {
        Some(Self::literal(Literal::Null, ValueType::Null, span))
    }

    fn placed(self, span: Span) -> Self {
        Self { span, ..self }
    }
}

fn boolean(node: Node) -> Expression {
    Expression { node, ty: ValueType::Boolean }
}

fn all(parts: Vec<Expression>) -> Expression {
    boolean(Node::And(parts))
}

fn any(parts: Vec<Expression>) -> Expression {
    boolean(Node::Or(parts))
}

fn is_of(ty: &'static EntityType) -> Expression {
    boolean(Node::IsOf(ty))
}

fn is_not_of(ty: &'static EntityType) -> Expression {
    boolean(Node::Not(Box::new(is_of(ty))))
}

/// A truth value that is null for rows that are not of the type to which its paths cast.
fn guarded(operand: Operand) -> Expression {
    let Some(ty) = operand.guard else { return operand.expression };
    let null = Expression { node: Node::Literal(Literal::Null), ty: ValueType::Boolean };
    any(vec![all(vec![is_of(ty), operand.expression]), all(vec![is_not_of(ty), null])])
}
