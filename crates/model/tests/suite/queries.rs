//! What is asked of this model in the field (graph.md, sections 5.2, 8.4 and 8.6), bound.

use model::edm::{IDENTITY_RISK_EVENT, LEAKED_CREDENTIALS_RISK_EVENT as EVENT, MODEL, USER, event, user};
use odata::Ticks;
use odata::edm::EntityType;
use odata::expression::bound::{Node, PropertyPath};
use odata::expression::{ErrorKind, Scope};
use odata::query::{BoundQuery, Context, QueryErrors, QueryOptions, bind};

fn now() -> Ticks {
    "2024-03-03T06:00:00Z".parse().expect("a moment")
}

fn ask(ty: &'static EntityType, query: &str) -> Result<BoundQuery, QueryErrors> {
    let options = QueryOptions::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let search = [PropertyPath::find(ty, "userPrincipalName").expect("both have one")];
    bind(&options, &MODEL, ty, &Context { search: &search, ..Context::at(now()) })
}

#[test]
fn filters_of_the_field_are_understood() {
    for filter in [
        "riskEventType eq 'leakedCredentials' or riskLevel eq 'medium'",
        "riskLevel eq microsoft.graph.riskLevel'medium'",
        "riskLevel eq graph.riskLevel'medium'",
        "riskLevel gt 'low' and riskEventStatus ne 'closedMultipleReasons'",
        "riskEventStatus in ('active', 'loginBlocked')",
        "createdDateTime gt 2024-01-01T00:00:00Z",
        "CreatedDateTime ge 2024-01-01T00:00:00.1234567+01:00",
        "riskEventDateTime ge 2024-03-02T23:10:04 02:00",
        "createdDateTime ge now() sub duration'P30D' and closedDateTime eq null",
        "userDisplayName eq 'Mara Lind' and userPrincipalName eq 'mara@fjord.example'",
        "userId eq '5b0a1c1e-6d7e-4c5b-9a53-0d0a3a3f7c11'",
        "startswith(tolower(userPrincipalName),'mara') and not endswith(userDisplayName,'Lind')",
        "impactedUser/displayName eq 'Mara Lind' or impactedUser/accountEnabled eq false",
        "impactedUser/businessPhones/any(p:startswith(p,'+47'))",
        "$it/riskLevel eq 'high'",
        "microsoft.graph.leakedCredentialsRiskEvent/userId ne null",
        "Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent/userId eq 'a'",
        "isof(microsoft.graph.leakedCredentialsRiskEvent) and isof('graph.identityRiskEvent')",
        "year(riskEventDateTime) eq 2024 and hour(riskEventDateTime) lt 6",
        "closedDateTime sub riskEventDateTime gt duration'P1D'",
        "length(userDisplayName) mod 2 eq 0",
        "matchesPattern(userPrincipalName,'@fjord\\.example$')",
    ] {
        for ty in [&EVENT, &IDENTITY_RISK_EVENT] {
            let bound = Scope::new(&MODEL, ty, now()).condition(filter);
            assert!(bound.is_ok(), "{filter}: {bound:?}");
        }
    }
    for filter in [
        "userPrincipalName eq 'mara@fjord.example' and accountEnabled eq true",
        "businessPhones/any(p:p eq '+47 1') or businessPhones/$count eq 0",
        "startsWith(displayName,'M') and userType ne 'Guest'",
        "NOT(department eq 'Sales') and mail ne null",
        "id in ('a','b','c')",
    ] {
        let bound = Scope::new(&MODEL, &USER, now()).condition(filter);
        assert!(bound.is_ok(), "{filter}: {bound:?}");
    }
}

#[test]
fn refusals_help() {
    let told = |ty, query: &str| ask(ty, query).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        told(&EVENT, "$filter=riskEventDateTime gt '2024-01-01T00:00:00Z'"),
        "$filter: column 1: `riskEventDateTime` is a date and time and `'2024-01-01T00:00:00Z'` is text; they cannot be \
         compared; leave the quotes off: 2024-01-01T00:00:00Z"
    );
    assert_eq!(
        told(&EVENT, "$filter=riskLevel eq 'hihg'"),
        "$filter: column 14: `hihg` is not a member of `riskLevel`; expected one of low, medium, high, hidden, none, \
         unknownFutureValue"
    );
    assert_eq!(
        told(&EVENT, "$select=id,riskLevell"),
        "$select: column 4: `riskLevell` is not a property of `leakedCredentialsRiskEvent`; did you mean `riskLevel`?"
    );
    assert_eq!(
        told(&USER, "$filter=passwordProfile ne null"),
        "$filter: column 1: `passwordProfile` is not a property of `user` (a text stands in quotes: 'passwordProfile')"
    );
    let errors = ask(&EVENT, "$expand=history").unwrap_err();
    assert_eq!(errors.kept()[0].kind, ErrorKind::NotExpandable);
    assert_eq!(errors.kept()[0].target, "history");
}

#[test]
fn projections_are_named_as_the_contract_has_them() {
    let query = ask(&EVENT, "$select=id,riskLevel&$expand=impactedUser($select=id,displayName)").expect("it fits");
    assert_eq!(query.projection(), "(id,riskLevel,impactedUser(id,displayName))");
    assert_eq!(query.select.positions(), [event::ID, event::RISK_LEVEL]);
    assert_eq!(query.expand[0].select.positions(), [user::ID, user::DISPLAY_NAME]);
    let query = ask(&USER, "$select=displayName,id,microsoft.graph.user/mail").expect("it fits");
    assert_eq!(query.projection(), "(displayName,id,mail)");
    assert!(!ask(&USER, "").expect("it fits").select.positions().contains(&user::PASSWORD_PROFILE));
}

#[test]
fn a_type_that_the_set_holds_anyway_is_no_condition() {
    let filter = "microsoft.graph.leakedCredentialsRiskEvent/userId eq 'a' and isof(graph.leakedCredentialsRiskEvent)";
    let on_its_own = Scope::new(&MODEL, &EVENT, now()).condition(filter).expect("it fits");
    assert!(matches!(on_its_own.node, Node::Compare(..)));
    let on_the_base = Scope::new(&MODEL, &IDENTITY_RISK_EVENT, now()).condition(filter).expect("it fits");
    assert!(matches!(on_the_base.node, Node::And(_)));
}
