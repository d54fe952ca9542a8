//! The environment of the process, read at this one place.

/// The value of a variable; `None` if it is not set, or is not UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
