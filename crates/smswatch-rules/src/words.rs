//! Puts notifications into words: the rule's own where it has some, else default ones that a tired
//! person understands at once.

mod campaign;
mod change;
mod in_common;
mod meaning;
mod parts;
mod people;
mod plain;
mod short;
mod text;
mod title;
mod trouble;

use std::borrow::Cow;

use smswatch_model::{Event, Link, Notification, without_turns};
use smswatch_plugin::rules::Words;

pub use self::short::short_words;
pub use self::text::default_text;
pub use self::title::default_title;

use crate::rule::{Rule, Voice};
use crate::rule_set::RuleSet;

/// The words without what would turn a line around: templates say what stands in the payload, as it came.
fn readable(mut words: Words) -> Words {
    let texts = [&mut words.title, &mut words.text].into_iter();
    for text in texts.chain(words.links.iter_mut().map(|link| &mut link.title)) {
        if let Cow::Owned(plain) = without_turns(text) {
            *text = plain;
        }
    }
    words
}

impl RuleSet {
    /// The title, text and links of a notification for `sink`, which has none yet.
    pub(crate) fn words_of(&self, notification: &Notification, sink: &str) -> Words {
        let voice = self.voices.get(sink);
        let notification = match voice.and_then(|voice| voice.tags.as_ref()) {
            None => Cow::Borrowed(notification),
            Some(tags) => {
                // What a sink may not see must not stand in its words either.
                let mut seen = notification.clone();
                seen.retain_tags(tags);
                Cow::Owned(seen)
            }
        };
        let events: Vec<&Event> = notification.events.iter().collect();
        let text = text::of(&events, notification.omitted);
        let defaults = Words {
            title: title::with_omitted(default_title(&events), notification.omitted),
            text: match in_common::line(&notification.common, notification.kind) {
                Some(common) => format!("{common}\n{text}"),
                None => text,
            },
            ..Words::default()
        };
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.name == notification.rule);
        let rule = rule
            .filter(|rule| rule.title.is_some() || rule.text.is_some() || !rule.links.is_empty());
        readable(match (rule, voice) {
            (None, None) => defaults,
            _ => self.own_words(rule, voice, sink, &notification, defaults),
        })
    }

    /// What the templates of the rule say, or else those of the sink, where they do not fail.
    fn own_words(
        &self,
        rule: Option<&Rule>,
        voice: Option<&Voice>,
        sink: &str,
        notification: &Notification,
        defaults: Words,
    ) -> Words {
        let mut failed_templates = Vec::new();
        let links = rule.map(|rule| self.links(rule, notification, &mut failed_templates));
        // Templates can build upon the default words.
        let seen = Notification {
            title: defaults.title.clone(),
            text: defaults.text.clone(),
            links: links.clone().unwrap_or_default(),
            ..notification.clone()
        };
        let timezone = voice.and_then(|voice| voice.timezone.as_deref());
        let title = rule.and_then(|rule| rule.title.as_ref());
        let title = title.or_else(|| voice?.title.as_ref());
        let title = title.map(|name| self.templates.title(name, &seen, timezone));
        let text = rule.and_then(|rule| rule.text.as_ref());
        let text = text.or_else(|| voice?.text.as_ref());
        let text = text.map(|name| self.templates.text(name, &seen, timezone));
        for (name, said) in [("title", &title), ("text", &text)] {
            if matches!(said, Some(None)) {
                failed_templates.push(name.to_owned());
            }
        }
        let title = title.flatten().filter(|title| !title.is_empty());
        let mut text = text.flatten().unwrap_or(defaults.text);
        for name in &failed_templates {
            let is_own = match name.as_str() {
                "title" => rule.is_some_and(|rule| rule.title.is_some()),
                "text" => rule.is_some_and(|rule| rule.text.is_some()),
                _ => true,
            };
            let whose = match is_own {
                true => format!("rule `{}`", notification.rule),
                false => format!("sink `{sink}`"),
            };
            let instead = match name.as_str() {
                "title" | "text" => format!("the default {name} is shown"),
                _ => "the link is left out".to_owned(),
            };
            text.push_str(&format!(
                "\n(The template `{name}` of {whose} failed; {instead}.)"
            ));
        }
        Words {
            title: title.unwrap_or(defaults.title),
            text,
            links: seen.links,
            failed_templates,
        }
    }

    /// The rule's links. One whose templates fail is left out, and noted among `failed`.
    fn links(
        &self,
        rule: &Rule,
        notification: &Notification,
        failed: &mut Vec<String>,
    ) -> Vec<Link> {
        let links = rule.links.iter().enumerate();
        let links = links.filter_map(|(place, link)| {
            let made = self.templates.link(&link.title, &link.url, notification);
            if made.is_none() {
                failed.push(format!("links[{place}]"));
            }
            made
        });
        links.collect()
    }
}
