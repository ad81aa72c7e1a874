//! Just enough DER (X.690) to tell public keys apart and to take one out of a certificate. Only
//! files that the operator names come here, never a token.

/// INTEGER.
const INTEGER: u8 = 0x02;
/// BIT STRING.
const BIT_STRING: u8 = 0x03;
/// OBJECT IDENTIFIER.
const OBJECT_IDENTIFIER: u8 = 0x06;
/// SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed: the version of a certificate.
const VERSION: u8 = 0xa0;

/// rsaEncryption, 1.2.840.113549.1.1.1 (RFC 3279).
pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey, 1.2.840.10045.2.1 (RFC 5480).
pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// secp256r1, 1.2.840.10045.3.1.7 (RFC 5480).
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// secp384r1, 1.3.132.0.34 (RFC 5480).
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// id-Ed25519, 1.3.101.112 (RFC 8410).
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// What a `SubjectPublicKeyInfo` (RFC 5280 section 4.1) says about its key.
pub(crate) struct PublicKeyInfo<'a> {
    /// The algorithm's object identifier.
    pub algorithm: &'a [u8],
    /// The curve's object identifier, when there is one.
    pub curve: Option<&'a [u8]>,
    /// The key's bits.
    pub key: &'a [u8],
}

/// Reads a `SubjectPublicKeyInfo` that fills `der` completely.
pub(crate) fn public_key_info(der: &[u8]) -> Option<PublicKeyInfo<'_>> {
    let mut info = Reader(Reader(der).only(SEQUENCE)?);
    let mut identifier = Reader(info.next(SEQUENCE)?);
    let bits = info.next(BIT_STRING)?;
    let algorithm = identifier.next(OBJECT_IDENTIFIER)?;
    let curve = identifier.next(OBJECT_IDENTIFIER);
    let (0, key) = bits.split_first().map(|(unused, key)| (*unused, key))? else { return None };
    info.0.is_empty().then_some(PublicKeyInfo { algorithm, curve, key })
}

/// Reads an `RSAPublicKey` (RFC 8017 appendix A.1.1) that fills `der` completely: modulus and
/// exponent, without leading zeros.
pub(crate) fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut key = Reader(Reader(der).only(SEQUENCE)?);
    let modulus = key.positive_integer()?;
    let exponent = key.positive_integer()?;
    key.0.is_empty().then_some((modulus, exponent))
}

/// Takes the `SubjectPublicKeyInfo` out of a certificate (RFC 5280 section 4.1). The certificate's
/// own signature and dates are not looked at: it is a wrapping for a key that the operator chose.
pub(crate) fn public_key_of_certificate(der: &[u8]) -> Option<&[u8]> {
    let mut certificate = Reader(Reader(der).only(SEQUENCE)?);
    let mut body = Reader(certificate.next(SEQUENCE)?);
    if body.0.first() == Some(&VERSION) {
        body.next(VERSION)?;
    }
    body.next(INTEGER)?; // serial number
    for _ in ["signature algorithm", "issuer", "validity", "subject"] {
        body.next(SEQUENCE)?;
    }
    let before = body.0;
    body.next(SEQUENCE)?;
    before.get(..before.len() - body.0.len())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The contents of the next element, which has to carry `tag`.
    fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
                let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
                let shortest = length > 0x7f && digits[0] != 0;
                (shortest.then_some(length)?, rest)
            }
            _ => return None, // indefinite, or longer than any key
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        if found != tag {
            return None;
        }
        self.0 = rest;
        Some(contents)
    }

    /// The contents of the one element that fills everything.
    fn only(mut self, tag: u8) -> Option<&'a [u8]> {
        let contents = self.next(tag)?;
        self.0.is_empty().then_some(contents)
    }

    fn positive_integer(&mut self) -> Option<&'a [u8]> {
        match self.next(INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|byte| byte & 0x80 != 0) => Some(rest),
            [first, ..] if *first == 0 || first & 0x80 != 0 => None, // zero, padded or negative
            number => (!number.is_empty()).then_some(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_positive_and_shortest() {
        assert_eq!(rsa_public_key(&[0x30, 6, 2, 1, 5, 2, 1, 3]), Some((&[5][..], &[3][..])));
        assert_eq!(rsa_public_key(&[0x30, 7, 2, 2, 0, 0x80, 2, 1, 3]), Some((&[0x80][..], &[3][..])));
        for wrong in [
            &[0x30, 6, 2, 1, 0, 2, 1, 3][..],      // zero
            &[0x30, 6, 2, 1, 0x80, 2, 1, 3],       // negative
            &[0x30, 7, 2, 2, 0, 5, 2, 1, 3],       // padded
            &[0x30, 6, 2, 1, 5, 2, 1, 3, 0],       // trailing data outside
            &[0x30, 7, 2, 1, 5, 2, 1, 3, 0],       // trailing data inside
            &[0x30, 0x81, 6, 2, 1, 5, 2, 1, 3],    // a length that is not the shortest
            &[0x30, 0x80, 2, 1, 5, 2, 1, 3, 0, 0], // indefinite length
            &[0x30, 0x84, 0, 0, 0, 6, 2, 1, 5, 2, 1, 3],
            &[0x30, 200],
            &[],
        ] {
            assert_eq!(rsa_public_key(wrong), None, "{wrong:x?}");
        }
    }
}
