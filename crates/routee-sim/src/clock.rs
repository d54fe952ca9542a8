//! The simulator's time (movable by command) and the forms in which dates are written.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::text::ShortText;

/// How `status.date` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// `2024-05-01T10:28:49Z`, as in Routee's samples.
    #[default]
    Seconds,
    /// `2024-05-01T10:28:49.123Z`.
    Millis,
    /// `2024-05-01T13:28:49+03:00`.
    Offset,
    /// `2024-05-01T10:28Z`.
    NoSeconds,
    /// The usual form, one hour ahead of the truth.
    Future,
    /// A text that is no date.
    Garbage,
    /// `null`.
    Null,
    /// The field is not there.
    Absent,
}

/// Wall-clock milliseconds plus an offset that tests may move.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn now_ms(&self) -> i64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is past 1970");
        let now = i64::try_from(since_epoch.as_millis()).expect("milliseconds fit for ages");
        now.saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    pub(crate) fn reset(&self) {
        self.offset_ms.store(0, Ordering::Relaxed);
    }
}

/// Writes `at_ms` in `form`; the two forms without a text give `None`.
pub(crate) fn format_date(at_ms: i64, form: DateForm) -> Option<ShortText> {
    const HOUR_MS: i64 = 3_600_000;
    let at_ms = if form == DateForm::Future {
        at_ms.saturating_add(HOUR_MS)
    } else {
        at_ms
    };
    let whole = Timestamp::from_second(at_ms.div_euclid(1000)).unwrap_or(Timestamp::MAX);
    Some(match form {
        DateForm::Seconds | DateForm::Future => ShortText::format(format_args!("{whole}")),
        DateForm::Millis => {
            let millis = at_ms.rem_euclid(1000);
            let stem = ShortText::format(format_args!("{whole}"));
            let stem = stem.trim_end_matches('Z');
            ShortText::format(format_args!("{stem}.{millis:03}Z"))
        }
        DateForm::Offset => ShortText::format(format_args!(
            "{}",
            whole.display_with_offset(Offset::constant(3))
        )),
        DateForm::NoSeconds => {
            let stem = ShortText::format(format_args!("{whole}"));
            ShortText::format(format_args!("{}Z", stem.get(..16).unwrap_or(&stem)))
        }
        DateForm::Garbage => ShortText::format(format_args!("yesterday, at noon")),
        DateForm::Null | DateForm::Absent => return None,
    })
}

/// Reads a date of a query: RFC 3339, with or without seconds and fraction.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(|timestamp| timestamp.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_every_form() {
        let at_ms = 1_714_559_329_123;
        let check = |form, expected: Option<&str>| {
            assert_eq!(format_date(at_ms, form).as_deref(), expected, "{form:?}");
        };
        check(DateForm::Seconds, Some("2024-05-01T10:28:49Z"));
        check(DateForm::Millis, Some("2024-05-01T10:28:49.123Z"));
        check(DateForm::Offset, Some("2024-05-01T13:28:49+03:00"));
        check(DateForm::NoSeconds, Some("2024-05-01T10:28Z"));
        check(DateForm::Future, Some("2024-05-01T11:28:49Z"));
        check(DateForm::Null, None);
    }

    #[test]
    fn query_dates_need_no_seconds() {
        assert_eq!(parse_date("2015-11-11T15:00Z"), Some(1_447_254_000_000));
        assert_eq!(
            parse_date("2015-11-11T15:00:00.250Z"),
            Some(1_447_254_000_250)
        );
        assert_eq!(parse_date("last week"), None);
    }
}
