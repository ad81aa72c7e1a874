//! Tokens in links: opaque and authenticated, so that a changed one is refused and one tenant's, set's
//! or query's token opens nothing of another's. Here is how every token is sealed, and what `$skiptoken` of
//! a list says: a place between two rows. What the tokens of a delta say is in `delta_token`.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{TenantKey, Ticks};
use std::sync::Arc;
use store::sql::{Place, SqlValue};

/// Bytes of the message authentication code that are kept: 128 bits.
const MAC: usize = 16;
/// The layout of a page's token; another number is another layout.
const VERSION: u8 = 2;
/// No honest token is longer: keys of an order hold at most a few texts of a row, and a delta's query is
/// bounded.
const LONGEST: usize = 40 << 10;

/// What a page's token says.
#[derive(Clone, Debug, PartialEq)]
pub struct PageToken {
    /// What `now()` means on every page of the query.
    pub now: Ticks,
    /// Where the next page begins.
    pub place: Place,
}

/// Seals and opens tokens. A page's do not expire, and hold for whatever page size and selection.
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
        write_place(&token.place, &mut content);
        self.seal_content(&scope(tenant, query), content)
    }

    /// Reads a token; `None` unless it was sealed for this tenant and query.
    pub fn open(&self, tenant: TenantKey, query: &str, token: &str) -> Option<PageToken> {
        let content = self.open_content(&scope(tenant, query), token)?;
        let mut reader = Reader(&content);
        if reader.bytes::<1>()? != [VERSION] {
            return None;
        }
        Some(PageToken { now: reader.ticks()?, place: reader.place()? })
    }

    /// Makes a token of a content, which whoever holds it can read and not change. `scope` begins with a
    /// name of its own for each kind of token.
    pub(crate) fn seal_content(&self, scope: &[u8], mut content: Vec<u8>) -> String {
        let mac = self.mac(scope, &content);
        content.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(content)
    }

    /// The content of a token; `None` unless it was sealed in this scope.
    pub(crate) fn open_content(&self, scope: &[u8], token: &str) -> Option<Vec<u8>> {
        if token.len() > LONGEST {
            return None;
        }
        let mut content = URL_SAFE_NO_PAD.decode(token).ok()?;
        let mac = content.split_off(content.len().checked_sub(MAC)?);
        aws_lc_rs::constant_time::verify_slices_are_equal(&mac, &self.mac(scope, &content)).ok()?;
        Some(content)
    }

    /// What tells contents and scopes apart and cannot be made without the secret.
    pub(crate) fn mac(&self, scope: &[u8], content: &[u8]) -> [u8; MAC] {
        let mac = hmac::sign(&self.0, &[scope, content].concat());
        *mac.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
    }
}

/// The scope of a page's token.
fn scope(tenant: TenantKey, query: &str) -> Vec<u8> {
    let length = (query.len() as u64).to_be_bytes();
    [b"spillwatch page token\0", tenant.0.to_be_bytes().as_slice(), &length, query.as_bytes()].concat()
}

/// Writes a place; nothing can follow it.
pub(crate) fn write_place(place: &Place, out: &mut Vec<u8>) {
    out.extend_from_slice(&place.row_key.to_be_bytes());
    for value in &place.values {
        match value {
            SqlValue::Null => out.push(0),
            SqlValue::Boolean(value) => out.extend_from_slice(&[1, u8::from(*value)]),
            SqlValue::Integer(value) => {
                out.push(2);
                out.extend_from_slice(&value.to_be_bytes());
            }
            SqlValue::Double(value) => {
                out.push(3);
                out.extend_from_slice(&value.to_bits().to_be_bytes());
            }
            SqlValue::Text(text) => {
                out.push(4);
                write_text(text, out);
            }
        }
    }
}

/// Writes a text with its length.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Reads a token's content, which is as honest as its seal, and may yet be of an older layout.
pub(crate) struct Reader<'t>(pub(crate) &'t [u8]);

impl<'t> Reader<'t> {
    fn slice(&mut self, length: usize) -> Option<&'t [u8]> {
        let (slice, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(slice)
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.bytes()?))
    }

    pub(crate) fn ticks(&mut self) -> Option<Ticks> {
        Ticks::new(i64::from_be_bytes(self.bytes()?))
    }

    pub(crate) fn text(&mut self) -> Option<&'t str> {
        let length = u32::from_be_bytes(self.bytes()?) as usize;
        std::str::from_utf8(self.slice(length)?).ok()
    }

    /// A place, which takes the rest.
    pub(crate) fn place(&mut self) -> Option<Place> {
        let row_key = i64::from_be_bytes(self.bytes()?);
        let mut values = Vec::new();
        while let Some([tag]) = self.bytes::<1>() {
            values.push(match tag {
                0 => SqlValue::Null,
                1 => SqlValue::Boolean(self.bytes::<1>()? == [1]),
                2 => SqlValue::Integer(i64::from_be_bytes(self.bytes()?)),
                3 => SqlValue::Double(f64::from_bits(u64::from_be_bytes(self.bytes()?))),
                4 => SqlValue::Text(self.text()?.into()),
                _ => return None,
            });
        }
        Some(Place { values, row_key })
    }
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
