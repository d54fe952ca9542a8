//! One message to Slack.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use slack_morphism::api::SlackApiPostWebhookMessageRequest;
use slack_morphism::errors::SlackClientError;
use slack_morphism::{SlackApiToken, SlackApiTokenValue, SlackClient};
use smswatch_plugin::store::Rate;
use smswatch_sink_kit::{
    ConfiguredSink, DeliveryError, HttpClient, InvalidConfig, Notification, Preview, Probe,
    Receipt, Sink, SinkContext, Url,
};

use crate::answer::explain;
use crate::bot::Bot;
use crate::config::Door;
use crate::connector::BoundedConnector;
use crate::thread::Thread;
use crate::{SlackConfig, SlackOverrides, render};

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

    /// More would keep the channel busy for longer than people read.
    const DIGEST_ABOVE: Option<u32> = Some(20);

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

    fn is_default(&self, key: &str, overrides: &SlackOverrides) -> bool {
        // Slack takes a name with and without its `#`.
        let name = |channel: &str| channel.strip_prefix('#').unwrap_or(channel).to_owned();
        match (key, &self.way) {
            ("mention", _) => overrides.mention.is_empty(),
            ("channel", Way::Bot { channel, .. }) => {
                overrides.channel.as_deref().map(name) == Some(name(channel))
            }
            _ => false,
        }
    }
}

#[async_trait]
impl Sink for SlackSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        self.post(notification, None).await
    }

    async fn deliver_again(
        &self,
        notification: &Notification,
        remembered: &str,
    ) -> Result<Receipt, DeliveryError> {
        self.post(notification, Thread::read(remembered)).await
    }

    fn preview(&self, notification: &Notification) -> Preview {
        let overrides = Self::overrides_of(notification).ok().flatten();
        let overrides = overrides.unwrap_or_default();
        render::preview(&render::content(notification, &overrides.mention, None))
    }

    /// An incoming webhook is not told where its messages stand, so only a bot can find them again.
    fn remembers(&self) -> bool {
        matches!(self.way, Way::Bot { .. })
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
    async fn post(
        &self,
        notification: &Notification,
        thread: Option<Thread>,
    ) -> Result<Receipt, DeliveryError> {
        let overrides = Self::overrides_of(notification)?.unwrap_or_default();
        let told = match &self.way {
            Way::Webhook { url } => self.post_to_webhook(url, notification, &overrides).await,
            Way::Bot { token, channel } => {
                let bot = Bot {
                    client: &self.client,
                    token,
                    channel: overrides.channel.as_ref().unwrap_or(channel),
                    notification,
                    overrides: &overrides,
                };
                bot.deliver(thread).await
            }
        };
        told.map_err(|error| self.explain(error))
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

    fn explain(&self, error: SlackClientError) -> DeliveryError {
        explain(error, self.client.http_api.connector.redactor())
    }
}

fn meant_for(channel: &str) -> String {
    format!("meant for {channel}, but an incoming webhook has its own channel")
}
