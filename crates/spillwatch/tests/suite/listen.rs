//! Where the server listens, who may connect, TLS, and where links point.

use crate::{BINARY, EVENTS, command, event, folder, needs};
use std::process::Command;
use testkit::server::{Program, TestServer, http, wait_for};

/// Where the links of an answer to these headers point.
fn links(server: &TestServer, headers: &str) -> String {
    let mut connection = server.connect();
    let token = server.token();
    let request =
        format!("GET {EVENTS} HTTP/1.1\r\nHost: inner.test\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
    connection.send(request).expect("the server takes bytes");
    let answer = connection.response().expect("an answer").expect(200).json();
    let link = answer["@odata.context"].as_str().expect("a link").to_owned();
    link.split_once("/v1.0").expect("a version").0.to_owned()
}

const FORWARDED: &str = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: risk.example\r\n";

#[test]
fn it_does_not_listen_in_clear_where_others_can_reach_it() {
    let data = folder();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let outcome = command(["serve", "--listen", address], data.path()).run();
        let told = outcome.failure(2);
        assert!(told.contains("without TLS every token could be read on the way"), "{told}");
        assert!(told.contains("--behind-proxy") && told.contains("--tls-cert"), "{told}");
    }
    assert!(!data.path().join("spillwatch.db").exists(), "nothing was made");
}

#[test]
fn forwarded_headers_are_a_strangers_words() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    assert_eq!(links(&server, ""), "http://inner.test");
    assert_eq!(links(&server, FORWARDED), "http://inner.test");
}

#[test]
fn a_named_proxy_is_believed() {
    let data = folder();
    let server = TestServer::start_with(BINARY, data.path(), |p| p.args(["--behind-proxy", "10.1.0.0/16,127.0.0.0/8"]));
    assert_eq!(links(&server, FORWARDED), "https://risk.example");
    assert_eq!(links(&server, ""), "http://inner.test");
    // It serves others: nobody's token is printed into a journal.
    assert!(!server.stderr().contains("eyJ"), "{}", server.stderr());
}

#[test]
fn behind_a_proxy_nobody_else_connects() {
    let data = folder();
    let server = TestServer::listening(BINARY, data.path(), |p| p.args(["--behind-proxy", "10.1.0.0/16"]));
    let mut connection = server.connect();
    drop(connection.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")); // it may be closed already
    assert_eq!(connection.until_closed().expect("it is closed"), b"");
    let told = "a connection that does not come from the proxy was closed";
    wait_for("a word in the log", || server.stderr().contains(told).then_some(()));
    server.stop().success();
}

#[test]
fn the_public_url_is_in_every_link() {
    let data = folder();
    let url = "https://risk.example/";
    let server = TestServer::start_with(BINARY, data.path(), |program| program.args(["--public-url", url]));
    assert_eq!(links(&server, FORWARDED), "https://risk.example");
    let created = server.call("POST", EVENTS, Some(&event(1))).expect(201);
    let location = created.header("location").expect("a Location");
    assert!(location.starts_with("https://risk.example/v1.0/leakedCredentialsRiskEvents"), "{location}");
    server.call("POST", EVENTS, Some(&event(2))).expect(201);
    let page = server.call("GET", &format!("{EVENTS}?$top=1"), None).expect(200).json();
    let next = page["@odata.nextLink"].as_str().expect("a next page");
    assert!(next.starts_with("https://risk.example/v1.0/"), "{next}");
    let tenant = server.command(["tenants", "list"]).run().lines()[0]["id"].as_str().expect("an id").to_owned();
    let discovery = format!("/{tenant}/v2.0/.well-known/openid-configuration");
    let discovery = http::get(server.address(), &discovery).expect("an answer").expect(200).json();
    for name in ["token_endpoint", "jwks_uri"] {
        assert!(discovery[name].as_str().is_some_and(|url| url.starts_with("https://risk.example/")), "{discovery}");
    }
}

/// The certificate is good for those who trust it, over both versions of HTTP, and stays the same.
#[test]
fn a_self_signed_certificate_is_kept() {
    needs("curl");
    let data = folder();
    let certificate = data.path().join("keys/self-signed.crt");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let server = TestServer::listening(BINARY, data.path(), |program| program.arg("--tls-self-signed"));
        let url = format!("https://localhost:{}{EVENTS}", server.address().port());
        let resolve = format!("localhost:{}:127.0.0.1", server.address().port());
        for (version, name) in [("--http2", "2"), ("--http1.1", "1.1")] {
            let output = Command::new("curl")
                .args([
                    "--silent",
                    "--show-error",
                    version,
                    "--resolve",
                    &resolve,
                    "--write-out",
                    "\n%{http_version} %{http_code}",
                ])
                .arg("--cacert")
                .arg(&certificate)
                .args(["--header", &format!("Authorization: Bearer {}", server.token()), &url])
                .output()
                .expect("curl runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(text.ends_with(&format!("\n{name} 200")), "{text}");
            assert!(text.contains("https://localhost:"), "links are https: {text}");
        }
        assert!(
            server.stderr().contains("curl -i --insecure 'https://"),
            "the example can be pasted: {}",
            server.stderr()
        );
        // Clear text on this port is no way in.
        let mut clear = server.connect();
        drop(clear.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!clear.until_closed().expect("it is closed").starts_with(b"HTTP/1.1 200"));
        seen.push(std::fs::read(&certificate).expect("the certificate is in the data folder"));
        server.stop().success();
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn tls_files_that_cannot_be_used_are_named() {
    let data = folder();
    let (certificate, key) = (data.path().join("chain.pem"), data.path().join("key.pem"));
    let serve = || {
        let program = Program::new(BINARY).args(["serve", "--listen", "127.0.0.1:0"]).data(data.path());
        program.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).run()
    };
    assert!(serve().failure(1).contains("chain.pem cannot be used"));
    std::fs::write(&certificate, "no certificate").expect("written");
    assert!(serve().failure(1).contains("chain.pem cannot be used: it holds no certificate in PEM"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, "no key").expect("written");
    let outcome = serve();
    assert!(outcome.failure(1).contains("key.pem cannot be used"), "{outcome}");
    let other = rcgen::KeyPair::generate().expect("a key");
    std::fs::write(&key, other.serialize_pem()).expect("written");
    let outcome = serve();
    assert!(outcome.failure(1).contains("the certificate and its key cannot be used"), "{outcome}");
}
