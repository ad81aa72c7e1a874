//! The headers of OASIS Repeatable Requests 1.0: a client sends a write again, and it is carried out
//! once.

use crate::error::{ApiError, Area};
use crate::reply::Reply;
use crate::routes::Operation;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::{Repeatability, RequestId, Ticks};
use odata::fault::excerpt;
use service::Service;

const REQUEST_ID: &str = "repeatability-request-id";
const FIRST_SENT: &str = "repeatability-first-sent";
const CLIENT_ID: &str = "repeatability-client-id";
/// `Repeatability-Result`, in the answer.
pub const RESULT: HeaderName = HeaderName::from_static("repeatability-result");
const ACCEPTED: HeaderValue = HeaderValue::from_static("accepted");
const REJECTED: HeaderValue = HeaderValue::from_static("rejected");

/// Headers besides that say what a request does, or how it is answered. Others may differ from one try
/// to the next: clients count tries, and tokens end.
const TELLING: [&str; 4] = ["accept", "prefer", "if-match", "if-none-match"];

/// The client's wish that a request be carried out once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    request_id: RequestId,
    first_sent: Ticks,
    /// The instance of the client application. Ids are unique without it; two instances with one id make
    /// two different requests.
    client_id: Option<RequestId>,
}

/// Tells whether a request has the headers, whatever they hold. GET and HEAD have none: they are
/// ignored there (section 5).
pub fn is_wished(method: &Method, headers: &HeaderMap) -> bool {
    !method.is_safe() && (headers.contains_key(REQUEST_ID) || headers.contains_key(FIRST_SENT))
}

impl Wish {
    /// Reads it. One of the two headers without the other, or one that is malformed, is refused, as
    /// section 5 asks.
    pub fn read(method: &Method, headers: &HeaderMap, area: Area) -> Result<Option<Self>, ApiError> {
        if !is_wished(method, headers) {
            return Ok(None);
        }
        let refuse = |message: String| rejected(ApiError::bad_request(area, message));
        let one = |name: &str| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => Ok(Some(value.to_str().unwrap_or_default().trim())),
                _ => Err(refuse(format!("the header {name} occurs more than once"))),
            }
        };
        let id = |name: &str, text: &str| {
            text.parse::<RequestId>().map_err(|error| refuse(format!("the header {name}: {error}")))
        };
        let (Some(request_id), Some(first_sent)) = (one(REQUEST_ID)?, one(FIRST_SENT)?) else {
            return Err(refuse(
                "a repeatable request has both headers, Repeatability-Request-ID and Repeatability-First-Sent"
                    .to_owned(),
            ));
        };
        let first_sent = read_date(first_sent).ok_or_else(|| {
            let found = excerpt(first_sent);
            refuse(format!(
                "Repeatability-First-Sent is {found}; expected a time such as Sun, 03 Mar 2024 06:00:00 GMT"
            ))
        })?;
        let client_id = one(CLIENT_ID)?.map(|text| id(CLIENT_ID, text)).transpose()?;
        Ok(Some(Self { request_id: id(REQUEST_ID, request_id)?, first_sent, client_id }))
    }

    /// Refuses what cannot be repeatable, and requests of which it is no longer known whether they were
    /// carried out. Needs no body. Every write can be repeatable; a batch as a whole cannot (section 7.4).
    pub fn check(&self, service: &Service, area: Area, operation: Operation) -> Result<(), ApiError> {
        if let Operation::Read(_) = operation {
            let message = "this cannot be repeatable; in a batch, give the headers Repeatability-Request-ID and \
                           Repeatability-First-Sent to the requests inside";
            return Err(rejected(ApiError::not_implemented(message)));
        }
        service.admit_first_sent(self.first_sent).map_err(|error| ApiError::from_service(area, error))
    }

    /// Describes what is to be carried out once, each request by its method, path, query, headers and body,
    /// so that something else under the same id is noticed. The host is left out: a client may come back by
    /// another name of the service.
    pub fn describe<'r>(
        self,
        service: &Service,
        version: &str,
        requests: impl Iterator<Item = (&'r Method, &'r str, &'r str, &'r HeaderMap, &'r [u8])>,
    ) -> Repeatability {
        let client_id = self.client_id.as_ref().map_or("", RequestId::as_str);
        let mut parts = vec![version.as_bytes(), client_id.as_bytes()];
        for (method, path, query, headers, body) in requests {
            parts.extend([method.as_str().as_bytes(), path.as_bytes(), query.as_bytes(), body]);
            for name in TELLING {
                parts.push(name.as_bytes());
                parts.extend(headers.get_all(name).iter().map(HeaderValue::as_bytes));
            }
        }
        service.repeatability(self.request_id, self.first_sent, &parts)
    }
}

/// The same refusal, said to be one of the headers: sending the request again as it is leads nowhere.
pub fn rejected(error: ApiError) -> ApiError {
    error.with_header(RESULT, REJECTED)
}

/// Says in the answer to a repeatable request that it was taken as one: unless the headers themselves
/// were refused, it was or will be carried out at most once.
pub fn accepted(outcome: Result<Reply, ApiError>) -> Result<Reply, ApiError> {
    match outcome {
        Ok(mut reply) => {
            reply.headers.insert(RESULT, ACCEPTED);
            Ok(reply)
        }
        Err(error) if error.headers.iter().any(|(name, _)| *name == RESULT) => Err(error),
        Err(error) => Err(error.with_header(RESULT, ACCEPTED)),
    }
}

/// Reads an IMF-fixdate (RFC 9110, section 5.6.7), such as `Sun, 03 Mar 2024 06:00:00 GMT`: that form
/// exactly, and the right day of the week.
fn read_date(text: &str) -> Option<Ticks> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]; // 1970 began on a Thursday
    let (weekday, rest) = text.split_once(", ")?;
    let [day, month, year, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else { return None };
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    if (day.len(), year.len(), time.len()) != (2, 4, 8) {
        return None;
    }
    let ticks: Ticks = format!("{year}-{month:02}-{day}T{time}Z").parse().ok()?;
    let days = ticks.unix_seconds().div_euclid(86_400);
    (DAYS[days.rem_euclid(7) as usize] == weekday).then_some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_their_fixed_form_only() {
        let read = |text: &str| read_date(text).map(|ticks| ticks.to_string());
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
            ("Tue, 26 Mar 2019 16:06:51 GMT", "2019-03-26T16:06:51Z"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"),
            ("Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "2024-03-03T06:00:00Z",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994  08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Thu, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49.37 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
