//! Tokens of pages: what opens was sealed here, for this tenant and query.

use model::{TenantKey, Ticks};
use service::{Listed, NoDeltaToken, PageToken, PageTokens};
use store::sql::{Place, SqlValue};

const TENANT: TenantKey = TenantKey(1);
const QUERY: &str = "users";

/// Checks a token as a client may send it, and one that is sealed of the bytes.
pub(super) fn page_token(input: &[u8]) {
    let tokens = PageTokens::new(&[7; 32]);
    if let Ok(text) = std::str::from_utf8(input)
        && let Some(token) = tokens.open(TENANT, QUERY, text)
    {
        assert_eq!(tokens.seal(TENANT, QUERY, &token), text, "two texts of one token");
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(token) = tokens.open_delta(TENANT, Listed::Users, text)
    {
        assert_eq!(tokens.seal_delta(TENANT, Listed::Users, &token), text, "two texts of one token");
    }
    let mut bytes = Bytes(input);
    let (change, place) = (bytes.number(), bytes.number());
    let Some(token) = bytes.token() else { return };
    let sealed = tokens.seal(TENANT, QUERY, &token);
    assert_eq!(tokens.open_delta(TENANT, Listed::Users, &sealed), Err(NoDeltaToken::Damaged), "{sealed}");
    assert_eq!(tokens.open(TENANT, QUERY, &sealed), Some(token), "{sealed}");
    assert_eq!(tokens.open(TenantKey(2), QUERY, &sealed), None, "{sealed} opens for another tenant");
    assert_eq!(tokens.open(TENANT, "user", &sealed), None, "{sealed} opens for another query");
    let mut changed = sealed.clone().into_bytes();
    let at = place.unsigned_abs() as usize % changed.len();
    changed[at] ^= 1 << (change & 7);
    let changed = String::from_utf8_lossy(&changed);
    assert_eq!(tokens.open(TENANT, QUERY, &changed), None, "{sealed} opens as {changed} too");
    assert_eq!(tokens.open(TENANT, QUERY, &sealed[..at]), None, "{sealed} opens when it is cut at {at}");
}

struct Bytes<'i>(&'i [u8]);

impl<'i> Bytes<'i> {
    fn slice(&mut self, length: usize) -> &'i [u8] {
        let (slice, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        slice
    }

    fn byte(&mut self) -> Option<u8> {
        self.slice(1).first().copied()
    }

    fn number(&mut self) -> i64 {
        self.slice(8).iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
    }

    fn token(&mut self) -> Option<PageToken> {
        let (now, row_key) = (Ticks::new(self.number())?, self.number());
        let mut values = Vec::new();
        while let Some(kind) = self.byte() {
            values.push(match kind % 5 {
                0 => SqlValue::Null,
                1 => SqlValue::Boolean(kind > 127),
                2 => SqlValue::Integer(self.number()),
                3 => SqlValue::Double(Some(f64::from_bits(self.number() as u64)).filter(|it| it.is_finite())?),
                _ => {
                    let length = usize::from(self.byte().unwrap_or_default());
                    SqlValue::Text(String::from_utf8_lossy(self.slice(length)).into())
                }
            });
        }
        // No row has more: an order of as many keys as fit into an expression's limits.
        (values.len() <= 512).then_some(PageToken { now, place: Place { values, row_key } })
    }
}
