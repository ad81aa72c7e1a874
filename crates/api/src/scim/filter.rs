//! Filters (RFC 7644, section 3.4.2.2): read once, and asked of one resource after another.

use super::path::Path;
use super::schema::{Attribute, Kind, Returned};
use model::Ticks;
use serde_json::Value;
use std::cmp::Ordering;

/// The most bytes of a filter.
pub const LONGEST: usize = 4096;
/// How deep parentheses and brackets may be nested.
pub const DEEPEST: u32 = 24;

/// Why a filter is not understood. It repeats no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at character {at})")]
pub struct FilterError {
    what: String,
    at: usize,
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A text, folded where case tells nothing.
    Text(String),
    /// `true` or `false`
    Boolean(bool),
    /// A time.
    Time(Ticks),
    /// `null`: no value.
    Null,
}

/// A filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not that.
    Not(Box<Filter>),
    /// There is a value.
    Present(Path),
    /// A value compares so.
    Compare(Path, Comparison, Literal),
    /// One of several values is so altogether. Paths within are parts of the attribute.
    Value(Path, Box<Filter>),
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser::new(text)?;
        let filter = parser.any(None)?;
        parser.end()?;
        Ok(filter)
    }

    /// Whether it keeps a resource.
    pub fn matches(&self, resource: &Value) -> bool {
        self.holds(&|path| path.values(resource), resource)
    }

    /// Whether it keeps one of the values of an attribute, whose parts it speaks of.
    pub fn matches_value(&self, item: &Value) -> bool {
        let parts = |path: &Path| path.part.and_then(|part| item.get(part.name)).into_iter().collect();
        self.holds(&parts, item)
    }

    fn holds<'v>(&self, values: &dyn Fn(&Path) -> Vec<&'v Value>, resource: &'v Value) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.holds(values, resource)),
            Self::Or(any) => any.iter().any(|one| one.holds(values, resource)),
            Self::Not(inner) => !inner.holds(values, resource),
            Self::Present(path) if path.part.is_none() => path.value(resource).is_some_and(is_present),
            Self::Present(path) => values(path).into_iter().any(is_present),
            Self::Value(path, inner) => {
                let value = path.value(resource).and_then(Value::as_array);
                value.is_some_and(|items| items.iter().any(|item| inner.matches_value(item)))
            }
            Self::Compare(path, Comparison::NotEqual, literal) => !is_equal(path.compared(), &values(path), literal),
            Self::Compare(path, Comparison::Equal, literal) => is_equal(path.compared(), &values(path), literal),
            Self::Compare(path, comparison, literal) => {
                values(path).into_iter().any(|value| compares(path.compared(), value, *comparison, literal))
            }
        }
    }

    /// The text that an attribute must have for the filter to keep anything, where it says so.
    pub fn demanded(&self, attribute: &str) -> Option<&str> {
        match self {
            Self::Compare(path, Comparison::Equal, Literal::Text(text))
                if path.part.is_none() && path.is(attribute) =>
            {
                Some(text)
            }
            Self::And(all) => all.iter().find_map(|one| one.demanded(attribute)),
            _ => None,
        }
    }

    /// Whether it asks for anything for which a condition holds.
    pub fn asks_for(&self, condition: &dyn Fn(&Path) -> bool) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(|one| one.asks_for(condition)),
            Self::Not(inner) => inner.asks_for(condition),
            Self::Present(path) | Self::Compare(path, ..) | Self::Value(path, _) => condition(path),
        }
    }

    /// The parts and their values that it demands by `eq`, where it demands nothing else: what a value is made of that it
    /// keeps.
    pub fn demands(&self) -> Option<Vec<(&'static Attribute, Value)>> {
        match self {
            Self::Compare(path, Comparison::Equal, literal) => {
                let value = match literal {
                    Literal::Text(text) => Value::String(text.clone()),
                    Literal::Boolean(value) => Value::Bool(*value),
                    Literal::Time(_) | Literal::Null => return None,
                };
                Some(vec![(path.part?, value)])
            }
            Self::And(all) => {
                let each = all.iter().map(Self::demands).collect::<Option<Vec<_>>>()?;
                Some(each.into_iter().flatten().collect())
            }
            _ => None,
        }
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_present),
        Value::Object(members) => members.values().any(is_present),
        _ => true,
    }
}

