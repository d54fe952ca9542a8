//! Runs one sink on threads of its own, so that a sink that blocks them holds up no other part.
//!
//! A sink is a plug-in: it may call something that blocks, or never give its thread back. So nothing of
//! it is polled where the engine runs. Each sink has a thread with a runtime of its own, which is started
//! for the first attempt and on which its connections live. Attempts that no thread takes up, because the
//! sink keeps them all busy, get another thread, up to a bound.
//!
//! A sink under test can be called where the engine runs instead, so that one clock holds for both: see
//! [`SinkRuntime`].

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt as _;
use smswatch_model::Notification;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::panics::panic_text;
use crate::sink::{DeliveryError, Preview, Receipt, Sink};

/// How long an attempt waits for a thread before the sink gets another one.
const RELIEF: Duration = Duration::from_millis(250);

/// How many threads a sink has at most.
const MOST_THREADS: usize = 8;

/// How long a thread beyond the first waits for work before it ends.
const IDLE: Duration = Duration::from_secs(30);

/// How long one poll of a sink lasts before its thread counts as kept: a sink that computes for a moment
/// does no harm.
const KEPT: Duration = Duration::from_secs(1);

/// Where sinks are called.
#[derive(Debug, Clone)]
pub(crate) enum SinkRuntime {
    /// On threads of their own.
    OwnThreads,
    /// On this one, which has the engine's clock: a sink that blocks holds up everything.
    Shared(Handle),
}

/// A sink and its threads.
#[derive(Debug)]
pub(crate) struct SinkHost(Arc<Shop>);

/// What the threads of a sink share.
#[derive(Debug)]
struct Shop {
    name: Arc<str>,
    sink: Arc<dyn Sink>,
    /// What it said of itself when it was made: nothing of it is called where the engine runs.
    remembers: bool,
    runtime: SinkRuntime,
    jobs: Mutex<VecDeque<Job>>,
    has_jobs: Notify,
    is_closed: AtomicBool,
    threads: AtomicUsize,
    most_threads: usize,
}

/// An attempt that waits for a thread.
#[derive(Debug)]
struct Job {
    notification: Arc<Notification>,
    /// What the sink asked to remember of what was told before.
    remembered: Option<String>,
    begun: Arc<OnceLock<Begun>>,
    answer: oneshot::Sender<Result<Receipt, DeliveryError>>,
}

/// When an attempt began, and where.
#[derive(Debug)]
struct Begun {
    at: Instant,
    thread: Arc<SinkThread>,
}

/// What is known of a thread from outside.
#[derive(Debug)]
struct SinkThread {
    started: Instant,
    /// Since when the sink is being polled, in milliseconds since the start and one more; 0 while it is
    /// not.
    polled_since: AtomicU64,
    /// How many attempts run.
    running: AtomicUsize,
}

/// What an attempt came to.
#[derive(Debug)]
pub(crate) enum Came {
    /// The sink answered.
    Answer {
        result: Result<Receipt, DeliveryError>,
        begun: Instant,
    },
    /// The sink gave no answer in time.
    NoAnswer { begun: Instant },
    /// No thread took it up in time: it was not attempted.
    NotBegun,
}

impl SinkHost {
    /// A host for `sink`, of which up to `concurrency` attempts run at once; it has no thread yet.
    pub(crate) fn new(
        name: Arc<str>,
        sink: Arc<dyn Sink>,
        concurrency: usize,
        runtime: SinkRuntime,
    ) -> Self {
        let most_threads = match runtime {
            // One more than attempts, so that one that hangs in each leaves a thread for the next one.
            SinkRuntime::OwnThreads => (concurrency + 1).clamp(2, MOST_THREADS),
            SinkRuntime::Shared(_) => 1,
        };
        Self(Arc::new(Shop {
            name,
            remembers: sink.remembers(),
            sink,
            runtime,
            jobs: Mutex::default(),
            has_jobs: Notify::new(),
            is_closed: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            most_threads,
        }))
    }

    /// Returns whether the sink wants to know again what it said of a notification's key before.
    pub(crate) fn remembers(&self) -> bool {
        self.0.remembers
    }

    /// Shows how a notification would look, on the caller's thread: it may block, or panic.
    pub(crate) fn preview(&self, notification: &Notification) -> Preview {
        self.0.sink.preview(notification)
    }

    /// Makes one attempt, with what the sink asked to `remember`, which may take `timeout` once it has begun, and must begin before `begin_by`.
    ///
    /// When this future is dropped the attempt is dropped, too, as soon as the sink gives its thread back.
    pub(crate) async fn deliver(
        &self,
        notification: Arc<Notification>,
        remembered: Option<String>,
        timeout: Duration,
        begin_by: Instant,
    ) -> Came {
        let (answer, answered) = oneshot::channel();
        let begun = Arc::new(OnceLock::new());
        self.0.push(Job {
            notification,
            remembered,
            begun: Arc::clone(&begun),
            answer,
        });
        let mut answered = pin!(answered);
        loop {
            let until = match begun.get() {
                Some(begun) => begun.at + timeout,
                None => begin_by.min(Instant::now() + RELIEF),
            };
            if let Ok(answer) = timeout_at(until, &mut answered).await {
                let result = answer.unwrap_or_else(|_| {
                    Err(DeliveryError::temporary("the sink's thread has ended"))
                });
                let begun = begun.get().map_or_else(Instant::now, |begun| begun.at);
                return Came::Answer { result, begun };
            }
            let now = Instant::now();
            match begun.get() {
                Some(begun) if now >= begun.at + timeout => {
                    self.0.tell_if_kept(&begun.thread);
                    return Came::NoAnswer { begun: begun.at };
                }
                Some(_) => {}
                None if now >= begin_by => return Came::NotBegun,
                None => self.0.add_thread(),
            }
        }
    }
}

