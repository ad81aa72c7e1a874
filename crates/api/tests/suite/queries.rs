//! `$filter`, `$orderby`, `$search`, `$count`, `$skip`, `$select` and `$expand` through the router.

use crate::samples::{EVENTS, USERS, add_user, event, with};
use model::Permission;
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

/// Five events: e0 to e4, levels and names apart.
async fn five(app: &TestApp) {
    let levels = ["low", "medium", "high", "high", "none"];
    let statuses = ["active", "remediated", "active", "dismissedAsFixed", "active"];
    for (at, (level, status)) in levels.into_iter().zip(statuses).enumerate() {
        let changes = json!({
            "id": format!("e{at}"),
            "riskLevel": level,
            "riskEventStatus": status,
            "riskEventDateTime": format!("2024-03-0{}T00:00:00Z", 5 - at),
            "userPrincipalName": format!("user{}@fjord.example", at % 2),
            "userId": format!("u{}", at % 2),
            "closedDateTime": null,
        });
        app.post(EVENTS, &with(event(), &changes)).await.expect(201);
    }
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["value"].as_array().expect("a list");
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let list = app.get(&format!("{EVENTS}?{}", query.replace(' ', "%20"))).await.expect(200).json();
    ids(&list).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn filters_keep_what_they_say() {
    let app = TestApp::new().await;
    five(&app).await;
    for (filter, expected) in [
        ("riskLevel eq 'high'", "e2 e3"),
        ("riskLevel eq microsoft.graph.riskLevel'high' and riskEventStatus eq 'active'", "e2"),
        ("riskLevel gt 'low' and riskLevel lt 'none'", "e1 e2 e3"),
        ("riskLevel in ('low', 'none')", "e0 e4"),
        ("not (riskLevel eq 'high')", "e0 e1 e4"),
        ("riskLevel ne 'high'", "e0 e1 e4"),
        ("UserPrincipalName eq 'user1@fjord.example'", "e3 e1"),
        ("userId eq 'u0' and riskLevel eq 'none'", "e4"),
        ("riskEventDateTime ge 2024-03-04T00:00:00Z", "e0 e1"),
        ("riskEventDateTime gt 2024-03-04T00:00:00Z", "e0"),
        ("riskEventDateTime ge 2024-03-04T01:00:00+01:00 and riskEventDateTime lt 2024-03-05T00:00:00Z", "e1"),
        ("id eq 'e3' or id eq 'e1'", "e3 e1"),
        ("id in ('e4','nobody')", "e4"),
        ("contains(userPrincipalName,'user1')", "e3 e1"),
        ("startswith(tolower(userDisplayName),'mara')", "e4 e3 e2 e1 e0"),
        ("closedDateTime eq null", "e4 e2 e0"),
        ("day(riskEventDateTime) eq 3", "e2"),
        ("createdDateTime le now()", "e0"), // the clock stands still; the others come a tick later each
        ("isof('microsoft.graph.leakedCredentialsRiskEvent')", "e4 e3 e2 e1 e0"),
        ("length(id) add 1 eq 4", ""),
        ("impactedUser/displayName eq 'nobody'", ""),
    ] {
        assert_eq!(found(&app, &format!("$filter={filter}")).await.join(" "), expected, "{filter}");
        let count = app.get(&format!("{EVENTS}/$count?$filter={}", filter.replace(' ', "%20"))).await.expect(200);
        assert_eq!(count.text(), expected.split_whitespace().count().to_string(), "{filter}");
    }
}

#[tokio::test]
async fn orders_and_pages_meet_each_row_once() {
    let app = TestApp::new().await;
    five(&app).await;
    for (order, expected) in [
        ("riskEventDateTime asc", "e4 e3 e2 e1 e0"),
        ("riskEventDateTime desc", "e0 e1 e2 e3 e4"),
        ("riskLevel desc,riskEventDateTime", "e4 e3 e2 e1 e0"),
        ("riskEventStatus,id desc", "e4 e2 e0 e1 e3"),
        ("userPrincipalName desc, riskLevel", "e1 e3 e0 e2 e4"),
        ("createdDateTime", "e0 e1 e2 e3 e4"),
        ("closedDateTime desc", "e3 e1 e4 e2 e0"),
        ("length(userDisplayName) mul 2,id", "e0 e1 e2 e3 e4"),
        ("impactedUser/displayName,id", "e0 e1 e2 e3 e4"),
    ] {
        assert_eq!(found(&app, &format!("$orderby={order}")).await.join(" "), expected, "{order}");
        for filter in ["", "&$filter=riskLevel ne 'hidden'", "&$filter=riskLevel in ('low','medium','high','none')"] {
            let (mut seen, mut url) =
                (Vec::new(), format!("{EVENTS}?$top=2&$orderby={order}{filter}").replace(' ', "%20"));
            loop {
                let page = app.get(&url).await.expect(200).json();
                seen.extend(ids(&page).into_iter().map(str::to_owned));
                match page["@odata.nextLink"].as_str() {
                    Some(link) => url = link.strip_prefix(ORIGIN).expect("our own link").to_owned(),
                    None => break,
                }
            }
            assert_eq!(seen.join(" "), expected, "{order} {filter}");
        }
    }
}

#[tokio::test]
async fn a_token_belongs_to_its_query() {
    let app = TestApp::new().await;
    five(&app).await;
    let first = app.get(&format!("{EVENTS}?$top=1&$orderby=riskLevel")).await.expect(200).json();
    let link = first["@odata.nextLink"].as_str().expect("more rows follow");
    let token = link.split("skiptoken=").nth(1).expect("a token");
    app.get(&format!("{EVENTS}?$top=3&$orderby=riskLevel&$skiptoken={token}")).await.expect(200);
    for other in ["", "$orderby=riskLevel%20desc&", "$orderby=riskLevel&$filter=riskLevel%20eq%20'low'&"] {
        app.get(&format!("{EVENTS}?{other}$skiptoken={token}")).await.refused(400, "BadRequest");
    }
    app.get(&format!("/v1.0/identityRiskEvents?$orderby=riskLevel&$skiptoken={token}"))
        .await
        .refused(400, "BadRequest");
}

#[tokio::test]
async fn counts_and_skips() {
    let app = TestApp::new().await;
    five(&app).await;
    let page = app.get(&format!("{EVENTS}?$count=true&$top=1&$skip=1&$orderby=id")).await.expect(200).json();
    assert_eq!((&page["@odata.count"], ids(&page)), (&json!(5), vec!["e1"]));
    let link = page["@odata.nextLink"].as_str().expect("more rows follow").strip_prefix(ORIGIN).expect("ours");
    let next = app.get(link).await.expect(200).json();
    assert_eq!((next.get("@odata.count"), ids(&next)), (None, vec!["e2"]), "skipped once, counted once");
    assert_eq!(found(&app, "$skip=5").await, Vec::<String>::new());
    let filtered = app.get(&format!("{EVENTS}?$count=true&$filter=riskLevel%20eq%20'high'&$top=1")).await.expect(200);
    assert_eq!(filtered.json()["@odata.count"], 2);
}

#[tokio::test]
async fn search_looks_through_the_texts() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "searched@fjord.example").await;
    five(&app).await;
    for (search, expected) in [
        ("mara", "e4 e3 e2 e1 e0"),
        ("USER1", "e3 e1"),
        ("\"user1@fjord\"", "e3 e1"),
        ("user1 OR e4", "e4 e3 e1"),
        ("mara NOT user1", "e4 e2 e0"),
        ("user1 AND e3", "e3"),
        ("nobody", ""),
    ] {
        let query = format!("$search={}", search.replace('"', "%22"));
        assert_eq!(found(&app, &query).await.join(" "), expected, "{search}");
    }
    let users = app.get(&format!("{USERS}?$search=searched")).await.expect(200).json();
    assert_eq!(ids(&users), ["u1"]);
}

