//! Logs: JSON lines for machines, and never a token, a secret or somebody's address.

use crate::{BINARY, EVENTS, event, folder};
use serde_json::{Value, json};
use testkit::server::TestServer;

#[test]
fn logs_are_json_and_hold_no_secret() {
    let data = folder();
    let server = TestServer::start_with(BINARY, data.path(), |program| program.arg("--quiet"));
    let token = server.token().to_owned();
    let add = ["apps", "add", "feed", "--permission", "User.Read.All"];
    let app = server.command(add).run().lines().remove(0);
    let secret = app["clientSecret"].as_str().expect("a secret").to_owned();
    let (id, tenant) = (app["clientId"].as_str().expect("an id"), app["tenant"].as_str().expect("an id"));
    let mut outputs = Vec::new();

    // What goes well, what is refused, and what does not fit, with values that stand out.
    let user = json!({
        "accountEnabled": true, "displayName": "Planted Person", "mailNickname": "planted",
        "userPrincipalName": "planted@mail.example", "passwordProfile": { "password": "Planted-Passw0rd" },
    });
    let mut bad = event(7);
    bad["userPrincipalName"] = json!("planted@mail.example\u{0}");
    bad["riskLevel"] = json!("planted-level");
    let long = "x".repeat(5000);
    for (method, path, body) in [
        ("POST", "/v1.0/users", Some(&user)),
        ("POST", "/v1.0/users", Some(&user)),
        ("GET", "/v1.0/users/planted@mail.example", None),
        ("GET", "/v1.0/users/nobody.planted@mail.example", None),
        ("POST", EVENTS, Some(&event(1))),
        ("POST", EVENTS, Some(&bad)),
        ("GET", &format!("{EVENTS}?$filter=userPrincipalName%20eq%20'planted@mail.example'"), None),
        ("GET", &format!("/v1.0/{long}"), None),
    ] {
        outputs.push(server.call(method, path, body).status.to_string());
    }
    for wrong in [format!("{token}x"), "planted-token".to_owned(), token.replace('.', "")] {
        server.connect().call("GET", EVENTS, &wrong, None).expect("an answer").expect(401);
    }
    for secret in [secret.as_str(), "planted-secret"] {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let head = "Host: a\r\nContent-Type: application/x-www-form-urlencoded";
        let path = format!("/{tenant}/oauth2/v2.0/token");
        let mut connection = server.connect();
        connection
            .send(format!("POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{form}", form.len()))
            .expect("sent");
        connection.response().expect("an answer");
    }
    outputs.push(server.command(["doctor"]).run().to_string());
    outputs.push(server.command(["apps", "list"]).run().to_string());
    outputs.push(server.command(["tenants", "list"]).run().to_string());
    let outcome = server.stop();
    outcome.success();
    for line in outcome.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string() && line["message"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    outputs.extend([outcome.stdout, outcome.stderr]);
    let all = outputs.join("\n");
    let signature = token.rsplit('.').next().expect("a token has parts");
    for planted in ["lanted", "@mail.example", "@fjord.example", &secret, signature, "Bearer ", "eyJ"] {
        assert!(!all.contains(planted), "`{planted}` is in what was written:\n{all}");
    }
}

#[test]
fn the_form_and_the_level_can_be_chosen() {
    let data = folder();
    let start = |format: &str, filter: &str| {
        let server = TestServer::start_with(BINARY, data.path(), |program| {
            program.args(["--quiet", "--log-format", format, "--log", filter])
        });
        server.call("GET", EVENTS, None).expect(200);
        server.stop()
    };
    let debug = start("json", "info,api=debug");
    assert!(debug.stderr.contains("\"level\":\"DEBUG\"") && debug.stderr.contains("dispatching"), "{debug}");
    assert!(!debug.stderr.contains("eyJ"), "{debug}");
    assert!(start("json", "info").stderr.lines().all(|line| line.starts_with('{')));
}
