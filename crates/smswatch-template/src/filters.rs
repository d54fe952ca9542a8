//! The filters that templates and expressions have beside those of minijinja.

use jiff::tz::TimeZone;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use smswatch_model::PhoneNumber;

use crate::data::TIMEZONE;

/// How an instant is written if the template does not say.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S %Z";

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("duration", duration);
    environment.add_filter("count", count);
    environment.add_filter("plural", plural);
    environment.add_filter("masked", masked);
    environment.add_filter("local_time", local_time);
    environment.add_filter("cut", cut);
}

/// A number of seconds as `4 s`, `2 m 5 s`, `3 h 20 m` or `2 d 4 h`.
fn duration(seconds: &Value) -> Result<String, Error> {
    let wrong = || takes("duration", "a number of seconds", seconds);
    let seconds = f64::try_from(seconds.clone()).map_err(|_| wrong())?;
    if !(0.0..1e12).contains(&seconds) {
        return Err(wrong());
    }
    if seconds > 0.0 && seconds < 0.9995 {
        return Ok(format!("{:.0} ms", seconds * 1000.0));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0 and 10¹²"
    )]
    let seconds = seconds.round() as u64;
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(amount, _)| *amount > 0);
    let told = units[first.unwrap_or(3)..].iter().take(2).enumerate();
    let told = told.filter(|(place, (amount, _))| *place == 0 || *amount > 0);
    let told: Vec<String> = told
        .map(|(_, (amount, unit))| format!("{amount} {unit}"))
        .collect();
    Ok(told.join(" "))
}

/// How many items a list has, and a number as people write it: `12,345`.
fn count(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Number => Ok(Value::from(grouped(whole("count", value)?))),
        _ => match value.len() {
            Some(length) => Ok(Value::from(length)),
            None => Err(takes("count", "a number or a list", value)),
        },
    }
}

/// A number, or how many items a list has, with the noun that follows it: `1 message`, `12 messages`.
fn plural(value: &Value, one: &str, many: Option<&str>) -> Result<String, Error> {
    let number = match value.kind() {
        ValueKind::Seq => i64::try_from(value.len().unwrap_or(0)).unwrap_or(i64::MAX),
        _ => whole("plural", value)?,
    };
    let noun = match (number, many) {
        (1, _) => one.to_owned(),
        (_, Some(many)) => many.to_owned(),
        (_, None) => format!("{one}s"),
    };
    Ok(format!("{} {noun}", grouped(number)))
}

/// A telephone number with its middle hidden; one that is hidden already stays as it is.
fn masked(number: &Value) -> Result<String, Error> {
    let number = number
        .as_str()
        .ok_or_else(|| takes("masked", "a telephone number", number))?;
    Ok(match number.contains('*') {
        true => number.to_owned(),
        false => PhoneNumber::new(number).masked(),
    })
}

/// An instant in the time of the sink's `timezone`, in the format of `strftime`.
fn local_time(state: &State, time: &Value, format: Option<&str>) -> Result<String, Error> {
    let wrong = || takes("local_time", "a date and time", time);
    let time: jiff::Timestamp = time
        .as_str()
        .and_then(|time| time.parse().ok())
        .ok_or_else(wrong)?;
    let zone = state.lookup(TIMEZONE);
    let zone = zone.as_ref().and_then(Value::as_str);
    // A timezone is known to exist when rules are made.
    let zone = zone.and_then(|name| TimeZone::get(name).ok());
    let time = time.to_zoned_datetime(zone.unwrap_or(TimeZone::UTC));
    jiff::fmt::strtime::format(format.unwrap_or(FORMAT), &time).map_err(|_| {
        let what = "`local_time` takes a format such as \"%H:%M\"";
        Error::new(ErrorKind::InvalidOperation, what)
    })
}

