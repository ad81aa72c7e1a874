//! `spillwatch doctor`: is everything as it should be?

use crate::cli::Global;
use crate::commands::keys::{LOST_WORK, waiting_in_words};
use crate::error::Failure;
use crate::instance::{Instance, blocking, keys_folder};
use crate::output::rows;
use crate::verifier_keys::{self, VaultFolder};
use auth::KeyStorage as _;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use store::Finding;

/// Less free room than this is worth a word.
const ROOM: u64 = 1 << 30;

/// Checks the folder if there is one, the keys and the store; fails when something is not sound.
pub async fn run(global: &Global) -> Result<(), Failure> {
    let instance = Instance::open(global).await?;
    let mut findings = Vec::new();
    if let Some(folder) = instance.folder() {
        findings.extend([private("data folder", folder)?, room(folder)?]);
        findings.push(private("keys folder", &keys_folder(folder)?)?);
        let vault = VaultFolder::of(folder)?;
        if vault.path().exists() {
            findings.push(private("vault folder", vault.path())?);
        }
    }
    if let Some(keys) = instance.sealed_keys().cloned() {
        let id = keys.key_id();
        let secrets = blocking(move || keys.read()).await?.by_name.len();
        let detail = format!("{id} opens all {secrets} secrets");
        findings.push(Finding { subject: "operator's key", sound: true, detail });
    }
    let issuer = instance.issuer(None).await?;
    findings.push(Finding { subject: "signing key", sound: true, detail: issuer.signing_kid() });
    findings.extend(sealed(global, &instance).await?);
    findings.extend(instance.service.store().check().await?);
    let found: Vec<_> = findings
        .iter()
        .map(|finding| vec![json!(finding.subject), json!(finding.sound), json!(finding.detail)])
        .collect();
    rows(global, &["subject", "sound", "detail"], &found, "")?;
    instance.service.store().close().await;
    let unsound: Vec<&str> = findings.iter().filter(|finding| !finding.sound).map(|finding| finding.subject).collect();
    if unsound.is_empty() { Ok(()) } else { Err(Failure::message(format!("not sound: {}", unsound.join(", ")))) }
}

/// Opens with the keys at hand every verifier, and every password that waits to be checked, and makes no key.
async fn sealed(global: &Global, instance: &Instance) -> Result<Vec<Finding>, Failure> {
    let subject = "verifiers";
    let Some(vault) = verifier_keys::existing(instance, global).await? else {
        let some = instance.service.has_sealed().await?;
        let detail = match (some, instance.folder().map(VaultFolder::of).transpose()?) {
            (false, _) => "none".to_owned(),
            (true, Some(folder)) => match folder.sealed_by()? {
                Some(id) => format!("the operator's key {id} seals them, and it is not given (--secret-key-file)"),
                None => format!("the key that sealed them is not in {}", folder.path().display()),
            },
            (true, None) => "no key is at hand".to_owned(),
        };
        return Ok(vec![Finding { subject, sound: !some, detail }]);
    };
    let found = instance.service.openable(&vault).await?;
    let keys = vault.operator_keys().id();
    let of_before = match found.unopenable_of_before {
        0 => String::new(),
        count => format!("; {count} that are kept for jobs that can be undone are not opened"),
    };
    let detail = match &found.why {
        Some(why) if found.unopenable > 0 => {
            format!("{} of {} are not opened: {why}{of_before}", found.unopenable, found.all)
        }
        _ => format!("{keys} opens {} of {}{of_before}", found.all - found.unopenable_of_before, found.all),
    };
    let mut findings = vec![Finding { subject, sound: found.unopenable == 0, detail }];
    let waiting = found.waiting.sum();
    if waiting.all > 0 {
        let detail = match &found.why_waiting {
            Some(why) => format!(
                "{} of {} are not opened ({}): {why}. {LOST_WORK}",
                waiting.unopenable,
                waiting.all,
                waiting_in_words(&found.waiting, |tally| tally.unopenable)
            ),
            None => {
                let waits = waiting_in_words(&found.waiting, |tally| tally.all);
                format!("{keys} opens {} of {}: {waits}", waiting.all, waiting.all)
            }
        };
        findings.push(Finding { subject: "waiting passwords", sound: waiting.unopenable == 0, detail });
    }
    Ok(findings)
}

fn private(subject: &'static str, folder: &Path) -> Result<Finding, Failure> {
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    Ok(Finding {
        subject,
        sound: mode.trailing_zeros() >= 6,
        detail: format!("{mode:03o}; others must have no access"),
    })
}

fn room(folder: &Path) -> Result<Finding, Failure> {
    let about = rustix::fs::statvfs(folder)?;
    let free = about.f_bavail * about.f_frsize;
    Ok(Finding { subject: "free room", sound: free >= ROOM, detail: format!("{} MiB", free >> 20) })
}
