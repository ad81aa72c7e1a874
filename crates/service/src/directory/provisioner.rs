//! What the writes of one process share that provision users: who waits for whom, and what is counted together.

use super::counts::ImportCounts;
use model::{EntityId, TenantKey};
use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

/// Locks of users and of names: two that share one wait for each other without need, seldom.
const STRIPES: usize = 128;
/// Passwords that are derived at once: each takes 19 MiB for as long as that lasts.
const DERIVATIONS: usize = 4;

/// What the writes of one process share.
pub struct Provisioner {
    users: Vec<Arc<Mutex<()>>>,
    keys: Vec<Arc<Mutex<()>>>,
    pub(super) derivations: Arc<Semaphore>,
    /// What has been counted and is not with its job yet.
    pub(super) pending: Lock<HashMap<(TenantKey, EntityId), ImportCounts>>,
    /// Held by whoever writes what is pending.
    pub(super) keeping: Mutex<()>,
}

impl Default for Provisioner {
    fn default() -> Self {
        let stripes = || (0..STRIPES).map(|_| Arc::default()).collect();
        Self {
            users: stripes(),
            keys: stripes(),
            derivations: Arc::new(Semaphore::new(DERIVATIONS)),
            pending: Lock::default(),
            keeping: Mutex::default(),
        }
    }
}

/// Keeps others of this process from a user, or from names, until it is dropped.
#[must_use = "it is given back when it is dropped"]
pub struct UserGuard(#[expect(dead_code, reason = "it is there to be dropped")] Vec<OwnedMutexGuard<()>>);

impl Provisioner {
    /// Waits until nobody else of this process changes the user. From then on what is read of them stays, as far as this
    /// process is concerned; writes of others are found out when the change is written.
    pub async fn user(&self, tenant: TenantKey, id: &str) -> UserGuard {
        let stripe = self.users[stripe(tenant, id)].clone();
        UserGuard(vec![stripe.lock_owned().await])
    }

    /// The same of names and keys that a user is to get. A user is waited for first, never after this.
    pub async fn names(&self, tenant: TenantKey, names: &[&str]) -> UserGuard {
        let mut stripes: Vec<usize> = names.iter().map(|name| stripe(tenant, &name.to_lowercase())).collect();
        stripes.sort_unstable(); // all take them in one order
        stripes.dedup();
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(self.keys[stripe].clone().lock_owned().await);
        }
        UserGuard(guards)
    }
}

fn stripe(tenant: TenantKey, text: &str) -> usize {
    let hash = text
        .bytes()
        .fold(u64::from(tenant.0), |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(7));
    (hash % STRIPES as u64) as usize
}
