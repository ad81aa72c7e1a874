//! Arithmetic and functions.

use super::super::bound::{Arithmetic, Function, Literal, Node, ValueType};
use super::super::error::{ErrorKind, Span};
use super::super::literal::DAY;
use super::super::pattern::Pattern;
use super::super::range::Range;
use super::super::syntax::{Kind, Operator, SegmentKind, Syntax};
use super::compare::{is_number, is_same};
use super::{Binder, Operand, names};
use crate::Ticks;
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
            let meant = names::nearest(name, function_names())
                .map(|meant| format!("; did you mean {meant}?"))
                .unwrap_or_default();
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

    pub(super) fn negate(&mut self, operand: &Syntax<'s>, span: Span) -> Option<Operand> {
        let operand = self.operand(operand)?;
        let ty = operand.expression.ty;
        let range = match ty {
            ValueType::Null => return Some(Operand { span, ..operand }),
            ValueType::Integer | ValueType::Double | ValueType::Duration => operand.range.negated(),
            _ => {
                self.error(ErrorKind::WrongType, operand.span, || {
                    let found = excerpt(operand.span.of(self.text));
                    format!("{found} is {}; expected a number or a duration after -", names::of_type(ty))
                });
                return None;
            }
        };
        let range = range.map_err(|failure| self.failed(failure, span)).ok()?;
        if let Some(literal) = operand.as_literal().and_then(|_| point(ty, range)) {
            return Some(Operand::literal(literal, ty, span));
        }
        let node = Node::Negate(Box::new(operand.expression));
        Some(Operand { guard: operand.guard, ..Operand::new(node, ty, range, span) })
    }

    pub(super) fn arithmetic(
        &mut self,
        operator: Operator,
        left: &Syntax<'s>,
        right: &Syntax<'s>,
        span: Span,
    ) -> Option<Operand> {
        use ValueType as T;
        let operation = match operator {
            Operator::Sub => Arithmetic::Sub,
            Operator::Mul => Arithmetic::Mul,
            Operator::Div => Arithmetic::Div,
            Operator::DivBy => Arithmetic::DivBy,
            Operator::Mod => Arithmetic::Mod,
            _ => Arithmetic::Add,
        };
        let (left, right) = (self.operand(left), self.operand(right));
        let (mut left, mut right) = (left?, right?);
        if matches!(operation, Arithmetic::Add | Arithmetic::Sub) {
            let timed = |operand: &Operand| matches!(operand.expression.ty, T::DateTimeOffset | T::Date | T::Duration);
            if timed(&left) {
                self.as_type_of(&mut right, T::Duration)?;
            } else if matches!(right.expression.ty, T::Duration) {
                self.as_type_of(&mut left, T::Duration)?;
            }
        }
        let (a, b) = (left.expression.ty, right.expression.ty);
        let is_sum = matches!(operation, Arithmetic::Add | Arithmetic::Sub);
        match (a, b) {
            (T::Null, T::Null | T::Integer | T::Double | T::Duration)
            | (T::Integer | T::Double | T::Duration, T::Null) => Some(Operand::literal(Literal::Null, T::Null, span)),
            (T::DateTimeOffset | T::Date, T::Null) if is_sum => Some(Operand::literal(Literal::Null, T::Null, span)),
            (T::Integer, T::Integer) if operation != Arithmetic::DivBy => {
                self.work_out(operation, left, right, T::Integer, span)
            }
            _ if is_number(a) && is_number(b) => self.work_out(operation, left, right, T::Double, span),
            (T::DateTimeOffset | T::Date | T::Duration, T::Duration) if is_sum => {
                self.work_out(operation, left, right, a, span)
            }
            (T::DateTimeOffset, T::DateTimeOffset) | (T::Date, T::Date) if operation == Arithmetic::Sub => {
                self.work_out(operation, left, right, T::Duration, span)
            }
            (T::Duration, T::Integer | T::Double) if !is_sum && operation != Arithmetic::Mod => {
                self.work_out(operation, left, right, T::Duration, span)
            }
            (T::Integer | T::Double, T::Duration) if operation == Arithmetic::Mul => {
                self.work_out(operation, left, right, T::Duration, span)
            }
            _ => {
                self.error(ErrorKind::WrongType, span, || {
                    let found = |operand: &Operand| excerpt(operand.span.of(self.text));
                    format!(
                        "{} is {} and {} is {}; {} does not take them",
                        found(&left),
                        names::of_type(a),
                        found(&right),
                        names::of_type(b),
                        operator.name(),
                    )
                });
                None
            }
        }
    }

    /// Makes an operation on numbers, worked out at once where both sides are constants.
    fn work_out(
        &mut self,
        operation: Arithmetic,
        left: Operand,
        right: Operand,
        ty: ValueType,
        span: Span,
    ) -> Option<Operand> {
        // A day is worked with as the ticks of its midnight.
        let lifted = |operand: &Operand| match operand.expression.ty {
            ValueType::Date => Range::worked_out(Arithmetic::Mul, operand.range, Range::Whole(DAY, DAY)),
            _ => Ok(operand.range),
        };
        let range = lifted(&left).and_then(|left| Range::worked_out(operation, left, lifted(&right)?));
        let range = range.and_then(|range| range.landed(ty)).map_err(|failure| self.failed(failure, span)).ok()?;
        if left.as_literal().is_some()
            && right.as_literal().is_some()
            && let Some(literal) = point(ty, range)
        {
            return Some(Operand::literal(literal, ty, span));
        }
        let guard = self.shared_guard(left.guard, right.guard, span).ok()?;
        let node = Node::Arithmetic(operation, Box::new(left.expression), Box::new(right.expression));
        Some(Operand { guard, ..Operand::new(node, ty, range, span) })
    }

    /// Binds `cast(value,type)`.
    fn cast_call(&mut self, arguments: &[Syntax<'s>], span: Span) -> Option<Operand> {
        let [value, ty] = arguments else {
            self.error(ErrorKind::NotServed, span, || {
                "cast takes a value and a type here; to cast the entity, write type/property".to_owned()
            });
            return None;
        };
        let operand = self.operand(value);
        let name = type_name(ty).unwrap_or_default();
        let to = self.value_type(name);
        if to.is_none() {
            self.error(ErrorKind::UnknownName, ty.span, || {
                format!("{} is not a type that values are cast to", excerpt(ty.span.of(self.text)))
            });
        }
        let (operand, to) = (operand?, to?);
        let from = operand.expression.ty;
        if operand.is_null() {
            return Some(Operand { span, ..operand });
        }
        if is_same(from, to) && !is_number(from) {
            return Some(Operand { span, ..operand });
        }
        self.error(ErrorKind::NotServed, span, || {
            format!("casting {} to {} is not served", names::of_type(from), names::of_type(to))
        });
        None
    }

    /// The type of values that a name such as `Edm.String` stands for.
    fn value_type(&self, name: &str) -> Option<ValueType> {
        let (namespace, short) = name.rsplit_once('.')?;
        if !namespace.eq_ignore_ascii_case("Edm") {
            return self.enumeration(name).map(ValueType::Enum);
        }
        Some(match short.to_ascii_lowercase().as_str() {
            "string" => ValueType::Text,
            "boolean" => ValueType::Boolean,
            "byte" | "sbyte" | "int16" | "int32" | "int64" => ValueType::Integer,
            "single" | "double" | "decimal" => ValueType::Double,
            "datetimeoffset" => ValueType::DateTimeOffset,
            "date" => ValueType::Date,
            "timeofday" => ValueType::TimeOfDay,
            "duration" => ValueType::Duration,
            "guid" => ValueType::Guid,
            _ => return None,
        })
    }
}

