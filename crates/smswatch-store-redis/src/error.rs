//! Says of Redis's errors whether waiting can help. Their texts name commands, never values.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use smswatch_core::store::StoreError;

pub(crate) fn store_error(error: &RedisError) -> StoreError {
    if is_passing(error) {
        StoreError::Unavailable(error.to_string())
    } else {
        StoreError::Unexpected(error.to_string())
    }
}

/// Whether the same call may succeed later without anybody changing the call.
pub(crate) fn is_passing(error: &RedisError) -> bool {
    const CODES: [&str; 11] = [
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOAUTH",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "TRYAGAIN",
        "WRONGPASS",
    ];
    let by_code = error.code().is_some_and(|code| CODES.contains(&code));
    let by_kind = matches!(
        error.kind(),
        ErrorKind::Io
            | ErrorKind::AuthenticationFailed
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::TryAgain
            )
    );
    // A script that runs into the memory limit tells of it within the text of another error.
    by_code
        || by_kind
        || is_forbidden(error)
        || error.is_timeout()
        || error.to_string().contains("OOM command")
}

/// Whether Redis does not accept the login.
pub(crate) fn is_refusal(error: &RedisError) -> bool {
    let by_code = matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
    by_code || error.kind() == ErrorKind::AuthenticationFailed
}

/// Whether the login is not allowed to do what it is asked. Within a script Redis says so in words
/// alone.
pub(crate) fn is_forbidden(error: &RedisError) -> bool {
    error.code() == Some("NOPERM") || error.to_string().contains("The user executing the script")
}

/// Redis answered with something that no version of the scripts answers.
pub(crate) fn strange(what: &str) -> StoreError {
    StoreError::Unexpected(format!(
        "Redis answered a script in an unexpected way: {what}"
    ))
}
