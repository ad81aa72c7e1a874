//! Over a socket: what only the HTTP layer does.

use crate::samples::{EVENTS, add_event, event};
use api::Limits;
use api::server::{Listen, serve};
use std::net::SocketAddr;
use std::time::Duration;
use testkit::app::{HOST, TestApp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn listen(app: &TestApp, limits: Limits, only_from: &[&str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    let only_from = only_from.iter().map(|network| network.parse().expect("a network")).collect();
    let listen = Listen { tls: None, only_from, limits };
    let serving = tokio::spawn(serve(listener, app.router(), listen, stop.clone()));
    Server { address, stop, serving }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Sends bytes and reads until the server closes.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may close before it has read everything, which is what some tests want.
        let _ = stream.write_all(bytes).await;
        rest(&mut stream).await
    }
}

/// What comes until the connection ends, in whatever way.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = async {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..count]);
        }
    };
    timeout(PATIENCE, read).await.expect("the server closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn head(app: &TestApp, method: &str, path: &str, more: &str) -> String {
    let token = app.token();
    format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n{more}\r\n")
}

#[tokio::test]
async fn head_answers_the_head_of_get() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let server = listen(&app, Limits::default(), &[]).await;
    let path = format!("{EVENTS}/e1");
    let get = server.raw(head(&app, "GET", &path, "Connection: close\r\n").as_bytes()).await;
    let only_head = server.raw(head(&app, "HEAD", &path, "Connection: close\r\n").as_bytes()).await;
    let (get_head, body) = get.split_once("\r\n\r\n").expect("a body");
    assert_eq!(only_head.split_once("\r\n\r\n").expect("a head").1, "");
    let length = format!("content-length: {}", body.len());
    for part in ["HTTP/1.1 200 OK", "etag: W/\"1\"", "date: ", length.as_str()] {
        assert!(get_head.contains(part) && only_head.contains(part), "{part}: {only_head}");
    }
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_it_will_be_read() {
    let app = TestApp::new().await;
    let server = listen(&app, Limits::default(), &[]).await;
    let body = event().to_string();
    let more = format!(
        "Expect: 100-continue\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let known = head(&app, "POST", EVENTS, &more);
    let stranger = known.replace("Bearer ", "Bearer x");
    assert!(server.raw(stranger.as_bytes()).await.starts_with("HTTP/1.1 401 "));
    let answer = server.raw(format!("{known}{body}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created"), "{answer}");
}

#[tokio::test]
async fn framing_faults_are_refused_and_closed() {
    let app = TestApp::new().await;
    let server = listen(&app, Limits { head: 16 << 10, ..Limits::default() }, &[]).await;
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400"),
        (head(&app, "POST", EVENTS, "Content-Length: x\r\n"), "400"),
        (head(&app, "POST", EVENTS, "Content-Length: 1\r\nContent-Length: 2\r\n"), "400"),
        (head(&app, "POST", EVENTS, "Transfer-Encoding: nonsense\r\n"), "400"),
        (head(&app, "GET", EVENTS, &format!("X: {}\r\n", "x".repeat(20_000))), "431"),
    ] {
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:.60}: {answer}");
    }
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_is_not_waited_for() {
    let app = TestApp::new().await;
    let server = listen(&app, Limits { head_time: Duration::from_millis(50), ..Limits::default() }, &[]).await;
    let answer = server.raw(b"GET /v1.0/users HTTP/1.1\r\nHost:").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn only_the_proxy_is_served_where_there_is_one() {
    let app = TestApp::new().await;
    let request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let server = listen(&app, Limits::default(), &["192.0.2.0/24"]).await;
    assert_eq!(server.raw(request.as_bytes()).await, "");
    let server = listen(&app, Limits::default(), &["192.0.2.0/24", "127.0.0.0/8"]).await;
    assert!(server.raw(request.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_end() {
    let app = TestApp::new().await;
    let server = listen(&app, Limits::default(), &[]).await;
    let body = event().to_string();
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    let mut stream = server.connect().await;
    stream.write_all(head(&app, "POST", EVENTS, &more).as_bytes()).await.expect("sent");
    let mut asked = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut asked)).await.expect("in time").expect("the server asks for the body");
    server.stop.cancel();
    stream.write_all(body.as_bytes()).await.expect("sent");
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    timeout(PATIENCE, server.serving).await.expect("in time").expect("an orderly end");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "1");
}
