//! Tokens that have been verified, remembered until they end, so that a signature is checked once
//! and not at every request.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use model::{Caller, Ticks};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

const SHARDS: usize = 16;

/// What a verdict rests on. When any part of it has changed since, the verdict is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    /// The number of the registry snapshot.
    pub registry: u64,
    /// The place of the issuer in the authenticator.
    pub issuer: u32,
    /// The number of the issuer's key set.
    pub keys: u64,
}

/// A verified token: who called, until when, and on which basis.
#[derive(Clone)]
pub(crate) struct Verdict {
    pub basis: Basis,
    pub end: Ticks,
    pub caller: Arc<Caller>,
}

/// A bounded memory of verdicts by the mark of their token.
pub(crate) struct Remembered {
    marker: Marker,
    shards: Box<[RwLock<Shard>]>,
}

impl Remembered {
    /// Makes a memory for about `capacity` tokens (rounded up to a multiple of 16).
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.div_ceil(SHARDS);
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::new(capacity))).collect();
        Self { marker: Marker::new(), shards }
    }

    /// The mark of a token, for [`Remembered::recall`] and [`Remembered::keep`].
    pub(crate) fn mark(&self, token: &str) -> Mark {
        self.marker.mark(token)
    }

    /// The caller of a remembered token, if the verdict's basis still `holds` and the token has not ended.
    pub(crate) fn recall(&self, mark: Mark, now: Ticks, holds: impl Fn(&Basis) -> bool) -> Option<Arc<Caller>> {
        let shard = self.shards[mark.shard()].read().unwrap_or_else(PoisonError::into_inner);
        let slot = &shard.slots[*shard.places.get(&mark)?];
        if now >= slot.verdict.end || !holds(&slot.verdict.basis) {
            return None;
        }
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(slot.verdict.caller.clone())
    }

    /// Remembers a verdict. A full shard gives up a dead entry, or the first that has not been used
    /// since the hand came by last ("second chance").
    pub(crate) fn keep(&self, mark: Mark, verdict: Verdict, now: Ticks, holds: impl Fn(&Basis) -> bool) {
        let mut shard = self.shards[mark.shard()].write().unwrap_or_else(PoisonError::into_inner);
        let dead = |verdict: &Verdict| now >= verdict.end || !holds(&verdict.basis);
        shard.keep(mark, verdict, dead);
    }

    /// How many tokens are remembered, dead ones included.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).slots.len()).sum()
    }
}

struct Slot {
    mark: Mark,
    verdict: Verdict,
    used: AtomicBool,
}

struct Shard {
    capacity: usize,
    places: HashMap<Mark, usize, BuildHasherDefault<MarkHasher>>,
    slots: Vec<Slot>,
    hand: usize,
}

impl Shard {
    fn new(capacity: usize) -> Self {
        Self { capacity, places: HashMap::default(), slots: Vec::new(), hand: 0 }
    }

    fn keep(&mut self, mark: Mark, verdict: Verdict, dead: impl Fn(&Verdict) -> bool) {
        if self.capacity == 0 {
            return;
        }
        let slot = Slot { mark, verdict, used: AtomicBool::new(false) };
        if let Some(place) = self.places.get(&mark) {
            self.slots[*place] = slot;
        } else if self.slots.len() < self.capacity {
            self.places.insert(mark, self.slots.len());
            self.slots.push(slot);
        } else {
            let place = self.give_up(dead);
            self.places.remove(&self.slots[place].mark);
            self.places.insert(mark, place);
            self.slots[place] = slot;
        }
    }

    /// Moves the hand to the next slot that may be taken; after one round every slot may.
    fn give_up(&mut self, dead: impl Fn(&Verdict) -> bool) -> usize {
        loop {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[place];
            if dead(&slot.verdict) || !std::mem::take(slot.used.get_mut()) {
                return place;
            }
        }
    }
}

/// Stands for a token without keeping its text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u128);

impl Mark {
    fn shard(self) -> usize {
        (self.0 >> 64) as usize % SHARDS
    }
}

impl std::hash::Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0 as u64);
    }
}

/// Takes a mark's own bits, which are as good as random to everybody outside.
#[derive(Default)]
struct MarkHasher(u64);

