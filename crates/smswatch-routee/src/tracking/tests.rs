//! One test for each thing that Routee's documents leave open.

mod odd;

use proptest::prelude::*;
use smswatch_plugin::model::{MessageText, PhoneNumber, Word};
use smswatch_plugin::provider::{MessageReport, Oddities};

use super::*;
use crate::message::MAX_WORD;

fn id() -> MessageId {
    MessageId::new("m1").expect("a valid id")
}

fn seen(json: &str) -> MessageReport {
    match parse(&id(), json.as_bytes()).expect("JSON") {
        Poll::Seen(report) => *report,
        other => panic!("{other:?}"),
    }
}

const WHOLE: &str = r#"[{
    "smsId": "7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01", "messageId": "m1",
    "applicationName": "default", "originatingService": "Sms", "direction": "Outbound",
    "from": "MyShop", "to": "306900000001", "country": "GR", "operator": "Example Mobile",
    "groups": ["a", "b"], "body": "Your parcel is ready", "label": "order-17",
    "part": 1, "parts": 2, "price": 0.036, "latency": 4,
    "status": {"status": "Undelivered", "date": "2024-05-01T10:28:49Z",
        "reason": {"detailedStatus": "Unknown Number", "description": "It does not exist."}}}]"#;

fn labelled(odd: &[u8]) -> Vec<u8> {
    let at = WHOLE.find("\"order-17\"").expect("the label");
    let (before, after) = WHOLE.as_bytes().split_at(at);
    [before, odd, &after["\"order-17\"".len()..]].concat()
}

#[test]
fn every_documented_field_is_read_and_the_text_is_not_printed() {
    let report = seen(WHOLE);
    let part = &report.parts[0];
    assert_eq!(part.sms_id.as_str(), "7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01");
    assert_eq!(part.status.as_str(), "Undelivered");
    assert_eq!(
        part.detailed_status.as_ref().map(Word::as_str),
        Some("Unknown Number")
    );
    assert_eq!(
        part.date.map(|date| date.to_string()).as_deref(),
        Some("2024-05-01T10:28:49Z")
    );
    assert_eq!(
        part.price.as_ref().map(ToString::to_string).as_deref(),
        Some("0.036")
    );
    assert_eq!(report.facts.part_count, Some(2));
    assert_eq!(
        report.facts.to.as_ref().map(PhoneNumber::reveal),
        Some("+306900000001")
    );
    assert_eq!(report.facts.groups, ["a", "b"]);
    let service = report.facts.originating_service.as_deref();
    assert_eq!(service, Some("Sms"));
    let body = report.facts.body.as_ref().map(MessageText::reveal);
    assert_eq!(body, Some("Your parcel is ready"));
    assert!(!format!("{report:?}").contains("parcel"));
}

#[test]
fn a_recipient_in_a_list_or_as_a_number_is_known() {
    for (to, others) in [
        (r#"["+306900000001"]"#, 0),
        (r#"["306900000001", "+306900000002"]"#, 1),
        ("306900000001", 0),
    ] {
        let report = seen(&format!(
            r#"[{{"to": {to}, "status": {{"status": "Sent"}}}}]"#
        ));
        let number = report.facts.to.as_ref().map(PhoneNumber::reveal);
        assert_eq!(number, Some("+306900000001"), "{to}");
        assert_eq!(report.facts.other_numbers.len(), others, "{to}");
    }
}

#[test]
fn recipients_of_all_parts_are_known() {
    let report = seen(
        r#"[{"smsId": "a", "to": "306900000001", "status": "Sent"},
            {"smsId": "b", "to": "306900000002", "status": "Sent"},
            {"smsId": "c", "to": "+306900000002", "status": "Sent"}]"#,
    );
    let others = report.facts.other_numbers.iter();
    let others: Vec<_> = others.map(PhoneNumber::reveal).collect();
    assert_eq!(others, ["+306900000002"]);
}

#[test]
fn nulls_absent_fields_and_numbers_as_text_are_taken() {
    let report = seen(
        r#"[{"smsId": "p", "operator": null, "groups": null, "part": "2", "parts": "3.0",
            "price": "0.006", "latency": "27", "label": 17, "surprise": {"a": [1]},
            "status": {"status": "Sent", "reason": null}}]"#,
    );
    let part = &report.parts[0];
    assert_eq!((part.number, report.facts.part_count), (Some(2), Some(3)));
    assert_eq!(
        part.price.as_ref().map(ToString::to_string).as_deref(),
        Some("0.006")
    );
    assert_eq!((part.date, part.detailed_status.clone()), (None, None));
    assert_eq!(report.facts.label.as_deref(), Some("17"));
}