impl Drop for SinkHost {
    /// Its threads end when they have nothing left to do. The process does not wait for them: one that the sink keeps
    /// would never end.
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.has_jobs.notify_waiters();
    }
}

impl Shop {
    fn push(self: &Arc<Self>, job: Job) {
        self.jobs().push_back(job);
        if self.threads.load(Ordering::Acquire) == 0 {
            self.add_thread();
        }
        self.has_jobs.notify_one();
    }

    /// The next attempt whose caller still waits.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs();
        std::iter::from_fn(|| jobs.pop_front()).find(|job| !job.answer.is_closed())
    }

    /// Starts another thread, unless there are enough.
    fn add_thread(self: &Arc<Self>) {
        let more = |threads: usize| (threads < self.most_threads).then_some(threads + 1);
        let added = self
            .threads
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        let Ok(before) = added else { return };
        let shop = Arc::clone(self);
        if let SinkRuntime::Shared(shared) = &self.runtime {
            shared.spawn(async move { shop.take_up(&Arc::new(SinkThread::new()), true).await });
            return;
        }
        let name = format!("sink-{}", self.name);
        let started = std::thread::Builder::new().name(name).spawn(move || {
            if let Err(error) = shop.run(before == 0) {
                tracing::warn!(sink.name = %shop.name, %error, "a sink's runtime could not start");
            }
            shop.threads.fetch_sub(1, Ordering::AcqRel);
        });
        if let Err(error) = started {
            tracing::warn!(sink.name = %self.name, %error, "a sink's thread could not start");
            self.threads.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// What a thread does: takes up attempts until the host is gone, or, unless it is the first one,
    /// until there is nothing to do.
    fn run(self: &Arc<Self>, is_first: bool) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.take_up(&Arc::new(SinkThread::new()), is_first));
        // What the sink left behind there must not keep this thread from its end.
        runtime.shutdown_background();
        Ok(())
    }

    async fn take_up(self: &Arc<Self>, thread: &Arc<SinkThread>, is_first: bool) {
        while !self.is_closed.load(Ordering::Acquire) {
            let mut more = pin!(self.has_jobs.notified());
            more.as_mut().enable();
            while let Some(job) = self.next() {
                thread.running.fetch_add(1, Ordering::AcqRel);
                tokio::spawn(attempt(Arc::clone(self), Arc::clone(thread), job));
                // It begins before the next one is taken: if it keeps the thread, another takes that.
                tokio::task::yield_now().await;
            }
            if is_first {
                more.await;
            } else if tokio::time::timeout(IDLE, more).await.is_err()
                && thread.running.load(Ordering::Acquire) == 0
            {
                return;
            }
        }
    }

    /// Says that the sink keeps a thread, if it does.
    fn tell_if_kept(&self, thread: &SinkThread) {
        if let Some(kept) = thread.kept_for().filter(|kept| *kept >= KEPT) {
            let name = &self.name;
            tracing::warn!(
                "sink `{name}` has kept its thread for {} s; a sink must not block",
                kept.as_secs()
            );
        }
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SinkThread {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            polled_since: AtomicU64::new(0),
            running: AtomicUsize::new(0),
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// For how long the sink has been polled; `None` while it is not.
    fn kept_for(&self) -> Option<Duration> {
        let since = self.polled_since.load(Ordering::Acquire).checked_sub(1)?;
        Some(Duration::from_millis(self.millis().saturating_sub(since)))
    }
}

/// Makes one attempt on the sink's thread, as long as the caller waits for the answer.
async fn attempt(shop: Arc<Shop>, thread: Arc<SinkThread>, mut job: Job) {
    let begun = Begun {
        at: Instant::now(),
        thread: Arc::clone(&thread),
    };
    let _first = job.begun.set(begun);
    // The call itself may block or panic like all that follows.
    let deliver = async {
        match &job.remembered {
            None => shop.sink.deliver(&job.notification).await,
            Some(remembered) => shop.sink.deliver_again(&job.notification, remembered).await,
        }
    };
    let mut delivering = Box::pin(AssertUnwindSafe(deliver).catch_unwind());
    let polled = std::future::poll_fn(|context| {
        thread
            .polled_since
            .store(thread.millis() + 1, Ordering::Release);
        let polled = delivering.poll_unpin(context);
        thread.polled_since.store(0, Ordering::Release);
        polled
    });
    let result = {
        let mut polled = pin!(polled);
        let mut gone = pin!(job.answer.closed());
        std::future::poll_fn(|context| match polled.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => gone.as_mut().poll(context).map(|()| None),
        })
        .await
    };
    let result = result.map(|result| {
        result.unwrap_or_else(|panic| {
            let what = panic_text(panic.as_ref());
            tracing::error!(sink.name = %shop.name, what, "a sink panicked");
            Err(DeliveryError::temporary("the sink has a bug: it panicked"))
        })
    });
    drop(delivering);
    thread.running.fetch_sub(1, Ordering::AcqRel);
    if let Some(result) = result {
        // The caller may have just stopped waiting.
        let _sent = job.answer.send(result);
    }
}

#[cfg(test)]
mod tests;
