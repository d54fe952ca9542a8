//! Addresses of links: values are encoded as they are written, and the whole must be one of the web.

use std::fmt::Write as _;

use minijinja::{AutoEscape, Error, ErrorKind, Output, State, Value};
use url::Url;

/// The way of escaping in a template of an address.
const ESCAPE: &str = "url";

/// How a template is escaped: the name of one of an address ends in `/url`.
pub(super) fn escape_of(template: &str) -> AutoEscape {
    match template.ends_with("/url") {
        true => AutoEscape::Custom(ESCAPE.into()),
        false => AutoEscape::None,
    }
}

/// Writes a value; in an address, it becomes one piece of it.
pub(super) fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if !matches!(state.auto_escape(), AutoEscape::Custom(name) if name == ESCAPE) {
        return minijinja::escape_formatter(out, state, value);
    }
    if value.is_none() {
        return Ok(());
    }
    let text = value.to_string();
    text.bytes()
        .try_for_each(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.write_char(char::from(byte))
            }
            _ => write!(out, "%{byte:02X}"),
        })
        .map_err(|_| Error::from(ErrorKind::WriteFailure))
}

/// Whether a browser can open it: an address that begins with `http://` or `https://`.
pub(super) fn is_of_the_web(address: &str) -> bool {
    let url = Url::parse(address);
    url.is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}
