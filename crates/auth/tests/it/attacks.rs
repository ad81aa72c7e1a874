//! The attacks of RFC 8725 section 2, and their relatives.

use crate::assert_matches;
use crate::support::{ISSUER, OTHER_TENANT, TENANT, World};
use auth::AuthError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use testkit::issuer::{FakeIssuer, TestKey, pem, sign_with_secret};

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn no_signature_at_all() {
    let world = World::new();
    let authenticator = world.usual();
    let good = world.token();
    let signature = good.rsplit_once('.').expect("three parts").1;
    for name in ["none", "None", "NONE", "nOnE", "", "none ", "null", "RS256,none"] {
        for header in [json!({"alg": name}), json!({"alg": name, "typ": "JWT", "kid": "first"})] {
            for ending in ["", signature, "AA"] {
                let token = format!("{}.{}.{ending}", part(&header), part(&world.claims()));
                assert_matches!(world.refusal(&authenticator, &token).await, AuthError::AlgorithmNotAccepted);
            }
        }
    }
    for header in [json!({}), json!({"alg": null}), json!({"alg": 1}), json!({"alg": ["RS256"]})] {
        let token = format!("{}.{}.{signature}", part(&header), part(&world.claims()));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
    }
    let token = format!("{}.{}.", part(&json!({"alg": "RS256"})), part(&world.claims()));
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::BadSignature);
}

#[tokio::test]
async fn the_public_key_as_a_shared_secret() {
    let world = World::new();
    let authenticator = world.usual();
    let key = TestKey::rsa();
    let text = key.spki_pem();
    let pkcs1 = pem("RSA PUBLIC KEY", key.public());
    let jwk = key.jwk("first").to_string();
    for secret in [key.spki(), key.public(), text.as_bytes(), text.trim().as_bytes(), pkcs1.as_bytes(), jwk.as_bytes()]
    {
        for (issuer, header) in
            [(ISSUER, json!({"alg": "HS256"})), ("https://jwks.example", json!({"alg": "HS256", "kid": "first"}))]
        {
            let claims = world.claims_with(&json!({"iss": issuer}));
            let token = sign_with_secret(secret, &header, &claims);
            assert_matches!(world.refusal(&authenticator, &token).await, AuthError::AlgorithmNotAccepted);
            // The same octets under the name of an algorithm that is accepted.
            for name in ["RS256", "ES256", "EdDSA"] {
                let mut header = header.clone();
                header["alg"] = name.into();
                let token = sign_with_secret(secret, &header, &claims);
                assert_matches!(
                    world.refusal(&authenticator, &token).await,
                    AuthError::BadSignature | AuthError::UnknownKey { .. }
                );
            }
        }
    }
}

#[tokio::test]
async fn a_symmetric_key_in_a_jwk_set_is_not_a_key() {
    let world = World::new();
    let secret = URL_SAFE_NO_PAD.encode([7; 32]);
    let jwks = json!({"keys": [{"kty": "oct", "k": secret, "kid": "s", "alg": "HS256"}, TestKey::rsa().jwk("r")]});
    let authenticator = world.authenticator(&[world.issuer_with(ISSUER, jwks.to_string().as_bytes())]);
    let token = sign_with_secret(&[7; 32], &json!({"alg": "HS256", "kid": "s"}), &world.claims());
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::AlgorithmNotAccepted);
}

#[tokio::test]
async fn an_algorithm_that_is_not_the_keys() {
    let world = World::new();
    let mut jwk = TestKey::rsa().jwk("only");
    jwk["alg"] = "RS256".into();
    let jwks = json!({"keys": [jwk, TestKey::p256().jwk("curve")]}).to_string();
    let authenticator = world.authenticator(&[world.issuer_with(ISSUER, jwks.as_bytes())]);
    let sign = |algorithm, header: Value| TestKey::rsa().sign(algorithm, &header, &world.claims());
    let good = sign(Algorithm::RS256, json!({"alg": "RS256", "kid": "only"}));
    assert!(world.check(&authenticator, &good).await.is_ok());
    for token in [
        sign(Algorithm::PS256, json!({"alg": "PS256", "kid": "only"})), // `alg` of the JWK forbids it
        sign(Algorithm::RS512, json!({"alg": "RS512", "kid": "only"})),
        sign(Algorithm::RS256, json!({"alg": "RS256", "kid": "curve"})),
        sign(Algorithm::RS256, json!({"alg": "ES256", "kid": "only"})),
    ] {
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::UnknownKey { .. });
    }
    // Signed with one algorithm, named another.
    let token = sign(Algorithm::PS256, json!({"alg": "RS256", "kid": "only"}));
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::BadSignature);
}

