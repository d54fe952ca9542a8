//! A fixture for sinks that post to a URL: what they say of themselves is enough.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use smswatch_plugin::sink::{ConfiguredSink, Sink, SinkContext};

use super::{Fixture, HttpFixture, Mood, careless};
use crate::receiver::{Answer, Receiver, Request};

/// A kind of sink that posts notifications to a URL.
pub trait HttpSink: Send + Sync + 'static {
    /// The sink under test.
    type Sink: ConfiguredSink;

    /// What an operator would write beside `type` for a receiver at `url`, such as
    /// `http://127.0.0.1:34567`, with every credential that the sink can have. Loopback must be allowed.
    fn config(url: &str) -> Value;

    /// The credentials in [`config`](Self::config), each of 12 or more characters without words in them: parts of
    /// them are looked for in errors.
    fn secrets() -> Vec<String>;

    /// What the receiver answers to what it takes.
    #[must_use]
    fn taken() -> Answer {
        Answer::status(200)
    }

    /// What it answers to what it will never take.
    #[must_use]
    fn refused() -> Answer {
        Answer::status(422)
    }
}

/// A sink over HTTP with a receiver that repeats every secret in its answers.
#[derive(Debug)]
pub struct OverHttp<T> {
    receiver: Receiver,
    of: PhantomData<fn() -> T>,
}

impl<T: HttpSink> OverHttp<T> {
    /// A sink for a receiver at `url`.
    ///
    /// # Panics
    ///
    /// The sink does not take its configuration.
    #[must_use]
    pub fn sink_at(url: &str) -> Arc<dyn Sink> {
        let config = serde_json::from_value(T::config(url));
        let config = config.expect("the configuration reads well");
        let sink = T::Sink::configure(config, &SinkContext::new("tested"));
        Arc::new(sink.expect("the configuration makes sense"))
    }
}

#[async_trait]
impl<T: HttpSink> Fixture for OverHttp<T> {
    async fn start() -> Self {
        let fixture = Self {
            receiver: Receiver::start().await,
            of: PhantomData,
        };
        fixture.turn(Mood::Accepts).await;
        fixture
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Self::sink_at(&self.receiver.url(""))
    }

    fn unreachable_sink(&self, port: u16) -> Arc<dyn Sink> {
        Self::sink_at(&format!("http://127.0.0.1:{port}"))
    }

    async fn turn(&self, mood: Mood) {
        let said = careless(&T::secrets());
        self.receiver.answer_always(match mood {
            Mood::Accepts => T::taken().body_unless_set(said),
            Mood::Fails => Answer::status(500).body(said),
            Mood::Refuses => T::refused().body_unless_set(said),
            Mood::Hangs => Answer::hang(),
            Mood::Rambles => T::taken().endless_body(),
        });
    }

    async fn arrived(&self, n: usize) -> Vec<String> {
        let has_body = |request: &Request| !request.body.is_empty();
        let arrived = self.receiver.wait_for_some(n, has_body);
        arrived.await.iter().map(readable).collect()
    }

    fn secrets(&self) -> Vec<String> {
        T::secrets()
    }
}

impl<T: HttpSink> HttpFixture for OverHttp<T> {
    fn receiver(&self) -> &Receiver {
        &self.receiver
    }
}

/// What a receiver's program has of a request: its path, its headers, and the strings in its body.
fn readable(request: &Request) -> String {
    let values = request.headers.values();
    let headers = values.filter_map(|value| value.to_str().ok());
    let mut lines: Vec<String> = headers.map(str::to_owned).collect();
    lines.push(request.path.clone());
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(_) => lines.extend(request.strings()),
        Err(_) => lines.push(String::from_utf8_lossy(&request.body).into_owned()),
    }
    lines.join("\n")
}
