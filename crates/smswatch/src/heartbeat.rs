//! Tells a dead man's switch that all is well; when the calls stop, it tells somebody.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Url;
use smswatch_core::{Proxy, Secret};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whom to tell, and how often.
#[derive(Debug, Clone)]
pub(crate) struct HeartbeatOptions {
    /// What is asked for with GET; its path often is a secret.
    pub(crate) url: Secret,
    pub(crate) every: Duration,
    /// Through which proxy it is reached.
    pub(crate) proxy: Proxy,
}

/// The URL that an operator wrote, if it is one that can be asked for.
pub(crate) fn parse(url: &Secret) -> Option<Url> {
    let url: Url = url.reveal().parse().ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// The calls to a dead man's switch.
pub(crate) struct Heartbeat {
    client: reqwest::Client,
    url: Url,
    every: Duration,
}

impl Heartbeat {
    /// Prepares the calls.
    ///
    /// # Errors
    ///
    /// No client could be made.
    pub(crate) fn new(options: &HeartbeatOptions) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("smswatch/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT);
        let client = match &options.proxy {
            Proxy::Environment => client,
            Proxy::None => client.no_proxy(),
            Proxy::Url(url) => {
                let proxy = reqwest::Proxy::all(url.reveal()).map_err(reqwest::Error::without_url);
                client.proxy(proxy.context("`proxy` cannot be used")?)
            }
        };
        let client = client
            .build()
            .context("could not make the heartbeat's client")?;
        let url = parse(&options.url).context("`heartbeat.url` is no URL")?;
        let every = options.every;
        Ok(Self { client, url, every })
    }

    /// Calls now and then while every part of the process is well, until `stop` says so. The first
    /// call comes only after a whole interval: a process that dies soon after each start is not well.
    pub(crate) async fn run(self, is_well: impl Fn() -> bool, stop: CancellationToken) {
        let mut beat = interval_at(Instant::now() + self.every, self.every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_heard = true;
        loop {
            let called = tokio::select! {
                () = stop.cancelled() => return,
                called = async {
                    beat.tick().await;
                    if is_well() {
                        Some(self.call().await)
                    } else {
                        None
                    }
                } => called,
            };
            match called {
                Some(Ok(())) if !is_heard => {
                    is_heard = true;
                    tracing::info!("the heartbeat is heard again");
                }
                Some(Err(error)) if is_heard => {
                    is_heard = false;
                    tracing::warn!(%error, "the heartbeat is not heard");
                }
                Some(_) => {}
                None => tracing::debug!("no heartbeat: not all is well"),
            }
        }
    }

    async fn call(&self) -> Result<(), reqwest::Error> {
        let answer = self.client.get(self.url.clone()).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        // An error names the URL, whose path is a secret.
        answer.map(drop).map_err(reqwest::Error::without_url)
    }
}

#[cfg(test)]
mod tests {
    use smswatch_testkit::receiver::{Answer, Receiver, RefusedPort};

    use super::*;

    fn heartbeat(url: &str) -> Heartbeat {
        // Whichever test comes first installs it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let options = HeartbeatOptions {
            url: Secret::new(url),
            every: Duration::from_secs(60),
            proxy: Proxy::default(),
        };
        Heartbeat::new(&options).expect("a client")
    }

    #[tokio::test]
    async fn what_went_wrong_is_told_without_the_url() {
        let receiver = Receiver::start().await;
        receiver.answer_always(Answer::status(500));
        let port = RefusedPort::take();
        let closed = format!("http://{}/ping/hunter2", port.address());
        for url in [receiver.url("/ping/hunter2"), closed] {
            let error = heartbeat(&url).call().await.expect_err("it is not heard");
            let said = format!("{error} {error:?}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert_eq!(receiver.wait_for(1).await[0].method, "GET");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_beat_comes_after_a_whole_interval() {
        let started = Instant::now();
        let (asked, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let is_well = move || asked.send(started.elapsed()).is_err();
        let stop = CancellationToken::new();
        let beating = heartbeat("http://127.0.0.1:1/ping").run(is_well, stop.clone());
        let beating = tokio::spawn(beating);
        for n in 1..4 {
            assert_eq!(answers.recv().await, Some(Duration::from_secs(60 * n)));
        }
        stop.cancel();
        beating.await.expect("it ends");
    }

    #[test]
    fn only_what_can_be_asked_for_is_a_url() {
        let is_url = |text: &str| parse(&Secret::new(text)).is_some();
        assert!(is_url("https://hc.example.com/ping/x"));
        assert!(is_url("http://127.0.0.1:8000"));
        for text in ["hc.example.com", "ftp://hc.example.com", "http://", ""] {
            assert!(!is_url(text), "{text}");
        }
    }
}
