//! Whole requests through the router: whatever is sent, the server has no fault of its own, what it says
//! is well-formed, and the links that it gives lead on.

use super::check_message;
use super::world::World;
use crate::app::{HOST, ORIGIN};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use serde_json::Value;
use std::collections::HashSet;
use tower::ServiceExt as _;

/// How many links are followed from one page to the next.
const FOLLOWED: usize = 3;

/// Checks the headers of a read, each in a line `Name: value`.
pub(super) fn headers(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(headers) = fields(text.lines()) else { return };
    World::still(|world| {
        for path in ["/v1.0/identityRiskEvents?$top=2", "/beta/users/u1", "/v1.0/users/$count"] {
            let answer = send(world, Method::GET, path.parse().expect("a URI"), headers.clone(), Vec::new());
            check_answer(&answer);
        }
    });
}

/// Checks a request: `METHOD target`, header lines, an empty line and the body.
pub(super) fn request(input: &[u8]) {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut lines = head.split('\n');
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    let (Ok(method), Ok(target), Some(headers)) = (method.parse(), target.parse::<Uri>(), fields(lines)) else {
        return;
    };
    World::moving(|world| {
        let answer = send(world, method, target, headers, body.to_vec());
        check_answer(&answer);
        follow(world, &answer);
    });
}

/// Checks a batch in JSON.
pub(super) fn batch_json(input: &[u8]) {
    World::moving(|world| {
        let answer = batch(world, "application/json", input);
        check_answer(&answer);
        if answer.status != 200 {
            return;
        }
        let answered = json(&answer.body);
        let ids = |of: &Value, list: &str| -> Vec<String> {
            let items = of[list].as_array().unwrap_or_else(|| panic!("{of} has no {list}"));
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap_or_else(|| panic!("{item} has no id")).to_owned())
                .collect()
        };
        // What is passed over unread may hold half a surrogate pair, which no value can.
        if let Ok(asked) = serde_json::from_slice(strip(input)) {
            assert_eq!(ids(&answered, "responses"), ids(&asked, "requests"));
        }
        for item in answered["responses"].as_array().into_iter().flatten() {
            let status = item["status"].as_u64().unwrap_or_else(|| panic!("{item} has no status"));
            check_status(status as u16, item);
            if let Some(message) = item["body"]["error"]["message"].as_str() {
                check_message(message);
            }
        }
    });
}

/// A byte order mark is passed over.
fn strip(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// Checks a batch in parts: the `Content-Type` in the first line, then the body.
pub(super) fn batch_multipart(input: &[u8]) {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(media) = std::str::from_utf8(&input[..end]) else { return };
    if HeaderValue::from_str(media).is_err() {
        return;
    }
    World::moving(|world| {
        let answer = batch(world, media, &input[end + 1..]);
        check_answer(&answer);
        if answer.status != 200 || !answer.media().starts_with("multipart/mixed") {
            return;
        }
        let boundary = answer.media().split_once("boundary=").expect("a boundary").1.to_owned();
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.starts_with(&format!("--{boundary}")), "{text}");
        assert!(text.ends_with(&format!("--{boundary}--\r\n")), "{text}");
        for line in text.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")) {
            check_status(line[..3].parse().expect("a status"), &text);
        }
    });
}

fn batch(world: &World, media: &str, body: &[u8]) -> Answer {
    let media = HeaderValue::from_str(media).expect("looked at before");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media)]);
    send(world, Method::POST, "/v1.0/$batch".parse().expect("a URI"), headers, body.to_vec())
}

/// Reads header lines; `None` when they are none that a server would ever see.
fn fields<'t>(lines: impl Iterator<Item = &'t str>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?);
        if headers.len() > 100 {
            return None;
        }
    }
    Some(headers)
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether only the headers were asked for.
    is_head: bool,
}

impl Answer {
    fn media(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends a request with a token that may do everything, unless its headers say otherwise.
fn send(world: &World, method: Method, target: Uri, mut headers: HeaderMap, body: Vec<u8>) -> Answer {
    let usual = [(header::HOST, HOST.to_owned()), (header::AUTHORIZATION, format!("Bearer {}", world.app.token()))];
    for (name, value) in usual {
        headers.entry(name).or_insert_with(|| HeaderValue::try_from(value).expect("a header"));
    }
    let is_head = method == Method::HEAD;
    let mut request = Request::new(Body::from(body));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, target, headers);
    world.run(async {
        let Ok(response) = world.app.router().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 << 20).await.expect("a whole body");
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.to_vec(), is_head }
    })
}

#[track_caller]
fn check_status(status: u16, shown: &dyn std::fmt::Display) {
    assert!((200..500).contains(&status) || status == 501, "{status}: {shown}");
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

/// What every answer keeps.
fn check_answer(answer: &Answer) {
    let shown = String::from_utf8_lossy(&answer.body);
    check_status(answer.status, &shown);
    assert!(answer.headers.contains_key("request-id"), "{:?}", answer.headers);
    if answer.is_head {
        return; // the HTTP layer leaves out the body
    }
    if matches!(answer.status, 204 | 304) {
        return assert!(answer.body.is_empty(), "{shown}");
    }
    if answer.media().starts_with("application/json") {
        let body = json(&answer.body);
        if answer.status >= 400 && !body["error"].is_string() {
            let error = &body["error"];
            assert!(error["code"].as_str().is_some_and(|code| !code.is_empty()), "{body}");
            check_message(error["message"].as_str().unwrap_or_else(|| panic!("{body}")));
            for detail in error["details"].as_array().into_iter().flatten() {
                check_message(detail["message"].as_str().unwrap_or_else(|| panic!("{body}")));
            }
        }
    } else {
        assert!(answer.status < 400 || answer.body.is_empty(), "an error without a body of JSON: {shown}");
    }
}

/// Links to what was created and to further pages lead there.
fn follow(world: &World, answer: &Answer) {
    let created = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    if let Some(created) = created.filter(|_| matches!(answer.status, 201 | 204)) {
        let read = get(world, created);
        assert_eq!(read.status, 200, "{created}: {}", String::from_utf8_lossy(&read.body));
    }
    let mut seen = HashSet::new();
    let mut next = next_link(answer);
    for _ in 0..FOLLOWED {
        let Some(link) = next else { return };
        // The next round of a delta begins where the last one did while nothing changes.
        assert!(seen.insert(link.clone()) || link.contains("$deltatoken="), "{link} leads to itself");
        let page = get(world, &link);
        check_answer(&page);
        assert_eq!(page.status, 200, "{link}: {}", String::from_utf8_lossy(&page.body));
        next = next_link(&page);
    }
}

fn get(world: &World, link: &str) -> Answer {
    let target = link.strip_prefix(ORIGIN).unwrap_or(link);
    let target = target.parse().unwrap_or_else(|error| panic!("{error}: {link}"));
    send(world, Method::GET, target, HeaderMap::new(), Vec::new())
}

fn next_link(answer: &Answer) -> Option<String> {
    if answer.status != 200 || !answer.media().starts_with("application/json") || answer.is_head {
        return None;
    }
    let page = json(&answer.body);
    ["@odata.nextLink", "@odata.deltaLink"].iter().find_map(|name| page[name].as_str().map(str::to_owned))
}
