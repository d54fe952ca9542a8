//! Mails as people read them.

use smswatch_testkit::sample;

use super::*;

#[test]
fn one_event_as_text() {
    insta::assert_snapshot!(parts(&sample::worded()).text);
}

#[test]
fn one_event_as_html() {
    insta::assert_snapshot!(parts(&sample::worded()).html);
}

#[test]
fn a_group_lists_its_events_and_counts_what_it_leaves_out() {
    insta::assert_snapshot!(parts(&sample::worded_group()).text);
}

#[test]
fn a_group_as_html() {
    insta::assert_snapshot!(parts(&sample::worded_group()).html);
}

#[test]
fn what_is_well_again_as_html() {
    insta::assert_snapshot!(parts(&sample::resolved()).html);
}

#[test]
fn what_is_about_no_message_names_none() {
    insta::assert_snapshot!(parts(&sample::sink_down()).text);
}

#[test]
fn nothing_is_said_twice() {
    let mail = parts(&sample::worded());
    for fact in [
        "MyShop",
        "+3069******01",
        "order-17",
        "team=crm",
        "message was blocked",
        "message-0001",
    ] {
        // The title names the sender, too.
        let expected = if fact == "MyShop" { 2 } else { 1 };
        assert_eq!(
            mail.text.matches(fact).count(),
            expected,
            "{fact} in the text"
        );
        // And the title is the document's, too.
        let expected = if fact == "MyShop" { 3 } else { 1 };
        assert_eq!(
            mail.html.matches(fact).count(),
            expected,
            "{fact} in the HTML"
        );
    }
}

#[test]
fn what_has_no_room_is_counted() {
    let mut notification = sample::notification_of(1000);
    notification.omitted = 5;
    let mail = parts(&notification);
    assert!(mail.text.contains("\nand 955 more\n"));
    assert!(mail.html.contains(">and 955 more<"));
}

#[test]
fn a_subject_stays_on_one_line() {
    let title = "x\r\nBcc: everybody@example.com".to_owned();
    let notification = Notification {
        title,
        ..sample::notification()
    };
    assert_eq!(
        subject(&notification),
        "[critical] x  Bcc: everybody@example.com"
    );
}

#[test]
fn nothing_that_a_message_says_becomes_markup() {
    let mut notification = sample::odd();
    let odd = "<script>\"&'</script>";
    notification.title = odd.to_owned();
    notification.text = odd.to_owned();
    notification.rule = odd.to_owned();
    notification.events[0].message.label = Some(odd.to_owned());
    let html = parts(&notification).html;
    assert!(!html.contains("<script"), "{html}");
    assert!(
        html.contains("&lt;script&gt;&quot;&amp;'&lt;/script&gt;"),
        "{html}"
    );
}
