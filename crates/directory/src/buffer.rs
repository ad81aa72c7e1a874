//! Bytes that pass through the readers and are wiped behind them.

use zeroize::Zeroizing;

/// A buffer that grows up to a limit and leaves no copy of its content behind when it does.
pub(crate) struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    cut: bool,
}

impl Buffer {
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::new()), limit, cut: false }
    }

    /// Appends what still fits under the limit and remembers whether anything did not.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        let bytes = &bytes[..bytes.len().min(room)];
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            // `Vec` would move its content and free the old place as it is.
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(256).next_power_of_two()));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cut = false;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether more was pushed than the limit allows.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }
}

/// Copies text into a place of exactly its size, which is wiped when it is dropped.
pub(crate) fn wiped(pieces: &[&str]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    for piece in pieces {
        text.push_str(piece);
    }
    text
}
