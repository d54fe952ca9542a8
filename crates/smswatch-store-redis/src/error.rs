//! Says of Redis's errors whether waiting can help. Their texts name commands, never values.

use redis::{ErrorKind, RedisError};
use smswatch_plugin::store::StoreError;

/// Makes a store's error of an error of the link to `address`.
pub(crate) fn store_error(error: &RedisError, address: &str) -> StoreError {
    let words = words(error, address);
    if is_passing(error) {
        StoreError::Unavailable(words)
    } else {
        StoreError::Unexpected(words)
    }
}

/// What went wrong, in one sentence that names Redis's address, its own words once, and what a
/// person can do about it.
pub(crate) fn words(error: &RedisError, address: &str) -> String {
    let redis = format!("Redis at {address}");
    if is_of_cluster(error) {
        return format!("{redis} {CLUSTER} ({})", said(error));
    }
    if is_refusal(error) {
        return format!(
            "{redis} does not accept the login in `store.url`: {}",
            said(error)
        );
    }
    if is_forbidden(error) {
        return format!(
            "{redis} does not allow this user what smswatch needs; give the user of `store.url` the \
             rights that the front page of `smswatch-store-redis` lists: {}",
            said(error)
        );
    }
    if is_unknown_command(error) {
        return format!(
            "{redis} does not have a command that smswatch needs; enable it there, or use a Redis \
             that has it: {}",
            said(error)
        );
    }
    if says(error, "READONLY") {
        return format!("{redis} is a replica; `store.url` must lead to the master");
    }
    if says(error, "WRONGTYPE") {
        return format!(
            "{redis} holds a key of another program under the prefix of smswatch; remove it, or \
             choose another `store.key_prefix`: {}",
            said(error)
        );
    }
    if error.is_timeout() {
        return format!("{redis} did not answer in time");
    }
    if error.is_io_error() {
        return format!("{redis} cannot be reached: {error}");
    }
    format!("{redis}: {}", said(error))
}

/// What a node of a Redis Cluster is told to be.
pub(crate) const CLUSTER: &str = "is a node of a Redis Cluster, which this version of smswatch \
                                  cannot use; use a Redis that is not clustered";

/// Redis's own words, with the code that it begins them with. Where the library says what it was about,
/// its words stand before them.
fn said(error: &RedisError) -> String {
    let text = error.to_string();
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) if !text.replace(detail, "").contains(" - ") => {
            format!("{code} {detail}")
        }
        _ => text,
    }
}

/// Whether the same call may succeed later.
pub(crate) fn is_passing(error: &RedisError) -> bool {
    const CODES: [&str; 13] = [
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
        "UNBLOCKED",
        "UNKILLABLE",
        "WRONGPASS",
    ];
    let by_kind = matches!(
        error.kind(),
        ErrorKind::Io | ErrorKind::AuthenticationFailed | ErrorKind::ClusterConnectionNotFound
    );
    by_kind
        || is_forbidden(error)
        || is_of_cluster(error)
        || is_unknown_command(error)
        || CODES.iter().any(|code| says(error, code))
}

/// Whether this is what only a node of a Redis Cluster says: the key, or the script's keys, belong to
/// another node, or too few nodes are there.
pub(crate) fn is_of_cluster(error: &RedisError) -> bool {
    ["MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN"]
        .iter()
        .any(|code| says(error, code))
}

/// Whether Redis does not know a command, or it is disabled. Within a script Redis says so
/// in words alone.
pub(crate) fn is_unknown_command(error: &RedisError) -> bool {
    let text = error.to_string().to_lowercase();
    text.contains("unknown command") || text.contains("unknown redis command")
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
            ("-MOVED 13907 127.0.0.1:18072", true, false),
            ("-ASK 13907 127.0.0.1:18072", true, false),
            (
                "-CROSSSLOT Keys in request don't hash to the same slot",
                true,
                false,
            ),
            ("-CLUSTERDOWN Hash slot not served", true, false),
            ("ERR unknown command", true, false),
        ] {
            for error in [told(&format!("{script}{said}")), told(&said[1..])] {
                assert_eq!(is_passing(&error), is_passing_here, "{error}");
                assert_eq!(wants_another_connection(&error), wants_another, "{error}");
            }
        }
    }

    #[test]
    fn what_redis_refuses_is_told_with_its_address_and_what_to_do() {
        let lines = [
            "MOVED 13907 127.0.0.1:18072",
            "CROSSSLOT Keys in request don't hash to the same slot",
            "NOAUTH Authentication required.",
            "WRONGPASS invalid username-password pair or user is disabled.",
            "NOPERM this user has no permissions to run the 'evalsha' command",
            "ERR unknown command 'EVALSHA', with args beginning with: ",
            "ERR Unknown Redis command called from script script: on @user_script:3.",
            "READONLY You can't write against a read only replica.",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "LOADING Redis is loading the dataset in memory",
            "ERR something new",
        ];
        let told = lines.map(|line| {
            let error = store_error(&told(line), "10.0.0.7:6379");
            let kind = match error {
                StoreError::Unavailable(_) => "away",
                _ => "contents",
            };
            format!("{kind}: {error}")
        });
        insta::assert_snapshot!(told.join("\n"));
    }
}
