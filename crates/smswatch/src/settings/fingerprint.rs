//! The part of a configuration in which all replicas must agree, in one way of writing it.

use serde_json::{Map, Value};

/// What may differ from one process to the next.
const OWN: [&str; 6] = [
    "http",
    "heartbeat",
    "proxy",
    "store",
    "shutdown_timeout",
    "traces",
];

/// A configuration as text: the same whatever the order of its keys, and without what belongs to one
/// process alone. It holds secrets.
pub(super) fn shared_part(configuration: &Value) -> String {
    let mut shared = configuration.clone();
    if let Some(sections) = shared.as_object_mut() {
        sections.retain(|name, _| !OWN.contains(&name.as_str()));
    }
    sorted(shared).to_string()
}

/// The same with the keys of every object in order.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> = object.into_iter().collect();
            entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let entries = entries
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_and_what_is_a_processs_own_do_not_matter() {
        let one = json!({"http": {"listen": "a:1"}, "watch": {"a": 1, "b": [1, 2]}, "rules": []});
        let other = json!({"rules": [], "watch": {"b": [1, 2], "a": 1}, "http": {"listen": "b:2"}});
        assert_eq!(shared_part(&one), shared_part(&other));
    }

    #[test]
    fn the_order_of_rules_and_every_value_do_matter() {
        let text = |rules: Value| shared_part(&json!({ "rules": rules }));
        assert_ne!(text(json!(["a", "b"])), text(json!(["b", "a"])));
        assert_ne!(text(json!([1])), text(json!(["1"])));
    }
}