#[test]
fn dates_with_fractions_and_offsets_are_taken_and_garbage_is_no_date() {
    let date = |text: &str| {
        let json =
            format!(r#"[{{"smsId": "p", "status": {{"status": "Sent", "date": "{text}"}}}}]"#);
        seen(&json).parts[0].date.map(|date| date.to_string())
    };
    assert_eq!(
        date("2024-05-01T12:28:49.5+02:00").as_deref(),
        Some("2024-05-01T10:28:49.500Z")
    );
    assert_eq!(date("yesterday"), None);
}

#[test]
fn a_status_that_is_plain_text_and_one_that_is_called_name_are_taken() {
    assert_eq!(
        seen(r#"[{"smsId": "p", "status": "Sent"}]"#).parts[0]
            .status
            .as_str(),
        "Sent"
    );
    let named = seen(
        r#"{"smsId": "p", "status": {"name": "Undelivered", "updatedDate": "2024-05-01T10:28:49Z",
            "reason": "Expired"}}"#,
    );
    assert_eq!(
        named.parts[0].detailed_status.as_ref().map(Word::as_str),
        Some("Expired")
    );
    assert!(named.parts[0].date.is_some());
}

#[test]
fn a_page_is_taken_for_its_items() {
    let page = seen(
        r#"{"content": [{"smsId": "p", "status": "Sent", "campaignName": "c"}], "last": true}"#,
    );
    assert_eq!(
        (page.parts.len(), page.facts.campaign.as_deref()),
        (1, Some("c"))
    );
}

#[test]
fn one_strange_element_does_not_hide_the_others() {
    let report = seen(
        r#"[17, null, "x", [], {"smsId": "p1"}, {"smsId": "p2", "status": "Sent"},
            {"smsId": "p3", "messageId": "another", "status": "Failed"}]"#,
    );
    assert_eq!(report.parts.len(), 1);
    assert_eq!(report.parts[0].sms_id.as_str(), "p2");
}

#[test]
fn what_can_be_no_id_of_a_message_hides_no_status() {
    for told in [&b"m\xff1"[..], b"m\\ud83d", b"m 1", b"", b"m\n\n1 \x01 x"] {
        let mut body = br#"[{"smsId": "p1", "messageId": ""#.to_vec();
        body.extend_from_slice(told);
        body.extend_from_slice(br#"", "status": "Undelivered"}]"#);
        let poll = parse(&MessageId::new("m1").expect("a valid id"), &body);
        assert!(matches!(poll, Ok(Poll::Seen(_))), "{told:?}: {poll:?}");
    }
}

#[test]
fn a_part_without_an_id_is_named_by_its_place() {
    let report = seen(
        r#"[{"part": 2, "status": "Sent"}, {"smsId": "not an id", "status": "Sent"},
            {"messageId": "m1", "status": "Failed"}]"#,
    );
    let ids: Vec<_> = report
        .parts
        .iter()
        .map(|part| part.sms_id.as_str())
        .collect();
    assert_eq!(ids, ["m1:2", "m1:1", "m1:3"]);
}

#[test]
fn parts_come_in_their_order_whatever_the_answers_is() {
    let seen = seen(
        r#"[{"smsId": "b", "part": 2, "status": {"status": "Sent"}},
            {"smsId": "x", "status": {"status": "Sent"}},
            {"smsId": "a", "part": 1, "status": {"status": "Sent"}}]"#,
    );
    let ids: Vec<&str> = seen.parts.iter().map(|part| part.sms_id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "x"]);
}

#[test]
fn an_empty_list_is_no_information() {
    for json in [
        "[]",
        " [ ]",
        "\u{feff}[]",
        "[,]",
        r#"{"content": [], "last": true}"#,
    ] {
        assert_eq!(parse(&id(), json.as_bytes()), Ok(Poll::Empty), "{json}");
    }
}

