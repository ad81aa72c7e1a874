//! What every request shares.

use crate::context::Origins;
use crate::documents::Documents;
use crate::scim::Scim;
use crate::spillwatch::CheckLimits;
use crate::throttle::Throttle;
use auth::client_credentials::TokenGate;
use auth::{Authenticator, BuiltinIssuer};
use model::edm;
use odata::edm::EntitySet;
use odata::encode::{Encoder, Metadata, TypeNames};
use service::Service;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Bounds on what a stranger can push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of an entity's body, before and after decompression.
    pub body: usize,
    /// The most bytes of a batch.
    pub batch: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// How long a request may take altogether.
    pub request_time: Duration,
    /// How long a request's head may take to arrive.
    pub head_time: Duration,
    /// The most bytes of a request's head.
    pub head: usize,
    /// The most connections at once; more wait to be accepted.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 256 << 10,
            batch: 4 << 20,
            body_time: Duration::from_secs(30),
            request_time: Duration::from_mins(1),
            head_time: Duration::from_secs(15),
            head: 64 << 10,
            connections: 4096,
        }
    }
}

/// What the token endpoint checks requests with.
pub struct ClientCredentials {
    /// Checks and throttles.
    pub gate: TokenGate,
    /// The audiences that scopes may name.
    pub audiences: Vec<String>,
}

/// The application.
pub struct App {
    /// The operations.
    pub service: Service,
    /// Says whose a token is.
    pub authenticator: Arc<Authenticator>,
    /// The built-in issuer with its client credentials, unless it is turned off.
    pub builtin: Option<(Arc<BuiltinIssuer>, ClientCredentials)>,
    /// Where links point.
    pub origins: Origins,
    /// Bounds.
    pub limits: Limits,
    /// Counts the requests of each app; `None`: as many as they like.
    pub throttle: Option<Throttle>,
    /// What seals what comes in, and tells what was found; `None`: what needs it is answered with 503.
    pub vault: Option<service::Vault>,
    /// How many pairs may be handed in.
    pub check_limits: CheckLimits,
    /// Told when there is work for those who do it beside the answers.
    pub work: Arc<Notify>,
    /// How users are provisioned.
    pub scim: Scim,
    /// What `WWW-Authenticate` names when the built-in issuer is off: the first other issuer.
    pub foreign_issuer: Option<String>,
    pub(crate) encoders: Encoders,
    pub(crate) documents: Documents,
}

impl App {
    /// Puts an application together; `type_names` says how types are announced.
    pub fn new(
        service: Service,
        authenticator: Arc<Authenticator>,
        builtin: Option<(Arc<BuiltinIssuer>, ClientCredentials)>,
        type_names: TypeNames,
    ) -> Self {
        Self {
            service,
            authenticator,
            builtin,
            origins: Origins::default(),
            limits: Limits::default(),
            throttle: None,
            vault: None,
            check_limits: CheckLimits::default(),
            work: Arc::default(),
            scim: Scim::default(),
            foreign_issuer: None,
            encoders: Encoders::new(type_names),
            documents: Documents::new(type_names),
        }
    }
}

/// Encoders for whole entities, prepared once.
pub(crate) struct Encoders {
    events: [Encoder; 2],
    users: [Encoder; 2],
    detections: [Encoder; 2],
    risky_users: [Encoder; 2],
    type_names: TypeNames,
}

impl Encoders {
    fn new(type_names: TypeNames) -> Self {
        // Both event sets have the same properties; each entity says its own type.
        let events = |metadata| Encoder::new(&edm::LEAKED_CREDENTIALS_RISK_EVENT, metadata, Some(type_names));
        let users = |metadata| Encoder::with_properties(edm::user::DEFAULT, &edm::USER, metadata, None);
        let detections =
            |metadata| Encoder::with_properties(edm::risk_detection::DEFAULT, &edm::RISK_DETECTION, metadata, None);
        let risky_users = |metadata| Encoder::new(&edm::RISKY_USER, metadata, None);
        Self {
            events: [events(Metadata::Minimal), events(Metadata::None)],
            users: [users(Metadata::Minimal), users(Metadata::None)],
            detections: [detections(Metadata::Minimal), detections(Metadata::None)],
            risky_users: [risky_users(Metadata::Minimal), risky_users(Metadata::None)],
            type_names,
        }
    }

    /// How types are announced.
    pub(crate) fn type_names(&self) -> TypeNames {
        self.type_names
    }

    /// The encoder for a set's entities as v1.0 shows them, with minimal metadata or none; `None` for a set
    /// that has none prepared.
    pub(crate) fn of(&self, set: &EntitySet, metadata: Metadata) -> Option<&Encoder> {
        let pairs = [
            (&raw const edm::LEAKED_CREDENTIALS_RISK_EVENTS, &self.events),
            (&raw const edm::IDENTITY_RISK_EVENTS, &self.events),
            (&raw const edm::USERS, &self.users),
            (&raw const edm::RISK_DETECTIONS, &self.detections),
            (&raw const edm::RISKY_USERS, &self.risky_users),
        ];
        let (_, pair) = pairs.into_iter().find(|(known, _)| std::ptr::eq(set, *known))?;
        Some(&pair[usize::from(metadata == Metadata::None)])
    }
}
