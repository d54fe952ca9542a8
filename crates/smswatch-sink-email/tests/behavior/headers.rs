//! What programs read of a mail, by a real parser: to join, to sort, to recognize it.

use serde_json::json;
use smswatch_plugin::sink::Sink as _;
use smswatch_testkit::sample;
use smswatch_testkit::smtp_server::SmtpServer;

use crate::configured;

#[tokio::test]
async fn mails_of_one_alert_are_one_thread_and_no_answers_come_by_themselves() {
    let relay = SmtpServer::start().await;
    let sink = configured(json!({
        "smtp": relay.url(), "from": "SMS <alerts@example.com>", "to": ["a@example.com"],
    }));
    let sink = sink.expect("it is valid");
    let mut firing = sample::numbered(1);
    firing.key = "key_1".to_owned();
    let mut resolved = sample::numbered(2);
    resolved.key = "key_1".to_owned();
    let mut other = sample::numbered(3);
    other.key = "key_2".to_owned();
    for notification in [&firing, &resolved, &other, &firing] {
        sink.deliver(notification).await.expect("it is taken");
    }
    let mails = relay.wait_for(4).await;
    let all = |name: &str| -> Vec<String> {
        let values = mails.iter().map(|mail| mail.header(name));
        values
            .map(|value| value.unwrap_or_default().to_owned())
            .collect()
    };
    let (first, second) = ("<key_1@example.com>", "<key_2@example.com>");
    assert_eq!(all("references"), [first, first, second, first]);
    assert_eq!(all("in-reply-to"), [first, first, second, first]);
    let ids = all("message-id");
    assert_eq!(ids[0], ids[3], "a repeated mail has the same id");
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    for mail in &mails {
        for (name, value) in [
            ("auto-submitted", "auto-generated"),
            ("x-auto-response-suppress", "All"),
            ("list-id", "<oncall-mail.smswatch.example.com>"),
        ] {
            assert_eq!(mail.header(name), Some(value));
        }
        let date = mail.header("date").expect("a date");
        assert!(date.ends_with("+0000"), "{date}");
    }
}

#[tokio::test]
async fn the_parser_has_nothing_to_mend_however_odd_or_long_a_mail_is() {
    let relay = SmtpServer::start().await;
    let sink = configured(json!({
        "smtp": relay.url(), "from": "Ειδοποιήσεις <alerts@example.com>", "to": ["a@example.com"],
        "cc": ["Ö <o@example.com>"],
    }));
    let sink = sink.expect("it is valid");
    let mut odd = sample::odd();
    odd.rule = sample::ODD_TEXT.to_owned();
    odd.key = sample::ODD_TEXT.to_owned();
    let mut long = sample::odd();
    long.title = sample::ODD_TEXT.repeat(50);
    long.text = "line without an end ".repeat(5_000);
    let mut broken = sample::notification();
    broken.title = "one\r\n\r\n<b>two</b>\n.\nthree".to_owned();
    broken.text = "\r\n.\r\nQUIT\r\n..\n.hidden\u{0}\u{1b}[31m".to_owned();
    let notifications = [
        sample::notification(),
        sample::grouped(),
        sample::notification_of(1_000),
        odd,
        long,
        broken,
    ];
    for notification in &notifications {
        sink.deliver(notification).await.expect("it is taken");
    }
    let mails = relay.wait_for(notifications.len()).await;
    for (mail, notification) in mails.iter().zip(&notifications) {
        assert_eq!(mail.defects, Vec::<String>::new(), "{}", mail.raw);
        let subject = mail.header("subject").expect("a subject");
        assert!(subject.starts_with("[critical] ") || subject.starts_with("[warning] "));
        assert!(!subject.contains('\n'));
        assert!(
            mail.text
                .lines()
                .next()
                .is_some_and(|line| line.contains(": "))
        );
        assert!(mail.html.contains("</html>") && mail.text.contains("--"));
        let longest = mail.raw.lines().map(str::len).max();
        assert!(longest < Some(998), "{longest:?} in {}", notification.title);
    }
}
