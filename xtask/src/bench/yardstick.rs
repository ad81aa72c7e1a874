//! The yardsticks: the least that an axum server can do for the same answers.

use crate::bench::data::{SET, TYPE};
use crate::bench::keys::{AUDIENCE, ISSUER};
use crate::bench::queries::PAGE;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use model::{Clock as _, Entropy as _, SystemClock, SystemEntropy};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use tokio::sync::{mpsc, oneshot};

/// Remembered tokens; more than that and all are forgotten.
const REMEMBERED: usize = 10_000;

/// The yardsticks' command line.
#[derive(Clone, Debug, clap::Parser)]
pub struct Options {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// Folder of the file that events are appended to
    #[arg(long)]
    data: PathBuf,
    /// The issuer's public RSA key, PEM
    #[arg(long)]
    key: PathBuf,
}

/// Serves until the process is ended.
pub async fn serve(options: Options) -> Result<()> {
    fs::create_dir_all(&options.data).with_context(|| format!("{}", options.data.display()))?;
    let key = fs::read(&options.key).with_context(|| format!("{}", options.key.display()))?;
    let yard = Yard {
        tokens: Tokens::of(&key)?,
        log: Log::open(&options.data.join("events.log"))?,
        event: constant_event(),
        lists: (0..=PAGE).map(constant_list).collect(),
    };
    let app = Router::new()
        .route("/readyz", get(|| async { "ready" }))
        .route(SET, get(list).post(create))
        .route(&format!("{SET}/{{id}}"), get(by_id))
        .with_state(Arc::new(yard));
    let listener = tokio::net::TcpListener::bind(options.listen).await.context("the address is not free")?;
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    Ok(axum::serve(listener, app).await?)
}

struct Yard {
    tokens: Tokens,
    log: Log,
    event: Bytes,
    /// Lists of no events, of one, and so on up to a page.
    lists: Vec<Bytes>,
}

async fn by_id(State(yard): State<Arc<Yard>>, headers: HeaderMap) -> Response<Body> {
    yard.constant(&headers, &yard.event)
}

/// As many rows as `$top` says; it must come last.
async fn list(State(yard): State<Arc<Yard>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let top = uri.query().and_then(|query| query.rsplit_once("$top=")).and_then(|(_, top)| top.parse().ok());
    match top.and_then(|top: usize| yard.lists.get(top)) {
        Some(list) => yard.constant(&headers, list),
        None => answer(StatusCode::BAD_REQUEST, "{}"),
    }
}

/// No token is asked for: the floor is the parsing and the sync.
async fn create(State(yard): State<Arc<Yard>>, body: Bytes) -> Response<Body> {
    let event = match serde_json::from_slice::<NewEvent<'_>>(&body) {
        Ok(new) => new.render(),
        Err(error) => return answer(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match yard.log.append(event).await {
        Some(event) => answer(StatusCode::CREATED, event),
        None => answer(StatusCode::INSUFFICIENT_STORAGE, "the file takes no more"),
    }
}

impl Yard {
    fn constant(&self, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
        if self.tokens.allow(headers) {
            answer(StatusCode::OK, body.clone())
        } else {
            answer(StatusCode::UNAUTHORIZED, "{}")
        }
    }
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(body.into()).expect("the parts are valid")
}

/// Verifies a token once and remembers it until it expires.
struct Tokens {
    key: DecodingKey,
    validation: Validation,
    known: RwLock<HashMap<Box<str>, i64>>,
}

#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

impl Tokens {
    fn of(pem: &[u8]) -> Result<Self> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        let key = DecodingKey::from_rsa_pem(pem).context("--key is no public RSA key in PEM")?;
        Ok(Self { key, validation, known: RwLock::default() })
    }

    fn allow(&self, headers: &HeaderMap) -> bool {
        let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = text.and_then(|text| text.strip_prefix("Bearer ")) else {
            return false;
        };
        if let Some(expires) = self.known.read().expect("no holder panics").get(token) {
            return *expires > SystemClock.now().unix_seconds();
        }
        let Ok(verified) = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation) else {
            return false;
        };
        let mut known = self.known.write().expect("no holder panics");
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(token.into(), verified.claims.exp);
        true
    }
}

/// A file that events are appended to, one sync for all that wait.
struct Log(mpsc::Sender<(Vec<u8>, oneshot::Sender<Vec<u8>>)>);

impl Log {
    fn open(path: &Path) -> Result<Self> {
        let mut file = File::create(path).with_context(|| format!("{}", path.display()))?;
        let (sender, mut waiting) = mpsc::channel::<(Vec<u8>, oneshot::Sender<Vec<u8>>)>(4096);
        std::thread::spawn(move || {
            let (mut lines, mut group) = (Vec::new(), Vec::new());
            while let Some(first) = waiting.blocking_recv() {
                lines.clear();
                let mut next = Some(first);
                while let Some((event, asker)) = next {
                    lines.extend_from_slice(&event);
                    lines.push(b'\n');
                    group.push((event, asker));
                    next = waiting.try_recv().ok();
                }
                // After a failure nobody is answered any more: the queue closes with this thread.
                if file.write_all(&lines).and_then(|()| file.sync_data()).is_err() {
                    return;
                }
                for (event, asker) in group.drain(..) {
                    asker.send(event).ok();
                }
            }
        });
        Ok(Self(sender))
    }

