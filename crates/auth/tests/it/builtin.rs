//! The built-in issuer: its folder, its tokens, what it publishes.

use crate::assert_matches;
use crate::support::{APP, NOW, OTHER_TENANT, TENANT, World, tenant_id};
use auth::{AuthError, BuiltinError, BuiltinIssuer, NewToken, OldKeys, TokenApp};
use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use model::{Permission, PermissionSet, SystemEntropy};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

fn open(world: &World, folder: &Path, public_url: Option<&str>) -> Result<BuiltinIssuer, BuiltinError> {
    BuiltinIssuer::open_or_create(folder, Arc::new(SystemEntropy), world.clock.clone(), public_url)
}

fn command_token(issuer: &BuiltinIssuer, tenant: &str) -> String {
    let token = NewToken {
        tenant: tenant_id(tenant),
        app: TokenApp::Command("curl"),
        permissions: PermissionSet::from_names(["User.Read.All"]),
        lifetime: HOUR,
    };
    issuer.issue(&token).expect("it signs").expose_secret().to_owned()
}

#[tokio::test]
async fn a_commands_token_is_accepted_for_its_tenant() {
    let world = World::new();
    let builtin = world.builtin();
    let authenticator = world.authenticator_with(&[], Some(builtin.clone()));
    let caller = world.check(&authenticator, &command_token(&builtin, OTHER_TENANT)).await.expect("a good token");
    assert_eq!(caller.tenant_id, tenant_id(OTHER_TENANT));
    assert_eq!(&*caller.actor.app, "cli:curl");
    assert_eq!(caller.actor.user, None);
    assert_eq!(caller.permissions.iter().collect::<Vec<_>>(), [Permission::UserReadAll]);
    let unknown = command_token(&builtin, "30000000-0000-4000-8000-000000000003");
    assert_matches!(world.refusal(&authenticator, &unknown).await, AuthError::UnknownTenant { .. });
    world.clock.advance_seconds(3599);
    assert!(world.check(&authenticator, &command_token(&builtin, TENANT)).await.is_ok());
}

#[tokio::test]
async fn a_token_of_our_own_ends_on_the_second() {
    let world = World::new();
    let builtin = world.builtin();
    let authenticator = world.authenticator_with(&[], Some(builtin.clone()));
    let token = command_token(&builtin, TENANT);
    world.clock.advance_seconds(3599);
    assert!(world.check(&authenticator, &token).await.is_ok());
    world.clock.advance_seconds(1);
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Expired { .. });
}

#[test]
fn a_command_needs_a_name_that_can_be_kept() {
    let world = World::new();
    let builtin = world.builtin();
    for name in ["", "a\nb", &"x".repeat(300)] {
        let app = TokenApp::Command(name);
        let token = NewToken { tenant: tenant_id(TENANT), app, permissions: PermissionSet::all(), lifetime: HOUR };
        assert_matches!(builtin.issue(&token), Err(BuiltinError::AppName(_)));
    }
}

#[tokio::test]
async fn turned_off_it_is_a_stranger() {
    let world = World::new();
    let token = command_token(&world.builtin(), TENANT);
    assert_matches!(world.refusal(&world.usual(), &token).await, AuthError::UnknownIssuer { .. });
}

#[tokio::test]
async fn another_instances_token_is_refused() {
    let world = World::new();
    let builtin = world.builtin();
    let authenticator = world.authenticator_with(&[], Some(builtin));
    let other = open(&world, &world.folder.path().join("other"), None).expect("an issuer can be made");
    assert_matches!(
        world.refusal(&authenticator, &command_token(&other, TENANT)).await,
        AuthError::UnknownIssuer { .. }
    );
    // Even one that has the same name.
    let url = Some("https://risk.example");
    let one = Arc::new(open(&world, &world.folder.path().join("one"), url).expect("an issuer can be made"));
    let two = open(&world, &world.folder.path().join("two"), url).expect("an issuer can be made");
    let authenticator = world.authenticator_with(&[], Some(one));
    assert_matches!(world.refusal(&authenticator, &command_token(&two, TENANT)).await, AuthError::UnknownKey { .. });
}