#[test]
fn what_tells_no_part_is_no_tracking() {
    for json in [
        "{}",
        "null",
        "[{}]",
        r#"[{"smsId": "p"}]"#,
        "17",
        "[[[]]]",
        r#"{"status": "ok"}"#,
        r#"{"status": "maintenance", "message": "back at ten"}"#,
        r#"[{"smsId": "p", "status": {"status": "\ud83d"}}]"#,
    ] {
        assert_eq!(
            parse(&id(), json.as_bytes()),
            Err(InvalidTracking::Strange),
            "{json}"
        );
    }
}

#[test]
fn an_error_or_a_web_page_with_status_200_says_nothing_about_the_message() {
    for (body, expected) in [
        (r#"{"error": "x"}"#, InvalidTracking::Error),
        (
            r#"{"timestamp": 1, "status": 500, "error": "Internal Server Error", "path": "/"}"#,
            InvalidTracking::Error,
        ),
        (
            r#"{"code": "500000000", "developerMessage": "Internal error"}"#,
            InvalidTracking::Error,
        ),
        (
            r#"<html><script>x = {"smsId": "p", "status": "Sent"}</script></html>"#,
            InvalidTracking::Page,
        ),
        ("\u{feff}\n<!doctype html>", InvalidTracking::Page),
    ] {
        assert_eq!(parse(&id(), body.as_bytes()), Err(expected), "{body}");
    }
}

#[test]
fn what_is_no_json_is_no_tracking() {
    for body in ["", "OK", "\u{1f}\u{8b}\u{8}"] {
        assert_eq!(
            parse(&id(), body.as_bytes()),
            Err(InvalidTracking::Json),
            "{body}"
        );
    }
}

#[test]
fn words_are_compared_without_the_characters_that_nobody_sees() {
    for (status, detail) in [
        ("Undelivered\\ud83d", "Carrier\\u00a0Violation"),
        ("\\u200bUndelivered\\n", "Carrier  Violation\t"),
        ("Undel\\u00ADivered", "Carrier\nViolation\\udc00"),
    ] {
        let json = format!(
            r#"[{{"smsId": "p", "status": {{"status": "{status}",
                "date": "2024-05-01T10:28:49Z\ud83d", "reason": {{"detailedStatus": "{detail}"}}}}}}]"#
        );
        let report = seen(&json);
        let part = &report.parts[0];
        assert_eq!(part.status.as_str(), "Undelivered");
        assert_eq!(part.detailed_status, Some(Word::new("Carrier Violation")));
        assert!(part.date.is_some());
    }
}

#[test]
fn names_of_fields_are_taken_in_any_case_and_with_underscores() {
    let report = seen(
        r#"[{"SmsID": "p", "MESSAGEID": "M1", "sms_parts": 1, "Parts": 1,
            "Status": {"Status": "Undelivered", "updated_date": "2024-05-01T10:28:49Z",
                "Reason": {"detailed_status": "Expired"}}}]"#,
    );
    let part = &report.parts[0];
    assert_eq!(part.sms_id.as_str(), "p");
    assert_eq!(part.detailed_status, Some(Word::new("Expired")));
    assert!(part.date.is_some());
    assert_eq!(report.facts.part_count, Some(1));
}

#[test]
fn a_name_that_stands_twice_hides_nothing() {
    for json in [
        r#"[{"smsId": "p", "status": {"status": "Sent"}, "status": null}]"#,
        r#"[{"smsId": "p", "status": null, "status": {"status": "Sent"}}]"#,
        r#"[{"smsId": "p", "status": {"status": "Sent", "name": ""}, "smsId": {}}]"#,
        r#"[{"smsId": "p", "status": [null, {"status": "Sent"}]}]"#,
    ] {
        let report = seen(json);
        assert_eq!(report.parts[0].status.as_str(), "Sent", "{json}");
        assert_eq!(report.parts[0].sms_id.as_str(), "p", "{json}");
    }
}

