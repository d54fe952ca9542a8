//! `/v1/watches`: adds, shows and removes watches, and tells the story of one message.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use smswatch_api::list::ListReply;
use smswatch_api::problem::ProblemCode;
use smswatch_api::watches::{
    RegisteredReply, TimelineReply, WatchReply, WatchRequest, WatchesQuery,
};
use smswatch_core::{MAX_TAG_BYTES, MAX_TAGS, NewWatch, Service};
use smswatch_model::{Event, MessageId, Tags};
use smswatch_plugin::store::{DeliveryFilter, PageRequest, StoredDelivery};

use crate::problem::Problem;
use crate::query::{Filter, page};
use crate::replies;
use crate::request::{IdInPath, JsonBody};

/// How many messages one call may add.
const MAX_MESSAGES: usize = 10_000;

/// How many characters a tag's name or value may have.
const MAX_TAG_CHARS: usize = 200;

/// How many deliveries a timeline shows.
const MAX_DELIVERIES: usize = 100;

pub(super) async fn add(
    State(service): State<Service>,
    JsonBody(request): JsonBody<WatchRequest>,
) -> Result<(StatusCode, Json<RegisteredReply>), Problem> {
    let registered = service.register(wanted(request)?).await?;
    Ok((StatusCode::ACCEPTED, Json(replies::registered(registered))))
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
    IdInPath(message_id): IdInPath<MessageId>,
) -> Result<Json<WatchReply>, Problem> {
    let watch = service.watch(&message_id).await?.ok_or_else(not_watched)?;
    Ok(Json(replies::watch(watch)))
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
) -> Result<Json<TimelineReply<Event>>, Problem> {
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
    let reasons = deliveries.iter().filter_map(StoredDelivery::suppressed_by);
    let silences = service.silences_of(reasons).await?;
    Ok(Json(replies::timeline(watch, events, deliveries, silences)))
}

fn not_watched() -> Problem {
    Problem::not_found("no message of this id is watched")
}

/// The watches that are asked for, all of them valid.
fn wanted(request: WatchRequest) -> Result<Vec<NewWatch>, Problem> {
    if request.names_campaigns {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            ProblemCode::NotSupported,
            "campaigns cannot be followed yet; name their messages",
        ));
    }
    let messages = request.messages;
    if messages.is_empty() {
        return Err(Problem::invalid("`messages`: expected at least one"));
    }
    if messages.len() > MAX_MESSAGES {
        let n = messages.len();
        return Err(Problem::invalid(format!(
            "`messages`: {n} are too many for one call, which takes {MAX_MESSAGES}"
        )));
    }
    let messages = messages.into_iter().enumerate();
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
