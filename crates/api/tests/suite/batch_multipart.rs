//! `POST /$batch` in multipart/mixed (OData protocol 4.01, section 11.7.7).

use crate::batch::{BATCH, create, get};
use crate::samples::{EVENTS, USERS, add_event, add_user, event, user, with, without};
use serde_json::{Value, json};
use testkit::app::{Answer, Call, HOST, ORIGIN, TestApp};

const MIXED: &str = "multipart/mixed; boundary=batch_36522ad7";

/// A text with the line ends of the network.
fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// Begins a batch of parts.
fn mixed<'a>(app: &'a TestApp, body: &str) -> Call<'a> {
    app.call("POST", BATCH).header("content-type", MIXED).body(body.to_owned())
}

/// A part with a request.
fn part(id: &str, request: &str, body: &Value) -> String {
    let id = if id.is_empty() { String::new() } else { format!("Content-ID: {id}\n") };
    let (media, body) = match body {
        Value::Null => ("", String::new()),
        body => ("Content-Type: application/json\n", body.to_string()),
    };
    format!(
        "Content-Type: application/http\nContent-Transfer-Encoding: binary\n{id}\n{request} HTTP/1.1\n{media}\n{body}\n"
    )
}

/// A part with a change set.
fn change_set(parts: &[String]) -> String {
    let inner = parts.iter().fold(String::new(), |inner, part| inner + "--changeset_77162fcd\n" + part);
    format!("Content-Type: multipart/mixed; boundary=changeset_77162fcd\n\n{inner}--changeset_77162fcd--\n")
}

fn body(parts: &[String]) -> String {
    let parts = parts.iter().fold(String::new(), |parts, part| parts + "--batch_36522ad7\n" + part);
    crlf(&format!("{parts}--batch_36522ad7--\n"))
}

/// The statuses in a multipart answer, with the Content-IDs before them.
fn outcomes(answer: &Answer) -> Vec<String> {
    let (text, mut found, mut id) = (answer.text(), Vec::new(), String::new());
    for line in text.lines() {
        if let Some(found) = line.strip_prefix("Content-ID: ") {
            id = format!("{found}: ");
        } else if let Some(status) = line.strip_prefix("HTTP/1.1 ") {
            found.push(format!("{}{}", std::mem::take(&mut id), &status[..3]));
        }
    }
    found
}

/// The documents' own sample: a query, a change set of an insert and an update, another query, which
/// finds nothing.
#[tokio::test]
async fn the_sample_of_the_standard_byte_by_byte() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let new = with(event(), &json!({"id": "e2"})).to_string();
    let length = new.len();
    let sent = crlf(&format!(
        "--batch_36522ad7
Content-Type: application/http

GET /v1.0/leakedCredentialsRiskEvents/$count
Host: {HOST}


--batch_36522ad7
Content-Type: multipart/mixed; boundary=changeset_77162fcd

--changeset_77162fcd
Content-Type: application/http
Content-ID: 1

POST /v1.0/leakedCredentialsRiskEvents HTTP/1.1
Host: {HOST}
Content-Type: application/json
Content-Length: {length}

{new}
--changeset_77162fcd
Content-Type: application/http
Content-ID: 2

PATCH /v1.0/leakedCredentialsRiskEvents('e1') HTTP/1.1
Host: {HOST}
Content-Type: application/json
If-Match: W/\"1\"
Prefer: return=minimal
Content-Length: 19

{{\"riskLevel\":\"low\"}}
--changeset_77162fcd--
--batch_36522ad7
Content-Type: application/http

GET /v1.0/users/nobody HTTP/1.1
Host: {HOST}


--batch_36522ad7--
"
    ));
    let answer = mixed(&app, &sent).header("accept", "multipart/mixed").await.expect(200);
    let id = answer.header("request-id").to_owned();
    let created = app.get(&format!("{EVENTS}/e2")).await.expect(200).text();
    let error = format!(
        r#"{{"error":{{"code":"Request_ResourceNotFound","message":"no user has the id or userPrincipalName that was given","innerError":{{"date":"2024-03-03T06:00:00","request-id":"{id}","client-request-id":"{id}"}}}}}}"#
    );
    let expected = crlf(&format!(
        "--batchresponse_{id}
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 200 OK
Content-Type: text/plain
OData-Version: 4.0
Content-Length: 1

1
--batchresponse_{id}
Content-Type: multipart/mixed; boundary=changesetresponse_1_{id}

--changesetresponse_1_{id}
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

HTTP/1.1 201 Created
Content-Type: application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8
OData-Version: 4.0
ETag: W/\"2\"
Location: {ORIGIN}{EVENTS}/e2
Content-Length: {}

{created}
--changesetresponse_1_{id}
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

HTTP/1.1 204 No Content
OData-Version: 4.0
ETag: W/\"3\"
Preference-Applied: return=minimal


--changesetresponse_1_{id}--
--batchresponse_{id}
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 404 Not Found
Content-Type: application/json;charset=utf-8
Content-Length: {}

{error}
--batchresponse_{id}--
",
        created.len(),
        error.len(),
    ));
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.content_type(), format!("multipart/mixed; boundary=batchresponse_{id}"));
    assert_eq!(answer.header("odata-version"), "4.0");
}

