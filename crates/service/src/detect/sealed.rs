//! Sealed verifiers in memory.

/// Sealed verifiers by their numbers, one after the other: no piece of memory for each.
#[derive(Default)]
pub(super) struct Sealed {
    bytes: Vec<u8>,
    /// Numbers, ascending, and where the verifiers of each end.
    ends: Vec<(u64, usize)>,
}

impl Sealed {
    /// With room for so many.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { bytes: Vec::new(), ends: Vec::with_capacity(count) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds those with a number that is above all so far, as stores hand them on.
    pub(super) fn push(&mut self, number: u64, sealed: &[u8]) {
        debug_assert!(self.ends.last().is_none_or(|(last, _)| *last < number), "{number} comes too late");
        self.bytes.extend_from_slice(sealed);
        self.ends.push((number, self.bytes.len()));
    }

    /// Those with a number.
    pub(super) fn get(&self, number: u64) -> Option<&[u8]> {
        let (first, _) = self.ends.first()?;
        // Those of one import have one number after the other.
        let guess = usize::try_from(number.checked_sub(*first)?).ok()?;
        let place = match self.ends.get(guess) {
            Some((found, _)) if *found == number => guess,
            _ => self.ends.binary_search_by_key(&number, |(number, _)| *number).ok()?,
        };
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before].1);
        Some(&self.bytes[start..self.ends[place].1])
    }

    /// Drops all whose numbers are not among these, which ascend.
    pub(super) fn retain(&mut self, numbers: &[u64]) {
        if self.ends.len() == numbers.len() && self.ends.iter().map(|(number, _)| number).eq(numbers) {
            return;
        }
        let mut kept = Self::with_capacity(numbers.len());
        for number in numbers {
            if let Some(sealed) = self.get(*number) {
                kept.push(*number, sealed);
            }
        }
        *self = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn each_number_has_what_was_added_for_it() {
        let content = |number: u64| vec![number as u8; number as usize % 7];
        let mut all: BTreeMap<u64, Vec<u8>> = (3..40).map(|number| (number * number, content(number))).collect();
        all.extend((2..8).chain(500..600).map(|number| (number, content(number))));
        for keep in [1, 2, 3, 50] {
            let mut sealed = Sealed::default();
            for (number, bytes) in &all {
                sealed.push(*number, bytes);
            }
            let mut current: Vec<u64> = all.keys().copied().filter(|number| number % keep == 0).collect();
            current.push(5_000); // an account whose verifiers are nowhere
            sealed.retain(&current);
            assert_eq!(sealed.len(), current.len() - 1);
            for number in 0..1_700 {
                let expected = all.get(&number).filter(|_| current.contains(&number));
                assert_eq!(sealed.get(number), expected.map(Vec::as_slice), "{number} of every {keep}");
            }
        }
    }
}
