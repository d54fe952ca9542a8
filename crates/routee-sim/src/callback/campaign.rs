//! Reports on campaigns as a whole: at every fifth of their messages, or once at the end.

use serde_json::{Value, json};

use super::agenda::Post;
use super::figures::count;
use super::{Callback, Strategy};
use crate::switches::Switches;
use crate::world::World;
use crate::{ids, listing};

/// A campaign that was sent through the simulator.
#[derive(Debug)]
pub(crate) struct Campaign {
    /// What sending it was answered with.
    pub(crate) receipt: Value,
    pub(crate) name: String,
    pub(crate) recipients: usize,
    pub(crate) callback: Option<Callback>,
    /// How many of its messages are final.
    pub(crate) finals: usize,
}

impl Campaign {
    /// How many fifths of the messages are final.
    fn fifths(&self) -> usize {
        5 * self.finals / self.recipients.max(1)
    }
}

/// Counts a message of a campaign that became final; gives the report that is to be sent, if one is.
pub(super) fn report(world: &World, switches: &Switches, id: &str) -> Option<Post> {
    let (callback, name, recipients) = {
        let mut campaigns = world.campaigns();
        let campaign = campaigns.get_mut(id)?;
        let before = campaign.fifths();
        campaign.finals += 1;
        let is_end = campaign.finals == campaign.recipients;
        let fallback = switches
            .callbacks
            .default_callback()
            .filter(|_| switches.callbacks.campaigns);
        let callback = campaign.callback.clone().or(fallback)?;
        let is_wanted = match callback.strategy {
            Strategy::OnChange => campaign.fifths() > before,
            Strategy::OnCompletion => is_end,
        };
        if !is_wanted {
            return None;
        }
        (callback, campaign.name.clone(), campaign.recipients)
    };
    let summary = listing::summary(world, id);
    let body = json!({
        "trackingId": id,
        "name": name,
        "totalRecipients": recipients,
        "campaignStatus": if summary.is_open { "Running" } else { "Finished" },
        "messageStatuses": summary.statuses,
        "callbackInfo": callback,
    });
    let key = ids::mix(world.random());
    count(&world.callbacks.figures.told);
    Post::new(&callback.url, body.to_string().into(), key)
}
