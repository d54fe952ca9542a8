//! What a rule asks of a sink is checked when the file is loaded, for sinks of a user's own, too.

use smswatch_plugin::model::Notification;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, Receipt, Sink, SinkContext,
};

use super::{ROUTEE, load_with};

/// A sink that is particular about the team that a rule names.
#[derive(Debug)]
struct PickySink;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct PickyOverrides {
    team: String,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct PickyConfig {}

impl ConfiguredSink for PickySink {
    type Config = PickyConfig;
    type Overrides = PickyOverrides;

    fn configure(_: PickyConfig, _: &SinkContext) -> Result<Self, InvalidConfig> {
        Ok(Self)
    }

    fn check_overrides(&self, overrides: &PickyOverrides) -> Result<(), InvalidConfig> {
        match overrides.team.as_str() {
            "nobody" => Err(InvalidConfig::at("team", "no team is named `nobody`")),
            "bug" => panic!("no such team"),
            _ => Ok(()),
        }
    }

    fn is_default(&self, key: &str, overrides: &PickyOverrides) -> bool {
        key == "team" && overrides.team == "all"
    }
}

#[smswatch_plugin::async_trait]
impl Sink for PickySink {
    async fn deliver(&self, _: &Notification) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::default())
    }
}

fn said(notify: &str) -> String {
    let types = crate::App::new().sink::<PickySink>("picky").into_types();
    let text = format!(
        "{ROUTEE}sinks: {{p: {{type: picky}}, c: {{type: console}}}}\nrules:\n  - name: a\n    \
         notify: {notify}\n"
    );
    match load_with(&types, &text) {
        Ok(_) => String::new(),
        Err(problems) => {
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            said.join("\n\n")
        }
    }
}

#[test]
fn what_a_sink_could_never_do_for_a_rule_is_told_with_its_place() {
    let refused = said("[{sink: p, team: nobody}]");
    assert!(refused.contains("no team is named `nobody`"), "{refused}");
    assert!(refused.contains("--> smswatch.yaml:5:24"), "{refused}");
    let several = said("[{sink: p, team: 5}, {sink: c, team: crm}]");
    assert!(several.contains("expected text"), "{several}");
    assert!(several.contains("rules cannot set `team`"), "{several}");
    assert_eq!(said("[{sink: p, team: crm}, c]"), "");
}

#[test]
fn a_sink_that_panics_when_it_is_asked_is_told_with_the_place_each_time() {
    for _ in 0..2 {
        let refused = said("[{sink: p, team: bug}]");
        assert!(refused.contains("panicked as it checked"), "{refused}");
        assert!(refused.contains("no such team"), "{refused}");
        assert!(refused.contains("type `picky`"), "{refused}");
        assert!(refused.contains("--> smswatch.yaml:5:"), "{refused}");
    }
}

#[test]
fn what_a_sink_does_anyway_makes_no_other_destination() {
    let twice = said("[p, {sink: p, team: all}]");
    assert!(twice.contains("is named twice"), "{twice}");
    assert_eq!(said("[p, {sink: p, team: crm}]"), "");
}

#[test]
fn the_own_channel_recipients_and_labels_of_a_sink_make_no_other_destination() {
    let types = crate::App::new().into_types();
    for (sink, same, other) in [
        (
            "{type: slack, bot_token: xoxb-1, channel: '#alerts'}",
            "channel: alerts, mention: []",
            "channel: '#otp'",
        ),
        (
            "{type: email, smtp: 'smtp://127.0.0.1', from: a@example.com, to: [b@example.com, c@example.com]}",
            "to: [C <c@example.com>, b@example.com]",
            "to: [b@example.com]",
        ),
        (
            "{type: email, smtp: 'smtp://127.0.0.1', from: a@example.com, to: [b@example.com]}",
            "to: [b@example.com]",
            "to: [c@example.com]",
        ),
        (
            "{type: alertmanager, url: 'http://127.0.0.1:9093', labels: {team: crm, env: live}}",
            "labels: {team: crm}",
            "labels: {team: otp}",
        ),
        ("{type: exec, command: [cat]}", "args: []", "args: [-n]"),
    ] {
        let with = |asked: &str| {
            let text = format!(
                "{ROUTEE}sinks: {{p: {sink}}}
rules:
  - {{name: a, notify: [p, {{sink: p, {asked}}}]}}
"
            );
            let problems = load_with(&types, &text).err().unwrap_or_default();
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            said.join(
                "
",
            )
        };
        let said = with(same);
        assert!(said.contains("is named twice"), "{same}: {said}");
        assert_eq!(with(other), "", "{other}");
    }
}
