//! Connections that mean no good, or are merely broken: none may hang, end or slow the server, and
//! none is answered with 5xx.

use crate::{BINARY, EVENTS, event, folder};
use std::time::{Duration, Instant};
use testkit::server::http::{Connection, Response, request};
use testkit::server::{TestServer, wait_for};

/// Longer than the one second that slow ones get, and much shorter than the defaults.
const SOON: Duration = Duration::from_secs(8);

/// A server with little patience and little room.
fn start(data: &tempfile::TempDir) -> TestServer {
    TestServer::start_with(BINARY, data.path(), |program| {
        program.args(["--head-timeout", "1s", "--body-timeout", "1s", "--max-connections", "6"]).args([
            "--max-body",
            "65536",
            "--max-batch",
            "131072",
            "--max-head",
            "16384",
        ])
    })
}

/// The server still does its work, and has not failed meanwhile.
#[track_caller]
fn assert_sound(mut server: TestServer) {
    server.call("POST", EVENTS, Some(&event(1))).expect(201);
    assert!(server.process().ended().is_none());
    let outcome = server.stop();
    outcome.success();
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    assert!(!outcome.stderr.contains("\"level\":\"ERROR\""), "{outcome}");
}

/// Sends bytes over a connection of their own and reads one answer.
#[track_caller]
fn answer(server: &TestServer, bytes: impl AsRef<[u8]>) -> Response {
    let mut connection = server.connect();
    connection.send(bytes).expect("the server takes bytes");
    connection.response().expect("an answer")
}

#[test]
fn a_slow_head_is_cut_off() {
    let data = folder();
    let server = start(&data);
    let begun = Instant::now();
    for start in ["", "G", "GET /v1.0/users HTTP/1.1\r\nHost: a\r\nX-Slow: ", "PRI * HTTP/2.0\r\n"] {
        let mut connection = server.connect();
        connection.send(start).expect("the server takes bytes");
        let rest = connection.until_closed().unwrap_or_else(|error| panic!("after {start:?}: {error}"));
        assert!(!rest.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&rest));
    }
    assert!(begun.elapsed() < 4 * SOON, "it took {:?}", begun.elapsed());
    // Bytes that come one by one do not win time either.
    let mut connection = server.connect();
    let begun = Instant::now();
    connection.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ").expect("the server takes bytes");
    wait_for("the end of a head that drips", || {
        std::thread::sleep(Duration::from_millis(100));
        connection.send("x").is_err().then_some(())
    });
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    assert_sound(server);
}

#[test]
fn a_slow_body_is_408() {
    let data = folder();
    let server = start(&data);
    let whole = request("POST", EVENTS, server.token(), Some(&event(1)));
    let mut connection = server.connect();
    connection.send(&whole[..whole.len() - 5]).expect("the server takes bytes");
    let answer = connection.response().expect("an answer");
    assert_eq!(answer.error(408), "RequestTimeout");
    connection.until_closed().expect("what comes later cannot be told from a new request");
    assert_sound(server);
}

#[test]
fn a_body_that_breaks_off_harms_nobody() {
    let data = folder();
    let server = start(&data);
    let whole = request("POST", EVENTS, server.token(), Some(&event(1)));
    for length in [whole.len() - 1, whole.len() / 2, 10, 1] {
        server.connect().send(&whole[..length]).expect("the server takes bytes");
    }
    assert_eq!(server.call("GET", &format!("{EVENTS}/$count"), None).expect(200).text(), "0");
    assert_sound(server);
}

#[test]
fn an_oversized_head_is_a_bare_431() {
    let data = folder();
    let server = start(&data);
    let long = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-Many: 1\r\n".repeat(200));
    for head in [long, many] {
        let found = answer(&server, head).expect(431);
        assert!(found.body.is_empty(), "{}", found.text());
    }
    let path = answer(&server, format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(70_000)));
    assert!(matches!(path.status, 414 | 431), "{}", path.status);
    assert_sound(server);
}

#[test]
fn what_is_no_http_is_a_bare_400() {
    let data = folder();
    let server = start(&data);
    let broken: [&[u8]; 9] = [
        b"HELLO\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1.0/users\r\nHost: a\r\n\r\n",
        b"GET /v1.0/users HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /v1.0/users HTTP/1.1\r\nHost a\r\n\r\n",
        b"GET /v1.0/us ers HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /v1.0/users HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for bytes in broken {
        let found = answer(&server, bytes);
        assert_eq!((found.status, found.text().as_str()), (400, ""), "{:?}", String::from_utf8_lossy(bytes));
    }
    assert_sound(server);
}

/// Two lengths for one body, and the like: how requests are smuggled past a proxy.
#[test]
fn an_ambiguous_length_is_refused() {
    let data = folder();
    let server = start(&data);
    let token = server.token();
    let head = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    for framing in [
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "Transfer-Encoding: gzip\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
        "Content-Length: +2\r\n\r\n{}",
    ] {
        let found = answer(&server, format!("{head}{framing}"));
        assert_eq!(found.status, 400, "{framing:?}: {}", found.text());
    }
    assert_sound(server);
}

