//! graph-rs-sdk, the Graph client for Rust, against Spillwatch over plain http on loopback.

mod risk;

use anyhow::{Context as _, Result, bail};
use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::error::ErrorMessage;
use graph_rs_sdk::http::{BodyRead, Method, ODataNextLink as _, ResponseExt as _, Url};
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, ODataQuery as _};
use reqwest::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::process::ExitCode;

const EVENTS: &str = "leakedCredentialsRiskEvents";
const TYPE: &str = "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let url = std::env::var("SPILLWATCH_URL").context("SPILLWATCH_URL says where the server is")?;
    let token = std::env::var("SPILLWATCH_TOKEN").context("SPILLWATCH_TOKEN is the token")?;
    let service = Service { client: connect(&url, &token)? };
    let ids = service.create_and_get().await?;
    service.query(&ids).await?;
    service.pages(&url, &ids).await?;
    service.batch().await?;
    service.delta(&ids).await?;
    service.update_and_delete(&ids).await?;
    service.users().await?;
    service.errors().await?;
    risk::run(&service, &url).await?;
    let stranger = Service { client: connect(&url, "x.y.z")? };
    stranger.refused("a wrong token", 401, "InvalidAuthenticationToken", Method::GET, "seven", None).await
}

/// The client refuses hosts that are not Microsoft's, and http; its feature `test-util` allows both.
fn connect(url: &str, token: &str) -> Result<GraphClient> {
    let configuration = GraphClientConfiguration::new().access_token(token).https_only(false);
    let mut client = GraphClient::from(configuration);
    client.use_test_endpoint(&Url::parse(&format!("{url}/v1.0"))?);
    Ok(client)
}

struct Service {
    client: GraphClient,
}

impl Service {
    /// A request for the events, or one of them; the crate has no types for them.
    fn events(&self, method: Method, id: &str, body: Option<&Value>) -> RequestHandler {
        let body = body.map(|body| BodyRead::new(body.to_string()));
        let path: Vec<&str> = [EVENTS, id].into_iter().filter(|segment| !segment.is_empty()).collect();
        self.client.custom(method, body).extend_path(&path)
    }

    async fn ask(&self, method: Method, id: &str, body: Option<&Value>, status: u16) -> Result<Value> {
        answer(self.events(method, id, body).send().await?, status).await
    }

    async fn create_and_get(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for number in 1..=5 {
            let body = event(number, &json!({"riskLevel": if number % 2 == 1 { "high" } else { "low" }}));
            let created = self.ask(Method::POST, "", Some(&body), 201).await?;
            check("create: type", &created["@odata.type"], &json!(TYPE))?;
            let id = text(&created["id"])?;
            let read = self.ask(Method::GET, &id, None, 200).await?;
            for (name, value) in body.as_object().context("the body is an object")? {
                check(&format!("get {number}: {name}"), &read[name], value)?;
            }
            ids.push(id);
        }
        Ok(ids)
    }

    async fn query(&self, ids: &[String]) -> Result<()> {
        let request = self.events(Method::GET, "", None);
        let request = request.filter(&["riskLevel eq 'high' and riskEventDateTime gt 2026-03-01T23:10:04.2255665Z"]);
        let found = answer(request.order_by(&["riskEventDateTime", "desc"]).count("true").send().await?, 200).await?;
        check("filter: ids in order", &self::ids(&found)?, &vec![ids[4].clone(), ids[2].clone()])?;
        check("filter: count", &found["@odata.count"], &json!(2))?;
        let request = self.events(Method::GET, "", None).select(&["id", "riskLevel"]).skip("1").top("1");
        let found = answer(request.order_by(&["riskEventDateTime"]).send().await?, 200).await?;
        check("select: nothing else", &found["value"][0].get("userId"), &None)?;
        check("skip and top: id", &self::ids(&found)?, &vec![ids[1].clone()])?;
        let count = self.events(Method::GET, "$count", None).filter(&["riskLevel eq 'low'"]).send().await?;
        check("count of a filter", &count.text().await?, &"2".to_owned())
    }

    /// The crate's own way through all pages, by the exact key `@odata.nextLink`.
    async fn pages(&self, url: &str, ids: &[String]) -> Result<()> {
        let request = self.events(Method::GET, "", None).top("2").order_by(&["riskEventDateTime"]);
        let mut met = Vec::new();
        let mut sizes = Vec::new();
        for page in request.paging().json::<Value>().await? {
            let page = page.into_body()?;
            if let Some(link) = page.odata_next_link() {
                check("pages: the link is absolute", &link.starts_with(&format!("{url}/v1.0/")), &true)?;
            }
            let on_page = self::ids(&page)?;
            sizes.push(on_page.len());
            met.extend(on_page);
        }
        check("pages: sizes", &sizes, &vec![2, 2, 1])?;
        check("pages: ids", &met, &ids.to_vec())
    }

