//! How values are written so that they stay values: as a piece of an address, inside of a JSON string, in markup.

use std::fmt::Write as _;

use minijinja::{AutoEscape, Error, ErrorKind, Output, State, Value};

use crate::data::NeverThere;

/// What becomes of a value that a template writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// It is written as it is.
    Nothing,
    /// It becomes one piece of an address, or of the body of a form: all but a few characters are encoded.
    Url,
    /// Text is written as it stands inside of a JSON string, without the quotes around it, and everything else as
    /// JSON; what is null inside of a string leaves nothing behind. What has gone through `tojson` stays as it is.
    Json,
    /// It becomes text in HTML or XML.
    Markup,
}

impl Escape {
    const ALL: [Self; 4] = [Self::Nothing, Self::Url, Self::Json, Self::Markup];

    /// What stands at the end of the names of templates that are escaped like this.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Url => " url",
            Self::Json => " json",
            Self::Markup => " markup",
        }
    }
}

/// How a template is escaped, by the end of its name.
pub(crate) fn of(template: &str) -> AutoEscape {
    let marked = Escape::ALL.into_iter().skip(1);
    let mut marked = marked.filter(|escape| template.ends_with(escape.mark()));
    match marked.next() {
        None | Some(Escape::Nothing) => AutoEscape::None,
        Some(Escape::Markup) => AutoEscape::Html,
        Some(escape) => AutoEscape::Custom(escape.mark().into()),
    }
}

/// Writes a value.
pub(crate) fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    // What is not known is written as nothing, whatever the text is: an alert must not say "None".
    if value.is_none() {
        return Ok(());
    }
    if let Some(NeverThere(why)) = value.downcast_object_ref() {
        return Err(Error::new(ErrorKind::UndefinedError, why.clone()));
    }
    let written = match state.auto_escape() {
        AutoEscape::Custom(mark) if mark == Escape::Url.mark() => url(out, value),
        AutoEscape::Custom(mark) if mark == Escape::Json.mark() => json(out, value),
        _ => return minijinja::escape_formatter(out, state, value),
    };
    written.map_err(|_| Error::from(ErrorKind::WriteFailure))
}

fn url(out: &mut Output, value: &Value) -> std::fmt::Result {
    let text = value.to_string();
    text.bytes().try_for_each(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            out.write_char(char::from(byte))
        }
        _ => write!(out, "%{byte:02X}"),
    })
}

fn json(out: &mut Output, value: &Value) -> std::fmt::Result {
    // `{{ x if y }}` has no value where y does not hold.
    if value.is_undefined() {
        return Ok(());
    }
    if let Some(text) = value.as_str() {
        if value.is_safe() {
            return out.write_str(text);
        }
        let quoted = serde_json::to_string(text).map_err(|_| std::fmt::Error)?;
        return out.write_str(&quoted[1..quoted.len() - 1]);
    }
    out.write_str(&serde_json::to_string(value).map_err(|_| std::fmt::Error)?)
}
