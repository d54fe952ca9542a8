//! The one shape in which every error is told: `{"error":{"code":"…","message":"…"}}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::words;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemReply {
    /// The problem.
    pub error: ProblemBody,
}

/// A problem, in a word for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemBody {
    /// What kind of problem it is.
    pub code: ProblemCode,
    /// What is wrong, and what to do.
    pub message: String,
}

words! {
    /// What kind of problem it is; programs decide by it.
    ProblemCode {
        /// Everything is busy; asking again soon helps.
        Busy = "busy",
        /// What is asked about is in another state.
        Conflict = "conflict",
        /// The token, or the page that asks, may not do this.
        Forbidden = "forbidden",
        /// A defect in smswatch.
        Internal = "internal",
        /// JSON that means nothing here; the message names the field.
        Invalid = "invalid",
        /// The body did not arrive as a whole.
        InvalidBody = "invalid_body",
        /// The configuration file has mistakes; the message tells each with its place.
        InvalidConfiguration = "invalid_configuration",
        /// A cursor that no list gave out.
        InvalidCursor = "invalid_cursor",
        /// The path holds something that cannot be an id.
        InvalidId = "invalid_id",
        /// The body is not JSON.
        InvalidJson = "invalid_json",
        /// The path is not UTF-8.
        InvalidPath = "invalid_path",
        /// The path exists, and takes other methods.
        MethodNotAllowed = "method_not_allowed",
        /// There is no such path, message, delivery or sink.
        NotFound = "not_found",
        /// The process has not started yet.
        Starting = "starting",
        /// The store did not do it, or not all of it.
        StoreUnavailable = "store_unavailable",
        /// The body took too long to arrive.
        Timeout = "timeout",
        /// The body is larger than allowed.
        TooLarge = "too_large",
        /// Too many wrong tokens came from this address; asking again after `Retry-After` helps, with another one.
        TooManyAttempts = "too_many_attempts",
        /// There is no token, or a wrong one.
        Unauthorized = "unauthorized",
        /// What is stored cannot be read by this version.
        Unreadable = "unreadable",
        /// The body is not announced as JSON.
        UnsupportedMediaType = "unsupported_media_type",
    }
}
