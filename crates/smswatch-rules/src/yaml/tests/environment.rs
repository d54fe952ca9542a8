//! The environment is put into values, and none of it is shown.

use serde_json::json;

use super::{read, shown};

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

    error: `a-b` is not a valid variable name
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
