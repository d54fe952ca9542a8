//! Tells trouble with one message from trouble with the provider.
//!
//! What happens when every poll of one message comes to the same, for ever, while others are answered:
//!
//! | each poll of it | is | and ends |
//! |---|---|---|
//! | tells parts, or nothing new (`[]`) | an answer | at `give_up_after`: `gave_up` |
//! | `[]`, Routee's own 404 or 400, and it was never known | "unknown" | at `not_found_grace`: `not_found` |
//! | Routee's own 404, and it was known | a failed poll | when that has lasted for `not_found_grace` over two polls: `not_found` |
//! | Routee's own 400, and it was known | a failed poll | at `give_up_after`: `gave_up` |
//! | 200 with no body, with half a JSON, or with a JSON that tells no part | unreadable | at `give_up_after`: `gave_up` |
//! | 200 with a web page, an error, or less than its `Content-Length` | a failed poll | at `give_up_after`: `gave_up` |
//! | another's 404 or 400, a redirect, 401, 403, 429, 5xx | a failed poll | at `give_up_after`: `gave_up` |
//! | no answer in time, or none at all | a failed poll | at `give_up_after`: `gave_up` |
//!
//! A snapshot that is known stays. The last four rows end nothing while most messages fare alike: then it is an outage,
//! which is no news about any message, and which is told as `provider_down` or `provider_auth_failed`. So do they as
//! long as this process has seen no other message answered since the trouble began.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use smswatch_model::{MessageId, Timestamp};

use crate::whose::Whose;

/// How many messages' latest polls are remembered.
const REMEMBERED: usize = 64;

/// How many messages must have unreadable answers before these are the provider's trouble.
const FEWEST: usize = 3;

/// What came of the latest polls of the messages that were asked about last.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    hasher: RandomState,
    /// The latest at the end, each message once.
    latest: Mutex<VecDeque<Latest>>,
}

/// The latest poll of one message.
#[derive(Debug, Clone, Copy)]
struct Latest {
    /// The hash of the message's id.
    message: u64,
    at: Timestamp,
    came: Came,
}

/// What came of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Answer,
    Unreadable,
    Failure,
}

/// What the latest polls say together.
struct Judgment {
    /// Most answers can be read.
    most_are_legible: bool,
    /// Most others were answered since this message was asked about before; where none was asked about, since its
    /// trouble began.
    others_are_answered: bool,
}

impl Blame {
    /// A poll was answered at `now`. Returns whether most answers can be read.
    pub(crate) fn answered(&self, message_id: &MessageId, now: Timestamp) -> bool {
        let judgment = self.note(message_id, Came::Answer, None, now);
        judgment.most_are_legible
    }

    /// An answer could not be read. The trouble is the provider's only when most answers are like this one.
    pub(crate) fn unreadable(&self, message_id: &MessageId, now: Timestamp) -> Whose {
        let judgment = self.note(message_id, Came::Unreadable, None, now);
        Whose::message_if(judgment.most_are_legible)
    }

