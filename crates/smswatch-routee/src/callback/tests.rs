//! Every documented shape of a callback, and odd ones of each.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// One line for each thing that a callback tells.
fn told(body: &str) -> String {
    let pushed = match read(body.as_bytes()) {
        Ok(pushed) => pushed,
        Err(error) => return format!("refused: {error}\n"),
    };
    let mut lines = String::new();
    for (id, report) in &pushed.messages {
        let facts = &report.facts;
        let mut facts_told: Vec<String> = Vec::new();
        let mut fact = |name: &str, value: Option<&str>| {
            facts_told.extend(value.map(|value| format!("{name}={value}")));
        };
        fact("to", facts.to.as_ref().map(|to| to.reveal()));
        fact("from", facts.from.as_deref());
        fact("country", facts.country.as_deref());
        fact("operator", facts.operator.as_deref());
        fact("label", facts.label.as_deref());
        fact("campaign", facts.campaign.as_deref());
        fact("application", facts.application.as_deref());
        fact("service", facts.originating_service.as_deref());
        fact("direction", facts.direction.as_deref());
        fact("body", facts.body.as_ref().map(|body| body.reveal()));
        writeln!(lines, "message {id}: {}", facts_told.join(", ")).expect("a text grows");
        for part in &report.parts {
            let number = part
                .number
                .map_or("?".to_owned(), |number| number.to_string());
            let parts = facts
                .part_count
                .map_or("?".to_owned(), |parts| parts.to_string());
            let detail = part
                .detailed_status
                .as_ref()
                .map_or("-", |word| word.as_str());
            let date = part
                .date
                .map_or("no date".to_owned(), |date| date.to_string());
            writeln!(
                lines,
                "  {} ({number} of {parts}): {} / {detail}, {date}",
                part.sms_id, part.status
            )
            .expect("a text grows");
        }
        if report.oddities != Default::default() {
            writeln!(lines, "  {:?}", report.oddities).expect("a text grows");
        }
    }
    for (count, name) in [
        (pushed.campaigns, "campaigns"),
        (pushed.inbound, "inbound"),
        (pushed.others, "others"),
    ] {
        if count > 0 {
            writeln!(lines, "{name}: {count}").expect("a text grows");
        }
    }
    lines
}

const WHOLE: &str = r#"{
  "messageId": "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01",
  "smsId": "7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01", "campaignTrackingId": null, "campaignName": null,
  "part": 1, "parts": 1, "label": "order-17",
  "to": "+306900000001", "from": "MyShop", "country": "GR", "operator": "Example Mobile", "groups": [],
  "status": { "name": "Delivered", "updatedDate": "2024-05-01T10:28:49Z",
    "reason": { "detailedStatus": "Delivered", "description": "Delivered to the recipient." } },
  "message": "Your parcel is ready", "applicationName": "default",
  "latency": 4, "price": 0.036, "direction": "Outbound", "originatingService": "Sms"
}"#;

