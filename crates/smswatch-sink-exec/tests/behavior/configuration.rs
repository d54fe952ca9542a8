//! What of a configuration makes no sense, and how that is told.

use serde_json::{Value, json};
use smswatch_plugin::schemars::schema_for;
use smswatch_plugin::sink::ConfiguredSink as _;
use smswatch_sink_exec::{ExecConfig, ExecOverrides};

use crate::{configured, shell};

/// The key and the text of a configuration's error.
fn error(config: Value) -> String {
    let error = configured(config).expect_err("it makes no sense");
    format!("{}: {error}", error.key().unwrap_or("-"))
}

#[test]
fn what_makes_no_sense_is_told_with_its_key() {
    let path = json!({"PATH": "/nowhere:/etc"});
    let errors = [
        error(json!({"command": []})),
        error(json!({"command": [" "]})),
        error(json!({"command": ["sh", "a\0b"]})),
        error(json!({"command": ["/nowhere/page"]})),
        error(json!({"command": ["/etc/passwd"]})),
        error(json!({"command": ["page"], "env": path})),
        error(json!({"command": ["page --team sms"], "env": path})),
        error(json!({"command": ["passwd"], "env": path})),
        error(json!({"command": ["sh"], "env": {"": "x"}})),
        error(json!({"command": ["sh"], "env": {"A=B": "x"}})),
        error(json!({"command": ["sh"], "env": {"SMSWATCH_RULE": "x"}})),
        error(json!({"command": ["sh"], "env": {"X": "a\0b"}})),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_rule_may_ask_for_arguments_and_for_nothing_else() {
    let overrides = |value: Value| serde_json::from_value::<ExecOverrides>(value);
    let sink = shell("true", &[]);
    let fine = overrides(json!({"args": ["--team", "crm"]})).expect("it reads well");
    assert!(sink.check_overrides(&fine).is_ok());
    let wrong = overrides(json!({"args": ["a\0b"]})).expect("it reads well");
    let error = sink.check_overrides(&wrong).expect_err("it makes no sense");
    assert_eq!(error.key(), Some("args"));
    assert!(overrides(json!({"arg": ["--team"]})).is_err());
}

#[test]
fn the_schema_describes_every_key() {
    insta::assert_json_snapshot!(schema_for!(ExecConfig));
}
