//! Settings from flags, variables and a TOML file.

use crate::{BINARY, EVENTS, folder, prepared_folder};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use testkit::server::{Program, TestServer};

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("spillwatch.toml");
    fs::write(&path, text).expect("it can be written");
    path
}

/// Runs `tenants list` and answers the folder that it looked into: each has one tenant of its own.
fn tenant_of(program: Program) -> String {
    let lines = program.args(["tenants", "list"]).run().lines();
    lines[0]["id"].as_str().expect("a tenant has an id").to_owned()
}

#[test]
fn a_flag_beats_a_variable_and_a_variable_beats_the_file() {
    let (one, two, three) = (prepared_folder(), prepared_folder(), prepared_folder());
    let of = |folder: &tempfile::TempDir| tenant_of(Program::new(BINARY).data(folder.path()));
    let (first, second, third) = (of(&one), of(&two), of(&three));
    let notes = folder();
    let config = file(&notes, &format!("data = \"{}\"\n", one.path().display()));
    let with_file = || Program::new(BINARY).arg("--config").arg(&config);
    assert_eq!(tenant_of(with_file()), first);
    assert_eq!(tenant_of(Program::new(BINARY).env("SPILLWATCH_CONFIG", &config)), first);
    assert_eq!(tenant_of(with_file().env("SPILLWATCH_DATA", two.path())), second);
    assert_eq!(tenant_of(with_file().env("SPILLWATCH_DATA", two.path()).data(three.path())), third);
}

#[test]
fn names_that_are_no_setting_warn() {
    let data = prepared_folder();
    let notes = folder();
    // `yes` is an option, but the consent to a removal must not come from a file.
    let config = file(&notes, "lisen = \"127.0.0.1:1\"\nyes = true\n[tls]\ncertificate = \"x\"\n");
    let program = Program::new(BINARY).args(["tenants", "list"]).data(data.path()).arg("--config").arg(&config);
    let outcome = program.env("SPILLWATCH_LISEN", "x").run();
    outcome.success();
    for name in [
        "`lisen` is not a setting",
        "`yes` is not a setting",
        "`tls-certificate` is not a setting",
        "SPILLWATCH_LISEN is not a setting",
    ] {
        assert!(outcome.stderr.contains(name), "{name}: {outcome}");
    }
    assert_eq!(outcome.stderr.lines().count(), 4, "{outcome}");
    let id = tenant_of(Program::new(BINARY).data(data.path()));
    let removal = Program::new(BINARY).args(["tenants", "remove", &id]).data(data.path()).arg("--config").arg(&config);
    assert!(removal.run().failure(2).contains("add --yes to do it"));
}

#[test]
fn a_wrong_value_in_the_file_is_blamed_on_the_file() {
    let data = folder();
    for (text, expected) in [
        ("listen = \"localhost\"\n", "`listen` cannot be `localhost`: give an IP address and a port"),
        ("head-timeout = 5\n", "`head-timeout` cannot be `5`: `5` is not a time"),
        ("[odata]\ntype-namespace = \"graph\"\n", "`odata-type-namespace` cannot be `graph`"),
        ("listen = \n", "cannot be used"),
        ("listen = 2026-01-01\n", "`listen` is neither text"),
    ] {
        let config = file(&data, text);
        let outcome = Program::new(BINARY).arg("serve").data(data.path()).arg("--config").arg(&config).run();
        assert_ne!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(expected) && outcome.stderr.contains("spillwatch.toml"), "{text}: {outcome}");
    }
}

/// Options that need each other do so in a file too: half a TLS configuration must never be served
/// in clear.
#[test]
fn half_a_tls_configuration_in_a_file_is_refused() {
    let data = folder();
    for (text, expected) in [
        ("listen = \"0.0.0.0:0\"\ntls-cert = \"chain.pem\"\n", "--tls-key is missing"),
        ("listen = \"0.0.0.0:0\"\n[tls]\nkey = \"key.pem\"\n", "--tls-cert is missing"),
        ("[tls]\ncert = \"chain.pem\"\nkey = \"key.pem\"\nself-signed = true\n", "choose one"),
    ] {
        let config = file(&data, text);
        let outcome = Program::new(BINARY).arg("serve").data(data.path()).arg("--config").arg(&config).run();
        assert!(outcome.failure(2).contains(expected), "{text}: {outcome}");
    }
}

