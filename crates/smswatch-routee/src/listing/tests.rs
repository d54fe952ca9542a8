//! Pages as documented, odd ones, and what they are asked for with.

use proptest::prelude::*;
use smswatch_plugin::model::MessageId;

use super::*;

fn row(message: &str, part: &str, status: &str) -> String {
    format!(
        r#"{{"messageId": "{message}", "smsId": "{part}", "campaignName": "summer", "campaignTrackingId": "c1",
            "status": {{"status": "{status}", "date": "2024-05-01T10:28:49Z"}}}}"#
    )
}

fn page(rows: &[String], frame: &str) -> String {
    format!(r#"{{"content": [{}], {frame}}}"#, rows.join(","))
}

fn read_page(body: &str) -> ListedPage {
    read(0, body.as_bytes()).expect("a page")
}

fn statuses(page: &ListedPage) -> Vec<String> {
    let message = |(id, report): &(MessageId, smswatch_plugin::provider::MessageReport)| {
        let parts = report.parts.iter();
        let parts: Vec<String> = parts
            .map(|part| format!("{} {}", part.sms_id, part.status))
            .collect();
        format!("{id}: {}", parts.join(", "))
    };
    page.messages.iter().map(message).collect()
}

#[test]
fn rows_are_put_together_by_their_messages() {
    let rows = [
        row("m1", "p1", "Sent"),
        row("m2", "p2", "Delivered"),
        row("M1", "p3", "Failed"),
    ];
    let page = read_page(&page(
        &rows,
        r#""totalPages": 3, "totalElements": 41, "number": 0, "last": false"#,
    ));
    assert_eq!(
        statuses(&page),
        ["m1: p1 Sent, p3 Failed", "m2: p2 Delivered"]
    );
    assert_eq!(
        (page.rows, page.total_rows, page.is_last),
        (3, Some(41), false)
    );
    assert_eq!(page.messages[0].1.facts.campaign.as_deref(), Some("summer"));
    assert_eq!(page.oddities, Default::default());
}

#[test]
fn one_bad_row_spoils_no_other_among_two_thousand() {
    let mut rows: Vec<String> = (0..2000)
        .map(|n| row(&format!("m{n}"), &format!("p{n}"), "Sent"))
        .collect();
    rows[3] = r#"{"smsId": "odd", "label": "\ud83d", "price": 1e400, "status": "Sent"}"#.to_owned();
    rows[4] = r#"{"messageId": "not an id", "status": "Sent"}"#.to_owned();
    rows[5] = r#"{"messageId": "m5", "status": null}"#.to_owned();
    rows[6] = "17".to_owned();
    let page = read_page(&page(&rows, r#""last": false"#));
    assert_eq!((page.rows, page.messages.len()), (2000, 1996));
    assert_eq!((page.oddities.rows, page.oddities.answers), (3, 1));
}

#[test]
fn the_last_page_is_known_by_any_of_its_signs() {
    let one = [row("m1", "p1", "Sent")];
    for (frame, number, is_last) in [
        (r#""last": true"#, 0, true),
        (r#""last": "TRUE""#, 0, true),
        (r#""last": false"#, 0, false),
        (r#""number": 2, "totalPages": 3"#, 2, true),
        (r#""number": "2", "totalPages": "3""#, 0, true),
        (r#""totalPages": 3"#, 2, true),
        (r#""totalPages": 3"#, 1, false),
        (r#""totalPages": 0"#, 0, true),
        (r#""totalPages": 0, "last": false"#, 0, false),
        (r#""totalPages": 3, "last": true"#, 0, false),
        (r#""totalPages": 3, "last": true"#, 2, true),
        (r#""last": null, "totalPages": null"#, 0, false),
        (r#""size": 20"#, 0, false),
    ] {
        let page = read(number, page(&one, frame).as_bytes()).expect("a page");
        assert_eq!(page.is_last, is_last, "{frame}");
    }
    for body in [
        r#"{"content": [], "last": false}"#,
        "[]",
        r#"{"content": null, "totalElements": 0}"#,
    ] {
        let page = read_page(body);
        assert_eq!((page.rows, page.is_last), (0, true), "{body}");
    }
}

#[test]
fn a_page_that_is_cut_is_read_as_far_as_it_goes_and_is_not_the_last() {
    let rows = [row("m1", "p1", "Sent"), row("m2", "p2", "Sent")];
    let whole = page(&rows, r#""last": true"#);
    let end = whole.find("m2").expect("the second row");
    let cut = read_page(&whole[..end + 20]);
    assert_eq!(statuses(&cut), ["m1: p1 Sent"]);
    assert!(!cut.is_last);
    let before_the_first = read(0, &whole.as_bytes()[..40]);
    assert_eq!(before_the_first, Err(InvalidTracking::Cut));
}

#[test]
fn what_is_no_page_is_told_as_such() {
    for (body, expected) in [
        ("", InvalidTracking::Json),
        ("OK", InvalidTracking::Json),
        ("<html>[]</html>", InvalidTracking::Page),
        ("{}", InvalidTracking::NoPage),
        ("null", InvalidTracking::NoPage),
        (
            r#"{"error": "Internal Server Error", "status": 500}"#,
            InvalidTracking::Error,
        ),
        (r#"{"developerMessage": "x"}"#, InvalidTracking::Error),
    ] {
        assert_eq!(read(0, body.as_bytes()), Err(expected), "{body}");
    }
}

#[test]
fn a_page_of_which_nothing_can_be_read_is_no_empty_page() {
    let status = r#""status": {"status": "Undelivered"}"#;
    for (body, expected) in [
        (
            r#"{"content": null, "totalElements": 6, "totalPages": 3, "last": false}"#.to_owned(),
            InvalidTracking::NoPage,
        ),
        (
            r#"{"content": null, "last": true}"#.to_owned(),
            InvalidTracking::NoPage,
        ),
        (
            format!(r#"{{"data": [{{"messageId": "m1", {status}}}], "totalPages": 1}}"#),
            InvalidTracking::NoPage,
        ),
        (
            r#"{"_embedded": {"content": []}, "last": true}"#.to_owned(),
            InvalidTracking::NoPage,
        ),
        (
            format!(r#"{{"content": {{"m1": {{{status}}}}}, "totalElements": 1, "last": true}}"#),
            InvalidTracking::NoPage,
        ),
        (
            r#"{"content": "none", "last": true}"#.to_owned(),
            InvalidTracking::NoPage,
        ),
        (
            format!(r#"{{"content": [{{"id": "m1", {status}}}, 17], "last": true}}"#),
            InvalidTracking::NoRow,
        ),
        (
            r#"{"content": [{"messageId": "m1", "status": null}], "last": true}"#.to_owned(),
            InvalidTracking::NoRow,
        ),
        (
            r#"{"content": [], "totalElements": 4711, "last": false}"#.to_owned(),
            InvalidTracking::Withheld,
        ),
        (
            r#"{"content": [], "totalPages": 1, "last": true}"#.to_owned(),
            InvalidTracking::Withheld,
        ),
    ] {
        assert_eq!(read(0, body.as_bytes()), Err(expected), "{body}");
    }
    for body in [
        r#"{"content": [], "totalPages": 1, "totalElements": 0, "last": true}"#,
        r#"{"content": [], "totalPages": 0, "last": true}"#,
        r#"{"content": [{"messageId": "m1", "direction": "Inbound", "status": null}], "last": true}"#,
    ] {
        let page = read_page(body);
        assert!(page.messages.is_empty() && page.is_last, "{body}");
    }
    let bad = page(&[r#"{"messageId": "m1"}"#.to_owned()], r#""last": true"#);
    let last = read(3, bad.as_bytes()).expect("one bad row behind good pages");
    assert_eq!((last.rows, last.oddities.rows, last.is_last), (1, 1, true));
}

#[test]
fn a_row_may_call_the_id_of_its_message_as_the_answer_to_sending_does() {
    let named = |id: &str| row(id, "p1", "Sent").replace("messageId", "trackingId");
    let both = row("m2", "p2", "Sent").replace('{', r#"{"trackingId": "x", "#);
    let both = both.replace(r#""status": {"trackingId": "x", "#, r#""status": {"#);
    let rows = [named("m1"), both, named("c1")];
    let page = read_page(&page(&rows, r#""last": true"#));
    assert_eq!(statuses(&page), ["m1: p1 Sent", "m2: p2 Sent"]);
    assert_eq!(page.oddities.rows, 1, "`c1` is the id of the campaign");
}

#[test]
fn what_a_page_keeps_is_bounded() {
    let row = r#"{"messageId":"m","status":"x"},"#;
    let body = format!("[{}{{}}]", row.repeat(8 * 1024 * 1024 / row.len()));
    let page = read_page(&body);
    assert_eq!(page.messages[0].1.parts.len(), 255);
    assert!(page.oddities.rows > 200_000);
}

#[test]
fn a_page_is_asked_for_as_documented() {
    let tracking: Url = "https://connect.routee.net/sms/tracking"
        .parse()
        .expect("a URL");
    let filters = vec![
        Filter {
            field: "status.status".to_owned(),
            term: "Un\"delivered".to_owned(),
            operator: None,
        },
        Filter {
            field: "label".to_owned(),
            term: "otp".to_owned(),
            operator: Some("starts_with".to_owned()),
        },
    ];
    let from = Timestamp::from_seconds(1_714_559_329);
    let window = |filters| Listing::Window {
        from,
        to: Timestamp::from_millis(1_714_559_400_250),
        filters,
    };
    let asked = question(&tracking, &window(filters), 2, 2000);
    assert_eq!(
        asked.url.as_str(),
        "https://connect.routee.net/sms/tracking?dateStart=2024-05-01T10%3A28%3A49.000Z\
            &dateEnd=2024-05-01T10%3A30%3A00.250Z&page=2&size=2000"
    );
    assert_eq!(
        asked.filters.as_deref(),
        Some(
            r#"[{"fieldName":"status.status","searchTerm":"Un\"delivered"},{"fieldName":"label","searchTerm":"otp","searchOperator":"starts_with"}]"#
        )
    );
    let asked = question(&tracking, &window(Vec::new()), 0, 20);
    assert_eq!(asked.filters.as_deref(), Some("[]"));
    let campaign = Listing::Campaign(MessageId::new("c/1?").expect("an id"));
    let asked = question(&tracking, &campaign, 0, 20);
    assert_eq!(
        asked.url.as_str(),
        "https://connect.routee.net/sms/tracking/campaign/c%2F1%3F?page=0&size=20"
    );
    assert_eq!(asked.filters, None);
}

#[test]
fn a_refusal_names_what_was_wrong_and_nothing_else_of_the_answer() {
    let body = br#"{"code": "400000000", "developerMessage": "+306900000001", "properties": {"dateStart": "+306900000001", "x": "y"}}"#;
    let told = refusal(body);
    assert!(
        told.contains("`dateStart`") && told.contains("seven days"),
        "{told}"
    );
    assert!(!told.contains("3069"), "{told}");
    assert!(refusal(b"").contains("refuses the search (400):"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _read = read(0, &body);
    }

    #[test]
    fn a_page_that_ends_anywhere_never_panics(end in 0_usize..300, byte in any::<u8>()) {
        let whole = page(&[row("m1", "p1", "Sent")], r#""last": true"#);
        let mut body = whole.into_bytes();
        let end = end.min(body.len() - 1);
        let _read = read(0, &body[..end]);
        body[end] = byte;
        let _read = read(0, &body);
    }
}
