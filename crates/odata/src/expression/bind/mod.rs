//! From a syntax tree to a [bound tree](super::bound): names become properties, literals values,
//! and every node gets its type. Whatever could go wrong later is found here, all of it at once.

mod call;
mod compare;
mod compute;
mod evolve;
mod guard;
mod lists;
mod names;
mod path;
mod types;
mod values;

use super::bound::{Expression, Literal, Node, OrderKey, ValueType};
use super::error::{ErrorKind, Errors, ExpressionErrors, Span};
use super::parse::{Limits, Parser, TOO_MANY_PARTS};
use super::range::{Failure, Range};
use super::syntax::{Kind, Operator, Syntax};
use super::token::TokenKind;
use crate::Ticks;
use crate::edm::{EntityType, EnumMembers, Model};
use crate::fault::excerpt;
pub use call::function_names;
use guard::guarded;
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
    /// Which members of evolvable enumerations the client may name. To one that knows only those up to
    /// the sentinel, all others are equal to it.
    pub enum_members: EnumMembers,
}

impl<'s> Scope<'s> {
    /// A scope without aliases and with the usual limits.
    pub fn new(model: &'s Model, ty: &'static EntityType, now: Ticks) -> Self {
        Self { model, ty, now, limits: Limits::default(), aliases: &[], enum_members: EnumMembers::Known }
    }

    /// Binds a condition, as `$filter` has it.
    ///
    /// ```
    /// # use odata::edm::{EntityType, Model, Property, Type};
    /// # static ORDER: EntityType = EntityType {
    /// #     namespace: "shop",
    /// #     synonyms: &[],
    /// #     name: "order",
    /// #     base: None,
    /// #     is_abstract: false,
    /// #     key: None,
    /// #     properties: &[Property::new("name", Type::text(80), "")],
    /// #     navigation: &[],
    /// #     ignored: &[],
    /// #     description: "",
    /// # };
    /// # static SHOP: Model = Model { entity_types: &[&ORDER], ..Model::EMPTY };
    /// use odata::expression::{ErrorKind, Scope};
    ///
    /// let scope = Scope::new(&SHOP, &ORDER, odata::Ticks::default());
    /// assert!(scope.condition("startswith(name,'A') or length(name) gt 9").is_ok());
    ///
    /// let errors = scope.condition("name eq 5 and 1 div 0 eq nam").unwrap_err();
    /// let kinds: Vec<ErrorKind> = errors.kept().iter().map(|error| error.kind).collect();
    /// assert_eq!(kinds, [ErrorKind::WrongType, ErrorKind::OutOfRange, ErrorKind::UnknownName]);
    /// ```
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
    /// What is left of the limit on text: an alias counts as often as it is used.
    unread: usize,
    /// How many levels of parts are being bound, those of aliases included.
    depth: usize,
    /// The aliases whose values are being bound.
    open: Vec<&'s str>,
    /// The range variable that can be used, and the type of its value.
    variable: Option<(&'s str, ValueType)>,
    /// Whether an `any` or `all` is being bound, be it outside of the alias.
    in_lambda: bool,
}

impl<'s> Binder<'s> {
    fn new(scope: &'s Scope<'s>, text: &'s str) -> Self {
        let Limits { nodes, text: most, .. } = scope.limits;
        let unread = most.saturating_sub(text.len());
        let (errors, open) = (Errors::default(), Vec::new());
        Self { scope, text, errors, nodes, unread, depth: 0, open, variable: None, in_lambda: false }
    }

    /// Parses the text that is being bound.
    fn parse<T>(
        &mut self,
        read: impl FnOnce(&mut Parser<'s, '_>) -> Result<T, super::error::ExpressionError>,
    ) -> Option<T> {
        let all = self.scope.limits;
        let limits = Limits { depth: all.depth.min(Limits::DEEPEST).saturating_sub(self.depth), ..all };
        let read = Parser::new(self.text, &limits, &mut self.nodes).and_then(|mut parser| read(&mut parser));
        read.map_err(|error| self.errors.add(error)).ok()
    }

    fn error(&mut self, kind: ErrorKind, span: Span, message: impl FnOnce() -> String) {
        self.errors.push(self.text, kind, span, message);
    }

    /// A part that is needed once more. It counts with all that is in it: of parts that lie in each other
    /// and are each needed twice, there would soon be more than memory holds.
    fn copied(&mut self, operand: &Operand) -> Option<Operand> {
        let mut count = 0;
        operand.expression.visit(&mut |part| {
            count += if let Node::In(_, list) = &part.node { 1 + list.len() } else { 1 };
        });
        let Some(left) = self.nodes.checked_sub(count) else {
            self.error(ErrorKind::TooComplex, operand.span, || TOO_MANY_PARTS.to_owned());
            return None;
        };
        self.nodes = left;
        Some(operand.clone())
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
        self.depth += 1;
        let bound = self.part(syntax);
        self.depth -= 1;
        bound
    }

    fn part(&mut self, syntax: &Syntax<'s>) -> Option<Operand> {
        let span = syntax.span;
        match &syntax.kind {
            Kind::Literal(kind, text) => self.literal(*kind, text, span),
            Kind::Path(segments) => self.path(segments, span),
            Kind::Alias(name) => {
                let null = |_: &mut Self| Some(Operand::literal(Literal::Null, ValueType::Null, span));
                self.alias(name, span, null, Self::operand).map(|bound| Operand { span, ..bound })
            }
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
        unassigned: impl FnOnce(&mut Self) -> Option<T>,
        bind: impl FnOnce(&mut Self, &Syntax<'s>) -> Option<T>,
    ) -> Option<T> {
        let aliases: &'s [(String, String)] = self.scope.aliases;
        if name.contains('.') {
            self.error(ErrorKind::NotServed, span, || {
                format!("values of annotations such as {} are not served", excerpt(span.of(self.text)))
            });
            return None;
        }
        let Some((_, value)) = aliases.iter().find(|(known, _)| known == name) else {
            return unassigned(self);
        };
        if self.open.contains(&name) {
            self.error(ErrorKind::Syntax, span, || format!("the value of @{name} refers to itself"));
            return None;
        }
        let Some(unread) = self.unread.checked_sub(value.len()) else {
            let most = self.scope.limits.text;
            self.error(ErrorKind::TooComplex, span, || {
                format!("with the value of @{name} here, more than {most} bytes would be read")
            });
            return None;
        };
        self.unread = unread;
        let (text, noted) = (self.text, self.errors.len());
        let variable = self.variable.take();
        self.open.push(name);
        self.text = value;
        let syntax = self.parse(|parser| {
            let syntax = parser.expression()?;
            parser.end()?;
            Ok(syntax)
        });
        let bound = syntax.and_then(|syntax| bind(self, &syntax));
        self.errors.in_alias(noted, name);
        self.open.pop();
        (self.text, self.variable) = (text, variable);
        bound
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
