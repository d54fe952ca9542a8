//! A mail relay on loopback that is faster than what is measured: it reads mails, keeps none, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A relay on a free port.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) port: u16,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    mails: AtomicU64,
}

impl Relay {
    /// Starts one on this runtime.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("no port of loopback is free")?;
        let port = listener.local_addr()?.port();
        let counts = Arc::new(Counts::default());
        let counting = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counting.connections.fetch_add(1, Ordering::Relaxed);
                let counting = Arc::clone(&counting);
                tokio::spawn(async move {
                    // The client has hung up and expects no reply.
                    let _ended = converse(stream, &counting).await;
                });
            }
        });
        Ok(Self { port, counts })
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many mails were taken.
    pub(super) fn mails(&self) -> u64 {
        self.counts.mails.load(Ordering::Relaxed)
    }
}

async fn converse(stream: TcpStream, counts: &Counts) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::with_capacity(32 * 1024, input);
    let mut replies = b"220 relay.test\r\n".to_vec();
    let mut line = Vec::new();
    let mut is_mail = false;
    loop {
        // Answers to commands that came together leave together (RFC 2920, section 3.2).
        if input.buffer().is_empty() && !replies.is_empty() {
            output.write_all(&replies).await?;
            replies.clear();
        }
        line.clear();
        if input.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.get(..4) {
            _ if is_mail && line != b".\r\n" => continue,
            _ if is_mail => {
                is_mail = false;
                counts.mails.fetch_add(1, Ordering::Relaxed);
                b"250 2.0.0 taken\r\n"
            }
            Some(b"EHLO") => {
                b"250-relay.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
            }
            Some(b"DATA") => {
                is_mail = true;
                b"354 go on\r\n"
            }
            Some(b"QUIT") => return output.write_all(b"221 bye\r\n").await,
            _ => b"250 ok\r\n",
        };
        replies.extend_from_slice(reply);
    }
}
