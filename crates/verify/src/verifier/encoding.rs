//! The ways in which verifiers write bytes as text.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::secret::{Secret, SecretText};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// RFC 4648 base64, written without padding and read with or without it.
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// bcrypt's alphabet. Its last characters have bits to spare, which some writers fill.
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT.with_decode_allow_trailing_bits(true));

/// Reads base64 of the standard alphabet.
pub(super) fn base64(text: &str) -> Option<Secret> {
    STANDARD.decode(text).ok().map(Zeroizing::new)
}

/// Writes base64 of the standard alphabet, without padding.
pub(super) fn to_base64(bytes: &[u8]) -> SecretText {
    Zeroizing::new(STANDARD.encode(bytes))
}

/// Writes base64 of the standard alphabet, with padding.
pub(super) fn to_padded_base64(bytes: &[u8]) -> SecretText {
    Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Reads passlib's and OpenLDAP's adapted base64, which has `.` for `+`; `+` is read too.
pub(super) fn adapted_base64(text: &str) -> Option<Secret> {
    let standard: SecretText = Zeroizing::new(text.replace('.', "+"));
    base64(&standard)
}

/// Reads bcrypt's base64.
pub(super) fn bcrypt_base64(text: &str) -> Option<Secret> {
    BCRYPT.decode(text).ok().map(Zeroizing::new)
}

/// Writes bcrypt's base64.
pub(super) fn to_bcrypt_base64(bytes: &[u8]) -> SecretText {
    Zeroizing::new(BCRYPT.encode(bytes))
}

/// Reads hexadecimal digits of either case.
pub(super) fn hex(text: &str) -> Option<Secret> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks_exact(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}

/// Writes lower-case hexadecimal digits.
pub(super) fn to_hex(bytes: &[u8]) -> SecretText {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// crypt(3)'s alphabet; the first character of a group holds the lowest six bits.
const CRYPT: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The value of one character of crypt(3)'s alphabet.
pub(super) fn crypt_digit(byte: u8) -> Option<u32> {
    CRYPT.iter().position(|&digit| digit == byte).map(|value| value as u32)
}

/// The character of crypt(3)'s alphabet for the lowest six bits of a value.
pub(super) fn to_crypt_digit(value: u32) -> char {
    char::from(CRYPT[(value & 63) as usize])
}

/// Reads crypt(3)'s base64; bits to spare in the last character must be zero.
pub(super) fn crypt_base64(text: &str) -> Option<Secret> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    for group in text.as_bytes().chunks(4) {
        let mut value = 0;
        for (index, &byte) in group.iter().enumerate() {
            value |= crypt_digit(byte)? << (6 * index);
        }
        let whole = group.len() * 6 / 8;
        if whole == 0 || value >> (8 * whole) != 0 {
            return None;
        }
        bytes.extend_from_slice(&value.to_le_bytes()[..whole]);
    }
    Some(bytes)
}

/// Writes crypt(3)'s base64.
pub(super) fn to_crypt_base64(bytes: &[u8]) -> SecretText {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 4 / 3 + 2));
    for group in bytes.chunks(3) {
        let value = group.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
        for index in 0..=group.len() {
            text.push(to_crypt_digit(value >> (6 * index)));
        }
    }
    text
}

/// Puts bytes into another order: `order[i]` is the place that byte `i` of the text has in the digest.
pub(super) fn unscramble(bytes: &[u8], order: &[u8]) -> Option<Secret> {
    if bytes.len() != order.len() {
        return None;
    }
    let mut digest = Zeroizing::new(vec![0; bytes.len()]);
    for (&byte, &place) in bytes.iter().zip(order) {
        digest[usize::from(place)] = byte;
    }
    Some(digest)
}

/// The reverse of [`unscramble`].
pub(super) fn scramble(digest: &[u8], order: &[u8]) -> Secret {
    Zeroizing::new(order.iter().map(|&place| digest[usize::from(place)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crypt_base64_is_read_as_it_is_written() {
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(*crypt_base64(&to_crypt_base64(&bytes)).expect("own text"), bytes);
        }
        assert!(crypt_base64("z").is_none(), "six bits are no byte");
        assert!(crypt_base64("zz").is_none(), "bits to spare are set");
    }
}
