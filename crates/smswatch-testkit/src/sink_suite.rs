//! What every sink must hold to, as tests that a sink crate runs against itself.
//!
//! A sink that speaks HTTP says what an operator would write for it, by implementing [`HttpSink`], and gets
//! one test per promise from [`http_sink_suite!`](crate::http_sink_suite!). Any other sink brings its
//! receiver along, by implementing [`Fixture`], and gets them from [`sink_suite!`](crate::sink_suite!).
//!
//! ```
//! # use smswatch_plugin::sink::*;
//! use smswatch_testkit::sink_suite::{HttpSink, OverHttp};
//! # #[derive(Debug)]
//! # struct PagerSink;
//! # #[smswatch_plugin::async_trait]
//! # impl Sink for PagerSink {
//! #     async fn deliver(
//! #         &self, _: &smswatch_plugin::model::Notification,
//! #     ) -> Result<Receipt, DeliveryError> { Ok(Receipt::default()) }
//! # }
//! # impl ConfiguredSink for PagerSink {
//! #     type Config = serde_json::Value;
//! #     type Overrides = NoOverrides;
//! #     fn configure(_: serde_json::Value, _: &SinkContext) -> Result<Self, InvalidConfig> { Ok(Self) }
//! # }
//!
//! struct Pager;
//!
//! impl HttpSink for Pager {
//!     type Sink = PagerSink;
//!
//!     fn config(url: &str) -> serde_json::Value {
//!         serde_json::json!({"url": url, "token": "tk_7f3Q9xLm2Vb8", "allow_private": true})
//!     }
//!
//!     fn secrets() -> Vec<String> {
//!         vec!["tk_7f3Q9xLm2Vb8".to_owned()]
//!     }
//! }
//!
//! smswatch_testkit::http_sink_suite!(OverHttp<Pager>);
//! ```

mod arrival;
mod http;
mod outcomes;
mod over_http;
mod secrets;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::Notification;
use smswatch_plugin::sink::{DeliveryError, Receipt, Sink};

use crate::receiver::Receiver;

pub use self::arrival::{
    delivers_a_notification_once_and_shows_its_delivery_id, delivers_a_thousand_events,
    delivers_hostile_text, delivers_odd_characters_intact, delivers_several_at_once,
    delivers_what_is_about_no_message, shows_the_same_delivery_id_when_it_repeats,
};
pub use self::http::{
    ends_though_the_answer_never_does, follows_no_redirect,
    reports_what_an_operator_can_mend_as_temporary, waits_for_as_long_as_the_receiver_asks,
};
pub use self::outcomes::{
    keeps_little_of_an_answer_without_bounds, never_keeps_its_thread_while_it_waits,
    reports_a_closed_door_as_temporary,
    reports_a_failure_as_temporary_and_delivers_when_it_has_passed, reports_a_refusal_as_permanent,
    survives_an_attempt_that_is_dropped,
};
pub use self::over_http::{HttpSink, OverHttp};
pub use self::secrets::{careless, shows_no_secret, tries_its_receiver_without_telling_anybody};

/// How long one attempt may take before a promise counts as broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest detail that a receipt or an error may have, in characters.
const LONGEST_DETAIL: usize = 301;

/// How the receiver takes what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything.
    Accepts,
    /// It fails, in a way that may pass.
    Fails,
    /// It will never take this notification.
    Refuses,
    /// It listens, and says nothing.
    Hangs,
    /// Its answer is large beyond reason.
    Rambles,
}

/// A sink of the kind under test, together with a real receiver for it.
#[async_trait]
pub trait Fixture: Sized + Send + Sync {
    /// Starts a receiver that [accepts](Mood::Accepts).
    async fn start() -> Self;

    /// A sink that delivers to the receiver, with every credential that it can have.
    fn sink(&self) -> Arc<dyn Sink>;

    /// The same sink, but pointed at `127.0.0.1:port`, where every connection is refused.
    fn unreachable_sink(&self, port: u16) -> Arc<dyn Sink>;

    /// Tells the receiver how to take what comes next. Unless it hangs, it repeats the credentials in its answers,
    /// as [`careless`] does, as far as its protocol lets it: otherwise nothing is tried by [`shows_no_secret`].
    async fn turn(&self, mood: Mood);