#[tokio::test]
async fn a_failed_change_set_is_one_answer_and_leaves_nothing() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let set = change_set(&[
        part("1", "POST leakedCredentialsRiskEvents", &event()),
        part("2", "PATCH leakedCredentialsRiskEvents/e1", &json!({"riskLevel": "huge"})),
        part("3", "DELETE leakedCredentialsRiskEvents/e1", &Value::Null),
    ]);
    let answer = mixed(&app, &body(&[set])).await.expect(200);
    assert_eq!(outcomes(&answer), ["2: 400"]);
    assert!(!answer.text().contains("multipart"), "{}", answer.text());
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "1");
    let read = change_set(&[part("1", "GET users", &Value::Null)]);
    let answer = mixed(&app, &body(&[read])).await.expect(200);
    assert_eq!(outcomes(&answer), ["1: 400"]);
    assert!(answer.text().contains("GET changes nothing"), "{}", answer.text());
}

#[tokio::test]
async fn the_first_failure_ends_it_unless_the_client_prefers_otherwise() {
    let app = TestApp::new().await;
    let none = &Value::Null;
    let parts = [
        part("1", "POST leakedCredentialsRiskEvents", &with(event(), &json!({"id": "e1"}))),
        part("2", "GET leakedCredentialsRiskEvents/e1", none),
        part("", "GET users/nobody", none),
        part("4", "DELETE leakedCredentialsRiskEvents/e1", none),
        change_set(&[part("5", "POST leakedCredentialsRiskEvents", &json!({}))]),
        part("6", "GET $5", none),
        part("7", "GET leakedCredentialsRiskEvents/$count", none),
    ];
    for prefer in ["", "odata.continue-on-error=false", "return=minimal"] {
        let answer = mixed(&app, &body(&parts)).header("prefer", prefer).await.expect(200);
        assert_eq!(outcomes(&answer), ["1: 201", "2: 200", "404"], "{prefer}");
        assert_eq!(answer.header("preference-applied"), "");
        app.delete(&format!("{EVENTS}/e1")).await.expect(204);
    }
    for prefer in ["odata.continue-on-error", "continue-on-error=true"] {
        let answer = mixed(&app, &body(&parts)).header("prefer", prefer).await.expect(200);
        assert_eq!(outcomes(&answer), ["1: 201", "2: 200", "404", "4: 204", "5: 400", "6: 424", "7: 200"], "{prefer}");
        assert_eq!(answer.header("preference-applied"), "odata.continue-on-error");
    }
}

