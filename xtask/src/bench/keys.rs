//! The issuer of the benchmark's tokens: an RSA key made for one run.

use anyhow::{Context as _, Result};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use model::{Clock as _, SystemClock};
use serde_json::json;

/// The issuer that the tokens name.
pub const ISSUER: &str = "https://bench.example";
/// The audience that the tokens name.
pub const AUDIENCE: &str = "spillwatch";

/// A fresh 2,048-bit RSA key.
pub struct Issuer {
    private_pem: String,
    /// The public half, as PEM (`SubjectPublicKeyInfo`).
    pub public_pem: String,
}

impl Issuer {
    /// Makes a key.
    pub fn generate() -> Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).context("no RSA key could be made")?;
        let private: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().context("the key does not encode")?;
        let public: aws_lc_rs::encoding::PublicKeyX509Der<'_> =
            pair.public_key().as_der().context("the public key does not encode")?;
        Ok(Self { private_pem: pem("PRIVATE KEY", private.as_ref()), public_pem: pem("PUBLIC KEY", public.as_ref()) })
    }

    /// Mints a token that may read and create events for a day.
    pub fn token(&self) -> Result<String> {
        let now = SystemClock.now().unix_seconds();
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "bench",
            "appid": "bench",
            "roles": ["IdentityRiskEvent.ReadWrite.All", "IdentityRiskyUser.Read.All"],
            "iat": now,
            "nbf": now - 60,
            "exp": now + 86_400,
        });
        let key = EncodingKey::from_rsa_pem(self.private_pem.as_bytes()).context("the key does not sign")?;
        let header = Header { kid: Some("bench".into()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &key).context("the token cannot be signed")
    }
}

/// RFC 7468's text form, 64 characters a line.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};

    #[test]
    fn a_token_verifies_under_the_public_key() {
        let issuer = Issuer::generate().expect("a key");
        let token = issuer.token().expect("a token");
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        let key = DecodingKey::from_rsa_pem(issuer.public_pem.as_bytes()).expect("the public key reads");
        let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).expect("it verifies").claims;
        assert_eq!(claims["appid"], "bench");
        let other = Issuer::generate().expect("a key");
        let key = DecodingKey::from_rsa_pem(other.public_pem.as_bytes()).expect("the public key reads");
        assert!(jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).is_err());
    }
}
