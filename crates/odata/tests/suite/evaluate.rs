//! What expressions come to, rule by rule (graph.md, section 15).

use crate::test_model::{COLOUR, ITEM, MODEL, PERSON, SPECIAL_ITEM, THING, at};
use odata::Ticks;
use odata::calendar::TICKS_PER_DAY;
use odata::edm::EntityType;
use odata::encode::Cell;
use odata::expression::bound::{Arithmetic, Comparison, Expression, Function, Literal, Node, PropertyPath, ValueType};
use odata::expression::evaluate::{Evaluator, Scope, Value, evaluate};

/// An item whose owner is known or not.
struct Item {
    cells: Vec<Cell<'static>>,
    owner: Option<Vec<Cell<'static>>>,
    entity_type: &'static EntityType,
}

impl Item {
    fn new() -> Self {
        let mut cells = vec![Cell::Null; ITEM.property_count()];
        cells[at::ID] = Cell::Text("1");
        cells[at::NAME] = Cell::Text("Äb");
        cells[at::TAGS] = Cell::Text(r#"["x","yz"]"#);
        Self { cells, owner: None, entity_type: &ITEM }
    }

    fn with(mut self, position: usize, cell: Cell<'static>) -> Self {
        self.cells[position] = cell;
        self
    }
}

impl Scope for Item {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        match (path.navigation.len(), &self.owner) {
            (0, _) => self.cells[path.position],
            (_, Some(owner)) => owner[path.position],
            (_, None) => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        self.entity_type
    }
}

fn expression(node: Node, ty: ValueType) -> Expression {
    Expression { node, ty }
}

fn boolean(node: Node) -> Expression {
    expression(node, ValueType::Boolean)
}

fn path(position: usize) -> PropertyPath {
    PropertyPath { navigation: Vec::new(), position, property: ITEM.all_properties()[position] }
}

fn property(position: usize) -> Expression {
    let ty = match position {
        at::ON => ValueType::Boolean,
        at::SINCE => ValueType::DateTimeOffset,
        at::COLOUR => ValueType::Enum(&COLOUR),
        _ => ValueType::Text,
    };
    expression(Node::Property(path(position)), ty)
}

fn owners_mail() -> Expression {
    let owner = ITEM.navigation("owner").expect("a relation");
    let (position, property) = PERSON.property("mail").expect("a property");
    expression(Node::Property(PropertyPath { navigation: vec![owner], position, property }), ValueType::Text)
}

fn literal(literal: Literal) -> Expression {
    let ty = match literal {
        Literal::Null => ValueType::Null,
        Literal::Boolean(_) => ValueType::Boolean,
        Literal::Text(_) => ValueType::Text,
        Literal::Integer(_) => ValueType::Integer,
        Literal::Double(_) => ValueType::Double,
        Literal::DateTimeOffset(_) => ValueType::DateTimeOffset,
        Literal::Date(_) => ValueType::Date,
        Literal::TimeOfDay(_) => ValueType::TimeOfDay,
        Literal::Duration(_) => ValueType::Duration,
        Literal::Guid(_) => ValueType::Guid,
        Literal::Enum(_) => ValueType::Enum(&COLOUR),
    };
    expression(Node::Literal(literal), ty)
}

fn text(text: &str) -> Expression {
    literal(Literal::Text(text.into()))
}

fn number(number: i64) -> Expression {
    literal(Literal::Integer(number))
}

fn double(number: f64) -> Expression {
    literal(Literal::Double(number))
}

fn moment(text: &str) -> Expression {
    literal(Literal::DateTimeOffset(text.parse().expect(text)))
}

fn null() -> Expression {
    literal(Literal::Null)
}

fn truth(value: Option<bool>) -> Expression {
    literal(value.map_or(Literal::Null, Literal::Boolean))
}

fn compare(comparison: Comparison, left: Expression, right: Expression) -> Expression {
    boolean(Node::Compare(comparison, left.into(), right.into()))
}

fn not(inner: Expression) -> Expression {
    boolean(Node::Not(inner.into()))
}

fn call(function: Function, arguments: Vec<Expression>, ty: ValueType) -> Expression {
    expression(Node::Call(function, arguments), ty)
}

fn calculate(operation: Arithmetic, left: Expression, right: Expression, ty: ValueType) -> Value<'static> {
    value(&expression(Node::Arithmetic(operation, left.into(), right.into()), ty))
}

