//! What requests of a batch came to, for later ones that refer to them: `$1` in a URL stands for the
//! entity of request 1, in `If-Match` for its ETag (OData protocol 4.01, sections 11.7.4 and 11.7.5).

use crate::error::{ApiError, Area};
use axum::http::HeaderValue;
use odata::fault::excerpt;
use std::sync::Arc;

/// What `$id` stands for.
#[derive(Clone, Debug)]
pub enum Referent {
    /// The request failed.
    Failed,
    /// It succeeded.
    Entity {
        /// The entity's path below the version; `None` while its id is not made yet.
        path: Option<String>,
        /// The entity's ETag; `None` when it has none, or none yet.
        etag: Option<HeaderValue>,
    },
}

/// The requests that one may refer to. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct References(Option<Arc<Vec<(String, Referent)>>>);

/// First segments of OData's own that begin with a dollar sign: as such they win over a request's id.
const RESERVED: [&str; 7] = ["all", "batch", "crossjoin", "entity", "id", "metadata", "root"];

impl References {
    /// Adds what a request came to.
    pub fn add(&mut self, id: &str, referent: Referent) {
        Arc::make_mut(self.0.get_or_insert_default()).push((id.to_owned(), referent));
    }

    /// Writes the entity's path in the place of `$id` at the beginning of a URL; `None` for a URL that
    /// begins otherwise.
    pub fn resolve(&self, url: &str) -> Option<Result<String, ApiError>> {
        let rest = url.strip_prefix('/').unwrap_or(url).strip_prefix('$')?;
        let (id, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(id)) {
            return None;
        }
        let path = self.find(id).and_then(|(path, _)| {
            path.ok_or_else(|| {
                refused(id, "is made in the same group and its URL is not known yet: send an `id` for it")
            })
        });
        Some(path.map(|path| format!("{path}{tail}")))
    }

    /// The ETag that `$id` as the value of `If-Match` or `If-None-Match` stands for; `None` for a value
    /// of another form.
    pub fn etag(&self, value: &HeaderValue) -> Option<Result<HeaderValue, ApiError>> {
        let id = value.to_str().ok()?.trim().strip_prefix('$')?;
        let unknown = || refused(id, "has no ETag that is known before this request is carried out");
        Some(self.find(id).and_then(|(_, etag)| etag.cloned().ok_or_else(unknown)))
    }

    /// Ids are unique ignoring case, so they are found so too.
    fn find(&self, id: &str) -> Result<(Option<&str>, Option<&HeaderValue>), ApiError> {
        match self.0.iter().flat_map(|all| all.iter()).find(|(known, _)| known.eq_ignore_ascii_case(id)) {
            Some((_, Referent::Entity { path, etag })) => Ok((path.as_deref(), etag.as_ref())),
            Some((_, Referent::Failed)) => Err(ApiError::failed_dependency(format!(
                "the request {} failed, which this one refers to",
                excerpt(id)
            ))),
            None => Err(refused(id, "is not the id of a request before this one that it depends on")),
        }
    }
}

fn refused(id: &str, why: &str) -> ApiError {
    let name = format!("${id}");
    ApiError::bad_request(Area::Risk, format!("{}: {} {why}", excerpt(&name), excerpt(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_the_first_segment_and_nothing_else() {
        let mut references = References::default();
        let etag = Some(HeaderValue::from_static("W/\"1\""));
        references.add("A-1", Referent::Entity { path: Some("/users/u1".into()), etag: etag.clone() });
        references.add("id", Referent::Entity { path: Some("/users/u2".into()), etag: None });
        references.add("gone", Referent::Failed);
        references.add("made", Referent::Entity { path: None, etag: None });
        let resolve = |url: &str| references.resolve(url).map(|found| found.map_err(|error| error.status.as_u16()));
        assert_eq!(resolve("$a-1"), Some(Ok("/users/u1".into())));
        assert_eq!(resolve("/$A-1/manager?$select=id"), Some(Ok("/users/u1/manager?$select=id".into())));
        assert_eq!(resolve("$A-1?x"), Some(Ok("/users/u1?x".into())));
        assert_eq!(resolve("$A"), Some(Err(400)));
        assert_eq!(resolve("$A-1x"), Some(Err(400)));
        assert_eq!(resolve("$made/x"), Some(Err(400)));
        assert_eq!(resolve("$gone/x"), Some(Err(424)));
        for other in ["users/$A-1", "$id", "$batch", "$metadata", "", "http://h/$A-1"] {
            assert_eq!(resolve(other), None, "{other}");
        }
        let find = |value| references.etag(&HeaderValue::from_static(value)).map(Result::ok);
        assert_eq!(find("$a-1"), Some(etag));
        assert_eq!(find("$id"), Some(None));
        assert_eq!(find("W/\"1\""), None);
    }
}
