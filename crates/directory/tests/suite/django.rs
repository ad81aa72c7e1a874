//! Django's users.

use directory::Format;

use super::{all, counts, is_password};

const CSV: &str = include_str!("../fixtures/django/auth_user.csv");
const JSON: &str = include_str!("../fixtures/django/dumpdata.json");
const LINES: &str = include_str!("../fixtures/django/auth_user.jsonl");

#[test]
fn the_table_and_both_dumps_give_the_same_users() {
    for (format, text, groups) in
        [(Format::DjangoCsv, CSV, 0), (Format::DjangoJson, JSON, 1), (Format::DjangoJson, LINES, 0)]
    {
        let outcome = all(format, text);
        assert_eq!(outcome.errors(), [""; 0], "{format}");
        assert_eq!(outcome.users.len(), 5);
        let anna = outcome.user("anna");
        assert_eq!((anna.id.as_deref(), anna.mail.as_deref()), (Some("1"), Some("anna@example.org")));
        assert_eq!((anna.surname.as_deref(), anna.enabled), (Some("Müller"), Some(true)));
        assert!(is_password(anna, "Kranich-17-Wiese"));
        let ben = outcome.user("ben");
        assert_eq!((ben.given_name.as_deref(), ben.surname.as_deref()), (Some("Ben, der Zweite"), Some("O\"Neill")));
        assert_eq!(outcome.user("carl").enabled, Some(false));
        let dora = outcome.user("dora");
        assert_eq!(dora.given_name, None);
        assert!(dora.verifiers[0].expose().starts_with('!'), "no usable password, which the verifier's parser says");
        assert_eq!(outcome.user("eve@example.org").mail, None);
        let superusers = outcome.users.iter().map(|user| user.administrator);
        assert_eq!(superusers.collect::<Vec<_>>(), [false, false, false, false, true].map(Some));
        assert_eq!(outcome.summary.skipped.get("object of another model").copied().unwrap_or_default(), groups);
    }
}

#[test]
fn argon2_and_scrypt_of_django_verify() {
    let outcome = all(Format::DjangoCsv, CSV);
    assert!(is_password(outcome.user("ben"), "Ufer-lampe-903"));
    assert!(is_password(outcome.user("carl"), "Distel#Kamm#5"));
}

#[test]
fn columns_that_are_not_needed_are_named_and_the_key_column_is() {
    let outcome = all(Format::DjangoCsv, CSV);
    let names: Vec<&str> = outcome.summary.ignored.keys().map(String::as_str).collect();
    assert_eq!(names, ["date_joined", "is_staff", "last_login"]);
    let outcome = all(Format::DjangoCsv, "id,password\n1,geheim\n");
    assert_eq!(
        outcome.errors(),
        ["export:1: the first row has 2 cells, none of which is a column that names a user: username"]
    );
}

#[test]
fn postgresql_writes_truth_in_one_letter() {
    let outcome = all(Format::DjangoCsv, "username,is_active,is_superuser,password\na,t,f,\nb,f,t,\n");
    assert_eq!((outcome.user("a").enabled, outcome.user("b").enabled), (Some(true), Some(false)));
    assert_eq!((outcome.user("a").administrator, outcome.user("b").administrator), (Some(false), Some(true)));
}

#[test]
fn two_numbers_with_a_blank_between_do_not_become_one() {
    let outcome = all(Format::DjangoJson, r#"[{"model":"auth.user","pk":1 2,"fields":{"username":"a"}}]"#);
    assert_eq!(outcome.errors(), ["export:1 (entry 1): entry: found broken JSON, expected a JSON object"]);
}

#[test]
fn a_model_of_the_projects_own_is_known_by_its_fields() {
    let text = r#"[{"model":"people.member","pk":"7f","fields":{"email":"a@example.org","password":"md5$x$y","shoe":3}},
        {"model":"sessions.session","pk":"1","fields":{}}, {"pk":1}]"#;
    let outcome = all(Format::DjangoJson, text);
    assert_eq!(outcome.user("a@example.org").id.as_deref(), Some("7f"));
    assert_eq!(counts(&outcome.summary.ignored), [("shoe", 1)]);
    assert_eq!(counts(&outcome.summary.skipped), [("object of another model", 1)]);
    assert_eq!(
        outcome.errors(),
        ["export:2 (entry 3): entry: found an object without model or fields, expected an object of dumpdata"]
    );
}
