//! The processes on a store tell one another that callbacks arrive.

use std::time::Duration;

use smswatch_model::Timestamp;

use crate::context::Context;
use crate::memo::{Decision, Memo};
use crate::store::StoreError;

/// How often they do.
pub(crate) const EVERY: Duration = Duration::from_secs(10);

/// The memo in which they do.
const MEMO: &str = "callbacks";

const FORMAT: u8 = 1;

/// Tells the other processes when a callback last arrived here, and learns when one arrived there.
///
/// # Errors
///
/// The store is not available.
pub(crate) async fn exchange(context: &Context) -> Result<(), StoreError> {
    let memo = Memo::new(context, MEMO, FORMAT, decode, encode);
    let there = memo.change(context, |found| {
        let (own, now) = (context.arrivals.last(), context.clock.now());
        match own {
            Some(own)
                if found
                    .value
                    .is_none_or(|there| is_worth_telling(own, there, now)) =>
            {
                Decision::Write {
                    value: own,
                    entries: Vec::new(),
                    answer: None,
                }
            }
            _ => Decision::Leave(found.value),
        }
    });
    if let Some(there) = there.await? {
        context.arrivals.arrived(there);
    }
    Ok(())
}

/// Whether to tell the other processes, which know of a callback at `there`, of one at `own`. Of many callbacks in a row
/// only some are told, and the last one.
fn is_worth_telling(own: Timestamp, there: Timestamp, now: Timestamp) -> bool {
    let few = EVERY / 2;
    own > there && (own.since(there) >= few || now.since(own) >= few)
}

fn encode(at: &Timestamp) -> Vec<u8> {
    let millis = at.as_millis().to_be_bytes();
    std::iter::once(FORMAT).chain(millis).collect()
}

fn decode(bytes: &[u8]) -> Option<Timestamp> {
    let (format, millis) = bytes.split_first()?;
    let millis = i64::from_be_bytes(millis.try_into().ok()?);
    (*format == FORMAT).then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    #[test]
    fn others_hear_of_few_of_many_callbacks_and_of_the_last() {
        assert!(is_worth_telling(at(10), at(0), at(10)));
        assert!(!is_worth_telling(at(12), at(10), at(12)));
        assert!(is_worth_telling(at(12), at(10), at(20)), "no other came");
        assert!(!is_worth_telling(at(12), at(12), at(60)));
    }
}