/// However fast the client sends, it gets to read why it was refused.
#[test]
fn an_oversized_body_is_413() {
    let data = folder();
    let server = start(&data);
    let token = server.token();
    let head = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    let large = "x".repeat(16 << 20); // more than the sockets' buffers hold
    let declared = format!("{head}Content-Length: {}\r\n\r\n{large}", large.len());
    let chunks = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        format!("1000\r\n{}\r\n", &large[..4096]).repeat(4096)
    );
    let nobody = format!("POST {EVENTS} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}", &large[..100_000]);
    // Most clients send all before they read anything.
    let answer = |server: &TestServer, bytes: &str| {
        let mut connection = server.connect();
        connection.send(bytes).expect("the server takes what it has refused, for a while");
        connection.response().expect("an answer")
    };
    for _ in 0..10 {
        assert_eq!(answer(&server, &declared).error(413), "RequestEntityTooLarge");
        assert_eq!(answer(&server, &chunks).error(413), "RequestEntityTooLarge");
        assert_eq!(answer(&server, &nobody).error(401), "InvalidAuthenticationToken");
    }
    assert_sound(server);
}

/// Idle connections have their time; then others get their place.
#[test]
fn idle_connections_do_not_keep_others_out() {
    let data = folder();
    let server = start(&data);
    let token = server.token().to_owned();
    let mut idle: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for (at, connection) in idle.iter_mut().enumerate() {
        match at % 3 {
            0 => {}
            1 => connection.send("PRI * HTTP/2.0").expect("the server's queue takes bytes"),
            _ => connection.send("GET / HTTP/1.1\r\n").expect("the server's queue takes bytes"),
        }
    }
    let begun = Instant::now();
    server.connect().call("GET", EVENTS, &token, None).expect("an answer").expect(200);
    assert!(begun.elapsed() < 3 * SOON, "it took {:?}", begun.elapsed());
    // Also those that have been served and then do nothing.
    let serve = |_| {
        let mut connection = server.connect();
        connection.call("GET", "/healthz", "", None).expect("an answer").expect(200);
        connection
    };
    let idle: Vec<_> = (0..6).map(serve).collect();
    server.connect().call("GET", EVENTS, &token, None).expect("an answer").expect(200);
    drop(idle);
    assert_sound(server);
}

/// An HTTP/2 connection without requests is idle too.
#[test]
fn an_idle_http2_connection_is_closed() {
    let data = folder();
    let server = start(&data);
    let mut connection = server.connect();
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("the server takes bytes");
    let rest = connection.until_closed().expect("the connection is closed");
    assert!(rest.len() >= 9 && rest[3] == 4, "it began with settings: {rest:?}");
    assert_sound(server);
}

/// A client that asks and asks and never reads is cut off.
#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let data = folder();
    let server = start(&data);
    let token = server.token().to_owned();
    for number in 0..100 {
        server.call("POST", EVENTS, Some(&event(number))).expect(201);
    }
    let mut deaf = server.connect();
    let ask = request("GET", &format!("{EVENTS}?$top=100"), &token, None);
    let ask = ask.repeat(500);
    let begun = Instant::now();
    let end = wait_for("the end of a client that does not read", || deaf.send(&ask).err());
    assert_ne!(end.kind(), std::io::ErrorKind::WouldBlock, "nobody has cut it off");
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    assert_sound(server);
}

#[test]
fn unusual_requests_are_answered_in_order() {
    let data = folder();
    let server = start(&data);
    let token = server.token().to_owned();
    let ask = |line: &str, headers: &str| {
        answer(&server, format!("{line}\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"))
    };
    let method = ask(&format!("BREW {EVENTS} HTTP/1.1"), "Host: a\r\n");
    assert_eq!(method.error(405), "Request_BadRequest");
    assert!(method.header("allow").is_some_and(|allow| allow.contains("POST")), "{method:?}");
    ask("TRACE / HTTP/1.1", "Host: a\r\n").expect(404);
    let connect = ask("CONNECT example.com:443 HTTP/1.1", "Host: a\r\n");
    assert!((400..500).contains(&connect.status), "{connect:?}");
    let star = ask("OPTIONS * HTTP/1.1", "Host: a\r\n");
    assert!(star.status < 500, "{star:?}");

    let old = ask(&format!("GET {EVENTS} HTTP/1.0"), "Host: a.test\r\n").expect(200);
    assert_eq!(old.json()["value"], serde_json::json!([]));
    ask("GET /healthz HTTP/1.0", "").expect(200);
    let absolute = ask(&format!("GET http://b.test{EVENTS} HTTP/1.1"), "Host: b.test\r\n").expect(200);
    assert!(
        absolute.json()["@odata.context"].as_str().is_some_and(|link| link.starts_with("http://b.test/")),
        "{absolute:?}"
    );

    for (line, headers) in [
        (format!("GET {EVENTS} HTTP/1.1"), ""),
        ("GET /healthz HTTP/1.1".to_owned(), ""),
        (format!("GET {EVENTS} HTTP/1.1"), "Host: a\r\nHost: b\r\n"),
        (format!("GET {EVENTS} HTTP/1.1"), "Host: a<script>\r\n"),
    ] {
        let found = ask(&line, headers);
        assert_eq!(found.status, 400, "{line} {headers:?}: {}", found.text());
    }
    assert_sound(server);
}

/// Requests that come before the answer to the one before are answered in their order.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let data = folder();
    let server = start(&data);
    let token = server.token().to_owned();
    let mut connection: Connection = server.connect();
    let all: Vec<u8> = (0..20).flat_map(|number| request("POST", EVENTS, &token, Some(&event(number)))).collect();
    connection.send(all).expect("the server takes bytes");
    for number in 0..20 {
        let answer = connection.response().expect("an answer").expect(201).json();
        assert_eq!(answer["userDisplayName"], format!("Person {number}"));
    }
    assert_sound(server);
}
