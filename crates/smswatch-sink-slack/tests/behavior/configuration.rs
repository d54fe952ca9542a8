//! What of a configuration makes no sense, and how that is told.

use serde_json::{Value, json};
use smswatch_plugin::schemars::schema_for;
use smswatch_sink_slack::{SlackConfig, SlackOverrides};

use crate::configured;

/// The key and the text of a configuration's error.
fn error(config: Value) -> String {
    let error = configured(config).expect_err("it makes no sense");
    format!("{}: {error}", error.key().unwrap_or("-"))
}

#[test]
fn what_makes_no_sense_is_told_with_its_key() {
    let webhook = "https://hooks.slack.com/services/T/B/X";
    let errors = [
        error(json!({})),
        error(json!({"channel": "#x"})),
        error(json!({"webhook_url": webhook, "bot_token": "xoxb-1", "channel": "#x"})),
        error(json!({"webhook_url": webhook, "channel": "#x"})),
        error(json!({"webhook_url": "hooks.slack.com/services/T/B/X"})),
        error(json!({"webhook_url": "slack://x"})),
        error(json!({"bot_token": "xoxb-1"})),
        error(json!({"bot_token": "xoxb-1", "channel": " "})),
        error(json!({"bot_token": "xoxb 1", "channel": "#x"})),
        error(json!({"bot_token": "xoxb-1", "channel": "#x", "api_url": "slack.com"})),
        error(json!({"bot_token": "xoxb-1", "channel": "#x", "api_url": "http://a:b@x"})),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn unknown_keys_are_refused() {
    let config = serde_json::from_value::<SlackConfig>(json!({"webhook": "x"}));
    assert!(config.is_err());
    let overrides = serde_json::from_value::<SlackOverrides>(json!({"mentions": []}));
    assert!(overrides.is_err());
}

#[test]
fn the_schemas_describe_every_key() {
    insta::assert_json_snapshot!("schema_of_the_configuration", schema_for!(SlackConfig));
    insta::assert_json_snapshot!("schema_of_the_overrides", schema_for!(SlackOverrides));
}