fn cast(from: Expression, ty: ValueType) -> Value<'static> {
    value(&expression(Node::Cast(from.into()), ty))
}

/// The value for an item that does not matter.
fn value(expression: &Expression) -> Value<'static> {
    evaluate(expression, &Item::new())
}

fn is_true(expression: &Expression) -> bool {
    value(expression) == Value::Boolean(true)
}

const NO: Value<'static> = Value::Boolean(false);
const YES: Value<'static> = Value::Boolean(true);

fn shown(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

#[test]
fn eq_and_ne_take_null_for_a_value() {
    use Comparison::{Eq, Ne};
    let note = || property(at::NOTE); // null
    assert_eq!(value(&compare(Eq, note(), null())), YES);
    assert_eq!(value(&compare(Ne, note(), null())), NO);
    assert_eq!(value(&compare(Eq, note(), text("a"))), NO);
    assert_eq!(value(&compare(Ne, note(), text("a"))), YES, "ne 'a' keeps rows with null");
    assert_eq!(value(&compare(Eq, property(at::NAME), null())), NO);
    assert_eq!(value(&compare(Ne, property(at::NAME), null())), YES);
}

#[test]
fn order_with_null_is_false_and_its_opposite_true() {
    use Comparison::{Ge, Gt, Le, Lt};
    for comparison in [Gt, Ge, Lt, Le] {
        assert_eq!(value(&compare(comparison, property(at::NOTE), text("a"))), NO);
        assert_eq!(value(&compare(comparison, text("a"), property(at::NOTE))), NO);
        assert_eq!(value(&compare(comparison, null(), null())), NO);
        assert_eq!(value(&not(compare(comparison, property(at::NOTE), text("a")))), YES);
    }
}

#[test]
fn and_or_and_not_are_three_valued() {
    let all = [Some(true), Some(false), None];
    let both = |a: Option<bool>, b: Option<bool>| match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    };
    let either = |a: Option<bool>, b: Option<bool>| both(a.map(|a| !a), b.map(|b| !b)).map(|neither| !neither);
    let shown = |truth: Option<bool>| truth.map_or(Value::Null, Value::Boolean);
    for a in all {
        assert_eq!(value(&not(truth(a))), shown(a.map(|a| !a)));
        for b in all {
            assert_eq!(value(&boolean(Node::And(vec![truth(a), truth(b)]))), shown(both(a, b)), "{a:?} and {b:?}");
            assert_eq!(value(&boolean(Node::Or(vec![truth(a), truth(b)]))), shown(either(a, b)), "{a:?} or {b:?}");
        }
    }
    let filter = not(truth(None));
    assert!(!Evaluator::new(&filter).matches(&Item::new()), "a filter keeps no row for which it is null");
}

#[test]
fn functions_and_arithmetic_of_null_are_null() {
    let note = || property(at::NOTE);
    assert_eq!(value(&call(Function::Contains, vec![note(), text("a")], ValueType::Boolean)), Value::Null);
    assert_eq!(value(&call(Function::Contains, vec![text("a"), note()], ValueType::Boolean)), Value::Null);
    assert_eq!(value(&call(Function::Length, vec![note()], ValueType::Integer)), Value::Null);
    assert_eq!(value(&call(Function::Substring, vec![text("a"), null()], ValueType::Text)), Value::Null);
    assert_eq!(value(&call(Function::Substring, vec![text("a"), number(0), null()], ValueType::Text)), Value::Null);
    assert_eq!(value(&call(Function::Year, vec![property(at::SINCE)], ValueType::Integer)), Value::Null);
    let pattern = || text("a");
    assert_eq!(value(&call(Function::MatchesPattern, vec![note(), pattern()], ValueType::Boolean)), Value::Null);
    assert_eq!(calculate(Arithmetic::Add, null(), number(1), ValueType::Integer), Value::Null);
    assert_eq!(value(&expression(Node::Negate(null().into()), ValueType::Integer)), Value::Null);
    assert_eq!(value(&boolean(Node::Has(property(at::COLOUR).into(), 1))), Value::Null);
    assert_eq!(cast(note(), ValueType::Integer), Value::Null);
}

