//! What came of loading the configuration again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration was loaded again and holds from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadReply {
    /// What is different now, such as `rules` or `sinks.crm`.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Sections of the file that have changed, too, and take effect when smswatch starts again.
    #[serde(default)]
    pub needs_restart: Vec<String>,
}
