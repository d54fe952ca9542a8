//! Pages of a list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct ListReply<T> {
    /// What stands on the page.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A list that has one page: of what there is, a bounded number was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Excerpt")]
pub struct ExcerptReply<T> {
    /// What was found.
    pub items: Vec<T>,
    /// The cursor of the next page: always `None`.
    pub next: Option<String>,
    /// Whether there may be more: not all was read.
    #[serde(default)]
    pub more: bool,
}

impl<T> Default for ExcerptReply<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            next: None,
            more: false,
        }
    }
}
