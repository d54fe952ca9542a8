//! One message to Slack.

use std::fmt;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};
use slack_morphism::api::{SlackApiChatPostMessageRequest, SlackApiPostWebhookMessageRequest};
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClient, SlackMessageContent, SlackMessageMetadata,
};
use smswatch_model::{Notification, Overrides};
use smswatch_plugin::Redactor;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, Probe, Receipt, Sink, SinkContext,
};
use url::Url;

use crate::answer::explain;
use crate::config::Door;
use crate::connector::BoundedConnector;
use crate::{SlackConfig, SlackOverrides, render};

/// The `event_type` of the metadata on a bot's messages.
const METADATA_TYPE: &str = "smswatch_notification";

/// Posts notifications to a channel.
pub struct SlackSink {
    client: SlackClient<BoundedConnector>,
    way: Way,
    redactor: Redactor,
}

enum Way {
    Webhook {
        url: Url,
    },
    Bot {
        token: Box<SlackApiToken>,
        channel: String,
    },
}

/// What is read of the answer to a bot's message. Little, because a message that was posted must
/// not be posted again for the sake of a field that Slack has changed.
#[derive(Deserialize)]
struct Posted {
    #[serde(default)]
    ts: Value,
}

impl Posted {
    fn receipt(&self) -> Receipt {
        match &self.ts {
            Value::String(ts) => Receipt::new(format_args!("posted as {ts}")),
            Value::Number(ts) => Receipt::new(format_args!("posted as {ts}")),
            _ => Receipt::new("posted"),
        }
    }
}

impl fmt::Debug for SlackSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("SlackSink");
        match &self.way {
            Way::Webhook { url } => shown.field("webhook", &url.origin().ascii_serialization()),
            Way::Bot { channel, .. } => shown.field("channel", channel),
        };
        shown.finish_non_exhaustive()
    }
}

impl ConfiguredSink for SlackSink {
    type Config = SlackConfig;
    type Overrides = SlackOverrides;

    fn configure(config: SlackConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        let mut redactor = Redactor::default();
        let (way, api_url) = match config.door()? {
            Door::Webhook(url) => {
                redactor.hide_url(url.as_str());
                (Way::Webhook { url: url.clone() }, url)
            }
            Door::Bot {
                token,
                channel,
                api_url,
            } => {
                redactor.hide(token.reveal());
                let value = SlackApiTokenValue(token.reveal().to_owned());
                let token = Box::new(SlackApiToken::new(value));
                (Way::Bot { token, channel }, api_url)
            }
        };
        let connector = BoundedConnector::new(api_url, &context.proxy, &context.user_agent)
            .map_err(InvalidConfig::new)?;
        Ok(Self {
            client: SlackClient::new(connector),
            way,
            redactor,
        })
    }

    fn check_overrides(&self, overrides: &SlackOverrides) -> Result<(), InvalidConfig> {
        overrides.check(matches!(self.way, Way::Bot { .. }))
    }
}

#[async_trait]
impl Sink for SlackSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let overrides = overrides(&notification.overrides)?;
        let posted = match &self.way {
            Way::Webhook { url } => {
                // The alert matters more than the channel: it goes where the webhook goes, and
                // says where it was meant to go.
                let note = overrides.channel.as_deref().map(meant_for);
                let content = render::content(notification, &overrides.mention, note.as_deref());
                let request = SlackApiPostWebhookMessageRequest::new(content);
                let posted = self.client.post_webhook_message(url, &request).await;
                posted.map(|_| Receipt::new("posted"))
            }
            Way::Bot { token, channel } => {
                let channel = overrides.channel.as_ref().unwrap_or(channel);
                let content = SlackMessageContent {
                    metadata: Some(metadata(notification)),
                    ..render::content(notification, &overrides.mention, None)
                };
                let request = SlackApiChatPostMessageRequest::new(channel.as_str().into(), content)
                    .with_unfurl_links(false)
                    .with_unfurl_media(false);
                let session = self.client.open_session(token);
                let posted: Result<Posted, _> = session
                    .http_session_api
                    .http_post("chat.postMessage", &request, None)
                    .await;
                posted.map(|posted| posted.receipt())
            }
        };
        posted.map_err(|error| explain(error, &self.redactor))
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let answered = match &self.way {
            Way::Webhook { url } => {
                let reached = self.client.http_api.connector.reach(url).await;
                reached.map(|()| "Slack answers; whether it knows the webhook shows when it posts")
            }
            Way::Bot { token, .. } => {
                let session = self.client.open_session(token);
                let accepted: Result<Value, _> = session
                    .http_session_api
                    .http_post("auth.test", &Value::Object(Map::new()), None)
                    .await;
                accepted.map(|_| "Slack accepts the token")
            }
        };
        match answered {
            Ok(said) => Ok(Probe::Answered(said.to_owned())),
            Err(error) => Err(explain(error, &self.redactor)),
        }
    }
}

/// The overrides of the notification's rule.
fn overrides(overrides: &Overrides) -> Result<SlackOverrides, DeliveryError> {
    if overrides.is_empty() {
        return Ok(SlackOverrides::default());
    }
    serde_json::from_value(Value::Object(overrides.clone())).map_err(|error| {
        DeliveryError::permanent("the rule's overrides make no sense").because(error)
    })
}

fn meant_for(channel: &str) -> String {
    format!("meant for {channel}, but an incoming webhook has its own channel")
}

/// What lets a program recognize a repeated message.
fn metadata(notification: &Notification) -> SlackMessageMetadata {
    let payload = [
        ("delivery_id", notification.delivery_id.as_str()),
        ("notification_id", notification.notification_id.as_str()),
        ("rule", notification.rule.as_str()),
    ];
    SlackMessageMetadata::new(METADATA_TYPE.to_owned()).with_event_payload(
        payload
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    )
}
