//! The words of today's API for where a risk stands, and how those of the legacy API translate
//! (graph.md, sections 4.3 and 6).

use crate::event::{RiskEventStatus, RiskLevel};
use odata::edm::Member;

/// Where a user's risk, or that of one detection, stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum RiskState {
    /// `none`
    #[default]
    None = 0,
    /// `confirmedSafe`
    ConfirmedSafe = 1,
    /// `remediated`
    Remediated = 2,
    /// `dismissed`
    Dismissed = 3,
    /// `atRisk`
    AtRisk = 4,
    /// `confirmedCompromised`
    ConfirmedCompromised = 5,
}

impl RiskState {
    const ALL: [Self; 6] =
        [Self::None, Self::ConfirmedSafe, Self::Remediated, Self::Dismissed, Self::AtRisk, Self::ConfirmedCompromised];

    pub(crate) const MEMBERS: [Member; 7] = [
        Member { name: "none", value: 0 },
        Member { name: "confirmedSafe", value: 1 },
        Member { name: "remediated", value: 2 },
        Member { name: "dismissed", value: 3 },
        Member { name: "atRisk", value: 4 },
        Member { name: "confirmedCompromised", value: 5 },
        Member { name: "unknownFutureValue", value: 6 },
    ];

    /// The state with this value in the EDM; no state is `unknownFutureValue`.
    pub fn from_value(value: i64) -> Option<Self> {
        usize::try_from(value).ok().and_then(|value| Self::ALL.get(value).copied())
    }
}

/// What brought a risk to where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum RiskDetail {
    /// `none`
    #[default]
    None = 0,
    /// `adminGeneratedTemporaryPassword`
    AdminGeneratedTemporaryPassword = 1,
    /// `userPerformedSecuredPasswordChange`
    UserPerformedSecuredPasswordChange = 2,
    /// `userPerformedSecuredPasswordReset`
    UserPerformedSecuredPasswordReset = 3,
    /// `userPassedMFADrivenByRiskBasedPolicy`
    UserPassedMfaDrivenByRiskBasedPolicy = 6,
    /// `adminDismissedAllRiskForUser`
    AdminDismissedAllRiskForUser = 7,
    /// `adminConfirmedUserCompromised`
    AdminConfirmedUserCompromised = 10,
    /// `adminConfirmedAccountSafe`: past the sentinel.
    AdminConfirmedAccountSafe = 17,
}

impl RiskDetail {
    const ALL: [Self; 8] = [
        Self::None,
        Self::AdminGeneratedTemporaryPassword,
        Self::UserPerformedSecuredPasswordChange,
        Self::UserPerformedSecuredPasswordReset,
        Self::UserPassedMfaDrivenByRiskBasedPolicy,
        Self::AdminDismissedAllRiskForUser,
        Self::AdminConfirmedUserCompromised,
        Self::AdminConfirmedAccountSafe,
    ];

    /// Every member that Graph declares; those that the service never gives can still be asked for.
    pub(crate) const MEMBERS: [Member; 19] = [
        Member { name: "none", value: 0 },
        Member { name: "adminGeneratedTemporaryPassword", value: 1 },
        Member { name: "userPerformedSecuredPasswordChange", value: 2 },
        Member { name: "userPerformedSecuredPasswordReset", value: 3 },
        Member { name: "adminConfirmedSigninSafe", value: 4 },
        Member { name: "aiConfirmedSigninSafe", value: 5 },
        Member { name: "userPassedMFADrivenByRiskBasedPolicy", value: 6 },
        Member { name: "adminDismissedAllRiskForUser", value: 7 },
        Member { name: "adminConfirmedSigninCompromised", value: 8 },
        Member { name: "hidden", value: 9 },
        Member { name: "adminConfirmedUserCompromised", value: 10 },
        Member { name: "unknownFutureValue", value: 11 },
        Member { name: "m365DAdminDismissedDetection", value: 12 },
        Member { name: "adminConfirmedServicePrincipalCompromised", value: 13 },
        Member { name: "adminDismissedAllRiskForServicePrincipal", value: 14 },
        Member { name: "userChangedPasswordOnPremises", value: 15 },
        Member { name: "adminDismissedRiskForSignIn", value: 16 },
        Member { name: "adminConfirmedAccountSafe", value: 17 },
        Member { name: "microsoftRevokedSessions", value: 18 },
    ];

