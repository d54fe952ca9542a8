//! What happens to smswatch itself, in plain words: what is wrong, since when, and who can act.

use smswatch_model::{About, Event, EventKind, plain_instant, plain_word};

use super::campaign;
use super::people::provider;
use crate::duration::plain_duration;

/// What happened, in one line. `None` if it happened to messages.
pub(super) fn title(events: &[&Event]) -> Option<String> {
    let first = events.first()?;
    let provider = provider(&first.message);
    let title = match first.kind {
        EventKind::StatusChanged
        | EventKind::Stuck
        | EventKind::NotFound
        | EventKind::GaveUp
        | EventKind::UnknownStatus => {
            return None;
        }
        EventKind::CampaignFinished => campaign::title(first),
        EventKind::AlertFiring => {
            let still = if first.repeated.is_some() {
                "Still firing: "
            } else {
                ""
            };
            format!("{still}{}{}", alert_of(first), group_of(first))
        }
        EventKind::AlertResolved => {
            format!("Resolved: {}{}", alert_of(first), group_of(first))
        }
        EventKind::SinkDown => match names(events).as_slice() {
            [name] => format!("Sink {name} is down"),
            names => format!("Sinks are down: {}", names.join(", ")),
        },
        EventKind::SinkRecovered => match names(events).as_slice() {
            [name] => format!("Sink {name} works again"),
            names => format!("Sinks work again: {}", names.join(", ")),
        },
        EventKind::DeadLetter => {
            format!(
                "Dead letters for {}: alerts were given up",
                names(events).join(", ")
            )
        }
        EventKind::ProviderDown => match calls(first) {
            Some(calls) => {
                format!(
                    "{provider} gives no usable answers for {calls}: some status changes are not seen"
                )
            }
            None => format!("{provider} gives no usable answers: status changes are not seen"),
        },
        EventKind::ProviderAuthFailed => match calls(first) {
            Some(calls) => {
                format!("{provider} refuses requests for {calls}: some status changes are not seen")
            }
            None => format!("{provider} refuses the credentials: status changes are not seen"),
        },
        EventKind::PollingBehind => "Polling is behind: alerts come late".to_owned(),
        EventKind::CallbacksSilent => {
            format!("No more callbacks from {provider}: alerts come later")
        }
        EventKind::Test => "Test: this is what an alert looks like".to_owned(),
    };
    Some(title)
}

/// What happened, in a few lines. `None` if it happened to messages.
pub(super) fn text(events: &[&Event]) -> Option<String> {
    let first = events.first()?;
    let provider = provider(&first.message);
    let advice = match first.kind {
        EventKind::StatusChanged
        | EventKind::Stuck
        | EventKind::UnknownStatus
        | EventKind::NotFound
        | EventKind::GaveUp => return None,
        EventKind::CampaignFinished => {
            let campaigns: Vec<String> = events.iter().map(|event| campaign::text(event)).collect();
            return Some(campaigns.join("\n\n"));
        }
        EventKind::AlertFiring | EventKind::AlertResolved => {
            let lines: Vec<String> = events.iter().map(|event| measured(event)).collect();
            return Some(lines.join("\n"));
        }
        EventKind::SinkDown => match &sinks(events)[..] {
            [sink] => format!(
                "Its deliveries wait until it works again. Check the receiver; then `smswatch sink resume {sink}` \
                 tries it at once."
            ),
            _ => "Their deliveries wait until they work again. Check the receivers; then `smswatch sink resume NAME` \
                  tries one at once."
                .to_owned(),
        },
        EventKind::SinkRecovered => "The deliveries that waited are being sent.".to_owned(),
        EventKind::DeadLetter => {
            let (which, all) = match &sinks(events)[..] {
                [sink] => (format!(" --sink {sink}"), format!(" --sink {sink}")),
                _ => (String::new(), " --all".to_owned()),
            };
            format!(
                "They are kept. `smswatch dead list{which}` shows why each was given up; \
                 `smswatch dead retry{all}` sends them again."
            )
        }
        EventKind::ProviderDown => format!(
            "Once {provider} answers again, smswatch reports what changed meanwhile, with the original \
             dates. Check {provider}'s status page and your network."
        ),
        EventKind::ProviderAuthFailed => {
            "Once the credentials are accepted, smswatch reports what changed meanwhile. Check \
             `routee.application_id` and `routee.application_secret`."
                .to_owned()
        }
        EventKind::PollingBehind => {
            "If the line above names the store or the event log, check the store. Otherwise there are more \
             messages than can be polled in time: raise `routee.requests_per_second` if the account allows it, \
             or make `watch.schedule` slower."
                .to_owned()
        }
        EventKind::CallbacksSilent => format!(
            "Polls find the changes meanwhile, some seconds to minutes later. Check that {provider} can reach the \
             callback's address: the firewall, the load balancer, its certificate, and the secret at the end of \
             the URL."
        ),
        EventKind::Test => {
            return Some(
                "Someone is testing whether alerts arrive here. No message is affected."
                    .to_owned(),
            );
        }
    };
    let mut lines: Vec<String> = events.iter().flat_map(|event| happened(event)).collect();
    lines.push(advice);
    Some(lines.join("\n"))
}

