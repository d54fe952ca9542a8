//! Broken configurations and what is said of them; the files that are shipped; the schema.

mod annotated;
mod audience;
mod overrides;
mod strangers;

use std::path::PathBuf;

use serde_json::Value;
use smswatch_plugin::model::Fault;
use smswatch_rules::Diagnostic;

use super::{Source, read, schema};
use crate::report::Failure;
use crate::sink_types::SinkTypes;

fn types() -> SinkTypes {
    crate::App::new().into_types()
}

fn load(text: &str) -> Result<super::Loaded, Vec<Diagnostic>> {
    load_with(&types(), text)
}

fn load_with(types: &SinkTypes, text: &str) -> Result<super::Loaded, Vec<Diagnostic>> {
    // Whichever test comes first installs it.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let source = Source {
        file: PathBuf::from("smswatch.yaml"),
        text: text.to_owned(),
        environment: Box::new(|name| match name {
            "MISSING" => None,
            "NUMBER" => Some("0123456".to_owned()),
            "LINE" => Some("t0ken\n".to_owned()),
            "WINDOWS" => Some("t0ken\r\n".to_owned()),
            "QUOTED" => Some("\"t0ken\"".to_owned()),
            name => Some(format!("value-of-{name}")),
        }),
    };
    read(types, source).map_err(|failure| match failure {
        Failure::Configuration(problems) => problems,
        other => panic!("{other:?}"),
    })
}

const ROUTEE: &str = "routee: {application_id: a, application_secret: hunter2}\n";

/// What is said of `text`, whose first line is a sound `routee` section.
fn said(text: &str) -> String {
    let problems = load(&format!("{ROUTEE}{text}")).expect_err("it is broken");
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let said = said.join("\n\n");
    assert!(
        !said.contains("value-of-"),
        "what the environment holds is shown: {said}"
    );
    said
}

macro_rules! broken {
    ($($name:ident: $text:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let said = said($text);
                assert!(said.contains("--> smswatch.yaml:"), "{said}");
                insta::assert_snapshot!(said);
            }
        )*
    };
}

mod secrets;
mod shape;
mod words;

