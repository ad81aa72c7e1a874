//! Query options: those that are served, those that are not yet, and those that nobody knows.

use crate::samples::{EVENTS, USERS, add_event, add_user};
use testkit::app::TestApp;

const NOT_YET: [&str; 3] = ["$apply", "$compute", "$schemaversion"];

#[tokio::test]
async fn options_that_are_not_served_yet_are_named() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    for name in NOT_YET {
        let bare = &name[1..];
        for spelled in [name.to_owned(), bare.to_owned(), name.to_uppercase(), format!("%24{bare}"), format!("+{name}")]
        {
            for (set, query) in [(EVENTS, format!("{spelled}=x")), (USERS, format!("$top=1&{spelled}"))] {
                let answer = app.get(&format!("{set}?{query}")).await.expect(501);
                let error = &answer.json()["error"];
                assert_eq!((&error["code"], &error["target"]), (&"NotImplemented".into(), &name.into()), "{query}");
                assert_eq!(error["message"], format!("the query option {name} is not served yet"));
            }
        }
    }
    for name in ["$compute", "$schemaversion"] {
        for path in [format!("{EVENTS}/e1"), format!("{EVENTS}/e1/impactedUser")] {
            app.get(&format!("{path}?{name}=x")).await.refused(501, "NotImplemented");
        }
    }
    app.get(&format!("{EVENTS}/$count?$apply=x")).await.refused(501, "NotImplemented");
    // What is wrong as well is the client's to change.
    app.get(&format!("{USERS}?$select=displayName($top=1)")).await.refused(501, "NotImplemented");
    app.get(&format!("{USERS}?$select=displayName($top=1),nothing")).await.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn options_that_do_not_apply_are_refused() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    add_user(&app, "u1", "mara@fjord.example").await;
    for (path, options) in [
        (EVENTS.to_owned(), ["$deltatoken", "$id", "$index", "$levels"].as_slice()),
        (format!("{EVENTS}/e1"), &["$top", "$skiptoken", "$filter", "$orderby", "$count"]),
        (format!("{EVENTS}/$count"), &["$top", "$orderby", "$select"]),
        (format!("{EVENTS}/e1/impactedUser/$ref"), &["$top", "$select", "$id"]),
    ] {
        for option in options {
            let message = app.get(&format!("{path}?{option}=1")).await.refused(400, "BadRequest");
            assert_eq!(message, format!("the query option {option} does not apply to this resource"));
        }
    }
    app.get(&format!("{USERS}/u1?$top=1")).await.refused(400, "Request_BadRequest");
    app.delete(&format!("{EVENTS}/e1?$top=1")).await.refused(400, "BadRequest");
    app.get(&format!("{EVENTS}/e1")).await.expect(200);
}

#[tokio::test]
async fn unknown_options_with_a_dollar_are_refused_and_the_clients_own_are_passed_over() {
    let app = TestApp::new().await;
    for unknown in ["$nonsense=1", "%24nonsense", "$filters=x", "$", "$$top=1", "$top.x=1"] {
        let message = app.get(&format!("{EVENTS}?{unknown}")).await.refused(400, "BadRequest");
        assert!(message.ends_with("is not a query option of OData"), "{message}");
        app.get(&format!("{USERS}?{unknown}")).await.refused(400, "Request_BadRequest");
    }
    for own in ["foo=bar", "foo", "=", "&", "api-version=1.0", "a=b=c", "%26=%3D", "filters=x", "foo=1&foo=2"] {
        app.get(&format!("{EVENTS}?{own}")).await.expect(200);
    }
    for repeated in ["$top=1&$top=2", "$top=1&top=1", "$top=1&%24TOP=1"] {
        let message = app.get(&format!("{EVENTS}?{repeated}")).await.refused(400, "BadRequest");
        assert_eq!(message, "the query option $top occurs more than once");
    }
    for broken in ["foo%=1", "$top=%ff", "%zz=1", "$top=1%00"] {
        let message = app.get(&format!("{EVENTS}?{broken}")).await.refused(400, "BadRequest");
        assert!(message.ends_with("is not percent-encoded UTF-8"), "{message}");
    }
}

#[tokio::test]
async fn top_is_a_number_of_at_least_one() {
    let app = TestApp::new().await;
    for wrong in ["0", "-1", "", "x", "1.5", "+1", "%201", "1e3", "0x1", "٣", "00"] {
        let uri = format!("{EVENTS}?$top={}", wrong.replace('٣', "%D9%A3"));
        let answer = app.get(&uri).await;
        assert_eq!(answer.json()["error"]["target"], "$top", "{uri}");
        let message = answer.refused(400, "BadRequest");
        assert!(
            message.starts_with("$top is `") && message.ends_with("expected a whole number of at least 1"),
            "{message}"
        );
    }
}