    /// The detail with this value in the EDM, when it is one that the service gives.
    pub fn from_value(value: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|detail| *detail as i64 == value)
    }
}

impl RiskEventStatus {
    /// The state of a detection whose event has this status and detail (graph.md, section 6). An
    /// open event of a user whom an administrator confirmed as compromised says so.
    pub fn state(self, detail: RiskDetail) -> RiskState {
        match self {
            Self::Active | Self::LoginBlocked if detail == RiskDetail::AdminConfirmedUserCompromised => {
                RiskState::ConfirmedCompromised
            }
            Self::Active | Self::LoginBlocked => RiskState::AtRisk,
            Self::Remediated | Self::ClosedMfaAuto | Self::DismissedAsFixed => RiskState::Remediated,
            Self::DismissedAsFalsePositive => RiskState::ConfirmedSafe,
            Self::DismissedAsIgnore | Self::ClosedMultipleReasons => RiskState::Dismissed,
        }
    }

    /// The detail that goes with a status to which a client brings an event (graph.md, section 6).
    pub fn detail(self) -> RiskDetail {
        match self {
            Self::Active | Self::LoginBlocked | Self::ClosedMultipleReasons => RiskDetail::None,
            Self::Remediated => RiskDetail::UserPerformedSecuredPasswordReset,
            Self::ClosedMfaAuto => RiskDetail::UserPassedMfaDrivenByRiskBasedPolicy,
            Self::DismissedAsFixed => RiskDetail::AdminGeneratedTemporaryPassword,
            Self::DismissedAsFalsePositive => RiskDetail::AdminConfirmedAccountSafe,
            Self::DismissedAsIgnore => RiskDetail::AdminDismissedAllRiskForUser,
        }
    }
}

impl RiskLevel {
    /// Levels that count where the highest is looked for, the highest first: `hidden` says how much
    /// somebody may see, not how high a risk is, so it comes last (graph.md, section 6; design.md,
    /// section 5).
    pub(crate) const RANKED: [Self; 6] =
        [Self::High, Self::Medium, Self::Low, Self::UnknownFutureValue, Self::None, Self::Hidden];
}

/// An administrator's verdict over users (graph.md, section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// `dismiss`: the risk is accepted.
    Dismiss,
    /// `confirmCompromised`: it is real.
    ConfirmCompromised,
    /// `confirmSafe`: there was none.
    ConfirmSafe,
}

impl Verdict {
    /// The state and detail that it brings a user to.
    pub fn outcome(self) -> (RiskState, RiskDetail) {
        match self {
            Self::Dismiss => (RiskState::Dismissed, RiskDetail::AdminDismissedAllRiskForUser),
            Self::ConfirmCompromised => (RiskState::ConfirmedCompromised, RiskDetail::AdminConfirmedUserCompromised),
            Self::ConfirmSafe => (RiskState::ConfirmedSafe, RiskDetail::AdminConfirmedAccountSafe),
        }
    }

    /// The status that it gives the user's open events; `None` when they stay open.
    pub fn closes_as(self) -> Option<RiskEventStatus> {
        match self {
            Self::Dismiss => Some(RiskEventStatus::DismissedAsIgnore),
            Self::ConfirmSafe => Some(RiskEventStatus::DismissedAsFalsePositive),
            Self::ConfirmCompromised => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enum_values_are_those_of_the_edm() {
        for (state, member) in RiskState::ALL.into_iter().zip(RiskState::MEMBERS) {
            assert_eq!(state as i32, member.value, "{}", member.name);
        }
        for detail in RiskDetail::ALL {
            let member = RiskDetail::MEMBERS.iter().find(|member| member.value == detail as i32).expect("declared");
            assert_eq!(format!("{detail:?}").to_lowercase(), member.name.to_lowercase());
        }
        assert!(RiskDetail::MEMBERS.iter().enumerate().all(|(at, member)| member.value as usize == at));
    }
}
