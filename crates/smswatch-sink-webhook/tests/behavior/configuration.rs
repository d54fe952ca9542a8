//! What of a configuration makes no sense, and how that is told.

use serde_json::{Value, json};
use smswatch_plugin::schemars::schema_for;
use smswatch_sink_webhook::WebhookConfig;

use crate::configured;

/// The key and the text of a configuration's error.
fn error(config: Value) -> String {
    let error = configured(config).expect_err("it makes no sense");
    format!("{}: {error}", error.key().unwrap_or("-"))
}

#[test]
fn what_makes_no_sense_is_told_with_its_key() {
    let url = "https://crm.example.com/hook";
    let errors = [
        error(json!({"url": "crm.example.com/s3cret"})),
        error(json!({"url": "ftp://crm.example.com/s3cret"})),
        error(json!({"url": url, "secret": "whsec_!"})),
        error(json!({"url": url, "secret": ""})),
        error(json!({"url": url, "secrets": []})),
        error(json!({"url": url, "secrets": ["a"], "secret": "b"})),
        error(json!({"url": url, "headers": {"Webhook-Id": "x"}})),
        error(json!({"url": url, "headers": {"Content-Type": "x"}})),
        error(json!({"url": url, "headers": {"not a name": "x"}})),
        error(json!({"url": url, "headers": {"x": "a\nb"}})),
        error(json!({"url": url, "headers": {"x": "a", "X": "b"}})),
        error(json!({"url": url, "secret": "whsk_c2VjcmV0"})),
        error(json!({"url": url, "content_type": "text/plain"})),
        error(json!({"url": url, "body": "{}", "format": "cloudevents"})),
        error(json!({"url": url, "body": "{{ titel }}"})),
        error(json!({"url": url, "body": "{{ title }}"})),
        error(json!({"url": url, "delivered": [404], "never": [404]})),
        error(json!({"url": url, "password": "a"})),
        error(json!({"url": url, "username": "a:b"})),
        error(json!({"url": "https://a:b@crm.example.com", "username": "a"})),
        error(json!({"url": url, "username": "a", "headers": {"Authorization": "b"}})),
        error(json!({"url": url, "ca": "no certificate"})),
        error(json!({"url": url, "client_certificate": "x"})),
        error(json!({"url": url, "client_key": "x"})),
        error(json!({"url": url, "client_certificate": "x", "client_key": "x"})),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn unknown_keys_are_refused() {
    let config = json!({"url": "https://crm.example.com", "sekret": "x"});
    let error = serde_json::from_value::<WebhookConfig>(config).expect_err("a typing error");
    assert!(error.to_string().contains("sekret"), "{error}");
}

#[test]
fn the_schema_describes_every_key() {
    insta::assert_json_snapshot!(schema_for!(WebhookConfig));
}

#[test]
fn an_address_of_the_own_house_is_refused_unless_it_is_allowed() {
    for url in [
        "http://127.0.0.1/hook",
        "http://[::ffff:169.254.169.254]/",
        "http://localhost:8080/",
    ] {
        let refused = error(json!({ "url": url }));
        assert!(refused.starts_with("url: "), "{refused}");
        assert!(refused.contains("`allow_private: true`"), "{refused}");
        configured(json!({"url": url, "allow_private": true})).expect("it is allowed");
    }
}
