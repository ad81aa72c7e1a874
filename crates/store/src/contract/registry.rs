//! Tenants, apps, secrets, and the epoch.

use super::Harness;
use super::people::begun;
use super::samples::{begin, create_event, create_user, event_of, execute, new_event, snapshot, tenant, user_of};
use crate::{AdminCommand, AdminOutcome, Source, Store, StoreError, WriteError};
use model::{
    App, AppSecret, Clock as _, JobKind, Permission, PermissionSet, Registry, Tenant, TenantId, TenantKey, Ticks,
};
use uuid::Uuid;

async fn administer(store: &dyn Store, command: AdminCommand) -> AdminOutcome {
    store.administer(command).await.expect("the registry can be changed")
}

async fn registry(store: &dyn Store) -> Registry {
    let registry = store.registry().await.expect("the registry can be read");
    let epoch = store.registry_epoch().await.expect("the epoch can be read");
    assert_eq!(registry.epoch, epoch, "the registry tells its own moment");
    registry
}

fn secret(number: u8, created: Ticks) -> AppSecret {
    let id = Uuid::from_u128(number.into());
    AppSecret { id, sha256: [number; 32], created, expires: created.plus_seconds(3600) }
}

fn app(number: u128, tenant: TenantKey, created: Ticks) -> App {
    let mut permissions = PermissionSet::default();
    permissions.insert(Permission::IdentityRiskEventReadWriteAll);
    permissions.insert(Permission::UserReadAll);
    App {
        id: Uuid::from_u128(number),
        tenant,
        name: format!("app {number} åse").into(),
        permissions,
        created,
        secrets: vec![secret(1, created)],
    }
}

pub(super) async fn tenants_come_and_go(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let second = tenant(harness, 2).await;
    let created = harness.clock().now();
    let id = TenantId::new(Uuid::from_u128(2));
    let found = registry(&*store).await;
    let expected = Tenant { key: second, id, name: "tenant 2".into(), created };
    assert_eq!(found.tenant(id), Some(&expected));
    assert_eq!(found.tenants.len(), 2);

    let again = AdminCommand::AddTenant { id, name: "again".into(), created };
    assert_eq!(administer(&*store, again.clone()).await, AdminOutcome::Exists);
    assert_eq!(registry(&*store).await, found, "nothing has changed");

    for tenant in [first, second] {
        for number in 0..10 {
            event_of(&*store, tenant, create_event(new_event(&format!("e{number}")))).await;
        }
        user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    }
    let kept = snapshot(&*store, first).await;
    assert_eq!(administer(&*store, AdminCommand::AddApp(app(7, second, created))).await, AdminOutcome::Done);
    assert_eq!(administer(&*store, AdminCommand::AddApp(app(8, first, created))).await, AdminOutcome::Done);
    assert_eq!(administer(&*store, AdminCommand::RemoveTenant(second)).await, AdminOutcome::Done);
    assert_eq!(administer(&*store, AdminCommand::RemoveTenant(second)).await, AdminOutcome::NotFound);

    let left = registry(&*store).await;
    assert_eq!(left.tenants.iter().map(|tenant| tenant.key).collect::<Vec<_>>(), [first]);
    assert_eq!(left.apps.iter().map(|app| app.tenant).collect::<Vec<_>>(), [first], "its apps are gone too");
    let refused = execute(&*store, second, create_event(new_event("e99"))).await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::UnknownTenant))), "{refused:?}");
    for source in [Source::Events(None), Source::Users] {
        assert_eq!(super::samples::rows(&*store, second, source).await, [], "its rows are gone");
    }
    assert_eq!(store.changes(second, 0, 100).await.expect("reads go on"), []);
    assert_eq!(store.totals(second).await.expect("reads go on"), []);
    assert_eq!(snapshot(&*store, first).await, kept, "others keep theirs");

    // The same id may come back, under another key and with nothing in it.
    drop(store);
    harness.reopen().await;
    let store = harness.store();
    let AdminOutcome::Tenant(third) = administer(&*store, again).await else { panic!("the tenant is added again") };
    assert!(third != first && third != second, "a key is never used again");
    assert_eq!(snapshot(&*store, third).await.changes, []);
    let event = event_of(&*store, third, create_event(new_event("e0"))).await;
    assert_eq!(event.version, 1);
}

pub(super) async fn apps_come_and_go(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let created = harness.clock().now();
    let (first, second) = (app(1, tenant, created), app(2, tenant, created));
    for app in [&first, &second] {
        assert_eq!(administer(&*store, AdminCommand::AddApp(app.clone())).await, AdminOutcome::Done);
    }
    let found = registry(&*store).await;
    assert_eq!(found.app(first.id), Some(&first));
    assert_eq!(found.app(second.id), Some(&second));

    let other = App { name: "other".into(), secrets: vec![secret(9, created)], ..first.clone() };
    assert_eq!(administer(&*store, AdminCommand::AddApp(other)).await, AdminOutcome::Exists);
    assert_eq!(registry(&*store).await, found, "nothing of a second app with the same id is kept");

    let homeless = app(3, TenantKey(tenant.0 + 1), created);
    assert_eq!(administer(&*store, AdminCommand::AddApp(homeless)).await, AdminOutcome::NotFound, "no such tenant");
    assert_eq!(registry(&*store).await, found);

    assert_eq!(administer(&*store, AdminCommand::RemoveApp(first.id)).await, AdminOutcome::Done);
    assert_eq!(administer(&*store, AdminCommand::RemoveApp(first.id)).await, AdminOutcome::NotFound);
    assert_eq!(registry(&*store).await.apps, [second]);
    // Its secrets went with it: the same app can be added again.
    assert_eq!(administer(&*store, AdminCommand::AddApp(first.clone())).await, AdminOutcome::Done);
    assert_eq!(registry(&*store).await.app(first.id), Some(&first));
}

