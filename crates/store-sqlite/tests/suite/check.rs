//! What `doctor` finds.

use crate::support::{filled, open, raw};
use model::{EventKind, RiskEventStatus, RiskLevel, RiskState, TenantKey, Total};
use store::{Finding, Store as _};

async fn unsound(folder: &std::path::Path) -> Vec<Finding> {
    let store = open(folder);
    let findings = store.check().await.expect("the store can be checked");
    store.close().await;
    findings.into_iter().filter(|finding| !finding.sound).collect()
}

#[tokio::test]
async fn a_healthy_store_is_sound() {
    let folder = filled(100).await;
    assert_eq!(unsound(folder.path()).await, []);
    let store = open(folder.path());
    let total = Total::Events(EventKind::LeakedCredentials, RiskLevel::High, RiskEventStatus::Active);
    let at_risk = Total::RiskyUsers(RiskLevel::High, RiskState::AtRisk);
    assert_eq!(store.totals(TenantKey(1)).await.expect("totals can be read"), [(total, 100), (at_risk, 1)]);
    store.close().await;
}

#[tokio::test]
async fn tampering_is_found() {
    let cases = [
        ("DELETE FROM risk_events WHERE id = 'e5'", &["kept totals", "users at risk"][..]),
        ("UPDATE totals SET count = count + 1", &["kept totals"]),
        ("UPDATE totals SET risk_event_status = 7", &["kept totals"]),
        ("UPDATE totals SET risk_level = 0", &["kept totals"]),
        ("DELETE FROM totals", &["kept totals"]),
        ("INSERT INTO totals VALUES (1, 1000, 0, 0, 4)", &["kept totals"]),
        ("UPDATE risk_events SET risk_level = 0 WHERE id = 'e5'", &["kept totals", "users at risk", "detections"]),
        ("UPDATE risk_events SET detection = 'x' WHERE id = 'e5'", &["detections"]),
        ("UPDATE risky_users SET open_high = 9", &["users at risk"]),
        ("UPDATE risky_users SET newest = 3", &["users at risk"]),
        ("UPDATE risky_users SET risk_state = 3", &["kept totals", "users at risk"]),
        ("DELETE FROM risky_users", &["kept totals", "users at risk"]),
        ("DELETE FROM changes WHERE id = 'e5'", &["change log"]),
        ("UPDATE changes SET key = key + 1000 WHERE id = 'e9'", &["users at risk", "change log"]),
        ("UPDATE changes SET key = key + 1000 WHERE id = 'e5'", &["change log"]),
        ("UPDATE changes SET time = 0 WHERE id = 'e5'", &["change log"]),
        ("UPDATE tenants SET last_sequence = 9", &["change log"]),
        ("UPDATE tenants SET last_time = 0", &["change log"]),
        ("DELETE FROM actors", &["change log"]),
        ("INSERT INTO evidence VALUES (7777, 1, 1, 1, 's', 0, NULL, NULL, 0, 0, 1, NULL)", &["evidence"]),
        ("INSERT INTO evidence SELECT key, 1, 1, 1, 's', 0, NULL, NULL, 0, 0, 1, 1 FROM risk_events", &["evidence"]),
        ("UPDATE risk_events SET additional_info = '[]'", &["evidence"]),
        ("INSERT INTO accounts VALUES (1, 's', 'k', 'nobody', '[]', 0, NULL, NULL, 0, 1)", &["accounts"]),
        (
            "INSERT INTO users (key, tenant, id, folded_name, business_phones, display_name, user_principal_name, version)
             VALUES (99, 1, 'u9', 'u9@fjord.example', '[]', 'u9', 'u9@fjord.example', 9);
             INSERT INTO totals VALUES (1, 1000, 0, 0, 1);
             INSERT INTO accounts VALUES (1, 's', 'k', 'u9', '[]', 0, 77, x'00112233445566778899aabbccddeeff', 0, 1)",
            &["accounts"],
        ),
    ];
    for (sql, subjects) in cases {
        let folder = filled(10).await;
        raw(folder.path()).execute_batch(sql).expect(sql);
        let found: Vec<_> = unsound(folder.path()).await.into_iter().map(|finding| finding.subject).collect();
        assert_eq!(found, subjects, "{sql}");
    }
}

#[tokio::test]
async fn a_file_that_others_can_read_is_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = filled(1).await;
    let file = store_sqlite::database_file(folder.path());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("one's own file");
    let found: Vec<_> = unsound(folder.path()).await.into_iter().map(|finding| finding.subject).collect();
    assert_eq!(found, ["file permissions"]);
}