broken! {
    a_file_that_is_no_yaml: "watch: [5s\nhttp: {";
    an_unknown_section: "wach: {}";
    an_unknown_key: "watch: {shedule: [5s]}";
    a_duration_without_a_unit: "watch: {retention: 7}";
    a_duration_of_an_unknown_unit: "watch: {retention: 7w}";
    an_empty_schedule: "watch: {schedule: []}";
    an_unset_variable: "store: {url: \"${MISSING}\"}";
    an_unknown_store: "store: {url: mysql://db}";
    a_store_of_a_later_version: "store: {url: redis+cluster://a,b}";
    an_address_that_is_none: "http: {listen: everywhere}";
    an_open_address_without_a_token: "http: {listen: 0.0.0.0:8080}";
    an_unknown_choice: "privacy: {numbers: masked}";
    a_number_out_of_range: "store: {shards: 0}";
    an_unknown_type_of_sink: "sinks: {a: {type: slak}}";
    a_sink_without_a_type: "sinks: {a: {url: x}}";
    a_sink_without_what_it_needs: "sinks: {a: {type: webhook}}";
    a_sink_with_an_unknown_key: "sinks: {a: {type: webhook, url: http://e.com, sekret: x}}";
    a_sink_with_two_ways: "sinks: {a: {type: slack, webhook_url: http://e.com, bot_token: x}}";
    a_sink_whose_attempts_take_too_long: "sinks: {a: {type: console, timeout: 5m}}";
    a_sink_whose_attempts_take_no_time: "sinks: {a: {type: console, timeout: 0s}}";
    a_timeout_without_a_unit: "sinks: {a: {type: console, timeout: 10}}";
    a_program_that_is_not_there: "sinks: {a: {type: exec, command: [/nowhere/page, --now]}}";
    a_command_that_is_no_list: "sinks: {a: {type: exec, command: sh -c page}}";
    a_body_with_a_mistake: "sinks: {a: {type: webhook, url: http://e.com, body: \"{{ titel }}\"}}";
    a_body_with_a_mistake_in_one_of_its_lines:
        "sinks:
  a:
    type: webhook
    url: http://e.com
    body: |
      {
        \"text\": \"{{ events[0].mesage }}\"
      }";
    a_status_that_is_none: "sinks: {a: {type: webhook, url: http://e.com, delivered: [42]}}";
    an_unknown_format: "sinks: {a: {type: webhook, url: http://e.com, format: cloudevent}}";
    a_key_prefix_that_is_none: "store: {key_prefix: \"\"}";
    a_store_that_is_half_a_url: "store: {url: \"redis://:hunter2@\"}";
    an_unknown_scope: "http: {tokens: [{name: a, token: b, scope: reed}]}";
    an_unknown_way_to_keep_texts: "privacy: {body: kept}";
    a_rule_about_texts_that_are_not_kept:
        "sinks: {a: {type: console}}\nrules: [{name: x, match: {body: \"*parcel*\"}, notify: [a]}]";
    a_sink_without_room: "sinks: {a: {type: console, queue: {max: 0, most: 5}}}";
    a_fault_that_is_nobodys: "fault: {Carrier Violation: carier}";
    a_fault_of_one_word_twice: "fault: {Roaming: none, roaming: sender}";
    a_fault_that_is_no_table: "fault: carrier";
    a_fallback_that_is_no_sink:
        "sinks: {a: {type: console, fallback: opps}, ops: {type: console}}";
    a_fallback_where_there_is_no_other_sink: "sinks: {a: {type: console, fallback: ops}}";
    a_fallback_to_itself: "sinks: {a: {type: console, fallback: a}}";
    fallbacks_that_lead_in_a_circle:
        "sinks:
  a: {type: console, fallback: b}
  b: {type: console, fallback: c}
  c: {type: console, fallback: b}";
    a_fallback_that_may_see_less:
        "sinks:
  a: {type: console, fallback: b, privacy: {tags: [team, env, cost]}}
  b: {type: console, fallback: c, privacy: {tags: [team]}}
  c: {type: console, fallback: d, privacy: {tags: [team, env]}}
  d: {type: console, fallback: e}
  e: {type: console, privacy: {tags: [], numbers: mask}}";
    a_fallback_after_without_a_fallback: "sinks: {a: {type: console, fallback_after: 1m}}";
    a_breaker_that_probes_all_the_time: "sinks: {a: {type: console, breaker: {probe: 0s}}}";
    a_breaker_that_is_always_open: "sinks: {a: {type: console, breaker: {failures: 0, prob: 1s}}}";
    a_secret_in_a_file_that_is_not_there:
        "sinks: {a: {type: webhook, url: http://e.com, secret_file: /nowhere/secret}}";
    a_rule_for_an_unknown_sink:
        "sinks: {oncall: {type: console}}\nrules: [{name: a, notify: [oncal]}]";
    a_rule_with_an_override_that_its_sink_does_not_take:
        "sinks: {c: {type: console}}\nrules: [{name: a, notify: [{sink: c, channel: x}]}]";
    an_alarm_that_never_rests: "alarms: {quiet: 500ms, provider_down: 1m}";
    an_alarm_that_forgets_at_once: "alarms: {quiet: 500ms}";
    a_heartbeat_without_a_url: "heartbeat: {evry: 1m}";
    a_heartbeat_that_nobody_hears: "heartbeat: {url: \"mailto:x@example.com\", every: 10ms}";
    several_problems_at_once:
        "watch: {shedule: [5s], retention: soon}\nsinks: {a: {type: slak}}\nrules: [{name: a}]";
}

