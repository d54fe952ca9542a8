//! What a value means and where it stands.

use serde_json::json;

use super::{place, read, refused};

const FILE: &str = "\
# A comment.
store:
  url: 'redis://x'
  shards: 16
rules:
  - name: one
    match: {status: [Failed, Unsent], \"a/b\": é}
  - name: two
    text: |
      first
      second
";

#[test]
fn a_file_becomes_json_and_every_value_has_its_place() {
    let document = read(FILE);
    assert_eq!(
        document.to_json(),
        json!({
            "store": {"url": "redis://x", "shards": 16},
            "rules": [
                {"name": "one", "match": {"status": ["Failed", "Unsent"], "a/b": "é"}},
                {"name": "two", "text": "first\nsecond\n"},
            ],
        })
    );
    assert_eq!(place(&document, "/store/url"), (3, 8, 11));
    assert_eq!(
        place(&document, "/store"),
        (2, 1, 5),
        "its key: the value fills several lines"
    );
    assert_eq!(place(&document, "/rules/0/match"), (7, 12, 36));
    assert_eq!(place(&document, "/rules/0/match/status/1"), (7, 30, 6));
    assert_eq!(place(&document, "/rules/0/match/a~1b"), (7, 46, 1));
    assert_eq!(place(&document, "/rules/1"), (8, 5, 0));
    assert_eq!(
        place(&document, "/store/key_prefix"),
        (2, 1, 5),
        "what it is missing from"
    );
    let key = document.key("/rules/1/name").expect("a key");
    assert_eq!(
        (key.name.as_str(), key.place.line, key.place.column),
        ("name", 8, 5)
    );
}

#[test]
fn an_empty_file_is_null() {
    assert_eq!(read("").to_json(), json!(null));
    assert_eq!(read("# nothing yet\n").to_json(), json!(null));
    assert_eq!(
        read("\u{FEFF}a: 1\r\nb: 2\r\n").to_json(),
        json!({"a": 1, "b": 2})
    );
}

#[test]
fn a_tab_separates_and_does_not_indent() {
    let document = read("a:\tb\nc:\t{d:\te}\nlist:\n  - x\t# why\ntext: \"one\ttwo\"\n");
    assert_eq!(
        document.to_json(),
        json!({"a": "b", "c": {"d": "e"}, "list": ["x"], "text": "one\ttwo"})
    );
    let said = refused("a:\n\tb: 1\n");
    assert!(said.contains("tab"), "{said}");
    let said = refused("list:\n  -\tx\n");
    assert!(said.contains("unexpected tab"), "{said}");
}

#[test]
fn words_that_yaml_1_1_reads_otherwise_have_their_plain_meaning_or_are_refused() {
    let document = read(
        "a: NO\nb: on\nc: 0x1f\nd: 1_000\ne: ~\nf: 0017\ng: 1:30\nh: .inf\ni: 2026-11-28\nj: y\n\
         k: +30\nl: '1'\nm: !!str 1\n",
    );
    assert_eq!(
        document.to_json(),
        json!({
            "a": "NO", "b": "on", "c": 31, "d": "1_000", "e": null, "f": "0017", "g": "1:30",
            "h": ".inf", "i": "2026-11-28", "j": "y", "k": 30, "l": "1", "m": "1",
        })
    );
    insta::assert_snapshot!(refused("to: 18446744073709551616\n"), @r#"
    error: this number is too large
     --> smswatch.yaml:1:5
      |
    1 | to: 18446744073709551616
      |     ^^^^^^^^^^^^^^^^^^^^

    hint: quote it if it is text: "18446744073709551616"
    "#);
}

#[test]
fn files_from_other_systems_and_half_empty_ones_are_read() {
    for (text, expected) in [
        (
            "\u{FEFF}a: 1\r\nb: [x,\r\n  y]\r\n",
            json!({"a": 1, "b": ["x", "y"]}),
        ),
        ("---\na: 1\n...\n", json!({"a": 1})),
        ("%YAML 1.2\n---\na: 1\n", json!({"a": 1})),
        ("---\n# nothing\n", json!(null)),
    ] {
        assert_eq!(read(text).to_json(), expected, "{text:?}");
    }
}
