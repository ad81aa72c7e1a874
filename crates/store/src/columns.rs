//! The names of columns, which are the same in every store: in the order of the positions of the properties that
//! they hold.

/// Columns of `risk_events` that hold properties.
pub const EVENT: [&str; 10] = [
    "id",
    "user_display_name",
    "user_principal_name",
    "risk_event_date_time",
    "risk_event_type",
    "risk_level",
    "risk_event_status",
    "closed_date_time",
    "created_date_time",
    "user_id",
];

/// Columns of `users`; `passwordProfile`, which comes after them, is kept nowhere.
pub const USER: [&str; 17] = [
    "id",
    "account_enabled",
    "business_phones",
    "created_date_time",
    "department",
    "display_name",
    "given_name",
    "job_title",
    "mail",
    "mail_nickname",
    "mobile_phone",
    "office_location",
    "preferred_language",
    "surname",
    "usage_location",
    "user_principal_name",
    "user_type",
];

/// Columns of `risky_users`. `is_processing` is kept nowhere: nothing is ever being processed.
pub const RISKY_USER: [&str; 9] = [
    "user_id",
    "is_deleted",
    "is_processing",
    "risk_detail",
    "risk_last_updated_date_time",
    "risk_level",
    "risk_state",
    "user_display_name",
    "user_principal_name",
];

#[cfg(test)]
mod tests {
    use super::*;
    use model::edm;
    use odata::edm::EntityType;

    /// `userPrincipalName` as a column's name.
    fn column_name(property: &str) -> String {
        property.chars().fold(String::new(), |mut name, c| {
            if c.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
            name
        })
    }

    #[test]
    fn columns_stand_at_the_positions_of_their_properties() {
        let names = |ty: &EntityType| -> Vec<String> {
            ty.all_properties().iter().map(|property| column_name(property.name)).collect()
        };
        assert_eq!(names(&edm::LEAKED_CREDENTIALS_RISK_EVENT), EVENT);
        let users = names(&edm::USER);
        assert_eq!(users[..edm::user::PASSWORD_PROFILE], USER);
        assert_eq!(users.len(), edm::user::PASSWORD_PROFILE + 1);
        let mut at_risk = names(&edm::RISKY_USER);
        at_risk[edm::risky_user::ID] = "user_id".to_owned();
        assert_eq!(at_risk, RISKY_USER);
    }
}