#[test]
fn another_reader_agrees_with_what_is_issued_and_published() {
    let world = World::new();
    let builtin = world.builtin();
    let app = world.registry.contents.lock().expect("not poisoned").apps[0].clone();
    let token = NewToken {
        tenant: tenant_id(TENANT),
        app: TokenApp::Registered(&app),
        permissions: app.permissions,
        lifetime: HOUR,
    };
    let token = builtin.issue(&token).expect("it signs");
    assert!(!format!("{token:?}").contains("ey"), "never printed by accident");
    let set: JwkSet = serde_json::from_str(&builtin.jwks_json()).expect("a JWK set");
    let header = jsonwebtoken::decode_header(token.expose_secret()).expect("a header");
    let jwk = set.find(header.kid.as_deref().expect("a kid")).expect("the key is published");
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["https://graph.microsoft.com"]);
    validation.set_issuer(&[builtin.issuer_for(tenant_id(TENANT))]);
    validation.validate_exp = false; // its clock is the machine's
    let key = DecodingKey::from_jwk(jwk).expect("a key");
    let claims = jsonwebtoken::decode::<Value>(token.expose_secret(), &key, &validation).expect("it verifies").claims;
    assert_eq!(claims["ver"], "2.0");
    assert_eq!(claims["tid"], TENANT);
    for name in ["appid", "azp", "oid", "sub"] {
        assert_eq!(claims[name], APP);
    }
    assert_eq!(claims["roles"], serde_json::json!(["IdentityRiskEvent.ReadWrite.All"]));
    assert_eq!(
        (claims["iat"].as_i64(), claims["nbf"].as_i64(), claims["exp"].as_i64()),
        (Some(NOW), Some(NOW), Some(NOW + 3600))
    );
    assert!(!builtin.jwks_json().contains("\"d\""), "no private number is published");
}

#[test]
fn the_discovery_document_has_addresses_of_here_and_the_stored_name() {
    let world = World::new();
    let builtin = world.builtin();
    let document: Value = serde_json::from_str(&builtin.discovery_json("http://127.0.0.1:8080/", tenant_id(TENANT)))
        .expect("a JSON document");
    assert_eq!(document["issuer"], builtin.issuer_for(tenant_id(TENANT)));
    assert_eq!(document["token_endpoint"], format!("http://127.0.0.1:8080/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(document["jwks_uri"], format!("http://127.0.0.1:8080/{TENANT}/discovery/v2.0/keys"));
    assert_eq!(document["grant_types_supported"], serde_json::json!(["client_credentials"]));
}

#[test]
fn the_name_is_stored_at_the_first_start() {
    let world = World::new();
    let folder = world.folder.path().join("named");
    let name = |issuer: &BuiltinIssuer| issuer.issuer_for(tenant_id(TENANT));
    let first = open(&world, &folder, Some("https://risk.example/base/")).expect("an issuer can be made");
    assert_eq!(name(&first), format!("https://risk.example/base/{TENANT}/v2.0"));
    let moved = open(&world, &folder, Some("https://elsewhere.example")).expect("it is there");
    assert_eq!(name(&moved), name(&first));
    assert_eq!(moved.signing_kid(), first.signing_kid());
    assert!(name(&world.builtin()).contains(".spillwatch.invalid/"));
    for wrong in [
        "risk.example",
        "ftp://risk.example",
        "https://risk.example?x",
        "https://a:b@risk.example",
        "https://risk.example/{tid}",
    ] {
        let folder = world.folder.path().join("wrong");
        assert_matches!(open(&world, &folder, Some(wrong)), Err(BuiltinError::PublicUrl(_)));
        assert!(!folder.exists(), "nothing is left behind");
    }
}

#[cfg(unix)]
#[test]
fn the_folder_and_its_files_are_the_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let folder = world.folder.path().join("private");
    std::fs::create_dir(&folder).expect("a folder can be made");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let builtin = open(&world, &folder, None).expect("an issuer can be made");
    builtin.rotate(OldKeys::Keep).expect("it rotates");
    let mode = |path: &Path| std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("it is ours") {
        let path = entry.expect("it is ours").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.extension().map_or("lock".into(), |extension| extension.to_string_lossy().into_owned()));
    }
    names.sort();
    assert_eq!(names, ["json", "lock", "pkcs8", "pkcs8"], "and no temporary file is left");
}

