//! Names each request, so that an answer and the lines of the log about it are found together.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use smswatch_api::REQUEST_ID_HEADER;
use tracing::Instrument as _;

const HEADER: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);

/// How many characters a caller's name for a request may have.
const MOST_CHARS: usize = 128;

/// Names a request as its caller does, else by itself; the log and the answer have the name.
pub(crate) async fn name_request(request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(|| format!("{:016x}", fastrand::u64(..)));
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span).await;
    let value = HeaderValue::try_from(id).expect("it has visible ASCII characters alone");
    response.headers_mut().insert(HEADER, value);
    response
}

/// The name that the caller gave, if it can stand in a line of a log.
fn given(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(HEADER)?.to_str().ok()?;
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.:/+=@".contains(sign);
    let fits = (1..=MOST_CHARS).contains(&id.len()) && id.chars().all(is_plain);
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_be_odd_in_a_log_is_not_taken() {
        let given = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, id.parse().expect("a value"));
            super::given(&headers)
        };
        for id in ["7", "4bf92f35-77b3_0e0e", "a/b+c=@x:1"] {
            assert_eq!(given(id).as_deref(), Some(id));
        }
        for id in ["", "a b", "x\"y", "{}", &"x".repeat(129)] {
            assert_eq!(given(id), None, "{id}");
        }
        assert_eq!(super::given(&HeaderMap::new()), None);
    }
}
