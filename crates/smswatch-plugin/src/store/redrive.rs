//! What goes in and out of a store when ended deliveries are taken up again, or forgotten.

use smswatch_model::Timestamp;

use super::{DeliveryState, Shard};

/// What is done with a delivery that has come to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Redrive {
    /// It is pending again and due at once. It keeps its id, its creation and its attempts; its
    /// retry schedule begins anew, and giving up counts from now.
    Requeue,
    /// It is removed.
    Forget,
}

/// How far a redrive has come, in the store's own words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RedrivePlace(pub String);

/// A redrive of some of the ended deliveries of one sink in one shard, in the order of their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedriveStep {
    /// What is done with them.
    pub action: Redrive,
    /// Where they go.
    pub sink: String,
    /// How far they have come; pending ones have not ended, so none of them is ever found.
    pub state: DeliveryState,
    /// The rule that made them; `None` for any.
    pub rule: Option<String>,
    /// They ended at this instant or later; `None` for any time.
    pub since: Option<Timestamp>,
    /// They ended at this instant or earlier. Deliveries that end again meanwhile are not redriven twice.
    pub until: Timestamp,
    /// Where the step before this one ended; `None` for the first.
    pub after: Option<RedrivePlace>,
    /// How many deliveries are looked at, at least 1.
    pub limit: u32,
}

/// What a redrive step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redriven {
    /// How many deliveries it took up or forgot.
    pub count: u64,
    /// Where the next step goes on; `None` when nothing is left to look at.
    pub next: Option<RedrivePlace>,
}

/// The result of redriving one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedriveOutcome {
    /// It took place.
    Done {
        /// Where the delivery is, or was.
        shard: Shard,
        /// Where it goes.
        sink: String,
    },
    /// It is in another state than those that were asked for.
    Refused(DeliveryState),
    /// There is no such delivery.
    Unknown,
}
