//! Secrets as environments, files and editors hand them over: read from `…_file`, freed of the line break
//! behind them, and warned of where something else around them is probably not part of them.

use std::path::Path;

use serde_json::{Map, Value};

use super::problem::{Problem, escaped, unescaped};
use super::walk::{self, SecretForm};

/// The largest secret there can be, in bytes: a larger file is probably another one.
const MOST_BYTES: u64 = 64 * 1024;

/// Stands for a secret that could not be read, so that it is not told to be missing as well.
const UNREADABLE: &str = "unreadable";

const KEEP_ONE: &str = "keep one of them";

/// What to do about a variable that is not set, where a secret is wanted.
pub(super) fn file_hint(whole: &Value, pointer: &str) -> Option<String> {
    if !walk::is_secret(&walk::at(whole, pointer)) {
        return None;
    }
    let (parent, name) = pointer.rsplit_once('/')?;
    let name = unescaped(name);
    let key = || unescaped(parent.rsplit('/').next().unwrap_or_default());
    let option = match walk::secret_form(whole, &walk::at(whole, parent)) {
        Some(SecretForm::List) => format!("{}_file: [PATH]", key()),
        Some(SecretForm::Mapping) => format!("{}_file: {{{name}: PATH}}", key()),
        _ => format!("{name}_file: PATH"),
    };
    Some(format!("name a file that holds the secret: `{option}`"))
}

/// Replaces every `…_file` key of secrets by the secrets themselves, wherever it stands.
pub(super) fn read_files(whole: &Value, value: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk::visit(whole, value, &mut |value, pointer, schemas| {
        if value.is_object() {
            let secrets = walk::secrets(whole, schemas, value);
            if let Some(object) = value.as_object_mut() {
                for (secret, form) in secrets {
                    let found = read_files_of(object, &secret, form, pointer);
                    problems.extend(found.err().into_iter().flatten());
                }
            }
        }
    });
    problems
}

/// Puts the secrets whose files `SECRET_file` names where `SECRET` would stand.
fn read_files_of(
    object: &mut Map<String, Value>,
    secret: &str,
    form: SecretForm,
    pointer: &str,
) -> Result<(), Vec<Problem>> {
    let key = format!("{secret}_file");
    let Some(files) = object.remove(&key) else {
        return Ok(());
    };
    let place = format!("{pointer}/{}", escaped(&key));
    let mut problems = Vec::new();
    let read = match (form, files) {
        (SecretForm::One, Value::String(file)) => read_at(&place, &file, &mut problems),
        (SecretForm::List, Value::Array(files)) => {
            let files = files.into_iter().enumerate();
            let read = files.map(|(position, file)| {
                read_value(&format!("{place}/{position}"), file, &mut problems)
            });
            Value::Array(read.collect())
        }
        (SecretForm::Mapping, Value::Object(files)) => {
            let read = files.into_iter().map(|(name, file)| {
                let place = format!("{place}/{}", escaped(&name));
                let read = read_value(&place, file, &mut problems);
                (name, read)
            });
            Value::Object(read.collect())
        }
        (form, _) => {
            let expected = match form {
                SecretForm::One => "expected the name of a file",
                SecretForm::List => "expected a list of names of files",
                SecretForm::Mapping => "expected a mapping to names of files",
            };
            return Err(vec![Problem::new(place, expected)]);
        }
    };
    match (object.get_mut(secret), read) {
        (None, read) => {
            object.insert(secret.to_owned(), read);
        }
        // Some of its secrets may stand in files, and others in the configuration itself.
        (Some(Value::Object(known)), Value::Object(read)) => {
            for (name, read) in read {
                if known.contains_key(&name) {
                    let place = format!("{place}/{}", escaped(&name));
                    let message = format!("`{name}` is both in `{secret}` and in `{key}`");
                    problems.push(Problem::new(place, message).hint(KEEP_ONE));
                } else {
                    known.insert(name, read);
                }
            }
        }
        _ => {
            let message = format!("`{secret}` and `{key}` are both there");
            return Err(vec![Problem::new(place, message).hint(KEEP_ONE)]);
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn read_value(place: &str, file: Value, problems: &mut Vec<Problem>) -> Value {
    match file {
        Value::String(file) => read_at(place, &file, problems),
        _ => {
            problems.push(Problem::new(place, "expected the name of a file"));
            Value::String(UNREADABLE.to_owned())
        }
    }
}

fn read_at(place: &str, file: &str, problems: &mut Vec<Problem>) -> Value {
    let text = read(file).unwrap_or_else(|error| {
        problems.push(unreadable(place.to_owned(), file, &error));
        UNREADABLE.to_owned()
    });
    Value::String(text)
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
