//! Remembers when a sink was parked, so that this time does not count against its deliveries.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

/// How many spans are kept; beyond that the two that lie closest together become one.
const MOST: usize = 32;

/// A time from an instant to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// The spans in which a sink was parked: in order, apart from each other, few.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Parked(Vec<Span>);

impl Parked {
    /// Adds a span; what it shares with others counts once.
    pub(super) fn add(&mut self, span: Span) {
        if span.to <= span.from {
            return;
        }
        let mut merged = span;
        self.0.retain(|kept| {
            let is_apart = kept.to < merged.from || merged.to < kept.from;
            if !is_apart {
                merged.from = merged.from.min(kept.from);
                merged.to = merged.to.max(kept.to);
            }
            is_apart
        });
        let place = self.0.partition_point(|kept| kept.from < merged.from);
        self.0.insert(place, merged);
        while self.0.len() > MOST {
            self.join_closest();
        }
    }

    /// How much of the time from `from` to `to` lies in the spans.
    pub(super) fn within(&self, from: Timestamp, to: Timestamp) -> Duration {
        let shared = self
            .0
            .iter()
            .map(|span| span.to.min(to).since(span.from.max(from)));
        shared.sum()
    }

    /// When the last of the spans ended.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.0.last().map(|span| span.to)
    }

    /// Forgetting a span would let deliveries be given up too early; a moment too late does less
    /// harm.
    fn join_closest(&mut self) {
        let gaps = self.0.windows(2).map(|pair| pair[1].from.since(pair[0].to));
        if let Some((first, _)) = gaps.enumerate().min_by_key(|(_, gap)| *gap) {
            let second = self.0.remove(first + 1);
            self.0[first].to = second.to;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn parked(spans: &[(i64, i64)]) -> Parked {
        let mut parked = Parked::default();
        for (from, to) in spans {
            parked.add(Span {
                from: at(*from),
                to: at(*to),
            });
        }
        parked
    }

    #[test]
    fn what_spans_share_counts_once() {
        let parked = parked(&[(0, 10), (5, 20), (40, 50), (19, 25)]);
        assert_eq!(parked.within(at(-100), at(100)).as_secs(), 35);
        assert_eq!(parked.within(at(24), at(45)).as_secs(), 6);
        assert_eq!(parked.within(at(60), at(100)).as_secs(), 0);
        assert_eq!(parked.end(), Some(at(50)));
    }

    #[test]
    fn a_span_without_length_is_none() {
        assert_eq!(parked(&[(5, 5), (9, 3)]), Parked::default());
    }

    proptest! {
        #[test]
        fn spans_are_few_and_never_less_than_they_were(
            spans in prop::collection::vec((0..2_000_i64, 1..20_i64), 0..200),
        ) {
            let spans: Vec<_> = spans.into_iter().map(|(from, length)| (from, from + length)).collect();
            let parked = parked(&spans);
            prop_assert!(parked.0.len() <= MOST);
            prop_assert!(parked.0.windows(2).all(|pair| pair[0].to < pair[1].from));
            let seconds = (0..2_100).filter(|second| {
                spans.iter().any(|(from, to)| from <= second && second < to)
            });
            prop_assert!(parked.within(at(0), at(3_000)).as_secs() >= seconds.count() as u64);
        }
    }
}
