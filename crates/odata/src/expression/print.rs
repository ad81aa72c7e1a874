//! A syntax tree as text again: parsing what is printed gives the same tree.

use super::parse::is_operator;
use super::syntax::{Kind, Operator, Power, Segment, SegmentKind, Syntax};
use std::fmt::{self, Display, Formatter, Write as _};

impl Display for Syntax<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(self, Power::Or, f)
    }
}

fn power(syntax: &Syntax<'_>) -> Power {
    match &syntax.kind {
        Kind::Or(_) => Power::Or,
        Kind::And(_) => Power::And,
        Kind::Binary(operator, _) => operator.power(),
        Kind::Not(_) | Kind::Negate(_) => Power::Unary,
        _ => Power::Operand,
    }
}

/// Prints a tree where at least `needed` must hold it together; else in parentheses.
fn print(syntax: &Syntax<'_>, needed: Power, f: &mut Formatter<'_>) -> fmt::Result {
    if is_bare_not(syntax) || power(syntax) < needed { enclosed(syntax, f) } else { write(syntax, f) }
}

fn enclosed(syntax: &Syntax<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('(')?;
    write(syntax, f)?;
    f.write_char(')')
}

/// A property called `not` would be read as the operator.
fn is_bare_not(syntax: &Syntax<'_>) -> bool {
    let Kind::Path(segments) = &syntax.kind else { return false };
    matches!(segments.as_slice(), [Segment { kind: SegmentKind::Name(name), .. }] if name.eq_ignore_ascii_case("not"))
}

fn write(syntax: &Syntax<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    match &syntax.kind {
        Kind::Literal(_, text) => f.write_str(text),
        Kind::Alias(name) => write!(f, "@{name}"),
        Kind::Path(segments) => path(segments, f),
        Kind::Call(name, arguments) => {
            write!(f, "{name}(")?;
            joined(arguments, ", ", Power::Or, f)?;
            f.write_char(')')
        }
        Kind::Not(operand) => {
            f.write_str("not ")?;
            match &operand.kind {
                Kind::Call(name, _) if !is_operator(name) => write(operand, f),
                _ => enclosed(operand, f), // `not add (1)` would be read as the sum of a property called `not`
            }
        }
        Kind::Negate(operand) => {
            f.write_str("- ")?;
            print(operand, Power::Unary, f)
        }
        Kind::And(operands) => joined(operands, " and ", Power::And.next(), f),
        Kind::Or(operands) => joined(operands, " or ", Power::Or.next(), f),
        Kind::Binary(operator, operands) => {
            print(&operands.0, operator.power(), f)?;
            write!(f, " {} ", operator.name())?;
            match operator {
                Operator::In => write(&operands.1, f), // in parentheses it would be a list of one
                _ => print(&operands.1, operator.power().next(), f),
            }
        }
        Kind::List(items) => {
            f.write_char('(')?;
            joined(items, ", ", Power::Or, f)?;
            f.write_char(')')
        }
        Kind::Array(items) => {
            f.write_char('[')?;
            joined(items, ", ", Power::Or, f)?;
            f.write_char(']')
        }
    }
}

fn joined(items: &[Syntax<'_>], between: &str, needed: Power, f: &mut Formatter<'_>) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        print(item, needed, f)?;
    }
    Ok(())
}

fn path(segments: &[Segment<'_>], f: &mut Formatter<'_>) -> fmt::Result {
    for (at, segment) in segments.iter().enumerate() {
        if at > 0 {
            f.write_char('/')?;
        }
        match &segment.kind {
            SegmentKind::Name(name) => f.write_str(name)?,
            SegmentKind::Any(None) => f.write_str("any()")?,
            SegmentKind::Any(Some(lambda)) => write!(f, "any({}:{})", lambda.variable, lambda.condition)?,
            SegmentKind::All(lambda) => write!(f, "all({}:{})", lambda.variable, lambda.condition)?,
        }
    }
    Ok(())
}
