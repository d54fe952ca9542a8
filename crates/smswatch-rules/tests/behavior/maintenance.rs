//! When maintenance windows are open, over changes of the clocks too, and what is wrong with others.

use std::sync::Arc;

use smswatch_model::{FaultTable, Timestamp};
use smswatch_plugin::rules::Rules as _;
use smswatch_rules::{Document, NumberKey, Options, RuleSet, compile_maintenance};

use crate::support::shown;

/// The rules, with the windows in `text`, or what is wrong with them.
fn compiled(text: &str) -> Result<RuleSet, String> {
    let document = Document::parse("smswatch.yaml", text).map_err(shown)?;
    let number_key: NumberKey = Arc::new(str::to_owned);
    let options = Options {
        sinks: &[],
        with_fallback: &[],
        sinks_file: "smswatch.yaml",
        check_overrides: &|_, _| Vec::new(),
        number_key: &number_key,
        texts_are_kept: true,
        numbers_are_masked: true,
        give_up_after: None,
        faults: &FaultTable::default(),
    };
    let windows = document.find("/maintenance");
    let (maintenance, problems) = compile_maintenance(&document, windows, &options);
    match problems.is_empty() {
        true => Ok(RuleSet::default().with_maintenance(maintenance)),
        false => Err(shown(problems)),
    }
}

/// The window that is open at `at`, from when to when.
fn open(cron: &str, duration: &str, at: &str) -> Option<(String, String)> {
    let text = format!(
        "maintenance:\n  - {{cron: \"{cron}\", timezone: Europe/Athens, duration: {duration}, \
         everything: true}}"
    );
    let rules = compiled(&text).expect("they are right");
    let windows = rules.open_windows(at.parse::<Timestamp>().expect("an instant"));
    let window = windows.first()?;
    assert_eq!(window.name, "1");
    Some((window.since.to_string(), window.until.to_string()))
}

fn from_to(since: &str, until: &str) -> Option<(String, String)> {
    Some((since.to_owned(), until.to_owned()))
}

#[test]
fn a_window_opens_in_its_time_zone_and_stays_open_for_its_duration() {
    let sundays = |at| open("0 2 * * 0", "2h", at);
    // In winter Athens is two hours ahead, in summer three.
    let winter = from_to("2026-01-04T00:00:00Z", "2026-01-04T02:00:00Z");
    let summer = from_to("2026-07-04T23:00:00Z", "2026-07-05T01:00:00Z");
    for (at, expected) in [
        ("2026-01-03T23:59:59Z", None),
        ("2026-01-04T00:00:00Z", winter.clone()),
        ("2026-01-04T01:59:59.999Z", winter),
        ("2026-01-04T02:00:00Z", None),
        ("2026-01-05T00:30:00Z", None),
        ("2026-07-04T23:30:00Z", summer),
        ("2026-07-05T01:00:00Z", None),
    ] {
        assert_eq!(sundays(at), expected, "{at}");
    }
}

#[test]
fn a_window_lasts_as_long_when_the_clocks_change_meanwhile() {
    // On 29 March 2026 Athens goes from 2:59 to 4:00, on 25 October from 3:59 back to 3:00.
    let spring = from_to("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z");
    assert_eq!(open("0 2 * * *", "2h", "2026-03-29T01:30:00Z"), spring);
    let autumn = from_to("2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z");
    assert_eq!(open("0 2 * * *", "3h", "2026-10-25T01:59:00Z"), autumn);
}

#[test]
fn a_window_whose_hour_is_skipped_or_comes_twice_opens_all_the_same() {
    let later = from_to("2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z");
    let skipped = |at| open("30 3 * * *", "1h", at);
    assert_eq!(skipped("2026-03-29T01:29:00Z"), None);
    assert_eq!(skipped("2026-03-29T01:45:00Z"), later);
    let once = from_to("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
    let twice = |at| open("30 3 * * *", "1h", at);
    assert_eq!(twice("2026-10-25T00:45:00Z"), once);
    assert_eq!(twice("2026-10-25T01:45:00Z"), None);
}

#[test]
fn beginnings_that_overlap_make_one_window() {
    let open = open("*/30 10 * * *", "45m", "2026-05-01T07:10:00Z");
    assert_eq!(
        open,
        from_to("2026-05-01T07:00:00Z", "2026-05-01T08:15:00Z")
    );
}

#[test]
fn what_is_wrong_with_windows_is_told_with_its_place() {
    let wrong = compiled(
        r#"maintenance:
  - {cron: "0 2 * *", duration: 2h, match: {country: GR}}
  - {cron: "0 25 * * 0", duration: 2h, match: {country: GR}}
  - {cron: "0 2 * * 0", timezone: Europe/Athen, duration: 2h, match: {country: GR}}
  - {cron: "0 2 * * 0", duration: two hours, match: {contry: GR, severity: hot}}
  - {cron: "0 2 * * 0", duration: 0s, everything: true, nmae: x}
  - {name: weekly, duration: 2h, match: {}}
  - {name: weekly, cron: "0 2 * * 0", match: {country: GR}, everything: true}
  - weekly
"#,
    );
    insta::assert_snapshot!(wrong.expect_err("it is wrong"));
    insta::assert_snapshot!(compiled("maintenance: {cron: x}").expect_err("it is no list"));
    assert!(compiled("maintenance: []").is_ok() && compiled("rules: []").is_ok());
}

#[test]
fn a_tag_named_nearly_like_one_of_the_rules_is_a_warning() {
    let wrong = compiled(
        "maintenance:
  - {cron: \"0 2 * * 0\", duration: 2h, match: {tags.taem: crm}}
  - {cron: \"0 3 * * 0\", duration: 2h, match: {tags.team: crm}}
rules:
  - {name: x, match: {tags.team: crm}, notify: [mail]}
",
    );
    insta::assert_snapshot!(wrong.expect_err("it is a slip"));
}
