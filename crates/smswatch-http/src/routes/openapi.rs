//! `/openapi.json`: what all routes take and answer, as OpenAPI 3.1.

use std::sync::LazyLock;

use axum::http::{HeaderName, header};

use super::table;
use crate::callbacks;
use crate::described::{Operation, Routes, document};

/// The document, which is the same for each process of a version.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let tables = [
        table::of_process(),
        route(),
        table::of_health(),
        table::of_v1(),
    ];
    let mut described: Vec<_> = tables
        .into_iter()
        .flat_map(Routes::into_described)
        .collect();
    described.extend(callbacks::routes().into_described());
    let document = document(&described, smswatch_plugin::VERSION);
    let text = serde_json::to_string_pretty(&document).expect("it is JSON");
    format!("{text}\n")
});

/// What all routes take and answer, as OpenAPI 3.1: JSON with a line break at its end.
#[must_use]
pub fn openapi() -> &'static str {
    &DOCUMENT
}

/// The route that answers with the document. It stands here and not in the table, of which the document is made.
pub(super) fn route() -> Routes {
    Routes::of_process().get(
        "/openapi.json",
        show,
        Operation::new("openapi", "This document")
            .answers::<serde_json::Map<String, serde_json::Value>>(200, "it"),
    )
}

async fn show() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], openapi())
}
