//! The names of traces and of their spans: hashes of what they are about, so that a trace goes on in whichever process
//! without anything of it being stored.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Event;

/// The name of the trace of one observation of one message, or of an event that is about no message.
///
/// It is derived from what each of its events says, so any process that has one of them knows the trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The name of one step within a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// The trace that an event belongs to. All events of one observation belong to one.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let detected_at = event.detected_at.as_millis().to_be_bytes();
        match &event.message.message_id {
            Some(message) => {
                let message = message.to_lowercase();
                Self(hash([b"trace", message.as_str().as_bytes(), &detected_at]))
            }
            None => Self(hash([
                b"own trace",
                event.event_id.as_str().as_bytes(),
                &detected_at,
            ])),
        }
    }

    /// Its bytes, as OpenTelemetry sends them.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl SpanId {
    /// The step of a trace that has this name, of which the trace has one only.
    #[must_use]
    pub fn of(trace: TraceId, step: &str) -> Self {
        let hash: [u8; 16] = hash([b"span", &trace.0, step.as_bytes()]);
        let [a, b, c, d, e, f, g, h, ..] = hash;
        Self([a, b, c, d, e, f, g, h])
    }

    /// A step that nothing else refers to, by a random number.
    #[must_use]
    pub fn random(number: u64) -> Self {
        // Zero stands for no span at all.
        Self(number.max(1).to_be_bytes())
    }

    /// Its bytes, as OpenTelemetry sends them.
    #[must_use]
    pub fn bytes(self) -> [u8; 8] {
        self.0
    }
}

/// Half of a hash over `inputs`, each set apart from the next.
fn hash(inputs: [&[u8]; 3]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update((input.len() as u64).to_be_bytes());
        hash.update(input);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

macro_rules! shown_in_hex {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    )*};
}

shown_in_hex!(TraceId, SpanId);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(message: Option<&str>, id: &str, detected_at: &str) -> Event {
        let json = json!({
            "event_id": id, "type": "sms.status_changed", "sequence": 1, "source": "poll",
            "time": "2026-05-01T10:28:49Z", "detected_at": detected_at,
            "regression": false, "refined": false, "backfill": false, "late": false, "fault": "none",
            "previous": null, "current": null, "part": {},
            "message": {"provider": "routee", "message_id": message, "outcome": "pending", "part_count": 1,
                "groups": [], "tags": {}},
        });
        serde_json::from_value(json).expect("an event")
    }

    #[test]
    fn events_of_one_observation_are_in_one_trace_and_no_others() {
        let of = |message, id, at| TraceId::of(&event(message, id, at));
        let first = of(Some("m1"), "evt_1", "2026-05-01T10:28:50.101Z");
        assert_eq!(first, of(Some("M1"), "evt_2", "2026-05-01T10:28:50.101Z"));
        assert_ne!(first, of(Some("m2"), "evt_1", "2026-05-01T10:28:50.101Z"));
        assert_ne!(first, of(Some("m1"), "evt_1", "2026-05-01T10:28:50.102Z"));
        let own = of(None, "evt_1", "2026-05-01T10:28:50.101Z");
        assert_ne!(own, of(None, "evt_2", "2026-05-01T10:28:50.101Z"));
        assert_ne!(own, first);
    }

    #[test]
    fn the_steps_of_a_trace_have_names_of_their_own_that_are_the_same_everywhere() {
        let trace = TraceId::of(&event(Some("m1"), "evt_1", "2026-05-01T10:28:50.101Z"));
        assert_eq!(SpanId::of(trace, "route"), SpanId::of(trace, "route"));
        assert_ne!(SpanId::of(trace, "route"), SpanId::of(trace, "commit"));
        assert_eq!(trace.to_string(), TRACE);
        assert_eq!(SpanId::of(trace, "route").to_string().len(), 16);
        assert_ne!(SpanId::random(0).bytes(), [0; 8]);
    }

    /// It must not change from version to version, or a trace would break during an upgrade.
    const TRACE: &str = "f68ac7af3804bc897facc10f28509070";
}
