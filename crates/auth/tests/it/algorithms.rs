//! Every algorithm with every form of key.

use crate::support::{AUDIENCE, ISSUER, World};
use auth::{IssuerConfig, KeyError, KeyFileError, KeySetError, Outgoing, OutgoingRules, SetupError};
use jsonwebtoken::Algorithm;
use serde_json::json;
use std::sync::Arc;
use testkit::issuer::{TestKey, pem};

const RSA: [(Algorithm, &str); 6] = [
    (Algorithm::RS256, "RS256"),
    (Algorithm::RS384, "RS384"),
    (Algorithm::RS512, "RS512"),
    (Algorithm::PS256, "PS256"),
    (Algorithm::PS384, "PS384"),
    (Algorithm::PS512, "PS512"),
];

fn keys() -> Vec<(&'static TestKey, Vec<(Algorithm, &'static str)>)> {
    vec![
        (TestKey::rsa(), RSA.to_vec()),
        (TestKey::p256(), vec![(Algorithm::ES256, "ES256")]),
        (TestKey::p384(), vec![(Algorithm::ES384, "ES384")]),
        (TestKey::ed25519(), vec![(Algorithm::EdDSA, "EdDSA")]),
    ]
}

#[tokio::test]
async fn every_algorithm_with_its_key_in_every_form_of_file() {
    for (key, algorithms) in keys() {
        let mut forms = vec![
            key.spki().to_vec(),
            key.spki_pem().into_bytes(),
            format!("a remark\n{}\n{}", TestKey::other_rsa().spki_pem(), key.spki_pem()).into_bytes(),
            json!({"keys": [key.jwk("key"), TestKey::other_rsa().jwk("other")]}).to_string().into_bytes(),
        ];
        if algorithms.len() > 1 {
            forms.push(key.public().to_vec());
            forms.push(pem("RSA PUBLIC KEY", key.public()).into_bytes());
        }
        for form in forms {
            let world = World::new();
            let authenticator = world.authenticator(&[world.issuer_with(ISSUER, &form)]);
            for (algorithm, name) in &algorithms {
                let token = key.sign(*algorithm, &json!({"alg": name, "kid": "key"}), &world.claims());
                let caller = world.check(&authenticator, &token).await;
                assert!(caller.is_ok(), "{name}: {caller:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_static_key_takes_any_kid_or_none() {
    let world = World::new();
    let authenticator = world.usual();
    for header in [json!({"alg": "RS256"}), json!({"alg": "RS256", "kid": "bench"}), json!({"alg": "RS256", "kid": ""})]
    {
        let token = TestKey::rsa().sign(Algorithm::RS256, &header, &world.claims());
        assert!(world.check(&authenticator, &token).await.is_ok(), "{header}");
    }
}

#[tokio::test]
async fn a_certificate_wraps_a_key() {
    let world = World::new();
    let certified = rcgen::generate_simple_self_signed(vec!["idp.example".to_owned()]).expect("a certificate");
    let signer = jsonwebtoken::EncodingKey::from_ec_der(&certified.signing_key.serialize_der());
    let header = jsonwebtoken::Header::new(Algorithm::ES256);
    let token = jsonwebtoken::encode(&header, &world.claims(), &signer).expect("it signs");
    for form in [certified.cert.pem().into_bytes(), certified.cert.der().to_vec()] {
        let authenticator = world.authenticator(&[world.issuer_with(ISSUER, &form)]);
        let caller = world.check(&authenticator, &token).await;
        assert!(caller.is_ok(), "{caller:?}");
    }
}

fn setup_error(keys: &[u8]) -> SetupError {
    let world = World::new();
    let config: IssuerConfig = world.issuer_with(ISSUER, keys).parse().expect("a good description");
    let outgoing = Arc::new(Outgoing::new(OutgoingRules::default()));
    auth::Authenticator::new(
        &world.settings,
        vec![config],
        None,
        world.registry.clone(),
        world.clock.clone(),
        &outgoing,
    )
    .expect_err("the keys are no good")
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused_with_the_reason() {
    let short = short_rsa_key();
    let mut even = TestKey::rsa().jwk("even");
    even["e"] = "AQAA".into(); // 65536
    let mut one = TestKey::rsa().jwk("one");
    one["e"] = "AQ".into();
    let mut off = TestKey::p256().jwk("off");
    off["x"] = off["y"].clone();
    for (keys, reason) in [
        (&b""[..], "is not a public key"),
        (b"nonsense", "is not a public key"),
        (b"{}", "the array `keys` is missing"),
        (b"{\"keys\":[]}", "has no key"),
        (b"{\"keys\":[], \"keys\":[]}", "occurs twice"),
        (json!({"keys": [even]}).to_string().as_bytes(), "has no key"),
        (json!({"keys": [one]}).to_string().as_bytes(), "has no key"),
        (json!({"keys": [off]}).to_string().as_bytes(), "has no key"),
        (json!({"keys": vec![TestKey::rsa().jwk("x"); 201]}).to_string().as_bytes(), "201 keys"),
        (pem("PRIVATE KEY", b"abc").as_bytes(), "private key"),
        (pem("EC PRIVATE KEY", b"abc").as_bytes(), "private key"),
        (pem("CERTIFICATE REQUEST", b"abc").as_bytes(), "is not a public key"),
        (pem("PUBLIC KEY", b"abc").as_bytes(), "is not a public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA", "is not a public key"),
        (&[TestKey::rsa().spki(), b"x"].concat(), "is not a public key"),
        (&TestKey::rsa().spki()[..100], "is not a public key"),
        (&short, "1024 bits"),
    ] {
        let error = setup_error(keys).to_string();
        assert!(error.contains(reason) && error.contains(ISSUER), "{reason}: {error}");
    }
    assert!(matches!(
        setup_error(&short),
        SetupError::KeyFile(KeyFileError::Contents { source: KeySetError::Key(KeyError::RsaLength(1024)), .. })
    ));
}

/// A PKCS#1 public key whose modulus is too short; it need not be a real one.
fn short_rsa_key() -> Vec<u8> {
    let modulus = [&[0x02, 0x81, 129, 0][..], &[0xc5; 128]].concat();
    let body = [&modulus[..], &[2, 3, 1, 0, 1]].concat();
    [&[0x30, 0x81, body.len() as u8][..], &body].concat()
}

#[test]
fn two_issuers_of_one_name_are_refused() {
    let world = World::new();
    let path = world.file("key.pem", TestKey::rsa().spki_pem().as_bytes());
    let config = |name: &str| -> IssuerConfig {
        format!("issuer={name},keys={},audience={AUDIENCE}", path.display()).parse().expect("a good description")
    };
    let make = |configs, builtin| {
        let outgoing = Arc::new(Outgoing::new(OutgoingRules::default()));
        auth::Authenticator::new(
            &world.settings,
            configs,
            builtin,
            world.registry.clone(),
            world.clock.clone(),
            &outgoing,
        )
    };
    let twice = make(vec![config("https://x/{tid}"), config("https://x/{tenantid}")], None);
    assert!(matches!(twice, Err(SetupError::Twice(_))));
    let builtin = world.builtin();
    let own = builtin.issuer_for(crate::support::tenant_id(crate::support::TENANT));
    let own = own.replace(crate::support::TENANT, "{tid}");
    assert!(matches!(make(vec![config(&own)], Some(builtin)), Err(SetupError::Builtin(_))));
}
