//! What the receiver answers: a status with a body, and the ways in which servers misbehave.

use std::convert::Infallible;
use std::future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// What the receiver does about a request.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Body,
    delay: Duration,
    manner: Manner,
}

/// How an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Politely,
    Never,
    ByHangingUp,
}

impl Answer {
    /// An empty answer with `status`.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Once(None),
            delay: Duration::ZERO,
            manner: Manner::Politely,
        }
    }

    /// No answer, on a connection that stays open.
    #[must_use]
    pub fn hang() -> Self {
        Self {
            manner: Manner::Never,
            ..Self::status(200)
        }
    }

    /// No answer; the connection is closed.
    #[must_use]
    pub fn hang_up() -> Self {
        Self {
            manner: Manner::ByHangingUp,
            ..Self::status(200)
        }
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// `name` or `value` cannot be in a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("a header's value is visible ASCII"),
        );
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Once(Some(body.into()));
        self
    }

    /// Sets the body, if it has none.
    #[must_use]
    pub(crate) fn body_unless_set(self, body: impl Into<Bytes>) -> Self {
        match self.body {
            Body::Once(None) => self.body(body),
            _ => self,
        }
    }

    /// Sends `x` without end as the body.
    #[must_use]
    pub fn endless_body(mut self) -> Self {
        self.body = Body::Endless;
        self
    }

    /// Promises a body and never sends it.
    #[must_use]
    pub fn stalled_body(mut self) -> Self {
        self.body = Body::Stalled;
        self
    }

    /// Waits before answering.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Gives the answer; an error closes the connection.
    pub(super) async fn give(self) -> Result<Response<Body>, io::Error> {
        match self.manner {
            Manner::Politely => {}
            Manner::Never => future::pending().await,
            Manner::ByHangingUp => return Err(io::Error::other("told to hang up")),
        }
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status.try_into().map_err(io::Error::other)?;
        *response.headers_mut() = self.headers;
        Ok(response)
    }
}

/// A body, honest or not.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Once(Option<Bytes>),
    Endless,
    Stalled,
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Once(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Endless => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16384]))))),
            Self::Stalled => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Once(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Once(body) => {
                hyper::body::SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Endless | Self::Stalled => hyper::body::SizeHint::default(),
        }
    }
}