#[test]
fn in_is_the_or_of_eqs_with_null_among_them() {
    let within = |inner: Expression, list: Vec<Literal>| value(&boolean(Node::In(inner.into(), list)));
    let list = || vec![Literal::Text("a".into()), Literal::Text("Äb".into())];
    assert_eq!(within(property(at::NAME), list()), YES);
    assert_eq!(within(property(at::NOTE), list()), NO);
    assert_eq!(within(property(at::NOTE), vec![Literal::Text("a".into()), Literal::Null]), YES);
    assert_eq!(within(text("b"), vec![Literal::Text("a".into()), Literal::Null]), NO);
    assert_eq!(within(number(2), vec![Literal::Double(2.0)]), YES);
}

#[test]
fn texts_compare_by_code_point_and_case() {
    use Comparison::{Eq, Lt};
    assert!(is_true(&compare(Lt, text("Z"), text("a"))));
    assert!(is_true(&compare(Lt, text("\u{ffff}"), text("\u{10000}"))), "UTF-16 has it the other way round");
    assert_eq!(value(&compare(Eq, text("a"), text("A"))), NO);
    assert_eq!(value(&compare(Eq, text("ä"), text("a\u{308}"))), NO);
    assert_eq!(value(&call(Function::Contains, vec![text("aBc"), text("b")], ValueType::Boolean)), NO);
    assert_eq!(value(&call(Function::StartsWith, vec![text("aBc"), text("a")], ValueType::Boolean)), YES);
    assert_eq!(value(&call(Function::EndsWith, vec![text("aBc"), text("")], ValueType::Boolean)), YES);
}

#[test]
fn functions_of_texts_go_by_unicode() {
    let one = |function, argument| value(&call(function, vec![text(argument)], ValueType::Text));
    assert_eq!(one(Function::ToLower, "ÄΣİ"), shown("äσİ"));
    assert_eq!(one(Function::ToUpper, "ßä"), shown("ßÄ"));
    assert_eq!(one(Function::Trim, "\u{3000} a\t"), shown("a"));
    assert_eq!(one(Function::Length, "a𐐀"), Value::Integer(2));
    let two = |function, a, b| value(&call(function, vec![text(a), text(b)], ValueType::Text));
    assert_eq!(two(Function::IndexOf, "𐐀b", "b"), Value::Integer(1));
    assert_eq!(two(Function::IndexOf, "ab", "c"), Value::Integer(-1));
    assert_eq!(two(Function::Concat, "a", "b"), shown("ab"));
    assert_eq!(two(Function::MatchesPattern, "abc", "^a.c$"), YES);
    assert_eq!(two(Function::MatchesPattern, "abcd", "^a.c$"), NO);
    assert_eq!(two(Function::MatchesPattern, "abc", "("), Value::Null, "the binder refuses it");
    let part = |from, count: Option<i64>| {
        let mut arguments = vec![text("abc"), number(from)];
        arguments.extend(count.map(number));
        value(&call(Function::Substring, arguments, ValueType::Text))
    };
    assert_eq!((part(1, None), part(1, Some(1)), part(3, None)), (shown("bc"), shown("b"), shown("")));
    assert_eq!((part(-2, None), part(-9, Some(1)), part(1, Some(-1))), (shown("bc"), shown("a"), shown("")));
}

#[test]
fn div_truncates_and_divby_does_not() {
    use Arithmetic::{Div, DivBy, Mod};
    let whole = |operation, a, b| calculate(operation, number(a), number(b), ValueType::Integer);
    assert_eq!((whole(Div, 7, 2), whole(Div, -7, 2)), (Value::Integer(3), Value::Integer(-3)));
    assert_eq!((whole(Mod, 7, -2), whole(Mod, -7, 2)), (Value::Integer(1), Value::Integer(-1)));
    assert_eq!(calculate(DivBy, number(7), number(2), ValueType::Double), Value::Double(3.5));
    assert_eq!(calculate(Div, number(7), double(2.0), ValueType::Double), Value::Double(3.5));
    assert_eq!(calculate(Mod, double(-7.5), number(2), ValueType::Double), Value::Double(-1.5));
}

