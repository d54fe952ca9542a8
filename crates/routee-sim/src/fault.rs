//! Answers that go wrong, by rule: which kind, for which requests, how often.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// This status with the error body of a resource, or with `body` as it stands.
    Status {
        /// The HTTP status.
        status: u16,
        /// The body instead of Routee's usual one.
        #[serde(default)]
        body: Option<String>,
    },
    /// 429.
    TooManyRequests {
        /// Its `Retry-After`.
        #[serde(default)]
        retry_after: RetryAfter,
    },
    /// 401 with `invalid_token`, although the token lives.
    InvalidToken,
    /// 403 with code `403000000`.
    Forbidden,
    /// 404 with code `404005000`.
    NotFound,
    /// No answer for this long, then the connection closes.
    Hang {
        /// Milliseconds.
        #[serde(default = "an_hour")]
        ms: u64,
    },
    /// The usual answer, this much later.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is reset (RST) instead of an answer.
    Reset,
    /// The connection is closed (FIN) instead of an answer.
    Close,
    /// An HTML page.
    Html {
        /// The HTTP status.
        #[serde(default = "ok")]
        status: u16,
    },
    /// 200 with something that is almost JSON.
    BrokenJson,
    /// The usual answer, cut in half; the length is right.
    TruncatedJson,
    /// The usual head, half of the body, then the connection closes.
    CutBody,
    /// Half of the usual answer, a pause, then the rest.
    StalledBody {
        /// Milliseconds.
        ms: u64,
    },
    /// The usual answer, after this many mebibytes of one string.
    HugeJson {
        /// Mebibytes.
        mib: u64,
    },
    /// An answer that is nested this deeply.
    DeepJson {
        /// Brackets.
        depth: usize,
    },
    /// 200 with no byte.
    EmptyBody,
    /// 200 with `[]`.
    EmptyArray,
    /// 200 with `null`.
    NullBody,
    /// 200 with one object where an array belongs.
    ObjectInsteadOfArray,
    /// The usual answer with one more row before the others, which is not quite JSON.
    BadRow,
}

fn an_hour() -> u64 {
    3_600_000
}

fn ok() -> u16 {
    200
}

impl FaultKind {
    /// The name in JSON and in the statistics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::InvalidToken => "invalid_token",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Hang { .. } => "hang",
            Self::Slow { .. } => "slow",
            Self::Reset => "reset",
            Self::Close => "close",
            Self::Html { .. } => "html",
            Self::BrokenJson => "broken_json",
            Self::TruncatedJson => "truncated_json",
            Self::CutBody => "cut_body",
            Self::StalledBody { .. } => "stalled_body",
            Self::HugeJson { .. } => "huge_json",
            Self::DeepJson { .. } => "deep_json",
            Self::EmptyBody => "empty_body",
            Self::EmptyArray => "empty_array",
            Self::NullBody => "null_body",
            Self::ObjectInsteadOfArray => "object_instead_of_array",
            Self::BadRow => "bad_row",
        }
    }

    /// Whether a client that reads the answer still learns the truth from it.
    pub(crate) fn is_readable(&self) -> bool {
        matches!(
            self,
            Self::Slow { .. } | Self::StalledBody { .. } | Self::HugeJson { .. } | Self::BadRow
        )
    }
}

/// A `Retry-After` header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// No header.
    #[default]
    Absent,
    /// Seconds; any number, hostile ones included.
    Seconds(u64),
    /// An HTTP date this many seconds from now.
    HttpDate(i64),
    /// Any text.
    Text(String),
}

/// A fault and the requests that it meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultRule {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Where.
    pub on: Endpoint,
    /// Only requests for this message id.
    pub message: Option<String>,
    /// Only requests for the page of this number, from 0.
    pub page: Option<u64>,
    /// How likely, from 0 to 1.
    pub probability: f64,
    /// How many times; without it for ever.
    pub next: Option<u64>,
}

impl Default for FaultRule {
    fn default() -> Self {
        Self {
            kind: FaultKind::Status {
                status: 500,
                body: None,
            },
            on: Endpoint::TrackingSingle,
            message: None,
            page: None,
            probability: 1.0,
            next: None,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) endpoint: Endpoint,
    /// The id in its path.
    pub(crate) id: &'a str,
    pub(crate) query: &'a str,
}

/// The number of the page that a query asks for.
fn page_of(query: &str) -> u64 {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let page = pairs.find(|(name, _)| name == "page");
    page.and_then(|(_, page)| page.parse().ok()).unwrap_or(0)
}

/// A rule at work.
#[derive(Debug)]
pub(crate) struct ActiveFault {
    pub(crate) rule: FaultRule,
    left: AtomicU64,
    served: AtomicU64,
}

/// How often a fault was served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultReport {
    /// The kind's name.
    pub kind: String,
    /// How many requests met it.
    pub served: u64,
    /// How many it still waits for; `null`: for ever.
    pub left: Option<u64>,
}

impl ActiveFault {
    pub(crate) fn new(rule: FaultRule) -> Self {
        let left = AtomicU64::new(rule.next.unwrap_or(u64::MAX));
        Self {
            rule,
            left,
            served: AtomicU64::new(0),
        }
    }

    /// Whether this request meets the fault; if so it is used up by one.
    pub(crate) fn strikes(&self, asked: Asked<'_>, draw: impl FnOnce() -> f64) -> bool {
        let rule = &self.rule;
        let Asked {
            endpoint,
            id,
            query,
        } = asked;
        let is_meant = (rule.on == Endpoint::Any || rule.on == endpoint)
            && rule.page.is_none_or(|page| page == page_of(query))
            && rule.message.as_deref().is_none_or(|message| message == id);
        let strikes = is_meant
            && (rule.probability >= 1.0 || draw() < rule.probability)
            && (rule.next.is_none()
                || self
                    .left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok());
        if strikes {
            self.served.fetch_add(1, Ordering::Relaxed);
        }
        strikes
    }

    pub(crate) fn report(&self) -> FaultReport {
        FaultReport {
            kind: self.rule.kind.name().to_owned(),
            served: self.served.load(Ordering::Relaxed),
            left: self.rule.next.map(|_| self.left.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(endpoint: Endpoint) -> Asked<'static> {
        Asked {
            endpoint,
            id: "id",
            query: "",
        }
    }

    #[test]
    fn a_rule_is_used_up() {
        let fault = ActiveFault::new(FaultRule {
            next: Some(2),
            ..FaultRule::default()
        });
        let struck = (0..5)
            .filter(|_| fault.strikes(asked(Endpoint::TrackingSingle), || 0.5))
            .count();
        assert_eq!(struck, 2);
        assert_eq!(fault.report().left, Some(0));
        assert!(!fault.strikes(asked(Endpoint::Token), || 0.0));
    }

    #[test]
    fn a_rule_is_read_from_flat_json() {
        let rule: FaultRule = serde_json::from_str(
            r#"{"kind":"too_many_requests","retry_after":{"seconds":3},"next":1,"on":"any"}"#,
        )
        .expect("valid");
        assert_eq!(
            rule.kind,
            FaultKind::TooManyRequests {
                retry_after: RetryAfter::Seconds(3)
            }
        );
        assert_eq!(
            (rule.on, rule.next, rule.probability),
            (Endpoint::Any, Some(1), 1.0)
        );
    }
}
