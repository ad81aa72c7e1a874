//! An OpenID Connect issuer on the loopback interface whose keys and manners a test can change, and
//! keys that sign any token, right or wrong.
//!
//! Tokens are signed by `jsonwebtoken`, which the product does not use to check them, so that two
//! readings of the RFCs meet here.

#![expect(clippy::missing_panics_doc, reason = "a fixture that cannot be made ends its test")]

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

static RSA: LazyLock<[TestKey; 2]> = LazyLock::new(|| [TestKey::new_rsa(), TestKey::new_rsa()]);
static P256: LazyLock<TestKey> = LazyLock::new(|| TestKey::new_ec("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING));
static P384: LazyLock<TestKey> = LazyLock::new(|| TestKey::new_ec("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING));
static ED25519: LazyLock<TestKey> = LazyLock::new(TestKey::new_ed25519);

/// A key pair that signs tokens. Each is made once in a process.
pub struct TestKey {
    signer: EncodingKey,
    /// `SubjectPublicKeyInfo`.
    spki: Vec<u8>,
    /// What the key pair calls its public key: PKCS#1, a point, or octets.
    public: Vec<u8>,
    jwk: Value,
}

impl TestKey {
    /// An RSA key of 2048 bits.
    pub fn rsa() -> &'static Self {
        &RSA[0]
    }

    /// Another RSA key of 2048 bits.
    pub fn other_rsa() -> &'static Self {
        &RSA[1]
    }

    /// A key on P-256.
    pub fn p256() -> &'static Self {
        &P256
    }

    /// A key on P-384.
    pub fn p384() -> &'static Self {
        &P384
    }

    /// A key on Curve25519.
    pub fn ed25519() -> &'static Self {
        &ED25519
    }

    fn new_rsa() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key is made");
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().expect("a key is written");
        let pem = pem("PRIVATE KEY", pkcs8.as_ref());
        let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().expect("a key is written");
        let public = key.public_key().as_ref().to_vec();
        // SEQUENCE (4 bytes), INTEGER (4 bytes), a zero, 256 bytes of modulus, INTEGER (2 bytes), exponent
        let (n, e) = (&public[9..265], &public[267..]);
        Self {
            signer: EncodingKey::from_rsa_pem(pem.as_bytes()).expect("it was written by the line above"),
            spki: spki.as_ref().to_vec(),
            jwk: json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)}),
            public,
        }
    }

    fn new_ec(curve: &str, algorithm: &'static EcdsaSigningAlgorithm) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key is made");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).expect("it was made by the line above");
        let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().expect("a key is written");
        let public = key.public_key().as_ref().to_vec();
        let (x, y) = public[1..].split_at((public.len() - 1) / 2);
        Self {
            signer: EncodingKey::from_ec_der(pkcs8.as_ref()),
            spki: spki.as_ref().to_vec(),
            jwk: json!({"kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}),
            public,
        }
    }

    fn new_ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key is made");
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("it was made by the line above");
        let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().expect("a key is written");
        let public = key.public_key().as_ref().to_vec();
        Self {
            signer: EncodingKey::from_ed_der(pkcs8.as_ref()),
            spki: spki.as_ref().to_vec(),
            jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&public)}),
            public,
        }
    }

    /// The public key as a JWK (RFC 7517) named `kid`.
    pub fn jwk(&self, kid: &str) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// The public key as `SubjectPublicKeyInfo` in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The public key in its own form: PKCS#1 `RSAPublicKey` in DER, an uncompressed point, or octets.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The public key as a PEM file.
    pub fn spki_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki)
    }

    /// Signs a token with any header and claims; `algorithm` is what is done, whatever the header says.
    pub fn sign(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        self.sign_text(algorithm, &header.to_string(), &claims.to_string())
    }

    /// Signs a token whose header and payload are any text.
    pub fn sign_text(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.signer, algorithm).expect("it signs");
        format!("{signed}.{signature}")
    }
}

/// Signs a token with a shared secret, as nobody should.
pub fn sign_with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).expect("it signs");
    format!("{signed}.{signature}")
}

/// A PEM text (RFC 7468).
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// How the issuer answers.
#[derive(Clone, Debug, Default)]
pub enum Manner {
    /// As it should.
    #[default]
    Good,
    /// With this status and nothing else.
    Status(u16),
    /// With a redirect to this address.
    Redirect(String),
    /// As it should, but this much later.
    Slow(Duration),
    /// With a body of so many bytes.
    Long(usize),
}

struct Inner {
    origin: String,
    /// `issuer` of the discovery document, when it is not the origin.
    named: Option<String>,
    /// `jwks_uri` of the discovery document, when it is not ours.
    keys_at: Option<String>,
    keys: Vec<Value>,
    manner: Manner,
    document_requests: usize,
    keys_requests: usize,
}

/// An issuer on 127.0.0.1 that ends when it is dropped.
pub struct FakeIssuer {
    inner: Arc<Mutex<Inner>>,
    server: AbortHandle,
}

impl FakeIssuer {
    /// Starts an issuer that publishes `keys`.
    pub async fn start(keys: Vec<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let origin = format!("http://{}", listener.local_addr().expect("it listens"));
        let inner = Inner {
            origin,
            named: None,
            keys_at: None,
            keys,
            manner: Manner::Good,
            document_requests: 0,
            keys_requests: 0,
        };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, server: server.abort_handle() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its address, which is its name as an issuer too.
    pub fn origin(&self) -> String {
        self.inner().origin.clone()
    }

    /// Publishes other keys.
    pub fn set_keys(&self, keys: Vec<Value>) {
        self.inner().keys = keys;
    }

    /// Puts another issuer into the discovery document.
    pub fn set_name(&self, name: &str) {
        self.inner().named = Some(name.to_owned());
    }

    /// Puts another address of the keys into the discovery document.
    pub fn set_keys_address(&self, address: &str) {
        self.inner().keys_at = Some(address.to_owned());
    }

    /// Answers in another manner from now on.
    pub fn set_manner(&self, manner: Manner) {
        self.inner().manner = manner;
    }

    /// How often the discovery document was asked for.
    pub fn document_requests(&self) -> usize {
        self.inner().document_requests
    }

    /// How often the keys were asked for.
    pub fn keys_requests(&self) -> usize {
        self.inner().keys_requests
    }
}

impl Drop for FakeIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri) -> Response {
    let (manner, body) = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        let body = if uri.path().ends_with("/.well-known/openid-configuration") {
            inner.document_requests += 1;
            json!({
                "issuer": inner.named.as_ref().unwrap_or(&inner.origin),
                "jwks_uri": inner.keys_at.clone().unwrap_or_else(|| format!("{}/keys", inner.origin)),
            })
        } else {
            inner.keys_requests += 1;
            json!({ "keys": inner.keys })
        };
        (inner.manner.clone(), body)
    };
    let good = || ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response();
    match manner {
        Manner::Good => good(),
        Manner::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Manner::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Manner::Slow(delay) => {
            tokio::time::sleep(delay).await;
            good()
        }
        Manner::Long(length) => format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(length)).into_response(),
    }
}
