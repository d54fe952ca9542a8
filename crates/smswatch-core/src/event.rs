//! Makes events of what was found out about a message.

use std::time::Duration;

use serde_json::Number;
use smswatch_model::{
    About, Alert, AlertState, Change, CurrentStatus, Event, EventId, EventKind, Fault, Message,
    MessageFacts, MessageId, Part, PartFacts, PartReport, PreviousStatus, Repeated, Snapshot,
    Source, StatusAt, Tags, Timestamp, Word, change_event_id, deadline_event_id, derived_event_id,
    unknown_status_event_id,
};

use crate::campaign::Campaign;
use crate::privacy::Privacy;
use crate::settings::WatchSettings;

/// What every event of one observation of one message shares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announcer<'a> {
    pub(crate) provider: &'a str,
    pub(crate) privacy: &'a Privacy,
    pub(crate) settings: &'a WatchSettings,
    pub(crate) message_id: &'a MessageId,
    pub(crate) facts: &'a MessageFacts,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) tags: &'a Tags,
    pub(crate) detected_at: Timestamp,
}

impl Announcer<'_> {
    /// The event of a change; `sequence` is its number among the message's.
    pub(crate) fn change(&self, change: Change, source: Source, sequence: u64) -> Event {
        let current = &change.current;
        let fault = Some(self.fault(current));
        let description = change
            .description
            .map(|description| self.privacy.text(&description, self.facts));
        let event_id =
            change_event_id(self.message_id, &change.sms_id, current, change.regressions);
        Event {
            sequence,
            source: Some(source),
            regression: change.regression,
            refined: change.refined,
            fault,
            previous: change.previous.as_ref().map(PreviousStatus::from),
            current: Some(CurrentStatus::new(current, description)),
            part: PartFacts {
                sms_id: Some(change.sms_id),
                number: change.number,
                price: self.figure(change.price),
                latency: self.figure(change.latency),
            },
            ..self.bare(event_id, EventKind::StatusChanged, current.date)
        }
    }

    /// The event that something did not happen until `deadline`.
    pub(crate) fn deadline(&self, kind: EventKind, deadline: Timestamp, sequence: u64) -> Event {
        let event_id = deadline_event_id(self.message_id, kind, deadline);
        Event {
            sequence,
            ..self.bare(event_id, kind, deadline)
        }
    }

    /// An event of the message that tells no status.
    fn bare(&self, event_id: EventId, kind: EventKind, time: Timestamp) -> Event {
        Event {
            detected_at: self.detected_at,
            late: self.is_late(time),
            ..Event::bare(event_id, kind, time, self.message())
        }
    }

    /// The event that the message has no final status `after` seconds after it was registered, or that it
    /// still has none. It tells the last known status of `open`, a part that is not final.
    pub(crate) fn stuck(
        &self,
        after: u64,
        repeated: Option<Repeated>,
        registered_at: Timestamp,
        open: Option<&Part>,
        sequence: u64,
    ) -> Event {
        let first = registered_at + Duration::from_secs(after);
        let deadline = first + Duration::from_secs(repeated.map_or(0, Repeated::seconds));
        let status = open.map(Part::status_at);
        let fault = status.as_ref().map(|status| self.fault(status));
        let current = status.map(|status| CurrentStatus::new(&status, None));
        let part = open.map(|part| PartFacts {
            sms_id: Some(part.sms_id.clone()),
            number: part.number,
            ..PartFacts::default()
        });
        Event {
            fault,
            current,
            part: part.unwrap_or_default(),
            after: Some(after),
            repeated,
            event_id: match repeated {
                None => deadline_event_id(self.message_id, EventKind::Stuck, deadline),
                Some(Repeated { every, times }) => {
                    let message = self.message_id.to_lowercase();
                    let subject = format!("{message}\0{after}\0{every}");
                    derived_event_id(&subject, EventKind::Stuck, deadline, times)
                }
            },
            ..self.deadline(EventKind::Stuck, deadline, sequence)
        }
    }

    /// The event that the status of `part` is one that the provider does not document.
    pub(crate) fn unknown_status(&self, part: &PartReport, source: Source) -> Event {
        let status = StatusAt {
            status: part.status.clone(),
            detailed_status: part.detailed_status.clone(),
            date: part.date.unwrap_or(self.detected_at),
        };
        let description = part.description.as_deref();
        let description = description.map(|text| self.privacy.text(text, self.facts));
        Event {
            event_id: unknown_status_event_id(&part.status),
            source: Some(source),
            fault: Some(self.fault(&status)),
            current: Some(CurrentStatus::new(&status, description)),
            part: PartFacts {
                sms_id: Some(part.sms_id.clone()),
                number: part.number,
                ..PartFacts::default()
            },
            ..self.deadline(EventKind::UnknownStatus, status.date, 0)
        }
    }

    /// Who can act on a status.
    fn fault(&self, status: &StatusAt) -> Fault {
        let detail = status.detailed_status.as_ref().map(Word::as_str);
        self.settings.faults.of(status.status.as_str(), detail)
    }

    /// A figure of the provider, unless it is a number of the message's people.
    fn figure(&self, figure: Option<Number>) -> Option<Number> {
        figure.filter(|figure| {
            let written = figure.to_string();
            self.privacy.text(&written, self.facts) == written
        })
    }

    fn is_late(&self, time: Timestamp) -> bool {
        self.detected_at.since(time) > self.settings.late_after
    }

    fn message(&self) -> Message {
        let facts = self.facts;
        let people = self.privacy.people(facts);
        let text = |text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| self.privacy.text(text, facts))
        };
        Message {
            message_id: Some(self.message_id.clone()),
            outcome: Some(self.snapshot.outcome()),
            part_count: Some(self.snapshot.part_count()).filter(|count| *count > 0),
            from: people.from,
            to: people.to,
            to_key: people.to_key,
            country: text(&facts.country),
            operator: text(&facts.operator),
            label: text(&facts.label),
            campaign: text(&facts.campaign),
            application: text(&facts.application),
            originating_service: text(&facts.originating_service),
            body_key: facts.body.as_ref().map(|body| self.privacy.text_key(body)),
            body: self.privacy.body(facts),
            groups: facts
                .groups
                .iter()
                .map(|group| self.privacy.text(group, facts))
                .collect(),
            direction: text(&facts.direction),
            tags: self.tags.clone(),
            ..Message::unknown(self.provider)
        }
    }
}

