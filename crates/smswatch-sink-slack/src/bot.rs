//! What a bot tells: in the thread of what was told before, or as the first of one.

use serde_json::Value;
use slack_morphism::api::{SlackApiChatPostMessageRequest, SlackApiChatUpdateRequest};
use slack_morphism::errors::SlackClientError;
use slack_morphism::{SlackApiToken, SlackClient, SlackMessageContent, SlackMessageMetadata};
use smswatch_sink_kit::{Notification, Receipt};

use crate::connector::BoundedConnector;
use crate::thread::{self, Posted, Thread};
use crate::{SlackOverrides, answer, render};

/// The `event_type` of the metadata on a bot's messages.
const METADATA_TYPE: &str = "smswatch_notification";

/// A notification that a bot tells.
pub(crate) struct Bot<'a> {
    pub(crate) client: &'a SlackClient<BoundedConnector>,
    pub(crate) token: &'a SlackApiToken,
    /// Where it posts what stands in no thread yet.
    pub(crate) channel: &'a str,
    pub(crate) notification: &'a Notification,
    pub(crate) overrides: &'a SlackOverrides,
}

impl Bot<'_> {
    /// Tells it in the thread of what was told before, or begins one.
    pub(crate) async fn deliver(
        &self,
        thread: Option<Thread>,
    ) -> Result<Receipt, SlackClientError> {
        let is_resolved = self.notification.is_resolved();
        let goes_on =
            |thread: &Thread| thread.is_in(self.channel) && (is_resolved || !thread.is_over);
        let Some(thread) = thread.filter(goes_on) else {
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
                    Some(word) => {
                        let word = answer::named(word, self.client.http_api.connector.redactor());
                        note = format!("; the first message stays as it is: {word}");
                    }
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
        Ok(
            match posted.thread(self.channel, self.notification.is_resolved()) {
                Some(thread) => receipt.remember(thread.written()),
                None => receipt,
            },
        )
    }

    /// Has the first message of the thread say what is the case now.
    async fn change(&self, thread: &Thread) -> Result<(), SlackClientError> {
        // People who are mentioned are notified by the reply.
        let content = SlackMessageContent {
            metadata: Some(metadata(self.notification)),
            ..render::content(self.notification, &[], None)
        };
        let (channel, ts) = (thread.channel.clone().into(), thread.ts.clone().into());
        let request = SlackApiChatUpdateRequest::new(channel, content, ts);
        let session = self.client.open_session(self.token);
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
        let session = self.client.open_session(self.token);
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