#[test]
fn problems_of_all_sections_are_told_at_once() {
    let text = "\
routee: {application_id: a, application_secret: hunter2, api_url: foo, auth_url: \"ftp://x\"}
store: {url: mysql://db}
watch: {schedule: [1ms]}
http: {listen: \"localhost:8080\"}
alarms: {quiet: 0s}
heartbeat: {url: nowhere}
";
    let problems = load(text).expect_err("it is broken");
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn a_sink_whose_failure_nobody_else_hears_of_is_warned_of() {
    let warned = |fallback: &str| {
        let text = format!(
            "{ROUTEE}sinks:\n  ops: {{type: console{fallback}}}\n  mail: {{type: console}}\n\
             rules:\n  - name: down\n    event: sink_down\n    notify: [ops]\n  \
             - {{name: all, notify: [mail]}}\n"
        );
        let warnings = load(&text).expect("it is sound").warnings;
        warnings.iter().map(ToString::to_string).collect::<String>()
    };
    insta::assert_snapshot!(warned(""), @r"
    warning: only `ops` is notified when `ops` is down
     --> smswatch.yaml:6:11
      |
    6 |   - name: down
      |           ^^^^ `down` notifies only `ops`, which takes nothing while it is down

    hint: notify another sink too, or give `ops` a `fallback`
    ");
    assert_eq!(warned(", fallback: mail"), "");
}

#[test]
fn a_poll_that_outlasts_its_lease_is_refused() {
    let timed = |timeout: &str| {
        load(&format!(
            "routee: {{application_id: a, application_secret: b, timeout: {timeout}}}\n"
        ))
    };
    assert!(timed("15s").is_ok());
    let said = timed("16s").expect_err("it is too long");
    insta::assert_snapshot!(said[0].to_string());
}

#[test]
fn a_sweep_that_leaves_time_out_is_refused_unless_another_one_is_wider() {
    let said_of = |sweeps: &str| {
        let problems = load(&format!("{ROUTEE}watch: {{sweep: {sweeps}}}\n")).err();
        let said: Vec<String> = problems.iter().flatten().map(ToString::to_string).collect();
        said.join("\n\n")
    };
    let what = "`window` is shorter than `every`: what was sent in between is never looked at";
    assert!(said_of("{every: 3h, window: 1h}").contains(what));
    assert!(said_of("[{every: 3h, window: 1h}, {every: 1m, window: 2h}]").contains(what));
    for fine in [
        "{every: 3h, window: 3h}",
        "[{every: 3h, window: 1h}, {every: 1h, window: 6h}]",
    ] {
        assert!(!said_of(fine).contains(what), "{fine}");
    }
}

#[test]
fn credentials_are_needed() {
    let problems = load("watch: {}").expect_err("it is broken");
    assert!(
        problems
            .iter()
            .any(|problem| problem.message.contains("`routee` is missing"))
    );
}

#[test]
fn a_heartbeat_does_not_show_its_url() {
    let text = format!("{ROUTEE}heartbeat: {{url: \"https://hc.example.com/ping/hunter2\"}}");
    let heartbeat = load(&text).expect("it is sound").configuration.heartbeat;
    let heartbeat = heartbeat.expect("there is one");
    assert_eq!(heartbeat.every, std::time::Duration::from_secs(60));
    assert!(!format!("{heartbeat:?}").contains("hunter2"));
}

#[test]
fn a_sink_has_a_bounded_queue_and_the_fallback_that_it_names() {
    let text = "sinks:
  a: {type: console, queue: {max: 5}, fallback: b, fallback_after: 90s}
  b: {type: console, queue: {}, fallback: c}
  c: {type: console}";
    let loaded = load(&format!("{ROUTEE}{text}")).expect("it is sound");
    let sinks = loaded.configuration.sinks;
    let told = |name: &str| {
        let (_, settings) = &sinks[name];
        let fallback = settings.fallback.as_ref();
        let fallback = fallback.map(|fallback| (fallback.sink.as_str(), fallback.after.as_secs()));
        (settings.queue_max, fallback)
    };
    assert_eq!(told("a"), (5, Some(("b", 90))));
    assert_eq!(told("b"), (100_000, Some(("c", 300))));
    assert_eq!(told("c"), (100_000, None));
}

#[test]
fn a_sink_without_a_rate_has_that_of_its_kind() {
    let text = "sinks:
  a: {type: slack, webhook_url: http://e.com}
  b: {type: slack, webhook_url: http://e.com, rate: {at_most: 30, per: 1m}}
  c: {type: console}";
    let loaded = load(&format!("{ROUTEE}{text}")).expect("it is sound");
    let sinks = loaded.configuration.sinks;
    let rate = |name: &str| sinks[name].1.rate.map(|rate| (rate.permits, rate.per));
    assert_eq!(rate("a"), Some((1, std::time::Duration::from_secs(1))));
    assert_ne!(rate("b"), rate("a"));
    assert_eq!(rate("c"), None);
}

#[test]
fn a_sink_makes_digests_if_its_kind_does_and_nobody_turned_them_off() {
    let text = "sinks:
  a: {type: slack, webhook_url: http://e.com}
  b: {type: slack, webhook_url: http://e.com, digest_above: 0}
  c: {type: console, digest_above: 5}
  d: {type: console}";
    let loaded = load(&format!("{ROUTEE}{text}")).expect("it is sound");
    let sinks = loaded.configuration.sinks;
    let above = ["a", "b", "c", "d"].map(|name| sinks[name].1.digest_above);
    assert_eq!(above, [Some(20), None, Some(5), None]);
}

#[test]
fn a_secret_that_looks_like_a_number_stays_what_it_is() {
    for text in [
        "routee: {application_id: a, application_secret: \"${NUMBER}\"}",
        "routee:\n  application_id: ${NUMBER}\n  application_secret: ${NUMBER}\n",
    ] {
        let loaded = load(text).expect("it is sound");
        let secret = loaded.configuration.routee.application_secret;
        assert_eq!(secret.reveal(), "0123456", "{text}");
    }
}

fn shipped(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(name);
    std::fs::read_to_string(path).expect("the file is shipped")
}

#[test]
fn every_shipped_configuration_is_sound_and_fits_the_schema() {
    let schema = schema::published(&types());
    for name in ["smswatch.yaml", "rules.example.yaml", "rules.default.yaml"] {
        let text = shipped(name).replace(
            "${CRM_WEBHOOK_SECRET}",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        );
        let text = text.replace(
            "${SLACK_WEBHOOK_URL}",
            "https://hooks.slack.com/services/T/B/X",
        );
        if let Err(problems) = load(&text) {
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{name}: {}", said.join("\n\n"));
        }
        let document = smswatch_rules::Document::parse(name, &text).expect("YAML");
        let errors: Vec<_> = super::validate::problems(&schema, &document.to_json());
        assert_eq!(errors, [], "{name}");
    }
}

#[test]
fn the_shipped_schemas_are_those_that_the_types_make() {
    for (name, generated) in [
        ("smswatch.schema.json", schema::published(&types())),
        ("scenarios.schema.json", crate::rules::scenario::schema()),
    ] {
        let shipped: Value = serde_json::from_str(&shipped(name)).expect("JSON");
        assert!(shipped == generated, "{name} is stale: cargo xtask schema");
    }
}

#[test]
fn the_schema_takes_a_secret_or_its_file_and_no_unknown_key() {
    let schema = schema::published(&types());
    let fits = |text: &str| {
        let document = smswatch_rules::Document::parse("x", text).expect("YAML");
        super::validate::problems(&schema, &document.to_json()).is_empty()
    };
    assert!(fits("routee: {application_id: a, application_secret: s}"));
    assert!(fits(
        "routee: {application_id: a, application_secret_file: f}"
    ));
    assert!(!fits("routee: {application_id: a}"));
    assert!(!fits(
        "routee: {application_id: a, application_secret: s, x: 1}"
    ));
    assert!(!fits(
        "routee: {application_id: a, application_secret: s}\nsinks: {a: {type: console, x: 1}}"
    ));
}

#[test]
fn a_fault_of_a_word_that_routee_does_not_use_is_warned_of() {
    let warned = |fault: &str| {
        let loaded = load(&format!("{ROUTEE}{fault}")).expect("it is sound");
        let warnings = loaded.warnings.iter().map(ToString::to_string);
        let warnings: Vec<String> = warnings.filter(|said| said.contains("Routee")).collect();
        (
            loaded.configuration.settings.watch.faults,
            warnings.join("\n\n"),
        )
    };
    let (faults, warnings) = warned("fault:\n  Carier Violation: carrier\n  Buffered: none\n");
    assert_eq!(faults.named("BUFFERED"), Some(Fault::None));
    insta::assert_snapshot!(warnings);
    let (faults, warnings) = warned("fault: {carrier violation: carrier, roaming: none}");
    assert_eq!(
        faults.of("Undelivered", Some("Carrier Violation")),
        Fault::Carrier
    );
    assert_eq!(warnings, "");
}
