//! The values of all options of a request, bound against the model.

use super::error::{OptionError, QueryErrors};
use super::expand::{self, Expansion};
use super::format::Format;
use super::select::Selection;
use super::{QueryOptions, SystemOption, search};
use crate::Ticks;
use crate::edm::{EntityType, EnumMembers, Model};
use crate::expression::bound::{Expression, Node, OrderKey, PropertyPath, ValueType};
use crate::expression::{ErrorKind, Limits, Scope, nearest_property};
use crate::fault::excerpt;

/// What a request's options are bound with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// What `now()` gives.
    pub now: Ticks,
    /// How large the options may be.
    pub limits: Limits,
    /// The texts that `$search` looks into; none where it does not apply.
    pub search: &'c [PropertyPath],
    /// Which members of evolvable enumerations the client may name.
    pub enum_members: EnumMembers,
}

impl Context<'_> {
    /// A context with the usual limits and without `$search`.
    pub fn at(now: Ticks) -> Self {
        Self { now, limits: Limits::default(), search: &[], enum_members: EnumMembers::Known }
    }
}

/// The options of a request, bound.
#[derive(Clone, Debug)]
pub struct BoundQuery {
    /// What `$filter` and `$search` ask of each entity; those for which it is true are answered.
    pub filter: Option<Expression>,
    /// `$orderby`; empty without it.
    pub order_by: Vec<OrderKey>,
    /// `$select`
    pub select: Selection,
    /// `$expand`
    pub expand: Vec<Expansion>,
    /// `$top`, at least 1.
    pub top: Option<u32>,
    /// `$skip`
    pub skip: u64,
    /// `$count=true`
    pub count: bool,
    /// `$format`
    pub format: Option<Format>,
}

impl BoundQuery {
    /// No options: everything that entities of a type usually show.
    pub fn everything(ty: &'static EntityType) -> Self {
        Self {
            filter: None,
            order_by: Vec::new(),
            select: Selection::everything(ty),
            expand: Vec::new(),
            top: None,
            skip: 0,
            count: false,
            format: None,
        }
    }

    /// What follows the set in `@odata.context`, such as `(id,riskLevel,impactedUser(id))`; empty
    /// without `$select` and `$expand`.
    pub fn projection(&self) -> String {
        let mut out = String::new();
        expand::projection(&self.select, &self.expand, &mut out);
        out
    }
}

/// Binds the options of a request for entities of a type. `$skiptoken` and `$deltatoken` are the
/// service's own and are left to it. The crate's first page has an example.
pub fn bind(
    options: &QueryOptions,
    model: &Model,
    ty: &'static EntityType,
    context: &Context<'_>,
) -> Result<BoundQuery, QueryErrors> {
    let Context { now, limits, search, enum_members } = *context;
    let scope = Scope { model, ty, now, limits, aliases: options.aliases(), enum_members };
    let mut reading = Reading { model, limits, errors: QueryErrors::default() };
    let mut query = BoundQuery::everything(ty);
    let (mut searched, mut selected) = (None, None);
    for (option, value) in options.given() {
        let errors = &mut reading.errors;
        match option {
            SystemOption::Filter => match scope.condition(value) {
                Ok(filter) => query.filter = Some(filter),
                Err(found) => errors.expression(option, found),
            },
            SystemOption::OrderBy => match scope.order(value) {
                Ok(keys) => query.order_by = keys,
                Err(found) => errors.expression(option, found),
            },
            SystemOption::Search => match search::bind(value, ty, search, &limits) {
                Ok(condition) => searched = Some(condition),
                Err(found) => errors.expression(option, found.into()),
            },
            SystemOption::Top => match options.top() {
                Ok(top) => query.top = top,
                Err(found) => errors.whole(option, ErrorKind::InvalidValue, found.to_string()),
            },
            SystemOption::Skip => match skip(value) {
                Some(skip) => query.skip = skip,
                None => {
                    let message = format!("$skip is {}; expected a whole number of at least 0", excerpt(value));
                    errors.whole(option, ErrorKind::InvalidValue, message);
                }
            },
            SystemOption::Count if value.eq_ignore_ascii_case("true") => query.count = true,
            SystemOption::Count if value.eq_ignore_ascii_case("false") => query.count = false,
            SystemOption::Count => {
                let message = format!("$count is {}; expected true or false", excerpt(value));
                errors.whole(option, ErrorKind::InvalidValue, message);
            }
            SystemOption::Format => match Format::read(value) {
                Ok(format) => query.format = Some(format),
                Err(message) => errors.whole(option, ErrorKind::InvalidValue, message),
            },
            SystemOption::Select | SystemOption::Expand if value.len() > limits.text => {
                let message = format!("{} has {} bytes; at most {} are read", option.name(), value.len(), limits.text);
                errors.whole(option, ErrorKind::TooComplex, message);
            }
            SystemOption::Select => {
                let text = OptionText { option, text: value };
                selected = Some((text, query.select.read(&text, value, &mut reading)));
            }
            SystemOption::Expand => {
                query.expand = expand::read(&OptionText { option, text: value }, value, ty, 0, &mut reading);
            }
            SystemOption::SkipToken | SystemOption::DeltaToken => {}
            SystemOption::Apply
            | SystemOption::Compute
            | SystemOption::Id
            | SystemOption::Index
            | SystemOption::Levels
            | SystemOption::SchemaVersion => {
                errors.whole(option, ErrorKind::NotServed, format!("{} is not served", option.name()));
            }
        }
    }
    if let Some((text, inner)) = selected {
        expand::select_within(&text, inner, &mut query.expand, &mut reading);
    }
    query.filter = match (query.filter, searched) {
        (Some(filter), Some(searched)) => Some(both(filter, searched)),
        (filter, searched) => filter.or(searched),
    };
    if reading.errors.kept().is_empty() { Ok(query) } else { Err(reading.errors) }
}

