//! Delta: rounds of changes, their links, and what tokens hold.

use crate::samples::{BASE, EVENTS, TYPE, USERS, add_event, add_user, event, ids, path_of, with};
use model::{Permission, PermissionSet};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

/// A page; checks that it has exactly one link, and that an empty one has no next page.
pub(crate) async fn page(app: &TestApp, path: &str) -> Value {
    let page = app.get(&path.replace(' ', "%20")).await.expect(200).json();
    let (next, delta) = (page.get("@odata.nextLink"), page.get("@odata.deltaLink"));
    assert!(next.is_some() != delta.is_some(), "exactly one link: {page}");
    assert!(next.is_none() || !ids(&page).is_empty(), "an empty page is the last one: {page}");
    page
}

/// The path of a page's link.
fn link<'p>(page: &'p Value, name: &str) -> &'p str {
    path_of(page[name].as_str().unwrap_or_else(|| panic!("no {name} in {page}")))
}

fn next(page: &Value) -> &str {
    link(page, "@odata.nextLink")
}

fn delta(page: &Value) -> &str {
    link(page, "@odata.deltaLink")
}

/// The whole round that a link begins: its items, and the link to the next round.
async fn round(app: &TestApp, path: &str) -> (Vec<Value>, String) {
    let (mut items, mut path) = (Vec::new(), path.to_owned());
    loop {
        let page = page(app, &path).await;
        items.extend(page["value"].as_array().expect("a list").iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(link) => path_of(link).clone_into(&mut path),
            None => return (items, delta(&page).to_owned()),
        }
    }
}

/// Items in short: `e1` for an entity, `-e1` for one that was deleted, `~e1` for one that has changed away.
fn short(items: &[Value]) -> String {
    let one = |item: &Value| {
        let id = item["id"].as_str().expect("an id");
        match item["@removed"]["reason"].as_str() {
            None => id.to_owned(),
            Some("deleted") => format!("-{id}"),
            Some("changed") => format!("~{id}"),
            Some(other) => panic!("removed because {other}"),
        }
    };
    items.iter().map(one).collect::<Vec<_>>().join(" ")
}

async fn level(app: &TestApp, id: &str, level: &str) {
    app.patch(&format!("{EVENTS}/{id}"), &json!({"riskLevel": level})).await.expect(200);
}

async fn delete(app: &TestApp, path: String) {
    app.delete(&path).await.expect(204);
}

#[tokio::test]
async fn rounds_go_from_the_whole_set_to_what_has_changed() {
    let app = TestApp::new().await;
    for id in ["e1", "e2", "e3"] {
        add_event(&app, id).await;
    }
    let first = app.get(&format!("{EVENTS}/delta")).header("prefer", "odata.maxpagesize=2").await.expect(200);
    assert_eq!(first.header("preference-applied"), "odata.maxpagesize=2");
    let first = first.json();
    assert_eq!(ids(&first), ["e3", "e2"]);
    assert_eq!(first["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents"));
    assert_eq!(first["value"][0], app.get(&format!("{EVENTS}?$top=1")).await.json()["value"][0], "as in a list");
    assert!(next(&first).starts_with(&format!("{EVENTS}/delta?$skiptoken=")), "{first}");
    let last = page(&app, next(&first)).await;
    assert_eq!(ids(&last), ["e1"]);
    assert!(delta(&last).starts_with(&format!("{EVENTS}/delta?$deltatoken=")), "{last}");

    let (items, quiet) = round(&app, delta(&last)).await;
    assert_eq!(short(&items), "", "nothing has changed");
    level(&app, "e1", "low").await;
    level(&app, "e1", "medium").await;
    delete(&app, format!("{EVENTS}/e2")).await;
    add_event(&app, "e4").await;
    add_event(&app, "e5").await;
    delete(&app, format!("{EVENTS}/e5")).await;
    add_user(&app, "u1", "mara@fjord.example").await;
    for since in [delta(&last), &quiet] {
        let (items, _) = round(&app, since).await;
        assert_eq!(short(&items), "-e2 e4 e1", "each entity once, as it is now");
        let removed = r#""value":[{"id":"e2","@removed":{"reason":"deleted"}},{"#;
        assert!(app.get(since).await.text().contains(removed), "as Graph writes it");
        let whole = app.get(&format!("{EVENTS}?$filter=id%20eq%20'e1'")).await.json();
        assert_eq!(items[2], whole["value"][0]);
        assert_eq!((&items[1]["@odata.type"], &items[2]["riskLevel"]), (&json!(TYPE), &json!("medium")));
    }
    let (_, now) = round(&app, &quiet).await;
    assert_eq!(short(&round(&app, &now).await.0), "");
}

