//! Bound trees as short texts, for comparison.

use odata::expression::bound::{Expression, Literal, Node, PropertyPath};

/// Writes a tree with every operation in parentheses: `(Eq name "a")`.
pub(crate) fn shown(expression: &Expression) -> String {
    let list = |name: &str, parts: &[&Expression]| {
        let parts: Vec<String> = parts.iter().map(|part| shown(part)).collect();
        format!("({name} {})", parts.join(" "))
    };
    match &expression.node {
        Node::Literal(value) => literal(value),
        Node::Property(at) => path(at),
        Node::Item => "item".to_owned(),
        Node::Not(inner) => list("not", &[inner]),
        Node::And(parts) => list("and", &parts.iter().collect::<Vec<_>>()),
        Node::Or(parts) => list("or", &parts.iter().collect::<Vec<_>>()),
        Node::Compare(how, left, right) => list(&format!("{how:?}"), &[left, right]),
        Node::In(value, items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("(in {} [{}])", shown(value), items.join(" "))
        }
        Node::Has(value, flags) => format!("(has {} {flags})", shown(value)),
        Node::Negate(inner) => list("-", &[inner]),
        Node::Arithmetic(how, left, right) => list(&format!("{how:?}"), &[left, right]),
        Node::Call(function, arguments) => list(&format!("{function:?}"), &arguments.iter().collect::<Vec<_>>()),
        Node::Cast(inner) => list("cast", &[inner]),
        Node::IsOf(ty) => format!("(isof {})", ty.name),
        Node::Any(at, None) => format!("(any {})", path(at)),
        Node::Any(at, Some(condition)) => format!("(any {} {})", path(at), shown(condition)),
        Node::All(at, condition) => format!("(all {} {})", path(at), shown(condition)),
    }
}

fn path(path: &PropertyPath) -> String {
    let names: Vec<&str> = path.navigation.iter().map(|relation| relation.name).chain([path.property.name]).collect();
    names.join("/")
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Text(text) => format!("{text:?}"),
        Literal::Integer(value) => value.to_string(),
        Literal::Double(value) => format!("{value:?}"),
        Literal::DateTimeOffset(ticks) => ticks.to_string(),
        Literal::Date(days) => format!("day:{days}"),
        Literal::TimeOfDay(ticks) => format!("time:{ticks}"),
        Literal::Duration(ticks) => format!("ticks:{ticks}"),
        Literal::Guid(guid) => format!("guid:{guid}"),
        Literal::Enum(value) => format!("#{value}"),
    }
}
