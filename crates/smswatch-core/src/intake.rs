//! Hands work to one worker for each shard, so that a shard whose steps fail holds up no other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use tokio::sync::{Notify, mpsc};

use crate::store::Shard;

/// How many items a worker is given at once at most.
const MOST_AT_ONCE: usize = 512;

/// How much waits for each shard, and which of them have failed.
///
/// What waits for shards that work is bounded, so that a slow store slows those down who bring more.
/// What waits for a shard that fails does not count: the stages that would bring more leave it alone
/// meanwhile, see [`Intake::is_failing`].
#[derive(Debug)]
pub(crate) struct Intake {
    shards: Box<[ShardIntake]>,
    most: usize,
    changed: Notify,
}

#[derive(Debug, Default)]
struct ShardIntake {
    waiting: AtomicUsize,
    is_failing: AtomicBool,
}

impl Intake {
    /// Lets `most` items wait for shards that work.
    pub(crate) fn new(shards: u16, most: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| ShardIntake::default()).collect(),
            most,
            changed: Notify::new(),
        }
    }

    fn of(&self, shard: Shard) -> &ShardIntake {
        &self.shards[usize::from(shard.0)]
    }

    /// Whether the latest step of `shard` failed: what is brought for it would only pile up.
    pub(crate) fn is_failing(&self, shard: Shard) -> bool {
        self.of(shard).is_failing.load(Ordering::Acquire)
    }

    /// A step of `shard` failed, and will be repeated.
    pub(crate) fn failed(&self, shard: Shard) {
        self.of(shard).is_failing.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// A step of `shard` took place. Returns whether the one before had failed.
    pub(crate) fn succeeded(&self, shard: Shard) -> bool {
        self.of(shard).is_failing.swap(false, Ordering::AcqRel)
    }

    /// Waits until a step of `shard` has failed and is repeated.
    pub(crate) async fn fails(&self, shard: Shard) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if self.is_failing(shard) {
                return;
            }
            changed.await;
        }
    }

    /// Waits until there is room for more.
    async fn room(&self) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let working = self.shards.iter();
            let working = working.filter(|shard| !shard.is_failing.load(Ordering::Acquire));
            let waiting: usize = working
                .map(|shard| shard.waiting.load(Ordering::Acquire))
                .sum();
            if waiting < self.most {
                return;
            }
            changed.await;
        }
    }

    /// Has `work` do what comes in, for each shard one batch after the other and for all shards at the
    /// same time, until nothing comes in any more.
    pub(crate) async fn run<T, F, Fut>(
        &self,
        mut incoming: mpsc::Receiver<T>,
        shard_of: impl Fn(&T) -> Shard,
        work: F,
    ) where
        F: Fn(Shard, Vec<T>) -> Fut,
        Fut: Future<Output = ()>,
    {
        let (mut senders, mut workers) = (Vec::new(), Vec::new());
        for shard in (0..).map(Shard).take(self.shards.len()) {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            let work = &work;
            senders.push(sender);
            workers.push(async move {
                let mut batch = Vec::new();
                while receiver.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
                    let count = batch.len();
                    work(shard, std::mem::take(&mut batch)).await;
                    self.of(shard).waiting.fetch_sub(count, Ordering::AcqRel);
                    self.changed.notify_waiters();
                }
            });
        }
        let hand_on = async move {
            loop {
                self.room().await;
                let Some(item) = incoming.recv().await else {
                    return;
                };
                let shard = shard_of(&item);
                self.of(shard).waiting.fetch_add(1, Ordering::AcqRel);
                // The worker lives until its sender is dropped.
                let _sent = senders[usize::from(shard.0)].send(item);
            }
        };
        tokio::join!(hand_on, join_all(workers));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn what_waits_for_a_failing_shard_keeps_nothing_from_the_others() {
        let intake = Intake::new(2, 8);
        let (sender, receiver) = mpsc::channel(4);
        let (done, mended) = (Mutex::new(Vec::new()), Notify::new());
        let work = |shard: Shard, items: Vec<u32>| {
            let (intake, done, mended) = (&intake, &done, &mended);
            async move {
                if shard == Shard(0) {
                    intake.failed(shard);
                    mended.notified().await;
                    intake.succeeded(shard);
                }
                done.lock().expect("no panic").extend(items);
            }
        };
        let bring = async move {
            for n in 0..200 {
                sender.send(n).await.expect("a receiver");
            }
        };
        let shard_of = |n: &u32| Shard(u16::try_from(n % 2).expect("0 or 1"));
        let watch = async {
            let odd = |done: &Vec<u32>| done.iter().filter(|n| *n % 2 == 1).count();
            while odd(&done.lock().expect("no panic")) < 100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(done.lock().expect("no panic").len(), 100);
            assert!(intake.is_failing(Shard(0)) && !intake.is_failing(Shard(1)));
            loop {
                mended.notify_one();
                tokio::task::yield_now().await;
                if done.lock().expect("no panic").len() == 200 {
                    return;
                }
            }
        };
        tokio::join!(intake.run(receiver, shard_of, work), bring, watch);
    }

    #[tokio::test]
    async fn a_slow_store_slows_down_who_brings_more() {
        let intake = Intake::new(1, 8);
        let (sender, receiver) = mpsc::channel(4);
        let begun = Notify::new();
        let work = |_: Shard, _: Vec<u32>| {
            begun.notify_one();
            std::future::pending::<()>()
        };
        let bring = async {
            let mut n_brought = 0;
            while sender.try_send(n_brought).is_ok() || n_brought < 4 {
                n_brought += 1;
                tokio::task::yield_now().await;
            }
            begun.notified().await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
                n_brought += u32::from(sender.try_send(0).is_ok());
            }
            n_brought
        };
        let n_brought = tokio::select! {
            () = intake.run(receiver, |_| Shard(0), work) => unreachable!("it never ends"),
            n_brought = bring => n_brought,
        };
        assert!(n_brought <= 8 + 4 + 1, "{n_brought}");
    }
}