#[tokio::test]
async fn pages_of_changes_are_as_long_as_is_asked() {
    let app = TestApp::new().await;
    let start = delta(&page(&app, &format!("{USERS}/delta?$deltatoken=latest")).await).to_owned();
    for number in 0..5 {
        add_user(&app, &format!("u{number}"), &format!("u{number}@fjord.example")).await;
    }
    let (mut path, mut sizes, mut seen) = (start, Vec::new(), Vec::new());
    loop {
        let page = app.get(&path).header("prefer", "odata.maxpagesize=2").await.expect(200).json();
        sizes.push(ids(&page).len());
        seen.extend(ids(&page));
        match page["@odata.nextLink"].as_str() {
            Some(link) => path_of(link).clone_into(&mut path),
            None => break,
        }
    }
    seen.sort();
    assert_eq!((sizes, seen.join(" ")), (vec![2, 2, 1], "u0 u1 u2 u3 u4".to_owned()));
}

#[tokio::test]
async fn every_spelling_of_the_function_is_understood() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    for path in ["delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()", "Delta()", "graph.delta()"] {
        for version in ["v1.0", "beta"] {
            let first = page(&app, &format!("/{version}/users/{path}")).await;
            assert_eq!(ids(&first), ["u1"], "{path}");
            assert!(delta(&first).starts_with(&format!("/{version}/users/delta?$deltatoken=")), "{first}");
        }
    }
    let message = app.get(&format!("{USERS}/delta/x")).await.refused(400, "Request_BadRequest");
    assert!(message.contains("`x`"), "{message}");
    for method in ["POST", "PATCH", "DELETE"] {
        let answer = app.call(method, &format!("{EVENTS}/delta")).json(&json!({})).await.expect(405);
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
    add_user(&app, "delta", "d@fjord.example").await;
    assert_eq!(app.get(&format!("{USERS}('delta')")).await.expect(200).json()["id"], "delta", "a key in parentheses");
}

#[tokio::test]
async fn latest_begins_with_what_comes() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    for spelled in ["$deltatoken=latest", "deltaToken=LATEST", "$filter=riskLevel eq 'high'&$deltatoken=latest"] {
        let (items, since) = round(&app, &format!("{EVENTS}/delta?{spelled}")).await;
        assert_eq!(short(&items), "", "{spelled}");
        add_event(&app, "e2").await;
        let (items, _) = round(&app, &since).await;
        assert_eq!(short(&items), "e2", "{spelled}");
        delete(&app, format!("{EVENTS}/e2")).await;
    }
    let (items, _) = round(&app, &format!("{EVENTS}/delta?$deltatoken=")).await;
    assert_eq!(short(&items), "e1", "an empty token begins anew");
}

