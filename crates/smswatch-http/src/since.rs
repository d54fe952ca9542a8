//! A beginning or an end as people write it: an instant, or how long ago or how long from now it is.

use std::time::Duration;

use smswatch_model::Timestamp;

/// The units in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads an instant of RFC 3339, or a length of time before `now`.
pub(crate) fn read(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    if let Some(ago) = duration(text) {
        return Ok(now - ago);
    }
    text.parse().map_err(|_| {
        "expected an instant, such as 2026-05-01T10:28:50Z, or how long ago, such as 30m, 2h or 7d"
    })
}

/// Reads an instant of RFC 3339, or a length of time after `now`.
pub(crate) fn read_end(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    if let Some(wait) = duration(text) {
        return Ok(now + wait);
    }
    text.parse().map_err(|_| {
        "expected an instant, such as 2026-05-01T10:28:50Z, or how long from now, such as 30m, 2h \
         or 7d"
    })
}

/// Reads a length of time.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(n_digits);
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    // Nine digits of the longest unit are far within an instant's range.
    let number: u64 = number.parse().ok().filter(|_| n_digits <= 9)?;
    Some(Duration::from_millis(number * millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_an_instant_or_how_long_ago_it_is() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().expect("an instant");
        for (text, expected) in [
            ("2h", "2026-05-01T10:00:00Z"),
            ("90s", "2026-05-01T11:58:30Z"),
            ("1500ms", "2026-05-01T11:59:58.500Z"),
            ("5m", "2026-05-01T11:55:00Z"),
            ("1d", "2026-04-30T12:00:00Z"),
            ("2026-05-01T10:28:50+02:00", "2026-05-01T08:28:50Z"),
        ] {
            let expected = expected.parse().expect("an instant");
            assert_eq!(read(text, now), Ok(expected), "{text}");
        }
        let far = read("999999999d", now).expect("long ago");
        assert!(far < now);
        for text in [
            "",
            "h",
            "2",
            "2w",
            "-2h",
            "1.5h",
            "yesterday",
            "9999999999s",
            "2 h",
        ] {
            assert!(read(text, now).is_err(), "{text}");
        }
    }
}
