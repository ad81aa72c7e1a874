//! What checks may hold of memory together: argon2, scrypt and yescrypt are made to take much.

use std::sync::{Condvar, Mutex, PoisonError};

/// Memory that checks share.
pub(super) struct Memory {
    cap: u64,
    held: Mutex<Sum>,
    freed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    now: u64,
    most: u64,
}

/// Memory that a check holds; it is free again when this is dropped.
pub(super) struct Held<'m> {
    memory: &'m Memory,
    bytes: u64,
}

impl Memory {
    /// So many bytes.
    pub(super) fn of(cap: u64) -> Self {
        Self { cap, held: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits until so many bytes are free; `None` when there are never so many.
    pub(super) fn hold(&self, bytes: u64) -> Option<Held<'_>> {
        if bytes > self.cap {
            return None;
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |held: &mut Sum| held.now + bytes > self.cap;
        let mut held = self.freed.wait_while(held, is_full).unwrap_or_else(PoisonError::into_inner);
        held.now += bytes;
        held.most = held.most.max(held.now);
        Some(Held { memory: self, bytes })
    }

    /// The most that was ever held together.
    pub(super) fn most(&self) -> u64 {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).most
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.held.lock().unwrap_or_else(PoisonError::into_inner).now -= self.bytes;
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
        let most = most.into_inner();
        assert!(most <= memory.most() && memory.most() <= 100, "{most} of {}", memory.most());
        assert!(memory.hold(101).is_none(), "so much is never free");
        assert!(memory.hold(100).is_some());
    }
}
