//! What an operator writes about traces.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use smswatch_plugin::Secret;

use super::HIDDEN;

/// Where traces go.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracesSection {
    /// Who takes OTLP over HTTP (`http/protobuf`): a collector of OpenTelemetry, Jaeger, Tempo. `/v1/traces` is added to it.
    /// Example: `http://127.0.0.1:4318`.
    pub(crate) endpoint: String,
    /// What stands in the head of each request; the values are treated as credentials. Default: none.
    #[serde(default, serialize_with = "hidden_values")]
    pub(crate) headers: BTreeMap<String, Secret>,
    /// The name of this service in traces (`service.name`). Default: `smswatch`.
    #[serde(default = "service_name")]
    #[schemars(length(min = 1))]
    pub(crate) service_name: String,
    /// Which part of all traces is sent, from 0 to 1; all replicas choose the same. Default: 1.
    #[serde(default = "sample_ratio")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) sample_ratio: f64,
}

fn service_name() -> String {
    "smswatch".to_owned()
}

fn sample_ratio() -> f64 {
    1.0
}

fn hidden_values<S: Serializer>(
    headers: &BTreeMap<String, Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name, HIDDEN)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_headers_hold_is_not_shown() {
        let written = json!({"endpoint": "http://h:4318", "headers": {"x-key": "hunter2"}});
        let section: TracesSection = serde_json::from_value(written).expect("a section");
        let shown = serde_json::to_value(&section).expect("JSON");
        assert_eq!(shown["headers"], json!({"x-key": HIDDEN}));
        assert!(!format!("{section:?}").contains("hunter2"));
    }
}
