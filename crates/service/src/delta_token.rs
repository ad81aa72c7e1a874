//! `$skiptoken` and `$deltatoken` of a delta: how far a reader has come, with everything that it asked for
//! in the beginning.

use crate::Listed;
use crate::page_token::{PageTokens, Reader, write_place, write_text};
use model::{TenantKey, Ticks};
use store::LogPlace;
use store::sql::Place;

/// The layout; another number is another layout.
const VERSION: u8 = 1;
/// Begins the message that is authenticated: no other token is one of these.
const SCOPE: &[u8] = b"spillwatch delta token\0";

/// How far a reader of changes has come.
#[derive(Clone, Debug, PartialEq)]
pub struct DeltaToken {
    /// The query that the reader began with, as it was sent: it holds in all rounds.
    pub query: Box<str>,
    /// What `now()` means in it, in all rounds: an entity must not cease to fit without a change.
    pub now: Ticks,
    /// When the reader knew everything: it is given up some days later.
    pub(crate) current: Ticks,
    /// The entry of the change log up to which the reader was told everything.
    pub(crate) told: LogPlace,
    /// The number of the newest entry whose effects the reader may have seen already: entities are told as
    /// they are, which may be later than the entry that they are told for.
    pub(crate) shown: u64,
    /// What the reader is in the middle of.
    pub(crate) reading: Reading,
}

/// What a page of a delta is taken from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// The set itself, in the first round: from the start, or from where the page before ended.
    Set(Option<Place>),
    /// The change log.
    Log,
}

/// Why a text is not the token of a tenant's set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDeltaToken {
    /// It is no token, or was changed.
    Damaged,
    /// It is another tenant's or set's.
    Foreign,
}

impl PageTokens {
    /// Makes a token of a tenant's set.
    pub fn seal_delta(&self, tenant: TenantKey, listed: Listed, token: &DeltaToken) -> String {
        let mut content = vec![VERSION];
        content.extend_from_slice(&self.owner(tenant, listed));
        content.extend_from_slice(&token.now.get().to_be_bytes());
        content.extend_from_slice(&token.current.get().to_be_bytes());
        content.extend_from_slice(&token.told.sequence.to_be_bytes());
        content.extend_from_slice(&token.told.time.get().to_be_bytes());
        content.extend_from_slice(&token.shown.to_be_bytes());
        write_text(&token.query, &mut content);
        match &token.reading {
            Reading::Log => content.push(0),
            Reading::Set(None) => content.push(1),
            Reading::Set(Some(place)) => {
                content.push(2);
                write_place(place, &mut content);
            }
        }
        self.seal_content(SCOPE, content)
    }

    /// Reads the token of a tenant's set.
    pub fn open_delta(&self, tenant: TenantKey, listed: Listed, token: &str) -> Result<DeltaToken, NoDeltaToken> {
        let content = self.open_content(SCOPE, token).ok_or(NoDeltaToken::Damaged)?;
        let mut reader = Reader(&content);
        // An older layout is as good as a token that has expired: the reader begins anew.
        let ours = reader.bytes() == Some([VERSION]) && reader.bytes() == Some(self.owner(tenant, listed));
        if ours { read(&mut reader) } else { None }.ok_or(NoDeltaToken::Foreign)
    }

    /// Tells the owner of a token, without saying who it is.
    fn owner(&self, tenant: TenantKey, listed: Listed) -> [u8; 8] {
        let owner = [&tenant.0.to_be_bytes(), listed.set().name.as_bytes()].concat();
        *self.mac(b"spillwatch delta owner\0", &owner).first_chunk().expect("it has 16 bytes")
    }
}

fn read(reader: &mut Reader<'_>) -> Option<DeltaToken> {
    let (now, current) = (reader.ticks()?, reader.ticks()?);
    let told = LogPlace { sequence: reader.number()?, time: reader.ticks()? };
    let shown = reader.number()?;
    let query = reader.text()?.into();
    let reading = match reader.bytes()? {
        [0] => Reading::Log,
        [1] => Reading::Set(None),
        [2] => Reading::Set(Some(reader.place()?)),
        _ => return None,
    };
    Some(DeltaToken { query, now, current, told, shown, reading })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventSet, PageToken};
    use store::sql::SqlValue;

    fn token(reading: Reading) -> DeltaToken {
        DeltaToken {
            query: "$filter=contains(userDisplayName,'Łind')".into(),
            now: Ticks::MAX,
            current: Ticks::MIN,
            told: LogPlace { sequence: 7, time: Ticks::default() },
            shown: u64::MAX,
            reading,
        }
    }

    #[test]
    fn a_token_opens_only_for_its_owner() {
        let tokens = PageTokens::new(&[7; 32]);
        let events = Listed::Events(EventSet::Identity);
        let place = Place { values: vec![SqlValue::Null, SqlValue::Text("Łind".into())], row_key: -1 };
        for reading in [Reading::Log, Reading::Set(None), Reading::Set(Some(place.clone()))] {
            let token = token(reading);
            let text = tokens.seal_delta(TenantKey(1), events, &token);
            assert_eq!(tokens.open_delta(TenantKey(1), events, &text), Ok(token));
            assert_eq!(tokens.open_delta(TenantKey(2), events, &text), Err(NoDeltaToken::Foreign));
            for other in [Listed::Users, Listed::Events(EventSet::LeakedCredentials)] {
                assert_eq!(tokens.open_delta(TenantKey(1), other, &text), Err(NoDeltaToken::Foreign));
            }
            let stranger = PageTokens::new(&[8; 32]);
            assert_eq!(stranger.open_delta(TenantKey(1), events, &text), Err(NoDeltaToken::Damaged));
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).expect("ASCII");
                assert_eq!(tokens.open_delta(TenantKey(1), events, &changed), Err(NoDeltaToken::Damaged), "at {at}");
                let cut = &text[..at];
                assert_eq!(tokens.open_delta(TenantKey(1), events, cut), Err(NoDeltaToken::Damaged), "cut at {at}");
            }
        }
        let page = tokens.seal(TenantKey(1), "users", &PageToken { now: Ticks::MAX, place });
        assert_eq!(tokens.open_delta(TenantKey(1), Listed::Users, &page), Err(NoDeltaToken::Damaged));
        let delta = tokens.seal_delta(TenantKey(1), Listed::Users, &token(Reading::Log));
        assert_eq!(tokens.open(TenantKey(1), "users", &delta), None);
    }
}
