//! SCIM 2.0 lists.

use directory::Format;

use super::{all, counts, is_password};

const LIST: &str = include_str!("../fixtures/scim/list.json");

#[test]
fn a_list_gives_users_with_their_addresses_in_order_of_rank() {
    let outcome = all(Format::Scim, LIST);
    let anna = outcome.user("anna@example.org");
    assert_eq!(anna.id.as_deref(), Some("2819c223-7f76-453a-919d-413861904646"));
    assert_eq!(anna.mail.as_deref(), Some("anna@example.org"));
    assert_eq!(anna.proxy_addresses, ["anna.mueller@example.org"]);
    assert_eq!(anna.other_mails, ["anna.privat@example.com"]);
    assert_eq!((anna.display_name.as_deref(), anna.given_name.as_deref()), (Some("Anna Müller"), Some("Anna")));
    assert_eq!((anna.department.as_deref(), anna.enabled), (Some("Einkauf"), Some(true)));
    assert_eq!(anna.administrator, Some(true));

    let ben = outcome.user("ben");
    assert_eq!((ben.id.as_deref(), ben.display_name.as_deref()), (Some("bjensen"), Some("Ben O'Neill")));
    assert_eq!((ben.mail.as_deref(), ben.enabled, ben.administrator), (None, Some(false), None));
    assert!(is_password(ben, "Ufer-\"lampe\"-903"));

    assert_eq!(outcome.errors(), ["export:46 (entry 4): active: found a text, expected true or false"]);
    assert_eq!(counts(&outcome.summary.skipped), [("resource of another type", 1)]);
    assert_eq!(counts(&outcome.summary.ignored), [("enterprise:employeeNumber", 1), ("nickName", 1)]);
}

#[test]
fn a_role_says_that_a_user_is_an_administrator() {
    let roles = [
        (r#"[{"value":"7","display":"ADMINISTRATOR"}]"#, Some(true)),
        (r#"[{"value":"x"},{"value":"y","type":"admin"}]"#, Some(true)),
        (r#"["buyer","Admin"]"#, Some(true)),
        (r#"[{"value":"administrators","display":"admin of nothing"}]"#, None),
        ("[]", None),
        ("null", None),
    ];
    for (roles, told) in roles {
        let outcome = all(Format::Scim, format!(r#"[{{"userName":"a","roles":{roles}}}]"#));
        assert_eq!(outcome.user("a").administrator, told, "{roles}");
        assert_eq!(outcome.summary.ignored.len(), 0);
    }
    let outcome = all(Format::Scim, r#"[{"userName":"a","roles":[7]},{"userName":"b","roles":"admin"}]"#);
    assert_eq!(
        outcome.errors(),
        [
            "export:1 (entry 1): roles: found a number, expected an object",
            "export:1 (entry 2): roles: found a text, expected a list"
        ]
    );
}

#[test]
fn one_page_of_several_is_an_error_after_its_users() {
    for text in [
        r#"{"totalResults":3,"Resources":[{"userName":"a"},{"userName":"b"}]}"#,
        r#"{"resources":[{"USERNAME":"a"},{"userName":"b"}],"TotalResults":3}"#,
    ] {
        let outcome = all(Format::Scim, text);
        assert_eq!(outcome.users.len(), 2);
        assert_eq!(
            outcome.errors(),
            [
                "export:1: the file is not complete: found 2 entries, expected 3, as totalResults says: all pages in one list"
            ]
        );
    }
}

#[test]
fn a_bare_list_is_read_and_no_list_is_an_error() {
    let outcome = all(Format::Scim, r#"[{"userName":"a","name":{"givenName":"A"}}]"#);
    assert_eq!(outcome.user("a").given_name.as_deref(), Some("A"));
    let outcome = all(Format::Scim, r#"{"schemas":[],"totalResults":0}"#);
    assert_eq!(outcome.errors[0].reason.name(), "no users");
}
