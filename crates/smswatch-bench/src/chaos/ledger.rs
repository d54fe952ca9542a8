//! What the simulator's ledger shows of a message: what was served, and what of it was written.

use std::collections::HashMap;

use routee_sim::{MessageReport, ServedStatus};
use smswatch_model::Timestamp;

use super::book::{Fact, Status, Word};

/// A replica gives up a look after ten seconds, and a lease ends after forty. A message that was
/// asked for again within less than either was asked for because what it had shown was written.
const SOON_MS: i64 = 9_000;

/// That the part of a message had the status that was served.
pub(super) fn fact(message_id: &str, served: &ServedStatus) -> Fact {
    Fact {
        message_id: message_id.to_owned(),
        sms_id: served.sms_id.clone(),
        word: status(served).word,
    }
}

/// A served status as it is compared.
pub(super) fn status(served: &ServedStatus) -> Status {
    let date: Result<Timestamp, _> = served.date.parse();
    Status {
        word: Word::new(&served.status, served.detailed_status.as_deref()),
        date: date.map_or(i64::MIN, Timestamp::as_seconds),
    }
}

/// What was served and then written by whichever replica asked, and was news: a status that is older
/// than one served before need not be told.
pub(super) fn written(report: &MessageReport) -> Vec<&ServedStatus> {
    let mut newest = HashMap::new();
    let mut written = Vec::new();
    for served in &report.served {
        let date = status(served).date;
        let newest = newest.entry(&served.sms_id).or_insert(i64::MIN);
        let is_news = date >= *newest;
        *newest = date.max(*newest);
        let polls = report.poll_times_ms.iter();
        let next = polls.copied().find(|poll| *poll > served.at_ms);
        if is_news && next.is_some_and(|next| next - served.at_ms < SOON_MS) {
            written.push(served);
        }
    }
    written
}

/// Whether a status is one that a watch ends with.
pub(super) fn is_final(served: &ServedStatus) -> bool {
    let finals = ["Delivered", "Undelivered", "Failed", "Unsent"];
    finals.contains(&served.status.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(status: &str, second: u32, at_ms: i64) -> ServedStatus {
        ServedStatus {
            part: 1,
            sms_id: "s".to_owned(),
            status: status.to_owned(),
            detailed_status: None,
            date: format!("2026-05-01T10:28:{second:02}Z"),
            at_ms,
        }
    }

    fn written_words(served: Vec<ServedStatus>, poll_times_ms: Vec<i64>) -> Vec<String> {
        let report = MessageReport {
            id: "m".to_owned(),
            polls: poll_times_ms.len() as u64,
            poll_times_ms,
            changes_served: served.len() as u64,
            served,
            current: Vec::new(),
        };
        let words = written(&report).into_iter();
        words.map(|served| served.status.clone()).collect()
    }

    #[test]
    fn what_was_asked_for_again_in_time_was_written() {
        let lived = vec![
            served("Sent", 10, 1_000),
            served("Undelivered", 14, 4_000),
            served("Delivered", 18, 44_000),
        ];
        let polls = vec![999, 2_500, 3_999, 43_999];
        assert_eq!(
            written_words(lived, polls),
            ["Sent"],
            "whoever saw that it was undelivered may have died with it"
        );
    }

    #[test]
    fn what_is_older_than_what_was_served_is_no_news() {
        let lived = vec![
            served("Delivered", 14, 1_000),
            served("Sent", 11, 2_000),
            served("Delivered", 14, 3_000),
        ];
        let polls = vec![999, 1_999, 2_999, 3_999];
        assert_eq!(written_words(lived, polls), ["Delivered", "Delivered"]);
    }
}
