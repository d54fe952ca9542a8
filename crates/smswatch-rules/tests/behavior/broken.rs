//! Each way to write a rule wrongly is told with its place and what would be right.

use crate::support::{compiled, shown};

fn told(rules: &str) -> String {
    let compiled = compiled(rules);
    assert!(
        !compiled.problems.is_empty(),
        "nothing is told of:\n{rules}"
    );
    shown(compiled.problems)
}

macro_rules! told {
    ($($name:ident: $rules:expr;)*) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(told($rules));
            }
        )*
    };
}

told! {
    rules_that_are_no_list: "rules: {name: x}";
    a_rule_that_is_no_mapping: "rules:\n  - carrier-violation";
    a_rule_without_a_name: "rules:\n  - match: {status: Failed}\n    notify: [mail]";
    a_name_given_twice: "rules:\n  - {name: x, match: {status: Sent}, notify: [mail]}\n  - {name: x, match: {status: Failed}, notify: [mail]}";
    a_name_that_is_empty: "rules:\n  - {name: '', notify: [mail]}";
    an_unknown_key: "rules:\n  - name: x\n    notfiy: [mail]\n    on: gave_up\n    stop: true";
    a_usual_that_is_none: "rules:\n  - {name: a, event: rate, count: {final: true}, over: 5m, above: usual, notify: [mail]}\n  - {name: b, event: rate, count: {final: true}, over: 5m, above: usual x 1, notify: [crm]}\n  - {name: c, event: rate, count: {final: true}, over: 5m, above: usual + 5, until_usual: 20, notify: [slack]}\n  - {name: d, event: rate, count: {final: true}, over: 5m, above: 8%, until_usual: 20%, notify: [mail]}";
    alerts_that_no_rate_has: "rules:\n  - {name: undelivered, event: rate, count: {status: Undelivered}, over: 5m, above: 5, notify: [mail]}\n  - {name: a, unless_firing: undeliverd, notify: [crm]}\n  - {name: b, match: {country: GR}, unless_firing: [undelivered, a, nothing-like-it], notify: [slack]}\n  - {name: c, event: sink_down, unless_firing: undelivered, notify: [mail, crm]}\n  - {name: d, unless_firing: , notify: [{sink: slack, channel: x}]}";
    a_repeat_of_what_does_not_last: "rules:\n  - {name: a, repeat: 5m, notify: [mail]}\n  - {name: b, event: stuck, after: 2m, repeat: 0s, notify: [crm]}\n  - {name: c, event: any, repeat: 1h, notify: [slack]}\n  - {name: d, event: rate, repeat: soon, count: {final: true}, over: 5m, above: 5, notify: [mail]}";
    throttles_that_are_none: "rules:\n  - {name: a, throttle: 5, notify: [mail]}\n  - {name: b, throttle: {at_mots: 5}, notify: [crm]}\n  - {name: c, throttle: {at_most: 1001, per: 0s}, notify: [slack]}\n  - {name: d, throttle: , notify: [{sink: slack, channel: x}]}";
    a_match_that_no_status_change_has: "rules:\n  - name: x\n    match: {status: [Sent, Queued], country: GR, final: true}\n    notify: [mail]";
    a_status_that_routee_does_not_document: "rules:\n  - name: x\n    match: {status: [Bounced, Undeliverd], detailed_status: Mailbox full}\n    notify: [mail]";
    a_rate_without_its_bounds: "rules:\n  - name: x\n    event: rate\n    match: {country: GR}\n    among: {final: true}\n    notify: [mail]";
    a_rate_that_is_resolved_above_its_bound: "rules:\n  - name: x\n    event: rate\n    count: {status: Failed}\n    over: 15m\n    above: 8%\n    clear_below: 9%\n    notify: [mail]";
    a_rate_with_bounds_of_two_sorts: "rules:\n  - name: x\n    event: rate\n    count: {status: Failed}\n    over: 15m\n    above: 8%\n    clear_below: 5\n    at_least: 0\n    notify: [mail]";
    a_rate_above_all: "rules:\n  - name: x\n    event: rate\n    count: {status: Failed, first_sen: true}\n    by: [country, too]\n    over: 0s\n    above: 100%\n    notify: [mail]";
    a_bound_that_is_none: "rules:\n  - name: x\n    event: rate\n    count: {status: Failed}\n    over: 15m\n    above: 8 percent\n    notify: [mail]";
    a_rate_among_other_events: "rules:\n  - name: x\n    event: [rate, gave_up]\n    count: {status: Failed}\n    notify: [mail]";
    keys_of_a_rate_without_one: "rules:\n  - name: x\n    above: 8%\n    at_least: 5\n    notify: [mail]";
    stuck_without_after: "rules:\n  - name: x\n    event: stuck\n    notify: [mail]";
    after_without_stuck: "rules:\n  - name: x\n    after: 2m\n    notify: [mail]";
    after_that_is_no_duration: "rules:\n  - name: x\n    event: [stuck, gave_up]\n    after: 2 minutes\n    notify: [mail]";
    after_no_time_at_all: "rules:\n  - name: x\n    event: stuck\n    after: 0s\n    notify: [mail]";
    a_final_status_of_what_is_stuck: "rules:\n  - name: x\n    event: stuck\n    after: 2m\n    match: {final: true}\n    notify: [mail]";
    an_unknown_event: "rules:\n  - name: x\n    event: gaveup\n    notify: [mail]";
    unknown_events_in_a_list: "rules:\n  - name: x\n    event: [gave_up, sms.not_found, smswatch.test, anny, stuck]\n    notify: [mail]\n  - name: y\n    event: []\n    notify: [mail]\n  - name: z\n    event: {kind: any}\n    notify: [mail]";
    a_status_asked_of_several_kinds: "rules:\n  - name: x\n    event: [status_changed, gave_up, sink_down]\n    match: {status: Undelivered}\n    notify: [mail, crm]\n  - name: y\n    event: [gave_up, not_found]\n    match: {status: Undelivered}\n    notify: [mail]\n  - name: any\n    event: any\n    match: {status: Undelivered}\n    severity: critical\n    notify: [slack]";
    an_unknown_severity: "rules:\n  - name: x\n    severity: critcal\n    notify: [mail]";
    a_stop_that_is_text: "rules:\n  - name: x\n    stop: 'yes'\n    notify: [mail]";
    an_unknown_sink: "rules:\n  - name: x\n    notify: [mail, slakc]";
    a_sink_named_twice: "rules:\n  - name: x\n    notify: [slack, {sink: slack, channel: '#x'}, slack, {channel: '#x', sink: slack}]";
    an_empty_notify: "rules:\n  - name: x\n    notify: []\n  - name: y";
    a_notify_that_is_no_list: "rules:\n  - name: x\n    notify: mail";
    a_target_without_a_sink: "rules:\n  - name: x\n    notify: [{channel: '#x'}]";
    an_override_that_the_sink_does_not_know: "rules:\n  - name: x\n    notify:\n      - sink: slack\n        chanel: '#x'";
    an_unquoted_negation: "rules:\n  - name: x\n    match: {country: !GR, status: [!Sent, Failed]}\n    notify: [mail]";
    an_unquoted_glob: "rules:\n  - name: x\n    match: {label: *otp}\n    notify: [mail]";
    an_unknown_key_to_match: "rules:\n  - name: x\n    match: {contry: GR, tags: {team: crm}, price: '5'}\n    notify: [mail]";
    a_bad_regular_expression: "rules:\n  - name: x\n    match: {label: '/otp-(/', from: '/a', to: '/(\\d{1000}){1000}/'}\n    notify: [mail]";
    patterns_of_the_wrong_type: "rules:\n  - name: x\n    match:\n      status: true\n      to: 306900000001\n      label: {is: x}\n      country:\n      groups: [[a]]\n      final: 'true'\n      late: [true]\n    notify: [mail]";
    an_empty_list_of_statuses: "rules:\n  - name: x\n    match: {status: []}\n    notify: [mail]";
    a_match_that_is_no_mapping: "rules:\n  - name: x\n    match: Failed\n    notify: [mail]";
    a_match_that_nothing_fits: "rules:\n  - name: x\n    match: {country: [GR, '!gr'], first_seen: true, previous_status: Sent}\n    notify: [mail]";
    a_status_asked_of_an_event_without_one: "rules:\n  - name: x\n    event: gave_up\n    match: {status: Sent, final: false, regression: true}\n    notify: [mail]";
    a_message_asked_of_an_event_about_smswatch: "rules:\n  - name: x\n    event: sink_down\n    match: {country: GR, label: '!x', late: true, outcome: pending}\n    notify: [mail]";
    words_that_never_come: "rules:\n  - name: x\n    match: {source: pol, outcome: lost, fault: '!carier'}\n    notify: [mail]";
    words_that_look_like_a_slip: "rules:\n  - name: x\n    match: {status: [Undeliverd, Carrier Violation], detailed_status: [Carier Violation, Failed]}\n    notify: [mail]";
    an_expression_that_is_none: "rules:\n  - name: x\n    when: event.part.price >\n    notify: [mail]";
    an_expression_with_an_unknown_field: "rules:\n  - name: x\n    when: event.part.prise > 0.05\n    notify: [mail]\n  - name: y\n    when: \"message.country == 'GR'\"\n    notify: [slack]";
    an_expression_that_forgets_the_first_sight: "rules:\n  - name: x\n    when: event.previous.status == 'Sent'\n    notify: [mail]";
    a_template_that_is_broken: "rules:\n  - name: x\n    template: {title: '{{ title', text: '{% if x %}'}\n    notify: [mail]";
    a_template_with_an_unknown_field: "rules:\n  - name: x\n    template:\n      title: \"{{ events[0].message.contry }}\"\n      text: |\n        {{ text }}\n        {{ evnts[0].time }}\n        {% for e in events %}{{ e.foo }}{% endfor %}\n    notify: [mail]";
    a_template_of_a_sink_with_an_unknown_field: "sinks:\n  mail:\n    template:\n      title: \"{{ events[0].current.statuss }}\"\n    timezone: Europe/Athen\nrules:\n  - name: x\n    notify: [mail]";
    a_filter_for_what_some_events_do_not_have: "rules:\n  - name: x\n    template: {title: \"{{ events[0].part.latency|duration }}\"}\n    notify: [mail]";
    numbers_of_which_a_pattern_asks_too_much: "rules:\n  - name: x\n    match: {to: ['+30690000*', '!*0001', '3069*', '/^\\+306900/', '+3069*01', '*7*']}\n    notify: [mail]";
    an_outcome_of_what_has_not_ended: "rules:\n  - name: x\n    event: [stuck, gave_up]\n    after: 2m\n    match: {outcome: failed}\n    notify: [mail]";
    a_rate_of_what_is_not_measured: "rules:\n  - {name: a, event: rate, count: {late: true}, over: 5m, above: 3, notify: [mail]}\n  - {name: b, event: rate, count: {final: true}, among: {refined: true}, over: 5m, above: 3, notify: [crm]}";
    a_rate_that_is_always_zero: "rules:\n  - {name: a, event: rate, count: {status: Undelivered}, among: {status: Delivered}, over: 5m, above: 3, notify: [mail]}\n  - {name: b, event: rate, count: {status: Failed, country: GR}, among: {country: CY}, over: 5m, above: 3%, notify: [crm]}\n  - {name: c, event: rate, count: {status: Failed}, among: {final: true}, over: 5m, above: 3%, notify: [slack]}";
    a_throttle_above_what_is_more_severe: "rules:\n  - {name: a, match: {status: Undelivered}, throttle: {at_most: 1, per: 1h}, notify: [mail, crm]}\n  - {name: b, match: {status: Undelivered, country: GR}, severity: critical, notify: [mail]}";
    an_alert_that_others_wait_for_and_a_throttle_holds_back: "rules:\n  - {name: a, event: rate, count: {status: Undelivered}, over: 5m, above: 3, throttle: {at_most: 1, per: 1h}, notify: [mail]}\n  - {name: b, match: {status: Undelivered}, unless_firing: a, notify: [crm]}";
    an_unknown_filter: "rules:\n  - name: x\n    template: {title: \"{{ events[0].time|localtime }}\"}\n    notify: [mail]";
    links_that_are_none: "rules:\n  - {name: a, links: x, notify: [mail]}\n  - {name: b, links: [x, {title: y}, {titel: z, url: \"https://e.com\"}], notify: [crm]}";
    links_to_no_place_of_the_web: "rules:\n  - name: x\n    links:\n      - {title: a, url: \"ftp://e.com/{{ rule }}\"}\n      - {title: b, url: \"{{ events[0].message.country }}\"}\n      - {title: c, url: \"https://e.com/{{ events[0].message.contry }}\"}\n      - {title: d, url: \"https://\"}\n    notify: [mail]";
    a_template_with_an_unknown_key: "rules:\n  - name: x\n    template: {titel: x}\n    notify: [mail]\n  - name: y\n    template: x\n    notify: [slack]";
    a_rule_that_others_shadow: "rules:\n  - name: wide\n    match: {status: Undelivered}\n    notify: [mail, slack]\n  - name: narrow\n    match: {status: Undelivered, country: GR}\n    severity: critical\n    notify: [slack]\n  - name: end\n    match: {status: Failed}\n    stop: true\n  - name: behind\n    match: {status: Failed, label: x}\n    notify: [crm]";
    a_sink_that_alone_hears_of_its_own_failure: "rules:\n  - name: mail-is-down\n    event: sink_down\n    when: event.about.name == 'mail'\n    notify: [mail, crm]\n  - name: down\n    event: sink_down\n    severity: critical\n    notify: [slack]";
    a_sink_that_alone_hears_of_its_own_dead_letters: "rules:\n  - name: dead\n    event: dead_letter\n    notify: [slack]";
    a_tag_that_looks_like_a_slip: "rules:\n  - {name: a, match: {tags.team: crm, tags.tier1: x}, notify: [mail]}\n  - {name: b, match: {status: Failed, tags.taem: crm, tags.tier2: y}, notify: [slack]}\n  - {name: c, match: {status: Unsent, tags.customer: z}, group: {by: [country, tags.Team]}, notify: [crm]}\n  - {name: d, event: rate, count: {status: Failed, tags.custmer: z}, by: tags.teams, over: 5m, above: 8, notify: [crm]}";
    a_secret_is_not_shown: "rules:\n  - name: x\n    event: \"${SECRET}\"\n    match: {source: \"${SECRET}\", from: \"/${SECRET}(/\"}\n    notify: [\"${SECRET}\"]";
}

