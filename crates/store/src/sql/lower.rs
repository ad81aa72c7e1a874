//! A bound expression as SQL.

use super::dialect::{Dialect, Form, Operation};
use super::{Sql, SqlValue};
use odata::edm::{EntityType, EnumType};
use odata::expression::bound::{Arithmetic, Comparison, Expression, Function, Literal, Node, PropertyPath, ValueType};
use odata::expression::cast::{Conversion, conversion};
use odata::expression::forms::Form as LiteralForm;
use odata::expression::text::after_prefix;
use std::borrow::Cow;

/// Where a store keeps what expressions speak of.
pub trait Schema {
    /// The column, or another expression of SQL, that holds a property: `e.risk_level`. Booleans,
    /// enumerations and times are integers (or the database's own booleans); a collection is what
    /// [`Dialect::items`] takes. Properties behind a relation come from a table that is joined from
    /// the left, so that they are null when it leads nowhere.
    fn column(&self, path: &PropertyPath) -> Cow<'_, str>;

    /// Whether that can be null.
    fn is_nullable(&self, path: &PropertyPath) -> bool;

    /// Which rows are of a type or of one that derives from it.
    fn kinds(&self, ty: &'static EntityType) -> Kinds<'_>;
}

/// Rows of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kinds<'s> {
    /// Every row.
    All,
    /// No row.
    None,
    /// Those in which a column, never null, holds one of these numbers, which are not none.
    Among(Cow<'s, str>, Vec<i64>),
}

/// What the surroundings make of null, which says how simple a condition may be written: `a = ?`
/// lets an index serve where `a is ?` in the place of false would do as well as null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Null is null: the value itself is wanted.
    Kept,
    /// Null and false are the same: a condition after `where`.
    AsFalse,
    /// Null and true are the same: what stands under `not` after `where`.
    AsTrue,
}

/// Writes an expression. Its value is that of the evaluator, save what `nulls` lets it confuse.
///
/// # Panics
///
/// When the dialect lacks an operation of it: [`can_lower`] tells.
pub fn lower(expression: &Expression, schema: &dyn Schema, nulls: Nulls, sql: &mut Sql<'_>) {
    let mut lowering = Lowering { schema, dialect: sql.dialect, sql, depth: 0, lacking: None };
    lowering.expression(expression, nulls);
    let lacking = lowering.lacking;
    assert!(lacking.is_none(), "an expression was lowered that cannot be, for {lacking:?}");
}

/// Whether a dialect has every operation of an expression.
pub fn can_lower(expression: &Expression, dialect: &dyn Dialect) -> bool {
    let mut sql = Sql::new(dialect);
    let mut lowering = Lowering { schema: &Anywhere, dialect, sql: &mut sql, depth: 0, lacking: None };
    lowering.expression(expression, Nulls::Kept);
    lowering.lacking.is_none()
}

/// A schema for statements that nobody runs: where properties lie changes no operation.
struct Anywhere;

impl Schema for Anywhere {
    fn column(&self, _: &PropertyPath) -> Cow<'_, str> {
        "NULL".into()
    }

    fn is_nullable(&self, _: &PropertyPath) -> bool {
        true
    }

    fn kinds(&self, _: &'static EntityType) -> Kinds<'_> {
        Kinds::All
    }
}

struct Lowering<'a, 'd> {
    schema: &'a dyn Schema,
    dialect: &'d dyn Dialect,
    sql: &'a mut Sql<'d>,
    /// How many `any` and `all` it stands in.
    depth: usize,
    /// An operation that the dialect has no words for.
    lacking: Option<Operation>,
}

