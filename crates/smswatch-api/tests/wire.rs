//! What goes over the wire is read into the same values, and written in the same bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{from_str, json, to_string};
use smswatch_api::deliveries::{
    AttemptReply, DeliveriesQuery, DeliveryReply, DroppedReply, EndedRequest, QueuedReply,
    RetriedReply,
};
use smswatch_api::events::{EventView, EventsQuery};
use smswatch_api::groups::GroupReply;
use smswatch_api::health::{AliveReply, QueueReply, ReadyReply, StatusReply};
use smswatch_api::list::{ExcerptReply, ListReply};
use smswatch_api::problem::{ProblemCode, ProblemReply};
use smswatch_api::rules::RuleReply;
use smswatch_api::set_aside::SetAsideReply;
use smswatch_api::sinks::{SinkReply, SinkState, SinkTestReply};
use smswatch_api::watches::{
    RegisteredReply, TimelineReply, WatchReply, WatchRequest, WatchState, WatchesQuery,
};
use smswatch_model::Event;

/// Reads `text`, and writes it again.
fn same<T: Serialize + DeserializeOwned>(text: &str) -> T {
    let value: T = from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(to_string(&value).expect("it is JSON"), text);
    value
}

const WATCH: &str = concat!(
    r#"{"message_id":"m1","state":"watching","outcome":"pending","tags":{"team":"crm"},"parts":["#,
    r#"{"sms_id":"p1","number":1,"status":"Sent","detailed_status":null,"#,
    r#""date":"2026-05-01T10:28:49Z","final":false}],"next_poll_at":"2026-05-01T10:29:00.120Z","#,
    r#""registered_at":"2026-05-01T10:28:40Z","trouble":{"kind":"unreadable","message":"It is odd","#,
    r#""since":"2026-05-01T10:28:50Z","polls":3}}"#
);

const DELIVERY: &str = concat!(
    r#"{"id":"dlv_1","sink":"crm","rule":"all","state":"dead","message_ids":["m1"],"#,
    r#""next_attempt_at":null,"attempts_made":47,"attempts":[{"at":"2026-05-01T10:28:51Z","#,
    r#""result":"dead","detail":"it answered 422"}],"created_at":"2026-05-01T10:28:50Z","#,
    r#""queued_at":"2026-05-01T10:28:50Z"}"#
);

const EVENT: &str = concat!(
    r#"{"event_id":"evt_1","type":"sms.status_changed","sequence":3,"source":"poll","#,
    r#""time":"2026-05-01T10:28:49Z","detected_at":"2026-05-01T10:28:50.101Z","regression":false,"#,
    r#""refined":false,"backfill":false,"late":false,"fault":"sender","previous":{"status":"Sent","#,
    r#""detailed_status":null,"date":"2026-05-01T10:28:46Z"},"current":{"status":"Undelivered","#,
    r#""detailed_status":"Carrier Violation","description":"Refused","#,
    r#""date":"2026-05-01T10:28:49Z","final":true},"part":{"sms_id":"p1","number":1,"price":0.036,"#,
    r#""latency":4},"message":{"provider":"routee","message_id":"m1","outcome":"failed","#,
    r#""part_count":1,"from":"MyShop","to":"+3069******01","to_key":"k","country":"GR","#,
    r#""operator":null,"label":null,"campaign":null,"application":null,"#,
    r#""originating_service":"Sms","body_key":null,"body":null,"groups":[],"direction":"Outbound","#,
    r#""tags":{"team":"crm"}}}"#
);

const VERDICT: &str =
    r#"{"rule":"all","fired":true,"other_kind":false,"because":"notifies `crm`"}"#;

