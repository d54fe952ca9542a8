//! What is no YAML, or has no meaning here, is refused at its place and in plain words.

use proptest::prelude::*;

use super::refused;
use crate::yaml::Document;

#[test]
fn what_has_no_meaning_here_is_refused_all_at_once() {
    insta::assert_snapshot!(refused(
        "a: 1\na: 2\nb: !GR\nc: [!Unknown Number, x]\nd: 1\n"
    ), @r#"
    error: `a` is given twice
     --> smswatch.yaml:2:1
      |
    2 | a: 2
      | ^ first given in line 1

    error: an unquoted `!` begins a YAML tag, and tags are not supported
     --> smswatch.yaml:3:4
      |
    3 | b: !GR
      |    ^^^

    hint: quote it: "!GR"

    error: an unquoted `!` begins a YAML tag, and tags are not supported
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

    error: an unquoted `*` begins an alias, and no anchor has this name
     --> smswatch.yaml:1:8
      |
    1 | label: *otp*
      |        ^^^^^

    hint: quote it: "*otp*"

    error: an unquoted `!` begins a YAML tag, and tags are not supported
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

    error: unexpected `:`
     --> smswatch.yaml:1:12
      |
    1 | title: this: that
      |            ^

    hint: quote the text if the `:` is part of it, or check the indentation of this line

    error: unexpected `:`
     --> smswatch.yaml:2:5
      |
    2 | name: x
      |     ^

    hint: is a `]` or `}` missing before it?

    error: this quoted text is not closed, or is malformed
     --> smswatch.yaml:1:7
      |
    1 | name: "open
      |       ^

    hint: close the quote

    error: this line does not fit the mapping around it
     --> smswatch.yaml:3:2
      |
    3 |  notify: y
      |  ^

    hint: indent all keys of a mapping alike

    error: a second document begins here
     --> smswatch.yaml:2:1
      |
    2 | ---
      | ^^^

    hint: put everything in one document, without `---`

    error: a key must be text
     --> smswatch.yaml:1:1
      |
    1 | [a, b]: 1
      | ^

    hint: quote it if it is text with `[` or `{`
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

proptest! {
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
