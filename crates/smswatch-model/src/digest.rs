//! A notification as a person reads it: what its text says, and what its events say beyond that.
//!
//! The default texts name sender, recipient and labels in lines, and sinks show the same as fields or
//! tables. A digest tells everything once: lines that only repeat facts are left out of the text.

use std::borrow::Cow;

use crate::{Event, EventKind, Message, Notification, plain_instant, plain_word, without_turns};

/// With which words a line begins that only tells facts, and of which else it is made.
const FACT_WORDS: [&str; 7] = [
    "from", "to", "label", "campaign", "groups", "tags", "message",
];

/// What a notification says, everything once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digest {
    /// The text without the lines that `facts` and `rows` say.
    pub prose: String,
    /// What is known of the one message that it is about, or what its events share: names and values.
    pub facts: Vec<(String, String)>,
    /// Its events one by one, if they are about several messages.
    pub rows: Vec<DigestRow>,
}

/// One event among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRow {
    /// What happened: `Sent → Undelivered (Carrier Violation)`.
    pub what: String,
    /// When, such as `2026-05-01 10:28:49 UTC`.
    pub at: String,
    /// The recipient, as far as it may be told.
    pub to: Option<String>,
    /// Country and operator.
    pub place: Option<String>,
    /// The label that its sender gave it.
    pub label: Option<String>,
    /// The message's id.
    pub message_id: String,
}

impl Notification {
    /// What this notification says, everything once.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digest = match self.events.last() {
            Some(event) if self.omitted == 0 && self.is_about(event) => self.about_one(event),
            _ => self.about_several(),
        };
        digest.turn_nothing();
        digest
    }

    /// Whether all events are about the message of this one.
    fn is_about(&self, event: &Event) -> bool {
        let id = &event.message.message_id;
        self.events
            .iter()
            .all(|other| other.message.message_id == *id)
    }

    fn about_one(&self, event: &Event) -> Digest {
        let message = &event.message;
        let values = values(message);
        let prose = self.text.lines();
        let prose: Vec<&str> = prose.filter(|line| !only_facts(line, &values)).collect();
        let prose = prose.join("\n").trim().to_owned();
        let mut facts = Facts::default();
        let current = event.current.as_ref();
        let status =
            current.map(|current| status(&current.status, current.detailed_status.as_deref()));
        let finest = current.map(|current| {
            let detail = current.detailed_status.as_ref();
            detail.unwrap_or(&current.status).to_lowercase()
        });
        if !finest.is_some_and(|word| self.says(&word)) {
            facts.add("Status", status);
        }
        let description = current.and_then(|current| current.description.as_deref());
        facts.add_unsaid(self, "Provider says", description);
        let about = event.about.as_ref();
        facts.add_unsaid(self, "About", about.map(|about| about.name.as_str()));
        let reason = about.and_then(|about| about.description.as_deref());
        facts.add_unsaid(self, "Last seen", reason);
        facts.add("From", message.from.clone());
        facts.add("To", recipient(message));
        facts.add("Label", message.label.clone());
        facts.add("Campaign", message.campaign.clone());
        facts.add("Groups", Some(message.groups.join(", ")));
        facts.add("Tags", Some(tags(message)));
        for (name, value) in &self.group {
            if !values.contains(&plain_word(value)) {
                facts.add(name, Some(value.clone()));
            }
        }
        facts.add(
            "Message",
            message.message_id.as_ref().map(ToString::to_string),
        );
        Digest {
            prose,
            facts: facts.0,
            rows: Vec::new(),
        }
    }

    fn about_several(&self) -> Digest {
        let events = self.events.iter();
        let rows: Vec<DigestRow> = events.filter_map(DigestRow::of).collect();
        let prose = self.text.lines();
        let prose: Vec<&str> = prose.filter(|line| !is_a_row(line, &rows)).collect();
        Digest {
            prose: prose.join("\n").trim().to_owned(),
            facts: self.group.clone().into_iter().collect(),
            rows,
        }
    }

    fn says(&self, words: &str) -> bool {
        let words = plain_word(words).to_lowercase();
        let said = |text: &str| text.to_lowercase().contains(&words);
        said(&self.title) || said(&self.text)
    }
}

impl Digest {
    /// Takes out of all texts what would turn those around them.
    fn turn_nothing(&mut self) {
        let facts = self.facts.iter_mut();
        let facts = facts.flat_map(|(name, value)| [name, value]);
        let rows = self.rows.iter_mut().flat_map(|row| {
            let more = [&mut row.to, &mut row.place, &mut row.label];
            more.into_iter().flatten().chain([&mut row.what])
        });
        for text in facts.chain(rows).chain([&mut self.prose]) {
            if let Cow::Owned(plain) = without_turns(text) {
                *text = plain;
            }
        }
    }
}

impl DigestRow {
    fn of(event: &Event) -> Option<Self> {
        let message = &event.message;
        let current = event.current.as_ref();
        let after =
            current.map(|current| status(&current.status, current.detailed_status.as_deref()));
        let before = event.previous.as_ref();
        let before = before.map(|before| status(&before.status, before.detailed_status.as_deref()));
        let what = match (before, after) {
            (Some(_), Some(after)) if event.refined => format!("turns out to be {after}"),
            (Some(before), Some(after)) => format!("{before} → {after}"),
            (None, Some(after)) => after,
            (_, None) => without_status(event).to_owned(),
        };
        Some(Self {
            what,
            at: plain_instant(current.map_or(event.time, |current| current.date)),
            to: message.to.clone(),
            place: place(message),
            label: message.label.clone(),
            message_id: message.message_id.as_ref()?.to_string(),
        })
    }
}

