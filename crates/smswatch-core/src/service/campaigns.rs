//! Follows campaigns, shows them, and stops following them.

use smswatch_model::{CampaignSummary, MessageFacts, MessageId, Tags, Timestamp};

use super::Service;
use super::cursors::{self, List};
use super::error::ServiceError;
use crate::campaign::{Campaign, KIND, State};
use crate::record::WatchState;
use crate::store::{KeptRecord, Page, PageRequest, RecordChange, StoreError};

/// How often a change is tried when others change the campaign meanwhile.
const TRIES: u32 = 10;

/// A campaign to be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCampaign {
    /// The id that the provider gave it.
    pub tracking_id: MessageId,
    /// The labels that the watches of its messages get.
    pub tags: Tags,
}

/// What became of a registration of campaigns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Followed {
    /// How many are followed that were not before, or no longer.
    pub accepted: u64,
    /// How many were followed already, and have gained the tags.
    pub already_watched: u64,
    /// Those for which nothing was done: this version cannot read what is stored of them, which is left to the version
    /// that wrote it.
    pub unreadable: Vec<MessageId>,
}

/// A campaign as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignView {
    /// The id that the provider gave it.
    pub tracking_id: MessageId,
    /// What state it is in.
    pub state: WatchState,
    /// The labels that the watches of its messages get.
    pub tags: Tags,
    /// How it does; `None` until its pages were had for the first time.
    pub summary: Option<CampaignSummary>,
    /// Why its pages could not be had.
    pub trouble: Option<String>,
    /// When they are asked for next; `None` when they are not.
    pub next_poll_at: Option<Timestamp>,
    /// When it was registered; `None` if it cannot be read.
    pub registered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether this version can read it. If it cannot, only its id is known.
    pub is_readable: bool,
}

impl CampaignView {
    /// Shows what is stored of a campaign that was asked for as `tracking_id`.
    fn of(tracking_id: MessageId, record: &KeptRecord) -> Self {
        match Campaign::decode(record) {
            Some(campaign) => Self::new(campaign, record.due),
            None => Self {
                tracking_id,
                state: WatchState::Watching,
                tags: Tags::new(),
                summary: None,
                trouble: None,
                next_poll_at: None,
                registered_at: None,
                ended_at: None,
                is_readable: false,
            },
        }
    }

    fn new(campaign: Campaign, due: Option<Timestamp>) -> Self {
        let wants_pages = campaign.wants_pages();
        Self {
            tracking_id: campaign.spelled,
            state: match campaign.state {
                State::Watching => WatchState::Watching,
                State::Final => WatchState::Final,
                State::GaveUp => WatchState::GaveUp,
                State::NotFound => WatchState::NotFound,
            },
            tags: campaign.tags,
            summary: campaign.summary,
            trouble: campaign.trouble,
            next_poll_at: due.filter(|_| wants_pages),
            registered_at: Some(campaign.registered_at),
            ended_at: campaign.ended_at,
            is_readable: true,
        }
    }
}

impl Service {
    /// Follows campaigns, and every message in them; all of them are stored when this returns.
    ///
    /// # Errors
    ///
    /// The store did not take all of them. Asking again does no harm.
    pub async fn follow(&self, campaigns: Vec<NewCampaign>) -> Result<Followed, ServiceError> {
        let mut followed = Followed::default();
        for NewCampaign { tracking_id, tags } in campaigns {
            let masked = self.context.privacy.tags(&tags, &MessageFacts::default());
            let tags = masked.unwrap_or(tags);
            match self.follow_one(&tracking_id, &tags).await {
                Ok(true) => followed.accepted += 1,
                Ok(false) => followed.already_watched += 1,
                Err(ServiceError::Unreadable) => followed.unreadable.push(tracking_id),
                Err(error) => return Err(error),
            }
        }
        Ok(followed)
    }

