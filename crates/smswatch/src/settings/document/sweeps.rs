//! What an operator writes about sweeps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_plugin::provider::Filter;
use smswatch_rules::Span;

/// One sweep, or several.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum SweepsSection {
    // First, because an empty list would also do for one in which every option is left out.
    /// Several.
    Several(#[schemars(length(max = 8))] Vec<SweepSection>),
    /// One.
    One(SweepSection),
}

/// A sweep: Routee is asked for pages of all messages of the last hours.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepSection {
    /// How often. Default: `30s`.
    #[serde(default = "every")]
    pub(crate) every: Span,
    /// How far back, at most `7d`. Default: `2h`.
    #[serde(default = "window")]
    pub(crate) window: Span,
    /// Whether an unregistered message is watched once a sweep finds it. Default: `true`.
    #[serde(default = "register")]
    pub(crate) register: bool,
    /// What else must hold of the messages, as Routee writes it; all of it must. Default: nothing.
    #[serde(default)]
    pub(crate) filters: Vec<FilterSection>,
}

/// A filter, as Routee writes it.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterSection {
    /// `smsId`, `to`, `status.status`, `direction`, `label` or `campaign`.
    #[serde(rename = "fieldName")]
    #[schemars(length(min = 1))]
    pub(crate) field_name: String,
    /// What the field is compared with.
    #[serde(rename = "searchTerm")]
    pub(crate) search_term: String,
    /// `is`, `is_not`, `contains`, `starts_with` or `ends_with`. Default: `is`.
    #[serde(default, rename = "searchOperator")]
    pub(crate) search_operator: Option<String>,
}

impl SweepsSection {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<SweepSection> {
        match self {
            Self::One(sweep) => vec![sweep.clone()],
            Self::Several(sweeps) => sweeps.clone(),
        }
    }
}

impl From<FilterSection> for Filter {
    fn from(section: FilterSection) -> Self {
        Self {
            field: section.field_name,
            term: section.search_term,
            operator: section.search_operator,
        }
    }
}

fn every() -> Span {
    Span::from_secs(30)
}

fn window() -> Span {
    Span::from_secs(2 * 3600)
}

fn register() -> bool {
    true
}
