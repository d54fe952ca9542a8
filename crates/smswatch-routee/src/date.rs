//! Dates as Routee writes them, and as its gateways and older versions might.

use smswatch_plugin::model::Timestamp;

use crate::loose::clean;

/// The beginning of 2000, in seconds since 1970: no message of Routee's is older. Programs write the first
/// moment that they can hold (of the year 1, of 1900, of 1970) where they have no date.
const EARLIEST: i64 = 946_684_800;

/// Reads a date with its time; `None` if it cannot be told which instant it means.
///
/// One without a zone is in UTC, as all of Routee's are. A number counts seconds or milliseconds since
/// 1970, whichever makes it a date of this age.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    written(text).filter(|instant| instant.as_seconds() >= EARLIEST)
}

fn written(text: &str) -> Option<Timestamp> {
    let text = clean(text);
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    if let Ok(number) = text.parse::<f64>() {
        return counted(number);
    }
    let text = text.to_ascii_uppercase();
    let local = ["UTC", "GMT", "Z"]
        .iter()
        .find_map(|zone| text.strip_suffix(zone))
        .unwrap_or(&text);
    // A day without a time would be taken for its first moment.
    if !local.contains(':') {
        return None;
    }
    format!("{}Z", local.trim_end().replacen(' ', "T", 1))
        .parse()
        .ok()
}

fn counted(number: f64) -> Option<Timestamp> {
    let millis = match number {
        1e9..1e11 => number * 1000.0,
        1e12..1e14 => number,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "less than 1e14")]
    Some(Timestamp::from_millis(millis as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_known_form_are_read() {
        for (text, expected) in [
            ("2024-05-01T10:28:49Z", "2024-05-01T10:28:49Z"),
            ("2024-05-01T12:28:49.5+02:00", "2024-05-01T10:28:49.500Z"),
            ("2024-05-01T10:28:49+0000", "2024-05-01T10:28:49Z"),
            ("2024-05-01T10:28:49", "2024-05-01T10:28:49Z"),
            ("2024-05-01 10:28:49", "2024-05-01T10:28:49Z"),
            ("2024-05-01  10:28:49.25", "2024-05-01T10:28:49.250Z"),
            ("2024-05-01 10:28:49 UTC", "2024-05-01T10:28:49Z"),
            ("2024-05-01 10:28:49 gmt", "2024-05-01T10:28:49Z"),
            ("2024-05-01T10:28", "2024-05-01T10:28:00Z"),
            ("1714559329", "2024-05-01T10:28:49Z"),
            ("1714559329000", "2024-05-01T10:28:49Z"),
            ("1714559329.5", "2024-05-01T10:28:49.500Z"),
            ("2024-05-01T10:28:49Z\u{fffd}", "2024-05-01T10:28:49Z"),
            ("\u{200b}2024-05-01\u{a0}10:28:49", "2024-05-01T10:28:49Z"),
        ] {
            let instant = read(text).unwrap_or_else(|| panic!("{text} is not read"));
            assert_eq!(instant.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_tells_no_instant_is_no_date() {
        for text in [
            "",
            "yesterday",
            "2024-05-01",
            "0",
            "-1",
            "17",
            "1e300",
            "NaN",
            "12:30",
            "01/05/2024 10:28:49",
            "0001-01-01T00:00:00Z",
            "0001-01-01 00:00:00",
            "-0001-01-01T00:00:00Z",
            "1900-01-01T00:00:00+02:00",
            "1970-01-01T00:00:00.000Z",
            "1999-12-31T23:59:59Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
