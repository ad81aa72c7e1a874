//! Tenants, apps and keys, changed by commands while the server runs: what they take away ends with
//! the very next request.

use crate::{BINARY, EVENTS, event, folder};
use serde_json::Value;
use testkit::server::TestServer;
use testkit::server::http::{Connection, Response};

/// Asks the token endpoint, with the secret in the form.
fn ask_token(server: &TestServer, tenant: &str, app: &Value) -> Response {
    let (id, secret) = (text(app, "clientId"), text(app, "clientSecret"));
    let form = format!(
        "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
    let mut connection = server.connect();
    let head = "Host: a\r\nContent-Type: application/x-www-form-urlencoded";
    let request =
        format!("POST /{tenant}/oauth2/v2.0/token HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{form}", form.len());
    connection.send(request).expect("the server takes bytes");
    connection.response().expect("an answer")
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_else(|| panic!("no {name} in {object}")).to_owned()
}

fn status(connection: &mut Connection, token: &str) -> u16 {
    connection.call("GET", EVENTS, token, None).expect("an answer").status
}

#[test]
fn client_credentials_end_to_end() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    let add = ["apps", "add", "nightly feed", "--permission", "IdentityRiskEvent.Read.All"];
    let outcome = server.command(add).run();
    let app = outcome.lines().remove(0);
    assert!(outcome.stderr.contains("The secret is not shown again"), "{outcome}");
    let tenant = text(&app, "tenant");

    let answer = ask_token(&server, &tenant, &app).expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &3600.into()));
    let token = text(&answer, "access_token");
    let mut connection = server.connect();
    assert_eq!(status(&mut connection, &token), 200);
    let refused = connection.call("POST", EVENTS, &token, Some(&event(1))).expect("an answer");
    assert_eq!(refused.error(403), "Forbidden");
    assert!(refused.text().contains("IdentityRiskEvent.ReadWrite.All"), "{}", refused.text());

    // A second secret, the first taken away: no gap.
    let id = text(&app, "clientId");
    let second = server.command(["apps", "add-secret", &id]).run().lines().remove(0);
    let third = server.command(["apps", "add-secret", &id]).run();
    assert!(third.failure(1).contains("the app has two secrets already; remove one first"), "{third}");
    ask_token(&server, &tenant, &app).expect(200);
    ask_token(&server, "common", &second).expect(200);
    let listed = server.command(["apps", "list"]).run().lines().remove(0);
    assert_eq!(listed["clientId"], id.as_str());
    assert!(!listed.to_string().contains(&text(&app, "clientSecret")), "{listed}");
    let first = listed["secrets"][0].as_str().expect("a secret has an id").split(' ').next().expect("an id");
    server.command(["apps", "remove-secret", &id, first]).run().success();
    assert_eq!(ask_token(&server, &tenant, &app).expect(401).json()["error"], "invalid_client");
    ask_token(&server, &tenant, &second).expect(200);

    // The app is removed: its token ends with the next request, on the same connection.
    assert_eq!(status(&mut connection, &token), 200);
    server.command(["apps", "remove", &id]).run().success();
    assert_eq!(status(&mut connection, &token), 401);
    assert_eq!(ask_token(&server, &tenant, &second).expect(401).json()["error"], "invalid_client");
    let again = server.command(["apps", "remove", &id]).run();
    assert!(again.failure(1).contains(&format!("there is no app {id}; `spillwatch apps list` shows")), "{again}");
    assert_eq!(server.command(["apps", "list"]).run().lines().len(), 0);
    server.stop().success();
}

#[test]
fn tenants_come_and_go_while_the_server_runs() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    server.call("POST", EVENTS, Some(&event(1))).expect(201);
    let id = "9f3cbb0e-27a6-4a6c-9a57-0a4b7f2f6d11";
    let add = || server.command(["tenants", "add", "Fjord", "--id", id]).run();
    assert_eq!(add().success(), id);
    assert!(add().failure(1).contains("exists already"));
    let names: Vec<_> = server.command(["tenants", "list"]).run().lines().iter().map(|t| text(t, "name")).collect();
    assert_eq!(names, ["default", "Fjord"]);

    let token = server.command(["token", "--tenant", id]).run().success().to_owned();
    let mut connection = server.connect();
    let seen = connection.call("GET", EVENTS, &token, None).expect("an answer").expect(200).json();
    assert_eq!(seen["value"], serde_json::json!([]), "another tenant's rows");
    connection.call("POST", EVENTS, &token, Some(&event(2))).expect("an answer").expect(201);

    let unsure = server.command(["tenants", "remove", id]).run();
    assert!(unsure.failure(2).contains("this deletes the tenant `Fjord` with all its events"), "{unsure}");
    assert_eq!(status(&mut connection, &token), 200);
    server.command(["tenants", "remove", id, "--yes"]).run().success();
    assert_eq!(status(&mut connection, &token), 401);
    let gone = server.command(["token", "--tenant", id]).run();
    assert!(gone.failure(1).contains("`spillwatch tenants list` shows those that there are"), "{gone}");
    // What belongs to the other tenant is untouched.
    assert_eq!(server.call("GET", &format!("{EVENTS}/$count"), None).expect(200).text(), "1");
    server.command(["doctor"]).run().success();
    server.stop().success();
}

#[test]
fn a_key_is_rotated_while_the_server_runs() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    let before = server.token().to_owned();
    let mut connection = server.connect();
    assert_eq!(status(&mut connection, &before), 200);
    let first = server.command(["keys", "rotate"]).run().success().to_owned();
    assert_eq!(status(&mut connection, &before), 200, "tokens of the old key live out their hour");
    let between = server.command(["token"]).run().success().to_owned();
    assert_eq!(status(&mut connection, &between), 200);

    let second = server.command(["keys", "rotate", "--remove-old"]).run().success().to_owned();
    assert_ne!(first, second);
    assert_eq!(status(&mut connection, &before), 401);
    assert_eq!(status(&mut connection, &between), 401);
    let after = server.command(["token"]).run().success().to_owned();
    assert_eq!(status(&mut connection, &after), 200);
    server.stop().success();
}

/// A token carries what was asked for, for as long as was asked.
#[test]
fn tokens_of_the_command_line() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    let users_only = ["token", "--permission", "User.Read.All"];
    let mut connection = server.connect();
    let token = server.command(users_only).run().success().to_owned();
    assert_eq!(status(&mut connection, &token), 403);
    connection.call("GET", "/v1.0/users", &token, None).expect("an answer").expect(200);
    let short = server.command(users_only).args(["--ttl", "1s"]).run().success().to_owned();
    let told = testkit::server::wait_for("the token to expire", || {
        let answer = connection.call("GET", "/v1.0/users", &short, None).expect("an answer");
        (answer.status == 401).then_some(answer)
    });
    assert!(told.text().contains("expired"), "{}", told.text());
    server.stop().success();
}