#[test]
fn the_server_takes_its_settings_from_the_file() {
    let data = folder();
    let config = file(&data, "quiet = true\nmax-body = 2048\n[odata]\ntype-namespace = \"microsoft.graph\"\n");
    let server = TestServer::start_with(BINARY, data.path(), |program| program.arg("--config").arg(&config));
    assert!(!server.stderr().contains("A token for the next hour"), "{}", server.stderr());
    let created = server.call("POST", EVENTS, Some(&crate::event(1))).expect(201).json();
    assert_eq!(created["@odata.type"], "#microsoft.graph.leakedCredentialsRiskEvent");
    let large = Value::String("x".repeat(3000));
    assert_eq!(server.call("POST", EVENTS, Some(&large)).error(413), "RequestEntityTooLarge");
}

/// On one's own machine nobody is throttled unless that is asked for.
#[test]
fn a_rate_in_the_file_throttles() {
    let data = folder();
    let config = file(&data, "[rate-limit]\nburst = 2\n");
    let server = TestServer::start_with(BINARY, data.path(), |program| program.arg("--config").arg(&config));
    for _ in 0..10 {
        server.call("GET", EVENTS, None).expect(200);
    }
    server.stop().success();
    let config = file(&data, "rate-limit = \"1/m\"\nrate-limit-burst = 2\n");
    let server = TestServer::start_with(BINARY, data.path(), |program| program.arg("--config").arg(&config));
    for _ in 0..2 {
        server.call("GET", EVENTS, None).expect(200);
    }
    let refused = server.call("GET", EVENTS, None);
    assert_eq!(refused.error(429), "TooManyRequests");
    let seconds: u32 = refused.header("retry-after").expect("a time to wait").parse().expect("whole seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    for text in ["rate-limit = \"0/s\"\n", "rate-limit = 1000\n", "rate-limit = \"5/h\"\n"] {
        let config = file(&data, text);
        let outcome = Program::new(BINARY).arg("serve").data(data.path()).arg("--config").arg(&config).run();
        assert!(outcome.failure(2).contains("is not a rate such as 1000/s"), "{text}: {outcome}");
    }
}

/// Issuers are tables of the file; their tokens count, and those of others do not.
#[test]
fn issuers_are_tables_in_the_file() {
    let (data, key) = (prepared_folder(), KeyPair::generate().expect("a key can be made"));
    fs::write(data.path().join("idp.pem"), key.public_key_pem()).expect("it can be written");
    let tenant = tenant_of(Program::new(BINARY).data(data.path()));
    let text = format!(
        "[[issuer]]\nissuer = \"https://idp.example/{{tid}}\"\nkeys = \"{0}\"\naudience = \"api://one\"\n\n\
         [[issuer]]\nissuer = \"https://other.example\"\nkeys = \"{0}\"\naudience = [\"api://two\", \"api://three\"]\n\
         tenant = \"first\"\n",
        data.path().join("idp.pem").display()
    );
    let config = file(&data, &text);
    let server = TestServer::start_with(BINARY, data.path(), |program| program.arg("--config").arg(&config));
    let status = |server: &TestServer, issuer: &str, audience: &str| {
        let claims = json!({
            "iss": issuer, "aud": audience, "tid": tenant, "exp": 4_102_444_800_u64, "nbf": 1_767_225_600,
            "roles": ["IdentityRiskEvent.Read.All"], "appid": "feed",
        });
        let secret = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).expect("a key");
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &secret).expect("a token");
        server.connect().call("GET", EVENTS, &token, None).expect("an answer").status
    };
    let first = format!("https://idp.example/{tenant}");
    assert_eq!(status(&server, &first, "api://one"), 200);
    assert_eq!(status(&server, "https://other.example", "api://three"), 200);
    assert_eq!(status(&server, &first, "api://two"), 401);
    assert_eq!(status(&server, "https://stranger.example", "api://one"), 401);
    server.stop().success();

    let server = TestServer::start(BINARY, data.path());
    assert_eq!(status(&server, &first, "api://one"), 401, "without the tables it is a stranger's");
}
