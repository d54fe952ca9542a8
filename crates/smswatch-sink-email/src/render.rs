//! A notification as a mail: subject, text and HTML, which say the same. Pure.

mod html;
mod text;

use smswatch_plugin::model::{Digest, DigestRow, Link, Notification, Severity};

/// How many characters of a title a subject shows.
const MAX_SUBJECT: usize = 200;

/// How many events a mail lists.
const MAX_ROWS: usize = 50;

/// The subject: severity and title, on one line.
pub(crate) fn subject(notification: &Notification) -> String {
    let title: String = notification
        .title
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(MAX_SUBJECT)
        .collect();
    format!("[{}] {title}", notification.severity.as_str())
}

/// Both parts of a mail.
pub(crate) struct Parts {
    pub(crate) text: String,
    pub(crate) html: String,
}

/// The mail's parts, from one set of values.
pub(crate) fn parts(notification: &Notification) -> Parts {
    let digest = notification.digest();
    let listed = digest.rows.len().min(MAX_ROWS);
    let unlisted = u64::try_from(digest.rows.len() - listed).unwrap_or(u64::MAX);
    let prose: Vec<&str> = digest
        .prose
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let rows: Vec<Row<'_>> = digest.rows[..listed].iter().map(Row::of).collect();
    let values = Values {
        severity: notification.severity.as_str(),
        colors: Colors::of(notification),
        title: &notification.title,
        prose,
        facts: facts(&digest),
        rows,
        more: notification.omitted.saturating_add(unlisted),
        links: &notification.links,
        foot: foot(notification),
    };
    Parts {
        text: text::page(&values),
        html: html::page(&values),
    }
}

/// What both parts say.
struct Values<'a> {
    severity: &'static str,
    colors: Colors,
    title: &'a str,
    prose: Vec<&'a str>,
    facts: Vec<Fact<'a>>,
    rows: Vec<Row<'a>>,
    more: u64,
    links: &'a [Link],
    foot: Vec<FootLine>,
}

struct Fact<'a> {
    name: &'a str,
    value: &'a str,
    /// The name as a column of plain text.
    padded: String,
}

fn facts(digest: &Digest) -> Vec<Fact<'_>> {
    let names = digest.facts.iter().map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or(0) + 2;
    let facts = digest.facts.iter().map(|(name, value)| Fact {
        name,
        value,
        padded: format!("{name:width$}"),
    });
    facts.collect()
}

struct Row<'a> {
    what: &'a str,
    /// Recipient, place and label, as far as they are known.
    about: String,
    at: &'a str,
    message_id: &'a str,
}

impl<'a> Row<'a> {
    fn of(row: &'a DigestRow) -> Self {
        let about = [&row.to, &row.place, &row.label];
        let about: Vec<&str> = about.into_iter().flatten().map(String::as_str).collect();
        Self {
            what: &row.what,
            about: about.join(" · "),
            at: &row.at,
            message_id: &row.message_id,
        }
    }
}

/// The colors of a severity, or of what is well again, which mean nothing by themselves: the words stand beside them.
struct Colors {
    bar: &'static str,
    ink: &'static str,
    tint: &'static str,
    dark_ink: &'static str,
    dark_tint: &'static str,
}

impl Colors {
    fn of(notification: &Notification) -> Self {
        let [bar, ink, tint, dark_ink, dark_tint] = match notification.severity {
            _ if notification.is_resolved() => {
                ["#2e9e5b", "#1c6b3c", "#e2f5e9", "#9be0b6", "#163f28"]
            }
            Severity::Info => ["#2f7fb8", "#175a8a", "#e3f0fa", "#9fd0f3", "#173a52"],
            Severity::Warning => ["#d9930d", "#8a5a00", "#fdf1d8", "#f4cd7d", "#4a3510"],
            Severity::Critical => ["#d0312d", "#a11f1c", "#fde7e6", "#ffb3af", "#571f1d"],
        };
        Self {
            bar,
            ink,
            tint,
            dark_ink,
            dark_tint,
        }
    }
}

struct FootLine {
    name: &'static str,
    value: String,
}

/// Where the mail comes from, and where to look further.
fn foot(notification: &Notification) -> Vec<FootLine> {
    let mut foot = Vec::new();
    let events = &notification.events;
    if events
        .iter()
        .any(|event| event.message.message_id.is_some())
    {
        foot.push(FootLine {
            name: "Details of a message:",
            value: "smswatch show ID".to_owned(),
        });
    }
    foot.push(FootLine {
        name: "Rule",
        value: notification.rule.clone(),
    });
    foot.push(FootLine {
        name: "Delivery",
        value: notification.delivery_id.to_string(),
    });
    foot
}

#[cfg(test)]
mod tests;
