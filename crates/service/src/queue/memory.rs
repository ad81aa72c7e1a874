//! What checks may hold of memory together: argon2, scrypt and yescrypt are made to take much.

use std::sync::{Condvar, Mutex, PoisonError};

/// Memory that checks share.
pub(super) struct Memory {
    cap: u64,
    held: Mutex<u64>,
    freed: Condvar,
}

/// Memory that a check holds; it is free again when this is dropped.
pub(super) struct Held<'m> {
    memory: &'m Memory,
    bytes: u64,
}

impl Memory {
    /// So many bytes.
    pub(super) fn of(cap: u64) -> Self {
        Self { cap, held: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until so many bytes are free; `None` when there are never so many.
    pub(super) fn hold(&self, bytes: u64) -> Option<Held<'_>> {
        if bytes > self.cap {
            return None;
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |held: &mut u64| *held + bytes > self.cap;
        let mut held = self.freed.wait_while(held, is_full).unwrap_or_else(PoisonError::into_inner);
        *held += bytes;
        Some(Held { memory: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            *self.memory.held.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
            self.memory.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_is_held_than_there_is() {
        let (memory, now, most) = (Memory::of(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (memory, now, most) = (&memory, &now, &most);
                scope.spawn(move || {
                    for turn in 0..500 {
                        let bytes = 1 + (turn * 7 + thread * 13) % 60;
                        let held = memory.hold(bytes).expect("there is as much");
                        let all = now.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        most.fetch_max(all, Ordering::SeqCst);
                        now.fetch_sub(bytes, Ordering::SeqCst);
                        drop(held);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100);
        assert!(memory.hold(101).is_none(), "so much is never free");
        assert!(memory.hold(100).is_some());
    }
}
