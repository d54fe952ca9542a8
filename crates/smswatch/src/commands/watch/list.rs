//! A list of message ids as people keep them: one a line, out of an editor or a spreadsheet.

use smswatch_plugin::model::MessageId;

use crate::plain::plain;

/// How many problems of one list are told.
const MOST_TOLD: usize = 5;

/// How spreadsheets set columns apart, and what they put around text.
const OF_TABLES: [(char, &str); 4] = [
    (',', "a comma"),
    (';', "a semicolon"),
    ('\t', "a tab"),
    ('"', "a quotation mark"),
];

/// Headings that columns of ids have, in lower case and without what sets their words apart.
const HEADINGS: [&str; 4] = ["messageid", "trackingid", "id", "smsid"];

/// The ids in `bytes`, the list called `name`. A byte order mark, blank lines, lines that begin with
/// `# `, blanks around an id and the line ends of Windows do not matter.
///
/// # Errors
///
/// A line is not an id, with its number; all of the first few such lines are named.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<String>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(format!("{name} is UTF-16 text; save it as UTF-8"));
    }
    let mut ids = Vec::new();
    let mut problems = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        // A tab inside of a line is told as such, and one around an id is none of it.
        let line = line.trim();
        if line.is_empty() || line == "#" || line.starts_with("# ") {
            continue;
        }
        match checked(line, ids.is_empty()) {
            Ok(()) => ids.push(line.to_owned()),
            Err(problem) => problems.push(format!("{name}:{}: {problem}", index + 1)),
        }
    }
    if problems.is_empty() {
        return Ok(ids);
    }
    let more = problems.len().saturating_sub(MOST_TOLD);
    problems.truncate(MOST_TOLD);
    if more > 0 {
        problems.push(format!("{name}: and {more} more such lines"));
    }
    problems.push("nothing was sent; a list has one id a line and nothing else".to_owned());
    Err(problems.join("\n"))
}

fn checked(line: &str, is_first: bool) -> Result<(), String> {
    let shown: String = plain(&line.replace('\t', " ")).chars().take(60).collect();
    if let Some((_, what)) = OF_TABLES.iter().find(|(sign, _)| line.contains(*sign)) {
        return Err(format!(
            "`{shown}` has {what}, as a table has, and is not an id"
        ));
    }
    let word: String = line.chars().filter(char::is_ascii_alphanumeric).collect();
    if is_first && HEADINGS.contains(&word.to_ascii_lowercase().as_str()) {
        return Err(format!("`{shown}` is a heading and not an id"));
    }
    let id = MessageId::new(line);
    id.map(drop).map_err(|error| format!("`{shown}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_add_does_not_matter() {
        let text = "\u{feff}m-1\r\n\r\n  m-2\t\n# from the night shift\n#\nm#3\nm-4";
        let expected = ["m-1", "m-2", "m#3", "m-4"].map(str::to_owned).to_vec();
        assert_eq!(read("ids.txt", text.as_bytes()), Ok(expected));
        assert_eq!(read("ids.txt", b"\xef\xbb\xbf"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_an_id_is_told_with_its_line() {
        let text = "trackingId\nm-1\nm-2,crm\nm-3;crm\nm-4\tcrm\n\"m-5\"\nm 6\nm-7\u{a0}é\n";
        let told = read("ids.csv", text.as_bytes()).expect_err("it is a table");
        insta::assert_snapshot!(told);
        let told = read("-", b"m-1\nm\xff2").expect_err("it is no text");
        assert!(told.starts_with("-:2: "), "{told}");
        let told = read("ids.txt", b"\xff\xfem\0-\x001\0").expect_err("it is UTF-16");
        assert_eq!(told, "ids.txt is UTF-16 text; save it as UTF-8");
    }
}
