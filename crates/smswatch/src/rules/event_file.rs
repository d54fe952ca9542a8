//! Reads events as people have them at hand: one of a payload's `events`, a whole payload, a page of
//! the API, the output of `smswatch events --json`, or a few fields written by hand.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use smswatch_core::Privacy;
use smswatch_plugin::model::{
    Event, EventId, EventKind, Fault, FaultTable, MessageId, PhoneNumber, SmsId, Timestamp, Word,
};
use smswatch_rules::did_you_mean;

use crate::report::WrongUsage;

/// Where an event lies in what people paste, outermost first.
const WRAPPERS: [&str; 4] = ["data", "items", "events", "event"];

/// When an event happened that does not say when.
const NOON: &str = "2026-01-01T12:00:00Z";

/// How much is read; a page of the API is far smaller.
const MAX_BYTES: u64 = 16 << 20;

/// The events of a file, and what to say about fields that are ignored.
#[derive(Debug)]
pub(super) struct EventFile {
    pub(super) events: Vec<Event>,
    pub(super) remarks: Vec<String>,
}

/// Reads `file`; `-` is standard input.
///
/// # Errors
///
/// It cannot be read, is not JSON, or holds no event.
pub(super) fn read(
    file: &Path,
    privacy: &Privacy,
    faults: &FaultTable,
) -> Result<EventFile, WrongUsage> {
    let is_stdin = file.as_os_str() == "-";
    let name = match is_stdin {
        true => "standard input".to_owned(),
        false => format!("`{}`", file.display()),
    };
    let mut text = Vec::new();
    let read = match is_stdin {
        true => std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut text),
        false => std::fs::File::open(file)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text)),
    };
    read.map_err(|error| WrongUsage::new(format!("could not read {name}: {error}")))?;
    if text.len() as u64 > MAX_BYTES {
        let megabytes = MAX_BYTES >> 20;
        return Err(WrongUsage::new(format!(
            "{name} has more than {megabytes} MB"
        )));
    }
    parse(&String::from_utf8_lossy(&text), privacy, faults)
        .map_err(|what| WrongUsage::new(format!("{name}: {what}")))
}

fn parse(text: &str, privacy: &Privacy, faults: &FaultTable) -> Result<EventFile, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut found = EventFile {
        events: Vec::new(),
        remarks: Vec::new(),
    };
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.map_err(|error| format!("this is not JSON: {error}"))?;
        found.take(value, privacy, faults)?;
    }
    if found.events.is_empty() {
        return Err(
            "no event found; expected the body of a webhook, or one entry of its `data.events`"
                .to_owned(),
        );
    }
    Ok(found)
}

impl EventFile {
    fn take(&mut self, value: Value, privacy: &Privacy, faults: &FaultTable) -> Result<(), String> {
        match value {
            Value::Array(items) => items
                .into_iter()
                .try_for_each(|item| self.take(item, privacy, faults)),
            Value::Object(mut fields) => {
                let wrapper = WRAPPERS
                    .into_iter()
                    .find(|name| fields.get(*name).is_some_and(is_container));
                match wrapper {
                    Some(name) => {
                        self.take(fields.remove(name).unwrap_or_default(), privacy, faults)
                    }
                    None => self.event(fields, privacy, faults),
                }
            }
            other => Err(format!("expected an event, found {}", kind_of(&other))),
        }
    }

    fn event(
        &mut self,
        given: Map<String, Value>,
        privacy: &Privacy,
        faults: &FaultTable,
    ) -> Result<(), String> {
        let kind = kind(&given)?;
        let mut whole = blank(kind);
        self.lay_over(&mut whole, given, "")?;
        complete(&mut whole, privacy, faults);
        let event = serde_json::from_value(whole)
            .map_err(|error| format!("this is not an event: {error}"))?;
        self.events.push(event);
        Ok(())
    }

    /// Puts the fields that were given over those of a blank event, of which nothing is known.
    fn lay_over(
        &mut self,
        blank: &mut Value,
        given: Map<String, Value>,
        path: &str,
    ) -> Result<(), String> {
        let Some(known) = blank.as_object_mut() else {
            return Ok(());
        };
        let names: Vec<String> = known.keys().cloned().collect();
        for (name, value) in given {
            let Some(place) = known.get_mut(&name) else {
                let mut remark = format!("`{path}{name}` is ignored: events have no such field");
                let meant = did_you_mean(&name, names.iter().map(String::as_str));
                if let Some(meant) = meant {
                    remark.push_str(&format!("; did you mean `{path}{meant}`?"));
                }
                self.remarks.push(remark);
                continue;
            };
            let path = format!("{path}{name}");
            match value {
                Value::Null if NULLABLE.contains(&path.as_str()) => *place = Value::Null,
                // What is not known of an event of this kind keeps its stand-in.
                Value::Null => {}
                Value::Object(fields) if place.is_object() && !is_open(&path) => {
                    self.lay_over(place, fields, &format!("{path}."))?;
                }
                value => {
                    check(&path, &value)?;
                    *place = value;
                }
            }
        }
        Ok(())
    }
}

/// What a whole event may have as null although the blank one has something there.
const NULLABLE: [&str; 4] = ["previous", "current", "about", "part.sms_id"];

