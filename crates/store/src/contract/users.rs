//! Commands on users.

use super::Harness;
use super::samples::{
    SeenRow, at_version, begin, create_event, create_user, delete_user, event_of, execute, id, new_event, page, rows,
    snapshot, update_user, user_draft, user_key, user_of,
};
use crate::{Carried, Outcome, PageQuery, Source, Store, WriteError};
use model::{Command, OwnedCell, Precondition, Refusal, TenantKey, UserKey, edm};
use odata::encode::Row;

/// A user with every property that is kept.
const FULL: &str = r#"{"accountEnabled":false,"businessPhones":["+47 22 00 00 00","\"quoted\" \\ \u00e5"],
    "createdDateTime":"2020-02-29T12:00:00.0000001Z","department":"IT","displayName":"Mara Łind","givenName":"Mara",
    "jobTitle":"","mail":"mara@fjord.example","mailNickname":"mara","mobilePhone":null,"officeLocation":"Bergen",
    "preferredLanguage":"nb-NO","surname":"Lind","usageLocation":"NO","userPrincipalName":"Mara@Fjord.Example",
    "userType":"Member","passwordProfile":{"password":"hunter2"}}"#;

pub(super) async fn a_created_user_is_read_back_equal(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let full = Command::CreateUser { id: id("u1"), draft: Box::new(user_draft(FULL)) };
    for (command, key, name) in
        [(full, "u1", "mara@fjord.example"), (create_user("u2", "tor@fjord.example"), "u2", "TOR@FJORD.example")]
    {
        let user = user_of(&*store, tenant, command).await;
        for key in [user_key(key), user_key(name)] {
            let loaded = store.load_user(tenant, &key).await.expect("a user can be read");
            assert_eq!(loaded.as_ref(), Some(&user), "{key:?}");
        }
        let (newest, _) = page(&*store, tenant, Source::Users, None, 1).await;
        assert_eq!(newest, [SeenRow::of(&user)], "page");
    }
    names_alone_are_read_too(&*store, tenant).await;
    let full = store.load_user(tenant, &user_key("u1")).await.expect("reads go on").expect("the user is there");
    assert_eq!(full.user_principal_name(), "Mara@Fjord.Example", "names are kept as they were given");
    assert_eq!(SeenRow::of(&full).cells[edm::user::PASSWORD_PROFILE], OwnedCell::Null, "no password is kept");
}

/// What users are known by is in every row that carries names, and nothing else is.
async fn names_alone_are_read_too(store: &dyn Store, tenant: TenantKey) {
    use edm::user as at;
    let (mut seen, mut whole) = (Vec::new(), rows(store, tenant, Source::Users).await);
    let mut query = PageQuery { carried: Carried::NAMES, ..PageQuery::all(Source::Users, 1) };
    loop {
        let mut sink = |row: &dyn Row| {
            seen.push(SeenRow::of(row));
            Ok(())
        };
        query.after = store.page(tenant, query.clone(), &mut sink).await.expect("a page can be read");
        if query.after.is_none() {
            break;
        }
    }
    for row in &mut whole {
        for (position, cell) in row.cells.iter_mut().enumerate() {
            if ![at::ID, at::ACCOUNT_ENABLED, at::MAIL, at::USER_PRINCIPAL_NAME].contains(&position) {
                *cell = OwnedCell::Null;
            }
        }
    }
    assert_eq!(seen, whole);
}

pub(super) async fn every_command_on_users_does_its_work(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let created = user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    assert_eq!(created.version(), 1);
    let rename = update_user("MARA@fjord.example", r#"{"userPrincipalName":"lind@fjord.example","department":"IT"}"#);
    let updated = user_of(&*store, tenant, rename).await;
    assert_eq!(updated.version(), 2);
    assert_eq!(updated.user_principal_name(), "lind@fjord.example");
    assert_eq!(store.load_user(tenant, &user_key("mara@fjord.example")).await.expect("reads go on"), None);
    let found = store.load_user(tenant, &user_key("lind@fjord.example")).await.expect("reads go on");
    assert_eq!(found.as_ref(), Some(&updated));

    let before = snapshot(&*store, tenant).await;
    let same = user_of(&*store, tenant, update_user("u1", r#"{"department":"IT"}"#)).await;
    assert_eq!(same, updated, "an unchanged user keeps the version");
    assert_eq!(snapshot(&*store, tenant).await, before);

    // A user and an event may have the same id.
    event_of(&*store, tenant, create_event(new_event("u1"))).await;
    let outcome = execute(&*store, tenant, delete_user("lind@fjord.example")).await.expect("a user can be deleted");
    assert_eq!(outcome, Outcome::Deleted);
    for key in ["u1", "lind@fjord.example"] {
        assert_eq!(store.load_user(tenant, &user_key(key)).await.expect("reads go on"), None, "{key}");
    }
    let after = snapshot(&*store, tenant).await;
    assert_eq!((after.users.len(), after.events.len()), (0, 1), "the event of the same id stays");
    let again = user_of(&*store, tenant, create_user("u1", "lind@fjord.example")).await;
    assert_eq!(again.version(), 5, "id and name are free again");
}

pub(super) async fn names_are_unique_ignoring_case(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    user_of(&*store, tenant, create_user("u1", "Mara.ÅS@fjord.example")).await;
    user_of(&*store, tenant, create_user("u2", "tor@fjord.example")).await;
    let before = snapshot(&*store, tenant).await;
    let taken = [
        create_user("u3", "mara.åS@FJORD.example"),
        update_user("u2", r#"{"userPrincipalName":"MARA.ås@fjord.example"}"#),
        update_user("tor@fjord.example", r#"{"userPrincipalName":"MARA.ÅS@FJORD.EXAMPLE"}"#),
    ];
    for command in taken {
        match execute(&*store, tenant, command).await {
            Err(WriteError::Refused(Refusal::NameTaken(name))) => assert_eq!(&*name, "Mara.ÅS@fjord.example"),
            other => panic!("came to {other:?}"),
        }
        assert_eq!(snapshot(&*store, tenant).await, before);
    }
    let own = update_user("u1", r#"{"userPrincipalName":"MARA.ÅS@fjord.example"}"#);
    let renamed = user_of(&*store, tenant, own).await;
    assert_eq!(renamed.user_principal_name(), "MARA.ÅS@fjord.example", "one's own name can change its case");
    assert_eq!(renamed.version(), 3);
}

pub(super) async fn refusals_on_users_leave_nothing_behind(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    let before = snapshot(&*store, tenant).await;
    let commands = [
        create_user("u1", "other@fjord.example"),
        create_user("u2", "mara@fjord.example"),
        Command::CreateUser { id: id("u3"), draft: Box::default() },
        update_user("nobody", r#"{"department":"IT"}"#),
        update_user("nobody@fjord.example", r#"{"department":"IT"}"#),
        update_user("u1", r#"{"id":"u9"}"#),
        update_user("u1", r#"{"displayName":null}"#),
        Command::UpdateUser {
            user: user_key("u1"),
            precondition: at_version(2),
            patch: Box::new(user_draft(r#"{"department":"IT"}"#)),
        },
        delete_user("nobody"),
        Command::DeleteUser { user: UserKey::Id(id("u1")), precondition: at_version(9) },
        Command::DeleteUser { user: user_key("U1"), precondition: Precondition::default() },
    ];
    for command in commands {
        let refused = execute(&*store, tenant, command.clone()).await;
        assert!(matches!(refused, Err(WriteError::Refused(_))), "{command:?} came to {refused:?}");
        assert_eq!(snapshot(&*store, tenant).await, before, "after {command:?}");
    }
}
