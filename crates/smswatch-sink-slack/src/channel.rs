//! What can be a channel of Slack, by id or name.

use smswatch_plugin::sink::InvalidConfig;

/// The longest name that Slack gives a channel, in characters, and the `#` before it.
const LONGEST: usize = 81;

/// Checks that `channel` may be one; `missing` is said where there is nothing.
///
/// # Errors
///
/// Slack knows no channel of such a name.
pub(crate) fn check(channel: &str, missing: &str) -> Result<(), InvalidConfig> {
    let name = channel.strip_prefix('#').unwrap_or(channel);
    let what = if name.trim().is_empty() {
        missing
    } else if channel.contains('/') {
        "expected a channel's id or name, and not its address; the id stands at the end of that, such as \
         C0123456789"
    } else if channel.contains(|character: char| {
        character.is_whitespace() || character.is_control() || matches!(character, ',' | ';')
    }) {
        "a message goes to one channel, and no channel has a blank or a comma in its name; name each \
         channel by itself"
    } else if channel.chars().count() > LONGEST {
        "no channel of Slack has a name that long"
    } else {
        return Ok(());
    };
    Err(InvalidConfig::at("channel", what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slack_could_never_find_is_refused() {
        for channel in [
            "#sms-alerts",
            "sms_alerts",
            "C0123456789",
            "#ειδοποιήσεις",
            "@U012AB3CD",
        ] {
            check(channel, "missing").unwrap_or_else(|error| panic!("{channel}: {error}"));
        }
        let long = "x".repeat(100);
        for channel in [
            "",
            " ",
            "#",
            "# ",
            "#a b",
            " #a",
            "#a,#b",
            "#a;#b",
            "#a\n",
            "https://example.slack.com/archives/C0123456789",
            long.as_str(),
        ] {
            let error = check(channel, "missing").expect_err(channel);
            assert_eq!(error.key(), Some("channel"));
        }
    }
}
