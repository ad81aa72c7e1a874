//! Secrets of apps: made here, shown once, kept as a hash.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Entropy;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// A new secret for an app.
#[derive(Debug)]
pub struct NewSecret {
    /// Its text, to be shown once: 43 characters of base64url.
    pub text: SecretString,
    /// Its hash, to be kept. The text has 256 random bits, so the hash needs no salt and gives
    /// nothing away.
    pub sha256: [u8; 32],
}

impl NewSecret {
    /// Makes a secret of 32 random bytes.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        let text = URL_SAFE_NO_PAD.encode(*bytes);
        Self { sha256: secret_sha256(&text), text: text.into() }
    }
}

/// The hash of a secret's text, as the registry keeps it.
pub fn secret_sha256(text: &str) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    sha256
}
