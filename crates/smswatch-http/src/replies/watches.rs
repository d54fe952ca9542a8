//! Tells watches, and the story of one message.

use smswatch_api::watches::{
    PartReply, RegisteredReply, RuleVerdictReply, TimelineReply, TriedEventReply, TroubleReply,
    WatchReply,
};
use smswatch_core::{HeldBackBy, Registered, Timeline, TriedEvent, Trouble, WatchView};
use smswatch_model::{Event, Part, Timestamp};
use smswatch_plugin::rules::RuleVerdict;
use smswatch_plugin::store::StoredDelivery;

use super::{delivery, silence};

/// What became of a registration.
pub(crate) fn registered(registered: Registered) -> RegisteredReply {
    RegisteredReply {
        accepted: registered.accepted,
        already_watched: registered.already_watched,
        unreadable: registered.unreadable,
    }
}

/// A watch with what is known of its message's parts.
pub(crate) fn watch(view: WatchView) -> WatchReply {
    WatchReply {
        message_id: view.message_id,
        state: view.state.as_str().into(),
        outcome: view.outcome.as_str().into(),
        tags: view.tags,
        parts: view.parts.into_iter().map(part).collect(),
        next_poll_at: view.next_poll_at,
        registered_at: view.registered_at,
        trouble: view.trouble.map(trouble),
        unreadable: !view.is_readable,
    }
}

fn part(part: Part) -> PartReply {
    PartReply {
        number: part.number,
        status: part.status.to_string(),
        detailed_status: part.detailed_status().map(ToString::to_string),
        date: Timestamp::from_seconds(part.date),
        is_final: part.status.is_final(),
        sms_id: part.sms_id,
    }
}

fn trouble(trouble: Trouble) -> TroubleReply {
    TroubleReply {
        kind: trouble.kind.as_str().to_owned(),
        message: trouble.kind.sentence().to_owned(),
        since: trouble.since,
        polls: trouble.polls,
    }
}

/// All that is known of one message.
pub(crate) fn timeline(
    view: WatchView,
    told: Timeline,
    deliveries: Vec<StoredDelivery>,
    silences: Vec<HeldBackBy>,
) -> TimelineReply<Event> {
    TimelineReply {
        watch: watch(view),
        events: told.events.into_iter().map(tried_event).collect(),
        deliveries: deliveries.into_iter().map(delivery).collect(),
        silences: silences.into_iter().map(silence).collect(),
        unreadable: told.unreadable,
    }
}

fn tried_event(tried: TriedEvent) -> TriedEventReply<Event> {
    TriedEventReply {
        event: tried.event,
        rules: tried.verdicts.into_iter().map(verdict).collect(),
    }
}

/// What a rule makes of an event.
pub(crate) fn verdict(verdict: RuleVerdict) -> RuleVerdictReply {
    RuleVerdictReply {
        rule: verdict.rule,
        fired: verdict.fired,
        other_kind: verdict.is_about_others,
        because: verdict.because,
    }
}
