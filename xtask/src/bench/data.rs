//! The events that are sent: row `i` is the same in every run.

use model::Ticks;
use serde_json::json;

/// The type name on the wire.
pub const TYPE: &str = "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent";
/// The path of the set that is measured.
pub const SET: &str = "/v1.0/leakedCredentialsRiskEvents";

/// Row numbers from here on are created while measuring, not before.
pub const FRESH: u64 = 1_000_000_000;

/// The seconds of the year over which events are spread.
pub const YEAR: u64 = 365 * 86_400;
/// 2025-11-01T00:00:00Z.
const BEGIN: i64 = 1_761_955_200;

/// Events of a store of a given size: about 20 a user, spread over a year, their levels and
/// statuses as uneven as in life.
#[derive(Clone, Copy, Debug)]
pub struct DataSet {
    /// How many events there are.
    pub rows: u64,
    /// How many users they belong to.
    pub users: u64,
}

/// The part of a row that filters ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The user's number.
    pub user: u64,
    /// Seconds since the year began.
    pub seconds: u64,
    /// The level: two of ten are high.
    pub level: &'static str,
}

impl DataSet {
    /// Data for a store of `rows` events.
    pub fn of(rows: u64) -> Self {
        Self { rows, users: (rows / 20).max(50) }
    }

    /// What filters see of row `i`.
    pub fn facts(self, i: u64) -> Facts {
        let (a, b) = (mix(2 * i), mix(2 * i + 1));
        let level = match (a >> 40) % 20 {
            0..8 => "low",
            8..14 => "medium",
            14..18 => "high",
            18 => "hidden",
            _ => "none",
        };
        Facts { user: a % self.users, seconds: b % YEAR, level }
    }

    /// The body that creates row `i`: about 400 bytes.
    pub fn body(self, i: u64) -> serde_json::Value {
        let Facts { user, seconds, level } = self.facts(i);
        let status = match (mix(2 * i + 1) >> 40) % 20 {
            0..12 => "active",
            12..16 => "remediated",
            16 => "dismissedAsFixed",
            17 => "dismissedAsFalsePositive",
            18 => "loginBlocked",
            _ => "closedMfaAuto",
        };
        json!({
            "@odata.type": TYPE,
            "userDisplayName": format!("User {user:06}"),
            "userPrincipalName": principal_name(user),
            "riskEventDateTime": stamp(seconds),
            "riskEventType": "LeakedCredentialsRiskEvent",
            "riskLevel": level,
            "riskEventStatus": status,
            "closedDateTime": (status != "active").then(|| stamp(seconds + 86_400)),
            "userId": guid(user),
        })
    }
}

/// A user's principal name.
pub fn principal_name(user: u64) -> String {
    format!("user{user:06}@contoso.example")
}

/// The time that lies so many seconds after the year began, as it is written on the wire.
pub fn stamp(seconds: u64) -> String {
    let time = Ticks::from_unix_seconds(BEGIN + seconds as i64).expect("it lies within two years of 2025");
    time.to_string()
}

/// A GUID that belongs to `n`.
fn guid(n: u64) -> String {
    let (a, b) = (mix(n ^ 0x5EED_0000_0000_0000), mix(n ^ 0xFEED_0000_0000_0000));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFF,
        b >> 48 & 0xFFF,
        b & 0xFFFF_FFFF_FFFF
    )
}

/// Scatters a number (the finaliser of SplitMix64): near numbers give unrelated ones.
pub fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn bodies_repeat_for_the_same_row_and_differ_otherwise() {
        let data = DataSet::of(10_000);
        assert_eq!(data.body(7), data.body(7));
        let bodies: HashSet<String> = (0..2_000).map(|i| data.body(FRESH + i).to_string()).collect();
        assert_eq!(bodies.len(), 2_000);
        assert!(bodies.iter().all(|body| (350..450).contains(&body.len())), "about 400 bytes each");
    }

    #[test]
    fn a_user_has_one_id_and_an_active_event_is_open() {
        let data = DataSet::of(1_000);
        let mut ids = std::collections::HashMap::new();
        for i in 0..1_000 {
            let body = data.body(i);
            assert_eq!(body["closedDateTime"].is_null(), body["riskEventStatus"] == "active");
            let (upn, id) = (body["userPrincipalName"].to_string(), body["userId"].to_string());
            assert_eq!(ids.entry(upn).or_insert_with(|| id.clone()), &id);
        }
        assert_eq!(ids.len(), 50);
    }
}