#[tokio::test]
async fn keys_for_other_purposes_verify_nothing() {
    let world = World::new();
    for change in
        [json!({"use": "enc"}), json!({"key_ops": ["encrypt"]}), json!({"alg": "RSA-OAEP"}), json!({"kty": "XYZ"})]
    {
        let mut jwk = TestKey::rsa().jwk("key");
        jwk.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let jwks = json!({"keys": [jwk, TestKey::p256().jwk("other")]}).to_string();
        let authenticator = world.authenticator(&[world.issuer_with(ISSUER, jwks.as_bytes())]);
        let token = TestKey::rsa().sign(Algorithm::RS256, &json!({"alg": "RS256", "kid": "key"}), &world.claims());
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::UnknownKey { .. });
    }
}

#[tokio::test]
async fn keys_inside_the_header_are_ignored() {
    let world = World::new();
    let trap = FakeIssuer::start(vec![TestKey::other_rsa().jwk("first")]).await;
    let authenticator = world.usual();
    for (name, value) in [
        ("jwk", TestKey::other_rsa().jwk("first")),
        ("jku", format!("{}/keys", trap.origin()).into()),
        ("x5u", format!("{}/certificate", trap.origin()).into()),
        ("x5c", json!([URL_SAFE_NO_PAD.encode(TestKey::other_rsa().spki())])),
    ] {
        for issuer in [ISSUER, "https://jwks.example"] {
            let header = json!({"alg": "RS256", "kid": "first", name: value});
            let claims = world.claims_with(&json!({"iss": issuer}));
            let forged = TestKey::other_rsa().sign(Algorithm::RS256, &header, &claims);
            assert_matches!(world.refusal(&authenticator, &forged).await, AuthError::BadSignature);
            let honest = TestKey::rsa().sign(Algorithm::RS256, &header, &claims);
            assert!(world.check(&authenticator, &honest).await.is_ok(), "{name} does no harm");
        }
    }
    assert_eq!(trap.keys_requests() + trap.document_requests(), 0);
}

#[tokio::test]
async fn critical_extensions_and_other_kinds_of_token() {
    let world = World::new();
    let authenticator = world.usual();
    for header in [
        json!({"alg": "RS256", "crit": ["exp"], "exp": 1}),
        json!({"alg": "RS256", "crit": []}),
        json!({"alg": "RS256", "crit": ["b64"], "b64": false}),
        json!({"alg": "RS256", "typ": "logout+jwt"}),
        json!({"alg": "RS256", "typ": "dpop+jwt"}),
        json!({"alg": "RS256", "typ": "application/secevent+jwt"}),
        json!({"alg": "RS256", "typ": 1}),
        json!({"alg": "RS256", "kid": 1}),
    ] {
        let token = TestKey::rsa().sign(Algorithm::RS256, &header, &world.claims());
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
    }
    for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        let token = TestKey::rsa().sign(Algorithm::RS256, &json!({"alg": "RS256", "typ": typ}), &world.claims());
        assert!(world.check(&authenticator, &token).await.is_ok(), "{typ}");
    }
}

#[tokio::test]
async fn one_text_for_one_token() {
    let world = World::new();
    let authenticator = world.usual();
    let good = world.token();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let mut texts = vec![
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}=="),
        format!("{good}="),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("Bearer {good}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        format!("{header}.{payload}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        header.to_owned(),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        format!("{header}.{payload}.{header}.{payload}.{signature}"), // as an encrypted one
        good.replace('.', ". "),
        "é.é.é".to_owned(),
    ];
    // 256 bytes of signature leave four bits of the last character unused.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(good.chars().last().expect("not empty")).expect("base64url");
    for stray in 1..16 {
        let other = alphabet.chars().nth(last + stray).expect("the low bits were zero");
        texts.push(format!("{}{other}", &good[..good.len() - 1]));
    }
    if good.contains(['-', '_']) {
        texts.push(good.replace('-', "+").replace('_', "/")); // the alphabet of plain base64
    }
    for text in texts {
        assert_matches!(world.refusal(&authenticator, &text).await, AuthError::Malformed { .. });
    }
    for longer in ["A", "AA", "AAAA"] {
        let text = format!("{good}{longer}"); // well formed, but another signature
        assert_matches!(world.refusal(&authenticator, &text).await, AuthError::BadSignature);
    }
    assert!(world.check(&authenticator, &good).await.is_ok());
}