    async fn batch(&self) -> Result<()> {
        let json_type = json!({"Content-Type": "application/json"});
        let body = event(6, &json!({"id": "batched"}));
        let path = format!("/{EVENTS}/batched");
        let requests = json!({"requests": [
            {"id": "1", "method": "POST", "url": format!("/{EVENTS}"), "headers": json_type, "body": body},
            {"id": "2", "method": "GET", "url": path, "dependsOn": ["1"]},
            {"id": "3", "method": "PATCH", "url": path, "headers": json_type, "dependsOn": ["2"],
             "body": {"riskEventStatus": "remediated"}},
            {"id": "4", "method": "GET", "url": format!("/{EVENTS}/missing")},
            {"id": "5", "method": "DELETE", "url": path, "dependsOn": ["4"]},
        ]});
        let found = answer(self.client.batch(&requests).send().await?, 200).await?;
        let responses = found["responses"].as_array().context("a batch has responses")?;
        let by_id: BTreeMap<_, _> = responses.iter().map(|one| Ok((text(&one["id"])?, one))).collect::<Result<_>>()?;
        let statuses: Vec<_> = by_id.values().map(|one| one["status"].as_u64()).collect();
        check("batch: statuses", &statuses, &[201, 200, 200, 404, 424].map(Some).to_vec())?;
        check("batch: read after create", &by_id["2"]["body"]["riskEventStatus"], &json!("active"))?;
        check("batch: closed after read", &by_id["3"]["body"]["riskEventStatus"], &json!("remediated"))?;
        check("batch: error of an item", &by_id["4"]["body"]["error"]["code"], &json!("ResourceNotFound"))?;
        let still = self.ask(Method::GET, "batched", None, 200).await?;
        check("batch: the dependent was not run", &still["id"], &json!("batched"))
    }

    /// All items from a link to the delta link.
    async fn round(&self, link: Option<String>) -> Result<(BTreeMap<String, Value>, String)> {
        let mut items = BTreeMap::new();
        let mut request = self.events(Method::GET, "delta", None);
        if let Some(link) = link {
            *request.as_mut() = Url::parse(&link)?;
        }
        let mut delta_link = None;
        for page in request.paging().json::<Value>().await? {
            let page = page.into_body()?;
            check(
                "delta: one link",
                &(page.odata_next_link().is_some() ^ page["@odata.deltaLink"].is_string()),
                &true,
            )?;
            for item in page["value"].as_array().context("a page has a value")? {
                items.insert(text(&item["id"])?, item.clone());
            }
            delta_link = page["@odata.deltaLink"].as_str().map(str::to_owned);
        }
        Ok((items, delta_link.context("the last page has a delta link")?))
    }

    async fn delta(&self, ids: &[String]) -> Result<()> {
        let (items, link) = self.round(None).await?;
        let mut all = ids.to_vec();
        all.push("batched".to_owned());
        all.sort();
        check("delta: everything at first", &items.into_keys().collect::<Vec<_>>(), &all)?;
        let (items, link) = self.round(Some(link)).await?;
        check("delta: nothing new", &items.len(), &0)?;
        self.ask(Method::PATCH, &ids[1], Some(&json!({"riskLevel": "medium"})), 200).await?;
        self.ask(Method::DELETE, "batched", None, 204).await?;
        self.ask(Method::POST, "", Some(&event(7, &json!({"id": "seven"}))), 201).await?;
        let (items, _) = self.round(Some(link)).await?;
        check("delta: how many changed", &items.len(), &3)?;
        check("delta: the new value", &items[&ids[1]]["riskLevel"], &json!("medium"))?;
        check("delta: the removal", &items["batched"]["@removed"], &json!({"reason": "deleted"}))?;
        check("delta: the new event", &items["seven"]["userId"], &json!("user-7"))
    }

    async fn update_and_delete(&self, ids: &[String]) -> Result<()> {
        let change = json!({"riskEventStatus": "closedMfaAuto"});
        let updated = self.ask(Method::PATCH, &ids[0], Some(&change), 200).await?;
        check("update: status", &updated["riskEventStatus"], &json!("closedMfaAuto"))?;
        check("update: closed", &updated["closedDateTime"].is_string(), &true)?;
        check("update: the rest stays", &updated["userId"], &json!("user-1"))?;
        let read = self.ask(Method::GET, &ids[0], None, 200).await?;
        check("update: is kept", &read["closedDateTime"], &updated["closedDateTime"])?;
        self.ask(Method::DELETE, &ids[0], None, 204).await?;
        self.refused("get what was deleted", 404, "ResourceNotFound", Method::GET, &ids[0], None).await
    }

