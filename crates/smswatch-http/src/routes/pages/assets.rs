//! `/assets`: the files that pages name.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::request::NameInPath;
use crate::routes::no_such_path;

/// The name of a file changes with what it holds.
const KEPT: &str = "public, max-age=31536000, immutable";

pub(super) async fn show(NameInPath(name): NameInPath) -> Response {
    match smswatch_pages::asset(&name) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.media_type),
                (header::CACHE_CONTROL, KEPT),
            ];
            (headers, asset.body).into_response()
        }
        None => no_such_path().await.into_response(),
    }
}