#[tokio::test]
async fn too_long_is_not_looked_at() {
    let world = World::new();
    let authenticator = world.usual();
    let long = world.token_with(&json!({"padding": "x".repeat(16_000)}));
    assert_matches!(world.refusal(&authenticator, &long).await, AuthError::TooLong { limit: 16_384 });
    assert_matches!(world.refusal(&authenticator, &"x".repeat(10_000_000)).await, AuthError::TooLong { .. });
    let short_enough = world.token_with(&json!({"padding": "x".repeat(11_000)}));
    assert!(short_enough.len() < 16_384 && short_enough.len() > 14_000);
    assert!(world.check(&authenticator, &short_enough).await.is_ok());
}

#[tokio::test]
async fn two_readings_of_one_payload() {
    let world = World::new();
    let authenticator = world.usual();
    let claims = world.claims().to_string();
    let body = claims.strip_prefix('{').expect("an object");
    let header = r#"{"alg":"RS256"}"#;
    for (header, payload) in [
        (header, format!(r#"{{"tid":"{OTHER_TENANT}",{body}"#)),
        (header, format!(r#"{{"t\u0069d":"{OTHER_TENANT}",{body}"#)),
        (header, format!(r#"{{"extra":{{"a":1,"a":2}},{body}"#)),
        (r#"{"alg":"RS256","alg":"RS256"}"#, claims.clone()),
        (r#"{"alg":"none","alg":"RS256"}"#, claims.clone()),
        (header, format!("{claims}{claims}")),
        (header, format!("[{claims}]")),
        (header, "null".to_owned()),
        (header, format!("\u{feff}{claims}")),
        (header, format!("{{\"deep\":{}1{},{body}", "[".repeat(200), "]".repeat(200))),
    ] {
        let token = TestKey::rsa().sign_text(Algorithm::RS256, header, &payload);
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
    }
}

#[tokio::test]
async fn signatures_that_are_none() {
    let world = World::new();
    let jwks =
        json!({"keys": [TestKey::p256().jwk("p256"), TestKey::p384().jwk("p384"), TestKey::ed25519().jwk("ed")]});
    let authenticator = world.authenticator(&[world.issuer_with(ISSUER, jwks.to_string().as_bytes())]);
    // The order of P-256 (SEC 2): r and s have to lie below it.
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let one = [&[0; 31][..], &[1]].concat();
    let mut cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("ES256", "p256", vec![0; 64]), // CVE-2022-21449
        ("ES256", "p256", [&[0; 32][..], &one].concat()),
        ("ES256", "p256", [&one[..], &[0; 32]].concat()),
        ("ES256", "p256", [&order[..], &order].concat()),
        ("ES256", "p256", [&order[..], &one].concat()),
        ("ES256", "p256", vec![0xff; 64]),
        ("ES256", "p256", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
        ("ES384", "p384", vec![0; 96]),
        ("ES384", "p384", vec![0xff; 96]),
        ("EdDSA", "ed", vec![0; 64]),
        ("EdDSA", "ed", [&[1][..], &[0; 63]].concat()), // the neutral point
    ];
    for (name, kid, length) in [("ES256", "p256", 64), ("ES384", "p384", 96), ("EdDSA", "ed", 64)] {
        for length in [0, 1, length - 1, length + 1, 256] {
            cases.push((name, kid, vec![1; length]));
        }
    }
    for (name, kid, signature) in cases {
        let header = json!({"alg": name, "kid": kid});
        let token = format!("{}.{}.{}", part(&header), part(&world.claims()), URL_SAFE_NO_PAD.encode(signature));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::BadSignature);
    }
}

#[tokio::test]
async fn parts_of_two_good_tokens() {
    let world = World::new();
    let authenticator = world.usual();
    let (one, two) = (world.token(), world.token_with(&json!({"roles": ["User.ReadWrite.All"]})));
    assert!(world.check(&authenticator, &one).await.is_ok());
    assert!(world.check(&authenticator, &two).await.is_ok());
    let (a, b): (Vec<&str>, Vec<&str>) = (one.split('.').collect(), two.split('.').collect());
    for mixed in [[a[0], b[1], a[2]], [a[0], a[1], b[2]]] {
        assert_matches!(world.refusal(&authenticator, &mixed.join(".")).await, AuthError::BadSignature);
    }
}

#[tokio::test]
async fn an_issuers_key_is_good_for_that_issuer_only() {
    let world = World::new();
    let jwks = |key: &TestKey| json!({"keys": [key.jwk("same-name")]}).to_string();
    let authenticator = world.authenticator(&[
        world.issuer_with("https://a.example", jwks(TestKey::rsa()).as_bytes()),
        world.issuer_with("https://b.example", jwks(TestKey::other_rsa()).as_bytes()),
    ]);
    let header = json!({"alg": "RS256", "kid": "same-name"});
    let token =
        |key: &TestKey, issuer: &str| key.sign(Algorithm::RS256, &header, &world.claims_with(&json!({"iss": issuer})));
    assert!(world.check(&authenticator, &token(TestKey::rsa(), "https://a.example")).await.is_ok());
    assert!(world.check(&authenticator, &token(TestKey::other_rsa(), "https://b.example")).await.is_ok());
    for token in [token(TestKey::rsa(), "https://b.example"), token(TestKey::other_rsa(), "https://a.example")] {
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::BadSignature);
    }
    for issuer in
        ["https://A.example", "https://a.example/", "https://a.example.evil", "https://c.example", " https://a.example"]
    {
        let error = world.refusal(&authenticator, &token(TestKey::rsa(), issuer)).await;
        assert_matches!(&error, AuthError::UnknownIssuer { .. });
        assert!(error.to_string().contains(issuer), "{error}");
    }
    for issuer in [json!(null), json!(1), json!(["https://a.example"])] {
        let claims = world.claims_with(&json!({"iss": issuer}));
        let token = TestKey::rsa().sign(Algorithm::RS256, &header, &claims);
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
    }
}

#[tokio::test]
async fn an_issuer_with_a_tenant_in_its_name_speaks_for_that_tenant_only() {
    let world = World::new();
    let name = "https://login.example/{tid}/v2.0";
    let authenticator = world.authenticator(&[world.issuer_with(name, TestKey::rsa().spki())]);
    let named = |tenant: &str| name.replace("{tid}", tenant);
    assert!(world.check(&authenticator, &world.token_with(&json!({"iss": named(TENANT)}))).await.is_ok());
    let crossed = world.token_with(&json!({"iss": named(OTHER_TENANT)}));
    assert_matches!(world.refusal(&authenticator, &crossed).await, AuthError::Malformed { .. });
    let absent = world.token_with(&json!({"iss": named(TENANT), "tid": null}));
    assert_matches!(world.refusal(&authenticator, &absent).await, AuthError::Malformed { .. });
    for issuer in [name.to_owned(), named("common"), named(""), named(&format!("{TENANT}/x"))] {
        let token = world.token_with(&json!({"iss": issuer}));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::UnknownIssuer { .. });
    }
}

#[tokio::test]
async fn a_kid_against_a_jwk_set() {
    let world = World::new();
    let authenticator = world.usual();
    let claims = world.claims_with(&json!({"iss": "https://jwks.example"}));
    let sign = |header: Value| TestKey::rsa().sign(Algorithm::RS256, &header, &claims);
    assert!(world.check(&authenticator, &sign(json!({"alg": "RS256", "kid": "first"}))).await.is_ok());
    assert!(world.check(&authenticator, &sign(json!({"alg": "RS256"}))).await.is_ok(), "one RSA key fits");
    for kid in ["", "First", "third", "second", "../first", "first\0"] {
        let token = sign(json!({"alg": "RS256", "kid": kid}));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::UnknownKey { .. });
    }
    // Two keys fit and no name tells which: refused rather than tried.
    let jwks = json!({"keys": [TestKey::rsa().jwk("a"), TestKey::other_rsa().jwk("b")]}).to_string();
    let authenticator = world.authenticator(&[world.issuer_with("https://jwks.example", jwks.as_bytes())]);
    assert_matches!(world.refusal(&authenticator, &sign(json!({"alg": "RS256"}))).await, AuthError::UnknownKey { .. });
    // A key without a name is no stand-in for a named one.
    let mut nameless = TestKey::rsa().jwk("");
    nameless.as_object_mut().expect("an object").remove("kid");
    let jwks = json!({"keys": [nameless]}).to_string();
    let authenticator = world.authenticator(&[world.issuer_with("https://jwks.example", jwks.as_bytes())]);
    assert_matches!(
        world.refusal(&authenticator, &sign(json!({"alg": "RS256", "kid": "x"}))).await,
        AuthError::UnknownKey { .. }
    );
}
