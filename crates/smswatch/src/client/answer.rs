//! What an answer of the API means for somebody at a terminal.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize as _;
use serde_json::Value;
use smswatch_api::VERSION_HEADER;
use smswatch_api::health::ReadyReply;
use smswatch_api::problem::{ProblemBody, ProblemCode, ProblemReply};

/// An answer of smswatch.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Null where there is none.
    pub(super) body: Value,
}

/// The service answered, and did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    /// What kind of problem it is.
    code: ProblemCode,
    /// Why not, and what to do.
    pub(crate) message: String,
}

impl Answer {
    /// Reads an answer; `None` if it is not one of smswatch.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let body: Option<Value> = match body.is_empty() {
            true => Some(Value::Null),
            false => serde_json::from_slice(body).ok(),
        };
        let answer = Self {
            status,
            body: body?,
        };
        (headers.contains_key(VERSION_HEADER) || answer.has_our_shape()).then_some(answer)
    }

    /// Whether a smswatch of before this header, or behind a proxy that drops it, may have said this.
    fn has_our_shape(&self) -> bool {
        const KEYS: [&str; 9] = [
            "version",
            "ready",
            "items",
            "accepted",
            "watch",
            "message_id",
            "sink",
            "retried",
            "dropped",
        ];
        if self.status.is_success() {
            return KEYS.iter().any(|key| !self.body[key].is_null());
        }
        self.problem().is_some() || ReadyReply::deserialize(&self.body).is_ok()
    }

    fn problem(&self) -> Option<ProblemBody> {
        let reply = ProblemReply::deserialize(&self.body).ok();
        reply.map(|reply| reply.error)
    }

    /// The refusal that this is. `shown` is the address of the service.
    pub(super) fn refused(&self, shown: &str, has_token: bool) -> Refused {
        let problem = self.problem().unwrap_or_else(|| ProblemBody {
            code: ProblemCode::Other(String::new()),
            message: "it gave no reason".to_owned(),
        });
        let (code, said) = (problem.code, problem.message);
        let message = match self.status {
            StatusCode::UNAUTHORIZED if has_token => format!(
                "smswatch at {shown} does not accept this token; check `--token` or SMSWATCH_TOKEN"
            ),
            StatusCode::UNAUTHORIZED => {
                format!("smswatch at {shown} wants a token; pass `--token`, or set SMSWATCH_TOKEN")
            }
            // These say what is wrong with what was asked, in words for whoever asked.
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::CONFLICT
            | StatusCode::UNPROCESSABLE_ENTITY => said,
            StatusCode::SERVICE_UNAVAILABLE if code == ProblemCode::StoreUnavailable => format!(
                "smswatch at {shown} has trouble with its store; try again when `smswatch status` \
                 says that it is well"
            ),
            StatusCode::SERVICE_UNAVAILABLE if code == ProblemCode::Starting => {
                format!("smswatch at {shown} is starting; try again in a moment")
            }
            status => format!("smswatch answered {}: {said}", status.as_u16()),
        };
        Refused { code, message }
    }
}

impl Refused {
    /// Whether the state of the store explains it.
    pub(super) fn is_about_the_store(&self) -> bool {
        matches!(
            self.code,
            ProblemCode::StoreUnavailable | ProblemCode::Starting
        )
    }

    /// Adds the trouble that the store is in.
    pub(super) fn blame_store(&mut self, trouble: &str) {
        self.message = format!(
            "smswatch cannot use its store ({trouble}); try again when `smswatch status` says that it \
             is well"
        );
    }
}

/// What to say of an answer that is not one of smswatch.
pub(super) fn foreign(shown: &str, status: StatusCode) -> String {
    let status = match status.is_success() {
        true => String::new(),
        false => format!(" (status {})", status.as_u16()),
    };
    format!(
        "{shown} answers, but it is not smswatch{status}; `--url` or SMSWATCH_URL names another address"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Option<Answer> {
        let status = StatusCode::from_u16(status).expect("a status");
        Answer::read(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn other_programs_are_not_taken_for_smswatch() {
        for (status, body) in [
            (200, "ok"),
            (200, ""),
            (204, ""),
            (200, "<html></html>"),
            (200, "{}"),
            (200, "[]"),
            (200, r#"{"ok":true}"#),
            (404, ""),
            (404, r#"{"error":"not found"}"#),
            (502, "<html>Bad Gateway</html>"),
            (301, ""),
        ] {
            assert!(read(status, body).is_none(), "{status} {body}");
        }
        for (status, body) in [
            (200, r#"{"items":[],"next":null}"#),
            (202, r#"{"accepted":1,"already_watched":0}"#),
            (503, r#"{"ready":false,"parts":{}}"#),
            (404, r#"{"error":{"code":"not_found","message":"x"}}"#),
        ] {
            assert!(read(status, body).is_some(), "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let said = |status: u16, code: &str, has_token| {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"`sink`: unknown"}}}}"#);
            let answer = read(status, &body).expect("an answer of smswatch");
            answer.refused("http://127.0.0.1:8080", has_token).message
        };
        let all = [
            said(401, "unauthorized", false),
            said(401, "unauthorized", true),
            said(404, "not_found", true),
            said(409, "conflict", true),
            said(422, "invalid", true),
            said(500, "internal", true),
            said(503, "store_unavailable", true),
            said(503, "starting", true),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