#[test]
fn what_has_no_result_is_null() {
    use Arithmetic::{Add, Div, DivBy, Mod, Mul, Sub};
    for operation in [Div, DivBy, Mod] {
        assert_eq!(calculate(operation, number(1), number(0), ValueType::Integer), Value::Null);
        assert_eq!(calculate(operation, double(1.0), double(0.0), ValueType::Double), Value::Null);
    }
    let whole = |operation, a, b| calculate(operation, number(a), number(b), ValueType::Integer);
    assert_eq!(whole(Add, i64::MAX, 1), Value::Null);
    assert_eq!(whole(Sub, i64::MIN, 1), Value::Null);
    assert_eq!(whole(Mul, i64::MIN, -1), Value::Null);
    assert_eq!(whole(Div, i64::MIN, -1), Value::Null);
    assert_eq!(whole(Mod, i64::MIN, -1), Value::Integer(0));
    assert_eq!(value(&expression(Node::Negate(number(i64::MIN).into()), ValueType::Integer)), Value::Null);
    assert_eq!(calculate(Mul, double(1e300), double(1e300), ValueType::Double), Value::Null);
}

#[test]
fn integers_and_doubles_compare_exactly() {
    use Comparison::{Eq, Gt, Lt};
    const EDGE: i64 = 9_007_199_254_740_993; // 2^53 + 1: the nearest double is 2^53
    assert_eq!(value(&compare(Eq, number(EDGE), double(9_007_199_254_740_992.0))), NO);
    assert!(is_true(&compare(Gt, number(EDGE), double(9_007_199_254_740_992.0))));
    assert!(is_true(&compare(Lt, number(i64::MAX), double(9_223_372_036_854_775_808.0))));
    assert!(is_true(&compare(Eq, number(i64::MIN), double(-9_223_372_036_854_775_808.0))));
    assert!(is_true(&compare(Lt, double(-0.5), number(0))));
    assert!(is_true(&compare(Gt, double(-1e300), null())) == is_true(&truth(Some(false))));
    assert!(is_true(&compare(Eq, double(-0.0), number(0))));
}

#[test]
fn times_add_up_within_the_years_1_to_9999() {
    use Arithmetic::{Add, Div, Mul, Sub};
    let duration = |ticks| literal(Literal::Duration(ticks));
    let ticks = |text: &str| text.parse::<Ticks>().expect(text).get();
    let at = || moment("2024-02-29T12:00:00Z");
    let of = ValueType::DateTimeOffset;
    let next = Value::Integer(ticks("2024-03-01T12:00:00Z"));
    assert_eq!(calculate(Add, at(), duration(TICKS_PER_DAY), of), next);
    assert_eq!(calculate(Sub, at(), duration(-TICKS_PER_DAY), of), next);
    assert_eq!(calculate(Sub, at(), at(), ValueType::Duration), Value::Integer(0));
    assert_eq!(calculate(Add, moment("9999-12-31T23:59:59.9999999Z"), duration(1), of), Value::Null);
    assert_eq!(calculate(Sub, moment("0001-01-01T00:00:00Z"), duration(1), of), Value::Null);
    let day = |day| literal(Literal::Date(day));
    assert_eq!(calculate(Add, day(1), duration(TICKS_PER_DAY * 2 - 1), ValueType::Date), Value::Integer(2));
    assert_eq!(calculate(Sub, day(0), duration(1), ValueType::Date), Value::Integer(-1));
    assert_eq!(calculate(Sub, day(3), day(1), ValueType::Duration), Value::Integer(2 * TICKS_PER_DAY));
    assert_eq!(calculate(Mul, duration(3), double(1.5), ValueType::Duration), Value::Integer(4));
    assert_eq!(calculate(Div, duration(-7), number(2), ValueType::Duration), Value::Integer(-3));
    assert_eq!(calculate(Mul, duration(i64::MAX), double(2.0), ValueType::Duration), Value::Null);
}