/// Cuts a text to a number of characters; a text that was cut ends in `…`.
fn cut(text: &Value, most: usize) -> Result<String, Error> {
    let wrong = || takes("cut", "a text and how many characters of it to keep", text);
    let text = text.as_str().ok_or_else(wrong)?;
    let mut ends = text.char_indices().skip(most.saturating_sub(1));
    Ok(match (ends.next(), ends.next()) {
        (Some((end, _)), Some(_)) => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    })
}

/// A whole number with a comma between each three digits.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match number < 0 {
        true => format!("-{text}"),
        false => text,
    }
}

fn whole(filter: &str, value: &Value) -> Result<i64, Error> {
    i64::try_from(value.clone()).map_err(|_| takes(filter, "a whole number", value))
}

/// What a filter takes, and what it found instead, without the value itself.
fn takes(filter: &str, wanted: &str, found: &Value) -> Error {
    let what = match found.kind() {
        ValueKind::None | ValueKind::Undefined => {
            format!("`{filter}` takes {wanted}, and some events have none here")
        }
        kind => format!("`{filter}` takes {wanted}, and this is another {kind}"),
    };
    Error::new(ErrorKind::InvalidOperation, what)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn rendered(template: &str) -> String {
        let mut environment = Environment::new();
        add_to(&mut environment);
        let context = Value::from(BTreeMap::from([(TIMEZONE, "Europe/Athens")]));
        match environment.render_str(template, context) {
            Ok(text) => text,
            Err(error) => error.detail().unwrap_or("no detail").to_owned(),
        }
    }

    #[test]
    fn seconds_are_told_in_the_two_largest_units() {
        let told = [0.0, 0.25, 4.0, 59.6, 125.0, 3600.0, 12_000.0, 187_200.0]
            .map(|seconds| rendered(&format!("{{{{ {seconds}|duration }}}}")));
        let expected = [
            "0 s", "250 ms", "4 s", "1 m", "2 m 5 s", "1 h", "3 h 20 m", "2 d 4 h",
        ];
        assert_eq!(told, expected);
        insta::assert_snapshot!(rendered("{{ none|duration }}"), @"`duration` takes a number of seconds, and some events have none here");
        insta::assert_snapshot!(rendered("{{ 'x'|duration }}"), @"`duration` takes a number of seconds, and this is another string");
    }

    #[test]
    fn numbers_and_lists_are_counted() {
        assert_eq!(
            rendered("{{ 1234567|count }} {{ [1, 2]|count + 1 }}"),
            "1,234,567 3"
        );
        let plurals = "{{ 1|plural('message') }}, {{ [1, 2]|plural('message') }}, {{ 1200|plural('child', 'children') }}";
        assert_eq!(rendered(plurals), "1 message, 2 messages, 1,200 children");
    }

    #[test]
    fn a_text_is_cut_between_characters_and_never_silently() {
        let told = "{{ 'αβγδ'|cut(4) }} {{ 'αβγδε'|cut(4) }} {{ ''|cut(3) }}{{ 'ab'|cut(1) }}";
        assert_eq!(rendered(told), "αβγδ αβγ… …");
        insta::assert_snapshot!(rendered("{{ none|cut(3) }}"), @"`cut` takes a text and how many characters of it to keep, and some events have none here");
    }

    #[test]
    fn a_number_is_masked_once() {
        let numbers = "{{ '+306900000001'|masked }} {{ '+3069******01'|masked }}";
        assert_eq!(rendered(numbers), "+3069******01 +3069******01");
    }

    #[test]
    fn an_instant_is_told_in_the_time_of_the_sink() {
        let told = "{{ '2026-05-01T10:28:49Z'|local_time }}, {{ '2026-05-01T10:28:49Z'|local_time('%H:%M') }}";
        assert_eq!(rendered(told), "2026-05-01 13:28:49 EEST, 13:28");
        insta::assert_snapshot!(rendered("{{ 'noon'|local_time }}"), @"`local_time` takes a date and time, and this is another string");
        insta::assert_snapshot!(rendered("{{ '2026-05-01T10:28:49Z'|local_time('%') }}"), @"`local_time` takes a format such as \"%H:%M\"");
    }
}
