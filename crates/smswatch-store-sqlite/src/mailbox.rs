//! What a thread of the store is sent, and how it is asked to end.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};

use smswatch_plugin::store::StoreError;
use tokio::sync::oneshot;

/// What a thread is sent.
pub(crate) enum Message<J> {
    Job(J),
    /// It ends behind what was sent before, and says when it has.
    End(oneshot::Sender<()>),
}

/// Hands jobs to a thread, which ends when the last handle is dropped.
pub(crate) struct Mailbox<J> {
    messages: Sender<Message<J>>,
}

impl<J> fmt::Debug for Mailbox<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl<J> Clone for Mailbox<J> {
    fn clone(&self) -> Self {
        let messages = self.messages.clone();
        Self { messages }
    }
}

impl<J> Mailbox<J> {
    /// A mailbox, and where its thread finds what is sent.
    pub(crate) fn new() -> (Self, Receiver<Message<J>>) {
        let (messages, waiting) = channel();
        (Self { messages }, waiting)
    }

    /// Has a job done whose answer arrives at `answered`.
    pub(crate) async fn ask<T>(
        &self,
        job: J,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.messages.send(Message::Job(job)).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// Ends the thread behind what it was sent before, and waits until it has closed the file.
    pub(crate) async fn end(&self) {
        let (told, ended) = oneshot::channel();
        if self.messages.send(Message::End(told)).is_ok() {
            // If it broke off, it has ended as well.
            let _told = ended.await;
        }
    }
}

/// The thread has ended and does not answer.
fn ended() -> StoreError {
    StoreError::Unavailable("the SQLite thread has ended".to_owned())
}
