//! Repeatable requests: what is remembered of them, and for how long.

use crate::database::Connection;
use crate::error::engine;
use crate::rows::{damaged, number, text};
use crate::statements::Statement;
use crate::values::cell;
use model::{Actor, Repeatability, TenantKey, Ticks};
use odata::encode::Cell;
use std::collections::HashMap;
use store::{KnownRequest, Outcome, StoreError, WriteError, write_outcomes};

/// Looks a request up.
pub(crate) async fn find(
    db: &Connection,
    tenant: TenantKey,
    actor: &Actor,
    repeatability: &Repeatability,
) -> Result<KnownRequest, StoreError> {
    let doing = engine("looking a repeatable request up");
    let sql = "SELECT a.forgotten, r.digest, r.outcomes FROM actors AS a LEFT JOIN repeatable_requests AS r \
               ON r.tenant = a.tenant AND r.actor = a.actor AND r.request_id = $4 \
               WHERE a.tenant = $1 AND a.app = $2 AND a.user_name = $3";
    let user = actor.user.as_deref().unwrap_or_default();
    let values: crate::values::Parameters<'_> =
        &[&number(tenant), &&*actor.app, &user, &repeatability.request_id.as_str()];
    let Some(row) = db.query_opt(sql, values).await.map_err(doing)? else { return Ok(KnownRequest::default()) };
    let forgotten = match cell(&row, 0) {
        Cell::Integer(time) => Some(Ticks::new(time).ok_or_else(|| damaged("actors.forgotten"))?),
        _ => None,
    };
    let digest: Option<Vec<u8>> = row.try_get(1).map_err(doing)?;
    let earlier = match digest {
        Some(digest) => Some((digest, text(&row, 2, "repeatable_requests.outcomes")?.to_owned())),
        None => None,
    };
    Ok(KnownRequest { earlier, forgotten })
}

/// A request that a group has carried out.
struct New {
    actor: Actor,
    request_id: String,
    first_sent: Ticks,
    expires: Ticks,
    digest: Vec<u8>,
    outcomes: String,
}

/// The repeatable requests of a group.
#[derive(Default)]
pub(crate) struct Repeats {
    known: HashMap<(Actor, String), KnownRequest>,
    new: Vec<New>,
    /// The most that the tenant's requests may be, as the strictest of them says.
    most: Option<u64>,
}

impl Repeats {
    /// Looks up what is known of requests.
    pub(crate) async fn load(
        db: &Connection,
        tenant: TenantKey,
        requests: impl Iterator<Item = (&Actor, &Repeatability)>,
    ) -> Result<Self, StoreError> {
        let finds = requests.map(|(actor, repeatability)| async move {
            let known = find(db, tenant, actor, repeatability).await?;
            Ok::<_, StoreError>(((actor.clone(), repeatability.request_id.as_str().to_owned()), known))
        });
        let known = futures_util::future::try_join_all(finds.collect::<Vec<_>>()).await?;
        Ok(Self { known: known.into_iter().collect(), ..Self::default() })
    }

    /// What a request came to that was carried out before; refuses one of which that is not known.
    pub(crate) fn executed(
        &self,
        actor: &Actor,
        repeatability: &Repeatability,
        now: Ticks,
    ) -> Result<Option<Vec<Outcome>>, WriteError> {
        let key = (actor.clone(), repeatability.request_id.as_str().to_owned());
        let known = self.known.get(&key).cloned().unwrap_or_default();
        let outcomes = known.outcomes(repeatability)?;
        if outcomes.is_none() {
            // Not the clock's time alone, which can be set back: what was forgotten must stay refused.
            repeatability.tracking.admit(repeatability.first_sent, now, known.forgotten)?;
        }
        Ok(outcomes)
    }

