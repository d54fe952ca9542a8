//! Odd values in one place hide nothing in another.

use super::*;

#[test]
fn nesting_is_bounded_and_hides_nothing_beside_it() {
    let deep = format!("{}1{}", r#"{"content":["#.repeat(5000), "]}".repeat(5000));
    assert!(parse(&id(), deep.as_bytes()).is_err());
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(parse(&id(), deep.as_bytes()).is_err());
    let beside = format!(
        r#"[{{"smsId": "p", "extra": {}1{}, "status": {{"status": "Sent"}}}}]"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    assert_eq!(seen(&beside).parts[0].status.as_str(), "Sent");
}

/// One answer with `odd` in place of its label.
#[test]
fn an_odd_value_in_a_field_that_is_not_needed_hides_no_status() {
    for odd in [
        &br#""Order 17 \ud83d""#[..],
        br#""\ude00 Order""#,
        b"\"Order 17 line one\nline two\"",
        b"\"tab\tbell\x07nul\x00\"",
        b"\"caf\xe9\"",
        b"\"\xf0\x9f\x98\"",
        b"\"\xed\xa0\xbd\"",
        br#""\x41 \u12""#,
        b"1e400",
        b"-1e99999",
        b"NaN",
        b"-Infinity",
        b"0x1f",
        b"undefined",
        b"'single'",
        b"[1e400, {\"a\": NaN}]",
        b"null,",
        b"",
        b"\"said \"hi\" to\"",
        b"\"x\" /* twice */, \"label\": \"\\ud83d\"",
    ] {
        let body = labelled(odd);
        let name = odd.escape_ascii();
        let Ok(Poll::Seen(report)) = parse(&id(), &body) else {
            panic!("{name} hides the status")
        };
        let part = &report.parts[0];
        assert_eq!(part.status.as_str(), "Undelivered", "{name}");
        let detail = part.detailed_status.as_ref().map(Word::as_str);
        assert_eq!(detail, Some("Unknown Number"), "{name}");
        assert_eq!(report.facts.part_count, Some(2), "{name}");
        assert_eq!(report.oddities.answers, 1, "{name}");
    }
    let report = seen(&String::from_utf8(labelled(br#""a\ud83d""#)).expect("UTF-8"));
    assert_eq!(report.facts.label.as_deref(), Some("a\u{fffd}"));
}

#[test]
fn every_field_may_be_odd_but_the_one_that_tells_the_status() {
    let names = [
        "smsId",
        "messageId",
        "applicationName",
        "originatingService",
        "direction",
        "from",
        "to",
        "country",
        "operator",
        "groups",
        "body",
        "label",
        "part",
        "parts",
        "price",
        "latency",
        "campaign",
        "unheardOf",
    ];
    let values = [
        "\"\\ud83d\"",
        "1e400",
        "NaN",
        "\"a\nb\"",
        "{\"a\":[\"\\udc00\"]}",
        "[[1e999]]",
        "-1",
        "2.5",
        "true",
        "null",
        "\"\"",
    ];
    for name in names {
        for value in values {
            // A row whose id is another message's is rightly left out.
            if name == "messageId" && !value.starts_with(['{', '[', 'n']) && value != "\"\"" {
                continue;
            }
            let json = format!(
                r#"[{{"{name}": {value}, "status": {{"status": "Undelivered",
                    "reason": {{"detailedStatus": "Carrier Violation"}}}}}}]"#
            );
            let part = &seen(&json).parts[0];
            assert_eq!(part.status.as_str(), "Undelivered", "{name}: {value}");
        }
    }
}