pub(super) async fn an_app_has_two_secrets_at_most(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let created = harness.clock().now();
    let app = app(1, tenant, created);
    let add = |number| AdminCommand::AddSecret { app: app.id, secret: secret(number, created) };
    let remove = |number: u8| AdminCommand::RemoveSecret { app: app.id, secret: Uuid::from_u128(number.into()) };
    assert_eq!(administer(&*store, add(1)).await, AdminOutcome::NotFound, "no such app");

    let crowded = App { secrets: vec![secret(1, created), secret(2, created), secret(3, created)], ..app.clone() };
    assert_eq!(administer(&*store, AdminCommand::AddApp(crowded)).await, AdminOutcome::TooManySecrets);
    assert_eq!(registry(&*store).await.apps, []);

    assert_eq!(administer(&*store, AdminCommand::AddApp(app.clone())).await, AdminOutcome::Done);
    assert_eq!(administer(&*store, add(1)).await, AdminOutcome::Exists);
    assert_eq!(administer(&*store, add(2)).await, AdminOutcome::Done);
    assert_eq!(administer(&*store, add(3)).await, AdminOutcome::TooManySecrets);
    let found = registry(&*store).await;
    let two = [secret(1, created), secret(2, created)];
    assert!(found.apps[0].secrets == two, "both are kept, whole");
    assert_eq!(administer(&*store, remove(3)).await, AdminOutcome::NotFound);
    assert_eq!(administer(&*store, remove(1)).await, AdminOutcome::Done);
    assert_eq!(administer(&*store, add(3)).await, AdminOutcome::Done, "there is room again");
    assert_eq!(registry(&*store).await.apps[0].secrets.len(), 2);
}

pub(super) async fn the_epoch_grows_with_changes_only(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let created = harness.clock().now();
    let app = app(1, tenant, created);
    let add = |number| AdminCommand::AddSecret { app: app.id, secret: secret(number, created) };
    let again = TenantId::new(Uuid::from_u128(1));
    let steps = [
        (AdminCommand::RaiseEpoch, AdminOutcome::Done),
        (AdminCommand::AddTenant { id: again, name: "again".into(), created }, AdminOutcome::Exists),
        (AdminCommand::AddApp(app.clone()), AdminOutcome::Done),
        (AdminCommand::AddApp(app.clone()), AdminOutcome::Exists),
        (add(2), AdminOutcome::Done),
        (add(3), AdminOutcome::TooManySecrets),
        (add(2), AdminOutcome::TooManySecrets),
        (AdminCommand::RemoveSecret { app: app.id, secret: Uuid::from_u128(9) }, AdminOutcome::NotFound),
        (AdminCommand::RemoveSecret { app: app.id, secret: Uuid::from_u128(2) }, AdminOutcome::Done),
        (AdminCommand::RemoveApp(app.id), AdminOutcome::Done),
        (AdminCommand::RemoveApp(app.id), AdminOutcome::NotFound),
        (AdminCommand::RemoveTenant(TenantKey(tenant.0 + 1)), AdminOutcome::NotFound),
        (AdminCommand::RemoveTenant(tenant), AdminOutcome::Done),
    ];
    let mut epoch = registry(&*store).await.epoch;
    for (command, expected) in steps {
        let told = format!("{command:?}");
        assert_eq!(administer(&*store, command).await, expected, "{told}");
        let now = registry(&*store).await.epoch;
        let changed = expected == AdminOutcome::Done;
        assert_eq!(now > epoch, changed, "{told}: from {epoch} to {now}");
        assert!(now >= epoch);
        epoch = now;
    }
    let added = super::samples::tenant(harness, 3).await;
    assert!(registry(&*store).await.epoch > epoch, "adding a tenant is a change");
    let epoch = registry(&*store).await.epoch;
    event_of(&*store, added, create_event(new_event("e1"))).await;
    assert_eq!(registry(&*store).await.epoch, epoch, "an event is none");
    drop(store);
    harness.reopen().await;
    assert_eq!(registry(&*harness.store()).await.epoch, epoch, "nor is reopening");
}

/// What stands in no change log: a transfer must notice it. Nobody else does, so an epoch that is remembered may be the
/// one of before for a moment.
pub(super) async fn upkeep_of_directories_raises_the_epoch(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await.creation;
    let unknown = TenantKey(tenant.0 + 1);
    let forget = |tenant, job| AdminCommand::ForgetRecords { tenant, job };
    let reseal = |tenant| AdminCommand::Reseal { tenant, verifiers: vec![(1, [1; 9].into())] };
    let epoch = async || store.registry().await.expect("the registry can be read").epoch;
    let mut before = epoch().await;
    for (command, expected) in [
        (forget(tenant, job), AdminOutcome::Done),
        (forget(tenant, job + 1), AdminOutcome::NotFound),
        (forget(unknown, job), AdminOutcome::NotFound),
        (reseal(tenant), AdminOutcome::Done),
        (reseal(unknown), AdminOutcome::NotFound),
    ] {
        let told = format!("{command:?}");
        assert_eq!(administer(&*store, command).await, expected, "{told}");
        let now = epoch().await;
        assert_eq!(now > before, expected == AdminOutcome::Done, "{told}: from {before} to {now}");
        before = now;
    }
}