impl Lowering<'_, '_> {
    /// Writes an expression as one operand: whatever stands beside it binds no part of it.
    fn expression(&mut self, expression: &Expression, nulls: Nulls) {
        if is_null_by_an_operand(&expression.node) {
            self.sql.push(self.dialect.null(expression.ty));
            return;
        }
        match &expression.node {
            Node::Literal(literal) => self.literal(literal),
            Node::Property(path) => {
                self.sql.push(&self.schema.column(path));
            }
            Node::Item => self.item(expression.ty),
            Node::Not(inner) => {
                self.sql.push("(NOT ");
                self.expression(
                    inner,
                    match nulls {
                        Nulls::Kept => Nulls::Kept,
                        Nulls::AsFalse => Nulls::AsTrue,
                        Nulls::AsTrue => Nulls::AsFalse,
                    },
                );
                self.sql.push(")");
            }
            Node::And(parts) => self.chain(parts, " AND ", nulls),
            Node::Or(parts) => self.chain(parts, " OR ", nulls),
            Node::Compare(comparison, left, right) => self.compare(*comparison, left, right, nulls),
            Node::In(inner, list) => self.within(inner, list, nulls),
            Node::Has(inner, flags) => {
                self.sql.push("((");
                self.expression(inner, Nulls::Kept);
                self.sql.push(" & ").bind(*flags).push(") = ").bind(*flags).push(")");
            }
            Node::Negate(inner) => self.call(Operation::Negate, [inner.as_ref()]),
            Node::Arithmetic(operation, left, right) => self.arithmetic(*operation, left, right, expression.ty),
            Node::Call(function, arguments) => self.function(*function, arguments),
            Node::Cast(inner) => self.cast(inner, expression.ty),
            Node::IsOf(ty) => self.is_of(ty),
            Node::Any(path, condition) => {
                self.sql.push("EXISTS ");
                self.over_items(path, condition.as_deref(), Nulls::AsFalse, "");
            }
            Node::All(path, condition) => {
                self.sql.push("(NOT EXISTS ");
                self.over_items(path, Some(condition), Nulls::AsFalse, " IS NOT TRUE");
                self.sql.push(")");
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Null => self.sql.push("NULL"),
            literal => self.sql.bind(literal),
        };
    }

    /// The parts as a balanced tree of the operator.
    fn chain(&mut self, parts: &[Expression], operator: &str, nulls: Nulls) {
        match parts {
            [] => {}
            [part] => self.expression(part, nulls),
            parts => {
                let (left, right) = parts.split_at(parts.len() / 2);
                self.sql.push("(");
                self.chain(left, operator, nulls);
                self.sql.push(operator);
                self.chain(right, operator, nulls);
                self.sql.push(")");
            }
        }
    }

    fn compare(&mut self, comparison: Comparison, left: &Expression, right: &Expression, nulls: Nulls) {
        let (left_null, right_null) = (self.can_be_null(left), self.can_be_null(right));
        let either = left_null || right_null;
        let operator = match comparison {
            // With one side never null, null comes out just where the other side is null: false for
            // `eq`, true for `ne`.
            Comparison::Eq if !either || (nulls == Nulls::AsFalse && !(left_null && right_null)) => " = ",
            Comparison::Ne if !either || (nulls == Nulls::AsTrue && !(left_null && right_null)) => " <> ",
            Comparison::Eq => self.dialect.is(true),
            Comparison::Ne => self.dialect.is(false),
            Comparison::Gt => " > ",
            Comparison::Ge => " >= ",
            Comparison::Lt => " < ",
            Comparison::Le => " <= ",
        };
        // The order of something and null is false, which SQL takes for null.
        let orders = !matches!(comparison, Comparison::Eq | Comparison::Ne);
        let settles = orders && either && nulls != Nulls::AsFalse;
        self.sql.push(if settles { "((" } else { "(" });
        let places = match (left.ty, right.ty) {
            (ValueType::Integer, ValueType::Double) => [Some(Operation::IntegerPlace), Some(Operation::DoublePlace)],
            (ValueType::Double, ValueType::Integer) => [Some(Operation::DoublePlace), Some(Operation::IntegerPlace)],
            _ => [None, None],
        };
        self.nested(places[0].as_slice(), |lowering| lowering.side(left, right));
        self.sql.push(operator);
        self.nested(places[1].as_slice(), |lowering| lowering.side(right, left));
        self.sql.push(if settles { ") IS TRUE)" } else { ")" });
    }

    /// A side of a comparison with `other`.
    fn side(&mut self, side: &Expression, other: &Expression) {
        match (&side.node, &other.node) {
            (Node::Literal(literal), Node::Property(_)) if !matches!(literal, Literal::Null) => {
                self.sql.bind_beside_column(literal);
            }
            _ => self.expression(side, Nulls::Kept),
        }
    }

    /// `in`, whose list may hold null: the value is equal to that when it is null itself.
    fn within(&mut self, inner: &Expression, list: &[Literal], nulls: Nulls) {
        let mut values = list.iter().filter(|literal| !matches!(literal, Literal::Null)).peekable();
        let has_null = list.iter().any(|literal| matches!(literal, Literal::Null));
        self.sql.push("(");
        self.expression(inner, Nulls::Kept);
        if values.peek().is_none() {
            self.sql.push(" IS NULL)");
            return;
        }
        self.sql.push(" IN (");
        let is_column = matches!(inner.node, Node::Property(_));
        for (at, value) in values.enumerate() {
            self.sql.push(if at == 0 { "" } else { ", " });
            if is_column {
                self.sql.bind_beside_column(value)
            } else {
                self.sql.bind(value)
            };
        }
        self.sql.push(")");
        // Null comes out just when the value is null.
        if self.can_be_null(inner) {
            self.sql.push(match (has_null, nulls) {
                (true, Nulls::AsTrue) | (false, Nulls::AsFalse) => "",
                (true, _) => " IS NOT FALSE",
                (false, _) => " IS TRUE",
            });
        }
        self.sql.push(")");
    }

    fn arithmetic(&mut self, operation: Arithmetic, left: &Expression, right: &Expression, ty: ValueType) {
        let form = self.form(Operation::Calculate(operation));
        let land = match ty {
            ValueType::DateTimeOffset => Some(Operation::ToMoment),
            ValueType::Date => Some(Operation::ToDay),
            ValueType::Duration => Some(Operation::ToInteger),
            _ => None,
        };
        self.nested(land.as_slice(), |lowering| {
            lowering.sql.push(&form.open);
            lowering.operand(left);
            lowering.sql.push(form.between);
            lowering.operand(right);
            lowering.sql.push(form.close);
        });
    }

    /// A side of an operation: a day as the ticks of its midnight.
    fn operand(&mut self, side: &Expression) {
        let lift: &[Operation] = if matches!(side.ty, ValueType::Date) { &[Operation::Midnight] } else { &[] };
        self.nested(lift, |lowering| lowering.expression(side, Nulls::Kept));
    }

    fn function(&mut self, function: Function, arguments: &[Expression]) {
        use Function as F;
        let on_moment = arguments.first().is_some_and(|it| matches!(it.ty, ValueType::DateTimeOffset));
        let of_day = |part| if on_moment { vec![part, Operation::DayOf] } else { vec![part] };
        let of_time = |part| if on_moment { vec![part, Operation::TimeOf] } else { vec![part] };
        let operations = match function {
            F::Contains => vec![Operation::Contains],
            F::StartsWith => {
                if let [text, prefix] = arguments
                    && self.prefix_range(text, prefix)
                {
                    return;
                }
                vec![Operation::StartsWith]
            }
            F::EndsWith => vec![Operation::EndsWith],
            F::Length => vec![Operation::Length],
            F::IndexOf => vec![Operation::IndexOf],
            F::Substring => vec![Operation::Substring],
            F::ToLower => vec![Operation::ToLower],
            F::ToUpper => vec![Operation::ToUpper],
            F::Trim => vec![Operation::Trim],
            F::Concat => vec![Operation::Concat],
            F::MatchesPattern => vec![Operation::Matches],
            F::Year => of_day(Operation::Year),
            F::Month => of_day(Operation::Month),
            F::Day => of_day(Operation::Day),
            F::Hour => of_time(Operation::Hour),
            F::Minute => of_time(Operation::Minute),
            F::Second => of_time(Operation::Second),
            F::FractionalSeconds => of_time(Operation::FractionOfSecond),
            F::Date => vec![Operation::DayOf],
            F::Time => vec![Operation::TimeOf],
            F::TotalSeconds => vec![Operation::Seconds],
            F::TotalOffsetMinutes => {
                // 0, or null for null
                self.sql.push("(0 * ");
                for moment in arguments {
                    self.expression(moment, Nulls::Kept);
                }
                self.sql.push(")");
                return;
            }
        };
        let Some((innermost, outer)) = operations.split_last() else { return };
        self.nested(outer, |lowering| lowering.call(*innermost, arguments));
    }

    /// Writes `startswith` as a range that an index can serve, where the prefix is a literal, and the
    /// text a property, which may well be written twice.
    fn prefix_range(&mut self, text: &Expression, prefix: &Expression) -> bool {
        let (Node::Property(path), Node::Literal(Literal::Text(prefix))) = (&text.node, &prefix.node) else {
            return false;
        };
        let column = self.schema.column(path);
        self.sql.push("(").push(&column).push(" >= ").bind_beside_column(&**prefix);
        if let Some(end) = after_prefix(prefix) {
            self.sql.push(" AND ").push(&column).push(" < ").bind_beside_column(&*end);
        }
        self.sql.push(")");
        true
    }

    fn cast(&mut self, inner: &Expression, ty: ValueType) {
        let operation = match conversion(inner.ty, ty) {
            None => {
                self.sql.push(self.dialect.null(ty));
                return;
            }
            Some(Conversion::Same) => return self.expression(inner, Nulls::Kept),
            Some(Conversion::ReadMember(of)) => {
                return self.member(of, true, |lowering| lowering.expression(inner, Nulls::Kept));
            }
            Some(Conversion::WriteMember(of)) => {
                return self.member(of, false, |lowering| lowering.expression(inner, Nulls::Kept));
            }
            Some(Conversion::Read(form)) => Operation::Read(form),
            Some(Conversion::Write(form)) => Operation::Write(form),
            Some(Conversion::ToDouble) => Operation::ToDouble,
            Some(Conversion::ToInteger) => Operation::ToInteger,
            Some(Conversion::ToDay) => Operation::DayOf,
            Some(Conversion::ToTime) => Operation::TimeOf,
        };
        self.call(operation, [inner]);
    }

    /// A member's name as its number, or the other way round; null for everything else.
    fn member(&mut self, of: &EnumType, from_name: bool, operand: impl FnOnce(&mut Self)) {
        if of.members.is_empty() {
            self.sql.push(self.dialect.null(if from_name { ValueType::Integer } else { ValueType::Text }));
            return;
        }
        self.sql.push("CASE ");
        operand(self);
        for member in of.members {
            let (name, number) = (SqlValue::from(member.name), SqlValue::from(i64::from(member.value)));
            let (from, to) = if from_name { (name, number) } else { (number, name) };
            self.sql.push(" WHEN ").bind(from).push(" THEN ").bind(to);
        }
        self.sql.push(" END");
    }

    fn is_of(&mut self, ty: &'static EntityType) {
        match self.schema.kinds(ty) {
            Kinds::All => {
                self.sql.push("(1 = 1)");
            }
            Kinds::None => {
                self.sql.push("(1 = 0)");
            }
            Kinds::Among(column, kinds) => {
                self.sql.push("(").push(&column).push(" IN (");
                for (at, kind) in kinds.into_iter().enumerate() {
                    self.sql.push(if at == 0 { "" } else { ", " }).bind(kind);
                }
                self.sql.push("))");
            }
        }
    }

    /// The items of a collection for which a condition holds, or, with a `suffix`, does not.
    fn over_items(&mut self, path: &PropertyPath, condition: Option<&Expression>, nulls: Nulls, suffix: &str) {
        self.depth += 1;
        let items = self.dialect.items(&self.schema.column(path), &alias(self.depth));
        self.sql.push("(SELECT 1 FROM ").push(&items);
        if let Some(condition) = condition {
            self.sql.push(" WHERE ");
            self.expression(condition, nulls);
            self.sql.push(suffix);
        }
        self.sql.push(")");
        self.depth -= 1;
    }

    /// An item, which JSON holds in its literal form.
    fn item(&mut self, ty: ValueType) {
        let in_json = match ty {
            ValueType::Boolean | ValueType::Integer | ValueType::Double => ty,
            _ => ValueType::Text,
        };
        let item = self.dialect.item(&alias(self.depth), in_json);
        let plain = |lowering: &mut Self| {
            lowering.sql.push(&item);
        };
        match ty {
            ValueType::DateTimeOffset => self.nested(&[Operation::Read(LiteralForm::DateTimeOffset)], plain),
            ValueType::Enum(of) => self.member(of, true, plain),
            _ => plain(self),
        }
    }

    fn call<'e>(&mut self, operation: Operation, arguments: impl IntoIterator<Item = &'e Expression>) {
        let form = self.form(operation);
        self.sql.push(&form.open);
        for (at, argument) in arguments.into_iter().enumerate() {
            self.sql.push(if at == 0 { "" } else { form.between });
            self.expression(argument, Nulls::Kept);
        }
        self.sql.push(form.close);
    }