#[tokio::test]
async fn not_modified_is_no_failure() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let same = "Content-Type: application/http\n\nGET leakedCredentialsRiskEvents/e1 HTTP/1.1\nIf-None-Match: *\n\n\n";
    let answer = mixed(&app, &body(&[same.to_owned(), part("", "GET users", &Value::Null)])).await.expect(200);
    assert_eq!(outcomes(&answer), ["304", "200"]);
}

#[tokio::test]
async fn later_parts_refer_to_earlier_ones_in_and_across_change_sets() {
    let app = TestApp::new().await;
    let bound = with(without(event(), "userId"), &json!({"impactedUser@odata.bind": "$1"}));
    let sent = body(&[
        change_set(&[
            part("1", "POST users", &user()),
            part("2", "POST leakedCredentialsRiskEvents", &bound),
            part("3", "PATCH $2", &json!({"riskLevel": "low"})),
        ]),
        part("4", "GET $2", &Value::Null),
        change_set(&[
            part("5", "PUT $2/impactedUser/$ref", &json!({"@odata.id": "$1"})),
            part("6", "DELETE /v1.0/$1", &Value::Null),
        ]),
        part("", "GET /v1.0/$2/impactedUser", &Value::Null),
    ]);
    let answer = mixed(&app, &sent).await.expect(200);
    assert_eq!(outcomes(&answer), ["1: 201", "2: 201", "3: 200", "4: 200", "5: 204", "6: 204", "404"]);
    assert!(answer.text().contains(r#""riskLevel":"low""#));
}

#[tokio::test]
async fn urls_come_in_all_three_forms() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    for (request, expected) in [
        (format!("GET {ORIGIN}{EVENTS}/e1 HTTP/1.1\n"), "200"),
        (format!("GET {EVENTS}/e1 HTTP/1.1\nHost: {HOST}\n"), "200"),
        (format!("GET {EVENTS}/e1 HTTP/1.1\nhost:{}\n", HOST.to_uppercase()), "200"),
        (format!("GET {EVENTS}/e1 HTTP/1.1\n"), "200"),
        ("get leakedCredentialsRiskEvents('e1')?custom=a b'c HTTP/1.1\n".to_owned(), "200"),
        ("GET leakedCredentialsRiskEvents/e1".to_owned(), "200"),
        (format!("GET http://elsewhere.example{EVENTS}/e1 HTTP/1.1\n"), "400"),
        (format!("GET {EVENTS}/e1 HTTP/1.1\nHost: elsewhere.example\n"), "400"),
        ("GET /beta/leakedCredentialsRiskEvents/e1 HTTP/1.1\n".to_owned(), "400"),
        ("POST $batch HTTP/1.1\nContent-Type: multipart/mixed; boundary=b\n\n--b--".to_owned(), "400"),
        ("POST users HTTP/1.1\nContent-Type: application/xml\n\n<a/>".to_owned(), "415"),
        ("POST users HTTP/1.1\n\n{}".to_owned(), "415"),
        ("POST users HTTP/1.1\n\n\n\n".to_owned(), "400"),
        ("GET users HTTP/1.1\nOData-MaxVersion: 3.0\n".to_owned(), "400"),
        ("GET users HTTP/1.1\nAccept: application/xml\n".to_owned(), "406"),
    ] {
        let sent = body(&[format!("Content-Type: application/http\n\n{request}\n")]);
        assert_eq!(outcomes(&mixed(&app, &sent).await.expect(200)), [expected], "{request}");
    }
}

#[tokio::test]
async fn clients_differ_in_how_they_write_parts() {
    let app = TestApp::new().await;
    let early = "content-type:application/http;msgtype=request\ncontent-transfer-encoding: BINARY\n\n\nGET users HTTP/1.1\nContent-ID: in-the-request\n\n";
    let folded = "Content-Type: multipart/mixed;\n boundary=\"a set\"\n\n--a set\nContent-Type: application/http\n\nPOST users HTTP/1.1\nContent-Type: application/json\n\nBODY\n--a set--\n";
    let folded = folded.replace("BODY", &user().to_string());
    let sent = format!(
        "a preamble\n--batch_36522ad7 \n{early}--batch_36522ad7\n{folded}\n--batch_36522ad7--\nan epilogue\n--batch_36522ad7\n"
    );
    for sent in [crlf(&sent), sent] {
        let call = app.call("POST", BATCH).header("content-type", "Multipart/Mixed; Boundary=\"batch_36522ad7\"");
        assert_eq!(outcomes(&call.body(sent).await.expect(200)), ["in-the-request: 200", "201"]);
        app.delete(&format!("{USERS}/u1")).await.expect(204);
    }
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let app = TestApp::new().await;
    let good = part("1", "POST leakedCredentialsRiskEvents", &event());
    let raw = |head: &str, content: &str| body(&[good.clone(), format!("{head}\n\n{content}\n")]);
    let http = "Content-Type: application/http";
    let many = |count: usize| vec![part("", "POST leakedCredentialsRiskEvents", &event()); count];
    let cases = [
        (String::new(), "there is no line `--batch_36522ad7`"),
        (crlf("--batch_36522ad7--\n"), "it has no parts"),
        (crlf(&format!("--batch_36522ad7\n{good}")), "the last delimiter, `--batch_36522ad7--`, is missing"),
        (body(&many(21)), "there are more than 20 parts"),
        (body(&[change_set(&many(10)), change_set(&many(11))]), "it holds more than 20 requests"),
        (body(&[change_set(&many(21))]), "part 1: there are more than 20 parts"),
        (body(&[change_set(&[])]), "part 1: the change set has no parts"),
        (
            body(&[good.clone(), change_set(&[change_set(std::slice::from_ref(&good))])]),
            "part 2, request 1 of its change set: a change set cannot hold another one",
        ),
        (body(&[good.clone(), good.clone()]), "the Content-ID `1` occurs more than once"),
        (
            body(&[part("A", "GET users", &Value::Null), change_set(&[part("a", "DELETE users/u1", &Value::Null)])]),
            "the Content-ID `a` occurs more than once",
        ),
        (raw("", "GET users HTTP/1.1"), "part 2: Content-Type is missing"),
        (
            raw("Content-Type: text/plain", "GET users HTTP/1.1"),
            "part 2: Content-Type is `text/plain`; expected application/http",
        ),
        (raw("Content-Type: multipart/mixed", "--x--"), "part 2: Content-Type names no boundary"),
        (raw("Content-Type: multipart/mixed; boundary=x", "--y--"), "part 2: there is no line `--x`"),
        (
            raw("Content-Type: multipart/mixed; boundary=x", "--x\nContent-Type: application/http\n\nDELETE users/u1"),
            "part 2: the last delimiter, `--x--`, is missing",
        ),
        (
            raw(&format!("{http}\nContent-Transfer-Encoding: base64"), "R0VU"),
            "part 2: Content-Transfer-Encoding is `base64`",
        ),
        (raw(http, ""), "part 2: there is no request in it"),
        (raw(http, "GET"), "part 2: the request line is `GET`"),
        (raw(http, "BREW users HTTP/1.1"), "part 2: the method `BREW` is none of"),
        (raw(http, "GET users HTTP/1.1\na b: c"), "part 2: the header `a b` is not well-formed"),
        (
            raw(http, "POST users HTTP/1.1\nContent-Length: 10\n\n{}"),
            "part 2: Content-Length is 10, but the part has 2 bytes",
        ),
        (
            raw(http, "POST users HTTP/1.1\nContent-Length: 1\n\n{}"),
            "part 2: Content-Length is 1, but the part has 2 bytes",
        ),
        (raw(http, "POST users HTTP/1.1\nTransfer-Encoding: chunked\n\n2\n{}\n0\n"), "part 2: Transfer-Encoding"),
        (
            raw(&format!("{http}\n{}", "a: b\n".repeat(100_000).trim_end()), "GET users HTTP/1.1"),
            "part 2: there are more than 16 headers",
        ),
        (
            raw(http, &format!("GET users HTTP/1.1\n{}", "a: b\n".repeat(100_000))),
            "part 2: there are more than 100 headers",
        ),
        (raw(http, &format!("GET {} HTTP/1.1", "x".repeat(70_000))), "part 2: the request line is longer than"),
    ];
    for (sent, why) in cases {
        let message = mixed(&app, &sent).await.refused(400, "BadRequest");
        assert!(message.starts_with("the body is not a multipart batch: "), "{message}");
        assert!(message.contains(why), "{why}: {message}");
    }
    for content_type in ["multipart/mixed", "multipart/mixed; boundary=", "multipart/mixed; boundary=a@b"] {
        let call = app.call("POST", BATCH).header("content-type", content_type);
        call.body(body(std::slice::from_ref(&good))).await.refused(400, "BadRequest");
    }
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0", "nothing was carried out");
    assert_eq!(outcomes(&mixed(&app, &body(&many(20))).await.expect(200)).len(), 20);
}

#[tokio::test]
async fn only_a_batch_is_multipart() {
    let app = TestApp::new().await;
    let sent = body(&[part("1", "GET users", &Value::Null)]);
    for path in [EVENTS, USERS] {
        let call = app.call("POST", path).header("content-type", MIXED).body(sent.clone());
        call.await.refused(415, "UnsupportedMediaType");
    }
    for media in ["multipart/form-data; boundary=batch_36522ad7", "multipart/mixed2", "text/plain"] {
        let call = app.call("POST", BATCH).header("content-type", media).body(sent.clone());
        call.await.refused(415, "UnsupportedMediaType");
    }
}

#[tokio::test]
async fn accept_chooses_the_form_of_the_answer() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let parts =
        body(&[part("a", "GET users/u1", &Value::Null), change_set(&[part("b", "DELETE users/u1", &Value::Null)])]);
    let answer = mixed(&app, &parts).header("accept", "application/json").await.expect(200).json();
    let [first, second] = answer["responses"].as_array().expect("answers").as_slice() else { panic!("{answer}") };
    assert_eq!((&first["id"], &first["status"], &first["body"]["id"]), (&json!("a"), &json!(200), &json!("u1")));
    assert_eq!(*second, json!({"id": "b", "atomicityGroup": "changeset-2", "status": 204, "headers": {}}));
    let unnamed = body(&[part("", "GET users", &Value::Null)]);
    let answer = mixed(&app, &unnamed).header("accept", "application/json").await.expect(200).json();
    assert!(answer["responses"][0].get("id").is_none(), "{answer}");

    let group = |id: &str| with(create(id, &event()), &json!({"atomicityGroup": "g"}));
    let requests = json!({"requests": [group("1"), group("2"), get("line\r\nbreak", "users/nobody")]});
    let answer = app.post(BATCH, &requests).header("accept", "multipart/mixed").await.expect(200);
    assert_eq!(outcomes(&answer), ["1: 201", "2: 201", "404"], "side by side");
    assert!(answer.content_type().starts_with("multipart/mixed; boundary=batchresponse_"));

    for (accept, sent_as_parts, expected) in [
        ("*/*", true, "multipart/mixed"),
        ("*/*", false, "application/json"),
        ("application/json, multipart/mixed", true, "multipart/mixed"),
        ("application/json, multipart/mixed", false, "application/json"),
        ("multipart/*", false, "multipart/mixed"),
        ("application/json;q=0.9, text/html", true, "application/json"),
    ] {
        let call = if sent_as_parts {
            mixed(&app, &unnamed)
        } else {
            app.post(BATCH, &json!({"requests": [get("1", "users")]}))
        };
        let answer = call.header("accept", accept).await.expect(200);
        assert!(answer.content_type().starts_with(expected), "{accept}: {}", answer.content_type());
    }
    mixed(&app, &unnamed).header("accept", "text/html").await.refused(406, "NotAcceptable");
    app.get(USERS).header("accept", "multipart/mixed").await.refused(406, "NotAcceptable");
}
