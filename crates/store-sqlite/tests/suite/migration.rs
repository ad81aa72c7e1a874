//! A store that an older version made is brought up to date with everything in it.

use crate::support::{create, open, raw, tenant};
use model::{
    DetectionId, EventKey, RiskEvent, RiskLevel, RiskState, TenantKey, Total, detection_members, event_members,
};
use odata::encode::Row;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use store::{Carried, PageQuery, Projection, Source, Store};

/// Makes a store as the first version did, with events written by its own statements.
fn first_version(folder: &Path) {
    let sql = include_str!("../../../../migrations/sqlite/0001_foundation.sql");
    let file = store_sqlite::database_file(folder);
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).expect("a file");
    let db = raw(folder);
    let checksum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sql.as_bytes());
    let halves = [0, 16].map(|at| u128::from_be_bytes(checksum.as_ref()[at..at + 16].try_into().expect("16 bytes")));
    let checksum = format!("{:032x}{:032x}", halves[0], halves[1]);
    db.execute_batch(sql).expect("the first schema");
    db.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA application_id = {};
         CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT;
         INSERT INTO migrations VALUES (1, 'foundation', '{checksum}');
         INSERT INTO tenants VALUES (1, '00000000-0000-0000-0000-000000000001', 'a tenant', 0, 4, 40);
         INSERT INTO actors VALUES (1, 1, 'tests', '');
         INSERT INTO totals VALUES (1, 1, 0, 0, 3), (1, 1, 1, 2, 3), (1, 1, 2, 0, 3), (1, 1000, 0, 0, 1);",
        i32::from_be_bytes(*b"SPLW")
    ))
    .expect("a store");
    for (number, id) in [(1, "e1"), (2, "01a20946-c71d-7fe7-b4b6-a0b48a6e73b7"), (3, "e\"3")] {
        db.execute(
            "INSERT INTO risk_events VALUES ((1 << 40) + ?1, 1, ?2, 1, 'Mara \"Łind\"', 'mara@fjord.example', \
             17094198042255665, 'leakedCredentials', 2, 0, NULL, ?1 * 10, 'u1', 'u1', ?1)",
            rusqlite::params![number, id],
        )
        .expect("an event");
    }
    db.execute_batch(
        "INSERT INTO users (key, tenant, id, folded_name, business_phones, display_name, user_principal_name, version)
         VALUES ((1 << 40) + 4, 1, 'u1', 'mara@fjord.example', '[]', 'Mara', 'mara@fjord.example', 4);
         INSERT INTO changes SELECT (1 << 40) + n, iif(n = 4, 2, 1), iif(n = 4, 'u1', 'e' || n), 1, 1, n * 10, 1
         FROM (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3 UNION SELECT 4);",
    )
    .expect("a user, and the change log");
}

/// Compares detections as they are shown with what their events say, and answers how many they are.
async fn detections(store: &dyn Store, tenant: TenantKey) -> usize {
    let mut rendered = [const { Vec::new() }; 2];
    for (projection, rendered) in [Projection::Detection, Projection::Risk].into_iter().zip(&mut rendered) {
        let mut sink = |row: &dyn Row| {
            rendered.push(match row.members() {
                Some(members) => members.to_owned(),
                None => detection_members(row)?,
            });
            Ok(())
        };
        let carried = Carried { projection, related: false };
        let query = PageQuery { carried, ..PageQuery::all(Source::Events(None), 9) };
        store.page(tenant, query, &mut sink).await.expect("a page");
    }
    let [kept, told] = rendered;
    assert_eq!(kept, told);
    told.len()
}

/// A process that had the store open before goes on with its own statements.
#[tokio::test]
async fn what_an_older_version_writes_is_shown_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path());
    let tenant = tenant(&*store, 1).await;
    for id in ["e1", "e2", "e3"] {
        create(&*store, tenant, id).await.expect("an event can be made");
    }
    let older = raw(folder.path());
    older
        .execute_batch(
            "UPDATE risk_events SET version = version + 7, risk_event_status = 3, risk_detail = 17, \
             last_updated_date_time = last_updated_date_time + 5 WHERE id = 'e2';
             INSERT INTO risk_events (key, kind, version, members, subject, user_display_name, user_principal_name, \
             risk_event_date_time, risk_event_type, risk_level, risk_event_status, closed_date_time, created_date_time, \
             user_id, impacted_user, risk_detail, last_updated_date_time, tenant, id, named) \
             SELECT key + 100, kind, 100, members, subject, 'Åse \"A\"', user_principal_name, risk_event_date_time, \
             risk_event_type, 1, 4, closed_date_time, created_date_time, user_id, impacted_user, 7, \
             last_updated_date_time + 9, tenant, 'e4', 1 FROM risk_events WHERE id = 'e3';",
        )
        .expect("an older version's statements go on");
    let kept: Vec<bool> = {
        let mut statement =
            older.prepare("SELECT detection IS NOT NULL FROM risk_events ORDER BY id").expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    };
    assert_eq!(kept, [true, false, true, false]);
    assert_eq!(detections(&*store, tenant).await, 4);
    store.close().await;
}

#[tokio::test]
async fn the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    first_version(folder.path());
    let store = open(folder.path());
    assert!(store.migrations().iter().any(|name| name == "0002_queries"), "{:?}", store.migrations());
    let tenant = TenantKey(1);
    create(&*store, tenant, "e5").await.expect("an event can be made");

    let mut rendered = Vec::new();
    let mut sink = |row: &dyn Row| {
        rendered.push(row.members().expect("every event is rendered").to_owned());
        Ok(())
    };
    let query = PageQuery { carried: Carried::MEMBERS, ..PageQuery::all(Source::Events(None), 9) };
    store.page(tenant, query, &mut sink).await.expect("a page");
    assert_eq!(rendered.len(), 4);
    for (id, members) in ["e5", "01a20946-c71d-7fe7-b4b6-a0b48a6e73b7", "e1"].into_iter().zip([0, 2, 3]) {
        let key = EventKey { id: id.parse().expect(id), kind: None };
        let event: RiskEvent = store.load_event(tenant, &key).await.expect("reads go on").expect(id);
        assert_eq!(event_members(&event).expect("sound values"), rendered[members]);
    }
    assert_eq!(detections(&*store, tenant).await, 4);
    let findings = store.check().await.expect("the store can be checked");
    assert!(findings.iter().all(|finding| finding.sound), "{findings:?}");
    let totals = store.totals(tenant).await.expect("totals can be read");
    assert!(totals.contains(&(Total::Users, 1)), "{totals:?}");
    // What the events add up to was worked out, with the name that the directory has.
    let user = store.load_risky_user(tenant, "u1").await.expect("reads go on").expect("a user at risk");
    assert_eq!((user.risk.level, user.risk.state, user.events), (RiskLevel::High, RiskState::AtRisk, 4));
    assert_eq!((&*user.user_display_name, user.is_known, user.open.by_level), ("Mara", true, [0, 0, 4, 0, 0, 0]));
    assert_eq!(store.history(tenant, "u1", None, 9).await.expect("a history").len(), 1, "it begins with this version");
    for id in ["e1", "e5"] {
        let found = store.detected_event(tenant, DetectionId::of(id)).await.expect("reads go on");
        assert_eq!(found.map(|found| found.to_string()).as_deref(), Some(id));
    }
    store.close().await;
}
