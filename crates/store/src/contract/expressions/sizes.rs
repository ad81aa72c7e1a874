//! The largest expressions that a binder lets through.

use super::generate::{literal, property};
use super::model::{COLOUR, TestRow};
use super::{Engine, check_filter_of, check_value_of};
use odata::expression::bound::{Arithmetic, Comparison, Expression, Function, Literal, Node, ValueType};

/// Levels of nesting: half as many again as binders allow.
const DEPTH: usize = 100;
/// Parts of an `and` or `or`, and literals of an `in`.
const PARTS: usize = 2000;

/// Long chains and deep nests of every node come to what the evaluator says.
pub fn check_sizes(engine: &dyn Engine, rows: &[TestRow]) {
    chains(engine, rows);
    let on = || property("active");
    let boolean = |node| Expression { node, ty: ValueType::Boolean };
    let nests: [fn(Expression) -> Node; 8] = [
        |inner| Node::Not(inner.into()),
        |inner| Node::And(vec![literal(Literal::Boolean(true)), inner]),
        |inner| Node::Or(vec![inner, literal(Literal::Boolean(false))]),
        |inner| Node::Compare(Comparison::Eq, inner.into(), property("active").into()),
        |inner| Node::Compare(Comparison::Lt, property("active").into(), inner.into()),
        |inner| Node::In(inner.into(), vec![Literal::Null, Literal::Boolean(true)]),
        |inner| Node::In(inner.into(), vec![Literal::Boolean(false)]),
        |inner| {
            let text = Expression { node: Node::Cast(inner.into()), ty: ValueType::Text };
            Node::Cast(text.into())
        },
    ];
    for nest in nests {
        let deep = (0..DEPTH).fold(on(), |inner, _| boolean(nest(inner)));
        check_filter_of(engine, rows, &deep);
        check_value_of(engine, rows, &deep);
    }
    let all = (0..DEPTH).fold(on(), |inner, level| boolean(nests[level % nests.len()](inner)));
    check_filter_of(engine, rows, &all);

    let text = |node| Expression { node, ty: ValueType::Text };
    let deep = (0..DEPTH).fold(property("note"), |inner, level| match level % 3 {
        0 => text(Node::Call(Function::ToLower, vec![inner])),
        1 => text(Node::Call(Function::Concat, vec![literal(Literal::Text("a".into())), inner])),
        _ => {
            let member = Expression { node: Node::Cast(inner.into()), ty: ValueType::Enum(&COLOUR) };
            text(Node::Cast(member.into()))
        }
    });
    check_value_of(engine, rows, &deep);

    let length = Expression { node: Node::Call(Function::Length, vec![property("name")]), ty: ValueType::Integer };
    let deep = (0..DEPTH).fold(length, |inner, level| {
        let node = match level % 2 {
            0 => Node::Negate(inner.into()),
            _ => Node::Arithmetic(Arithmetic::Sub, literal(Literal::Integer(1)).into(), inner.into()),
        };
        Expression { node, ty: ValueType::Integer }
    });
    check_value_of(engine, rows, &deep);
}

fn chains(engine: &dyn Engine, rows: &[TestRow]) {
    let part = |at: usize| {
        let name = literal(Literal::Text(format!("a{at}").into()));
        let node = Node::Compare(Comparison::Ne, property("note").into(), name.into());
        Expression { node, ty: ValueType::Boolean }
    };
    for chain in [Node::And, Node::Or] {
        let chain = Expression { node: chain((0..PARTS).map(part).collect()), ty: ValueType::Boolean };
        check_filter_of(engine, rows, &chain);
        let opposite = Expression { node: Node::Not(chain.into()), ty: ValueType::Boolean };
        check_filter_of(engine, rows, &opposite);
    }
    let list = (0..PARTS).map(|at| Literal::Text(format!("a{at}").into())).chain([Literal::Text("a".into())]);
    let within = Node::In(property("note").into(), list.collect());
    check_filter_of(engine, rows, &Expression { node: within, ty: ValueType::Boolean });
}
