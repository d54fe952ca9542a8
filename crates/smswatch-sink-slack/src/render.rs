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

/// How much the texts and addresses of all blocks have together. No page documents it, but Slack answers
/// `msg_blocks_too_long` from about 12,000 characters on, however they are spread, and counts more than is seen:
/// <https://github.com/slackapi/bolt-js/issues/2509>, <https://github.com/slackapi/bolt-js/issues/2867>.
const WHOLE: usize = 10_000;

/// What a section leaves free for the words that count what has no room.
const COUNTING: usize = 60;

/// What a text has at least, however much else there is to say.
const SHORTEST: usize = 500;

/// How many events are listed at most: what a person reads, and far within Slack's limits.
const LISTED: usize = 20;

/// The message about `notification` that mentions `mentions`; `note` is a remark at its foot.
pub(crate) fn content(
    notification: &Notification,
    mentions: &[Mention],
    note: Option<&str>,
) -> SlackMessageContent {
    let mut blocks = vec![header(notification)];
    let mentions: Vec<_> = mentions.iter().map(Mention::to_string).collect();
    let mentions = mentions.join(" ");
    let room = WHOLE.saturating_sub(HEADER + length(&mentions));
    if !mentions.is_empty() {
        blocks.push(section(mentions));
    }
    let headline = escaped(&headline(notification), SECTION).0;
    let details = SlackMessageAttachment::new()
        .with_color(color(notification).to_owned())
        .with_fallback(headline.clone())
        .with_blocks(details(notification, note, room));
    SlackMessageContent::new()
        .with_text(headline)
        .with_blocks(blocks)
        .with_attachments(vec![details])
}

/// What stands below the headline. The list of events has what the rest leaves of `room`: what it does not show it counts.
fn details(notification: &Notification, note: Option<&str>, room: usize) -> Vec<SlackBlock> {
    let mut blocks = Vec::new();
    let foot = foot(notification, note);
    let mut room = room.saturating_sub(length(&foot) + links::ROOM);
    // Fields and list show what the default texts say in lines: everything is said once.
    let digest = notification.digest();
    let fields = facts::fields(&digest.facts);
    let used: usize = fields.iter().map(|field| length(field)).sum();
    room = room.saturating_sub(used);
    if !digest.prose.is_empty() {
        let prose = body(&digest.prose, room.clamp(SHORTEST, SECTION));
        room = room.saturating_sub(length(&prose));
        blocks.push(section(prose));
    }
    if !fields.is_empty() {
        let fields = fields.into_iter().map(markdown).collect();
        blocks.push(SlackSectionBlock::new().with_fields(fields).into());
    }
    let list = list(&digest.rows, notification.omitted, room.min(SECTION));
    if !list.is_empty() {
        blocks.push(section(list));
    }
    blocks.extend(links::blocks(&notification.links));
    let foot = SlackBlockMarkDownText::new(foot).with_verbatim(true);
    blocks.push(SlackContextBlock::new(vec![SlackContextBlockElement::MarkDown(foot)]).into());
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

/// A text of at most `room`, and how much of it is missing.
fn body(text: &str, room: usize) -> String {
    match escaped(text, room) {
        (text, 0) => text,
        _ => {
            let (text, missing) = escaped(text, room - COUNTING);
            format!("{text} (and {missing} more characters)")
        }
    }
}

/// The first events that fit into `room`, one per line, and how many there are beyond them.
fn list(rows: &[DigestRow], omitted: u64, room: usize) -> String {
    let mut text = String::new();
    let mut shown = 0;
    for row in rows.iter().take(LISTED) {
        let line = facts::line(row);
        if length(&text) + length(&line) + COUNTING > room {
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
fn foot(notification: &Notification, note: Option<&str>) -> String {
    let mut parts = vec![
        notification.severity.as_str().to_owned(),
        format!("rule {}", value(&notification.rule, 200)),
        notification.kind.to_string(),
        value(notification.delivery_id.as_str(), 250),
    ];
    parts.extend(note.map(|note| value(note, 300)));
    parts.join(" · ")
}

#[cfg(test)]
mod tests;