    /// Gives the event back once it is on disk.
    async fn append(&self, event: Vec<u8>) -> Option<Vec<u8>> {
        let (asker, answer) = oneshot::channel();
        self.0.send((event, asker)).await.ok()?;
        answer.await.ok()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewEvent<'a> {
    #[serde(borrow)]
    user_display_name: Cow<'a, str>,
    #[serde(borrow)]
    user_principal_name: Cow<'a, str>,
    #[serde(borrow)]
    risk_event_date_time: Cow<'a, str>,
    #[serde(borrow)]
    risk_event_type: Cow<'a, str>,
    #[serde(borrow)]
    risk_level: Cow<'a, str>,
    #[serde(borrow)]
    risk_event_status: Cow<'a, str>,
    #[serde(borrow)]
    closed_date_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(rename = "@odata.type")]
    odata_type: &'a str,
    id: &'a str,
    user_display_name: &'a str,
    user_principal_name: &'a str,
    risk_event_date_time: &'a str,
    risk_event_type: &'a str,
    risk_level: &'a str,
    risk_event_status: &'a str,
    closed_date_time: Option<&'a str>,
    created_date_time: &'a str,
    user_id: &'a str,
}

impl NewEvent<'_> {
    fn render(&self) -> Vec<u8> {
        let event = Event {
            odata_type: TYPE,
            id: &SystemEntropy.uuid_v4().to_string(),
            user_display_name: &self.user_display_name,
            user_principal_name: &self.user_principal_name,
            risk_event_date_time: &self.risk_event_date_time,
            risk_event_type: &self.risk_event_type,
            risk_level: &self.risk_level,
            risk_event_status: &self.risk_event_status,
            closed_date_time: self.closed_date_time.as_deref(),
            created_date_time: &SystemClock.now().to_string(),
            user_id: &self.user_id,
        };
        let mut out = Vec::with_capacity(640);
        serde_json::to_writer(&mut out, &event).expect("an event renders");
        out
    }
}

fn some_event() -> Vec<u8> {
    let new = NewEvent {
        user_display_name: "User 000042".into(),
        user_principal_name: "user000042@contoso.example".into(),
        risk_event_date_time: "2026-03-01T10:20:30Z".into(),
        risk_event_type: "LeakedCredentialsRiskEvent".into(),
        risk_level: "high".into(),
        risk_event_status: "remediated".into(),
        closed_date_time: Some("2026-03-02T10:20:30Z".into()),
        user_id: "0b7f0d4a-0000-4000-8000-00000000002a".into(),
    };
    new.render()
}

/// An event with its context, padded to 600 bytes.
fn constant_event() -> Bytes {
    let mut body = some_event();
    body.pop();
    body.extend_from_slice(br#","pad":""#);
    body.resize(598, b'x');
    body.extend_from_slice(b"\"}");
    body.into()
}

/// A list of so many events, about 500 bytes each.
fn constant_list(rows: usize) -> Bytes {
    let events = vec![some_event(); rows].join(&b","[..]);
    let mut body = br#"{"@odata.context":"$metadata#leakedCredentialsRiskEvents","value":["#.to_vec();
    body.extend_from_slice(&events);
    body.extend_from_slice(b"]}");
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::data::DataSet;

    #[test]
    fn constants_are_json_of_their_size() {
        let event: serde_json::Value = serde_json::from_slice(&constant_event()).expect("it is JSON");
        assert_eq!(event["riskLevel"], "high");
        assert_eq!(constant_event().len(), 600);
        for rows in [0, 1, 20, 100] {
            let list: serde_json::Value = serde_json::from_slice(&constant_list(rows)).expect("it is JSON");
            assert_eq!(list["value"].as_array().map(Vec::len), Some(rows));
        }
        assert!((40_000..60_000).contains(&constant_list(100).len()), "{}", constant_list(100).len());
    }

    #[test]
    fn an_event_is_rendered_as_it_was_sent() {
        let sent = DataSet::of(1_000).body(3);
        let text = sent.to_string();
        let new: NewEvent<'_> = serde_json::from_str(&text).expect("it parses");
        let event: serde_json::Value = serde_json::from_slice(&new.render()).expect("it is JSON");
        for (name, value) in sent.as_object().expect("it is an object") {
            assert_eq!(&event[name], value, "{name}");
        }
        assert!(event["id"].is_string() && event["createdDateTime"].is_string());
    }
}
