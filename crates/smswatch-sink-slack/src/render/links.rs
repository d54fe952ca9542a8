//! Links as buttons, which a thumb finds; what cannot be a button is a line of text.

use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement,
    SlackBlockPlainText,
};
use smswatch_model::Link;
use url::Url;

use super::{COUNTING, section};
use crate::mrkdwn::{length, link, one_line};

/// How many links are buttons at most; Slack's own limit is 25.
const BUTTONS: usize = 5;

/// Slack's limit for the words on a button.
const WORDS: usize = 75;

/// Slack's limit for the address behind a button.
const ADDRESS: usize = 3000;

/// How many links are shown at most.
const LINKS: usize = 10;

/// How much words and addresses of all links have together.
pub(super) const ROOM: usize = 2_500;

/// The blocks that show `links`.
pub(super) fn blocks(links: &[Link]) -> Vec<SlackBlock> {
    let (mut buttons, mut others) = (Vec::new(), Vec::new());
    let mut room = ROOM;
    for link in links {
        let size = length(&link.url) + WORDS;
        match button(link, buttons.len()) {
            Some(button) if buttons.len() < BUTTONS && size + COUNTING < room => {
                room -= size;
                buttons.push(button);
            }
            _ => others.push(link),
        }
    }
    let shown = LINKS - buttons.len();
    let mut blocks = Vec::new();
    if !buttons.is_empty() {
        blocks.push(SlackActionsBlock::new(buttons).into());
    }
    if !others.is_empty() {
        blocks.push(section(lines(&others, shown, room)));
    }
    blocks
}

/// The `n`th button, if Slack takes the link for one.
fn button(link: &Link, n: usize) -> Option<SlackActionBlockElement> {
    let url: Url = link.url.parse().ok()?;
    let is_page = matches!(url.scheme(), "http" | "https");
    let words = one_line(&link.title, WORDS);
    if !is_page || length(url.as_str()) > ADDRESS || words.trim().is_empty() {
        return None;
    }
    let words = SlackBlockPlainText::new(words).with_emoji(false);
    let button = SlackBlockButtonElement::new(words.into());
    let button = button.with_action_id(format!("open_link_{n}").into());
    Some(button.with_url(url).into())
}

/// Links one below the other, at most `most` and as many as fit into `room`, and how many there are beyond them.
fn lines(links: &[&Link], most: usize, room: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for place in links.iter().take(most) {
        let line = link(&place.url, &place.title);
        let so_far: usize = lines.iter().map(|line| length(line) + 1).sum();
        if so_far + length(&line) + COUNTING > room {
            break;
        }
        lines.push(line);
    }
    let more = links.len() - lines.len();
    match more {
        0 => {}
        1 => lines.push("and 1 more link".to_owned()),
        _ => lines.push(format!("and {more} more links")),
    }
    lines.join("\n")
}
