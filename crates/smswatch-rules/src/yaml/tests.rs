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
        "a: 1\na: 2\nb: !GR\nc: [!Unknown Number, x]\nd: &anchor 1\ne: *anchor\n<<: {f: 1}\n"
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

    error: anchors are not understood here
     --> smswatch.yaml:5:4
      |
    5 | d: &anchor 1
      |    ^^^^^^^^^

    hint: write the value where it is needed, or quote a text with `&`

    error: aliases are not understood here
     --> smswatch.yaml:6:4
      |
    6 | e: *anchor
      |    ^^^^^^^

    error: merge keys are not understood here
     --> smswatch.yaml:7:1
      |
    7 | <<: {f: 1}
      | ^^

    hint: write the values where they are needed
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

    error: an unquoted `*` begins an alias, and aliases mean nothing here
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
    assert_eq!(document.substitute(&variable), []);
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
    assert_eq!(document.substitute(&variable), []);
    let json = document.to_json_with(&|pointer| pointer == "/secret");
    assert_eq!(json, json!({"secret": "0123456", "rps": 20}));
}

#[test]
fn what_cannot_be_put_in_is_told_at_its_place() {
    let mut document = read(
        "url: http://${HOST}:${PORT}/${PATH_}\ntitle: |\n  first\n  and ${NAME}\nopen: ${NAME\n\
         wrong: ${a-b}\n",
    );
    insta::assert_snapshot!(shown(&document.substitute(&variable)), @r"
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
    assert_eq!(document.substitute(&variable), []);
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

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_read_or_refused(
        text in "([a-c!&*%@`'\"{}\\[\\],:?|>#<~$-]|\\n|\\t|\\r| |\\$\\{A\\}|é|- |: |  ){0,60}",
    ) {
        let (document, mut problems) = Document::salvage("smswatch.yaml", &text);
        prop_assert!(document.is_some() || !problems.is_empty());
        if let Some(mut document) = document {
            problems.extend(document.substitute(&|_| None));
            let _json = document.to_json();
        }
        prop_assert!(problems.iter().all(|problem| problem.to_string().contains("smswatch.yaml:")));
    }
}
