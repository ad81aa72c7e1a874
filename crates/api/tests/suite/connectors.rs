//! What SIEM connectors and scripts of others send, request by request, and what they do with the answers.
//!
//! The shapes were read off public sources, which each test names: facts about requests, nothing else. Elastic's
//! packages ask Graph for users only and take risk from an event hub; what they need of users is tested elsewhere.

use crate::samples::{EVENTS, add_user, event, with};
use model::{DetectionId, Ticks};

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use testkit::app::TestApp;

const DETECTIONS: &str = "/v1.0/identityProtection/riskDetections";
const RISKY_USERS: &str = "/v1.0/identityProtection/riskyUsers";

/// A query as libraries for forms write it: names and values percent-encoded, blanks as `+`.
fn form(options: &[(&str, &str)]) -> String {
    let mut query = String::new();
    for (name, value) in options {
        for (text, end) in [(name, '='), (value, '&')] {
            for byte in text.bytes() {
                match byte {
                    b' ' => query.push('+'),
                    b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'~' => query.push(char::from(byte)),
                    other => write!(query, "%{other:02X}").expect("a string takes every write"),
                }
            }
            query.push(end);
        }
    }
    query.pop();
    query
}

/// A link's path and query.
fn local(link: &str) -> &str {
    let at = link.find("/v1.0").or_else(|| link.find("/beta")).expect("a version");
    &link[at..]
}

async fn page(app: &TestApp, path: &str) -> Value {
    app.get(&path.replace(' ', "%20")).await.expect(200).json()
}

fn items(page: &Value) -> &[Value] {
    page["value"].as_array().expect("a list")
}

fn users(page: &Value) -> Vec<&str> {
    items(page).iter().map(|item| item.get("userId").unwrap_or(&item["id"]).as_str().expect("a text")).collect()
}

/// The loop that all connectors have. `between` happens after each page.
async fn follow(app: &TestApp, path: &str, mut between: impl AsyncFnMut(usize)) -> Vec<Value> {
    let (mut link, mut met) = (path.to_owned(), Vec::new());
    for round in 0..50 {
        let found = page(app, local(&link)).await;
        met.extend_from_slice(items(&found));
        between(round).await;
        match found["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut link),
            None => return met,
        }
    }
    panic!("{path} does not end")
}

async fn raise(app: &TestApp, id: &str, user: &str, level: &str) {
    let body =
        json!({"id": id, "userId": user, "userPrincipalName": format!("{user}@fjord.example"), "riskLevel": level});
    app.post(EVENTS, &with(event(), &body)).await.expect(201);
}

/// Seven users with an event each: `u0` to `u6`, low, medium, high, low ...
async fn seven(app: &TestApp) {
    for number in 0..7 {
        raise(app, &format!("e{number}"), &format!("u{number}"), ["low", "medium", "high"][number % 3]).await;
    }
}

/// `demisto/content`, `AzureRiskyUsers`: `$top` and `$filter`; for a later page it asks for all the earlier ones at
/// once, takes the token out of the link, and sends that with another `$top`.
#[tokio::test]
async fn demistos_azure_risky_users() {
    let app = TestApp::new().await;
    seven(&app).await;
    app.patch(&format!("{EVENTS}/e6"), &json!({"riskEventStatus": "remediated"})).await.expect(200);
    for (set, fields) in [
        (
            RISKY_USERS,
            &[
                "id",
                "userDisplayName",
                "userPrincipalName",
                "riskLevel",
                "riskState",
                "riskDetail",
                "riskLastUpdatedDateTime",
            ][..],
        ),
        (
            DETECTIONS,
            &[
                "id",
                "userId",
                "userDisplayName",
                "userPrincipalName",
                "riskDetail",
                "riskEventType",
                "riskLevel",
                "riskState",
                "lastUpdatedDateTime",
                "ipAddress",
                "detectionTimingType",
                "location",
            ],
        ),
    ] {
        let at_risk = ("$filter", "riskState eq 'atRisk'");
        let first = page(&app, &format!("{set}?{}", form(&[("$top", "2"), at_risk]))).await;
        assert_eq!(users(&first), ["u5", "u4"], "{set}");
        for field in fields {
            assert!(items(&first)[0].get(*field).is_some(), "{set}: {field} is missing: {first}");
        }
        // The third page of two.
        let before = page(&app, &format!("{set}?{}", form(&[("$top", "4"), at_risk]))).await;
        let link = before["@odata.nextLink"].as_str().expect("more follow");
        let token = link.split_once("$skiptoken=").expect("by this very name").1;
        let options = [("$top", "2"), ("$skiptoken", token), at_risk];
        assert_eq!(users(&page(&app, &format!("{set}?{}", form(&options))).await), ["u1", "u0"], "{set}");
        // No page after the last one: it looks for the link and finds none.
        let all = page(&app, &format!("{set}?{}", form(&[("$top", "6"), at_risk]))).await;
        assert!(all.get("@odata.nextLink").is_none(), "{set}");
        let both = form(&[("$top", "50"), ("$filter", "riskState eq 'atRisk' and riskLevel eq 'low'")]);
        assert_eq!(users(&page(&app, &format!("{set}?{both}")).await), ["u3", "u0"], "{set}");
        let one = items(&first)[0]["id"].as_str().expect("an id");
        assert_eq!(page(&app, &format!("{set}/{one}")).await["id"], one);
    }
}

