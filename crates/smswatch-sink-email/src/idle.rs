//! Conversations that a mail has left in good order, kept for the next mail: a new one costs several round trips,
//! often encryption and a login.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::time::Instant;

/// How long a conversation waits for the next mail. Relays wait for minutes, but what stands between may forget a
/// silent connection sooner.
const IDLE: Duration = Duration::from_secs(10);

/// How long a conversation is used at most, so that another address of the relay, and a new certificate, are noticed.
const LIFETIME: Duration = Duration::from_secs(60);

/// How long the relay has to say goodbye; the mails are its own by then.
pub(crate) const GOODBYE: Duration = Duration::from_secs(1);

/// A conversation that can carry a mail.
pub(crate) struct Conversation {
    pub(crate) connection: AsyncSmtpConnection,
    /// Whether the relay takes several commands at once.
    pub(crate) pipelines: bool,
    begun: Instant,
    /// When the latest mail was taken.
    used: Instant,
}

impl Conversation {
    /// One that has just begun.
    pub(crate) fn new(connection: AsyncSmtpConnection, pipelines: bool) -> Self {
        let now = Instant::now();
        Self {
            connection,
            pipelines,
            begun: now,
            used: now,
        }
    }

    /// Until when it may be used.
    fn until(&self) -> Instant {
        (self.begun + LIFETIME).min(self.used + IDLE)
    }

    /// Ends it in order.
    pub(crate) async fn say_goodbye(mut self) {
        // Whatever comes of it changes nothing.
        let _goodbye = tokio::time::timeout(GOODBYE, self.connection.abort()).await;
    }
}

/// The conversations that wait for a mail.
#[derive(Default)]
pub(crate) struct Idle(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    conversations: Vec<Conversation>,
    /// Whether a task ends those that have waited for too long.
    is_tended: bool,
}

impl Idle {
    /// One that is still good, if there is any: the one that was used last.
    pub(crate) fn take(&self) -> Option<Conversation> {
        let now = Instant::now();
        let conversations = &mut lock(&self.0).conversations;
        let place = conversations
            .iter()
            .rposition(|conversation| now < conversation.until())?;
        Some(conversations.remove(place))
    }

    /// Keeps one that has just carried a mail.
    pub(crate) fn keep(&self, mut conversation: Conversation) {
        conversation.used = Instant::now();
        let mut waiting = lock(&self.0);
        waiting.conversations.push(conversation);
        if !std::mem::replace(&mut waiting.is_tended, true) {
            tokio::spawn(tend(Tending(Arc::downgrade(&self.0))));
        }
    }
}

/// Ends conversations that have waited for too long, until none is left.
async fn tend(tending: Tending) {
    while let Some(next) = tending.next() {
        tokio::time::sleep_until(next).await;
        for conversation in tending.take_old() {
            conversation.say_goodbye().await;
        }
    }
}

/// The task that ends old conversations. When its runtime ends, the next mail starts another one.
struct Tending(Weak<Mutex<Waiting>>);

impl Tending {
    /// When the next conversation will have waited for too long. `None` if none waits: the duty is over.
    fn next(&self) -> Option<Instant> {
        let waiting = self.0.upgrade()?;
        let mut waiting = lock(&waiting);
        let next = waiting.conversations.iter().map(Conversation::until).min();
        waiting.is_tended = next.is_some();
        next
    }

    fn take_old(&self) -> Vec<Conversation> {
        let Some(waiting) = self.0.upgrade() else {
            return Vec::new();
        };
        let now = Instant::now();
        let conversations = &mut lock(&waiting).conversations;
        conversations
            .extract_if(.., |conversation| conversation.until() <= now)
            .collect()
    }
}

impl Drop for Tending {
    fn drop(&mut self) {
        if let Some(waiting) = self.0.upgrade() {
            lock(&waiting).is_tended = false;
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
