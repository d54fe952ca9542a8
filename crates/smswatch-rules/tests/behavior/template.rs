//! Titles and texts of one's own.

use smswatch_model::Event;
use smswatch_plugin::rules::{Rules as _, Words};

use crate::support::{event, notification, part, rule_set};

fn words(template: &str, events: &[Event]) -> (String, String) {
    let rules = format!("  - name: x\n    template:\n{template}\n    notify: [mail]");
    let Words { title, text } = rule_set(&rules).words(&notification("x", events));
    (title, text)
}

#[test]
fn a_notification_whose_rule_has_gone_or_has_no_template_speaks_in_default_words() {
    let rules = rule_set(
        "  - {name: own, template: {title: mine}, notify: [mail]}\n  - {name: plain, notify: [crm]}",
    );
    let title = |rule| rules.words(&notification(rule, &[event()])).title;
    assert_eq!(title("own"), "mine");
    let default = "Carrier Violation: 1 message from MyShop to GR";
    assert_eq!(
        (title("plain").as_str(), title("gone").as_str()),
        (default, default)
    );
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
    let events = [
        part(event(), 1, 3),
        part(event(), 2, 3),
        part(event(), 3, 3),
    ];
    let (_, text) = words(template, &events);
    assert!(text.starts_with("From MyShop"), "{text}");
    assert!(
        text.ends_with("(A template failed, so this alert has default words. Check rule x.)"),
        "{text}"
    );
}

#[test]
fn a_template_cannot_run_forever() {
    let template = "      text: \"{% if events|length > 2 %}{% for a in range(9999) %}\
                    {% for b in range(9999) %}x{% endfor %}{% endfor %}{% endif %}ok\"";
    let events = [
        part(event(), 1, 3),
        part(event(), 2, 3),
        part(event(), 3, 3),
    ];
    let (_, text) = words(template, &events);
    assert!(text.contains("template failed"), "{text}");
}