fn is_equal(attribute: &Attribute, values: &[&Value], literal: &Literal) -> bool {
    match literal {
        Literal::Null => !values.iter().any(|value| is_present(value)),
        _ => values.iter().any(|value| compares(attribute, value, Comparison::Equal, literal)),
    }
}

fn compares(attribute: &Attribute, value: &Value, comparison: Comparison, literal: &Literal) -> bool {
    let order = match (value, literal) {
        (Value::Bool(value), Literal::Boolean(wanted)) => value.cmp(wanted),
        (Value::String(value), Literal::Time(wanted)) => match value.parse::<Ticks>() {
            Ok(value) => value.cmp(wanted),
            Err(_) => return false,
        },
        (Value::String(value), Literal::Text(wanted)) => {
            let value = folded(attribute, value);
            match comparison {
                Comparison::Contains => return value.contains(wanted.as_str()),
                Comparison::StartsWith => return value.starts_with(wanted.as_str()),
                Comparison::EndsWith => return value.ends_with(wanted.as_str()),
                _ => value.as_str().cmp(wanted),
            }
        }
        _ => return false,
    };
    match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => false,
    }
}

/// A text as it is compared.
fn folded(attribute: &Attribute, text: &str) -> String {
    if attribute.case_exact { text.to_owned() } else { text.to_lowercase() }
}

/// Reads filters, and paths of PATCH, which may hold one.
pub struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: u32,
}

impl<'t> Parser<'t> {
    /// Begins at a text's begin.
    pub fn new(text: &'t str) -> Result<Self, FilterError> {
        if text.len() > LONGEST {
            let what = format!("it has {} bytes; expected {LONGEST} at most", text.len());
            return Err(FilterError { what, at: 0 });
        }
        Ok(Self { text, at: 0, depth: 0 })
    }

    fn error<T>(&self, what: impl Into<String>) -> Result<T, FilterError> {
        Err(FilterError { what: what.into(), at: self.text[..self.at].chars().count() + 1 })
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(' ').len();
    }

    /// Takes a character, if it is the next one.
    pub fn take(&mut self, wanted: char) -> bool {
        let is_next = self.rest().starts_with(wanted);
        if is_next {
            self.at += wanted.len_utf8();
        }
        is_next
    }

    /// Demands that nothing follows.
    pub fn end(&mut self) -> Result<(), FilterError> {
        self.blanks();
        if self.rest().is_empty() { Ok(()) } else { self.error("something stands behind its end") }
    }

