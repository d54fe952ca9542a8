//! The thread that reads lists and counters, so that no write waits for a page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::{Connection, TransactionBehavior};
use smswatch_plugin::store::StoreError;
use tokio::sync::oneshot;

use crate::error::store_error;
use crate::mailbox::{Mailbox, Message};
use crate::worker::panicked;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Hands questions to the thread.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    mailbox: Mailbox<Job>,
}

impl Reader {
    /// Starts the thread; it ends when the last handle is dropped.
    pub(crate) fn start(mut connection: Connection) -> std::io::Result<Self> {
        let (mailbox, waiting) = Mailbox::<Job>::new();
        std::thread::Builder::new()
            .name("sqlite-reader".to_owned())
            .spawn(move || {
                while let Ok(message) = waiting.recv() {
                    match message {
                        Message::Job(job) => job(&mut connection),
                        Message::End(told) => {
                            drop(connection);
                            let _unless_nobody_waits = told.send(());
                            return;
                        }
                    }
                }
            })?;
        Ok(Self { mailbox })
    }

    /// Ends the thread behind what it was sent before, and waits until it has closed the file.
    pub(crate) async fn end(&self) {
        self.mailbox.end().await;
    }

    /// Reads the file as it is at one moment, with everything in it that was written before the call.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // The thread must outlive the question: it is everybody's.
            let found = catch_unwind(AssertUnwindSafe(|| read(connection, question)));
            let found = found.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
            // The caller may have gone.
            let _sent = answer.send(found);
        });
        self.mailbox.ask(job, answered).await
    }
}

fn read<T>(
    connection: &mut Connection,
    question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    let failed = |error| store_error(&error);
    // All statements of a question see the same moment.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Deferred)
        .map_err(failed)?;
    question(&transaction).map_err(failed)
}
