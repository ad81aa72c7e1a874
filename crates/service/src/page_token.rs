//! `$skiptoken`: a place between two rows, opaque and authenticated, so that a changed token is
//! refused and one tenant's, set's or query's token opens nothing of another's.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{TenantKey, Ticks};
use std::sync::Arc;
use store::sql::{Place, SqlValue};

/// Bytes of the message authentication code that are kept: 128 bits.
const MAC: usize = 16;
/// The layout of a token; another number is another layout.
const VERSION: u8 = 2;
/// No honest token is longer: keys of an order hold at most a few texts of a row.
const LONGEST: usize = 16 << 10;

/// What a token says.
#[derive(Clone, Debug, PartialEq)]
pub struct PageToken {
    /// What `now()` means on every page of the query.
    pub now: Ticks,
    /// Where the next page begins.
    pub place: Place,
}

/// Seals and opens tokens. They do not expire, and hold for whatever page size and selection.
#[derive(Clone)]
pub struct PageTokens(Arc<hmac::Key>);

impl PageTokens {
    /// Uses a secret of 32 bytes that is the same on every start.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The key, for what else is authenticated: each use begins its message with a name of its own.
    pub(crate) fn key(&self) -> &hmac::Key {
        &self.0
    }

    /// Makes the token of a place in a tenant's query; `query` tells one query from another.
    pub fn seal(&self, tenant: TenantKey, query: &str, token: &PageToken) -> String {
        let mut content = vec![VERSION];
        content.extend_from_slice(&token.now.get().to_be_bytes());
        content.extend_from_slice(&token.place.row_key.to_be_bytes());
        for value in &token.place.values {
            match value {
                SqlValue::Null => content.push(0),
                SqlValue::Boolean(value) => content.extend_from_slice(&[1, u8::from(*value)]),
                SqlValue::Integer(value) => {
                    content.push(2);
                    content.extend_from_slice(&value.to_be_bytes());
                }
                SqlValue::Double(value) => {
                    content.push(3);
                    content.extend_from_slice(&value.to_bits().to_be_bytes());
                }
                SqlValue::Text(text) => {
                    content.push(4);
                    content.extend_from_slice(&(text.len() as u32).to_be_bytes());
                    content.extend_from_slice(text.as_bytes());
                }
            }
        }
        let mac = hmac::sign(&self.0, &message(tenant, query, &content));
        content.extend_from_slice(&mac.as_ref()[..MAC]);
        URL_SAFE_NO_PAD.encode(content)
    }

    /// Reads a token; `None` unless it was sealed for this tenant and query.
    pub fn open(&self, tenant: TenantKey, query: &str, token: &str) -> Option<PageToken> {
        if token.len() > LONGEST {
            return None;
        }
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (content, mac) = token.split_at_checked(token.len().checked_sub(MAC)?)?;
        let expected = hmac::sign(&self.0, &message(tenant, query, content));
        aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC]).ok()?;
        let mut reader = Reader(content);
        if reader.bytes::<1>()? != [VERSION] {
            return None;
        }
        let now = Ticks::new(i64::from_be_bytes(reader.bytes()?))?;
        let row_key = i64::from_be_bytes(reader.bytes()?);
        let mut values = Vec::new();
        while let Some([tag]) = reader.bytes::<1>() {
            values.push(match tag {
                0 => SqlValue::Null,
                1 => SqlValue::Boolean(reader.bytes::<1>()? == [1]),
                2 => SqlValue::Integer(i64::from_be_bytes(reader.bytes()?)),
                3 => SqlValue::Double(f64::from_bits(u64::from_be_bytes(reader.bytes()?))),
                4 => {
                    let length = u32::from_be_bytes(reader.bytes()?) as usize;
                    SqlValue::Text(std::str::from_utf8(reader.slice(length)?).ok()?.into())
                }
                _ => return None,
            });
        }
        Some(PageToken { now, place: Place { values, row_key } })
    }
}

struct Reader<'t>(&'t [u8]);

impl<'t> Reader<'t> {
    fn slice(&mut self, length: usize) -> Option<&'t [u8]> {
        let (slice, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(slice)
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }
}

fn message(tenant: TenantKey, query: &str, content: &[u8]) -> Vec<u8> {
    let length = (query.len() as u64).to_be_bytes();
    [b"spillwatch page token\0", tenant.0.to_be_bytes().as_slice(), &length, query.as_bytes(), content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_only_where_it_was_sealed() {
        let tokens = PageTokens::new(&[7; 32]);
        let values = vec![
            SqlValue::Null,
            SqlValue::Boolean(true),
            SqlValue::Integer(-5),
            SqlValue::Double(0.5),
            SqlValue::Text("Mara Łind".into()),
        ];
        let place = PageToken { now: Ticks::MAX, place: Place { values, row_key: 42 } };
        let token = tokens.seal(TenantKey(1), "users", &place);
        assert_eq!(tokens.open(TenantKey(1), "users", &token), Some(place));
        assert_eq!(tokens.open(TenantKey(2), "users", &token), None);
        assert_eq!(tokens.open(TenantKey(1), "identityRiskEvents", &token), None);
        assert_eq!(PageTokens::new(&[8; 32]).open(TenantKey(1), "users", &token), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(tokens.open(TenantKey(1), "users", &changed), None, "changed at {at}");
            assert_eq!(tokens.open(TenantKey(1), "users", &token[..at]), None, "cut at {at}");
        }
    }
}