    /// Takes a word: letters, digits, and what names of schemas have between.
    pub fn word(&mut self) -> &'t str {
        let is_in = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | ':' | '.');
        let rest = self.rest();
        let length = rest.find(|c| !is_in(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Takes a word, if it is the next one, ignoring case; something must stand between it and what follows.
    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.at;
        self.blanks();
        if self.word().eq_ignore_ascii_case(keyword) {
            return true;
        }
        self.at = before;
        false
    }

    /// `or` binds the least. `within` is the attribute whose parts are named, inside of brackets.
    fn any(&mut self, within: Option<Path>) -> Result<Filter, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.error(format!("it is nested deeper than {DEEPEST}"));
        }
        let mut any = vec![self.all(within)?];
        while self.keyword("or") {
            any.push(self.all(within)?);
        }
        self.depth -= 1;
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn all(&mut self, within: Option<Path>) -> Result<Filter, FilterError> {
        let mut all = vec![self.one(within)?];
        while self.keyword("and") {
            all.push(self.one(within)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn one(&mut self, within: Option<Path>) -> Result<Filter, FilterError> {
        self.blanks();
        if self.take('(') {
            return self.grouped(within);
        }
        if self.keyword("not") {
            self.blanks();
            if !self.take('(') {
                return self.error("expected ( behind not");
            }
            return Ok(Filter::Not(Box::new(self.grouped(within)?)));
        }
        let path = self.name(within)?;
        if self.take('[') {
            if within.is_some() {
                return self.error("brackets cannot stand inside of brackets");
            }
            let inner = self.bracketed(path)?;
            if !self.take('.') {
                return Ok(Filter::Value(path, Box::new(inner)));
            }
            let part = self.part_of(path)?;
            let condition = self.condition(part)?;
            return Ok(Filter::Value(path, Box::new(Filter::And(vec![inner, condition]))));
        }
        self.condition(path)
    }

    fn grouped(&mut self, within: Option<Path>) -> Result<Filter, FilterError> {
        let inner = self.any(within)?;
        self.blanks();
        if self.take(')') { Ok(inner) } else { self.error("expected and, or, or )") }
    }

    /// The condition in brackets behind an attribute, whose opening bracket has been taken.
    pub fn bracketed(&mut self, path: Path) -> Result<Filter, FilterError> {
        if path.part.is_some() || !path.attribute.several {
            return self.error("brackets stand behind an attribute with several values only");
        }
        let inner = self.any(Some(path))?;
        self.blanks();
        if self.take(']') { Ok(inner) } else { self.error("expected and, or, or ]") }
    }

    /// The name of a part behind a bracket and a dot.
    pub fn part_of(&mut self, path: Path) -> Result<Path, FilterError> {
        let name = self.word();
        if !path.attribute.kept {
            return Ok(path);
        }
        match path.attribute.part(name) {
            Some(part) => Ok(Path { part: Some(part), ..path }),
            None => self.error(format!("{} has no part with this name", path.attribute.name)),
        }
    }

    fn name(&mut self, within: Option<Path>) -> Result<Path, FilterError> {
        if let Some(path) = within {
            return self.part_of(path);
        }
        let begin = self.at;
        let name = self.word();
        if name.is_empty() {
            return self.error("expected the name of an attribute");
        }
        match Path::resolve(name) {
            Some(path) if path.attribute.kept && path.leaf().returned == Returned::Never && path.leaf().kept => {
                self.error(format!("{} cannot be asked for", path.leaf().name))
            }
            Some(path) => Ok(path),
            None => {
                self.at = begin;
                self.error("no attribute has this name")
            }
        }
    }

    fn condition(&mut self, path: Path) -> Result<Filter, FilterError> {
        const COMPARISONS: [(&str, Comparison); 9] = [
            ("eq", Comparison::Equal),
            ("ne", Comparison::NotEqual),
            ("co", Comparison::Contains),
            ("sw", Comparison::StartsWith),
            ("ew", Comparison::EndsWith),
            ("gt", Comparison::Greater),
            ("ge", Comparison::GreaterOrEqual),
            ("lt", Comparison::Less),
            ("le", Comparison::LessOrEqual),
        ];
        if self.keyword("pr") {
            return Ok(Filter::Present(path));
        }
        let Some((_, comparison)) = COMPARISONS.iter().find(|(name, _)| self.keyword(name)) else {
            return self.error("expected pr, eq, ne, co, sw, ew, gt, ge, lt or le");
        };
        let literal = self.literal(path, *comparison)?;
        Ok(Filter::Compare(path, *comparison, literal))
    }

    fn literal(&mut self, path: Path, comparison: Comparison) -> Result<Literal, FilterError> {
        self.blanks();
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let (leaf, compared) = (path.leaf(), path.compared());
        if self.rest().starts_with('"') {
            let text = self.quoted()?;
            return match compared.kind {
                _ if !leaf.kept => Ok(Literal::Text(text)),
                Kind::Text | Kind::Reference => Ok(Literal::Text(folded(compared, &text))),
                // Some clients write truth values as texts.
                Kind::Boolean => match text.to_ascii_lowercase().as_str() {
                    "true" if is_equality => Ok(Literal::Boolean(true)),
                    "false" if is_equality => Ok(Literal::Boolean(false)),
                    _ => self.error(format!("{} is true or false", leaf.name)),
                },
                Kind::DateTime => match text.parse() {
                    Ok(time) => Ok(Literal::Time(time)),
                    Err(_) => self.error("expected a time such as \"2026-01-02T03:04:05Z\""),
                },
                Kind::Complex => self.error(format!("{} has parts; name the one that is compared", leaf.name)),
            };
        }
        let word = self.word();
        match word {
            "true" | "false" if is_equality && (compared.kind == Kind::Boolean || !leaf.kept) => {
                Ok(Literal::Boolean(word == "true"))
            }
            "null" if is_equality => Ok(Literal::Null),
            _ if !leaf.kept && !word.is_empty() => Ok(Literal::Null),
            _ => self.error(format!("expected a value that {} can have, texts in quotes", leaf.name)),
        }
    }

    /// A text in quotes, as JSON writes it.
    fn quoted(&mut self) -> Result<String, FilterError> {
        let rest = self.rest();
        let mut is_escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    let Ok(text) = serde_json::from_str(&rest[..=at]) else {
                        return self.error("the text in quotes is not one as JSON writes them");
                    };
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => {}
            }
        }
        self.error("a text in quotes does not end")
    }
}
