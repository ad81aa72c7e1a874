//! `$search` (URL conventions 4.01, section 5.1.7), bound into a condition on texts.
//!
//! A word or phrase is found in any of the texts, in any case. One that begins with the name of a
//! property and a colon, such as `"mail:fjord"`, is looked for in that one only: the standard leaves
//! to the service what a match is, and there are clients that send nothing else.

use crate::edm::{EntityType, Type};
use crate::expression::bound::{Comparison, Expression, Function, Literal, Node, PropertyPath, ValueType};
use crate::expression::text::to_lower;
use crate::expression::{ErrorKind, ExpressionError, Limits, Span};
use crate::fault::excerpt;

/// Binds a search over some texts, ignoring case.
pub(super) fn bind(
    text: &str,
    ty: &'static EntityType,
    over: &[PropertyPath],
    limits: &Limits,
) -> Result<Expression, ExpressionError> {
    let error = |kind, message: &str| Err(ExpressionError::new(text, kind, Span::default(), message.to_owned()));
    if over.is_empty() {
        return error(ErrorKind::NotApplicable, "$search does not apply to this resource");
    }
    if text.len() > limits.text {
        return error(ErrorKind::TooComplex, "the search is too long");
    }
    let mut parser = Parser { text, at: 0, ty, over, depth: limits.depth.min(Limits::DEEPEST), nodes: limits.nodes };
    let expression = parser.alternatives()?;
    match parser.peek()? {
        Term::End => Ok(expression),
        _ => Err(parser.error(ErrorKind::Syntax, "found `)` without its `(`")),
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
enum Term<'t> {
    End,
    Open,
    Close,
    And,
    Or,
    Not,
    Word(&'t str),
    /// A phrase, still with its backslashes.
    Phrase(&'t str),
}

struct Parser<'t, 'o> {
    text: &'t str,
    at: usize,
    ty: &'static EntityType,
    over: &'o [PropertyPath],
    depth: usize,
    nodes: usize,
}

impl<'t> Parser<'t, '_> {
    fn error(&self, kind: ErrorKind, message: &str) -> ExpressionError {
        ExpressionError::new(self.text, kind, Span::new(self.at, self.at), message.to_owned())
    }

    fn peek(&mut self) -> Result<Term<'t>, ExpressionError> {
        let at = self.at;
        let term = self.next();
        self.at = at;
        term
    }

    fn next(&mut self) -> Result<Term<'t>, ExpressionError> {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        let mut characters = rest.chars();
        let (term, length) = match characters.next() {
            None => (Term::End, 0),
            Some('(') => (Term::Open, 1),
            Some(')') => (Term::Close, 1),
            Some('"') => {
                let mut escaped = false;
                let end = rest[1..].bytes().position(|byte| {
                    let ends = byte == b'"' && !escaped;
                    escaped = byte == b'\\' && !escaped;
                    ends
                });
                let Some(end) = end else {
                    return Err(self.error(ErrorKind::Syntax, "the phrase lacks its closing double quote"));
                };
                (Term::Phrase(&rest[1..=end]), end + 2)
            }
            Some(_) => {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
                let word = &rest[..end.unwrap_or(rest.len())];
                let term = match word {
                    "AND" => Term::And,
                    "OR" => Term::Or,
                    "NOT" => Term::Not,
                    word => Term::Word(word),
                };
                (term, word.len())
            }
        };
        self.at += length;
        Ok(term)
    }

    /// Reads what `OR` joins.
    fn alternatives(&mut self) -> Result<Expression, ExpressionError> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(self.error(ErrorKind::TooComplex, "the search is nested too deeply"));
        };
        self.depth = depth;
        let mut parts = vec![self.together()?];
        while self.peek()? == Term::Or {
            self.next()?;
            parts.push(self.together()?);
        }
        self.depth += 1;
        Ok(joined(parts, Node::Or))
    }

    /// Reads what `AND`, or nothing, joins.
    fn together(&mut self) -> Result<Expression, ExpressionError> {
        let mut parts = vec![self.term()?];
        loop {
            match self.peek()? {
                Term::End | Term::Close | Term::Or => return Ok(joined(parts, Node::And)),
                Term::And => {
                    self.next()?;
                }
                _ => {}
            }
            parts.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Expression, ExpressionError> {
        let mut negated = false;
        loop {
            let start = self.text.len() - self.text[self.at..].trim_start().len();
            let text = match self.next()? {
                Term::Not => {
                    negated = !negated;
                    continue;
                }
                Term::Open => {
                    let inner = self.alternatives()?;
                    if self.next()? != Term::Close {
                        self.at = start;
                        return Err(self.error(ErrorKind::Syntax, "found `(` without its `)`"));
                    }
                    return Ok(if negated { not(inner) } else { inner });
                }
                Term::Word(word) => word.to_owned(),
                Term::Phrase(phrase) => unescape(phrase),
                found => {
                    self.at = start;
                    let found = match found {
                        Term::End => "the end of the search",
                        Term::Close => "`)`",
                        Term::And => "`AND`",
                        _ => "`OR`",
                    };
                    return Err(self.error(ErrorKind::Syntax, &format!("found {found}; expected a word or a phrase")));
                }
            };
            if text.is_empty() {
                self.at = start;
                return Err(self.error(ErrorKind::Syntax, "found an empty phrase; expected a word or a phrase"));
            }
            let Some(nodes) = self.nodes.checked_sub(self.over.len()) else {
                let message = format!("the search has too many words, from {} on", excerpt(&text));
                return Err(self.error(ErrorKind::TooComplex, &message));
            };
            self.nodes = nodes;
            let found = match self.named(&text) {
                Ok(Some((path, rest))) => contains(path, rest),
                Ok(None) => joined(self.over.iter().map(|path| contains(path, &text)).collect(), Node::Or),
                Err(name) => {
                    self.at = start;
                    let message = format!("{} cannot be searched; use $filter", excerpt(name));
                    return Err(self.error(ErrorKind::NotServed, &message));
                }
            };
            return Ok(if negated { not(found) } else { found });
        }
    }
}

impl<'o> Parser<'_, 'o> {
    /// The text that a term names before a colon, and what is looked for in it; the name, when it is
    /// that of another property.
    fn named<'w>(&self, term: &'w str) -> Result<Option<(&'o PropertyPath, &'w str)>, &'w str> {
        let Some((name, rest)) = term.split_once(':').filter(|(_, rest)| !rest.is_empty()) else { return Ok(None) };
        let found = self.over.iter().find(|path| {
            let steps = path.navigation.iter().map(|relation| relation.name).chain([path.property.name]);
            steps.map(str::to_ascii_lowercase).eq(name.split('/').map(str::to_ascii_lowercase))
        });
        match (found, self.ty.property(name)) {
            (Some(path), _) => Ok(Some((path, rest))),
            (None, Some((_, property))) if !property.write_only => Err(name),
            _ => Ok(None),
        }
    }
}

