//! Takes in what is left of a request's body when its answer is ready, so that the answer arrives.
//!
//! A body that is too large, or of a caller who may not call, is answered before it has come. Most clients read no answer
//! until they have sent all of it: one that finds the connection closed meanwhile tells its user of a broken pipe, and
//! not of the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How many bytes are taken in at most.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How long that may take, and how long nothing may come.
const LONGEST: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What is left of a body once nobody reads it any more.
pub(crate) struct Leftover {
    comes_back: oneshot::Receiver<(Incoming, bool)>,
    /// The client sends nothing before it is told to.
    waits: bool,
}

/// A body that whoever answers reads, and that comes back to whoever lent it.
struct Lent {
    body: Option<Incoming>,
    was_read: bool,
    owner: Option<oneshot::Sender<(Incoming, bool)>>,
}

/// The request with a body that comes back.
pub(crate) fn lend(request: Request<Incoming>) -> (Request<Body>, Option<Leftover>) {
    if request.body().is_end_stream() {
        return (request.map(Body::new), None);
    }
    let waits = expects_continue(request.headers());
    let (owner, comes_back) = oneshot::channel();
    let lend = |body| Lent {
        body: Some(body),
        was_read: false,
        owner: Some(owner),
    };
    let request = request.map(|body| Body::new(lend(body)));
    (request, Some(Leftover { comes_back, waits }))
}

impl Leftover {
    /// Takes in the rest, within bounds.
    pub(crate) async fn take_in(mut self) {
        let Ok((body, was_read)) = self.comes_back.try_recv() else {
            return;
        };
        // Who was not told to send gives up by itself.
        if was_read || !self.waits {
            let _in_time = timeout(LONGEST, read_to_the_end(body)).await;
        }
    }
}

async fn read_to_the_end(mut body: Incoming) {
    let mut bytes = 0;
    while bytes < MOST_BYTES && !body.is_end_stream() {
        let Ok(Some(Ok(frame))) = timeout(LONGEST_PAUSE, body.frame()).await else {
            return;
        };
        bytes += frame.data_ref().map_or(0, |data| data.len());
    }
}

fn expects_continue(headers: &HeaderMap) -> bool {
    let expects = headers.get(header::EXPECT);
    expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

impl hyper::body::Body for Lent {
    type Data = <Incoming as hyper::body::Body>::Data;
    type Error = <Incoming as hyper::body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.was_read = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map(Incoming::size_hint)
            .unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(owner)) = (self.body.take(), self.owner.take()) {
            let _unless_nobody_waits = owner.send((body, self.was_read));
        }
    }
}
