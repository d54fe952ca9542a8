//! The configuration that takes effect, as `smswatch config show` prints it: defaults filled in, secrets
//! hidden.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use smswatch_core::settings::{FallbackSettings, Settings, SinkSettings};
use smswatch_plugin::Secret;
use smswatch_rules::Span;

use super::document::{
    AlarmsSection, BreakerSection, CallbacksSection, CommonSinkSection, HIDDEN, HeartbeatSection,
    HistorySection, HttpSection, PrivacySection, QueueSection, RouteeSection, StoreSection,
    TracesSection, WatchSection, shown,
};
use super::walk;

/// A sound configuration as it takes effect; `rules` and `maintenance` are those that stand in it.
pub(super) fn effective(
    whole: &Value,
    configuration: &Value,
    rules: Value,
    maintenance: Value,
) -> Value {
    let mut known = configuration.clone();
    hide(whole, &mut known);
    let section = |name: &str| configuration[name].clone();
    let secret = |name: &str| configuration[name].as_str().map(Secret::new);
    let proxy = secret("proxy").unwrap_or_else(|| Secret::new("env"));
    let shutdown = match &configuration["shutdown_timeout"] {
        Value::Null => json!(Span::from(Settings::DEFAULT_SHUTDOWN_TIMEOUT)),
        given => given.clone(),
    };
    let sinks = configuration["sinks"].as_object().into_iter().flatten();
    let sinks: Map<String, Value> = sinks
        .map(|(name, sink)| (name.clone(), effective_sink(&known["sinks"][name], sink)))
        .collect();
    let mut shown = json!({
        "routee": filled::<RouteeSection>(section("routee")),
        "store": filled::<StoreSection>(section("store")),
        "watch": filled::<WatchSection>(section("watch")),
        "callbacks": filled::<Option<CallbacksSection>>(section("callbacks")),
        "http": filled::<HttpSection>(section("http")),
        "privacy": filled::<PrivacySection>(section("privacy")),
        "history": filled::<HistorySection>(section("history")),
        "alarms": filled::<AlarmsSection>(section("alarms")),
        "fault": section("fault"),
        "heartbeat": filled::<Option<HeartbeatSection>>(section("heartbeat")),
        "traces": filled::<Option<TracesSection>>(section("traces")),
        "proxy": shown(&proxy),
        "shutdown_timeout": shutdown,
        "sinks": sinks,
        "maintenance": if maintenance.is_null() { json!([]) } else { maintenance },
        "rules": if rules.is_null() { json!([]) } else { rules },
    });
    without_nulls(&mut shown);
    shown
}

/// A section with its defaults, and with secrets hidden as its type says.
fn filled<T: DeserializeOwned + Serialize>(section: Value) -> Value {
    let given = match section {
        Value::Null if serde_json::from_value::<T>(Value::Null).is_err() => json!({}),
        given => given,
    };
    let filled = serde_json::from_value::<T>(given.clone());
    let filled = filled.and_then(|filled| serde_json::to_value(filled));
    // Only a sound configuration comes here.
    filled.unwrap_or(given)
}

/// A sink as it is configured, with the defaults of what every sink has.
fn effective_sink(known: &Value, sink: &Value) -> Value {
    let (common, _) = CommonSinkSection::split(sink.as_object().cloned().unwrap_or_default());
    let mut common: CommonSinkSection =
        serde_json::from_value(Value::Object(common)).unwrap_or_default();
    common
        .concurrency
        .get_or_insert(SinkSettings::DEFAULT_CONCURRENCY);
    common
        .timeout
        .get_or_insert(SinkSettings::DEFAULT_TIMEOUT.into());
    common.retry.get_or_insert_default();
    common.breaker.get_or_insert_with(BreakerSection::default);
    common.queue.get_or_insert(QueueSection {
        max: SinkSettings::DEFAULT_QUEUE_MAX,
    });
    if common.fallback.is_some() {
        common
            .fallback_after
            .get_or_insert(FallbackSettings::DEFAULT_AFTER.into());
    }
    let (_, mut shown) = CommonSinkSection::split(known.as_object().cloned().unwrap_or_default());
    if let Ok(Value::Object(common)) = serde_json::to_value(&common) {
        shown.extend(common);
    }
    Value::Object(shown)
}

/// Hides every secret, those of custom sinks, too.
fn hide(whole: &Value, configuration: &mut Value) {
    walk::visit(whole, configuration, &mut |value, _, schemas| {
        if value.is_string() && walk::is_secret(schemas) {
            *value = json!(HIDDEN);
        }
    });
}

/// Takes out what is not configured and has no default.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
