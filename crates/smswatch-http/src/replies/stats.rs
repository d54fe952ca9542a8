//! Tells what became of messages.

use std::collections::BTreeMap;

use smswatch_api::stats::{DeliverySecondsReply, StatsGroupReply, StatsHourReply, StatsReply};
use smswatch_core::stats::{Stats, Tally};
use smswatch_model::percent;

/// What became of messages in `window`.
pub(crate) fn stats(window: &str, stats: Stats) -> StatsReply {
    let groups = |groups: BTreeMap<String, Tally>| {
        let groups = groups.into_iter();
        groups.map(|(name, tally)| (name, group(&tally))).collect()
    };
    let by_hour = stats.by_hour.iter().map(|(from, tally)| StatsHourReply {
        from: *from,
        figures: group(tally),
    });
    StatsReply {
        by_hour: by_hour.collect(),
        window: window.to_owned(),
        from: stats.from,
        to: stats.to,
        total: group(&stats.total),
        by_country: groups(stats.by_country),
        by_operator: groups(stats.by_operator),
    }
}

fn group(tally: &Tally) -> StatsGroupReply {
    let (delivered, failed) = (tally.delivered(), tally.failed());
    let outcomes = [
        ("delivered", delivered),
        ("failed", failed),
        ("pending", tally.pending()),
    ];
    let share = |count| (percent(count, delivered + failed) * 10.0).round() / 10.0;
    let shares = [("delivered", share(delivered)), ("failed", share(failed))];
    let statuses = tally.statuses();
    StatsGroupReply {
        messages: tally.messages(),
        by_status: statuses
            .map(|(status, count)| (status.to_owned(), count))
            .collect(),
        by_outcome: named(outcomes),
        percent_by_outcome: named(shares),
        delivery_seconds: tally
            .delivery_seconds()
            .map(|seconds| DeliverySecondsReply {
                p50: seconds.p50,
                p95: seconds.p95,
                count: seconds.count,
            }),
        undelivered_cost: tally.undelivered_cost(),
    }
}

fn named<T, const N: usize>(values: [(&str, T); N]) -> BTreeMap<String, T> {
    let values = values.into_iter();
    values
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