fn boolean(node: Node) -> Expression {
    Expression { node, ty: ValueType::Boolean }
}

fn not(inner: Expression) -> Expression {
    boolean(Node::Not(Box::new(inner)))
}

fn joined(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Node) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { boolean(join(parts)) }
}

/// Takes the backslashes off.
fn unescape(phrase: &str) -> String {
    let mut out = String::with_capacity(phrase.len());
    let mut characters = phrase.chars();
    while let Some(c) = characters.next() {
        out.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    out
}

/// Whether a text, or one of several, contains a word: never null, so that `NOT` finds what has no
/// text at all.
fn contains(path: &PropertyPath, word: &str) -> Expression {
    let text = |node| Expression { node, ty: ValueType::Text };
    let lower = |node| text(Node::Call(Function::ToLower, vec![text(node)]));
    let word = text(Node::Literal(Literal::Text(to_lower(word).into())));
    let within = |node| boolean(Node::Call(Function::Contains, vec![lower(node), word]));
    if let Type::Collection { .. } = path.property.ty {
        return boolean(Node::Any(path.clone(), Some(Box::new(within(Node::Item)))));
    }
    let value = Box::new(text(Node::Property(path.clone())));
    let null = Box::new(text(Node::Literal(Literal::Null)));
    let exists = boolean(Node::Compare(Comparison::Ne, value, null));
    boolean(Node::And(vec![exists, within(Node::Property(path.clone()))]))
}

impl PropertyPath {
    /// Finds a property by its path, such as `impactedUser/displayName`.
    pub fn find(ty: &'static EntityType, path: &str) -> Option<Self> {
        let (mut at, mut navigation) = (ty, Vec::new());
        let (before, name) = path.rsplit_once('/').map_or((None, path), |(before, name)| (Some(before), name));
        for step in before.into_iter().flat_map(|before| before.split('/')) {
            let relation = at.navigation(step).filter(|relation| !relation.collection)?;
            navigation.push(relation);
            at = relation.target;
        }
        let (position, property) = at.property(name)?;
        Some(Self { navigation, position, property })
    }
}
