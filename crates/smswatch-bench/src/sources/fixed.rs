//! A plain poller: it asks about each message again and again, at one interval, until it is final.

use std::time::Duration;

use super::report::SourceReport;
use crate::day::letter::Letter;

/// What it takes to learn of the ends of all messages.
pub(super) fn poll(sent: &[Letter], interval: Duration) -> SourceReport {
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let mut calls = 0;
    let delays = sent.iter().map(|letter| {
        let lasts = u64::from(letter.lasts);
        let polls = lasts.div_ceil(interval_ms).max(1);
        calls += polls;
        polls * interval_ms - lasts
    });
    let delays = delays.collect();
    let name = format!("a poll every {} s", interval.as_secs());
    SourceReport::of(name, sent.len(), calls, delays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::letter::Ending;

    #[test]
    fn a_message_is_asked_about_until_its_end() {
        let letter = |lasts| Letter {
            sent: 0,
            lasts,
            ending: Ending::Delivered,
            flips: false,
            parts: 1,
            operator: 0,
            product: Some(0),
            campaign: None,
            incident: None,
        };
        let sent = [letter(4_000), letter(25_000)];
        let report = poll(&sent, Duration::from_secs(10));
        assert_eq!((report.calls, report.noticed), (4, 2));
        assert_eq!((report.p50_ms, report.p99_ms), (5_000, 6_000));
    }
}
