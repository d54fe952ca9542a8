//! What an operator writes for a program, and what of it makes no sense.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_plugin::sink::InvalidConfig;
use smswatch_plugin::{Redactor, Secret};

/// What the names of smswatch's own variables begin with.
pub(crate) const OWN_PREFIX: &str = "SMSWATCH_";

/// A line of a longer credential is hidden by itself if it is as long as this.
const SHORTEST_LINE: usize = 16;

/// A program that is started for each notification.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecConfig {
    /// The program and its arguments. No shell reads them, and every user of the machine can see them:
    /// put credentials into `env`. Required. Example: `[/usr/local/bin/page, --team, sms]`.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,

    /// What the program reads on its standard input: `json`, the document that webhooks get, or
    /// `text`, the title and the text for people. Default: `json`.
    #[serde(default)]
    pub stdin: Input,

    /// Variables for the program's environment; their values are treated as credentials. Beside them it
    /// has `PATH`, `HOME`, `LANG` and those that begin with `SMSWATCH_`. Default: none. Example:
    /// `{PAGER_TOKEN: x}`.
    #[serde(default)]
    pub env: BTreeMap<String, Secret>,
}

/// What a program reads on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// `type`, `timestamp` and `data`, as webhooks have them.
    #[default]
    Json,
    /// The title, the text and the links, for people.
    Text,
}

impl ExecConfig {
    /// The name of the program and its arguments.
    pub(crate) fn checked_command(&self) -> Result<(&str, &[String]), InvalidConfig> {
        let wrong = |what: &str| Err(InvalidConfig::at("command", what));
        match self.command.split_first() {
            None => wrong("expected a program and its arguments, such as [/usr/local/bin/page]"),
            Some((program, _)) if program.trim().is_empty() => wrong("the program has no name"),
            Some(_) if self.command.iter().any(|part| part.contains('\0')) => {
                wrong("no program can be given a zero byte")
            }
            Some((program, arguments)) => Ok((program, arguments)),
        }
    }

    /// Checks the variables that the operator names.
    pub(crate) fn check_env(&self) -> Result<(), InvalidConfig> {
        let wrong = |what: String| Err(InvalidConfig::at("env", what));
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return wrong(format!(
                    "`{}` cannot be the name of a variable",
                    name.escape_debug()
                ));
            }
            if name.starts_with(OWN_PREFIX) {
                return wrong(format!(
                    "`{name}`: smswatch itself sets what begins with `{OWN_PREFIX}`"
                ));
            }
            if value.reveal().contains('\0') {
                return wrong(format!("the value of `{name}` has a zero byte in it"));
            }
        }
        Ok(())
    }

    /// All credentials that the program might repeat: the variables, and arguments that are URLs.
    pub(crate) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        let mut hide = |value: &str| {
            redactor.hide(value);
            if value.contains("://") {
                value
                    .split_whitespace()
                    .for_each(|url| redactor.hide_url(url));
            }
        };
        for value in self.env.values().map(Secret::reveal) {
            hide(value);
            // Only single lines of what a program says are kept.
            let lines = value.lines().map(str::trim);
            lines
                .filter(|line| line.len() >= SHORTEST_LINE)
                .for_each(&mut hide);
        }
        let urls = self.command.iter().filter(|part| part.contains("://"));
        urls.for_each(|url| hide(url));
        redactor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_may_repeat_of_its_credentials_is_hidden() {
        let config = ExecConfig {
            command: ["notify", "slack://a-token/b-token-of-20-bytes", "--verbose"]
                .map(str::to_owned)
                .into(),
            stdin: Input::Json,
            env: [
                ("KEY", "-----BEGIN-----\nMIIEvQIBADANBgkq\n"),
                ("SHORT", "abc"),
            ]
            .map(|(name, value)| (name.to_owned(), Secret::new(value)))
            .into(),
        };
        let said = "no MIIEvQIBADANBgkq, no slack://a-token/b-token-of-20-bytes, no b-token-of-20-bytes, but --verbose abc";
        assert_eq!(
            config.redactor().clean(said),
            "no [hidden], no [hidden], no [hidden], but --verbose abc"
        );
    }
}
