//! Why a request was not done, as a status and the one shape in which every error is told.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use smswatch_api::problem::{ProblemBody, ProblemCode, ProblemReply};
use smswatch_core::ServiceError;

/// Why a request was not done: a word for programs, and a sentence for people.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    body: ProblemBody,
    header: Option<(header::HeaderName, Box<HeaderValue>)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: ProblemCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            body: ProblemBody { code, message },
            header: None,
        }
    }

    /// The request cannot be read.
    pub(crate) fn unreadable(code: ProblemCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The request can be read, and asks for something that cannot be.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            ProblemCode::Invalid,
            message,
        )
    }

    /// The caller may not do it.
    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, ProblemCode::Forbidden, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ProblemCode::NotFound, message)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence for people.
    pub(crate) fn message(&self) -> &str {
        &self.body.message
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.header = Some((name, Box::new(HeaderValue::from_static(value))));
        self
    }

    /// The caller has sent too many wrong tokens, and may try again after `wait`.
    pub(crate) fn too_many_attempts(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let message = format!("too many wrong tokens came from this address; wait for {seconds} s");
        Self {
            header: Some((header::RETRY_AFTER, Box::new(HeaderValue::from(seconds)))),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                ProblemCode::TooManyAttempts,
                message,
            )
        }
    }

    /// It cannot be done now, and soon again.
    pub(crate) fn try_again(code: ProblemCode, message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
            .with_header(header::RETRY_AFTER, "1")
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Store(error) => {
                tracing::debug!(%error, "a request was refused because of the store");
                let message =
                    "the store did not do it, or not all of it; asking again does no harm";
                Self::try_again(ProblemCode::StoreUnavailable, message)
            }
            ServiceError::Cursor(error) => {
                Self::unreadable(ProblemCode::InvalidCursor, error.to_string())
            }
            ServiceError::TooManyTags { .. } => Self::invalid(format!("`tags`: {error}")),
            ServiceError::Unreadable => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ProblemCode::Unreadable,
                error.to_string(),
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let reply = ProblemReply { error: self.body };
        let mut response = (self.status, Json(reply)).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, *value);
        }
        response
    }
}

/// The answer to a path that does not exist.
pub(crate) async fn no_such_path() -> Problem {
    Problem::not_found("there is nothing at this path; `/` says where things are")
}

/// The answer to a method that a path does not take.
pub(crate) async fn no_such_method() -> Problem {
    let message = "this path does not take this method; `allow` names those it takes";
    let code = ProblemCode::MethodNotAllowed;
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, code, message)
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::store::{InvalidCursor, StoreError};

    use super::*;

    #[test]
    fn what_the_service_cannot_do_becomes_the_status_that_tells_whether_to_ask_again() {
        let away = StoreError::Unavailable("connection refused".to_owned());
        let too_many_tags = ServiceError::TooManyTags {
            message_id: "m1".parse().expect("an id"),
            count: 51,
            bytes: 400,
        };
        let cases = [
            (ServiceError::Store(away), 503, Some("1")),
            (ServiceError::Cursor(InvalidCursor), 400, None),
            (too_many_tags, 422, None),
            (ServiceError::Unreadable, 500, None),
        ];
        for (error, status, retry_after) in cases {
            let response = Problem::from(error).into_response();
            assert_eq!(response.status().as_u16(), status);
            let header = response.headers().get(header::RETRY_AFTER);
            assert_eq!(header.and_then(|value| value.to_str().ok()), retry_after);
        }
    }
}
