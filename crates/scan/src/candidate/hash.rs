//! Texts that are a password's hash, or its bytes as hexadecimal digits.

/// The digits of `$HEX[..]`, if they are whole bytes.
pub(super) fn hex_notation(text: &[u8]) -> Option<&[u8]> {
    let (start, rest) = text.split_at_checked(5)?;
    let digits = rest.strip_suffix(b"]").filter(|_| start.eq_ignore_ascii_case(b"$HEX["))?;
    let whole = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    (whole && digits.len() / 2 <= super::LONGEST_PASSWORD).then_some(digits)
}

/// The bytes that hexadecimal digits write.
pub(super) fn bytes_of_hex(digits: &[u8]) -> impl Iterator<Item = u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).expect("the caller saw that it is a digit") as u8;
    digits.chunks_exact(2).map(move |pair| value(pair[0]) << 4 | value(pair[1]))
}

/// Tells whether the text looks like a hash of one of the widespread kinds.
pub(super) fn is_hash(text: &[u8]) -> bool {
    is_digest(text) || is_crypt(text) || is_ldap(text) || is_django(text) || is_mysql(text)
}

/// A digest in hexadecimal digits: of MD5 and NTLM, SHA-1, SHA-224 to SHA-512.
fn is_digest(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    matches!(digits.len(), 32 | 40 | 56 | 64 | 96 | 128) && digits.iter().all(u8::is_ascii_hexdigit)
}

/// `$id$..`, as crypt(3), PHC and phpass write it.
fn is_crypt(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"$") else { return false };
    let Some(end) = memchr::memchr(b'$', rest) else { return false };
    let name = &rest[..end];
    let plain = text.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b':' | b';' | b'|'));
    let named = (1..=20).contains(&name.len()) && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    plain && named && rest.len() >= end + 20
}

/// `{SSHA}..`.
fn is_ldap(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"{") else { return false };
    let Some(end) = memchr::memchr(b'}', rest) else { return false };
    let scheme = rest[..end].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let value = &rest[end + 1..];
    scheme && end > 1 && value.len() >= 20 && value.iter().all(u8::is_ascii_graphic)
}

/// `pbkdf2_sha256$..` and Werkzeug's `pbkdf2:sha256:..`.
fn is_django(text: &[u8]) -> bool {
    const NAMES: [&[u8]; 11] = [
        b"pbkdf2_sha256$",
        b"pbkdf2_sha1$",
        b"bcrypt$",
        b"bcrypt_sha256$",
        b"argon2$",
        b"scrypt$",
        b"scrypt:",
        b"sha1$",
        b"md5$",
        b"pbkdf2:",
        b"SCRAM-SHA-256$",
    ];
    text.len() >= 40 && NAMES.iter().any(|name| text.starts_with(name))
}

/// `*` and the digits of a SHA-1.
fn is_mysql(text: &[u8]) -> bool {
    text.strip_prefix(b"*").is_some_and(|digits| digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_told_from_passwords() {
        for text in [
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8",
            "$2y$10$abcdefghijklmnopqrstuuWNQ0lKcUYCwZDlSHJYb6ELVdqg7uY2y",
            "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr",
            "pbkdf2_sha256$260000$saltsalt$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo",
            "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
        ] {
            assert!(is_hash(text.as_bytes()), "{text}");
        }
        for text in ["5f4dcc3b", "$money$", "{braces}", "hunter2", "*2470", "$HEX[70]", "bcrypt$"] {
            assert!(!is_hash(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn hexadecimal_notation_is_whole_bytes() {
        assert_eq!(
            hex_notation(b"$HEX[70c3]").map(|digits| bytes_of_hex(digits).collect::<Vec<_>>()),
            Some(vec![0x70, 0xC3])
        );
        assert_eq!(hex_notation(b"$hex[7A]"), Some(&b"7A"[..]));
        for text in ["$HEX[7]", "$HEX[zz]", "$HEX[70", "HEX[70]", "$HEX["] {
            assert_eq!(hex_notation(text.as_bytes()), None, "{text}");
        }
    }
}
