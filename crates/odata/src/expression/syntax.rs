//! The syntax tree: what was written, before names and types are looked at. It borrows from the
//! text.

use super::error::Span;

/// A part of an expression and where it stands. Two are equal when they say the same, wherever
/// they stand.
#[derive(Clone, Debug)]
pub struct Syntax<'t> {
    /// What it is.
    pub kind: Kind<'t>,
    /// Where it is, with the parentheses around it.
    pub span: Span,
}

impl PartialEq for Syntax<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'t> {
    /// A constant, as it was written.
    Literal(LiteralKind, &'t str),
    /// `a/b/c`: at least one segment.
    Path(Vec<Segment<'t>>),
    /// `@name`, without the sign.
    Alias(&'t str),
    /// `name(...)`
    Call(&'t str, Vec<Syntax<'t>>),
    /// `not`
    Not(Box<Syntax<'t>>),
    /// `-`
    Negate(Box<Syntax<'t>>),
    /// At least two, joined by `and`.
    And(Vec<Syntax<'t>>),
    /// At least two, joined by `or`.
    Or(Vec<Syntax<'t>>),
    /// Any other operator between two values.
    Binary(Operator, Box<(Syntax<'t>, Syntax<'t>)>),
    /// `(a, b)` after `in`.
    List(Vec<Syntax<'t>>),
    /// `[a, b]`
    Array(Vec<Syntax<'t>>),
}

/// What a constant looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteralKind {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean,
    /// `'text'`
    Text,
    /// `"text"`: only in arrays.
    JsonText,
    /// `name'text'`
    Typed,
    /// A number, also `INF`, `-INF` and `NaN`.
    Number,
    /// `2024-03-02`
    Date,
    /// `2024-03-02T23:10:04Z`
    DateTimeOffset,
    /// `23:10:04`
    TimeOfDay,
    /// A GUID.
    Guid,
}

/// A step of a path. Two are equal when they say the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Segment<'t> {
    /// What it is.
    pub kind: SegmentKind<'t>,
    /// Where it is.
    pub span: Span,
}

impl PartialEq for Segment<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What a step of a path is.
#[derive(Clone, Debug, PartialEq)]
pub enum SegmentKind<'t> {
    /// A property, a relation, a type (with dots), a range variable, `$it`, `$this` or `$count`.
    Name(&'t str),
    /// `any()` or `any(x:condition)`
    Any(Option<Lambda<'t>>),
    /// `all(x:condition)`
    All(Lambda<'t>),
}

/// `x:condition`
#[derive(Clone, Debug, PartialEq)]
pub struct Lambda<'t> {
    /// The range variable.
    pub variable: &'t str,
    /// What is asked of each item.
    pub condition: Box<Syntax<'t>>,
}

/// An operator between two values, other than `and` and `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Eq,
    /// `ne`
    Ne,
    /// `gt`
    Gt,
    /// `ge`
    Ge,
    /// `lt`
    Lt,
    /// `le`
    Le,
    /// `add`
    Add,
    /// `sub`
    Sub,
    /// `mul`
    Mul,
    /// `div`
    Div,
    /// `divby`
    DivBy,
    /// `mod`
    Mod,
    /// `has`
    Has,
    /// `in`
    In,
}

impl Operator {
    const ALL: [(&'static str, Self); 14] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("gt", Self::Gt),
        ("ge", Self::Ge),
        ("lt", Self::Lt),
        ("le", Self::Le),
        ("add", Self::Add),
        ("sub", Self::Sub),
        ("mul", Self::Mul),
        ("div", Self::Div),
        ("divby", Self::DivBy),
        ("mod", Self::Mod),
        ("has", Self::Has),
        ("in", Self::In),
    ];

    /// The word.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Finds an operator by its word, ignoring case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if !(2..=5).contains(&name.len()) {
            return None;
        }
        Self::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, operator)| operator)
    }

    /// How strongly it binds (URL conventions 4.01, section 5.1.1.17, from `or` upwards).
    pub(crate) fn power(self) -> Power {
        match self {
            Self::Eq | Self::Ne => Power::Equality,
            Self::Gt | Self::Ge | Self::Lt | Self::Le => Power::Relation,
            Self::Add | Self::Sub => Power::Sum,
            Self::Mul | Self::Div | Self::DivBy | Self::Mod => Power::Product,
            Self::Has | Self::In => Power::Primary,
        }
    }
}

/// How strongly a part of an expression holds together, from weak to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Power {
    Or,
    And,
    Equality,
    Relation,
    Sum,
    Product,
    Unary,
    /// Also what an operand of `has` and `in` must at least be.
    Primary,
    Operand,
}

impl Power {
    /// The power that the right operand needs: one more, since equals are worked out from the left.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Or => Self::And,
            Self::And => Self::Equality,
            Self::Equality => Self::Relation,
            Self::Relation => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product => Self::Unary,
            Self::Unary => Self::Primary,
            Self::Primary | Self::Operand => Self::Operand,
        }
    }
}
