//! The one thread that owns the connection: does what waits in one transaction, then answers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use smswatch_plugin::store::StoreError;
use tokio::sync::oneshot;

use crate::error::store_error;
use crate::lock::FileLock;

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
    pub(crate) fn start(connection: Connection, lock: FileLock) -> std::io::Result<Self> {
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
            let done = transaction.and_then(|transaction| within_savepoint(transaction, step));
            Box::new(move |committed: Result<(), StoreError>| {
                // Whoever asked may have gone; the step stands all the same.
                let _sent = answer.send(done.and_then(|done| committed.map(|()| done)));
            })
        });
        self.jobs.send(job).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

/// Nobody answers any more.
pub(crate) fn ended() -> StoreError {
    StoreError::Unavailable("the SQLite thread has ended".to_owned())
}

fn within_savepoint<T>(
    transaction: &mut Transaction<'_>,
    step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    let failed = |error| store_error(&error);
    let savepoint = transaction.savepoint().map_err(failed)?;
    // The thread must outlive the step: it is everybody's.
    let done = catch_unwind(AssertUnwindSafe(|| step(&savepoint)))
        .map_err(|panic| panicked(panic.as_ref()))?
        .map_err(failed)?;
    savepoint.commit().map_err(failed)?;
    Ok(done)
}

/// A step that panicked is undone like one that failed.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    StoreError::Unexpected(format!("a step panicked: {}", text.unwrap_or("no message")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_that_panics_is_undone_and_ends_no_other() {
        let connection = Connection::open_in_memory().expect("a file");
        connection
            .execute_batch("CREATE TABLE t (n INTEGER)")
            .expect("a table");
        let lock = FileLock::take(std::path::Path::new(":memory:")).expect("a lock");
        let worker = Worker::start(connection, lock).expect("a thread");
        let insert = "INSERT INTO t VALUES (1)";
        let panicking = worker.run::<()>(move |connection| {
            connection.execute_batch(insert)?;
            panic!("it breaks")
        });
        let (broken, added) =
            tokio::join!(panicking, worker.run(|other| other.execute_batch(insert)));
        let error = broken.expect_err("it panicked");
        assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
        assert!(error.to_string().contains("it breaks"), "{error}");
        added.expect("another step");
        let count = worker.run(|connection| {
            connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(count.await.expect("an answer"), 1);
    }
}
