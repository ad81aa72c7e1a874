//! Events as OCSF 1.5.0 Detection Findings (class 2004), for SIEMs that take the Open Cybersecurity Schema
//! Framework. Names, numbers and what is required are those of the schema; `docs/events.md` has the table.

use model::{RiskEvent, RiskEventStatus, RiskLevel, TenantId, Ticks};
use odata::edm::{EnumMembers, EnumType};
use serde_json::{Value, json};

/// The version of the schema.
pub const VERSION: &str = "1.5.0";
const CATEGORY: u32 = 2;
const CLASS: u32 = 2004;

/// A number of an enumeration of the schema, and its caption.
type Entry = (u32, &'static str);

/// Makes the finding.
pub fn finding(event: &RiskEvent, tenant: TenantId) -> Value {
    let created = milliseconds(event.created_date_time);
    let is_open = event.risk_event_status.is_open();
    let (activity, time): (Entry, i64) = match event.closed_date_time {
        _ if is_open => ((1, "Create"), created),
        closed => ((3, "Close"), closed.map_or(created, milliseconds)),
    };
    let (severity, status) = (severity(event.risk_level), status(event.risk_event_status));
    let mut finding = json!({
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "activity_id": activity.0,
        "activity_name": activity.1,
        "type_uid": CLASS * 100 + activity.0,
        "type_name": format!("Detection Finding: {}", activity.1),
        "time": time,
        "severity_id": severity.0,
        "severity": severity.1,
        "status_id": status.0,
        "status": status.1,
        "status_detail": name(&model::edm::RISK_EVENT_STATUS, event.risk_event_status as i32),
        "is_alert": is_open,
        "message": format!("{} of {}", event.risk_event_type, event.user_principal_name),
        "metadata": {
            "version": VERSION,
            "product": {
                "name": "Spillwatch",
                "vendor_name": "Spillwatch",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "tenant_uid": tenant.to_string(),
        },
        "finding_info": {
            "uid": event.id.as_str(),
            "title": &event.risk_event_type,
            "types": [&event.risk_event_type],
            "created_time": created,
            "first_seen_time": milliseconds(event.risk_event_date_time),
        },
        "evidences": [{
            "user": {
                "uid": &event.user_id,
                "name": &event.user_principal_name,
                "full_name": &event.user_display_name,
                "type_id": 1,
                "type": "User",
            },
        }],
        // What the schema has no place for, or only a coarser one: times to 100 ns, and Graph's own words.
        "unmapped": {
            "riskLevel": name(&model::edm::RISK_LEVEL, event.risk_level as i32),
            "riskEventDateTime": text(event.risk_event_date_time),
            "createdDateTime": text(event.created_date_time),
            "closedDateTime": event.closed_date_time.map(text),
        },
    });
    if let Some((number, caption)) = risk_level(event.risk_level) {
        finding["risk_level_id"] = number.into();
        finding["risk_level"] = caption.into();
    }
    finding
}

fn severity(level: RiskLevel) -> Entry {
    match level {
        RiskLevel::None => (1, "Informational"),
        RiskLevel::Low => (2, "Low"),
        RiskLevel::Medium => (3, "Medium"),
        RiskLevel::High => (4, "High"),
        RiskLevel::Hidden | RiskLevel::UnknownFutureValue => (0, "Unknown"),
    }
}

fn risk_level(level: RiskLevel) -> Option<Entry> {
    match level {
        RiskLevel::None => Some((0, "Info")),
        RiskLevel::Low => Some((1, "Low")),
        RiskLevel::Medium => Some((2, "Medium")),
        RiskLevel::High => Some((3, "High")),
        RiskLevel::Hidden | RiskLevel::UnknownFutureValue => None,
    }
}

fn status(status: RiskEventStatus) -> Entry {
    match status {
        RiskEventStatus::Active => (1, "New"),
        RiskEventStatus::LoginBlocked => (2, "In Progress"),
        RiskEventStatus::DismissedAsFalsePositive | RiskEventStatus::DismissedAsIgnore => (3, "Suppressed"),
        RiskEventStatus::Remediated
        | RiskEventStatus::DismissedAsFixed
        | RiskEventStatus::ClosedMfaAuto
        | RiskEventStatus::ClosedMultipleReasons => (4, "Resolved"),
    }
}

/// Graph's name of a member.
fn name(ty: &EnumType, value: i32) -> &'static str {
    ty.shown(value.into(), EnumMembers::All).map_or("", |member| member.name)
}

/// The schema's times are whole milliseconds since 1970.
fn milliseconds(at: Ticks) -> i64 {
    at.get().div_euclid(Ticks::PER_SECOND / 1000)
}

fn text(at: Ticks) -> String {
    let mut out = Vec::new();
    at.write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}
