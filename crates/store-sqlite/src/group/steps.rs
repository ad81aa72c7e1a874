//! What a decided step writes: rows, and its entry in the change log.

use super::Group;
use crate::accounts;
use crate::error::{engine, is_duplicate};
use crate::evidence;
use crate::jobs;
use crate::risky_users;
use crate::rows::key;
use model::{
    Effect, Moment, Refusal, RiskEvent, Step, TenantKey, Ticks, User, WrittenEvent, detection_members, event_members,
};
use odata::encode::{Cell, Row as _};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension as _, ToSql, params};
use store::{StoreError, WriteError};

impl Group<'_> {
    pub(super) fn write(&self, tenant: TenantKey, actor: i64, step: &Step) -> Result<(), WriteError> {
        let Step { moment, effect, risk, evidence: told, account, records } = step;
        match effect {
            Effect::InsertEvent(event) => self.insert_event(tenant, event, moment.now)?,
            Effect::ReplaceEvent { before, after } => self.update_event(tenant, before, after, moment.now)?,
            Effect::RemoveEvent(event) => self.delete_event(tenant, event)?,
            Effect::InsertUser(user) => self.insert_user(tenant, user, *moment)?,
            Effect::ReplaceUser { after, .. } => self.update_user(tenant, after)?,
            Effect::RemoveUser(user) => {
                self.delete("DELETE FROM users WHERE tenant = ?1 AND id = ?2", tenant, user.id().as_str())?;
            }
            Effect::PutJob { job, found } => jobs::put(self.db, tenant, job, found)?,
            Effect::None => {}
        }
        if let (Some(told), Effect::InsertEvent(event) | Effect::ReplaceEvent { after: event, .. }) = (told, effect) {
            evidence::write(self.db, tenant, event, told)?;
        }
        if let Some(risk) = risk {
            risky_users::write(self.db, tenant, risk)?;
        }
        if let Some(account) = account {
            accounts::write(self.db, tenant, account)?;
        }
        for record in records {
            jobs::record(self.db, tenant, record)?;
        }
        self.log(tenant, actor, step)?;
        Ok(())
    }

    /// Adds a step's entry to the change log, which is the history of users at risk too.
    fn log(&self, tenant: TenantKey, actor: i64, step: &Step) -> Result<(), StoreError> {
        let entry = step.entry();
        let event = match &step.effect {
            Effect::ReplaceEvent { after: event, .. } => Some(key(tenant, event.creation)),
            _ => None,
        };
        let user = step.risk.as_ref().map(|risk| key(tenant, risk.after.creation));
        let item = step.risk.as_ref().and_then(|risk| risk.item.as_ref());
        let names = item.and_then(|item| item.names.as_ref());
        self.db
            .prepare_cached(
                "INSERT INTO changes (key, entity_set, id, kind, properties, time, actor, event, risky_user, previous, \
                 risk_level, risk_state, risk_detail, is_deleted, activity_detail, risk_event_type, user_display_name, \
                 user_principal_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
                 ?17, ?18)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    key(tenant, step.moment.sequence),
                    entry.set as i32,
                    &*entry.id,
                    entry.kind as i32,
                    entry.properties as i64,
                    step.moment.now.get(),
                    actor,
                    event,
                    user,
                    item.and_then(|item| item.previous),
                    item.map(|item| item.risk.level as i64),
                    item.map(|item| item.risk.state as i64),
                    item.map(|item| item.risk.detail as i64),
                    item.map(|item| item.is_deleted),
                    item.and_then(|item| item.activity.detail).map(|detail| detail as i64),
                    item.and_then(risky_users::kept_type),
                    names.map(|(display, _)| &**display),
                    names.map(|(_, principal)| &**principal),
                ])
            })
            .map_err(engine("writing the change log"))?;
        Ok(())
    }

    fn insert_event(&self, tenant: TenantKey, event: &RiskEvent, now: Ticks) -> Result<(), WriteError> {
        let rendered = Rendered::of(event, now)?;
        let subject = self.subject(tenant, event)?;
        let inserted = self
            .db
            .prepare_cached(
                "INSERT INTO risk_events (key, kind, version, members, subject, user_display_name, \
                 user_principal_name, risk_event_date_time, risk_event_type, risk_level, risk_event_status, \
                 closed_date_time, created_date_time, user_id, impacted_user, risk_detail, last_updated_date_time, \
                 detection, tenant, id, named) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
                 ?16, ?17, ?18, ?19, ?20, ?21)",
            )
            .and_then(|mut statement| {
                let named = event.id.change_number() != Some(event.creation);
                let own =
                    [ValueRef::Integer(tenant.0.into()), text(event.id.as_str()), ValueRef::Integer(named.into())];
                let values = event_values(tenant, event, now, (&rendered, subject));
                statement.execute(rusqlite::params_from_iter(values.iter().chain(&own).map(Borrowed)))
            });
        match inserted {
            Ok(_) => Ok(risky_users::keep_detection(self.db, tenant, event)?),
            Err(error) if is_duplicate(&error) => Err(Refusal::IdTaken(event.id.clone()).into()),
            Err(error) => Err(engine("writing a risk event")(error).into()),
        }
    }

    fn update_event(
        &self,
        tenant: TenantKey,
        before: &RiskEvent,
        event: &RiskEvent,
        now: Ticks,
    ) -> Result<(), WriteError> {
        let rendered = Rendered::of(event, now)?;
        let subject = self.subject(tenant, event)?;
        self.db
            .prepare_cached(
                "UPDATE risk_events SET kind = ?2, version = ?3, members = ?4, subject = ?5, user_display_name = ?6, \
                 user_principal_name = ?7, risk_event_date_time = ?8, risk_event_type = ?9, risk_level = ?10, \
                 risk_event_status = ?11, closed_date_time = ?12, created_date_time = ?13, user_id = ?14, \
                 impacted_user = ?15, risk_detail = ?16, last_updated_date_time = ?17, detection = ?18 WHERE key = ?1",
            )
            .and_then(|mut statement| {
                let values = event_values(tenant, event, now, (&rendered, subject));
                statement.execute(rusqlite::params_from_iter(values.iter().map(Borrowed)))
            })
            .map_err(engine("writing a risk event"))?;
        if (&before.user_id, &before.user_principal_name) != (&event.user_id, &event.user_principal_name) {
            self.forget_subject(tenant, before)?;
        }
        Ok(())
    }

    fn delete_event(&self, tenant: TenantKey, event: &RiskEvent) -> Result<(), WriteError> {
        self.db
            .prepare_cached("DELETE FROM risk_events WHERE key = ?1")
            .and_then(|mut statement| statement.execute([key(tenant, event.creation)]))
            .map_err(engine("deleting a risk event"))?;
        risky_users::forget_detection(self.db, tenant, event)?;
        evidence::forget(self.db, tenant, event)?;
        self.forget_subject(tenant, event)
    }

    /// The number of who an event is about, given out when there is none yet.
    fn subject(&self, tenant: TenantKey, event: &RiskEvent) -> Result<i64, StoreError> {
        let about = params![tenant.0, &*event.user_id, &*event.user_principal_name];
        let find = || -> rusqlite::Result<i64> {
            let known = self
                .db
                .prepare_cached(
                    "SELECT subject FROM subjects WHERE tenant = ?1 AND user_id = ?2 AND user_principal_name = ?3",
                )?
                .query_row(about, |row| row.get(0))
                .optional()?;
            match known {
                Some(subject) => Ok(subject),
                None => self
                    .db
                    .prepare_cached("INSERT INTO subjects (tenant, user_id, user_principal_name) VALUES (?1, ?2, ?3)")?
                    .insert(about),
            }
        };
        find().map_err(engine("naming who an event is about"))
    }

    /// Forgets who an event was about, when no other event is about them.
    fn forget_subject(&self, tenant: TenantKey, event: &RiskEvent) -> Result<(), WriteError> {
        self.db
            .prepare_cached(
                "DELETE FROM subjects WHERE tenant = ?1 AND user_id = ?2 AND user_principal_name = ?3 \
                 AND NOT EXISTS (SELECT 1 FROM risk_events AS e WHERE e.subject = subjects.subject)",
            )
            .and_then(|mut statement| {
                statement.execute(params![tenant.0, &*event.user_id, &*event.user_principal_name])
            })
            .map_err(engine("forgetting who an event was about"))?;
        Ok(())
    }

    fn insert_user(&self, tenant: TenantKey, user: &User, moment: Moment) -> Result<(), WriteError> {
        let inserted = self
            .db
            .prepare_cached(
                "INSERT INTO users (tenant, id, account_enabled, business_phones, created_date_time, department, \
                 display_name, given_name, job_title, mail, mail_nickname, mobile_phone, office_location, \
                 preferred_language, surname, usage_location, user_principal_name, user_type, folded_name, version, \
                 key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, \
                 ?20, ?21)",
            )
            .and_then(|mut statement| {
                let folded = user.folded_name();
                let values = user_values(tenant, user, folded.as_str());
                let key = key(tenant, moment.sequence);
                statement
                    .execute(rusqlite::params_from_iter(values.iter().chain([&ValueRef::Integer(key)]).map(Borrowed)))
            });
        match inserted {
            Ok(_) => Ok(()),
            Err(error) if is_duplicate(&error) => Err(Refusal::IdTaken(user.id()).into()),
            Err(error) => Err(engine("writing a user")(error).into()),
        }
    }

    fn update_user(&self, tenant: TenantKey, user: &User) -> Result<(), WriteError> {
        self.db
            .prepare_cached(
                "UPDATE users SET account_enabled = ?3, business_phones = ?4, created_date_time = ?5, \
                 department = ?6, display_name = ?7, given_name = ?8, job_title = ?9, mail = ?10, \
                 mail_nickname = ?11, mobile_phone = ?12, office_location = ?13, preferred_language = ?14, \
                 surname = ?15, usage_location = ?16, user_principal_name = ?17, user_type = ?18, folded_name = ?19, \
                 version = ?20 WHERE tenant = ?1 AND id = ?2",
            )
            .and_then(|mut statement| {
                let folded = user.folded_name();
                let values = user_values(tenant, user, folded.as_str());
                statement.execute(rusqlite::params_from_iter(values.iter().map(Borrowed)))
            })
            .map_err(engine("writing a user"))?;
        Ok(())
    }

    fn delete(&self, sql: &str, tenant: TenantKey, id: &str) -> Result<(), WriteError> {
        self.db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![tenant.0, id]))
            .map_err(engine("deleting a row"))?;
        Ok(())
    }
}

