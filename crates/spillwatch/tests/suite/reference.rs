//! What the program says of its own API: printed without a store, committed, and served.

use crate::{BINARY, folder};
use serde_json::Value;
use std::fs;
use std::path::Path;
use testkit::server::{Program, TestServer, http};

fn print<const N: usize>(arguments: [&str; N]) -> String {
    let nowhere = folder();
    let outcome = Program::new(BINARY).args(arguments).data(&nowhere.path().join("none")).run();
    outcome.success();
    assert_eq!(outcome.stderr, "");
    assert_eq!(fs::read_dir(nowhere.path()).expect("it can be read").count(), 0, "nothing was made");
    outcome.stdout
}

#[test]
fn committed_copies_are_what_the_program_prints() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for (name, printed) in [
        ("metadata.xml", print(["metadata"])),
        ("metadata.json", print(["metadata", "--format", "json"])),
        ("openapi.json", print(["openapi"])),
    ] {
        let committed = fs::read_to_string(reference.join(name)).unwrap_or_default();
        let (mut old, mut new) = (committed.lines(), printed.lines());
        let differs = (1..).find_map(|line| match (old.next(), new.next()) {
            (None, None) => Some(None),
            (old, new) if old == new => None,
            (old, new) => Some(Some((line, old, new))),
        });
        if let Some(Some((line, old, new))) = differs {
            panic!(
                "docs/reference/{name} is old: line {line} is {old:?} and should be {new:?}; run `cargo xtask reference`"
            );
        }
        assert_eq!(committed, printed, "{name}");
    }
}

#[test]
fn what_is_printed_is_what_is_served() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    let fetch = |path: &str| http::get(server.address(), path).expect("an answer").expect(200);
    let xml = fetch("/v1.0/$metadata");
    assert_eq!(xml.text(), print(["metadata"]));
    let json = fetch("/v1.0/$metadata?$format=json");
    let printed: Value = serde_json::from_str(&print(["metadata", "--format", "json"])).expect("JSON");
    assert_eq!(json.json(), printed);
    let openapi: Value = serde_json::from_str(&print(["openapi"])).expect("JSON");
    let mut own = fetch("/v1.0/openapi.json").json();
    own["servers"] = openapi["servers"].clone();
    assert_eq!(own, openapi, "only the addresses are told otherwise");
}

#[test]
fn the_address_and_the_type_name_are_those_that_are_asked_for() {
    let openapi =
        print(["openapi", "--public-url", "https://risk.example/", "--odata-type-namespace", "microsoft.graph"]);
    let openapi: Value = serde_json::from_str(&openapi).expect("JSON");
    assert_eq!(openapi["servers"][0]["url"], "https://risk.example/v1.0");
    assert_eq!(openapi["servers"][1]["url"], "https://risk.example/beta");
    let schemas = &openapi["components"]["schemas"];
    assert!(schemas.get("microsoft.graph.leakedCredentialsRiskEvent").is_some());
    let metadata = print(["metadata", "--odata-type-namespace", "microsoft.graph"]);
    assert!(!metadata.contains("Microsoft.IdentityProtectionServices"), "one schema holds everything");
}
