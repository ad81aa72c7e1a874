//! Errors as SCIM writes them (RFC 7644, section 3.12). No message repeats a value that was sent.

use crate::context::RequestIds;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use service::{ProvisionError, ServiceError};

/// The content type of answers.
pub const SCIM_JSON: &str = "application/scim+json";
const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// `scimType`: what is wrong, where the status alone does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// The filter is not understood.
    InvalidFilter,
    /// Another resource has the value.
    Uniqueness,
    /// It is not the client's to change.
    Mutability,
    /// The body is not understood.
    InvalidSyntax,
    /// The path of a PATCH is not understood.
    InvalidPath,
    /// The path of a PATCH leads to nothing.
    NoTarget,
    /// A value is none that the attribute can have.
    InvalidValue,
}

impl ScimType {
    fn name(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }
}

/// A refusal or failure.
#[derive(Debug)]
pub struct ScimError {
    /// The status.
    pub status: StatusCode,
    scim_type: Option<ScimType>,
    detail: Box<str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<str>>,
}

impl ScimError {
    /// An error whose status says what is wrong.
    pub fn new(status: StatusCode, detail: impl Into<Box<str>>) -> Self {
        Self { status, scim_type: None, detail: detail.into(), headers: Vec::new(), cause: None }
    }

    /// A 400, or a 409 where a value is another's.
    pub fn of(scim_type: ScimType, detail: impl Into<Box<str>>) -> Self {
        let status = if scim_type == ScimType::Uniqueness { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
        Self { scim_type: Some(scim_type), ..Self::new(status, detail) }
    }

    /// There is nothing here.
    pub fn not_found(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// `If-Match` names another version.
    pub fn moved() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "the user has been changed since: read it again")
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Its body.
    pub fn body(&self) -> Value {
        let mut body = json!({"schemas": [SCHEMA], "status": self.status.as_str(), "detail": self.detail});
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = json!(scim_type.name());
        }
        body
    }

    /// Writes the log's line when the fault is the server's.
    pub fn log(&self, ids: &RequestIds) {
        if let Some(cause) = &self.cause {
            tracing::error!(request.id = %ids.request_id, error = %cause, "a request failed");
        }
    }

    /// Writes the answer, and the log's line when the fault is the server's.
    pub fn into_reply(self, ids: &RequestIds) -> Reply {
        self.log(ids);
        let mut reply = answer(self.status, &self.body());
        for (name, value) in self.headers {
            reply.headers.insert(name, value);
        }
        reply
    }
}

/// An answer with a body.
pub fn answer(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Reply::json(status, body.to_string().into_bytes());
    reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SCIM_JSON));
    reply
}

impl From<ApiError> for ScimError {
    fn from(error: ApiError) -> Self {
        let ApiError { status, message, headers, cause, .. } = error;
        Self { headers, cause, ..Self::new(status, message) }
    }
}

impl From<ServiceError> for ScimError {
    fn from(error: ServiceError) -> Self {
        ApiError::from_service(crate::error::Area::Directory, error).into()
    }
}

impl From<ProvisionError> for ScimError {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::NoVault => Self::new(StatusCode::NOT_IMPLEMENTED, error.to_string()),
            ProvisionError::Invalid(_) => Self::of(ScimType::InvalidValue, error.to_string()),
            ProvisionError::Taken(_) => Self::of(ScimType::Uniqueness, error.to_string()),
            ProvisionError::Moved => Self::moved(),
            ProvisionError::Service(error) => error.into(),
            ProvisionError::Sealed(_) | ProvisionError::Derivation => ApiError::internal(&error).into(),
        }
    }
}
