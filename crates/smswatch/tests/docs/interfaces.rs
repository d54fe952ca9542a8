//! Every command, call of the API and metric stands in its page, and every command in a page exists.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{blocks, pages, printed, read, section, smswatch};

/// The help of a command.
fn help(command: &[String]) -> String {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let output = smswatch(&[&words[..], &["--help"]].concat()).output();
    printed(&output.expect("it runs"))
}

/// The first words of the lines below a heading of a help text.
fn listed<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// Every command that does something, with its help.
fn commands(command: &[String]) -> Vec<(Vec<String>, String)> {
    let help = help(command);
    let below = listed(&help, "Commands:");
    if below.is_empty() {
        return vec![(command.to_vec(), help)];
    }
    let below = below.into_iter().filter(|name| *name != "help");
    let below = below.map(|name| [command, &[name.to_owned()]].concat());
    below.flat_map(|command| commands(&command)).collect()
}

/// The long options that a help text names.
fn options(help: &str) -> BTreeSet<String> {
    let words = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'));
    let words = words.flat_map(|line| line.split([' ', ',']));
    let options = words.filter(|word| word.starts_with("--") && word.len() > 2);
    options.map(str::to_owned).collect()
}

#[test]
fn every_command_and_option_stands_in_its_page() {
    let page = read("docs/commands.md");
    let commands = commands(&[]);
    assert!(commands.len() > 10, "{commands:?}");
    for (command, help) in &commands {
        let command = format!("smswatch {}", command.join(" "));
        let is_about = |line: &&str| {
            let rest = line.strip_prefix(&format!("| `{command}"));
            rest.is_some_and(|rest| rest.starts_with(['`', ' ']))
        };
        let rows: Vec<&str> = page.lines().filter(is_about).collect();
        assert!(
            !rows.is_empty(),
            "`{command}` does not stand in docs/commands.md"
        );
        let shared = page.lines().filter(|line| !line.starts_with('|'));
        let told = [rows, shared.collect()].concat().join("\n");
        for option in options(help) {
            let is_told = told.contains(&format!("`{option}"))
                || told.contains(&format!("[{option}"))
                || told.contains(&format!(" {option}"));
            assert!(
                is_told,
                "`{option}` of `{command}` does not stand in docs/commands.md"
            );
        }
    }
}

/// What stands in a page as a call of the program: in examples for a shell, and as code within a line.
fn calls(text: &str) -> Vec<String> {
    let examples = blocks(text, "sh");
    let lines = examples.iter().flat_map(|example| example.lines());
    let lines = lines.map(|line| line.split(" #").next().unwrap_or_default());
    let pieces = lines.flat_map(|line| line.split(['|', ';', '&']));
    let outside_of_fences = text.split("```").step_by(2);
    let in_lines = outside_of_fences
        .flat_map(str::lines)
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let calls = pieces.chain(in_lines).map(str::trim);
    let calls = calls.filter(|call| call.starts_with("smswatch "));
    calls.map(str::to_owned).collect()
}

#[test]
fn every_command_in_a_page_exists_with_its_options() {
    let commands = commands(&[]);
    let mut n_calls = 0;
    for page in pages() {
        for call in calls(&read(&page)) {
            let words: Vec<&str> = call.split([' ', '[', ']', '|']).skip(1).collect();
            // What is called `check` alone, or `help COMMAND`, is no call.
            let is_known =
                |(command, _): &&(Vec<String>, String)| words.starts_with(&strs(command));
            let known = commands.iter().find(is_known);
            let is_general = words.iter().all(|word| word.starts_with("--")) || words[0] == "help";
            // Names with alternatives, as in `sink pause|resume`, or of a group.
            let is_group = commands
                .iter()
                .any(|(command, _)| command.len() > 1 && command[0] == words[0]);
            assert!(
                known.is_some() || is_general || is_group,
                "{page}: there is no `{call}`"
            );
            n_calls += 1;
            let Some((_, help)) = known else { continue };
            let known_options = options(help);
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap_or_default();
                assert!(
                    known_options.contains(option),
                    "{page}: `{call}` has no {option}"
                );
            }
        }
    }
    assert!(n_calls > 50, "only {n_calls} calls were found");
}

fn strs(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

#[test]
fn every_call_of_the_api_stands_in_its_page_and_on_the_front_page() {
    let page = read("docs/api.md");
    let front_page = read("crates/smswatch-http/src/routes/front_page.html");
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 20, "{paths:?}");
    for (path, operations) in paths {
        for method in operations.as_object().expect("operations").keys() {
            let call = format!("`{} {path}", method.to_uppercase());
            let stands = ["`", "?"]
                .iter()
                .any(|end| page.contains(&format!("{call}{end}")));
            assert!(stands, "{call}` does not stand in docs/api.md");
        }
        let stands = front_page.contains(&format!("{path}</code>"));
        assert!(
            stands || path == "/",
            "{path} does not stand on the front page"
        );
    }
}

#[test]
fn the_openapi_document_is_the_one_that_the_program_prints() {
    let printed = printed(&smswatch(&["openapi"]).output().expect("it runs"));
    let is_fresh = printed == read("docs/openapi.json");
    assert!(is_fresh, "docs/openapi.json is stale: cargo xtask schema");
}

#[test]
fn every_code_of_a_problem_stands_in_its_page() {
    let page = read("docs/api.md");
    let text = section(&page, "## Errors");
    let problems = read("crates/smswatch-api/src/problem.rs");
    let codes = problems.lines().filter_map(|line| {
        let word = line.split_once(" = \"")?.1;
        word.strip_suffix("\",")
    });
    let codes: Vec<_> = codes.collect();
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        let stands = text.contains(&format!("`{code}`"));
        assert!(stands, "{code} does not stand in docs/api.md");
    }
}

#[test]
fn every_metric_stands_in_its_page() {
    let page = read("docs/operation.md");
    let text = section(&page, "## Metrics");
    let metrics = read(
        "crates/smswatch-core/src/snapshots/smswatch_core__metrics__tests__every_metric_has_a_name_a_kind_and_a_help.snap",
    );
    let rows = metrics.lines().filter(|row| row.contains(": "));
    let rows = rows.skip_while(|row| !row.starts_with("polls: "));
    let names = rows.filter_map(|row| row.split(": ").next());
    let names: Vec<_> = names.chain(["build", "config_hash"]).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let forms = ["`", "{", "_total", "_info`"].map(|end| format!("`{name}{end}"));
        let stands = forms.iter().any(|form| text.contains(form));
        assert!(
            stands,
            "smswatch_{name} does not stand in docs/operation.md"
        );
    }
}

#[test]
fn the_rights_in_redis_are_those_that_are_tested() {
    let lines = |text: &str| {
        let rights = text
            .lines()
            .map(|line| line.trim_start_matches("//! ").to_owned());
        let rights = rights.skip_while(|line| !line.starts_with("smswatch on "));
        rights
            .take_while(|line| !line.starts_with("```"))
            .collect::<Vec<_>>()
    };
    let tested = lines(&read("crates/smswatch-store-redis/src/lib.rs"));
    assert!(tested.len() > 3, "{tested:?}");
    assert_eq!(lines(&read("docs/operation.md")), tested);
}
