//! The receiver of the demo's webhook: it takes whatever comes, until it dies.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// What it answers, whatever it is told.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How long it listens to one sender.
const PATIENCE: Duration = Duration::from_secs(5);

/// A receiver that is alive.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    life: CancellationToken,
}

impl Receiver {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let life = CancellationToken::new();
        let end = life.clone();
        tokio::spawn(async move {
            let taking = async {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(tokio::time::timeout(PATIENCE, take(stream)));
                }
            };
            // The port closes with the listener.
            end.run_until_cancelled(taking).await;
        });
        Ok(Self { address, life })
    }

    /// Nothing listens there any more.
    pub(super) fn die(&self) {
        self.life.cancel();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.die();
    }
}

/// Takes one request to its last byte, and answers it.
async fn take(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(ANSWER).await?;
    stream.shutdown().await
}

/// Whether a request has come as a whole: its head, and as many bytes as that announces.
fn is_whole(request: &[u8]) -> bool {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    request.len() >= end + 4 + length.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_when_its_body_is() {
        for (request, expected) in [
            ("POST / HTTP/1.1\r\n", false),
            ("POST / HTTP/1.1\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", true),
        ] {
            assert_eq!(is_whole(request.as_bytes()), expected, "{request}");
        }
    }

    #[tokio::test]
    async fn it_answers_until_it_dies() {
        let receiver = Receiver::start().await.expect("a port");
        let mut stream = TcpStream::connect(receiver.address).await.expect("alive");
        let sent = stream.write_all(b"POST / HTTP/1.1\r\n\r\n").await;
        sent.expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        assert_eq!(answer, ANSWER);
        receiver.die();
        // The port closes when the task that listens was notified of it.
        while TcpStream::connect(receiver.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
