//! `$skiptoken`: a place between two rows, opaque and authenticated, so that a changed token is
//! refused and one tenant's token opens nothing of another's.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::TenantKey;
use std::sync::Arc;
use store::Cursor;

/// Bytes of the message authentication code that are kept: 128 bits.
const MAC: usize = 16;
/// The layout of a token; another number is another layout.
const VERSION: u8 = 1;

/// Seals and opens tokens. They do not expire, and hold for whatever page size.
#[derive(Clone)]
pub struct PageTokens(Arc<hmac::Key>);

impl PageTokens {
    /// Uses a secret of 32 bytes that is the same on every start.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Makes the token of a place in a tenant's set.
    pub fn seal(&self, tenant: TenantKey, set: &str, cursor: Cursor) -> String {
        let mut token = vec![VERSION];
        token.extend_from_slice(&cursor.0.to_be_bytes());
        let mac = hmac::sign(&self.0, &message(tenant, set, &token));
        token.extend_from_slice(&mac.as_ref()[..MAC]);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Reads a token; `None` unless it was sealed for this tenant and set.
    pub fn open(&self, tenant: TenantKey, set: &str, token: &str) -> Option<Cursor> {
        let token = URL_SAFE_NO_PAD.decode(token).ok().filter(|token| token.len() == 9 + MAC)?;
        let (content, mac) = token.split_at(9);
        let expected = hmac::sign(&self.0, &message(tenant, set, content));
        aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC]).ok()?;
        let (version, cursor) = content.split_first()?;
        (*version == VERSION).then(|| Some(Cursor(u64::from_be_bytes(cursor.try_into().ok()?))))?
    }
}

fn message(tenant: TenantKey, set: &str, content: &[u8]) -> Vec<u8> {
    [b"spillwatch page token\0", tenant.0.to_be_bytes().as_slice(), set.as_bytes(), b"\0", content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_only_where_it_was_sealed() {
        let tokens = PageTokens::new(&[7; 32]);
        let token = tokens.seal(TenantKey(1), "users", Cursor(42));
        assert_eq!(tokens.open(TenantKey(1), "users", &token), Some(Cursor(42)));
        assert_eq!(tokens.open(TenantKey(2), "users", &token), None);
        assert_eq!(tokens.open(TenantKey(1), "identityRiskEvents", &token), None);
        assert_eq!(PageTokens::new(&[8; 32]).open(TenantKey(1), "users", &token), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(tokens.open(TenantKey(1), "users", &changed), None, "changed at {at}");
        }
    }
}