#[tokio::test]
async fn what_a_filter_keeps_no_more_is_removed() {
    let app = TestApp::new().await;
    for id in ["e1", "e2", "e3"] {
        add_event(&app, id).await;
    }
    let (items, since) = round(&app, &format!("{EVENTS}/delta?$filter=riskLevel eq 'high'")).await;
    assert_eq!(short(&items), "e3 e2 e1");
    level(&app, "e1", "low").await;
    delete(&app, format!("{EVENTS}/e2")).await;
    app.patch(&format!("{EVENTS}/e3"), &json!({"userDisplayName": "M. Lind"})).await.expect(200);
    app.post(EVENTS, &with(event(), &json!({"id": "e4", "riskLevel": "low"}))).await.expect(201);
    let (items, since) = round(&app, &since).await;
    assert_eq!(short(&items), "~e1 -e2 e3", "e4 never was one of them");
    app.patch(&format!("{EVENTS}/e1"), &json!({"userDisplayName": "M. Lind"})).await.expect(200);
    let (items, since) = round(&app, &since).await;
    assert_eq!(short(&items), "", "what the filter does not look at makes no difference to what it does not keep");
    level(&app, "e1", "high").await;
    level(&app, "e4", "high").await;
    assert_eq!(short(&round(&app, &since).await.0), "e4 e1");
}

