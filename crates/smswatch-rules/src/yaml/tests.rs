//! Files are read with their places, and what is refused is told at its place.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Document {
    let problems = |problems: Vec<Diagnostic>| -> String { shown(&problems) };
    Document::parse("smswatch.yaml", text)
        .map_err(problems)
        .expect("it is well formed")
}

fn shown(problems: &[Diagnostic]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn refused(text: &str) -> String {
    shown(&Document::parse("smswatch.yaml", text).expect_err("it is refused"))
}

fn place(document: &Document, pointer: &str) -> (usize, usize, usize) {
    let Place {
        line,
        column,
        length,
        ..
    } = document.place(pointer);
    (line, column, length)
}

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
fn what_has_no_meaning_here_is_refused_all_at_once() {
    insta::assert_snapshot!(refused(
        "a: 1\na: 2\nb: !GR\nc: [!Unknown Number, x]\nd: 1\n"
    ), @r#"
    error: `a` is given twice
     --> smswatch.yaml:2:1
      |
    2 | a: 2
      | ^ the first is in line 1

    error: an unquoted `!` begins a tag, and tags mean nothing here
     --> smswatch.yaml:3:4
      |
    3 | b: !GR
      |    ^^^

    hint: quote it: "!GR"

    error: an unquoted `!` begins a tag, and tags mean nothing here
     --> smswatch.yaml:4:5
      |
    4 | c: [!Unknown Number, x]
      |     ^^^^^^^^^^^^^^^

    hint: quote it: "!Unknown Number"
    "#);
}

#[test]
fn what_is_no_yaml_is_told_in_plain_words() {
    let texts = [
        "match:\n\tstatus: Failed\n",
        "label: *otp*\n",
        "label: !\"x\"\n",
        "mention: [@here]\n",
        "hook: {url: ${HOOK_URL}, secret: x}\n",
        "title: this: that\n",
        "notify: [mail, slack\nname: x\n",
        "name: \"open\nnotify: x\n",
        "rules:\n  - name: x\n notify: y\n",
        "a: 1\n---\nb: 2\n",
        "[a, b]: 1\n",
    ];
    insta::assert_snapshot!(texts.map(refused).join("\n\n"), @r#"
    error: a tab cannot indent
     --> smswatch.yaml:2:2
      |
    2 |  status: Failed
      |  ^

    hint: indent with spaces

    error: an unquoted `*` begins an alias, and nothing has this name
     --> smswatch.yaml:1:8
      |
    1 | label: *otp*
      |        ^^^^^

    hint: quote it: "*otp*"

    error: an unquoted `!` begins a tag, and tags mean nothing here
     --> smswatch.yaml:1:8
      |
    1 | label: !"x"
      |        ^^^^

    hint: quote it: "!x"

    error: text cannot begin with `@` unquoted
     --> smswatch.yaml:1:11
      |
    1 | mention: [@here]
      |           ^^^^^

    hint: quote it: "@here"

    error: `${…}` must be quoted here
     --> smswatch.yaml:1:13
      |
    1 | hook: {url: ${HOOK_URL}, secret: x}
      |             ^^^^^^^^^^^

    hint: quote it: "${HOOK_URL}"

    error: a `:` cannot stand here
     --> smswatch.yaml:1:12
      |
    1 | title: this: that
      |            ^

    hint: quote the text if the `:` belongs to it, or check the indentation of this line

    error: a `:` cannot stand here
     --> smswatch.yaml:2:5
      |
    2 | name: x
      |     ^

    hint: is a `]` or `}` missing before it?

    error: this quoted text is not closed or not well formed
     --> smswatch.yaml:1:7
      |
    1 | name: "open
      |       ^

    hint: close the quote

    error: this line does not fit into the mapping around it
     --> smswatch.yaml:3:2
      |
    3 |  notify: y
      |  ^

    hint: keys of one mapping begin in the same column

    error: a second document begins here
     --> smswatch.yaml:2:1
      |
    2 | ---
      | ^^^

    hint: put everything into one, without `---`

    error: a key must be text
     --> smswatch.yaml:1:1
      |
    1 | [a, b]: 1
      | ^

    hint: quote it where text with `[` or `{` is meant
    "#);
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = "[".repeat(100_000);
    let deep = refused(&deep);
    assert!(deep.starts_with("error: this is nested too deep"), "{deep}");
    assert!(refused(&"x".repeat(2_000_000)).starts_with("error: this file is larger"));
}

#[test]
fn anchors_aliases_and_merge_keys_are_replaced_by_what_they_stand_for() {
    let document = read(
        "often: &often {schedule: [5s, 30s], give_up_after: 1h}\n\
         base: &base\n  <<: *often\n  give_up_after: 2h\n\
         a: {retry: *often}\nb: {<<: [*base, {give_up_after: 3h, x: 1}], schedule: []}\n\
         &key name: &text |\n  several\n  lines\n*key : *text\nc: {<<: }\n"
            .replace("*key :", "second:")
            .as_str(),
    );
    let often = json!({"schedule": ["5s", "30s"], "give_up_after": "1h"});
    assert_eq!(
        document.to_json(),
        json!({
            "often": often,
            "base": {"give_up_after": "2h", "schedule": ["5s", "30s"]},
            "a": {"retry": often},
            "b": {"schedule": [], "give_up_after": "2h", "x": 1},
            "name": "several\nlines\n",
            "second": "several\nlines\n",
            "c": {},
        })
    );
}

#[test]
fn a_value_behind_an_alias_has_the_place_where_it_stands_and_the_line_that_uses_it() {
    let document = read("base: &base {url: x}\nsinks:\n  a: *base\n  b:\n    <<: *base\n");
    let place = document.place("/sinks/b/url");
    assert_eq!((place.line, place.column, place.used_in), (1, 19, Some(5)));
    assert_eq!(document.place("/base/url").used_in, None);
    insta::assert_snapshot!(document.error(place, "this is no URL").label("here"), @r#"
    error: this is no URL
     --> smswatch.yaml:1:19
      |
    1 | base: &base {url: x}
      |                   ^ here
      = used by the alias in line 5
    "#);
}

#[test]
fn what_cannot_be_unfolded_is_refused_in_words() {
    let texts = [
        "a: &a [*a]\n",
        "a: &a {b: {<<: *a}}\n",
        "a: *b\nb: &b 1\n",
        "a: {<<: 1}\n",
        "a: {<<: [{x: 1}, 2]}\n",
        "a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n",
        "a: &a [1]\n*a : 2\n",
    ];
    insta::assert_snapshot!(texts.map(refused).join("\n\n"), @r#"
    error: this alias stands inside of what it stands for
     --> smswatch.yaml:1:8
      |
    1 | a: &a [*a]
      |        ^^

    error: this alias stands inside of what it stands for
     --> smswatch.yaml:1:16
      |
    1 | a: &a {b: {<<: *a}}
      |                ^^

    error: an unquoted `*` begins an alias, and nothing has this name
     --> smswatch.yaml:1:4
      |
    1 | a: *b
      |    ^^

    hint: quote it: "*b"

    error: `<<` takes a mapping, or a list of mappings
     --> smswatch.yaml:1:9
      |
    1 | a: {<<: 1}
      |         ^

    hint: such as `<<: *name`, where `&name` marks the mapping

    error: `<<` takes a mapping, or a list of mappings
     --> smswatch.yaml:1:18
      |
    1 | a: {<<: [{x: 1}, 2]}
      |                  ^

    hint: such as `<<: *name`, where `&name` marks the mapping

    error: `<<` is given twice
     --> smswatch.yaml:4:3
      |
    4 |   <<: *a
      |   ^^ the first is in line 3

    hint: one takes a list: `<<: [*first, *second]`

    error: a key must be text
     --> smswatch.yaml:2:1
      |
    2 | *a : 2
      | ^^
    "#);
}

#[test]
fn a_file_that_unfolds_to_too_much_is_refused_before_it_is_unfolded() {
    let laughs: String = (1..9)
        .map(|n| {
            format!(
                "l{n}: &l{n} [{}]\n",
                vec![format!("*l{}", n - 1); 10].join(", ")
            )
        })
        .collect();
    let said = refused(&format!("l0: &l0 lol\n{laughs}"));
    assert!(said.contains("more than 100000 values"), "{said}");
    let merged: String = (1..40)
        .map(|n| format!("m{n}: &m{n} {{a{n}: *m{}, b{n}: *m{}}}\n", n - 1, n - 1))
        .collect();
    let said = refused(&format!("m0: &m0 {{x: 1}}\n{merged}"));
    assert!(said.contains("more than 100000 values"), "{said}");
    let long = format!(
        "t: &t {}\nmany: [{}]\n",
        "x".repeat(100_000),
        vec!["*t"; 500].join(", ")
    );
    let said = refused(&long);
    assert!(said.contains("bytes of text"), "{said}");
    let deep: String = (1..70)
        .map(|n| format!("d{n}: &d{n} [*d{}]\n", n - 1))
        .collect();
    let said = refused(&format!("d0: &d0 []\n{deep}"));
    assert!(said.contains("nested too deep"), "{said}");
    let flat = format!("[{}]", vec!["1"; 100_001].join(","));
    assert!(refused(&flat).contains("more than 100000 values"));
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
    assert!(said.contains("a tab cannot stand here"), "{said}");
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

    hint: quote it if it is a text: "18446744073709551616"
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

#[test]
fn an_unquoted_hash_in_brackets_is_told() {
    let said = refused("sinks:\n  slack: {type: slack, channel: #sms-alerts}\nrules: []\n");
    insta::assert_snapshot!(said, @r##"
    error: an unquoted `#` begins a comment
     --> smswatch.yaml:2:33
      |
    2 |   slack: {type: slack, channel: #sms-alerts}
      |                                 ^^^^^^^^^^^

    hint: quote it: "#sms-alerts"
    "##);
    let said = refused("notify: [{sink: ops, mention: [#a]}]\n");
    assert!(said.contains("quote it: \"#a\""), "{said}");
}

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "RPS" => "20",
        "SECRET" => "hunter2",
        "DIGITS" => "0123456",
        "HOST" => "localhost",
        "EMPTY" => "",
        _ => return None,
    };
    Some(value.to_owned())
}

#[test]
fn the_environment_is_put_into_values() {
    let mut document = read(
        "rps: ${RPS}\ntext: \"${RPS}\"\nurl: http://${HOST}:${PORT:-8080}/${EMPTY}\n\
         default: ${EMPTY:-7}\nempty: ${EMPTY}\nescaped: $${RPS} and ${RPS}\n\
         list: ['${HOST}', 1]\n${RPS}: key\n",
    );
    assert_eq!(document.substitute(&variable, &|_| None), []);
    assert_eq!(
        document.to_json(),
        json!({
            "rps": 20, "text": "20", "url": "http://localhost:8080/", "default": 7, "empty": "",
            "escaped": "${RPS} and 20", "list": ["localhost", 1], "${RPS}": "key",
        })
    );
    let rps = document.find("/rps").expect("a value");
    assert_eq!(
        (rps.written(), rps.is_from_environment()),
        (Some("${RPS}"), true)
    );
    let one = document.find("/list/1").expect("a value");
    assert!(!one.is_from_environment());
}

#[test]
fn a_secret_of_digits_stays_text_where_text_belongs() {
    let mut document = read("secret: ${DIGITS}\nrps: ${RPS}\n");
    assert_eq!(document.substitute(&variable, &|_| None), []);
    let json = document.to_json_with(&|pointer| pointer == "/secret");
    assert_eq!(json, json!({"secret": "0123456", "rps": 20}));
}

#[test]
fn what_cannot_be_put_in_is_told_at_its_place() {
    let mut document = read(
        "url: http://${HOST}:${PORT}/${PATH_}\ntitle: |\n  first\n  and ${NAME}\nopen: ${NAME\n\
         wrong: ${a-b}\n",
    );
    insta::assert_snapshot!(shown(&document.substitute(&variable, &|_| None)), @r"
    error: `PORT` is not set in the environment
     --> smswatch.yaml:1:21
      |
    1 | url: http://${HOST}:${PORT}/${PATH_}
      |                     ^^^^^^^

    hint: set `PORT`, or give a default: `${PORT:-default}`

    error: `PATH_` is not set in the environment
     --> smswatch.yaml:1:29
      |
    1 | url: http://${HOST}:${PORT}/${PATH_}
      |                             ^^^^^^^^

    hint: set `PATH_`, or give a default: `${PATH_:-default}`

    error: `NAME` is not set in the environment
     --> smswatch.yaml:4:7
      |
    4 |   and ${NAME}
      |       ^^^^^^^

    hint: set `NAME`, or give a default: `${NAME:-default}`

    error: this `${` is not closed
     --> smswatch.yaml:5:7
      |
    5 | open: ${NAME
      |       ^^^^^^

    hint: write `${NAME}` or `${NAME:-default}`; `$${` stands for `${` itself

    error: `a-b` is no name of a variable
     --> smswatch.yaml:6:8
      |
    6 | wrong: ${a-b}
      |        ^^^^^^

    hint: write `${NAME}` or `${NAME:-default}`; `$${` stands for `${` itself
    ");
}

#[test]
fn no_value_is_shown_by_debug_or_by_a_problem() {
    let mut document = read("secret: ${SECRET}\nother: hidden\n");
    assert_eq!(document.substitute(&variable, &|_| None), []);
    let secret = document.find("/secret").expect("a value");
    let problem = document.error(secret.place(), "this is wrong").to_string();
    assert!(
        problem.contains("${SECRET}") && !problem.contains("hunter2"),
        "{problem}"
    );
    let debug = format!("{document:?}");
    assert!(
        !debug.contains("hunter2") && !debug.contains("hidden"),
        "{debug}"
    );
}

/// Mappings of which each may merge some of those above it, and use them as values.
fn tangled() -> impl Strategy<Value = String> {
    let section = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::collection::btree_map("[a-d]", any::<prop::sample::Index>(), 0..4),
        any::<bool>(),
    );
    prop::collection::vec(section, 1..6).prop_map(|sections| {
        let mut text = String::new();
        // In a list of merges serde_yaml takes in only what merges nothing itself.
        let mut simple = Vec::new();
        for (number, (merged, entries, is_first)) in sections.iter().enumerate() {
            let alias = |index: &prop::sample::Index| format!("*m{}", index.index(number));
            text.push_str(&format!("s{number}: &m{number}\n  own: {number}\n"));
            let entries: String = entries
                .iter()
                .map(|(key, index)| match number {
                    0 => format!("  {key}: 0\n"),
                    _ if index.index(2) == 0 => format!("  {key}: {number}\n"),
                    _ => format!("  {key}: [{}, x]\n", alias(index)),
                })
                .collect();
            let merge = match merged.as_slice() {
                _ if number == 0 => String::new(),
                [] => String::new(),
                [one] => format!("  <<: {}\n", alias(one)),
                some => {
                    let some = some.iter().map(|index| format!("*m{}", index.get(&simple)));
                    format!("  <<: [{}]\n", some.collect::<Vec<_>>().join(", "))
                }
            };
            if merge.is_empty() {
                simple.push(number);
            }
            let (first, second) = if *is_first {
                (merge, entries)
            } else {
                (entries, merge)
            };
            text.push_str(&first);
            text.push_str(&second);
        }
        text
    })
}

proptest! {
    #[test]
    fn aliases_and_merge_keys_mean_what_serde_yaml_says(text in tangled()) {
        let mut expected: serde_yaml::Value = serde_yaml::from_str(&text).expect("it is YAML");
        // It takes in one level of merges each time.
        for _ in 0..6 {
            expected.apply_merge().expect("only mappings are merged");
        }
        let expected = serde_json::to_value(expected).expect("it has texts for keys");
        prop_assert_eq!(read(&text).to_json(), expected, "{}", text);
    }

    #[test]
    fn no_text_is_too_strange_to_be_read_or_refused(
        text in "([a-c!&*%@`'\"{}\\[\\],:?|>#<~$-]|\\n|\\t|\\r| |\\$\\{A\\}|é|- |: |  ){0,60}",
    ) {
        let (document, mut problems) = Document::salvage("smswatch.yaml", &text);
        prop_assert!(document.is_some() || !problems.is_empty());
        if let Some(mut document) = document {
            problems.extend(document.substitute(&|_| None, &|_| None));
            let _json = document.to_json();
        }
        prop_assert!(problems.iter().all(|problem| problem.to_string().contains("smswatch.yaml:")));
    }
}
