//! The queue of spans that wait to be sent, and the task that sends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smswatch_plugin::model::TraceId;
use smswatch_plugin::traces::{SpanCounts, TraceSpan, Tracer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::counts::Counts;
use crate::options::{ExporterOptions, InvalidOptions};
use crate::sample::Sample;
use crate::send::Sender;

/// How many spans wait at most.
const MOST_WAITING: usize = 8_192;

/// How many spans a batch has at most.
const MOST_AT_ONCE: usize = 512;

/// How long a span waits for others at most.
const GATHER: Duration = Duration::from_secs(1);

/// Sends spans of traces to a receiver of OTLP.
#[derive(Debug)]
pub struct Exporter {
    queue: Arc<Queue>,
    stop: CancellationToken,
    work: JoinHandle<()>,
}

#[derive(Debug)]
struct Queue {
    sample: Sample,
    waiting: mpsc::Sender<TraceSpan>,
    counts: Arc<Counts>,
}

impl Exporter {
    /// Starts sending what its [tracer](Self::tracer) records. It connects when the first span is sent.
    ///
    /// # Errors
    ///
    /// The options make no sense, or there are no certificates to check the receiver with.
    ///
    /// # Panics
    ///
    /// It is not called from within a Tokio runtime.
    pub fn start(options: &ExporterOptions) -> Result<Self, InvalidOptions> {
        let counts = Arc::new(Counts::default());
        let sender = Sender::new(options, Arc::clone(&counts))?;
        let (waiting, steps) = mpsc::channel(MOST_WAITING);
        let queue = Queue {
            sample: Sample::new(options.sample_ratio),
            waiting,
            counts,
        };
        let stop = CancellationToken::new();
        Ok(Self {
            queue: Arc::new(queue),
            work: tokio::spawn(empty(steps, sender, stop.clone())),
            stop,
        })
    }

    /// The tracer that puts spans into the queue.
    #[must_use]
    pub fn tracer(&self) -> Arc<dyn Tracer> {
        Arc::clone(&self.queue) as Arc<dyn Tracer>
    }

    /// Takes no more spans, and sends those that wait, each batch once, for at most `within`.
    pub async fn close(mut self, within: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(within, &mut self.work).await.is_err() {
            tracing::warn!("some spans could not be sent before the process ended");
            self.work.abort();
        }
    }
}

impl Tracer for Queue {
    fn wants(&self, trace: TraceId) -> bool {
        self.sample.has(trace)
    }

    fn record(&self, span: TraceSpan) {
        if self.waiting.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> SpanCounts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SpanCounts {
            exported: of(&self.counts.exported),
            dropped: of(&self.counts.dropped),
            failed: of(&self.counts.failed),
        }
    }
}

/// Sends what waits, until `stop` and then until nothing waits.
async fn empty(mut steps: mpsc::Receiver<TraceSpan>, mut sender: Sender, stop: CancellationToken) {
    loop {
        let mut batch = Vec::new();
        let first = steps.recv_many(&mut batch, MOST_AT_ONCE);
        if stop.run_until_cancelled(first).await.is_none() {
            break;
        }
        let until = Instant::now() + GATHER;
        while batch.len() < MOST_AT_ONCE {
            let room = MOST_AT_ONCE - batch.len();
            let more = steps.recv_many(&mut batch, room);
            let more = stop.run_until_cancelled(timeout_at(until, more));
            if !matches!(more.await, Some(Ok(1..))) {
                break;
            }
        }
        sender.send(&batch, &stop).await;
    }
    steps.close();
    loop {
        let mut batch = Vec::new();
        if steps.recv_many(&mut batch, MOST_AT_ONCE).await == 0 {
            return;
        }
        sender.send(&batch, &stop).await;
    }
}
