//! Functions.

use super::super::bound::{Function, Literal, Node, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::pattern::Pattern;
use super::super::range::Range;
use super::super::syntax::{Kind, LiteralKind, Syntax};
use super::super::text;
use super::compare::is_same;
use super::{Binder, Operand, names};
use crate::Ticks;
use crate::calendar::TICKS_PER_DAY as DAY;
use crate::fault::excerpt;

/// What a function takes and gives.
struct Signature {
    name: &'static str,
    function: Function,
    /// The types that each argument may have; those after the first `needed` may be left out.
    takes: &'static [&'static [ValueType]],
    needed: usize,
    gives: ValueType,
}

const TEXT: &[ValueType] = &[ValueType::Text];
const WHOLE: &[ValueType] = &[ValueType::Integer];
const DATED: &[ValueType] = &[ValueType::DateTimeOffset, ValueType::Date];
const TIMED: &[ValueType] = &[ValueType::DateTimeOffset, ValueType::TimeOfDay];
const MOMENT: &[ValueType] = &[ValueType::DateTimeOffset];

const fn of(
    name: &'static str,
    function: Function,
    takes: &'static [&'static [ValueType]],
    gives: ValueType,
) -> Signature {
    Signature { name, function, takes, needed: takes.len(), gives }
}

/// The functions of values (URL conventions 4.01, sections 5.1.1.5 to 5.1.1.8).
static FUNCTIONS: [Signature; 22] = [
    of("contains", Function::Contains, &[TEXT, TEXT], ValueType::Boolean),
    of("startswith", Function::StartsWith, &[TEXT, TEXT], ValueType::Boolean),
    of("endswith", Function::EndsWith, &[TEXT, TEXT], ValueType::Boolean),
    of("length", Function::Length, &[TEXT], ValueType::Integer),
    of("indexof", Function::IndexOf, &[TEXT, TEXT], ValueType::Integer),
    Signature { needed: 2, ..of("substring", Function::Substring, &[TEXT, WHOLE, WHOLE], ValueType::Text) },
    of("tolower", Function::ToLower, &[TEXT], ValueType::Text),
    of("toupper", Function::ToUpper, &[TEXT], ValueType::Text),
    of("trim", Function::Trim, &[TEXT], ValueType::Text),
    of("concat", Function::Concat, &[TEXT, TEXT], ValueType::Text),
    of("matchesPattern", Function::MatchesPattern, &[TEXT, TEXT], ValueType::Boolean),
    of("year", Function::Year, &[DATED], ValueType::Integer),
    of("month", Function::Month, &[DATED], ValueType::Integer),
    of("day", Function::Day, &[DATED], ValueType::Integer),
    of("hour", Function::Hour, &[TIMED], ValueType::Integer),
    of("minute", Function::Minute, &[TIMED], ValueType::Integer),
    of("second", Function::Second, &[TIMED], ValueType::Integer),
    of("fractionalseconds", Function::FractionalSeconds, &[TIMED], ValueType::Double),
    of("date", Function::Date, &[MOMENT], ValueType::Date),
    of("time", Function::Time, &[MOMENT], ValueType::TimeOfDay),
    of("totaloffsetminutes", Function::TotalOffsetMinutes, &[MOMENT], ValueType::Integer),
    of("totalseconds", Function::TotalSeconds, &[&[ValueType::Duration]], ValueType::Double),
];

/// Functions that are bound in a way of their own.
const OTHERS: [&str; 5] = ["cast", "isof", "now", "mindatetime", "maxdatetime"];

/// The names of all functions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|signature| signature.name).chain(OTHERS)
}

/// Functions that OData has and that are not served.
const NOT_SERVED: [&str; 9] = [
    "round",
    "floor",
    "ceiling",
    "case",
    "hassubset",
    "hassubsequence",
    "geo.distance",
    "geo.length",
    "geo.intersects",
];

