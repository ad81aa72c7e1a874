//! SCIM: lists, filters, and the parts of resources that are shown.

use crate::scim_users::{ENTERPRISE, USER, USERS, add, find, mara, patch, wrong};
use api::scim::{DEEPEST, Filter, LONGEST};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::app::TestApp;

fn names(list: &Value) -> Vec<&str> {
    let resources = list["Resources"].as_array().expect("a list");
    resources.iter().map(|user| user["userName"].as_str().unwrap_or_default()).collect()
}

/// Four users, of whom one is known to another directory only.
async fn four() -> TestApp {
    let app = TestApp::new().await;
    add(&app, &mara()).await;
    let ole = json!({"userName": "ole@fjord.example", "externalId": "e-2", "active": false,
        "name": {"familyName": "Dahl"}, "emails": [{"value": "ole@other.example", "type": "work"}]});
    add(&app, &ole).await;
    add(&app, &json!({"userName": "ida@fjord.example", "displayName": "Ida \"the\" Berg"})).await;
    crate::scim_jobs::import(&app, &crate::scim_jobs::caller(&app), "ad", "u4", "Liv@fjord.example").await;
    app
}

#[tokio::test]
async fn filters_keep_what_they_say() {
    let app = four().await;
    for (filter, expected) in [
        // RFC 7644, section 3.4.2.2, with our users.
        (r#"userName eq "mara@fjord.example""#, "Mara"),
        (r#"name.familyName co "ahl""#, "ole"),
        (r#"userName sw "M""#, "Mara"),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "m""#, "Mara"),
        ("title pr", ""),
        (r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, "ida Liv Mara ole"),
        (r#"meta.lastModified ge "2031-05-13T04:42:34Z""#, ""),
        (r#"meta.created le "2024-03-03T06:00:01Z""#, "ida Liv Mara ole"),
        (r#"title pr and userType eq "Employee""#, ""),
        (r#"title pr or userType eq "Intern""#, ""),
        (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, "Mara"),
        (r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#, ""),
        (r#"userType ne "Employee" and not (emails co "other.example" or emails.value co "fjord")"#, "ida Liv"),
        (r#"emails[type eq "work" and value co "@fjord.example"]"#, "Mara"),
        (r#"emails[type eq "home" and value co "@fjord.example"]"#, ""),
        (r#"emails[type eq "work"] or emails[type eq "home"]"#, "Mara ole"),
        (r#"emails[type eq "work"].value eq "OLE@other.example""#, "ole"),
        (r#"emails eq "mara@home.example""#, "Mara"),
        (r#"externalId eq "E-1""#, "Mara"),
        (r#"externalId eq "e-1""#, ""),
        (r#"externalId eq "E-2""#, ""),
        ("externalId pr", "Mara ole"),
        (r#"id eq "u4""#, "Liv"),
        (r#"id eq "U4""#, ""),
        (r#"id eq "u4" and active eq true"#, ""),
        ("active eq false", "ole"),
        (r#"active eq "True""#, "ida Mara"),
        ("active ne true", "Liv ole"),
        ("active pr", "ida Mara ole"),
        ("not (active pr)", "Liv"),
        ("active eq null", "Liv"),
        (r#"displayName eq "ida \"THE\" berg""#, "ida"),
        (r#"displayName ew "lind" or displayName ew "berg""#, "ida Mara"),
        ("displayName pr", "ida Liv Mara"),
        (r#"roles eq "administrator""#, "Mara"),
        (&format!(r#"{ENTERPRISE}:department eq "soc""#), "Mara"),
        (r#"USERNAME Eq "liv@fjord.example""#, "Liv"),
        (r#"userName eq "ole@fjord.example" or externalId eq "E-1""#, "Mara ole"),
        (r#"userName eq "nobody@fjord.example""#, ""),
        (r#"userName gt "l" and userName lt "n""#, "Liv Mara"),
        ("phoneNumbers[type eq \"mobile\"].value pr", ""),
    ] {
        let found = find(&app, filter).await;
        let mut users = names(&found);
        users.sort_by_key(|name| name.to_lowercase());
        let short: Vec<&str> = users.iter().filter_map(|name| name.split('@').next()).collect();
        assert_eq!(short.join(" "), expected, "{filter}");
        assert_eq!(found["totalResults"], users.len(), "{filter}");
    }
}

#[tokio::test]
async fn what_is_no_filter_is_told_so() {
    let app = TestApp::new().await;
    for filter in [
        "userName",
        "userName eq",
        "userName eq mara",
        "userName eq \"mara",
        "userName eq 7",
        "userName is \"x\"",
        "eq \"x\"",
        "nonsense eq \"x\"",
        "name.nonsense eq \"x\"",
        "emails[nonsense eq \"x\"]",
        "emails[type eq \"x\"",
        "emails[emails[type eq \"x\"]]",
        "userName[type eq \"x\"]",
        "(userName pr",
        "userName pr)",
        "userName pr userName pr",
        "userName pr and",
        "not userName pr",
        "active gt true",
        "active eq \"perhaps\"",
        "name eq \"x\"",
        "meta.created gt \"yesterday\"",
        "password pr",
        "password eq \"hunter2-planted\"",
        "urn:ietf:params:scim:schemas:core:2.0:Group:displayName pr",
    ] {
        let query: String = percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC).collect();
        let why = wrong(app.get(&format!("{USERS}?filter={query}")).await, 400, Some("invalidFilter"));
        assert!(!why.contains("hunter2"), "{why}");
    }
    wrong(app.get(&format!("{USERS}?count=many")).await, 400, Some("invalidValue"));
    wrong(app.get(&format!("{USERS}?sortBy=password")).await, 400, Some("invalidPath"));
}

#[tokio::test]
async fn pages_are_counted_from_one_and_sorted() {
    let app = four().await;
    let list = async |query: &str| {
        let list = app.get(&format!("{USERS}?sortBy=userName&attributes=userName&{query}")).await.expect(200).json();
        let short = names(&list).iter().map(|name| name[..3].to_lowercase()).collect::<Vec<_>>().join(" ");
        let number = |name: &str| list[name].as_u64().unwrap_or(99);
        (short, number("totalResults"), number("startIndex"), number("itemsPerPage"))
    };
    let is = |short: &str, total, start, items| (short.to_owned(), total, start, items);
    // By code point, upper case first.
    assert_eq!(list("").await, is("liv mar ida ole", 4, 1, 4));
    assert_eq!(list("startIndex=2&count=2").await, is("mar ida", 4, 2, 2));
    assert_eq!(list("startIndex=0&count=1").await, is("liv", 4, 1, 1));
    assert_eq!(list("startIndex=9").await, is("", 4, 9, 0));
    assert_eq!(list("count=0").await, is("", 4, 1, 0));
    assert_eq!(list("count=-1").await, is("", 4, 1, 0));
    assert_eq!(list("count=100000").await, is("liv mar ida ole", 4, 1, 4));
    assert_eq!(list("sortOrder=descending&count=2").await.0, "ole ida");
    assert_eq!(list("filter=active%20pr&startIndex=2&count=1").await, is("ida", 3, 2, 1));
    assert_eq!(list("filter=active%20pr&count=0").await, is("", 3, 1, 0));
    assert_eq!(list("filter=userName%20eq%20%22ole@fjord.example%22&startIndex=2").await, is("", 1, 2, 0));
}

#[tokio::test]
async fn a_search_is_a_list_with_a_body() {
    let app = four().await;
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "attributes": ["displayName", "userName"],
        "filter": "displayName pr",
        "sortBy": "displayName",
        "sortOrder": "descending",
        "startIndex": 1,
        "count": 2,
    });
    for path in ["/scim/v2/Users/.search", "/scim/v2/.search"] {
        let found = app.post(path, &search).await.expect(200).json();
        assert_eq!(found["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        assert_eq!((&found["totalResults"], &found["itemsPerPage"]), (&json!(3), &json!(2)));
        let first = &found["Resources"][0];
        assert_eq!(first.as_object().expect("a user").keys().len(), 4, "id, schemas and what was asked for: {first}");
    }
    wrong(app.post("/scim/v2/.search", &json!({"filter": "x"})).await, 400, Some("invalidFilter"));
    wrong(app.post("/scim/v2/.search", &json!({"filter": 7})).await, 400, Some("invalidSyntax"));
    wrong(app.get("/scim/v2/.search").await, 405, None);
}

#[tokio::test]
async fn attributes_are_shown_and_hidden() {
    let app = TestApp::new().await;
    let id = add(&app, &mara()).await;
    let shown = async |query: &str| {
        let mut user = app.get(&format!("{USERS}/{id}?{query}")).await.expect(200).json();
        let members = user.as_object_mut().expect("a user");
        assert_eq!(members.remove("id"), Some(json!(id)), "{query}");
        assert!(members.remove("schemas").is_some(), "{query}");
        user
    };
    assert_eq!(shown("attributes=userName").await, json!({"userName": "Mara@fjord.example"}));
    assert_eq!(
        shown(&format!("attributes={USER}:USERNAME,nonsense,password,title")).await,
        json!({
            "userName": "Mara@fjord.example"
        })
    );
    assert_eq!(
        shown("attributes=name.givenName,name.familyName").await,
        json!({
            "name": {"givenName": "Mara", "familyName": "Lind"}
        })
    );
    assert_eq!(
        shown("attributes=emails.value,emails.type").await["emails"][1],
        json!({
            "value": "mara@home.example", "type": "home"
        })
    );
    assert_eq!(shown(&format!("attributes={ENTERPRISE}")).await, json!({ENTERPRISE: {"department": "SOC"}}));
    assert_eq!(shown(&format!("attributes={ENTERPRISE}:department")).await, json!({ENTERPRISE: {"department": "SOC"}}));
    let less = shown(&format!("excludedAttributes=id,schemas,emails,name.formatted,meta,roles,{ENTERPRISE}")).await;
    assert_eq!(
        less,
        json!({
            "userName": "Mara@fjord.example", "externalId": "E-1", "displayName": "Mara Lind", "active": true,
            "name": {"givenName": "Mara", "familyName": "Lind"},
        })
    );
    let body = patch(&json!([{"op": "replace", "path": "active", "value": false}]));
    let answer = app.patch(&format!("{USERS}/{id}?attributes=active"), &body).await.expect(200).json();
    assert_eq!((&answer["active"], answer.get("userName")), (&json!(false), None));
}

#[test]
fn nesting_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}active pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(DEEPEST as usize - 1)).is_ok());
    assert!(Filter::parse(&nested(DEEPEST as usize)).is_err());
    assert!(Filter::parse(&"not (".repeat(2_000)).is_err());
    let long = format!("userName eq \"{}\"", "x".repeat(LONGEST));
    assert!(Filter::parse(&long).is_err());
    let many = vec!["active pr"; 300].join(" or ");
    assert!(Filter::parse(&many).is_ok());
}

proptest! {
    #[test]
    fn whatever_is_sent_is_read_or_refused(text in r#"(\PC|[()\[\]". ]|userName|emails|active| and | or |not |eq |pr|"x"|true){0,60}"#) {
        if let Ok(filter) = Filter::parse(&text) {
            let user = json!({"userName": "x", "emails": [{"value": "x", "type": "work"}], "active": true});
            let inverse = Filter::parse(&format!("not ({text})")).expect("it is nested one deeper");
            prop_assert_ne!(filter.matches(&user), inverse.matches(&user));
        }
    }

    #[test]
    fn and_and_or_are_what_they_say(bits in prop::collection::vec(any::<(bool, bool)>(), 1..20)) {
        let one = |value: bool| if value { "userName pr" } else { "displayName pr" };
        let mut text = one(bits[0].0).to_owned();
        let (mut any, mut all) = (false, bits[0].0);
        for (is_and, value) in &bits[1..] {
            text = format!("{text} {} {}", if *is_and { "AND" } else { "or" }, one(*value));
            if *is_and { all &= *value } else { any |= all; all = *value }
        }
        let user = json!({"userName": "x"});
        prop_assert_eq!(Filter::parse(&text).expect("a filter").matches(&user), any | all);
    }
}
