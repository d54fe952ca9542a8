//! What is ordered of a population, and what it tells.

use serde::{Deserialize, Serialize};

use crate::fate::WeightedFate;
use crate::part::Details;

/// The order to make a population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PopulationSpec {
    /// Its name in admin calls.
    pub name: String,
    /// Ids, numbers and fates follow from the seed and the name.
    pub seed: u64,
    /// How many messages.
    pub count: u64,
    /// When the first one is accepted, in Unix milliseconds; now when not given.
    pub start_ms: Option<i64>,
    /// Message `i` is accepted at `start_ms + spread_ms * i / count`.
    pub spread_ms: u64,
    /// Before its acceptance a message shows its first status instead of 404.
    pub visible_early: bool,
    /// Only the first step comes by itself; the others on command.
    pub hold: bool,
    /// Stretches every delay of the fates.
    pub time_scale: f64,
    /// The fates and their shares; all `stuck` when empty.
    pub fates: Vec<WeightedFate>,
    /// Keeps a byte per message to count the changes that were served.
    pub ledger: bool,
    /// Keeps two bytes per message to count its polls.
    pub count_polls: bool,
    /// Whether the searches find these messages.
    pub listed: bool,
    /// Whether their changes are told at the default URL of the callbacks, at one byte per part.
    pub callbacks: bool,
    /// `from`.
    pub from: String,
    /// `country`.
    pub country: String,
    /// `operator`.
    pub operator: Option<String>,
    /// `label`, the same for all.
    pub label: Option<String>,
    /// `body`, the same for all.
    pub body: String,
    /// `campaignName`, the same for all.
    pub campaign_name: Option<String>,
    /// `campaignTrackingId`, the same for all: they are found as a campaign.
    pub campaign_tracking_id: Option<String>,
}

impl Default for PopulationSpec {
    fn default() -> Self {
        let details = Details::default();
        Self {
            name: "population".to_owned(),
            seed: 1,
            count: 1_000,
            start_ms: None,
            spread_ms: 0,
            visible_early: false,
            hold: false,
            time_scale: 1.0,
            fates: Vec::new(),
            ledger: false,
            count_polls: false,
            listed: true,
            callbacks: true,
            from: details.from,
            country: details.country,
            operator: details.operator,
            label: None,
            body: details.body,
            campaign_name: None,
            campaign_tracking_id: None,
        }
    }
}

/// The command to move messages to their next steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Advance {
    /// The first index.
    pub from: u64,
    /// The index behind the last one; all when not given.
    pub to: Option<u64>,
    /// How many move in a second, in the order of their index; all at once when not given.
    pub per_second: Option<f64>,
    /// How many steps each one moves.
    pub steps: usize,
}

impl Default for Advance {
    fn default() -> Self {
        Self {
            from: 0,
            to: None,
            per_second: None,
            steps: 1,
        }
    }
}

impl Advance {
    /// When message `index`, which must not be before `from`, is moved by a command given at `at_ms`.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "milliseconds of a rate; a float cast saturates"
    )]
    pub(crate) fn moment_ms(&self, index: u64, at_ms: i64) -> i64 {
        let turn = (index - self.from) as f64;
        let delay_ms = self.per_second.map_or(0.0, |rate| turn * 1000.0 / rate);
        at_ms.saturating_add(delay_ms as i64)
    }
}

/// What happened to a population.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationReport {
    /// Its name.
    pub name: String,
    /// How many messages it has.
    pub count: u64,
    /// How many single-tracking requests came for it.
    pub polls: u64,
    /// How many messages were served at least once; with `ledger` only.
    pub messages_served: Option<u64>,
    /// How many of them have been served with a final status in every part; with `ledger` only.
    pub messages_served_final: Option<u64>,
    /// How many changes were served, first sights included; with `ledger` only.
    pub changes_served: Option<u64>,
    /// How many of the changes were first sights of a part; with `ledger` only.
    pub first_sights: Option<u64>,
}
