//! Plays a scenario through the engine's own decisions and the rules of a configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use smswatch_core::Privacy;
use smswatch_core::rehearsal::{Rehearsal, Rehearsed};
use smswatch_core::settings::WatchSettings;
use smswatch_plugin::model::{
    EventKind, MessageFacts, MessageId, MessageText, PartReport, PhoneNumber, SmsId, Tags,
    Timestamp, Word,
};
use smswatch_plugin::rules::Rules;

use super::scenario::{Given, MessageSection, OwnEvent, PartSection, Scenario};

/// When a scenario begins: noon on 1 January 2026, UTC, unless it says something else.
pub(super) fn begin(scenario: &Scenario) -> Timestamp {
    let said = scenario.begin.as_deref();
    // The file was refused if this is no moment.
    let said = said.and_then(|said| said.parse().ok());
    said.unwrap_or(Timestamp::from_seconds(1_767_268_800))
}

/// The message of a scenario that names none.
const ONLY_MESSAGE: &str = "m-1";

/// Which rules a scenario is played with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) rules: &'a dyn Rules,
    pub(super) settings: &'a WatchSettings,
    pub(super) privacy: &'a Privacy,
}

/// All notifications of a scenario, in order.
pub(super) fn play(stage: &Stage<'_>, scenario: &Scenario) -> Vec<Rehearsed> {
    let Stage {
        rules,
        settings,
        privacy,
    } = *stage;
    let begin = begin(scenario);
    let mut rehearsal = Rehearsal::new(rules, settings, privacy, "routee", begin);
    let mut messages: BTreeMap<MessageId, MessageFacts> = BTreeMap::new();
    let mut current = MessageId::new(ONLY_MESSAGE).expect("visible ASCII");
    for given in &scenario.given {
        let at = given.at.duration();
        rehearsal.pass(begin + at);
        if let Some(event) = given.event {
            let about = given.about.as_deref().unwrap_or("routee");
            rehearsal.happen(event.kind(), about, "");
            continue;
        }
        let message = given.message.as_ref();
        let named = message.and_then(|message| message.message_id.as_deref());
        // The file was refused if this is no id.
        if let Some(named) = named.and_then(|named| MessageId::new(named).ok()) {
            current = named;
        }
        let facts = messages.entry(current.clone()).or_default();
        let tags = message
            .map(|message| message.tags.clone())
            .unwrap_or_default();
        let tags: Tags = tags.into_iter().collect();
        if let Some(message) = message {
            learn(facts, message);
        }
        let parts = parts(given, begin);
        let count = parts.iter().filter_map(|part| part.number).max();
        facts.part_count = facts.part_count.max(count);
        for message in alike(&current, given.times) {
            rehearsal.register(&message, tags.clone());
            if !parts.is_empty() {
                rehearsal.see(&message, facts.clone(), parts.clone());
            }
        }
    }
    rehearsal.pass(begin + end(scenario));
    rehearsal.made()
}

/// The messages that a step is about.
fn alike(message: &MessageId, times: Option<u32>) -> Vec<MessageId> {
    let Some(times) = times else {
        return vec![message.clone()];
    };
    let numbered = |number| MessageId::new(format!("{message}-{number}"));
    (1..=times)
        .filter_map(|number| numbered(number).ok())
        .collect()
}

/// Until when the time passes: what is expected may come late, as far as that is allowed.
fn end(scenario: &Scenario) -> Duration {
    if let Some(until) = scenario.until {
        return until.duration();
    }
    let given = scenario.given.iter().map(|given| given.at.duration());
    let expected = scenario.expect.iter().filter_map(|expected| expected.at);
    let expected = expected.map(|at| at.duration() + lateness(at.duration()));
    given.chain(expected).max().unwrap_or_default()
}

/// How late something may come, by when it is expected after the beginning.
pub(super) fn lateness(at: Duration) -> Duration {
    (at / 64).max(Duration::from_secs(1))
}

/// Takes in what is said of a message.
fn learn(facts: &mut MessageFacts, message: &MessageSection) {
    let said = [
        (&mut facts.from, &message.from),
        (&mut facts.country, &message.country),
        (&mut facts.operator, &message.operator),
        (&mut facts.label, &message.label),
        (&mut facts.campaign, &message.campaign),
        (&mut facts.application, &message.application),
        (&mut facts.originating_service, &message.originating_service),
        (&mut facts.direction, &message.direction),
    ];
    for (fact, said) in said {
        if said.is_some() {
            fact.clone_from(said);
        }
    }
    if let Some(to) = &message.to {
        facts.to = Some(PhoneNumber::new(to));
    }
    if let Some(body) = &message.body {
        facts.body = Some(MessageText::new(body));
    }
    if let Some(groups) = &message.groups {
        facts.groups.clone_from(groups);
    }
    facts.part_count = facts.part_count.max(message.part_count);
}

/// What a poll tells of the parts.
fn parts(given: &Given, begin: Timestamp) -> Vec<PartReport> {
    let report = |part: &PartSection| PartReport {
        sms_id: SmsId::new(format!("part-{}", part.number)).expect("visible ASCII"),
        number: Some(part.number),
        status: Word::new(&part.status),
        detailed_status: part.detailed_status.as_deref().map(Word::new),
        description: part.description.clone(),
        date: Some(begin + part.happened_at.unwrap_or(given.at).duration()),
        price: part.price.clone(),
        latency: part.latency.clone(),
    };
    match (&given.parts, &given.status) {
        (Some(parts), _) => parts.iter().map(report).collect(),
        (None, Some(status)) => vec![report(&PartSection {
            number: 1,
            status: status.clone(),
            detailed_status: given.detailed_status.clone(),
            description: given.description.clone(),
            happened_at: given.happened_at,
            price: given.price.clone(),
            latency: given.latency.clone(),
        })],
        (None, None) => Vec::new(),
    }
}

impl OwnEvent {
    fn kind(self) -> EventKind {
        match self {
            Self::SinkDown => EventKind::SinkDown,
            Self::SinkRecovered => EventKind::SinkRecovered,
            Self::DeadLetter => EventKind::DeadLetter,
            Self::ProviderDown => EventKind::ProviderDown,
            Self::ProviderAuthFailed => EventKind::ProviderAuthFailed,
            Self::PollingBehind => EventKind::PollingBehind,
            Self::CallbacksSilent => EventKind::CallbacksSilent,
        }
    }
}
