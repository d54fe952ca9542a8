//! Pages of a list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares what a list can be asked for: its own fields, and which page of it.
macro_rules! list_query {
    (
        $(#[$docs:meta])*
        $name:ident {
            $($(#[$field_docs:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$docs])*
        #[derive(
            Debug,
            Clone,
            PartialEq,
            Eq,
            Default,
            ::serde::Serialize,
            ::serde::Deserialize,
            ::schemars::JsonSchema,
        )]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_docs])* pub $field: $type,)*
            /// Where the page begins: the `next` of the one before it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(schema_with = "crate::schema::cursor")]
            pub cursor: Option<String>,
            /// How many items the page has at most: 1 to 1000, 100 unless told.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(schema_with = "crate::schema::limit")]
            pub limit: Option<String>,
        }
    };
}

pub(crate) use list_query;

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
