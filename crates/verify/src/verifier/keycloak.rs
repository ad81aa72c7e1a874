//! A credential of Keycloak's realm export: JSON with two JSON texts inside.

use argon2::Algorithm as Variant;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::argon2::{Argon, Numbers};
use super::pbkdf2::{Pbkdf2, Prf};
use super::phc::decimal;
use super::secret::Secret;
use super::{Algorithm, Limits, ParseError, Scheme, encoding};

/// One member of `users[].credentials[]`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    #[serde(rename = "type")]
    kind: Option<String>,
    secret_data: Option<String>,
    #[serde(rename = "credentialData")]
    data: Option<String>,
    // Before Keycloak 8 the same stood side by side.
    hashed_salted_value: Option<String>,
    salt: Option<String>,
    hash_iterations: Option<u32>,
    algorithm: Option<String>,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: u32,
    algorithm: String,
    #[serde(default)]
    additional_parameters: AdditionalParameters,
}

/// Numbers as lists of text, each with one member.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AdditionalParameters {
    hash_length: Vec<String>,
    memory: Vec<String>,
    #[serde(rename = "type")]
    variant: Vec<String>,
    version: Vec<String>,
    parallelism: Vec<String>,
}

const fn malformed(scheme: Scheme, part: &'static str, expected: &'static str) -> ParseError {
    ParseError::Malformed { scheme, part, expected }
}

const fn unreadable(part: &'static str, expected: &'static str) -> ParseError {
    ParseError::MalformedCredential { part, expected }
}

/// Reads a credential of type `password`.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Box<dyn Algorithm>, ParseError> {
    let credential: Credential =
        serde_json::from_str(text).map_err(|_| unreadable("the text", "a credential in JSON"))?;
    let secret_data = credential.secret_data.map(Zeroizing::new);
    let hashed_salted_value = credential.hashed_salted_value.map(Zeroizing::new);
    match credential.kind.as_deref() {
        None | Some("password") => {}
        Some("otp" | "totp" | "hotp") => return Err(ParseError::unknown("keycloak-otp")),
        Some("webauthn" | "webauthn-passwordless") => return Err(ParseError::unknown("keycloak-webauthn")),
        Some(_) => return Err(ParseError::unknown("keycloak-other")),
    }
    let (secret, data) = match (secret_data, credential.data, hashed_salted_value) {
        (Some(secret), Some(data), _) => {
            let secret: SecretData =
                serde_json::from_str(&secret).map_err(|_| unreadable("secretData", "JSON with value and salt"))?;
            let data: CredentialData = serde_json::from_str(&data)
                .map_err(|_| unreadable("credentialData", "JSON with algorithm and hashIterations"))?;
            (secret, data)
        }
        (_, _, Some(mut value)) => {
            let missing = unreadable("the old credential", "complete: salt and hashIterations");
            let (Some(salt), Some(hash_iterations)) = (credential.salt, credential.hash_iterations) else {
                return Err(missing);
            };
            let algorithm = credential.algorithm.unwrap_or_else(|| "pbkdf2".to_owned());
            let data =
                CredentialData { hash_iterations, algorithm, additional_parameters: AdditionalParameters::default() };
            (SecretData { value: std::mem::take(&mut *value), salt }, data)
        }
        _ => return Err(unreadable("the credential", "one with secretData and credentialData")),
    };
    let (value, salt) = (Zeroizing::new(secret.value), Zeroizing::new(secret.salt));
    let prf = match data.algorithm.as_str() {
        "pbkdf2" => Prf::Sha1,
        "pbkdf2-sha256" => Prf::Sha256,
        "pbkdf2-sha512" => Prf::Sha512,
        "argon2" => return argon2(&data, &value, &salt, limits),
        other => return Err(ParseError::unknown(&format!("keycloak-{other}"))),
    };
    let scheme = prf.scheme();
    let (value, salt) = bytes(scheme, &value, &salt)?;
    Ok(Box::new(Pbkdf2::new(prf, data.hash_iterations, salt, value, limits)?))
}

fn bytes(scheme: Scheme, value: &str, salt: &str) -> Result<(Secret, Secret), ParseError> {
    let value = encoding::base64(value).ok_or(malformed(scheme, "value", "base64"))?;
    let salt = encoding::base64(salt).ok_or(malformed(scheme, "salt", "base64"))?;
    Ok((value, salt))
}

fn argon2(data: &CredentialData, value: &str, salt: &str, limits: &Limits) -> Result<Box<dyn Algorithm>, ParseError> {
    let more = &data.additional_parameters;
    let (variant, scheme) = match only(&more.variant) {
        Some("id") => (Variant::Argon2id, Scheme::Argon2id),
        Some("i") => (Variant::Argon2i, Scheme::Argon2i),
        Some("d") => (Variant::Argon2d, Scheme::Argon2d),
        _ => return Err(malformed(Scheme::Argon2id, "type", "id, i or d")),
    };
    let version = match only(&more.version) {
        Some("1.3") => 0x13,
        Some("1.0") => 0x10,
        _ => return Err(malformed(scheme, "version", "1.3 or 1.0")),
    };
    let number = |list, part| only(list).and_then(decimal).ok_or(malformed(scheme, part, "one decimal number"));
    let numbers = Numbers {
        version,
        memory_kib: number(&more.memory, "memory")?,
        passes: data.hash_iterations,
        lanes: number(&more.parallelism, "parallelism")?,
    };
    let length = number(&more.hash_length, "hashLength")?;
    let (value, salt) = bytes(scheme, value, salt)?;
    if value.len() != length as usize {
        return Err(malformed(scheme, "value", "as long as hashLength says"));
    }
    Ok(Box::new(Argon::new(variant, &numbers, salt, value, limits)?))
}

fn only(list: &[String]) -> Option<&str> {
    match list {
        [one] => Some(one),
        _ => None,
    }
}
