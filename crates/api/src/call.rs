//! A call of an operation: everything that the checks before it have established.

use crate::app::App;
use crate::context::RequestIds;
use crate::dispatch::split_version;
use crate::entity::id_of;
use crate::error::{ApiError, Area};
use crate::negotiate::{MediaType, precondition};
use crate::references::References;
use crate::reply::Reply;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use model::{Caller, Evidence, Precondition, Refusal, Repeatability, UserKey, edm};
use odata::body::{Binding, EntityBody, Purpose};
use odata::edm::EntitySet;
use odata::encode::{CellError, Encoder, Row, etag};
use odata::fault::{Fault, FaultKind};
use odata::path::{Entities, Key, Resource, encode_segment, entity_reference, resolve};
use odata::prefer::{Preferences, Return};
use odata::query::{BoundQuery, QueryOptions, SystemOption};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use service::{EventSet, Link, Listed};
use std::sync::Arc;

/// The API versions; all serve the same.
pub const VERSIONS: [&str; 2] = ["v1.0", "beta"];

/// What a query must not have as it is (RFC 3986, section 3.4), save the percent sign.
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A URL with a query as it was sent, save what a URL cannot have, and a token.
pub(crate) fn with_token(url: &str, query: &str, option: SystemOption, token: &str) -> String {
    let kept = utf8_percent_encode(query, NOT_IN_A_QUERY);
    let between = if query.is_empty() { "" } else { "&" };
    format!("{url}?{kept}{between}{}={token}", option.name())
}

/// A request that anybody may make, with its checked parts.
pub struct PublicCall<'c> {
    /// The application.
    pub app: &'c App,
    /// Scheme and authority of links.
    pub origin: &'c str,
    /// `v1.0` or `beta`.
    pub version: &'static str,
    /// Query options, of which only served ones are left.
    pub options: QueryOptions,
    /// The request's headers.
    pub headers: &'c HeaderMap,
}

/// An allowed request with its checked parts.
pub struct Call<'c> {
    /// The application.
    pub app: &'c Arc<App>,
    /// Who asks.
    pub caller: &'c Caller,
    /// For answers inside answers.
    pub ids: &'c RequestIds,
    /// Scheme and authority of links.
    pub origin: &'c Arc<str>,
    /// `v1.0` or `beta`.
    pub version: &'static str,
    /// What the path names.
    pub resource: Resource,
    /// The route's part of the API.
    pub area: Area,
    /// Query options, of which only served ones are left.
    pub options: QueryOptions,
    /// On a write, what `$select` asks to be shown of what comes of it; bound before anything is written.
    pub shown: Option<BoundQuery>,
    /// The request's headers.
    pub headers: &'c HeaderMap,
    /// The body; empty when the operation reads none.
    pub body: Bytes,
    /// How to tell that the request was carried out before, when it may be sent again.
    pub repeatability: Option<Repeatability>,
    /// The form of the answer.
    pub media: MediaType,
    /// What the client prefers.
    pub preferences: Preferences,
    /// What `$id` stands for; nothing outside of a batch.
    pub references: References,
}

