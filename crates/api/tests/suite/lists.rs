//! Lists, their pages and counts.

use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, ids, path_of};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

/// Creates `e0`, `e1`, ... in this order, many with one sync.
async fn add_events(app: &TestApp, count: usize) {
    let events: Vec<String> = (0..count).map(|number| format!("e{number}")).collect();
    for chunk in events.chunks(20) {
        let requests: Vec<Value> = chunk
            .iter()
            .map(|id| {
                let body = crate::samples::with(crate::samples::event(), &json!({"id": id}));
                json!({"id": id, "method": "POST", "url": "/leakedCredentialsRiskEvents", "body": body,
                       "headers": {"Content-Type": "application/json"}})
            })
            .collect();
        app.post("/v1.0/$batch", &json!({"requests": requests})).await.expect(200);
    }
}

fn next(page: &Value) -> Option<String> {
    page.get("@odata.nextLink").map(|link| link.as_str().expect("a link").to_owned())
}

#[tokio::test]
async fn an_empty_set_has_a_value_and_no_link() {
    let app = TestApp::new().await;
    for (path, set) in [(EVENTS, "leakedCredentialsRiskEvents"), (BASE, "identityRiskEvents"), (USERS, "users")] {
        let answer = app.get(path).await.expect(200);
        assert_eq!(answer.text(), format!(r#"{{"@odata.context":"{ORIGIN}/v1.0/$metadata#{set}","value":[]}}"#));
        assert_eq!(answer.header("odata-version"), "4.0");
        let count = app.get(&format!("{path}/$count")).await.expect(200);
        assert_eq!((count.text().as_str(), count.content_type()), ("0", "text/plain"));
    }
}

#[tokio::test]
async fn items_are_whole_and_newest_first() {
    let app = TestApp::new().await;
    let first = crate::samples::without(add_event(&app, "a").await, "@odata.context");
    let second = crate::samples::without(add_event(&app, "b").await, "@odata.context");
    assert_eq!(app.get(EVENTS).await.json()["value"], json!([second, first]));
    let user = crate::samples::without(add_user(&app, "u1", "mara@fjord.example").await, "@odata.context");
    let list = app.get(USERS).await.expect(200).json();
    assert_eq!(list, json!({"@odata.context": format!("{ORIGIN}/v1.0/$metadata#users"), "value": [user]}));
}

#[tokio::test]
async fn pages_follow_each_other_and_end_without_a_link() {
    let app = TestApp::new().await;
    add_events(&app, 6).await;
    let first = app.get(&format!("{EVENTS}?$top=2")).await.expect(200).json();
    assert_eq!(ids(&first), ["e5", "e4"]);
    let link = next(&first).expect("more follows");
    assert!(link.starts_with(&format!("{ORIGIN}{EVENTS}?$top=2&$skiptoken=")), "{link}");
    let second = app.get(path_of(&link)).await.expect(200).json();
    assert_eq!(ids(&second), ["e3", "e2"]);
    let third = app.get(path_of(&next(&second).expect("more follows"))).await.expect(200).json();
    assert_eq!(ids(&third), ["e1", "e0"]);
    assert_eq!(next(&third), None, "nothing follows a last page that is full");
    for (query, count) in [("$top=6", 6), ("$top=7", 6), ("$top=5", 5), ("$top=4294967296000", 6)] {
        let page = app.get(&format!("{EVENTS}?{query}")).await.expect(200).json();
        assert_eq!((ids(&page).len(), next(&page).is_some()), (count, count < 6), "{query}");
    }
}

#[tokio::test]
async fn page_sizes_have_a_default_and_a_most() {
    let app = TestApp::new().await;
    add_events(&app, 520).await;
    let page = async |query: &str, prefer: Option<&str>| {
        let call = app.get(&format!("{EVENTS}{query}"));
        let call = if let Some(prefer) = prefer { call.header("prefer", prefer) } else { call };
        let answer = call.await.expect(200);
        (ids(&answer.json()).len(), answer.header("preference-applied").to_owned())
    };
    assert_eq!(page("", None).await, (20, String::new()));
    assert_eq!(page("?$top=1000", None).await, (500, String::new()));
    assert_eq!(page("", Some("odata.maxpagesize=3")).await, (3, "odata.maxpagesize=3".into()));
    assert_eq!(page("", Some("maxpagesize=30")).await, (30, "odata.maxpagesize=30".into()));
    assert_eq!(page("", Some("odata.maxpagesize=1000")).await, (500, "odata.maxpagesize=500".into()));
    assert_eq!(page("?$top=2", Some("odata.maxpagesize=5")).await, (2, "odata.maxpagesize=5".into()));
    assert_eq!(page("?$top=9", Some("odata.maxpagesize=5")).await, (5, "odata.maxpagesize=5".into()));
    for nothing in ["odata.maxpagesize=0", "odata.maxpagesize=-1", "odata.maxpagesize=x", "odata.maxpagesize"] {
        assert_eq!(page("", Some(nothing)).await, (20, String::new()), "{nothing}");
    }
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "520");
}

#[tokio::test]
async fn links_keep_the_callers_options_and_are_urls() {
    let app = TestApp::new().await;
    add_events(&app, 3).await;
    for (sent, kept) in [
        ("%24top=1", "%24top=1&"),
        ("top=1&foo=bar", "top=1&foo=bar&"),
        ("foo=a%20b&$TOP=1", "foo=a%20b&$TOP=1&"),
        ("$top=1&x='q'&y=%27", "$top=1&x='q'&y=%27&"),
        ("$top=1&&", "$top=1&"),
        ("$top=1&x=%22%3C", "$top=1&x=%22%3C&"),
    ] {
        let page = app.get(&format!("{EVENTS}?{sent}")).await.expect(200).json();
        let link = next(&page).expect("more follows");
        assert!(link.starts_with(&format!("{ORIGIN}{EVENTS}?{kept}$skiptoken=")), "{link}");
        let second = app.get(path_of(&link)).await.expect(200).json();
        assert_eq!(ids(&second), ["e1"], "{sent}");
        assert!(next(&second).expect("more follows").starts_with(&format!("{ORIGIN}{EVENTS}?{kept}$skiptoken=")));
    }
    // A batch's URLs come as JSON strings, so anything can stand in them.
    let url = "/leakedCredentialsRiskEvents?$top=1&x=ä b\n\"<#{}|^`\\[%41]";
    let batch = json!({"requests": [{"id": "1", "method": "GET", "url": url}]});
    let answer = app.post("/v1.0/$batch", &batch).await.expect(200).json();
    let link = next(&answer["responses"][0]["body"]).expect("more follows");
    assert!(
        link.starts_with(&format!(
            "{ORIGIN}{EVENTS}?$top=1&x=%C3%A4%20b%0A%22%3C%23%7B%7D%7C%5E%60%5C%5B%41%5D&$skiptoken="
        )),
        "{link}"
    );
    app.get(path_of(&link)).await.expect(200);
}

#[tokio::test]
async fn links_follow_the_version_the_host_and_the_case_of_the_set() {
    let app = TestApp::new().await;
    add_events(&app, 2).await;
    let page = app.get("/BETA/LeakedCredentialsRISKEvents/?$top=1").header("host", "other.example:8443").await.json();
    let link = next(&page).expect("more follows");
    assert!(
        link.starts_with("http://other.example:8443/beta/leakedCredentialsRiskEvents?$top=1&$skiptoken="),
        "{link}"
    );
    // The token is good in either version: there is one set.
    let token = link.split_once("$skiptoken=").expect("a token").1;
    assert_eq!(ids(&app.get(&format!("{EVENTS}?$skiptoken={token}")).await.expect(200).json()), ["e0"]);
}

#[tokio::test]
async fn page_tokens_that_are_not_ours_are_refused() {
    let app = TestApp::new().await;
    add_events(&app, 2).await;
    let page = app.get(&format!("{EVENTS}?$top=1")).await.json();
    let link = next(&page).expect("more follows");
    let token = link.split_once("$skiptoken=").expect("a token").1.to_owned();
    let mut tampered = token.clone();
    let first = if tampered.remove(0) == 'A' { 'B' } else { 'A' };
    tampered.insert(0, first);
    for wrong in ["", "x", "42", tampered.as_str(), &token[1..], &format!("{token}A"), &format!("{token}%20"), "%C3%A4"]
    {
        let answer = app.get(&format!("{EVENTS}?$skiptoken={wrong}")).await.expect(400);
        assert_eq!(answer.json()["error"]["target"], "$skiptoken", "{wrong}");
    }
    app.get(&format!("{BASE}?$skiptoken={token}")).await.refused(400, "BadRequest");
    app.get(&format!("{USERS}?$skiptoken={token}")).await.refused(400, "Request_BadRequest");
    app.get(&format!("{EVENTS}?$skiptoken={token}&$skiptoken={token}")).await.refused(400, "BadRequest");
    // It holds for another page size, and when its row is gone.
    app.delete(&format!("{EVENTS}/e1")).await.expect(204);
    let rest = app.get(&format!("{EVENTS}?$top=5&$skiptoken={token}")).await.expect(200).json();
    assert_eq!((ids(&rest), next(&rest)), (vec!["e0".to_owned()], None));
}

#[tokio::test]
async fn users_page_too() {
    let app = TestApp::new().await;
    for number in 0..3 {
        add_user(&app, &format!("u{number}"), &format!("u{number}@fjord.example")).await;
    }
    let first = app.get(&format!("{USERS}?$top=2")).await.expect(200).json();
    assert_eq!(ids(&first), ["u2", "u1"]);
    let second = app.get(path_of(&next(&first).expect("more follows"))).await.expect(200).json();
    assert_eq!((ids(&second), next(&second)), (vec!["u0".to_owned()], None));
    for header in [None, Some("eventual")] {
        let call = app.get(&format!("{USERS}/$count"));
        let call = if let Some(level) = header { call.header("consistencylevel", level) } else { call };
        assert_eq!(call.await.expect(200).text(), "3");
    }
}