impl<'s> Binder<'s> {
    pub(super) fn call(&mut self, name: &'s str, arguments: &[Syntax<'s>], span: Span) -> Option<Operand> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if let Some(signature) = FUNCTIONS.iter().find(|signature| is(signature.name)) {
            return self.function(signature, arguments, span);
        }
        if is("cast") {
            return self.cast_call(arguments, span);
        }
        if is("isof") {
            return self.is_of_call(arguments, span);
        }
        let moment = match name {
            _ if is("now") => Some(self.scope.now),
            _ if is("mindatetime") => Some(Ticks::MIN),
            _ if is("maxdatetime") => Some(Ticks::MAX),
            _ => None,
        };
        if let Some(moment) = moment {
            if !arguments.is_empty() {
                self.error(ErrorKind::Syntax, span, || format!("{name} takes no arguments"));
                return None;
            }
            return Some(Operand::literal(Literal::DateTimeOffset(moment), ValueType::DateTimeOffset, span));
        }
        let (kind, message) = if NOT_SERVED.iter().any(|other| is(other)) {
            (ErrorKind::NotServed, format!("the function {name} is not served"))
        } else {
            let meant = names::nearest(name, function_names());
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            (ErrorKind::UnknownName, format!("{} is not a function{meant}", excerpt(name)))
        };
        self.error(kind, Span { end: span.start + name.len() as u32, ..span }, || message);
        None
    }

    fn function(&mut self, signature: &'static Signature, arguments: &[Syntax<'s>], span: Span) -> Option<Operand> {
        if arguments.len() < signature.needed || arguments.len() > signature.takes.len() {
            self.error(ErrorKind::Syntax, span, || {
                let (least, most) = (signature.needed, signature.takes.len());
                let wanted = if least == most { least.to_string() } else { format!("{least} or {most}") };
                let plural = if most == 1 { "" } else { "s" };
                format!("{} takes {wanted} argument{plural}; {} found", signature.name, arguments.len())
            });
            return None;
        }
        let mut bound = Vec::with_capacity(arguments.len());
        for (argument, takes) in arguments.iter().zip(signature.takes) {
            let Some(mut operand) = self.operand(argument) else { continue };
            if let Kind::Literal(LiteralKind::DateTimeOffset, text) = argument.kind
                && !text.ends_with(['Z', 'z'])
            {
                self.error(ErrorKind::NotServed, argument.span, || {
                    // The parts of a moment are asked for in its own zone, which is not kept.
                    format!("{} of {} is not served; write the moment in UTC, with Z", signature.name, excerpt(text))
                });
                continue;
            }
            if matches!(takes, [ValueType::Duration]) {
                self.as_type_of(&mut operand, ValueType::Duration)?;
            }
            let ty = operand.expression.ty;
            if matches!(ty, ValueType::Null) || takes.iter().any(|wanted| is_same(*wanted, ty)) {
                bound.push(operand);
                continue;
            }
            self.error(ErrorKind::WrongType, operand.span, || {
                let found = excerpt(operand.span.of(self.text));
                let wanted: Vec<String> = takes.iter().map(|ty| names::of_type(*ty)).collect();
                let wanted = wanted.join(" or ");
                format!("{found} is {}; {} expects {wanted} here", names::of_type(ty), signature.name)
            });
        }
        if bound.len() < arguments.len() {
            return None;
        }
        if bound.iter().any(Operand::is_null) {
            return Some(Operand::literal(Literal::Null, ValueType::Null, span));
        }
        self.check(signature.function, &bound)?;
        let mut guard = None;
        for operand in &bound {
            guard = self.shared_guard(guard, operand.guard, span).ok()?;
        }
        if let Some((literal, ty)) = folded(signature.function, &bound) {
            return Some(Operand::literal(literal, ty, span));
        }
        let range = range_of(signature.function, &bound);
        let node = Node::Call(signature.function, bound.into_iter().map(|operand| operand.expression).collect());
        Some(Operand { guard, ..Operand::new(node, signature.gives, range, span) })
    }

    /// Refuses arguments for which some functions have no value.
    fn check(&mut self, function: Function, arguments: &[Operand]) -> Option<()> {
        match (function, arguments) {
            (Function::MatchesPattern, [_, pattern]) => {
                let problem = match pattern.as_literal() {
                    Some(Literal::Text(text)) => {
                        Pattern::new(text).err().map(|problem| format!("the pattern {problem}"))
                    }
                    _ => Some("the pattern must be a quoted text".to_owned()),
                };
                let Some(problem) = problem else { return Some(()) };
                self.error(ErrorKind::InvalidValue, pattern.span, || problem);
                None
            }
            (Function::Substring, [.., length]) if arguments.len() == 3 => {
                if matches!(length.range, Range::Whole(least, _) if least >= 0) {
                    return Some(());
                }
                self.error(ErrorKind::OutOfRange, length.span, || {
                    format!("{} could be negative; a length is at least 0", excerpt(length.span.of(self.text)))
                });
                None
            }
            _ => Some(()),
        }
    }
}

/// What a function of constant texts gives, where that is cheap to say.
fn folded(function: Function, arguments: &[Operand]) -> Option<(Literal, ValueType)> {
    let text_of = |operand: &Operand| match operand.as_literal() {
        Some(Literal::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let text = text_of(arguments.first()?)?;
    let folded = match function {
        Function::ToLower => text::to_lower(&text),
        Function::ToUpper => text::to_upper(&text),
        Function::Trim => text::trim(&text).to_owned(),
        Function::Concat => text + &text_of(arguments.get(1)?)?,
        Function::Length => return Some((Literal::Integer(text::length(&text)), ValueType::Integer)),
        _ => return None,
    };
    Some((Literal::Text(folded.into()), ValueType::Text))
}

/// The bounds of what a function gives.
#[expect(clippy::cast_precision_loss, reason = "bounds need no more")]
fn range_of(function: Function, arguments: &[Operand]) -> Range {
    let first = arguments.first().map_or(Range::None, |argument| argument.range);
    match (function, first) {
        (Function::Length, _) => Range::Whole(0, i64::from(i32::MAX)),
        (Function::IndexOf, _) => Range::Whole(-1, i64::from(i32::MAX)),
        (Function::Year, _) => Range::Whole(-29_000, 31_000),
        (Function::Month, _) => Range::Whole(1, 12),
        (Function::Day, _) => Range::Whole(1, 31),
        (Function::Hour, _) => Range::Whole(0, 23),
        (Function::Minute | Function::Second, _) => Range::Whole(0, 59),
        (Function::FractionalSeconds, _) => Range::Real(0.0, 1.0),
        (Function::Date, Range::Whole(low, high)) => Range::Whole(low.div_euclid(DAY), high.div_euclid(DAY)),
        (Function::Time, _) => Range::Whole(0, DAY - 1),
        (Function::TotalOffsetMinutes, _) => Range::Whole(0, 0),
        (Function::TotalSeconds, Range::Whole(low, high)) => {
            let seconds = |ticks: i64| ticks as f64 / Ticks::PER_SECOND as f64;
            Range::Real(seconds(low), seconds(high))
        }
        _ => Range::None,
    }
}
