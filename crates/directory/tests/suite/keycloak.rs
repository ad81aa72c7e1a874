//! Keycloak's realm exports.

use directory::{Format, Limits};

use super::{all, counts, is_password, with_limits};

const REALM: &str = include_str!("../fixtures/keycloak/realm.json");
const USERS: &str = include_str!("../fixtures/keycloak/realm-users-0.json");

#[test]
fn a_realm_in_one_file_gives_users_whose_credentials_verify() {
    let outcome = all(Format::Keycloak, REALM);
    assert_eq!(outcome.errors(), [""; 0]);
    assert_eq!(outcome.users.len(), 3);
    let anna = outcome.user("anna");
    assert_eq!(anna.id.as_deref(), Some("5d1a7c3e-1111-4222-8333-000000000001"));
    assert_eq!((anna.mail.as_deref(), anna.enabled), (Some("anna@example.org"), Some(true)));
    assert_eq!((anna.given_name.as_deref(), anna.surname.as_deref()), (Some("Anna"), Some("Müller")));
    assert_eq!(anna.department.as_deref(), Some("Einkauf"));
    assert_eq!(anna.display_name.as_deref(), Some("Anna \"die Erste\" Müller"));
    assert!(is_password(anna, "Kranich-17-Wiese") && !is_password(anna, "Kranich-17-wiese"));
    assert_eq!(anna.administrator, Some(true), "realm-admin of the client realm-management");
    assert!(is_password(outcome.user("ben"), "Ufer-lampe-903"));
    assert_eq!(outcome.user("ben").administrator, None);
    assert_eq!(outcome.user("ben").enabled, Some(false));
    assert!(is_password(outcome.user("carl"), "Distel#Kamm#5"));
    let line = 1 + REALM.lines().position(|line| line == "  \"users\": [").expect("the list") as u64;
    assert_eq!(anna.place.line, line + 1);
    assert_eq!(counts(&outcome.summary.skipped), [("service account", 1)]);
    assert_eq!(counts(&outcome.summary.dropped), [("one-time password", 1)]);
    assert_eq!(counts(&outcome.summary.ignored), [("attributes.locale", 1)]);
}

#[test]
fn a_split_file_and_a_list_of_realms_are_read_too() {
    let outcome = all(Format::Keycloak, USERS);
    assert_eq!((outcome.errors.len(), outcome.users.len()), (0, 2));
    let outcome = all(Format::Keycloak, format!("[{REALM},\n{USERS}]"));
    assert_eq!((outcome.errors.len(), outcome.users.len()), (0, 5));
}

#[test]
fn the_form_before_version_8_and_a_hand_written_password_are_passed_on() {
    let text = r#"{"users":[
        {"username":"a","credentials":[{"type":"password","hashedSaltedValue":"AA==","salt":"AA==","hashIterations":1}]},
        {"username":"b","credentials":[{"type":"password","value":"Ufer-\"lampe\""}]},
        {"username":"c","credentials":[{"type":"password"}]},
        {"username":"d","credentials":[{"type":"webauthn"},{"type":"kerberos"}]}]}"#;
    let outcome = all(Format::Keycloak, text);
    assert!(outcome.user("a").verifiers[0].expose().starts_with(r#"{"type":"password","hashedSaltedValue""#));
    assert!(is_password(outcome.user("b"), "Ufer-\"lampe\""));
    assert_eq!(
        outcome.errors(),
        ["export:4 (entry 3): credentials: found a password without a value, expected secretData and credentialData"]
    );
    assert_eq!(counts(&outcome.summary.dropped), [("other credential", 1), ("security key", 1)]);
}

#[test]
fn two_roles_say_that_a_user_is_an_administrator() {
    let text = r#"{"users":[
        {"username":"a","realmRoles":["default-roles-master","admin"]},
        {"username":"b","clientRoles":{"kasse":["realm-admin","admin"],"realm-management":["view-users"]}},
        {"username":"c","realmRoles":["Admin","administrator"],"clientRoles":{"realm-management":[]}},
        {"username":"d","realmRoles":null},
        {"username":"e","clientRoles":{"realm-management":["realm-admin"]}},
        {"username":"f","realmRoles":"admin"}]}"#;
    let outcome = all(Format::Keycloak, text);
    let told: Vec<_> = outcome.users.iter().map(|user| user.administrator).collect();
    assert_eq!(told, [Some(true), None, None, None, Some(true)]);
    assert_eq!(outcome.errors(), ["export:7 (entry 6): realmRoles: found a text, expected a list"]);
    assert_eq!(outcome.summary.ignored.len(), 0);
}

#[test]
fn a_bad_entry_is_an_error_and_reading_goes_on() {
    let text = "{\"users\":[\n{\"username\":7},\n{\"username\":\"a\",\"enabled\":\"geheim1\"},\n\"geheim2\",\n\
        {\"username\":\"b\",\"credentials\":[\"geheim3\"]},\n{\"username\" \"geheim4\"},\n{\"username\":\"c\"}\n]}";
    let outcome = all(Format::Keycloak, text);
    assert_eq!(
        outcome.errors(),
        [
            "export:2 (entry 1): username: found a number, expected a text",
            "export:3 (entry 2): enabled: found a text, expected true or false",
            "export:4 (entry 3): entry: found a text, expected a JSON object",
            "export:5 (entry 4): credentials: found a text, expected an object",
            "export:6 (entry 5): entry: found broken JSON, expected a JSON object",
        ]
    );
    assert_eq!(outcome.users.len(), 1);
}

#[test]
fn a_file_that_breaks_off_or_has_no_users_is_an_error() {
    for cut in [REALM.len() / 2, REALM.len() - 1, 30] {
        let outcome = all(Format::Keycloak, &REALM[..REALM.floor_char_boundary(cut)]);
        let last = outcome.errors.last().expect("an error");
        assert_eq!(last.reason.name(), "incomplete", "{cut}");
        assert!(last.ends_reading() && !outcome.summary.complete);
    }
    for (text, name) in [
        ("{\"realm\":\"x\"}", "no users"),
        ("{\"users\":[]}", "no users"),
        ("", "no users"),
        ("{\"users\":{}}", "broken"),
        ("{\"users\":[} ", "broken"),
        ("{\"users\":[{\"username\":\"a\"} {}]}", "broken"),
        ("[1]", "broken"),
        ("true", "broken"),
        ("{7:1}", "broken"),
    ] {
        let outcome = all(Format::Keycloak, text);
        assert_eq!(outcome.errors.last().map(|error| error.reason.name()), Some(name), "{text}");
    }
}

#[test]
fn limits_are_kept_and_the_next_entry_is_read() {
    let limits = Limits { entry_bytes: 200, depth: 4, ..Limits::default() };
    let text = format!(
        "{{\"x\":\"{long}\",\"y\":{deep}{close},\"users\":[{{\"username\":\"{long}\"}},\n{{\"username\":\"a\",\"z\":[[[[[]]]]]}},\n\
        {{\"username\":\"b\",   \n{blank}\"enabled\":true}}]}}",
        long = "x".repeat(100_000),
        deep = "[".repeat(100_000),
        close = "]".repeat(100_000),
        blank = " ".repeat(1000),
    );
    let outcome = with_limits(Format::Keycloak, text, limits);
    assert_eq!(
        outcome.errors(),
        ["export:1 (entry 1): entry is longer than 200 bytes", "export:2 (entry 2): the entry is nested deeper than 4",]
    );
    assert_eq!(outcome.user("b").enabled, Some(true));
}
