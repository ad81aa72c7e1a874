//! The route table: every route demands what it should, and nothing is public but what is named.

use crate::samples::{add_event, add_evidence, add_user};
use api::routes::{Access, Operation, ROUTES, Route, Shape, find};
use axum::http::Method;
use model::{Permission, PermissionSet, edm};
use odata::path::resolve;
use testkit::app::{TestApp, tenant_id};

/// One request for each route, on each set that has it, in both versions.
pub(crate) fn requests(event: &str, user: &str) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for version in ["v1.0", "beta"] {
        for set in ["leakedCredentialsRiskEvents", "identityRiskEvents"] {
            let set = format!("/{version}/{set}");
            let entity = format!("{set}/{event}");
            let reference = format!("{entity}/impactedUser/$ref");
            let user = format!("{entity}/impactedUser");
            all.extend([("GET", set.clone()), ("POST", set.clone())]);
            all.extend(["GET", "PATCH", "DELETE"].map(|method| (method, entity.clone())));
            let reads = [
                format!("{set}/$count"),
                format!("{set}/$ref"),
                format!("{set}/delta"),
                format!("{entity}/$ref"),
                format!("{entity}/riskLevel"),
                format!("{entity}/riskLevel/$value"),
                format!("{user}/displayName"),
                format!("{user}/displayName/$value"),
                format!("{user}/businessPhones/$count"),
                user,
            ];
            all.extend(reads.map(|path| ("GET", path)));
            all.extend(["GET", "PUT", "POST", "DELETE"].map(|method| (method, reference.clone())));
            let evidence = format!("{entity}/evidence");
            all.extend(["", "/$count", "/1"].map(|ending| ("GET", format!("{evidence}{ending}"))));
            all.push(("POST", evidence));
        }
        for (set, property) in [("riskDetections", "riskLevel"), ("riskyUsers", "riskState")] {
            let set = format!("/{version}/identityProtection/{set}");
            let detection = model::DetectionId::of(event).text();
            let key = if property == "riskLevel" { detection.as_str() } else { user };
            let entity = format!("{set}/{key}");
            let reads = ["", "/$count", "/$ref", "/delta"].map(|ending| format!("{set}{ending}"));
            all.extend(reads.map(|path| ("GET", path)));
            let reads = ["", "/$ref", &format!("/{property}"), &format!("/{property}/$value")]
                .map(|ending| format!("{entity}{ending}"));
            all.extend(reads.map(|path| ("GET", path)));
        }
        let risky = format!("/{version}/identityProtection/riskyUsers");
        let history = format!("{risky}/{user}/history");
        all.extend(["", "/$count", &format!("/{user}")].map(|ending| ("GET", format!("{history}{ending}"))));
        all.extend(["dismiss", "confirmCompromised", "confirmSafe"].map(|name| ("POST", format!("{risky}/{name}"))));
        let set = format!("/{version}/users");
        let entity = format!("{set}/{user}");
        all.extend([("GET", set.clone()), ("POST", set.clone())]);
        let reads = [
            format!("{set}/$count"),
            format!("{set}/$ref"),
            format!("{set}/delta"),
            format!("{entity}/$ref"),
            format!("{entity}/displayName"),
            format!("{entity}/displayName/$value"),
            format!("{entity}/businessPhones/$count"),
        ];
        all.extend(reads.map(|path| ("GET", path)));
        all.extend(["GET", "PATCH", "DELETE"].map(|method| (method, entity.clone())));
        all.push(("POST", format!("/{version}/$batch")));
    }
    all
}

/// One request for each route that is public, in both versions.
pub(crate) fn public_requests() -> Vec<(&'static str, String)> {
    let below = |version: &str| ["", "/", "/$metadata"].map(|path| ("GET", format!("/{version}{path}")));
    ["v1.0", "beta"].into_iter().flat_map(below).collect()
}

fn route_of(method: &str, path: &str) -> &'static Route {
    let below = path.strip_prefix("/v1.0").or_else(|| path.strip_prefix("/beta")).expect("a version");
    let resource = resolve(&edm::MODEL, below).expect("a resource");
    find(&resource, &method.parse::<Method>().expect("a method")).unwrap_or_else(|_| panic!("{method} {path}"))
}

