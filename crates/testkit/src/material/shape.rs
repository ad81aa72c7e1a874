//! Every shape in which breach material comes (leaks.md, section 3.1).

use super::chance::Chance;
use super::people::Person;
use super::sheet::{Names, Record, Sheet};

/// How records are written.
pub type Write = Box<dyn Fn(&mut Sheet, &[Record], &[Person], &Chance)>;

/// A shape.
pub struct Shape {
    /// What tests call it.
    pub name: String,
    /// How a file of it is called.
    pub extension: &'static str,
    /// Which passwords it can say so that they can be told from what else stands there.
    pub fits: fn(&str) -> bool,
    /// Which names it can.
    pub names: Names,
    /// Whether it may stand in one file with others, line after line.
    pub mixes: bool,
    /// Whether a value may hold the end of a line.
    pub has_long_values: bool,
    /// Whether lines are longer than what is looked at first, so that ends of lines of their own kind are not seen.
    pub has_long_lines: bool,
    /// Writes records, with what stands around them.
    pub write: Write,
}

impl Shape {
    pub(super) fn new(
        name: impl Into<String>,
        write: impl Fn(&mut Sheet, &[Record], &[Person], &Chance) + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            extension: "txt",
            fits: |_| true,
            names: Names::Addresses,
            mixes: true,
            has_long_values: false,
            has_long_lines: false,
            write: Box::new(write),
        }
    }

    /// A shape whose records are lines.
    pub(super) fn lines(name: impl Into<String>, line: impl Fn(&Record, &Chance) -> String + 'static) -> Self {
        Self::new(name, move |sheet, records, _, chance| {
            for record in records {
                if chance.once_in(2) {
                    sheet.junk(chance);
                }
                sheet.record(record, line(record, chance));
            }
        })
    }

    pub(super) fn fits(self, fits: fn(&str) -> bool) -> Self {
        Self { fits, ..self }
    }

    pub(super) fn all_names(self) -> Self {
        Self { names: Names::All, ..self }
    }

    pub(super) fn alone(self, extension: &'static str) -> Self {
        Self { mixes: false, extension, ..self }
    }

    pub(super) fn long_lines(self, has_long_lines: bool) -> Self {
        Self { has_long_lines, ..self }
    }

    pub(super) fn long_values(self) -> Self {
        Self { has_long_values: true, ..self }
    }
}

/// All of them.
pub fn shapes() -> Vec<Shape> {
    let mut all = super::lines::shapes();
    all.extend(super::blocks::shapes());
    all.extend(super::tables::shapes());
    all.extend(super::dumps::shapes());
    all
}

/// A password in which nothing but letters, digits and a few signs stands that divide nothing.
pub(super) fn is_plain(password: &str) -> bool {
    let divides = |c: char| matches!(c, ':' | ';' | '|' | ',' | '\t' | ' ' | '"' | '\'' | '\\' | '(' | ')' | '=' | '/');
    !password.contains(divides)
}
