//! Where the first message of an alert or a group stands, so that what follows is told in its thread.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::errors::SlackClientError;

/// What Slack calls it if there is no such thread any more, or nobody may write in it.
const NO_THREAD: [&str; 12] = [
    "cannot_reply_to_message",
    "channel_is_archived",
    "channel_not_found",
    "invalid_thread_ts",
    "is_archived",
    "message_not_found",
    "not_in_channel",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "thread_not_found",
];

/// The first message of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    /// The channel's id.
    pub(crate) channel: String,
    /// The message's own name there.
    pub(crate) ts: String,
    /// Whether it says that the alert is resolved. If that fires again, it begins another thread.
    #[serde(default)]
    pub(crate) is_over: bool,
    /// The channel as the operator wrote it when the thread began; empty where an earlier version did not keep it.
    #[serde(default)]
    pub(crate) configured: String,
}

impl Thread {
    /// Reads what was remembered; `None` of what another version wrote otherwise.
    pub(crate) fn read(remembered: &str) -> Option<Self> {
        serde_json::from_str(remembered).ok()
    }

    /// Whether it stands in what is still `channel` to the operator.
    pub(crate) fn is_in(&self, channel: &str) -> bool {
        self.configured.is_empty() || self.configured == channel
    }

    /// What is to be remembered.
    pub(crate) fn written(&self) -> String {
        serde_json::to_string(self).expect("texts are JSON")
    }
}

/// What is read of the answer to a bot's message. Little, because a message that was posted must
/// not be posted again for the sake of a field that Slack has changed.
#[derive(Deserialize)]
pub(crate) struct Posted {
    #[serde(default)]
    channel: Value,
    #[serde(default)]
    ts: Value,
}

impl Posted {
    /// The message's name, if Slack tells it.
    pub(crate) fn ts(&self) -> Option<String> {
        match &self.ts {
            Value::String(ts) if is_timestamp(ts) => Some(ts.clone()),
            Value::Number(ts) => Some(ts.to_string()),
            _ => None,
        }
    }

    /// The thread that begins with this message, in what the operator calls `configured`.
    pub(crate) fn thread(&self, configured: &str, is_over: bool) -> Option<Thread> {
        let channel = self.channel.as_str()?;
        let is_id = (1..=32).contains(&channel.len())
            && channel.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_id.then_some(())?;
        Some(Thread {
            channel: channel.to_owned(),
            ts: self.ts()?,
            is_over,
            configured: configured.to_owned(),
        })
    }
}

/// Returns whether `text` names a message, such as `1503435956.000247`, rather than repeats something.
fn is_timestamp(text: &str) -> bool {
    text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The word with which Slack refused, if it did so with a word.
pub(crate) fn word(error: &SlackClientError) -> Option<&str> {
    match error {
        SlackClientError::ApiError(error) => Some(&error.code),
        _ => None,
    }
}

/// Returns whether Slack says that there is no such thread to write in.
pub(crate) fn is_lost(error: &SlackClientError) -> bool {
    word(error).is_some_and(|word| NO_THREAD.contains(&word))
}