/// A rule that measures, and what it measured: `undelivered-rate: 17 of 42, 40.5 %`.
fn alert_of(event: &Event) -> String {
    let name = event.about.as_ref().map_or_else(|| "?".to_owned(), name);
    match &event.alert {
        Some(alert) => format!("{name}: {}", alert.figures()),
        None => name,
    }
}

/// What the measured events share: ` (country GR, operator Example Mobile)`.
fn group_of(event: &Event) -> String {
    let by = event.alert.iter().flat_map(|alert| &alert.by);
    let values: Vec<String> = by
        .map(|(key, value)| match value.as_str() {
            "" => format!("no {key}"),
            value => format!("{key} {}", plain_word(value)),
        })
        .collect();
    if values.is_empty() {
        String::new()
    } else {
        format!(" ({})", values.join(", "))
    }
}

/// What a rate measured, in which window, and since when: the text of its alert.
fn measured(event: &Event) -> String {
    let Some(alert) = &event.alert else {
        return alert_of(event);
    };
    let (figures, window) = (alert.figures(), &alert.window);
    let usual = alert.usual.map(|usual| format!(", usually {usual:.1} %"));
    let usual = usual.unwrap_or_default();
    let began = plain_instant(alert.started_at);
    let what = match alert.ended_at {
        None => format!(
            "{figures}, over {window}{usual}{}\nFiring since {began}",
            group_of(event)
        ),
        Some(_) if alert.total == 0 => {
            format!(
                "Nothing came any more in the last {window}{}",
                group_of(event)
            )
        }
        Some(_) => format!("{figures}, over {window}{usual}{}", group_of(event)),
    };
    let what = match alert.ended_at {
        None => what,
        Some(ended_at) => {
            let lasted = plain_duration(ended_at.since(alert.started_at));
            format!("{what}\nIt fired from {began}, for {lasted}")
        }
    };
    match alert.held_back {
        0 => what,
        1 => format!("{what}\nMeanwhile 1 event was held back"),
        count => format!("{what}\nMeanwhile {count} events were held back"),
    }
}

/// What happened to one thing, since when, and what was seen of it.
fn happened(event: &Event) -> Vec<String> {
    let provider = provider(&event.message);
    let name = event.about.as_ref().map_or_else(|| "?".to_owned(), name);
    let about = event.about.as_ref();
    let description = about.and_then(|about| about.description.as_deref());
    let description = description.map(plain_word);
    let began = plain_instant(event.time);
    let what = match event.kind {
        EventKind::SinkRecovered => {
            let was = description.map_or_else(String::new, |was| format!("; {was}"));
            return vec![format!(
                "{name} accepts deliveries again since {began}{was}."
            )];
        }
        EventKind::DeadLetter => {
            let count = description.unwrap_or_else(|| "deliveries".to_owned());
            return vec![format!("Given up for {name} since {began}: {count}")];
        }
        EventKind::SinkDown => format!("Deliveries to {name} have failed"),
        EventKind::ProviderDown => match calls(event) {
            Some(calls) => format!("Every request for {calls} has failed, and others are answered"),
            None => format!("Every poll of {provider} has failed"),
        },
        EventKind::ProviderAuthFailed => match calls(event) {
            Some(calls) => {
                format!("{provider} has refused every request for {calls}, and answers others")
            }
            None => format!("{provider} has refused every poll"),
        },
        EventKind::CallbacksSilent => {
            format!("Messages of {provider} have become final without a callback")
        }
        _ => "Polls have started too late".to_owned(),
    };
    let mut line = format!("{what} since {began}");
    let lasted = event.detected_at.since(event.time);
    if lasted.as_secs() > 0 {
        line.push_str(&format!(", for {} now", plain_duration(lasted)));
    }
    line.push('.');
    let description = description.map(|description| format!("Last seen: {description}"));
    std::iter::once(line).chain(description).collect()
}

/// The requests that alone fail: for single messages, or for pages of messages.
fn calls(event: &Event) -> Option<String> {
    let about = event.about.as_ref()?;
    about.destination.as_deref().map(plain_word)
}

/// The sinks that the events are about, each once, as a command names them.
fn sinks<'a>(events: &[&'a Event]) -> Vec<&'a str> {
    let mut sinks: Vec<&str> = Vec::new();
    for about in events.iter().filter_map(|event| event.about.as_ref()) {
        if !sinks.contains(&about.name.as_str()) {
            sinks.push(&about.name);
        }
    }
    sinks
}

/// The names of what the events are about, each once.
fn names(events: &[&Event]) -> Vec<String> {
    let mut names = Vec::new();
    for about in events.iter().filter_map(|event| event.about.as_ref()) {
        let name = name(about);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What an event is about: a sink's name, with the destination where it is that alone.
fn name(about: &About) -> String {
    match &about.destination {
        Some(destination) => format!("{} ({})", plain_word(&about.name), plain_word(destination)),
        None => plain_word(&about.name),
    }
}
