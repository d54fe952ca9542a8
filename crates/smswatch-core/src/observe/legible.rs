//! Tells a message whose answers cannot be read from a provider whose answers cannot be read.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use smswatch_model::MessageId;

/// How many messages' latest answers are remembered.
const REMEMBERED: usize = 64;

/// How many messages must have unreadable answers before these are the provider's trouble.
const FEWEST: usize = 3;

/// The latest answers of the messages that were asked about last: whether they could be read.
#[derive(Debug, Default)]
pub(crate) struct Legible {
    hasher: RandomState,
    /// A message's hash, and whether its latest answer could be read; the latest at the end.
    latest: Mutex<VecDeque<(u64, bool)>>,
}

impl Legible {
    /// An answer could be read. Returns whether that is so of most.
    pub(crate) fn read(&self, message_id: &MessageId) -> bool {
        self.note(message_id, true)
    }

    /// An answer could not be read. Returns whether the provider is well all the same: the trouble is
    /// its own only when the answers about most messages are like this one.
    pub(crate) fn unreadable(&self, message_id: &MessageId) -> bool {
        self.note(message_id, false)
    }

    fn note(&self, message_id: &MessageId, is_read: bool) -> bool {
        let hash = self.hasher.hash_one(message_id);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = latest.iter().position(|(other, _)| *other == hash) {
            latest.remove(known);
        } else if latest.len() == REMEMBERED {
            latest.pop_front();
        }
        latest.push_back((hash, is_read));
        let unreadable = latest.iter().filter(|(_, is_read)| !is_read).count();
        unreadable < FEWEST || unreadable * 2 <= latest.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> MessageId {
        MessageId::new(format!("m{n}")).expect("a valid id")
    }

    #[test]
    fn one_message_is_never_the_provider_however_often_it_is_asked_about() {
        let legible = Legible::default();
        assert!((0..1000).all(|_| legible.unreadable(&id(0))));
        assert!(legible.unreadable(&id(1)));
    }

    #[test]
    fn the_provider_is_in_trouble_while_most_messages_have_unreadable_answers() {
        let legible = Legible::default();
        for n in 0..10 {
            assert!(legible.read(&id(n)));
        }
        for n in 10..20 {
            assert!(legible.unreadable(&id(n)), "{n}");
        }
        assert!(!legible.unreadable(&id(20)), "eleven of twenty-one");
        assert!(!legible.read(&id(0)), "one readable answer changes nothing");
        for n in 10..12 {
            legible.read(&id(n));
        }
        assert!(legible.unreadable(&id(20)));
    }

    #[test]
    fn what_lies_far_back_is_forgotten() {
        let legible = Legible::default();
        for n in 0..100 {
            legible.unreadable(&id(n));
        }
        for n in 100..132 {
            legible.read(&id(n));
        }
        assert!(legible.read(&id(132)));
    }
}
