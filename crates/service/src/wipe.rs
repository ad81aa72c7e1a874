//! Wiping what others leave on the stack.

/// How much of the stack is overwritten: more than any verifier's derivation uses, the memory of argon2 and scrypt apart,
/// which is on the heap.
const DEPTH: usize = 32 << 10;

/// Overwrites what calls that have returned may have left on this thread's stack: libraries of hashes copy passwords into
/// blocks of their own there, and do not wipe all of them. Takes about a microsecond.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "it is there to lie on the stack")]
pub(crate) fn wipe_stack() {
    let mut below = [0_u8; DEPTH];
    std::hint::black_box(&mut below);
}
