//! The keys of `match`, and what they name in an event.

use std::borrow::Cow;

use smswatch_model::{Event, EventKind};

/// A key of `match` whose value is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Status,
    DetailedStatus,
    PreviousStatus,
    Description,
    Country,
    Operator,
    From,
    To,
    ToKey,
    Label,
    Campaign,
    Application,
    OriginatingService,
    BodyKey,
    Body,
    Groups,
    Direction,
    Source,
    Outcome,
    Fault,
    Tag(String),
}

/// A key of `match` whose value is `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    Final,
    Regression,
    Refined,
    Late,
    FirstSeen,
}

/// A key of `match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MatchKey {
    Text(Field),
    Flag(Flag),
}

/// Every key of `match` except the tags, in the order of the documentation.
pub(crate) const MATCH_KEYS: [(&str, MatchKey); 25] = [
    ("status", MatchKey::Text(Field::Status)),
    ("detailed_status", MatchKey::Text(Field::DetailedStatus)),
    ("previous_status", MatchKey::Text(Field::PreviousStatus)),
    ("description", MatchKey::Text(Field::Description)),
    ("country", MatchKey::Text(Field::Country)),
    ("operator", MatchKey::Text(Field::Operator)),
    ("from", MatchKey::Text(Field::From)),
    ("to", MatchKey::Text(Field::To)),
    ("to_key", MatchKey::Text(Field::ToKey)),
    ("label", MatchKey::Text(Field::Label)),
    ("campaign", MatchKey::Text(Field::Campaign)),
    ("application", MatchKey::Text(Field::Application)),
    (
        "originating_service",
        MatchKey::Text(Field::OriginatingService),
    ),
    ("body_key", MatchKey::Text(Field::BodyKey)),
    ("body", MatchKey::Text(Field::Body)),
    ("groups", MatchKey::Text(Field::Groups)),
    ("direction", MatchKey::Text(Field::Direction)),
    ("source", MatchKey::Text(Field::Source)),
    ("outcome", MatchKey::Text(Field::Outcome)),
    ("final", MatchKey::Flag(Flag::Final)),
    ("regression", MatchKey::Flag(Flag::Regression)),
    ("refined", MatchKey::Flag(Flag::Refined)),
    ("late", MatchKey::Flag(Flag::Late)),
    ("first_seen", MatchKey::Flag(Flag::FirstSeen)),
    ("fault", MatchKey::Text(Field::Fault)),
];

impl MatchKey {
    pub(crate) fn named(name: &str) -> Option<Self> {
        if let Some(tag) = name.strip_prefix("tags.").filter(|tag| !tag.is_empty()) {
            return Some(Self::Text(Field::Tag(tag.to_owned())));
        }
        MATCH_KEYS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, key)| key.clone())
    }
}

impl Field {
    /// Its key in `match`.
    fn key(&self) -> Cow<'static, str> {
        if let Self::Tag(name) = self {
            return format!("tags.{name}").into();
        }
        let known = MATCH_KEYS.iter();
        let named =
            |(_, key): &&(&str, MatchKey)| matches!(key, MatchKey::Text(field) if field == self);
        known
            .into_iter()
            .find(named)
            .map_or("", |(key, _)| key)
            .into()
    }

    /// The key, and the words that an event can have here, if no others are possible.
    pub(crate) fn words(&self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Source => Some(("source", &["poll", "sweep", "callback"])),
            Self::Outcome => Some(("outcome", &["delivered", "failed", "pending"])),
            Self::Fault => Some(("fault", &["sender", "recipient", "carrier", "none"])),
            _ => None,
        }
    }
}

/// An event, as the keys of `match` see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a>(&'a Event);

impl<'a> View<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        Self(event)
    }

    /// The value of a field that has at most one; for `groups` see [`Self::groups`].
    pub(crate) fn text(self, field: &Field) -> Option<&'a str> {
        let event = self.0;
        // An alert is about what its rate has in common.
        if let Some(alert) = &event.alert
            && let Some(value) = alert.by.get(&*field.key())
        {
            return Some(value);
        }
        let current = event.current.as_ref();
        let message = &event.message;
        match field {
            Field::Status => current.map(|current| current.status.as_str()),
            Field::DetailedStatus => current.and_then(|now| now.detailed_status.as_deref()),
            Field::PreviousStatus => event.previous.as_ref().map(|before| before.status.as_str()),
            Field::Description => current.and_then(|now| now.description.as_deref()),
            Field::Country => message.country.as_deref(),
            Field::Operator => message.operator.as_deref(),
            Field::From => message.from.as_deref(),
            Field::To => message.to.as_deref(),
            Field::ToKey => message.to_key.as_deref(),
            Field::Label => message.label.as_deref(),
            Field::Campaign => message.campaign.as_deref(),
            Field::Application => message.application.as_deref(),
            Field::OriginatingService => message.originating_service.as_deref(),
            Field::BodyKey => message.body_key.as_deref(),
            Field::Body => message.body.as_deref(),
            Field::Groups => None,
            Field::Direction => message.direction.as_deref(),
            Field::Source => event.source.map(smswatch_model::Source::as_str),
            Field::Outcome => message.outcome.map(smswatch_model::Outcome::as_str),
            Field::Fault => event.fault.map(smswatch_model::Fault::as_str),
            Field::Tag(name) => message.tags.get(name).map(String::as_str),
        }
    }

    /// The recipient's groups.
    pub(crate) fn groups(self) -> &'a [String] {
        &self.0.message.groups
    }

    /// The keyed hash of the recipient's number.
    pub(crate) fn to_key(self) -> Option<&'a str> {
        self.0.message.to_key.as_deref()
    }

    /// The value of a flag. `None` if the event has no such flag.
    pub(crate) fn flag(self, flag: Flag) -> Option<bool> {
        let event = self.0;
        match flag {
            Flag::Final => event.current.as_ref().map(|current| current.is_final),
            Flag::Regression => Some(event.regression),
            Flag::Refined => Some(event.refined),
            Flag::Late => Some(event.late),
            Flag::FirstSeen => {
                let is_change = event.kind == EventKind::StatusChanged;
                Some(is_change && event.current.is_some() && event.previous.is_none())
            }
        }
    }
}
