//! Random choices from a tape of numbers, so that whoever writes the tape can shorten it to find the
//! simplest failure: past its end, every choice is the first.

/// A tape and how far it is read.
#[derive(Debug)]
pub struct Choices<'a> {
    rest: &'a [u32],
}

impl<'a> Choices<'a> {
    /// Reads a tape from its beginning.
    pub fn new(tape: &'a [u32]) -> Self {
        Self { rest: tape }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first as usize % end.max(1)
    }

    /// True once in `times`; false past the end of the tape.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }

    /// One of some values, of which there is at least one.
    pub fn of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }

    /// Whether nothing is left to choose with.
    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }
}