    /// A poll failed, and polls of this message bring nothing `since` then, if they did so before. The trouble is the
    /// message's own only when most others are answered meanwhile.
    pub(crate) fn failed(
        &self,
        message_id: &MessageId,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Whose {
        let judgment = self.note(message_id, Came::Failure, since, now);
        Whose::message_if(judgment.others_are_answered)
    }

    fn note(
        &self,
        message_id: &MessageId,
        came: Came,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Judgment {
        let message = self.hasher.hash_one(message_id);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = latest.iter().position(|other| other.message == message);
        if let Some(known) = known {
            latest.remove(known);
        }
        let others_are_answered = since.is_some_and(|since| {
            let mut meanwhile = latest.range(known.unwrap_or(0)..).peekable();
            match meanwhile.peek() {
                Some(_) => most_are_answered(meanwhile),
                None => most_are_answered(latest.iter().filter(|other| other.at >= since)),
            }
        });
        if latest.len() == REMEMBERED {
            latest.pop_front();
        }
        latest.push_back(Latest {
            message,
            at: now,
            came,
        });
        let count = |came| latest.iter().filter(|other| other.came == came).count();
        let (unreadable, legible) = (count(Came::Unreadable), count(Came::Answer));
        Judgment {
            most_are_legible: unreadable < FEWEST || unreadable <= legible,
            others_are_answered,
        }
    }
}

fn most_are_answered<'a>(others: impl Iterator<Item = &'a Latest>) -> bool {
    let (mut answered, mut all) = (0, 0);
    for other in others {
        all += 1;
        answered += usize::from(other.came == Came::Answer);
    }
    answered * 2 > all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(n: usize) -> MessageId {
        MessageId::new(format!("m{n}")).expect("a valid id")
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800) + Duration::from_secs(second)
    }

    #[test]
    fn one_message_is_never_the_provider_however_often_its_answers_cannot_be_read() {
        let blame = Blame::default();
        assert!((0..1000).all(|n| blame.unreadable(&id(0), at(n)) == Whose::Message));
        assert_eq!(blame.unreadable(&id(1), at(1000)), Whose::Message);
    }

    #[test]
    fn the_provider_is_in_trouble_while_most_messages_have_unreadable_answers() {
        let blame = Blame::default();
        for n in 0..10 {
            assert!(blame.answered(&id(n), at(0)));
        }
        for n in 10..20 {
            assert_eq!(blame.unreadable(&id(n), at(0)), Whose::Message, "{n}");
        }
        let more = blame.unreadable(&id(20), at(0));
        assert_eq!(more, Whose::Provider, "eleven of twenty-one");
        let is_well = blame.answered(&id(0), at(0));
        assert!(!is_well, "one readable answer changes nothing");
        for n in 10..12 {
            blame.answered(&id(n), at(0));
        }
        assert_eq!(blame.unreadable(&id(20), at(0)), Whose::Message);
    }

    #[test]
    fn what_lies_far_back_is_forgotten() {
        let blame = Blame::default();
        for n in 0..100 {
            blame.unreadable(&id(n), at(0));
        }
        for n in 100..132 {
            blame.answered(&id(n), at(0));
        }
        assert!(blame.answered(&id(132), at(0)));
    }

    #[test]
    fn failures_of_one_message_are_its_own_once_another_was_answered_meanwhile() {
        let blame = Blame::default();
        blame.answered(&id(1), at(0));
        assert_eq!(blame.failed(&id(0), None, at(10)), Whose::Provider);
        let since = Some(at(10));
        let alone = blame.failed(&id(0), since, at(20));
        assert_eq!(alone, Whose::Provider, "the other answer was before");
        blame.answered(&id(1), at(25));
        assert_eq!(blame.failed(&id(0), since, at(30)), Whose::Message);
        // Nobody else is asked about any more.
        assert_eq!(blame.failed(&id(0), since, at(3600)), Whose::Message);
    }

    #[test]
    fn failures_of_most_messages_are_the_providers() {
        let blame = Blame::default();
        for n in 0..10 {
            blame.answered(&id(n), at(n as u64));
        }
        let since = Some(at(0));
        blame.failed(&id(0), since, at(20));
        for n in 1..4 {
            blame.failed(&id(n), None, at(21));
        }
        assert_eq!(blame.failed(&id(0), since, at(30)), Whose::Provider);
        for n in 4..8 {
            blame.answered(&id(n), at(31));
            blame.failed(&id(n), None, at(32));
        }
        let half = blame.failed(&id(0), since, at(40));
        assert_eq!(half, Whose::Provider, "each of them failed at last");
        for n in 1..8 {
            blame.answered(&id(n), at(50));
        }
        assert_eq!(blame.failed(&id(0), since, at(60)), Whose::Message);
    }
}
