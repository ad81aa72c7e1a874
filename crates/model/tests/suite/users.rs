//! Decisions over the directory's users.

use crate::samples::{USER_BODY, at, changed, id, if_match, ticks, update_user, user, user_draft, with_user};
use model::edm::user as at_user;
use model::{
    Command, Decision, Effect, FoldedName, OwnedCell, Precondition, Refusal, State, Touches, User, UserKey, decide,
};
use odata::encode::{Cell, Row as _};

fn named(other: &str) -> User {
    let draft = user_draft(&USER_BODY.replace("Mara@fjord.example", other));
    draft.into_user(&id("u2"), at(1).now, 1).unwrap()
}

fn create(json: &str, state: State) -> Result<Decision, Refusal> {
    decide(Command::CreateUser { id: id("u1"), draft: Box::new(user_draft(json)) }, state, at(5))
}

fn patch(json: &str, namesake: Option<&User>) -> Result<Decision, Refusal> {
    decide(update_user(json, Precondition::default()), with_user(&user(), namesake), at(5))
}

fn patched(json: &str) -> User {
    let Effect::ReplaceUser { before, after } = changed(patch(json, None)) else { panic!("{json}") };
    assert_eq!((before, after.version()), (user(), 5));
    after
}

fn refused(json: &str) -> Vec<String> {
    let Err(Refusal::Invalid(faults)) = patch(json, None) else { panic!("{json}") };
    faults.kept().iter().map(|fault| fault.target.clone()).collect()
}

