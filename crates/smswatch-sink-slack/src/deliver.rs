//! One message to Slack.

use std::fmt;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};
use slack_morphism::api::{SlackApiChatPostMessageRequest, SlackApiPostWebhookMessageRequest};
use slack_morphism::errors::SlackClientError;
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClient, SlackMessageContent, SlackMessageMetadata,
};
use smswatch_sink_kit::{
    ConfiguredSink, DeliveryError, HttpClient, InvalidConfig, Notification, Probe, Receipt, Sink,
    SinkContext, Url,
};

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
            Value::String(ts) if is_timestamp(ts) => Receipt::new(format_args!("posted as {ts}")),
            Value::Number(ts) => Receipt::new(format_args!("posted as {ts}")),
            _ => Receipt::new("posted"),
        }
    }
}

/// Whether `text` names a message, such as `1503435956.000247`, rather than repeats something.
fn is_timestamp(text: &str) -> bool {
    text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
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
        let (way, http) = match config.door()? {
            Door::Webhook(url) => {
                let http = HttpClient::to("webhook_url", url.as_str(), context);
                (Way::Webhook { url }, http)
            }
            Door::Bot {
                token,
                channel,
                api_url,
            } => {
                let http = HttpClient::to("api_url", api_url.as_str(), context);
                let http = http.bearer("bot_token", &token);
                let value = SlackApiTokenValue(token.reveal().to_owned());
                let token = Box::new(SlackApiToken::new(value));
                (Way::Bot { token, channel }, http)
            }
        };
        // Slack is where the operator says: the URL comes from nobody else.
        let connector = BoundedConnector::new(http.allow_private(true).build()?);
        Ok(Self {
            client: SlackClient::new(connector),
            way,
        })
    }

    fn check_overrides(&self, overrides: &SlackOverrides) -> Result<(), InvalidConfig> {
        overrides.check(matches!(self.way, Way::Bot { .. }))
    }
}

#[async_trait]
impl Sink for SlackSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let overrides = Self::overrides_of(notification)?.unwrap_or_default();
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
        posted.map_err(|error| self.explain(error))
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let answered = match &self.way {
            Way::Webhook { .. } => {
                let reached = self.client.http_api.connector.reach().await;
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
            Err(error) => Err(self.explain(error)),
        }
    }
}

impl SlackSink {
    fn explain(&self, error: SlackClientError) -> DeliveryError {
        explain(error, self.client.http_api.connector.redactor())
    }
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
