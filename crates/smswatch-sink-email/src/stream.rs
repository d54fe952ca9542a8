//! The connection below a conversation: makes replies of the relay readable before they are parsed.
//!
//! The library wants replies in UTF-8, each line with a text and an end of two bytes. Relays answer in Latin-1,
//! with a bare code, or with half an end of a line. A reply that is not understood after the mail would be worst:
//! the relay has the mail, and gets it again and again. It also wants what a relay offers in capitals, and speaks to no
//! relay that knows `HELO` alone.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// How much of one line is waited for before it is handed on as it is; the library has bounds of its own.
const LONGEST_LINE: usize = 16 * 1024;

/// How much is read at once.
const CHUNK: usize = 4 * 1024;

/// A connection without encryption that can be had back, to begin TLS on it.
#[derive(Clone)]
pub(crate) struct Plain(Arc<Mutex<TcpStream>>);

impl Plain {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// The connection itself, once no other part holds it.
    pub(crate) fn into_inner(self) -> Option<TcpStream> {
        let stream = Arc::into_inner(self.0)?;
        Some(stream.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is below.
enum Inner {
    Plain(Plain),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Whether the relay has said that it takes several commands at once (`PIPELINING`). Cheap to clone; all clones know it.
#[derive(Clone, Default)]
pub(crate) struct Pipelining(Arc<AtomicBool>);

impl Pipelining {
    /// Whether it has.
    pub(crate) fn is_offered(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes in a line of the relay. It stands among the answers to `EHLO`, and nowhere else.
    fn note(&self, line: &str) {
        let word = line.trim_end().get(4..);
        if line.starts_with("250")
            && word.is_some_and(|word| word.eq_ignore_ascii_case("PIPELINING"))
        {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether smswatch has introduced itself: the relay has to answer to that then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Introduced(Arc<AtomicBool>);

impl Introduced {
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes in a command that is being written.
    fn note(&self, command: &[u8]) {
        if command.starts_with(b"EHLO ") {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// The command with which smswatch introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// As all relays want it that know extensions.
    Ehlo,
    /// As relays want it that know none. It is written in place of the other one.
    Helo,
}

/// What a relay may offer and the library knows, as it wants it written.
const OFFERS: [&str; 4] = ["8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH"];

/// A connection whose incoming lines are made readable.
pub(crate) struct Replies {
    inner: Inner,
    pipelining: Pipelining,
    introduced: Introduced,
    greeting: Greeting,
    /// What came and is no whole line yet.
    unread: Vec<u8>,
    /// What is ready to be read, from `given` on.
    ready: Vec<u8>,
    given: usize,
}

impl Replies {
    /// Those of a relay that is spoken to without encryption.
    pub(crate) fn plain(stream: Plain, greeting: Greeting) -> Self {
        Self::of(Inner::Plain(stream), greeting, Vec::new())
    }

    /// Those of a relay that speaks TLS from the first byte.
    pub(crate) fn over_tls(stream: TlsStream<TcpStream>, greeting: Greeting) -> Self {
        Self::of(Inner::Tls(Box::new(stream)), greeting, Vec::new())
    }

    /// Those of a relay after STARTTLS. It does not greet again, and the library waits for that.
    pub(crate) fn after_starttls(stream: TlsStream<TcpStream>) -> Self {
        let encrypted = b"220 encrypted\r\n".to_vec();
        Self::of(Inner::Tls(Box::new(stream)), Greeting::Ehlo, encrypted)
    }

    fn of(inner: Inner, greeting: Greeting, ready: Vec<u8>) -> Self {
        Self {
            inner,
            pipelining: Pipelining::default(),
            introduced: Introduced::default(),
            greeting,
            unread: Vec::new(),
            ready,
            given: 0,
        }
    }

    /// The same, which notes there that smswatch introduces itself.
    pub(crate) fn noting(self, introduced: &Introduced) -> Self {
        let introduced = introduced.clone();
        Self { introduced, ..self }
    }

    /// Where it is noted whether the relay takes several commands at once.
    pub(crate) fn pipelining(&self) -> Pipelining {
        self.pipelining.clone()
    }

    /// Makes the whole lines ready that have come; all that has, if nothing more comes.
    fn make_ready(&mut self, is_end: bool) {
        self.ready.clear();
        self.given = 0;
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = readable(&line);
            self.pipelining.note(&line);
            self.ready.extend_from_slice(line.as_bytes());
        }
        if is_end || self.unread.len() > LONGEST_LINE {
            let rest = std::mem::take(&mut self.unread);
            let rest = String::from_utf8_lossy(&rest);
            self.ready.extend_from_slice(rest.as_bytes());
        }
    }

    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut chunk = [0; CHUNK];
        let mut buffer = ReadBuf::new(&mut chunk);
        ready!(match &mut self.inner {
            Inner::Plain(stream) => Pin::new(&mut *stream.lock()).poll_read(context, &mut buffer),
            Inner::Tls(stream) => Pin::new(stream).poll_read(context, &mut buffer),
        })?;
        let filled = buffer.filled();
        self.unread.extend_from_slice(filled);
        let is_end = filled.is_empty();
        self.make_ready(is_end);
        Poll::Ready(Ok(()))
    }
}

/// A line as the library reads it: in UTF-8, with a blank behind a bare code, with a whole end, and with what it offers in
/// capitals.
fn readable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    let is_bare = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let blank = if is_bare { " " } else { "" };
    let offered = offered(text);
    let text = offered.as_deref().unwrap_or(text);
    format!("{text}{blank}\r\n")
}

/// The line of an offer as the library wants it written; `None` if it is none. Old relays write `AUTH=`.
fn offered(text: &str) -> Option<String> {
    let words = text.get(4..).filter(|_| text.starts_with("250"))?;
    let first = words.split([' ', '=']).next()?;
    let is_offer = OFFERS.iter().any(|offer| offer.eq_ignore_ascii_case(first));
    is_offer.then(|| text.to_ascii_uppercase().replace("AUTH=", "AUTH "))
}

/// A command as it is written to a relay that is greeted so.
fn greeted(greeting: Greeting, command: &[u8]) -> Cow<'_, [u8]> {
    match (greeting, command.strip_prefix(b"EHLO ")) {
        (Greeting::Helo, Some(name)) => Cow::Owned([b"HELO ", name].concat()),
        _ => Cow::Borrowed(command),
    }
}

impl AsyncRead for Replies {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.given == self.ready.len() {
            let unread = self.unread.len();
            ready!(self.poll_more(context))?;
            // Nothing more comes.
            if self.ready.is_empty() && self.unread.len() == unread {
                return Poll::Ready(Ok(()));
            }
        }
        let given = self.given;
        let n_bytes = buffer.remaining().min(self.ready.len() - given);
        buffer.put_slice(&self.ready[given..given + n_bytes]);
        self.given += n_bytes;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replies {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.introduced.note(bytes);
        // Both are of one length.
        let bytes = greeted(self.greeting, bytes);
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(&mut *stream.lock()).poll_write(context, &bytes),
            Inner::Tls(stream) => Pin::new(stream).poll_write(context, &bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(&mut *stream.lock()).poll_flush(context),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(&mut *stream.lock()).poll_shutdown(context),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl AsyncTokioStream for Replies {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            Inner::Plain(stream) => stream.lock().peer_addr(),
            Inner::Tls(stream) => stream.get_ref().0.peer_addr(),
        }
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Replies").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelining_is_offered_where_a_line_says_so() {
        for (line, is_offered) in [
            ("250-PIPELINING\r\n", true),
            ("250 pipelining\r\n", true),
            ("250-SIZE 100\r\n", false),
            ("250 no PIPELINING\r\n", false),
            ("550-PIPELINING\r\n", false),
            ("250", false),
        ] {
            let pipelining = Pipelining::default();
            pipelining.note(line);
            assert_eq!(pipelining.is_offered(), is_offered, "{line}");
        }
    }

    #[test]
    fn a_line_of_any_relay_is_made_readable() {
        for (line, expected) in [
            (&b"250 ok\r\n"[..], "250 ok\r\n"),
            (b"250-first\r\n", "250-first\r\n"),
            (b"250 ok\n", "250 ok\r\n"),
            (b"250\r\n", "250 \r\n"),
            (b"250\n", "250 \r\n"),
            (b"250 f\xfcr\r\n", "250 f\u{fffd}r\r\n"),
            ("250 für\r\n".as_bytes(), "250 für\r\n"),
            (b"\r\n", "\r\n"),
            (b"250-auth plain Login\r\n", "250-AUTH PLAIN LOGIN\r\n"),
            (b"250-AUTH=LOGIN\r\n", "250-AUTH LOGIN\r\n"),
            (b"250 StartTLS\r\n", "250 STARTTLS\r\n"),
            (b"250 authors\r\n", "250 authors\r\n"),
            (b"550 auth x\r\n", "550 auth x\r\n"),
        ] {
            assert_eq!(readable(line), expected);
        }
    }
}