#[test]
fn parts_of_times_are_those_in_utc() {
    // Another offset is converted when it is read: hour() answers for UTC.
    let at = || moment("2024-03-01T00:30:15.25+02:00");
    let part = |function| value(&call(function, vec![at()], ValueType::Integer));
    let parts = [Function::Year, Function::Month, Function::Day, Function::Hour, Function::Minute, Function::Second];
    assert_eq!(parts.map(part), [2024, 2, 29, 22, 30, 15].map(Value::Integer));
    assert_eq!(part(Function::FractionalSeconds), Value::Double(0.25));
    assert_eq!(part(Function::TotalOffsetMinutes), Value::Integer(0));
    assert_eq!(part(Function::Date), Value::Integer(19_782));
    assert_eq!(part(Function::Time), Value::Integer((22 * 3600 + 30 * 60 + 15) * Ticks::PER_SECOND + 2_500_000));
    let before_1970 = call(Function::Hour, vec![moment("1969-12-31T23:59:59.9999999Z")], ValueType::Integer);
    assert_eq!(value(&before_1970), Value::Integer(23));
    let of_day = call(Function::Year, vec![literal(Literal::Date(-1))], ValueType::Integer);
    assert_eq!(value(&of_day), Value::Integer(1969));
    let of_time = call(Function::Minute, vec![literal(Literal::TimeOfDay(600_000_000))], ValueType::Integer);
    assert_eq!(value(&of_time), Value::Integer(1));
    let seconds = call(Function::TotalSeconds, vec![literal(Literal::Duration(-15_000_000))], ValueType::Double);
    assert_eq!(value(&seconds), Value::Double(-1.5));
}

#[test]
fn casts_read_and_write_literal_forms() {
    use ValueType as T;
    let read = |from: &str, ty| cast(text(from), ty);
    assert_eq!((read("-12", T::Integer), read("1.5", T::Integer)), (Value::Integer(-12), Value::Null));
    assert_eq!(read("9223372036854775808", T::Integer), Value::Null);
    assert_eq!((read("1.5e1", T::Double), read("1e999", T::Double)), (Value::Double(15.0), Value::Null));
    assert_eq!(
        (read("inf", T::Double), read(".5", T::Double), read("1.", T::Double)),
        (Value::Null, Value::Null, Value::Null)
    );
    assert_eq!((read("TRUE", T::Boolean), read("1", T::Boolean)), (YES, Value::Null));
    assert_eq!((read("2024-02-29", T::Date), read("2023-02-29", T::Date)), (Value::Integer(19_782), Value::Null));
    assert_eq!((read("00:01", T::TimeOfDay), read("24:00", T::TimeOfDay)), (Value::Integer(600_000_000), Value::Null));
    assert_eq!(read("1970-01-01T00:00:00.0000001Z", T::DateTimeOffset), Value::Integer(1));
    assert_eq!(
        (read("-P1DT1S", T::Duration), read("P1H", T::Duration)),
        (Value::Integer(-864_010_000_000), Value::Null)
    );
    assert_eq!(read("E45CFBCD-9d43-4a6c-9c4d-f6b3e4a7a1a2", T::Guid), shown("e45cfbcd-9d43-4a6c-9c4d-f6b3e4a7a1a2"));
    assert_eq!(read("darkBlue", T::Enum(&COLOUR)), Value::Integer(7));
    assert_eq!((read("darkblue", T::Enum(&COLOUR)), read("7", T::Enum(&COLOUR))), (Value::Null, Value::Null));

    assert_eq!(cast(number(-12), T::Text), shown("-12"));
    assert_eq!((cast(double(1.0), T::Text), cast(double(-0.0), T::Text)), (shown("1"), shown("0")));
    assert_eq!(cast(truth(Some(true)), T::Text), shown("true"));
    assert_eq!(cast(moment("2024-03-02T23:10:04.5000000Z"), T::Text), shown("2024-03-02T23:10:04.5Z"));
    assert_eq!(cast(literal(Literal::Date(19_782)), T::Text), shown("2024-02-29"));
    assert_eq!(cast(literal(Literal::TimeOfDay(5_000_001)), T::Text), shown("00:00:00.5000001"));
    assert_eq!(cast(literal(Literal::Duration(-864_010_000_000)), T::Text), shown("-P1DT1S"));
    assert_eq!(cast(literal(Literal::Enum(7)), T::Text), shown("darkBlue"));
    assert_eq!(cast(literal(Literal::Enum(6)), T::Text), Value::Null);

    assert_eq!((cast(double(-2.9), T::Integer), cast(double(1e19), T::Integer)), (Value::Integer(-2), Value::Null));
    assert_eq!(cast(number(3), T::Double), Value::Double(3.0));
    assert_eq!(cast(moment("2024-02-29T00:01:00Z"), T::Date), Value::Integer(19_782));
    assert_eq!(cast(moment("2024-02-29T00:01:00Z"), T::TimeOfDay), Value::Integer(600_000_000));
    assert_eq!(cast(moment("2024-02-29T00:01:00Z"), T::Integer), Value::Null, "OData does not say how");
    assert_eq!(cast(null(), T::Text), Value::Null);
}

