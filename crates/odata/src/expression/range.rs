//! Between which bounds a value lies, so that what could overflow or divide by zero is refused
//! when it is bound, and nothing can fail later.

use super::bound::{Arithmetic, Literal, ValueType};
use super::cast::Conversion;
use crate::Ticks;
use crate::calendar::{FIRST_DAY, LAST_DAY, TICKS_PER_DAY as DAY};
use crate::edm::Type;

/// The bounds of a value, both of them included. Null lies within all bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Range {
    /// Whole numbers, ticks, days, members of enumerations.
    Whole(i64, i64),
    /// Numbers with a fraction.
    Real(f64, f64),
    /// What has no bounds, such as a text.
    None,
}

/// Whole numbers stay within `-LARGEST..=LARGEST`, half of what an `i64` holds.
pub(crate) const LARGEST: i64 = 1 << 62;

/// Why there is no result, for some rows or for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The result could be too large.
    Overflow,
    /// The right side could be zero.
    DivisionByZero,
    /// The result is never a moment that can be written.
    NoMoment,
}

impl Range {
    pub(crate) fn of(literal: &Literal) -> Self {
        match literal {
            Literal::Integer(value)
            | Literal::Date(value)
            | Literal::TimeOfDay(value)
            | Literal::Duration(value)
            | Literal::Enum(value) => Self::Whole(*value, *value),
            Literal::DateTimeOffset(value) => Self::Whole(value.get(), value.get()),
            Literal::Double(value) => Self::Real(*value, *value),
            Literal::Null | Literal::Boolean(_) | Literal::Text(_) | Literal::Guid(_) => Self::None,
        }
    }

    /// The bounds of any value of a type.
    pub(crate) fn any(ty: ValueType) -> Self {
        match ty {
            ValueType::Integer | ValueType::Duration => Self::Whole(i64::MIN, i64::MAX),
            ValueType::Double => Self::Real(f64::MIN, f64::MAX),
            ValueType::DateTimeOffset => Self::Whole(Ticks::MIN.get(), Ticks::MAX.get()),
            ValueType::Date => Self::Whole(FIRST_DAY, LAST_DAY),
            ValueType::TimeOfDay => Self::Whole(0, DAY - 1),
            ValueType::Enum(_) => Self::Whole(i64::from(i32::MIN), i64::from(i32::MAX)),
            ValueType::Null | ValueType::Boolean | ValueType::Text | ValueType::Guid => Self::None,
        }
    }

    /// The bounds of a property's values.
    pub(crate) fn of_property(declared: &Type, ty: ValueType) -> Self {
        match declared {
            Type::Int32 => Self::Whole(i32::MIN.into(), i32::MAX.into()),
            _ => Self::any(ty),
        }
    }

    /// The bounds of a value that `cast` makes of one within these bounds.
    pub(crate) fn cast(self, conversion: Conversion, to: ValueType) -> Self {
        match (conversion, self) {
            (Conversion::Same, _) => self,
            (Conversion::ToDouble, _) => {
                let (low, high) = self.real();
                Self::Real(low, high)
            }
            (Conversion::ToInteger, Self::Real(low, high)) => Self::Whole(low as i64, high as i64),
            _ => Self::any(to),
        }
    }

