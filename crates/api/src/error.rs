//! Errors as Graph writes them (contract/graph.md, sections 8.2 and 8.3). Only this file makes
//! error bodies.

use crate::context::RequestIds;
use crate::repeatability::rejected;
use crate::reply::{JSON, Reply};
use auth::AuthError;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use model::{Permission, Refusal};
use odata::body::SyntaxError;
use odata::expression::ErrorKind;
use odata::fault::Faults;
use odata::path::PathError;
use odata::query::{QueryError, QueryErrors};
use serde::Serialize;
use service::ServiceError;
use store::StoreError;

/// Which part of the API answers: the codes of the directory's routes differ from the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Risk events and everything else.
    Risk,
    /// `/users`.
    Directory,
    /// `/identityProtection/riskDetections`.
    Detections,
    /// `/identityProtection/riskyUsers`.
    RiskyUsers,
}

impl Area {
    fn bad_request(self) -> &'static str {
        match self {
            Self::Risk | Self::Detections | Self::RiskyUsers => "BadRequest",
            Self::Directory => "Request_BadRequest",
        }
    }

    /// `error.code` where there is no such thing.
    pub fn not_found(self) -> &'static str {
        match self {
            Self::Risk | Self::Detections | Self::RiskyUsers => "ResourceNotFound",
            Self::Directory => "Request_ResourceNotFound",
        }
    }

    fn forbidden(self) -> &'static str {
        match self {
            Self::Risk | Self::Detections | Self::RiskyUsers => "Forbidden",
            Self::Directory => "Authorization_RequestDenied",
        }
    }
}

/// A refusal or failure that a client is told of.
#[derive(Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// `error.code`: what clients test.
    pub code: &'static str,
    /// `error.message`: for people.
    pub message: Box<str>,
    /// `error.target`: the property or option.
    pub target: Option<Box<str>>,
    /// `error.details`: every fault.
    pub details: Vec<Detail>,
    /// Further response headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What went wrong inside: for the log, never for the client.
    pub cause: Option<Box<str>>,
}

/// One of several faults.
#[derive(Debug, Serialize)]
pub struct Detail {
    code: &'static str,
    message: String,
    target: String,
}