/// `demisto/content`, `AzureADIdentityProtection`: `/beta`, the set as `RiskyUsers`; the link once more with its `%20`
/// turned into blanks and back; actions by their plain names.
#[tokio::test]
async fn demistos_identity_protection_of_beta() {
    let app = TestApp::new().await;
    seven(&app).await;
    let recent = "riskLevel eq 'low' and detectedDateTime gt 2021-07-28T00:10:00.000Z";
    let found = page(&app, &format!("/beta/riskDetections?{}", form(&[("$top", "50"), ("$filter", recent)]))).await;
    assert_eq!(users(&found).into_iter().collect::<BTreeSet<_>>(), ["u0", "u3", "u6"].into());
    assert_eq!(items(&found)[0]["riskType"], "leakedCredentials");
    let query = form(&[("$top", "5"), ("$filter", "userPrincipalName ne 'u4@fjord.example'")]);
    let found = page(&app, &format!("/beta/RiskyUsers?{query}")).await;
    let link = found["@odata.nextLink"].as_str().expect("more follow");
    let link = link.replace(' ', "%20").replace("%20", " ");
    assert_eq!(users(&page(&app, local(&link)).await), ["u0"]);
    let body = json!({"userIds": ["u1"]});
    app.post("/beta/riskyUsers/confirmCompromised", &body).await.expect(204);
    app.post("/beta/riskyUsers/dismiss", &body).await.expect(204);
    let history = page(&app, "/beta/RiskyUsers/u1/history?%24top=50").await;
    let told: Vec<_> = items(&history).iter().map(|item| item["riskState"].as_str().expect("a state")).collect();
    assert_eq!(told, ["dismissed", "confirmedCompromised", "atRisk"]);
}

/// `demisto/content`, `MicrosoftGraphIdentityandAccess`: options put together by hand, so that a `&` or a lone `?` is
/// left at the end; the newest time so far is the next bound.
#[tokio::test]
async fn demistos_identity_and_access() {
    let app = TestApp::new().await;
    seven(&app).await;
    for path in [
        format!("{DETECTIONS}?"),
        format!("{DETECTIONS}?$top=50&"),
        format!("{RISKY_USERS}?$top=50&$filter=riskLevel ne 'none'"),
        format!("{RISKY_USERS}/u1/history?$top=50&"),
    ] {
        assert!(!items(&page(&app, &path).await).is_empty(), "{path}");
    }
    for (set, time) in [(DETECTIONS, "detectedDateTime"), (RISKY_USERS, "riskLastUpdatedDateTime")] {
        let app = TestApp::new().await;
        seven(&app).await;
        let first = format!("{set}?$top=50&$filter={time} gt 2001-05-06T01:00:00.000Z");
        let found = page(&app, &first).await;
        assert_eq!(items(&found).len(), 7, "{set}");
        let times = items(&found).iter().map(|item| item[time].as_str().expect("a time"));
        let newest = times.max_by_key(|time| time.parse::<Ticks>().expect("a time")).expect("some");
        let next = format!("{set}?$top=50&$filter=(riskLevel ne 'none') and {time} gt {newest}");
        assert!(items(&page(&app, &next).await).is_empty(), "{next}");
        raise(&app, "late", "u9", "high").await;
        assert_eq!(users(&page(&app, &next).await), ["u9"], "{next}");
    }
}