    /// The bounds as numbers with a fraction.
    fn real(self) -> (f64, f64) {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as evaluation converts them")]
            Self::Whole(low, high) => (low as f64, high as f64),
            Self::Real(low, high) => (low, high),
            Self::None => (0.0, 0.0),
        }
    }

    /// The bounds of the number with the other sign.
    pub(crate) fn negated(self) -> Result<Self, Failure> {
        match self {
            Self::Real(low, high) => Ok(Self::Real(-high, -low)),
            _ => Self::worked_out(Arithmetic::Sub, Self::Whole(0, 0), self),
        }
    }

    /// The bounds of a number that becomes a value of a type: moments and days outside of the years
    /// 1 to 9999 become null, durations lose a fraction of a tick.
    pub(crate) fn landed(self, ty: ValueType) -> Result<Self, Failure> {
        let (first, last) = (Ticks::MIN.get(), Ticks::MAX.get());
        match (ty, self) {
            (ValueType::DateTimeOffset | ValueType::Date, Self::Whole(low, high)) if high < first || low > last => {
                Err(Failure::NoMoment)
            }
            (ValueType::DateTimeOffset, Self::Whole(low, high)) => Ok(Self::Whole(low.max(first), high.min(last))),
            (ValueType::Date, Self::Whole(low, high)) => {
                Ok(Self::Whole(low.max(first).div_euclid(DAY), high.min(last).div_euclid(DAY)))
            }
            (ValueType::Duration, Self::Real(low, high)) => {
                #[expect(clippy::cast_precision_loss, reason = "a power of two")]
                let most = LARGEST as f64;
                if low < -most || high > most {
                    return Err(Failure::Overflow);
                }
                Ok(Self::Whole(low as i64, high as i64))
            }
            _ => Ok(self),
        }
    }

    /// The bounds of a result; where both sides are points, the result itself.
    pub(crate) fn worked_out(operation: Arithmetic, left: Self, right: Self) -> Result<Self, Failure> {
        match (left, right) {
            (Self::Whole(a, b), Self::Whole(c, d)) if operation != Arithmetic::DivBy => {
                whole(operation, (a, b), (c, d)).map(|(low, high)| Self::Whole(low, high))
            }
            _ => real(operation, left.real(), right.real()).map(|(low, high)| Self::Real(low, high)),
        }
    }
}

fn whole(operation: Arithmetic, left: (i64, i64), right: (i64, i64)) -> Result<(i64, i64), Failure> {
    let ((a, b), (c, d)) = ((i128::from(left.0), i128::from(left.1)), (i128::from(right.0), i128::from(right.1)));
    let (low, high) = match operation {
        Arithmetic::Add => (a + c, b + d),
        Arithmetic::Sub => (a - d, b - c),
        Arithmetic::Mul => ends([a * c, a * d, b * c, b * d]),
        _ if c <= 0 && d >= 0 => return Err(Failure::DivisionByZero),
        Arithmetic::Div | Arithmetic::DivBy => ends([a / c, a / d, b / c, b / d]),
        Arithmetic::Mod if a == b && c == d => (a % c, a % c),
        Arithmetic::Mod => {
            let most = c.abs().max(d.abs()) - 1;
            (a.clamp(-most, 0), b.clamp(0, most))
        }
    };
    let most = i128::from(LARGEST);
    if low < -most || high > most { Err(Failure::Overflow) } else { Ok((low as i64, high as i64)) }
}

fn ends(corners: [i128; 4]) -> (i128, i128) {
    corners.into_iter().fold((i128::MAX, i128::MIN), |(low, high), corner| (low.min(corner), high.max(corner)))
}