#[test]
fn a_relation_that_leads_nowhere_makes_null() {
    let filter = compare(Comparison::Eq, owners_mail(), text("m"));
    let known = |owner| Item { owner, ..Item::new() };
    assert_eq!(evaluate(&filter, &known(None)), NO);
    assert_eq!(evaluate(&filter, &known(Some(vec![Cell::Text("1"), Cell::Text("m")]))), YES);
    assert_eq!(evaluate(&compare(Comparison::Eq, owners_mail(), null()), &known(None)), YES);
}

#[test]
fn any_and_all_stand_on_each_item() {
    let item = || expression(Node::Item, ValueType::Text);
    let is = |wanted: &str| Box::new(compare(Comparison::Eq, item(), text(wanted)));
    let short = || {
        let length = call(Function::Length, vec![item()], ValueType::Integer);
        Box::new(compare(Comparison::Lt, length, number(3)))
    };
    let tags = || path(at::TAGS);
    assert_eq!(value(&boolean(Node::Any(tags(), Some(is("yz"))))), YES);
    assert_eq!(value(&boolean(Node::Any(tags(), Some(is("z"))))), NO);
    assert_eq!(value(&boolean(Node::All(tags(), short()))), YES);
    assert_eq!(value(&boolean(Node::All(tags(), is("x")))), NO);
    let empty = Item::new().with(at::TAGS, Cell::Text("[]"));
    assert_eq!(evaluate(&boolean(Node::Any(tags(), None)), &empty), NO);
    assert_eq!(evaluate(&boolean(Node::Any(tags(), None)), &Item::new()), YES);
    assert_eq!(evaluate(&boolean(Node::All(tags(), is("x"))), &empty), YES);
    // null is not true: with it, any stays false and all becomes false
    let unknown = Box::new(call(Function::Contains, vec![item(), null()], ValueType::Boolean));
    assert_eq!(value(&boolean(Node::Any(tags(), Some(unknown.clone())))), NO);
    assert_eq!(value(&boolean(Node::All(tags(), unknown))), NO);
}

#[test]
fn isof_asks_for_a_type_or_one_that_derives_from_it() {
    let is = |ty, row: &Item| evaluate(&boolean(Node::IsOf(ty)), row);
    let special = Item { entity_type: &SPECIAL_ITEM, ..Item::new() };
    assert_eq!((is(&THING, &Item::new()), is(&ITEM, &Item::new())), (YES, YES));
    assert_eq!((is(&SPECIAL_ITEM, &Item::new()), is(&SPECIAL_ITEM, &special)), (NO, YES));
    assert_eq!(is(&ITEM, &special), YES);
    assert_eq!(is(MODEL.entity_type("test.person").expect("a type"), &special), NO);
}

#[test]
fn enumerations_compare_by_number_and_booleans_with_false_first() {
    let red = || Item::new().with(at::COLOUR, Cell::Integer(1)).with(at::ON, Cell::Integer(0));
    let below = compare(Comparison::Lt, property(at::COLOUR), literal(Literal::Enum(7)));
    assert_eq!(evaluate(&below, &red()), YES);
    assert_eq!(evaluate(&boolean(Node::Has(property(at::COLOUR).into(), 1)), &red()), YES);
    assert_eq!(evaluate(&boolean(Node::Has(property(at::COLOUR).into(), 3)), &red()), NO);
    assert_eq!(evaluate(&compare(Comparison::Lt, property(at::ON), truth(Some(true))), &red()), YES);
    assert_eq!(evaluate(&not(property(at::ON)), &red()), YES);
}

#[test]
fn damage_is_null() {
    let broken = Item::new().with(at::NAME, Cell::Damaged).with(at::TAGS, Cell::Text("[1"));
    assert_eq!(evaluate(&property(at::NAME), &broken), Value::Null);
    assert_eq!(evaluate(&boolean(Node::Any(path(at::TAGS), None)), &broken), NO);
}