/// Splunk Add-on for Microsoft Azure: everything at first, by the links; then in the order of the last change what
/// changed after the checkpoint, which is the greatest time so far, compared as text.
#[tokio::test]
async fn splunks_add_on() {
    for version in ["v1.0", "beta"] {
        let app = TestApp::new().await;
        for number in 0..45 {
            raise(&app, &format!("e{number}"), &format!("u{number}"), "low").await;
        }
        for (set, time) in [("riskDetections", "lastUpdatedDateTime"), ("riskyUsers", "riskLastUpdatedDateTime")] {
            let set = format!("/{version}/identityProtection/{set}");
            let all = follow(&app, &set, async |_| ()).await;
            assert_eq!(all.len(), 45, "three pages of {set}");
            let checkpoint = all.iter().map(|item| item[time].as_str().expect("a time")).max().expect("some");
            let next = format!("{set}?$orderby={time}&$filter={time} gt {checkpoint}");
            let before = follow(&app, &next, async |_| ()).await;
            for number in [3, 1, 2] {
                let status = json!({"riskEventStatus": if set.contains("Users") { "active" } else { "remediated" }});
                app.patch(&format!("{EVENTS}/e{number}"), &status).await.expect(200);
            }
            let after = follow(&app, &next, async |_| ()).await;
            let new: Vec<_> = after.iter().filter(|item| !before.contains(item)).collect();
            let met: Vec<_> = new.iter().map(|item| item.get("userId").unwrap_or(&item["id"])).collect();
            assert_eq!(met, ["u3", "u1", "u2"], "{next}");
        }
    }
}

/// `SEKOIA-IO/automation-library`, `MicrosoftEntraID`: from one time to another in ascending order, through Microsoft's
/// Python SDK, which encodes the names of options.
#[tokio::test]
async fn sekoias_windows_of_time() {
    let app = TestApp::new().await;
    seven(&app).await;
    let all = page(&app, &format!("{DETECTIONS}?$orderby=detectedDateTime asc")).await;
    let times: Vec<_> = items(&all).iter().map(|item| item["detectedDateTime"].as_str().expect("a time")).collect();
    let window = format!("detectedDateTime ge {} and detectedDateTime le {}", times[1], times[5]);
    let query = form(&[("$filter", &window), ("$orderby", "detectedDateTime asc"), ("$top", "2")]);
    let met = follow(&app, &format!("{DETECTIONS}?{query}"), async |_| ()).await;
    let met: Vec<_> = met.iter().map(|item| item["userId"].as_str().expect("an id")).collect();
    assert_eq!(met, ["u1", "u2", "u3", "u4", "u5"]);
    // One window after another leaves nothing out.
    let (before, after) = (format!("detectedDateTime lt {}", times[1]), format!("detectedDateTime gt {}", times[5]));
    for (filter, expected) in [(before, ["u0"]), (after, ["u6"])] {
        assert_eq!(users(&page(&app, &format!("{DETECTIONS}?{}", form(&[("$filter", &filter)]))).await), expected);
    }
}

