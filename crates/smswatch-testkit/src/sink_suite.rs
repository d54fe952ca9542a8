//! What every sink must hold to, as tests that a sink crate runs against itself.
//!
//! A sink crate says how its sink meets a real receiver, by implementing [`Fixture`], and gets one
//! test per promise from [`sink_suite!`](crate::sink_suite!).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::Notification;
use smswatch_plugin::sink::{DeliveryError, Receipt, Retry, Sink};
use tokio::sync::oneshot;

use crate::sample;

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
    /// Starts a receiver that accepts.
    async fn start() -> Self;

    /// A sink that delivers to the receiver, with every credential that it can have.
    fn sink(&self) -> Arc<dyn Sink>;

    /// The same sink, but pointed at `127.0.0.1:port`, where every connection is refused.
    fn unreachable_sink(&self, port: u16) -> Arc<dyn Sink>;

    /// Tells the receiver how to take what comes next.
    async fn turn(&self, mood: Mood);

    /// Waits until the receiver has been spoken to while it [hangs](Mood::Hangs).
    async fn spoken_to(&self);

    /// Waits until `n` notifications have arrived, and tells of each that has, in order, all that a
    /// person or a program can read there: ids, title, text and the shown events' messages. Those
    /// that the receiver did not accept may be among them; what a [probe](Sink::probe) asks is not.
    async fn arrived(&self, n: usize) -> Vec<String>;

    /// Every credential that the sink has.
    fn secrets(&self) -> Vec<String>;
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

/// One notification arrives once, with the delivery's id where the receiver can see it.
///
/// # Panics
///
/// The promise is broken.
pub async fn delivers_a_notification_once_and_shows_its_delivery_id<F: Fixture>() {
    let fixture = F::start().await;
    let notification = sample::notification();
    delivered(&*fixture.sink(), &notification).await;
    let arrived = fixture.arrived(1).await;
    assert_eq!(arrived.len(), 1, "one delivery arrives once");
    shows(&arrived[0], notification.delivery_id.as_str());
    shows(&arrived[0], &notification.title);
    shows(&arrived[0], &notification.text);
    shows(&arrived[0], "message-0001");
}

/// Calls that run at once all arrive, each once.
///
/// # Panics
///
/// The promise is broken.
pub async fn delivers_several_at_once<F: Fixture>() {
    const AT_ONCE: usize = 12;
    let fixture = F::start().await;
    let sink = fixture.sink();
    let deliveries: Vec<_> = (0..AT_ONCE)
        .map(|n| {
            let sink = Arc::clone(&sink);
            tokio::spawn(async move { delivered(&*sink, &sample::numbered(n)).await })
        })
        .collect();
    for delivery in deliveries {
        delivery.await.expect("each call succeeds");
    }
    let arrived = fixture.arrived(AT_ONCE).await;
    for n in 0..AT_ONCE {
        let id = sample::numbered(n).delivery_id;
        let times = arrived.iter().filter(|text| text.contains(id.as_str()));
        assert_eq!(times.count(), 1, "`{id}` arrives once");
    }
}

/// A repeated delivery can be recognized by its id.
///
/// # Panics
///
/// The promise is broken.
pub async fn shows_the_same_delivery_id_when_it_repeats<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    let notification = sample::notification();
    delivered(&*sink, &notification).await;
    delivered(&*sink, &notification).await;
    for text in fixture.arrived(2).await {
        shows(&text, notification.delivery_id.as_str());
    }
}

/// A receiver that is away is worth another try.
///
/// # Panics
///
/// The promise is broken.
pub async fn reports_a_closed_door_as_temporary<F: Fixture>() {
    let fixture = F::start().await;
    let door = crate::receiver::RefusedPort::take();
    let sink = fixture.unreachable_sink(door.address().port());
    let error = failed(&*sink, &sample::notification()).await;
    assert_eq!(error.retry(), Retry::Later, "{}", error.detail());
}

/// A failure that may pass is worth another try, and the sink is none the worse for it.
///
/// # Panics
///
/// The promise is broken.
pub async fn reports_a_failure_as_temporary_and_delivers_when_it_has_passed<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    fixture.turn(Mood::Fails).await;
    let error = failed(&*sink, &sample::notification()).await;
    assert_ne!(error.retry(), Retry::Never, "{}", error.detail());
    fixture.turn(Mood::Accepts).await;
    let notification = sample::numbered(1);
    delivered(&*sink, &notification).await;
    shows(
        &fixture.arrived(1).await.concat(),
        notification.delivery_id.as_str(),
    );
}

/// What the receiver will never take is not worth another try.
///
/// # Panics
///
/// The promise is broken.
pub async fn reports_a_refusal_as_permanent<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    fixture.turn(Mood::Refuses).await;
    let error = failed(&*sink, &sample::notification()).await;
    assert_eq!(error.retry(), Retry::Never, "{}", error.detail());
    fixture.turn(Mood::Accepts).await;
    delivered(&*sink, &sample::numbered(1)).await;
}

/// An attempt may be dropped at any moment; the next one does not notice.
///
/// # Panics
///
/// The promise is broken.
pub async fn survives_an_attempt_that_is_dropped<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    delivered(&*sink, &sample::numbered(1)).await;
    fixture.turn(Mood::Hangs).await;
    let dropped = sample::numbered(2);
    tokio::select! {
        outcome = sink.deliver(&dropped) => panic!("a hanging receiver answered: {outcome:?}"),
        () = in_time("a word to the receiver", fixture.spoken_to()) => {}
    }
    fixture.turn(Mood::Accepts).await;
    for n in 3..6 {
        delivered(&*sink, &sample::numbered(n)).await;
    }
    let arrived = fixture.arrived(4).await;
    for n in 3..6 {
        let id = sample::numbered(n).delivery_id;
        let times = arrived.iter().filter(|text| text.contains(id.as_str()));
        assert_eq!(times.count(), 1, "`{id}` arrives once");
    }
}