#[test]
fn one_odd_row_spoils_no_other_among_two_thousand() {
    let row = |n: usize| match n {
        700 => r#"{"smsId": "odd", "label": "\ud83d", "price": 1e400}"#.to_owned(),
        701 => "\"a row that is none".to_owned() + "\"",
        n => format!(r#"{{"smsId": "p{n}", "part": {n}, "status": {{"status": "Sent"}}}}"#),
    };
    let rows: Vec<_> = (1..=2000).map(row).collect();
    let report = seen(&format!("{{\"content\": [{}]}}", rows.join(",")));
    assert_eq!(report.parts.len(), 255);
    let oddities = Oddities {
        answers: 1,
        rows: 1,
        dates: 0,
        parts: 1998 - 255,
    };
    assert_eq!(report.oddities, oddities);
}

#[test]
fn ids_are_compared_without_case() {
    let report = seen(r#"[{"smsId": "P", "messageId": "M1", "status": {"status": "Sent"}}]"#);
    assert_eq!(report.parts[0].sms_id.as_str(), "P");
}

#[test]
fn a_guid_in_braces_or_without_dashes_is_the_id_that_was_asked_for() {
    let asked = MessageId::new("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01").expect("a valid id");
    for told in [
        "{3D0C6A3E-91D4-4D4E-8F6F-BBBBBBBBBB01}",
        "3d0c6a3e91d44d4e8f6fbbbbbbbbbb01",
    ] {
        let body = format!(r#"[{{"messageId": "{told}", "status": {{"status": "Sent"}}}}]"#);
        let poll = parse(&asked, body.as_bytes());
        assert!(matches!(poll, Ok(Poll::Seen(_))), "{told}: {poll:?}");
    }
}

#[test]
fn what_is_cut_counts_as_far_as_its_rows_are_whole() {
    let rows = r#"[{"smsId": "p1", "parts": 2, "status": {"status": "Sent"}}, {"smsId": "p2", "status": {"status": "Deliv"#;
    assert_eq!(seen(rows).parts.len(), 1, "half a row is none");
    let unknown_count = r#"[{"smsId": "p1", "status": {"status": "Sent"}}, {"smsId": "p2", "#;
    assert_eq!(
        parse(&id(), unknown_count.as_bytes()),
        Err(InvalidTracking::Cut)
    );
    let alone = r#"{"smsId": "p1", "parts": 1, "status": {"status": "Sent"}, "label": "x"#;
    assert_eq!(
        parse(&id(), alone.as_bytes()),
        Err(InvalidTracking::Strange)
    );
}

#[test]
fn facts_are_taken_from_the_first_row_that_tells_them() {
    let report = seen(
        r#"[{"smsId": "p1", "label": null, "parts": 1, "status": {"status": "Sent"}},
            {"smsId": "p2", "label": "order", "to": "306900000001", "parts": 2, "status": {"status": "Sent"}}]"#,
    );
    assert_eq!(report.facts.label.as_deref(), Some("order"));
    assert!(report.facts.to.is_some());
    assert_eq!(report.facts.part_count, Some(2));
}

#[test]
fn dates_that_cannot_be_read_are_counted() {
    let json = r#"[{"smsId": "p", "status": {"status": "Sent", "date": "yesterday"}},
        {"smsId": "q", "status": {"status": "Sent", "date": 1714559329000}},
        {"smsId": "r", "status": {"status": "Sent"}}]"#;
    let report = seen(json);
    assert_eq!(report.oddities.dates, 1);
    assert_eq!(
        report.parts[1].date.map(|date| date.to_string()).as_deref(),
        Some("2024-05-01T10:28:49Z")
    );
}

#[test]
fn rows_that_tell_nothing_take_no_memory() {
    // Were they collected, these would take far more than they do on the wire.
    let body = format!("[{}{{}}]", "{},".repeat(340_000));
    assert_eq!(parse(&id(), body.as_bytes()), Err(InvalidTracking::Strange));
}

#[test]
fn words_are_cut_to_a_bounded_length() {
    let json = format!(r#"[{{"smsId": "p", "status": "{}"}}]"#, "é".repeat(10_000));
    assert_eq!(
        seen(&json).parts[0].status.as_str().chars().count(),
        MAX_WORD
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _parsed = parse(&id(), &body);
    }

    #[test]
    fn a_mangled_answer_never_panics(at in 0..WHOLE.len(), byte in any::<u8>()) {
        let mut body = WHOLE.as_bytes().to_vec();
        body[at] = byte;
        let _parsed = parse(&id(), &body);
    }

    #[test]
    fn whatever_stands_in_the_label_the_status_is_read(label in "[^\"\\\\]{0,40}", tail in any::<u16>()) {
        let odd = format!("\"{label}\\u{tail:04x}\"");
        let parsed = parse(&id(), &labelled(odd.as_bytes()));
        let Ok(Poll::Seen(report)) = parsed else { panic!("{odd} hides the status") };
        prop_assert_eq!(report.parts[0].status.as_str(), "Undelivered");
    }
}
