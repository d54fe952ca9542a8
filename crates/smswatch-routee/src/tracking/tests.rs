//! One test for each thing that Routee's documents leave open.

use proptest::prelude::*;

use super::*;

fn id() -> MessageId {
    MessageId::new("m1").expect("a valid id")
}

fn seen(json: &str) -> Sighting {
    match parse(&id(), json.as_bytes()).expect("JSON") {
        Look::Seen(sighting) => *sighting,
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

#[test]
fn every_documented_field_is_read_and_the_text_is_not_printed() {
    let sighting = seen(WHOLE);
    let part = &sighting.parts[0];
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
    assert_eq!(sighting.facts.part_count, Some(2));
    assert_eq!(
        sighting.facts.to.as_ref().map(PhoneNumber::reveal),
        Some("+306900000001")
    );
    assert_eq!(sighting.facts.groups, ["a", "b"]);
    let service = sighting.facts.originating_service.as_deref();
    assert_eq!(service, Some("Sms"));
    let body = sighting.facts.body.as_ref().map(MessageText::reveal);
    assert_eq!(body, Some("Your parcel is ready"));
    assert!(!format!("{sighting:?}").contains("parcel"));
}

#[test]
fn recipients_of_all_parts_are_known() {
    let sighting = seen(
        r#"[{"smsId": "a", "status": "Sent"},
            {"smsId": "b", "to": "306900000002", "status": "Sent"},
            {"smsId": "c", "to": "+306900000002", "status": "Sent"}]"#,
    );
    let others = sighting.facts.other_numbers.iter();
    let others: Vec<_> = others.map(PhoneNumber::reveal).collect();
    assert_eq!(others, ["+306900000002"]);
}

#[test]
fn nulls_absent_fields_and_numbers_as_text_are_taken() {
    let sighting = seen(
        r#"[{"smsId": "p", "operator": null, "groups": null, "part": "2", "parts": "3.0",
            "price": "0.006", "latency": "27", "label": 17, "surprise": {"a": [1]},
            "status": {"status": "Sent", "reason": null}}]"#,
    );
    let part = &sighting.parts[0];
    assert_eq!((part.number, sighting.facts.part_count), (Some(2), Some(3)));
    assert_eq!(
        part.price.as_ref().map(ToString::to_string).as_deref(),
        Some("0.006")
    );
    assert_eq!((part.date, part.detailed_status.clone()), (None, None));
    assert_eq!(sighting.facts.label.as_deref(), Some("17"));
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
    let sighting = seen(
        r#"[17, null, "x", [], {"smsId": "p1"}, {"smsId": "p2", "status": "Sent"},
            {"smsId": "p3", "messageId": "another", "status": "Failed"}]"#,
    );
    assert_eq!(sighting.parts.len(), 1);
    assert_eq!(sighting.parts[0].sms_id.as_str(), "p2");
}

#[test]
fn a_part_without_an_id_is_named_by_its_place() {
    let sighting =
        seen(r#"[{"part": 2, "status": "Sent"}, {"smsId": "not an id", "status": "Sent"}]"#);
    let ids: Vec<_> = sighting
        .parts
        .iter()
        .map(|part| part.sms_id.as_str())
        .collect();
    assert_eq!(ids, ["m1:2", "m1:1"]);
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
    for json in ["[]", " [ ]", r#"{"content": [], "last": true}"#] {
        assert_eq!(parse(&id(), json.as_bytes()), Ok(Look::Empty), "{json}");
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
        r#"{"error": "x"}"#,
        "[[[]]]",
    ] {
        assert_eq!(
            parse(&id(), json.as_bytes()),
            Err(InvalidTracking::Strange),
            "{json}"
        );
    }
}

#[test]
fn what_is_no_json_or_too_deep_is_no_tracking() {
    let deep = format!("{}1{}", r#"{"content":["#.repeat(5000), "]}".repeat(5000));
    for body in ["", "<html>", "[{\"smsId\":", deep.as_str()] {
        assert_eq!(parse(&id(), body.as_bytes()), Err(InvalidTracking::Json));
    }
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(parse(&id(), deep.as_bytes()).is_err());
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
}
