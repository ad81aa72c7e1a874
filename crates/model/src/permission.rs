//! Permissions, by the names that Microsoft Graph gives them (contract/graph.md, section 10).

use std::fmt;
use std::str::FromStr;

/// A right that a token can carry, in `scp` (delegated) or `roles` (application).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Read risk events and risk detections.
    IdentityRiskEventReadAll,
    /// Read, create, update and delete risk events.
    IdentityRiskEventReadWriteAll,
    /// Read risky users.
    IdentityRiskyUserReadAll,
    /// Read risky users, dismiss and confirm them.
    IdentityRiskyUserReadWriteAll,
    /// Read the directory's users.
    UserReadAll,
    /// Read, create, update and delete the directory's users.
    UserReadWriteAll,
    /// Provision users and their passwords over SCIM.
    SpillwatchScimReadWriteAll,
    /// Hand in pairs of names and passwords to be checked.
    SpillwatchCheck,
    /// Read jobs.
    SpillwatchJobsReadAll,
    /// Read jobs, resume them and take back what they did.
    SpillwatchJobsReadWriteAll,
    /// Read where jobs found credentials: sources, documents and places in them.
    SpillwatchEvidenceReadAll,
}

impl Permission {
    /// Every permission, in the order in which they are listed to people.
    pub const ALL: [Self; 11] = [
        Self::IdentityRiskEventReadAll,
        Self::IdentityRiskEventReadWriteAll,
        Self::IdentityRiskyUserReadAll,
        Self::IdentityRiskyUserReadWriteAll,
        Self::UserReadAll,
        Self::UserReadWriteAll,
        Self::SpillwatchScimReadWriteAll,
        Self::SpillwatchCheck,
        Self::SpillwatchJobsReadAll,
        Self::SpillwatchJobsReadWriteAll,
        Self::SpillwatchEvidenceReadAll,
    ];

    /// Graph's name, or one of our own where Graph has none, as it stands in a token.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdentityRiskEventReadAll => "IdentityRiskEvent.Read.All",
            Self::IdentityRiskEventReadWriteAll => "IdentityRiskEvent.ReadWrite.All",
            Self::IdentityRiskyUserReadAll => "IdentityRiskyUser.Read.All",
            Self::IdentityRiskyUserReadWriteAll => "IdentityRiskyUser.ReadWrite.All",
            Self::UserReadAll => "User.Read.All",
            Self::UserReadWriteAll => "User.ReadWrite.All",
            Self::SpillwatchScimReadWriteAll => "Spillwatch.Scim.ReadWrite.All",
            Self::SpillwatchCheck => "Spillwatch.Check",
            Self::SpillwatchJobsReadAll => "Spillwatch.Jobs.Read.All",
            Self::SpillwatchJobsReadWriteAll => "Spillwatch.Jobs.ReadWrite.All",
            Self::SpillwatchEvidenceReadAll => "Spillwatch.Evidence.Read.All",
        }
    }

    /// The permission that includes this one: `ReadWrite` includes `Read`.
    const fn included_in(self) -> Option<Self> {
        match self {
            Self::IdentityRiskEventReadAll => Some(Self::IdentityRiskEventReadWriteAll),
            Self::IdentityRiskyUserReadAll => Some(Self::IdentityRiskyUserReadWriteAll),
            Self::UserReadAll => Some(Self::UserReadWriteAll),
            Self::SpillwatchJobsReadAll => Some(Self::SpillwatchJobsReadWriteAll),
            _ => None,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the permissions.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a permission; known are {known}", known = Permission::ALL.map(Permission::name).join(", "))]
pub struct UnknownPermission(pub String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    /// Finds a permission by its name, ignoring case.
    fn from_str(name: &str) -> Result<Self, UnknownPermission> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownPermission(name.to_owned()))
    }
}

/// The permissions of one caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u16);

impl PermissionSet {
    /// Holds every permission.
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Adds one permission.
    pub fn insert(&mut self, permission: Permission) {
        self.0 |= permission.bit();
    }

    /// Tells whether `permission` is granted, by itself or by the one that includes it.
    pub fn allows(self, permission: Permission) -> bool {
        let holds = |p: Permission| self.0 & p.bit() != 0;
        holds(permission) || permission.included_in().is_some_and(holds)
    }

    /// Tells whether nothing is granted.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions that were granted, without those that they include.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |p| self.0 & p.bit() != 0)
    }

    /// Collects the permissions among `names`; names that are not ours are passed over, since a
    /// token may carry rights for other services.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(|name| name.parse().ok()).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let mut set = Self::default();
        permissions.into_iter().for_each(|permission| set.insert(permission));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_write_includes_read_and_nothing_else() {
        let set = PermissionSet::from_names(["user.readwrite.all", "Mail.Read"]);
        assert!(set.allows(Permission::UserReadAll));
        assert!(set.allows(Permission::UserReadWriteAll));
        assert!(!set.allows(Permission::IdentityRiskEventReadAll));
        let read = PermissionSet::from_names(["User.Read.All"]);
        assert!(!read.allows(Permission::UserReadWriteAll));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "User.Raed.All".parse::<Permission>().expect_err("no such permission");
        assert!(error.to_string().contains("User.Read.All"));
    }
}
