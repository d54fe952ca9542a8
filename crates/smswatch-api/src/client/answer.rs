//! Tells answers of smswatch from those of other programs.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize as _;
use serde_json::Value;

use super::Refused;
use crate::VERSION_HEADER;
use crate::health::ReadyReply;
use crate::problem::{ProblemBody, ProblemCode, ProblemReply};

/// An answer of smswatch.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Null where there is none.
    pub(super) body: Value,
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
        const KEYS: [&str; 10] = [
            "version",
            "ready",
            "items",
            "accepted",
            "watch",
            "message_id",
            "sink",
            "retried",
            "dropped",
            "changed",
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

    /// The refusal that this is. `address` is that of the service.
    pub(super) fn refused(&self, address: String) -> Refused {
        let problem = self.problem().unwrap_or_else(|| ProblemBody {
            code: ProblemCode::Other(String::new()),
            message: "it gave no reason".to_owned(),
        });
        Refused {
            address,
            status: self.status.as_u16(),
            code: problem.code,
            message: problem.message,
            store_trouble: None,
        }
    }
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
}