    /// Remembers what a request came to. One that is refused is not remembered: it has done nothing, so it may be
    /// tried again.
    pub(crate) fn remember(&mut self, actor: &Actor, repeatability: &Repeatability, now: Ticks, outcomes: &[Outcome]) {
        let Repeatability { request_id, first_sent, digest, tracking } = repeatability;
        let outcomes = write_outcomes(outcomes);
        let known = self.known.entry((actor.clone(), request_id.as_str().to_owned())).or_default();
        known.earlier = Some((digest.to_vec(), outcomes.clone()));
        self.most = Some(self.most.map_or(tracking.most, |most| most.min(tracking.most)));
        self.new.push(New {
            actor: actor.clone(),
            request_id: request_id.as_str().to_owned(),
            first_sent: *first_sent,
            expires: tracking.expiry(*first_sent, now),
            digest: digest.to_vec(),
            outcomes,
        });
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.new.is_empty()
    }

    /// Who sent what is to be written.
    pub(crate) fn actors(&self) -> impl Iterator<Item = &Actor> {
        self.new.iter().map(|new| &new.actor)
    }

    /// What is to be written: the requests, and then what is forgotten for their sake.
    pub(crate) fn statements(&self, tenant: TenantKey, now: Ticks, actor: impl Fn(&Actor) -> i64) -> Vec<Statement> {
        let mut all = Vec::new();
        if !self.new.is_empty() {
            let of = |get: fn(&New) -> i64| self.new.iter().map(get).collect::<Vec<i64>>();
            let texts = |get: fn(&New) -> &String| self.new.iter().map(get).cloned().collect::<Vec<String>>();
            all.push(Statement {
                sql: "INSERT INTO repeatable_requests (tenant, number, actor, request_id, first_sent, expires, digest, \
                      outcomes) SELECT $1::bigint, (SELECT coalesce(max(number), 0) FROM repeatable_requests \
                      WHERE tenant = $1) + n.place, n.actor, n.request_id, n.first_sent, n.expires, n.digest, n.outcomes \
                      FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[]) \
                      WITH ORDINALITY AS n(actor, request_id, first_sent, expires, digest, outcomes, place)"
                    .to_owned(),
                values: vec![
                    Box::new(number(tenant)),
                    Box::new(self.new.iter().map(|new| actor(&new.actor)).collect::<Vec<i64>>()),
                    Box::new(texts(|new| &new.request_id)),
                    Box::new(of(|new| new.first_sent.get())),
                    Box::new(of(|new| new.expires.get())),
                    Box::new(self.new.iter().map(|new| new.digest.clone()).collect::<Vec<_>>()),
                    Box::new(texts(|new| &new.outcomes)),
                ],
            });
            if let Some(most) = self.most {
                // The oldest give way. They are forgotten from the oldest on, so there is no gap between the numbers.
                all.push(forget(
                    tenant,
                    "number <= (SELECT max(number) FROM repeatable_requests WHERE tenant = $1) - $2",
                    i64::try_from(most.max(1)).unwrap_or(i64::MAX),
                ));
            }
        }
        // Some of those that have expired, a part of the work that nobody feels: from the oldest up to the first that
        // has not.
        all.push(forget(
            tenant,
            "number < coalesce((SELECT number FROM repeatable_requests WHERE tenant = $1 AND expires > $2 \
             ORDER BY number LIMIT 1), 9223372036854775807)",
            now.get(),
        ));
        all
    }
}

/// Forgets a portion of those that a condition holds for, which are the oldest, and notes with their senders what is no
/// longer known.
fn forget(tenant: TenantKey, condition: &str, value: i64) -> Statement {
    Statement {
        sql: format!(
            "WITH gone AS (DELETE FROM repeatable_requests WHERE tenant = $1 AND number <= (SELECT max(s.number) FROM \
             (SELECT number FROM repeatable_requests WHERE tenant = $1 AND {condition} ORDER BY number LIMIT 64) AS s) \
             RETURNING actor, first_sent), latest AS (SELECT actor, max(first_sent) AS time FROM gone GROUP BY actor) \
             UPDATE actors AS a SET forgotten = greatest(a.forgotten, l.time) FROM latest AS l \
             WHERE a.tenant = $1 AND a.actor = l.actor"
        ),
        values: vec![Box::new(number(tenant)), Box::new(value)],
    }
}
