//! The body of a `$ref` request: `{"@odata.id": "URL"}` (OData JSON 4.01, section 14).

use crate::body::{SyntaxError, text};
use crate::fault::{Fault, FaultKind, excerpt};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// What is wrong with the body of a `$ref` request.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// No JSON object.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// No usable `@odata.id`.
    #[error("{0}")]
    Fault(Fault),
}

/// Reads the URL; the name is compared ignoring case, since Microsoft's guideline writes
/// `@OData.Id`. Other members are annotations, which readers pass over.
pub fn read_reference(bytes: &[u8]) -> Result<String, ReferenceError> {
    let mut found = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text(bytes)?);
    json.deserialize_map(Members(&mut found)).and_then(|()| json.end()).map_err(SyntaxError::Json)?;
    let fault = |kind, found: &str| {
        let message = format!("{found}; expected {{\"@odata.id\": \"the URL of an entity\"}}");
        ReferenceError::Fault(Fault::new(kind, "@odata.id", message))
    };
    match found.as_slice() {
        [Some(url)] => Ok(url.clone()),
        [None] => Err(fault(FaultKind::InvalidValue, "`@odata.id` is not a string")),
        [] => Err(fault(FaultKind::MissingProperty, "`@odata.id` is missing")),
        _ => Err(fault(FaultKind::DuplicateProperty, "`@odata.id` occurs more than once")),
    }
}

/// Tells a person what was wrong with a URL that names nothing fit.
pub fn unfit_reference(url: &str, expected: &str) -> Fault {
    let message = format!("`@odata.id` is {}; expected {expected}", excerpt(url));
    Fault::new(FaultKind::InvalidValue, "@odata.id", message)
}

/// Collects the values of `@odata.id`; `None` for one that is not a string.
struct Members<'f>(&'f mut Vec<Option<String>>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name.eq_ignore_ascii_case("@odata.id") || name.eq_ignore_ascii_case("@id") {
                let value: serde_json::Value = map.next_value()?;
                if self.0.len() < 2 {
                    self.0.push(value.as_str().map(str::to_owned));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_one_url() {
        let read = |body: &str| read_reference(body.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"@OData.Id":"users/1","@odata.context":"x"}"#).expect("fits"), "users/1");
        assert_eq!(read(r#"{"@id":"users/1"}"#).expect("fits"), "users/1");
        for (body, part) in [
            ("{}", "missing"),
            (r#"{"@odata.id":7}"#, "not a string"),
            (r#"{"@odata.id":"a","@ODATA.ID":"b"}"#, "more than once"),
            (r#"["@odata.id"]"#, "a JSON object"),
            ("", "empty"),
        ] {
            let error = read(body).expect_err(body);
            assert!(error.contains(part), "{error}");
        }
    }
}
