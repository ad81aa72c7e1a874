//! Random well-typed expressions over the test model: every node, every function, every type.

use super::choices::Choices;
use super::model::{COLOUR, ITEM, RIGHTS, TEXTS, TYPES, moments};
use odata::Ticks;
use odata::calendar::{FIRST_DAY, LAST_DAY, TICKS_PER_DAY};
use odata::edm::{EntityType, Type};
use odata::expression::bound::{
    Arithmetic, Comparison, Expression, Function, Literal, Node, OrderKey, PropertyPath, ValueType,
};
use odata::expression::cast::conversion;
use std::mem::discriminant;

const COMPARISONS: [Comparison; 6] =
    [Comparison::Eq, Comparison::Ne, Comparison::Gt, Comparison::Ge, Comparison::Lt, Comparison::Le];

const OPERATIONS: [Arithmetic; 6] =
    [Arithmetic::Add, Arithmetic::Sub, Arithmetic::Mul, Arithmetic::Div, Arithmetic::DivBy, Arithmetic::Mod];

const PATTERNS: [&str; 6] = ["a", "^a.c$", "(?i)ä", "^\\s*$", "[0-9]+", "("];

const ALL: [ValueType; 11] = [
    ValueType::Boolean,
    ValueType::Text,
    ValueType::Integer,
    ValueType::Double,
    ValueType::DateTimeOffset,
    ValueType::Date,
    ValueType::TimeOfDay,
    ValueType::Duration,
    ValueType::Guid,
    ValueType::Enum(&COLOUR),
    ValueType::Enum(&RIGHTS),
];

/// Makes expressions out of choices.
pub(super) struct Generator<'c, 't> {
    choices: &'c mut Choices<'t>,
    /// The types of the items that `any` and `all` around it stand on, the innermost last.
    items: Vec<ValueType>,
}

impl<'c, 't> Generator<'c, 't> {
    pub(super) fn new(choices: &'c mut Choices<'t>) -> Self {
        Self { choices, items: Vec::new() }
    }

    /// A condition, as `$filter` has one.
    pub(super) fn condition(&mut self, depth: usize) -> Expression {
        self.expression(ValueType::Boolean, depth)
    }

    /// An expression of any type.
    pub(super) fn any_value(&mut self, depth: usize) -> Expression {
        let ty = *self.choices.of(&ALL);
        self.expression(ty, depth)
    }

    /// Keys of an order.
    pub(super) fn order(&mut self) -> Vec<OrderKey> {
        (0..self.choices.below(4))
            .map(|_| {
                let depth = self.choices.below(3);
                OrderKey { expression: self.any_value(depth), descending: self.choices.one_in(2) }
            })
            .collect()
    }

    fn expression(&mut self, ty: ValueType, depth: usize) -> Expression {
        if depth == 0 || self.choices.is_over() || self.choices.one_in(6) {
            return self.leaf(ty);
        }
        let depth = depth - 1;
        match ty {
            ValueType::Boolean => self.boolean(depth),
            ValueType::Text => self.text(depth),
            ValueType::Integer => self.integer(depth),
            ValueType::Double => self.double(depth),
            ValueType::DateTimeOffset => self.moment(depth),
            ValueType::Date => self.day(depth),
            ValueType::TimeOfDay => match self.choices.below(2) {
                0 => self.call(ty, Function::Time, &[ValueType::DateTimeOffset], depth),
                _ => self.cast(ty, depth),
            },
            ValueType::Duration => self.duration(depth),
            ValueType::Null | ValueType::Guid | ValueType::Enum(_) => self.cast(ty, depth),
        }
    }

    /// A property, an item or a literal; now and then null itself.
    fn leaf(&mut self, ty: ValueType) -> Expression {
        if let Some(item) = self.items.last()
            && same(*item, ty)
            && !self.choices.one_in(3)
        {
            return Expression { node: Node::Item, ty };
        }
        let properties: Vec<usize> = positions(|property| value_type(property).is_some_and(|it| same(it, ty)));
        if !properties.is_empty() && !self.choices.one_in(3) {
            let position = *self.choices.of(&properties);
            return Expression { node: Node::Property(self.path(position)), ty };
        }
        if self.choices.one_in(12) {
            return Expression { node: Node::Literal(Literal::Null), ty: ValueType::Null };
        }
        Expression { node: Node::Literal(self.literal(ty)), ty }
    }

    fn path(&mut self, position: usize) -> PropertyPath {
        let owner = ITEM.navigation("owner").expect("a relation");
        let navigation = if self.choices.one_in(3) { vec![owner] } else { Vec::new() };
        PropertyPath { navigation, position, property: ITEM.all_properties()[position] }
    }