/// Entities are told as they are, which may be later than the entry of the log that they are told for. A
/// reader who has met one before its entry must hear of its end.
#[tokio::test]
async fn what_was_met_too_early_is_taken_back() {
    let app = TestApp::new().await;
    let at = async |id: &str, day: u8| {
        let body = with(event(), &json!({"id": id, "riskEventDateTime": format!("2024-03-0{day}T00:00:00Z")}));
        app.post(EVENTS, &body).await.expect(201);
    };
    // In the first round: the filter's order has the new one ahead of the reader.
    at("e1", 5).await;
    at("e2", 3).await;
    let url = format!("{EVENTS}/delta?$filter=riskEventDateTime%20lt%202024-03-06T00:00:00Z");
    let first = app.get(&url).header("prefer", "odata.maxpagesize=1").await.expect(200).json();
    assert_eq!(ids(&first), ["e1"]);
    at("e0", 4).await;
    let (items, since) = round(&app, next(&first)).await;
    assert_eq!(short(&items), "e0 e2");
    delete(&app, format!("{EVENTS}/e0")).await;
    assert_eq!(short(&round(&app, &since).await.0), "-e0");

    // In a later one: an id that was given up and given again is told at its first entry already.
    let (_, since) = round(&app, &format!("{EVENTS}/delta")).await;
    delete(&app, format!("{EVENTS}/e1")).await;
    at("e3", 3).await;
    at("e1", 3).await;
    let (mut path, mut told) = (since, String::new());
    loop {
        let page = app.get(&path).header("prefer", "odata.maxpagesize=1").await.expect(200).json();
        told = format!("{told} {}", short(page["value"].as_array().expect("a list")));
        if told == " e1 e3" {
            delete(&app, format!("{EVENTS}/e1")).await;
        }
        match page["@odata.nextLink"].as_str() {
            Some(link) => path_of(link).clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(told, " e1 e3 -e1");
}

#[tokio::test]
async fn filters_by_id_tell_of_nothing_else() {
    let app = TestApp::new().await;
    for number in 0..60 {
        add_user(&app, &format!("u{number}"), &format!("u{number}@fjord.example")).await;
    }
    let fifty = (0..50).map(|number| format!("id eq 'u{number}'")).collect::<Vec<_>>().join(" or ");
    let (items, since) = round(&app, &format!("{USERS}/delta?$filter={fifty}")).await;
    assert_eq!(items.len(), 50);
    for id in ["u3", "u55"] {
        app.patch(&format!("{USERS}/{id}"), &json!({"jobTitle": "x"})).await.expect(204);
    }
    for id in ["u4", "u56"] {
        delete(&app, format!("{USERS}/{id}")).await;
    }
    assert_eq!(short(&round(&app, &since).await.0), "-u4 u3");
    for number in 0..3 {
        add_event(&app, &format!("e{number}")).await;
    }
    let (items, since) = round(&app, &format!("{EVENTS}/delta?$filter=id in ('e1','e9')")).await;
    assert_eq!(short(&items), "e1");
    level(&app, "e0", "low").await;
    level(&app, "e1", "low").await;
    add_event(&app, "e9").await;
    add_event(&app, "e8").await;
    assert_eq!(short(&round(&app, &since).await.0), "e9 e1");
}

#[tokio::test]
async fn now_stands_still_in_all_rounds() {
    let app = TestApp::new().await;
    add_event(&app, "old").await;
    app.clock.advance_seconds(60);
    let filter = "createdDateTime lt now() and riskLevel ne 'none'";
    let first = app.get(&format!("{EVENTS}/delta?$filter={}", filter.replace(' ', "%20"))).await.expect(200).json();
    assert_eq!(ids(&first), ["old"]);
    app.clock.advance_seconds(60);
    add_event(&app, "new").await;
    app.clock.advance_seconds(60);
    let (items, since) = round(&app, delta(&first)).await;
    assert_eq!(short(&items), "", "it was created after the question was asked");
    level(&app, "new", "low").await;
    level(&app, "old", "low").await;
    assert_eq!(short(&round(&app, &since).await.0), "~new old");
}

#[tokio::test]
async fn selections_are_kept_and_items_have_their_id() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_user(&app, "u2", "piet@fjord.example").await;
    let first = page(&app, &format!("{USERS}/delta?$select=displayName,department")).await;
    assert_eq!(first["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#users(displayName,department)"));
    let names = |item: &Value| {
        let names: Vec<_> = item.as_object().expect("an object").keys().map(String::as_str).collect();
        names.into_iter().filter(|name| !name.starts_with('@')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&first["value"][0]), "department displayName id");
    app.patch(&format!("{USERS}/u1"), &json!({"jobTitle": "x"})).await.expect(204);
    app.patch(&format!("{USERS}/u2"), &json!({"department": "IT", "jobTitle": "x"})).await.expect(204);
    let (items, since) = round(&app, delta(&first)).await;
    assert_eq!((short(&items).as_str(), names(&items[0]).as_str()), ("u2", "department displayName id"));
    delete(&app, format!("{USERS}/u1")).await;
    assert_eq!(short(&round(&app, &since).await.0), "-u1", "the end of an entity is a change of every property");

    let (_, since) = round(&app, &format!("{USERS}/delta")).await;
    app.patch(&format!("{USERS}/u2"), &json!({"usageLocation": "NO"})).await.expect(204);
    assert_eq!(short(&round(&app, &since).await.0), "u2", "without a selection every change counts");
}

#[tokio::test]
async fn minimal_items_hold_what_has_changed() {
    let app = TestApp::new().await;
    for id in ["e1", "e2"] {
        add_event(&app, id).await;
    }
    let filter = "$filter=riskEventStatus eq 'active'";
    let (_, all) = round(&app, &format!("{EVENTS}/delta")).await;
    let (_, active) = round(&app, &format!("{EVENTS}/delta?{filter}")).await;
    level(&app, "e1", "low").await;
    app.patch(&format!("{EVENTS}/e1"), &json!({"userDisplayName": "M. Lind"})).await.expect(200);
    add_event(&app, "e3").await;
    let minimal = async |path: &str| {
        let answer = app.get(path).header("prefer", "return=minimal, odata.maxpagesize=100").await.expect(200);
        assert_eq!(answer.header("preference-applied"), "odata.maxpagesize=100, return=minimal");
        answer.json()
    };
    let told = minimal(&all).await;
    let etag = app.get(&format!("{EVENTS}/e1")).await.header("etag").to_owned();
    let changed = json!({"@odata.type": TYPE, "@odata.etag": etag, "id": "e1", "userDisplayName": "M. Lind",
                         "riskLevel": "low"});
    assert_eq!(told["value"][1], changed);
    assert_eq!(told["value"][0]["riskEventStatus"], "active", "what is new comes whole");
    let active = minimal(&active).await;
    assert_eq!(active["value"][1], changed);

    // One that the reader may not have, since the filter looks at what has changed, comes whole.
    app.patch(&format!("{EVENTS}/e1"), &json!({"riskEventStatus": "remediated"})).await.expect(200);
    let gone = minimal(delta(&active)).await;
    assert_eq!(short(gone["value"].as_array().expect("a list")), "~e1");
    app.patch(&format!("{EVENTS}/e1"), &json!({"riskEventStatus": "active"})).await.expect(200);
    let back = minimal(delta(&gone)).await;
    assert_eq!(
        (short(back["value"].as_array().expect("a list")).as_str(), back["value"][0].get("userId").is_some()),
        ("e1", true)
    );

    // An id that is given to another entity is another entity.
    delete(&app, format!("{EVENTS}/e2")).await;
    add_event(&app, "e2").await;
    let again = minimal(delta(&told)).await;
    let items = again["value"].as_array().expect("a list");
    let again = items.iter().find(|item| item["id"] == "e2").expect("it is told");
    assert_eq!(again["riskLevel"], "high");
}

#[tokio::test]
async fn both_event_sets_tell_their_types() {
    let app = TestApp::new().await;
    let (_, since) = round(&app, &format!("{BASE}/delta")).await;
    add_event(&app, "e1").await;
    for path in [format!("{BASE}/delta"), since] {
        let (items, _) = round(&app, &path).await;
        assert_eq!((short(&items).as_str(), &items[0]["@odata.type"]), ("e1", &json!(TYPE)));
    }
    let bare = app.get(&format!("{BASE}/delta?$format=application/json;odata.metadata=none")).await.expect(200).json();
    let since = delta(&bare).to_owned();
    assert_eq!(bare.as_object().expect("an object").len(), 2, "the value and the link: {bare}");
    assert_eq!(bare["value"][0].get("@odata.type"), None);
    delete(&app, format!("{BASE}/e1")).await;
    let bare = app.get(&since).await.expect(200);
    assert!(bare.content_type().contains("odata.metadata=none"), "$format is kept too");
    assert_eq!(bare.json()["value"], json!([{"id": "e1", "@removed": {"reason": "deleted"}}]));
    let full = app.get(&format!("{USERS}/delta")).header("accept", "application/json;odata.metadata=full").await;
    assert!(delta(&full.expect(200).json()).contains("$deltatoken="));
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let app = TestApp::new().await;
    for (path, code) in [(format!("{EVENTS}/delta"), "BadRequest"), (format!("{USERS}/delta"), "Request_BadRequest")] {
        for option in
            ["$top=1", "$skip=1", "$orderby=id", "$expand=impactedUser", "$search=x", "$count=true", "$apply=x"]
        {
            let message = app.get(&format!("{path}?{option}")).await.refused(400, code);
            let name = option.split('=').next().expect("a name");
            assert_eq!(message, format!("the query option {name} does not apply to this resource"));
        }
        for wrong in ["$filter=nothing%20eq%201", "$select=nothing", "$filter=id%20eq", "$format=xml"] {
            app.get(&format!("{path}?{wrong}")).await.refused(400, code);
        }
        let long = format!("{path}?$filter=id%20eq%20'{}'", "x".repeat(16 << 10));
        let message = app.get(&long).await.refused(400, code);
        assert!(message.contains("at most 16384"), "{message}");
    }
    let behind = app.get(&format!("{EVENTS}/delta?$filter=impactedUser/mail%20eq%20null")).await.expect(400);
    assert_eq!(behind.json()["error"]["target"], "$filter");
    assert!(behind.refused(400, "BadRequest").contains("relation"));
    let reader = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    let call = app.get(&format!("{EVENTS}/delta?$filter=impactedUser/mail%20eq%20null")).token(&reader);
    call.await.refused(403, "Forbidden");
}

#[tokio::test]
async fn a_token_holds_its_question() {
    let app = TestApp::new().await;
    for id in ["e1", "e2"] {
        add_event(&app, id).await;
    }
    let query = "$filter=riskLevel eq @l&$select=riskLevel&@l='high'&mine=1";
    let first =
        app.get(&format!("{EVENTS}/delta?{}", query.replace(' ', "%20"))).header("prefer", "odata.maxpagesize=1");
    let first = first.await.expect(200).json();
    for token in [next(&first), delta(&page(&app, next(&first)).await)] {
        assert_eq!(token.matches('=').count(), 1, "everything is in the token: {token}");
        for same in ["", "&$select=riskLevel", "&@l='high'&$filter=riskLevel eq @l", "&other=2"] {
            page(&app, &format!("{token}{same}")).await;
        }
        for (other, target) in [
            ("&$select=riskLevel,id", "$select"),
            ("&$filter=riskLevel eq 'high'", "$filter"),
            ("&$format=json", "$format"),
            ("&@l='low'", "@`l`"),
            ("&@m='low'", "@`m`"),
        ] {
            let answer = app.get(&format!("{token}{other}").replace(' ', "%20")).await.expect(400);
            assert_eq!(answer.json()["error"]["target"], target, "{other}");
        }
    }
    // The links of a round that began without options take none.
    let (_, bare) = round(&app, &format!("{EVENTS}/delta")).await;
    app.get(&format!("{bare}&$select=id")).await.refused(400, "BadRequest");
    let both = format!("{bare}&$skiptoken={}", next(&first).split_once("skiptoken=").expect("a token").1);
    assert!(app.get(&both).await.refused(400, "BadRequest").contains("exclude each other"));
}

#[tokio::test]
async fn damaged_tokens_are_bad_and_foreign_ones_are_gone() {
    let app = TestApp::with_two_tenants().await;
    add_event(&app, "e1").await;
    add_event(&app, "e2").await;
    let (_, since) = round(&app, &format!("{EVENTS}/delta?$select=id")).await;
    let token = since.split_once("$deltatoken=").expect("a token").1;
    for wrong in ["x", "42", "la", &token[1..], &token[..token.len() - 1], &format!("{token}A"), "%C3%A4"] {
        for option in ["$deltatoken", "$skiptoken"] {
            let answer = app.get(&format!("{EVENTS}/delta?{option}={wrong}")).await.expect(400);
            assert_eq!(answer.json()["error"]["target"], option, "{wrong}");
        }
    }
    app.get(&format!("{EVENTS}/delta?$skiptoken=")).await.refused(400, "BadRequest");
    app.get(&format!("{EVENTS}?$skiptoken={token}")).await.refused(400, "BadRequest");
    let list = app.get(&format!("{EVENTS}?$top=1")).await.json();
    let of_list = next(&list).split_once("$skiptoken=").expect("a token").1;
    app.get(&format!("{EVENTS}/delta?$skiptoken={of_list}")).await.refused(400, "BadRequest");

    let other = app.token_of(1, PermissionSet::all());
    for (set, bearer) in [(EVENTS, other.as_str()), (BASE, app.token()), (USERS, app.token())] {
        for option in ["$deltatoken", "$skiptoken"] {
            let answer = app.get(&format!("{set}/delta?{option}={token}")).token(bearer).await.expect(410);
            assert_eq!(answer.header("location"), format!("{ORIGIN}{set}/delta?$deltatoken="));
            answer.refused(410, "SyncStateNotFound");
            page(&app, &format!("{set}/delta?$deltatoken=")).await;
        }
    }
    app.get(&since).await.expect(200);
}

#[tokio::test]
async fn tokens_last_for_seven_days() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    add_event(&app, "e2").await;
    let begun = app.get(&format!("{EVENTS}/delta?$select=id")).header("prefer", "odata.maxpagesize=1").await.json();
    let (_, since) = round(&app, &format!("{EVENTS}/delta?$filter=riskLevel eq 'high'&$select=id")).await;
    let day = 86_400;
    app.clock.advance_seconds(7 * day);
    let token = app.token_of(0, PermissionSet::all());
    let (begun, since) = (next(&begun), since.as_str());
    for link in [begun, since] {
        app.get(link).token(&token).await.expect(200);
    }
    let renewed = app.get(since).token(&token).await.json();
    app.clock.advance_seconds(1);
    for (link, query) in [(begun, "$select=id"), (since, "$filter=riskLevel%20eq%20'high'&$select=id")] {
        let answer = app.get(link).token(&token).await.expect(410);
        let location = answer.header("location").to_owned();
        assert_eq!(location, format!("{ORIGIN}{EVENTS}/delta?{query}&$deltatoken="));
        assert!(answer.refused(410, "SyncStateNotFound").contains("7 days"));
        let anew = app.get(path_of(&location)).token(&token).await.expect(200).json();
        assert_eq!(ids(&anew), ["e2", "e1"]);
    }
    app.clock.advance_seconds(7 * day - 1);
    let token = app.token_of(0, PermissionSet::all());
    app.get(delta(&renewed)).token(&token).await.expect(200);
}

