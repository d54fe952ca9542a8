//! Tells Routee's own "I do not know this message" from a 404 of whatever stands before it.

use reqwest::StatusCode;
use serde::de::{IgnoredAny, MapAccess};
use smswatch_plugin::provider::Poll;

use crate::loose::{Fields, Text, documented};
use crate::rows::read_object;

/// An error in Routee's own shape: `{"code": "404005000", "developerMessage": "Tracking not found"}`.
#[derive(Debug, Default)]
struct RouteeError {
    code: Text,
    message: Text,
}

impl Fields for RouteeError {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match documented(name, &["code", "developerMessage"]) {
            "code" => self.code.take(map),
            "developerMessage" => self.message.take(map),
            _ => map.next_value::<IgnoredAny>().map(drop),
        }
    }

    fn tells(&self) -> bool {
        self.code.0.is_some() || self.message.0.is_some()
    }
}

/// What a 404 or a 400 says of the message; `None` if it does not come from Routee.
///
/// Gateways, wrong paths and servers that are being replaced answer 404, too, with a page, nothing, or
/// an error in another shape. They know nothing of any message.
pub(crate) fn read(status: StatusCode, body: &[u8]) -> Option<Poll> {
    let poll = match status {
        StatusCode::NOT_FOUND => Poll::Unknown,
        StatusCode::BAD_REQUEST => Poll::Invalid,
        _ => return None,
    };
    let error: RouteeError = read_object(body)?;
    // The code begins with the HTTP status.
    let is_own = match &error.code.0 {
        Some(code) => code.len() == 9 && code.starts_with(status.as_str()),
        None => error.message.0.is_some(),
    };
    is_own.then_some(poll)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_routees_own_words_say_something_about_a_message() {
        for (status, body, expected) in [
            (
                404,
                r#"{"code": "404005000", "developerMessage": "Tracking not found"}"#,
                Some(Poll::Unknown),
            ),
            (404, r#"{"code": 404005000}"#, Some(Poll::Unknown)),
            (
                404,
                r#"{"developerMessage": "Tracking not found"}"#,
                Some(Poll::Unknown),
            ),
            (
                404,
                "\u{feff}{\"code\": \"404005000\", \"developerMessage\": \"a\tb\"}",
                Some(Poll::Unknown),
            ),
            (
                400,
                r#"{"code": "400000000", "developerMessage": "Validation Error"}"#,
                Some(Poll::Invalid),
            ),
            (404, "", None),
            (404, "<html><h1>Not Found</h1></html>", None),
            (404, "404 page not found", None),
            (404, "null", None),
            (404, "[]", None),
            (404, "{}", None),
            (
                404,
                r#"{"error": "Not Found", "message": "No handler", "status": 404, "path": "/x"}"#,
                None,
            ),
            (
                404,
                r#"{"code": "500000000", "developerMessage": "x"}"#,
                None,
            ),
            (
                404,
                r#"{"code": 404, "message": "no Route matched with those values"}"#,
                None,
            ),
            (404, r#"{"code": "404005000", "develop"#, None),
            (400, r#"{"error": "invalid_request"}"#, None),
            (410, r#"{"code": "404005000"}"#, None),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(read(status, body.as_bytes()), expected, "{status} {body}");
        }
    }
}