impl Call<'_> {
    /// The entities that the path begins with.
    pub fn entities(&self) -> Entities {
        self.resource.entities().unwrap_or(Entities::of(&edm::IDENTITY_RISK_EVENTS))
    }

    /// The set that the path begins with.
    pub fn set(&self) -> &'static EntitySet {
        self.entities().set
    }

    /// The key after the set, on routes that have one.
    pub fn key(&self) -> &Key {
        self.resource.key().expect("the route table sends only entities here")
    }

    /// The events that the path begins with; `None` for everything else. Those of `identityRiskEvents` that a cast
    /// leaves are those of another set.
    pub fn event_set(&self) -> Option<EventSet> {
        let ty = self.entities().ty;
        [EventSet::LeakedCredentials, EventSet::Identity]
            .into_iter()
            .find(|known| std::ptr::eq(known.entity_set().entity_type, ty))
    }

    /// What a list of the set shows.
    pub fn listed(&self) -> Listed {
        match (self.event_set(), self.set()) {
            (Some(events), _) => Listed::Events(events),
            (None, set) if std::ptr::eq(set, &raw const edm::RISK_DETECTIONS) => Listed::Detections,
            (None, set) if std::ptr::eq(set, &raw const edm::RISKY_USERS) => Listed::RiskyUsers,
            _ => Listed::Users,
        }
    }

    /// The set, and what it is cast to, as URLs and contexts name it.
    pub fn set_fragment(&self) -> String {
        self.entities().fragment()
    }

    /// Whether the path names entities that are part of another, or one of them.
    pub fn is_of_parts(&self) -> bool {
        matches!(self.resource, Resource::Contained(..))
    }

    /// The set of what a write is answered with: that of the path, or of what is part of one of its entities.
    pub fn written_set(&self) -> &'static EntitySet {
        match &self.resource {
            Resource::Contained(_, _, relation, _) if std::ptr::eq(relation.target, &raw const edm::EVIDENCE) => {
                &edm::EVIDENCE_SET
            }
            _ => self.set(),
        }
    }

    /// The key as it stands between quotes in a URL.
    pub fn quoted_key(&self) -> String {
        encode_segment(&self.key().text().replace('\'', "''"))
    }

    /// What is part of the entity that the path names, as contexts name it.
    pub fn part_fragment(&self, set: &EntitySet) -> String {
        format!("{}('{}')/{}", self.set().name, self.quoted_key(), set.name)
    }

    /// The URL of what is part of the entity that the path names.
    fn part_url(&self, set: &EntitySet, id: &str) -> String {
        format!("{}/{}/{}", self.entity_url(self.set(), self.key().text()), set.name, encode_segment(id))
    }

    /// The event set, on routes that only events have.
    pub fn events(&self) -> EventSet {
        self.event_set().expect("the route table sends only event sets here")
    }

    /// The service root that the request used, such as `https://risk.example.test/v1.0`.
    pub fn root(&self) -> String {
        format!("{}/{}", self.origin, self.version)
    }

    /// `@odata.context` of something.
    pub fn context(&self, fragment: &str) -> String {
        format!("{}/{}/$metadata#{fragment}", self.origin, self.version)
    }

    /// A link into the set: what lies `below` it, with a query as it was sent, save what a URL cannot have
    /// (those of a batch are any text), and a token.
    pub fn link(&self, below: &str, query: &str, option: SystemOption, token: &str) -> String {
        with_token(&format!("{}/{}{below}", self.root(), self.entities().path()), query, option, token)
    }

    /// The URL of one entity.
    pub fn entity_url(&self, set: &EntitySet, key: &str) -> String {
        self.root() + &entity_path(set, key)
    }

    /// Reads the body as an entity of a set; bindings come apart from it.
    pub fn entity_body(&self, set: &EntitySet) -> Result<(EntityBody, Option<Link>), ApiError> {
        let updates = self.resource.key().is_some() && !self.is_of_parts();
        let purpose = Purpose { updates, enum_members: self.preferences.enum_members() };
        let mut body = EntityBody::read_for(purpose, &self.body, &edm::MODEL, set.entity_type)
            .map_err(|error| ApiError::from_syntax(self.area, &error))?;
        let mut link = None;
        for Binding { target, .. } in std::mem::take(&mut body.bindings) {
            link = match target {
                None => Some(Link::Clear),
                Some(url) => match self.user_reference(&url) {
                    Some(key) => Some(Link::To(key, url)),
                    None => {
                        let message = format!("{} is not the URL of a user", odata::fault::excerpt(&url));
                        body.faults.push(Fault::new(FaultKind::InvalidValue, "impactedUser@odata.bind", message));
                        None
                    }
                },
            };
        }
        Ok((body, link))
    }

    /// Reads the URL of a user: absolute on this host, or relative, also by `directoryObjects`
    /// (graph.md, section 3.6), or `$id` of another request in the batch.
    pub fn user_reference(&self, url: &str) -> Option<UserKey> {
        let url = match self.references.resolve(url) {
            Some(referred) => referred.ok()?,
            None => as_users(url),
        };
        let own = self.origin.split_once("://").map_or("", |(_, authority)| authority);
        match entity_reference(&edm::MODEL, &VERSIONS, |authority| authority.eq_ignore_ascii_case(own), &url) {
            Ok((found, key)) if std::ptr::eq(found.set, &raw const edm::USERS) => service::user_key(&key),
            _ => None,
        }
    }

    /// Answers one entity that was written, as `$select` asks, and the evidence that it brought along.
    fn entity_reply(
        &self,
        status: StatusCode,
        set: &EntitySet,
        row: &dyn Row,
        brought: &[Evidence],
    ) -> Result<Reply, ApiError> {
        let everything = BoundQuery::everything(set.entity_type);
        let query = self.shown.as_ref().unwrap_or(&everything);
        let (place, encoder) = if self.is_of_parts() {
            (self.part_fragment(set), self.part_encoder(set, query))
        } else {
            (set.name.to_owned(), self.encoder(set, query))
        };
        let projection = query.projection();
        if brought.is_empty() {
            let context = self.context(&format!("{place}{projection}/$entity"));
            return self.encoded_reply(status, row, &encoder, &context);
        }
        // What was brought along is shown too (OData protocol 4.01, section 11.4.2.2).
        let shown = projection.trim_matches(['(', ')']);
        let between = if shown.is_empty() { "" } else { "," };
        let context = self.context(&format!("{place}({shown}{between}evidence())/$entity"));
        let mut body = Vec::with_capacity(768 + 320 * brought.len());
        let failed = |error: CellError| ApiError::internal(&error);
        encoder.entity(row, Some(&context), &mut body).map_err(failed)?;
        body.pop(); // the brace that ends it
        body.extend_from_slice(b",\"evidence\":[");
        let encoder = self.part_encoder_at(&self.entity_url(set, id_of(row).map_err(failed)?), &edm::EVIDENCE_SET);
        for (at, item) in brought.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            encoder.entity(item, None, &mut body).map_err(failed)?;
        }
        body.extend_from_slice(b"]}");
        let mut reply = self.odata_reply(status, body);
        reply.set(header::ETAG, etag(row.version()));
        Ok(reply)
    }

    /// Answers one entity, with its ETag.
    fn encoded_reply(
        &self,
        status: StatusCode,
        row: &dyn Row,
        encoder: &Encoder,
        context: &str,
    ) -> Result<Reply, ApiError> {
        let mut body = Vec::with_capacity(768);
        encoder.entity(row, Some(context), &mut body).map_err(|error| ApiError::internal(&error))?;
        let mut reply = self.odata_reply(status, body);
        reply.set(header::ETAG, etag(row.version()));
        Ok(reply)
    }

    /// Answers a GET of one entity under its conditions: 412 when `If-Match` names another version, 304
    /// when `If-None-Match` names this one (RFC 9110, section 13.2.2).
    pub fn read_reply(&self, row: &dyn Row, encoder: &Encoder, context: &str) -> Result<Reply, ApiError> {
        match self.unchanged(row.version())? {
            Some(reply) => Ok(reply),
            None => self.encoded_reply(StatusCode::OK, row, encoder, context),
        }
    }

    /// Holds a GET's conditions against the current version: 412, or the 304 that is then the answer.
    pub fn unchanged(&self, current: u64) -> Result<Option<Reply>, ApiError> {
        let conditions = precondition(self.headers);
        let if_match = Precondition { if_none_match: None, ..conditions.clone() };
        if !if_match.admits(current) {
            return Err(self.failure(Refusal::PreconditionFailed { current }.into()));
        }
        if conditions.is_known(current) {
            let mut reply = Reply::new(StatusCode::NOT_MODIFIED);
            reply.set(header::ETAG, etag(current));
            return Ok(Some(reply));
        }
        Ok(None)
    }

    /// Answers an OData JSON document.
    pub fn odata_reply(&self, status: StatusCode, body: Vec<u8>) -> Reply {
        let mut reply = Reply::new(status);
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media.content_type()));
        reply.headers.insert("odata-version", HeaderValue::from_static("4.0"));
        reply.body = body.into();
        reply
    }

    /// Answers a write as the client prefers, or else as `usual` says: the entity, or 204 without
    /// a body. `created` is the status of a create, which names where the entity is.
    pub fn written(
        &self,
        set: &EntitySet,
        row: &dyn Row,
        id: &str,
        created: bool,
        usual: Return,
    ) -> Result<Reply, ApiError> {
        self.written_with(set, row, id, created, usual, &[])
    }

    /// The same of a new event and the evidence that it brought along.
    pub fn created_with(
        &self,
        set: &EntitySet,
        row: &dyn Row,
        id: &str,
        brought: &[Evidence],
    ) -> Result<Reply, ApiError> {
        self.written_with(set, row, id, true, Return::Representation, brought)
    }

    fn written_with(
        &self,
        set: &EntitySet,
        row: &dyn Row,
        id: &str,
        created: bool,
        usual: Return,
        brought: &[Evidence],
    ) -> Result<Reply, ApiError> {
        let status = if created { StatusCode::CREATED } else { StatusCode::OK };
        let mut reply = match self.preferences.returns.unwrap_or(usual) {
            Return::Representation => self.entity_reply(status, set, row, brought)?,
            Return::Minimal => {
                let mut reply = Reply::new(StatusCode::NO_CONTENT);
                reply.headers.insert("odata-version", HeaderValue::from_static("4.0"));
                reply.set(header::ETAG, etag(row.version()));
                reply
            }
        };
        if created {
            let location = if self.is_of_parts() { self.part_url(set, id) } else { self.entity_url(set, id) };
            if reply.status == StatusCode::NO_CONTENT {
                reply.set("odata-entityid", &location); // OData protocol 4.01, section 8.3.4
            }
            reply.set(header::LOCATION, location);
        }
        if let Some(applied) = self.preferences.returns {
            let applied = if applied == Return::Minimal { "return=minimal" } else { "return=representation" };
            reply.applied(applied);
        }
        Ok(reply)
    }

    /// Whether the client asks for every member of enumerations, where that means something.
    pub fn takes_unknown_enum_members(&self) -> bool {
        self.preferences.include_unknown_enum_members && self.resource.entities().is_some()
    }

    /// An operation's failure, with the codes of this part of the API.
    pub fn failure(&self, error: service::ServiceError) -> ApiError {
        ApiError::from_service(self.area, error)
    }
}