/// Rounding never turns two numbers around, so the results of the ends bound all others.
#[expect(clippy::float_cmp, reason = "whether both ends are the same number")]
fn real(operation: Arithmetic, left: (f64, f64), right: (f64, f64)) -> Result<(f64, f64), Failure> {
    let ((a, b), (c, d)) = (left, right);
    let ends = |corners: [f64; 4]| {
        let bounds = (f64::INFINITY, f64::NEG_INFINITY);
        corners.into_iter().fold(bounds, |(low, high), corner| (low.min(corner), high.max(corner)))
    };
    let (low, high) = match operation {
        Arithmetic::Add => (a + c, b + d),
        Arithmetic::Sub => (a - d, b - c),
        Arithmetic::Mul => ends([a * c, a * d, b * c, b * d]),
        _ if c <= 0.0 && d >= 0.0 => return Err(Failure::DivisionByZero),
        Arithmetic::Div | Arithmetic::DivBy => ends([a / c, a / d, b / c, b / d]),
        Arithmetic::Mod if a == b && c == d => (a % c, a % c),
        Arithmetic::Mod => {
            let most = c.abs().max(d.abs());
            (a.clamp(-most, 0.0), b.clamp(0.0, most))
        }
    };
    if low.is_finite() && high.is_finite() { Ok((low, high)) } else { Err(Failure::Overflow) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Operations on whole numbers, which `divby` is not.
    const WHOLE: [Arithmetic; 5] =
        [Arithmetic::Add, Arithmetic::Sub, Arithmetic::Mul, Arithmetic::Div, Arithmetic::Mod];
    const REAL: [Arithmetic; 6] =
        [Arithmetic::Add, Arithmetic::Sub, Arithmetic::Mul, Arithmetic::Div, Arithmetic::DivBy, Arithmetic::Mod];

    fn within() -> impl Strategy<Value = (i64, i64, i64)> {
        let number = || prop_oneof![-9i64..10, -LARGEST..=LARGEST];
        (number(), number(), any::<u64>()).prop_map(|(a, b, pick)| {
            let (low, high) = (a.min(b), a.max(b));
            let span = (i128::from(high) - i128::from(low) + 1) as u128;
            (low, high, (i128::from(low) + (u128::from(pick) % span) as i128) as i64)
        })
    }

    proptest! {
        #[test]
        fn whole_results_lie_within_the_bounds(
            operation in prop::sample::select(&WHOLE[..]), l in within(), r in within(),
        ) {
            if let Ok(Range::Whole(low, high)) =
                Range::worked_out(operation, Range::Whole(l.0, l.1), Range::Whole(r.0, r.1))
            {
                let result = match operation {
                    Arithmetic::Add => l.2.checked_add(r.2),
                    Arithmetic::Sub => l.2.checked_sub(r.2),
                    Arithmetic::Mul => l.2.checked_mul(r.2),
                    Arithmetic::Div | Arithmetic::DivBy => l.2.checked_div(r.2),
                    Arithmetic::Mod => l.2.checked_rem(r.2),
                };
                let result = result.expect("bounds were found");
                prop_assert!(low <= result && result <= high, "{result} in {low}..={high}");
                if l.0 == l.1 && r.0 == r.1 {
                    prop_assert_eq!((low, high), (result, result));
                }
            }
        }

        #[test]
        fn real_results_lie_within_the_bounds(
            operation in prop::sample::select(&REAL[..]), l in (-1e9..1e9, 0.0..1e6, 0.0..1.0), r in (-1e3..1e3, 0.0..1e3, 0.0..1.0),
        ) {
            let bounds = |(low, width, _): (f64, f64, f64)| Range::Real(low, low + width);
            let picked = |(low, width, part): (f64, f64, f64)| (low + width * part).min(low + width);
            if let Ok(Range::Real(low, high)) = Range::worked_out(operation, bounds(l), bounds(r)) {
                let result = match operation {
                    Arithmetic::Add => picked(l) + picked(r),
                    Arithmetic::Sub => picked(l) - picked(r),
                    Arithmetic::Mul => picked(l) * picked(r),
                    Arithmetic::Div | Arithmetic::DivBy => picked(l) / picked(r),
                    Arithmetic::Mod => picked(l) % picked(r),
                };
                prop_assert!(low <= result && result <= high, "{result} in {low}..={high}");
            }
        }
    }

    #[test]
    fn what_could_fail_is_found() {
        let most = Range::Whole(-LARGEST, LARGEST);
        let one = Range::Whole(1, 1);
        assert_eq!(Range::worked_out(Arithmetic::Add, most, one), Err(Failure::Overflow));
        assert_eq!(Range::worked_out(Arithmetic::Mul, most, one), Ok(most));
        assert_eq!(Range::worked_out(Arithmetic::Div, one, Range::Whole(0, 9)), Err(Failure::DivisionByZero));
        assert_eq!(Range::worked_out(Arithmetic::Mod, one, Range::Whole(-1, 1)), Err(Failure::DivisionByZero));
        assert_eq!(Range::worked_out(Arithmetic::DivBy, one, Range::Whole(0, 0)), Err(Failure::DivisionByZero));
        let large = Range::Real(f64::MAX, f64::MAX);
        assert_eq!(Range::worked_out(Arithmetic::Add, large, large), Err(Failure::Overflow));
        assert_eq!(Range::worked_out(Arithmetic::Div, large, Range::Real(0.1, 1.0)), Err(Failure::Overflow));
    }
}
