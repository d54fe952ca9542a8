//! Says of Redis's errors whether waiting can help. Their texts name commands, never values.

use redis::{ErrorKind, RedisError};
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
    let by_kind = matches!(
        error.kind(),
        ErrorKind::Io | ErrorKind::AuthenticationFailed | ErrorKind::ClusterConnectionNotFound
    );
    by_kind || is_forbidden(error) || CODES.iter().any(|code| says(error, code))
}

/// Whether Redis says `code`. Before Redis 7, what goes wrong within a script is told within the
/// text of another error.
fn says(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code) || error.to_string().contains(&format!("-{code} "))
}

/// Whether another connection may do better than the one that came to this: it is dead, its login is
/// no longer good, or it leads to what was the master once.
pub(crate) fn wants_another_connection(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || is_refusal(error)
        || ["MASTERDOWN", "READONLY"]
            .iter()
            .any(|code| says(error, code))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as Redis writes it.
    fn told(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        let value = value.expect("an answer");
        value.extract_error().expect_err("an error")
    }

    #[test]
    fn what_redis_6_tells_within_a_script_is_found_in_its_text() {
        let script = "ERR Error running script (call to f_0a1b): @user_script:8: \
                      @user_script: 8: ";
        for (said, is_passing_here, wants_another) in [
            (
                "-READONLY You can't write against a read only replica.",
                true,
                true,
            ),
            (
                "-MISCONF Redis is configured to save RDB snapshots",
                true,
                false,
            ),
            (
                "-NOREPLICAS Not enough good replicas to write.",
                true,
                false,
            ),
            (
                "-OOM command not allowed when used memory > 'maxmemory'.",
                true,
                false,
            ),
            ("-WRONGTYPE Operation against a key", false, false),
            ("ERR unknown command", false, false),
        ] {
            for error in [told(&format!("{script}{said}")), told(&said[1..])] {
                assert_eq!(is_passing(&error), is_passing_here, "{error}");
                assert_eq!(wants_another_connection(&error), wants_another, "{error}");
            }
        }
    }
}
