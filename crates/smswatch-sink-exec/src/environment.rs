//! The environment of a program: few variables of smswatch's own environment, read at this one place, what the
//! operator names, and what the notification is about.

use std::collections::BTreeMap;
use std::ffi::OsString;

use smswatch_model::Notification;
use smswatch_plugin::Secret;

/// The variables that a program has from smswatch's own environment. All others may be credentials of others.
const INHERITED: [&str; 3] = ["PATH", "HOME", "LANG"];

/// How much of a title the environment holds, in characters.
const MAX_TITLE: usize = 1_000;

/// The variables that are the same for all notifications.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Those of smswatch's own environment that every program gets, and those that the operator names.
    pub(crate) fn with(named: &BTreeMap<String, Secret>) -> Self {
        let mut variables = BTreeMap::new();
        for name in INHERITED {
            variables.extend(variable(name).map(|value| (name.into(), value)));
        }
        for (name, value) in named {
            variables.insert(name.into(), value.reveal().into());
        }
        Self(variables)
    }

    /// The value of a variable, where there is one.
    pub(crate) fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(&OsString::from(name))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.0.iter()
    }
}

/// The variables that say what a notification is about, for programs that read no JSON.
pub(crate) fn about<'a>(
    notification: &'a Notification,
    sink: &'a str,
) -> [(&'static str, String); 7] {
    [
        ("SMSWATCH_DELIVERY_ID", notification.delivery_id.as_str()),
        ("SMSWATCH_KEY", &notification.key),
        ("SMSWATCH_RULE", &notification.rule),
        ("SMSWATCH_SEVERITY", notification.severity.as_str()),
        ("SMSWATCH_SINK", sink),
        ("SMSWATCH_TITLE", &notification.title),
        ("SMSWATCH_TYPE", notification.kind.as_str()),
    ]
    .map(|(name, value)| (name, line(value)))
}

/// One line of bounded length: no variable can hold a zero byte, and few programs expect more.
fn line(text: &str) -> String {
    let characters = text.chars().take(MAX_TITLE);
    characters
        .map(|character| match character.is_control() {
            true => ' ',
            false => character,
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests {
    use smswatch_testkit::sample;

    use super::*;

    #[test]
    fn a_title_becomes_one_line_that_every_program_can_be_given() {
        let mut notification = sample::notification();
        notification.title = format!("a\0b\nc {}", "x".repeat(5_000));
        let about = about(&notification, "pager");
        let title = about.iter().find(|(name, _)| *name == "SMSWATCH_TITLE");
        let (_, title) = title.expect("it is there");
        assert!(title.starts_with("a b c xxx"), "{title}");
        assert_eq!(title.chars().count(), MAX_TITLE);
    }

    #[test]
    fn what_the_operator_names_takes_the_place_of_what_is_inherited() {
        let named = [("HOME", "/nowhere"), ("TOKEN", "t")];
        let named = named.map(|(name, value)| (name.to_owned(), Secret::new(value)));
        let environment = Environment::with(&named.into());
        assert_eq!(environment.get("HOME"), Some(&OsString::from("/nowhere")));
        assert_eq!(environment.get("TOKEN"), Some(&OsString::from("t")));
        assert!(environment.get("PATH").is_some());
        assert!(environment.iter().count() <= 4);
    }
}
