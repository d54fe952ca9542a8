//! Calls a dead man's switch while all is well; when the calls stop, the switch raises an alarm.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Url;
use smswatch_core::Service;
use smswatch_outbound::{ClientOptions, HttpClient, Route, address};
use smswatch_plugin::{Proxy, Secret};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

/// Its name among the parts of the process.
const PART: &str = "heartbeat";

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
    http: HttpClient,
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
        let url = parse(&options.url).context("`heartbeat.url` is not an http or https URL")?;
        let client = ClientOptions {
            urls: &[&url],
            route: Route::new(&options.proxy),
            user_agent: concat!("smswatch/", env!("CARGO_PKG_VERSION")),
            follows_redirects: true,
            trusted: None,
        };
        let http = HttpClient::new(client, |client| client.timeout(TIMEOUT))
            .context("could not set up the heartbeat")?;
        let every = options.every;
        Ok(Self { http, url, every })
    }

    /// Calls now and then while every other part of the process is well, until `stop` says so. The
    /// first call comes only after a whole interval: a process that dies soon after each start is not
    /// well. What came of a call is noted as the health of the part `heartbeat`.
    pub(crate) async fn run(self, process: impl Watched, stop: CancellationToken) {
        let mut beat = interval_at(Instant::now() + self.every, self.every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let beating = async {
            loop {
                beat.tick().await;
                if process.is_well() {
                    process.note(self.call().await);
                } else {
                    tracing::debug!("no heartbeat: not all is well");
                }
            }
        };
        stop.run_until_cancelled(beating).await;
    }

    /// Makes one call; on failure says why, without the URL, whose path is a secret.
    async fn call(&self) -> Result<(), String> {
        let answer = self.http.client().get(self.url.clone()).send().await;
        let server = address(&self.url);
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("{server} answered {}", answer.status().as_u16())),
            Err(error) => Err(self.http.explain(&error, &self.url)),
        }
    }
}

/// The process that the heartbeat speaks for.
pub(crate) trait Watched: Send {
    /// Whether it is alive, and every part of it but the heartbeat itself is well.
    fn is_well(&self) -> bool;

    /// Notes what came of a call: on failure, why.
    fn note(&self, called: Result<(), String>);
}

impl Watched for Service {
    fn is_well(&self) -> bool {
        // A process that hangs knows of no trouble.
        Service::is_well_apart_from(self, PART)
    }

    fn note(&self, called: Result<(), String>) {
        match called {
            Ok(()) => self.part_is_well(PART),
            Err(why) => self.part_is_in_trouble(PART, &format!("it is not heard: {why}")),
        }
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
            proxy: Proxy::None,
        };
        Heartbeat::new(&options).expect("a client")
    }

    #[tokio::test]
    async fn what_went_wrong_is_told_without_the_url() {
        let receiver = Receiver::start().await;
        receiver.answer_always(Answer::status(500));
        let port = RefusedPort::take();
        let closed = format!("http://{}/ping/hunter2", port.address());
        for (url, expected) in [
            (
                receiver.url("/ping/hunter2"),
                format!("{} answered 500", receiver.address()),
            ),
            (closed, format!("{} refuses connections", port.address())),
        ] {
            let why = heartbeat(&url).call().await;
            assert_eq!(why.expect_err("it is not heard"), expected);
        }
        assert_eq!(receiver.wait_for(1).await[0].method, "GET");
    }

    /// A process that is never well, and tells when it is asked.
    struct Unwell(Instant, tokio::sync::mpsc::UnboundedSender<Duration>);

    impl Watched for Unwell {
        fn is_well(&self) -> bool {
            self.1.send(self.0.elapsed()).is_err()
        }

        fn note(&self, called: Result<(), String>) {
            panic!("there was no call: {called:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_beat_comes_after_a_whole_interval() {
        let (asked, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let process = Unwell(Instant::now(), asked);
        let stop = CancellationToken::new();
        let beating = heartbeat("http://127.0.0.1:1/ping").run(process, stop.clone());
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
