//! The calls of the API, each with its types.

use serde_json::{Value, json};

use super::{CallError, Client};
use crate::campaigns::CampaignReply;
use crate::deliveries::{DeliveriesQuery, DeliveryReply, QueuedReply};
use crate::events::{EventView, EventsQuery};
use crate::groups::GroupReply;
use crate::health::{ReadyReply, StatusReply};
use crate::list::{ExcerptReply, ListReply};
use crate::rules::RuleReply;
use crate::stats::{StatsQuery, StatsReply};
use crate::watches::{RegisteredReply, TimelineReply, WatchReply, WatchRequest, WatchesQuery};

/// Each of these fails if the service does not answer, does not do it, or answers what this version cannot read.
#[expect(
    clippy::missing_errors_doc,
    reason = "all have the same, which stands above"
)]
impl Client {
    /// Has messages watched. It is safe to repeat.
    pub async fn register(&self, request: &WatchRequest) -> Result<RegisteredReply, CallError> {
        let told = self.post_json(&["v1", "watches"], request).await?;
        self.read(&told)
    }

    /// One message; `None` if no message of this id is watched.
    pub async fn watch(&self, message_id: &str) -> Result<Option<WatchReply>, CallError> {
        let told = self.find_json(&["v1", "watches", message_id], &()).await?;
        let message = told.filter(|told| !is_campaign(told));
        message.map(|told| self.read(&told)).transpose()
    }

    /// One campaign, and how far it is; `None` if no campaign of this id is followed.
    pub async fn campaign(&self, tracking_id: &str) -> Result<Option<CampaignReply>, CallError> {
        let told = self.find_json(&["v1", "watches", tracking_id], &()).await?;
        let campaign = told.filter(is_campaign);
        campaign.map(|told| self.read(&told)).transpose()
    }

    /// A page of the messages that are watched.
    pub async fn watches(&self, query: &WatchesQuery) -> Result<ListReply<WatchReply>, CallError> {
        self.read(&self.get_json(&["v1", "watches"], query).await?)
    }

    /// All that is known of one message; `None` if it is not watched.
    pub async fn timeline(
        &self,
        message_id: &str,
    ) -> Result<Option<TimelineReply<EventView>>, CallError> {
        let path = ["v1", "watches", message_id, "timeline"];
        let told = self.find_json(&path, &()).await?;
        told.map(|told| self.read(&told)).transpose()
    }

    /// Stops watching a message and forgets it; returns whether it was watched.
    pub async fn remove(&self, message_id: &str) -> Result<bool, CallError> {
        self.delete(&["v1", "watches", message_id]).await
    }

    /// A page of events, newest first. [`Client::follow`] tells them as they come.
    pub async fn events(&self, query: &EventsQuery) -> Result<ListReply<EventView>, CallError> {
        self.read(&self.get_json(&["v1", "events"], query).await?)
    }

    /// A page of deliveries.
    pub async fn deliveries(
        &self,
        query: &DeliveriesQuery,
    ) -> Result<ListReply<DeliveryReply>, CallError> {
        self.read(&self.get_json(&["v1", "deliveries"], query).await?)
    }

    /// One delivery with its attempts; `None` if none of this id is kept.
    pub async fn delivery(&self, id: &str) -> Result<Option<DeliveryReply>, CallError> {
        let told = self.find_json(&["v1", "deliveries", id], &()).await?;
        told.map(|told| self.read(&told)).transpose()
    }

    /// Sends a delivery that has ended again; `None` if none of this id is kept.
    pub async fn retry(&self, id: &str) -> Result<Option<QueuedReply>, CallError> {
        let path = ["v1", "deliveries", id, "retry"];
        let told = self.try_post_json(&path, &json!({})).await?;
        told.map(|told| self.read(&told)).transpose()
    }

    /// The messages that are stuck, each as the latest event that told so.
    pub async fn stuck(&self) -> Result<ExcerptReply<EventView>, CallError> {
        self.read(&self.get_json(&["v1", "stuck"], &()).await?)
    }

    /// The groups of events that wait to be told, the earliest first.
    pub async fn groups(&self) -> Result<ExcerptReply<GroupReply>, CallError> {
        self.read(&self.get_json(&["v1", "groups"], &()).await?)
    }

    /// The rules, from top to bottom, and how often each fired of late.
    pub async fn rules(&self) -> Result<ListReply<RuleReply>, CallError> {
        self.read(&self.get_json(&["v1", "rules"], &()).await?)
    }

    /// What became of messages in the last while.
    pub async fn stats(&self, query: &StatsQuery) -> Result<StatsReply, CallError> {
        self.read(&self.get_json(&["v1", "stats"], query).await?)
    }

    /// How the service is, and how much there is of everything.
    pub async fn status(&self) -> Result<StatusReply, CallError> {
        self.read(&self.get_json(&["v1", "status"], &()).await?)
    }

    /// Whether the service does its work; needs no token.
    pub async fn readiness(&self) -> Result<ReadyReply, CallError> {
        self.read(&self.readiness_json().await?)
    }
}

/// Messages and campaigns answer at the same place; only a campaign has an id of this name.
fn is_campaign(told: &Value) -> bool {
    told.get("tracking_id").is_some()
}
