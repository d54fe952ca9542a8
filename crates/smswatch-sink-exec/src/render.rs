//! A notification as a program reads it.

use smswatch_model::Notification;

use crate::Input;

/// Writes `notification` for a program's standard input.
pub(crate) fn input(input: Input, notification: &Notification) -> Vec<u8> {
    let mut bytes = match input {
        Input::Json => serde_json::to_vec(&notification.payload())
            .expect("notifications have string keys and no failing serializers"),
        Input::Text => text(notification).into_bytes(),
    };
    bytes.push(b'\n');
    bytes
}

/// What happened, for people: one line, then the details and the links.
fn text(notification: &Notification) -> String {
    let mut text = format!("{}\n\n{}", notification.title, notification.text.trim_end());
    for (place, link) in notification.links.iter().enumerate() {
        let between = if place == 0 { "\n\n" } else { "\n" };
        text.push_str(&format!("{between}{}: {}", link.title, link.url));
    }
    text
}

#[cfg(test)]
mod tests {
    use smswatch_testkit::sample;

    use super::*;

    #[test]
    fn people_read_a_title_a_text_and_links() {
        let text = input(Input::Text, &sample::grouped());
        insta::assert_snapshot!(String::from_utf8(text).expect("UTF-8"), @r"
        Carrier Violation: 3 messages from MyShop to GR

        The carrier blocked it because of its content or its sender.

        Runbook: https://runbooks.example.com/carrier?a=1&b=2
        ");
    }

    #[test]
    fn programs_read_the_document_that_webhooks_get() {
        let notification = sample::odd();
        let json = input(Input::Json, &notification);
        let read: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        let payload = serde_json::to_value(notification.payload()).expect("JSON");
        assert_eq!(read, payload);
        assert_eq!(json.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