    /// The crate's own calls for users.
    async fn users(&self) -> Result<()> {
        let body = json!({"accountEnabled": true, "displayName": "Mara Lind", "mailNickname": "mara",
            "userPrincipalName": "mara@fjord.example", "passwordProfile": {"password": "not kept"}});
        let created = answer(self.client.users().create_user(&body).send().await?, 201).await?;
        let id = text(&created["id"])?;
        let read = answer(self.client.user("mara@fjord.example").get_user().send().await?, 200).await?;
        check("users: get by userPrincipalName", &read["id"], &json!(id))?;
        let list = self.client.users().list_user().filter(&["startswith(displayName,'Mara')"]).select(&["id"]);
        check("users: filter", &self::ids(&answer(list.send().await?, 200).await?)?, &vec![id.clone()])?;
        let changed = self.client.user(&id).update_user(&json!({"displayName": "Mara Berg"})).send().await?;
        check("users: update", &changed.status().as_u16(), &204)?;
        let delta = answer(self.client.users().delta().send().await?, 200).await?;
        check("users: delta", &delta["value"][0]["displayName"], &json!("Mara Berg"))?;
        check("users: delete", &self.client.user(&id).delete_user().send().await?.status().as_u16(), &204)?;
        let gone = self.client.user(&id).get_user().send().await?;
        check("users: get what was deleted", &gone.status().as_u16(), &404)?;
        let error = gone.into_graph_error_message().await?;
        check("users: code", &error.code_property(), &Some("Request_ResourceNotFound".to_owned()))
    }

    async fn errors(&self) -> Result<()> {
        let wrong = event(8, &json!({"riskLevel": "enormous"}));
        self.refused("create with a fault", 400, "BadRequest", Method::POST, "", Some(&wrong)).await?;
        let taken = event(8, &json!({"id": "seven"}));
        self.refused("an id that is taken", 409, "nameAlreadyExists", Method::POST, "", Some(&taken)).await
    }

    /// Makes a call that must fail, and looks at what the crate made of the error.
    async fn refused(
        &self,
        what: &str,
        status: u16,
        code: &str,
        method: Method,
        id: &str,
        body: Option<&Value>,
    ) -> Result<()> {
        let response = self.events(method, id, body).send().await?;
        check(&format!("{what}: status"), &response.status().as_u16(), &status)?;
        let kind = response.graph_error_type().is_some();
        check(&format!("{what}: the crate knows the status"), &kind, &true)?;
        let header = response.headers().get("request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let error: ErrorMessage = response.into_graph_error_message().await?;
        check(&format!("{what}: code"), &error.code_property().as_deref(), &Some(code))?;
        check(&format!("{what}: has a message"), &error.message().is_some_and(|text| !text.is_empty()), &true)?;
        check(&format!("{what}: has a request-id"), &header.is_some(), &true)?;
        check(&format!("{what}: request-id"), &error.request_id(), &header)
    }
}

/// The body of an answer that must have this status.
async fn answer(response: Response, status: u16) -> Result<Value> {
    let (url, found) = (response.url().clone(), response.status().as_u16());
    let body = response.text().await?;
    if found != status {
        bail!("WRONG status of {url}\n  found    {found} {body}\n  expected {status}");
    }
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(&body)? })
}

fn ids(page: &Value) -> Result<Vec<String>> {
    page["value"].as_array().context("a page has a value")?.iter().map(|item| text(&item["id"])).collect()
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is not a text"))
}

/// The body of one risk event; no two numbers give the same.
fn event(number: u32, changes: &Value) -> Value {
    let mut body = json!({
        "userId": format!("user-{number}"),
        "userDisplayName": format!("Mara Lind {number}"),
        "userPrincipalName": format!("mara{number}@fjord.example"),
        "riskEventDateTime": format!("2026-03-{number:02}T23:10:04.2255665Z"),
        "riskEventType": "leakedCredentials",
        "riskLevel": "low",
        "riskEventStatus": "active",
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// Prints what was found; an error when it is not what was expected.
fn check<T: Debug + PartialEq>(what: &str, found: &T, expected: &T) -> Result<()> {
    if found != expected {
        bail!("WRONG {what}\n  found    {found:?}\n  expected {expected:?}");
    }
    println!("ok {what}: {found:?}");
    Ok(())
}
