//! What polls, sweeps and callbacks tell of a message.

use super::*;

/// What is told of one part.
pub(super) fn report(id: &str, status: &str, date: Option<Timestamp>) -> PartReport {
    PartReport {
        sms_id: SmsId::new(id).expect("a valid id"),
        number: None,
        status: Word::new(status),
        detailed_status: None,
        description: None,
        date,
        price: None,
        latency: None,
    }
}

/// What is told of a message of one part.
pub(super) fn one_part(
    source: Source,
    now: Timestamp,
    status: &str,
    date: Timestamp,
) -> Observation {
    Observation {
        source,
        observed_at: now,
        facts: MessageFacts {
            part_count: Some(1),
            ..MessageFacts::default()
        },
        parts: vec![report("p", status, Some(date))],
    }
}
