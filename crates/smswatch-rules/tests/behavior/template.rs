//! Titles and texts of one's own.

use std::collections::BTreeMap;

use smswatch_model::Event;
use smswatch_plugin::rules::{Rules as _, Words};
use smswatch_rules::RuleSet;

use crate::support::{compiled, event, notification, part, rule_set, shown};

fn words(template: &str, events: &[Event]) -> (String, String) {
    let rules = format!("  - name: x\n    template:\n{template}\n    notify: [mail]");
    let Words { title, text, .. } = rule_set(&rules).words(&notification("x", events), "mail");
    (title, text)
}

/// The rules of a file without errors.
fn sound(text: &str) -> RuleSet {
    let compiled = compiled(text).into_result();
    compiled.map_err(shown).expect("no error").0
}

#[test]
fn a_notification_whose_rule_has_gone_or_has_no_template_speaks_in_default_words() {
    let rules = rule_set(
        "  - {name: own, template: {title: mine}, notify: [mail]}\n  - {name: plain, notify: [crm]}",
    );
    let title = |rule| rules.words(&notification(rule, &[event()]), "mail").title;
    assert_eq!(title("own"), "mine");
    let default = "Carrier Violation: 1 message from MyShop to GR";
    assert_eq!(
        (title("plain").as_str(), title("gone").as_str()),
        (default, default)
    );
}

#[test]
fn every_field_of_the_payload_is_a_variable() {
    let data = serde_json::to_value(notification("x", &[event()]).data()).expect("JSON");
    for field in data.as_object().expect("an object").keys() {
        let rules = format!(
            "rules:\n  - {{name: x, template: {{text: '{{{{ {field} }}}}'}}, notify: [mail]}}"
        );
        assert_eq!(shown(compiled(&rules).problems), "", "{field}");
    }
}

#[test]
fn what_failures_have_in_common_can_be_put_into_words_of_ones_own() {
    let template = "      text: \"{% for one in common %}{{ one.count }}/{{ one.of }} {{ one.key }}={{ one.value }} {{ one.percent_of_traffic }}%{% endfor %}\"";
    assert_eq!(words(template, &[event()]).1, "");
    let wrong =
        "rules:\n  - {name: x, template: {text: '{{ common[0].share.x }}'}, notify: [mail]}";
    assert!(shown(compiled(wrong).problems).contains("share"));
}

#[test]
fn a_template_sees_the_data_of_the_payload() {
    let template = r#"
      title: "{{ events|length }} in {{ events[0].message.country }}: {{ severity }} {{ rule }}"
      text: |
        {% for event in events -%}
        part {{ event.part.number }}: {{ event.current.detailed_status or event.current.status }}
        {% endfor -%}
        {{ events[0].message.tags.team }} {{ omitted }} {{ links|length }} {{ schema }} {{ title }}
        {{ notification_id[:4] }} {{ key[:4] }}
"#;
    let events = [part(event(), 1, 2), part(event(), 2, 2)];
    let (title, text) = words(template, &events);
    assert_eq!(title, "2 in GR: warning x");
    insta::assert_snapshot!(text);
}

#[test]
fn what_a_template_leaves_out_keeps_its_default_and_can_be_built_upon() {
    let (title, text) = words("      title: \"Help! {{ title }}\"", &[event()]);
    assert_eq!(
        title,
        "Help! Carrier Violation: 1 message from MyShop to GR"
    );
    assert!(text.starts_with("From MyShop to +3069******01"), "{text}");
}

#[test]
fn a_title_is_one_line_and_text_is_not_escaped() {
    let (title, text) = words(
        "      title: \"a\\n  b <{{ rule }}>\"\n      text: \"{{ '<b>' }}\"",
        &[event()],
    );
    assert_eq!((title.as_str(), text.as_str()), ("a b <x>", "<b>"));
}

#[test]
fn a_template_that_fails_when_it_is_needed_gives_way_to_the_default() {
    let template = "      text: \"{% if events|length > 2 %}{{ events[9].time }}{% endif %}ok\"";
    let events = [1, 2, 3].map(|number| part(event(), number, 3));
    let (_, text) = words(template, &events);
    assert!(text.starts_with("From MyShop"), "{text}");
    assert!(
        text.ends_with("(The template `text` of rule `x` failed; the default text is shown.)"),
        "{text}"
    );
}