/// A borrowed value as a parameter.
struct Borrowed<'a>(&'a ValueRef<'a>);

impl ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(*self.0))
    }
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn cell(cell: Cell<'_>) -> ValueRef<'_> {
    match cell {
        Cell::Null | Cell::Complex(_) | Cell::Damaged => ValueRef::Null,
        Cell::Integer(value) => ValueRef::Integer(value),
        Cell::Double(value) => ValueRef::Real(value),
        Cell::Text(value) => text(value),
    }
}

/// What answers have of an event, as its event and as its detection.
struct Rendered {
    members: String,
    detection: String,
}

impl Rendered {
    fn of(event: &RiskEvent, now: Ticks) -> Result<Self, StoreError> {
        let members = event_members(event).map_err(StoreError::Cell)?;
        let detection = detection_members(&WrittenEvent(event, now)).map_err(StoreError::Cell)?;
        Ok(Self { members, detection })
    }
}

/// The values of an event's columns, in the order of the statements above: of an event that is written at a
/// time, rendered, about a subject.
fn event_values<'e>(
    tenant: TenantKey,
    event: &'e RiskEvent,
    now: Ticks,
    (rendered, subject): (&'e Rendered, i64),
) -> [ValueRef<'e>; 18] {
    use model::edm::event as at;
    [
        ValueRef::Integer(key(tenant, event.creation)),
        ValueRef::Integer(event.kind as i64),
        ValueRef::Integer(event.version as i64),
        text(&rendered.members),
        ValueRef::Integer(subject),
        cell(event.cell(at::USER_DISPLAY_NAME)),
        cell(event.cell(at::USER_PRINCIPAL_NAME)),
        cell(event.cell(at::RISK_EVENT_DATE_TIME)),
        cell(event.cell(at::RISK_EVENT_TYPE)),
        cell(event.cell(at::RISK_LEVEL)),
        cell(event.cell(at::RISK_EVENT_STATUS)),
        cell(event.cell(at::CLOSED_DATE_TIME)),
        cell(event.cell(at::CREATED_DATE_TIME)),
        cell(event.cell(at::USER_ID)),
        event.impacted_user.as_deref().map_or(ValueRef::Null, text),
        ValueRef::Integer(event.risk_detail as i64),
        ValueRef::Integer(now.get()),
        text(&rendered.detection),
    ]
}

/// The values of a user's columns: the properties by position (but for `passwordProfile`, which is
/// kept nowhere), between the tenant and the folded name.
fn user_values<'u>(tenant: TenantKey, user: &'u User, folded: &'u str) -> Vec<ValueRef<'u>> {
    let mut values = vec![ValueRef::Integer(tenant.0.into())];
    values.extend((0..model::edm::user::PASSWORD_PROFILE).map(|position| cell(user.cell(position))));
    values.push(text(folded));
    values.push(ValueRef::Integer(user.version() as i64));
    values
}