#[tokio::test]
async fn batches_hold_deltas_too() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let (_, since) = round(&app, &format!("{EVENTS}/delta")).await;
    level(&app, "e1", "low").await;
    let requests = json!({"requests": [
        {"id": "1", "method": "GET", "url": since.strip_prefix("/v1.0").expect("our own")},
        {"id": "2", "method": "GET", "url": format!("{ORIGIN}{since}"), "headers": {"Prefer": "return=minimal"}},
        {"id": "3", "method": "GET", "url": "/users/delta()?$filter=displayName eq 'nobody \"here\"'"},
        {"id": "4", "method": "GET", "url": "/users/delta?$deltatoken=x"},
    ]});
    let answer = app.post("/v1.0/$batch", &requests).await.expect(200).json();
    let of = |id: &str| answer["responses"].as_array().expect("answers").iter().find(|one| one["id"] == id).expect(id);
    assert_eq!(of("1")["body"]["value"][0]["riskLevel"], "low");
    assert_eq!(of("2")["body"]["value"][0].get("userId"), None);
    assert_eq!((&of("3")["status"], &of("4")["status"]), (&json!(200), &json!(400)));
    assert_eq!(short(&round(&app, delta(&of("3")["body"])).await.0), "");
    round(&app, delta(&of("1")["body"])).await;
}