/// The users on all pages, each once.
async fn who(app: &TestApp, path: &str) -> Vec<String> {
    let all = follow(app, path, async |_| ()).await;
    let text = |item: &Value| item.get("userId").unwrap_or(&item["id"]).as_str().expect("a text").to_owned();
    all.iter().map(text).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Scripts and playbooks: templates for `n8n`, PowerShell that sends mail about leaked credentials, `CIPP`, packages for
/// PHP, Microsoft's pages of permissions and of its risk API.
#[tokio::test]
async fn what_scripts_ask() {
    let app = TestApp::new().await;
    seven(&app).await;
    add_user(&app, "u0", "u0@fjord.example").await;
    app.post(&format!("{RISKY_USERS}/dismiss"), &json!({"userIds": ["u5"]})).await.expect(204);
    let everybody = &["u0", "u1", "u2", "u3", "u4", "u5", "u6"][..];
    let at_risk = &["u0", "u1", "u2", "u3", "u4", "u6"][..];
    for (query, expected) in [
        ("$filter=riskLevel eq 'high' and detectedDateTime ge SINCE", &["u2", "u5"][..]),
        ("$filter=riskLevel eq 'high'and detectedDateTime ge SINCE&$orderby=detectedDateTime desc", &["u2", "u5"]),
        ("$filter=RiskEventType eq 'leakedCredentials' and DetectedDateTime gt SINCE&$top=999", everybody),
        ("$filter=ActivityDateTime ge SINCE&$orderby=ActivityDateTime asc&$top=500", everybody),
        ("$orderBy=detectedDateTime desc&top=50", everybody),
        ("$filter=userId eq 'u3' and detectedDateTime ge SINCE&$orderby=detectedDateTime desc", &["u3"]),
        ("$filter=detectionTimingType eq 'offline' and riskState eq 'dismissed'", &["u5"]),
        ("$filter=riskDetail eq 'adminDismissedAllRiskForUser'", &["u5"]),
        ("$top=500&$select=id,userId,riskEventType,riskLevel,riskState,userPrincipalName,detectedDateTime", everybody),
    ] {
        let path = format!("{DETECTIONS}?{}", query.replace("SINCE", "2001-01-01T00:00:00Z"));
        assert_eq!(who(&app, &path).await, expected, "{path}");
    }
    for (query, expected) in [
        ("$filter=riskLevel ne 'none' and riskLevel ne 'hidden'&$top=100", at_risk),
        (
            "$filter=riskLevel eq microsoft.graph.riskLevel'medium' and riskState eq microsoft.graph.riskState'atRisk' \
             and riskLastUpdatedDateTime gt SINCE",
            &["u1", "u4"],
        ),
        (
            "$select=id,riskState,isDeleted&$top=500&$filter=riskState eq 'atRisk' and isDeleted eq false and \
             isProcessing eq false",
            at_risk,
        ),
        (
            "$filter=(riskLevel eq 'high' or riskLevel eq 'medium') and riskState eq 'atRisk'&$top=50&\
             $orderby=riskLastUpdatedDateTime desc",
            &["u1", "u2", "u4"],
        ),
        ("$filter=riskDetail eq 'adminDismissedAllRiskForUser'", &["u5"]),
        ("$filter=id eq 'u2'", &["u2"]),
        ("$filter=riskLastUpdatedDateTime gt SINCE&$top=1", everybody),
    ] {
        for set in [RISKY_USERS, "/beta/riskyUsers", "/beta/identityProtection/riskyUsers"] {
            let path = format!("{set}?{}", query.replace("SINCE", "2001-01-01T00:00:00Z"));
            assert_eq!(who(&app, &path).await, expected, "{path}");
        }
    }
    // With the header that Graph wants for some of it, and a count.
    let path = format!("{DETECTIONS}?%24filter=riskState%20eq%20'atRisk'&%24count=true&%24top=5");
    let counted = app.get(&path).header("consistencylevel", "eventual").await.expect(200).json();
    assert_eq!((&counted["@odata.count"], items(&counted).len()), (&json!(6), 5));
    let path = format!("{DETECTIONS}/$count?%24filter=riskState%20eq%20'atRisk'");
    assert_eq!(app.get(&path).header("consistencylevel", "eventual").await.expect(200).text(), "6");
}

/// Pages are read while events come in: whoever follows the links meets what was there exactly once, and in ascending
/// order of time what came meanwhile too.
#[tokio::test]
async fn pages_while_events_come_in() {
    let app = TestApp::new().await;
    for number in 0..30 {
        raise(&app, &format!("e{number}"), &format!("u{number}"), "low").await;
    }
    for (set, query, meets_new) in [
        (DETECTIONS, "$top=7", false),
        (DETECTIONS, "$top=7&$orderby=detectedDateTime", true),
        (DETECTIONS, "$top=7&$orderby=lastUpdatedDateTime desc", false),
        (DETECTIONS, "$top=7&$filter=lastUpdatedDateTime gt 2001-01-01T00:00:00Z&$orderby=lastUpdatedDateTime", true),
        (RISKY_USERS, "$top=7", false),
        (RISKY_USERS, "$top=7&$orderby=riskLastUpdatedDateTime", true),
        (RISKY_USERS, "$top=7&$filter=riskLastUpdatedDateTime gt 2001-01-01T00:00:00Z", true),
    ] {
        let path = format!("{set}?{query}");
        let old: BTreeSet<_> = ids(&follow(&app, &path, async |_| ()).await).into_keys().collect();
        let mut added = BTreeSet::new();
        let met = follow(&app, &path, async |round| {
            if round < 3 {
                let id = format!("new-{}-{round}", old.len());
                raise(&app, &id, &id, "high").await;
                added.insert(if set == DETECTIONS { DetectionId::of(&id).text().as_str().to_owned() } else { id });
            }
        });
        let met = ids(&met.await);
        assert!(met.values().all(|times| *times == 1), "{path}: {met:?}");
        assert!(old.iter().all(|id| met.contains_key(id)), "{path}: something was left out");
        assert_eq!(added.iter().all(|id| met.contains_key(id)), meets_new, "{path}");
        assert_eq!(met.len(), old.len() + if meets_new { added.len() } else { 0 }, "{path}");
    }
}

/// How often each id was met.
fn ids(items: &[Value]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for item in items {
        *times.entry(item["id"].as_str().expect("an id").to_owned()).or_default() += 1;
    }
    times
}

/// What some connectors write that is not OData: a refusal says what to change.
///
/// demisto's `AzureADIdentityProtection` gives the time of its command for risky users without a zone, and its `country`
/// looks into `location`; scripts compare times with days.
#[tokio::test]
async fn what_is_refused_says_why() {
    let app = TestApp::new().await;
    raise(&app, "e1", "u1", "high").await;
    // A time without a zone is one in UTC.
    let zoneless = format!("{RISKY_USERS}?$filter=riskLastUpdatedDateTime gt 2021-08-01T10:00:00.000000");
    let found = app.get(&zoneless.replace(' ', "%20")).await.expect(200).json();
    assert_eq!(found["value"][0]["id"], "u1");
    let day = format!("{DETECTIONS}?$filter=detectedDateTime ge 2024-01-01");
    let message = app.get(&day.replace(' ', "%20")).await.refused(400, "BadRequest");
    assert!(message.contains("add a time, such as"), "{message}");
    let inside = format!("{DETECTIONS}?$filter=location/countryOrRegion eq 'NO'");
    let message = app.get(&inside.replace(' ', "%20")).await.refused(501, "NotImplemented");
    assert!(message.contains("`location`"), "{message}");
}

/// Users whose risk changes between two pages: without an order, and in that of a name or of ascending time, none is
/// left out. Where the latest change comes first, one that changes meanwhile may be passed by; a poller finds it in its
/// next round, since that change is later than everything it has met.
#[tokio::test]
async fn pages_while_risks_change() {
    for (query, meets_all) in [
        ("$top=2", true),
        ("$top=2&$filter=riskLastUpdatedDateTime gt 2001-01-01T00:00:00Z", true),
        ("$top=2&$orderby=riskLastUpdatedDateTime desc", false),
        ("$top=2&$orderby=id", true),
        ("$top=2&$orderby=userPrincipalName desc", true),
        ("$top=2&$orderby=riskLastUpdatedDateTime", true),
    ] {
        let app = TestApp::new().await;
        seven(&app).await;
        let path = format!("{RISKY_USERS}?{query}");
        let met = follow(&app, &path, async |round| {
            if round < 3 {
                raise(&app, &format!("again-{round}"), "u1", "high").await;
            }
        });
        let mut met = met.await;
        if !meets_all {
            assert!(!ids(&met).contains_key("u1"), "{query}");
            let times = met.iter().map(|user| user["riskLastUpdatedDateTime"].as_str().expect("a time"));
            let checkpoint = times.max_by_key(|time| time.parse::<Ticks>().expect("a time")).expect("some");
            let next = format!("{RISKY_USERS}?$filter=riskLastUpdatedDateTime gt {checkpoint}");
            met.extend(follow(&app, &next, async |_| ()).await);
        }
        let all = ids(&met);
        let all: Vec<_> = all.keys().map(String::as_str).collect();
        assert_eq!(all, ["u0", "u1", "u2", "u3", "u4", "u5", "u6"], "{query}");
    }
}