    fn literal(&mut self, ty: ValueType) -> Literal {
        let times = [0, 1, TICKS_PER_DAY - 1, 455_000_000_000];
        match ty {
            ValueType::Null => Literal::Null,
            ValueType::Boolean => Literal::Boolean(self.choices.one_in(2)),
            ValueType::Text => Literal::Text((*self.choices.of(TEXTS)).into()),
            ValueType::Integer => {
                Literal::Integer(*self.choices.of(&[0, 1, -1, 2, 3, -7, 9_007_199_254_740_993, i64::MAX, i64::MIN]))
            }
            ValueType::Double => Literal::Double(*self.choices.of(&[
                0.0,
                -0.0,
                0.5,
                -1.5,
                2.0,
                1e300,
                -1e-300,
                9_007_199_254_740_992.0,
                9_223_372_036_854_775_808.0,
                f64::MAX,
            ])),
            ValueType::DateTimeOffset => {
                Literal::DateTimeOffset(Ticks::new(*self.choices.of(&moments())).expect("a moment"))
            }
            ValueType::Date => Literal::Date(*self.choices.of(&[0, -1, 19_782, FIRST_DAY, LAST_DAY])),
            ValueType::TimeOfDay => Literal::TimeOfDay(*self.choices.of(&times)),
            ValueType::Duration => {
                Literal::Duration(*self.choices.of(&[0, 1, -1, TICKS_PER_DAY, -36_000_000_000, i64::MAX, i64::MIN]))
            }
            ValueType::Guid => Literal::Guid("e45cfbcd-9d43-4a6c-9c4d-f6b3e4a7a1a2".into()),
            ValueType::Enum(of) if of.is_flags => Literal::Enum(self.choices.below(8) as i64),
            ValueType::Enum(of) => Literal::Enum(self.choices.of(of.members).value.into()),
        }
    }