#[test]
fn watches_are_read_as_they_were_told() {
    let watch: WatchReply = same(WATCH);
    assert_eq!(watch.state, WatchState::Watching);
    same::<RegisteredReply>(r#"{"accepted":2,"already_watched":1}"#);
    same::<RegisteredReply>(r#"{"accepted":0,"already_watched":0,"unreadable":["m1"]}"#);
    let timeline = format!(
        r#"{{"watch":{WATCH},"events":[{{"event":{EVENT},"rules":[{VERDICT}]}}],"deliveries":[{DELIVERY}],"silences":[]}}"#
    );
    same::<TimelineReply<Event>>(&timeline);
    let seen: TimelineReply<EventView> = from_str(&timeline).expect("it is read");
    let event = &seen.events[0].event;
    assert_eq!(
        (event.kind.as_str(), event.sequence),
        ("sms.status_changed", 3)
    );
    assert_eq!(event.message.to.as_deref(), Some("+3069******01"));
}

#[test]
fn lists_deliveries_and_entries_are_read_as_they_were_told() {
    let list = format!(r#"{{"items":[{DELIVERY}],"next":"17~x"}}"#);
    let page: ListReply<DeliveryReply> = same(&list);
    assert_eq!(page.items[0].attempts_made, 47);
    same::<AttemptReply>(r#"{"at":"2026-05-01T10:28:51Z","result":"retry","detail":"503"}"#);
    same::<ListReply<Event>>(&format!(r#"{{"items":[{EVENT}],"next":null}}"#));
    same::<SetAsideReply>(
        r#"{"shard":3,"position":"17-0","at":"2026-05-01T10:28:50Z","error":"damaged","body":"x"}"#,
    );
    same::<QueuedReply>(r#"{"id":"dlv_1"}"#);
    same::<RetriedReply>(r#"{"retried":12}"#);
    same::<DroppedReply>(r#"{"dropped":12}"#);
    let later = DELIVERY
        .replace(
            r#""dead","message_ids""#,
            r#""pending","reason":"later_version","message_ids""#,
        )
        .replace(
            r#""queued_at":"2026-05-01T10:28:50Z""#,
            r#""queued_at":"2026-05-01T10:28:50Z","instead_of":"pager""#,
        );
    let later: DeliveryReply = same(&later);
    assert_eq!(later.instead_of.as_deref(), Some("pager"));
}

#[test]
fn sinks_health_and_problems_are_read_as_they_were_told() {
    let sink: SinkReply = same(concat!(
        r#"{"state":"open","sink":"crm","paused_since":null,"open_since":"2026-05-01T09:00:00Z","#,
        r#""open_reason":"it answered 500","held_until":null,"destinations":[{"destination":"#,
        r#""channel #private","open_since":null,"trouble":"it is gone"}]}"#
    ));
    assert_eq!(sink.state, SinkState::Open);
    same::<SinkTestReply>(r#"{"id":"dlv_1","sink":"crm","result":"not_tried","detail":"paused"}"#);
    same::<AliveReply>(r#"{"ok":true}"#);
    same::<ReadyReply>(
        r#"{"ready":false,"parts":{"sink:crm":{"ok":true},"store":{"ok":false,"trouble":"away"}}}"#,
    );
    same::<StatusReply>(concat!(
        r#"{"version":"0.1.0","ready":true,"parts":{"store":{"ok":true}},"watches":{"watching":3},"#,
        r#""queues":[{"sink":"crm","pending":2,"left":1,"dead":1,"#,
        r#""dead_since":"2026-05-01T10:28:50Z","dead_last_at":"2026-05-01T10:28:50Z","#,
        r#""dead_reason":"422","oldest":null}],"unrouted":1,"set_aside":2,"silences":0}"#
    ));
    same::<QueueReply>(r#"{"sink":"crm","pending":0,"dead":0,"oldest":"2026-05-01T10:28:50Z"}"#);
    let problem: ProblemReply = same(r#"{"error":{"code":"not_found","message":"no such thing"}}"#);
    assert_eq!(problem.error.code, ProblemCode::NotFound);
}

#[test]
fn requests_are_read_as_they_were_sent() {
    same::<WatchRequest>(r#"{"messages":[{"message_id":"m1","tags":{"team":"crm"}}]}"#);
    same::<EndedRequest>(r#"{"sink":"crm","rule":"all","since":"2h","state":"dead"}"#);
    same::<EndedRequest>(r#"{"state":"dead"}"#);
    same::<WatchesQuery>(r#"{"cursor":"17~x","limit":"2"}"#);
    same::<EventsQuery>(r#"{"message_id":"m1","type":"any","cursor":"17~x","limit":"2"}"#);
    same::<DeliveriesQuery>(concat!(
        r#"{"state":"dead","sink":"crm","rule":"all","since":"2h","message_id":"m1","#,
        r#""cursor":"17~x","limit":"2"}"#
    ));
    same::<WatchRequest>(r#"{"campaigns":[{"tracking_id":"c1","tags":{"team":"crm"}}]}"#);
}

#[test]
fn replies_of_other_versions_are_read() {
    // Of a later version: fields and words that nobody here knows.
    let later = WATCH
        .replace("\"watching\"", "\"silenced\"")
        .replace("{\"message_id\"", "{\"groups\":[1],\"message_id\"");
    let watch: WatchReply = from_str(&later).expect("it is read");
    assert_eq!(watch.state, WatchState::Other("silenced".to_owned()));
    // Of an earlier one: without what came later.
    let bare = json!({
        "id": "dlv_1", "sink": "crm", "rule": "all", "state": "dead",
        "created_at": "2026-05-01T10:28:50Z", "queued_at": "2026-05-01T10:28:50Z",
    });
    let delivery: DeliveryReply = serde_json::from_value(bare).expect("it is read");
    assert_eq!((delivery.attempts_made, delivery.attempts.len()), (0, 0));
    let status: StatusReply = from_str(r#"{"version":"0.0.9","ready":true}"#).expect("it is read");
    assert_eq!((status.unrouted, status.queues.len()), (0, 0));
}

#[test]
fn groups_and_rules_are_told_as_they_are() {
    let group = concat!(
        r#"{"items":[{"rule":"undelivered","sink":"crm","group":{"country":"GR"},"events":12,"#,
        r#""since":"2026-05-01T10:28:49Z","next_notification_at":"2026-05-01T10:29:19Z"}],"#,
        r#""next":null,"more":true}"#
    );
    let groups: ExcerptReply<GroupReply> = same(group);
    assert!(groups.more && groups.items[0].events == 12);
    let rule =
        r#"{"rule":"all","fired_24h":3,"fired_7d":40,"last_fired_at":"2026-05-01T10:28:49Z"}"#;
    same::<RuleReply>(rule);
}

#[test]
fn a_watch_that_cannot_be_read_says_so() {
    let watch = concat!(
        r#"{"message_id":"m1","state":"final","outcome":"delivered","tags":{},"parts":[],"#,
        r#""next_poll_at":null,"registered_at":null,"trouble":null,"unreadable":true}"#
    );
    let watch: WatchReply = same(watch);
    assert!(watch.unreadable && watch.registered_at.is_none());
}
