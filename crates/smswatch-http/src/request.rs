//! What a request says in its path and its body, read strictly and within bounds.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use smswatch_api::problem::ProblemCode;
use smswatch_model::InvalidId;

use crate::problem::Problem;

/// How large a body may be, in bytes.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The one name in the path, decoded.
pub(crate) struct NameInPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for NameInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name))
            .map_err(|_| Problem::unreadable(ProblemCode::InvalidPath, "the path is not UTF-8"))
    }
}

/// The one id in the path, decoded and checked.
pub(crate) struct IdInPath<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for IdInPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let NameInPath(text) = NameInPath::from_request_parts(parts, state).await?;
        let id = text.parse();
        id.map(Self).map_err(|error: InvalidId| {
            Problem::unreadable(ProblemCode::InvalidId, error.to_string())
        })
    }
}

/// A body of JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ProblemCode::UnsupportedMediaType,
                "the body must be JSON, with `content-type: application/json`",
            ));
        }
        if announces_too_much(request.headers()) {
            return Err(too_large());
        }
        let body = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, state))
            .await
            .map_err(|_| {
                let message = "the body took too long to arrive";
                Problem::new(StatusCode::REQUEST_TIMEOUT, ProblemCode::Timeout, message)
            })?
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                _ => Problem::unreadable(
                    ProblemCode::InvalidBody,
                    "the body did not arrive as a whole",
                ),
            })?;
        read(&body).map(Self)
    }
}

/// Reads JSON: what is no JSON is 400, what is other JSON than expected is 422, and says where.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match error.classify() {
            Category::Data if path != "." => Problem::invalid(format!("`{path}`: {error}")),
            Category::Data => Problem::invalid(error.to_string()),
            _ => no_json(&error),
        }
    })?;
    json.end().map_err(|error| no_json(&error))?;
    Ok(value)
}

fn no_json(error: &serde_json::Error) -> Problem {
    Problem::unreadable(
        ProblemCode::InvalidJson,
        format!("the body is not JSON: {error}"),
    )
}

fn too_large() -> Problem {
    let message = format!("the body may have {} MiB at most", MAX_BODY / 1024 / 1024);
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ProblemCode::TooLarge,
        message,
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = value.split(';').next().unwrap_or("").trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Whether the body is too large by its own account, so that it need not be received first.
fn announces_too_much(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_LENGTH);
    let length = value.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > MAX_BODY as u64)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(rename = "n")]
        _n: u8,
    }

    #[test]
    fn no_json_and_unexpected_json_are_told_apart() {
        for (body, status) in [
            (r#"{"n":1}"#, 200),
            ("", 400),
            (r#"{"n":1"#, 400),
            (r#"{"n":1} x"#, 400),
            ("<html>", 400),
            (r#"{"n":"one"}"#, 422),
            (r#"{"n":1,"m":2}"#, 422),
            ("[]", 422),
            ("{}", 422),
        ] {
            let told = match read::<Sample>(body.as_bytes()) {
                Ok(_) => 200,
                Err(problem) => problem.into_response().status().as_u16(),
            };
            assert_eq!(told, status, "{body}");
        }
    }

    #[test]
    fn parameters_of_the_content_type_do_not_matter() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/jsonp", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().expect("a value"));
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
