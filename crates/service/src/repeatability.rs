//! Repeatable requests (OASIS Repeatable Requests 1.0): sent twice, carried out once.

use crate::{Service, ServiceError};
use aws_lc_rs::hmac;
use model::{Repeatability, RequestId, Ticks, Tracking};

/// Requests of one tenant that are remembered at most: several hundred megabytes, and two minutes' worth of
/// the most creates that a disk takes.
const MOST: u64 = 1_000_000;

impl Service {
    fn tracking(&self) -> Tracking {
        Tracking { window: self.settings.repeatability_window, most: MOST }
    }

    /// Refuses a repeatable request of which nobody knows any more whether it was carried out. The store
    /// looks once more; this spares the reading of a body.
    pub fn admit_first_sent(&self, first_sent: Ticks) -> Result<(), ServiceError> {
        Ok(self.tracking().admit(first_sent, self.clock.now(), None)?)
    }

    /// Describes a request that is to be carried out once. Two requests are the same when all their
    /// `parts` are.
    pub fn repeatability(&self, request_id: RequestId, first_sent: Ticks, parts: &[&[u8]]) -> Repeatability {
        let mut digest = hmac::Context::with_key(self.page_tokens.key());
        digest.update(b"spillwatch repeatable request\0");
        // Its own id and time too: equal bodies of two requests must not be seen to be equal.
        let time = first_sent.get().to_be_bytes();
        for part in [request_id.as_str().as_bytes(), &time].into_iter().chain(parts.iter().copied()) {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.sign().as_ref().try_into().expect("SHA-256 has 32 bytes");
        Repeatability { request_id, first_sent, digest, tracking: self.tracking() }
    }
}
