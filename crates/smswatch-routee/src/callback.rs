//! What Routee pushes: the status of one part after the other, and reports on what is no message of ours.
//!
//! Field names and shapes: Routee's pages on callbacks of messages, campaigns, failover flows and
//! inbound messages. Nothing of them is signed, so a callback is never more than what the other side
//! of a secret path says.

use serde::de::{IgnoredAny, MapAccess};
use smswatch_plugin::provider::{InvalidPush, Pushed};

use crate::item::Item;
use crate::loose::{Fields, Text, documented};
use crate::messages::Messages;
use crate::rows::{self, Place};

/// Reads the body of a callback, as leniently as an answer to a poll.
///
/// # Errors
///
/// It is no JSON, or JSON that names neither a message nor anything else that Routee pushes.
pub(crate) fn read(body: &[u8]) -> Result<Pushed, InvalidPush> {
    let take = |told: &mut Told, report: Report, place| match place {
        Place::Row => told.take(report),
        Place::AroundRows => {}
    };
    let (told, shape) = rows::read(body, take).map_err(|rows::NoRows| InvalidPush::Format)?;
    let mut pushed = told.pushed;
    if told.messages.is_empty() && pushed == Pushed::default() {
        return Err(InvalidPush::NoMessage);
    }
    pushed.messages = told.messages.into_reports();
    if let Some((_, first)) = pushed.messages.first_mut() {
        first.oddities.answers = u32::from(shape.is_mended);
    }
    Ok(pushed)
}

/// What the reports of one callback told so far.
#[derive(Debug, Default)]
struct Told {
    messages: Messages,
    pushed: Pushed,
}

impl Told {
    fn take(&mut self, report: Report) {
        let Report {
            mut item,
            tracking_id,
            channel,
            ..
        } = report;
        let count = |counter: &mut u32| *counter = counter.saturating_add(1);
        let direction = item.direction.0.as_deref().unwrap_or_default();
        let came_in = report.was_received && !item.tells_status();
        if direction.eq_ignore_ascii_case("Inbound") || came_in {
            return count(&mut self.pushed.inbound);
        }
        if item.message_id.0.is_none() {
            if report.is_campaign {
                return count(&mut self.pushed.campaigns);
            }
            let channel = channel.0.as_deref().unwrap_or("Sms");
            if !channel.eq_ignore_ascii_case("Sms") {
                return count(&mut self.pushed.others);
            }
            // What sending answers as `trackingId` is the id of the message. Alone it could be that of a
            // campaign or a flow as well.
            if item.tells_status() && !item.is_cut {
                item.message_id = tracking_id;
            }
        }
        self.messages.take(item);
    }
}

/// One report: a part of a message with its status, or one of the other things that Routee tells.
#[derive(Debug, Default)]
struct Report {
    item: Item,
    tracking_id: Text,
    /// How the step of a failover flow is sent: `Sms`, `Viber` or `Voice`.
    channel: Text,
    is_campaign: bool,
    was_received: bool,
}

impl Fields for Report {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let names = &[
            "trackingId",
            "type",
            "receivedDate",
            "campaignStatus",
            "messageStatuses",
            "totalRecipients",
        ];
        match documented(name, names) {
            "trackingId" => self.tracking_id.take(map),
            "type" => self.channel.take(map),
            "receivedDate" => is_told(&mut self.was_received, map),
            "campaignStatus" | "messageStatuses" | "totalRecipients" => {
                is_told(&mut self.is_campaign, map)
            }
            name => self.item.field(name, map),
        }
    }

    fn tells(&self) -> bool {
        self.item.tells()
    }
}

/// Notes whether a field has a value, whatever it is.
fn is_told<'de, M: MapAccess<'de>>(told: &mut bool, map: &mut M) -> Result<(), M::Error> {
    let value: Option<IgnoredAny> = map.next_value()?;
    *told |= value.is_some();
    Ok(())
}

#[cfg(test)]
mod tests;
