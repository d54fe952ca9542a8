//! The one thread that owns the connection: does what waits in one transaction, then answers.

use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use smswatch_core::store::StoreError;
use tokio::sync::oneshot;

use crate::error::store_error;

/// How many steps share a transaction at most.
const MOST_AT_ONCE: usize = 256;

/// Sends an answer, or the error that kept the transaction from being committed.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Takes the transaction, or why there is none.
type Job = Box<dyn FnOnce(Result<&mut Transaction<'_>, StoreError>) -> Answer + Send>;

/// Hands steps to the thread.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    /// Starts the thread; it ends when the last handle is dropped, and gives the lock back then.
    pub(crate) fn start(connection: Connection, lock: File) -> std::io::Result<Self> {
        let (jobs, waiting) = channel();
        std::thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || {
                work(connection, &waiting);
                drop(lock);
            })?;
        Ok(Self { jobs })
    }

    /// Does one step: all of it, durably, or nothing.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let done = transaction.and_then(|transaction| {
                within_savepoint(transaction, step).map_err(|error| store_error(&error))
            });
            Box::new(move |committed: Result<(), StoreError>| {
                // Whoever asked may have gone; the step stands all the same.
                let _sent = answer.send(done.and_then(|done| committed.map(|()| done)));
            })
        });
        let gone = || StoreError::Unavailable("the SQLite thread has ended".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn within_savepoint<T>(
    transaction: &mut Transaction<'_>,
    step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, rusqlite::Error> {
    let savepoint = transaction.savepoint()?;
    let done = step(&savepoint)?;
    savepoint.commit()?;
    Ok(done)
}

fn work(mut connection: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let more = std::iter::from_fn(|| waiting.try_recv().ok());
        let jobs: Vec<Job> = std::iter::once(first)
            .chain(more)
            .take(MOST_AT_ONCE)
            .collect();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = match transaction {
            Ok(transaction) => transaction,
            Err(error) => {
                for job in jobs {
                    job(Err(store_error(&error)))(Ok(()));
                }
                continue;
            }
        };
        let answers: Vec<Answer> = jobs
            .into_iter()
            .map(|job| match transaction.is_autocommit() {
                false => job(Ok(&mut transaction)),
                // A full disk ends the whole transaction at the step that met it.
                true => job(Err(undone("an earlier step failed"))),
            })
            .collect();
        let committed = transaction.commit();
        for answer in answers {
            let committed = committed.as_ref().copied();
            answer(committed.map_err(|error| undone(&error.to_string())));
        }
    }
}

/// Nothing of the transaction took place; repeating its steps does no harm.
fn undone(reason: &str) -> StoreError {
    StoreError::Unavailable(format!("SQLite did not commit: {reason}"))
}