const SHAPES: &[(&str, &str)] = &[
    ("as documented", WHOLE),
    (
        "of a campaign's message",
        r#"{"messageId": "m1", "smsId": "p1", "campaignTrackingId": "c1", "campaignName": "summer",
            "status": {"name": "Sent", "updatedDate": "2024-05-01T10:28:49Z"}}"#,
    ),
    (
        "of a campaign without a name",
        r#"{"messageId": "m1", "smsId": "p1", "campaignTrackingId": "c1", "status": {"name": "Sent"}}"#,
    ),
    (
        "nulls wherever there can be some",
        r#"{"messageId": "m1", "smsId": null, "part": null, "parts": null, "label": null, "to": null,
            "groups": null, "operator": null, "status": {"name": "Sent", "updatedDate": null, "reason": null}}"#,
    ),
    (
        "the names of tracking, and its status in words of another case",
        r#"{"messageId": "m1", "smsId": "p1", "body": "Hi", "status": {"status": "UNDELIVERED",
            "date": "2024-05-01T12:28:49.5+02:00", "reason": {"detailedStatus": "EXPIRED"}}}"#,
    ),
    (
        "a status as a text, and a reason as one",
        r#"[{"messageId": "m1", "smsId": "p1", "status": "Undelivered"},
            {"messageId": "m2", "smsId": "p2", "status": {"name": "Undelivered", "reason": "Roaming"}}]"#,
    ),
    (
        "other spellings of the names",
        r#"{"MessageID": "m1", "sms_id": "p1", "Part": "2", "PARTS": "3",
            "Status": {"Name": "Sent", "updated_date": "1714559329"}}"#,
    ),
    (
        "an id in another spelling",
        r#"{"messageId": "{3D0C6A3E-91D4-4D4E-8F6F-BBBBBBBBBB01}", "smsId": "p1", "status": {"name": "Sent"}}"#,
    ),
    (
        "two parts of one message in one call, and one of another",
        r#"[{"messageId": "m1", "smsId": "p2", "part": 2, "parts": 2, "status": {"name": "Sent"}},
            {"messageId": "m2", "smsId": "p3", "status": {"name": "Failed"}},
            {"messageId": "M1", "smsId": "p1", "part": 1, "parts": 2, "status": {"name": "Delivered"}}]"#,
    ),
    (
        "a page around them",
        r#"{"content": [{"messageId": "m1", "smsId": "p1", "status": {"name": "Sent"}}], "last": true}"#,
    ),
    (
        "one after the other",
        r#"{"messageId": "m1", "smsId": "p1", "status": {"name": "Sent"}}
           {"messageId": "m2", "smsId": "p2", "status": {"name": "Sent"}}"#,
    ),
    (
        "the id as sending names it",
        r#"{"trackingId": "m1", "smsId": "p1", "status": {"name": "Sent"}}"#,
    ),
    ("no status", r#"{"messageId": "m1", "smsId": "p1", "to": "+306900000001"}"#),
    ("a status that is none", r#"{"messageId": "m1", "status": {"name": "\ud83d"}}"#),
    (
        "a date that is none",
        r#"{"messageId": "m1", "smsId": "p1", "status": {"name": "Sent", "updatedDate": "yesterday"}}"#,
    ),
    (
        "half an emoji, a raw line break and a number out of range",
        "{\"messageId\": \"m1\", \"smsId\": \"p1\", \"label\": \"a\\ud83d\", \"message\": \"one\ntwo\",
          \"price\": 1e400, \"status\": {\"name\": \"Sent\"}}",
    ),
    (
        "cut behind the status",
        r#"{"messageId": "m1", "smsId": "p1", "status": {"name": "Sent"}, "mess"#,
    ),
    ("cut in the id", r#"{"messageId": "m"#),
    (
        "a campaign as a whole",
        r#"{"trackingId": "c1", "name": "summer", "totalRecipients": 3, "campaignStatus": "Running",
            "messageStatuses": {"Sent": 2, "Delivered": 1}, "callbackInfo": {"url": "https://x", "strategy": "OnChange"}}"#,
    ),
    (
        "a message that came in",
        r#"{"from": "+306900000009", "to": "MyShop", "messageId": "m9", "message": "STOP", "parts": 1,
            "receivedDate": "2019-11-12T20:41:25Z", "direction": "Inbound", "originatingService": "Sms", "price": 0.006}"#,
    ),
    (
        "a message that came in, without a direction",
        r#"{"from": "+306900000009", "messageId": "m9", "message": "STOP", "receivedDate": "2019-11-12T20:41:25Z"}"#,
    ),
    (
        "a failover flow",
        r#"{"trackingId": "f1", "messages": [
            {"type": "Viber", "trackingId": "v1", "to": "+306900000001", "from": "MyShop", "country": "GR",
             "status": {"name": "EXPIRED", "reason": {"detailedStatus": "Expired"}, "updatedDate": "2019-07-05T10:28:44.996Z"},
             "body": {"text": "Hi", "imageUrl": "https://x"}, "failoverOnStatuses": ["EXPIRED"], "order": 1},
            {"type": "Sms", "messageId": "m1", "smsId": "p1", "to": "+306900000001", "from": "MyShop",
             "status": {"name": "Delivered", "reason": {"detailedStatus": "Delivered", "description": "It was."},
                "updatedDate": "2019-07-05T10:28:49Z"}, "body": "Hi", "part": 1, "parts": 1, "latency": 4, "order": 2}],
            "terminationChannel": "Sms", "status": "Succeeded", "statusCode": null, "originatingService": "Failover"}"#,
    ),
    (
        "a failover flow that needed no SMS",
        r#"{"trackingId": "f1", "messages": [{"type": "Viber", "trackingId": "v1", "status": {"name": "DELIVERED"}}],
            "status": "Succeeded"}"#,
    ),
    ("an id that is none", r#"{"messageId": "no id", "status": {"name": "Sent"}}"#),
    ("only the id of a campaign or a flow", r#"{"trackingId": "x"}"#),
    ("an empty list", "[]"),
    ("an empty object", "{}"),
    ("null", "null"),
    ("a text", "\"Delivered\""),
    ("nothing", ""),
    ("a form", "messageId=m1&status=Sent"),
    ("a web page", r#"<html>{"messageId": "m1", "status": "Sent"}</html>"#),
];

#[test]
fn callbacks_are_read_in_every_shape() {
    let mut all = String::new();
    for (name, body) in SHAPES {
        writeln!(all, "# {name}\n{}", told(body)).expect("a text grows");
    }
    insta::assert_snapshot!("shapes", all);
}

#[test]
fn what_a_callback_keeps_is_bounded() {
    let row = r#"{"messageId":"m","status":"x"},"#;
    let body = format!("[{}{{}}]", row.repeat(64 * 1024 / row.len()));
    let pushed = read(body.as_bytes()).expect("a callback");
    assert_eq!(pushed.messages.len(), 1);
    assert_eq!(pushed.messages[0].1.parts.len(), 255);

    let rows: Vec<String> = (0..20_000)
        .map(|n| format!(r#"{{"messageId":"m{n}","status":"x"}}"#))
        .collect();
    let pushed = read(format!("[{}]", rows.join(",")).as_bytes()).expect("a callback");
    assert_eq!(pushed.messages.len(), 5000);
}

#[test]
fn nothing_of_a_message_that_came_in_is_kept() {
    let body = r#"{"from": "+306900000009", "messageId": "m9", "message": "secret", "direction": "inbound"}"#;
    let pushed = read(body.as_bytes()).expect("a callback");
    let expected = Pushed {
        inbound: 1,
        ..Pushed::default()
    };
    assert_eq!(pushed, expected);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        prop_oneof!["[a-zA-Z]{0,8}", "\\PC{0,12}"].prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = prop_oneof![
            Just("messageId"),
            Just("smsId"),
            Just("status"),
            Just("name"),
            Just("reason"),
            Just("trackingId"),
            Just("messages"),
            Just("content"),
            Just("direction"),
            Just("receivedDate"),
            Just("campaignStatus"),
            Just("to"),
        ];
        let name = name.prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _read = read(&body);
    }

    #[test]
    fn a_mangled_callback_never_panics(at in 0..WHOLE.len(), byte in any::<u8>(), end in 0..WHOLE.len()) {
        let mut body = WHOLE.as_bytes().to_vec();
        body[at] = byte;
        let _read = read(&body);
        let _read = read(&body[..end]);
    }

    #[test]
    fn no_json_makes_it_panic(json in json()) {
        let body = json.to_string();
        let read = read(body.as_bytes());
        prop_assert_ne!(read, Err(InvalidPush::NotSupported));
    }

    #[test]
    fn whatever_stands_in_the_label_the_status_is_read(label in "[^\"\\\\]{0,40}", tail in any::<u16>()) {
        let body = WHOLE.replace("order-17", &format!("{label}\\u{tail:04x}"));
        let pushed = read(body.as_bytes()).expect("a callback");
        prop_assert_eq!(pushed.messages[0].1.parts[0].status.as_str(), "Delivered");
    }
}
