//! Answers and their bodies, the misbehaving ones included.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::{Value, json};
use tokio::time::{Sleep, sleep};

use crate::fault::RetryAfter;
use crate::shape::CodeForm;

const CHUNK_BYTES: usize = 64 * 1024;
static FILLER: [u8; CHUNK_BYTES] = [b'x'; CHUNK_BYTES];

/// A response on its way out.
pub(crate) type Answer = Response<Payload>;

/// The connection ends here, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on purpose")]
pub(crate) struct Dropped;

/// A response body.
#[derive(Debug)]
pub(crate) enum Payload {
    /// All at once.
    Whole(Option<Bytes>),
    /// The beginning of a body of `total` bytes; then the connection breaks.
    Cut {
        head: Option<Bytes>,
        total: u64,
        is_flushed: bool,
    },
    /// Two halves with a pause between.
    Stalled {
        head: Option<Bytes>,
        pause: Pin<Box<Sleep>>,
        tail: Option<Bytes>,
    },
    /// `before`, a number of chunks of filler, `after`.
    Huge {
        before: Option<Bytes>,
        chunks: u64,
        after: Option<Bytes>,
    },
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        let next = match self.get_mut() {
            Self::Whole(body) => body.take(),
            Self::Cut {
                head, is_flushed, ..
            } => match head.take() {
                Some(head) => Some(head),
                // A pause, or hyper would not even send what it has.
                None if !std::mem::replace(is_flushed, true) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => return Poll::Ready(Some(Err(Dropped))),
            },
            Self::Stalled { head, pause, tail } => match head.take() {
                Some(head) => Some(head),
                None => {
                    ready!(pause.as_mut().poll(context));
                    tail.take()
                }
            },
            Self::Huge {
                before,
                chunks,
                after,
            } => before.take().or_else(|| {
                if *chunks == 0 {
                    return after.take();
                }
                *chunks -= 1;
                Some(Bytes::from_static(&FILLER))
            }),
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        SizeHint::with_exact(match self {
            Self::Whole(body) => length(body),
            Self::Cut { total, .. } => *total,
            Self::Stalled { head, tail, .. } => length(head) + length(tail),
            Self::Huge {
                before,
                chunks,
                after,
            } => length(before) + chunks * CHUNK_BYTES as u64 + length(after),
        })
    }
}

impl Payload {
    /// Half of `body`, then a broken connection.
    pub(crate) fn cut(body: &Bytes) -> Self {
        Self::Cut {
            head: Some(body.slice(..body.len() / 2)),
            total: body.len() as u64,
            is_flushed: false,
        }
    }

    /// Half of `body`, a pause, the rest.
    pub(crate) fn stalled(mut body: Bytes, pause_ms: u64) -> Self {
        let head = body.split_to(body.len() / 2);
        let pause = Box::pin(sleep(Duration::from_millis(pause_ms)));
        Self::Stalled {
            head: Some(head),
            pause,
            tail: Some(body),
        }
    }

    /// `body` (an array or an object) with `mib` mebibytes in an unknown field of its first object.
    pub(crate) fn huge(body: &Bytes, mib: u64) -> Self {
        let Some(brace) = body.iter().position(|byte| *byte == b'{') else {
            return Self::Whole(Some(body.clone()));
        };
        let (head, tail) = body.split_at(brace + 1);
        let before = [head, b"\"padding\":\""].concat();
        let comma: &[u8] = if tail.starts_with(b"}") {
            b"\""
        } else {
            b"\","
        };
        Self::Huge {
            before: Some(before.into()),
            chunks: mib * (1024 * 1024 / CHUNK_BYTES as u64),
            after: Some([comma, tail].concat().into()),
        }
    }
}

/// An answer with a JSON body that is already written.
pub(crate) fn json_bytes(status: StatusCode, body: Bytes) -> Answer {
    with_type(status, body, "application/json;charset=UTF-8")
}

/// An answer with a JSON body.
pub(crate) fn json_value(status: StatusCode, body: &Value) -> Answer {
    json_bytes(status, body.to_string().into())
}

/// An answer with this body and type.
pub(crate) fn with_type(status: StatusCode, body: Bytes, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Payload::Whole(Some(body).filter(|body| !body.is_empty())));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// The error form of resources.
pub(crate) fn error(status: StatusCode, code: &str, message: &str, form: CodeForm) -> Answer {
    let mut body = json!({});
    match form {
        CodeForm::String => body["code"] = json!(code),
        CodeForm::Number => body["code"] = json!(code.parse::<u64>().unwrap_or_default()),
        CodeForm::Absent => {}
    }
    body["developerMessage"] = json!(message);
    json_value(status, &body)
}

/// A validation error that names a field.
pub(crate) fn invalid(field: &str, trouble: &str, form: CodeForm) -> Answer {
    let mut body = json!({"code": "400000000", "developerMessage": "Validation Error",
        "properties": {(field): trouble}});
    match form {
        CodeForm::String => {}
        CodeForm::Number => body["code"] = json!(400_000_000),
        CodeForm::Absent => body["code"] = Value::Null,
    }
    json_value(StatusCode::BAD_REQUEST, &body)
}

/// 429 with a `Retry-After` as wished.
pub(crate) fn too_many_requests(retry_after: &RetryAfter, form: CodeForm) -> Answer {
    let mut answer = error(
        StatusCode::TOO_MANY_REQUESTS,
        "429000000",
        "Too many requests",
        form,
    );
    if let Some(value) = retry_after.header() {
        answer.headers_mut().insert(RETRY_AFTER, value);
    }
    answer
}

impl RetryAfter {
    fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::Absent => None,
            Self::Seconds(seconds) => Some(HeaderValue::from(*seconds)),
            Self::HttpDate(in_seconds) => {
                let at = jiff::Timestamp::try_from(SystemTime::now()).ok()?;
                let at = at
                    .checked_add(jiff::SignedDuration::from_secs(*in_seconds))
                    .ok()?;
                let text = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                HeaderValue::from_str(&text).ok()
            }
            Self::Text(text) => HeaderValue::from_str(text).ok(),
        }
    }
}
