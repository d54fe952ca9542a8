//! `/v1/watches`: adds, shows and removes watches, and tells the story of one message.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use smswatch_core::{MAX_TAG_BYTES, MAX_TAGS, NewWatch, Service};
use smswatch_model::{MessageId, Tags};
use smswatch_plugin::store::{DeliveryFilter, PageRequest};

use crate::problem::Problem;
use crate::query::{Filter, page};
use crate::replies::{
    DeliveryReply, ListReply, RegisteredReply, TimelineReply, TriedEventReply, WatchReply,
};
use crate::request::{IdInPath, JsonBody};

/// How many messages one call may add.
const MAX_MESSAGES: usize = 10_000;

/// How many characters a tag's name or value may have.
const MAX_TAG_CHARS: usize = 200;

/// How many deliveries a timeline shows.
const MAX_DELIVERIES: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `messages`")]
pub(super) struct AddBody {
    #[serde(default)]
    messages: Vec<MessageToAdd>,
    campaigns: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with a `message_id`")]
struct MessageToAdd {
    message_id: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListFilter {
    cursor: Option<String>,
    limit: Option<String>,
}

pub(super) async fn add(
    State(service): State<Service>,
    JsonBody(body): JsonBody<AddBody>,
) -> Result<(StatusCode, Json<RegisteredReply>), Problem> {
    let registered = service.register(body.watches()?).await?;
    Ok((StatusCode::ACCEPTED, Json(registered.into())))
}

pub(super) async fn list(
    State(service): State<Service>,
    Filter(filter): Filter<ListFilter>,
) -> Result<Json<ListReply<WatchReply>>, Problem> {
    let page = page(filter.cursor, filter.limit.as_deref())?;
    Ok(Json(service.watches(&page).await?.into()))
}

pub(super) async fn show(
    State(service): State<Service>,
    IdInPath(message_id): IdInPath<MessageId>,
) -> Result<Json<WatchReply>, Problem> {
    let watch = service.watch(&message_id).await?.ok_or_else(not_watched)?;
    Ok(Json(watch.into()))
}

pub(super) async fn remove(
    State(service): State<Service>,
    IdInPath(message_id): IdInPath<MessageId>,
) -> Result<StatusCode, Problem> {
    if service.remove(&message_id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_watched())
    }
}

pub(super) async fn timeline(
    State(service): State<Service>,
    IdInPath(message_id): IdInPath<MessageId>,
) -> Result<Json<TimelineReply>, Problem> {
    let watch = service.watch(&message_id).await?.ok_or_else(not_watched)?;
    let events = service.timeline(&message_id).await?;
    let filter = DeliveryFilter {
        message_ids: vec![message_id],
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        cursor: None,
        limit: MAX_DELIVERIES,
    };
    let deliveries = service.deliveries(&filter, &page).await?.items;
    Ok(Json(TimelineReply {
        watch: watch.into(),
        events: events.into_iter().map(TriedEventReply::from).collect(),
        deliveries: deliveries.into_iter().map(DeliveryReply::from).collect(),
    }))
}

fn not_watched() -> Problem {
    Problem::not_found("no message of this id is watched")
}

impl AddBody {
    /// The watches that are asked for, all of them valid.
    fn watches(self) -> Result<Vec<NewWatch>, Problem> {
        if self.campaigns.is_some() {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_supported",
                "campaigns cannot be followed yet; name their messages",
            ));
        }
        if self.messages.is_empty() {
            return Err(Problem::invalid("`messages`: at least one is expected"));
        }
        if self.messages.len() > MAX_MESSAGES {
            let n = self.messages.len();
            return Err(Problem::invalid(format!(
                "`messages`: {n} are too many for one call, which takes {MAX_MESSAGES}"
            )));
        }
        let messages = self.messages.into_iter().enumerate();
        messages
            .map(|(index, message)| {
                let problem = |what: String| Problem::invalid(format!("`messages[{index}].{what}"));
                let message_id = MessageId::new(&message.message_id)
                    .map_err(|error| problem(format!("message_id`: {error}")))?;
                check_tags(&message.tags).map_err(|error| problem(format!("tags`: {error}")))?;
                Ok(NewWatch {
                    message_id,
                    tags: message.tags,
                })
            })
            .collect()
    }
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
