//! Times, numbers and texts of others as pages show them.

use maud::{Markup, html};
use smswatch_model::{Event, EventKind, Timestamp, turns_direction};

/// How many characters of a text of others stand in a line.
const LINE: usize = 100;

/// An instant: UTC, until the script makes it local.
pub(crate) fn at(instant: Timestamp) -> Markup {
    let utc = utc(instant);
    html! { time datetime=(instant.to_string()) title=(utc) { (utc) } }
}

/// An instant, and how long before `now` it was.
pub(crate) fn since(instant: Timestamp, now: Timestamp) -> Markup {
    html! { (at(instant)) " (" (span(now.since(instant).as_secs())) ")" }
}

/// `2026-05-01 10:28:49 UTC`.
pub(crate) fn utc(instant: Timestamp) -> String {
    let text = instant.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let time = time.split(['.', 'Z']).next().unwrap_or_default();
    format!("{date} {time} UTC")
}

/// A length of time in its largest unit and the one below: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. No line breaks within it.
pub(crate) fn span(seconds: u64) -> String {
    lengths(seconds).replace(' ', "\u{a0}")
}

fn lengths(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, name: &str, small: u64, below: &str| match small {
        0 => format!("{large} {name}"),
        small => format!("{large} {name} {small} {below}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 message`, `1,200 messages`.
pub(crate) fn count(value: u64, one: &str, many: &str) -> String {
    match value {
        1 => format!("1 {one}"),
        value => format!("{} {many}", number(value)),
    }
}

/// A text of others within a line: cut, apart from the direction of what stands around it, and without control characters.
pub(crate) fn line(text: &str) -> Markup {
    shown(text, LINE)
}

/// The same of a text that may take some lines.
pub(crate) fn paragraph(text: &str) -> Markup {
    shown(text, 4 * LINE)
}

/// A sentence of smswatch about texts of others, in which names stand between backticks.
pub(crate) fn sentence(text: &str) -> Markup {
    let most = 4 * LINE;
    if text.chars().count() > most || text.matches('`').count() % 2 == 1 {
        return paragraph(text);
    }
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @let plain: String = seen(part).collect();
            @if index % 2 == 1 { code { bdi { (plain) } } } @else if !plain.is_empty() { bdi { (plain) } }
        }
    }
}

/// A text of others where no elements can stand.
pub(crate) fn cut(text: &str) -> String {
    seen(text).take(LINE).collect()
}

fn shown(text: &str, most: usize) -> Markup {
    let all = seen(text).count();
    let plain: String = seen(text).take(most).collect();
    html! {
        bdi { (plain) }
        @if all > most {
            "… (" (count(u64::try_from(all - most).unwrap_or(u64::MAX), "more character", "more characters")) ")"
        }
    }
}

/// The character as it stands in a text of several lines.
pub(crate) fn printable(character: char) -> char {
    match character {
        '\n' => '\n',
        character => plain(character),
    }
}

/// The characters of a text as they stand in a line, but for those that would turn the text around it.
fn seen(text: &str) -> impl Iterator<Item = char> {
    let seen = text.chars().filter(|letter| !turns_direction(*letter));
    seen.map(plain)
}

fn plain(character: char) -> char {
    match character {
        '\n' | '\t' => ' ',
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        character => character,
    }
}

/// `Undelivered (Carrier Violation)`.
pub(crate) fn status(status: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{status} ({detail})"),
        None => status.to_owned(),
    }
}

/// An event in one line: what was, and what is.
pub(crate) fn what_happened(event: &Event) -> String {
    let about = event.about.as_ref().map_or("", |about| about.name.as_str());
    match event.kind {
        EventKind::StatusChanged => {}
        EventKind::Stuck => return "no final status yet".to_owned(),
        EventKind::NotFound => return "not known to the provider".to_owned(),
        EventKind::GaveUp => return "gave up: no final status".to_owned(),
        EventKind::UnknownStatus => return "a status that is not documented".to_owned(),
        EventKind::CampaignFinished => return format!("campaign {about} has ended"),
        EventKind::AlertFiring => return format!("alert {about} fires"),
        EventKind::AlertResolved => return format!("alert {about} is resolved"),
        EventKind::SinkDown => return format!("sink {about} is down"),
        EventKind::SinkRecovered => return format!("sink {about} works again"),
        EventKind::DeadLetter => return format!("dead letters for sink {about}"),
        EventKind::ProviderDown => return "the provider gives no usable answers".to_owned(),
        EventKind::ProviderAuthFailed => {
            return "the provider refuses the credentials".to_owned();
        }
        EventKind::PollingBehind => return "polling is behind".to_owned(),
        EventKind::CallbacksSilent => return "no more callbacks from the provider".to_owned(),
        EventKind::Test => return format!("test of sink {about}"),
    }
    let part = match (event.part.number, event.message.part_count) {
        (Some(number), Some(count)) if count > 1 => format!("part {number} of {count}: "),
        _ => String::new(),
    };
    let current = event.current.as_ref();
    let current = current.map_or_else(
        || "nothing".to_owned(),
        |current| status(&current.status, current.detailed_status.as_deref()),
    );
    match &event.previous {
        Some(previous) => {
            let before = status(&previous.status, previous.detailed_status.as_deref());
            format!("{part}{before} → {current}")
        }
        None => format!("{part}{current}, when first seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_in_two_units_at_most() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3600, "1 h"),
            (11_100, "3 h 5 min"),
            (86_400, "1 d"),
            (187_200, "2 d 4 h"),
        ] {
            assert_eq!(span(seconds), expected.replace(' ', "\u{a0}"));
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (value, expected) in [
            (7, "7"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(value), expected);
        }
        assert_eq!(count(1, "message", "messages"), "1 message");
        assert_eq!(count(0, "message", "messages"), "0 messages");
    }

    #[test]
    fn names_in_a_sentence_stand_apart() {
        assert_eq!(
            sentence("notifies `<crm>`").into_string(),
            "<bdi>notifies </bdi><code><bdi>&lt;crm&gt;</bdi></code>"
        );
        assert_eq!(sentence("a ` alone").into_string(), "<bdi>a ` alone</bdi>");
        let long = sentence(&"`x` ".repeat(10_000)).into_string();
        assert!(long.len() < 1_000, "{} bytes", long.len());
    }

    #[test]
    fn a_text_of_others_neither_runs_nor_turns_what_stands_beside_it() {
        let hostile = "<script>alert(1)</script>\u{202e}abc\u{1b}[2J\0";
        let shown = line(hostile).into_string();
        assert_eq!(
            shown,
            "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;abc\u{fffd}[2J\u{fffd}</bdi>"
        );
        let long = line(&"é".repeat(10_000)).into_string();
        assert!(long.ends_with("</bdi>… (9,900 more characters)"), "{long}");
    }
}