#[test]
fn whose_failure_somebody_else_hears_of_is_no_matter_for_a_warning() {
    for rules in [
        // Whatever it tells the fallback gets.
        "  - {name: x, event: sink_down, notify: [crm]}",
        "  - {name: x, event: sink_down, notify: [mail, slack]}",
        "  - {name: x, event: sink_down, when: event.about.name != 'mail', notify: [mail]}",
        "  - {name: x, event: sink_down, notify: [mail]}\n  - name: y\n    event: sink_down\n    \
         when: event.about.name == 'mail'\n    notify: [slack]",
        // By then it takes what it is told.
        "  - {name: x, event: sink_recovered, notify: [mail]}",
    ] {
        let compiled = compiled(&format!("rules:\n{rules}"));
        assert_eq!(shown(compiled.problems), "", "{rules}");
    }
}

#[test]
fn all_problems_are_told_at_once_and_in_the_order_of_the_file() {
    let problems = compiled(
        "rules:\n  - name: x\n    notify: [nobody]\n    match: {statsu: Failed}\n  - severity: high\n",
    )
    .problems;
    let lines: Vec<_> = problems
        .iter()
        .filter_map(|problem| Some(problem.place?.line))
        .collect();
    assert_eq!(lines, [3, 4, 5, 5, 5]);
}