/// Whether its keys are the user's own.
fn is_open(path: &str) -> bool {
    path == "message.tags"
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// Refuses what can be no such field, in words that name it.
fn check(path: &str, value: &Value) -> Result<(), String> {
    let wanted = match path {
        "time" | "detected_at" | "current.date" | "previous.date" => "a date and time",
        "regression" | "refined" | "backfill" | "late" | "current.final" => "true or false",
        "after" | "sequence" | "part.number" | "message.part_count" => "a whole number",
        "part.price" | "part.latency" => "a number",
        "message.groups" => "a list of texts",
        "message.tags" => "an object of texts",
        "previous" | "current" | "part" | "message" | "about" | "alert" => "an object",
        _ => "text",
    };
    let is_right = match (wanted, value) {
        ("true or false", Value::Bool(_)) | ("a number", Value::Number(_)) => true,
        ("a whole number", value) => value.is_u64(),
        ("a list of texts", Value::Array(items)) => items.iter().all(Value::is_string),
        ("an object of texts", Value::Object(fields)) => fields.values().all(Value::is_string),
        ("a date and time", Value::String(text)) => text.parse::<Timestamp>().is_ok(),
        ("text", Value::String(_)) => true,
        _ => false,
    };
    match is_right {
        true => Ok(()),
        false => Err(format!(
            "`{path}` must be {wanted}{}, and is {}",
            if wanted == "a date and time" {
                " such as `2026-05-01T10:28:49Z`"
            } else {
                ""
            },
            kind_of(value)
        )),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The kind of an event; a change of status unless it says otherwise.
fn kind(given: &Map<String, Value>) -> Result<EventKind, String> {
    let name = match given.get("type") {
        None | Some(Value::Null) => {
            let known = ["current", "message", "previous", "event_id", "about"];
            if known.iter().any(|key| given.contains_key(*key)) {
                return Ok(EventKind::StatusChanged);
            }
            let what = "this is not an event: it has no `type`, `message` or `current`";
            return Err(what.to_owned());
        }
        Some(Value::String(name)) => name,
        Some(other) => return Err(format!("`type` must be text, and is {}", kind_of(other))),
    };
    EventKind::named(name).ok_or_else(|| {
        let known = EventKind::ALL.map(EventKind::as_str);
        match did_you_mean(name, known) {
            Some(word) => format!("unknown type `{name}`; did you mean `{word}`?"),
            None => format!(
                "unknown type `{name}`; expected one of: {}",
                known.join(", ")
            ),
        }
    })
}

/// An event of this kind of which nothing else is known.
fn blank(kind: EventKind) -> Value {
    let is_change = kind == EventKind::StatusChanged;
    let current = json!({
        "status": "", "detailed_status": null, "description": null, "date": NOON, "final": null,
    });
    let previous = json!({ "status": "", "detailed_status": null, "date": NOON });
    let about = json!({ "name": "", "description": null, "destination": null });
    json!({
        "event_id": "", "type": kind.as_str(), "sequence": 1,
        "source": is_change.then_some("poll"), "time": null, "detected_at": null,
        "regression": false, "refined": false, "refines": null, "backfill": false, "late": false,
        "fault": null, "previous": previous, "current": current, "after": null, "alert": null,
        "part": {"sms_id": "", "number": null, "price": null, "latency": null},
        "message": {
            "provider": "routee", "message_id": "", "outcome": "pending",
            "part_count": 1, "from": null, "to": null, "to_key": null, "country": null,
            "operator": null, "label": null, "campaign": null, "application": null,
            "originating_service": null, "body_key": null, "body": null, "groups": [],
            "direction": null, "tags": {},
        },
        "about": about,
    })
}

/// Fills in what follows from the rest, and takes out what was not given.
fn complete(event: &mut Value, privacy: &Privacy, faults: &FaultTable) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for part in ["previous", "current"] {
        if text(&event[part]["status"]).is_empty() {
            event[part] = Value::Null;
        }
    }
    if text(&event["about"]["name"]).is_empty() {
        event["about"] = Value::Null;
    }
    if !event["current"].is_null() {
        let status = text(&event["current"]["status"]);
        let detail = event["current"]["detailed_status"].as_str();
        let detail = detail.filter(|detail| !detail.eq_ignore_ascii_case(&status));
        let said = detail.and_then(|detail| faults.named(detail));
        let fault = faults.of(&status, detail);
        event["current"]["detailed_status"] = json!(detail);
        // What the operator says today holds for an event of yesterday, too.
        if event["fault"].is_null() || said.or_else(|| faults.named(&status)) == Some(fault) {
            event["fault"] = json!(fault);
        }
        if event["current"]["final"].is_null() {
            event["current"]["final"] = json!(Word::new(&status).is_final());
        }
    }
    if event["fault"].is_null() {
        event["fault"] = json!(Fault::None);
    }
    let date = match &event["current"]["date"] {
        Value::String(date) => date.clone(),
        _ => NOON.to_owned(),
    };
    for at in ["time", "detected_at"] {
        if event[at].is_null() {
            event[at] = json!(date);
        }
    }
    // Ids decide nothing here. A stand-in takes the place of what is no id, such as `evt_…`.
    if EventId::new(text(&event["event_id"])).is_err() {
        event["event_id"] = json!("evt_0");
    }
    if SmsId::new(text(&event["part"]["sms_id"])).is_err() {
        event["part"]["sms_id"] = Value::Null;
    }
    if MessageId::new(text(&event["message"]["message_id"])).is_err() {
        event["message"]["message_id"] = Value::Null;
    }
    // Events carry a keyed hash of the number, which is not written by hand.
    let to = text(&event["message"]["to"]);
    if event["message"]["to_key"].is_null() && !to.is_empty() && !to.contains('*') {
        event["message"]["to_key"] = json!(privacy.number_key(&PhoneNumber::new(&to)));
    }
}