/// The path of one entity below the version. A key that would be read as something else where a
/// segment is, such as `delta`, stands in parentheses.
pub fn entity_path(set: &EntitySet, key: &str) -> String {
    let path = format!("/{}/{}", set.path(), encode_segment(key));
    let is_key = !matches!(key, "." | "..") && matches!(resolve(&edm::MODEL, &path), Ok(Resource::Entity(..)));
    if is_key { path } else { format!("/{}('{}')", set.path(), encode_segment(&key.replace('\'', "''"))) }
}

/// Writes `users` in the place of `directoryObjects`, where that is the set that a URL names.
pub(crate) fn as_users(url: &str) -> String {
    const OTHER: &str = "/directoryObjects";
    let authority = url.find("://").map_or(0, |at| at + "://".len());
    let at = if authority == 0 { 0 } else { url[authority..].find('/').map_or(url.len(), |slash| authority + slash) };
    let (before, path) = url.split_at(at);
    let path = format!("/{}", path.trim_start_matches('/'));
    let (version, rest) = match split_version(&path) {
        Some((_, rest)) => path.split_at(path.len() - rest.len()),
        None => ("", path.as_str()),
    };
    match rest.split_at_checked(OTHER.len()) {
        Some((set, key)) if set.eq_ignore_ascii_case(OTHER) && key.starts_with(['/', '(']) => {
            format!("{before}{version}/users{key}")
        }
        _ => url.to_owned(),
    }
}