/// The event of a sink test; `n` tells one test from the next.
pub(crate) fn test_event(provider: &str, sink: &str, now: Timestamp, n: u64) -> Event {
    Event {
        about: None,
        ..own_event(EventKind::Test, sink, String::new(), provider, now, n)
    }
}

/// The event that something happened at `now` to smswatch itself: to `about`, which is a sink or the
/// provider. `text` says what was seen of it, and `n` tells one event of a moment from the next.
pub(crate) fn own_event(
    kind: EventKind,
    about: &str,
    text: String,
    provider: &str,
    now: Timestamp,
    n: u64,
) -> Event {
    let event_id = derived_event_id(about, kind, now, n);
    Event {
        about: Some(About {
            name: about.to_owned(),
            description: Some(text).filter(|text| !text.is_empty()),
            destination: None,
            campaign: None,
        }),
        ..Event::bare(event_id, kind, now, Message::unknown(provider))
    }
}

/// The event that a campaign has ended, or that it is not followed any longer.
pub(crate) fn campaign_event(campaign: &Campaign, provider: &str, now: Timestamp) -> Event {
    let summary = campaign.summary.clone();
    let name = summary.as_ref().and_then(|summary| summary.name.clone());
    let kind = EventKind::CampaignFinished;
    let key = campaign.spelled.to_lowercase();
    let message = Message {
        // The word that its messages have, so that one matcher finds both; where they have none, what it was registered as.
        campaign: Some(name.clone().unwrap_or_else(|| campaign.spelled.to_string())),
        tags: campaign.tags.clone(),
        ..Message::unknown(provider)
    };
    let about = About {
        name: name.unwrap_or_else(|| campaign.spelled.to_string()),
        description: campaign.trouble.clone(),
        destination: None,
        campaign: summary.map(Box::new),
    };
    let earlier_ends = campaign.ends.saturating_sub(1);
    Event {
        // One that is registered again later ends again.
        event_id: derived_event_id(key.as_str(), kind, campaign.registered_at, earlier_ends),
        message,
        about: Some(about),
        ..own_event(kind, key.as_str(), String::new(), provider, now, 0)
    }
}

/// The event that the alert of a `rule` fires, still fires, or is resolved; `subject` names the rate.
pub(crate) fn alert_event(
    rule: &str,
    subject: &str,
    alert: Alert,
    repeated: Option<Repeated>,
    provider: &str,
    now: Timestamp,
) -> Event {
    let kind = match alert.state {
        AlertState::Firing => EventKind::AlertFiring,
        AlertState::Resolved => EventKind::AlertResolved,
    };
    let n = repeated.map_or(0, |repeated| repeated.times);
    let text = format!("{}, over {}", alert.figures(), alert.window);
    Event {
        event_id: derived_event_id(subject, kind, alert.started_at, n),
        alert: Some(alert),
        repeated,
        ..own_event(kind, rule, text, provider, now, 0)
    }
}
