//! Secrets as environments and files hand them over.

use super::words::TOLD;
use super::{ROUTEE, load, said};

#[test]
fn a_line_break_around_a_secret_is_trimmed_wherever_it_comes_from() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    for (written, content) in [
        ("\"${LINE}\"", ""),
        ("${LINE}", ""),
        ("\"${WINDOWS}\"", ""),
        ("\"${MISSING:-t0ken\\r\\n}\"", ""),
        ("\"t0ken\\n\"", ""),
        ("\"\\nt0ken\\n\\n\"", ""),
        ("|\n    t0ken\n", ""),
        ("file", "t0ken\n"),
        ("file", "t0ken\r\n"),
        ("file", "\u{FEFF}t0ken\r\n"),
        ("file", "t0ken"),
    ] {
        std::fs::write(&file, content).expect("it is written");
        let value = match written {
            "file" => format!("_file: {:?}", file.display().to_string()),
            written => format!(": {written}"),
        };
        let text = format!(
            "routee:\n  application_id: a\n  application_secret{value}\n\
             http:\n  token{value}\n{TOLD}"
        );
        let loaded = load(&text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        let configuration = loaded.configuration;
        assert_eq!(
            configuration.routee.application_secret.reveal(),
            "t0ken",
            "{text}"
        );
        assert_eq!(
            configuration.http.tokens[0].token.reveal(),
            "t0ken",
            "{text}"
        );
        assert_eq!(loaded.warnings, [], "{text}");
    }
}

#[test]
fn secrets_in_lists_and_of_every_sink_are_trimmed_and_read_from_files_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    std::fs::write(&file, "t0ken\r\n").expect("it is written");
    let text = format!(
        "{ROUTEE}http: {{tokens: [{{name: a, scope: read, token_file: {:?}}}, \
         {{name: b, scope: write, token: \"${{NUMBER}}\"}}]}}\n\
         sinks:\n  w: {{type: webhook, url: \"https://crm.example.com/x\\n\", secrets: [\"plain\\n\"], \
         headers: {{authorization: \"Bearer x\\n\"}}}}\n",
        file.display().to_string()
    );
    let loaded = load(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let tokens = loaded.configuration.http.tokens;
    assert_eq!(tokens[0].token.reveal(), "t0ken");
    assert_eq!(tokens[1].token.reveal(), "0123456");
}

#[test]
fn what_is_probably_no_part_of_a_secret_is_warned_of() {
    let said: Vec<String> = [
        "\"${QUOTED}\"",
        "' t0ken'",
        "\"t0ken\\u200b\"",
        "\"'t0ken'\"",
    ]
    .iter()
    .flat_map(|written| {
        let loaded = load(&format!(
            "{ROUTEE}sinks: {{w: {{type: webhook, url: \"https://e.com\", secret: {written}}}}}\n\
                 rules: [{{name: all, notify: [w]}}]"
        ));
        let warnings = loaded.expect("it can be used").warnings;
        assert!(
            warnings
                .iter()
                .all(|warning| !warning.to_string().contains("value-of"))
        );
        warnings.into_iter().map(|warning| warning.message)
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"), @"
    `secret` begins and ends with a quotation mark: Docker's --env-file keeps them
    `secret` begins or ends with a blank
    `secret` begins or ends with an invisible character
    `secret` begins and ends with a quotation mark: Docker's --env-file keeps them
    ");
}

#[test]
fn an_id_from_a_variable_has_no_line_break_either() {
    let text = "routee: {application_id: \"${LINE}\", application_secret: s}";
    let loaded = load(text).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(loaded.configuration.routee.application_id, "t0ken");
}

#[test]
fn a_secret_that_is_empty_but_for_line_breaks_is_refused() {
    let problems = load(&format!("{ROUTEE}http: {{token: \"\\n\"}}")).expect_err("it is empty");
    assert!(
        problems[0].message.contains("must not be empty"),
        "{problems:?}"
    );
}

/// What is said of `text` where a variable for a secret is not set.
fn hint(text: &str) -> String {
    let problems = load(&format!("{ROUTEE}{text}")).expect_err("it is not set");
    let hints = problems.into_iter().filter_map(|problem| problem.hint);
    hints.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_variable_that_is_not_set_may_be_a_file_for_every_form_of_a_secret() {
    let webhook = |rest: &str| {
        let text = format!("sinks: {{w: {{type: webhook, url: \"https://e.com\", {rest}}}}}");
        hint(&text)
    };
    let said = [
        hint("http: {token: \"${MISSING}\"}"),
        webhook("secrets: [a, \"${MISSING}\"]"),
        webhook("headers: {authorization: \"${MISSING}\"}"),
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    set `MISSING`, or name a file that holds the secret: `token_file: PATH`
    set `MISSING`, or name a file that holds the secret: `secrets_file: [PATH]`
    set `MISSING`, or name a file that holds the secret: `headers_file: {authorization: PATH}`
    ");
}

#[test]
fn lists_and_mappings_of_secrets_are_read_from_files_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("it is written");
        format!("{:?}", path.display().to_string())
    };
    let [one, other] = [file("one", "t0ken\n"), file("other", "Bearer x\n")];
    let text = format!(
        "{ROUTEE}sinks:\n  w: {{type: webhook, url: \"https://e.com\", secrets_file: [{one}, {other}], \
         headers: {{x-team: crm}}, headers_file: {{authorization: {other}}}}}\n"
    );
    let loaded = load(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let sink = &loaded.effective["sinks"]["w"];
    assert_eq!(sink["secrets"], serde_json::json!(["[hidden]", "[hidden]"]));
    assert_eq!(
        sink["headers"],
        serde_json::json!({"x-team": "[hidden]", "authorization": "[hidden]"})
    );
}

#[test]
fn what_is_wrong_with_files_of_lists_and_mappings_is_told_with_its_place() {
    insta::assert_snapshot!(said(
        "sinks:
  a: {type: webhook, url: http://e.com, secrets_file: [/nowhere/1, 5]}
  b: {type: webhook, url: http://e.com, secrets: [x], secrets_file: [/dev/null]}
  c: {type: webhook, url: http://e.com, secrets_file: /nowhere/1, headers_file: [/nowhere/1]}
  d: {type: webhook, url: http://e.com, headers: {x: y}, headers_file: {x: /nowhere/2}}"
    ));
}
