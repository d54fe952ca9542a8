//! What is to be told, in the order of its time: changes that are to come, and callbacks to be sent.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::figures::{CallbackStats, Figures};
use crate::message::Message;
use crate::population::Population;

/// A message of which a change is to come.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// One that is scripted or was sent.
    Message(Arc<Message>),
    /// One of a population.
    Population(Arc<Population>, u64),
}

/// A callback to be sent.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) uri: http::Uri,
    pub(super) body: Bytes,
    /// What its fate is drawn from.
    pub(super) key: u64,
    /// How often it was tried.
    pub(super) tries: usize,
    /// When it was tried first, by the simulator's clock.
    pub(super) first_ms: Option<i64>,
    /// It was answered with 200 before.
    pub(super) is_repeated: bool,
}

#[derive(Debug)]
struct Due<T> {
    at_ms: i64,
    turn: u64,
    what: T,
}

impl<T> Due<T> {
    fn order(&self) -> (i64, u64) {
        (self.at_ms, self.turn)
    }
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<T> Eq for Due<T> {}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Due<T> {
    /// The earliest is the greatest: heaps give out the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.order().cmp(&self.order())
    }
}

/// Changes and callbacks that are to come.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    queues: Mutex<Queues>,
    pub(super) wake: Notify,
    pub(super) figures: Figures,
}

#[derive(Debug, Default)]
struct Queues {
    changes: BinaryHeap<Due<Source>>,
    posts: BinaryHeap<Due<Post>>,
    turn: u64,
}

impl Queues {
    fn due<T>(&mut self, at_ms: i64, what: T) -> Due<T> {
        self.turn += 1;
        Due {
            at_ms,
            turn: self.turn,
            what,
        }
    }
}

impl Agenda {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes when messages may change next.
    pub(crate) fn expect_changes(&self, changes: impl IntoIterator<Item = (i64, Source)>) {
        let mut queues = self.queues();
        for (at_ms, source) in changes {
            let change = queues.due(at_ms, source);
            queues.changes.push(change);
        }
        drop(queues);
        self.wake.notify_one();
    }

    /// Notes callbacks and when they are to be sent.
    pub(super) fn post(&self, posts: impl IntoIterator<Item = (i64, Post)>) {
        let mut queues = self.queues();
        for (at_ms, post) in posts {
            let post = queues.due(at_ms, post);
            queues.posts.push(post);
        }
        drop(queues);
        self.wake.notify_one();
    }

    /// The time has been moved.
    pub(crate) fn look_again(&self) {
        self.wake.notify_one();
    }

    /// Takes up to `most` changes that are due.
    pub(super) fn take_changes(&self, now_ms: i64, most: usize) -> Vec<Source> {
        take_due(&mut self.queues().changes, now_ms, most)
    }

    /// Takes up to `most` callbacks that are due.
    pub(super) fn take_posts(&self, now_ms: i64, most: usize) -> Vec<Post> {
        take_due(&mut self.queues().posts, now_ms, most)
    }

    /// When something is due next; callbacks count only if there `is_room` for them.
    pub(super) fn next_ms(&self, is_room: bool) -> Option<i64> {
        let queues = self.queues();
        let change = queues.changes.peek().map(|due| due.at_ms);
        let post = queues.posts.peek().map(|due| due.at_ms);
        change.into_iter().chain(post.filter(|_| is_room)).min()
    }

    /// What was called back so far, in numbers.
    pub(crate) fn stats(&self) -> CallbackStats {
        let waiting = self.queues().posts.len();
        self.figures.stats(waiting as u64)
    }

    /// Forgets everything that is to come, and what was counted.
    pub(crate) fn reset(&self) {
        *self.queues() = Queues::default();
        self.figures.reset();
    }
}

fn take_due<T>(heap: &mut BinaryHeap<Due<T>>, now_ms: i64, most: usize) -> Vec<T> {
    let mut taken = Vec::new();
    while taken.len() < most && heap.peek().is_some_and(|due| due.at_ms <= now_ms) {
        taken.extend(heap.pop().map(|due| due.what));
    }
    taken
}
