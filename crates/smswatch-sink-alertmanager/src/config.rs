//! What an operator writes for Alertmanager, and what a rule may ask of it.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_sink_kit::{InvalidConfig, Secret, Span};

/// Labels that the sink itself sets: they say which alert it is.
const OWN_LABELS: [&str; 3] = ["alertname", "key", "severity"];

/// An Alertmanager to which alerts are posted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerConfig {
    /// Where Alertmanager is, with its prefix if it has one. A user and password in it become basic
    /// authentication. Required; treated as a credential. Example: `http://alertmanager.example.com:9093`.
    pub url: Secret,

    /// A token that is sent as `Authorization: Bearer`. Default: none.
    #[serde(default)]
    pub token: Option<Secret>,

    /// Further labels of every alert. Not `alertname`, `key` or `severity`, which the sink sets. Default: none.
    /// Example: `{team: messaging}`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,

    /// How long an alert on a rate fires at most, counted from when it was sent, if its end is never told. Let it be
    /// longer than the rule's `repeat`. Default: `24h`.
    #[serde(default = "fires_for")]
    pub fires_for: Span,

    /// How long everything else is an alert: what happened to a message is never undone. Default: `1h`.
    #[serde(default = "lasts_for")]
    pub lasts_for: Span,
}

fn fires_for() -> Span {
    Span::from_secs(24 * 60 * 60)
}

fn lasts_for() -> Span {
    Span::from_secs(60 * 60)
}

/// How long alerts last whose end is never told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    /// Of an alert on a rate while it fires.
    pub(crate) firing: Duration,
    /// Of everything else.
    pub(crate) other: Duration,
}

impl Lifetimes {
    /// Those that are configured.
    ///
    /// # Errors
    ///
    /// One of them is nothing: Alertmanager would never show the alert.
    pub(crate) fn of(config: &AlertmanagerConfig) -> Result<Self, InvalidConfig> {
        let checked = |key: &'static str, span: Span| match span.duration() {
            Duration::ZERO => Err(InvalidConfig::at(
                key,
                "an alert that lasts for `0s` is never shown",
            )),
            duration => Ok(duration),
        };
        Ok(Self {
            firing: checked("fires_for", config.fires_for)?,
            other: checked("lasts_for", config.lasts_for)?,
        })
    }
}

/// What a rule may ask of Alertmanager beside the sink's name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerOverrides {
    /// Further labels, which take the place of the sink's of the same name. Default: none. Example: `{team: otp}`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Checks the names of configured labels.
///
/// # Errors
///
/// Alertmanager takes no such name, or the sink sets that label itself.
pub(crate) fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), InvalidConfig> {
    for name in labels.keys() {
        let wrong = |what: &str| Err(InvalidConfig::at("labels", format!("`{name}` {what}")));
        if OWN_LABELS.contains(&name.as_str()) {
            return wrong("is set by the sink itself");
        }
        if label_name(name) != *name || name.starts_with("__") {
            return wrong(
                "cannot be the name of a label: letters, digits and `_`, and no digit first",
            );
        }
    }
    Ok(())
}

/// `name` as the name of a label: what cannot stand in one becomes `_`.
pub(crate) fn label_name(name: &str) -> String {
    let is_fine = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    let mut label: String = name
        .chars()
        .map(|sign| if is_fine(sign) { sign } else { '_' })
        .collect();
    if !label.starts_with(|first: char| !first.is_ascii_digit()) {
        label.insert(0, '_');
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_the_name_of_a_label_is_mended_in_groups_and_refused_in_the_configuration() {
        let check = |name: &str, mended: &str, is_fine: bool| {
            assert_eq!(label_name(name), mended);
            let labels = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
            assert_eq!(check_labels(&labels).is_ok(), is_fine, "{name}");
        };
        check("team", "team", true);
        check("tags.team", "tags_team", false);
        check("2nd", "_2nd", false);
        check("", "_", false);
        check("__name__", "__name__", false);
        check("severity", "severity", false);
    }
}