#[test]
fn the_requests_reach_every_route() {
    let requests = [requests("e1", "u1"), public_requests()].concat();
    for route in ROUTES {
        let of_route = format!("{:?}", (route.area, route.shape, route.method));
        let same = |other: &Route| format!("{:?}", (other.area, other.shape, other.method)) == of_route;
        let reached = requests.iter().any(|(method, path)| same(route_of(method, path)));
        assert!(reached, "no request for {:?} {:?} {:?}", route.area, route.method, route.shape);
    }
}

#[tokio::test]
async fn every_route_demands_a_token_and_its_permissions() {
    let app = TestApp::new().await;
    for (method, path) in requests("e1", "u1") {
        app.call(method, &path).anonymous().await.refused(401, "InvalidAuthenticationToken");
        let needed = match route_of(method, &path).access {
            Access::Permissions(needed) => needed,
            Access::Public => panic!("{method} {path} demands nothing"),
            Access::Token => {
                assert!(path.ends_with("/$batch"), "only the batch, whose items demand their own: {path}");
                app.call(method, &path)
                    .token(&app.token_with(&[Permission::IdentityRiskyUserReadAll]))
                    .await
                    .expect(400);
                continue;
            }
        };
        assert!(!needed.is_empty(), "{method} {path}");
        for missing in needed {
            let others: PermissionSet = Permission::ALL
                .into_iter()
                .filter(|other| {
                    let alone: PermissionSet = [*other].into_iter().collect();
                    !alone.allows(*missing)
                })
                .collect();
            assert!(!others.allows(*missing));
            let code = if path.contains("/users") { "Authorization_RequestDenied" } else { "Forbidden" };
            let message = app.call(method, &path).token(&app.token_of(0, others)).await.refused(403, code);
            assert!(
                message.starts_with(&format!("{missing} is needed here; required scopes are missing")),
                "{message}"
            );
        }
        let enough = app.call(method, &path).token(&app.token_with(needed)).await;
        assert!(![401, 403].contains(&enough.status), "{method} {path}: {}", enough.text());
    }
}

#[tokio::test]
async fn reading_never_lets_write_and_writing_lets_read() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    add_evidence(&app, "e1").await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let readers = [Permission::IdentityRiskEventReadAll, Permission::IdentityRiskyUserReadAll, Permission::UserReadAll];
    let reader = app.token_with(&readers);
    let writer = app.token_with(&[
        Permission::IdentityRiskEventReadWriteAll,
        Permission::IdentityRiskyUserReadWriteAll,
        Permission::UserReadWriteAll,
    ]);
    for (method, path) in requests("e1", "u1") {
        if path.ends_with("/$batch") {
            continue;
        }
        let status = app.call(method, &path).token(&reader).await.status;
        assert_eq!(status == 403, method != "GET", "{method} {path}: {status}");
        if method == "GET" {
            app.call(method, &path).token(&writer).await.expect(200);
        }
    }
}

/// Public by name: what describes the service, and nothing else.
#[tokio::test]
async fn public_routes_demand_nothing() {
    for route in ROUTES {
        let is_named = matches!(route.shape, Shape::Service | Shape::Metadata);
        assert_eq!(route.access == Access::Public, is_named, "{:?}", route.shape);
        assert_eq!(matches!(route.operation, Operation::Public(_)), is_named, "{:?}", route.shape);
    }
    let app = TestApp::new().await;
    for (method, path) in public_requests() {
        assert_eq!(route_of(method, &path).access, Access::Public, "{path}");
        let answer = app.call(method, &path).anonymous().await.expect(200);
        assert_eq!(app.call(method, &path).token("not.a.token").await.expect(200).bytes, answer.bytes, "{path}");
        for other in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = app.call(other, &path).anonymous().await.expect(405);
            assert_eq!(answer.header("allow"), "GET, HEAD", "{path}");
        }
        app.call("HEAD", &path).anonymous().await.expect(200);
    }
}

#[tokio::test]
async fn nothing_is_public_but_what_is_named() {
    let app = TestApp::new().await;
    let tenant = tenant_id(0).to_string();
    for public in api::PUBLIC {
        let path = public.replace("{tenant}", &tenant);
        let method = if path.ends_with("/token") { "POST" } else { "GET" };
        let answer = app.call(method, &path).anonymous().await;
        let expected = if method == "POST" { 415 } else { 200 };
        assert_eq!(answer.status, expected, "{path}: {}", answer.text());
    }
    for (_, path) in requests("e1", "u1") {
        assert!(!api::PUBLIC.contains(&path.as_str()));
        for other in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            app.call(other, &path).anonymous().await.expect(401);
        }
    }
}
