//! From text to a syntax tree: operators by their precedence (a Pratt parser), within limits on
//! depth and size, in time that grows with the text and no faster.

use super::error::{ErrorKind, ExpressionError, Span};
use super::syntax::{Kind, Lambda, LiteralKind, Operator, Power, Segment, SegmentKind, Syntax};
use super::token::{Lexer, Token, TokenKind};
use crate::fault::excerpt;

/// What is said of an expression with more nodes than it may have.
pub(crate) const TOO_MANY_PARTS: &str =
    "the expression has too many parts; ask for less, or use fewer items in its lists";

/// How large an expression may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest text, in bytes.
    pub text: usize,
    /// How deep parentheses, operators and calls may stand within each other; more than
    /// [`Limits::DEEPEST`] is not allowed whatever is set here.
    pub depth: usize,
    /// The most operators, values, steps of paths and items of lists in an option, with the
    /// aliases that it uses; for `$search`, words times the texts that are looked into.
    pub nodes: usize,
    /// How deep `$expand` may stand within `$expand`.
    pub expand: usize,
}

impl Limits {
    /// The deepest nesting that is safe on the stack of any thread: a level takes some 10 kB where
    /// nothing is optimised, and threads have 2 MB.
    pub const DEEPEST: usize = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self { text: 32 * 1024, depth: 64, nodes: 512, expand: 4 }
    }
}

/// Parses an expression that fills the whole text.
///
/// ```
/// use odata::expression::{Limits, parse};
///
/// let syntax = parse("not(a eq 1)or b  in('x','y')", &Limits::default())?;
/// assert_eq!(syntax.to_string(), "not (a eq 1) or b in ('x', 'y')");
///
/// let error = parse("a eq", &Limits::default()).unwrap_err();
/// assert_eq!(error.to_string(), "column 5: found the end of the expression; expected a value");
/// # Ok::<(), odata::expression::ExpressionError>(())
/// ```
pub fn parse<'t>(text: &'t str, limits: &Limits) -> Result<Syntax<'t>, ExpressionError> {
    let mut nodes = limits.nodes;
    let mut parser = Parser::new(text, limits, &mut nodes)?;
    let syntax = parser.expression()?;
    parser.end()?;
    Ok(syntax)
}

/// Reads expressions from a text, one after the other.
pub(crate) struct Parser<'t, 'n> {
    text: &'t str,
    lexer: Lexer<'t>,
    token: Token<'t>,
    /// Where the last token that was taken ends.
    end: usize,
    depth: usize,
    deepest: usize,
    nodes: &'n mut usize,
}

/// A part, and how many levels lie in it.
type Part<'t> = (Syntax<'t>, usize);

impl<'t, 'n> Parser<'t, 'n> {
    /// Starts at the beginning of a text; `nodes` is what is left of the limit.
    pub(crate) fn new(text: &'t str, limits: &Limits, nodes: &'n mut usize) -> Result<Self, ExpressionError> {
        if text.len() > limits.text {
            let message = format!("the expression has {} bytes; at most {} are read", text.len(), limits.text);
            return Err(ExpressionError::new(text, ErrorKind::TooComplex, Span::default(), message));
        }
        let mut lexer = Lexer::new(text);
        let token = lexer.next();
        Ok(Self { text, lexer, token, end: 0, depth: 0, deepest: limits.depth.min(Limits::DEEPEST), nodes })
    }

