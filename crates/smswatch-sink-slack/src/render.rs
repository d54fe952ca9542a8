//! A notification as a message of Slack's Block Kit, within Slack's limits.
//!
//! What has no room is counted in the text. Severity is a word with a sign and a color beside it, never these
//! alone. Slack knows colors of attachments only, so the headline stands above one that has the rest.

mod facts;
mod links;
mod preview;

use slack_morphism::blocks::{
    SlackBlock, SlackBlockMarkDownText, SlackBlockPlainText, SlackBlockText, SlackContextBlock,
    SlackContextBlockElement, SlackHeaderBlock, SlackSectionBlock,
};
use slack_morphism::{SlackMessageAttachment, SlackMessageContent};
use smswatch_model::{DigestRow, Notification, Severity};

pub(crate) use self::preview::preview;
use crate::Mention;
use crate::mrkdwn::{escaped, length, one_line, value};

/// Slack's limit for a header.
const HEADER: usize = 150;

/// Slack's limit for the text of a section.
const SECTION: usize = 3000;

/// What a section leaves free for the words that count what has no room.
const COUNTING: usize = 60;

/// How many events are listed at most: what a person reads, and far within Slack's limits.
const LISTED: usize = 20;

/// The message about `notification` that mentions `mentions`; `note` is a remark at its foot.
pub(crate) fn content(
    notification: &Notification,
    mentions: &[Mention],
    note: Option<&str>,
) -> SlackMessageContent {
    let mut blocks = vec![header(notification)];
    if !mentions.is_empty() {
        let mentions: Vec<_> = mentions.iter().map(Mention::to_string).collect();
        blocks.push(section(mentions.join(" ")));
    }
    let headline = escaped(&headline(notification), SECTION).0;
    let details = SlackMessageAttachment::new()
        .with_color(color(notification).to_owned())
        .with_fallback(headline.clone())
        .with_blocks(details(notification, note));
    SlackMessageContent::new()
        .with_text(headline)
        .with_blocks(blocks)
        .with_attachments(vec![details])
}

/// What stands below the headline.
fn details(notification: &Notification, note: Option<&str>) -> Vec<SlackBlock> {
    let mut blocks = Vec::new();
    // Fields and list show what the default texts say in lines: everything is said once.
    let digest = notification.digest();
    if !digest.prose.is_empty() {
        blocks.push(section(body(&digest.prose)));
    }
    let fields = facts::fields(&digest.facts);
    if !fields.is_empty() {
        let fields = fields.into_iter().map(markdown).collect();
        blocks.push(SlackSectionBlock::new().with_fields(fields).into());
    }
    let list = list(&digest.rows, notification.omitted);
    if !list.is_empty() {
        blocks.push(section(list));
    }
    blocks.extend(links::blocks(&notification.links));
    blocks.push(foot(notification, note));
    blocks
}

fn headline(notification: &Notification) -> String {
    let severity = notification.severity.as_str();
    let title = &notification.title;
    format!("{} [{severity}] {title}", sign(notification))
}

/// The colors that mails have, too.
fn color(notification: &Notification) -> &'static str {
    match notification.severity {
        _ if notification.is_resolved() => "#2e9e5b",
        Severity::Info => "#2f7fb8",
        Severity::Warning => "#d9930d",
        Severity::Critical => "#d0312d",
    }
}

fn sign(notification: &Notification) -> char {
    match notification.severity {
        _ if notification.is_resolved() => '✅',
        Severity::Info => '🔵',
        Severity::Warning => '🟠',
        Severity::Critical => '🚨',
    }
}

fn header(notification: &Notification) -> SlackBlock {
    let text = one_line(&headline(notification), HEADER);
    let text = SlackBlockPlainText::new(text).with_emoji(false);
    SlackHeaderBlock::new(text.into()).into()
}

/// A block of text in which Slack finds no names by itself.
fn section(text: String) -> SlackBlock {
    SlackSectionBlock::new().with_text(markdown(text)).into()
}

fn markdown(text: String) -> SlackBlockText {
    SlackBlockText::MarkDown(SlackBlockMarkDownText::new(text).with_verbatim(true))
}

fn body(text: &str) -> String {
    match escaped(text, SECTION) {
        (text, 0) => text,
        _ => {
            let (text, missing) = escaped(text, SECTION - COUNTING);
            format!("{text} (and {missing} more characters)")
        }
    }
}

/// The first events, one per line, and how many there are beyond them.
fn list(rows: &[DigestRow], omitted: u64) -> String {
    let mut text = String::new();
    let mut shown = 0;
    for row in rows.iter().take(LISTED) {
        let line = facts::line(row);
        if length(&text) + length(&line) + COUNTING > SECTION {
            break;
        }
        text.push_str(&line);
        text.push('\n');
        shown += 1;
    }
    let all = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let more = all.saturating_add(omitted) - shown;
    if more > 0 {
        text.push_str(&format!("and {more} more"));
    }
    text.trim_end().to_owned()
}

/// The small print: severity, rule, kind, and the ids by which a repeat is recognized.
fn foot(notification: &Notification, note: Option<&str>) -> SlackBlock {
    let mut parts = vec![
        notification.severity.as_str().to_owned(),
        format!("rule {}", value(&notification.rule, 200)),
        notification.kind.to_string(),
        value(notification.delivery_id.as_str(), 250),
    ];
    parts.extend(note.map(|note| value(note, 300)));
    let text = SlackBlockMarkDownText::new(parts.join(" · ")).with_verbatim(true);
    SlackContextBlock::new(vec![SlackContextBlockElement::MarkDown(text)]).into()
}

#[cfg(test)]
mod tests;