/// Facts in the order in which they are shown.
#[derive(Default)]
struct Facts(Vec<(String, String)>);

impl Facts {
    fn add(&mut self, name: &str, value: Option<String>) {
        let value = value.filter(|value| !value.trim().is_empty());
        self.0.extend(value.map(|value| (name.to_owned(), value)));
    }

    /// Adds what neither the title nor the text says.
    fn add_unsaid(&mut self, notification: &Notification, name: &str, value: Option<&str>) {
        let unsaid = value.filter(|value| !notification.says(value));
        self.add(name, unsaid.map(str::to_owned));
    }
}

/// The values that the facts of `message` show, as texts write them, the longest first.
fn values(message: &Message) -> Vec<String> {
    let id = message.message_id.as_ref().map(ToString::to_string);
    let groups = message.groups.join(", ");
    let tags = tags(message);
    let values = [
        message.from.as_deref(),
        message.to.as_deref(),
        message.country.as_deref(),
        message.operator.as_deref(),
        message.label.as_deref(),
        message.campaign.as_deref(),
        id.as_deref(),
        Some(groups.as_str()),
        Some(tags.as_str()),
    ];
    let values = values.into_iter().flatten().map(plain_word);
    let mut values: Vec<String> = values.filter(|value| !value.is_empty()).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

/// Whether `line` says nothing but these values and what they are.
fn only_facts(line: &str, values: &[String]) -> bool {
    let is_fact_word = |word: &str| {
        let word = word.to_lowercase();
        FACT_WORDS.contains(&word.as_str())
    };
    if !line.split_whitespace().next().is_some_and(is_fact_word) {
        return false;
    }
    let rest = values
        .iter()
        .fold(line.to_owned(), |line, value| line.replace(value, " "));
    rest.len() < line.len()
        && rest
            .split(|character: char| !character.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .all(is_fact_word)
}

/// Whether `line` tells of one event what its row says, as `TO in COUNTRY, message ID (WHAT)`, or counts
/// those for which the text has no line.
fn is_a_row(line: &str, rows: &[DigestRow]) -> bool {
    let counted = line
        .strip_prefix("and ")
        .and_then(|line| line.strip_suffix(" more"));
    if counted.is_some_and(|count| count.bytes().all(|byte| byte.is_ascii_digit())) {
        return !rows.is_empty();
    }
    line.ends_with(')')
        && rows.iter().any(|row| {
            let named = format!("message {} (", row.message_id);
            let begins = row
                .to
                .as_ref()
                .is_none_or(|to| line.starts_with(&plain_word(to)));
            begins && line.contains(&named)
        })
}

/// What a row says of an event that tells no status.
fn without_status(event: &Event) -> &'static str {
    match event.kind {
        EventKind::NotFound => "unknown to the provider",
        EventKind::GaveUp => "gave up: no final status",
        EventKind::Stuck => "no final status yet",
        kind => kind.word(),
    }
}

/// `+3069******01 (GR, Example Mobile)`.
fn recipient(message: &Message) -> Option<String> {
    match (&message.to, place(message)) {
        (Some(to), Some(place)) => Some(format!("{to} ({place})")),
        (Some(to), None) => Some(to.clone()),
        (None, place) => place,
    }
}

fn place(message: &Message) -> Option<String> {
    let place = [&message.country, &message.operator];
    let place: Vec<&str> = place.into_iter().flatten().map(String::as_str).collect();
    (!place.is_empty()).then(|| place.join(", "))
}

fn tags(message: &Message) -> String {
    let tags = message.tags.iter();
    let tags: Vec<String> = tags
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    tags.join(", ")
}

fn status(status: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{status} ({detail})"),
        None => status.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, values: &[&str], expected: bool) {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        assert_eq!(only_facts(line, &values), expected, "{line}");
    }

    #[test]
    fn a_line_of_facts_alone_is_left_out_and_no_other() {
        let values = [
            "+3069******01",
            "Example Mobile",
            "order-17",
            "team=crm",
            "MyShop",
            "GR",
            "m-1",
        ];
        for line in [
            "From MyShop to +3069******01 (GR, Example Mobile)",
            "To +3069******01",
            "Label order-17 · tags team=crm",
            "Message m-1",
        ] {
            check(line, &values, true);
        }
        for line in [
            "",
            "From",
            "MyShop",
            "From MyShop to +3069******01: call Bob",
            "Message m-1 failed",
            "Sent → Undelivered",
            "To whom it may concern",
        ] {
            check(line, &values, false);
        }
    }

    #[test]
    fn a_line_that_a_row_says_is_left_out_and_no_other() {
        let row = DigestRow {
            what: "Sent → Undelivered (Carrier Violation)".to_owned(),
            at: "2026-05-01 10:28:49 UTC".to_owned(),
            to: Some("+3069******01".to_owned()),
            place: Some("GR".to_owned()),
            label: None,
            message_id: "m-1".to_owned(),
        };
        let rows = [row];
        for (line, expected) in [
            (
                "+3069******01 in GR, message m-1 (Sent → Undelivered (Carrier Violation) at 10:28, 3 s later)",
                true,
            ),
            ("and 12 more", true),
            (
                "+3069******01 in GR, message m-2 (Sent → Undelivered (Carrier Violation) at 10:28)",
                false,
            ),
            (
                "Call Bob about message m-1 (Sent → Undelivered (Carrier Violation))",
                false,
            ),
            ("and more", false),
            ("and some more", false),
        ] {
            assert_eq!(is_a_row(line, &rows), expected, "{line}");
        }
        assert!(!is_a_row("and 12 more", &[]));
    }
}
