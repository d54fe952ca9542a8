//! Promises about what an attempt comes to, and that it leaves nothing behind.

use smswatch_plugin::sink::Retry;
use tokio::sync::oneshot;

use super::{Fixture, LONGEST_DETAIL, Mood, attempt, delivered, failed, in_time, shows};
use crate::receiver::RefusedPort;
use crate::sample;

/// A receiver that is away is worth another try.
///
/// # Panics
///
/// The promise is broken.
pub async fn reports_a_closed_door_as_temporary<F: Fixture>() {
    let fixture = F::start().await;
    let door = RefusedPort::take();
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