/// While an attempt waits for its receiver, the thread that it began on does something else: all attempts
/// of a sink share one.
///
/// # Panics
///
/// The promise is broken.
pub async fn never_keeps_its_thread_while_it_waits<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    let (begun, has_begun) = oneshot::channel();
    let (hang, hangs) = oneshot::channel();
    let (give_up, given_up) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let attempts = async move {
        delivered(&*sink, &sample::numbered(1)).await;
        begun.send(()).expect("the suite waits");
        hangs.await.expect("the suite goes on");
        let waiting = sample::numbered(2);
        tokio::select! {
            outcome = sink.deliver(&waiting) => panic!("a hanging receiver answered: {outcome:?}"),
            // Only a thread that is free notices.
            _ = given_up => {}
        }
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("the system has threads").block_on(attempts);
        end.send(()).expect("the suite waits");
    });
    has_begun.await.expect("the receiver accepts");
    fixture.turn(Mood::Hangs).await;
    hang.send(()).expect("the thread waits");
    in_time("a word to the receiver", fixture.spoken_to()).await;
    give_up.send(()).expect("the thread waits");
    let ended = in_time("a sink that keeps its thread: it", ended).await;
    ended.expect("the thread ends in order");
}

/// Trying whether the receiver is there sends nothing that a person would see, and shows no credential.
///
/// # Panics
///
/// The promise is broken.
pub async fn tries_its_receiver_without_telling_anybody<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    let probed = in_time("a probe", sink.probe()).await;
    let mut shown = vec![format!("{:?}", probed.expect("the receiver is there"))];
    delivered(&*sink, &sample::notification()).await;
    let arrived = fixture.arrived(1).await;
    assert_eq!(
        arrived.len(),
        1,
        "only what is delivered arrives: {arrived:?}"
    );
    let door = crate::receiver::RefusedPort::take();
    let away = fixture.unreachable_sink(door.address().port());
    // A sink that tries nothing finds nothing wrong.
    if let Err(error) = in_time("a probe", away.probe()).await {
        assert_ne!(error.retry(), Retry::Never, "{}", error.detail());
        shown.push(error.detail());
    }
    for text in shown {
        for secret in fixture.secrets() {
            assert!(!text.contains(&secret), "a secret is shown in: {text}");
        }
    }
}

/// An answer of any size ends the attempt, and little of it is kept.
///
/// # Panics
///
/// The promise is broken.
pub async fn keeps_little_of_an_answer_without_bounds<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    fixture.turn(Mood::Rambles).await;
    let detail = match attempt(&*sink, &sample::notification()).await {
        Ok(receipt) => receipt.detail().to_owned(),
        Err(error) => error.detail(),
    };
    assert!(detail.chars().count() <= LONGEST_DETAIL, "{detail}");
    fixture.turn(Mood::Accepts).await;
    delivered(&*sink, &sample::numbered(1)).await;
}

/// Neither the sink nor its errors nor its receipts show a credential.
///
/// # Panics
///
/// The promise is broken.
pub async fn shows_no_secret<F: Fixture>() {
    let fixture = F::start().await;
    let secrets = fixture.secrets();
    assert!(
        secrets.iter().all(|secret| secret.len() >= 5),
        "short secrets cannot be told from other text"
    );
    let sink = fixture.sink();
    let mut shown = vec![format!("{sink:?}")];
    for mood in [Mood::Accepts, Mood::Fails, Mood::Refuses, Mood::Rambles] {
        fixture.turn(mood).await;
        shown.push(words_of(&attempt(&*sink, &sample::notification()).await));
    }
    let door = crate::receiver::RefusedPort::take();
    let sink = fixture.unreachable_sink(door.address().port());
    shown.push(format!("{sink:?}"));
    shown.push(words_of(&attempt(&*sink, &sample::notification()).await));
    for text in shown {
        for secret in &secrets {
            assert!(!text.contains(secret), "a secret is shown in: {text}");
        }
    }
}

/// A notification far beyond what a person reads arrives, shortened if need be.
///
/// # Panics
///
/// The promise is broken.
pub async fn delivers_a_thousand_events<F: Fixture>() {
    let fixture = F::start().await;
    let notification = sample::notification_of(1000);
    delivered(&*fixture.sink(), &notification).await;
    let arrived = fixture.arrived(1).await;
    shows(&arrived[0], notification.delivery_id.as_str());
    shows(&arrived[0], "message-0001");
}

/// Letters, signs and markup arrive as they are, and nothing obeys them.
///
/// # Panics
///
/// The promise is broken.
pub async fn delivers_odd_characters_intact<F: Fixture>() {
    let fixture = F::start().await;
    delivered(&*fixture.sink(), &sample::odd()).await;
    shows(&fixture.arrived(1).await[0], sample::ODD_TEXT);
}

/// An event about smswatch itself is delivered like one about a message.
///
/// # Panics
///
/// The promise is broken.
pub async fn delivers_what_is_about_no_message<F: Fixture>() {
    let fixture = F::start().await;
    let notification = sample::sink_down();
    delivered(&*fixture.sink(), &notification).await;
    shows(&fixture.arrived(1).await[0], &notification.title);
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