#[tokio::test]
async fn selections_and_expansions_show_what_is_asked_for() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    five(&app).await;
    let list = app.get(&format!("{EVENTS}?$select=riskLevel,id&$filter=id%20eq%20'e1'")).await.expect(200);
    assert!(list.text().contains(r#""riskLevel":"medium","id":"e1"}]"#), "in the order that was asked for");
    let list = list.json();
    assert_eq!(list["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents(riskLevel,id)"));
    let item = list["value"][0].as_object().expect("an event");
    let names: Vec<_> = item.keys().filter(|name| !name.starts_with('@')).collect();
    assert_eq!(names, ["id", "riskLevel"]);

    let expand = "$select=id&$expand=impactedUser($select=id,displayName)";
    let list = app.get(&format!("{EVENTS}?{expand}&$orderby=id")).await.expect(200).json();
    assert_eq!(list["value"][0]["impactedUser"], Value::Null, "u0 is not in the directory");
    assert_eq!(list["value"][1]["impactedUser"]["id"], "u1");
    assert_eq!(list["value"][1]["impactedUser"].get("mail"), None);
    let context = format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents(id,impactedUser(id,displayName))");
    assert_eq!(list["@odata.context"], context);

    let one = app.get(&format!("{EVENTS}/e1?$expand=impactedUser")).await.expect(200).json();
    assert_eq!(one["riskLevel"], "medium");
    assert_eq!(one["impactedUser"]["userPrincipalName"], "mara@fjord.example");
    let user = app.get(&format!("{EVENTS}/e1/impactedUser?$select=accountEnabled")).await.expect(200).json();
    assert_eq!(user["accountEnabled"], true);
    let user = app.get(&format!("{USERS}/u1?$select=department,id")).await.expect(200).json();
    assert_eq!(user["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#users(department,id)/$entity"));
    assert_eq!((&user["department"], &user["id"], user.get("mail")), (&Value::Null, &json!("u1"), None));

    let filter = "$filter=impactedUser/displayName%20ne%20null&$orderby=id";
    assert_eq!(found(&app, filter).await.join(" "), "e1 e3");
}

#[tokio::test]
async fn what_is_not_understood_is_refused_with_its_place() {
    let app = TestApp::new().await;
    for (query, part) in [
        ("$filter=riskEventDateTime ge '2024-01-01T00:00:00Z'", "leave the quotes off"),
        ("$filter=riskLevell eq 'high'", "did you mean `riskLevel`"),
        ("$filter=riskLevel eq 'huge'", "low, medium, high"),
        ("$filter=riskLevel eq", "column"),
        ("$filter=(riskLevel eq 'high'", ")"),
        ("$orderby=nothing", "nothing"),
        ("$select=nothing", "nothing"),
        ("$skip=-1", "$skip"),
        ("$count=perhaps", "true or false"),
    ] {
        let message = app.get(&format!("{EVENTS}?{}", query.replace(' ', "%20"))).await.refused(400, "BadRequest");
        assert!(message.contains(part), "{query}: {message}");
    }
    app.get(&format!("{EVENTS}?$expand=nothing")).await.refused(400, "ExpandNotSupported");
    app.get(&format!("{USERS}?$filter=nothing%20eq%201")).await.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn users_behind_events_need_the_permission_for_users() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    five(&app).await;
    let token = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    for query in ["$expand=impactedUser", "$filter=impactedUser/mail%20eq%20null", "$orderby=impactedUser/mail"] {
        let message = app.get(&format!("{EVENTS}?{query}")).token(&token).await.refused(403, "Forbidden");
        assert!(message.contains("User.Read.All"), "{message}");
    }
    // A search goes through what the caller may see.
    let own = app.get(&format!("{EVENTS}?$search=user1")).token(&token).await.expect(200).json();
    assert_eq!(ids(&own), ["e3", "e1"]);
}
