//! The brake: a job that would touch a large part of the users at once is more often wrong than right (leaks.md,
//! section 1.1, "false positives").

use model::Job;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// When a job stops and asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Brake {
    /// The share of users, in percent, from which on it holds. 0 turns it off.
    pub percent: u8,
    /// The number of administrators from which on it holds. 0 turns it off.
    pub administrators: u32,
}

/// Fewer users than this are never too large a share: the first find in a directory of ten is no mistake.
const FEW: u64 = 5;

impl Default for Brake {
    fn default() -> Self {
        Self { percent: 5, administrators: 10 }
    }
}

impl Brake {
    /// One that never holds.
    pub const RELEASED: Self = Self { percent: 0, administrators: 0 };

    /// That of a job, whatever else it was asked to do; the usual one where it was told none.
    pub fn of(job: &Job) -> Self {
        let parameters: Value = serde_json::from_str(&job.parameters).unwrap_or_default();
        serde_json::from_value(parameters["brake"].clone()).unwrap_or_default()
    }

    /// Says why a job must hold that would touch so many users, of whom so many are administrators, of all users.
    pub fn holds(&self, touched: u64, administrators: u64, users: u64) -> Option<String> {
        let share = touched.saturating_mul(100) >= u64::from(self.percent).saturating_mul(users);
        if self.percent > 0 && touched >= FEW && share {
            let percent = touched * 1000 / users.max(1);
            return Some(format!(
                "it would touch {touched} of {users} users ({}.{} %), and the brake holds at {} %",
                percent / 10,
                percent % 10,
                self.percent
            ));
        }
        let many = self.administrators > 0 && administrators >= u64::from(self.administrators);
        many.then(|| {
            format!("it would touch {administrators} administrators, and the brake holds at {}", self.administrators)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Brake;

    #[test]
    fn it_holds_from_its_share_and_its_administrators_on() {
        let brake = Brake::default();
        assert_eq!(brake.holds(4, 4, 10), None, "few are never too many");
        assert_eq!(brake.holds(49, 0, 1000), None);
        let why = brake.holds(50, 0, 1000).expect("5 % are too many");
        assert!(why.contains("50 of 1000 users (5.0 %)"), "{why}");
        assert_eq!(brake.holds(20, 9, 1000), None);
        let why = brake.holds(20, 10, 1000).expect("10 administrators are too many");
        assert!(why.contains("10 administrators"), "{why}");
        assert_eq!(Brake::RELEASED.holds(1000, 1000, 1000), None);
    }
}
