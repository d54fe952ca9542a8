//! One row of tracking as Routee writes it: a part of a message, with what holds for the whole of it.
//!
//! Field names and their variants: Routee's pages on tracking and on callbacks, and the clients that
//! are known to work; where they differ, every form is taken.

use serde::de::{IgnoredAny, MapAccess};

use crate::loose::{Fields, Numeric, Object, Text, Texts, clean, documented};
use crate::mend::CUT;

/// One part, and what was told of its message beside it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) sms_id: Text,
    pub(crate) message_id: Text,
    pub(crate) to: Texts,
    pub(crate) from: Text,
    pub(crate) country: Text,
    pub(crate) operator: Text,
    pub(crate) groups: Texts,
    pub(crate) application: Text,
    pub(crate) originating_service: Text,
    pub(crate) body: Text,
    pub(crate) direction: Text,
    pub(crate) part: Numeric,
    pub(crate) parts: Numeric,
    pub(crate) price: Numeric,
    pub(crate) latency: Numeric,
    pub(crate) label: Text,
    pub(crate) campaign: Text,
    pub(crate) campaign_tracking_id: Text,
    pub(crate) status: Object<Status>,
    /// It says that something went wrong, as errors do.
    pub(crate) is_error: bool,
    /// Its end is missing.
    pub(crate) is_cut: bool,
}

/// A status with its date and its reason.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Status {
    pub(crate) status: Text,
    pub(crate) date: Text,
    pub(crate) reason: Object<Reason>,
    /// It stood there as a text instead of an object.
    is_bare: bool,
}

/// Why a part has its status.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Reason {
    pub(crate) detailed_status: Text,
    pub(crate) description: Text,
}

impl Item {
    /// Whether there is a word for its status.
    pub(crate) fn tells_status(&self) -> bool {
        self.status.0.tells()
    }

    const NAMES: &[&str] = &[
        "smsId",
        "messageId",
        "to",
        "from",
        "country",
        "operator",
        "groups",
        "applicationName",
        "originatingService",
        "body",
        "message",
        "direction",
        "part",
        "parts",
        "price",
        "latency",
        "label",
        "campaign",
        "campaignName",
        "campaignTrackingId",
        "status",
        "developerMessage",
        "error",
        CUT,
    ];

    /// Whether this tells a part's status. Errors have a field of that name, too, and so do many other
    /// things: a status in plain text counts only beside something that names a message.
    fn is_part(&self) -> bool {
        let names_a_message = self.sms_id.0.is_some()
            || self.message_id.0.is_some()
            || !self.to.0.is_empty()
            || self.part.0.is_some()
            || self.parts.0.is_some();
        let status = &self.status.0;
        status.tells() && (names_a_message || !status.is_bare)
    }
}

impl Fields for Item {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match documented(name, Self::NAMES) {
            "smsId" => self.sms_id.take(map),
            "messageId" => self.message_id.take(map),
            "to" => self.to.take(map),
            "from" => self.from.take(map),
            "country" => self.country.take(map),
            "operator" => self.operator.take(map),
            "groups" => self.groups.take(map),
            "applicationName" => self.application.take(map),
            "originatingService" => self.originating_service.take(map),
            // Callbacks call it `message`.
            "body" | "message" => self.body.take(map),
            "direction" => self.direction.take(map),
            "part" => self.part.take(map),
            "parts" => self.parts.take(map),
            "price" => self.price.take(map),
            "latency" => self.latency.take(map),
            "label" => self.label.take(map),
            "campaign" | "campaignName" => self.campaign.take(map),
            "campaignTrackingId" => self.campaign_tracking_id.take(map),
            "status" => self.status.take(map),
            "developerMessage" | "error" => {
                let told: Text = map.next_value()?;
                self.is_error |= told.0.is_some();
                Ok(())
            }
            name => {
                self.is_cut |= name == CUT;
                map.next_value::<IgnoredAny>().map(drop)
            }
        }
    }

    fn tells(&self) -> bool {
        self.is_part()
    }
}

impl Fields for Status {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        // Callbacks and failover flows say `name` and `updatedDate`.
        let names = &["status", "name", "date", "updatedDate", "reason"];
        match documented(name, names) {
            "status" | "name" => self.status.take(map),
            "date" | "updatedDate" => self.date.take(map),
            "reason" => self.reason.take(map),
            _ => map.next_value::<IgnoredAny>().map(drop),
        }
    }

    fn text(&mut self, text: &str) {
        self.status = Text(Some(text.to_owned()));
        self.is_bare = true;
    }

    fn tells(&self) -> bool {
        self.status
            .0
            .as_deref()
            .is_some_and(|word| !clean(word).is_empty())
    }
}

impl Fields for Reason {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match documented(name, &["detailedStatus", "description"]) {
            "detailedStatus" => self.detailed_status.take(map),
            "description" => self.description.take(map),
            _ => map.next_value::<IgnoredAny>().map(drop),
        }
    }

    fn text(&mut self, text: &str) {
        self.detailed_status = Text(Some(text.to_owned()));
    }

    fn tells(&self) -> bool {
        self.detailed_status.0.is_some() || self.description.0.is_some()
    }
}
