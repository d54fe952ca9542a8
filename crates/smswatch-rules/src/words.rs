//! Puts notifications into words: the rule's own where it has some, else default ones that a tired
//! person understands at once.

mod change;
mod common;
mod meaning;
mod parts;
mod people;
mod plain;
mod short;
mod text;
mod title;
mod trouble;

use smswatch_model::{Event, Notification};
use smswatch_plugin::rules::Words;

pub(crate) use self::plain::plain_duration;
pub use self::short::short_words;
pub use self::text::default_text;
pub use self::title::default_title;

use crate::rule_set::{Rule, RuleSet};

impl RuleSet {
    /// The title and text of a notification, which has neither yet.
    pub(crate) fn words_of(&self, notification: &Notification) -> Words {
        let events: Vec<&Event> = notification.events.iter().collect();
        let text = text::of(&events, notification.omitted);
        let defaults = Words {
            title: title::with_omitted(default_title(&events), notification.omitted),
            text: match common::line(&notification.common) {
                Some(common) => format!("{common}\n{text}"),
                None => text,
            },
        };
        let has_own_words = |rule: &&Rule| {
            rule.name == notification.rule && (rule.title.is_some() || rule.text.is_some())
        };
        match self.rules.iter().find(has_own_words) {
            Some(rule) => self.own_words(rule, notification, defaults),
            None => defaults,
        }
    }

    /// What the rule's own templates say, where it has them and they do not fail.
    fn own_words(&self, rule: &Rule, notification: &Notification, defaults: Words) -> Words {
        // Templates can build upon the default words.
        let seen = Notification {
            title: defaults.title.clone(),
            text: defaults.text.clone(),
            ..notification.clone()
        };
        let title = rule.title.as_ref();
        let title = title.map(|name| self.templates.title(name, &seen));
        let text = rule.text.as_ref();
        let text = text.map(|name| self.templates.text(name, &seen));
        let is_broken = matches!(title, Some(None)) || matches!(text, Some(None));
        let title = title.flatten().filter(|title| !title.is_empty());
        let mut text = text.flatten().unwrap_or(defaults.text);
        if is_broken {
            let note = "(A template failed, so this alert has default words. Check rule";
            text.push_str(&format!("\n{note} {}.)", rule.name));
        }
        Words {
            title: title.unwrap_or(defaults.title),
            text,
        }
    }
}
