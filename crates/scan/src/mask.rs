//! Where the bytes are at which the matcher stops, sixty-four at a time.

/// How many bytes a mask tells of.
pub(crate) const WIDTH: usize = 64;

/// A bit for each line feed, `@`, `%`, `\` and `&` of the block, the lowest for its first byte.
///
/// Line feeds end lines and `@` anchors an address. The other three begin what may stand for an `@`
/// (`%40`, `\u0040`, `&#64;`), and `\` divides `DOMAIN\name`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the loop around it lives of the mask being in a register")]
pub(crate) fn stops(block: &[u8; WIDTH]) -> u64 {
    // The compiler makes a handful of vector instructions of this loop; a bit of each byte is gathered below.
    let mut flags = [0u8; WIDTH];
    for (flag, byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(is_stop(*byte));
    }
    let (words, _) = flags.as_chunks::<8>();
    let mut mask = 0;
    for (place, word) in words.iter().enumerate() {
        mask |= gather(u64::from_le_bytes(*word)) << (place * 8);
    }
    mask
}

/// The lowest bits of eight bytes, each 0 or 1, as eight bits: the product has each of them in its highest byte,
/// at the place of the byte that it came from.
fn gather(flags: u64) -> u64 {
    flags.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[expect(clippy::needless_bitwise_bool, reason = "short cuts keep the loop above from being made into vectors")]
fn is_stop(byte: u8) -> bool {
    (byte == b'\n') | (byte == b'@') | (byte == b'%') | (byte == b'\\') | (byte == b'&')
}

/// The same of the last bytes of a text, fewer than a block.
pub(crate) fn stops_of_rest(rest: &[u8]) -> u64 {
    let mut block = [0; WIDTH];
    block[..rest.len()].copy_from_slice(rest);
    stops(&block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_told_apart() {
        for byte in 0..=u8::MAX {
            for place in 0..WIDTH {
                let mut block = [b'x'; WIDTH];
                block[place] = byte;
                let expected = if is_stop(byte) { 1 << place } else { 0 };
                assert_eq!(stops(&block), expected, "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn a_rest_has_no_stop_behind_its_end() {
        assert_eq!(stops_of_rest(b"a@b\n"), 0b1010);
        assert_eq!(stops_of_rest(b""), 0);
    }
}