#[test]
fn a_template_cannot_run_forever() {
    let template = "      text: \"{% if events|length > 2 %}{% for a in range(9999) %}\
                    {% for b in range(9999) %}x{% endfor %}{% endfor %}{% endif %}ok\"";
    let events = [1, 2, 3].map(|number| part(event(), number, 3));
    let (_, text) = words(template, &events);
    assert!(text.contains("failed; the "), "{text}");
}

#[test]
fn filters_say_durations_counts_numbers_and_times_as_people_do() {
    let template = r#"
      title: "{{ events|plural('part') }} of {{ 12345|count }}"
      text: |
        {% if events[0].part.latency %}after {{ events[0].part.latency|duration }}{% endif %}
        {% if events[0].message.to %}to {{ events[0].message.to|masked }}{% endif %}
        at {{ events[0].time|local_time }}
"#;
    let rules = format!("  - name: x\n    template:{template}    notify: [mail, crm]");
    let sinks = "sinks: {mail: {timezone: Europe/Athens}}\n";
    let compiled = compiled(&format!("{sinks}rules:\n{rules}"));
    let (rules, warnings) = compiled.into_result().map_err(shown).expect("no error");
    assert_eq!(shown(warnings), "");
    let told = |sink| {
        let words = rules.words(&notification("x", &[event()]), sink);
        format!("{}\n{}", words.title, words.text)
    };
    insta::assert_snapshot!(told("mail"), @r"
    1 part of 12,345
    after 4 s
    to +3069******01
    at 2026-05-01 13:28:49 EEST
    ");
    assert!(
        told("crm").ends_with("at 2026-05-01 10:28:49 UTC"),
        "{}",
        told("crm")
    );
}

#[test]
fn words_tell_no_tag_that_their_sink_may_not_see() {
    let text = r#"
sinks:
  slack: {privacy: {tags: [env]}, template: {title: "{{ group }} {{ events[0].message.tags }}"}}
  mail: {privacy: {tags: [team, env]}}
rules:
  - {name: plain, notify: [slack, mail, crm]}
  - {name: own, template: {text: "for {{ events[0].message.tags.team }}!"}, notify: [slack, mail]}
"#;
    let rules = sound(text);
    let told = |rule, sink| {
        let mut told = notification(rule, &[event()]);
        told.group = BTreeMap::from([
            ("tags.team".to_owned(), "crm".to_owned()),
            ("country".to_owned(), "GR".to_owned()),
        ]);
        let words = rules.words(&told, sink);
        format!("{}\n{}", words.title, words.text)
    };
    for sink in ["mail", "crm"] {
        assert!(
            told("plain", sink).contains("team=crm"),
            "{}",
            told("plain", sink)
        );
    }
    let closed = told("plain", "slack");
    assert!(!closed.contains("crm"), "{closed}");
    assert!(closed.contains("GR"), "{closed}");
    assert!(told("own", "mail").ends_with("for crm!"));
    let own = told("own", "slack");
    assert!(own.ends_with("for !"), "{own}");
}

#[test]
fn a_sink_has_words_of_its_own_where_the_rule_has_none() {
    let text = r#"
sinks:
  mail: {template: {title: "To mail: {{ title }}", text: "for mail"}}
  slack: {timezone: Europe/Athens}
rules:
  - {name: plain, notify: [mail, slack]}
  - {name: own, template: {title: "own"}, notify: [mail]}
"#;
    let rules = sound(text);
    let told = |rule, sink| {
        let words = rules.words(&notification(rule, &[event()]), sink);
        (words.title, words.text)
    };
    let default = "Carrier Violation: 1 message from MyShop to GR";
    assert_eq!(
        told("plain", "mail"),
        (format!("To mail: {default}"), "for mail".to_owned())
    );
    assert_eq!(
        told("own", "mail"),
        ("own".to_owned(), "for mail".to_owned())
    );
    assert_eq!(told("plain", "slack").0, default);
    assert_eq!(told("gone", "mail").1, "for mail", "a rule that has gone");
}

#[test]
fn links_have_the_variables_of_templates_and_encode_them() {
    let rules = rule_set(
        r#"  - name: x
    links:
      - {title: "Runbook for {{ events[0].message.country }}", url: "https://wiki.example.com/{{ events[0].message.operator }}?q={{ events[0].message.label }}#x"}
      - {title: "", url: "http://example.com/{{ rule }}"}
    template: {text: "{{ links[0].url }}"}
    notify: [mail]"#,
    );
    let mut odd = event();
    odd.message.label = Some("a/b&c é".to_owned());
    let words = rules.words(&notification("x", &[odd]), "mail");
    let links: Vec<String> = words
        .links
        .iter()
        .map(|link| format!("{}: {}", link.title, link.url))
        .collect();
    insta::assert_snapshot!(links.join("\n"), @r"
    Runbook for GR: https://wiki.example.com/Example%20Mobile?q=a%2Fb%26c%20%C3%A9#x
    http://example.com/x: http://example.com/x
    ");
    assert_eq!(words.text, words.links[0].url);
    assert_eq!(words.failed_templates, Vec::<String>::new());
}

#[test]
fn a_link_that_fails_when_it_is_needed_is_left_out_and_told() {
    let rules = rule_set(
        "  - name: x
    links: [{title: a, url: \"https://{% if events|length > 2 %}{{ events[9].time }}{% endif %}e.com\"}]
    notify: [mail]",
    );
    let events = [1, 2, 3].map(|number| part(event(), number, 3));
    let words = rules.words(&notification("x", &events), "mail");
    assert_eq!(words.links, []);
    assert_eq!(words.failed_templates, ["links[0]"]);
    assert!(words.text.contains("failed; the "), "{}", words.text);
}

#[test]
fn a_name_that_turns_the_direction_of_writing_turns_nothing_around_it() {
    let mut turned = event();
    turned.message.from = Some("My\u{202e}Shop\u{200f}".to_owned());
    turned.message.label = Some("\u{2067}order\u{2069}-17".to_owned());
    let template = "      title: \"{{ events[0].message.from }} fails\"\n      text: \"{{ events[0].message.label }}\"";
    let expected = ("MyShop fails".to_owned(), "order-17".to_owned());
    assert_eq!(words(template, std::slice::from_ref(&turned)), expected);
    let (title, text) = words(
        "      title: \"{{ title }}\"",
        std::slice::from_ref(&turned),
    );
    assert_eq!(title, "Carrier Violation: 1 message from MyShop to GR");
    assert!(text.contains("order-17"), "{text}");
    // What programs read is as it came.
    let payload = serde_json::to_value(notification("x", &[turned]).data()).expect("JSON");
    assert_eq!(
        payload["events"][0]["message"]["from"],
        "My\u{202e}Shop\u{200f}"
    );
}

#[test]
fn a_value_by_which_the_rule_does_not_group_is_told_with_its_place() {
    let problems = |rule: &str| {
        let rules = format!("rules:\n  - name: x\n    notify: [mail]\n{rule}");
        shown(compiled(&rules).problems)
    };
    let alone = problems("    template: {title: 'x {{ group.country }}'}\n");
    let other = problems(
        "    group: {by: [operator]}\n    template: {text: \"{{ group.operator }} {{ group.country }}\"}\n",
    );
    insta::assert_snapshot!(format!("{alone}\n{other}"));
    for fine in [
        "    group: {by: [country]}\n    template: {title: 'x {{ group.country|upper }}'}\n",
        "    group: {by: [tags.team]}\n    template: {title: \"x {{ group['tags.team'] }}\"}\n",
        // One template for several rules.
        "    template: {title: \"x {{ group.country or 'anywhere' }}{% if group.operator %}!{% endif %}\"}\n",
        "    event: rate\n    count: {status: Undelivered}\n    by: [country]\n    over: 15m\n    above: 8%\n    clear_below: 5%\n    at_least: 50\n    template: {title: '{{ group.country }}'}\n",
    ] {
        assert_eq!(problems(fine), "", "{fine}");
    }
    let link =
        problems("    links: [{title: x, url: 'https://example.com/{{ group.country }}'}]\n");
    assert!(link.contains("does not group"), "{link}");
}

#[test]
fn a_title_that_never_says_anything_is_told_with_its_place() {
    let problems = |title: &str| {
        let rules =
            format!("rules:\n  - name: x\n    template: {{title: {title}}}\n    notify: [mail]\n");
        shown(compiled(&rules).problems)
    };
    insta::assert_snapshot!(problems("\"{{ ' ' }}\""));
    for empty in ["''", "'  '", "\"{% if false %}x{% endif %}\""] {
        assert!(problems(empty).contains("this title is empty"), "{empty}");
    }
    // Where it has nothing to say, the default one is shown.
    assert_eq!(
        problems("\"{% if events|length > 1 %}Many{% endif %}\""),
        ""
    );
}