/// A name that stands where a type is wanted.
pub(super) fn type_name<'s>(syntax: &Syntax<'s>) -> Option<&'s str> {
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

/// The constant that a range of one number is.
#[expect(clippy::float_cmp, reason = "whether both ends are the same number")]
fn point(ty: ValueType, range: Range) -> Option<Literal> {
    match (ty, range) {
        (ValueType::Integer, Range::Whole(low, high)) if low == high => Some(Literal::Integer(low)),
        (ValueType::Duration, Range::Whole(low, high)) if low == high => Some(Literal::Duration(low)),
        (ValueType::Date, Range::Whole(low, high)) if low == high => Some(Literal::Date(low)),
        (ValueType::DateTimeOffset, Range::Whole(low, high)) if low == high => {
            Ticks::new(low).map(Literal::DateTimeOffset)
        }
        (ValueType::Double, Range::Real(low, high)) if low == high => Some(Literal::Double(low)),
        _ => None,
    }
}

/// The bounds of what a function gives.
#[expect(clippy::cast_precision_loss, reason = "bounds need no more")]
fn range_of(function: Function, arguments: &[Operand]) -> Range {
    let first = arguments.first().map_or(Range::None, |argument| argument.range);
    match (function, first) {
        (Function::Length, _) => Range::Whole(0, 1 << 31),
        (Function::IndexOf, _) => Range::Whole(-1, 1 << 31),
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
