//! When a receiver asks to be tried again.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// How long the receiver asks to wait: seconds, or until a date, which is held against the answer's
/// own date where it has one, because clocks differ.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    // `parse` alone would take a sign, too.
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let answered = text(headers, DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    // A date that has passed means now.
    Some(
        until
            .duration_since(answered.unwrap_or(now))
            .unwrap_or_default(),
    )
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 7 seconds before the dates below, by the clock of this machine.
    const NOW: Duration = Duration::from_secs(784_111_770);

    fn wait(headers: &[(HeaderName, &str)]) -> Option<Duration> {
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, value.parse().expect("a value")));
        retry_after(&headers.collect(), SystemTime::UNIX_EPOCH + NOW)
    }

    fn check(value: &str, expected: Option<u64>) {
        let expected = expected.map(Duration::from_secs);
        assert_eq!(wait(&[(RETRY_AFTER, value)]), expected, "{value}");
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date_of_any_form() {
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("18446744073709551615", Some(u64::MAX));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(7));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(7));
        check("Sun Nov  6 08:49:37 1994", Some(7));
        check("Sun, 06 Nov 1994 08:49:00 GMT", Some(0));
    }

    #[test]
    fn what_makes_no_sense_is_as_good_as_nothing() {
        for value in ["soon", "-5", "+5", "1.5", "1e3", "18446744073709551616", ""] {
            check(value, None);
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_date_is_held_against_the_clock_of_the_one_who_wrote_it() {
        let until = (RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT");
        for (date, expected) in [
            ("Sun, 06 Nov 1994 08:48:37 GMT", 60),
            ("Sunday, 06-Nov-94 08:49:07 GMT", 30),
            ("Sun, 06 Nov 1994 09:49:37 GMT", 0),
            ("not a date", 7),
        ] {
            let wait = wait(&[until.clone(), (DATE, date)]);
            assert_eq!(wait, Some(Duration::from_secs(expected)), "{date}");
        }
    }
}