#[test]
fn create_keeps_what_was_sent_and_fills_in_the_rest() {
    let Effect::InsertUser(made) = changed(create(USER_BODY, State::default())) else { panic!() };
    assert_eq!((made.id(), made.version()), (id("u1"), 5));
    assert_eq!(made.user_principal_name(), "Mara@fjord.example", "stored as given");
    assert_eq!(made.folded_name().as_str(), "mara@fjord.example");
    assert_eq!(made.display_name(), "Mara Lind");
    assert_eq!(made.cell(at_user::CREATED_DATE_TIME), Cell::Integer(at(5).now.get()));
    assert_eq!(made.cell(at_user::BUSINESS_PHONES), Cell::Text("[]"));
    assert_eq!(made.cell(at_user::PASSWORD_PROFILE), Cell::Null);
    assert!(!format!("{made:?}").contains("hunter2"));

    let json = USER_BODY.replacen('{', r#"{"id":null,"createdDateTime":"2001-01-01T00:00:00Z","#, 1);
    let Effect::InsertUser(made) = changed(create(&json, State::default())) else { panic!() };
    assert_eq!(made.id(), id("u1"));
    assert_eq!(made.cell(at_user::CREATED_DATE_TIME), Cell::Integer(ticks("2001-01-01T00:00:00Z").get()));
}

#[test]
fn the_id_that_was_looked_up_is_the_one_that_is_written() {
    let json = USER_BODY.replacen('{', r#"{"id":"other","#, 1);
    let command = Command::CreateUser { id: id("u1"), draft: Box::new(user_draft(&json)) };
    let touches = command.touches();
    assert_eq!(touches.user, Some(UserKey::Id(id("u1"))));
    assert_eq!(touches.name.unwrap().as_str(), "mara@fjord.example");
    let Effect::InsertUser(made) = changed(decide(command, State::default(), at(5))) else { panic!() };
    assert_eq!(made.id(), id("u1"));
}

#[test]
fn ids_and_names_are_unique() {
    let taken = create(USER_BODY, State { user: Some(user()), ..State::default() });
    assert_eq!(taken, Err(Refusal::IdTaken(id("u1"))));
    let namesake = Some(named("MARA@Fjord.Example"));
    let taken = create(USER_BODY, State { namesake: namesake.clone(), ..State::default() });
    assert_eq!(taken, Err(Refusal::NameTaken("MARA@Fjord.Example".into())));
    let taken = patch(r#"{"userPrincipalName":"mara@FJORD.example"}"#, namesake.as_ref());
    assert_eq!(taken, Err(Refusal::NameTaken("MARA@Fjord.Example".into())));
    let own = patch(r#"{"userPrincipalName":"MARA@FJORD.EXAMPLE"}"#, Some(&user()));
    let Effect::ReplaceUser { after, .. } = changed(own) else { panic!() };
    assert_eq!(after.user_principal_name(), "MARA@FJORD.EXAMPLE", "one may change the case of one's own name");
}

#[test]
fn names_are_compared_ignoring_case() {
    for (one, other) in [("Mara@Fjord", "mARA@fJORD"), ("MÄRA@fjord", "mära@FJORD"), ("ΜΆΡΑ@x", "μάρα@x")] {
        assert_eq!(FoldedName::new(one), FoldedName::new(other));
        assert_eq!(UserKey::parse(one), Some(UserKey::PrincipalName(FoldedName::new(other))));
    }
    assert_ne!(FoldedName::new("mara@a"), FoldedName::new("mara@b"));
    assert_eq!(UserKey::parse("Mara"), Some(UserKey::Id(id("Mara"))), "ids compare exactly");
    for none in ["", "a b", "a/b", "é", &"x".repeat(256)] {
        assert_eq!(UserKey::parse(none), None, "{none}");
    }
}

#[test]
fn a_patch_changes_what_it_names() {
    let after = patched(r#"{"displayName":"M","mail":null,"businessPhones":["1"],"surname":"L"}"#);
    assert_eq!(after.display_name(), "M");
    assert_eq!(after.cell(at_user::BUSINESS_PHONES), Cell::Text("[\"1\"]"));
    let positions = [at_user::DISPLAY_NAME, at_user::BUSINESS_PHONES, 13];
    assert_eq!(after.differences(&user()), positions.iter().fold(0, |bits, at| bits | 1 << at));
    let again = patched(r#"{"surname":"L"}"#);
    assert_eq!(again.user_principal_name(), user().user_principal_name());
}

#[test]
fn a_patch_without_effect_leaves_the_version() {
    for json in [
        "{}",
        r#"{"displayName":"Mara Lind","mail":null}"#,
        r#"{"id":"u1","createdDateTime":"2024-03-03T06:00:01Z"}"#,
        r#"{"passwordProfile":{"password":"other"}}"#,
        r#"{"passwordProfile":null}"#,
    ] {
        assert_eq!(patch(json, None), Ok(Decision::UnchangedUser(Box::new(user()))), "{json}");
    }
}

#[test]
fn what_never_changes_or_is_always_there_is_refused() {
    for (json, targets) in [
        (r#"{"id":"U1"}"#, vec!["id"]),
        (r#"{"id":null}"#, vec!["id"]),
        (r#"{"createdDateTime":"2001-01-01T00:00:00Z"}"#, vec!["createdDateTime"]),
        (r#"{"createdDateTime":null,"id":"x"}"#, vec!["id", "createdDateTime"]),
        (r#"{"userPrincipalName":null}"#, vec!["userPrincipalName"]),
        (r#"{"displayName":null,"surname":null}"#, vec!["displayName"]),
        (r#"{"accountEnabled":null,"mailNickname":null}"#, vec!["accountEnabled", "mailNickname"]),
    ] {
        assert_eq!(refused(json), targets, "{json}");
    }
}

#[test]
fn missing_users_and_stale_versions_are_refused_in_this_order() {
    let commands = |precondition: Precondition| {
        [
            update_user(r#"{"id":"other"}"#, precondition.clone()),
            Command::DeleteUser { user: UserKey::Id(id("u1")), precondition },
        ]
    };
    for command in commands(if_match(&[9])) {
        assert_eq!(command.touches().user, Some(UserKey::Id(id("u1"))));
        assert_eq!(decide(command, State::default(), at(5)), Err(Refusal::UserNotFound));
    }
    for command in commands(if_match(&[9])) {
        assert_eq!(decide(command, with_user(&user(), None), at(5)), Err(Refusal::PreconditionFailed { current: 1 }));
    }
    let [_, delete] = commands(if_match(&[1]));
    assert_eq!(delete.touches(), Touches { user: Some(UserKey::Id(id("u1"))), ..Touches::default() });
    assert_eq!(changed(decide(delete, with_user(&user(), None), at(5))), Effect::RemoveUser(user()));
}

#[test]
fn a_damaged_row_makes_no_user() {
    let made = user();
    let own = |at: usize| {
        if let Cell::Text(text) = made.cell(at) {
            return OwnedCell::Text(text.into());
        }
        if let Cell::Integer(value) = made.cell(at) { OwnedCell::Integer(value) } else { OwnedCell::Null }
    };
    let whole: Vec<OwnedCell> = (0..18).map(own).collect();
    assert_eq!(User::from_cells(whole.clone(), 1), Some(user()));
    for position in [at_user::ID, at_user::USER_PRINCIPAL_NAME, at_user::DISPLAY_NAME] {
        for cell in [OwnedCell::Null, OwnedCell::Integer(1)] {
            let mut cells = whole.clone();
            cells[position] = cell;
            assert_eq!(User::from_cells(cells, 1), None);
        }
    }
    let mut cells = whole.clone();
    cells[at_user::ID] = OwnedCell::Text("a b".into());
    assert_eq!(User::from_cells(cells, 1), None);
    assert_eq!(User::from_cells(whole[..17].to_vec(), 1), None);
    assert_eq!(User::from_cells(vec![], 1), None);
}