impl Hasher for MarkHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Makes marks: the tag of AES-GCM over the token under a key that is drawn at start and never
/// leaves the process, nor does any tag.
///
/// With a secret key and secret tags this is a universal hash (GHASH, NIST SP 800-38D): whatever two
/// different tokens of up to 16 KiB somebody picks, they share a mark with a probability below
/// 2^-117, by proof and not by assumption, so a collision never grants. The constant nonce is right
/// here: the tag is a name in a table, not a proof sent to somebody. SHA-256 would do as well but
/// takes three times as long (471 against 149 ns for a token of 700 bytes), at every request.
struct Marker(LessSafeKey);

impl Marker {
    fn new() -> Self {
        let mut key = [0; 16];
        rand::fill(&mut key).expect("the operating system gives random bytes");
        let key = UnboundKey::new(&AES_128_GCM, &key).expect("AES-128 takes 16 bytes");
        Self(LessSafeKey::new(key))
    }

    fn mark(&self, token: &str) -> Mark {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(token.as_bytes()), &mut []);
        let tag = tag.expect("a text that is in memory is short enough for AES-GCM");
        let mut mark = [0; 16];
        mark.copy_from_slice(tag.as_ref());
        Mark(u128::from_ne_bytes(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Actor, PermissionSet, TenantId, TenantKey};

    fn verdict(end: Ticks, registry: u64) -> Verdict {
        let caller = Caller {
            tenant: TenantKey(1),
            tenant_id: TenantId::new(uuid::Uuid::nil()),
            actor: Actor { app: "test".into(), user: None },
            permissions: PermissionSet::default(),
        };
        Verdict { basis: Basis { registry, issuer: 0, keys: 1 }, end, caller: Arc::new(caller) }
    }

    fn at(seconds: i64) -> Ticks {
        Ticks::from_unix_seconds(seconds).expect("in range")
    }

    /// The mark of a made-up token, in shard `number % 16`. Marks of texts will not do where it matters how they
    /// spread: GHASH is linear, and of texts that differ in a few digits, unlike in a signature, it may leave a
    /// shard without any.
    fn mark(number: u64) -> Mark {
        Mark(u128::from(number) << 64 | u128::from(number))
    }

    #[test]
    fn stays_bounded_and_keeps_what_is_used() {
        let memory = Remembered::new(160);
        let favourite = mark(5_000);
        memory.keep(favourite, verdict(at(100), 1), at(0), |_| true);
        for number in 0..5_000 {
            memory.keep(mark(number), verdict(at(100), 1), at(0), |_| true);
            assert!(memory.recall(favourite, at(0), |_| true).is_some(), "used between any two others");
            assert!(memory.len() <= 160);
        }
        assert_eq!(memory.len(), 160);
    }

    #[test]
    fn gives_up_the_dead_first() {
        let memory = Remembered::new(SHARDS);
        let (first, second) = (mark(3), mark(19));
        assert_eq!(first.shard(), second.shard());
        memory.keep(first, verdict(at(10), 1), at(0), |_| true);
        assert!(memory.recall(first, at(0), |_| true).is_some());
        memory.keep(second, verdict(at(50), 1), at(20), |_| true);
        assert!(memory.recall(first, at(0), |_| true).is_none(), "it had ended");
        assert!(memory.recall(second, at(20), |_| true).is_some());
    }

    /// As a caller's tokens come: each ends with a signature, which looks random.
    #[test]
    fn signed_tokens_spread_over_the_shards() {
        let memory = Remembered::new(16);
        let mut seen = [0; SHARDS];
        for _ in 0..1_600 {
            let mut signature = [0; 256];
            rand::fill(&mut signature).expect("random bytes");
            let text: String = signature.iter().map(|byte| char::from(b'A' + byte % 26)).collect();
            seen[memory.mark(&format!("header.claims.{text}")).shard()] += 1;
        }
        assert!(seen.iter().all(|count| (20..=300).contains(count)), "{seen:?}");
    }

    #[test]
    fn an_end_or_a_changed_basis_voids() {
        let memory = Remembered::new(16);
        let mark = memory.mark("token");
        memory.keep(mark, verdict(at(10), 7), at(0), |_| true);
        let recall = |now, registry| memory.recall(mark, at(now), |basis| basis.registry == registry);
        assert!(recall(9, 7).is_some());
        assert!(recall(10, 7).is_none());
        assert!(recall(9, 8).is_none());
        assert!(memory.recall(memory.mark("tokem"), at(0), |_| true).is_none());
    }
}
