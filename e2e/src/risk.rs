//! Today's API through the crate: it has no calls for `identityProtection`, so the paths are given to it.

use crate::{Service, answer, check, event, ids, text};
use anyhow::{Context as _, Result};
use graph_rs_sdk::ODataQuery as _;
use graph_rs_sdk::error::ErrorMessage;
use graph_rs_sdk::http::{BodyRead, Method, ODataNextLink as _, ResponseExt as _, Url};
use serde_json::{Value, json};

/// All that is done with detections and users at risk.
pub async fn run(service: &Service, url: &str) -> Result<()> {
    for (number, level) in [(21, "low"), (22, "medium"), (23, "high")] {
        let body = event(number, &json!({"id": format!("risk-{number}"), "riskLevel": level}));
        service.ask(Method::POST, "", Some(&body), 201).await?;
    }
    detections(service, url).await?;
    users(service).await?;
    actions(service).await?;
    delta(service).await
}

/// A request for something of `identityProtection`.
fn request(service: &Service, method: Method, path: &[&str], body: Option<&Value>) -> super::RequestHandler {
    let body = body.map(|body| BodyRead::new(body.to_string()));
    let path: Vec<&str> = [&["identityProtection"], path].concat();
    service.client.custom(method, body).extend_path(&path)
}

async fn get(service: &Service, path: &[&str]) -> Result<Value> {
    answer(request(service, Method::GET, path, None).send().await?, 200).await
}

async fn detections(service: &Service, url: &str) -> Result<()> {
    let asked = request(service, Method::GET, &["riskDetections"], None);
    let asked = asked.filter(&["riskLevel eq 'high' and startswith(userId,'user-2')"]).count("true");
    let found = answer(asked.send().await?, 200).await?;
    check("detections: count", &found["@odata.count"], &json!(1))?;
    let one = &found["value"][0];
    for (name, value) in
        [("userId", "user-23"), ("riskState", "atRisk"), ("riskDetail", "none"), ("riskEventType", "leakedCredentials")]
    {
        check(&format!("detections: {name}"), &one[name], &json!(value))?;
    }
    let id = text(&one["id"])?;
    let read = get(service, &["riskDetections", &id]).await?;
    check("detections: by id", &read["activityDateTime"], &json!("2026-03-23T23:10:04.2255665Z"))?;
    let pages = request(service, Method::GET, &["riskDetections"], None).top("2");
    let pages = pages.filter(&["startswith(userId,'user-2') and userId gt 'user-20'"]);
    let (mut met, mut sizes) = (Vec::new(), Vec::new());
    for page in pages.order_by(&["activityDateTime"]).paging().json::<Value>().await? {
        let page = page.into_body()?;
        if let Some(link) = page.odata_next_link() {
            let begin = format!("{url}/v1.0/identityProtection/riskDetections?");
            check("detections: the link is absolute", &link.starts_with(&begin), &true)?;
        }
        let items = page["value"].as_array().context("a page has a value")?;
        sizes.push(items.len());
        met.extend(items.iter().map(|item| item["userId"].clone()));
    }
    check("detections: sizes of pages", &sizes, &vec![2, 1])?;
    check("detections: pages", &met, &vec![json!("user-21"), json!("user-22"), json!("user-23")])?;
    let gone = request(service, Method::GET, &["riskDetections", &"0".repeat(64)], None).send().await?;
    check("detections: an id that is not", &gone.status().as_u16(), &404)?;
    let error: ErrorMessage = gone.into_graph_error_message().await?;
    check("detections: code", &error.code_property().as_deref(), &Some("ResourceNotFound"))
}

async fn users(service: &Service) -> Result<()> {
    let asked = request(service, Method::GET, &["riskyUsers"], None);
    let asked = asked.filter(&["riskState eq 'atRisk' and id gt 'user-20' and id lt 'user-3'"]);
    let found = answer(asked.order_by(&["riskLevel", "desc"]).send().await?, 200).await?;
    let expected = ["user-23", "user-22", "user-21"].map(str::to_owned).to_vec();
    check("users at risk: in order", &ids(&found)?, &expected)?;
    let one = get(service, &["riskyUsers", "user-21"]).await?;
    check("users at risk: by id", &one["userPrincipalName"], &json!("mara21@fjord.example"))
}

async fn actions(service: &Service) -> Result<()> {
    for (action, id, state) in [
        ("dismiss", "user-21", "dismissed"),
        ("confirmCompromised", "user-22", "confirmedCompromised"),
        ("confirmSafe", "user-22", "confirmedSafe"),
    ] {
        let body = json!({"userIds": [id]});
        let done = request(service, Method::POST, &["riskyUsers", action], Some(&body)).send().await?;
        check(&format!("{action}: answered"), &done.status().as_u16(), &204)?;
        check(&format!("{action}: state"), &get(service, &["riskyUsers", id]).await?["riskState"], &json!(state))?;
    }
    let event = service.ask(Method::GET, "risk-21", None, 200).await?;
    check("dismiss: the event", &event["riskEventStatus"], &json!("dismissedAsIgnore"))?;
    let history = get(service, &["riskyUsers", "user-22", "history"]).await?;
    let states: Vec<_> = history["value"].as_array().into_iter().flatten().map(|item| &item["riskState"]).collect();
    check("history: from now to then", &json!(states), &json!(["confirmedSafe", "confirmedCompromised", "atRisk"]))
}

async fn delta(service: &Service) -> Result<()> {
    let asked = request(service, Method::GET, &["riskyUsers", "delta"], None);
    let pages = asked.filter(&["riskState eq 'atRisk'"]).paging().json::<Value>().await?;
    let last = pages.into_iter().next_back().context("there is a page")?.into_body()?;
    let body = json!({"userIds": ["user-23"]});
    request(service, Method::POST, &["riskyUsers", "dismiss"], Some(&body)).send().await?;
    let mut next = request(service, Method::GET, &["riskyUsers", "delta"], None);
    *next.as_mut() = Url::parse(&text(&last["@odata.deltaLink"])?)?;
    let told = answer(next.send().await?, 200).await?;
    let gone = json!([{"id": "user-23", "@removed": {"reason": "changed"}}]);
    check("delta: no longer at risk", &told["value"], &gone)
}
