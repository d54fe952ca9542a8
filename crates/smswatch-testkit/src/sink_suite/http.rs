//! Promises of sinks that speak HTTP.

use std::time::Duration;

use smswatch_plugin::sink::Retry;

use super::{HttpFixture, LONGEST_DETAIL, Mood, delivered, failed};
use crate::receiver::{Answer, Receiver};
use crate::sample;

/// `Retry-After` is honored, with 429 and with 503.
///
/// # Panics
///
/// The promise is broken.
pub async fn waits_for_as_long_as_the_receiver_asks<F: HttpFixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    for status in [429, 503] {
        let busy = Answer::status(status).header("retry-after", "7");
        fixture.receiver().answer_always(busy);
        let error = failed(&*sink, &sample::notification()).await;
        let expected = Retry::After(Duration::from_secs(7));
        assert_eq!(error.retry(), expected, "{status}: {}", error.detail());
    }
}

/// A redirect is not followed: what stands in an alert goes where the operator said, and nowhere else.
///
/// # Panics
///
/// The promise is broken.
pub async fn follows_no_redirect<F: HttpFixture>() {
    let (fixture, elsewhere) = (F::start().await, Receiver::start().await);
    let sink = fixture.sink();
    for status in [301, 302, 303, 307, 308] {
        let moved = Answer::status(status).header("location", &elsewhere.url("/"));
        fixture.receiver().answer_always(moved);
        let error = failed(&*sink, &sample::notification()).await;
        assert_eq!(error.retry(), Retry::Later, "{status}: {}", error.detail());
    }
    let followed = elsewhere.requests().len();
    assert_eq!(followed, 0, "redirects are followed");
}

/// Wrong credentials, a wrong address and a gateway in trouble can be mended, and are worth another try.
///
/// # Panics
///
/// The promise is broken.
pub async fn reports_what_an_operator_can_mend_as_temporary<F: HttpFixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    for status in [401, 403, 404, 407, 408, 500, 502, 503, 504] {
        fixture.receiver().answer_always(Answer::status(status));
        let error = failed(&*sink, &sample::notification()).await;
        assert_eq!(error.retry(), Retry::Later, "{status}: {}", error.detail());
    }
}

/// An attempt ends although the receiver promises words that never come, or never stops to speak, and the next one
/// succeeds.
///
/// # Panics
///
/// The promise is broken.
pub async fn ends_though_the_answer_never_does<F: HttpFixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    for endless in [
        Answer::status(500).stalled_body(),
        Answer::status(500).endless_body(),
        Answer::hang_up(),
    ] {
        fixture.receiver().answer_always(endless);
        let error = failed(&*sink, &sample::notification()).await;
        assert_eq!(error.retry(), Retry::Later, "{}", error.detail());
        let length = error.detail().chars().count();
        assert!(length <= LONGEST_DETAIL, "{}", error.detail());
    }
    fixture.turn(Mood::Accepts).await;
    delivered(&*sink, &sample::numbered(1)).await;
}