#[tokio::test]
async fn changes_are_looked_for_far_and_not_without_end() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let (_, since) = round(&app, &format!("{EVENTS}/delta?$filter=riskLevel eq 'low'&$select=riskLevel")).await;
    let toggle = async |times: usize| {
        let request = |at: usize| {
            json!({"id": at.to_string(), "method": "PATCH", "url": "/leakedCredentialsRiskEvents/e1", "atomicityGroup": "g",
                   "headers": {"Content-Type": "application/json"}, "body": {"userDisplayName": format!("{at}")}})
        };
        let requests: Vec<Value> = (0..20).map(request).collect();
        for _ in 0..times {
            app.post("/v1.0/$batch", &json!({"requests": requests})).await.expect(200);
        }
    };
    // More than is read at first, and still one page.
    toggle(60).await;
    app.post(EVENTS, &with(event(), &json!({"id": "e2", "riskLevel": "low"}))).await.expect(201);
    let page = app.get(&since).await.expect(200).json();
    assert_eq!((ids(&page), page.get("@odata.deltaLink").is_some()), (vec!["e2".to_owned()], true));
    // More than is looked through for one page.
    toggle(510).await;
    app.post(EVENTS, &with(event(), &json!({"id": "e3", "riskLevel": "low"}))).await.expect(201);
    let none = app.get(delta(&page)).await.expect(200).json();
    assert_eq!(ids(&none), Vec::<String>::new());
    let last = app.get(next(&none)).await.expect(200).json();
    assert_eq!((ids(&last), last.get("@odata.deltaLink").is_some()), (vec!["e3".to_owned()], true));
}
