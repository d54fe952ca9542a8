//! One message to Slack.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use slack_morphism::api::{
    SlackApiChatPostMessageRequest, SlackApiChatUpdateRequest, SlackApiPostWebhookMessageRequest,
};
use slack_morphism::errors::SlackClientError;
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClient, SlackMessageContent, SlackMessageMetadata,
};
use smswatch_model::{Notification, Overrides};
use smswatch_plugin::Redactor;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, Probe, Receipt, Sink, SinkContext,
};
use smswatch_plugin::store::Rate;
use url::Url;

use crate::answer::explain;
use crate::config::Door;
use crate::connector::BoundedConnector;
use crate::thread::{self, Posted, Thread};
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

    /// Slack takes one message a second for a channel, and refuses what comes faster.
    const RATE: Option<Rate> = Some(Rate {
        permits: 1,
        per: Duration::from_secs(1),
    });

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
        self.tell(notification, None).await
    }

    async fn deliver_again(
        &self,
        notification: &Notification,
        remembered: &str,
    ) -> Result<Receipt, DeliveryError> {
        self.tell(notification, Thread::read(remembered)).await
    }

    /// An incoming webhook is not told where its messages stand, so only a bot can find them again.
    fn remembers(&self) -> bool {
        matches!(self.way, Way::Bot { .. })
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

impl SlackSink {
    async fn tell(
        &self,
        notification: &Notification,
        thread: Option<Thread>,
    ) -> Result<Receipt, DeliveryError> {
        let overrides = overrides(&notification.overrides)?;
        let told = match &self.way {
            Way::Webhook { url } => self.post_to_webhook(url, notification, &overrides).await,
            Way::Bot { token, channel } => {
                let bot = Bot {
                    sink: self,
                    token,
                    channel: overrides.channel.as_ref().unwrap_or(channel),
                    notification,
                    overrides: &overrides,
                };
                bot.tell(thread).await
            }
        };
        told.map_err(|error| explain(error, &self.redactor))
    }

    async fn post_to_webhook(
        &self,
        url: &Url,
        notification: &Notification,
        overrides: &SlackOverrides,
    ) -> Result<Receipt, SlackClientError> {
        // The alert matters more than the channel: it goes where the webhook goes, and
        // says where it was meant to go.
        let note = overrides.channel.as_deref().map(meant_for);
        let content = render::content(notification, &overrides.mention, note.as_deref());
        let request = SlackApiPostWebhookMessageRequest::new(content);
        let posted = self.client.post_webhook_message(url, &request).await;
        posted.map(|_| Receipt::new("posted"))
    }
}

/// A notification that a bot tells.
struct Bot<'a> {
    sink: &'a SlackSink,
    token: &'a SlackApiToken,
    channel: &'a str,
    notification: &'a Notification,
    overrides: &'a SlackOverrides,
}

impl Bot<'_> {
    /// Tells it in the thread of what was told before, or begins one.
    async fn tell(&self, thread: Option<Thread>) -> Result<Receipt, SlackClientError> {
        let is_resolved = self.notification.is_resolved();
        let Some(thread) = thread.filter(|thread| is_resolved || !thread.is_over) else {
            return self.begin().await;
        };
        let mut note = String::new();
        if is_resolved {
            // First what can be done twice without harm.
            match self.change(&thread).await {
                Ok(()) => {}
                Err(error) if thread::is_lost(&error) => return self.begin().await,
                Err(error) => match thread::word(&error) {
                    // The news matters more than the looks of the first message.
                    Some(word) => note = format!("; the first message stays as it is: {word}"),
                    None => return Err(error),
                },
            }
        }
        // What is not over yet is shown in the channel, too: it may be hours since the first message.
        let reply = self
            .request(&thread.channel)
            .with_thread_ts(thread.ts.clone().into())
            .with_reply_broadcast(!is_resolved);
        match self.post(&reply).await {
            Ok(posted) => {
                let (posted, first) = (named(&posted), &thread.ts);
                let receipt = Receipt::new(format_args!("{posted} in the thread of {first}{note}"));
                Ok(match is_resolved {
                    true => receipt.remember(
                        Thread {
                            is_over: true,
                            ..thread
                        }
                        .written(),
                    ),
                    false => receipt,
                })
            }
            Err(error) if thread::is_lost(&error) => self.begin().await,
            Err(error) => Err(error),
        }
    }

    /// Posts it to the channel; what follows is told in the thread of this message.
    async fn begin(&self) -> Result<Receipt, SlackClientError> {
        let posted = self.post(&self.request(self.channel)).await?;
        let receipt = Receipt::new(named(&posted));
        Ok(match posted.thread(self.notification.is_resolved()) {
            Some(thread) => receipt.remember(thread.written()),
            None => receipt,
        })
    }

    /// Has the first message of the thread say what is the case now.
    async fn change(&self, thread: &Thread) -> Result<(), SlackClientError> {
        // Whoever is mentioned is notified by the reply.
        let content = SlackMessageContent {
            metadata: Some(metadata(self.notification)),
            ..render::content(self.notification, &[], None)
        };
        let (channel, ts) = (thread.channel.clone().into(), thread.ts.clone().into());
        let request = SlackApiChatUpdateRequest::new(channel, content, ts);
        let session = self.sink.client.open_session(self.token);
        let changed: Result<Value, _> = session
            .http_session_api
            .http_post("chat.update", &request, None)
            .await;
        changed.map(drop)
    }

    fn request(&self, channel: &str) -> SlackApiChatPostMessageRequest {
        let content = SlackMessageContent {
            metadata: Some(metadata(self.notification)),
            ..render::content(self.notification, &self.overrides.mention, None)
        };
        SlackApiChatPostMessageRequest::new(channel.into(), content)
            .with_unfurl_links(false)
            .with_unfurl_media(false)
    }

    async fn post(
        &self,
        request: &SlackApiChatPostMessageRequest,
    ) -> Result<Posted, SlackClientError> {
        let session = self.sink.client.open_session(self.token);
        let api = &session.http_session_api;
        api.http_post("chat.postMessage", request, None).await
    }
}

/// What an attempt says of a message that was posted.
fn named(posted: &Posted) -> String {
    match posted.ts() {
        Some(ts) => format!("posted as {ts}"),
        None => "posted".to_owned(),
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