    /// Reads one expression.
    pub(crate) fn expression(&mut self) -> Result<Syntax<'t>, ExpressionError> {
        Ok(self.binary(Power::Or)?.0)
    }

    /// Makes sure that nothing is left.
    pub(crate) fn end(&self) -> Result<(), ExpressionError> {
        if self.token.kind == TokenKind::End {
            Ok(())
        } else {
            Err(self.unexpected("an operator such as eq or and, or the end"))
        }
    }

    /// The token that comes next.
    pub(crate) fn token(&self) -> Token<'t> {
        self.token
    }

    /// Goes on to the next token.
    pub(crate) fn advance(&mut self) -> Token<'t> {
        let token = self.token;
        self.end = token.start + token.text.len();
        self.token = self.lexer.next();
        token
    }

    fn expect(&mut self, kind: TokenKind, expected: &str) -> Result<(), ExpressionError> {
        if self.token.kind != kind {
            return Err(self.unexpected(expected));
        }
        self.advance();
        Ok(())
    }

    /// Reads operands and the operators between them that bind at least as strongly as `least`.
    fn binary(&mut self, least: Power) -> Result<Part<'t>, ExpressionError> {
        if self.depth == self.deepest {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let mut left = self.operand()?;
        let mut chain = None; // the power of the `and` or `or` whose operands `left` gathers
        loop {
            let joined = match self.token.kind {
                TokenKind::Word if self.token.is_word("and") => Some(Power::And),
                TokenKind::Word if self.token.is_word("or") => Some(Power::Or),
                _ => None,
            };
            if let Some(power) = joined {
                if power < least {
                    break;
                }
                self.advance();
                let right = self.binary(power.next())?;
                left = self.join(left, right, power, chain == Some(power))?;
                chain = Some(power);
                continue;
            }
            let operator = (self.token.kind == TokenKind::Word).then(|| Operator::from_name(self.token.text)).flatten();
            let Some(operator) = operator.filter(|operator| operator.power() >= least) else { break };
            self.advance();
            let right =
                if operator == Operator::In { self.collection()? } else { self.binary(operator.power().next())? };
            let height = left.1.max(right.1);
            let span = left.0.span.to(right.0.span);
            left = self.node(Kind::Binary(operator, Box::new((left.0, right.0))), span, height)?;
            chain = None;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// Joins two parts by `and` or `or`; a chain of them stays flat.
    fn join(&mut self, left: Part<'t>, right: Part<'t>, power: Power, on: bool) -> Result<Part<'t>, ExpressionError> {
        let (mut left, right) = (left, right);
        let span = left.0.span.to(right.0.span);
        if on && let Kind::And(operands) | Kind::Or(operands) = &mut left.0.kind {
            operands.push(right.0);
            left.0.span = span;
            let height = left.1.max(right.1 + 1);
            return Ok((left.0, height));
        }
        let height = left.1.max(right.1);
        let operands = vec![left.0, right.0];
        let kind = if power == Power::And { Kind::And(operands) } else { Kind::Or(operands) };
        self.node(kind, span, height)
    }

    fn operand(&mut self) -> Result<Part<'t>, ExpressionError> {
        let literal = match self.token.kind {
            TokenKind::Text => LiteralKind::Text,
            TokenKind::Typed => LiteralKind::Typed,
            TokenKind::Number => LiteralKind::Number,
            TokenKind::Date => LiteralKind::Date,
            TokenKind::DateTimeOffset => LiteralKind::DateTimeOffset,
            TokenKind::TimeOfDay => LiteralKind::TimeOfDay,
            TokenKind::Guid => LiteralKind::Guid,
            TokenKind::Word => return self.word(),
            TokenKind::Alias => {
                let token = self.advance();
                return self.node(Kind::Alias(&token.text[1..]), token.span(), 0);
            }
            TokenKind::Minus => {
                let start = self.advance().span();
                let (operand, height) = self.binary(Power::Unary)?;
                let span = start.to(operand.span);
                return self.node(Kind::Negate(Box::new(operand)), span, height);
            }
            TokenKind::Open => {
                let start = self.advance().start;
                let (mut inner, height) = self.binary(Power::Or)?;
                self.expect(TokenKind::Close, "an operator or `)`")?;
                inner.span = Span::new(start, self.end);
                return Ok((inner, height));
            }
            TokenKind::OpenBracket => return self.list(TokenKind::CloseBracket),
            _ => return Err(self.unexpected("a value")),
        };
        let token = self.advance();
        self.node(Kind::Literal(literal, token.text), token.span(), 0)
    }

    /// Reads what begins with a word: the operator `not`, a constant, a call or a path.
    fn word(&mut self) -> Result<Part<'t>, ExpressionError> {
        if self.token.is_word("not") && self.is_operator_not() {
            let start = self.advance().span();
            let (operand, height) = self.binary(Power::Unary)?;
            let span = start.to(operand.span);
            return self.node(Kind::Not(Box::new(operand)), span, height);
        }
        self.name()
    }

    /// Reads a constant, a call or a path.
    fn name(&mut self) -> Result<Part<'t>, ExpressionError> {
        let name = self.advance();
        if self.token.kind == TokenKind::Open {
            return self.call(name);
        }
        if self.token.kind != TokenKind::Slash {
            let literal = match name.text {
                "INF" | "NaN" => Some(LiteralKind::Number),
                text if text.eq_ignore_ascii_case("null") => Some(LiteralKind::Null),
                text if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => {
                    Some(LiteralKind::Boolean)
                }
                _ => None,
            };
            if let Some(literal) = literal {
                return self.node(Kind::Literal(literal, name.text), name.span(), 0);
            }
        }
        self.path(name)
    }

    /// Tells whether `not`, which comes next, is the operator: unless it can only be a name.
    fn is_operator_not(&self) -> bool {
        let mut ahead = self.lexer;
        let next = ahead.next();
        match next.kind {
            TokenKind::Close | TokenKind::CloseBracket | TokenKind::Comma | TokenKind::Slash | TokenKind::End => false,
            TokenKind::Word if is_operator(next.text) => {
                // `not eq 1` compares a property called `not`; `not eq eq 1` one called `eq`.
                let after = ahead.next();
                let ends = matches!(
                    after.kind,
                    TokenKind::End
                        | TokenKind::Close
                        | TokenKind::CloseBracket
                        | TokenKind::Comma
                        | TokenKind::Slash
                        | TokenKind::Colon
                );
                ends || (after.kind == TokenKind::Word && is_operator(after.text))
            }
            TokenKind::Word if next.is_word("asc") || next.is_word("desc") => {
                !matches!(ahead.next().kind, TokenKind::End | TokenKind::Comma)
            }
            _ => true,
        }
    }

    fn call(&mut self, name: Token<'t>) -> Result<Part<'t>, ExpressionError> {
        self.advance();
        let (arguments, height) = self.items(TokenKind::Close)?;
        let span = Span::new(name.start, self.end);
        self.node(Kind::Call(name.text, arguments), span, height)
    }

    /// Reads what follows `in`: a list in parentheses, or what may be a collection.
    fn collection(&mut self) -> Result<Part<'t>, ExpressionError> {
        match self.token.kind {
            TokenKind::Open => self.list(TokenKind::Close),
            TokenKind::Minus => Err(self.unexpected("a list such as ('a', 'b')")),
            TokenKind::Word => self.name(), // never the operator `not`
            _ => self.operand(),
        }
    }

    fn list(&mut self, close: TokenKind) -> Result<Part<'t>, ExpressionError> {
        let start = self.advance().start;
        let (items, height) = self.items(close)?;
        let span = Span::new(start, self.end);
        let kind = if close == TokenKind::Close { Kind::List(items) } else { Kind::Array(items) };
        self.node(kind, span, height)
    }

    /// Reads expressions with commas between them, and what closes them.
    fn items(&mut self, close: TokenKind) -> Result<(Vec<Syntax<'t>>, usize), ExpressionError> {
        let (mut items, mut highest) = (Vec::new(), 0);
        if self.token.kind != close {
            loop {
                let (item, height) = if close == TokenKind::CloseBracket && self.token.kind == TokenKind::JsonText {
                    let token = self.advance();
                    self.node(Kind::Literal(LiteralKind::JsonText, token.text), token.span(), 0)?
                } else {
                    self.binary(Power::Or)?
                };
                items.push(item);
                highest = highest.max(height);
                if self.token.kind != TokenKind::Comma {
                    break;
                }
                self.advance();
            }
        }
        let expected = if close == TokenKind::Close { "an operator, `,` or `)`" } else { "an operator, `,` or `]`" };
        self.expect(close, expected)?;
        Ok((items, highest))
    }

    fn path(&mut self, first: Token<'t>) -> Result<Part<'t>, ExpressionError> {
        let mut segments = vec![Segment { kind: SegmentKind::Name(first.text), span: first.span() }];
        let mut highest = 0;
        while self.token.kind == TokenKind::Slash {
            self.advance();
            if self.token.kind == TokenKind::Alias {
                let message = format!("values of annotations such as {} are not served", excerpt(self.token.text));
                return Err(self.error(ErrorKind::NotServed, message));
            }
            if self.token.kind != TokenKind::Word {
                return Err(self.unexpected("a name after `/`"));
            }
            let name = self.advance();
            let kind = if self.token.kind == TokenKind::Open {
                let (kind, height) = self.lambda(name)?;
                highest = highest.max(height);
                kind
            } else {
                SegmentKind::Name(name.text)
            };
            self.count()?;
            segments.push(Segment { kind, span: Span::new(name.start, self.end) });
        }
        let span = Span::new(first.start, self.end);
        self.node(Kind::Path(segments), span, highest)
    }

    /// Reads the parentheses of `any` and `all`.
    fn lambda(&mut self, name: Token<'t>) -> Result<(SegmentKind<'t>, usize), ExpressionError> {
        let all = name.is_word("all");
        if !all && !name.is_word("any") {
            let message =
                format!("{} is not known here; of the functions on a path there are any and all", excerpt(name.text));
            return Err(ExpressionError::new(self.text, ErrorKind::UnknownName, name.span(), message));
        }
        self.advance();
        if self.token.kind == TokenKind::Close && !all {
            self.advance();
            return Ok((SegmentKind::Any(None), 0));
        }
        if self.token.kind != TokenKind::Word || self.token.text.contains(['.', '$']) {
            return Err(self.unexpected("a range variable, such as `x` in `any(x:x eq 'a')`"));
        }
        let variable = self.advance().text;
        self.expect(TokenKind::Colon, "`:` after the range variable")?;
        let (condition, height) = self.binary(Power::Or)?;
        self.expect(TokenKind::Close, "an operator or `)`")?;
        let lambda = Lambda { variable, condition: Box::new(condition) };
        Ok((if all { SegmentKind::All(lambda) } else { SegmentKind::Any(Some(lambda)) }, height + 1))
    }

    /// Makes a node over parts that are `height` levels high.
    fn node(&mut self, kind: Kind<'t>, span: Span, height: usize) -> Result<Part<'t>, ExpressionError> {
        self.count()?;
        if height >= self.deepest {
            return Err(ExpressionError::new(self.text, ErrorKind::TooComplex, span, depth_message(self.deepest)));
        }
        Ok((Syntax { kind, span }, height + 1))
    }

    /// Takes one from the number of nodes that are left.
    fn count(&mut self) -> Result<(), ExpressionError> {
        match self.nodes.checked_sub(1) {
            Some(left) => {
                *self.nodes = left;
                Ok(())
            }
            None => Err(self.error(ErrorKind::TooComplex, TOO_MANY_PARTS.to_owned())),
        }
    }

    fn too_deep(&self) -> ExpressionError {
        self.error(ErrorKind::TooComplex, depth_message(self.deepest))
    }

    fn error(&self, kind: ErrorKind, message: String) -> ExpressionError {
        ExpressionError::new(self.text, kind, self.token.span(), message)
    }

    /// Says that the next token does not fit.
    pub(crate) fn unexpected(&self, expected: &str) -> ExpressionError {
        let found = match self.token.kind {
            TokenKind::End => "the end of the expression".to_owned(),
            TokenKind::Unclosed if self.token.text.starts_with('"') => {
                format!("{}, which lacks its closing double quote", excerpt(self.token.text))
            }
            TokenKind::Unclosed => {
                format!(
                    "{}, which lacks its closing quote (quotes within a text are doubled)",
                    excerpt(self.token.text)
                )
            }
            _ => excerpt(self.token.text),
        };
        let hint = match (self.token.kind, self.token.text) {
            (TokenKind::JsonText, _) => " (a text stands in single quotes)",
            (TokenKind::Malformed, text) if text.trim_start_matches('-').contains('-') => {
                " (subtraction is written sub)"
            }
            (TokenKind::Unknown, "=") => " (equality is written eq)",
            (TokenKind::Unknown, "!") => " (inequality is written ne, negation not)",
            (TokenKind::Unknown, "<") => " (write lt or le)",
            (TokenKind::Unknown, ">") => " (write gt or ge)",
            (TokenKind::Unknown, "&") => " (write and)",
            (TokenKind::Unknown, "|") => " (write or)",
            (TokenKind::Unknown, "+") => " (write add; a plus sign in a URL is %2B)",
            (TokenKind::Unknown, "*") => " (write mul)",
            (TokenKind::Unknown, "\u{2018}" | "\u{2019}") => " (a text stands in straight quotes: ')",
            _ => "",
        };
        self.error(ErrorKind::Syntax, format!("found {found}{hint}; expected {expected}"))
    }
}

/// Tells whether a word can stand between two values.
pub(super) fn is_operator(word: &str) -> bool {
    word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") || Operator::from_name(word).is_some()
}

fn depth_message(deepest: usize) -> String {
    format!("the expression is nested deeper than {deepest} levels")
}
