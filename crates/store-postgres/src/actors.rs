//! Who did something: the change log names them by number.

use crate::database::Connection;
use crate::error::engine;
use crate::rows::{integer, number};
use model::{Actor, TenantKey};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use store::{LogPlace, StoreError};

/// Numbers of actors that were committed. A number is never given to another one, unless a server takes over that
/// lacks the commit.
#[derive(Default)]
pub(crate) struct Actors(Mutex<HashMap<TenantKey, Kept>>);

/// What is kept of a tenant's.
#[derive(Default)]
struct Kept {
    numbers: HashMap<Actor, i64>,
    /// The end of the latest group that any of them was committed with: a log that has this has them all.
    until: LogPlace,
}

/// The numbers of a group's actors.
pub(crate) struct Numbers(HashMap<Actor, i64>);

impl Numbers {
    pub(crate) fn number(&self, actor: &Actor) -> i64 {
        self.0.get(actor).copied().unwrap_or_default()
    }
}

impl Actors {
    /// More tenants, and more distinct actors of one, than this are looked up again.
    const MOST: usize = 1024;

    fn known(&self) -> MutexGuard<'_, HashMap<TenantKey, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of the log that must be there for what is kept to hold; number 0 when nothing is kept.
    pub(crate) fn kept(&self, tenant: TenantKey) -> LogPlace {
        self.known().get(&tenant).map_or_else(LogPlace::default, |kept| kept.until)
    }

    /// The numbers of some actors, given out where they have none, under the tenant's lock.
    pub(crate) async fn numbers<'a>(
        &self,
        db: &Connection,
        tenant: TenantKey,
        actors: impl Iterator<Item = &'a Actor>,
    ) -> Result<Numbers, StoreError> {
        let mut numbers = HashMap::new();
        let mut unknown: Vec<&Actor> = Vec::new();
        {
            let known = self.known();
            let kept = known.get(&tenant);
            for actor in actors {
                if numbers.contains_key(actor) || unknown.contains(&actor) {
                    continue;
                }
                match kept.and_then(|kept| kept.numbers.get(actor)) {
                    Some(number) => _ = numbers.insert(actor.clone(), *number),
                    None => unknown.push(actor),
                }
            }
        }
        if !unknown.is_empty() {
            let name = engine("naming the actor");
            let apps: Vec<&str> = unknown.iter().map(|actor| &*actor.app).collect();
            let users: Vec<&str> = unknown.iter().map(|actor| actor.user.as_deref().unwrap_or_default()).collect();
            let add = "INSERT INTO actors (tenant, actor, app, user_name) \
                       SELECT $1::bigint, (SELECT coalesce(max(actor), 0) FROM actors WHERE tenant = $1) \
                       + row_number() OVER (), n.app, n.user_name FROM unnest($2::text[], $3::text[]) AS n(app, user_name) \
                       WHERE NOT EXISTS (SELECT 1 FROM actors AS a WHERE a.tenant = $1 AND a.app = ANY($2) \
                       AND a.app = n.app AND a.user_name = n.user_name)";
            db.execute(add, &[&number(tenant), &apps, &users]).await.map_err(name)?;
            let find = "SELECT n.place, a.actor FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS \
                        n(app, user_name, place) JOIN actors AS a ON a.tenant = $1 AND a.app = ANY($2) \
                        AND a.app = n.app AND a.user_name = n.user_name";
            for row in db.query(find, &[&number(tenant), &apps, &users]).await.map_err(name)? {
                let place = integer(&row, 0, "actors.actor")?;
                let found = integer(&row, 1, "actors.actor")?;
                if let Some(actor) = usize::try_from(place - 1).ok().and_then(|place| unknown.get(place)) {
                    numbers.insert((*actor).clone(), found);
                }
            }
        }
        Ok(Numbers(numbers))
    }

    /// Keeps numbers that were committed, with the log up to `end`.
    pub(crate) fn keep(&self, tenant: TenantKey, numbers: Numbers, end: LogPlace) {
        let mut known = self.known();
        if known.len() >= Self::MOST {
            known.clear();
        }
        let kept = known.entry(tenant).or_default();
        if kept.numbers.len() >= Self::MOST {
            kept.numbers.clear();
        }
        kept.numbers.extend(numbers.0);
        kept.until = end;
    }

    pub(crate) fn forget(&self, tenant: TenantKey) {
        self.known().remove(&tenant);
    }
}