impl ApiError {
    /// An error without target or details.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Box<str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            target: None,
            details: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }
    }

    /// A 400.
    pub fn bad_request(area: Area, message: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, area.bad_request(), message)
    }

    /// What is wrong with the values of query options.
    pub fn from_query_errors(area: Area, errors: &QueryErrors) -> Self {
        let Some(first) = errors.kept().first() else { return Self::bad_request(area, "the query is not understood") };
        // Where something is wrong as well, it is the client who must change the request.
        let none_is_wrong = errors.kept().iter().all(|error| error.kind == ErrorKind::NotServed);
        let error = match first.kind {
            ErrorKind::NotServed if none_is_wrong => Self::not_implemented(errors.to_string()),
            ErrorKind::NotExpandable => Self::new(StatusCode::BAD_REQUEST, "ExpandNotSupported", errors.to_string()),
            _ => Self::bad_request(area, errors.to_string()),
        };
        let details = errors.kept().iter().map(|error| Detail {
            code: error.kind.code(),
            message: error.to_string(),
            target: error.target.clone(),
        });
        Self { details: details.collect(), ..error.with_target(first.target.clone()) }
    }

    /// A 501 that names what is not served yet.
    pub fn not_implemented(message: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with a target.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<Box<str>>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// The token does not let anybody in.
    pub fn unauthorized(message: &str, authorization_uri: &str) -> Self {
        let challenge = format!(
            "Bearer realm=\"\", authorization_uri=\"{authorization_uri}\", \
             client_id=\"00000003-0000-0000-c000-000000000000\""
        );
        let error = Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message);
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => error.with_header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => error.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        }
    }

    /// The token's verdict.
    pub fn from_auth(error: &AuthError, authorization_uri: &str) -> Self {
        if error.is_unavailable() {
            return Self::unavailable("tokens cannot be checked right now; try again in a few seconds");
        }
        Self::unauthorized(&error.to_string(), authorization_uri)
    }

    /// The caller lacks a permission.
    pub fn forbidden(area: Area, missing: Permission) -> Self {
        let message = format!("{missing} is needed here; required scopes are missing in this token.");
        Self::new(StatusCode::FORBIDDEN, area.forbidden(), message)
    }

    /// In a batch, a request that this one depends on has failed.
    pub fn failed_dependency(message: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::FAILED_DEPENDENCY, "FailedDependency", message)
    }

    /// Try again when there is room for more requests.
    pub fn too_many_requests(retry_after: u32) -> Self {
        let message = format!("this app has sent too many requests; go on after {retry_after} seconds");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
            .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after))
    }

    /// The answer does not come in a form that the client takes.
    pub fn not_acceptable(found: &str, served: &str) -> Self {
        let message = format!("{found}; this resource comes as {served}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// Try again soon.
    pub fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "serviceNotAvailable", message)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// The request's body is not an entity.
    pub fn from_syntax(area: Area, error: &SyntaxError) -> Self {
        let message: String = error.to_string().chars().take(300).collect();
        Self::bad_request(area, message)
    }

    /// The URL's path names nothing.
    pub fn from_path(area: Area, error: &PathError) -> Self {
        match error {
            PathError::NotImplemented(_) => Self::not_implemented(error.to_string()),
            _ => Self::bad_request(area, error.to_string()),
        }
    }

    /// The URL's query is not understood.
    pub fn from_query(area: Area, error: &QueryError) -> Self {
        match error {
            QueryError::NotImplemented(name) => Self::not_implemented(error.to_string()).with_target(*name),
            _ => Self::bad_request(area, error.to_string()),
        }
    }

    /// What was sent does not fit: one message, every fault in `details`.
    pub fn from_faults(area: Area, faults: &Faults) -> Self {
        let mut message = faults.to_string();
        if faults.more() > 0 {
            message = format!("{message} ({} more are not listed)", faults.more());
        }
        let mut error = Self::bad_request(area, message);
        error.target = faults.kept().first().map(|fault| fault.target.as_str().into());
        error.details = faults
            .kept()
            .iter()
            .map(|fault| Detail {
                code: fault.kind.code(),
                message: fault.message.clone(),
                target: fault.target.clone(),
            })
            .collect();
        error
    }

    /// An operation's failure.
    pub fn from_service(area: Area, error: ServiceError) -> Self {
        match error {
            ServiceError::Invalid(faults) => Self::from_faults(area, &faults),
            ServiceError::Refused(refusal) => Self::from_refusal(area, &refusal),
            ServiceError::NoSuchEvent(_) | ServiceError::NoSuchRiskyUser(_) | ServiceError::NoSuchDetection(_) => {
                Self::new(StatusCode::NOT_FOUND, area.not_found(), error.to_string())
            }
            ServiceError::UnknownReference(_) => {
                Self::new(StatusCode::NOT_FOUND, Area::Directory.not_found(), error.to_string())
            }
            ServiceError::Store(error) => Self::from_store(&error),
        }
    }

    fn from_refusal(area: Area, refusal: &Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::EventNotFound(_) => Self::new(StatusCode::NOT_FOUND, area.not_found(), message),
            Refusal::UserNotFound | Refusal::NoImpactedUser => {
                Self::new(StatusCode::NOT_FOUND, Area::Directory.not_found(), message)
            }
            Refusal::UnknownUsers(ids) => {
                let details = ids.iter().map(|id| Detail {
                    code: area.not_found(),
                    message: format!("no user and no user at risk has the id {}", odata::fault::excerpt(id)),
                    target: "userIds".to_owned(),
                });
                let details = details.collect();
                Self { details, ..Self::new(StatusCode::NOT_FOUND, area.not_found(), message).with_target("userIds") }
            }
            Refusal::PreconditionFailed { .. } | Refusal::JobMoved(_) => {
                Self::new(StatusCode::PRECONDITION_FAILED, "resourceModified", message)
            }
            Refusal::TooMuchEvidence => Self::bad_request(area, message),
            Refusal::IdTaken(_) => Self::new(StatusCode::CONFLICT, "nameAlreadyExists", message).with_target("id"),
            Refusal::NameTaken(_) => {
                Self::new(StatusCode::CONFLICT, "nameAlreadyExists", message).with_target("userPrincipalName")
            }
            Refusal::Invalid(faults) => Self::from_faults(area, faults),
            Refusal::RepeatedDifferently(_) => {
                rejected(Self::bad_request(area, message)).with_target("Repeatability-Request-ID")
            }
            Refusal::NotTracked { .. } => {
                let error = Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message);
                rejected(error).with_target("Repeatability-First-Sent")
            }
        }
    }

    fn from_store(error: &StoreError) -> Self {
        match error {
            StoreError::UnknownTenant => {
                let error =
                    Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "the token's tenant is gone");
                error.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            StoreError::Busy | StoreError::Unavailable(_) | StoreError::Stopped(_) => {
                Self::unavailable(&error.to_string())
            }
            StoreError::TooLong { .. } => Self::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                format!(
                    "{error}: conditions on id, userId, userPrincipalName, riskLevel, riskEventStatus, \
                     riskEventDateTime and createdDateTime have indexes"
                ),
            ),
            StoreError::Full => Self::new(StatusCode::INSUFFICIENT_STORAGE, "insufficientStorage", error.to_string()),
            StoreError::Unusable(_) | StoreError::Corrupt(_) | StoreError::Cell(_) | StoreError::Engine { .. } => {
                Self::internal(error)
            }
        }
    }

    /// A fault of the server: told in full to the log, and to the client only by the request's id,
    /// which both have.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            why = format!("{why}: {inner}");
            source = inner.source();
        }
        let message = "the server failed; its log says why under this request-id";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "generalException", message);
        Self { cause: Some(why.into()), ..error }
    }

    /// Writes the answer, and the log's line when the fault is the server's.
    pub fn into_reply(self, ids: &RequestIds) -> Reply {
        if let Some(cause) = &self.cause {
            tracing::error!(request.id = %ids.request_id, error = %cause, "a request failed");
        }
        let body = Body {
            error: Error {
                code: self.code,
                message: &self.message,
                target: self.target.as_deref(),
                details: &self.details,
                inner: InnerError {
                    date: ids.date.to_seconds_string(),
                    request_id: &ids.request_id,
                    client_request_id: ids.client_request_id(),
                },
            },
        };
        let mut reply = Reply::new(self.status);
        reply.body = serde_json::to_vec(&body).expect("texts become JSON").into();
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        for (name, value) in self.headers {
            reply.headers.insert(name, value);
        }
        reply
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    details: &'a [Detail],
    #[serde(rename = "innerError")]
    inner: InnerError<'a>,
}

#[derive(Serialize)]
struct InnerError<'a> {
    date: String,
    #[serde(rename = "request-id")]
    request_id: &'a str,
    #[serde(rename = "client-request-id")]
    client_request_id: &'a str,
}
