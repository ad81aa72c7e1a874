//! Bearer tokens: texts that nobody signed let nobody in, and signed ones only with the right claims.

use super::check_message;
use crate::app::{Setup, TestApp, now, tenant_id};
use crate::issuer::TestKey;
use auth::{AuthError, IssuerConfig};
use jsonwebtoken::Algorithm;
use model::Caller;
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ISSUER: &str = "https://idp.example";
const AUDIENCE: &str = "spillwatch";

/// An application that trusts an issuer whose key is known.
struct Door {
    runtime: Runtime,
    app: TestApp,
    _keys: TempDir,
}

thread_local! {
    static DOOR: Door = Door::new();
}

impl Door {
    fn new() -> Self {
        let keys = TempDir::new().expect("a folder");
        let file = keys.path().join("keys.json");
        std::fs::write(&file, json!({"keys": [TestKey::ed25519().jwk("first")]}).to_string()).expect("a file");
        let issuer = format!("issuer={ISSUER},keys={},audience={AUDIENCE}", file.display());
        let issuers = vec![issuer.parse::<IssuerConfig>().expect("an issuer")];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let app = runtime.block_on(TestApp::start(Setup { issuers, ..Setup::default() }));
        Self { runtime, app, _keys: keys }
    }

    fn knock(&self, token: &str) -> Result<Arc<Caller>, AuthError> {
        self.runtime.block_on(async {
            let epoch = self.app.app.service.store().registry_epoch().await.expect("a store");
            self.app.app.authenticator.authenticate(token, epoch).await
        })
    }
}

/// Checks a token as it is; or, of two lines, one with the first as its header and the second as its
/// payload, which is signed by an issuer that is trusted.
pub(super) fn bearer(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    DOOR.with(|door| match text.split_once('\n') {
        None => refused(door, text),
        Some((header, payload)) => {
            let token = TestKey::ed25519().sign_text(Algorithm::EdDSA, header, payload);
            match door.knock(&token) {
                Ok(caller) => check_caller(&caller, header, payload),
                Err(error) => check_error(&error, &token),
            }
            let (signed, signature) = token.rsplit_once('.').expect("it has three parts");
            let (first, rest) = signature.split_at(1);
            let other = if first == "A" { "B" } else { "A" };
            refused(door, &format!("{signed}.{other}{rest}"));
        }
    });
}

fn refused(door: &Door, token: &str) {
    match door.knock(token) {
        Ok(caller) => panic!("{token} lets in {caller:?}"),
        Err(error) => check_error(&error, token),
    }
}

/// Says why, and nothing of the token.
fn check_error(error: &AuthError, token: &str) {
    let message = error.to_string();
    check_message(&message);
    for part in token.split('.').filter(|part| part.len() > 20) {
        assert!(!message.contains(part), "{message}");
    }
}

/// What is let in has said who it is and for how long.
fn check_caller(caller: &Caller, header: &str, payload: &str) {
    let header: Value = serde_json::from_str(header).expect("a header");
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(header.get("crit"), None);
    let claims: Value = serde_json::from_str(payload).expect("claims");
    assert_eq!(claims["iss"], ISSUER);
    assert!(claims["aud"] == AUDIENCE || claims["aud"].as_array().is_some_and(|all| all.contains(&AUDIENCE.into())));
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact in a double")]
    let (now, leeway) = (now().unix_seconds() as f64, 60.0);
    assert!(claims["exp"].as_f64().is_some_and(|end| end + leeway > now), "{claims}");
    assert!(claims["nbf"].as_f64().is_none_or(|begin| begin <= now + leeway), "{claims}");
    let tenant = claims["tid"].as_str().expect("a tenant").to_ascii_lowercase();
    assert!(tenant.parse().is_ok_and(|tenant: model::TenantId| tenant == tenant_id(0)), "{claims}");
    assert_eq!(caller.tenant_id, tenant_id(0));
    for granted in caller.permissions.iter() {
        let name = granted.to_string().to_ascii_lowercase();
        let said = payload.to_ascii_lowercase().contains(&name) || payload.contains('\\');
        assert!(said, "{granted} out of {payload}");
    }
}
