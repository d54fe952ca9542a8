//! The payload in the guide has the fields that webhooks have, and each of them is explained.

use serde_json::Value;

use crate::{blocks, read, section};

/// The paths of all fields, without the places in lists and without what users name.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !path.ends_with("tags") => {
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                paths(field, &path, found);
                found.push(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => {}
    }
}

fn sorted_paths(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    paths(value, "", &mut found);
    found.sort();
    found
}

#[test]
fn the_body_in_the_guide_has_the_fields_of_a_real_one_and_explains_each() {
    let page = read("docs/sinks.md");
    let text = section(&page, "### The body");
    let shown = blocks(text, "json").remove(0);
    let shown: Value = serde_json::from_str(&shown).expect("the example is JSON");
    let snapshot = read(
        "crates/smswatch-sink-webhook/src/snapshots/smswatch_sink_webhook__render__tests__the_standard_format_is_what_the_documentation_shows.snap",
    );
    let real = snapshot.splitn(3, "---\n").nth(2).expect("a snapshot");
    let real: Value = serde_json::from_str(real).expect("the snapshot is JSON");
    assert_eq!(sorted_paths(&shown), sorted_paths(&real));

    let code = |line: &str| {
        line.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let explained: Vec<String> = rows.flat_map(code).collect();
    for path in sorted_paths(&real) {
        let name = path.rsplit('.').next().expect("a name");
        let is_explained = explained
            .iter()
            .any(|word| word.rsplit('.').next() == Some(name));
        // These hold the fields of the tables.
        let is_frame = ["data", "part", "message"].contains(&name);
        assert!(is_explained || is_frame, "`{path}` is not explained");
    }
}