    fn boolean(&mut self, depth: usize) -> Expression {
        use Function as F;
        const TEXT_TESTS: [Function; 3] = [F::Contains, F::StartsWith, F::EndsWith];
        let ty = ValueType::Boolean;
        let node = match self.choices.below(14) {
            0 => Node::Not(Box::new(self.condition(depth))),
            1 => Node::And(self.conditions(depth)),
            2 => Node::Or(self.conditions(depth)),
            3 | 4 => {
                let comparison = *self.choices.of(&COMPARISONS);
                let (left, right) = self.comparable(depth);
                Node::Compare(comparison, left.into(), right.into())
            }
            5 => {
                let comparison = *self.choices.of(&COMPARISONS);
                let inner = self.any_value(depth);
                let null = Expression { node: Node::Literal(Literal::Null), ty: ValueType::Null };
                let (left, right) = if self.choices.one_in(2) { (null, inner) } else { (inner, null) };
                Node::Compare(comparison, left.into(), right.into())
            }
            6 => {
                let inner = self.any_value(depth);
                let list = (0..=self.choices.below(3))
                    .map(|_| if self.choices.one_in(4) { Literal::Null } else { self.literal(inner.ty) })
                    .collect();
                Node::In(inner.into(), list)
            }
            7 => {
                let inner = self.expression(ValueType::Enum(&RIGHTS), depth);
                Node::Has(inner.into(), self.choices.below(8) as i64)
            }
            8 => {
                let function = *self.choices.of(&TEXT_TESTS);
                return self.call(ty, function, &[ValueType::Text, ValueType::Text], depth);
            }
            9 => {
                let pattern = Literal::Text((*self.choices.of(&PATTERNS)).into());
                let pattern = Expression { node: Node::Literal(pattern), ty: ValueType::Text };
                Node::Call(F::MatchesPattern, vec![self.expression(ValueType::Text, depth), pattern])
            }
            10 => Node::IsOf(self.choices.of::<&'static EntityType>(&TYPES)),
            11 | 12 => self.lambda(depth),
            _ => return self.cast(ty, depth),
        };
        Expression { node, ty }
    }

    fn conditions(&mut self, depth: usize) -> Vec<Expression> {
        (0..self.choices.below(4) + 2).map(|_| self.condition(depth)).collect()
    }

    /// Two values of a type, or two numbers.
    fn comparable(&mut self, depth: usize) -> (Expression, Expression) {
        let ty = *self.choices.of(&ALL);
        let is_number = matches!(ty, ValueType::Integer | ValueType::Double);
        let other = if is_number && self.choices.one_in(2) {
            *self.choices.of(&[ValueType::Integer, ValueType::Double])
        } else {
            ty
        };
        (self.expression(ty, depth), self.expression(other, depth))
    }

    fn lambda(&mut self, depth: usize) -> Node {
        let position = *self.choices.of(&positions(|ty| matches!(ty, Type::Collection { .. })));
        let path = self.path(position);
        let Type::Collection { of, .. } = &path.property.ty else { unreachable!("chosen for it") };
        self.items.push(value_type(of).expect("the items have a type"));
        let node = match self.choices.below(5) {
            0 => Node::Any(path, None),
            1 | 2 => Node::Any(path, Some(self.condition(depth).into())),
            _ => Node::All(path, self.condition(depth).into()),
        };
        self.items.pop();
        node
    }

    fn text(&mut self, depth: usize) -> Expression {
        use Function as F;
        let ty = ValueType::Text;
        let (text, number) = (ValueType::Text, ValueType::Integer);
        match self.choices.below(8) {
            0 => self.call(ty, F::Concat, &[text, text], depth),
            1 => self.call(ty, F::Substring, &[text, number], depth),
            2 => self.call(ty, F::Substring, &[text, number, number], depth),
            3 => self.call(ty, F::ToLower, &[text], depth),
            4 => self.call(ty, F::ToUpper, &[text], depth),
            5 => self.call(ty, F::Trim, &[text], depth),
            _ => self.cast(ty, depth),
        }
    }

    fn integer(&mut self, depth: usize) -> Expression {
        use Function as F;
        const OF_DAY: [Function; 3] = [F::Year, F::Month, F::Day];
        const OF_TIME: [Function; 3] = [F::Hour, F::Minute, F::Second];
        let ty = ValueType::Integer;
        match self.choices.below(8) {
            0 => self.call(ty, F::Length, &[ValueType::Text], depth),
            1 => self.call(ty, F::IndexOf, &[ValueType::Text, ValueType::Text], depth),
            2 => {
                let of = *self.choices.of(&[ValueType::DateTimeOffset, ValueType::Date]);
                let part = *self.choices.of(&OF_DAY);
                self.call(ty, part, &[of], depth)
            }
            3 => {
                let of = *self.choices.of(&[ValueType::DateTimeOffset, ValueType::TimeOfDay]);
                let part = *self.choices.of(&OF_TIME);
                self.call(ty, part, &[of], depth)
            }
            4 => self.call(ty, F::TotalOffsetMinutes, &[ValueType::DateTimeOffset], depth),
            5 => self.negated(ty, depth),
            6 => self.cast(ty, depth),
            _ => {
                let operation = *self.choices.of(&OPERATIONS);
                let operation = if operation == Arithmetic::DivBy { Arithmetic::Add } else { operation };
                self.arithmetic(ty, operation, ty, ty, depth)
            }
        }
    }

    fn double(&mut self, depth: usize) -> Expression {
        use Function as F;
        const NUMBERS: [ValueType; 2] = [ValueType::Integer, ValueType::Double];
        let ty = ValueType::Double;
        match self.choices.below(6) {
            0 => {
                let of = *self.choices.of(&[ValueType::DateTimeOffset, ValueType::TimeOfDay]);
                self.call(ty, F::FractionalSeconds, &[of], depth)
            }
            1 => self.call(ty, F::TotalSeconds, &[ValueType::Duration], depth),
            2 => self.negated(ty, depth),
            3 => self.cast(ty, depth),
            4 => {
                let (left, right) = (*self.choices.of(&NUMBERS), *self.choices.of(&NUMBERS));
                self.arithmetic(ty, Arithmetic::DivBy, left, right, depth)
            }
            _ => {
                let operation = *self.choices.of(&OPERATIONS);
                let other = *self.choices.of(&NUMBERS);
                let (left, right) = if self.choices.one_in(2) { (ty, other) } else { (other, ty) };
                self.arithmetic(ty, operation, left, right, depth)
            }
        }
    }

    fn moment(&mut self, depth: usize) -> Expression {
        let ty = ValueType::DateTimeOffset;
        match self.choices.below(4) {
            0 => self.cast(ty, depth),
            1 => self.arithmetic(ty, Arithmetic::Sub, ty, ValueType::Duration, depth),
            2 => self.arithmetic(ty, Arithmetic::Add, ValueType::Duration, ty, depth),
            _ => self.arithmetic(ty, Arithmetic::Add, ty, ValueType::Duration, depth),
        }
    }

    fn day(&mut self, depth: usize) -> Expression {
        let ty = ValueType::Date;
        match self.choices.below(4) {
            0 => self.call(ty, Function::Date, &[ValueType::DateTimeOffset], depth),
            1 => self.cast(ty, depth),
            2 => self.arithmetic(ty, Arithmetic::Sub, ty, ValueType::Duration, depth),
            _ => self.arithmetic(ty, Arithmetic::Add, ty, ValueType::Duration, depth),
        }
    }

    fn duration(&mut self, depth: usize) -> Expression {
        use ValueType as T;
        let ty = T::Duration;
        match self.choices.below(8) {
            0 => self.cast(ty, depth),
            1 => self.negated(ty, depth),
            2 => self.arithmetic(ty, Arithmetic::Sub, T::DateTimeOffset, T::DateTimeOffset, depth),
            3 => self.arithmetic(ty, Arithmetic::Sub, T::Date, T::Date, depth),
            4 | 5 => {
                let operation = *self.choices.of(&[Arithmetic::Add, Arithmetic::Sub]);
                self.arithmetic(ty, operation, ty, ty, depth)
            }
            _ => {
                let operation = *self.choices.of(&[Arithmetic::Mul, Arithmetic::Div, Arithmetic::DivBy]);
                let number = *self.choices.of(&[T::Integer, T::Double]);
                self.arithmetic(ty, operation, ty, number, depth)
            }
        }
    }

    fn negated(&mut self, ty: ValueType, depth: usize) -> Expression {
        Expression { node: Node::Negate(self.expression(ty, depth).into()), ty }
    }

    fn arithmetic(
        &mut self,
        ty: ValueType,
        operation: Arithmetic,
        left: ValueType,
        right: ValueType,
        depth: usize,
    ) -> Expression {
        let (left, right) = (self.expression(left, depth), self.expression(right, depth));
        Expression { node: Node::Arithmetic(operation, left.into(), right.into()), ty }
    }

    fn call(&mut self, ty: ValueType, function: Function, arguments: &[ValueType], depth: usize) -> Expression {
        let arguments = arguments.iter().map(|argument| self.expression(*argument, depth)).collect();
        Expression { node: Node::Call(function, arguments), ty }
    }

    /// A cast from whatever can become the type.
    fn cast(&mut self, ty: ValueType, depth: usize) -> Expression {
        let sources: Vec<ValueType> = ALL.into_iter().filter(|from| conversion(*from, ty).is_some()).collect();
        let from = *self.choices.of(&sources);
        Expression { node: Node::Cast(self.expression(from, depth).into()), ty }
    }
}

/// A property of the row itself.
pub(super) fn property(name: &str) -> Expression {
    let (position, property) = ITEM.property(name).expect(name);
    let ty = value_type(&property.ty).expect(name);
    Expression { node: Node::Property(PropertyPath { navigation: Vec::new(), position, property }), ty }
}

/// A constant that is no enumeration's.
pub(super) fn literal(literal: Literal) -> Expression {
    let ty = match literal {
        Literal::Null | Literal::Enum(_) => ValueType::Null,
        Literal::Boolean(_) => ValueType::Boolean,
        Literal::Text(_) => ValueType::Text,
        Literal::Integer(_) => ValueType::Integer,
        Literal::Double(_) => ValueType::Double,
        Literal::DateTimeOffset(_) => ValueType::DateTimeOffset,
        Literal::Date(_) => ValueType::Date,
        Literal::TimeOfDay(_) => ValueType::TimeOfDay,
        Literal::Duration(_) => ValueType::Duration,
        Literal::Guid(_) => ValueType::Guid,
    };
    Expression { node: Node::Literal(literal), ty }
}

fn positions(wanted: impl Fn(&Type) -> bool) -> Vec<usize> {
    let all = ITEM.all_properties();
    (0..all.len()).filter(|at| wanted(&all[*at].ty)).collect()
}

fn value_type(ty: &Type) -> Option<ValueType> {
    Some(match ty {
        Type::String { .. } => ValueType::Text,
        Type::Boolean => ValueType::Boolean,
        Type::Int32 => ValueType::Integer,
        Type::Double => ValueType::Double,
        Type::DateTimeOffset => ValueType::DateTimeOffset,
        Type::Enum(of) => ValueType::Enum(of),
        Type::Complex(_) | Type::Collection { .. } => return None,
    })
}

fn same(a: ValueType, b: ValueType) -> bool {
    match (a, b) {
        (ValueType::Enum(a), ValueType::Enum(b)) => std::ptr::eq(a, b),
        _ => discriminant(&a) == discriminant(&b),
    }
}