    fn form(&mut self, operation: Operation) -> Form {
        self.dialect.form(operation).unwrap_or_else(|| {
            self.lacking = Some(operation);
            Form::new("", "", "")
        })
    }

    /// Operations of one argument around it, the outermost first.
    fn nested(&mut self, operations: &[Operation], argument: impl FnOnce(&mut Self)) {
        let forms: Vec<_> = operations.iter().map(|operation| self.form(*operation)).collect();
        for form in &forms {
            self.sql.push(&form.open);
        }
        argument(self);
        for form in forms.iter().rev() {
            self.sql.push(form.close);
        }
    }

    fn can_be_null(&self, expression: &Expression) -> bool {
        can_be_null(expression, self.schema)
    }
}

/// Whether it is null because it does something with null itself, which has no type by which a database
/// could tell what is done.
fn is_null_by_an_operand(node: &Node) -> bool {
    let is_null = |it: &Expression| matches!(it.node, Node::Literal(Literal::Null));
    match node {
        Node::Has(inner, _) | Node::Negate(inner) | Node::Cast(inner) => is_null(inner),
        Node::Arithmetic(_, left, right) => is_null(left) || is_null(right),
        Node::Call(_, arguments) => arguments.iter().any(is_null),
        _ => false,
    }
}

/// Whether the value can be null; true where that is not plain.
pub(super) fn can_be_null(expression: &Expression, schema: &dyn Schema) -> bool {
    match &expression.node {
        Node::Literal(literal) => matches!(literal, Literal::Null),
        Node::Property(path) => schema.is_nullable(path),
        Node::Compare(..) | Node::In(..) | Node::IsOf(_) | Node::Any(..) | Node::All(..) => false,
        Node::Not(inner) | Node::Has(inner, _) => can_be_null(inner, schema),
        Node::Call(Function::MatchesPattern, _)
        | Node::Item
        | Node::Negate(_)
        | Node::Arithmetic(..)
        | Node::Cast(_) => true,
        Node::And(parts) | Node::Or(parts) | Node::Call(_, parts) => parts.iter().any(|part| can_be_null(part, schema)),
    }
}

fn alias(depth: usize) -> String {
    format!("item{depth}")
}