#[test]
fn what_is_broken_in_the_folder_is_named() {
    let world = World::new();
    let folder = world.folder.path().join("broken");
    let builtin = open(&world, &folder, None).expect("an issuer can be made");
    let key = folder.join(format!("{}.pkcs8", builtin.signing_kid()));
    let good = std::fs::read(&key).expect("it exists");
    std::fs::write(&key, "nonsense").expect("it is ours");
    assert_matches!(builtin.reload(), Err(BuiltinError::KeyFile(place)) if place == key.display().to_string());
    std::fs::remove_file(&key).expect("it is ours");
    assert_matches!(builtin.reload(), Err(BuiltinError::NoSigningKey { .. }));
    std::fs::write(&key, good).expect("it is ours");
    assert_matches!(builtin.reload(), Ok(false));
    // A crash between a new key and the change of issuer.json leaves a spare key.
    std::fs::copy(&key, folder.join("spare.pkcs8")).expect("it is ours");
    std::fs::write(folder.join("half.pkcs8.new"), "half").expect("it is ours");
    assert_matches!(builtin.reload(), Ok(true));
    open(&world, &folder, None).expect("it is there").rotate(OldKeys::Remove).expect("it rotates");
    assert!(!folder.join("spare.pkcs8").exists() && !folder.join("half.pkcs8.new").exists(), "swept");
    let file = folder.join("issuer.json");
    let text = std::fs::read_to_string(&file).expect("it exists");
    for wrong in ["", "{}", "[]", &text.replace("\"version\": 1", "\"version\": 2")] {
        std::fs::write(&file, wrong).expect("it is ours");
        assert_matches!(builtin.reload(), Err(BuiltinError::IssuerFile { .. }));
        assert_matches!(open(&world, &folder, None), Err(BuiltinError::IssuerFile { .. }));
    }
    std::fs::remove_file(&file).expect("it is ours");
    assert_matches!(builtin.reload(), Err(BuiltinError::IssuerFile { .. }));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let world = World::new();
    let file = world.file("file", b"");
    let error = open(&world, &file.join("keys"), None).expect_err("a file is no folder");
    assert!(error.to_string().contains("file/keys"), "{error}");
}

#[test]
fn processes_that_start_at_once_agree() {
    let world = Arc::new(World::new());
    let folder = world.folder.path().join("shared");
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let (world, folder) = (world.clone(), folder.clone());
            std::thread::spawn(move || {
                let issuer = open(&world, &folder, None).expect("an issuer can be made");
                (issuer.signing_kid(), issuer.issuer_for(tenant_id(TENANT)))
            })
        })
        .collect();
    let found: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert!(found.iter().all(|issuer| *issuer == found[0]), "{found:?}");
}

#[test]
fn keys_can_be_read_while_they_rotate() {
    let world = Arc::new(World::new());
    let folder = world.folder.path().join("rotating");
    let writer = open(&world, &folder, None).expect("an issuer can be made");
    let reader = open(&world, &folder, None).expect("it is there");
    let thread = std::thread::spawn(move || {
        (0..5).for_each(|_| drop(writer.rotate(OldKeys::Remove).expect("it rotates")));
        writer.signing_kid()
    });
    while !thread.is_finished() {
        reader.reload().expect("there are whole keys at any moment");
    }
    let last = thread.join().expect("no panic");
    reader.reload().expect("there are whole keys");
    assert_eq!(reader.signing_kid(), last);
}