fn both(filter: Expression, searched: Expression) -> Expression {
    let mut parts = vec![filter, searched];
    if let Node::And(operands) = &mut parts[0].node {
        let mut operands = std::mem::take(operands);
        operands.extend(parts.pop());
        parts = operands;
    }
    Expression { node: Node::And(parts), ty: ValueType::Boolean }
}

/// Larger numbers than can be held skip everything.
fn skip(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The value of an option, of which parts are read.
#[derive(Clone, Copy)]
pub(super) struct OptionText<'t> {
    pub(super) option: SystemOption,
    pub(super) text: &'t str,
}

impl<'t> OptionText<'t> {
    /// Splits a part at a separator that stands outside of quotes and parentheses.
    #[expect(clippy::unused_self, reason = "reads as a part of the option")]
    pub(super) fn split(&self, part: &'t str, separator: char) -> Vec<&'t str> {
        let mut scan = Scan::default();
        part.split(|c| scan.next(c) && c == separator).collect()
    }

    /// Parts `name(inner)` into its name and what stands in the parentheses.
    #[expect(clippy::unused_self, reason = "reads as a part of the option")]
    pub(super) fn parenthesised(&self, part: &'t str) -> Result<(&'t str, Option<&'t str>), String> {
        let Some((name, rest)) = part.split_once('(') else {
            return if part.contains(')') {
                Err(format!("{} has no `(` for its `)`", excerpt(part)))
            } else {
                Ok((part, None))
            };
        };
        let mut scan = Scan { depth: 1, quote: None };
        let closed = rest.char_indices().find(|(_, c)| {
            scan.next(*c);
            scan.depth == 0 && scan.quote.is_none()
        });
        match closed {
            Some((at, _)) if rest[at + 1..].trim().is_empty() => Ok((name.trim(), Some(&rest[..at]))),
            Some((at, _)) => {
                Err(format!("found {} after `)`; expected `,` or the end", excerpt(rest[at + 1..].trim())))
            }
            None => Err(format!("{} lacks its closing `)`", excerpt(part))),
        }
    }

    /// An error about a part of the text.
    fn error(&self, part: &str, kind: ErrorKind, target: String, message: &str) -> OptionError {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let column = self.text.get(..start).map_or(1, |before| before.chars().count() + 1);
        let message = format!("column {column}: {message}");
        // A name that looks like an alias is none here: the column is one of the option.
        let target = if target.starts_with('@') { self.option.name().to_owned() } else { target };
        OptionError { kind, option: self.option, target, column: Some(column), message }
    }
}

/// How deep in parentheses, and whether in quotes, a character stands.
#[derive(Default)]
struct Scan {
    depth: usize,
    quote: Option<char>,
}

impl Scan {
    /// Takes a character; tells whether it stands outside of both.
    fn next(&mut self, c: char) -> bool {
        match (self.quote, c) {
            (Some(quote), _) if c == quote => self.quote = None, // a doubled one opens it again
            (Some(_), _) => {}
            (None, '\'' | '"') => self.quote = Some(c),
            (None, '(') => self.depth += 1,
            (None, ')') => self.depth = self.depth.saturating_sub(1),
            (None, _) => return self.depth == 0,
        }
        false
    }
}

/// What reading `$select` and `$expand` needs, and what is wrong so far.
pub(super) struct Reading<'c> {
    pub(super) model: &'c Model,
    pub(super) limits: Limits,
    errors: QueryErrors,
}

impl Reading<'_> {
    /// Notes an error about a part of an option.
    pub(super) fn error(&mut self, option: &OptionText<'_>, part: &str, kind: ErrorKind, message: impl Into<String>) {
        self.errors.add_with(|| option.error(part, kind, option.option.name().to_owned(), &message.into()));
    }

    /// Notes a name that is not one of a type.
    pub(super) fn unknown_property(
        &mut self,
        option: &OptionText<'_>,
        name: &str,
        ty: &'static EntityType,
        kind: ErrorKind,
    ) {
        self.errors.add_with(|| {
            let what = if kind == ErrorKind::NotExpandable { "a relation" } else { "a property" };
            let message = match nearest_property(name, ty, kind == ErrorKind::NotExpandable) {
                Some(meant) => format!("{} is not {what} of `{}`; did you mean `{meant}`?", excerpt(name), ty.name),
                None => format!("{} is not {what} of `{}`", excerpt(name), ty.name),
            };
            option.error(name, kind, name.chars().take(256).collect(), &message)
        });
    }
}