    /// Follows a campaign; returns whether it was not followed before.
    async fn follow_one(&self, tracking_id: &MessageId, tags: &Tags) -> Result<bool, ServiceError> {
        let now = self.context.clock.now();
        for _ in 0..TRIES {
            let known = self.campaign_record(tracking_id).await?;
            let before = known.as_ref().map(readable).transpose()?;
            let (campaign, due, is_new) = match before {
                Some(mut campaign) if campaign.state == State::Watching => {
                    let has_all = tags
                        .iter()
                        .all(|(name, value)| campaign.tags.get(name) == Some(value));
                    if has_all {
                        return Ok(false);
                    }
                    campaign.tags.extend(tags.clone());
                    let due = known.as_ref().and_then(|known| known.due).unwrap_or(now);
                    (campaign, due, false)
                }
                _ => {
                    let new = Campaign::new(tracking_id.clone(), tags.clone(), now);
                    (new, now, true)
                }
            };
            let expected = known.map(|known| known.version);
            if self
                .put_campaign(tracking_id, expected, Some((&campaign, due)))
                .await?
            {
                return Ok(is_new);
            }
        }
        Err(contended())
    }

    /// Shows one campaign. Of one that this version cannot read, no more than its id is known.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn campaign(
        &self,
        tracking_id: &MessageId,
    ) -> Result<Option<CampaignView>, ServiceError> {
        let record = self.campaign_record(tracking_id).await?;
        Ok(record.map(|record| CampaignView::of(tracking_id.clone(), &record)))
    }

    /// Pages through all campaigns, in no promised order.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn campaigns(&self, page: &PageRequest) -> Result<Page<CampaignView>, ServiceError> {
        let page = cursors::unseal(&self.context.privacy, List::Campaigns, page)?;
        let records = self.context.store.records(KIND, &page);
        let records = self.context.call("records", records).await?;
        let items = records.items.iter().filter_map(|record| {
            let tracking_id = MessageId::new(record.id.as_str()).ok()?;
            Some(CampaignView::of(tracking_id, record))
        });
        let page = Page {
            items: items.collect(),
            next: records.next,
        };
        Ok(cursors::seal(&self.context.privacy, List::Campaigns, page))
    }

    /// Follows a campaign no longer; its messages are watched on. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// The store did not do it, or this version cannot read the campaign, which is left to the version that wrote it.
    pub async fn unfollow(&self, tracking_id: &MessageId) -> Result<bool, ServiceError> {
        for _ in 0..TRIES {
            let Some(record) = self.campaign_record(tracking_id).await? else {
                return Ok(false);
            };
            let _campaign = readable(&record)?;
            if self
                .put_campaign(tracking_id, Some(record.version), None)
                .await?
            {
                return Ok(true);
            }
        }
        Err(contended())
    }

    async fn campaign_record(
        &self,
        tracking_id: &MessageId,
    ) -> Result<Option<KeptRecord>, StoreError> {
        let key = tracking_id.to_lowercase();
        let ids = [Campaign::record_id(&key)];
        let load = self
            .context
            .store
            .load_records(self.context.shard_of_key(&key), KIND, &ids);
        Ok(self
            .context
            .call("load_records", load)
            .await?
            .pop()
            .flatten())
    }

    async fn put_campaign(
        &self,
        tracking_id: &MessageId,
        expected: Option<u64>,
        campaign: Option<(&Campaign, Timestamp)>,
    ) -> Result<bool, StoreError> {
        let key = tracking_id.to_lowercase();
        let shard = self.context.shard_of_key(&key);
        let change = RecordChange {
            kind: KIND,
            id: Campaign::record_id(&key),
            expected,
            record: campaign.map(|(campaign, due)| campaign.record(due)),
        };
        let commit = [change.into()];
        let commit = self.context.store.commit_records(shard, &commit);
        let committed = self.context.call("commit_records", commit).await?;
        let is_done = committed.done == [true];
        if let (true, Some((_, due))) = (is_done, campaign) {
            self.campaigns.hint(usize::from(shard.0), due);
        }
        Ok(is_done)
    }
}

fn readable(record: &KeptRecord) -> Result<Campaign, ServiceError> {
    Campaign::decode(record).ok_or(ServiceError::Unreadable)
}

fn contended() -> ServiceError {
    let why = "others change this campaign all the time".to_owned();
    StoreError::Unavailable(why).into()
}