#[test]
fn no_rules_at_all_are_no_problem() {
    for text in ["", "rules:\n", "rules: []\n"] {
        let compiled = compiled(text);
        assert!(
            compiled.problems.is_empty() && compiled.rules.is_empty(),
            "{text}"
        );
    }
}

#[test]
fn rules_have_at_most_sixteen_different_values_of_after() {
    let rule = |n: usize| {
        format!(
            "  - {{name: r{n}, event: stuck, after: {}s, notify: [mail]}}\n",
            n % 17 + 1
        )
    };
    let rules = |count| (0..count).map(rule).collect::<String>();
    let same = rules(16) + "  - {name: again, event: stuck, after: 16s, notify: [crm]}\n";
    assert_eq!(crate::support::rule_set(&same).len(), 17);
    let compiled = compiled(&format!("rules:\n{}", rules(17)));
    insta::assert_snapshot!(crate::support::shown(compiled.problems));
}

#[test]
fn only_a_match_that_no_status_change_has_is_warned_of() {
    let warned_of = |matching: &str| {
        let rules = format!("rules:\n  - {{name: x, match: {{{matching}}}, notify: [mail]}}");
        shown(compiled(&rules).problems).contains("this never matches")
    };
    for never in [
        "status: Delivered, final: false",
        "status: [Undelivered, Failed], outcome: delivered",
        "status: Sent, outcome: failed",
        "detailed_status: Carrier Violation, fault: recipient",
        "status: Delivered, fault: carrier, detailed_status: \"\"",
        "first_seen: true, regression: true",
        "refined: true, detailed_status: \"\"",
        "refined: true, status: Failed, previous_status: Sent",
        "previous_status: Sent, regression: true",
        "status: Undelivered, detailed_status: \"!\", fault: none, outcome: delivered",
    ] {
        assert!(warned_of(never), "{never}");
    }
    for sometimes in [
        "status: Undelivered, final: true",
        "status: Undelivered, outcome: pending",
        "status: [Sent, Delivered], final: false",
        "status: \"!Delivered\", outcome: failed, final: true",
        "detailed_status: Carrier Violation, fault: sender, first_seen: true",
        "status: Delivered, regression: true, previous_status: Undelivered",
        "status: Undelivered, refined: true, detailed_status: \"!\"",
        "status: \"Und*\", detailed_status: \"/unknown/\", outcome: failed",
        "status: Buffered, final: false, fault: carrier",
        "late: true, outcome: failed, source: poll",
    ] {
        assert!(!warned_of(sometimes), "{sometimes}");
    }
}
