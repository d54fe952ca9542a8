//! Promises about what arrives: once, whole, and recognizable.

use std::sync::Arc;

use super::{Fixture, delivered, shows};
use crate::sample;

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

/// A notification far beyond what a person reads arrives. Events that have no room are counted.
///
/// # Panics
///
/// The promise is broken.
pub async fn delivers_a_thousand_events<F: Fixture>() {
    let fixture = F::start().await;
    let mut notification = sample::notification_of(1000);
    // The title would count them.
    notification.title = "Carrier Violation".to_owned();
    delivered(&*fixture.sink(), &notification).await;
    let arrived = &fixture.arrived(1).await[0];
    shows(arrived, notification.delivery_id.as_str());
    shows(arrived, "message-0001");
    let is_shown = |n: &usize| arrived.contains(&format!("message-{n:04}"));
    let left_out = 1000 - (1..=1000).filter(is_shown).count();
    let mut numbers = arrived.split(|character: char| !character.is_ascii_digit());
    assert!(
        left_out == 0 || numbers.any(|number| number == left_out.to_string()),
        "{left_out} events are left out without being counted: {arrived}"
    );
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

/// Text that breaks lines, headers and markup, or never ends, is delivered, once.
///
/// # Panics
///
/// The promise is broken.
pub async fn delivers_hostile_text<F: Fixture>() {
    let fixture = F::start().await;
    let notification = sample::hostile();
    delivered(&*fixture.sink(), &notification).await;
    let arrived = fixture.arrived(1).await;
    assert_eq!(arrived.len(), 1, "one delivery arrives once");
    shows(&arrived[0], notification.delivery_id.as_str());
}
