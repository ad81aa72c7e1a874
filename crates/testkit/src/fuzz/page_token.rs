//! Tokens of pages and of deltas: what opens was sealed here, for this tenant and query.

use super::world::World;
use model::{TenantKey, Ticks};
use service::{EventSet, Listed, NoDeltaToken, PageToken, PageTokens};
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
    delta_token(&tokens, input, change, place);
    let Some(token) = bytes.token() else { return };
    let sealed = tokens.seal(TENANT, QUERY, &token);
    assert_eq!(tokens.open_delta(TENANT, Listed::Users, &sealed), Err(NoDeltaToken::Damaged), "{sealed}");
    assert_eq!(tokens.open(TENANT, QUERY, &sealed), Some(token), "{sealed}");
    assert_eq!(tokens.open(TenantKey(2), QUERY, &sealed), None, "{sealed} opens for another tenant");
    assert_eq!(tokens.open(TENANT, "user", &sealed), None, "{sealed} opens for another query");
    for changed in changed(&sealed, change, place) {
        assert_eq!(tokens.open(TENANT, QUERY, &changed), None, "{sealed} opens as {changed} too");
    }
}

/// A token with one bit changed, and one that is cut.
fn changed(sealed: &str, change: i64, place: i64) -> [String; 2] {
    let mut bytes = sealed.as_bytes().to_vec();
    let at = place.unsigned_abs() as usize % bytes.len();
    bytes[at] ^= 1 << (change & 7);
    [String::from_utf8_lossy(&bytes).into_owned(), sealed[..at].to_owned()]
}

/// Checks the text as the token of a delta, and one that is sealed with the text as its query.
fn delta_token(tokens: &PageTokens, input: &[u8], change: i64, place: i64) {
    const EVENTS: Listed = Listed::Events(EventSet::Identity);
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(token) = tokens.open_delta(TENANT, EVENTS, text) {
        assert_eq!(tokens.seal_delta(TENANT, EVENTS, &token), text, "two texts of one token");
    }
    let begin =
        |world: &World| world.run(world.app.app.service.begin_delta(&world.caller, text, Ticks::MIN, change % 2 == 0));
    let token = World::still(begin).expect("a delta begins");
    let sealed = tokens.seal_delta(TENANT, EVENTS, &token);
    assert_eq!(tokens.open_delta(TENANT, EVENTS, &sealed), Ok(token), "{sealed}");
    assert_eq!(tokens.open_delta(TENANT, Listed::Users, &sealed), Err(NoDeltaToken::Foreign), "{sealed}");
    assert_eq!(tokens.open_delta(TenantKey(2), EVENTS, &sealed), Err(NoDeltaToken::Foreign), "{sealed}");
    assert_eq!(tokens.open(TENANT, QUERY, &sealed), None, "{sealed} opens as a page's");
    for changed in changed(&sealed, change, place) {
        assert_eq!(tokens.open_delta(TENANT, EVENTS, &changed), Err(NoDeltaToken::Damaged), "{sealed} as {changed}");
    }
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