    /// Waits until the receiver has been spoken to while it [hangs](Mood::Hangs). The suite has delivered one
    /// notification before.
    async fn spoken_to(&self) {
        self.arrived(2).await;
    }

    /// Waits until `n` notifications have arrived, and tells of each that has, in order, all that a
    /// person or a program can read there: ids, title, text and the shown events' messages. The texts are decoded,
    /// as the receiver's program has them after parsing: `"` and not `\"` or `&quot;`
    /// ([`Request::strings`](crate::receiver::Request::strings) does that for JSON). Notifications that the receiver
    /// did not accept may be among them; what a [probe](Sink::probe) asks is not.
    async fn arrived(&self, n: usize) -> Vec<String>;

    /// Every credential that the sink has, each of 12 or more characters without words in them: parts of them are
    /// looked for in errors.
    fn secrets(&self) -> Vec<String>;
}

/// A [`Fixture`] whose receiver speaks HTTP.
pub trait HttpFixture: Fixture {
    /// The receiver: the suite has it answer as only HTTP does.
    fn receiver(&self) -> &Receiver;
}

/// Makes one test of each promise for a [`Fixture`](crate::sink_suite::Fixture).
#[macro_export]
macro_rules! sink_suite {
    ($fixture:ty) => {
        $crate::sink_suite!(
            $fixture:
            delivers_a_notification_once_and_shows_its_delivery_id,
            delivers_several_at_once,
            shows_the_same_delivery_id_when_it_repeats,
            reports_a_closed_door_as_temporary,
            reports_a_failure_as_temporary_and_delivers_when_it_has_passed,
            reports_a_refusal_as_permanent,
            survives_an_attempt_that_is_dropped,
            never_keeps_its_thread_while_it_waits,
            tries_its_receiver_without_telling_anybody,
            keeps_little_of_an_answer_without_bounds,
            shows_no_secret,
            delivers_a_thousand_events,
            delivers_odd_characters_intact,
            delivers_hostile_text,
            delivers_what_is_about_no_message,
        );
    };
    ($fixture:ty: $($promise:ident),+ $(,)?) => {
        $(
            #[test]
            fn $promise() {
                $crate::sink_suite::run($crate::sink_suite::$promise::<$fixture>());
            }
        )+
    };
}

/// Makes one test of each promise for an [`HttpFixture`](crate::sink_suite::HttpFixture): those of
/// [`sink_suite!`](crate::sink_suite!), and those that only HTTP has.
#[macro_export]
macro_rules! http_sink_suite {
    ($fixture:ty) => {
        $crate::sink_suite!($fixture);
        $crate::sink_suite!(
            $fixture:
            waits_for_as_long_as_the_receiver_asks,
            follows_no_redirect,
            reports_what_an_operator_can_mend_as_temporary,
            ends_though_the_answer_never_does,
        );
    };
}

/// Runs one promise on a runtime of its own, with the TLS provider that the program would install.
///
/// # Panics
///
/// The promise is broken.
pub fn run(promise: impl Future<Output = ()>) {
    crate::install_tls_provider();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system has threads")
        .block_on(promise);
}

/// Makes one attempt that has to end.
async fn attempt(sink: &dyn Sink, notification: &Notification) -> Result<Receipt, DeliveryError> {
    in_time("an attempt", sink.deliver(notification)).await
}

async fn delivered(sink: &dyn Sink, notification: &Notification) {
    if let Err(error) = attempt(sink, notification).await {
        panic!("the receiver accepts, but: {}", error.detail());
    }
}

async fn failed(sink: &dyn Sink, notification: &Notification) -> DeliveryError {
    match attempt(sink, notification).await {
        Ok(receipt) => panic!("the receiver does not accept, but: {}", receipt.detail()),
        Err(error) => error,
    }
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} took longer than {PATIENCE:?}"))
}

/// All that an outcome can show.
fn words_of(outcome: &Result<Receipt, DeliveryError>) -> String {
    match outcome {
        Ok(receipt) => format!("{receipt:?} {}", receipt.detail()),
        Err(error) => format!("{error:?} {error} {}", error.detail()),
    }
}

fn shows(text: &str, expected: impl fmt::Display) {
    let expected = expected.to_string();
    assert!(text.contains(&expected), "`{expected}` is not in: {text}");
}
