//! A notification as the body of a webhook.

use serde::Serialize;
use smswatch_sink_kit::model::{EventKind, Notification, Timestamp};

use crate::Format;

/// The `source` of CloudEvents.
const SOURCE: &str = "smswatch";

/// The attributes of CloudEvents 1.0 around the same `data`.
#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    #[serde(rename = "type")]
    kind: EventKind,
    time: Timestamp,
    datacontenttype: &'static str,
    data: D,
}

/// Room for a notification of one event, so that it need not grow while it is written.
const USUAL: usize = 2048;

/// Writes `notification` in `format`.
pub(crate) fn body(format: Format, notification: &Notification) -> Vec<u8> {
    let mut body = Vec::with_capacity(USUAL);
    match format {
        Format::Standard => serde_json::to_writer(&mut body, &notification.payload()),
        Format::CloudEvents => {
            let event = CloudEvent {
                specversion: "1.0",
                id: notification.delivery_id.as_str(),
                source: SOURCE,
                kind: notification.kind,
                time: notification.timestamp,
                datacontenttype: "application/json",
                data: notification.data(),
            };
            serde_json::to_writer(&mut body, &event)
        }
    }
    .expect("notifications have string keys and no failing serializers");
    body
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use smswatch_testkit::sample;

    use super::*;

    fn rendered(format: Format) -> Value {
        let body = body(format, &sample::notification());
        serde_json::from_slice(&body).expect("the body is JSON")
    }

    #[test]
    fn the_standard_format_is_what_the_documentation_shows() {
        insta::assert_json_snapshot!(rendered(Format::Standard));
    }

    #[test]
    fn what_is_about_no_message_has_the_same_shape() {
        let body = body(Format::Standard, &sample::sink_down());
        let body: Value = serde_json::from_slice(&body).expect("the body is JSON");
        insta::assert_json_snapshot!(body["data"]["events"]);
    }

    #[test]
    fn cloud_events_have_their_attributes_around_the_same_data() {
        let mut event = rendered(Format::CloudEvents);
        let data = event.as_object_mut().and_then(|event| event.remove("data"));
        assert_eq!(data.as_ref(), rendered(Format::Standard).get("data"));
        insta::assert_json_snapshot!(event, @r#"
        {
          "specversion": "1.0",
          "id": "dlv_00000000000000000000000000000001",
          "source": "smswatch",
          "type": "sms.status_changed",
          "time": "2026-05-01T10:28:50.120Z",
          "datacontenttype": "application/json"
        }
        "#);
    }
}
