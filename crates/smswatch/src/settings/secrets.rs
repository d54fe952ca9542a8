//! Secrets as environments, files and editors hand them over: read from `…_file`, freed of the line break
//! behind them, and warned of where something else around them is probably not part of them.

use std::path::Path;

use serde_json::{Map, Value};

use super::load::escaped;
use super::validate::Problem;
use super::walk;

/// The largest secret there can be, in bytes: a larger file is probably another one.
const MOST_BYTES: u64 = 64 * 1024;

/// Replaces every `…_file` key of a secret by the secret itself, wherever it stands.
pub(super) fn read_files(whole: &Value, value: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk::visit(whole, value, &mut |value, pointer, schemas| {
        if value.is_object() {
            let names = walk::secrets(whole, schemas, value);
            if let Some(object) = value.as_object_mut() {
                read_files_in(object, &names, pointer, &mut problems);
            }
        }
    });
    problems
}

fn read_files_in(
    object: &mut Map<String, Value>,
    secrets: &[String],
    pointer: &str,
    problems: &mut Vec<Problem>,
) {
    for secret in secrets {
        let key = format!("{secret}_file");
        let Some(file) = object.remove(&key) else {
            continue;
        };
        let place = format!("{pointer}/{}", escaped(&key));
        if object.contains_key(secret) {
            let message = format!("`{secret}` and `{key}` are both there");
            problems.push(Problem::new(place, message).hint("keep one of them"));
            continue;
        }
        let Some(file) = file.as_str() else {
            problems.push(Problem::new(place, "expected the name of a file"));
            continue;
        };
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => {
                problems.push(unreadable(place, file, &error));
                // Present all the same, so that it is not told to be missing as well.
                "unreadable".to_owned()
            }
        };
        object.insert(secret.clone(), Value::String(text));
    }
}

fn unreadable(place: String, file: &str, error: &std::io::Error) -> Problem {
    let problem = Problem::new(place, format!("could not read the file: {error}"));
    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
    match std::env::current_dir() {
        Ok(here) if is_missing && Path::new(file).is_relative() => problem.hint(format!(
            "relative paths begin in the working directory, which is `{}`",
            here.display()
        )),
        _ if is_missing && file.starts_with('~') => {
            problem.hint("`~` is not expanded here: write the whole path, or `${HOME}/…`")
        }
        _ => problem,
    }
}

fn read(file: &str) -> std::io::Result<String> {
    let metadata = std::fs::metadata(file)?;
    if metadata.is_dir() {
        return Err(std::io::Error::other("it is a folder"));
    }
    if metadata.len() > MOST_BYTES {
        return Err(std::io::Error::other("it is too large to hold a secret"));
    }
    let bytes = std::fs::read(file)?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(std::io::Error::other("it is in UTF-16: save it as UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not in UTF-8"))?;
    if bare(&text).is_empty() {
        return Err(std::io::Error::other("it is empty"));
    }
    Ok(text)
}

/// Frees every secret of line breaks and a byte order mark around it, and warns of what is probably
/// not part of it.
pub(super) fn clean(whole: &Value, value: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk::visit(whole, value, &mut |value, pointer, schemas| {
        let Value::String(text) = value else {
            return;
        };
        if !walk::is_secret(schemas) {
            return;
        }
        let bare = bare(text);
        if bare.len() < text.len() {
            *text = bare.to_owned();
        }
        if let Some(doubt) = doubt(text) {
            let message = format!("`{}` {doubt}", name(pointer));
            problems.push(Problem::new(pointer, message).warning());
        }
    });
    problems
}

/// The key under which a secret stands, or under which its list stands.
fn name(pointer: &str) -> &str {
    let mut segments = pointer.rsplit('/');
    let is_key = |segment: &&str| segment.parse::<usize>().is_err();
    segments.find(is_key).unwrap_or_default()
}

/// A secret without the line breaks and the byte order mark around it.
pub(super) fn bare(text: &str) -> &str {
    text.trim_matches(['\r', '\n', '\u{FEFF}'])
}

/// What around a secret is probably not part of it.
fn doubt(secret: &str) -> Option<&'static str> {
    let ends = [secret.chars().next()?, secret.chars().next_back()?];
    let is_quoted = |quote: char| secret.chars().count() > 1 && ends == [quote, quote];
    if is_quoted('"') || is_quoted('\'') {
        return Some("begins and ends with a quotation mark: Docker's --env-file keeps them");
    }
    if ends.into_iter().any(char::is_whitespace) {
        return Some("begins or ends with a blank");
    }
    let is_invisible = |end: char| {
        end.is_control() || matches!(end, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{AD}')
    };
    if ends.into_iter().any(is_invisible) {
        return Some("begins or ends with an invisible character");
    }
    None
}
