//! What an HTTP answer's `Retry-After` says, for sinks and providers that speak HTTP.

use std::time::{Duration, SystemTime};

/// How long the server asks to wait. `header` returns the value of the answer's header of a name.
///
/// `Retry-After` is a whole number of seconds, or a date in any of the three forms of RFC 9110, which is
/// compared with the answer's own date where there is one, because clocks differ, else against `now`. A date
/// that has passed means at once; what makes no sense is ignored.
#[must_use]
pub fn retry_after<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    now: SystemTime,
) -> Option<Duration> {
    let value = header("retry-after")?.trim();
    // `parse` alone would take a sign, too.
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let answered = header("date").and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    let wait = until.duration_since(answered.unwrap_or(now));
    Some(wait.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 7 seconds before the dates below, by the clock of this machine.
    const NOW: Duration = Duration::from_secs(784_111_770);

    fn wait(value: &str, date: Option<&str>) -> Option<Duration> {
        let header = |name: &str| match name {
            "retry-after" => Some(value),
            "date" => date,
            _ => None,
        };
        retry_after(header, SystemTime::UNIX_EPOCH + NOW)
    }

    fn check(value: &str, expected: Option<u64>) {
        let expected = expected.map(Duration::from_secs);
        assert_eq!(wait(value, None), expected, "{value}");
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
        assert_eq!(retry_after(|_| None, SystemTime::UNIX_EPOCH), None);
    }

    #[test]
    fn a_date_is_held_against_the_clock_of_the_one_who_wrote_it() {
        let until = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (date, expected) in [
            ("Sun, 06 Nov 1994 08:48:37 GMT", 60),
            ("Sunday, 06-Nov-94 08:49:07 GMT", 30),
            ("Sun, 06 Nov 1994 09:49:37 GMT", 0),
            ("not a date", 7),
        ] {
            let wait = wait(until, Some(date));
            assert_eq!(wait, Some(Duration::from_secs(expected)), "{date}");
        }
    }
}
