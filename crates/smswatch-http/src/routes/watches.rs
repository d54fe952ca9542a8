//! `/v1/watches`: adds, shows and removes watches, and tells the story of one message.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use smswatch_api::list::ListReply;
use smswatch_api::watches::{
    RegisteredReply, TimelineReply, WatchReply, WatchRequest, WatchedReply, WatchesQuery,
};
use smswatch_core::{MAX_TAG_BYTES, MAX_TAGS, NewCampaign, NewWatch, Service};
use smswatch_model::{Event, MessageId, Tags};
use smswatch_plugin::store::{DeliveryFilter, PageRequest, StoredDelivery};

use crate::problem::Problem;
use crate::query::{Filter, page};
use crate::replies;
use crate::request::{IdInPath, JsonBody};

/// How many messages one call may add.
const MAX_MESSAGES: usize = 10_000;

/// How many campaigns one call may name.
const MAX_CAMPAIGNS: usize = 100;

/// How many characters a tag's name or value may have.
const MAX_TAG_CHARS: usize = 200;

/// How many deliveries a timeline shows.
const MAX_DELIVERIES: usize = 100;

pub(super) async fn add(
    State(service): State<Service>,
    JsonBody(request): JsonBody<WatchRequest>,
) -> Result<(StatusCode, Json<RegisteredReply>), Problem> {
    let (messages, campaigns) = wanted(request)?;
    let followed = service.follow(campaigns).await?;
    let registered = service.register(messages).await?;
    let mut reply = replies::registered(registered);
    reply.accepted += followed.accepted;
    reply.already_watched += followed.already_watched;
    reply.unreadable.extend(followed.unreadable);
    Ok((StatusCode::ACCEPTED, Json(reply)))
}

pub(super) async fn list(
    State(service): State<Service>,
    Filter(query): Filter<WatchesQuery>,
) -> Result<Json<ListReply<WatchReply>>, Problem> {
    let page = page(query.cursor, query.limit.as_deref())?;
    let watches = service.watches(&page).await?;
    Ok(Json(replies::list(watches, replies::watch)))
}

pub(super) async fn show(
    State(service): State<Service>,
    IdInPath(id): IdInPath<MessageId>,
) -> Result<Json<WatchedReply>, Problem> {
    if let Some(watch) = service.watch(&id).await? {
        return Ok(Json(WatchedReply::Message(replies::watch(watch))));
    }
    let campaign = service.campaign(&id).await?.ok_or_else(not_watched)?;
    Ok(Json(WatchedReply::Campaign(replies::campaign(campaign))))
}

pub(super) async fn remove(
    State(service): State<Service>,
    IdInPath(message_id): IdInPath<MessageId>,
) -> Result<StatusCode, Problem> {
    if service.remove(&message_id).await? || service.unfollow(&message_id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_watched())
    }
}

pub(super) async fn timeline(
    State(service): State<Service>,
    IdInPath(message_id): IdInPath<MessageId>,
) -> Result<Json<TimelineReply<Event>>, Problem> {
    let watch = service.watch(&message_id).await?.ok_or_else(not_watched)?;
    let told = service.timeline(&message_id).await?;
    let filter = DeliveryFilter {
        message_ids: vec![message_id],
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        cursor: None,
        limit: MAX_DELIVERIES,
    };
    let deliveries = service.deliveries(&filter, &page).await?.items;
    let reasons = deliveries.iter().filter_map(StoredDelivery::suppressed_by);
    let silences = service.silences_of(reasons).await?;
    Ok(Json(replies::timeline(watch, told, deliveries, silences)))
}

fn not_watched() -> Problem {
    Problem::not_found("no message or campaign of this id is watched")
}

/// The watches that are asked for, and the campaigns, all of them valid.
fn wanted(request: WatchRequest) -> Result<(Vec<NewWatch>, Vec<NewCampaign>), Problem> {
    let WatchRequest {
        messages,
        campaigns,
    } = request;
    if messages.is_empty() && campaigns.is_empty() {
        return Err(Problem::invalid("`messages`: expected at least one"));
    }
    for (list, count, most) in [
        ("messages", messages.len(), MAX_MESSAGES),
        ("campaigns", campaigns.len(), MAX_CAMPAIGNS),
    ] {
        if count > most {
            return Err(Problem::invalid(format!(
                "`{list}`: {count} are too many for one call, which takes {most}"
            )));
        }
    }
    let messages = messages.into_iter().enumerate().map(|(index, message)| {
        let place = format!("messages[{index}]");
        let (message_id, tags) = (message.message_id, message.tags);
        let message_id = checked(&place, "message_id", &message_id, &tags)?;
        Ok(NewWatch { message_id, tags })
    });
    let campaigns = campaigns.into_iter().enumerate().map(|(index, campaign)| {
        let place = format!("campaigns[{index}]");
        let (tracking_id, tags) = (campaign.tracking_id, campaign.tags);
        let tracking_id = checked(&place, "tracking_id", &tracking_id, &tags)?;
        Ok(NewCampaign { tracking_id, tags })
    });
    let messages: Vec<NewWatch> = messages.collect::<Result<_, Problem>>()?;
    Ok((messages, campaigns.collect::<Result<_, Problem>>()?))
}

/// An id that is one, beside tags that can be.
fn checked(place: &str, name: &str, id: &str, tags: &Tags) -> Result<MessageId, Problem> {
    let problem = |what: String| Problem::invalid(format!("`{place}.{what}"));
    let id = MessageId::new(id).map_err(|error| problem(format!("{name}`: {error}")))?;
    check_tags(tags).map_err(|error| problem(format!("tags`: {error}")))?;
    Ok(id)
}

fn check_tags(tags: &Tags) -> Result<(), String> {
    if tags.len() > MAX_TAGS {
        return Err(format!("there may be {MAX_TAGS} at most"));
    }
    let is_long = |text: &str| text.chars().count() > MAX_TAG_CHARS;
    for (name, value) in tags {
        if name.is_empty() {
            return Err("a tag needs a name".to_owned());
        }
        if is_long(name) || is_long(value) {
            return Err(format!(
                "names and values may have {MAX_TAG_CHARS} characters at most"
            ));
        }
    }
    let bytes: usize = tags
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > MAX_TAG_BYTES {
        return Err(format!(
            "they have {bytes} bytes together; a watch takes {MAX_TAG_BYTES}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(n: usize, value: &str) -> Tags {
        (0..n)
            .map(|n| (format!("tag-{n}"), value.to_owned()))
            .collect()
    }

    #[test]
    fn tags_are_bounded() {
        assert_eq!(check_tags(&tags(50, &"x".repeat(200))), Ok(()));
        assert!(check_tags(&tags(50, &"é".repeat(200))).is_err());
        assert!(check_tags(&tags(51, "")).is_err());
        assert!(check_tags(&tags(1, &"x".repeat(201))).is_err());
        assert!(check_tags(&Tags::from([(String::new(), String::new())])).is_err());
    }
}
