//! The one thread that owns the connection: does what waits in one transaction, then answers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use smswatch_plugin::store::StoreError;
use tokio::sync::oneshot;

use crate::error::store_error;
use crate::lock::FileLock;
use crate::mailbox::{Mailbox, Message};

/// How many steps share a transaction at most.
const MOST_AT_ONCE: usize = 256;

/// Sends an answer, or the error that kept the transaction from being committed.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Takes its turn, or why there is none.
type Job = Box<dyn FnOnce(Result<Turn<'_, '_>, StoreError>) -> Taken + Send>;

/// The transaction for a step, and what is undone when the step fails.
enum Turn<'a, 'c> {
    /// The whole transaction: nobody else has written in it.
    First(&'a Transaction<'c>),
    /// The step alone.
    Later(&'a mut Transaction<'c>),
}

/// A step that was taken.
struct Taken {
    is_done: bool,
    answer: Answer,
}

/// Hands steps to the thread.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    mailbox: Mailbox<Job>,
}

impl Worker {
    /// Starts the thread; it ends when the last handle is dropped, and gives the lock back then.
    pub(crate) fn start(connection: Connection, lock: FileLock) -> std::io::Result<Self> {
        let (mailbox, waiting) = Mailbox::new();
        std::thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || {
                let (connection, ended) = work(connection, &waiting);
                if ended.is_some() {
                    checkpoint(&connection);
                }
                // The last connection that is closed takes its log of writes with it.
                drop(connection);
                drop(lock);
                if let Some(ended) = ended {
                    let _unless_nobody_waits = ended.send(());
                }
            })?;
        Ok(Self { mailbox })
    }

    /// Ends the thread behind what it was sent before, and waits until it has closed the file.
    pub(crate) async fn end(&self) {
        self.mailbox.end().await;
    }

    /// Does one step: all of it, durably, or nothing.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answered) = job(step);
        self.mailbox.ask(job, answered).await
    }
}

/// A step as the thread takes it, and where its answer arrives.
fn job<T: Send + 'static>(
    step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, StoreError>>) {
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |turn| {
        let done = turn.and_then(|turn| match turn {
            Turn::First(transaction) => take(transaction, step),
            Turn::Later(transaction) => within_savepoint(transaction, step),
        });
        Taken {
            is_done: done.is_ok(),
            answer: Box::new(move |committed: Result<(), StoreError>| {
                // The caller may have gone; the step stands all the same.
                let _sent = answer.send(done.and_then(|done| committed.map(|()| done)));
            }),
        }
    });
    (job, answered)
}

fn within_savepoint<T>(
    transaction: &mut Transaction<'_>,
    step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    let failed = |error| store_error(&error);
    let savepoint = transaction.savepoint().map_err(failed)?;
    let done = take(&savepoint, step)?;
    savepoint.commit().map_err(failed)?;
    Ok(done)
}

/// Takes a step, of which something may be left behind when it fails.
fn take<T>(
    connection: &Connection,
    step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    // The thread must outlive the step: it is everybody's.
    catch_unwind(AssertUnwindSafe(|| step(connection)))
        .map_err(|panic| panicked(panic.as_ref()))?
        .map_err(|error| store_error(&error))
}

/// A step that panicked is undone like one that failed.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    StoreError::Unexpected(format!("a step panicked: {}", text.unwrap_or("no message")))
}

/// Takes steps until it is to end, or nobody is there to send one. Returns the connection, and who is told of the end.
fn work(
    mut connection: Connection,
    waiting: &Receiver<Message<Job>>,
) -> (Connection, Option<oneshot::Sender<()>>) {
    loop {
        let first = match waiting.recv() {
            Ok(Message::Job(job)) => job,
            Ok(Message::End(told)) => return (connection, Some(told)),
            Err(_) => return (connection, None),
        };
        let (mut jobs, mut end) = (vec![first], None);
        while jobs.len() < MOST_AT_ONCE && end.is_none() {
            match waiting.try_recv() {
                Ok(Message::Job(job)) => jobs.push(job),
                Ok(Message::End(told)) => end = Some(told),
                Err(_) => break,
            }
        }
        take_together(&mut connection, jobs);
        if end.is_some() {
            return (connection, end);
        }
    }
}

/// Takes steps in one transaction; those behind a first one that fails, in another.
///
/// The first step of a transaction has no savepoint: SQLite would keep what each page was before, until the last step of
/// the transaction is done. Most transactions have one step.
fn take_together(connection: &mut Connection, jobs: Vec<Job>) {
    let mut jobs = jobs.into_iter();
    while let Some(first) = jobs.next() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = match transaction {
            Ok(transaction) => transaction,
            Err(error) => {
                for job in std::iter::once(first).chain(jobs) {
                    (job(Err(store_error(&error))).answer)(Ok(()));
                }
                return;
            }
        };
        let first = first(Ok(Turn::First(&transaction)));
        if !first.is_done {
            drop(transaction);
            (first.answer)(Ok(()));
            continue;
        }
        let mut answers = vec![first.answer];
        for job in jobs.by_ref() {
            let turn = match transaction.is_autocommit() {
                false => Ok(Turn::Later(&mut transaction)),
                // A full disk ends the whole transaction at the step that met it.
                true => Err(undone("an earlier step failed")),
            };
            answers.push(job(turn).answer);
        }
        let committed = transaction.commit();
        for answer in answers {
            let committed = committed.as_ref().copied();
            answer(committed.map_err(|error| undone(&error.to_string())));
        }
    }
}

/// Puts all that was written into the file itself, even if somebody else has it open who keeps the log of writes.
fn checkpoint(connection: &Connection) {
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = done {
        tracing::debug!(%error, "the log of writes stays beside the file");
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

    #[test]
    fn a_step_that_fails_is_undone_and_no_other_of_its_transaction() {
        for failing in 0..3 {
            let mut connection = Connection::open_in_memory().expect("a file");
            connection
                .execute_batch("CREATE TABLE t (n INTEGER)")
                .expect("a table");
            let step = |n: usize| {
                job(move |connection| {
                    connection.execute("INSERT INTO t VALUES (?1)", [1 << n])?;
                    match n == failing {
                        true => Err(rusqlite::Error::InvalidQuery),
                        false => Ok(()),
                    }
                })
            };
            let (jobs, answers): (Vec<_>, Vec<_>) = (0..3).map(step).unzip();
            take_together(&mut connection, jobs);
            for (n, mut answer) in answers.into_iter().enumerate() {
                let answer = answer.try_recv().expect("an answer");
                assert_eq!(answer.is_ok(), n != failing, "{n} of {failing}");
            }
            let kept = connection.query_row("SELECT sum(n) FROM t", [], |row| row.get(0));
            assert_eq!(kept, Ok(7 - (1 << failing)));
        }
    }
}
